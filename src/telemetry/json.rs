//! One JSON object a line, written as its fields come: a line for each call has to cost next to nothing.

use super::RequestId;
use std::cell::Cell;
use std::fmt::{self, Debug, Display, Write};
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `{"timestamp":…,"level":…,<fields>,"request_id":…,"target":…}`
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        line(writer, event)
    }
}

fn line(mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    writer.write_str(r#"{"timestamp":""#)?;
    timestamp(&mut writer)?;
    write!(writer, r#"","level":"{}""#, metadata.level())?;
    let mut fields = Fields { writer, target: None, has_request_id: false, result: Ok(()) };
    event.record(&mut fields);
    let Fields { mut writer, target, has_request_id, result } = fields;
    result?;
    if let Some(id) = RequestId::current().filter(|_| !has_request_id) {
        write!(writer, r#","request_id":"{id}""#)?;
    }
    writer.write_str(r#","target":""#)?;
    Escaped(&mut writer).write_str(target.as_deref().unwrap_or(metadata.target()))?;
    writer.write_str("\"}\n")
}

/// Microseconds, in UTC. What is the same for a whole second is made once.
fn timestamp(writer: &mut Writer<'_>) -> fmt::Result {
    thread_local! {
        static SECOND: Cell<(u64, [u8; 19])> = const { Cell::new((u64::MAX, [0; 19])) };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut second, mut text) = SECOND.get();
    if second != now.as_secs() {
        second = now.as_secs();
        let at = OffsetDateTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
        let (date, time) = (at.date(), at.time());
        let made = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        text = made.as_bytes().try_into().unwrap_or(text);
        SECOND.set((second, text));
    }
    writer.write_str(std::str::from_utf8(&text).unwrap_or_default())?;
    write!(writer, ".{:06}Z", now.subsec_micros())
}

struct Fields<'a> {
    writer: Writer<'a>,
    /// Where a line of the `log` crate comes from.
    target: Option<String>,
    has_request_id: bool,
    result: fmt::Result,
}

impl Fields<'_> {
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_err() || field.name().starts_with("log.") {
            return;
        }
        self.has_request_id |= field.name() == "request_id";
        let writer = &mut self.writer;
        self.result = write!(writer, r#","{}":"#, field.name()).and_then(|()| write(writer));
    }
}

fn quoted(writer: &mut Writer<'_>, value: impl Display) -> fmt::Result {
    writer.write_char('"')?;
    write!(Escaped(writer), "{value}")?;
    writer.write_char('"')
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        self.put(field, |writer| {
            writer.write_char('"')?;
            Escaped(writer).write_str(value)?;
            writer.write_char('"')
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |writer| quoted(writer, format_args!("{value:?}")));
    }
}

/// The inside of a JSON string.
struct Escaped<'a, 'b>(&'a mut Writer<'b>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            let (plain, special) = rest.split_at(at);
            self.0.write_str(plain)?;
            match special.bytes().next() {
                Some(b'"') => self.0.write_str("\\\"")?,
                Some(b'\\') => self.0.write_str("\\\\")?,
                Some(b'\n') => self.0.write_str("\\n")?,
                Some(byte) => write!(self.0, "\\u{byte:04x}")?,
                None => {}
            }
            rest = special.get(1..).unwrap_or_default();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::with_default;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(work: impl FnOnce()) -> Vec<serde_json::Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let logs = tracing_subscriber::fmt().event_format(Json).with_writer(move || writer.clone()).finish();
        with_default(logs, work);
        let text = String::from_utf8(lines.0.lock().expect("whole").clone()).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    #[test]
    fn every_kind_of_field_is_json_of_its_kind() {
        let text = "\"quoted\" \\ back\nline \u{1} 한국어";
        let lines = logged(|| {
            tracing::info!(text, display = %text, debug = ?text, signed = -7, unsigned = 7_u64, yes = true, "said");
        });
        let line = &lines[0];
        assert_eq!(line["message"], "said");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "madang::telemetry::json::tests");
        assert_eq!((&line["text"], &line["display"]), (&text.into(), &text.into()));
        assert_eq!(line["debug"], format!("{text:?}"));
        assert_eq!((&line["signed"], &line["unsigned"], &line["yes"]), (&(-7).into(), &7.into(), &true.into()));
        let at = line["timestamp"].as_str().expect("text");
        let parsed = OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).expect(at);
        assert!((OffsetDateTime::now_utc() - parsed).abs() < time::Duration::MINUTE, "{at}");
    }

    #[tokio::test]
    async fn a_line_names_its_call_once() {
        let id = RequestId::random();
        let lines = id
            .scope(async {
                logged(|| {
                    tracing::warn!("inside");
                    tracing::warn!(request_id = "given", "inside");
                })
            })
            .await;
        assert_eq!(lines[0]["request_id"], id.as_str());
        assert_eq!(lines[1]["request_id"], "given");
    }
}
