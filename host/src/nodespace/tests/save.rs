//! What is saved comes back; what a stranger made up does no harm.

use super::*;
use crate::json as document;
use crate::limits;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_captured_is_loaded_and_saved_as_it_was() {
    let bench = wire::captured();
    let saved = bench.space.save();
    let other = Bench::new(vec![]);
    let path = ["_external_worker", "a9c0d528518a49e9b53631781f3a97d5"];
    other.space.put_shelf(&path, wire::demo()).unwrap();
    let report = other.space.load(&saved).unwrap();
    assert_eq!(
        (report.nodes, report.edges, report.placeholders.len()),
        (3, 0, 0)
    );
    assert_eq!(report.left_out, LeftOut::default());
    assert_eq!(other.space.save(), saved);
    assert_eq!(
        json!(other.space.nodes(true)),
        json!(bench.space.nodes(true))
    );
    assert!(other.dirty().contains(&Dirty::All));
}

fn bench() -> Bench {
    let mut some = sum("some", &["a", "b", "c"]);
    some.inputs[1].default = Some(Value::Integer(1).into());
    some.inputs[1].hidden = true;
    Bench::new(vec![some, sum("sum", &["a"])])
}

/// A graph in which everything that can be changed is.
fn changed() -> Bench {
    let bench = bench();
    let space = &bench.space;
    bench.add("some", "n");
    bench.add("sum", "m");
    bench.add("sum", "k");
    space
        .set_default("n", "a", Some(Value::Integer(7)))
        .unwrap();
    space
        .set_default("n", "b", Some(Value::Integer(8)))
        .unwrap();
    space
        .update_io_options("n", "a", &json!({"name": "A", "hidden": true}))
        .unwrap();
    space
        .update_io_options("n", "b", &json!({"hidden": false}))
        .unwrap();
    space
        .update_value_options("n", "a", &json!({"max": 9}))
        .unwrap();
    space
        .change_io(
            "n",
            "a",
            IoChange::RenderOptions(said(&json!({"type": "x"}))),
        )
        .unwrap();
    let patch = json!({
        "name": "Mine",
        "description": "what it does",
        "reset_inputs_on_trigger": true,
        "properties": {"frontend:pos": [1, 2], "other": {"deep": [null]}},
    });
    space.update_node("n", &patch).unwrap();
    bench.connect("m.out", "n.c");
    bench.connect("m.a", "k.a");
    bench.connect("n._triggeroutput", "k._triggerinput");
    space.group_nodes(&["n".to_owned()], &[]).unwrap();
    bench
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_was_changed_comes_back() {
    let before = changed();
    let mut saved = before.space.save();
    saved["prop"] = json!({"key": 1});
    let after = bench();
    after.events();
    let report = after.space.load(&saved).unwrap();
    assert_eq!((report.nodes, report.edges), (3, 3));
    assert_eq!(after.space.save(), saved);
    assert_eq!(
        json!(after.space.nodes(true)),
        json!(before.space.nodes(true))
    );
    assert_eq!(json!(after.space.properties()), json!({"key": 1}));
    // Nodes are told before their edges.
    let told = after.told();
    assert_eq!(told[..3], ["added n", "added m", "added k"]);
    assert!(told.contains(&"connected m.out to n.c".to_owned()));
    assert_eq!(
        json!(after.space.node("n", false).unwrap())["io"][0]["value_options"]["max"],
        9
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_unknown_classes_keep_everything_until_their_class_comes() {
    let mut saved = changed().space.save();
    // Another implementation may know more about a node than this one.
    saved["nodes"][0]["requirements"] = json!([{"type": "nodeclass"}]);
    saved["nodes"][0]["io"]["a"]["unknown"] = json!({"x": 1});
    let bench = Bench::new(vec![]);
    let report = bench.space.load(&saved).unwrap();
    assert_eq!(
        (report.nodes, report.edges, report.left_out.lines.len()),
        (3, 3, 0)
    );
    let placeholders = [("n", "some"), ("m", "sum"), ("k", "sum")];
    let placeholders = placeholders.map(|(node, class)| (node.to_owned(), class.to_owned()));
    assert_eq!(report.placeholders, placeholders);
    let again = bench.space.save();
    let node = &again["nodes"][0];
    assert_eq!(node["requirements"], saved["nodes"][0]["requirements"]);
    assert_eq!(node["io"]["a"]["unknown"], json!({"x": 1}));
    assert_eq!(node["io"]["a"]["default"], 7);
    assert_eq!(again["edges"], saved["edges"]);
    assert_eq!(again["groups"], saved["groups"]);
    let shown = json!(bench.space.node("n", true).unwrap());
    assert_eq!(shown["name"], "Mine");
    assert_eq!(shown["node_id"], "some");
    assert_eq!(shown["description"], "what it does");
    assert_eq!(shown["frontend"]["pos"], json!([1, 2]));
    let a = json!(bench.space.io("n", "a").unwrap());
    assert_eq!(
        (&a["name"], &a["default"], &a["hidden"]),
        (&json!("A"), &json!(7), &json!(true))
    );
    // A placeholder of a placeholder is the same.
    let second = Bench::new(vec![]);
    second.space.load(&again).unwrap();
    assert_eq!(second.space.save(), again);
    // The classes come.
    let mut some = sum("some", &["a", "b", "c"]);
    some.inputs[1].default = Some(Value::Integer(1).into());
    some.inputs[1].hidden = true;
    bench.events();
    bench
        .space
        .put_shelf(&["x"], shelf(vec![some, sum("sum", &["a"])]))
        .unwrap();
    let mut told = bench.told();
    told.sort();
    assert_eq!(told, ["replaced k", "replaced m", "replaced n"]);
    assert_eq!(json!(bench.space.nodes(true)), changed_nodes());
    bench.set("m.a", 2);
    bench.space.idle().await;
    assert_eq!(bench.value("n.out"), 17);
}

fn changed_nodes() -> Json {
    json!(changed().space.nodes(true))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_funcnodes_saved_are_read() {
    let bench = bench();
    let io =
        json!({"a": {"is_input": true, "value": 3}, "b": {"default": 2, "value": "<NoValue>"}});
    let saved = json!({"nodes": [{"id": "n", "node_id": "some", "io": io}]});
    bench.space.load(&saved).unwrap();
    assert_eq!(
        (bench.value("n.a"), bench.value("n.b")),
        (json!(3), json!(2))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_graph_or_too_much_changes_nothing() {
    let bench = changed();
    let before = bench.space.save();
    for wrong in [
        json!([]),
        json!(null),
        json!({"nodes": vec![1; limits::MAX_NODES + 1]}),
        json!({"edges": vec![1; limits::MAX_EDGES + 1]}),
    ] {
        bench.space.load(&wrong).unwrap_err();
    }
    assert_eq!(bench.space.save(), before);
    assert!(!bench.dirty().contains(&Dirty::All));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_the_wrong_type_are_left_out_and_said() {
    let bench = bench();
    let wrong = json!({
        "nodes": [
            {"id": "n", "node_id": "sum", "io": [], "properties": 1, "name": 7, "unknown": 1},
            {"id": "m", "node_id": "sum", "io": null, "properties": null, "name": null},
        ],
        "edges": {"n": "m"},
        "prop": [1],
        "groups": 3,
    });
    let report = bench.space.load(&wrong).unwrap();
    assert_eq!((report.nodes, report.edges), (2, 0));
    let lines = report.left_out.lines.join("; ");
    for part in ["`edges`", "`prop`", "`n`: `io`", "properties", "groups"] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert_eq!(report.left_out.lines.len(), 5, "{lines}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hostile_in_a_saved_graph_is_left_out() {
    let bench = bench();
    let node = |id: &str, more: Json| {
        let mut node = json!({"id": id, "node_id": "sum"});
        node.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        node
    };
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let many_ports: Map<String, Json> = (0..limits::MAX_PORTS * 2)
        .map(|port| (format!("p{port}"), json!({"is_input": true})))
        .collect();
    let saved = json!({
        "nodes": [
            7,
            {"id": "x"},
            {"id": 1, "node_id": "sum"},
            node("", json!({})),
            node("a\nb", json!({})),
            node(&"x".repeat(limits::MAX_NODE_ID_BYTES + 1), json!({})),
            node("big", json!({"properties": {"a": "x".repeat(limits::MAX_PROPERTIES_BYTES)}})),
            node("deep", json!({"properties": {"a": deep}})),
            node("named", json!({"name": "x".repeat(limits::MAX_NAME_BYTES + 1)})),
            node("fine", json!({"name": "\u{202e}evil", "io": {"a": {"default": "no"}, "b": 3}})),
            node("fine", json!({})),
            node("ports", json!({"node_id": "unknown", "io": many_ports})),
        ],
        "edges": [
            1,
            ["fine"],
            ["fine", "out", "gone", "a"],
            ["fine", "out", "fine", "a"],
            ["fine", "none", "ports", "p1"],
            ["fine", "out", "ports", "p1"],
            ["fine", "out", "ports", "p1"],
            ["fine", "out", "ports", "made-up"],
        ],
        "groups": [],
    });
    let report = bench.space.load(&saved).unwrap();
    let ids = ["big", "deep", "named", "fine", "ports"];
    assert_eq!(bench.space.node_ids(), ids.map(Arc::from));
    assert_eq!((report.nodes, report.placeholders.len()), (5, 1));
    let name = json!(bench.space.node("fine", false).unwrap())["name"].clone();
    assert_eq!(name, "\u{fffd}evil");
    assert_eq!(
        json!(bench.space.io("fine", "a").unwrap())["default"],
        NO_VALUE
    );
    let ports = bench.space.values("ports").unwrap().len();
    assert!(ports <= limits::MAX_PORTS + 2, "{ports}");
    assert_eq!(
        json!(bench.space.edges()),
        json!([["fine", "out", "ports", "p1"]])
    );
    let problems = &report.left_out.lines;
    assert!(problems.iter().all(|problem| problem.len() < 1000));
    for id in ["big", "deep", "named"] {
        let reported = problems
            .iter()
            .any(|line| line.contains(&format!("`{id}`")));
        assert!(reported, "{id}: {problems:?}");
    }
    let flood = json!({"nodes": vec![1; 1000]});
    let report = bench.space.load(&flood).unwrap();
    let left_out = report.left_out;
    assert_eq!(left_out.lines.len(), limits::MAX_LOAD_PROBLEMS);
    assert_eq!(left_out.more, 1000 - limits::MAX_LOAD_PROBLEMS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_sends_is_checked_before_anything_is_changed() {
    let bench = changed();
    let before = json!(bench.space.node("n", true).unwrap());
    for patch in [
        json!({"name": 7}),
        json!({"name": "ok", "description": 7}),
        json!({"name": "ok", "reset_inputs_on_trigger": "yes"}),
        json!({"name": "x".repeat(limits::MAX_NAME_BYTES + 1)}),
        json!({"description": "x".repeat(limits::MAX_TEXT_BYTES + 1)}),
        json!({"name": "ok", "properties": []}),
        json!({"name": "ok", "properties": {"a": "x".repeat(limits::MAX_PROPERTIES_BYTES)}}),
    ] {
        bench.space.update_node("n", &patch).unwrap_err();
    }
    let taken = NewNode {
        id: Some("n".into()),
        ..NewNode::default()
    };
    assert_eq!(
        bench.space.add_node("sum", taken).unwrap_err().to_string(),
        "there is a node `n` already"
    );
    let bad_value = NewNode {
        values: vec![("a".into(), Value::Text("no".into()))],
        ..NewNode::default()
    };
    bench.space.add_node("sum", bad_value).unwrap_err();
    assert_eq!(json!(bench.space.node("n", true).unwrap()), before);
    assert_eq!(bench.space.node_ids().len(), 3);
    let evil = bench.space.remove_node("\u{1b}[2J").unwrap_err();
    assert_eq!(evil.to_string(), "there is no node `\u{fffd}[2J`");
}

/// Documents with every kind of number at every depth, the same ones each time.
fn documents(count: usize) -> Vec<Json> {
    fn document(next: &mut impl FnMut() -> u64, depth: u64) -> Json {
        let items =
            |next: &mut _| -> Vec<Json> { (0..3).map(|_| document(next, depth + 1)).collect() };
        match next() % if depth < 4 { 9 } else { 7 } {
            0 => Json::Null,
            1 => json!(next().is_multiple_of(2)),
            2 => json!(next() as i64),
            3 => json!(next()),
            4 => document::number(f64::from_bits(next())),
            5 => {
                let odd = [
                    "NaN",
                    "Infinity",
                    "-Infinity",
                    "-0.0",
                    "1e400",
                    "-99999999999999999999",
                ];
                let digits = format!("{}{}", next() | (1 << 63), next());
                let odd = odd.into_iter().chain([&digits[..]]);
                let text = odd.cycle().nth(next() as usize % 7).unwrap_or_default();
                document::parse(text.as_bytes()).unwrap()
            }
            6 => json!(["NaN", "", "\u{f8ff}NaN", "é\"\\"][next() as usize % 4]),
            7 => Json::Array(items(next)),
            _ => {
                let keys = ["NaN", "a", ""].map(str::to_owned).into_iter();
                Json::Object(keys.zip(items(next)).collect())
            }
        }
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(|_| document(&mut next, 0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_value_is_it_is_the_same_after_it_was_saved() {
    let bench = || {
        let nothing = closure(|_| async { Ok(Vec::new()) });
        let any = class("any", vec![port("a", "Any")], vec![], nothing);
        Bench::new(vec![any])
    };
    let (before, after) = (bench(), bench());
    before.add("any", "n");
    let documents = documents(2_000);
    assert!(
        documents
            .iter()
            .any(|json| document::to_text(json) == "-Infinity")
    );
    for json in documents {
        let value = Value::from_wire(json.clone());
        before.space.set_default("n", "a", value).unwrap();
        let saved = document::to_text(&before.space.save());
        let read = document::parse(saved.as_bytes()).unwrap();
        let report = after.space.load(&read).unwrap();
        assert_eq!(report.left_out, LeftOut::default(), "{saved}");
        // As text: there -0.0 is not 0.0.
        assert_eq!(document::to_text(&after.space.save()), saved);
        let value = after.space.value("n", "a").unwrap().unwrap();
        assert_eq!(
            document::to_text(&value.to_json()),
            document::to_text(&json)
        );
    }
}
