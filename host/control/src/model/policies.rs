//! What the modules of a tenant may reach.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A policy of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyState {
    /// The module whose it is; that of all modules without their own if there is none.
    pub module: Option<String>,
    /// What is wrong with it, if something is: then it grants nothing.
    pub problem: Option<String>,
    /// What it grants.
    pub grants: Vec<Granted>,
}

/// What a policy grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Granted {
    /// The capability, such as `http`.
    pub capability: String,
    /// What of it, in a line.
    pub line: String,
}

/// A grant that is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The module; all without a policy of their own if there is none.
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    pub module: Option<String>,
    /// The grant, as lines of a policy.
    #[schema(
        min_length = 1,
        max_length = 65536,
        example = "[[http]]\nhost = \"api.example.com\"\nmethods = [\"GET\"]"
    )]
    pub lines: String,
    /// For how many seconds; until it is taken away if nothing is said.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[schema(minimum = 1, maximum = 3153600000_u64)]
    pub lasting: Option<u64>,
}
