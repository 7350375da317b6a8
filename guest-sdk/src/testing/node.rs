//! The nodes in the graph, as far as a worker changes them.

use std::collections::BTreeMap;

use serde_json::Value as JsonValue;

/// What the worker changed in an input, of a node or of nodes yet to be made. Values are as JSON says them:
/// bytes are base64, and an array is a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputChanges {
    /// The value that was set last.
    pub value: Option<JsonValue>,
    /// Whether that value triggers the node.
    pub triggers: bool,
    /// The default that was set last; `Some(None)`: it was removed.
    pub default: Option<Option<JsonValue>>,
    /// What the form beside the input offers.
    pub value_options: Option<JsonValue>,
    /// How the input is shown.
    pub render_options: Option<JsonValue>,
}

/// The inputs of one node, by their names.
pub(crate) type Changes = BTreeMap<String, InputChanges>;
