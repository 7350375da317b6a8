//! What the processes have in memory, over time. A process that was started again begins anew: what it had before is
//! another process's.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use crate::stage::{Stage, lock};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// At the beginning a process takes what it needs.
const WARM_UP: Duration = Duration::from_secs(30);
/// And so much of its life, in percent, where that is longer.
const WARM_UP_PERCENT: usize = 20;
/// What has been looked at less often says nothing.
const FEWEST: usize = 15;
/// What the second half may have more than the first.
const GROWTH: f64 = 1.25;
const MORE_MIB: f64 = 16.0;
/// The same of descriptors.
const MORE_DESCRIPTORS: f64 = 16.0;

/// All looks, by who it was and which process.
pub type Series = BTreeMap<(String, u32), Vec<Look>>;

#[derive(Debug, Clone, Copy)]
pub struct Look {
    at: Instant,
    mib: f64,
    descriptors: f64,
}

/// What the two halves of a process's life have.
#[derive(Debug)]
pub struct Halves {
    pub who: String,
    pub pid: u32,
    pub lived: Duration,
    pub mib: [f64; 2],
    pub descriptors: [f64; 2],
}

impl Halves {
    pub fn is_flat(&self) -> bool {
        self.mib[1] <= self.mib[0] * GROWTH + MORE_MIB
            && self.descriptors[1] <= self.descriptors[0] * GROWTH + MORE_DESCRIPTORS
    }
}

/// Looks until it is over.
pub fn watch(stage: &Stage) {
    while !stage.is_over() {
        let host = ("host".to_owned(), stage.host.load(SeqCst));
        let tenants = stage.tenants.iter();
        let tenants = tenants.filter_map(|it| Some((it.name.clone(), it.place()?.pid)));
        for (who, pid) in tenants.chain([host]).collect::<Vec<_>>() {
            if let Some(look) = look(pid) {
                lock(&stage.series)
                    .entry((who, pid))
                    .or_default()
                    .push(look);
            }
        }
        std::thread::sleep(EVERY);
    }
}

fn look(pid: u32) -> Option<Look> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some(Look {
        at: Instant::now(),
        mib: kib / 1024.0,
        descriptors: descriptors as f64,
    })
}

/// Of each process that lived long enough.
pub fn halves(series: &Series) -> Vec<Halves> {
    series
        .iter()
        .filter_map(|((who, pid), looks)| halves_of(who, *pid, looks))
        .collect()
}

fn halves_of(who: &str, pid: u32, looks: &[Look]) -> Option<Halves> {
    let (first, last) = (looks.first()?, looks.last()?);
    let is_warm = |look: &&Look| look.at.duration_since(first.at) >= WARM_UP;
    let warm = looks.iter().filter(is_warm).count();
    let warm = warm.min(looks.len() * (100 - WARM_UP_PERCENT) / 100);
    if warm < FEWEST {
        return None;
    }
    let looks = &looks[looks.len() - warm..];
    let (one, two) = looks.split_at(looks.len() / 2);
    let of = |what: fn(&Look) -> f64| [median(one, what), median(two, what)];
    Some(Halves {
        who: who.to_owned(),
        pid,
        lived: last.at.duration_since(first.at),
        mib: of(|look| look.mib),
        descriptors: of(|look| look.descriptors),
    })
}

fn median(looks: &[Look], what: fn(&Look) -> f64) -> f64 {
    let mut all: Vec<_> = looks.iter().map(what).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
