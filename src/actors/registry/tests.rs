//! What the registry decides without a database.

use super::*;
use crate::domain::access::Account;
use load::Loaded;

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

/// The account of a user as it is loaded, with this password.
fn account(password_version: i32) -> Loaded {
    let (kept_token, sessions) = (None, Box::default());
    Loaded::User(Some(Arc::new(Account { username: "mina".into(), password_version, kept_token, sessions })))
}

/// Changes that keep coming while a load is under way make nobody wait who came before it began; who came later is not answered with
/// what is too old.
#[actix_web::test]
async fn a_load_serves_whoever_came_before_it_although_a_change_came_meanwhile() {
    let (registry, user) = (registry(), UserId(1));
    let bearer = |password_version| Bearer {
        user_id: user,
        token_id: "a token".into(),
        password_version,
        session_id: None,
        logged_in_at_s: 0,
        expires_at_s: u64::MAX,
    };
    let (before, after) = (bearer(1), bearer(2));
    in_turn(&registry, move |registry, ctx| {
        let key = Key::User(user);
        let ask = |registry: &mut Registry, bearer: &Bearer, ctx: &mut Context<Registry>| {
            let (reply, answer) = oneshot::channel();
            let (number, bearer) = (registry.next_number(), bearer.clone());
            registry.step(number, Ask { bearer, target: Target::Account, reply: Reply::Found(reply) }, ctx);
            answer
        };
        let mut early = ask(registry, &before, ctx);
        registry.forget(Change::Password(user));
        let mut late = ask(registry, &after, ctx);
        registry.loaded(key, Ok(account(1)), ctx);
        assert!(matches!(early.try_recv(), Ok(Ok(Found::Caller(_)))), "it came before the change");
        assert!(late.try_recv().is_err(), "it waits for what is newer");
        assert!(registry.cache.with(|cache| cache.find(&before, Target::Account)).is_err(), "nobody else has it");
        registry.loaded(key, Ok(account(2)), ctx);
        assert!(matches!(late.try_recv(), Ok(Ok(Found::Caller(_)))));
        assert_eq!((registry.waiting, registry.loading.len()), (0, 0));
    })
    .await;
}
