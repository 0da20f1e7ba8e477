//! What a run does where nobody says otherwise, and the whole of what it was asked to do.

use super::options::{Options, Scenario};
use super::report::times::{ANY_CALL, DELIVERY, HANDSHAKE, Scheduled};
use std::time::Duration;

/// Messages a second where sockets are cut off, if nobody says otherwise: what everybody has missed grows with it.
const RATE_WITH_CUTS: f64 = 200.0;
const LOAD_S: u64 = 10;
const SILENCE_S: u64 = 5;
/// Before each cut, and after the last.
const BETWEEN_CUTS_S: u64 = 5;
const SOAK_S: u64 = 3_600;

impl Options {
    /// How long load is put on.
    pub fn duration(&self) -> Duration {
        let default_s = match &self.scenario {
            Scenario::Fanout { .. } | Scenario::Rooms { .. } | Scenario::Rest { .. } => LOAD_S,
            Scenario::Connect { .. } => SILENCE_S,
            Scenario::Resume { cuts, .. } => BETWEEN_CUTS_S * (u64::from(*cuts) + 1),
            Scenario::Soak { .. } => SOAK_S,
        };
        self.common.duration.unwrap_or(Duration::from_secs(default_s))
    }

    /// Messages a second; in `rest`, calls.
    pub fn rate(&self) -> Option<f64> {
        let default = match &self.scenario {
            Scenario::Resume { .. } | Scenario::Soak { .. } => Some(RATE_WITH_CUTS),
            Scenario::Fanout { .. } | Scenario::Rooms { .. } | Scenario::Connect { .. } | Scenario::Rest { .. } => None,
        };
        self.common.rate.or(default)
    }

    /// What has a schedule.
    pub fn scheduled(&self) -> Scheduled {
        let (is_set, is_rest) = (self.rate().is_some(), matches!(self.scenario, Scenario::Rest { .. }));
        Scheduled { messages: is_set && !is_rest, calls: is_set && is_rest }
    }

    /// All that makes the load what it is, defaults filled in: runs in which none of it differs can be compared.
    pub fn shape(&self) -> Vec<(String, String)> {
        let common = &self.common;
        let number = |name: &'static str, number: &u32| (name, number.to_string());
        let rate = ("rate", self.rate().map_or("as fast as acknowledged".into(), |rate| rate.to_string()));
        let bytes = number("bytes", &common.bytes);
        let sends = match self.rate() {
            Some(_) => vec![rate.clone(), bytes],
            None => vec![rate.clone(), number("window", &common.window), bytes],
        };
        let (mut shape, also) = match &self.scenario {
            Scenario::Fanout { sockets, senders } => {
                (vec![number("sockets", sockets), number("senders", senders)], sends)
            }
            Scenario::Rooms { channels, members, senders } => {
                (vec![number("channels", channels), number("members", members), number("senders", senders)], sends)
            }
            Scenario::Connect { sockets, at_once } => {
                (vec![number("sockets", sockets), number("at-once", at_once)], Vec::new())
            }
            Scenario::Resume { sockets, senders, cuts } => {
                (vec![number("sockets", sockets), number("senders", senders), number("cuts", cuts)], sends)
            }
            Scenario::Rest { connections, mix } => {
                let mix = mix.clone().unwrap_or_default().to_string();
                (vec![number("connections", connections), ("mix", mix)], vec![rate])
            }
            Scenario::Soak { channels, members, connections, cut_every } => {
                let cut_every = ("cut-every", seconds(*cut_every));
                let numbers = [("channels", channels), ("members", members), ("connections", connections)];
                (numbers.map(|(name, each)| number(name, each)).into_iter().chain([cut_every]).collect(), sends)
            }
        };
        shape.extend(also);
        let changes = [("edits", common.edits), ("reactions", common.reactions), ("deletions", common.deletions)];
        let mixed_in = changes.into_iter().filter(|(_, percent)| *percent > 0);
        shape.extend(mixed_in.map(|(name, percent)| (name, format!("{percent}%"))));
        shape.push(("duration", seconds(self.duration())));
        shape.push(match common.user_ids {
            Some((from, to)) => ("user-ids", format!("{from}-{to}")),
            None => number("users", &common.users),
        });
        shape.extend(common.shard.map(|(shard, of)| ("shard", format!("{shard}/{of}"))));
        shape.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Scenario {
    /// The time that says how well the node does: the samples have it, and `--max-p99` is of it.
    pub fn main(&self) -> &'static str {
        match self {
            Self::Fanout { .. } | Self::Rooms { .. } | Self::Resume { .. } | Self::Soak { .. } => DELIVERY,
            Self::Connect { .. } => HANDSHAKE,
            Self::Rest { .. } => ANY_CALL,
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn shape(words: &str) -> String {
        let options = Options::try_parse_from(words.split(' ')).expect("it is read");
        options.shape().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_nobody_says_is_filled_in() {
        assert_eq!(
            shape("load fanout"),
            "sockets=1000 senders=1 rate=as fast as acknowledged window=16 bytes=100 duration=10s users=4"
        );
        assert_eq!(
            shape("load resume --cuts 4"),
            "sockets=1000 senders=1 cuts=4 rate=200 bytes=100 duration=25s users=4"
        );
        assert_eq!(shape("load resume --cuts 4"), shape("load resume --rate 200 --cuts 4 --duration 25s --keep"));
        assert_eq!(
            shape("load fanout --rate 50 --edits 10 --deletions 5"),
            "sockets=1000 senders=1 rate=50 bytes=100 edits=10% deletions=5% duration=10s users=4"
        );
        assert_eq!(shape("load connect --sockets 5"), "sockets=5 at-once=500 duration=5s users=4");
        assert_eq!(
            shape("load rest --mix me=1,post=2 --run a --shard 1/2 --secret-key x --user-ids 1-3"),
            "connections=16 mix=me=1,post=2 rate=as fast as acknowledged duration=10s user-ids=1-3 shard=1/2"
        );
    }
}
