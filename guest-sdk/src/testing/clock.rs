//! The simulated clock, and the executor that moves it: time passes only when nothing else can happen.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// So often may the code run without waiting for time to pass; more of it is a loop without an end.
const MAX_STEPS_AT_ONCE: u32 = 1_000_000;

#[derive(Default)]
struct Clock {
    now: Cell<Duration>,
    next: Cell<u64>,
    timers: RefCell<BTreeMap<(Duration, u64), Waker>>,
    /// Whether [`block_on`] is at work, and moves the clock.
    driven: Cell<bool>,
    tasks: RefCell<Vec<Rc<Task>>>,
}

thread_local! {
    static CLOCK: Rc<Clock> = Rc::default();
}

fn clock() -> Rc<Clock> {
    CLOCK.with(Rc::clone)
}

/// The simulated time: how long the test has waited so far. It stands still while code runs.
pub fn now() -> Duration {
    clock().now.get()
}

/// Lets time pass, and with it whatever goes on in the background.
pub fn advance(time: Duration) {
    block_on(Sleep::new(time));
}

/// Wakes somebody at `due`.
pub(crate) fn wake_at(due: Duration, waker: &Waker) {
    let clock = clock();
    if !clock.driven.get() {
        // Another executor does not know this clock, so the one who waits moves it.
        clock.now.set(clock.now.get().max(due));
        waker.wake_by_ref();
        return;
    }
    let key = clock.key(due);
    clock.timers.borrow_mut().insert(key, waker.clone());
}

/// A new test begins: no time has passed, and nothing goes on.
pub(crate) fn reset() {
    forget_tasks();
    let clock = clock();
    clock.now.set(Duration::ZERO);
    let timers = clock.timers.take();
    drop(timers);
}

/// Waits on the simulated clock.
pub(crate) struct Sleep {
    clock: Rc<Clock>,
    due: Duration,
    key: Option<(Duration, u64)>,
}

impl Sleep {
    pub(crate) fn new(time: Duration) -> Self {
        Self::until(now().saturating_add(time))
    }

    pub(crate) fn until(due: Duration) -> Self {
        let clock = clock();
        let key = None;
        Self { clock, due, key }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = Rc::clone(&self.clock);
        if self.key.is_some() && clock.now.get() >= self.due {
            return Poll::Ready(());
        }
        if !clock.driven.get() {
            // Another executor does not know this clock, so the one who waits moves it.
            clock.now.set(clock.now.get().max(self.due));
            cx.waker().wake_by_ref();
        }
        let due = self.due;
        let key = *self.key.get_or_insert_with(|| clock.key(due));
        clock.timers.borrow_mut().insert(key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.timers.borrow_mut().remove(&key);
        }
    }
}

impl Clock {
    fn key(&self, due: Duration) -> (Duration, u64) {
        let number = self.next.get();
        self.next.set(number + 1);
        (due, number)
    }

    /// Goes on to the next thing that is due. False: there is none.
    fn advance(&self) -> bool {
        let next = self.timers.borrow_mut().pop_first();
        let Some(((due, _), waker)) = next else {
            return false;
        };
        self.now.set(self.now.get().max(due));
        waker.wake();
        true
    }

    /// Runs what goes on in the background. False: all of it waits.
    fn run_tasks(&self) -> bool {
        let tasks = self.tasks.borrow().clone();
        let mut ran = false;
        for task in tasks {
            ran |= task.run();
        }
        self.tasks.borrow_mut().retain(|task| !task.is_done());
        ran
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Flag {
    fn up() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Work = Pin<Box<dyn Future<Output = ()>>>;

/// Something in the background.
struct Task {
    /// None: it is done, or it runs right now.
    future: RefCell<Option<Work>>,
    done: Cell<bool>,
    flag: Arc<Flag>,
}

impl Task {
    fn is_done(&self) -> bool {
        self.done.get()
    }

    fn run(&self) -> bool {
        if !self.flag.take() {
            return false;
        }
        let Some(mut future) = self.future.take() else {
            return false;
        };
        let waker = Waker::from(Arc::clone(&self.flag));
        if future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
        {
            self.done.set(true);
        } else {
            self.future.replace(Some(future));
        }
        true
    }
}

/// Lets `future` go on whenever the test waits for something.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    clock().tasks.borrow_mut().push(Rc::new(Task {
        future: RefCell::new(Some(Box::pin(future))),
        done: Cell::new(false),
        flag: Flag::up(),
    }));
}

/// Forgets what goes on in the background.
pub(crate) fn forget_tasks() {
    let tasks = clock().tasks.take();
    drop(tasks);
}

/// Runs `future` to its end. Time is simulated: when nothing can go on, the clock jumps to the next
/// thing that is due, so a test of a time-out takes no time.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::testing;
/// use std::time::Duration;
///
/// testing::block_on(sleep(Duration::from_secs(3600)));
/// assert_eq!(testing::now(), Duration::from_secs(3600));
/// ```
///
/// # Panics
/// When nothing is left that could ever wake the future; when it goes round without ever waiting; and
/// inside of another `block_on`.
#[track_caller]
#[expect(clippy::panic, reason = "the test has failed")]
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Driven(Rc<Clock>);
    impl Drop for Driven {
        fn drop(&mut self) {
            self.0.driven.set(false);
        }
    }
    let clock = clock();
    assert!(
        !clock.driven.replace(true),
        "this waits with block_on inside of code that is async already; use .await there"
    );
    let driven = Driven(Rc::clone(&clock));
    let mut future = pin!(future);
    let flag = Flag::up();
    let waker = Waker::from(Arc::clone(&flag));
    let (mut steps, mut then) = (0, clock.now.get());
    loop {
        if flag.take()
            && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            drop(driven);
            return value;
        }
        let ran = clock.run_tasks();
        if !ran && !flag.0.load(Ordering::Relaxed) && !clock.advance() {
            panic!(
                "this would wait for ever: nothing that is plugged in says anything more, and no \
                 time-out is set{}",
                super::bench::unheard()
            );
        }
        steps = if then == clock.now.get() {
            steps + 1
        } else {
            0
        };
        then = clock.now.get();
        assert!(
            steps < MAX_STEPS_AT_ONCE,
            "this goes round and round without ever waiting for time to pass"
        );
    }
}
