//! Commands on groups of nodes.

use serde_json::Value as Json;

use super::{Answer, Context, NoArguments, Reply, arguments};

arguments! {
    pub struct Group {
        node_ids: Vec<String>,
        #[serde(default)]
        group_ids: Vec<String>,
    }

    pub struct Update {
        gid: String,
        data: Json,
    }

    pub struct Remove {
        gid: String,
    }
}

pub fn all(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::of(&context.graph().groups()))
}

pub fn group(context: &Context, members: Group) -> Answer {
    let groups = context
        .graph()
        .group_nodes(&members.node_ids, &members.group_ids)?;
    Ok(Reply::of(&groups))
}

pub fn update(context: &Context, Update { gid, data }: Update) -> Answer {
    Ok(context.graph().update_group(&gid, &data)?.into())
}

pub fn remove(context: &Context, Remove { gid }: Remove) -> Answer {
    context.graph().remove_group(&gid)?;
    Ok(true.into())
}
