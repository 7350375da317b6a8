//! Devices that are not there: a serial line, a server, a folder, for whoever tries a component without
//! its instrument. `ewh validate` exercises components against them, `ewh run --simulate` shows one.
//!
//! A simulated device knows no protocol. It answers in one of a few ways, each of which a worker has to
//! survive: see [`Behaviour`].
//!
//! That is on purpose: what a component has to survive is an instrument that says what it should not.
//! Names, folders and ports are taken from the defaults of its configuration, so no component has to be
//! prepared for this.

mod bench;
mod folder;
mod instrument;
mod line;
mod server;

use std::io;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value as Json;

use crate::capability::{self, Devices, StandIn};
use crate::limits::{self, Budget};
use crate::policy::{Capability, Policy};
pub use bench::Bench;
use folder::Folder;
pub use instrument::Instrument;
pub use line::Line;
use server::Server;

/// Where folders are when no configuration says.
const DEFAULT_FOLDER: &str = "/data";
/// What the simulated server is called; its address is that of this machine.
const HOST: &str = "127.0.0.1";
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

/// The devices for one component. They are gone when this is dropped.
#[derive(Debug)]
pub struct Simulation {
    lines: Vec<(String, Line)>,
    server: Option<Server>,
    folders: Vec<(String, Folder)>,
    requests: Vec<Capability>,
}

impl Simulation {
    /// Devices for what is requested, by the names that the configurations `defaults` give them.
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// When the machine has no pty, port or temporary directory to give.
    pub async fn begin(
        behaviour: Behaviour,
        seed: u64,
        requests: impl IntoIterator<Item = Capability>,
        defaults: &[Json],
    ) -> io::Result<Self> {
        let requests: Vec<_> = requests.into_iter().collect();
        let answers = move || Answers::new(behaviour, seed);
        let mut words = Vec::new();
        defaults.iter().for_each(|config| texts(config, &mut words));
        words.sort();
        words.dedup();
        words.truncate(limits::MAX_SIMULATED_DEVICES);
        let wants = |stand_in| {
            let mut requests = requests.iter();
            requests.any(|it| capability::stand_in(*it) == Some(stand_in))
        };
        let mut lines = Vec::new();
        if wants(StandIn::Lines) {
            for name in words.iter().filter(|word| !word.is_empty()) {
                let mut answers = answers();
                let line = Line::plug_in(move |heard| answers.to(heard))?;
                lines.push((name.clone(), line));
            }
        }
        let server = if wants(StandIn::Server) {
            Some(Server::start(answers).await?)
        } else {
            None
        };
        let mut folders = Vec::new();
        if wants(StandIn::Folders) {
            for guest in named_folders(&words) {
                folders.push((guest, Folder::new()?));
            }
        }
        Ok(Self {
            lines,
            server,
            folders,
            requests,
        })
    }

    /// Grants the devices, and what is requested and needs none. `budget`: what an instance may use.
    pub fn policy(&self, budget: Budget) -> Policy {
        let lines = self.lines.iter();
        let folders = self.folders.iter();
        let devices = Devices {
            lines: lines
                .map(|(name, line)| (name.clone(), line.path().into()))
                .collect(),
            server: self.server.as_ref().map(Server::port),
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

    /// `config` with the simulated server in the place of the one that the class's `defaults` name:
    /// its port, and its address.
    pub(crate) fn adapted(&self, config: &Json, defaults: &Json) -> Json {
        let mut config = config.clone();
        if let Some(server) = &self.server {
            adapt(&mut config, defaults, server.port());
        }
        config
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

/// The folders that `words` name, or else one.
fn named_folders(words: &[String]) -> Vec<String> {
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
    let named: Vec<_> = words.iter().filter(is_plain).cloned().collect();
    if named.is_empty() {
        return vec![DEFAULT_FOLDER.to_owned()];
    }
    named
}

/// Puts `port` where `config` has the port of `defaults`, and this machine's address beside it.
fn adapt(config: &mut Json, defaults: &Json, port: u16) {
    let (Json::Object(config), Json::Object(defaults)) = (config, defaults) else {
        return;
    };
    for (name, default) in defaults {
        let Some(value) = config.get_mut(name) else {
            continue;
        };
        let lower = name.to_lowercase();
        match default {
            Json::Object(_) => adapt(value, default, port),
            Json::Number(_) if lower.ends_with("port") && value == default => *value = port.into(),
            Json::String(text) if value == default => {
                if let Some(rest) = text.strip_prefix("http://") {
                    let path = rest.split_once('/').map_or("", |(_host, path)| path);
                    *value = format!("http://{HOST}:{port}/{path}").into();
                } else if ["host", "server", "address"]
                    .iter()
                    .any(|part| lower.contains(part))
                {
                    *value = match text.rsplit_once(':') {
                        Some((_host, digits)) if digits.parse::<u16>().is_ok() => {
                            format!("{HOST}:{port}").into()
                        }
                        _ => HOST.into(),
                    };
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_is_led_to_the_simulated_server_and_what_it_says_otherwise_stays() {
        let defaults = json!({
            "host": "db.example.org", "port": 6379, "url": "http://a.example.org/b?c",
            "inner": {"server": "x:1", "reading": "daily"}, "count": 3,
        });
        let mut config = defaults.clone();
        adapt(&mut config, &defaults, 99);
        let expected = json!({
            "host": "127.0.0.1", "port": 99, "url": "http://127.0.0.1:99/b?c",
            "inner": {"server": "127.0.0.1:99", "reading": "daily"}, "count": 3,
        });
        assert_eq!(config, expected);
        let mut chosen = json!({"host": "other", "port": 1});
        adapt(&mut chosen, &defaults, 99);
        assert_eq!(chosen, json!({"host": "other", "port": 1}));
    }

    #[test]
    fn folders_are_those_that_are_named() {
        let words = ["/watched", "/", "/a/../b", "plain", "/x/"].map(str::to_owned);
        assert_eq!(named_folders(&words), ["/watched"]);
        assert_eq!(named_folders(&[]), [DEFAULT_FOLDER]);
    }

    #[test]
    fn garbage_is_the_same_for_the_same_seed() {
        let said = |seed| Answers::new(Behaviour::Garbage, seed).to(b"?");
        assert_eq!(said(7), said(7));
        assert_ne!(said(7), said(8));
        assert_eq!(Answers::new(Behaviour::HangUp, 0).to(b"?"), None);
    }
}
