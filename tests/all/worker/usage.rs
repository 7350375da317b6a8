//! What external workers are said to have used, beside the clocks of the threads on which they ran.

use std::fs;
use std::time::Duration;

use external_worker_artifacts::{HOSTILE, PROBE_HOST};
use serde_json::json;

use super::Site;

/// Set in the process that runs nothing else.
const ALONE: &str = "EWH_USAGE";
/// What the kernel calls the threads that run guests.
const THREADS: &str = "ewh-guest";
/// How long what is measured goes on.
const WINDOW: Duration = Duration::from_secs(4);

/// Processor time of the threads that run guests, in seconds.
fn clocks() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let of_guests = tasks.filter_map(|task| {
        let task = task.unwrap().path();
        let name = fs::read_to_string(task.join("comm")).ok()?;
        let nanos = fs::read_to_string(task.join("schedstat")).ok()?;
        let nanos: f64 = nanos.split(' ').next()?.parse().ok()?;
        (name.trim() == THREADS).then_some(nanos / 1e9)
    });
    of_guests.sum()
}

fn billed(site: &Site) -> f64 {
    let usage = site.worker.usage().into_iter();
    usage.map(|it| it.cpu.as_secs_f64()).sum()
}

/// In a process of its own, whose threads run no other test's guests.
#[test]
fn what_is_billed_adds_up_to_the_clocks_of_the_threads() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker::usage::in_a_process_of_its_own"])
        .arg("--nocapture")
        .env(ALONE, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
    println!("{printed}");
}

#[tokio::test]
async fn in_a_process_of_its_own() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let site = Site::with(&[("hostile", HOSTILE), ("probe", PROBE_HOST)]).await;
    let spins = "[budget]\ncpu-share = 1.0\ncpu-spin-ms = 3600000\nstart-deadline-ms = 60000\n";
    site.allow("hostile", spins);
    // What spins, and what does little, often.
    for _ in 0..3 {
        let hog = json!({ "attack": "cpu/hog" });
        site.add("hostile", "hostile", hog).await;
    }
    for _ in 0..10 {
        site.add("probe", "probe", json!({ "turn_ms": 1 })).await;
    }
    let before = (clocks(), billed(&site));
    tokio::time::sleep(WINDOW).await;
    let after = (clocks(), billed(&site));
    let (threads, bill) = (after.0 - before.0, after.1 - before.1);
    let share = bill / threads;
    println!("the threads ran for {threads:.3} s, of which {bill:.3} s are billed: {share:.4}");
    assert!(threads > 0.1, "they ran");
    // A poll that goes on while it is looked counts for one and not yet for the other.
    assert!((0.97..1.03).contains(&share), "{share}");
}
