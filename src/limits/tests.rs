use super::*;

#[test]
fn addresses_of_one_ipv6_network_count_together_and_mapped_ones_as_ipv4() {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let network = |text: &str| super::network(address(text), HOUSEHOLD);
    let site = |text: &str| super::network(address(text), SITE);
    assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
    assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    assert_eq!(site("2001:db8::1"), site("2001:db8:0:ff::1"));
    assert_ne!(site("2001:db8::1"), site("2001:db8:0:100::1"));
    assert_eq!(network("::ffff:192.0.2.1"), address("192.0.2.1"));
    assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
}

#[test]
fn a_message_is_told_the_limit_that_is_reached_first() {
    let limits = Limits::new(true, Uptime::default());
    let told = |user: i64, channel: i64, bytes| {
        let quota = limits.message(UserId(user), ChannelId(channel), bytes).map_err(|limit| limit.quota);
        quota.unwrap_or_else(|refused| refused).map(|quota| (quota.limit, quota.remaining))
    };
    assert_eq!(told(1, 1, 1), Some((10, 9)));
    // 27 more to other channels: of all of them 2 remain, of the first channel 8.
    assert!((0..27).all(|number| told(1, 10 + number / 9, 1).is_some()));
    assert_eq!(told(1, 1, 1), Some((30, 1)));
    // Content counts in messages of the greatest length.
    assert!((0..15).all(|number| told(2, number, 16_000).is_some()));
    assert_eq!(told(2, 99, 1), Some((16, 0)));
    assert_eq!(told(2, 98, 16_000), Some((16, 0)), "refused");
}

/// What one limit refuses, no other counts.
#[test]
fn a_message_that_is_refused_spends_nothing() {
    let limits = Limits::new(true, Uptime::default());
    let say = |user: i64, channel: i64, bytes| limits.message(UserId(user), ChannelId(channel), bytes);
    assert!((0..30).all(|number| say(1, number / 10, 1).is_ok()));
    assert!((0..5).all(|_| say(1, 9, 1).is_err()), "the user has no more");
    let left = limits.messages.take((UserId(1), ChannelId(9)), limits.now_us());
    assert_eq!(left.map(|quota| quota.remaining), Ok(9), "the channel has all");
    assert!((0..16).all(|number| say(2, number, 16_000).is_ok()));
    assert!((0..5).all(|_| say(2, 99, 16_000).is_err()), "there was too much content");
    let left = limits.messages.take((UserId(2), ChannelId(99)), limits.now_us());
    assert_eq!(left.map(|quota| quota.remaining), Ok(9));
    let left = limits.user_messages.take(UserId(2), limits.now_us());
    assert!(left.is_ok_and(|quota| quota.remaining >= 13), "{left:?}");
}

/// A client of calls that does what the headers say, which count in whole seconds; its calls take a while to arrive.
struct Obedient {
    channel: ChannelId,
    bytes: usize,
    way_us: u64,
    comes_at_us: u64,
    taken: u32,
    refused_though_obeying: u32,
    is_told: bool,
    /// Whether it waits as soon as nothing remains, or only once it is refused.
    minds_what_remains: bool,
}

impl Obedient {
    fn new(channel: i64, bytes: usize, way_us: u64, minds_what_remains: bool) -> Self {
        let (channel, comes_at_us) = (ChannelId(channel), 15_000_000);
        let (taken, refused_though_obeying, is_told) = (0, 0, false);
        Self { channel, bytes, way_us, comes_at_us, taken, refused_though_obeying, is_told, minds_what_remains }
    }

    fn go_on(&mut self, limits: &Limits, now_us: u64) {
        if now_us < self.comes_at_us {
            return;
        }
        let wait_s = match limits.message_at(UserId(1), self.channel, self.bytes, now_us) {
            Ok(quota) => {
                self.taken += 1;
                (self.minds_what_remains && quota.remaining == 0).then_some(quota.reset_s)
            }
            Err(limit) => {
                self.refused_though_obeying += u32::from(self.is_told);
                Some(limit.retry_after_ms.div_ceil(1_000))
            }
        };
        self.is_told = wait_s.is_some();
        // Who need not wait thinks for a while, so that it comes at every moment between two tokens.
        let pause_us =
            wait_s.map_or(u64::from(self.taken) * 377_000 % 1_000_000, |wait_s| u64::from(wait_s) * 1_000_000);
        self.comes_at_us = now_us + pause_us + self.way_us;
    }
}

/// For a minute, with sends of this size that wait in these channels and look for their tokens all the time: how many were taken.
fn beside_waiting_sends(limits: &Limits, sends: &[(i64, usize)], clients: &mut [Obedient]) -> u32 {
    let mut sent = 0;
    for now_us in (0..75_000_000).step_by(10_000) {
        for (channel, bytes) in sends {
            sent += u32::from(limits.send_at(UserId(1), ChannelId(*channel), *bytes, now_us).is_ok());
        }
        clients.iter_mut().for_each(|client| client.go_on(limits, now_us));
    }
    sent
}

/// Whatever the way of its calls takes, wherever else its user calls, and however large the others are.
#[test]
fn a_call_that_obeys_is_never_refused_beside_sends_that_wait() {
    let variants = [1, 50, 250, 900].into_iter().flat_map(|way_ms| [(way_ms, true), (way_ms, false)]);
    for (way_ms, minds_what_remains) in variants {
        for (sends, clients) in [
            (vec![(1, 10)], vec![(1, 10)]),
            (vec![(1, 10), (2, 10), (3, 10)], vec![(1, 10), (2, 10)]),
            (vec![(1, 10), (2, 1_000), (3, 4_000), (4, 10), (5, 10), (6, 10)], vec![(1, 16_000)]),
            (vec![(1, 10)], vec![(1, 10), (1, 10), (2, 10)]),
        ] {
            if clients.len() > 2 && !minds_what_remains {
                // More than are promised something at once.
                continue;
            }
            let limits = Limits::new(true, Uptime::default());
            let new =
                |(channel, bytes): &(i64, usize)| Obedient::new(*channel, *bytes, way_ms * 1_000, minds_what_remains);
            let mut made: Vec<Obedient> = clients.iter().map(new).collect();
            let sent = beside_waiting_sends(&limits, &sends, &mut made);
            let what = format!("{way_ms} ms, {minds_what_remains}, sends {sends:?}, calls {clients:?}: {sent} sent");
            for client in &made {
                assert_eq!(client.refused_though_obeying, 0, "{what}");
                assert!(client.taken >= 4, "{} taken, {what}", client.taken);
            }
            assert!(sent >= 35, "sends have their turn: {what}");
        }
    }
}

/// Who was told before any send waited is promised its token as well.
#[test]
fn a_send_that_comes_later_takes_nothing_that_a_call_was_told() {
    let limits = Limits::new(true, Uptime::default());
    let (user, channel) = (UserId(1), ChannelId(1));
    assert!((0..10).all(|_| limits.message_at(user, channel, 1, 0).is_ok()));
    let told = limits.message_at(user, channel, 1, 0).expect_err("there is none").retry_after_ms;
    let at_us = u64::from(told) * 1_000;
    assert!(limits.send_at(user, channel, 1, at_us).is_err(), "it is kept");
    assert!(limits.message_at(user, channel, 1, at_us + 20_000).is_ok());
}

#[test]
fn more_calls_than_may_be_promised_something_are_told_a_time_and_no_more() {
    let limits = Limits::new(true, Uptime::default());
    let (user, channel) = (UserId(1), ChannelId(1));
    while limits.message_at(user, channel, 1, 0).is_ok() {}
    let told: Vec<u32> =
        (0..8).map(|_| limits.message_at(user, channel, 1, 0).expect_err("none").retry_after_ms).collect();
    assert!(told.is_sorted() && told.first() < told.last(), "{told:?}");
    assert_eq!(limits.turns.promises(user, 0).len(), 1 + turns::PROMISES_MAX, "the first knew that nothing remained");
    assert!(limits.turns.promises(user, 30_000_000).is_empty(), "nothing is kept for ever");
}

#[test]
fn refusals_beyond_a_rate_have_no_lines_and_are_counted() {
    let limits = Limits::new(true, Uptime::default());
    let address = |last: u8| IpAddr::from([192, 0, 2, last]);
    assert!((0..REFUSAL_LINES.burst).all(|_| limits.has_line(address(1))));
    let without = (0..20).filter(|_| !limits.has_line(address(1))).count() as u64;
    assert!(without >= 19 && limits.has_line(address(2)));
    assert_eq!((limits.take_unlogged(), limits.take_unlogged()), (without, 0));
}

/// Who has to wait for one account spends nothing of what the address may try at others.
#[test]
fn a_try_that_has_to_wait_is_none() {
    let limits = RareLimits::new(Uptime::default());
    let here = IpAddr::from([192, 0, 2, 1]);
    let tried = PasswordTry::new(Account::named("mina"), here);
    for _ in 0..LOGIN_FAILURES {
        drop(limits.login(tried).map_err(drop));
    }
    assert!((0..100).all(|_| limits.login(tried).is_err()));
    let left = limits.take(RareLimit::wrong_passwords(here));
    assert!(left.is_ok_and(|quota| quota.remaining >= ADDRESS_FAILURES.burst - LOGIN_FAILURES - 1), "{left:?}");
}

#[test]
fn nothing_is_limited_when_it_is_off() {
    let limits = Limits::new(false, Uptime::default());
    for _ in 0..1_000 {
        assert_eq!(limits.call(UserId(1)), Ok(None));
        assert!(limits.socket(UserId(1)).is_ok_and(|slot| slot.is_none()));
    }
}
