//! Words, times, and what is held back.

use std::time::{Duration, Instant, UNIX_EPOCH};

use super::*;

#[test]
fn words_are_bounded_and_move_no_cursor() {
    assert_eq!(&*Text::new("plain \"words\" äöü"), "plain \"words\" äöü");
    assert_eq!(
        &*Text::new("a\x1b[2J\n\u{202e}b\u{9b}"),
        "a\\u{1b}[2J\\u{a}\\u{202e}b\\u{9b}"
    );
    for long in ["a", "ä", "🦀", "\"", "\x00", "\u{202e}", "ab\"c\n"] {
        let text = Text::new(long.repeat(2_000));
        assert!(
            text.ends_with('…') && text.chars().count() <= 512,
            "{long:?}"
        );
        let json = serde_json::to_string(&text).unwrap();
        assert!(json.len() <= 1_024 + 2, "{long:?}");
        assert_eq!(Text::new(&*text), text, "it stays what it is");
        assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
    }
}

#[test]
fn the_longest_record_is_a_line() {
    let dir = temp();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    let hostile = "\"\x00🦀".repeat(2_000);
    let record = Record::new(Kind::TokenRevoked)
        .tenant(&hostile)
        .module(&hostile);
    let record = record
        .instance(&hostile)
        .who(&hostile)
        .what(&hostile)
        .reason(&hostile);
    log.append(record.more(u64::MAX).lost(u64::MAX));
    drop(log);
    check(dir.path(), None).unwrap();
    assert!(lines(&path(dir.path(), 1)).pop().unwrap().len() <= MAX_LINE_BYTES);
}

#[test]
fn kinds_have_one_name() {
    for kind in Kind::ALL {
        assert_eq!(kind.label().parse(), Ok(*kind));
        assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
    }
    assert!("nothing".parse::<Kind>().is_err());
}

#[test]
fn times_are_written_as_they_are_read() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_987_800_123, "2026-11-29T21:30:00.123Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] {
        let stamp = Stamp::from(UNIX_EPOCH + Duration::from_millis(millis));
        assert_eq!((stamp.millis(), stamp.to_string().as_str()), (millis, text));
        assert_eq!(text.parse(), Ok(stamp));
    }
    let offset: Stamp = "2026-11-29T22:30:00.123+01:00".parse().unwrap();
    assert_eq!(offset.millis(), 1_795_987_800_123);
    let far = UNIX_EPOCH + Duration::from_secs(1 << 50);
    assert!(Stamp::from(far).to_string().starts_with("9999-12-31"));
    assert_eq!(Stamp::from(UNIX_EPOCH - Duration::from_secs(1)).millis(), 0);
    for none in ["", "yesterday", "2026-11-29", "1969-12-31T23:59:59Z"] {
        assert!(none.parse::<Stamp>().is_err(), "{none}");
    }
}

#[test]
fn a_flood_is_held_back_and_counted() {
    let (flood, begin) = (Flood::default(), Instant::now());
    let at = |millis| begin + Duration::from_millis(millis);
    let passed = (0..1_000_000).filter(|_| flood.admit(Kind::Denied, begin).is_some());
    assert_eq!(passed.count(), 20);
    assert_eq!(
        flood.admit(Kind::Limit, begin),
        Some(0),
        "another kind is not held back"
    );
    assert_eq!(flood.admit(Kind::Denied, at(999)), None);
    assert_eq!(flood.admit(Kind::Denied, at(1_000)), Some(999_981));
    assert_eq!(flood.admit(Kind::Denied, at(1_001)), None);
    assert_eq!(flood.admit(Kind::Denied, at(2_000)), Some(1));
    assert_eq!(flood.admit(Kind::Denied, at(2_001)), None);
    assert_eq!(flood.drain(), [(Kind::Denied, 1)]);
    assert_eq!(flood.drain(), []);
    let later = (0..100).filter(|_| flood.admit(Kind::Denied, at(60_000)).is_some());
    assert_eq!(later.count(), 20, "a burst again after a quiet time");
}
