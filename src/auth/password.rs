//! Passwords: bcrypt on the blocking pool, never more hashes at once than leave a core for the chat.
//!
//! Cost 12 takes 280 to 410 ms of CPU, so hashing is bounded: at most cores − 1 at once and a bounded queue before
//! them, after which the answer is [`Error::Busy`]. An unknown user costs the same time as a wrong password.

use crate::domain::user::NewPassword;
use crate::error::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// How many may wait for each hash that runs: at cost 12, some 10 s of work.
const WAITING_PER_SLOT: usize = 32;

/// Hashes and verifies passwords.
pub struct Passwords {
    cost: u32,
    slots: Arc<Semaphore>,
    queued: Arc<AtomicUsize>,
    queue_max: usize,
    nobody: String,
}

/// Gives back a place in the queue, also when the request is dropped while it waits.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Passwords {
    /// Hashes with `cost` (4 to 31), running at most cores − 1 at once.
    ///
    /// # Errors
    /// When bcrypt refuses the cost.
    pub fn new(cost: u32) -> Result<Arc<Self>, bcrypt::BcryptError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let slots = cores.saturating_sub(1).max(1);
        Ok(Arc::new(Self {
            cost,
            slots: Arc::new(Semaphore::new(slots)),
            queued: Arc::default(),
            queue_max: slots * (WAITING_PER_SLOT + 1),
            nobody: bcrypt::hash("nobody has this password", cost)?,
        }))
    }

    /// The hash to store for a new password.
    pub async fn hash(self: &Arc<Self>, password: &NewPassword) -> Result<String> {
        let password = password.secret().clone();
        let cost = self.cost;
        self.run(move || bcrypt::hash(password.expose_secret(), cost)).await
    }

    /// Whether `password` is what `stored` was made from; `None` (no such user) takes as long and is never right.
    pub async fn verify(self: &Arc<Self>, password: SecretString, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let nobody = self.nobody.clone();
        let stored = stored.unwrap_or_else(|| nobody.clone());
        let matches = self
            .run(move || {
                // A longer one was never set; bcrypt would compare its first 72 bytes.
                let fits = password.expose_secret().len() <= 72;
                match bcrypt::verify(password.expose_secret(), &stored) {
                    Ok(same) => Ok(same && fits),
                    // What bcrypt never made is nobody's password, after the same time.
                    Err(_) => bcrypt::verify(password.expose_secret(), &nobody).map(|_| false),
                }
            })
            .await?;
        Ok(matches && known)
    }

    async fn run<T, F>(self: &Arc<Self>, work: F) -> Result<T>
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
            let _held = (place, slot);
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
        let passwords = Passwords::new(4).expect("a good cost");
        let stored = passwords.hash(&password("correct horse")).await.expect("hashed");
        assert!(passwords.verify("correct horse".into(), Some(stored.clone())).await.expect("verified"));
        assert!(!passwords.verify("wrong horse".into(), Some(stored)).await.expect("verified"));
        assert!(!passwords.verify("nobody has this password".into(), None).await.expect("verified"));
    }

    #[actix_web::test]
    async fn a_hash_of_the_python_service_verifies() {
        let passwords = Passwords::new(4).expect("a good cost");
        let stored = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e".to_owned();
        assert!(passwords.verify("correct horse".into(), Some(stored.clone())).await.expect("verified"));
        assert!(!passwords.verify("correct horses".into(), Some(stored)).await.expect("verified"));
    }

    #[actix_web::test]
    async fn who_hangs_up_makes_no_room_while_the_hash_still_runs() {
        let passwords = Passwords::new(4).expect("a good cost");
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
                passwords.run(work).await
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
        let passwords = Passwords::new(4).expect("a good cost");
        let tries = passwords.queue_max + 5;
        let all = (0..tries).map(|_| {
            let passwords = Arc::clone(&passwords);
            async move { passwords.hash(&password("correct horse")).await }
        });
        let results = futures_util::future::join_all(all).await;
        let busy = results.iter().filter(|result| matches!(result, Err(Error::Busy))).count();
        assert_eq!((results.len() - busy, busy), (passwords.queue_max, 5));
        assert_eq!(passwords.queued.load(Ordering::Relaxed), 0);
    }
}
