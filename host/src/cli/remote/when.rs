//! Moments as the API says them, in seconds since 1970, as people read them.

use std::time::{Duration, UNIX_EPOCH};

use crate::audit::Stamp;

/// A moment in RFC 3339, to the second.
pub fn shown(seconds: u64) -> String {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let Some(at) = at else {
        return "never".to_owned();
    };
    let text = Stamp::from(at).to_string();
    match text.split_once('.') {
        Some((to_the_second, _)) => format!("{to_the_second}Z"),
        None => text,
    }
}

/// When something ends, if it does.
pub fn end(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_and_a_time() {
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(1_798_135_200), "2026-12-24T18:00:00Z");
        assert!(shown(u64::MAX).starts_with("never") || shown(u64::MAX).starts_with("9999"));
        assert_eq!(end(None), "never");
    }
}
