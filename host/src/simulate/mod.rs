//! Devices that are not there: a serial line, a server, a folder, for whoever tries a component without
//! its instrument. `ewh validate` exercises components against them, `ewh run --simulate` shows one.
//!
//! A simulated device knows no protocol. It answers in one of a few ways, each of which a worker has to
//! survive: see [`Behaviour`]. One that an author wrote down follows its script instead: see [`script`].
//!
//! That is on purpose: what a component has to survive is an instrument that says what it should not.
//! Whatever name of a port it opens, a device is there, and whatever address it connects to, it is led to one
//! server. Names of folders are taken from the defaults of its configuration, since a guest has its folders
//! before it says a word. So no component has to be prepared for this.
//!
//! Where devices are simulated, time is too ([`crate::executor::Simulated`]): a component that waits for an
//! answer that never comes has waited at once. The same seed gives the same answers, random bytes and dates.

mod bench;
mod folder;
mod instrument;
mod line;
pub mod script;
mod server;
mod terminal;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value as Json;
use tokio::io::DuplexStream;

use crate::capability::{self, Devices, StandIn};
use crate::engine::{Engine, NoLine, StandIns};
use crate::executor::Executor;
use crate::limits::{self, Budget};
use crate::policy::{Capability, DataGrant, Policy};
pub use bench::Bench;
pub(crate) use bench::no_config;
use folder::Folder;
pub use instrument::Instrument;
use line::Lines;
use script::{Script, Scripted};
use server::Server;
pub use terminal::Terminal;

/// Where folders are when no configuration says.
const DEFAULT_FOLDER: &str = "/data";
/// The same for who has a folder of its own there.
const OTHER_FOLDER: &str = "/files";
/// What a line is called when no configuration says.
const DEFAULT_LINE: &str = "port";
/// When every simulation begins: 2026-01-01, in seconds.
const BEGINNING: Duration = Duration::from_secs(1_767_225_600);
/// Most bytes of garbage at once.
const MAX_GARBAGE: usize = 64;

/// How every simulated device answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// With what it was told.
    Echo,
    /// Not at all.
    Silent,
    /// With bytes that mean nothing.
    Garbage,
    /// By hanging up.
    HangUp,
}

impl Behaviour {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Echo, Self::Silent, Self::Garbage, Self::HangUp];

    /// What it does, after "answers".
    pub const fn about(self) -> &'static str {
        match self {
            Self::Echo => "Echo what they receive",
            Self::Silent => "Never answer",
            Self::Garbage => "Answer with meaningless bytes",
            Self::HangUp => "Hang up",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// As it is written on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Silent => "silent",
            Self::Garbage => "garbage",
            Self::HangUp => "hang-up",
        }
    }
}

/// Whether a device is simulated for `capability`.
pub fn stands_in_for(capability: Capability) -> bool {
    capability::stand_in(capability).is_some()
}

/// One device's side of a conversation.
#[derive(Debug)]
struct Answers {
    behaviour: Behaviour,
    random: SmallRng,
}

impl Answers {
    fn new(behaviour: Behaviour, seed: u64) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        Self { behaviour, random }
    }

    /// The answer to `heard`; `None`: it hangs up.
    fn to(&mut self, heard: &[u8]) -> Option<Vec<u8>> {
        match self.behaviour {
            Behaviour::Echo => Some(heard.to_vec()),
            Behaviour::Silent => Some(Vec::new()),
            Behaviour::Garbage => {
                let mut bytes = vec![0; self.random.random_range(1..=MAX_GARBAGE)];
                self.random.fill(bytes.as_mut_slice());
                Some(bytes)
            }
            Behaviour::HangUp => None,
        }
    }
}

/// The devices for one component. They are gone when this is dropped, and its executor ends.
#[derive(Debug)]
pub struct Simulation {
    devices: Arc<Simulated>,
    /// What the guest may call a serial line, whether it is there or not.
    names: Vec<String>,
    folders: Vec<(String, Folder)>,
    requests: Vec<Capability>,
}

/// What stands in for devices.
#[derive(Debug)]
struct Simulated {
    /// What a script says goes before everything else.
    scripted: Scripted,
    lines: Lines,
    server: Option<Server>,
    /// Whether what no script names is there, too.
    has_others: bool,
    seed: u64,
    executor: Executor,
}

impl Simulation {
    /// Devices for what is requested: those of `script`, and `others`, by the names that the configurations
    /// `defaults` give them; without `others`, what the script does not name is not there. `executor` runs
    /// them.
    ///
    /// # Errors
    /// When the machine has no port or temporary directory to give.
    pub async fn begin(
        others: Option<Behaviour>,
        script: Script,
        seed: u64,
        requests: impl IntoIterator<Item = Capability>,
        defaults: &[Json],
        executor: &Executor,
    ) -> io::Result<Self> {
        let requests: Vec<_> = requests.into_iter().collect();
        let scripted = Scripted::plug_in(script, executor).await?;
        let mut words = Vec::new();
        defaults.iter().for_each(|config| texts(config, &mut words));
        words.sort();
        words.dedup();
        words.truncate(limits::MAX_SIMULATED_DEVICES);
        let wants = |stand_in| {
            let mut requests = requests.iter();
            requests.any(|it| capability::stand_in(*it) == Some(stand_in))
        };
        let named = words.iter().filter(|word| !word.is_empty());
        let mut named: Vec<_> = named.filter(|_| wants(StandIn::Lines)).cloned().collect();
        let has_name = !named.is_empty() || scripted.line_names().next().is_some();
        if !has_name && wants(StandIn::Lines) {
            // A component is loaded only where something of what it requests is granted.
            named.push(DEFAULT_LINE.to_owned());
        }
        let (mut lines, mut server) = (Lines::none(), None);
        if let Some(behaviour) = others {
            let answers = move || Answers::new(behaviour, seed);
            lines = Lines::new(named.iter().cloned(), behaviour, seed);
            if wants(StandIn::Server) {
                server = Some(Server::start(executor, answers).await?);
            }
        }
        let mut names: Vec<_> = scripted.line_names().cloned().chain(named).collect();
        names.sort();
        names.dedup();
        let mut folders = Vec::new();
        if wants(StandIn::Folders) {
            let has_own = requests.contains(&Capability::Data);
            for guest in named_folders(&words, has_own) {
                folders.push((guest, Folder::new()?));
            }
        }
        let devices = Simulated {
            scripted,
            lines,
            server,
            has_others: others.is_some(),
            seed,
            executor: executor.clone(),
        };
        Ok(Self {
            devices: Arc::new(devices),
            names,
            folders,
            requests,
        })
    }

    /// `engine`, with these devices in the place of all others, for instances on the same executor.
    pub fn among(&self, engine: &Engine) -> Engine {
        let devices = Arc::clone(&self.devices);
        engine.among(devices, &self.devices.executor)
    }

    /// What the script says, at work.
    pub fn scripted(&self) -> &Scripted {
        &self.devices.scripted
    }

    /// Grants the devices, and what is requested and needs none. `budget`: what an instance may use.
    pub fn policy(&self, budget: Budget) -> Policy {
        let folders = self.folders.iter();
        let devices = Devices {
            lines: self.names.clone(),
            // Where nobody answers, a guest is to hear that, not that it may not ask.
            has_server: true,
            folders: folders
                .map(|(guest, folder)| (guest.clone(), folder.path().to_owned()))
                .collect(),
        };
        let mut policy = Policy {
            budget,
            ..Policy::default()
        };
        devices.grant(&self.requests, &mut policy);
        policy
    }
}

impl StandIns for Simulated {
    fn has_line(&self, name: &str) -> bool {
        let scripted = self.scripted.has_line(name);
        scripted.unwrap_or_else(|| self.lines.has(name))
    }

    fn makes_line(&self, name: &str) -> bool {
        self.scripted.has_line(name).is_none() && self.lines.makes(name)
    }

    fn line(&self, name: &str) -> Result<DuplexStream, NoLine> {
        let scripted = self.scripted.line(name);
        scripted.unwrap_or_else(|| self.lines.open(name, &self.executor))
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let others = self.has_others.then_some(Ipv4Addr::LOCALHOST.into());
        let address = self.scripted.address_of(name).or(others);
        address.into_iter().collect()
    }

    fn server(&self, asked: SocketAddr) -> Option<SocketAddr> {
        let others = || match &self.server {
            Some(server) => server.address(asked),
            None => self.scripted.nowhere(asked),
        };
        self.scripted.server(asked).or_else(others)
    }

    fn connect(&self, scheme: &'static str) -> DuplexStream {
        let others = || self.server.as_ref().map(Server::connect);
        let stream = self.scripted.connect(scheme).or_else(others);
        // Without one, its far end is gone.
        stream.unwrap_or_else(|| tokio::io::duplex(1).0)
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn time(&self, elapsed: Duration) -> SystemTime {
        SystemTime::UNIX_EPOCH + BEGINNING.saturating_add(elapsed)
    }
}

/// Every text in `json`, at any depth that a configuration has.
fn texts(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::String(text) => found.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Json::Object(object) => object.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// The folders that `words` name, or else one; none of them is in the way of one of its own.
fn named_folders(words: &[String], has_own: bool) -> Vec<String> {
    let is_free = |word: &&String| !has_own || !DataGrant::is_in_the_way(word);
    let is_plain = |word: &&String| {
        word.starts_with('/')
            && word.len() > 1
            && !word.ends_with('/')
            && word
                .split('/')
                .skip(1)
                .all(|part| !matches!(part, "" | "." | ".."))
            && !word.contains('\0')
    };
    let named = words.iter().filter(is_plain).filter(is_free);
    let named: Vec<_> = named.cloned().collect();
    match (named.is_empty(), has_own) {
        (true, false) => vec![DEFAULT_FOLDER.to_owned()],
        (true, true) => vec![OTHER_FOLDER.to_owned()],
        (false, _) => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_those_that_are_named() {
        let words = ["/watched", "/", "/a/../b", "plain", "/x/"].map(str::to_owned);
        assert_eq!(named_folders(&words, false), ["/watched"]);
        assert_eq!(named_folders(&[], false), [DEFAULT_FOLDER]);
    }

    #[test]
    fn none_is_in_the_way_of_one_of_its_own() {
        let words = ["/data/in", "/watched"].map(str::to_owned);
        assert_eq!(named_folders(&words, true), ["/watched"]);
        assert_eq!(named_folders(&words[..1], true), [OTHER_FOLDER]);
    }

    #[test]
    fn garbage_is_the_same_for_the_same_seed() {
        let said = |seed| Answers::new(Behaviour::Garbage, seed).to(b"?");
        assert_eq!(said(7), said(7));
        assert_ne!(said(7), said(8));
        assert_eq!(Answers::new(Behaviour::HangUp, 0).to(b"?"), None);
    }
}
