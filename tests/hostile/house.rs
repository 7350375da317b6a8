//! A whole host in a process of its own: `ewh serve` with a Worker, its modules, its clients, and bystanders
//! that are watched. What the process has of memory is the host's, not that of those who attack it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use external_worker_artifacts::{HOSTILE, PROBE_HOST};
use serde_json::{Value as Json, json};

use crate::bystander::{Asking, Latencies, add_node};
use crate::scene::{MEMORY, Scene};
use crate::wire::Wire;

/// The program under test.
pub const EWH: &str = env!("CARGO_BIN_EXE_ewh-under-test");

/// The module, and its class, that all attackers without a component of their own are of.
pub const ATTACKER: &str = "hostile";
/// The module that the neighbour is of.
const NEIGHBOUR: &str = "probe";
/// How long the bystanders are watched before an attack.
const QUIET: Duration = Duration::from_millis(300);
/// How long a host may take to begin.
const BEGINS: Duration = Duration::from_secs(30);

/// What an attack cost, as far as it was measured in a host of its own.
#[derive(Debug, Default, Clone)]
pub struct Cost {
    /// What the process had more of memory, at most, in bytes.
    pub growth: u64,
    /// What the attackers may have of memory, together, in bytes.
    pub budget: u64,
    /// Calls of the neighbour before and during the attack.
    pub calls: [Latencies; 2],
    /// Commands of another client before and during the attack.
    pub commands: [Latencies; 2],
    /// What else is wrong.
    pub faults: Vec<String>,
}

/// A host that is not there yet.
pub struct Plan {
    scene: Scene,
    modules: Vec<(String, Vec<u8>)>,
    policies: Vec<(String, String)>,
    token: Option<&'static str>,
    /// What it may open, if it is told.
    descriptors: Option<u64>,
    /// Whether the neighbour is called meanwhile.
    called: bool,
}

impl Plan {
    /// A host with the neighbour's module.
    pub fn new(scene: &Scene) -> Self {
        let quick = "[budget]\ncpu-share = 64.0\ncpu-burst-ms = 3600000\n".to_owned();
        Self {
            scene: scene.clone(),
            modules: vec![(NEIGHBOUR.to_owned(), std::fs::read(PROBE_HOST).unwrap())],
            policies: vec![(NEIGHBOUR.to_owned(), quick)],
            token: None,
            descriptors: None,
            called: true,
        }
    }

    /// Where it is to be.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// With the module of the attackers, whose policy has `more` grants and budgets.
    pub fn attackers(self, more: &str) -> Self {
        let (grants, budgets) = more.split_once("[budget]").unwrap_or((more, ""));
        let policy = format!("{grants}\n[budget]\nmemory = \"32 MiB\"\n{budgets}");
        let wasm = std::fs::read(HOSTILE).unwrap();
        self.module(ATTACKER, wasm).policy(ATTACKER, &policy)
    }

    /// With one more module.
    pub fn module(mut self, name: &str, wasm: Vec<u8>) -> Self {
        self.modules.push((name.to_owned(), wasm));
        self
    }

    /// With a policy of a module.
    pub fn policy(mut self, module: &str, policy: &str) -> Self {
        self.policies.push((module.to_owned(), policy.to_owned()));
        self
    }

    /// Only for who knows `token`.
    pub fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// With so many bytes of uploads that are there already.
    pub fn uploads(self, bytes: u64) -> Self {
        let files = self.scene.dir().join("data/files");
        std::fs::create_dir_all(&files).unwrap();
        let full = std::fs::File::create(files.join("full")).unwrap();
        full.set_len(bytes).unwrap();
        self
    }

    /// With so many descriptors.
    pub fn descriptors(mut self, most: u64) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// Without calls of the neighbour meanwhile: its node goes.
    pub fn uncalled(mut self) -> Self {
        self.called = false;
        self
    }

    /// Serves it.
    pub fn serve(self) -> House {
        let data = self.scene.dir().join("data");
        let made = |dir: &str| {
            let dir = data.join(dir);
            std::fs::create_dir_all(&dir).unwrap();
            dir
        };
        let (modules, policies) = (made("local_workers"), made("policies"));
        for (name, policy) in &self.policies {
            std::fs::write(policies.join(name).with_extension("toml"), policy).unwrap();
        }
        for (name, wasm) in &self.modules {
            std::fs::write(modules.join(name).with_extension("wasm"), wasm).unwrap();
        }
        let limits = self.descriptors.map(|most| format!("ulimit -n {most}"));
        let mut house = House::start(&self.scene, data, self.token, limits.unwrap_or_default());
        let mut wire = house.client();
        let begin = Instant::now();
        let are_there = |seen: &Json| {
            let seen = seen.as_array().map_or(&[][..], |seen| seen);
            let there = |name: &str| seen.iter().any(|module| module["module"] == name);
            self.modules.iter().all(|(name, _)| there(name))
        };
        while !are_there(&wire.ask("get_worker_dependencies", json!({})).unwrap()) {
            assert!(begin.elapsed() < BEGINS, "its modules do not come");
            std::thread::sleep(Duration::from_millis(10));
        }
        let neighbour = add(&mut wire, NEIGHBOUR, NEIGHBOUR).unwrap();
        house.node = add_node(&mut wire, NEIGHBOUR, &neighbour, "turns").unwrap();
        house.called = self.called;
        house
    }
}

/// A host that serves.
pub struct House {
    scene: Scene,
    process: Child,
    /// Where its Worker listens.
    pub address: SocketAddr,
    /// Where its Worker's things are.
    pub data: PathBuf,
    token: Option<&'static str>,
    /// What its shell is told before it begins.
    limits: String,
    /// The neighbour's node.
    node: String,
    attackers: u64,
    attack: String,
    /// Whether those beside an attack are to be served as before.
    watched: bool,
    /// Whether the neighbour is one of them.
    called: bool,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl House {
    fn start(scene: &Scene, data: PathBuf, token: Option<&'static str>, limits: String) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{limits}\nexec \"$0\" \"$@\"")])
            .args([EWH, "serve", "--json", "--port", "0", "--data"])
            .arg(&data)
            .env("EWH_CACHE_DIR", cache())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(scene.dir().join("said")).unwrap());
        if let Some(token) = token {
            command.env("EWH_TOKEN", token);
        }
        let mut process = command.spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let announced: Json = serde_json::from_str(&line).unwrap_or_default();
        let url = announced["url"].as_str().unwrap_or_default();
        let place = url.strip_prefix("ws://").unwrap_or_default();
        let place = place.split('/').next().unwrap_or_default();
        Self {
            scene: scene.clone(),
            process,
            address: place.parse().unwrap(),
            data,
            token,
            limits,
            node: String::new(),
            attackers: 0,
            attack: scene.attack().to_owned(),
            watched: true,
            called: true,
        }
    }

    /// It dies, and begins again with what it had.
    pub fn begins_again(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let node = self.node.clone();
        let (attackers, watched) = (self.attackers, self.watched);
        let limits = self.limits.clone();
        *self = Self::start(&self.scene, self.data.clone(), self.token, limits);
        (self.node, self.attackers, self.watched) = (node, attackers, watched);
    }

    /// The same where no file can be written to, as on a disk that is full: a disk of one's own takes rights
    /// that not every machine gives.
    pub fn begins_again_on_a_full_disk(&mut self) {
        self.limits = "trap '' XFSZ; ulimit -S -f 0".to_owned();
        self.begins_again();
    }

    /// Nobody can be served as before: the machine is busy, or the host stands still.
    pub fn unwatched(&mut self) {
        self.watched = false;
    }

    /// The attack, which an external worker has to be told.
    pub fn attack(&self) -> &str {
        &self.attack
    }

    /// Which attack it is, where the row is called otherwise.
    pub fn is_attacked_by(&mut self, attack: &str) {
        self.attack = attack.to_owned();
    }

    /// Sends its process a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Whether its process ends in time.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < time {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// A client of it.
    pub fn client(&self) -> Wire {
        Wire::open(self.address, self.token).expect("a client is let in")
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Adds the attacker of the scene and lets it begin; its uuid.
    pub fn attacker(&mut self, wire: &mut Wire) -> Result<String, String> {
        let uuid = add(wire, ATTACKER, ATTACKER)?;
        self.attackers += 1;
        let of_it = json!({ "worker_id": uuid, "class_id": ATTACKER });
        let mut update = of_it.clone();
        update["config"] = json!({ "attack": self.attack });
        wire.ask("update_external_worker", update)?;
        wire.ask("restart_external_worker", of_it)?;
        Ok(uuid)
    }

    /// A module comes in while it serves.
    pub fn brings(&mut self, name: &str, wasm: &[u8]) {
        let place = self.data.join("local_workers").join(name);
        let aside = place.with_extension("aside");
        std::fs::write(&aside, wasm).unwrap();
        std::fs::rename(aside, place.with_extension("wasm")).unwrap();
        self.one_more();
    }

    /// One more guest attacks, that was added otherwise.
    pub fn one_more(&mut self) {
        self.attackers += 1;
    }

    /// Does `attack` and says what it came to, while the bystanders are watched.
    pub fn suffers(mut self, attack: impl FnOnce(&mut Self) -> String) -> String {
        let begin = |house: &Self| {
            let call = house
                .called
                .then(|| Asking::call(house.client(), house.node.clone()));
            (call, Asking::command(house.client()))
        };
        let end = |(calling, asking): (Option<Asking>, Asking)| {
            let calls = calling.map(|calling| calling.end().0);
            (calls.unwrap_or_default(), asking.end().0)
        };
        let beside = begin(&self);
        std::thread::sleep(QUIET);
        let (quiet_calls, quiet_commands) = end(beside);
        let resident = Resident::watch(self.pid());
        let beside = begin(&self);
        let did = attack(&mut self);
        let (calls, commands) = end(beside);
        let growth = resident.growth();
        let mut faults = Vec::new();
        if let Ok(Some(ended)) = self.process.try_wait() {
            faults.push(format!("the host ended: {ended}"));
        }
        let said = std::fs::read_to_string(self.scene.dir().join("said")).unwrap_or_default();
        if let Some(panic) = said.lines().find(|line| line.contains("panicked at host/")) {
            faults.push(format!("the host panicked: {panic}"));
        }
        let both = |quiet, during| match self.watched {
            true => [quiet, during],
            false => Default::default(),
        };
        self.scene.cost(Cost {
            growth,
            budget: self.attackers * MEMORY,
            calls: both(quiet_calls, calls),
            commands: both(quiet_commands, commands),
            faults,
        });
        did
    }
}

/// The cache of compiled components that all tests share.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-cache")
}

/// Adds an external worker; its uuid.
pub fn add(wire: &mut Wire, module: &str, class: &str) -> Result<String, String> {
    let asked = json!({ "module": module, "cls_module": module, "cls_name": class });
    let added = wire.ask("add_external_worker", asked)?;
    Ok(added["uuid"].as_str().unwrap_or_default().to_owned())
}

/// Watches how much memory a process has, from a thread of its own.
pub struct Resident {
    pid: u32,
    before: u64,
    peak: Arc<AtomicU64>,
    go_on: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Resident {
    /// Begins.
    pub fn watch(pid: u32) -> Self {
        let before = resident(pid);
        let peak = Arc::new(AtomicU64::new(before));
        let go_on = Arc::new(AtomicBool::new(true));
        let (most, wanted) = (Arc::clone(&peak), Arc::clone(&go_on));
        let thread = std::thread::spawn(move || {
            while wanted.load(Ordering::Relaxed) {
                most.fetch_max(resident(pid), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self {
            pid,
            before,
            peak,
            go_on,
            thread,
        }
    }

    /// How many bytes it had more at most than in the beginning.
    pub fn growth(self) -> u64 {
        self.go_on.store(false, Ordering::Relaxed);
        self.thread.join().unwrap();
        let peak = self.peak.load(Ordering::Relaxed).max(resident(self.pid));
        peak.saturating_sub(self.before)
    }
}

/// The resident memory of a process, in bytes; 0 when it is gone.
pub fn resident(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}
