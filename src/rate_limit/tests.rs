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
    let limits = Limits::new(true);
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
    let limits = Limits::new(true);
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

/// Sends that wait look for a token all the time; a call comes when it was told to.
#[test]
fn a_call_that_obeys_has_its_turn_beside_sends_that_wait_and_so_have_they() {
    let limits = Limits::new(true);
    let (user, channel) = (UserId(1), ChannelId(1));
    let (mut now_us, mut told_us, mut last_us) = (0, None, 0);
    let (mut calls, mut sends, mut refused) = (0, 0, 0);
    while now_us < 60_000_000 {
        let kept_us = limits.turns.promised(user, now_us);
        match limits.take_message(user, channel, 1, (now_us, kept_us)) {
            Ok(_) => {
                limits.turns.taken(user, Taker::Send);
                sends += 1;
            }
            Err(limit) => limits.turns.sends_wait(user, now_us, limit.retry_after_ms),
        }
        if now_us > 15_000_000 && told_us.is_none_or(|told_us| told_us <= now_us) {
            match limits.take_message(user, channel, 1, (now_us, None)) {
                Ok(_) => {
                    limits.turns.taken(user, Taker::Call);
                    (calls, told_us) = (calls + 1, None);
                    last_us = now_us;
                }
                Err(limit) => {
                    refused += u32::from(told_us.is_some());
                    let wait_ms = limits.turns.promise(user, now_us, limit.retry_after_ms);
                    told_us = Some(now_us + u64::from(wait_ms) * 1_000);
                }
            }
        }
        now_us += 10_000;
    }
    assert_eq!(refused, 0, "who obeys is never refused");
    assert!((20..=24).contains(&calls) && (45..=50).contains(&sends), "{calls} {sends}");
    assert!(last_us > 57_000_000, "to the end");
}

#[test]
fn refusals_beyond_a_rate_have_no_lines_and_are_counted() {
    let limits = Limits::new(true);
    let address = |last: u8| IpAddr::from([192, 0, 2, last]);
    assert!((0..REFUSAL_LINES.burst).all(|_| limits.has_line(address(1))));
    let without = (0..20).filter(|_| !limits.has_line(address(1))).count() as u64;
    assert!(without >= 19 && limits.has_line(address(2)));
    assert_eq!((limits.take_unlogged(), limits.take_unlogged()), (without, 0));
}

/// Who has to wait for one account spends nothing of what the address may try at others.
#[test]
fn a_try_that_has_to_wait_is_none() {
    let limits = Limits::new(true);
    let here = IpAddr::from([192, 0, 2, 1]);
    for _ in 0..LOGIN_FAILURES {
        drop(limits.login(Account::named("mina"), here).map_err(drop));
    }
    assert!((0..100).all(|_| limits.login(Account::named("mina"), here).is_err()));
    let left = limits.failures.take(here, limits.now_us());
    assert!(left.is_ok_and(|quota| quota.remaining >= ADDRESS_FAILURES.burst - LOGIN_FAILURES - 1), "{left:?}");
}

#[test]
fn nothing_is_limited_when_it_is_off() {
    let limits = Limits::new(false);
    for _ in 0..1_000 {
        assert_eq!(limits.call(UserId(1)), Ok(None));
        assert!(limits.login(Account::named("mina"), IpAddr::V6(Ipv6Addr::LOCALHOST)).is_ok());
        assert!(limits.socket(UserId(1)).is_ok_and(|slot| slot.is_none()));
    }
}
