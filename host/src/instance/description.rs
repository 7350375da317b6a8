//! What a component says it is, checked once: everything else of the host may rely on it.

use std::collections::HashSet;
use std::sync::Arc;

use super::config::{ConfigSchema, SchemaBudget};
use crate::bindings::types::{NodeClass, Port, Shelf, WorkerClass};
use crate::error::{HostError, Result};
use crate::json::JsonText;
use crate::limits::{AboveCap, Budget};
use crate::{limits, text};

/// The ports that the graph itself gives every node, to trigger it and to tell that it ran.
pub const PORTS_OF_EVERY_NODE: [&str; 2] = ["_triggerinput", "_triggeroutput"];

/// One class of a component, checked.
#[derive(Debug)]
pub struct Class {
    /// What the guest said, its texts clean.
    pub declared: WorkerClass,
    /// Its configuration schema.
    pub config: Arc<ConfigSchema>,
}

impl Class {
    /// Its stable identifier.
    pub fn id(&self) -> &str {
        &self.declared.class_id
    }

    /// The method `name`, if there is one.
    pub fn method(&self, name: &str) -> Option<&NodeClass> {
        self.declared
            .methods
            .iter()
            .find(|method| method.name == name)
    }
}

fn wrong<T>(problem: String) -> Result<T> {
    Err(HostError::Description(text::clean_line(
        &problem,
        limits::MAX_TEXT_BYTES,
    )))
}

/// Checks all classes of a component.
///
/// # Errors
/// [`HostError::Description`] with the first thing that is wrong.
pub fn check_classes(classes: Vec<WorkerClass>) -> Result<Vec<Arc<Class>>> {
    if classes.is_empty() {
        return wrong("it describes no class".to_owned());
    }
    if classes.len() > limits::MAX_CLASSES {
        let max = limits::MAX_CLASSES;
        return wrong(format!(
            "{} classes; at most {max} are allowed",
            classes.len()
        ));
    }
    let mut seen = HashSet::new();
    for class in &classes {
        if !seen.insert(class.class_id.clone()) {
            return wrong(format!("two classes are called `{}`", class.class_id));
        }
    }
    let mut room = SchemaBudget::default();
    classes
        .into_iter()
        .map(|class| check_class(class, &mut room).map(Arc::new))
        .collect()
}

/// What the parts of one node class take as trees: every node that is made has them.
#[derive(Default)]
struct Trees(u64);

impl Trees {
    fn add(&mut self, bytes: u64, what: &str) -> Result<()> {
        self.0 = self.0.saturating_add(bytes);
        let (all, most) = (self.0, limits::MAX_OPTIONS_TREE_BYTES);
        if all > most {
            return wrong(format!(
                "{what}: the node would have {all} bytes as a tree; at most {most} are allowed"
            ));
        }
        Ok(())
    }
}

fn check_class(mut class: WorkerClass, room: &mut SchemaBudget) -> Result<Class> {
    if !is_class_id(&class.class_id) {
        let id = &class.class_id;
        return wrong(format!(
            "the class id `{id}` is not [A-Za-z_][A-Za-z0-9_-]*, 256 bytes at most"
        ));
    }
    class.title = text::clean_line(&class.title, limits::MAX_NAME_BYTES);
    clean_text(&mut class.description);
    check_json(
        class.ui_schema.as_deref(),
        "the ui schema",
        &mut Trees::default(),
    )?;
    check_node_classes(&mut class.methods, &class.class_id)?;
    let schema = ConfigSchema::within(&class.config_schema, &class.export_exclude, room)?;
    let config = Arc::new(schema);
    Ok(Class {
        declared: class,
        config,
    })
}

/// Every node of every shelf, by its path. A shelf comes after its parent: this was checked.
pub fn shelf_nodes(shelves: &[Shelf]) -> Vec<(String, &NodeClass)> {
    let mut paths: Vec<String> = Vec::new();
    let mut nodes = Vec::new();
    for shelf in shelves {
        let parent = shelf
            .parent
            .and_then(|at| paths.get(usize::try_from(at).ok()?));
        let path = match parent {
            Some(parent) => format!("{parent}/{}", shelf.name),
            None => shelf.name.clone(),
        };
        nodes.extend(
            shelf
                .nodes
                .iter()
                .map(|node| (format!("{path}/{}", node.name), node)),
        );
        paths.push(path);
    }
    nodes
}

/// What to do about nodes that declare more time for their calls than the policy's cap.
pub const HOW_TO_ALLOW_LONG_CALLS: &str =
    "raise `call-deadline-cap-ms` under [budget], or set `above-cap = \"cut\"`";

/// Says which of `nodes` declares more time for its calls than the policy's cap, if one does.
pub fn above_cap<'a>(
    nodes: impl IntoIterator<Item = &'a NodeClass>,
    budget: &Budget,
) -> Option<String> {
    let cap = budget.call_deadline_cap_ms;
    nodes.into_iter().find_map(|node| {
        let declared = node.timeout_ms.filter(|it| u64::from(*it) > cap)?;
        let name = &node.name;
        Some(format!(
            "a call of `{name}` may take {declared} ms; the policy allows {cap} ms"
        ))
    })
}

/// The same, where the policy refuses such nodes.
pub fn refused_for_length<'a>(
    nodes: impl IntoIterator<Item = &'a NodeClass>,
    budget: &Budget,
) -> Option<String> {
    match budget.above_cap {
        AboveCap::Cut => None,
        AboveCap::Refuse => above_cap(nodes, budget),
    }
}

/// Checks what `get-nodeshelf` returned, under `budget`.
///
/// # Errors
/// [`HostError::Description`] with the first thing that is wrong.
pub fn check_shelves_within(shelves: Vec<Shelf>, budget: &Budget) -> Result<Vec<Shelf>> {
    let shelves = check_shelves(shelves)?;
    let offered = shelves.iter().flat_map(|shelf| &shelf.nodes);
    match refused_for_length(offered, budget) {
        Some(problem) => wrong(format!("{problem}: {HOW_TO_ALLOW_LONG_CALLS}")),
        None => Ok(shelves),
    }
}

/// Checks what `get-nodeshelf` returned.
///
/// # Errors
/// [`HostError::Description`] with the first thing that is wrong.
pub fn check_shelves(mut shelves: Vec<Shelf>) -> Result<Vec<Shelf>> {
    if shelves.len() > limits::MAX_SHELVES {
        let max = limits::MAX_SHELVES;
        return wrong(format!(
            "{} shelves; at most {max} are allowed",
            shelves.len()
        ));
    }
    let mut nodes = 0usize;
    let mut depths: Vec<usize> = Vec::with_capacity(shelves.len());
    let mut seen = HashSet::new();
    for (index, shelf) in shelves.iter_mut().enumerate() {
        check_name(&shelf.name, "a shelf")?;
        clean_text(&mut shelf.description);
        if shelf.parent.is_some_and(|parent| parent as usize >= index) {
            return wrong(format!(
                "the shelf `{}` comes before its parent",
                shelf.name
            ));
        }
        if !seen.insert((shelf.parent, shelf.name.clone())) {
            return wrong(format!(
                "two shelves side by side are called `{}`",
                shelf.name
            ));
        }
        let above = shelf.parent.and_then(|parent| depths.get(parent as usize));
        let depth = above.map_or(1, |above| above.saturating_add(1));
        if depth > limits::MAX_OFFERED_SHELF_DEPTH {
            let max = limits::MAX_OFFERED_SHELF_DEPTH;
            return wrong(format!(
                "the shelf `{}` is {depth} shelves deep; at most {max} are allowed",
                shelf.name
            ));
        }
        depths.push(depth);
        check_node_classes(&mut shelf.nodes, &shelf.name)?;
        nodes = nodes.saturating_add(shelf.nodes.len());
    }
    if nodes > limits::MAX_NODE_CLASSES {
        let max = limits::MAX_NODE_CLASSES;
        return wrong(format!(
            "{nodes} nodes on the shelves; at most {max} are allowed"
        ));
    }
    Ok(shelves)
}

fn is_class_id(id: &str) -> bool {
    let mut chars = id.chars();
    let first = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first
        && id.len() <= limits::MAX_NAME_BYTES
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn check_node_classes(classes: &mut [NodeClass], owner: &str) -> Result<()> {
    if classes.len() > limits::MAX_NODE_CLASSES {
        let max = limits::MAX_NODE_CLASSES;
        return wrong(format!(
            "`{owner}` has {} nodes; at most {max} are allowed",
            classes.len()
        ));
    }
    let mut seen = HashSet::new();
    for class in classes {
        check_name(&class.name, "a method")?;
        if !seen.insert(class.name.clone()) {
            return wrong(format!("`{owner}` has two nodes called `{}`", class.name));
        }
        clean_text(&mut class.description);
        clean_text(&mut class.title);
        let mut trees = Trees::default();
        check_json(
            class.render_options.as_deref(),
            "render options",
            &mut trees,
        )?;
        check_ports(&mut class.inputs, &class.name, "input", &mut trees)?;
        check_ports(&mut class.outputs, &class.name, "output", &mut trees)?;
        check_port_names(class)?;
    }
    Ok(())
}

/// Everything about a node is addressed by the names of its ports: an output that is called like an input
/// could not be told from it, and the graph takes no shelf with such a node on it.
fn check_port_names(class: &NodeClass) -> Result<()> {
    let (method, inputs) = (&class.name, &class.inputs);
    let is_input = |port: &&Port| inputs.iter().any(|input| input.name == port.name);
    if let Some(Port { name, .. }) = class.outputs.iter().find(is_input) {
        return wrong(format!(
            "`{method}` has an input and an output called `{name}`; call one of them something else"
        ));
    }
    let mut ports = inputs.iter().chain(&class.outputs);
    let is_taken = |port: &&Port| PORTS_OF_EVERY_NODE.contains(&port.name.as_str());
    match ports.find(is_taken) {
        Some(Port { name, .. }) => wrong(format!(
            "`{method}` has a port called `{name}`, which every node has already"
        )),
        None => Ok(()),
    }
}

fn check_ports(ports: &mut [Port], method: &str, side: &str, trees: &mut Trees) -> Result<()> {
    if ports.len() > limits::MAX_PORTS {
        let max = limits::MAX_PORTS;
        return wrong(format!(
            "`{method}` has {} {side}s; at most {max} are allowed",
            ports.len()
        ));
    }
    let mut seen = HashSet::new();
    for port in ports {
        check_name(&port.name, side)?;
        if !seen.insert(port.name.clone()) {
            return wrong(format!("`{method}` has two {side}s called `{}`", port.name));
        }
        clean_text(&mut port.description);
        check_json(
            Some(&port.type_),
            &format!("the type of `{method}.{}`", port.name),
            trees,
        )?;
        check_json(port.value_options.as_deref(), "value options", trees)?;
        check_json(port.render_options.as_deref(), "render options", trees)?;
        if let Some(default) = &port.default {
            super::value::check(default, limits::MAX_DESCRIPTION_JSON_BYTES as u64).or_else(
                |problem| {
                    wrong(format!(
                        "the default of `{method}.{}`: {problem}",
                        port.name
                    ))
                },
            )?;
        }
    }
    Ok(())
}

/// A name is a key in paths and ids: no slash, no control character, not empty, not long.
fn check_name(name: &str, what: &str) -> Result<()> {
    let is_plain = !name.is_empty()
        && name.len() <= limits::MAX_NAME_BYTES
        && name
            .chars()
            .all(|c| c != '/' && text::is_harmless_in_names(c));
    if is_plain {
        return Ok(());
    }
    let shown = text::clean_line(name, 64);
    wrong(format!(
        "the name `{shown}` of {what} is empty, too long, or has a slash or control character"
    ))
}

fn check_json(json: Option<&str>, what: &str, trees: &mut Trees) -> Result<()> {
    let Some(json) = json else { return Ok(()) };
    if json.len() > limits::MAX_DESCRIPTION_JSON_BYTES {
        return wrong(format!("{what}: {} bytes are too many", json.len()));
    }
    match JsonText::check(json) {
        Ok(json) => trees.add(json.tree_size(), what),
        Err(error) => wrong(format!("{what}: not JSON: {error}")),
    }
}

fn clean_text(text: &mut Option<String>) {
    if let Some(text) = text {
        *text = crate::text::clean(text, limits::MAX_TEXT_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_ids_are_identifiers() {
        for good in ["a", "_x", "my-worker_2"] {
            assert!(is_class_id(good), "{good}");
        }
        for bad in ["", "2a", "-a", "a b", "a/b", "é", "a.b"] {
            assert!(!is_class_id(bad), "{bad}");
        }
    }

    #[test]
    fn a_shelf_comes_after_its_parent() {
        let shelf = |parent| Shelf {
            name: "s".to_owned(),
            description: None,
            parent,
            nodes: Vec::new(),
        };
        check_shelves(vec![shelf(None), shelf(Some(0))]).unwrap();
        check_shelves(vec![shelf(Some(0))]).unwrap_err();
        check_shelves(vec![shelf(None), shelf(None)]).unwrap_err();
        let deep = (0..64u32).map(|n| shelf(n.checked_sub(1))).collect();
        check_shelves(deep).unwrap_err();
    }

    fn shelf(name: &str, parent: Option<u32>, node: &str) -> Shelf {
        let node = NodeClass {
            name: node.to_owned(),
            title: None,
            description: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            render_options: None,
            trigger_on_call: None,
            timeout_ms: None,
        };
        Shelf {
            name: name.to_owned(),
            description: None,
            parent,
            nodes: vec![node],
        }
    }

    #[test]
    fn a_shelf_with_long_calls_is_refused_where_the_policy_says_so() {
        let long = || {
            let mut shelf = shelf("a", None, "x");
            shelf.nodes[0].timeout_ms = Some(u32::MAX);
            vec![shelf]
        };
        let mut budget = Budget::default();
        check_shelves_within(long(), &budget).unwrap();
        budget.above_cap = AboveCap::Refuse;
        let refused = check_shelves_within(long(), &budget).unwrap_err();
        assert!(refused.to_string().contains("`x` may take 4294967295 ms"));
        budget.call_deadline_cap_ms = u32::MAX.into();
        check_shelves_within(long(), &budget).unwrap();
    }

    #[test]
    fn what_is_small_as_text_and_large_as_a_tree_is_refused() {
        let port = |n| Port {
            name: format!("p{n}"),
            type_: "\"any\"".to_owned(),
            description: None,
            default: None,
            required: false,
            does_trigger: true,
            hidden: false,
            value_options: Some(format!("{{\"a\":[{}0]}}", r#"{"":0},"#.repeat(1_000))),
            render_options: None,
        };
        let with = |ports| {
            let mut shelf = shelf("a", None, "x");
            shelf.nodes[0].inputs = (0..ports).map(port).collect();
            check_shelves(vec![shelf])
        };
        with(1).unwrap();
        let refused = with(2).unwrap_err().to_string();
        assert!(refused.contains("bytes as a tree"), "{refused}");
    }

    #[test]
    fn each_port_of_a_node_has_a_name_of_its_own() {
        let port = |name: &str| Port {
            name: name.to_owned(),
            type_: "\"int\"".to_owned(),
            description: None,
            default: None,
            required: false,
            does_trigger: true,
            hidden: false,
            value_options: None,
            render_options: None,
        };
        let with = |inputs: &[&str], outputs: &[&str]| {
            let mut shelf = shelf("a", None, "x");
            shelf.nodes[0].inputs = inputs.iter().map(|name| port(name)).collect();
            shelf.nodes[0].outputs = outputs.iter().map(|name| port(name)).collect();
            check_shelves(vec![shelf]).map_err(|error| error.to_string())
        };
        with(&["a", "b"], &["c"]).unwrap();
        let both = with(&["a", "b"], &["c", "b"]).unwrap_err();
        assert!(both.contains("an input and an output called `b`"), "{both}");
        with(&["a", "a"], &[]).unwrap_err();
        with(&[], &["a", "a"]).unwrap_err();
        for name in PORTS_OF_EVERY_NODE {
            with(&[name], &[]).unwrap_err();
            with(&[], &[name]).unwrap_err();
        }
    }

    #[test]
    fn a_name_that_a_shelf_cannot_have_is_refused_with_it() {
        for bad in ["", "a/b", "/", "a\nb", "a\u{1b}[2J", "\u{202e}a"] {
            let refused = check_shelves(vec![shelf(bad, None, "x")]).unwrap_err();
            let refused = refused.to_string();
            assert!(refused.contains("of a shelf"), "{bad:?}: {refused}");
            check_shelves(vec![shelf("a", None, bad)]).unwrap_err();
        }
        check_shelves(vec![shelf("Grüße, 世界", None, "x y")]).unwrap();
    }

    #[test]
    fn a_node_on_a_shelf_has_a_path() {
        let shelves = [
            shelf("a", None, "x"),
            shelf("b", Some(0), "y"),
            shelf("c", Some(1), "z"),
        ];
        let paths: Vec<_> = shelf_nodes(&shelves)
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, ["a/x", "a/b/y", "a/b/c/z"]);
    }
}
