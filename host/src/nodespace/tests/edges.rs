//! Edges: what may be connected, and what connecting does.

use super::*;
use crate::limits::MAX_TARGETS;

fn bench() -> Bench {
    let mut several = sum("several", &["a"]);
    several.inputs[0].allow_multiple = Some(true);
    several.outputs[0].allow_multiple = Some(false);
    let bench = Bench::new(vec![sum("sum", &["a", "b"]), several]);
    for id in ["x", "y", "z"] {
        bench.add("sum", id);
    }
    bench.add("several", "m");
    bench.events();
    bench
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_feeds_what_is_there_and_what_comes() {
    let bench = bench();
    bench.set("x.a", 1);
    bench.set("x.b", 2);
    bench.space.idle().await;
    bench
        .space
        .set_default("y", "a", Some(Value::Integer(50)))
        .unwrap();
    bench.set("y.b", 10);
    bench.space.idle().await;
    // Whichever end is named first; the default of the input goes.
    let edge = bench.space.add_edge("y", "a", "x", "out", false).unwrap();
    assert_eq!(json!(edge), json!(["x", "out", "y", "a"]));
    bench.space.idle().await;
    assert_eq!(
        (bench.value("y.a"), bench.value("y.out")),
        (json!(3), json!(13))
    );
    let a = json!(bench.space.io("y", "a").unwrap());
    assert_eq!(
        (&a["connected"], &a["default"]),
        (&json!(true), &json!(NO_VALUE))
    );
    bench.set("x.a", 5);
    bench.space.idle().await;
    assert_eq!(bench.value("y.out"), 17);
    // To connect again is neither an error nor a second edge.
    assert_eq!(bench.space.add_edge("x", "out", "y", "a", false), Ok(edge));
    assert_eq!(json!(bench.space.edges()), json!([["x", "out", "y", "a"]]));
    bench.events();
    assert_eq!(bench.space.remove_edge("x", "out", "y", "a"), Ok(true));
    assert_eq!(
        bench.told(),
        ["disconnected x.out to y.a", r#"y.a = "<NoValue>""#]
    );
    assert_eq!(bench.space.remove_edge("x", "out", "y", "a"), Ok(false));
    assert_eq!(bench.status("y")["ready"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_has_one_edge_unless_it_takes_more() {
    let bench = bench();
    bench.connect("x.out", "z.a");
    let refused = bench
        .space
        .add_edge("y", "out", "z", "a", false)
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot connect `y.out` to `z.a`: one of them is connected already"
    );
    bench.connect("x.out", "z.b");
    bench.space.add_edge("y", "out", "z", "a", true).unwrap();
    assert_eq!(
        json!(bench.space.edges()),
        json!([["x", "out", "z", "b"], ["y", "out", "z", "a"]])
    );
    bench.connect("x.out", "m.a");
    bench.connect("y.out", "m.a");
    // An output may be one that takes one only.
    bench.connect("m.out", "x.a");
    bench
        .space
        .add_edge("m", "out", "y", "a", false)
        .unwrap_err();
    bench.space.add_edge("m", "out", "y", "a", true).unwrap();
    assert_eq!(json!(bench.space.edges()).as_array().unwrap().len(), 5);
    assert_eq!(json!(bench.space.io("x", "a").unwrap())["connected"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_connected_is_refused_with_the_reason() {
    let bench = bench();
    for (from, to, reason) in [
        (
            "x.out",
            "x.a",
            "cannot connect `x.out` to `x.a`: a node cannot feed itself",
        ),
        (
            "x.a",
            "x.b",
            "cannot connect `x.a` to `x.b`: a node cannot feed itself",
        ),
        (
            "x.out",
            "y.out",
            "cannot connect `x.out` to `y.out`: both are outputs",
        ),
        (
            "x.none",
            "y.a",
            "the node `x` has no input or output `none`",
        ),
        ("none.out", "y.a", "there is no node `none`"),
    ] {
        let (from, to) = (from.split_once('.').unwrap(), to.split_once('.').unwrap());
        let refused = bench.space.add_edge(from.0, from.1, to.0, to.1, true);
        assert_eq!(refused.unwrap_err().to_string(), reason);
    }
    assert_eq!(json!(bench.space.edges()), json!([]));
    assert!(bench.events().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_forwards_its_value() {
    let bench = bench();
    bench.set("x.a", 4);
    bench.set("y.b", 1);
    bench.space.idle().await;
    // A new one does not trigger; what comes later does.
    bench.connect("x.a", "y.a");
    bench.connect("y.a", "z.b");
    bench.space.idle().await;
    assert_eq!(
        (bench.value("y.a"), bench.value("y.out")),
        (json!(4), json!(NO_VALUE))
    );
    assert_eq!(bench.value("z.b"), 4);
    bench.set("x.a", 6);
    bench.space.idle().await;
    assert_eq!(
        (bench.value("y.out"), bench.value("z.b")),
        (json!(7), json!(6))
    );
    assert_eq!(
        bench
            .space
            .add_edge("z", "b", "x", "a", false)
            .unwrap_err()
            .to_string(),
        "cannot connect `z.b` to `x.a`: the value would go round in a circle"
    );
    assert_eq!(
        json!(bench.space.edges()),
        json!([["x", "a", "y", "a"], ["y", "a", "z", "b"]])
    );
    // Named the other way round, it is the same edge.
    assert_eq!(bench.space.remove_edge("y", "a", "x", "a"), Ok(true));
    assert_eq!(
        (bench.value("y.a"), bench.value("z.b")),
        (json!(NO_VALUE), json!(NO_VALUE))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connecting_shows_a_hidden_port_and_dirties_what_changed() {
    let bench = bench();
    bench.dirty();
    bench.connect("x._triggeroutput", "y._triggerinput");
    let port = |node, io| json!(bench.space.io(node, io).unwrap());
    assert_eq!(port("x", TRIGGER_OUTPUT)["hidden"], false);
    assert_eq!(port("y", TRIGGER_INPUT)["hidden"], false);
    let dirty = bench.dirty();
    assert!(dirty.contains(&Dirty::Edges) && dirty.contains(&Dirty::Node("x".into())));
    // A connected port cannot be hidden.
    let hide = json!({"hidden": true});
    let shown = bench
        .space
        .update_io_options("x", TRIGGER_OUTPUT, &hide)
        .unwrap();
    assert!(!shown.hidden);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_takes_its_edges_along() {
    let bench = bench();
    bench.connect("x.out", "y.a");
    bench.connect("y.out", "z.a");
    bench.connect("y.b", "z.b");
    bench.dirty();
    bench.events();
    bench.space.remove_node("y").unwrap();
    let told = bench.told();
    assert!(told.contains(&"disconnected x.out to y.a".to_owned()));
    assert!(told.contains(&"disconnected y.b to z.b".to_owned()));
    assert_eq!(told.last().unwrap(), "removed y");
    assert_eq!(json!(bench.space.edges()), json!([]));
    assert_eq!(json!(bench.space.io("z", "a").unwrap())["connected"], false);
    let dirty = bench.dirty();
    assert!(dirty.contains(&Dirty::Node("y".into())) && dirty.contains(&Dirty::Edges));
    assert_eq!(
        bench.space.remove_node("y").unwrap_err().to_string(),
        "there is no node `y` any more"
    );
}

#[tokio::test]
async fn one_output_feeds_so_many_inputs_and_no_more() {
    const INPUTS: usize = 200;
    let names: Vec<_> = (0..INPUTS).map(|n| format!("in{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let bench = Bench::new(vec![sum("one", &["a"]), sum("many", &names)]);
    bench.add("one", "from");
    let nodes = MAX_TARGETS / INPUTS + 1;
    let mut pins = Vec::new();
    for node in 0..nodes {
        let id = format!("to{node}");
        bench.add("many", &id);
        pins.extend(names.iter().map(|name| (id.clone(), (*name).to_owned())));
    }
    let (fit, more) = pins.split_at(MAX_TARGETS);
    let connect =
        |(node, io): &(String, String)| bench.space.add_edge("from", "out", node, io, false);
    for pin in fit {
        connect(pin).unwrap();
    }
    let error = connect(&more[0]).unwrap_err().to_string();
    assert!(error.contains("edges at one output"), "{error}");
    // One that is there already is no further one.
    connect(&fit[0]).unwrap();
}
