//! What the registry decides without a database.

use super::*;

/// Something that is done in the registry's turn.
#[derive(Message)]
#[rtype(result = "()")]
struct InTurn(Work);

type Work = Box<dyn FnOnce(&mut Registry, &mut Context<Registry>) + Send>;

impl Handler<InTurn> for Registry {
    type Result = ();

    fn handle(&mut self, turn: InTurn, ctx: &mut Self::Context) {
        (turn.0)(self, ctx);
    }
}

fn registry() -> actix::Addr<Registry> {
    let nowhere: crate::store::Target = "postgresql://nobody@127.0.0.1:1/none".parse().expect("a URL");
    let db = Db::new(&nowhere).expect("its settings agree");
    Registry::start(db, Writer::start(1, &nowhere), Relays::default(), Times::default()).into_addr()
}

async fn in_turn(
    registry: &actix::Addr<Registry>,
    work: impl FnOnce(&mut Registry, &mut Context<Registry>) + Send + 'static,
) {
    registry.send(InTurn(Box::new(work))).await.expect("it lives");
}

/// Somebody may be on the way to a channel that asks to be let go.
#[actix_web::test]
async fn a_channel_is_let_go_only_if_all_that_was_sent_to_it_has_arrived() {
    let (registry, id) = (registry(), ChannelId(1));
    let retire = |arrivals| registry.send(Retire { channel_id: id, arrivals });
    assert!(!retire(0).await.expect("it lives"), "there is no such channel");
    in_turn(&registry, move |registry, _| drop(registry.live(id, ServerId(1)))).await;
    assert!(!retire(0).await.expect("it lives"), "one is on its way");
    in_turn(&registry, move |registry, _| assert!(registry.live.contains_key(&id), "it is still there")).await;
    assert!(retire(1).await.expect("it lives"));
    in_turn(&registry, move |registry, _| assert!(!registry.live.contains_key(&id), "it has been let go")).await;
}
