//! The ratios of what was measured, from the estimates that criterion keeps.

use std::path::Path;

/// Benchmark, its floor, and the ratio that it may not pass.
const ROWS: [(&str, &str, &str, Option<f64>); 13] = [
    ("call", "bare", "raw", None),
    ("call", "raw, mailbox", "raw", Some(3.0)),
    ("call", "mailbox", "raw", Some(3.0)),
    ("call", "mailbox, loop suspended", "raw", Some(3.0)),
    ("call", "mailbox, two threads", "raw", Some(3.0)),
    ("call", "direct", "bare", None),
    ("call", "mailbox", "bare", None),
    (ARRAY, "raw", COPIES, None),
    (ARRAY, "bare", COPIES, None),
    (ARRAY, "raw, mailbox", COPIES, None),
    (ARRAY, "mailbox", COPIES, Some(4.0)),
    (ARRAY, "mailbox", "bare", None),
    (
        "instance",
        "add, first call, remove",
        "bare instantiate",
        None,
    ),
];

const ARRAY: &str = "array of 1 MiB, in and out";
const COPIES: &str = "memcpy, both ways";

/// Prints one line for each row.
pub fn print() {
    println!(
        "\n{:<28} {:<26} {:>12} {:>12} {:>7}  limit",
        "what", "how", "median us", "floor us", "ratio"
    );
    for (group, how, floor, limit) in ROWS {
        let (Some(measured), Some(base)) = (median(group, how), median(group, floor)) else {
            continue;
        };
        let ratio = measured / base;
        let verdict = match limit {
            Some(limit) if ratio > limit => format!("{limit} MISSED"),
            Some(limit) => format!("{limit} held"),
            None => String::new(),
        };
        let (measured, base) = (measured / 1e3, base / 1e3);
        println!("{group:<28} {how:<26} {measured:>12.2} {base:>12.2} {ratio:>7.2}  {verdict}");
    }
}

/// Nanoseconds of the newest run.
fn median(group: &str, function: &str) -> Option<f64> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/criterion");
    let file = target.join(group).join(function).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    estimates.pointer("/median/point_estimate")?.as_f64()
}
