//! The table: what each attack is to come to, what it came to, and what it cost meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use external_worker_artifacts::{ATTACKS, TOOLCHAIN};
use external_worker_host::engine::Engine;
use external_worker_host::limits::Budget;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::bystander::{Bystander, Latencies, is_served};
use crate::house::{Cost, House, Plan, Resident};
use crate::python;
use crate::scene::{Loaded, Scene, is_clean, shared};
use crate::victim::Victim;

/// What the host may grow by besides the budget of the attacker, in bytes.
const MAX_GROWTH: u64 = 16 << 20;
/// What a measurement may go wrong for other reasons: this machine does other things, too.
const TRIES: usize = 3;
/// How long an attack may go on, and how long the host may take to be as it was before.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long those beside it are watched before an attack.
const QUIET: Duration = Duration::from_millis(50);

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

/// An attack on a host in a process of its own, `planned` and then attacked.
pub fn housed(
    attack: &'static str,
    tries: Option<&'static str>,
    expected: &'static str,
    planned: impl Fn(Plan) -> Plan + Clone + Send + 'static,
    act: impl Fn(&mut House) -> String + Clone + Send + 'static,
) -> Row {
    let act = move |scene: Scene| {
        let (planned, act) = (planned.clone(), act.clone());
        let done =
            tokio::task::spawn_blocking(move || planned(Plan::new(&scene)).serve().suffers(act));
        async move {
            done.await
                .unwrap_or_else(|error| format!("the test failed: {error}"))
        }
    };
    match tries {
        Some(tries) => made(attack, tries, expected, act),
        None => row(attack, expected, act),
    }
}

/// What came of a row.
struct Line {
    did: String,
    growth: u64,
    /// At p99, before and during the attack: a neighbour's call, another client's command.
    calls: [Duration; 2],
    commands: [Duration; 2],
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
    if rows.iter().any(|row| row.attack.starts_with(python::GROUP)) {
        python::warm(engine).await;
    }
    let mut beside = Beside {
        victim: Victim::start(engine).await,
        bystander: Bystander::start(engine).await,
    };
    beside.quiet(engine).await;
    println!(
        "{:<34} {:<58} {:<58} {:>6} {:>17} {:>17}  released  verdict",
        "attack", "tries", "the host", "MiB", "a call, us", "a command, us"
    );
    let mut loose = Vec::new();
    for row in rows {
        let mut line = once(row, engine, &loaded, &mut beside).await;
        for _ in 1..TRIES {
            if line.faults.is_empty() || !line.may_be_chance {
                break;
            }
            line = once(row, engine, &loaded, &mut beside).await;
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
    beside.bystander.end().await;
    println!("guests for {TOOLCHAIN}");
    println!("{} attacks, {contained} contained", rows.len());
    loose.is_empty()
}

/// Who is served beside the attacks that have no host of their own.
struct Beside {
    victim: Victim,
    bystander: Bystander,
}

impl Beside {
    /// How they are served while `doing` is done.
    async fn during<T>(&mut self, engine: &Engine, doing: impl Future<Output = T>) -> (T, Cost) {
        let calling = self.victim.call(engine);
        let asking = self.bystander.ask();
        let resident = Resident::watch(std::process::id());
        let done = doing.await;
        let cost = Cost {
            growth: resident.growth(),
            budget: 0,
            calls: [Default::default(), calling.end().await],
            commands: [Default::default(), self.bystander.answered(asking)],
            faults: Vec::new(),
        };
        (done, cost)
    }

    /// How they are served when nobody attacks.
    async fn quiet(&mut self, engine: &Engine) -> Cost {
        self.during(engine, tokio::time::sleep(QUIET)).await.1
    }
}

async fn once(row: &Row, engine: &Engine, loaded: &Loaded, beside: &mut Beside) -> Line {
    give_back();
    let [_, quiet_calls] = beside.quiet(engine).await.calls;
    let [_, quiet_commands] = beside.quiet(engine).await.commands;
    let before = Gauges::read(engine);
    let panics = PANICS.load(Ordering::Relaxed);
    let scene = Scene::new(row.attack, engine, loaded);
    let doing = tokio::time::timeout(PATIENCE, (row.act)(scene.clone()));
    let (did, mut cost) = beside.during(engine, doing).await;
    let did = did.unwrap_or_else(|_| "it goes on".to_owned());
    cost.calls[0] = quiet_calls;
    cost.commands[0] = quiet_commands;
    cost.budget = scene.memory().max(scene.budgets());
    let mut cost = scene.take_cost().unwrap_or(cost);
    let mut faults = std::mem::take(&mut cost.faults);
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
    for (what, both) in [
        ("calls of the neighbour", &cost.calls),
        ("commands of another client", &cost.commands),
    ] {
        if both[0].errors + both[1].errors > 0 {
            faults.push(format!("{} {what} failed", both[1].errors));
        }
    }
    let may_be_chance = faults.is_empty();
    if cost.growth > cost.budget + MAX_GROWTH {
        faults.push("the host grew".to_owned());
    }
    let calls = cost.calls.each_mut().map(Latencies::p99);
    let commands = cost.commands.each_mut().map(Latencies::p99);
    for (what, [quiet, during]) in [("the neighbour", calls), ("another client", commands)] {
        if !is_served(quiet, during) {
            faults.push(format!("{what} had to wait"));
        }
    }
    Line {
        did,
        growth: cost.growth,
        calls,
        commands,
        faults,
        may_be_chance,
    }
}

/// Lets the allocator give back what is free: what one attack left is no room for the next.
fn give_back() {
    // SAFETY: it takes a number, and locks what it works on.
    unsafe { libc::malloc_trim(0) };
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
    let both =
        |[quiet, during]: [Duration; 2]| format!("{}/{}", quiet.as_micros(), during.as_micros());
    let released = !line.faults.iter().any(|fault| fault.starts_with("held"));
    println!(
        "{:<34} {:<58} {:<58} {:>6.1} {:>17} {:>17}  {:<8}  {}",
        row.attack,
        cut(row.tries, 58),
        cut(&line.did, 58),
        line.growth as f64 / f64::from(1 << 20),
        both(line.calls),
        both(line.commands),
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
