//! What may be granted, what is granted, and the one place that decides.
//!
//! Two keys open a capability: the component requests it in its [`Manifest`], and the operator
//! grants it in a [`Policy`]. Where both agree it is in [`Granted`]; every use of it is then put to
//! [`decide`]. An empty policy grants nothing. This module knows no engine, and opens nothing for guests: it
//! looks where grants lead, and whether that is the host's own ([`guarded`]).

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{Budget, MAX_POLICY_BYTES, MAX_TEXT_BYTES};
use crate::text::{clean_line, without_mark};

pub mod access;
pub mod address;
pub mod audit;
pub mod config;
pub mod decide;
#[cfg(feature = "server")]
pub mod edit;
mod error;
pub mod grant;
pub mod guarded;
pub mod imports;
pub mod manifest;
pub mod pattern;
mod problem;
pub mod until;

pub use access::{Access, Denial, DenyReason};
pub use audit::{Audit, LogAudit};
pub use config::ConfigGrant;
pub use decide::decide;
pub use error::PolicyError;
use error::Result;
pub use grant::{DataGrant, EnvGrant, FilesGrant, HttpGrant, SerialGrant, SocketsGrant, Switch};
pub use guarded::Guarded;
pub use imports::{Import, Missing, MissingGrants, check_imports};
pub use manifest::Manifest;
#[cfg(feature = "server")]
pub(crate) use problem::describe as describe_problem;
#[cfg(feature = "cli")]
pub(crate) use problem::nearest;
pub use until::Until;

/// Makes the capabilities of one list of their names.
macro_rules! capabilities {
    ($($(#[$about:meta])* $variant:ident = $name:literal,)*) => {
        /// Something of the world that a worker can be given.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Capability {
            $($(#[$about])* $variant,)*
        }

        impl Capability {
            /// Every capability.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The one name that it has everywhere: manifest, policy, logs.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

capabilities! {
    /// Serial ports.
    Serial = "serial",
    /// Directories of the host.
    Files = "files",
    /// A folder of the instance's own.
    Data = "data",
    /// TCP and UDP.
    Sockets = "sockets",
    /// HTTP requests.
    Http = "http",
    /// The time, and waiting.
    Clocks = "clocks",
    /// Random bytes that nobody can guess.
    Random = "random",
    /// Environment variables.
    Env = "env",
}

impl Capability {
    /// The capability of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.name() == name)
    }

    /// All names, for a sentence.
    pub fn all_names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The interfaces that are linked only when the capability is granted, without version. A
    /// final `/` stands for the whole package. Capabilities with none are always linked and empty
    /// without a grant, because standard libraries import them in every component.
    pub const fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Serial => &["funcnodes:external-worker/serial"],
            Self::Sockets => &["wasi:sockets/"],
            Self::Http => &["wasi:http/"],
            Self::Clocks => &["wasi:clocks/"],
            Self::Random => &["wasi:random/random"],
            Self::Files | Self::Data | Self::Env => &[],
        }
    }

    /// The capability that an import needs, if it needs one.
    pub fn of_interface(interface: &str) -> Option<Self> {
        let plain = interface
            .split_once('@')
            .map_or(interface, |(plain, _)| plain);
        let owns = |own: &&str| {
            if own.ends_with('/') {
                plain.starts_with(*own)
            } else {
                plain == *own
            }
        };
        Self::ALL
            .into_iter()
            .find(|capability| capability.interfaces().iter().any(&owns))
    }

    /// Lines of a policy that grant it, for an operator to adapt.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Serial => {
                "[[serial]]\nname = \"port\"\ndevice = \"/dev/ttyUSB0\"\nbaud-rates = [9600]\n"
            }
            Self::Files => "[[files]]\nhost = \"/srv/files\"\nguest = \"/files\"\nmode = \"ro\"\n",
            Self::Data => "[data]\nquota = \"16 MiB\"\n",
            Self::Sockets => {
                "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"connect\"\nhost = \
                 \"redis.example\"\nports = [6379]\n"
            }
            Self::Http => "[[http]]\nhost = \"api.example.com\"\nmethods = [\"GET\"]\n",
            Self::Clocks => "[clocks]\n",
            Self::Random => "[random]\n",
            Self::Env => "[env]\nvars = { NAME = \"value\" }\n",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an operator grants to one worker. The empty policy grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// What one instance may use; everything has a default.
    pub budget: Budget,
    /// Serial ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub serial: Vec<SerialGrant>,
    /// Directories of the host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FilesGrant>,
    /// A folder of the instance's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataGrant>,
    /// TCP and UDP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sockets: Vec<SocketsGrant>,
    /// HTTP requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// The time, and waiting.
    pub clocks: Switch,
    /// Random bytes that nobody can guess.
    pub random: Switch,
    /// Environment variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvGrant>,
    /// Secrets in configurations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigGrant>,
    /// What belongs to the host, which none of this reaches.
    #[serde(skip)]
    pub guarded: Guarded,
}

impl Policy {
    /// Reads a policy. `origin` names it in errors.
    ///
    /// # Errors
    /// When it is wrong, with the line, and with a suggestion where a word is misspelled.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let text = without_mark(text);
        let wrong = |problem: String| PolicyError::Wrong {
            origin: origin.to_owned(),
            // The parser quotes what it found.
            problem: clean_line(&problem, MAX_TEXT_BYTES),
        };
        let policy: Self =
            toml::from_str(text).map_err(|err| wrong(problem::describe(&err, text)))?;
        policy.check().map_err(wrong)?;
        Ok(policy)
    }

    /// Reads a policy from a file, without what has ended by now.
    ///
    /// # Errors
    /// When the file cannot be read, is too large, or is not a policy.
    pub fn load(path: &Path) -> Result<Self> {
        let file_error = |source| PolicyError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let origin = path.display().to_string();
        let size = std::fs::metadata(path).map_err(file_error)?.len();
        if size > MAX_POLICY_BYTES {
            let problem = format!("it has {size} bytes; at most {MAX_POLICY_BYTES} are allowed");
            return Err(PolicyError::Wrong { origin, problem });
        }
        let policy = Self::parse(&std::fs::read_to_string(path).map_err(file_error)?, &origin)?;
        Ok(policy.at(SystemTime::now()))
    }

    /// What of it is granted at `now`: all but what has ended.
    #[must_use]
    pub fn at(mut self, now: SystemTime) -> Self {
        let lasts = |until: &Option<Until>| until.is_none_or(|until| !until.is_past(now));
        self.serial.retain(|grant| lasts(&grant.until));
        self.files.retain(|grant| lasts(&grant.until));
        self.sockets.retain(|grant| lasts(&grant.until));
        self.http.retain(|grant| lasts(&grant.until));
        self
    }

    /// What it grants, a line each, for a log.
    pub fn lines(&self) -> BTreeSet<String> {
        fn lines<G: Serialize>(of: Capability, grants: &[G]) -> impl Iterator<Item = String> {
            grants.iter().map(move |grant| {
                // What was read can be written.
                let line = toml::to_string(grant).unwrap_or_default();
                format!("{of}: {}", line.trim_end().replace('\n', ", "))
            })
        }
        let data: Vec<_> = self.data.iter().collect();
        // The values of variables may be secrets.
        let env = self.env.iter().map(|env| {
            let names = env.vars.keys().chain(&env.inherit);
            let names: Vec<_> = names.map(String::as_str).collect();
            format!("{}: {}", Capability::Env, names.join(", "))
        });
        let config = self.config.iter();
        let config = config.map(|grant| format!("config: secrets = {:?}", grant.secrets));
        let switches = [
            (Capability::Clocks, self.clocks),
            (Capability::Random, self.random),
        ];
        let switched = switches.into_iter().filter(|(_, switch)| switch.0);
        lines(Capability::Serial, &self.serial)
            .chain(lines(Capability::Files, &self.files))
            .chain(lines(Capability::Data, &data))
            .chain(lines(Capability::Sockets, &self.sockets))
            .chain(lines(Capability::Http, &self.http))
            .chain(env)
            .chain(config)
            .chain(switched.map(|(capability, _)| capability.to_string()))
            .collect()
    }

    /// When the first of its grants ends, if one does.
    pub fn ends(&self) -> Option<Until> {
        let serial = self.serial.iter().map(|grant| grant.until);
        let files = self.files.iter().map(|grant| grant.until);
        let sockets = self.sockets.iter().map(|grant| grant.until);
        let http = self.http.iter().map(|grant| grant.until);
        serial
            .chain(files)
            .chain(sockets)
            .chain(http)
            .flatten()
            .min()
    }

    /// Reads a policy from a file, and holds it against what belongs to the host.
    ///
    /// # Errors
    /// Those of [`Self::load`], and when it grants something of that.
    pub fn load_beside(path: &Path, guarded: &Guarded) -> Result<Self> {
        Self::load(path)?.beside(path, guarded)
    }

    /// This policy, read from `path`, held against what belongs to the host.
    ///
    /// # Errors
    /// When it grants something of that.
    pub fn beside(mut self, path: &Path, guarded: &Guarded) -> Result<Self> {
        guarded.check(&self).map_err(|problem| PolicyError::Wrong {
            origin: path.display().to_string(),
            problem,
        })?;
        self.guarded = guarded.clone();
        Ok(self)
    }

    /// The JSON Schema of policies, for editors and for checks elsewhere.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Whether anything of the capability is granted.
    pub fn grants(&self, capability: Capability) -> bool {
        match capability {
            Capability::Serial => !self.serial.is_empty(),
            Capability::Files => !self.files.is_empty(),
            Capability::Data => self.data.is_some(),
            Capability::Sockets => !self.sockets.is_empty(),
            Capability::Http => !self.http.is_empty(),
            Capability::Clocks => self.clocks.0,
            Capability::Random => self.random.0,
            Capability::Env => self.env.is_some(),
        }
    }

    /// What the policy grants of the capabilities that are requested.
    pub fn granted(&self, requested: impl IntoIterator<Item = Capability>) -> Granted {
        let requested: Vec<_> = requested.into_iter().collect();
        let mut narrowed = self.clone();
        for capability in Capability::ALL {
            if !requested.contains(&capability) {
                narrowed.take_away(capability);
            }
        }
        Granted(narrowed)
    }

    fn take_away(&mut self, capability: Capability) {
        match capability {
            Capability::Serial => self.serial.clear(),
            Capability::Files => self.files.clear(),
            Capability::Data => self.data = None,
            Capability::Sockets => self.sockets.clear(),
            Capability::Http => self.http.clear(),
            Capability::Clocks => self.clocks = Switch(false),
            Capability::Random => self.random = Switch(false),
            Capability::Env => self.env = None,
        }
    }

    /// What types cannot say of a policy.
    fn check(&self) -> Result<(), String> {
        self.serial.iter().try_for_each(SerialGrant::check)?;
        self.files.iter().try_for_each(FilesGrant::check)?;
        self.data.iter().try_for_each(DataGrant::check)?;
        self.sockets.iter().try_for_each(SocketsGrant::check)?;
        self.http.iter().try_for_each(HttpGrant::check)?;
        self.env.iter().try_for_each(EnvGrant::check)?;
        self.config.iter().try_for_each(ConfigGrant::check)?;
        if let Some(name) = twice(self.serial.iter().map(|grant| &grant.name)) {
            return Err(format!(
                "two [[serial]] grants are named `{name}`; rename one"
            ));
        }
        if let Some(guest) = twice(self.files.iter().map(|grant| &grant.guest)) {
            return Err(format!(
                "two [[files]] grants have guest = \"{guest}\"; move one"
            ));
        }
        let in_the_way = |grant: &&FilesGrant| DataGrant::is_in_the_way(&grant.guest);
        if let (Some(_), Some(grant)) = (&self.data, self.files.iter().find(in_the_way)) {
            return Err(format!(
                "the [[files]] grant for `{}` is in the way of [data], which the worker sees at \
                 `{}`; give it another `guest`",
                grant.guest,
                DataGrant::GUEST
            ));
        }
        Ok(())
    }
}

/// The first item that was there before.
fn twice<T: Ord + Copy>(items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().find(|item| !seen.insert(*item))
}

/// What one worker may use: the policy without what its component does not request. Only narrowing makes
/// one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Granted(Policy);

impl Granted {
    /// What of it is granted at `now`: all but what has ended.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> Self {
        Self(self.0.clone().at(now))
    }
}

impl Deref for Granted {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.0
    }
}

#[cfg(test)]
mod tests;
