//! The table: what each attack is to come to, what it came to, and what it cost meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use external_worker_artifacts::{ATTACKS, TOOLCHAIN};
use external_worker_host::engine::Engine;
use external_worker_host::limits::Budget;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::scene::{Loaded, MEMORY, Scene, is_clean, shared};
use crate::victim::{Victim, is_unhurt};

/// What the host may grow by besides the budget of the attacker, in bytes.
const MAX_GROWTH: u64 = 16 << 20;
/// What a measurement may go wrong for other reasons: this machine does other things, too.
const TRIES: usize = 3;
/// How long an attack may go on, and how long the host may take to be as it was before.
const PATIENCE: Duration = Duration::from_secs(30);

/// Panics of the host until now.
pub static PANICS: AtomicUsize = AtomicUsize::new(0);

type Act = Box<dyn Fn(Scene) -> LocalBoxFuture<'static, String>>;

/// One attack, and what the host is to do about it.
pub struct Row {
    /// Such as `cpu/spin_call`.
    pub attack: &'static str,
    tries: &'static str,
    /// What the host does, `*` standing for any text.
    expected: &'static str,
    act: Act,
}

/// An attack by a guest: its file says what it tries.
pub fn row<F>(
    attack: &'static str,
    expected: &'static str,
    act: impl Fn(Scene) -> F + 'static,
) -> Row
where
    F: Future<Output = String> + 'static,
{
    let found = ATTACKS.iter().find(|found| found.name == attack);
    let tries = found
        .unwrap_or_else(|| panic!("there is no attack {attack}"))
        .tries;
    made(attack, tries, expected, act)
}

/// An attack that no guest does.
pub fn made<F>(
    attack: &'static str,
    tries: &'static str,
    expected: &'static str,
    act: impl Fn(Scene) -> F + 'static,
) -> Row
where
    F: Future<Output = String> + 'static,
{
    let act: Act = Box::new(move |scene| act(scene).boxed_local());
    Row {
        attack,
        tries,
        expected,
        act,
    }
}

/// What came of a row.
struct Line {
    did: String,
    growth: u64,
    quiet: Duration,
    during: Duration,
    /// What is wrong; nothing: it is contained.
    faults: Vec<String>,
    /// Whether a second measurement may come to something else.
    may_be_chance: bool,
}

/// Runs all `rows` and prints the table. Returns whether every attack was contained.
pub async fn run(rows: &[Row], engine: &Engine) -> bool {
    // What is only made once is no growth.
    let loaded = shared(engine);
    for (_, component) in loaded.iter() {
        component.describe(&Budget::default()).await.unwrap();
    }
    let victim = Victim::start(engine).await;
    victim.quiet(engine).await;
    println!(
        "{:<34} {:<58} {:<58} {:>6} {:>8} {:>8} {:>6}  released  verdict",
        "attack", "tries", "the host", "MiB", "quiet", "during", "ratio"
    );
    let mut loose = Vec::new();
    for row in rows {
        let mut line = once(row, engine, &loaded, &victim).await;
        for _ in 1..TRIES {
            if line.faults.is_empty() || !line.may_be_chance {
                break;
            }
            line = once(row, engine, &loaded, &victim).await;
        }
        print(row, &line);
        if !line.faults.is_empty() {
            loose.push((row, line));
        }
    }
    // Once more, where they are seen.
    for (row, line) in &loose {
        print(row, line);
    }
    let contained = rows.len() - loose.len();
    println!("guests for {TOOLCHAIN}");
    println!("{} attacks, {contained} contained", rows.len());
    loose.is_empty()
}

async fn once(row: &Row, engine: &Engine, loaded: &Loaded, victim: &Victim) -> Line {
    let quiet = victim.quiet(engine).await;
    let before = Gauges::read(engine);
    let panics = PANICS.load(Ordering::Relaxed);
    let resident = Resident::watch();
    let calling = victim.call(engine);
    let scene = Scene::new(row.attack, engine, loaded);
    let did = tokio::time::timeout(PATIENCE, (row.act)(scene.clone())).await;
    let did = did.unwrap_or_else(|_| "it goes on".to_owned());
    let during = calling.end().await;
    let growth = resident.growth();
    let mut faults = Vec::new();
    faults.extend(scene.clean_up().await);
    drop(scene);
    faults.extend(before.are_back(engine).await);
    if !matches(row.expected, &did) {
        faults.push(format!("expected: {}", row.expected));
    }
    if !is_clean(&did) {
        faults.push("it steers a terminal".to_owned());
    }
    if PANICS.load(Ordering::Relaxed) != panics {
        faults.push("the host panicked".to_owned());
    }
    if quiet.errors + during.errors > 0 {
        faults.push(format!("{} calls of the victim failed", during.errors));
    }
    let may_be_chance = faults.is_empty();
    if growth > MEMORY + MAX_GROWTH {
        faults.push("the host grew".to_owned());
    }
    if !is_unhurt(quiet.p99(), during.p99()) {
        faults.push("the victim was hurt".to_owned());
    }
    Line {
        did,
        growth,
        quiet: quiet.p99(),
        during: during.p99(),
        faults,
        may_be_chance,
    }
}

/// Whether `text` is what `pattern` says, `*` standing for any text, and ` | ` between what may come about
/// equally.
fn matches(pattern: &str, text: &str) -> bool {
    pattern.split(" | ").any(|one| matches_one(one, text))
}

fn matches_one(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut ends = rest.is_empty();
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        // The last one has to be the end.
        ends = part.is_empty() || rest.ends_with(part);
        rest = &rest[at + part.len()..];
    }
    ends
}

fn print(row: &Row, line: &Line) {
    let micros = |time: Duration| format!("{} us", time.as_micros());
    let ratio = line.during.as_secs_f64() / line.quiet.as_secs_f64().max(f64::MIN_POSITIVE);
    let released = !line.faults.iter().any(|fault| fault.starts_with("held"));
    println!(
        "{:<34} {:<58} {:<58} {:>6.1} {:>8} {:>8} {:>6.1}  {:<8}  {}",
        row.attack,
        cut(row.tries, 58),
        cut(&line.did, 58),
        line.growth as f64 / f64::from(1 << 20),
        micros(line.quiet),
        micros(line.during),
        ratio,
        if released { "yes" } else { "NO" },
        if line.faults.is_empty() {
            "contained"
        } else {
            "NOT CONTAINED"
        },
    );
    for fault in &line.faults {
        println!("    {fault}");
    }
    if !line.faults.is_empty() {
        println!("    the host: {:?}", cut(&line.did, 2_000));
    }
}

fn cut(text: &str, most: usize) -> String {
    let line = text.replace('\n', " ");
    match line.char_indices().nth(most) {
        Some(_) => line.chars().take(most - 1).chain(['…']).collect(),
        None => line,
    }
}

/// What of the process has to be as it was.
struct Gauges {
    descriptors: usize,
    tasks: usize,
}

impl Gauges {
    fn read(engine: &Engine) -> Self {
        Self {
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: engine.threads().alive_tasks(),
        }
    }

    /// What is still held after a while.
    async fn are_back(&self, engine: &Engine) -> Option<String> {
        let begin = Instant::now();
        loop {
            let now = Self::read(engine);
            if now.descriptors <= self.descriptors && now.tasks <= self.tasks {
                return None;
            }
            if begin.elapsed() > PATIENCE {
                let (files, tasks) = (now.descriptors, now.tasks);
                let (files_before, tasks_before) = (self.descriptors, self.tasks);
                return Some(format!(
                    "held: {files} descriptors instead of {files_before}, {tasks} tasks instead of {tasks_before}"
                ));
            }
            // The kernel and other threads let go when they come to it.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Watches how much memory the process has, from a thread of its own.
struct Resident {
    before: u64,
    peak: Arc<AtomicU64>,
    go_on: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Resident {
    fn watch() -> Self {
        let before = resident();
        let peak = Arc::new(AtomicU64::new(before));
        let go_on = Arc::new(AtomicBool::new(true));
        let (most, wanted) = (Arc::clone(&peak), Arc::clone(&go_on));
        let thread = std::thread::spawn(move || {
            while wanted.load(Ordering::Relaxed) {
                most.fetch_max(resident(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self {
            before,
            peak,
            go_on,
            thread,
        }
    }

    /// How many bytes it had more at most than in the beginning.
    fn growth(self) -> u64 {
        self.go_on.store(false, Ordering::Relaxed);
        self.thread.join().unwrap();
        let peak = self.peak.load(Ordering::Relaxed).max(resident());
        peak.saturating_sub(self.before)
    }
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}
