//! When something happened, as the log writes it: RFC 3339 in UTC, to the millisecond.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const MILLIS_PER_SECOND: u64 = 1_000;
const NANOS_PER_MILLI: i128 = 1_000_000;
/// 9999-12-31T23:59:59Z: RFC 3339 has four digits for a year.
const LAST_SECOND: u64 = 253_402_300_799;

/// A time of the wall clock: milliseconds since 1970, in UTC.
///
/// It is what the clock said, even where the clock was set back meanwhile: the order of lines is their `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Stamp(u64);

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time. Write it like 2026-11-29T21:30:00Z")]
pub struct NotATime(String);

impl Stamp {
    /// Now.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl From<SystemTime> for Stamp {
    /// A time before 1970 becomes 1970; one after the year 9999, its end.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs().min(LAST_SECOND);
        Self(seconds * MILLIS_PER_SECOND + u64::from(since.subsec_millis()))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0 / MILLIS_PER_SECOND).map_err(|_| fmt::Error)?;
        let at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| fmt::Error)?;
        let (date, time) = (at.date(), at.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.0 % MILLIS_PER_SECOND,
        )
    }
}

impl FromStr for Stamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime(text.to_owned()))?;
        let millis = at.unix_timestamp_nanos().div_euclid(NANOS_PER_MILLI);
        match u64::try_from(millis) {
            // An offset may move a time out of what can be written again.
            Ok(millis) if millis / MILLIS_PER_SECOND <= LAST_SECOND => Ok(Self(millis)),
            _ => Err(NotATime(text.to_owned())),
        }
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.to_string()
    }
}

impl TryFrom<String> for Stamp {
    type Error = NotATime;

    fn try_from(text: String) -> Result<Self, NotATime> {
        text.parse()
    }
}
