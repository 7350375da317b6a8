//! Commands on nodes.

use serde_json::Value as Json;

use super::{Answer, Context, NoArguments, Reply, arguments};
use crate::nodespace::NewNode;

arguments! {
    pub struct Id {
        id: String,
    }

    pub struct Nid {
        nid: String,
    }

    pub struct Update {
        nid: String,
        data: Json,
    }

    pub struct Add {
        id: String,
        uuid: Option<String>,
        name: Option<String>,
        description: Option<String>,
        reset_inputs_on_trigger: Option<bool>,
        trigger_on_create: Option<bool>,
        properties: Option<Json>,
    }

    pub struct All {
        #[serde(default)]
        with_frontend: bool,
    }
}

pub fn add(context: &Context, node: Add) -> Answer {
    let new = NewNode {
        // The Python Worker calls it so, too.
        id: node.uuid,
        name: node.name,
        description: node.description,
        reset_inputs_on_trigger: node.reset_inputs_on_trigger,
        trigger_on_create: node.trigger_on_create,
        properties: node.properties,
        values: Vec::new(),
    };
    Ok(Reply::of(&context.graph().add_node(&node.id, new)?))
}

pub fn remove(context: &Context, Id { id }: Id) -> Answer {
    context.graph().remove_node(&id)?;
    Ok(id.into())
}

pub fn get_by_id(context: &Context, Id { id }: Id) -> Answer {
    Ok(Reply::of(&context.graph().node(&id, false)?))
}

pub fn get(context: &Context, Nid { nid }: Nid) -> Answer {
    Ok(Reply::of(&context.graph().node(&nid, false)?))
}

pub fn status(context: &Context, Nid { nid }: Nid) -> Answer {
    Ok(Reply::of(&context.graph().status(&nid)?))
}

pub fn all(context: &Context, All { with_frontend }: All) -> Answer {
    Ok(Reply::of(&context.graph().nodes(with_frontend)))
}

pub fn trigger(context: &Context, Nid { nid }: Nid) -> Answer {
    context.graph().request_trigger(&nid)?;
    Ok(true.into())
}

pub fn update(context: &Context, Update { nid, data }: Update) -> Answer {
    Ok(context.graph().update_node(&nid, &data)?.into())
}

pub fn update_view(context: &Context, Update { nid, data }: Update) -> Answer {
    context.graph().update_node_view(&nid, &data)?;
    Ok(Json::Null.into())
}

pub fn clear(context: &Context, _: NoArguments) -> Answer {
    context.worker().clear();
    Ok(Json::Null.into())
}
