//! Joins that run once, and cycles that nobody waits for.

use std::sync::Mutex;

use super::flow::{Gated, counted};
use super::*;

/// A diamond of which both branches wait to be let go.
struct Diamond {
    bench: Bench,
    fast: Gated,
    slow: Gated,
    joined: Arc<Mutex<Vec<i64>>>,
}

fn diamond() -> Diamond {
    let (fast_class, fast) = Gated::class("fast", &["a"]);
    let (slow_class, slow) = Gated::class("slow", &["a"]);
    let (join, joined) = counted("join", &["a", "b", "c"]);
    let bench = Bench::new(vec![sum("sum", &["a"]), fast_class, slow_class, join]);
    for (class, id) in [
        ("sum", "top"),
        ("fast", "fast"),
        ("slow", "slow"),
        ("join", "join"),
    ] {
        bench.add(class, id);
    }
    bench.connect("top.out", "fast.a");
    bench.connect("top.out", "slow.a");
    bench.connect("fast.out", "join.a");
    bench.connect("slow.out", "join.b");
    Diamond {
        bench,
        fast,
        slow,
        joined,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_join_of_a_diamond_runs_once() {
    let mut d = diamond();
    d.bench.set("top.a", 1);
    assert_eq!((d.fast.entered().await, d.slow.entered().await), (1, 1));
    d.fast.let_go();
    d.bench.space.node_idle("fast").await;
    // It has what the fast branch gave, and waits for the other.
    assert_eq!(d.bench.value("join.a"), 1);
    assert_eq!(d.bench.status("join")["in_trigger"], true);
    d.slow.let_go();
    d.bench.space.idle().await;
    assert_eq!(*d.joined.lock().unwrap(), [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_of_branches_of_different_length_runs_once() {
    let (join, joined) = counted("join", &["a", "b"]);
    let bench = Bench::new(vec![sum("sum", &["a"]), join]);
    for id in ["top", "one", "two", "three"] {
        bench.add("sum", id);
    }
    bench.add("join", "join");
    bench.connect("top.out", "join.a");
    bench.connect("top.out", "one.a");
    bench.connect("one.out", "two.a");
    bench.connect("two.out", "three.a");
    bench.connect("three.out", "join.b");
    for round in 1..=100 {
        bench.set("top.a", round);
        bench.space.idle().await;
        assert_eq!(joined.lock().unwrap().split_off(0), [2 * round]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_does_not_wait_when_someone_else_wants_it() {
    let mut d = diamond();
    d.bench.set("top.a", 1);
    assert_eq!((d.fast.entered().await, d.slow.entered().await), (1, 1));
    d.fast.let_go();
    d.bench.space.node_idle("fast").await;
    assert!(d.joined.lock().unwrap().is_empty());
    d.bench.set("join.c", 10);
    d.bench.space.node_idle("join").await;
    assert_eq!(*d.joined.lock().unwrap(), [11]);
    // Nor does a branch that hangs hold the next wave.
    d.bench.set("top.a", 2);
    assert_eq!(d.fast.entered().await, 2);
    d.fast.let_go();
    d.bench.space.node_idle("fast").await;
    d.bench.space.node_idle("join").await;
    assert_eq!(*d.joined.lock().unwrap(), [11, 12]);
    d.slow.let_go();
    assert_eq!(d.slow.entered().await, 2);
    d.slow.let_go();
    d.bench.space.idle().await;
    assert_eq!(d.joined.lock().unwrap().last(), Some(&14));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_goes_on_when_the_branch_that_it_waits_for_goes_away() {
    let mut d = diamond();
    d.bench.set("top.a", 1);
    assert_eq!((d.fast.entered().await, d.slow.entered().await), (1, 1));
    d.fast.let_go();
    d.bench.space.node_idle("fast").await;
    d.bench.space.remove_node("slow").unwrap();
    d.bench.space.idle().await;
    assert_eq!(*d.joined.lock().unwrap(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_would_wait_for_each_other_do_not() {
    let (pair, runs) = counted("pair", &["a", "b"]);
    let bench = Bench::new(vec![sum("sum", &["a"]), pair, stopping("stop", 3)]);
    bench.add("sum", "top");
    bench.add("pair", "x");
    bench.add("stop", "y");
    for (from, to) in [("top", "x.a"), ("top", "y.a"), ("x", "y.b"), ("y", "x.b")] {
        bench.connect(&format!("{from}.out"), to);
    }
    bench.set("top.a", 1);
    bench.space.idle().await;
    assert!(!runs.lock().unwrap().is_empty());
}

/// Adds one, until it is at `limit`: then it answers nothing.
fn stopping(id: &str, limit: i64) -> NodeClass {
    let run = closure(move |inputs| async move {
        let next = total(&inputs) + 1;
        Ok(if next > limit {
            Ports::new()
        } else {
            out(next)
        })
    });
    let mut class = NodeClass {
        run,
        ..sum(id, &["a", "b"])
    };
    class.inputs[1].required = false;
    class
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_goes_round_one_task_a_lap_and_whoever_listens_hears_every_lap() {
    let (echo, laps) = counted("echo", &["a"]);
    let (join, joined) = counted("join", &["a", "b"]);
    let bench = Bench::new(vec![echo, stopping("stop", 1000), join]);
    bench.add("echo", "x");
    bench.add("stop", "y");
    bench.add("join", "listens");
    for (from, to) in [
        ("x", "y.a"),
        ("x", "listens.a"),
        ("y", "x.a"),
        ("y", "listens.b"),
    ] {
        bench.connect(&format!("{from}.out"), to);
    }
    let before = bench.space.inner.threads.spawned_tasks();
    bench.set("x.a", 1);
    bench.space.idle().await;
    let tasks = bench.space.inner.threads.spawned_tasks() - before;
    let laps = laps.lock().unwrap().len();
    assert_eq!(laps, 1000);
    // Each lap runs both of the cycle.
    assert!(tasks >= 2 * laps as u64, "{tasks} tasks");
    // It may miss what came while it ran, never the last.
    let heard = joined.lock().unwrap();
    assert!(heard.len() > 1 && heard.len() <= 2000, "{}", heard.len());
    assert_eq!(heard.last(), Some(&2000));
    assert!(heard.is_sorted());
}

#[tokio::test]
async fn a_cycle_that_never_ends_leaves_room_for_others() {
    let bench = Bench::new(vec![sum("sum", &["a"]), stopping("stop", i64::MAX)]);
    bench.add("sum", "x");
    bench.add("stop", "y");
    bench.add("sum", "other");
    bench.connect("x.out", "y.a");
    bench.connect("y.out", "x.a");
    bench.set("x.a", 1);
    // On one thread: the others run only because a lap ends its task.
    for value in 0..100 {
        bench.set("other.a", value);
        bench.space.node_idle("other").await;
        assert_eq!(bench.value("other.out"), value);
        bench.events();
    }
    bench.space.remove_edge("y", "out", "x", "a").unwrap();
    bench.space.idle().await;
    assert_eq!(bench.value("x.a"), NO_VALUE);
}
