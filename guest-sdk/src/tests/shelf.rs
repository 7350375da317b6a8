//! Nodes that are made while the worker runs.

use super::One;
use crate::Value;
use crate::bindings::exports::funcnodes::external_worker::worker::Guest;
use crate::prelude::*;

#[derive(Default)]
struct Shelved {
    broken: State<bool>,
}

#[external_worker(id = "shelved")]
impl Shelved {
    fn get_nodeshelf(&self) -> Option<Shelf> {
        let inner = Shelf::new("sub").node(
            ShelfNode::new("both", async |a: i64, b: Option<String>| {
                sleep(std::time::Duration::from_millis(1)).await;
                (a, b)
            })
            .outputs(["number", "text"])
            .io_options("in0", json!({"default": 5, "hidden": true})),
        );
        let inputs = if self.broken.get() { "x/" } else { "double" };
        Some(
            Shelf::new("extras")
                .description("dynamic")
                .node(
                    ShelfNode::new(inputs, |x: i64| x.checked_mul(2).ok_or("too large"))
                        .inputs(["x"])
                        .title("Double")
                        .description("Twice as much.")
                        .render_options(json!({"data": {"src": "out"}})),
                )
                .node(ShelfNode::new("nothing", || {}))
                .subshelf(inner),
        )
    }
    #[node]
    fn set_broken(&self, on: bool) {
        self.broken.set(on);
    }
}

type C = One<Shelved>;

#[test]
fn the_shelf_is_flat_and_its_nodes_run_by_path() {
    C::begin("{}").unwrap();
    assert_eq!(
        C::show("extras/double", &[("x", Value::Integer(4))]),
        "out=Value::Integer(8)"
    );
    let list = C::get_nodeshelf().unwrap();
    let shape: Vec<_> = list
        .iter()
        .map(|shelf| {
            let nodes: Vec<_> = shelf.nodes.iter().map(|node| node.name.as_str()).collect();
            format!("{} {:?} {nodes:?}", shelf.name, shelf.parent)
        })
        .collect();
    assert_eq!(
        shape,
        [
            r#"extras None ["double", "nothing"]"#,
            r#"sub Some(0) ["both"]"#
        ]
    );
    let double = &list[0].nodes[0];
    assert_eq!(double.title.as_deref(), Some("Double"));
    assert_eq!(double.inputs[0].name, "x");
    let both = &list[1].nodes[0];
    assert!(both.inputs[0].hidden && !both.inputs[0].required && !both.inputs[1].required);
    assert_eq!(both.outputs[1].name, "text");

    assert_eq!(C::show("extras/nothing", &[]), "");
    assert_eq!(
        C::show("extras/sub/both", &[]),
        "number=Value::Integer(5) text=Value::None"
    );
    let large = [("x", Value::Integer(i64::MAX))];
    assert_eq!(
        C::show("extras/double", &large),
        "ErrorCode::Internal: too large"
    );
    assert_eq!(
        C::show("extras/double", &[("x", Value::Text("a".into()))]),
        r#"ErrorCode::InvalidInput: input "x": expected an int, got a str"#
    );
    assert_eq!(
        C::show("extras/double", &[("y", Value::None)]),
        r#"ErrorCode::InvalidInput: input "x": it has no value"#
    );
    assert_eq!(
        C::show("extras/none", &[]),
        r#"ErrorCode::Unavailable: there is no node "extras/none" on the shelf"#
    );
}

#[test]
fn a_name_that_cannot_be_is_for_the_host_to_refuse_and_a_node_that_cannot_be_says_why() {
    C::begin("{}").unwrap();
    C::show("set_broken", &[("on", Value::Boolean(true))]);
    let list = C::get_nodeshelf().unwrap();
    assert_eq!(list[0].nodes[0].name, "x/");
    let node = ShelfNode::new("n", |x: i64| x).inputs(["a", "b"]);
    let error = crate::shelf::flatten(Shelf::new("s").node(node))
        .err()
        .unwrap();
    assert_eq!(error.message(), r#"node "n" names 2 inputs, but takes 1"#);
}
