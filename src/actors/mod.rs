//! The moving parts of a node. Each actor owns its state alone; its public face is one file with its messages and handle.
//!
//! | actor | how many | thread | a panic in it |
//! |---|---|---|---|
//! | [`registry`] | one | the core | ends the node |
//! | [`writer`] | `WRITERS`, one by default | the core | ends the node |
//! | [`channel`] | one per channel with life here | the core | ends that channel's sockets with `1012` |
//! | [`cluster`] | one task, where nodes share a database, and one for their bus | the core | ends the node |
//! | [`relay`] | one per worker | its worker | ends the node |
//!
//! A node that has lost its registry, a writer or a relay can keep no promise, and nothing restarts an actor after a
//! panic; so it stops, is started anew, and its clients resume. Nothing that was acknowledged is lost by that.

pub mod bus;
pub mod channel;
pub mod cluster;
pub mod lease;
pub mod registry;
pub mod relay;
pub mod writer;

use actix::{Actor, Addr, Context, Handler, Message};

/// Sends a message whose number is bounded by what caused it (one for each socket, batch or accepted post), so that it
/// may pass the mailbox's own bound; everything else goes by `try_send`, and its refusal has a name.
pub(crate) fn tell<A, M>(to: &Addr<A>, message: M)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}

/// Ends the node when the actor that owns it panics.
pub(crate) struct AbortOnPanic(pub &'static str);

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(actor = self.0, "a vital actor panicked: the node stops");
            std::process::exit(70);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const CHILD: &str = "MADANG_TEST_PANICS";

    struct Fragile {
        _vital: AbortOnPanic,
    }

    impl Actor for Fragile {
        type Context = Context<Self>;

        fn started(&mut self, _: &mut Self::Context) {
            panic!("as a test wants it");
        }
    }

    /// The test runs itself again as the process that ends.
    #[test]
    fn a_panic_in_a_vital_actor_ends_the_node() {
        if std::env::var_os(CHILD).is_some() {
            actix_web::rt::System::new().block_on(async {
                Fragile { _vital: AbortOnPanic("fragile") }.start();
                std::future::pending::<()>().await;
            });
        }
        let name = "actors::tests::a_panic_in_a_vital_actor_ends_the_node";
        let mut node = Command::new(std::env::current_exe().expect("this program"));
        node.args(["--exact", name]).env(CHILD, "1");
        assert_eq!(node.output().expect("it runs").status.code(), Some(70));
    }
}
