//! Passwords: bcrypt on the blocking pool, never more hashes at once than leave a core for the chat.
//!
//! Cost 12 takes 280 to 410 ms of CPU, so hashing is bounded: at most cores − 1 at once and a bounded queue before
//! them, after which the answer is [`Error::Busy`]. An unknown user costs the same time as a wrong password, also one whose
//! hash was made at a lower cost. At a login, a hash of another cost than the present one is made anew.

use crate::domain::user::{NewPassword, prepared};
use crate::domain::validation::Refusal;
use crate::error::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;
use zxcvbn::Score;

/// How many may wait for each hash that runs: at cost 12, some 10 s of work.
const WAITING_PER_SLOT: usize = 32;

/// Hashes and verifies passwords.
pub struct Passwords {
    cost: u32,
    slots: Arc<Semaphore>,
    queued: Arc<AtomicUsize>,
    queue_max: usize,
    nobody: String,
    is_strict: bool,
}

/// Whether a password is the right one.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Right {
        /// To be stored in place of the hash that was given, whose cost is not the present one.
        rehashed: Option<String>,
    },
    /// It is not, or there is no such user.
    Wrong,
}

/// Gives back a place in the queue, also when the request is dropped while it waits.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Passwords {
    /// Hashes with `cost` (4 to 31), running at most cores − 1 at once; `is_strict` refuses what is easily guessed.
    ///
    /// # Errors
    /// When bcrypt refuses the cost.
    pub fn new(cost: u32, is_strict: bool) -> Result<Arc<Self>, bcrypt::BcryptError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let slots = cores.saturating_sub(1).max(1);
        Ok(Arc::new(Self {
            cost,
            slots: Arc::new(Semaphore::new(slots)),
            queued: Arc::default(),
            queue_max: slots * (WAITING_PER_SLOT + 1),
            nobody: bcrypt::hash("nobody has this password", cost)?,
            is_strict,
        }))
    }

    /// Whether a new password will do, for somebody with these names.
    ///
    /// # Errors
    /// `422` with what would make it better, where passwords are judged and this one is too easily guessed.
    pub async fn judge<const N: usize>(
        self: &Arc<Self>,
        password: &NewPassword,
        names: [&str; N],
        held: impl Send + 'static,
    ) -> Result<()> {
        if !self.is_strict {
            return Ok(());
        }
        // It takes a millisecond or more: not on a thread that serves sockets.
        let (password, names) = (password.secret().clone(), names.map(str::to_owned));
        let judge = move || Ok(advice(&password, &names.each_ref().map(String::as_str)));
        let advice = self.run(held, judge).await?;
        advice.map_or(Ok(()), |advice| Err(Refusal::new("password_too_weak", advice).at("body", "password").into()))
    }

    /// The hash to store for a new password.
    pub async fn hash(self: &Arc<Self>, password: &NewPassword, held: impl Send + 'static) -> Result<String> {
        let password = password.secret().clone();
        let cost = self.cost;
        self.run(held, move || bcrypt::hash(password.expose_secret(), cost)).await
    }

    /// Whether `password` is what `stored` was made from; `None` (no such user) takes as long and is never right.
    pub async fn verify(
        self: &Arc<Self>,
        password: SecretString,
        stored: Option<String>,
        held: impl Send + 'static,
    ) -> Result<Verdict> {
        let (cost, nobody) = (self.cost, self.nobody.clone());
        self.run(held, move || {
            let sent = password.expose_secret();
            // Passwords were hashed as they were sent once.
            let prepared = prepared(sent);
            let ways = [Some(prepared.as_str()), Some(sent).filter(|sent| *sent != prepared)];
            // What bcrypt never made is nobody's password, after the same time.
            let stored = stored.and_then(|stored| Some((cost_of(&stored)?, stored)));
            let is_known = stored.is_some();
            let (stored_cost, stored) = stored.unwrap_or((cost, nobody));
            // A longer one was never set: bcrypt would compare its first 72 bytes. Neither was one with a NUL: bcrypt repeats its key
            // with one behind it, so that a password, a NUL and the password would be right too.
            let is_one = |password: &str| password.len() <= 72 && !password.contains('\0');
            for password in ways.into_iter().flatten() {
                if bcrypt::verify(password, &stored).unwrap_or(false) && is_one(password) && is_known {
                    let is_old = stored_cost != cost || password != prepared;
                    let rehashed = (is_old && is_one(&prepared)).then(|| bcrypt::hash(&prepared, cost)).transpose()?;
                    return Ok(Verdict::Right { rehashed });
                }
            }
            for missing in missing_costs(stored_cost, cost) {
                bcrypt::hash(&prepared, missing)?;
            }
            Ok(Verdict::Wrong)
        })
        .await
    }

    /// `held` is kept until the work is done, also when nobody waits for it any more.
    async fn run<T, F>(self: &Arc<Self>, held: impl Send + 'static, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, bcrypt::BcryptError> + Send + 'static,
    {
        if self.queued.fetch_add(1, Ordering::Relaxed) >= self.queue_max {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Busy);
        }
        let place = Place(Arc::clone(&self.queued));
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| Error::Internal)?;
        // A client that hangs up stops no hash: its slot is free when the work is done, not before.
        let hashing = tokio::task::spawn_blocking(move || {
            let _held = (place, slot, held);
            work()
        });
        match hashing.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(%error, "bcrypt failed");
                Err(Error::Internal)
            }
            Err(error) => {
                tracing::error!(%error, "the hashing thread failed");
                Err(Error::Internal)
            }
        }
    }
}

/// What would make a password better that is too easily guessed.
fn advice(password: &SecretString, names: &[&str]) -> Option<String> {
    let estimate = zxcvbn::zxcvbn(password.expose_secret(), names);
    if estimate.score() >= Score::Three {
        return None;
    }
    let feedback = estimate.feedback().into_iter();
    let advice = feedback.flat_map(|feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        warning.into_iter().chain(feedback.suggestions().iter().map(ToString::to_string)).collect::<Vec<_>>()
    });
    let parts: Vec<String> = std::iter::once("This password is too easily guessed.".to_owned()).chain(advice).collect();
    Some(parts.join(" "))
}

/// The cost in a hash; `None` if bcrypt would not take it for one.
fn cost_of(stored: &str) -> Option<u32> {
    Some(stored.parse::<bcrypt::HashParts>().ok()?.get_cost())
}

/// A hash of each of these costs takes, together with one of `stored`, as long as one of `cost`: each cost takes twice as
/// long as the one below.
fn missing_costs(stored: u32, cost: u32) -> std::ops::Range<u32> {
    stored..cost.max(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::validation::Parse;
    use serde_json::Value;

    fn password(text: &str) -> NewPassword {
        NewPassword::parse(&Value::from(text)).expect("a good password")
    }

    #[actix_web::test]
    async fn a_hash_verifies_its_password_and_no_other() {
        let passwords = Passwords::new(4, false).expect("a good cost");
        let stored = passwords.hash(&password("correct horse"), ()).await.expect("hashed");
        let verdict = passwords.verify("correct horse".into(), Some(stored.clone()), ()).await.expect("verified");
        assert_eq!(verdict, Verdict::Right { rehashed: None });
        // Typed on another system's keyboard; and one that was hashed as it was sent, which is made anew.
        let (composed, apart) =
            ("a caf\u{E9} \u{AC00}\u{AC01}", "a cafe\u{301}\u{A0}\u{1100}\u{1161}\u{1100}\u{1161}\u{11A8}");
        for (set, typed) in [(composed, apart), (apart, composed), (composed, composed), (apart, apart)] {
            let stored = passwords.hash(&password(set), ()).await.expect("hashed");
            let verdict = passwords.verify(typed.into(), Some(stored), ()).await.expect("verified");
            assert_eq!(verdict, Verdict::Right { rehashed: None }, "{set} {typed}");
        }
        let old = bcrypt::hash(apart, 4).expect("hashed");
        let verdict = passwords.verify(apart.into(), Some(old), ()).await.expect("verified");
        let Verdict::Right { rehashed: Some(anew) } = verdict else { panic!("{verdict:?}") };
        assert_eq!(bcrypt::verify(composed, &anew).ok(), Some(true));
        for (wrong, stored) in [
            ("wrong horse", Some(stored)),
            (
                "correct horse\0correct horse",
                Some(passwords.hash(&password("correct horse"), ()).await.expect("hashed")),
            ),
            ("nobody has this password", None),
            ("nobody has this password", Some("no hash".into())),
            ("nobody has this password", Some("$2b$04$short".into())),
        ] {
            assert_eq!(passwords.verify(wrong.into(), stored, ()).await.expect("verified"), Verdict::Wrong);
        }
    }

    #[actix_web::test]
    async fn a_hash_of_the_python_service_verifies() {
        let passwords = Passwords::new(4, false).expect("a good cost");
        let stored = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e".to_owned();
        let verdict = passwords.verify("correct horse".into(), Some(stored.clone()), ()).await.expect("verified");
        assert_eq!(verdict, Verdict::Right { rehashed: None });
        assert_eq!(
            passwords.verify("correct horses".into(), Some(stored), ()).await.expect("verified"),
            Verdict::Wrong
        );
    }

    #[actix_web::test]
    async fn a_hash_of_another_cost_is_made_anew_and_a_wrong_password_takes_as_long_as_one_of_the_present() {
        let passwords = Passwords::new(6, false).expect("a good cost");
        for other in [4, 7] {
            let stored = bcrypt::hash("correct horse", other).expect("hashed");
            let verdict = passwords.verify("correct horse".into(), Some(stored.clone()), ()).await.expect("verified");
            let Verdict::Right { rehashed: Some(rehashed) } = verdict else { panic!("{verdict:?}") };
            assert_eq!(cost_of(&rehashed), Some(6));
            let verdict = passwords.verify("correct horse".into(), Some(rehashed), ()).await.expect("verified");
            assert_eq!(verdict, Verdict::Right { rehashed: None });
            assert_eq!(passwords.verify("wrong".into(), Some(stored), ()).await.expect("verified"), Verdict::Wrong);
        }
        let takes = |cost: u32| 1_u64 << cost;
        for stored in 4..=12 {
            assert_eq!(takes(stored) + missing_costs(stored, 12).map(takes).sum::<u64>(), takes(12));
        }
        assert_eq!(missing_costs(13, 12).count(), 0);
    }

    #[actix_web::test]
    async fn who_hangs_up_makes_no_room_while_the_hash_still_runs() {
        let passwords = Passwords::new(4, false).expect("a good cost");
        let slots = passwords.slots.available_permits();
        let (running, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..50 {
            let (passwords, running, peak) = (Arc::clone(&passwords), Arc::clone(&running), Arc::clone(&peak));
            let request = actix_web::rt::spawn(async move {
                let work = move || {
                    peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let hashed = bcrypt::hash("correct horse", 8);
                    running.fetch_sub(1, Ordering::SeqCst);
                    hashed
                };
                passwords.run((), work).await
            });
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            request.abort();
        }
        let all = u32::try_from(slots).expect("few");
        let _all = passwords.slots.acquire_many(all).await.expect("every hash comes to its end");
        assert!((1..=slots).contains(&peak.load(Ordering::SeqCst)), "{peak:?} at once");
    }

    #[actix_web::test]
    async fn more_than_the_queue_holds_is_refused_and_the_rest_is_served() {
        let passwords = Passwords::new(4, false).expect("a good cost");
        let tries = passwords.queue_max + 5;
        let all = (0..tries).map(|_| {
            let passwords = Arc::clone(&passwords);
            async move { passwords.hash(&password("correct horse"), ()).await }
        });
        // Nothing is done before all have come.
        let slots = u32::try_from(passwords.slots.available_permits()).expect("few");
        let held = passwords.slots.acquire_many(slots).await.expect("never closed");
        let let_go = async {
            tokio::task::yield_now().await;
            drop(held);
        };
        let (results, ()) = tokio::join!(futures_util::future::join_all(all), let_go);
        let busy = results.iter().filter(|result| matches!(result, Err(Error::Busy))).count();
        assert_eq!((results.len() - busy, busy), (passwords.queue_max, 5));
        assert_eq!(passwords.queued.load(Ordering::Relaxed), 0);
    }

    #[actix_web::test]
    async fn what_is_easily_guessed_is_refused_where_it_is_judged_and_says_why() {
        let judge = async |is_strict, text: &str| {
            let passwords = Passwords::new(4, is_strict).expect("a good cost");
            passwords.judge(&password(text), ["minakim", "minakim@example.com"], ()).await
        };
        for weak in ["password1", "12345678", "qwertyuiop", "minakim2024", "aaaaaaaaaaaa", "iloveyou!"] {
            assert!(judge(false, weak).await.is_ok());
            let refused = judge(true, weak).await.expect_err(weak);
            assert!(refused.body().to_string().contains("too easily guessed"), "{refused:?}");
            assert!(!refused.body().to_string().contains(weak));
        }
        for good in ["correct horse battery", "vuT7-qoPz-91kd", "마당에 모두 모여 이야기해요"] {
            assert!(judge(true, good).await.is_ok(), "{good}");
        }
    }
}
