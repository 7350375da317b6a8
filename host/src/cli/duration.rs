//! `10s`, `500ms`, `1.5m`, `30d`: how long, as people type it.

use std::time::Duration;

/// Longest time that can be asked for: ten years.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 24.0 * 3600.0;

/// Reads a number and its unit.
///
/// # Errors
/// What to write instead.
pub fn parse(text: &str) -> Result<Duration, String> {
    let help =
        || "write a number and a unit, such as `10s`, `500ms`, `2m`, `1h` or `30d`".to_owned();
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(help)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(help)?;
    let seconds_each = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 24.0 * 3600.0,
        _ => return Err(help()),
    };
    let seconds = number.trim().parse::<f64>().map_err(|_no_number| help())? * seconds_each;
    if !(0.0..=MAX_SECONDS).contains(&seconds) {
        return Err("it has to be between 0 and ten years".to_owned());
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, millis) in [
            ("10s", 10_000),
            ("500ms", 500),
            ("1.5m", 90_000),
            ("0s", 0),
            ("1 h", 3_600_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["10", "s", "", "-1s", "1w", "1e999s", "NaNs", "10 seconds"] {
            parse(wrong).unwrap_err();
        }
    }
}
