//! Commands on inputs and outputs.

use serde_json::{Map, Value as Json};

use super::{Answer, Context, Reply, arguments};
use crate::nodespace::Value;

arguments! {
    pub struct Io {
        nid: String,
        ioid: String,
    }

    pub struct Node {
        nid: String,
    }

    pub struct Set {
        nid: String,
        ioid: String,
        value: Json,
        #[serde(default)]
        set_default: bool,
    }

    pub struct SetDefault {
        nid: String,
        ioid: String,
        value: Json,
    }

    pub struct UpdateIo {
        nid: String,
        ioid: String,
        name: Option<String>,
        hidden: Option<bool>,
    }

    pub struct UpdateOptions {
        nid: String,
        ioid: String,
        options: Json,
    }
}

pub fn set(context: &Context, set: Set) -> Answer {
    let value = Value::from_wire(set.value);
    let graph = context.graph();
    let value = graph.set_value(&set.nid, &set.ioid, value, set.set_default)?;
    Ok(Reply::Value(value))
}

pub fn set_default(context: &Context, set: SetDefault) -> Answer {
    let value = Value::from_wire(set.value);
    context.graph().set_default(&set.nid, &set.ioid, value)?;
    Ok(true.into())
}

pub fn get(context: &Context, Io { nid, ioid }: Io) -> Answer {
    Ok(context.graph().preview(&nid, &ioid)?.into())
}

pub fn get_all(context: &Context, Node { nid }: Node) -> Answer {
    Ok(Reply::of(&context.graph().previews(&nid)?))
}

pub fn get_whole(context: &Context, Io { nid, ioid }: Io) -> Answer {
    Ok(Reply::Value(context.graph().value(&nid, &ioid)?))
}

pub fn update_io(context: &Context, update: UpdateIo) -> Answer {
    let mut patch = Map::new();
    if let Some(name) = update.name {
        patch.insert("name".to_owned(), name.into());
    }
    if let Some(hidden) = update.hidden {
        patch.insert("hidden".to_owned(), hidden.into());
    }
    let graph = context.graph();
    let io = graph.update_io_options(&update.nid, &update.ioid, &Json::Object(patch))?;
    Ok(Reply::of(&io))
}

pub fn update_options(context: &Context, update: UpdateOptions) -> Answer {
    let graph = context.graph();
    let io = graph.update_value_options(&update.nid, &update.ioid, &update.options)?;
    Ok(Reply::of(&io))
}
