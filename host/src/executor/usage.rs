//! What a task used of late: the order in which tasks run.
//!
//! All tasks of one instance (its actor, its pump, the runs of its nodes) have one standing: what they
//! used, of which half is forgotten each second; and what all of an account used is counted the same way. An instance that begins, or begins again after it
//! failed, is taken to have used more than any other, so that a crowd that comes at once goes behind
//! who is here.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After this long, what was used counts half.
const HALF_LIFE: Duration = Duration::from_secs(1);
/// Who used less is as good as who used nothing: among those the order is that of waking.
const LIGHT: Duration = Duration::from_micros(250);

/// In less than this nothing fades that would matter.
const SHORT: Duration = Duration::from_millis(1);

/// Time that was used, what is longer ago counting less, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Decayed {
    used: f64,
    at: Instant,
}

impl Decayed {
    fn at(self, now: Instant) -> f64 {
        let past = now.saturating_duration_since(self.at);
        if past < SHORT {
            return self.used;
        }
        self.used * (-past.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2()
    }
}

/// What one task used, or all of an account.
#[derive(Debug)]
pub(super) struct Usage {
    decayed: Mutex<Decayed>,
    /// What a nanosecond counts.
    each: f64,
    /// Whether it is one of those by which the next stranger is measured.
    pub is_stranger: bool,
}

impl Default for Usage {
    fn default() -> Self {
        Self::begun(0.0)
    }
}

impl Usage {
    /// Of a stranger, as if it had used `weight` just now.
    pub fn of_stranger(weight: Weight) -> Self {
        Self {
            is_stranger: true,
            ..Self::begun(weight.0)
        }
    }

    /// Of which each nanosecond counts as `each`.
    pub fn counting(each: f64) -> Self {
        Self {
            each,
            ..Self::default()
        }
    }

    fn begun(used: f64) -> Self {
        let at = Instant::now();
        Self {
            decayed: Mutex::new(Decayed { used, at }),
            each: 1.0,
            is_stranger: false,
        }
    }

    /// The time from `begin` to `end` was used.
    pub fn add(&self, begin: Instant, end: Instant) {
        let mut decayed = self.decayed.lock().unwrap_or_else(PoisonError::into_inner);
        let used = end.saturating_duration_since(begin).as_nanos() as f64 * self.each;
        let before = decayed.at(end);
        // What has not faded yet does so from where it was.
        let is_faded = end.saturating_duration_since(decayed.at) >= SHORT;
        *decayed = Decayed {
            used: before + used,
            at: if is_faded { end } else { decayed.at },
        };
    }

    /// Takes it that no less than `weight` was used until now.
    pub fn raise(&self, weight: Weight) {
        let now = Instant::now();
        let mut decayed = self.decayed.lock().unwrap_or_else(PoisonError::into_inner);
        let used = decayed.at(now).max(weight.0);
        *decayed = Decayed { used, at: now };
    }

    /// What counts at `now`.
    pub fn at(&self, now: Instant) -> Weight {
        let decayed = *self.decayed.lock().unwrap_or_else(PoisonError::into_inner);
        Weight(decayed.at(now).max(LIGHT.as_nanos() as f64))
    }

    /// What had `weight` when `used` time more was used.
    pub fn grown(&self, weight: Weight, used: Duration) -> Weight {
        Weight(weight.0 + used.as_nanos() as f64 * self.each)
    }
}

/// What counted at some moment, in nanoseconds, and no less than [`LIGHT`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weight(f64);

impl Eq for Weight {}

impl Ord for Weight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Weight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Weight {
    /// The same after another `used`.
    pub fn and(self, used: Duration) -> Self {
        Self(self.0 + used.as_nanos() as f64)
    }

    /// Whether this one goes before `other` even though `other` runs: it used less than half.
    pub fn overtakes(self, other: Self) -> bool {
        self.0 * 2.0 < other.0
    }

    /// What orders weights of different moments. All weights decay alike, so their order does not change
    /// while time goes by, and a place in the queue once found stays right.
    pub fn rank(self, since_start: Duration) -> Rank {
        Rank(self.0.log2() + since_start.as_secs_f64() / HALF_LIFE.as_secs_f64())
    }
}

/// A place in the order: lower is sooner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rank(f64);

impl Rank {
    /// The first of all.
    pub const FIRST: Self = Self(f64::NEG_INFINITY);

    /// Twice what has this rank at that moment, and no more than `most`.
    pub fn doubled(self, since_start: Duration, most: Duration) -> Weight {
        let weight = (self.0 - since_start.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2();
        Weight((weight * 2.0).min(most.as_nanos() as f64))
    }
}

impl Eq for Rank {}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(ms: u64, at: Instant) -> Usage {
        let usage = Usage::default();
        usage.add(at, at + Duration::from_millis(ms));
        usage
    }

    #[test]
    fn use_fades_and_the_order_stays() {
        let start = Instant::now();
        let (much, little) = (used(80, start), used(20, start));
        let now = start + Duration::from_millis(100);
        assert!(little.at(now).overtakes(much.at(now)));
        assert!(!much.at(now).overtakes(little.at(now)));
        let rank = |usage: &Usage, at: Instant| usage.at(at).rank(at - start);
        assert!(rank(&little, now) < rank(&much, now));
        // Found at another moment, the place is the same one.
        let later = now + Duration::from_secs(1);
        assert!(rank(&little, later) < rank(&much, now));
        assert!(rank(&little, now) < rank(&much, later));
        let after_long = now + HALF_LIFE * 20;
        assert_eq!(much.at(after_long), Usage::default().at(after_long));
    }

    #[test]
    fn who_used_next_to_nothing_is_as_light_as_who_used_nothing() {
        let now = Instant::now();
        let usage = Usage::default();
        usage.add(now, now + LIGHT / 2);
        assert_eq!(usage.at(now + LIGHT), Usage::default().at(now + LIGHT));
    }
}
