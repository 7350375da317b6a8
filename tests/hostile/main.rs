//! The hostile table: every attack under `guests/hostile`, and some that need no guest, each beside a
//! victim that is called all the time. `cargo test --test hostile`, with parts of names to choose by, or not to,
//! behind `--skip`.
//!
//! An attack is contained when the host does what its row says, neither panics nor grows beyond the
//! attacker's budget and a little, serves a neighbour and another client as before, and has given everything
//! back afterwards. Most attackers are instances in this process; what takes a Worker, clients or the whole
//! host has one in a process of its own (`house`).

mod artifacts;
mod bystander;
mod clients;
mod confined;
mod counts;
mod cpu;
mod crowds;
mod data;
mod files;
mod grants;
mod handles;
mod house;
mod libraries;
mod lifecycle;
mod memory;
mod names;
mod network;
mod pays;
mod python;
mod registries;
mod saves;
mod says;
mod scene;
mod secrets;
mod serial;
mod serves;
mod table;
mod tenants;
mod victim;
mod wire;
mod works;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use external_worker_artifacts::ATTACKS;
use external_worker_tests::engine_with;
use table::Row;

/// How many attacks the table has at least.
const ENOUGH: usize = 150;

fn rows() -> Vec<Row> {
    let groups = [
        cpu::rows(),
        memory::rows(),
        handles::rows(),
        files::rows(),
        names::rows(),
        network::rows(),
        serial::rows(),
        says::rows(),
        lifecycle::rows(),
        libraries::rows(),
        artifacts::rows(),
        clients::rows(),
        crowds::rows(),
        counts::rows(),
        data::rows(),
        grants::rows(),
        serves::rows(),
        works::rows(),
        pays::rows(),
        secrets::rows(),
        saves::rows(),
        registries::rows(),
        confined::rows(),
        python::rows(),
    ];
    groups.into_iter().flatten().collect()
}

/// Every file is in the table, once.
fn check(rows: &[Row]) {
    let mut names = BTreeSet::new();
    for row in rows {
        assert!(
            names.insert(row.attack),
            "two rows are called {}",
            row.attack
        );
    }
    for attack in ATTACKS {
        assert!(
            names.contains(attack.name),
            "no row says what the host does about {}",
            attack.name
        );
    }
    assert!(rows.len() >= ENOUGH, "{} attacks", rows.len());
}

/// Crowds of clients take more descriptors than a process begins with.
fn may_open_all() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both take a valid place of this type, and nothing else.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}

/// The parts of names to choose by, and, each behind `--skip`, those not to be chosen.
fn chosen(mut args: impl Iterator<Item = String>) -> (Vec<String>, Vec<String>) {
    let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--skip" => skipped.extend(args.next()),
            flag if flag.starts_with('-') => {}
            _ => wanted.push(arg),
        }
    }
    (wanted, skipped)
}

fn main() -> ExitCode {
    let (wanted, skipped) = chosen(std::env::args().skip(1));
    let mut rows = rows();
    check(&rows);
    let has = |parts: &[String], row: &Row| parts.iter().any(|part| row.attack.contains(part));
    rows.retain(|row| (wanted.is_empty() || has(&wanted, row)) && !has(&skipped, row));
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        table::PANICS.fetch_add(1, Ordering::Relaxed);
        print(info);
    }));
    may_open_all();
    let engine = engine_with(names::resolver());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runtime.block_on(table::run(&rows, &engine)) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
