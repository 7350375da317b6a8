//! Rates by the clock of the runtime, which is simulated where that is.

use std::num::NonZeroU32;
use std::time::Instant;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// Lets so much through in a second.
pub(super) struct Rate(RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Instant>>);

impl Rate {
    /// `rate` in a second, and `at_once` of it at once. `None`: nothing is let through.
    pub(super) fn per_second(rate: u32, at_once: u32) -> Option<Self> {
        let (rate, at_once) = (NonZeroU32::new(rate)?, NonZeroU32::new(at_once)?);
        let quota = Quota::per_second(rate).allow_burst(at_once);
        Some(Self(RateLimiter::direct_with_clock(quota, RuntimeClock)))
    }

    /// Whether `count` more are let through. They count from now on.
    pub(super) fn admits(&self, count: u32) -> bool {
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        matches!(self.0.check_n(count), Ok(Ok(())))
    }
}

#[derive(Debug, Clone)]
struct RuntimeClock;

impl Clock for RuntimeClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}
