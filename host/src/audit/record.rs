//! What is written down about one event.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::text::{MAX_TEXT_JSON_BYTES, Text};

/// As many as a [`Record`] has.
const TEXTS: usize = 6;
/// More than the names of all members, the numbers, the time and two hashes take.
const REST_OF_LINE_BYTES: usize = 1_024;
const _: () = assert!(TEXTS * MAX_TEXT_JSON_BYTES + REST_OF_LINE_BYTES <= super::MAX_LINE_BYTES);

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $label:literal,)*) => {
        /// What kind of event it was. The labels are stable; nothing is ever renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $label)] $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The stable name.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$kind => $label,)*
                }
            }
        }
    };
}

kinds! {
    /// Something granted was used for the first time.
    FirstUse = "first-use",
    /// The policy said no.
    Denied = "denied",
    /// Somebody granted something.
    Grant = "grant",
    /// Somebody took a grant back.
    Revoke = "revoke",
    /// A token was used.
    TokenUsed = "token-used",
    /// A token was made.
    TokenMade = "token-made",
    /// A token was revoked.
    TokenRevoked = "token-revoked",
    /// Somebody could not log in.
    LoginFailed = "login-failed",
    /// A module was installed.
    Install = "install",
    /// A module was removed.
    Uninstall = "uninstall",
    /// Something started.
    Start = "start",
    /// Something was stopped.
    Stop = "stop",
    /// Something was killed.
    Kill = "kill",
    /// Something was started again.
    Restart = "restart",
    /// A limit was reached.
    Limit = "limit",
    /// A secret was read.
    SecretRead = "secret-read",
    /// A secret was set.
    SecretSet = "secret-set",
    /// A secret was removed.
    SecretRemoved = "secret-removed",
    /// Somebody made an external worker.
    InstanceMade = "instance-made",
    /// Somebody removed an external worker.
    InstanceRemoved = "instance-removed",
    /// Somebody changed the configuration of an external worker.
    Configured = "configured",
    /// Somebody paused the loop of an external worker.
    Paused = "paused",
    /// Somebody let the loop of an external worker go on.
    Resumed = "resumed",
    /// Somebody called a method of an external worker.
    Called = "called",
    /// Everything that the host keeps was copied for somebody.
    Backup = "backup",
    /// Records or lines are missing here, and why.
    Gap = "gap",
    /// The log removed its oldest file.
    Rotated = "rotated",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A text that names no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of event. Use one of: {list}", list = labels())]
pub struct UnknownKind(String);

fn labels() -> String {
    let labels: Vec<_> = Kind::ALL.iter().map(|kind| kind.label()).collect();
    labels.join(", ")
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let named = |kind: &&Self| kind.label() == text;
        let kind = Self::ALL.iter().find(named).copied();
        kind.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// Who says that it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The supervisor, which is trusted.
    #[default]
    Host,
    /// A tenant's process. What it says of itself may be a lie.
    Tenant,
}

impl Origin {
    /// The stable name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Tenant => "tenant",
        }
    }
}

/// What happened, and to whom.
///
/// A tenant's process may send one as JSON: its words are bounded when they are read, and a log writes
/// nothing of it that only the log itself may say. Whoever receives it says that it is a
/// [tenant's](Origin::Tenant), and whose.
///
/// ```
/// # use external_worker_host::audit::{Kind, Record};
/// let record = Record::new(Kind::Denied).tenant("alice").what("connect to 10.0.0.1:22");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What kind of event it was.
    pub event: Kind,
    /// Who says so.
    #[serde(default)]
    pub by: Origin,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Text>,
    /// The module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Text>,
    /// The uuid of the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Text>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Text>,
    /// What was done, or was to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Text>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// So many more of the same were held back before it; see [`Flood`](super::Flood).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
    /// So many records never reached the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Lines that were in the log and are not there any more. Only the log itself says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<u64>,
    /// The file that was removed. Only the log itself says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) removed: Option<u32>,
    /// The last chain of the file that was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Chain>,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $field:ident,)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $field(mut self, $field: impl fmt::Display) -> Self {
                self.$field = Some(Text::new($field));
                self
            }
        )*

        /// What a record holds of words, in bytes.
        fn text_bytes(&self) -> usize {
            [$(&self.$field,)*].into_iter().flatten().map(Text::held_bytes).sum()
        }
    };
}

impl Record {
    /// A record of the host's about an event, with nothing said about it yet.
    pub const fn new(event: Kind) -> Self {
        Self {
            event,
            by: Origin::Host,
            tenant: None,
            module: None,
            instance: None,
            who: None,
            what: None,
            reason: None,
            more: None,
            lost: None,
            missing: None,
            removed: None,
            last: None,
        }
    }

    texts! {
        /// Says whose it is.
        tenant,
        /// Says which module.
        module,
        /// Says which instance, by its uuid.
        instance,
        /// Says who did it.
        who,
        /// Says what was done.
        what,
        /// Says why.
        reason,
    }

    /// Says who reports it.
    #[must_use]
    pub const fn by(mut self, by: Origin) -> Self {
        self.by = by;
        self
    }

    /// Says how many more of the same were held back before it; none are not mentioned.
    #[must_use]
    pub fn more(mut self, more: u64) -> Self {
        self.more = (more > 0).then_some(more);
        self
    }

    /// Says how many records never reached the log.
    #[must_use]
    pub const fn lost(mut self, lost: u64) -> Self {
        self.lost = Some(lost);
        self
    }

    /// Without what only the log itself may say: a tenant's record, read from JSON, may have it.
    pub(super) fn without_claims(mut self) -> Self {
        (self.missing, self.removed, self.last) = (None, None, None);
        self
    }

    /// What it takes in a queue, in bytes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.text_bytes()
    }
}
