//! External workers of a tenant.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::usage::InstanceUsage;

/// An external worker of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceState {
    /// Its uuid.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Its module.
    pub module: String,
    /// What it is doing: `running`, `restarting` and so on; `down`: nothing runs.
    pub state: String,
    /// Why nothing runs, or why it starts again.
    pub problem: Option<String>,
    /// Whether its loop is paused.
    pub paused: bool,
    /// Its configuration, without its secrets.
    pub config: Json,
    /// The names of its methods.
    pub methods: Vec<Method>,
    /// What it did and uses.
    pub usage: InstanceUsage,
}

/// A method of an external worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// One sentence on it.
    pub description: String,
    /// Its inputs.
    pub inputs: Vec<Port>,
    /// Its outputs.
    pub outputs: Vec<Port>,
}

/// An input or output of a method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its type, as the web UI shows it.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The form that edits the configuration of an external worker; its secrets are in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Form {
    /// The JSON Schema of the configuration.
    pub json_schema: Json,
    /// How the form is to look, in the words of react-jsonschema-form.
    #[schema(value_type = Json)]
    pub ui_schema: Option<Json>,
    /// The configuration.
    pub form_data: Json,
}

/// What an external worker is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The module.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[ -~]+$",
        example = "thermometer"
    )]
    pub module: String,
    /// The class.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[ -~]+$",
        example = "thermometer"
    )]
    pub class: String,
    /// Its name; one of its own unless told.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[ -~]+$",
        example = "bench 2"
    )]
    pub name: Option<String>,
    /// Its configuration, where it differs from what the class begins with: a JSON object.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Json>,
}

/// A line that an external worker logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Its number, from 1.
    pub number: u64,
    /// When.
    pub at: u64,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What, in its own words.
    pub text: String,
}
