//! Commit → announce, as one step that nothing interrupts.

use crate::actors::registry::{Change, RegistryHandle};
use crate::domain::backend::Backend;
use crate::error::{Conflict, Error, Result};
use crate::http::Node;
use crate::store::Db;
use crate::telemetry::RequestId;
use actix_web::{rt, web};
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How often PostgreSQL is asked whether a process that may still carry out a change is gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Changes that are in doubt at once; while there are more, no other change is begun.
const DOUBTS_MAX: usize = 1_024;

/// The changes whose outcome is not known, each with the process of PostgreSQL that may still carry it out. However many there are,
/// one task looks for them, by one statement at a time.
#[derive(Clone, Default)]
pub struct Doubts(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    all: Vec<(Backend, Change)>,
    is_looking: bool,
}

/// Commits, then makes the change true on this node and waits until it is on every other one, then answers. `unclear` is what may have changed when the answer of
/// the commit is lost, `made` what a good one has changed.
///
/// It runs as a task of its own: actix-web drops a handler whose client hangs up, and a change must not stop between
/// its commit and its announcement. A commit whose answer was lost may have taken effect: then that is found by looking.
///
/// # Errors
/// Those of `work`; `busy` while too many changes are in doubt.
pub async fn commit<T, F>(
    node: &web::Data<Node>,
    unclear: Change,
    work: F,
    made: impl FnOnce(&T) -> Change + 'static,
) -> Result<T>
where
    T: 'static,
    F: Future<Output = Result<T>> + 'static,
{
    node.doubts.have_room()?;
    let (node, call) = (node.clone(), RequestId::current());
    let change_and_tell = async move {
        match work.await {
            Ok(done) => {
                // The others begin while it is made true here.
                node.cluster.tell_of_change();
                node.registry.apply(made(&done)).await;
                node.cluster.agree(&node.db).await;
                Ok(done)
            }
            Err(error) => {
                match error {
                    Error::InDoubt(backend) => {
                        // What is read from now on is true until the change is made, if it ever is.
                        node.registry.forget(unclear.clone()).await;
                        node.doubts.add(backend, unclear, &node.db, &node.registry);
                    }
                    // The database knows of a change that this node does not: whatever it missed, it makes true now.
                    Error::NotFound(_) | Error::Conflict(Conflict::NotMember | Conflict::AlreadyMember) => {
                        node.registry.apply(unclear.found()).await;
                    }
                    _ => {}
                }
                Err(error)
            }
        }
    };
    rt::spawn(RequestId::in_current(call, change_and_tell)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change was not carried out");
        Err(Error::Internal)
    })
}

impl State {
    /// Takes out what is final: changes whose process was looked for and is gone, each once. One that was added meanwhile was not
    /// looked for.
    fn decided(&mut self, wanted: &[Backend], left: &[Backend]) -> Vec<Change> {
        let is_gone = |backend: &Backend| wanted.contains(backend) && !left.contains(backend);
        let mut decided: Vec<Change> = Vec::new();
        for (_, change) in self.all.extract_if(.., |(backend, _)| is_gone(backend)) {
            if !decided.contains(&change) {
                decided.push(change);
            }
        }
        decided
    }
}

/// Whoever looks; if it ends before all is decided (with its thread), the next doubt starts another.
struct Looking<'a> {
    doubts: &'a Doubts,
    is_over: bool,
}

impl Looking<'_> {
    /// Ends the look if nothing is left to decide, under the lock under which doubts are added: whoever adds one later begins another.
    fn ends(&mut self) -> bool {
        let mut state = self.doubts.0.lock();
        state.is_looking = !state.all.is_empty();
        self.is_over = !state.is_looking;
        self.is_over
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.doubts.0.lock().is_looking = false;
        }
    }
}

impl Doubts {
    fn have_room(&self) -> Result<()> {
        if self.0.lock().all.len() < DOUBTS_MAX { Ok(()) } else { Err(Error::Busy) }
    }

    fn add(&self, backend: Backend, change: Change, db: &Db, registry: &RegistryHandle) {
        let mut state = self.0.lock();
        state.all.push((backend, change));
        if !std::mem::replace(&mut state.is_looking, true) {
            rt::spawn(self.clone().look(db.clone(), registry.clone()));
        }
    }

    /// Ends the processes that may still carry something out, for as long as it takes. When one is gone, how its change stands is
    /// final; the registry makes that true, whatever it is.
    async fn look(self, db: Db, registry: RegistryHandle) {
        let mut looking = Looking { doubts: &self, is_over: false };
        loop {
            let wanted: Vec<Backend> = self.0.lock().all.iter().map(|(backend, _)| *backend).collect();
            match db.end_backends(&wanted).await {
                Ok(left) => {
                    let decided = self.0.lock().decided(&wanted, &left);
                    join_all(decided.into_iter().map(|change| registry.apply(change))).await;
                    if let Some(stuck) = left.first() {
                        tracing::warn!(
                            pid = stuck.pid(),
                            "a process of PostgreSQL does not end; what it was sent is in doubt"
                        );
                    }
                }
                Err(error) => {
                    tracing::warn!(code = error.code().as_str(), "changes in doubt could not be looked for yet")
                }
            }
            if looking.ends() {
                return;
            }
            rt::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ServerId, UserId};
    use crate::error::Code;
    use time::OffsetDateTime;

    #[test]
    fn only_what_was_looked_for_and_is_gone_is_decided() {
        let backend = |pid| Backend::new(pid, OffsetDateTime::UNIX_EPOCH);
        let change = |user| Change::MembershipUnclear(UserId(user), ServerId(1));
        let all =
            vec![(backend(1), change(1)), (backend(2), change(2)), (backend(1), change(1)), (backend(3), change(3))];
        let mut state = State { all, is_looking: true };
        assert_eq!(state.decided(&[backend(1), backend(2)], &[backend(2)]), [change(1)]);
        assert_eq!(state.all, [(backend(2), change(2)), (backend(3), change(3))]);
    }

    #[test]
    fn no_change_is_begun_while_too_many_are_in_doubt() {
        let doubts = Doubts::default();
        for number in 0..DOUBTS_MAX as i64 {
            assert!(doubts.have_room().is_ok(), "{number}");
            let change = Change::MembershipUnclear(UserId(number), ServerId(1));
            doubts.0.lock().all.push((Backend::new(1, OffsetDateTime::UNIX_EPOCH), change));
        }
        assert_eq!(doubts.have_room().map_err(|error| error.code()), Err(Code::Busy));
    }
}
