//! What the soak says: a line now and then, and tables at the end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::memory::{Halves, halves};
use crate::stage::{LOOK, Stage, lock};
use std::sync::atomic::Ordering::SeqCst;

const EVERY: Duration = Duration::from_secs(30);

/// Says how it goes until it is over.
pub fn progress(stage: &Stage) {
    let mut last = Instant::now();
    while !stage.is_over() {
        sleep(LOOK * 4);
        if last.elapsed() < EVERY {
            continue;
        }
        last = Instant::now();
        let tally = &stage.tally;
        let faults: u32 = lock(&tally.faults).values().map(|(times, _)| times).sum();
        println!(
            "{:>6} s  {faults} faults, {} calls, {} values set, {} things looked for, {} lost, {} wrong; {}",
            stage.begun.elapsed().as_secs(),
            lock(&tally.latencies).len(),
            tally.counted("acknowledged values"),
            tally.checked.load(SeqCst),
            tally.lost.load(SeqCst),
            stage.all_wrong().len(),
            pressure(),
        );
    }
}

/// What of the last minute somebody waited for a processor: what takes long then is not the host's fault alone.
fn pressure() -> String {
    let all = std::fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let mut words = all.split_whitespace();
    let minute = words.find_map(|word| word.strip_prefix("avg60="));
    format!("processors wanted {} %", minute.unwrap_or("?"))
}

/// The tables.
pub fn print(stage: &Stage, audit_records: u64, ended: &str) {
    print_faults(stage);
    print_counts(stage);
    print_memory(&halves(&lock(&stage.series)));
    print_calls(stage);
    println!("audit log: {audit_records} records; {ended}");
}

fn print_faults(stage: &Stage) {
    println!(
        "\n{:<38} {:>6} {:>24}",
        "fault", "times", "longest until served, s"
    );
    for (kind, (times, longest)) in lock(&stage.tally.faults).iter() {
        println!("{kind:<38} {times:>6} {:>24.2}", longest.as_secs_f64());
    }
}

fn print_counts(stage: &Stage) {
    println!("\n{:<38} {:>10}", "what", "count");
    for (what, count) in lock(&stage.tally.counts).iter() {
        println!("{what:<38} {count:>10}");
    }
    for (why, count) in lock(&stage.tally.reasons).iter() {
        println!("    {count:>6} {why}");
    }
    let checked = stage.tally.checked.load(SeqCst);
    let lost = stage.tally.lost.load(SeqCst);
    println!("{:<38} {checked:>10}", "acknowledged things looked for");
    println!("{:<38} {lost:>10}", "of these lost");
}

fn print_memory(halves: &[Halves]) {
    println!(
        "\n{:<12} {:>9} {:>8} {:>12} {:>12} {:>8} {:>8}  is flat",
        "process", "pid", "lived, s", "1st half, MiB", "2nd half, MiB", "fds", "fds"
    );
    for it in halves {
        let flat = if it.is_flat() { "yes" } else { "NO" };
        println!(
            "{:<12} {:>9} {:>8} {:>13.1} {:>13.1} {:>8} {:>8}  {flat}",
            it.who,
            it.pid,
            it.lived.as_secs(),
            it.mib[0],
            it.mib[1],
            it.descriptors[0],
            it.descriptors[1],
        );
    }
}

fn print_calls(stage: &Stage) {
    let mut all = lock(&stage.tally.latencies).clone();
    all.sort_unstable();
    let at = |percent: usize| {
        all.get(all.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "\ncalls of well-behaved clients: {}, p50 {:.2} ms, p99 {:.2} ms, longest {:.1} s",
        all.len(),
        f64::from(at(50)) / 1e3,
        f64::from(at(99)) / 1e3,
        f64::from(all.last().copied().unwrap_or_default()) / 1e6,
    );
}
