//! Commands on nodes.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Answer, Context, Kwargs, arguments, no_arguments};
use crate::nodespace::NewNode;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nid {
    nid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    nid: String,
    data: Json,
}

pub fn add(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Add {
        id: String,
        uuid: Option<String>,
        name: Option<String>,
        description: Option<String>,
        reset_inputs_on_trigger: Option<bool>,
        trigger_on_create: Option<bool>,
        properties: Option<Json>,
    }
    let kwargs: Add = arguments(kwargs)?;
    let new = NewNode {
        // The Python Worker calls it so, too.
        id: kwargs.uuid,
        name: kwargs.name,
        description: kwargs.description,
        reset_inputs_on_trigger: kwargs.reset_inputs_on_trigger,
        trigger_on_create: kwargs.trigger_on_create,
        properties: kwargs.properties,
        values: Vec::new(),
    };
    Ok(context.graph().add_node(&kwargs.id, new)?.into())
}

pub fn remove(context: &Context, kwargs: Kwargs) -> Answer {
    let Id { id } = arguments(kwargs)?;
    context.graph().remove_node(&id)?;
    Ok(id.into())
}

pub fn get_by_id(context: &Context, kwargs: Kwargs) -> Answer {
    let Id { id } = arguments(kwargs)?;
    Ok(context.graph().node_json(&id, false)?.into())
}

pub fn get(context: &Context, kwargs: Kwargs) -> Answer {
    let Nid { nid } = arguments(kwargs)?;
    Ok(context.graph().node_json(&nid, false)?.into())
}

pub fn status(context: &Context, kwargs: Kwargs) -> Answer {
    let Nid { nid } = arguments(kwargs)?;
    Ok(context.graph().node_status_json(&nid)?.into())
}

pub fn all(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct All {
        #[serde(default)]
        with_frontend: bool,
    }
    let All { with_frontend } = arguments(kwargs)?;
    Ok(context.graph().nodes_json(with_frontend).into())
}

pub fn trigger(context: &Context, kwargs: Kwargs) -> Answer {
    let Nid { nid } = arguments(kwargs)?;
    context.graph().request_trigger(&nid)?;
    Ok(true.into())
}

pub fn update(context: &Context, kwargs: Kwargs) -> Answer {
    let Update { nid, data } = arguments(kwargs)?;
    Ok(context.graph().update_node(&nid, &data)?.into())
}

pub fn update_view(context: &Context, kwargs: Kwargs) -> Answer {
    let Update { nid, data } = arguments(kwargs)?;
    context.graph().update_node_view(&nid, &data)?;
    Ok(Json::Null.into())
}

pub fn clear(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    context.worker().clear();
    Ok(Json::Null.into())
}
