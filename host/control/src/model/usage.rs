//! What tenants and their external workers did and use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tenants::Quotas;

/// What an external worker did since it last started, and uses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceUsage {
    /// Seconds of processor time.
    pub cpu: f64,
    /// Seconds that it had to wait because it was ahead of its share.
    pub throttled: f64,
    /// Bytes that the host holds for it.
    pub memory: u64,
    /// Calls that have ended.
    pub calls: u64,
    /// Those of them that failed.
    pub call_errors: u64,
    /// Calls that wait or run.
    pub open_calls: u64,
    /// Turns of its loop that have ended.
    pub turns: u64,
    /// Those of them that failed.
    pub turn_errors: u64,
    /// Times that it was started again after a trap.
    pub restarts: u32,
}

/// What the external workers of a tenant did and use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantUsage {
    /// Seconds of processor time, since the tenant is served.
    pub cpu: f64,
    /// Bytes that the host holds for its guests.
    pub memory: u64,
    /// Bytes that its data took on disk when that was last looked at, within the last minutes.
    #[serde(default)]
    pub disk: u64,
    /// What it may use in all.
    #[serde(default)]
    pub quota: Quotas,
    /// What of that this host cannot hold it to, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
    /// By the uuid of each external worker.
    pub instances: BTreeMap<String, InstanceUsage>,
}
