//! Resident memory of instances that do nothing, beside that of bare ones.

use std::time::Instant as Clock;

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::engine::{Engine, EngineOptions};
use external_worker_host::instance::Instance;
use external_worker_tests::{TestHost, start};
use serde_json::json;

use super::bare::Bare;

const COUNTS: [u32; 2] = [1_000, 10_000];

/// What so many instances cost, each.
struct Cost {
    kib: f64,
    us: f64,
}

/// Prints the resident memory of one instance among many, and the time to add it.
pub fn print() {
    println!(
        "\n{:>9}  {:>9} {:>9} {:>6}  {:>12} {:>12}",
        "instances", "KiB each", "bare KiB", "ratio", "add, us each", "bare, us"
    );
    for count in COUNTS {
        // One after the other: each needs most of the address space.
        let floor = bare(count);
        let own = instances(count);
        println!(
            "{count:>9}  {:>9.1} {:>9.1} {:>6.2}  {:>12.1} {:>12.1}",
            own.kib,
            floor.kib,
            own.kib / floor.kib,
            own.us,
            floor.us
        );
    }
}

fn bare(count: u32) -> Cost {
    let bare = Bare::with_room(PROBE_HOST, count + 1);
    let mut stores = Vec::with_capacity(count as usize);
    measured(count, || {
        for _ in 0..count {
            stores.push(bare.instantiate());
        }
    })
}

fn instances(count: u32) -> Cost {
    let runtime = super::control();
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let host = TestHost::grant("").on(&engine);
    let worker = runtime.block_on(host.worker(PROBE_HOST)).unwrap();
    let idle = json!({ "turn_ms": 3_600_000 });
    let mut all: Vec<Instance> = Vec::with_capacity(count as usize);
    let cost = measured(count, || {
        runtime.block_on(async {
            for _ in 0..count {
                all.push(start(&worker, "probe", idle.clone()).await.unwrap());
            }
        });
    });
    runtime.block_on(async {
        for instance in all {
            instance.kill("measured").await;
        }
    });
    cost
}

fn measured(count: u32, make: impl FnOnce()) -> Cost {
    let before = resident_kib();
    let begin = Clock::now();
    make();
    let us = begin.elapsed().as_secs_f64() * 1e6 / f64::from(count);
    let kib = resident_kib().saturating_sub(before) as f64 / f64::from(count);
    Cost { kib, us }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
