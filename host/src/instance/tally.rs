//! What came of the calls of an instance, and how long they took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Upper bounds of what calls are sorted by, in seconds: from a call that only computes to one that waits for a device.
pub const BOUNDS: [f64; 10] = [
    0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1.0, 10.0, 60.0,
];

/// Counts calls as they end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    failed: AtomicU64,
    nanos: AtomicU64,
    /// Those that took at most so long, and no less; the last has the rest.
    took: [AtomicU64; BOUNDS.len() + 1],
}

/// Calls that have ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Those that ended with an error.
    pub failed: u64,
    /// What all of them took together.
    pub time: Duration,
    /// How many took at most as long as each of [`BOUNDS`] and longer than the one before; the last number is of
    /// those that took longer.
    pub took: Vec<u64>,
}

impl Calls {
    /// All that have ended, well or not.
    pub fn ended(&self) -> u64 {
        self.took
            .iter()
            .fold(0, |sum, some| sum.saturating_add(*some))
    }
}

impl Tally {
    /// A call has ended.
    pub(super) fn count(&self, took: Duration, is_ok: bool) {
        if !is_ok {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        let at = BOUNDS.iter().position(|bound| seconds <= *bound);
        if let Some(bucket) = self.took.get(at.unwrap_or(BOUNDS.len())) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn calls(&self) -> Calls {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Calls {
            failed: read(&self.failed),
            time: Duration::from_nanos(read(&self.nanos)),
            took: self.took.iter().map(read).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_counted_once_where_it_belongs() {
        let tally = Tally::default();
        for (took, is_ok) in [(0, true), (100, true), (101, false), (61_000_000, false)] {
            tally.count(Duration::from_micros(took), is_ok);
        }
        let calls = tally.calls();
        assert_eq!((calls.ended(), calls.failed), (4, 2));
        assert_eq!(calls.took, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(calls.time, Duration::from_micros(61_000_201));
    }
}
