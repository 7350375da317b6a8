//! Commands on the library, and on what the Python Worker has beside it: plugins of the web UI, which
//! a guest never provides because the page executes them, and shelves of Python modules.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Answer, Context, Kwargs, Refusal, Reply, arguments, no_arguments};
use crate::limits;
use crate::text;

pub fn get(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(Reply::Text(context.graph().library_text()))
}

pub fn plugin_keys(_: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Keys {
        r#type: String,
    }
    let Keys { r#type } = arguments(kwargs)?;
    check_type(&r#type)?;
    Ok(json!([]).into())
}

pub fn plugin(_: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Plugin {
        key: String,
        r#type: String,
    }
    let Plugin { key, r#type } = arguments(kwargs)?;
    check_type(&r#type)?;
    let key = text::clean_line(&key, limits::MAX_NAME_BYTES);
    Err(Refusal::new(format!("there is no plugin `{key}`")))
}

fn check_type(kind: &str) -> Result<(), Refusal> {
    if kind == "react" {
        return Ok(());
    }
    let kind = text::clean_line(kind, limits::MAX_NAME_BYTES);
    Err(Refusal::new(format!("Plugin type {kind} not found")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read so that wrong arguments are named")]
struct ShelfOf {
    src: Json,
    #[serde(default)]
    save: Option<bool>,
}

const NO_PYTHON: &str = "shelves come with modules here: use add_package_dependency";

pub fn add_shelf(_: &Context, kwargs: Kwargs) -> Answer {
    let _: ShelfOf = arguments(kwargs)?;
    Err(Refusal::new(NO_PYTHON))
}

pub fn remove_shelf(_: &Context, kwargs: Kwargs) -> Answer {
    let _: ShelfOf = arguments(kwargs)?;
    Err(Refusal::new(NO_PYTHON))
}
