//! Commands on edges.

use super::{Answer, Context, NoArguments, Reply, arguments};

arguments! {
    pub struct Add {
        src_nid: String,
        src_ioid: String,
        trg_nid: String,
        trg_ioid: String,
        #[serde(default)]
        replace: bool,
    }

    pub struct Remove {
        src_nid: String,
        src_ioid: String,
        trg_nid: String,
        trg_ioid: String,
    }
}

pub fn add(context: &Context, edge: Add) -> Answer {
    let added = context.graph().add_edge(
        &edge.src_nid,
        &edge.src_ioid,
        &edge.trg_nid,
        &edge.trg_ioid,
        edge.replace,
    )?;
    Ok(Reply::of(&added))
}

pub fn remove(context: &Context, edge: Remove) -> Answer {
    let graph = context.graph();
    graph.remove_edge(&edge.src_nid, &edge.src_ioid, &edge.trg_nid, &edge.trg_ioid)?;
    Ok(true.into())
}

pub fn all(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::of(&context.graph().edges()))
}
