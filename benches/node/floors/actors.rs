//! The usual way in this stack: `actix-web-actors`, an actor for each socket, and a message to each of them for each event. It keeps
//! no log, checks nobody, and says the same to whatever it hears.

use super::route::WORKERS;
use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, Recipient, StreamHandler};
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use actix_web_actors::ws;
use bytestring::ByteString;

/// Everybody in the one channel.
struct Room {
    members: Vec<Recipient<Event>>,
    event: ByteString,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Join(Recipient<Event>);

#[derive(Message)]
#[rtype(result = "()")]
struct Say;

#[derive(Clone, Message)]
#[rtype(result = "()")]
struct Event(ByteString);

impl Actor for Room {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(10_000);
    }
}

impl Handler<Join> for Room {
    type Result = ();

    fn handle(&mut self, Join(member): Join, _: &mut Self::Context) {
        self.members.push(member);
    }
}

impl Handler<Say> for Room {
    type Result = ();

    fn handle(&mut self, Say: Say, _: &mut Self::Context) {
        self.members.iter().for_each(|member| member.do_send(Event(self.event.clone())));
    }
}

struct Socket {
    room: Addr<Room>,
}

impl Actor for Socket {
    type Context = ws::WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.room.do_send(Join(ctx.address().recipient()));
    }
}

impl Handler<Event> for Socket {
    type Result = ();

    fn handle(&mut self, Event(text): Event, ctx: &mut Self::Context) {
        ctx.text(text);
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for Socket {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Text(_)) => self.room.do_send(Say),
            Ok(ws::Message::Ping(payload)) => ctx.pong(&payload),
            Ok(ws::Message::Close(_)) | Err(_) => ctx.stop(),
            Ok(_) => {}
        }
    }
}

async fn open(request: HttpRequest, payload: Payload, room: Data<Addr<Room>>) -> actix_web::Result<HttpResponse> {
    ws::start(Socket { room: room.get_ref().clone() }, &request, payload)
}

/// Serves `arguments`: how many bytes a frame with the event has.
pub fn serve(arguments: &[String]) {
    let [frame_bytes] = arguments else { panic!("floor actors <bytes of a frame>") };
    let frame_bytes: usize = frame_bytes.parse().expect("a number");
    let header_bytes = if frame_bytes < 128 { 2 } else { 4 };
    let event = ByteString::from("x".repeat(frame_bytes - header_bytes));
    actix_web::rt::System::new().block_on(async move {
        let room = Data::new(Room { members: Vec::new(), event }.start());
        let app = move || App::new().app_data(room.clone()).default_service(web::to(open));
        let server = HttpServer::new(app).workers(WORKERS).bind(("127.0.0.1", 0)).expect("a free port");
        println!("ready {}", server.addrs()[0]);
        server.run().await.expect("it serves");
    });
}
