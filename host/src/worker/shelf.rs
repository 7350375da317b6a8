//! The shelf of one instance in the library of the graph, and what the host holds for it: the instance pays.

use std::sync::Arc;

use super::bridge;
use super::external_worker::ExternalWorker;
use crate::bindings::types as wit;
use crate::instance::value;
use crate::json::JsonText;
use crate::limits::{Held, NODE_CLASS_BYTES, PORT_BYTES, SHELF_BYTES};
use crate::nodespace::Shelf;

/// The shelf under which every instance has one of its own.
pub const EXTERNAL_SHELF: &str = "_external_worker";

/// The shelf of one instance: its methods, and below them the shelves that it offers. `paid` was charged for
/// it, see [`size`]; `None`: of one that does not run.
pub fn of(
    external: &Arc<ExternalWorker>,
    description: &str,
    methods: &[wit::NodeClass],
    offered: &[wit::Shelf],
    paid: Option<Held>,
) -> Shelf {
    Shelf {
        name: external.uuid().to_owned(),
        description: description.to_owned(),
        classes: methods
            .iter()
            .map(|method| bridge::node_class(external, method, &method.name, true))
            .collect(),
        subshelves: below(external, offered, None, ""),
        paid: paid.map(Arc::new),
    }
}

/// The shelves whose parent is `parent`. The list was checked: a parent comes before its children,
/// so the recursion ends, and is as deep as the list is long at most.
fn below(
    external: &Arc<ExternalWorker>,
    offered: &[wit::Shelf],
    parent: Option<u32>,
    path: &str,
) -> Vec<Shelf> {
    let children = offered.iter().zip(0u32..);
    children
        .filter(|(shelf, _)| shelf.parent == parent)
        .map(|(shelf, index)| {
            let path = format!("{path}{}/", shelf.name);
            Shelf {
                name: shelf.name.clone(),
                description: shelf.description.clone().unwrap_or_default(),
                classes: shelf
                    .nodes
                    .iter()
                    .map(|node| {
                        bridge::node_class(external, node, &format!("{path}{}", node.name), false)
                    })
                    .collect(),
                subshelves: below(external, offered, Some(index), &path),
                paid: None,
            }
        })
        .collect()
}

/// Bytes that the host holds for the shelf that [`of`] makes, about and never much too few: the classes, and
/// what clients see of them. Makes none of it.
pub fn size(description: &str, methods: &[wit::NodeClass], offered: &[wit::Shelf]) -> u64 {
    let own = [SHELF_BYTES, text(description)];
    let mut size = own
        .into_iter()
        .fold(classes_size(methods), u64::saturating_add);
    let mut paths: Vec<u64> = Vec::with_capacity(offered.len());
    for shelf in offered {
        let parent = shelf.parent.and_then(|at| paths.get(at as usize));
        let path = parent
            .copied()
            .unwrap_or(0)
            .saturating_add(text(&shelf.name));
        paths.push(path);
        let nodes = shelf.nodes.len() as u64;
        let parts = [
            SHELF_BYTES,
            path.saturating_add(nodes.saturating_mul(path)),
            shelf.description.as_deref().map_or(0, text),
            classes_size(&shelf.nodes),
        ];
        size = parts.into_iter().fold(size, u64::saturating_add);
    }
    size
}

fn classes_size(classes: &[wit::NodeClass]) -> u64 {
    classes.iter().map(class_size).fold(0, u64::saturating_add)
}

fn class_size(class: &wit::NodeClass) -> u64 {
    let ports = class.inputs.iter().chain(&class.outputs).map(port_size);
    let texts = [&class.title, &class.description];
    let texts = texts.into_iter().flatten().map(|it| text(it));
    let options = class.render_options.as_deref().map_or(0, tree);
    let parts = ports.chain(texts).chain([text(&class.name), options]);
    parts.fold(NODE_CLASS_BYTES, u64::saturating_add)
}

fn port_size(port: &wit::Port) -> u64 {
    let options = [&port.value_options, &port.render_options];
    let options = options.into_iter().flatten().map(|it| tree(it));
    let texts = [Some(&port.name), port.description.as_ref()];
    let texts = texts.into_iter().flatten().map(|it| text(it));
    // Parsed, understood, and written.
    let ty = tree(&port.type_)
        .saturating_mul(2)
        .saturating_add(text(&port.type_));
    let default = port.default.as_ref().map_or(0, value::size);
    let parts = options.chain(texts).chain([ty, default.saturating_mul(2)]);
    parts.fold(PORT_BYTES, u64::saturating_add)
}

/// A text, what it is part of, and the JSON that it is written as.
fn text(text: &str) -> u64 {
    (text.len() as u64).saturating_mul(3)
}

/// JSON as a tree.
fn tree(json: &str) -> u64 {
    JsonText::check(json).map_or(0, |json| json.tree_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, options: Option<String>) -> wit::NodeClass {
        let input = wit::Port {
            name: "a".to_owned(),
            type_: r#""int""#.to_owned(),
            description: None,
            default: Some(wit::Value::Text("0".repeat(1000))),
            required: false,
            does_trigger: true,
            hidden: false,
            value_options: options,
            render_options: None,
        };
        wit::NodeClass {
            name: name.to_owned(),
            title: None,
            description: Some("d".repeat(1000)),
            inputs: vec![input],
            outputs: Vec::new(),
            render_options: None,
            trigger_on_call: None,
            timeout_ms: None,
        }
    }

    fn nested(depth: u32, nodes: Vec<wit::NodeClass>) -> Vec<wit::Shelf> {
        let shelf = |at: u32| wit::Shelf {
            name: "s".repeat(200),
            description: None,
            parent: at.checked_sub(1),
            nodes: if at + 1 == depth {
                nodes.clone()
            } else {
                Vec::new()
            },
        };
        (0..depth).map(shelf).collect()
    }

    #[test]
    fn options_are_counted_as_the_trees_that_they_become() {
        let options = format!("[{}0]", r#"{"":0},"#.repeat(1000));
        let tree = JsonText::check(&options).unwrap().tree_size();
        assert!(tree > 500_000);
        let [plain, with] =
            [None, Some(options)].map(|options| size("", &[node("n", options)], &[]));
        assert!(with >= plain + tree, "{with} {plain} {tree}");
        // Its description and its default, each with the JSON that it is written as.
        assert!(plain > 4000 && plain < 16_000, "{plain}");
    }

    #[test]
    fn a_path_is_counted_for_each_node_below_it() {
        let nodes = || (0..100).map(|n| node(&n.to_string(), None)).collect();
        let (flat, deep) = (
            size("", &[], &nested(1, nodes())),
            size("", &[], &nested(8, nodes())),
        );
        assert!(deep > flat + 100 * 7 * 200, "{deep} {flat}");
    }
}
