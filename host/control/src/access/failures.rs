//! How often somebody may get something wrong. Strangers choose the keys that are counted, so those that are told apart
//! have a number; all others share one rate.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::limits::{FAILURE_PERIOD_OF_OTHERS, FAILURES_OF_OTHERS, MAX_COUNTED};

/// Rates by key.
pub(crate) struct Failures<K: Clone + Eq + Hash> {
    /// Held while one is counted, so that no two find room for the last one.
    counting: Mutex<()>,
    known: DefaultKeyedRateLimiter<K>,
    others: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl<K: Clone + Eq + Hash> Failures<K> {
    /// `burst` at once of each key, and one more after each `period`.
    pub fn new(burst: u32, period: Duration) -> Self {
        Self {
            counting: Mutex::default(),
            known: RateLimiter::keyed(quota(burst, period)),
            others: RateLimiter::direct(quota(FAILURES_OF_OTHERS, FAILURE_PERIOD_OF_OTHERS)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one of `key`; the error is how long it has to wait.
    pub fn count(&self, key: K) -> Result<(), Duration> {
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.known.len() >= MAX_COUNTED {
            self.known.retain_recent();
        }
        let counted = if self.known.len() < MAX_COUNTED {
            self.known.check_key(&key)
        } else {
            self.others.check()
        };
        counted.map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// How many keys are told apart.
    #[cfg(test)]
    pub fn known(&self) -> usize {
        self.known.len()
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Failures<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

fn quota(burst: u32, period: Duration) -> Quota {
    // Only a period of nothing is none.
    Quota::with_period(period)
        .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
        .allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
}
