//! Nothing is left of what was stopped: counted, not assumed.

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::engine::Engine;
use external_worker_host::instance::End;
use external_worker_tests::{TestHost, call_int, new_engine, start};
use serde_json::json;

const CYCLES: usize = 1_000;
const WARM_UP: usize = 100;
const MAX_GROWTH_KIB: u64 = 5 * 1024;

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// In a process of its own, because the counts are of the whole process.
#[test]
fn a_thousand_starts_and_stops_leave_nothing() {
    let test = "instance::leaks::in_a_process_of_its_own";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("EWH_LEAKS", "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(printed.contains("cycles: "), "{printed}");
}

#[tokio::test]
async fn in_a_process_of_its_own() {
    if std::env::var_os("EWH_LEAKS").is_none() {
        return;
    }
    let engine = new_engine();
    let worker = TestHost::grant("")
        .on(&engine)
        .worker(PROBE_HOST)
        .await
        .unwrap();
    let mut before = (0, 0, 0);
    for cycle in 0..WARM_UP + CYCLES {
        if cycle == WARM_UP {
            settle(&engine).await;
            before = (
                open_descriptors(),
                engine.threads().alive_tasks(),
                resident_kib(),
            );
        }
        let instance = start(&worker, "probe", json!({ "turn_ms": 3_600_000 }))
            .await
            .unwrap();
        assert_eq!(call_int(&instance, "applied", []).await.unwrap(), 1);
        if cycle % 2 == 0 {
            assert_eq!(instance.stop().await, End::Stopped);
        } else {
            instance.kill("the test says so").await;
        }
        let status = instance.status();
        assert_eq!((status.memory, status.open_calls), (0, 0));
    }
    settle(&engine).await;
    let after = (
        open_descriptors(),
        engine.threads().alive_tasks(),
        resident_kib(),
    );
    println!("cycles: {CYCLES}; descriptors, tasks, KiB before {before:?}, after {after:?}");
    assert_eq!((after.0, after.1), (before.0, before.1));
    assert!(after.2 <= before.2 + MAX_GROWTH_KIB, "{before:?} {after:?}");
}

/// A task says that its instance has ended just before it has ended itself.
async fn settle(engine: &Engine) {
    while engine.threads().alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}
