//! Limits of what is rare: they give a token every few seconds, or more seldom, so nodes that share a database can count it there, together
//! (`store/limits.rs`). A node that has its database for itself counts it here, and forgets it when it ends.

use super::bucket::Buckets;
use super::logins::{Attempt, Logins, PasswordTry};
use super::{ADDRESS_FAILURES, EMAIL_CHANGES, HOUSEHOLD, JOINS, PROFILE_CHANGES, REGISTRATIONS, SITE, network};
use super::{Quota, Rate, TooMany};
use crate::domain::UserId;
use crate::times::Uptime;
use std::net::IpAddr;
use std::sync::Arc;

/// What stands for a limit, and for whom it is kept, where nodes count it together.
pub type StoredKey = [u8; 16];

/// One of these limits, and for whom it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RareLimit {
    /// Accounts that are made from a network.
    Registrations(IpAddr),
    /// Wrong passwords from a network, whosever they are.
    WrongPasswords(IpAddr),
    /// Changes of a user's e-mail address.
    EmailChanges(UserId),
    /// Changes of what others see of a user.
    ProfileChanges(UserId),
    /// Servers that a user joins.
    Joins(UserId),
}

impl RareLimit {
    /// Accounts that are made from where this address is.
    pub fn registrations(address: IpAddr) -> Self {
        Self::Registrations(network(address, HOUSEHOLD))
    }

    /// Wrong passwords from where this address is.
    pub fn wrong_passwords(address: IpAddr) -> Self {
        Self::WrongPasswords(network(address, SITE))
    }

    /// How many there may be.
    pub fn rate(self) -> Rate {
        match self {
            Self::Registrations(_) => REGISTRATIONS,
            Self::WrongPasswords(_) => ADDRESS_FAILURES,
            Self::EmailChanges(_) => EMAIL_CHANGES,
            Self::ProfileChanges(_) => PROFILE_CHANGES,
            Self::Joins(_) => JOINS,
        }
    }
}

/// These limits, as a node counts them that is alone.
pub struct RareLimits {
    uptime: Uptime,
    registrations: Buckets<RareLimit>,
    wrong_passwords: Buckets<RareLimit>,
    email_changes: Buckets<RareLimit>,
    profile_changes: Buckets<RareLimit>,
    joins: Buckets<RareLimit>,
    pub(super) logins: Logins,
}

impl RareLimits {
    /// Every bucket full.
    pub fn new(uptime: Uptime) -> Arc<Self> {
        Arc::new(Self {
            uptime,
            registrations: Buckets::new(REGISTRATIONS),
            wrong_passwords: Buckets::new(ADDRESS_FAILURES),
            email_changes: Buckets::new(EMAIL_CHANGES),
            profile_changes: Buckets::new(PROFILE_CHANGES),
            joins: Buckets::new(JOINS),
            logins: Logins::default(),
        })
    }

    /// Counts one more.
    ///
    /// # Errors
    /// When there were too many; it is not counted then.
    pub fn take(&self, limit: RareLimit) -> Result<Quota, TooMany> {
        self.buckets(limit).take(limit, self.uptime.now_us())
    }

    /// Counts one less.
    pub fn give_back(&self, limit: RareLimit) {
        self.buckets(limit).give_back(&limit);
    }

    /// A try at an account's password. It counts as failed until it says otherwise, so that many at once are no way around.
    ///
    /// # Errors
    /// When too many have failed.
    pub fn login(self: &Arc<Self>, of: PasswordTry) -> Result<Attempt, TooMany> {
        self.take(of.of_site).map_err(|limit| TooMany { quota: None, ..limit })?;
        if let Err(limit) = self.logins.begin(of.account, of.network, self.uptime.now_us()) {
            self.give_back(of.of_site);
            return Err(limit);
        }
        Ok(Attempt::new(Arc::clone(self), of))
    }

    fn buckets(&self, limit: RareLimit) -> &Buckets<RareLimit> {
        match limit {
            RareLimit::Registrations(_) => &self.registrations,
            RareLimit::WrongPasswords(_) => &self.wrong_passwords,
            RareLimit::EmailChanges(_) => &self.email_changes,
            RareLimit::ProfileChanges(_) => &self.profile_changes,
            RareLimit::Joins(_) => &self.joins,
        }
    }
}
