//! What a call costs from a Python process that has the host in it, beside the same call from Rust in the same run:
//! from a task on the guest threads, where a Worker's triggers run, and from a thread outside of them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::instance::Instance;
use external_worker_host::instance::exports::Ports;
use external_worker_tests::{TestHost, new_engine};
use serde_json::Value as Json;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CALLS: usize = 5_000;
const ARRAYS: usize = 300;
/// A call from Python takes at most so many times what one from Rust takes.
const CALL_RATIO: f64 = 3.0;
/// The same of an array.
const ARRAY_RATIO: f64 = 2.0;

/// Prints one line for each.
pub fn print() {
    let control = super::control();
    let engine = new_engine();
    let host = TestHost::grant(super::UNTHROTTLED).on(&engine);
    let instance = control.block_on(host.run(PROBE_HOST, "probe"));
    instance.turns().pause();
    let array = vec![("value".to_owned(), super::array())];
    let none = Vec::new();
    let inside = super::time_calls(&engine, &instance, "noop", &none, CALLS as u64);
    let call = inside.as_secs_f64() * 1e6 / CALLS as f64;
    let [outside, copied] = [
        control.block_on(from_outside(&instance, "noop", &none, CALLS)),
        control.block_on(from_outside(&instance, "echo_array", &array, ARRAYS)),
    ];
    control.block_on(instance.stop());
    println!("\n{:<44} {:>9}", "a call from Python", "us");
    println!("{:<44} {call:>9.1}", "Rust, from a guest thread");
    println!("{:<44} {outside:>9.1}", "Rust, from another thread");
    println!(
        "{:<44} {copied:>9.1}",
        "Rust, an array of 1 MiB, from another thread"
    );
    match python() {
        Err(why) => println!("{why}"),
        Ok(found) => {
            for (what, time) in found.as_object().into_iter().flatten() {
                let time = time.as_f64().unwrap_or_default();
                let (floor, limit) = match what.contains("array") {
                    true => (copied, ARRAY_RATIO),
                    false => (outside, CALL_RATIO),
                };
                let ratio = time / floor;
                let verdict = if ratio > limit { "MISSED" } else { "held" };
                let what = format!("Python, {what}");
                println!("{what:<44} {time:>9.1}  {ratio:.1}x of Rust, limit {limit} {verdict}");
            }
        }
    }
}

async fn from_outside(instance: &Instance, node: &str, inputs: &Ports, times: usize) -> f64 {
    let mut all = Vec::with_capacity(times);
    for _ in 0..times {
        let begin = Instant::now();
        // Who calls keeps what it gives, as in Python.
        instance.call(node, inputs.clone()).await.unwrap();
        all.push(begin.elapsed());
    }
    median(all)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// What Python finds, or why it does not.
fn python() -> Result<Json, String> {
    let root = Path::new(ROOT);
    let package = root.join("host/python/python");
    if !package
        .join("external_worker_host/_native.abi3.so")
        .exists()
    {
        return Err("the package is not built: host/python/tests/run build release".to_owned());
    }
    let output = Command::new(root.join("target/peer/venv/bin/python"))
        .arg(root.join("tests/bench/embedded.py"))
        .args([PROBE_HOST, super::UNTHROTTLED])
        .env("PYTHONPATH", package)
        .output()
        .map_err(|error| format!("no Python to compare with, tests/peer/run venv: {error}"))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}
