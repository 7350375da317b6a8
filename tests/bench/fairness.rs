//! What a neighbour's call costs beside a crowd that takes all it gets, and whether the crowd is billed for
//! what it took: `cargo bench --bench fairness`.
//!
//! The neighbour is called once in a while, by a task on the guests' threads, as nodes are, and by a thread
//! outside, as the server does. The bill stands beside what the system says of the guests' threads.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use external_worker_artifacts::{HOSTILE, PROBE_HOST};
use external_worker_host::component::LoadedComponent;
use external_worker_host::engine::{Compiling, Engine, EngineOptions};
use external_worker_host::instance::Instance;
use external_worker_host::limits;
use external_worker_host::policy::Policy;
use external_worker_tests::{TestHost, start};
use serde_json::json;

/// How many there are in a crowd.
const CROWD: usize = 64;
/// How long each crowd is watched.
const WATCHED: Duration = Duration::from_secs(6);
/// What a call may take longer beside a crowd, besides one epoch.
const MORE: Duration = Duration::from_millis(5);
/// Between two calls of the neighbour.
const PAUSE: Duration = Duration::from_millis(1);
/// What the bill may be off by.
const BILL_OFF: f64 = 0.03;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(print());
}

async fn print() {
    let engine = Engine::new(EngineOptions {
        pool_instances: Some(CROWD as u32 * 2),
        guest_threads: Some(2),
        ..EngineOptions::new(Compiling::Here)
    })
    .unwrap();
    let neighbour = TestHost::grant("[budget]\ncpu-share = 64.0\n")
        .on(&engine)
        .start(PROBE_HOST, "probe", json!({ "turn_ms": 3_600_000 }))
        .await
        .unwrap();
    let quiet = watch(&engine, &neighbour).await;
    println!(
        "{:<22} {:<9} {:>9} {:>9} {:>9}  limit",
        "beside 64 of", "called", "p50, us", "p99, us", "max, us"
    );
    for (how, latencies) in ["inside", "outside"].into_iter().zip(&quiet) {
        print_row("nothing", how, latencies, None);
    }
    for attack in [
        "cpu/hog",
        "cpu/hog_allocates",
        "cpu/hog_asks",
        "cpu/hog_logs",
        "cpu/hog_emits",
        "cpu/spin_loop",
    ] {
        let crowd = crowd(&engine, attack).await;
        let before = (bills(&crowd), guest_threads());
        let beside = watch(&engine, &neighbour).await;
        let after = (bills(&crowd), guest_threads());
        for ((how, latencies), quiet) in ["inside", "outside"].into_iter().zip(&beside).zip(&quiet)
        {
            print_row(attack, how, latencies, Some(quiet));
        }
        print_bill("bill and clock", after.0 - before.0, after.1 - before.1);
        end(crowd).await;
    }
    let crowd = crowd(&engine, "cpu/hog").await;
    let before = (bills(&crowd), guest_threads());
    stop_this_process(Duration::from_secs(5));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = (bills(&crowd), guest_threads());
    print_bill("stopped for 5 s", after.0 - before.0, after.1 - before.1);
    end(crowd).await;
}

/// Instances that do nothing but attack, and never end by themselves.
async fn crowd(engine: &Engine, attack: &str) -> Vec<Instance> {
    let policy = "[budget]\ncpu-share = 1.0\ncpu-spin-ms = 3600000\nstart-deadline-ms = 60000\n";
    let policy = Policy::parse(policy, "the crowd's policy").unwrap();
    let component = LoadedComponent::from_file(engine, Path::new(HOSTILE)).unwrap();
    let prepared = std::sync::Arc::new(
        std::sync::Arc::new(component)
            .prepare(&policy)
            .await
            .unwrap(),
    );
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let instance = start(&prepared, "hostile", json!({ "attack": attack })).await;
        crowd.push(instance.unwrap());
    }
    crowd
}

async fn end(crowd: Vec<Instance>) {
    for instance in crowd {
        instance.kill("the benchmark is done with it").await;
    }
}

/// Calls the neighbour for a while, from inside and from outside; sorted latencies of each.
async fn watch(engine: &Engine, neighbour: &Instance) -> [Vec<Duration>; 2] {
    let inside = engine.threads().spawn(calls(neighbour.clone()));
    let outside = calls(neighbour.clone()).await;
    [inside.await.unwrap(), outside]
}

async fn calls(neighbour: Instance) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < WATCHED {
        let called = Instant::now();
        neighbour.call("noop", Vec::new()).await.unwrap();
        latencies.push(called.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    latencies.sort_unstable();
    latencies
}

fn percentile(latencies: &[Duration], percent: usize) -> Duration {
    let at = (latencies.len() * percent).div_ceil(100).saturating_sub(1);
    latencies[at]
}

fn print_row(beside: &str, how: &str, latencies: &[Duration], quiet: Option<&Vec<Duration>>) {
    let p99 = percentile(latencies, 99);
    let verdict = quiet.map_or_else(String::new, |quiet| {
        let limit = percentile(quiet, 99) + MORE + limits::EPOCH_TICK;
        let held = if p99 > limit { "MISSED" } else { "held" };
        format!("p99 {} {held}", limit.as_micros())
    });
    println!(
        "{beside:<22} {how:<9} {:>9} {:>9} {:>9}  {verdict}",
        percentile(latencies, 50).as_micros(),
        p99.as_micros(),
        percentile(latencies, 100).as_micros(),
    );
}

fn bills(crowd: &[Instance]) -> Duration {
    crowd.iter().map(|instance| instance.status().cpu).sum()
}

/// What the system says that the guests' threads used.
fn guest_threads() -> Duration {
    let mut ticks = 0;
    for thread in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        let (name, fields) = stat.rsplit_once(") ").unwrap();
        if name.ends_with("(ewh-guest") {
            let fields: Vec<_> = fields.split(' ').collect();
            ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        }
    }
    // A hundred a second on every Linux.
    Duration::from_millis(ticks * 10)
}

fn print_bill(what: &str, bill: Duration, clock: Duration) {
    let ratio = bill.as_secs_f64() / clock.as_secs_f64();
    let held = if (ratio - 1.0).abs() > BILL_OFF {
        "MISSED"
    } else {
        "held"
    };
    println!(
        "{what:<22} billed {} ms, used {} ms, ratio {ratio:.3}  {BILL_OFF} off {held}",
        bill.as_millis(),
        clock.as_millis(),
    );
}

/// SIGSTOP, and after a while SIGCONT, from a process beside.
fn stop_this_process(time: Duration) {
    let pid = std::process::id();
    let script = format!(
        "kill -STOP {pid}; sleep {}; kill -CONT {pid}",
        time.as_secs()
    );
    Command::new("sh").args(["-c", &script]).status().unwrap();
}
