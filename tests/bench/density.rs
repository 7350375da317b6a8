//! Resident memory of idle instances.

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::engine::{Engine, EngineOptions};
use external_worker_host::instance::Instance;
use external_worker_tests::{TestHost, start};
use serde_json::json;

/// Prints the resident memory of one instance among many.
pub fn print() {
    println!(
        "\n{:>9}  {:>16}  {:>14}",
        "instances", "KiB of RSS each", "add, us each"
    );
    for count in [1_000, 10_000] {
        let engine = Engine::new(EngineOptions::default()).unwrap();
        let runtime = super::control();
        runtime.block_on(measure(&engine, count));
    }
}

async fn measure(engine: &Engine, count: usize) {
    let worker = TestHost::grant("")
        .on(engine)
        .worker(PROBE_HOST)
        .await
        .unwrap();
    let mut instances: Vec<Instance> = Vec::with_capacity(count);
    let before = resident_kib();
    let begin = std::time::Instant::now();
    for _ in 0..count {
        let instance = start(&worker, "probe", json!({ "turn_ms": 3_600_000 }))
            .await
            .unwrap();
        instances.push(instance);
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / count as f64;
    let held = resident_kib().saturating_sub(before) as f64 / count as f64;
    println!("{count:>9}  {held:>16.1}  {each:>14.1}");
    for instance in instances {
        instance.kill("measured").await;
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
