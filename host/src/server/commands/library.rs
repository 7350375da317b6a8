//! Commands on the library, and on what the Python Worker has beside it: plugins of the web UI, which
//! a guest never provides because the page executes them, and shelves of Python modules.

use serde_json::{Value as Json, json};

use super::{Answer, Context, NoArguments, Reply, arguments};
use crate::limits;
use crate::server::refusal::{Code, Refusal};
use crate::text;

arguments! {
    pub struct Keys {
        r#type: String,
    }

    pub struct Plugin {
        key: String,
        r#type: String,
    }

    #[allow(dead_code, reason = "read so that wrong arguments are named")]
    pub struct Shelf {
        src: Json,
        save: Option<bool>,
    }
}

pub fn get(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::Text(context.graph().library_text()))
}

pub fn plugin_keys(_: &Context, keys: Keys) -> Answer {
    check_type(&keys.r#type)?;
    Ok(json!([]).into())
}

pub fn plugin(_: &Context, plugin: Plugin) -> Answer {
    check_type(&plugin.r#type)?;
    let key = text::clean_line(&plugin.key, limits::MAX_NAME_BYTES);
    Err(not_found(format!("there is no plugin `{key}`")))
}

fn check_type(kind: &str) -> Result<(), Refusal> {
    if kind == "react" {
        return Ok(());
    }
    let kind = text::clean_line(kind, limits::MAX_NAME_BYTES);
    Err(not_found(format!("Plugin type {kind} not found")))
}

fn not_found(sentence: String) -> Refusal {
    Refusal::new(Code::NotFound, sentence)
}

const NO_PYTHON: &str = "this host takes shelves only from modules: use add_package_dependency";

pub fn add_shelf(_: &Context, _: Shelf) -> Answer {
    Err(Refusal::new(Code::Unavailable, NO_PYTHON))
}

pub fn remove_shelf(_: &Context, _: Shelf) -> Answer {
    Err(Refusal::new(Code::Unavailable, NO_PYTHON))
}
