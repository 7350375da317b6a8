//! What a tenant is to be, and what becomes of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a tenant is to be: what is kept of it, and what the tenants file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantSpec {
    /// What it is called: 1 to 64 letters, digits or `-_.`, with a letter or digit first.
    #[schema(
        max_length = 64,
        pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$",
        example = "lab"
    )]
    pub name: String,
    /// The address that its Worker listens on.
    #[serde(default = "loopback")]
    #[schema(
        max_length = 253,
        pattern = "^[A-Za-z0-9][A-Za-z0-9.-]*$",
        example = "127.0.0.1"
    )]
    pub host: String,
    /// The port that its Worker listens on; 0 picks a free one each time.
    #[serde(default, deserialize_with = "crate::numbers::whole")]
    #[schema(maximum = 65535)]
    pub port: u16,
    /// Pages of these origins may connect, too.
    #[serde(default)]
    pub allow_origin: Vec<String>,
    /// What it may use in all.
    #[serde(default)]
    pub quotas: Quotas,
    /// Whether it is not served for now.
    #[serde(default)]
    pub suspended: bool,
}

fn loopback() -> String {
    "127.0.0.1".to_owned()
}

/// What a tenant may use in all; what is not said is bounded by the host alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// External workers and node libraries.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// Bytes of memory; with `--isolation process`, of its process.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// How much of the processors it gets where all want some, beside others' weights: 1 to 10,000; 100 unless told.
    #[schema(minimum = 1, maximum = 10000)]
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_weight: Option<u16>,
    /// Bytes that its data may take on disk.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
    /// Modules that it may have.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modules: Option<u32>,
}

/// What becomes of the data of a tenant that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays, and a tenant of the same name has it again.
    Keep,
    /// It is removed.
    Remove,
}

/// What becomes of a tenant at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Runs {
    /// It is not served, because somebody said so.
    Suspended,
    /// It will be served in a moment.
    Starting,
    /// It is served.
    Serving {
        /// Where: an address and a port.
        address: String,
        /// The uuid of its Worker.
        uuid: String,
        /// The id of its process, where it has one of its own.
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
    },
    /// It cannot be served now, and is tried again.
    Down {
        /// Why.
        problem: String,
    },
}

/// A tenant, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TenantState {
    /// What it is to be.
    #[serde(flatten)]
    pub spec: TenantSpec,
    /// What becomes of it.
    pub runs: Runs,
}
