//! What was done, for the audit log, and what that says.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that somebody did, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What kind of thing.
    pub kind: Happened,
    /// In which tenant, if in one.
    pub tenant: Option<String>,
    /// To which external worker, by its uuid, if to one.
    pub instance: Option<String>,
    /// Who: the id of a token and an address.
    pub who: String,
    /// What, in one line. Of what was sent, it has names at most, and no values.
    pub what: String,
    /// Why not, or what came of it.
    pub reason: Option<String>,
    /// So many more of the same were held back before it.
    pub more: u64,
}

/// Kinds of things that are done here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Happened {
    /// A token was made.
    TokenMade,
    /// A token was revoked.
    TokenRevoked,
    /// A token was used for the first time since the host started.
    TokenUsed,
    /// Somebody showed a token that is none.
    LoginFailed,
    /// Somebody may not do what they asked for.
    Denied,
    /// A tenant was made, resumed or moved.
    Start,
    /// A tenant was suspended or removed.
    Stop,
    /// A module was installed.
    Install,
    /// A module was removed.
    Uninstall,
    /// A grant was added.
    Grant,
    /// A grant was taken away.
    Revoke,
    /// The secrets of a configuration were shown.
    SecretRead,
    /// A secret was set.
    SecretSet,
    /// A secret was removed.
    SecretRemoved,
    /// Everything that the host keeps was copied for somebody.
    Backup,
    /// An external worker was made.
    InstanceMade,
    /// An external worker was removed.
    InstanceRemoved,
    /// The configuration of an external worker was changed.
    Configured,
    /// The loop of an external worker was paused.
    Paused,
    /// The loop of an external worker goes on.
    Resumed,
    /// An external worker was started again.
    Restarted,
    /// A method of an external worker was called.
    Called,
}

/// Which records of the audit log are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditQuery {
    /// Only those of this tenant.
    pub tenant: Option<String>,
    /// Only those of this kind, such as `denied`.
    pub kind: Option<String>,
    /// Only those before this number.
    pub before: Option<u64>,
    /// How many, the latest first.
    pub most: usize,
}

/// Records of the audit log, the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// These.
    pub records: Vec<AuditRecord>,
}

/// A record of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Its number.
    pub seq: u64,
    /// When, in RFC 3339.
    pub at: String,
    /// The kind.
    pub event: String,
    /// Who says so: `host`, or `tenant` for what only the process of a tenant knows.
    pub by: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// The module.
    pub module: Option<String>,
    /// The uuid of the external worker.
    pub instance: Option<String>,
    /// Who.
    pub who: Option<String>,
    /// What.
    pub what: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// So many more of the same were held back before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
}

/// Whether anybody changed the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether it is whole.
    pub whole: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// How many records there are.
    pub records: u64,
    /// What to keep elsewhere, to see later that nothing was cut off.
    pub checkpoint: Option<String>,
}
