//! A length of time as an author writes it: `10min`.

/// `text` in milliseconds; `None`: it is not a length of time, is none, or is longer than a contract can say.
pub(super) fn milliseconds(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: u32 = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let milliseconds = number.parse::<u32>().ok()?.checked_mul(unit)?;
    (milliseconds > 0).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, expected) in [
            ("10min", Some(600_000)),
            ("90 s", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("250ms", Some(250)),
            ("10", None),
            ("0s", None),
            ("min", None),
            ("-1s", None),
            ("1.5s", None),
            ("1193h", Some(4_294_800_000)),
            ("1194h", None),
            ("8760h", None),
            ("1d", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
