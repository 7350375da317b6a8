//! Commands on edges.

use serde::Deserialize;

use super::{Answer, Context, Kwargs, arguments, no_arguments};
use crate::nodespace::edge_json;

pub fn add(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Add {
        src_nid: String,
        src_ioid: String,
        trg_nid: String,
        trg_ioid: String,
        #[serde(default)]
        replace: bool,
    }
    let edge: Add = arguments(kwargs)?;
    let added = context.graph().add_edge(
        &edge.src_nid,
        &edge.src_ioid,
        &edge.trg_nid,
        &edge.trg_ioid,
        edge.replace,
    )?;
    Ok(edge_json(&added).into())
}

pub fn remove(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Remove {
        src_nid: String,
        src_ioid: String,
        trg_nid: String,
        trg_ioid: String,
    }
    let edge: Remove = arguments(kwargs)?;
    let graph = context.graph();
    graph.remove_edge(&edge.src_nid, &edge.src_ioid, &edge.trg_nid, &edge.trg_ioid)?;
    Ok(true.into())
}

pub fn all(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.graph().edges_json().into())
}
