//! Order, interrupts, and what becomes of tasks.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;

fn executor(threads: usize) -> Executor {
    Executor::start(Some(threads), || {}).unwrap()
}

/// Takes the thread for so long, in slices of which each gives way to who waits.
async fn spin(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        let slice = Instant::now();
        while slice.elapsed() < Duration::from_millis(1) {}
        tokio::task::yield_now().await;
    }
}

/// Keeps the one thread of an executor.
struct Busy {
    end: std::sync::mpsc::Sender<()>,
    task: Task<()>,
}

impl Busy {
    /// From when `first` is through.
    async fn after<F>(executor: &Executor, first: F) -> Self
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (begins, begun) = oneshot::channel();
        let (end, ends) = std::sync::mpsc::channel();
        let task = executor.spawn(async move {
            first.await;
            begins.send(()).unwrap();
            ends.recv().unwrap();
        });
        begun.await.unwrap();
        Self { end, task }
    }

    /// Lets others have it.
    async fn end(self) {
        self.end.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// Who had a turn, in order. Clones are the same.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<&'static str>>>);

impl Order {
    async fn note(self, who: &'static str) {
        self.0.lock().unwrap().push(who);
    }

    fn first(&self) -> Option<&'static str> {
        self.0.lock().unwrap().first().copied()
    }
}

#[tokio::test]
async fn tasks_run_and_say_what_came_of_them() {
    let executor = executor(2);
    assert_eq!(executor.spawn(async { 7 }).await, Ok(7));
    let slept = executor.spawn(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::task::spawn_blocking(|| 8).await.unwrap()
    });
    assert_eq!(slept.await, Ok(8));
    let panics = executor.spawn(async { panic!("a test panics") });
    assert_eq!(panics.await, Err::<(), _>(Lost));
    assert_eq!(
        executor.spawn(async { 9 }).await,
        Ok(9),
        "the thread is alive"
    );
    assert_eq!(executor.alive_tasks(), 0);
}

#[tokio::test]
async fn who_used_little_goes_before_all_who_used_much() {
    let executor = executor(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let order = Arc::clone(&order);
        move || order.lock().unwrap().push(what)
    };
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let note = note("much");
        tasks.push(executor.spawn(async move {
            spin(Duration::from_millis(5)).await;
            note();
        }));
    }
    // Behind eight that wait; each of them had a slice before this one is through with a second.
    let little = note("little");
    let light = executor.spawn(async move {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        little();
    });
    light.await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(order.lock().unwrap().first(), Some(&"little"));
}

#[tokio::test]
async fn who_has_many_tasks_goes_no_sooner_for_it() {
    let executor = executor(1);
    let much = Standing::default();
    let used = executor.spawn_as(&much, spin(Duration::from_millis(20)));
    used.await.unwrap();
    let busy = Busy::after(&executor, async {}).await;
    let order = Order::default();
    let note = |who| order.clone().note(who);
    let mut tasks: Vec<_> = (0..20)
        .map(|_| executor.spawn_as(&much, note("much")))
        .collect();
    tasks.push(executor.spawn(note("little")));
    busy.end().await;
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(order.first(), Some("little"));
}

#[tokio::test]
async fn who_has_many_that_used_much_in_all_goes_behind_who_used_less() {
    let threads = executor(1);
    let (crowd, one) = (
        threads.on(Account::default()),
        threads.on(Account::default()),
    );
    let used = crowd.spawn_as(&Standing::default(), spin(Duration::from_millis(40)));
    used.await.unwrap();
    let stands = Standing::default();
    let used = one.spawn_as(&stands, spin(Duration::from_millis(5)));
    used.await.unwrap();
    let busy = Busy::after(&threads, async {}).await;
    let order = Order::default();
    let note = |who| order.clone().note(who);
    // Each of these used nothing itself.
    let mut tasks: Vec<_> = (0..20).map(|_| crowd.spawn(note("crowd"))).collect();
    tasks.push(one.spawn_as(&stands, note("one")));
    busy.end().await;
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(order.first(), Some("one"));
}

#[tokio::test]
async fn who_comes_again_waits_behind_who_stayed() {
    const MOST: Duration = Duration::from_millis(50);
    let executor = executor(1);
    let (stayed, again) = (executor.stranger(MOST), executor.stranger(MOST));
    let used = executor.spawn_as(&stayed, spin(Duration::from_millis(5)));
    used.await.unwrap();
    executor.estrange(&again, MOST);
    let busy = Busy::after(&executor, async {}).await;
    let order = Order::default();
    let note = |who| order.clone().note(who);
    let tasks = [
        executor.spawn_as(&again, note("again")),
        executor.spawn_as(&stayed, note("stayed")),
    ];
    busy.end().await;
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(order.first(), Some("stayed"));
}

#[tokio::test]
async fn who_is_here_and_used_little_goes_before_all_who_come() {
    const MOST: Duration = Duration::from_millis(50);
    let executor = executor(1);
    let order = Order::default();
    let note = |who| order.clone().note(who);
    let (wake, woken) = oneshot::channel();
    let (uses, has_used) = oneshot::channel();
    let (noted, used) = (note("here"), spin(Duration::from_millis(2)));
    let here = executor.spawn_as(&executor.stranger(MOST), async move {
        used.await;
        uses.send(()).unwrap();
        woken.await.unwrap();
        noted.await;
    });
    let busy = Busy::after(&executor, has_used).await;
    let strangers: Vec<_> = (0..20)
        .map(|_| executor.spawn_as(&executor.stranger(MOST), note("stranger")))
        .collect();
    wake.send(()).unwrap();
    busy.end().await;
    for task in strangers.into_iter().chain([here]) {
        task.await.unwrap();
    }
    assert_eq!(order.first(), Some("here"));
}

#[tokio::test]
async fn who_used_much_is_interrupted_for_who_used_little() {
    let interrupted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&interrupted);
    let executor = Executor::start(Some(1), move || told.store(true, Ordering::SeqCst)).unwrap();
    let (spins, spinning) = oneshot::channel();
    let seen = Arc::clone(&interrupted);
    let much = executor.spawn(async move {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(5) {}
        spins.send(()).unwrap();
        // Without the interrupt this never ends, as a guest would not.
        while !seen.load(Ordering::SeqCst) {}
    });
    spinning.await.unwrap();
    executor.spawn(async {}).await.unwrap();
    much.await.unwrap();
}

#[tokio::test]
async fn what_a_task_wakes_runs_elsewhere_should_it_go_on_for_long() {
    let executor = executor(2);
    let (wake, woken) = oneshot::channel();
    let (ran, runs) = std::sync::mpsc::channel();
    executor.spawn(async move {
        woken.await.unwrap();
        ran.send(()).unwrap();
    });
    let long = executor.spawn(async move {
        wake.send(()).unwrap();
        // It keeps its thread until the other one ran.
        runs.recv().unwrap();
    });
    long.await.unwrap();
}

#[tokio::test]
async fn an_executor_that_ends_drops_what_waits() {
    let executor = executor(1);
    let held = Arc::new(());
    let busy = Busy::after(&executor, async {}).await;
    let holds = Arc::clone(&held);
    let waits = executor.spawn(async move { drop(holds) });
    drop(executor);
    assert_eq!(waits.await, Err(Lost));
    assert_eq!(Arc::strong_count(&held), 1);
    busy.end().await;
}

#[tokio::test]
async fn whoever_comes_back_within_a_moment_finds_a_thread_and_one_who_does_not_is_no_trouble() {
    let executor = executor(2);
    for _ in 0..200 {
        executor.expect_more();
        assert_eq!(executor.spawn(async { 1 }).await, Ok(1));
    }
    // Two at once while one thread lingers: the other is woken.
    executor.expect_more();
    let (meet, met) = oneshot::channel();
    let waits = executor.spawn(async move { std::hint::black_box(met.await).is_ok() });
    let tells = executor.spawn(async move { meet.send(()).is_ok() });
    assert_eq!((waits.await, tells.await), (Ok(true), Ok(true)));
    let busy = Busy::after(&executor, async {}).await;
    executor.expect_more();
    assert_eq!(executor.spawn(async { 2 }).await, Ok(2));
    busy.end().await;
}
