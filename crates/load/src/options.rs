//! What a run can be asked to do.

use super::rest::mix::Mix;
use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Put load on a running node, measure it, and verify every event
///
/// The exit code is 0 when everything held, 1 when something did not, a threshold was missed, the node's limits were met or
/// the run could not go on, 2 when it was asked for something impossible, 130 when it was interrupted.
#[derive(Debug, Parser)]
#[command(name = "madang load", bin_name = "madang load", subcommand_required = true)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub scenario: Scenario,
    #[command(flatten)]
    pub common: Common,
}

/// What every scenario takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Every scenario")]
pub struct Common {
    /// Where the node is [default: http://127.0.0.1:8000]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "own_node")]
    pub url: Option<String>,
    /// Who may sign the certificate of an https:// node, as PEM [default: those whom this system trusts]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "own_node")]
    pub ca: Option<PathBuf>,
    /// Start a node for this run, on a database of its own, and throw both away afterwards [default: use --url]
    #[arg(long = "self", global = true)]
    pub own_node: bool,
    /// How long to put load on: 10s, 5m, 4h [default: 10s; connect 5s; resume 5s before each cut and after the last; soak 1h]
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Messages and changes (or calls) a second, of all senders together, on a fixed schedule [default: as fast as acknowledged; resume and soak 200]
    #[arg(long, global = true, value_name = "N", value_parser = number)]
    pub rate: Option<f64>,
    /// Messages and changes that a sender has on their way at once, without --rate
    #[arg(long, global = true, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub window: u32,
    /// Bytes of a message's content
    #[arg(long, global = true, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(64..=4000))]
    pub bytes: u32,
    /// Of all that a sender sends, so many per cent are edits of its own earlier messages; with --reactions and --deletions at most 90
    #[arg(long, global = true, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub edits: u32,
    /// Of all that a sender sends, so many per cent are reactions to messages that it has seen lately
    #[arg(long, global = true, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub reactions: u32,
    /// Of all that a sender sends, so many per cent are deletions of its own earlier messages
    #[arg(long, global = true, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub deletions: u32,
    /// Accounts to register and use
    #[arg(long, global = true, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub users: u32,
    /// Use these accounts, which exist, instead of registering any; needs --secret-key [default: none]
    #[arg(long, global = true, value_name = "FROM-TO", value_parser = ids, requires = "secret_key")]
    pub user_ids: Option<(i64, i64)>,
    /// The node's SECRET_KEY: tokens are signed here, and nobody has to log in [default: none]
    #[arg(long, global = true, value_name = "KEY", env = "SECRET_KEY", hide_env_values = true)]
    pub secret_key: Option<SecretString>,
    /// How the node signs tokens
    #[arg(long, global = true, value_name = "NAME", env = "ALGORITHM", default_value = "HS256", value_parser = ["HS256", "HS384", "HS512"])]
    pub algorithm: String,
    /// Source addresses to connect from, in turn [default: as many of 127.0.0.0/8 as the sockets need]
    #[arg(long, global = true, value_name = "IP,…", value_delimiter = ',')]
    pub from: Vec<IpAddr>,
    /// This process is number I of N that share a run; give all of them the same --run [default: 1/1]
    #[arg(long, global = true, value_name = "I/N", value_parser = shard, requires = "run", conflicts_with = "own_node")]
    pub shard: Option<(u32, u32)>,
    /// A name for the run; its accounts' password is made of it [default: random]
    #[arg(long, global = true, value_name = "NAME", value_parser = run_name)]
    pub run: Option<String>,
    /// The node's process on this machine, to see its memory and CPU [default: that of --self, or none]
    #[arg(long, global = true, value_name = "PID")]
    pub pid: Option<u32>,
    /// Leave the servers that were made for the run [default: delete them]
    #[arg(long, global = true)]
    pub keep: bool,
    /// Exit with 1 if the p99 is above this: of delivery; in `rest` of any call, in `connect` of the handshake [default: none]
    #[arg(long, global = true, value_name = "MS", value_parser = number)]
    pub max_p99: Option<f64>,
    /// Exit with 1 if fewer messages are acknowledged a second (`rest`: calls answered, `connect`: sockets opened) [default: none]
    #[arg(long, global = true, value_name = "N", value_parser = number)]
    pub min_rate: Option<f64>,
    /// Write the report as JSON, for a program and for --compare [default: none]
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Show the run beside an earlier one of its scenario: what --json wrote then [default: none]
    #[arg(long, global = true, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Write the report as a page with plots [default: none]
    #[arg(long, global = true, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Scenario {
    /// Many sockets in one channel
    Fanout {
        /// Sockets
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        sockets: u32,
        /// How many of them send
        #[arg(long, value_name = "N", default_value_t = 1)]
        senders: u32,
    },
    /// Many channels with a few sockets each
    Rooms {
        /// Channels
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        channels: u32,
        /// Sockets in each
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        members: u32,
        /// How many of them send, in each
        #[arg(long, value_name = "N", default_value_t = 1)]
        senders: u32,
    },
    /// A storm of connects, then silence; --duration is the silence's
    Connect {
        /// Sockets
        #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        sockets: u32,
        /// Handshakes on their way at once
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        at_once: u32,
    },
    /// Everybody is cut off and comes back, while messages are sent
    Resume {
        /// Sockets
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        sockets: u32,
        /// How many of them send
        #[arg(long, value_name = "N", default_value_t = 1)]
        senders: u32,
        /// How often everybody is cut off
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        cuts: u32,
    },
    /// Management calls
    Rest {
        /// Connections, each with one call at a time
        #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        connections: u32,
        /// Calls and their weights; `madang load rest --mix help` lists them [default: a browsing mix]
        #[arg(long, value_name = "CALL=N,…", value_parser = Mix::read)]
        mix: Option<Mix>,
    },
    /// Channels, calls and cuts all at once, for hours
    Soak {
        /// Channels
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        channels: u32,
        /// Sockets in each
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        members: u32,
        /// Connections for calls
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=10_000))]
        connections: u32,
        /// How often everybody is cut off
        #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
        cut_every: Duration,
    },
}

impl Scenario {
    /// Its word on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fanout { .. } => "fanout",
            Self::Rooms { .. } => "rooms",
            Self::Connect { .. } => "connect",
            Self::Resume { .. } => "resume",
            Self::Rest { .. } => "rest",
            Self::Soak { .. } => "soak",
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as 10s, 5m or 4h".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3_600),
        _ => None,
    };
    match seconds.ok_or_else(wrong)? {
        seconds @ 1..=259_200 => Ok(Duration::from_secs(seconds)),
        _ => Err("it may be 1s to 72h".into()),
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.01..=10_000_000.0).contains(&number) => Ok(number),
        _ => Err("write a number from 0.01 to 10000000".into()),
    }
}

fn ids(text: &str) -> Result<(i64, i64), String> {
    let parsed = text.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match parsed {
        Some((from, to)) if 0 < from && from <= to && to - from < 10_000 => Ok((from, to)),
        _ => Err("write two ids, as in 1-100; at most 10000 accounts".into()),
    }
}

fn shard(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('/').and_then(|(one, of)| Some((one.parse().ok()?, of.parse().ok()?)));
    match parsed {
        Some((one, of)) if 1 <= one && one <= of && of <= 1_000 => Ok((one, of)),
        _ => Err("write it as 1/4, 2/4, 3/4, 4/4".into()),
    }
}

/// A part of usernames.
fn run_name(text: &str) -> Result<String, String> {
    let is_good = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_good { Ok(text.to_owned()) } else { Err("1 to 16 letters and digits".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    /// With what a run is made is for everybody to see: in `--help`, not in the code.
    #[test]
    fn help_names_the_default_of_every_option() {
        let command = Options::command();
        let scenarios: Vec<_> = command.get_subcommands().collect();
        let arguments = scenarios.iter().flat_map(|scenario| scenario.get_arguments()).chain(command.get_arguments());
        let arguments: Vec<_> = arguments.filter(|argument| argument.get_id() != "help").collect();
        assert!(scenarios.len() == 6 && arguments.len() > 30);
        for argument in arguments {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let is_named = !argument.get_default_values().is_empty() && argument.get_action().takes_values();
            assert!(is_named || help.contains("[default: "), "{}: {help}", argument.get_id());
        }
    }

    #[test]
    fn times_rates_ids_and_shards_are_read_or_refused() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("4h"), Ok(Duration::from_secs(14_400)));
        for bad in ["", "h", "0s", "1d", "-1s", "99999999999999999999h", "1.5s"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
        assert_eq!(number("0.5"), Ok(0.5));
        assert!(["0", "-1", "NaN", "inf", "x"].iter().all(|bad| number(bad).is_err()));
        assert_eq!(ids("1-100"), Ok((1, 100)));
        assert!(["1", "0-3", "5-4", "1-99999", "a-b"].iter().all(|bad| ids(bad).is_err()));
        assert_eq!(shard("2/4"), Ok((2, 4)));
        assert!(["0/4", "5/4", "1", "1/0"].iter().all(|bad| shard(bad).is_err()));
    }
}
