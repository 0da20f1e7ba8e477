//! A call's name: in its answer, and in every line that is logged while it is served.

use std::fmt;
use std::future::Future;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 128 random bits in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// A new one.
    pub fn random() -> Self {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(rand::random::<u128>().to_be_bytes()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xF)]);
        }
        Self(digits)
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// That of the call that is being served here.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok()
    }

    /// Serves a call: what `work` logs names it. It costs less than a tracing span, which is stored and formatted for each call.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// The same for a part of the present call that runs as a task of its own.
    pub async fn in_current<F: Future>(current: Option<Self>, work: F) -> F::Output {
        match current {
            Some(current) => current.scope(work).await,
            None => work.await,
        }
    }
}

fn digit(four_bits: u8) -> u8 {
    four_bits + if four_bits < 10 { b'0' } else { b'a' - 10 }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Lines for a terminal that begin with the name of the call.
pub(super) struct Prefixed<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for Prefixed<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if let Some(id) = RequestId::current() {
            write!(writer, "{id} ")?;
        }
        self.0.format_event(context, writer, event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_32_lower_case_digits_and_another_one_each_time() {
        let id = RequestId::random();
        assert!(id.as_str().len() == 32 && id.as_str().bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{id}");
        assert_ne!(id, RequestId::random());
    }

    #[tokio::test]
    async fn it_is_current_while_its_call_is_served() {
        let id = RequestId::random();
        assert_eq!(id.scope(async { RequestId::current() }).await, Some(id));
        assert_eq!(RequestId::current(), None);
    }
}
