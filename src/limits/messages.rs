//! The limits of messages, which calls and sends share: in a channel, of a user, and of their content.

use super::turns::{Promise, add_up};
use super::{Limits, MESSAGE_KIB_MAX, Quota, TooMany, kib};
use crate::domain::{ChannelId, UserId};
use std::time::Duration;

impl Limits {
    /// Counts a message that a call posts, with so many bytes of content: in its channel, and with all others of its user. Answers the
    /// limit that is reached first, that of content in messages of the greatest length.
    ///
    /// # Errors
    /// When there were too many; then nothing is counted.
    pub fn message(&self, user: UserId, channel: ChannelId, bytes: usize) -> Result<Option<Quota>, TooMany> {
        if !self.is_on {
            return Ok(None);
        }
        self.message_at(user, channel, bytes, self.now_us()).map(Some)
    }

    pub(super) fn message_at(
        &self,
        user: UserId,
        channel: ChannelId,
        bytes: usize,
        now_us: u64,
    ) -> Result<Quota, TooMany> {
        let mut others = self.turns.promises(user, now_us);
        let is_due = |promise: &Promise| promise.channel == channel && promise.from_us <= now_us;
        // Who was refused before who only knew that nothing remained.
        let refused = others.iter().position(|promise| is_due(promise) && !promise.is_at_full);
        let claimed = refused.or_else(|| others.iter().position(is_due));
        let claimed = claimed.map(|place| others.remove(place));
        match self.take_message(user, channel, bytes, now_us, &others) {
            Ok(quota) => {
                self.turns.call_taken(user, claimed);
                if quota.remaining == 0 {
                    self.turns.promise(user, Promise::at_full(channel, kib(bytes), now_us, quota.reset_s));
                }
                Ok(quota)
            }
            Err(limit) => {
                let wait_us = self.call_wait_us(user, channel, bytes, now_us, limit.retry_after_ms);
                self.turns.promise(user, Promise::after(channel, kib(bytes), now_us, wait_us));
                Err(TooMany { retry_after_ms: u32::try_from(wait_us / 1_000).unwrap_or(u32::MAX), ..limit })
            }
        }
    }

    /// How long until a call finds its tokens beside those that others are promised, in whole milliseconds. It comes after each of them
    /// that would not find its own otherwise.
    fn call_wait_us(&self, user: UserId, channel: ChannelId, bytes: usize, now_us: u64, least_ms: u32) -> u64 {
        let mut wait_us = u64::from(least_ms) * 1_000;
        let (mut of_channel, mut of_user, mut content) = (1, 1, kib(bytes));
        for promise in self.turns.promises(user, now_us) {
            of_channel += u32::from(promise.channel == channel);
            of_user += 1;
            content += promise.kib;
            let all_us = (self.messages.wait_us(&(user, channel), of_channel, now_us))
                .max(self.user_messages.wait_us(&user, of_user, now_us))
                .max(self.user_content.wait_us(&user, content, now_us));
            if promise.from_us <= now_us + wait_us || promise.from_us < now_us + all_us {
                wait_us = wait_us.max(all_us);
            }
        }
        (wait_us + self.turns.sends_turn_us(user, now_us)).div_ceil(1_000) * 1_000
    }

    /// Counts a message that a socket sends, as [`Self::message`] does.
    ///
    /// # Errors
    /// When there were too many, or the next one is a call's; then nothing is counted.
    pub fn send(&self, user: UserId, channel: ChannelId, bytes: usize) -> Result<(), TooMany> {
        if !self.is_on {
            return Ok(());
        }
        self.send_at(user, channel, bytes, self.now_us())
    }

    pub(super) fn send_at(&self, user: UserId, channel: ChannelId, bytes: usize, now_us: u64) -> Result<(), TooMany> {
        let promises = self.turns.promises(user, now_us);
        self.take_message(user, channel, bytes, now_us, &promises)
            .inspect_err(|limit| self.turns.sends_wait(user, now_us, limit.retry_after_ms))?;
        self.turns.send_taken(user);
        Ok(())
    }

    /// A send that was counted was not taken after all: it will be counted again.
    pub fn not_sent(&self, user: UserId, channel: ChannelId, bytes: usize) {
        self.messages.give_back(&(user, channel));
        self.user_messages.give_back(&user);
        self.user_content.give_back_many(&user, kib(bytes));
    }

    /// How long it takes at least until so many messages to a channel, with so many bytes of content, have been counted.
    pub fn wait_for(&self, user: UserId, channel: ChannelId, count: u32, bytes: usize) -> Duration {
        let now_us = self.now_us();
        let of_channel = self.messages.wait_us(&(user, channel), count, now_us);
        let of_user = self.user_messages.wait_us(&user, count, now_us);
        let content = self.user_content.wait_us(&user, kib(bytes), now_us);
        Duration::from_micros(of_channel.max(of_user).max(content))
    }

    fn take_message(
        &self,
        user: UserId,
        channel: ChannelId,
        bytes: usize,
        now_us: u64,
        promises: &[Promise],
    ) -> Result<Quota, TooMany> {
        let kept = add_up(promises, |promise| u32::from(promise.channel == channel));
        let of_channel = self.messages.take_keeping((user, channel), 1, now_us, &kept)?;
        let of_user = self.user_messages.take_keeping(user, 1, now_us, &add_up(promises, |_| 1));
        let of_user = of_user.inspect_err(|_| self.messages.give_back(&(user, channel)))?;
        let in_messages = |quota: Quota| quota.in_units_of(MESSAGE_KIB_MAX);
        let kept = add_up(promises, |promise| promise.kib);
        let content = self.user_content.take_keeping(user, kib(bytes), now_us, &kept).map_err(|limit| {
            self.messages.give_back(&(user, channel));
            self.user_messages.give_back(&user);
            TooMany { quota: limit.quota.map(in_messages), ..limit }
        })?;
        Ok(of_channel.tightest(of_user).tightest(in_messages(content)))
    }
}
