//! What everybody in the soak sees: where each tenant is served, what was done to it, and what went wrong.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::memory::Series;

/// Longer than anything that works takes on a busy machine; who waits longer says for what.
pub const LIMIT: Duration = Duration::from_secs(300);
/// The same while all modules of all tenants are compiled, which gives way to whatever else the machine does.
pub const SETS_UP: Duration = Duration::from_secs(900);
/// Between two looks at what nobody tells of.
pub const LOOK: Duration = Duration::from_millis(50);
/// Of what went wrong, so much is shown, and so much is counted.
const MOST_SHOWN: usize = 40;
const MOST_WRONG: usize = 1_000;

/// Reasons that are told apart, and how much of each is kept.
const MOST_REASONS: usize = 60;
const REASON: usize = 110;

/// See the module.
pub struct Stage {
    pub begun: Instant,
    /// Clients end their work.
    over: AtomicBool,
    /// The supervisor; 0 while there is none.
    pub host: AtomicU32,
    pub tenants: Vec<Tenant>,
    pub tally: Tally,
    pub series: Mutex<Series>,
    wrong: Mutex<Vec<String>>,
    doing: Mutex<String>,
}

/// One tenant, and what was done to it.
pub struct Tenant {
    pub name: String,
    place: Mutex<Option<Place>>,
    /// Times that its process said that it serves, and times that somebody here made it begin again.
    pub begins: AtomicU32,
    pub made_begin: AtomicU32,
    /// Raised before anything that may cost what is in memory only: a kill, a full disk.
    pub harm: AtomicU32,
    /// Nothing can be saved for now.
    pub is_full: AtomicBool,
    /// Answers of its serial port and of its service, which tell when they are there again.
    pub serial: AtomicU64,
    pub service: AtomicU64,
}

/// Where a process serves.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub address: SocketAddr,
    pub pid: u32,
}

/// What was done and found, in numbers.
#[derive(Default)]
pub struct Tally {
    /// Microseconds that each call of a well-behaved client took.
    pub latencies: Mutex<Vec<u32>>,
    pub counts: Mutex<BTreeMap<&'static str, u64>>,
    /// Why calls and changes were refused, and how often.
    pub reasons: Mutex<BTreeMap<String, u64>>,
    /// Things that were acknowledged and looked for afterwards.
    pub checked: AtomicU64,
    pub lost: AtomicU64,
    /// Of each kind of fault how often there was one, and the longest time until everybody was served.
    pub faults: Mutex<BTreeMap<&'static str, (u32, Duration)>>,
}

impl Stage {
    pub fn new(names: &[&str]) -> Self {
        Self {
            begun: Instant::now(),
            over: AtomicBool::new(false),
            host: AtomicU32::new(0),
            tenants: names.iter().map(|name| Tenant::new(name)).collect(),
            tally: Tally::default(),
            series: Mutex::default(),
            wrong: Mutex::default(),
            doing: Mutex::default(),
        }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    pub fn end(&self) {
        self.over.store(true, SeqCst);
    }

    /// Something that must not be.
    pub fn wrong(&self, what: impl Display) {
        let at = self.begun.elapsed().as_secs();
        let mut wrong = lock(&self.wrong);
        if wrong.len() < MOST_SHOWN {
            println!("{at:>6} s  WRONG: {what}");
        }
        if wrong.len() < MOST_WRONG {
            wrong.push(format!("at {at} s: {what}"));
        }
    }

    /// Something that was acknowledged is not there.
    pub fn lost(&self, what: impl Display) {
        self.tally.lost.fetch_add(1, SeqCst);
        self.wrong(format_args!("lost: {what}"));
    }

    /// How long anything is waited for: where something is lost already, no longer than it takes to say so.
    pub fn limit(&self) -> Duration {
        match self.is_lossy() {
            true => LIMIT / 30,
            false => LIMIT,
        }
    }

    /// Whether something was lost.
    pub fn is_lossy(&self) -> bool {
        self.tally.lost.load(SeqCst) > 0
    }

    /// All that went wrong.
    pub fn all_wrong(&self) -> Vec<String> {
        lock(&self.wrong).clone()
    }

    /// Whoever wonders why nothing goes on hears this.
    pub fn does(&self, what: impl Display) {
        *lock(&self.doing) = what.to_string();
    }

    pub fn doing(&self) -> String {
        lock(&self.doing).clone()
    }

    pub fn tenant(&self, name: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.name == name)
    }

    /// Waits until `holds`, and not for ever; says whether it does.
    pub fn until(&self, what: &str, limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
        self.does(what);
        let begin = Instant::now();
        while !holds() {
            if begin.elapsed() > limit.min(self.limit()) {
                self.wrong(format_args!("waited {} s for {what}", limit.as_secs()));
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }
}

impl Tenant {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: Mutex::default(),
            begins: AtomicU32::new(0),
            made_begin: AtomicU32::new(0),
            harm: AtomicU32::new(0),
            is_full: AtomicBool::new(false),
            serial: AtomicU64::new(0),
            service: AtomicU64::new(0),
        }
    }

    pub fn place(&self) -> Option<Place> {
        *lock(&self.place)
    }

    pub fn serves_at(&self, place: Place) {
        *lock(&self.place) = Some(place);
        self.begins.fetch_add(1, SeqCst);
    }

    pub fn is_gone(&self) {
        *lock(&self.place) = None;
    }

    /// Before its process ends because somebody here says so.
    pub fn begins_again(&self, harmed: bool) {
        self.made_begin.fetch_add(1, SeqCst);
        if harmed {
            self.harm.fetch_add(1, SeqCst);
        }
    }
}

impl Tally {
    pub fn count(&self, what: &'static str) {
        *lock(&self.counts).entry(what).or_default() += 1;
    }

    /// Counts what did not go well, and why.
    pub fn failed(&self, what: &'static str, why: &str) {
        self.count(what);
        let why = format!("{what}: {}", why.chars().take(REASON).collect::<String>());
        let mut reasons = lock(&self.reasons);
        if reasons.len() < MOST_REASONS || reasons.contains_key(&why) {
            *reasons.entry(why).or_default() += 1;
        }
    }

    pub fn counted(&self, what: &str) -> u64 {
        lock(&self.counts).get(what).copied().unwrap_or_default()
    }

    pub fn check(&self) {
        self.checked.fetch_add(1, SeqCst);
    }

    pub fn called(&self, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        lock(&self.latencies).push(micros);
    }

    pub fn fault(&self, kind: &'static str, took: Duration) {
        let mut faults = lock(&self.faults);
        let (times, longest) = faults.entry(kind).or_default();
        *times += 1;
        *longest = took.max(*longest);
    }
}

/// A thread that panicked leaves numbers as good as before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
