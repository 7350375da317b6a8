//! Points in time as text and back: the calendar of ISO 8601, without leap seconds.

use external_worker::Result;

use crate::numbers::invalid;

const DAY: i64 = 86_400;
/// The first second of the year 0, and the first of the year 10000.
const RANGE: std::ops::Range<f64> = -62_167_219_200.0..253_402_300_800.0;

fn checked(seconds: f64) -> Result<i64> {
    match RANGE.contains(&seconds) {
        true => Ok(seconds.floor() as i64),
        false => Err(invalid("the point in time is not in the years 0 to 9999")),
    }
}

/// `2026-01-31T12:00:00Z`
pub fn text(seconds: f64) -> Result<String> {
    let seconds = checked(seconds)?;
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    Ok(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

/// From 1 for Monday to 7 for Sunday.
pub fn weekday(seconds: f64) -> Result<i64> {
    // The first day was a Thursday.
    let days = checked(seconds)?.div_euclid(DAY);
    Ok((days + 3).rem_euclid(7) + 1)
}

/// `1:02:03`
pub fn duration(seconds: f64) -> Result<String> {
    if seconds.is_nan() || seconds.abs() >= 1e15 {
        return Err(invalid("the length of time is too long"));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs().floor() as i64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    Ok(format!("{sign}{hours}:{minutes:02}:{seconds:02}"))
}

/// What [`text`] writes, and a date alone.
pub fn seconds(text: &str) -> Result<f64> {
    let problem = || invalid("expected a point in time such as 2026-01-31T12:00:00Z");
    let text = text.trim().trim_end_matches(['Z', 'z']);
    let (date, time) = text
        .split_once(['T', 't', ' '])
        .unwrap_or((text, "00:00:00"));
    let [year, month, day] = numbers(date, '-').ok_or_else(problem)?;
    let [hour, minute, second] = numbers(time, ':').ok_or_else(problem)?;
    let days = days(year, month, day).ok_or_else(problem)?;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(problem());
    }
    Ok((days * DAY + hour * 3600 + minute * 60 + second) as f64)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let parts = text.split(separator).map(|part| {
        let is_plain = (1..=4).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit());
        is_plain.then(|| part.parse().ok())?
    });
    let parts: Option<Vec<i64>> = parts.collect();
    parts?.try_into().ok()
}

/// Year, month and day so many days after the beginning of 1970. Years begin in March here, so that the day
/// that not all have is the last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The other way round; `None`: there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let shifted = year - i64::from(month <= 2);
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    let days = era * 146_097 + of_era - 719_468;
    (date(days) == (year, month, day)).then_some(days)
}
