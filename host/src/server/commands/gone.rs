//! Commands that come late: what they are about was removed a moment ago, by another client or by the
//! end of an external worker, and a page goes on to speak of it until it has heard. They are answered as
//! for what is gone. About what has never been here they are mistakes.

use serde_json::{Value as Json, json};

use super::Reply;
use crate::nodespace::NO_VALUE;

/// What `command` returns when what it is about is gone; `None`: then it is a mistake all the same.
pub fn answer(command: &str, id: &str) -> Option<Reply> {
    let answer = match command {
        "get_io_full_value" | "set_io_value" => return Some(Reply::Value(None)),
        "get_io_value" => NO_VALUE.into(),
        // Of both, the web UI looks at the members.
        "get_node" | "get_node_state" => json!({ "id": id }),
        "get_ios_values"
        | "update_group"
        | "update_node"
        | "update_io_options"
        | "update_io_value_options" => json!({}),
        "remove_node" => id.into(),
        "remove_edge"
        | "remove_external_worker"
        | "remove_group"
        | "set_default_value"
        | "trigger_node"
        | "request_trigger" => true.into(),
        // What the settings dialog shows: nothing to set.
        "get_external_worker_config" => json!({
            "jsonSchema": { "type": "object", "properties": {} },
            "uiSchema": null,
            "formData": {},
        }),
        "add_edge" | "get_node_status" | "update_node_view" | "update_external_worker" => {
            Json::Null
        }
        _ => return None,
    };
    Some(answer.into())
}
