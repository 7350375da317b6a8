//! Which branch of a union a value is of, before it is complete. Looks at kinds, options, names and
//! what is below them; where that is not enough to know, nobody knows.

use serde_json::{Map, Value as Json};

use super::graph::{Graph, Id, Node, Says, kind};
use super::place::Steps;
use crate::limits;

/// Whether `value` is one that the part `id` is for. `Ok(None)`: nobody knows.
///
/// # Errors
/// It takes too many steps.
pub(super) fn fits(
    graph: &Graph,
    id: Id,
    value: &Json,
    depth: usize,
    steps: &mut Steps,
) -> Result<Option<bool>, TooFar> {
    steps.take(1).ok_or(TooFar)?;
    if depth > limits::MAX_SCHEMA_DEPTH {
        return Ok(None);
    }
    let node = graph.node(id);
    let own = match &node.says {
        Says::Nothing => Some(true),
        Says::Never => Some(false),
        Says::Kinds(kinds) => Some(kinds & kind(value) != 0),
        Says::Options(options) => {
            steps.take(options.len()).ok_or(TooFar)?;
            Some(options.contains(value))
        }
    };
    let mut verdict = own;
    if !node.exact && verdict == Some(true) {
        verdict = None;
    }
    for id in &node.same.all {
        verdict = both(verdict, fits(graph, *id, value, depth + 1, steps)?);
    }
    for branches in &node.same.any {
        verdict = both(verdict, any(graph, branches, value, depth, steps)?);
    }
    if let (Json::Object(members), true) = (value, verdict != Some(false)) {
        verdict = both(verdict, members_fit(graph, node, members, depth, steps)?);
    }
    Ok(verdict)
}

/// Following a schema takes too many steps.
pub(super) struct TooFar;

fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn any(
    graph: &Graph,
    branches: &[Id],
    value: &Json,
    depth: usize,
    steps: &mut Steps,
) -> Result<Option<bool>, TooFar> {
    let mut verdict = Some(false);
    for id in branches {
        match fits(graph, *id, value, depth + 1, steps)? {
            // More than one may be too many, for `oneOf`.
            Some(true) | None => verdict = None,
            Some(false) => {}
        }
    }
    Ok(verdict)
}

fn members_fit(
    graph: &Graph,
    node: &Node,
    members: &Map<String, Json>,
    depth: usize,
    steps: &mut Steps,
) -> Result<Option<bool>, TooFar> {
    let Some(of) = &node.object else {
        return Ok(Some(true));
    };
    let mut verdict = Some(true);
    for name in &of.required {
        steps.take(1).ok_or(TooFar)?;
        if members.contains_key(name) {
            continue;
        }
        // It may come with a default.
        let property = of.properties.get(name);
        let has_default = match property {
            Some(property) => default(graph, *property, steps)?.is_some(),
            None => false,
        };
        verdict = both(verdict, if has_default { None } else { Some(false) });
    }
    for (name, value) in members {
        steps.take(1).ok_or(TooFar)?;
        if let Some(property) = of.properties.get(name) {
            verdict = both(verdict, fits(graph, *property, value, depth + 1, steps)?);
        } else if of.patterns.is_empty()
            && let Some(others) = of.additional
        {
            verdict = both(verdict, fits(graph, others, value, depth + 1, steps)?);
        }
    }
    Ok(verdict)
}

/// The default of the part `id`, its own or of a part that holds too.
///
/// # Errors
/// It takes too many steps.
pub(super) fn default<'g>(
    graph: &'g Graph,
    id: Id,
    steps: &mut Steps,
) -> Result<Option<&'g Json>, TooFar> {
    let mut next = vec![id];
    let mut seen = Vec::new();
    while let Some(id) = next.pop() {
        steps.take(1 + seen.len()).ok_or(TooFar)?;
        if seen.contains(&id) {
            continue;
        }
        let node = graph.node(id);
        if node.default.is_some() {
            return Ok(node.default.as_ref());
        }
        seen.push(id);
        next.extend(node.same.all.iter().rev());
    }
    Ok(None)
}

/// Which of `branches` `value` is of: of those that it may be of, the one that knows most of its
/// members, and among those the first. `None`: of none.
///
/// # Errors
/// It takes too many steps.
pub(super) fn chosen(
    graph: &Graph,
    branches: &[Id],
    value: &Json,
    steps: &mut Steps,
) -> Result<Option<Id>, TooFar> {
    let mut best = None;
    for id in branches {
        if fits(graph, *id, value, 0, steps)? == Some(false) {
            continue;
        }
        let knows = known_members(graph, *id, value, steps)?;
        if best.is_none_or(|(_, most)| knows > most) {
            best = Some((*id, knows));
        }
    }
    Ok(best.map(|(id, _)| id))
}

/// How many members of `value` the part `id` knows by name.
fn known_members(graph: &Graph, id: Id, value: &Json, steps: &mut Steps) -> Result<usize, TooFar> {
    let Json::Object(members) = value else {
        return Ok(0);
    };
    let mut known = 0;
    let mut next = vec![id];
    let mut seen = Vec::new();
    while let Some(id) = next.pop() {
        steps.take(1 + seen.len() + members.len()).ok_or(TooFar)?;
        if seen.contains(&id) {
            continue;
        }
        let node = graph.node(id);
        let properties = node.object.iter().map(|of| &of.properties);
        for properties in properties {
            known += members
                .keys()
                .filter(|name| properties.contains_key(*name))
                .count();
        }
        seen.push(id);
        next.extend(&node.same.all);
    }
    Ok(known)
}
