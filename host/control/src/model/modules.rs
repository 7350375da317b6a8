//! Modules of a tenant: what they are, what they request, and how they come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A module of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModuleState {
    /// Its name.
    pub name: String,
    /// Its version, where it says one.
    pub version: Option<String>,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<String>,
    /// The ids of its classes of external workers.
    pub classes: Vec<String>,
    /// What it requests of the host.
    pub requests: Vec<Request>,
}

/// What a module requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// The capability, such as `http`.
    pub capability: String,
    /// Why, as its author says.
    pub reason: String,
    /// Whether its policy grants something of it.
    pub granted: bool,
}

/// A module that somebody brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// What its file is called, such as `thermometer.wasm`.
    pub file: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What came of a module that somebody brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Installed {
    /// Its name.
    pub module: String,
    /// What was found when it was validated, each a sentence. None of these kept it out.
    pub findings: Vec<String>,
}
