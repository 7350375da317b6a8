//! When the loop of an instance turns: at once, then after the delay counted from the end of the
//! last turn; later after errors; not at all while paused.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::limits;

/// Whether and when the loop goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    No,
    Until(Instant),
    Forever,
}

/// What the loop did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoopStatus {
    /// Turns that ended, well or not.
    pub turns: u64,
    /// Turns that ended with an error.
    pub errors: u64,
    /// The error of the last turn, if it failed.
    pub last_error: Option<String>,
    /// Whether a turn is under way.
    pub turning: bool,
    /// Whether no further turn begins.
    pub paused: bool,
    /// The pause between two turns.
    pub delay: Duration,
}

#[derive(Debug)]
struct Inner {
    status: LoopStatus,
    pause: Pause,
    errors_in_a_row: u32,
    due: Instant,
    /// What a turn takes at least, with the pause after it.
    least: Duration,
    chance: SmallRng,
}

/// The clockwork of one instance's loop.
#[derive(Debug)]
pub struct Turns {
    inner: Mutex<Inner>,
    changed: Notify,
    turned: Notify,
}

impl Turns {
    /// The loop of the instance `uuid`, whose first turn is due now. On simulated time a turn takes
    /// [`limits::SIMULATED_TURN`] at least: no time would pass for anything else beside a loop that never rests.
    pub fn new(delay: Duration, uuid: Uuid, is_simulated: bool) -> Self {
        let (high, low) = uuid.as_u64_pair();
        let status = LoopStatus {
            delay: clamp_delay(delay),
            ..LoopStatus::default()
        };
        let inner = Inner {
            status,
            pause: Pause::No,
            errors_in_a_row: 0,
            due: Instant::now(),
            least: match is_simulated {
                true => limits::SIMULATED_TURN,
                false => Duration::ZERO,
            },
            chance: SmallRng::seed_from_u64(high ^ low),
        };
        Self {
            inner: Mutex::new(inner),
            changed: Notify::new(),
            turned: Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the loop did so far.
    pub fn status(&self) -> LoopStatus {
        let inner = self.inner();
        LoopStatus {
            paused: inner.pause != Pause::No,
            ..inner.status.clone()
        }
    }

    /// Sets the pause between two turns, also for the one that is waiting.
    pub fn set_delay(&self, delay: Duration) {
        let mut inner = self.inner();
        let delay = clamp_delay(delay);
        let old = std::mem::replace(&mut inner.status.delay, delay);
        if inner.errors_in_a_row == 0 && inner.status.turns > 0 {
            inner.due = inner.due.checked_sub(old).unwrap_or(inner.due) + delay;
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// No further turn begins until [`Turns::resume`].
    pub fn pause(&self) {
        self.set_pause(Pause::Forever);
    }

    /// The next turn begins when it is due.
    pub fn resume(&self) {
        self.set_pause(Pause::No);
    }

    /// Resumes after `wait`.
    pub fn resume_in(&self, wait: Duration) {
        self.set_pause(Pause::Until(Instant::now() + wait.min(limits::MAX_SLEEP)));
    }

    fn set_pause(&self, pause: Pause) {
        self.inner().pause = pause;
        self.changed.notify_one();
    }

    /// A new store begins: its first turn is due now. A pause stays.
    pub fn restarted(&self) {
        let mut inner = self.inner();
        inner.due = Instant::now();
        inner.errors_in_a_row = 0;
        inner.status.turning = false;
    }

    /// Waits until a turn is due, and counts it as begun.
    pub async fn due(&self) {
        loop {
            let changed = self.changed.notified();
            match self.wait() {
                Some(Duration::ZERO) => return,
                Some(wait) => {
                    let _ = tokio::time::timeout(wait, changed).await;
                }
                None => changed.await,
            }
        }
    }

    /// How long until the next turn; `None`: until something changes.
    fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut inner = self.inner();
        let until = match inner.pause {
            Pause::Forever => return None,
            Pause::Until(at) if at > now => at,
            Pause::Until(_) => {
                inner.pause = Pause::No;
                inner.due
            }
            Pause::No => inner.due,
        };
        let wait = until.saturating_duration_since(now);
        inner.status.turning = wait.is_zero();
        Some(wait)
    }

    /// A turn ended. Returns whether its error is the first of a burst, and is worth a line.
    pub fn ended(&self, error: Option<String>) -> bool {
        let mut inner = self.inner();
        let failed = error.is_some();
        inner.status.turning = false;
        inner.status.turns += 1;
        inner.status.errors += u64::from(failed);
        inner.status.last_error = error;
        inner.errors_in_a_row = if failed {
            inner.errors_in_a_row.saturating_add(1)
        } else {
            0
        };
        let delay = inner.status.delay;
        let wait = if failed {
            backoff(inner.errors_in_a_row, &mut inner.chance).max(delay)
        } else {
            delay
        };
        inner.due = Instant::now() + wait.max(inner.least);
        let is_first = failed && inner.errors_in_a_row == 1;
        drop(inner);
        self.turned.notify_waiters();
        is_first
    }

    /// Waits until one more turn has ended, and until then leaves out every pause before one: what who
    /// tries a worker would otherwise wait for. Never ends while the loop is paused.
    pub async fn one_more(&self) {
        let goal = self.inner().status.turns + 1;
        loop {
            let turned = self.turned.notified();
            {
                let mut inner = self.inner();
                if inner.status.turns >= goal {
                    return;
                }
                inner.due = Instant::now();
            }
            self.changed.notify_one();
            turned.await;
        }
    }
}

fn clamp_delay(delay: Duration) -> Duration {
    delay.min(limits::MAX_LOOP_DELAY)
}

/// Doubles from [`limits::LOOP_BACKOFF_FIRST`] to [`limits::LOOP_BACKOFF_MAX`], less up to a
/// quarter by chance, so that instances that failed together do not try again together. One instance has
/// the same chance each time.
fn backoff(errors_in_a_row: u32, chance: &mut SmallRng) -> Duration {
    let doublings = errors_in_a_row.saturating_sub(1).min(16);
    let full = limits::LOOP_BACKOFF_FIRST
        .saturating_mul(1 << doublings)
        .min(limits::LOOP_BACKOFF_MAX);
    full.saturating_sub(full.mul_f64(chance.random_range(0.0..=0.25)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(delay: Duration) -> Turns {
        Turns::new(delay, Uuid::nil(), false)
    }

    #[test]
    fn the_first_turn_is_due_at_once_and_the_next_after_the_delay() {
        let turns = turns(Duration::from_secs(60));
        assert_eq!(turns.wait(), Some(Duration::ZERO));
        turns.ended(None);
        assert!(turns.wait().unwrap() > Duration::from_secs(50));
        turns.set_delay(Duration::ZERO);
        assert_eq!(turns.wait(), Some(Duration::ZERO));
    }

    #[test]
    fn a_pause_holds_until_it_is_resumed() {
        let turns = turns(Duration::ZERO);
        turns.pause();
        assert_eq!(turns.wait(), None);
        assert!(turns.status().paused);
        turns.resume_in(Duration::ZERO);
        assert_eq!(turns.wait(), Some(Duration::ZERO));
        assert!(!turns.status().paused);
    }

    #[tokio::test]
    async fn one_more_turn_waits_for_no_pause() {
        let turns = turns(Duration::from_secs(3600));
        turns.ended(Some("no".to_owned()));
        let turn = async {
            turns.due().await;
            turns.ended(None);
        };
        tokio::join!(turns.one_more(), turn);
        assert_eq!(turns.status().turns, 2);
    }

    #[test]
    fn a_burst_of_errors_is_reported_once_and_waits_longer_each_time() {
        let turns = turns(Duration::ZERO);
        let reported: Vec<_> = (0..8).map(|_| turns.ended(Some("no".to_owned()))).collect();
        assert_eq!(reported.iter().filter(|first| **first).count(), 1);
        assert!(turns.wait().unwrap() > Duration::from_secs(20));
        assert!(turns.wait().unwrap() <= limits::LOOP_BACKOFF_MAX);
        turns.ended(None);
        assert!(turns.ended(Some("again".to_owned())));
    }
}
