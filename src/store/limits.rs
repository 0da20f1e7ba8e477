//! Limits of what is rare, counted in the database: by all nodes that share it, and beyond the end of each of them. PostgreSQL's clock
//! is that of all. Each is one statement, which takes a token or says when there is one; who is refused writes nothing.
//!
//! Whoever calls gives the key that a limit is kept under: nothing here knows a name or an address.
//!
//! Bounds: [`ROWS_MAX`] buckets, and accounts with networks; those that say nothing any more are removed each [`PRUNE_EVERY`].

use super::Db;
use super::db::Params;
use crate::error::{Error, Result};
use crate::limits::{
    FORGOTTEN_AFTER, LOGIN_FAILURES, LOGIN_WAIT_MAX, LOGIN_WAIT_MIN, Quota, RareLimit, Rate, StoredKey, TooMany,
};
use std::time::Duration;
use tokio_postgres::Row;

/// As often as it is looked again why somebody was refused, where others are faster each time.
const LOOKS_MAX: u32 = 5;
/// Buckets, and accounts with networks, that are remembered: beyond them the one that was quiet for longest is forgotten.
const ROWS_MAX: i64 = 1_000_000;
/// As many are removed by one statement, at most.
const PRUNED_AT_ONCE: i64 = 10_000;
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// What is counted of a try at a password.
#[derive(Clone, Copy, Debug)]
pub struct TryKeys {
    /// Of its account and network.
    pub pair: StoredKey,
    /// Of all that comes from its site.
    pub site: StoredKey,
}

/// Counts one more.
///
/// # Errors
/// `rate_limited` when there were too many, or what the database says; it is not counted then.
pub async fn take(db: &Db, limit: RareLimit, key: StoredKey) -> Result<Quota> {
    let (rate, sql) = (limit.rate(), include_str!("../../sql/limit_buckets/take.sql"));
    let (key, kind, refill_s, burst) = (&key[..], kind(limit), refill_s(rate), f64::from(rate.burst));
    for _ in 0..LOOKS_MAX {
        let taken = db.write(sql, &[&key, &kind, &refill_s, &burst]).await.map_err(nothing_done)?;
        let row = taken.ok_or(Error::Internal)?;
        let missing_us = microseconds(&row, "missing_us");
        if row.get("is_taken") {
            return Ok(rate.quota(missing_us));
        }
        if let Some(refused) = rate.refusal(missing_us) {
            return Err(refused.into());
        }
    }
    Err(Error::Busy)
}

/// Counts one less.
pub async fn give_back(db: &Db, limit: RareLimit, key: StoredKey) -> Result<()> {
    let sql = include_str!("../../sql/limit_buckets/give_back.sql");
    db.execute(sql, &[&key.as_slice(), &refill_s(limit.rate())]).await.map(drop)
}

/// Counts a try at a password as failed, before it is compared.
///
/// # Errors
/// `rate_limited` when too many have failed, or what the database says; the password must not be compared then.
pub async fn begin_login(db: &Db, of_site: RareLimit, keys: TryKeys) -> Result<()> {
    let (rate, sql) = (of_site.rate(), include_str!("../../sql/login_failures/begin.sql"));
    let failures = i32::try_from(LOGIN_FAILURES).unwrap_or(i32::MAX);
    let seconds = [LOGIN_WAIT_MIN, LOGIN_WAIT_MAX, FORGOTTEN_AFTER].map(|duration| duration.as_secs_f64());
    let [wait_min, wait_max, forgotten] = &seconds;
    let (pair, site, kind) = (&keys.pair[..], &keys.site[..], kind(of_site));
    let (refill_s, burst) = (refill_s(rate), f64::from(rate.burst));
    let params: Params<'_> = &[&pair, &site, &kind, &refill_s, &burst, &failures, wait_min, wait_max, forgotten];
    for _ in 0..LOOKS_MAX {
        let row = db.write(sql, params).await.map_err(nothing_done)?.ok_or(Error::Internal)?;
        match (row.get("is_counted"), row.get("is_taken")) {
            (true, true) => return Ok(()),
            (true, false) => give_back_pair(db, keys).await.map_err(nothing_done)?,
            (false, _) => {
                if let Some(refused) = refusal(&row, rate) {
                    return Err(refused.into());
                }
            }
        }
    }
    Err(Error::Busy)
}

/// The password was right: what failed before is forgotten.
pub async fn forget_failures(db: &Db, of_site: RareLimit, keys: TryKeys) -> Result<()> {
    let sql = include_str!("../../sql/login_failures/forget.sql");
    db.execute(sql, &[&keys.pair.as_slice(), &keys.site.as_slice(), &refill_s(of_site.rate())]).await.map(drop)
}

/// The password was not compared at all.
pub async fn give_back_login(db: &Db, of_site: RareLimit, keys: TryKeys) -> Result<()> {
    give_back_pair(db, keys).await?;
    give_back(db, of_site, keys.site).await
}

async fn give_back_pair(db: &Db, keys: TryKeys) -> Result<()> {
    let sql = include_str!("../../sql/login_failures/give_back.sql");
    db.execute(sql, &[&keys.pair.as_slice()]).await.map(drop)
}

/// Removes, now and each minute, what says nothing any more.
pub async fn prune_for_ever(db: Db) {
    loop {
        if let Err(error) = prune(&db).await {
            tracing::warn!(code = error.code().as_str(), "limits that are over could not be removed yet");
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}

async fn prune(db: &Db) -> Result<()> {
    let at_once = u64::try_from(PRUNED_AT_ONCE).unwrap_or(u64::MAX);
    let buckets = include_str!("../../sql/limit_buckets/prune.sql");
    while db.execute(buckets, &[&ROWS_MAX, &PRUNED_AT_ONCE]).await? == at_once {}
    let failures = include_str!("../../sql/login_failures/prune.sql");
    let forgotten_s = FORGOTTEN_AFTER.as_secs_f64();
    while db.execute(failures, &[&forgotten_s, &ROWS_MAX, &PRUNED_AT_ONCE]).await? == at_once {}
    Ok(())
}

/// Why a try was refused: as a node in its memory, it looks at the site first.
fn refusal(row: &Row, rate: Rate) -> Option<TooMany> {
    let of_site = rate.refusal(microseconds(row, "missing_us")).map(|refused| refused.retry_after_ms);
    let wait_ms = u32::try_from(microseconds(row, "wait_us").div_ceil(1_000)).unwrap_or(u32::MAX);
    let retry_after_ms = of_site.or((wait_ms > 0).then_some(wait_ms))?;
    Some(TooMany { retry_after_ms, quota: None })
}

/// How much of the future a column names; nothing where it names none.
fn microseconds(row: &Row, name: &str) -> u64 {
    row.get::<_, Option<i64>>(name).and_then(|us| u64::try_from(us).ok()).unwrap_or(0)
}

fn refill_s(rate: Rate) -> f64 {
    rate.refill.as_secs_f64()
}

/// What an operator sees of it.
fn kind(limit: RareLimit) -> &'static str {
    match limit {
        RareLimit::Registrations(_) => "registrations",
        RareLimit::WrongPasswords(_) => "wrong_passwords",
        RareLimit::EmailChanges(_) => "email_changes",
        RareLimit::ProfileChanges(_) => "profile_changes",
        RareLimit::Joins(_) => "joins",
    }
}

/// Counted or not, what was to be limited has not been done: the caller may try it again.
fn nothing_done(error: Error) -> Error {
    if matches!(error, Error::InDoubt(_)) { Error::Unavailable } else { error }
}
