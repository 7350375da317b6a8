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
    let (begins, begun) = oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let busy = executor.spawn(async move {
        begins.send(()).unwrap();
        ends.recv().unwrap();
    });
    begun.await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |who| {
        let order = Arc::clone(&order);
        async move { order.lock().unwrap().push(who) }
    };
    let mut tasks: Vec<_> = (0..20)
        .map(|_| executor.spawn_as(&much, note("much")))
        .collect();
    tasks.push(executor.spawn(note("little")));
    end.send(()).unwrap();
    for task in tasks.into_iter().chain([busy]) {
        task.await.unwrap();
    }
    assert_eq!(order.lock().unwrap().first(), Some(&"little"));
}

#[tokio::test]
async fn who_comes_again_waits_behind_who_stayed() {
    const MOST: Duration = Duration::from_millis(50);
    let executor = executor(1);
    let (stayed, again) = (executor.stranger(MOST), executor.stranger(MOST));
    let used = executor.spawn_as(&stayed, spin(Duration::from_millis(5)));
    used.await.unwrap();
    executor.estrange(&again, MOST);
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let (begins, begun) = oneshot::channel();
    let busy = executor.spawn(async move {
        begins.send(()).unwrap();
        ends.recv().unwrap();
    });
    begun.await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |who| {
        let order = Arc::clone(&order);
        async move { order.lock().unwrap().push(who) }
    };
    let tasks = [
        executor.spawn_as(&again, note("again")),
        executor.spawn_as(&stayed, note("stayed")),
    ];
    end.send(()).unwrap();
    for task in tasks.into_iter().chain([busy]) {
        task.await.unwrap();
    }
    assert_eq!(order.lock().unwrap().first(), Some(&"stayed"));
}

#[tokio::test]
async fn who_is_here_and_used_little_goes_before_all_who_come() {
    const MOST: Duration = Duration::from_millis(50);
    let executor = executor(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |who| {
        let order = Arc::clone(&order);
        async move { order.lock().unwrap().push(who) }
    };
    let (wake, woken) = oneshot::channel();
    let (uses, has_used) = oneshot::channel();
    let (noted, used) = (note("here"), spin(Duration::from_millis(2)));
    let here = executor.spawn_as(&executor.stranger(MOST), async move {
        used.await;
        uses.send(()).unwrap();
        woken.await.unwrap();
        noted.await;
    });
    let (begins, begun) = oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let busy = executor.spawn(async move {
        has_used.await.unwrap();
        begins.send(()).unwrap();
        ends.recv().unwrap();
    });
    begun.await.unwrap();
    let strangers: Vec<_> = (0..20)
        .map(|_| executor.spawn_as(&executor.stranger(MOST), note("stranger")))
        .collect();
    wake.send(()).unwrap();
    end.send(()).unwrap();
    for task in strangers.into_iter().chain([busy, here]) {
        task.await.unwrap();
    }
    assert_eq!(order.lock().unwrap().first(), Some(&"here"));
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
    let (begins, begun) = oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let busy = executor.spawn(async move {
        begins.send(()).unwrap();
        ends.recv().unwrap();
    });
    begun.await.unwrap();
    let holds = Arc::clone(&held);
    let waits = executor.spawn(async move { drop(holds) });
    drop(executor);
    assert_eq!(waits.await, Err(Lost));
    assert_eq!(Arc::strong_count(&held), 1);
    end.send(()).unwrap();
    busy.await.unwrap();
}
