//! What an instance used of the processor, and what follows: it yields at every tick, waits while
//! it is ahead of its share, and ends when it spins.
//!
//! The bill is the processor time inside `poll` of the one task that owns the store, so a guest cannot
//! hide between two ticks, time that it waits for the host is free, and so is time in which its thread
//! does not run.
//!
//! A guest that uses `cpu-spin-ms` of processor time without finishing a turn or a call is one that
//! spins. Ticks of the epoch only interrupt. They are not what is billed: a guest that sleeps at every
//! tick would pay nothing.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use wasmtime::UpdateDeadline;

use super::wakes::Wakes;
use crate::executor::{Clock, Stretch, someone_waits};
use crate::limits::{self, Budget};

/// What a [`Spun`] says, for whoever has its sentence only.
pub const SPUN: &str = "of CPU without finishing a turn or a call";

/// Whether an instance ended for `reason` because it spun.
pub fn is_spin(reason: &str) -> bool {
    reason.contains(SPUN)
}

/// An instance used `cpu_spin_ms` of CPU without finishing a turn or a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it used {} ms {SPUN} (limit {} ms); its whole bill is {} ms",
    spun.as_millis(), limit.as_millis(), bill.as_millis()
)]
pub struct Spun {
    /// CPU time since the last turn or call that ended.
    pub spun: Duration,
    /// The limit.
    pub limit: Duration,
    /// CPU time in all.
    pub bill: Duration,
}

/// The CPU account of one instance.
#[derive(Debug)]
pub struct Meter {
    clock: Arc<Clock>,
    bill_ns: AtomicU64,
    bill_at_progress_ns: AtomicU64,
    throttled_ns: AtomicU64,
    share: f64,
    burst: Duration,
    spin: Duration,
    bucket: Mutex<Bucket>,
}

/// CPU time that may be used at once; refilled at the rate of the share.
#[derive(Debug)]
struct Bucket {
    left_ns: f64,
    billed_ns: u64,
    filled: Instant,
}

impl Meter {
    /// An account with the CPU limits of `budget`, its burst unused. What its thread did not run is
    /// told to `clock`.
    pub fn new(budget: &Budget, clock: &Arc<Clock>) -> Arc<Self> {
        let burst = Duration::from_millis(budget.cpu_burst_ms);
        Arc::new(Self {
            clock: Arc::clone(clock),
            bill_ns: AtomicU64::new(0),
            bill_at_progress_ns: AtomicU64::new(0),
            throttled_ns: AtomicU64::new(0),
            share: budget.cpu_share.max(0.001),
            burst,
            spin: Duration::from_millis(budget.cpu_spin_ms),
            bucket: Mutex::new(Bucket {
                left_ns: burst.as_nanos() as f64,
                billed_ns: 0,
                filled: Instant::now(),
            }),
        })
    }

    /// CPU time in all, but for the poll that is going on.
    pub fn bill(&self) -> Duration {
        Duration::from_nanos(self.bill_ns.load(Ordering::Relaxed))
    }

    /// Time that the instance had to wait because it was ahead of its share.
    pub fn throttled(&self) -> Duration {
        Duration::from_nanos(self.throttled_ns.load(Ordering::Relaxed))
    }

    /// A turn or a call ended: whatever it used, it does not spin.
    pub fn progressed(&self) {
        let bill = nanos(self.bill_in_poll());
        self.bill_at_progress_ns.store(bill, Ordering::Relaxed);
    }

    /// The bill with the poll that is going on on this thread.
    fn bill_in_poll(&self) -> Duration {
        self.bill().saturating_add(Stretch::so_far())
    }

    /// What a guest does at a tick of the epoch.
    ///
    /// # Errors
    /// [`Spun`], which ends the instance.
    pub fn at_tick(self: &Arc<Self>) -> Result<UpdateDeadline, Spun> {
        let bill = self.bill_in_poll();
        let at_progress = Duration::from_nanos(self.bill_at_progress_ns.load(Ordering::Relaxed));
        let spun = bill.saturating_sub(at_progress);
        if spun > self.spin {
            return Err(Spun {
                spun,
                limit: self.spin,
                bill,
            });
        }
        let wait = self.owed(bill);
        if wait.is_zero() {
            return Ok(UpdateDeadline::YieldCustom(
                1,
                Box::pin(tokio::task::yield_now()),
            ));
        }
        let throttled = Arc::clone(self).throttle(bill, wait);
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(throttled)))
    }

    /// Waits until the share covers `bill`, in short steps, which the status shows.
    async fn throttle(self: Arc<Self>, bill: Duration, mut wait: Duration) {
        while !wait.is_zero() {
            let begin = Instant::now();
            tokio::time::sleep(wait.min(limits::MAX_THROTTLE_STEP)).await;
            self.throttled_ns
                .fetch_add(nanos(begin.elapsed()), Ordering::Relaxed);
            wait = self.owed(bill);
        }
    }

    /// How long to wait until the share covers what was used.
    fn owed(&self, bill: Duration) -> Duration {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let refill = now.duration_since(bucket.filled).as_nanos() as f64 * self.share;
        let bill_ns = nanos(bill);
        let used = bill_ns.saturating_sub(bucket.billed_ns) as f64;
        bucket.left_ns = (bucket.left_ns + refill).min(self.burst.as_nanos() as f64) - used;
        bucket.billed_ns = bill_ns;
        bucket.filled = now;
        if bucket.left_ns >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_nanos((-bucket.left_ns / self.share) as u64)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A future whose processor time inside `poll` goes on the bill. What it wakes itself for is done at
/// once, within [`limits::POLL_ON`], unless somebody waits for the thread.
pub struct Metered<F> {
    future: Pin<Box<F>>,
    meter: Arc<Meter>,
    wakes: Arc<Wakes>,
    waker: Waker,
}

impl<F: Future> Metered<F> {
    /// Bills `future` to `meter`.
    pub fn new(future: F, meter: Arc<Meter>) -> Self {
        Self::woken_by(Arc::default(), future, meter)
    }

    /// Bills `future` to `meter`; parts of it know of `wakes`, see [`Wakes::seen`].
    pub(super) fn woken_by(wakes: Arc<Wakes>, future: F, meter: Arc<Meter>) -> Self {
        Self {
            future: Box::pin(future),
            meter,
            waker: Waker::from(Arc::clone(&wakes)),
            wakes,
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let stretch = Stretch::begin();
        let begin = self.meter.clock.at(stretch.began());
        let this = &mut *self;
        let poll = this.wakes.poll(
            &this.waker,
            cx,
            |cx| this.future.as_mut().poll(cx),
            || !someone_waits() && stretch.wall() < limits::POLL_ON,
        );
        let ran = stretch.end();
        self.meter
            .bill_ns
            .fetch_add(nanos(ran.used), Ordering::Relaxed);
        self.meter.clock.ran(begin, ran);
        poll
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Arc<Meter> {
        Meter::new(
            &Budget {
                cpu_share: 0.5,
                cpu_burst_ms: 100,
                cpu_spin_ms: 1_000,
                ..Budget::default()
            },
            &Arc::default(),
        )
    }

    fn use_cpu(meter: &Meter, ms: u64) {
        meter.bill_ns.fetch_add(ms * 1_000_000, Ordering::Relaxed);
    }

    #[test]
    fn within_the_burst_nothing_is_owed_and_beyond_it_the_share_is_waited_for() {
        let meter = meter();
        use_cpu(&meter, 90);
        assert_eq!(meter.owed(meter.bill()), Duration::ZERO);
        use_cpu(&meter, 60);
        assert!(meter.owed(meter.bill()) > Duration::from_millis(50));
    }

    #[tokio::test]
    async fn spinning_ends_with_the_bill_and_progress_forgives() {
        let meter = meter();
        use_cpu(&meter, 900);
        meter.progressed();
        use_cpu(&meter, 900);
        assert!(meter.at_tick().is_ok());
        use_cpu(&meter, 200);
        let Err(spun) = meter.at_tick() else {
            panic!("it may not go on")
        };
        assert_eq!(spun.bill, Duration::from_millis(2_000));
        assert_eq!(spun.spun, Duration::from_millis(1_100));
    }
}
