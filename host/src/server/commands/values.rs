//! Commands on inputs and outputs.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Answer, Context, Kwargs, Reply, arguments};
use crate::nodespace::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Io {
    nid: String,
    ioid: String,
}

pub fn set(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Set {
        nid: String,
        ioid: String,
        value: Json,
        #[serde(default)]
        set_default: bool,
    }
    let Set {
        nid,
        ioid,
        value,
        set_default,
    } = arguments(kwargs)?;
    let value = Value::from_wire(value);
    let value = context.graph().set_value(&nid, &ioid, value, set_default)?;
    Ok(Reply::Value(value))
}

pub fn set_default(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Set {
        nid: String,
        ioid: String,
        value: Json,
    }
    let Set { nid, ioid, value } = arguments(kwargs)?;
    context
        .graph()
        .set_default(&nid, &ioid, Value::from_wire(value))?;
    Ok(true.into())
}

pub fn get(context: &Context, kwargs: Kwargs) -> Answer {
    let Io { nid, ioid } = arguments(kwargs)?;
    Ok(context.graph().value_json(&nid, &ioid)?.into())
}

pub fn get_all(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Node {
        nid: String,
    }
    let Node { nid } = arguments(kwargs)?;
    Ok(context.graph().values_json(&nid)?.into())
}

pub fn get_whole(context: &Context, kwargs: Kwargs) -> Answer {
    let Io { nid, ioid } = arguments(kwargs)?;
    Ok(Reply::Value(context.graph().value(&nid, &ioid)?))
}

pub fn update_io(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Update {
        nid: String,
        ioid: String,
        name: Option<String>,
        hidden: Option<bool>,
    }
    let Update {
        nid,
        ioid,
        name,
        hidden,
    } = arguments(kwargs)?;
    let mut patch = Map::new();
    if let Some(name) = name {
        patch.insert("name".to_owned(), name.into());
    }
    if let Some(hidden) = hidden {
        patch.insert("hidden".to_owned(), hidden.into());
    }
    let io = context
        .graph()
        .update_io_options(&nid, &ioid, &Json::Object(patch))?;
    Ok(io.into())
}

pub fn update_options(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Update {
        nid: String,
        ioid: String,
        options: Json,
    }
    let Update { nid, ioid, options } = arguments(kwargs)?;
    let io = context
        .graph()
        .update_value_options(&nid, &ioid, &options)?;
    Ok(io.into())
}
