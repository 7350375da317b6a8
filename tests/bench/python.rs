//! What a worker in Python costs: a call, a start, an instance, and the time from a dropped script to its class,
//! beside the same class in FuncNodes on CPython, where that was installed (`tests/peer/run venv`).

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use external_worker_build::{Stderr, prepare_python};
use external_worker_host::policy::Policy;
use external_worker_host::worker::{Worker, WorkerOptions};
use external_worker_tests::{TestHost, new_engine, start};
use serde_json::json;

use super::resident::Resident;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/python/template.py");
/// The same with CPython alone: one object of the class in FuncNodes, and one node of its method.
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/peer.py");
const VENV: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/peer/venv/bin/python"
);

const CALLS: usize = 5_000;
const STARTS: usize = 50;
const DROPS: usize = 10;

/// What is asked of each row, in its unit.
const CALL_US: f64 = 40.0;
const START_MS: f64 = 20.0;
const PRIVATE_MIB: f64 = 6.0;
const DROPPED_S: f64 = 0.5;

/// Prints one line for each.
pub fn print() {
    prepare_python(&mut Stderr::default()).unwrap();
    let control = super::control();
    println!("\n{:<44} {:>9}  limit", "a worker in Python", "median");
    let [call, started, private] = control.block_on(instances());
    row("call of a method", call, "us", CALL_US);
    row("start of an instance", started, "ms", START_MS);
    row("private memory of an instance", private, "MiB", PRIVATE_MIB);
    let dropped = control.block_on(dropped());
    row(
        "from a dropped script to its class",
        dropped,
        "s",
        DROPPED_S,
    );
    for line in peer() {
        println!("{line}");
    }
}

fn row(what: &str, value: f64, unit: &str, limit: f64) {
    let verdict = if value > limit { "MISSED" } else { "held" };
    println!("{what:<44} {value:>9.3}  {unit} {limit} {verdict}");
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

async fn instances() -> [f64; 3] {
    let engine = new_engine();
    let prepared = TestHost::grant(super::UNTHROTTLED)
        .on(&engine)
        .worker(TEMPLATE)
        .await
        .unwrap();
    let first = start(&prepared, "my_worker", json!({})).await.unwrap();
    let mut calls = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begin = Instant::now();
        first.call("get_status", Vec::new()).await.unwrap();
        calls.push(begin.elapsed());
    }
    let before = Resident::now();
    let mut starts = Vec::with_capacity(STARTS);
    let mut running = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let begin = Instant::now();
        running.push(start(&prepared, "my_worker", json!({})).await.unwrap());
        starts.push(begin.elapsed());
    }
    let grown = Resident::now() - before;
    let private = (grown.all - grown.shared).max(0.0) / 1024.0 / STARTS as f64;
    for instance in running {
        instance.stop().await;
    }
    [median(calls) * 1e6, median(starts) * 1e3, private]
}

async fn dropped() -> f64 {
    let data = tempfile::tempdir().unwrap();
    let options = WorkerOptions {
        data: data.path().to_owned(),
        name: None,
        policy: Policy::default().into(),
        engine: new_engine(),
        auditor: Default::default(),
        quotas: external_worker_host::worker::Quotas::default(),
        secrets: Default::default(),
    };
    let worker = Worker::open(options).await.unwrap();
    worker.started().await;
    let source = std::fs::read_to_string(TEMPLATE).unwrap();
    let mut times = Vec::with_capacity(DROPS);
    for n in 0..DROPS {
        let source = source.replace("\"my_worker\"", &format!("\"my_worker{n}\""));
        let file = data.path().join(format!("local_workers/drop{n}.py"));
        let begin = Instant::now();
        std::fs::write(file, source).unwrap();
        let name = format!("drop{n}");
        let is_there = || {
            let modules = json!(worker.modules());
            let mut modules = modules.as_array().unwrap().iter();
            modules.any(|module| module["module"] == name.as_str())
        };
        while !is_there() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(begin.elapsed());
    }
    worker.close(Duration::from_secs(10)).await.unwrap();
    median(times)
}

/// The lines of the peer, or why there are none.
fn peer() -> Vec<String> {
    if !Path::new(VENV).exists() {
        return vec!["FuncNodes is not installed: tests/peer/run venv".to_owned()];
    }
    let output = Command::new(VENV).arg(PEER).output().unwrap();
    let said = match output.status.success() {
        true => output.stdout,
        false => output.stderr,
    };
    let said = String::from_utf8_lossy(&said).into_owned();
    said.lines().map(str::to_owned).collect()
}
