//! How much processor time this thread used, told so often that asking the kernel each time would cost
//! more than what is measured.
//!
//! Only the kernel knows what a thread used: between two looks at the clock on the wall it may not have
//! run at all, because the machine is busy or the process was stopped. A stretch of less than [`SHORT`]
//! was not interrupted for longer than that, so the wall will do; for a longer one the kernel is asked. What
//! the wall told too much is taken off what is told next.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// A stretch up to this long is measured by the wall, and what the thread used before a long one is known
/// to so much.
const SHORT: Duration = Duration::from_micros(100);

/// When the kernel was asked last, and what of it was told to somebody since.
#[derive(Clone, Copy)]
struct Asked {
    at: Instant,
    used: Duration,
    /// What went by on the wall in stretches since then.
    passed: Duration,
    /// What was told until now and had not been used.
    ahead: Duration,
}

impl Asked {
    /// The kernel is asked for the first time.
    fn first(at: Instant) -> Self {
        Self {
            at,
            used: thread_time(),
            passed: Duration::ZERO,
            ahead: Duration::ZERO,
        }
    }

    /// The kernel is asked again, and what was used since and told to nobody.
    fn again(self, at: Instant) -> (Self, Duration) {
        let used = thread_time();
        let since = used.saturating_sub(self.used);
        let told = self.passed.saturating_add(self.ahead);
        let asked = Self {
            at,
            used,
            passed: Duration::ZERO,
            ahead: told.saturating_sub(since),
        };
        (asked, since.saturating_sub(told))
    }

    /// What is told of a short stretch, and what it leaves.
    fn short(self, wall: Duration) -> (Self, Duration) {
        let asked = Self {
            passed: self.passed.saturating_add(wall),
            ahead: self.ahead.saturating_sub(wall),
            ..self
        };
        (asked, wall.saturating_sub(self.ahead))
    }
}

thread_local! {
    static ASKED: Cell<Option<Asked>> = const { Cell::new(None) };
    static CURRENT: Cell<Option<Begin>> = const { Cell::new(None) };
}

/// What a stretch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// Time on the wall.
    pub wall: Duration,
    /// Processor time.
    pub used: Duration,
}

#[derive(Clone, Copy)]
struct Begin {
    at: Instant,
    asked: Asked,
}

impl Begin {
    /// What was used until now, and what is known of the thread then.
    fn used(self) -> (Ran, Asked) {
        let now = Instant::now();
        let wall = now.saturating_duration_since(self.at);
        let (asked, used) = match wall <= SHORT {
            true => self.asked.short(wall),
            false => self.asked.again(now),
        };
        let used = used.min(wall);
        (Ran { wall, used }, asked)
    }
}

/// Processor time that is being used on this thread, from [`Stretch::begin`] to [`Stretch::end`].
/// Stretches do not lie in each other.
pub struct Stretch(Begin, PhantomData<*const ()>);

impl Stretch {
    /// From now on.
    pub fn begin() -> Self {
        let at = Instant::now();
        let asked = match ASKED.get() {
            Some(asked) if at.saturating_duration_since(asked.at) <= SHORT => asked,
            Some(asked) => asked.again(at).0,
            None => Asked::first(at),
        };
        ASKED.set(Some(asked));
        let begin = Begin { at, asked };
        CURRENT.set(Some(begin));
        Self(begin, PhantomData)
    }

    /// When it began.
    pub fn began(&self) -> Instant {
        self.0.at
    }

    /// Time on the wall since the beginning.
    pub fn wall(&self) -> Duration {
        self.0.at.elapsed()
    }

    /// What was used, and what went by on the wall.
    pub fn end(self) -> Ran {
        CURRENT.set(None);
        let (ran, asked) = self.0.used();
        ASKED.set(Some(asked));
        ran
    }

    /// What the stretch that is going on on this thread used so far.
    pub fn so_far() -> Duration {
        CURRENT
            .get()
            .map_or(Duration::ZERO, |begin| begin.used().0.used)
    }
}

/// Processor time of this thread since it began.
#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Where the system does not tell, it is the time on the wall.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    thread_local! {
        static BEGAN: Instant = Instant::now();
    }
    BEGAN.with(Instant::elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin(cpu: Duration) {
        let until = thread_time() + cpu;
        while thread_time() < until {}
    }

    #[test]
    fn stretches_add_up_to_what_the_thread_used() {
        let before = thread_time();
        let mut told = Duration::ZERO;
        for micros in [5, 20, 80, 150, 2_000].into_iter().cycle().take(200) {
            let stretch = Stretch::begin();
            spin(Duration::from_micros(micros));
            told += stretch.end().used;
        }
        let used = thread_time() - before;
        // What lies between two stretches is nobody's.
        assert!(told <= used, "{told:?} of {used:?}");
        assert!(told * 100 > used * 97, "{told:?} of {used:?}");
    }

    #[test]
    fn sleeping_is_no_use() {
        let stretch = Stretch::begin();
        std::thread::sleep(Duration::from_millis(50));
        assert!(stretch.wall() >= Duration::from_millis(50));
        assert!(Stretch::so_far() < Duration::from_millis(25));
        assert!(stretch.end().used < Duration::from_millis(25));
        assert_eq!(Stretch::so_far(), Duration::ZERO);
    }
}
