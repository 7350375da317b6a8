//! What strangers say, as a page shows it: of bounded length, and without characters that turn the text around.
//! Escaping for HTML is the templates' own.

use std::fmt::{Display, Write as _};

use serde_json::Value as Json;
use time::OffsetDateTime;

use crate::text::is_harmless_in_names;

/// The longest name or address.
pub const MAX_WORD_CHARS: usize = 80;
/// The longest sentence, such as a reason or a description.
pub const MAX_LINE_CHARS: usize = 600;
/// The longest text of several lines.
pub const MAX_BLOCK_CHARS: usize = 8_000;

/// At most `most` characters of `text`, those that show nothing or change the direction written out.
pub fn shown(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == most {
            let rest = text.chars().count().saturating_sub(most);
            let _ = write!(out, "… ({rest} more characters)");
            break;
        }
        show(&mut out, c);
    }
    out
}

fn show(out: &mut String, c: char) {
    if matches!(c, '\n' | '\t') || is_harmless_in_names(c) {
        out.push(c);
    } else {
        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    }
}

/// JSON for people, of bounded length.
pub fn json(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    shown(&text, MAX_BLOCK_CHARS)
}

/// Bytes in the unit that suits them.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = as_float(count);
    let mut units = UNITS.iter().peekable();
    while let Some(unit) = units.next() {
        if scaled < 1024.0 || units.peek().is_none() {
            let digits = usize::from(*unit != "B" && scaled < 100.0);
            return format!("{scaled:.digits$} {unit}");
        }
        scaled /= 1024.0;
    }
    String::new()
}

#[expect(
    clippy::as_conversions,
    reason = "a rounded number is shown, and no other way rounds"
)]
const fn as_float(count: u64) -> f64 {
    count as f64
}

/// A number with commas between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Seconds of a duration.
pub fn seconds(lasting: f64) -> String {
    if lasting < 100.0 {
        format!("{lasting:.2} s")
    } else if lasting < 7200.0 {
        format!("{lasting:.0} s")
    } else {
        format!("{:.1} h", lasting / 3600.0)
    }
}

/// A time, in UTC.
pub fn moment(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok();
    let at = at.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    let Some(at) = at else {
        return format!("{seconds} s after 1970");
    };
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// What the templates say to shorten what they show.
pub mod filters {
    use super::{Display, MAX_BLOCK_CHARS, MAX_LINE_CHARS, MAX_WORD_CHARS, shown};

    /// A name, an address, an id.
    #[askama::filter_fn]
    pub fn word(value: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(shown(&value.to_string(), MAX_WORD_CHARS))
    }

    /// A sentence.
    #[askama::filter_fn]
    pub fn line(value: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(shown(&value.to_string(), MAX_LINE_CHARS))
    }

    /// A text of several lines.
    #[askama::filter_fn]
    pub fn block(value: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(shown(&value.to_string(), MAX_BLOCK_CHARS))
    }

    /// A part of the path of an address.
    #[askama::filter_fn]
    pub fn part(value: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::super::client::part(&value.to_string()))
    }

    /// Bytes in the unit that suits them.
    #[askama::filter_fn]
    pub fn bytes(value: &u64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::bytes(*value))
    }

    /// A number with commas.
    #[askama::filter_fn]
    pub fn count(value: &u64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::count(*value))
    }

    /// Seconds of a duration.
    #[askama::filter_fn]
    pub fn seconds(value: &f64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::seconds(*value))
    }

    /// A time, in UTC.
    #[askama::filter_fn]
    pub fn moment(value: &u64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::moment(*value))
    }

    /// JSON for people.
    #[askama::filter_fn]
    pub fn shown_json(value: &serde_json::Value, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::json(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_text_around_is_written_out_and_long_text_is_cut() {
        assert_eq!(
            shown("a\u{202e}b\u{200f}\0", 80),
            "a\\u{202e}b\\u{200f}\\u{0}"
        );
        assert_eq!(shown("שלום, Grüße 測定", 80), "שלום, Grüße 測定");
        assert_eq!(shown(&"é".repeat(100), 3), "ééé… (97 more characters)");
        assert_eq!(shown("abc", 3), "abc");
    }

    #[test]
    fn numbers_suit_people() {
        assert_eq!(
            [0, 1023, 1536, 3 << 30].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "3.0 GiB"]
        );
        assert_eq!([7, 1234, 1_234_567].map(count), ["7", "1,234", "1,234,567"]);
        assert_eq!(moment(1_700_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(moment(u64::MAX), format!("{} s after 1970", u64::MAX));
        assert_eq!(
            [0.25, 120.0, 7200.0].map(seconds),
            ["0.25 s", "120 s", "2.0 h"]
        );
    }
}
