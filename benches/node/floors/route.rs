//! A bare actix-web route: no middleware, nothing looked up, nothing encoded; it answers the bytes that it was given.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};

/// As many as the node has in these measurements.
pub const WORKERS: usize = 2;

/// Serves `arguments`: the path, the answer's status, the file with its body.
pub fn serve(arguments: &[String]) {
    let [path, status, file] = arguments else { panic!("route <path> <status> <file of the body>") };
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let status: StatusCode = status.parse().expect("a status");
    let body = Bytes::from(std::fs::read(file).expect("the body"));
    actix_web::rt::System::new().block_on(async move {
        let answer = move |_: Bytes| {
            let body = body.clone();
            async move {
                HttpResponse::build(status)
                    .insert_header(("x-request-id", "00000000000000000000000000000000"))
                    .content_type("application/json")
                    .body(body)
            }
        };
        let app = move || App::new().route(&path, web::to(answer.clone()));
        let server = HttpServer::new(app).workers(WORKERS).bind(("127.0.0.1", 0)).expect("a free port");
        println!("ready {}", server.addrs()[0]);
        server.run().await.expect("it serves");
    });
}
