//! The clock by which deadlines are kept. It stands still while the host does not run: stopped by a
//! signal, by the machine, or because other processes have the processors. Who was given a second shall
//! have had one.
//!
//! Two things tell that time was lost. [`Clock::tick`] is called about every [`limits::EPOCH_TICK`] from a
//! thread that does nothing else, so a longer gap is time in which nothing ran. And who polled a guest
//! knows how long that took and how much of it the thread ran ([`Clock::ran`]).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Ran;
use crate::limits;

/// A gap between two ticks beyond this is time in which the host did not run.
const GAP: Duration = limits::EPOCH_TICK.saturating_mul(3);
/// Less than this is not worth counting: the kernel switches threads all the time.
const LEAST: Duration = Duration::from_millis(1);

/// A moment of a [`Clock`]: the time that the host has run until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// Until `other`; zero if it is before.
    pub fn until(self, other: Self) -> Duration {
        other.0.saturating_sub(self.0)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// A deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it took too long")]
pub struct Elapsed;

/// The clock of one executor.
#[derive(Debug)]
pub struct Clock {
    /// tokio's, which is simulated where the runtime's is.
    start: tokio::time::Instant,
    /// Whether no time passes while anything runs: then none is lost.
    is_simulated: bool,
    /// Nanoseconds since `start` in which the host did not run.
    lost: AtomicU64,
    /// Nanoseconds from `start` to the last tick; none yet: nobody ticks, and gaps tell nothing.
    ticked: AtomicU64,
    /// One at a time counts what was lost, so that nothing is counted twice.
    counting: Mutex<()>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            start: tokio::time::Instant::now(),
            is_simulated: false,
            lost: AtomicU64::new(0),
            ticked: AtomicU64::new(u64::MAX),
            counting: Mutex::new(()),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Clock {
    /// The clock of the simulated time of this runtime.
    pub(super) fn simulated() -> Self {
        Self {
            is_simulated: true,
            ..Self::default()
        }
    }

    /// Whether no time passes while anything runs.
    pub fn is_simulated(&self) -> bool {
        self.is_simulated
    }

    fn wall(&self) -> u64 {
        nanos(self.start.elapsed())
    }

    /// What the gap since the last tick is too long by.
    fn gap(&self, wall: u64) -> u64 {
        let ticked = self.ticked.load(Ordering::Acquire);
        wall.saturating_sub(ticked).saturating_sub(nanos(GAP))
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.moment(self.wall())
    }

    fn moment(&self, wall: u64) -> Moment {
        let lost = self
            .lost
            .load(Ordering::Acquire)
            .saturating_add(self.gap(wall));
        Moment(Duration::from_nanos(wall.saturating_sub(lost)))
    }

    /// To be called about every [`limits::EPOCH_TICK`].
    pub fn tick(&self) {
        if self.is_simulated {
            return;
        }
        let _one = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = self.wall();
        let gap = self.gap(wall);
        self.lost.fetch_add(gap, Ordering::AcqRel);
        self.ticked.store(wall, Ordering::Release);
    }

    /// `at`, as far as it is known by now what was lost.
    pub fn at(&self, at: Instant) -> Moment {
        if self.is_simulated {
            return self.now();
        }
        let at = tokio::time::Instant::from_std(at);
        self.moment(nanos(at.saturating_duration_since(self.start)))
    }

    /// Since `begin` a thread did nothing but run a task.
    pub fn ran(&self, begin: Moment, ran: Ran) {
        if self.is_simulated || ran.wall.saturating_sub(ran.used) < LEAST {
            return;
        }
        let _one = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        // A tick, or another thread, may have counted some of it.
        let lost = begin.until(self.now()).saturating_sub(ran.used);
        self.lost.fetch_add(nanos(lost), Ordering::AcqRel);
    }

    /// Waits until `moment`.
    pub async fn sleep_until(&self, moment: Moment) {
        loop {
            let left = self.now().until(moment);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Waits for `future`, but no longer than `limit`.
    ///
    /// # Errors
    /// [`Elapsed`] when it is not ready then.
    pub async fn timeout<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let late = self.now() + limit;
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep_until(late) => Err(Elapsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock whose last tick was so long ago.
    fn ticked(ago: Duration) -> Clock {
        let clock = Clock {
            start: tokio::time::Instant::now() - Duration::from_secs(60),
            ..Clock::default()
        };
        let at = clock.wall() - nanos(ago);
        clock.ticked.store(at, Ordering::Release);
        clock
    }

    #[test]
    fn a_gap_between_two_ticks_does_not_count() {
        let clock = ticked(Duration::from_secs(7));
        let before = clock.now();
        assert!(before < Moment(Duration::from_secs(54)), "{before:?}");
        clock.tick();
        // Noticed by a tick, it is the same.
        let after = clock.now();
        assert!(before.until(after) < Duration::from_secs(1));
        assert!(after < Moment(Duration::from_secs(54)), "{after:?}");
        assert!(before <= after);
    }

    #[test]
    fn what_two_threads_lost_together_counts_once() {
        let clock = ticked(Duration::ZERO);
        let begin = Moment(Duration::from_secs(50));
        let ran = Ran {
            wall: Duration::from_secs(10),
            used: Duration::from_secs(1),
        };
        clock.ran(begin, ran);
        clock.ran(begin, ran);
        let now = clock.now();
        assert!(now >= Moment(Duration::from_secs(51)), "{now:?}");
        assert!(now < Moment(Duration::from_secs(52)), "{now:?}");
    }

    #[tokio::test]
    async fn a_deadline_waits_for_a_host_that_stood_still() {
        let clock = ticked(Duration::ZERO);
        let late = clock.now() + Duration::from_millis(20);
        clock.lost.fetch_add(30_000_000, Ordering::AcqRel);
        assert!(clock.now().until(late) > Duration::from_millis(20));
        let ticking = async {
            loop {
                clock.tick();
                tokio::time::sleep(limits::EPOCH_TICK).await;
            }
        };
        tokio::select! {
            () = clock.sleep_until(late) => {}
            () = ticking => {}
        }
        assert!(clock.now() >= late);
        let never = clock.timeout(Duration::ZERO, std::future::pending::<()>());
        assert_eq!(never.await, Err(Elapsed));
    }
}
