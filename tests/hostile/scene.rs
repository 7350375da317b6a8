//! What an attack has around it: a policy with small budgets, folders with every way out prepared, and
//! the instances that have to be gone afterwards.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use external_worker_artifacts::{ATTACKS, Attack, HOSTILE, HOSTILE_DESCRIBES, HOSTILE_REACH};
use external_worker_host::HostError;
use external_worker_host::bindings::types::Value;
use external_worker_host::component::{LoadedComponent, PreparedComponent};
use external_worker_host::engine::Engine;
use external_worker_host::instance::events::{Event, Listener};
use external_worker_host::instance::{End, Instance, State};
use external_worker_host::limits::Resource;
use external_worker_host::policy::Policy;
use external_worker_tests::{PATIENCE, inputs, start};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::house::Cost;
use crate::python;

/// The memory that an attacker may use, in bytes, also while it describes itself.
pub const MEMORY: u64 = 32 << 20;

/// Budgets and deadlines that are soon reached. A spin ends before any deadline does.
const BUDGET: [(&str, &str); 10] = [
    ("memory", "\"32 MiB\""),
    ("value-size", "\"1 MiB\""),
    ("handles", "100"),
    ("sockets", "8"),
    ("restarts", "0"),
    ("cpu-spin-ms", "150"),
    ("start-deadline-ms", "1000"),
    ("call-deadline-ms", "700"),
    ("config-deadline-ms", "700"),
    ("stop-deadline-ms", "700"),
];

fn memory(attack: &str) -> u64 {
    match attack.starts_with(python::GROUP) {
        true => python::MEMORY,
        false => MEMORY,
    }
}

/// What a host keeps to itself, beside the granted folder.
pub const SECRET: &str = "the host's own";

/// Where one attack happens. Clones are the same place.
#[derive(Clone)]
pub struct Scene(Arc<Inner>);

struct Inner {
    attack: String,
    engine: Engine,
    shared: Loaded,
    dir: TempDir,
    budget: Mutex<Vec<(String, String)>>,
    grants: Mutex<String>,
    instances: Mutex<Vec<Instance>>,
    cost: Mutex<Option<Cost>>,
}

/// The components that many attacks are in, by path.
pub type Loaded = Arc<[(&'static str, Arc<LoadedComponent>)]>;

/// Loads them.
pub fn shared(engine: &Engine) -> Loaded {
    let load = |path: &'static str| {
        let loaded = LoadedComponent::from_file(engine, Path::new(path));
        (path, Arc::new(loaded.unwrap()))
    };
    [HOSTILE, HOSTILE_REACH].map(load).into()
}

impl Scene {
    /// A place for `attack`.
    pub fn new(attack: &str, engine: &Engine, shared: &Loaded) -> Self {
        let mut budget = BUDGET.map(|(name, value)| (name.to_owned(), value.to_owned()));
        budget[0].1 = memory(attack).to_string();
        Self(Arc::new(Inner {
            attack: attack.to_owned(),
            engine: engine.clone(),
            shared: Arc::clone(shared),
            dir: tempfile::tempdir().unwrap(),
            budget: Mutex::new(budget.into()),
            grants: Mutex::default(),
            instances: Mutex::default(),
            cost: Mutex::default(),
        }))
    }

    /// A directory of its own.
    pub fn dir(&self) -> &Path {
        self.0.dir.path()
    }

    /// The engine that everybody is on.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The name of the attack.
    pub fn attack(&self) -> &str {
        &self.0.attack
    }

    /// What the attack is; `None`: no guest does it.
    fn found(&self) -> Option<&'static Attack> {
        found(&self.0.attack)
    }

    /// What its attacker may have of memory, in bytes.
    pub fn memory(&self) -> u64 {
        memory(self.attack())
    }

    /// Notes what the attack cost, where it was measured in a host of its own.
    pub fn cost(&self, cost: Cost) {
        *lock(&self.0.cost) = Some(cost);
    }

    /// What was noted.
    pub fn take_cost(&self) -> Option<Cost> {
        lock(&self.0.cost).take()
    }

    /// What its attackers may have of memory, together, in bytes.
    pub fn budgets(&self) -> u64 {
        let instances = lock(&self.0.instances);
        let all = instances.iter();
        all.map(|instance| instance.ledger().limit(Resource::Memory))
            .sum()
    }

    /// Changes a budget.
    pub fn budget(self, name: &str, value: impl Display) -> Self {
        let mut budget = lock(&self.0.budget);
        budget.retain(|(other, _)| other != name);
        budget.push((name.to_owned(), value.to_string()));
        drop(budget);
        self
    }

    /// Adds grants.
    pub fn grant(self, grants: &str) -> Self {
        lock(&self.0.grants).push_str(grants);
        self
    }

    fn policy(&self) -> Policy {
        let budget = lock(&self.0.budget).clone();
        let budget: String = budget
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        let policy = format!("{}[budget]\n{budget}", lock(&self.0.grants));
        Policy::parse(&policy, "the attack's policy").unwrap()
    }

    /// Starts one of a crowd of attackers of which the row is, each doing `attack`.
    pub async fn start_as(&self, attack: &str) -> Result<Instance, HostError> {
        let crowd = Self::new(attack, self.engine(), &self.0.shared);
        lock(&crowd.0.budget).clone_from(&lock(&self.0.budget));
        let instance = crowd.start().await?;
        lock(&crowd.0.instances).clear();
        self.watch(&instance);
        Ok(instance)
    }

    /// The bytes of the component that the attack is in; empty where there is no guest.
    pub fn wasm(&self) -> Vec<u8> {
        match self.found() {
            Some(attack) => named(attack.name),
            None => Vec::new(),
        }
    }

    /// Loads the component that the attack is in. Those that many attacks share are loaded once, before
    /// the first attack.
    pub fn load(&self) -> Result<Arc<LoadedComponent>, HostError> {
        if self.attack().starts_with(python::GROUP) {
            let program = python::program(self.attack(), self.dir());
            return LoadedComponent::from_file(self.engine(), &program).map(Arc::new);
        }
        let attack = self.found().unwrap();
        if let Some((_, shared)) = self
            .0
            .shared
            .iter()
            .find(|(path, _)| *path == attack.component)
        {
            return Ok(Arc::clone(shared));
        }
        LoadedComponent::from_bytes(&self.0.engine, attack.name, self.wasm()).map(Arc::new)
    }

    /// Loads it and prepares it under the policy.
    pub async fn prepare(&self) -> Result<Arc<PreparedComponent>, HostError> {
        self.load()?.prepare(&self.policy()).await.map(Arc::new)
    }

    /// Starts the attacker.
    pub async fn start(&self) -> Result<Instance, HostError> {
        let attack = &self.0.attack;
        let config = json!({ "attack": attack.strip_prefix(python::GROUP).unwrap_or(attack) });
        let instance = start(&self.prepare().await?, "hostile", config).await?;
        self.watch(&instance);
        Ok(instance)
    }

    /// `instance` has to be gone afterwards.
    pub fn watch(&self, instance: &Instance) {
        lock(&self.0.instances).push(instance.clone());
    }

    /// Starts the attacker and lets it attack `to` in a call; if it lives, it has to answer another.
    pub async fn call(self, to: &str) -> String {
        let instance = match self.start().await {
            Ok(instance) => instance,
            Err(error) => return not_started(&error),
        };
        said(&instance, attack(&instance, to).await).await
    }

    /// Starts the attacker, and waits until it has ended.
    pub async fn lives(self) -> String {
        match self.start().await {
            Ok(instance) => end(instance.ended().await),
            Err(error) => not_started(&error),
        }
    }

    /// Starts the attacker and changes its configuration.
    pub async fn configures(self) -> String {
        let instance = match self.start().await {
            Ok(instance) => instance,
            Err(error) => return not_started(&error),
        };
        let updated = instance.update_config(json!({ "changed": true })).await;
        said(&instance, updated.map(|()| "updated".to_owned())).await
    }

    /// Starts the attacker and asks for its shelves.
    pub async fn shelves(self) -> String {
        let instance = match self.start().await {
            Ok(instance) => instance,
            Err(error) => return not_started(&error),
        };
        let shelves = instance.shelves().await;
        said(&instance, shelves.map(|shelves| format!("{shelves:?}"))).await
    }

    /// Starts the attacker and stops it.
    pub async fn stops(self) -> String {
        match self.start().await {
            Ok(instance) => end(instance.stop().await),
            Err(error) => not_started(&error),
        }
    }

    /// Loads the component and lets it describe itself.
    pub async fn describes(self) -> String {
        match self.prepare().await {
            Ok(prepared) => {
                let class = &prepared.classes()[0].declared;
                let texts = (&class.title, &class.description, &class.methods);
                format!("described: {texts:?}")
            }
            Err(error) => not_started(&error),
        }
    }

    /// Ends what is left. What is wrong then, or `None`: everything is given back.
    pub async fn clean_up(&self) -> Option<String> {
        let instances = std::mem::take(&mut *lock(&self.0.instances));
        let stopping = futures_util::future::join_all(instances.iter().map(Instance::stop));
        if timeout(PATIENCE, stopping).await.is_err() {
            return Some("it does not stop".to_owned());
        }
        for instance in &instances {
            // Its end is told before the last of its callers are.
            let waited = Instant::now();
            while held(instance).is_some() && waited.elapsed() < PATIENCE {
                tokio::task::yield_now().await;
            }
            if let Some(held) = held(instance) {
                return Some(held);
            }
            let ledger = instance.ledger();
            if ledger.peak(Resource::Memory) > ledger.limit(Resource::Memory) {
                return Some("more than its budget".to_owned());
            }
        }
        None
    }

    /// A folder that is granted, with every way out of it; the rest of what a reach takes is granted
    /// where it cannot do harm.
    pub fn folder(self, mode: &str) -> Self {
        let inside = self.dir().join("granted");
        let inside_name = |name: &str| inside.join(name);
        std::fs::create_dir_all(inside_name("sub")).unwrap();
        std::fs::create_dir(inside_name("swapped")).unwrap();
        std::fs::write(inside_name("hello.txt"), "hello").unwrap();
        std::fs::write(self.dir().join("secret.txt"), SECRET).unwrap();
        for (name, to) in LINKS {
            std::os::unix::fs::symlink(to, inside_name(name)).unwrap();
        }
        let secret = self.dir().join("secret.txt");
        std::os::unix::fs::symlink(secret, inside_name("absolute")).unwrap();
        let quota = if mode == "rw" {
            "quota = \"128 KiB\"\n"
        } else {
            ""
        };
        let files =
            format!("[[files]]\nhost = {inside:?}\nguest = \"/data\"\nmode = \"{mode}\"\n{quota}");
        self.grant(&files)
    }
}

/// Links in the granted folder, and where they lead.
const LINKS: [(&str, &str); 8] = [
    ("relative", "../secret.txt"),
    ("up", ".."),
    ("chain", "relative"),
    ("loop", "loop"),
    ("proc", "/proc/self/environ"),
    ("root", "/proc/self/root"),
    ("zero", "/dev/zero"),
    ("dangling", "../new.txt"),
];

/// What an instance that has ended still holds.
fn held(instance: &Instance) -> Option<String> {
    let (status, ledger) = (instance.status(), instance.ledger());
    let others = [Resource::Handles, Resource::Sockets].map(|what| ledger.used(what));
    let (memory, calls) = (status.memory, status.open_calls);
    let nothing = (memory, calls, others) == (0, 0, [0, 0]);
    (!nothing)
        .then(|| format!("held: {memory} bytes, {calls} calls, {others:?} handles and sockets"))
}

/// An attack in a call, on nothing in particular.
pub async fn no_target(scene: Scene) -> String {
    scene.call("").await
}

/// An attack in a call that goes on after its caller was answered, until the instance ends.
pub async fn outlives(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    match attack(&instance, "").await {
        Err(HostError::Deadline { .. }) => {
            format!("deadline, then {}", end(instance.ended().await))
        }
        other => said(&instance, other).await,
    }
}

/// Lets the instance attack `to`.
pub async fn attack(instance: &Instance, to: &str) -> Result<String, HostError> {
    let ports = inputs([("to", Value::Text(to.to_owned()))]);
    let outputs = instance.call("attack", ports).await?;
    Ok(match outputs.into_iter().next() {
        Some((_, Value::Text(text))) => text,
        Some((_, other)) => format!("{other:?}"),
        None => String::new(),
    })
}

/// What the host did: what the caller was told, and the end of the instance if that was the price.
pub async fn said(instance: &Instance, result: Result<String, HostError>) -> String {
    let said = match result {
        Ok(text) => format!("answered: {text}"),
        Err(HostError::Ended(reason)) => return format!("ended: {reason}"),
        Err(HostError::Deadline { .. }) => "deadline".to_owned(),
        Err(HostError::Guest { code, message }) => format!("{code:?}: {message}"),
        Err(HostError::Value(problem)) => format!("value: {problem}"),
        Err(HostError::Description(problem)) => format!("description: {problem}"),
        Err(other) => format!("other: {other}"),
    };
    let alive = async {
        match instance.call("ping", Vec::new()).await {
            Ok(_) => String::new(),
            Err(HostError::Ended(reason)) => format!(", then ended: {reason}"),
            Err(other) => format!(", then: {other}"),
        }
    };
    let said = format!("{said}{}", timeout(PATIENCE, alive).await.unwrap());
    // A code says so by its name.
    said.replace("ErrorCode::", "")
}

/// Why it did not come to an instance.
pub fn not_started(error: &HostError) -> String {
    match error {
        HostError::Component { problem, .. } => format!("refused: {problem}"),
        HostError::Description(problem) => format!("description: {problem}"),
        HostError::Ended(reason) => format!("not started: {reason}"),
        other => format!("not started: {other}"),
    }
}

/// How it ended.
pub fn end(end: End) -> String {
    match end {
        End::Stopped => "stopped".to_owned(),
        End::Dropped => "dropped".to_owned(),
        End::Failed(reason) => format!("ended: {reason}"),
    }
}

/// All that was said in `events` until now, one line each.
pub fn heard(events: &mut Listener) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        match events.try_recv() {
            Ok(event) => lines.extend(line(&event)),
            Err(tokio::sync::broadcast::error::TryRecvError::Lagged(_)) => {}
            Err(_) => return lines,
        }
    }
}

fn line(event: &Event) -> Option<String> {
    match event {
        Event::Log { message, .. } => Some(message.clone()),
        Event::Emitted { event, data } => Some(format!("{event} {}", data.as_str())),
        Event::Progress {
            fraction, message, ..
        } => Some(format!("{fraction} {message}")),
        Event::Denied { message } | Event::LoopFailed { message } => Some(message.clone()),
        Event::State(State::Ended(end)) => Some(end.to_string()),
        _ => None,
    }
}

/// Whether nothing in `text` steers a terminal or reorders a line.
pub fn is_clean(text: &str) -> bool {
    let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| steers(c) || reorders(c))
}

fn found(attack: &str) -> Option<&'static Attack> {
    ATTACKS.iter().find(|found| found.name == attack)
}

/// The bytes of the component that `attack` is in.
pub fn named(attack: &str) -> Vec<u8> {
    let attack = found(attack).unwrap();
    let mut wasm = std::fs::read(attack.component).unwrap();
    if attack.component == HOSTILE_DESCRIBES {
        write_name(&mut wasm, attack.name);
    }
    wasm
}

fn write_name(wasm: &mut [u8], attack: &str) {
    const PLACE: &[u8; 64] = b"attack:.........................................................";
    let at = wasm.windows(PLACE.len()).position(|window| window == PLACE);
    let place = &mut wasm[at.unwrap()..][..PLACE.len()];
    place.fill(b' ');
    place[..attack.len()].copy_from_slice(attack.as_bytes());
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
