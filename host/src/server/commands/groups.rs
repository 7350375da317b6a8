//! Commands on groups of nodes.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Answer, Context, Kwargs, arguments, no_arguments};

pub fn all(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.graph().groups_json().into())
}

pub fn group(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Group {
        node_ids: Vec<String>,
        #[serde(default)]
        group_ids: Vec<String>,
    }
    let Group {
        node_ids,
        group_ids,
    } = arguments(kwargs)?;
    Ok(context.graph().group_nodes(&node_ids, &group_ids)?.into())
}

pub fn update(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Update {
        gid: String,
        data: Json,
    }
    let Update { gid, data } = arguments(kwargs)?;
    Ok(context.graph().update_group(&gid, &data)?.into())
}

pub fn remove(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Remove {
        gid: String,
    }
    let Remove { gid } = arguments(kwargs)?;
    context.graph().remove_group(&gid)?;
    Ok(true.into())
}
