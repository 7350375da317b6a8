//! Resident memory of instances that do nothing, beside that of bare ones.

use std::time::Instant as Clock;

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::engine::{Compiling, Engine, EngineOptions};
use external_worker_host::instance::Instance;
use external_worker_tests::{TestHost, start};
use serde_json::json;

use super::bare::Bare;
use super::resident::Resident;

const COUNTS: [u32; 2] = [1_000, 7_000];

/// What so many instances cost, each.
struct Cost {
    resident: Resident,
    us: f64,
}

impl Cost {
    fn print(&self, count: u32, what: &str) {
        let Self { resident, us } = self;
        println!(
            "{count:>9}  {what:<12} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1}  {us:>9.1}",
            resident.all,
            resident.heap,
            resident.written,
            resident.stacks,
            resident.rest(),
            resident.shared,
        );
    }
}

/// Prints what one instance among many has in memory, by what it is for, and the time to add it: of the
/// host, and of bare wasmtime, whose instances are started, too, but wait for nothing.
pub fn print() {
    println!("\nKiB of one instance among many, and us to add it");
    println!(
        "{:>9}  {:<12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  {:>9}",
        "instances", "", "resident", "heap", "written", "stack", "rest", "shared", "us"
    );
    for count in COUNTS {
        // One after the other: each needs most of the address space.
        let bare = bare(count);
        let own = instances(count);
        bare.print(count, "bare");
        own.print(count, "ours");
    }
    println!(
        "`shared` is in memory once, though counted for each: the image of the component's data"
    );
}

fn bare(count: u32) -> Cost {
    let bare = Bare::with_room(PROBE_HOST, count + 1);
    let mut stores = Vec::with_capacity(count as usize);
    measured(count, || {
        for _ in 0..count {
            stores.push(bare.started());
        }
    })
}

fn instances(count: u32) -> Cost {
    let runtime = super::control();
    let engine = Engine::new(EngineOptions::new(Compiling::Here)).unwrap();
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
    let before = Resident::now();
    let begin = Clock::now();
    make();
    let us = begin.elapsed().as_secs_f64() * 1e6 / f64::from(count);
    let resident = (Resident::now() - before).each(count);
    Cost { resident, us }
}
