//! What the Worker of a tenant is asked, and what it said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::instances::{Create, Form, InstanceState, LogLine};
use super::modules::ModuleState;

/// What the Worker of a tenant is asked to say or to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Which modules it has.
    Modules,
    /// Which external workers it has.
    Instances,
    /// One of them.
    Instance {
        /// Its uuid.
        uuid: String,
    },
    /// The form of the configuration of one.
    Form {
        /// Its uuid.
        uuid: String,
    },
    /// To make one.
    Create(Create),
    /// To remove one.
    Remove {
        /// Its uuid.
        uuid: String,
    },
    /// To pause the loop of one.
    Pause {
        /// Its uuid.
        uuid: String,
    },
    /// To go on with the loop of one.
    Resume {
        /// Its uuid.
        uuid: String,
    },
    /// To start one again.
    Restart {
        /// Its uuid.
        uuid: String,
    },
    /// To change the configuration of one.
    Configure {
        /// Its uuid.
        uuid: String,
        /// What changes: a JSON object.
        patch: Json,
    },
    /// To call a method of one.
    Call {
        /// Its uuid.
        uuid: String,
        /// The method.
        method: String,
        /// Its inputs, by name.
        inputs: BTreeMap<String, Json>,
    },
    /// The last lines that one logged.
    Log {
        /// Its uuid.
        uuid: String,
        /// Only lines with a greater number.
        after: u64,
    },
    /// To have all that it keeps in one file, as it is at one moment, for whoever copies its directory.
    Snapshot,
}

/// What the Worker of a tenant said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It is done.
    Done,
    /// Its modules.
    Modules(Vec<ModuleState>),
    /// Its external workers.
    Instances(Vec<InstanceState>),
    /// One of them.
    Instance(InstanceState),
    /// A form.
    Form(Form),
    /// What a call returned, by name.
    Outputs(BTreeMap<String, Json>),
    /// Lines of a log.
    Log(Vec<LogLine>),
}
