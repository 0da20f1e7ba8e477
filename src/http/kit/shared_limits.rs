//! The limits of what is rare, as handlers use them. Nodes that share a database count these together, in it; a node that has its database for
//! itself counts in its memory, and asks nobody.

use crate::auth::limit_key::LimitKeys;
use crate::domain::UserId;
use crate::error::Result;
use crate::limits::{self, Account, PasswordTry, Quota, RareLimit, RareLimits};
use crate::store::Db;
use crate::store::limits::{self as stored, TryKeys};
use crate::times::Uptime;
use std::net::IpAddr;
use std::sync::Arc;

/// See the module.
pub struct SharedLimits(Counting);

enum Counting {
    Off,
    InMemory(Arc<RareLimits>),
    InDatabase(Arc<Stored>),
}

struct Stored {
    db: Db,
    keys: LimitKeys,
}

/// A try at a password. Dropped, it has failed.
#[must_use]
pub struct Attempt(Counted);

enum Counted {
    Nowhere,
    InMemory(limits::Attempt),
    InDatabase { limits: Arc<Stored>, of_site: RareLimit, keys: TryKeys },
}

impl SharedLimits {
    /// Those of a node where nothing is limited.
    pub fn off() -> Self {
        Self(Counting::Off)
    }

    /// Those of a node that has its database for itself.
    pub fn in_memory(uptime: Uptime) -> Self {
        Self(Counting::InMemory(RareLimits::new(uptime)))
    }

    /// Those of nodes that share a database, and the key that makes what it has in the place of names and addresses.
    pub fn in_database(db: Db, keys: LimitKeys) -> Self {
        Self(Counting::InDatabase(Arc::new(Stored { db, keys })))
    }

    /// A try at an account's password. It counts as failed until it says otherwise, so that many at once are no way around.
    ///
    /// # Errors
    /// When too many have failed, or it could not be counted: then the password must not be compared.
    pub async fn login(&self, account: Account, address: IpAddr) -> Result<Attempt> {
        let tried = PasswordTry::new(account, address);
        Ok(Attempt(match &self.0 {
            Counting::Off => Counted::Nowhere,
            Counting::InMemory(limits) => Counted::InMemory(limits.login(tried)?),
            Counting::InDatabase(limits) => {
                let of_site = tried.of_site;
                let keys = TryKeys { pair: limits.keys.of_try(&tried), site: limits.keys.of_limit(of_site) };
                stored::begin_login(&limits.db, of_site, keys).await?;
                Counted::InDatabase { limits: Arc::clone(limits), of_site, keys }
            }
        }))
    }

    /// Counts an account that is to be made.
    ///
    /// # Errors
    /// When there were too many, or it could not be counted.
    pub async fn registration(&self, address: IpAddr) -> Result<Option<Quota>> {
        self.take(RareLimit::registrations(address)).await
    }

    /// Counts a change of a user's e-mail address, of the user and as an account that is made from the address.
    ///
    /// # Errors
    /// When there were too many, or it could not be counted.
    pub async fn email_change(&self, user: UserId, address: IpAddr) -> Result<Option<Quota>> {
        let limit = RareLimit::EmailChanges(user);
        let of_user = self.take(limit).await?;
        let of_address = match self.registration(address).await {
            Ok(quota) => quota,
            Err(error) => {
                self.give_back(limit).await;
                return Err(error);
            }
        };
        Ok(of_user.zip(of_address).map(|(of_user, of_address)| of_user.tightest(of_address)))
    }

    /// Counts a change of what others see of a user.
    ///
    /// # Errors
    /// When there were too many, or it could not be counted.
    pub async fn profile_change(&self, user: UserId) -> Result<Option<Quota>> {
        self.take(RareLimit::ProfileChanges(user)).await
    }

    /// Counts a server that a user wants to join.
    ///
    /// # Errors
    /// When there were too many, or it could not be counted.
    pub async fn join(&self, user: UserId) -> Result<Option<Quota>> {
        self.take(RareLimit::Joins(user)).await
    }

    async fn take(&self, limit: RareLimit) -> Result<Option<Quota>> {
        match &self.0 {
            Counting::Off => Ok(None),
            Counting::InMemory(limits) => Ok(Some(limits.take(limit)?)),
            Counting::InDatabase(limits) => {
                stored::take(&limits.db, limit, limits.keys.of_limit(limit)).await.map(Some)
            }
        }
    }

    async fn give_back(&self, limit: RareLimit) {
        match &self.0 {
            Counting::Off => {}
            Counting::InMemory(limits) => limits.give_back(limit),
            Counting::InDatabase(limits) => {
                log(stored::give_back(&limits.db, limit, limits.keys.of_limit(limit)).await);
            }
        }
    }
}

impl Attempt {
    /// The password was right: what failed before is forgotten.
    pub async fn succeeded(self) {
        match self.0 {
            Counted::Nowhere => {}
            Counted::InMemory(attempt) => attempt.succeeded(),
            Counted::InDatabase { limits, of_site, keys } => {
                log(stored::forget_failures(&limits.db, of_site, keys).await);
            }
        }
    }

    /// It was not compared at all.
    pub async fn not_made(self) {
        match self.0 {
            Counted::Nowhere => {}
            Counted::InMemory(attempt) => attempt.not_made(),
            Counted::InDatabase { limits, of_site, keys } => {
                log(stored::give_back_login(&limits.db, of_site, keys).await);
            }
        }
    }
}

/// What could not be given back counts, which costs its user a wait at worst; the call is not refused for it.
fn log(given_back: Result<()>) {
    if let Err(error) = given_back {
        tracing::warn!(code = error.code().as_str(), "what a limit has counted in vain could not be given back");
    }
}
