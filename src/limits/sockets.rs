//! How many sockets each user has open.

use super::{Limits, SOCKETS_MAX, TooMany};
use crate::domain::UserId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// A user who closes one may open the next at once; this is for those who only wait.
const RETRY_AFTER_MS: u32 = 5_000;

/// Users with open sockets; as many as there are sockets, at most.
#[derive(Default)]
pub(super) struct Sockets(Mutex<HashMap<UserId, u32>>);

/// A place that a socket holds while it is open.
pub struct SocketSlot {
    limits: Arc<Limits>,
    user: UserId,
}

impl SocketSlot {
    pub(super) fn take(limits: &Arc<Limits>, user: UserId) -> Result<Self, TooMany> {
        let mut open = limits.sockets.0.lock();
        let count = open.entry(user).or_default();
        if *count >= SOCKETS_MAX {
            return Err(TooMany { retry_after_ms: RETRY_AFTER_MS, quota: None });
        }
        *count += 1;
        drop(open);
        Ok(Self { limits: Arc::clone(limits), user })
    }
}

impl Drop for SocketSlot {
    fn drop(&mut self) {
        let mut open = self.limits.sockets.0.lock();
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::times::Uptime;

    #[test]
    fn a_user_may_have_so_many_and_what_is_closed_makes_room() {
        let limits = Limits::new(true, Uptime::default());
        let mut open: Vec<_> = (0..SOCKETS_MAX).map(|_| limits.socket(UserId(1)).expect("there is room")).collect();
        assert!(limits.socket(UserId(1)).is_err());
        assert!(limits.socket(UserId(2)).is_ok());
        open.pop();
        open.push(limits.socket(UserId(1)).expect("there is room again"));
        assert!(limits.socket(UserId(1)).is_err());
        drop(open);
        assert!(limits.sockets.0.lock().is_empty());
    }
}
