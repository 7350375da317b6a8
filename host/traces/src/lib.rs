//! Calls of external workers as traces: whoever sees one end tells it, and it is sent to a collector over OTLP, by HTTP,
//! with many others (feature `send`).
//!
//! The crate knows nothing of the host, and the host nothing of OpenTelemetry.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

#[cfg(feature = "send")]
pub mod send;

/// A call that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Whose external worker it was, where there are tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The module that has the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The external worker, by its uuid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The method.
    pub method: String,
    /// The node that called, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What kind of error it ended with, if it did. Never what a guest said: that may have anything in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
