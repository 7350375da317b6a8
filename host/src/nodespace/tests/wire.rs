//! What clients see, compared with what a Python Worker was seen to send for the same graph.

use super::*;

const ADD: &str = "07335284ae3f4835a243ccbf858f77fa";
const RUN: &str = "d4b046b1eebc48d7a01c21255185197a";
const COUNT: &str = "b99e45c467c04084850194534a136118";
const INSTANCE: &str = "a9c0d528518a49e9b53631781f3a97d5";

fn level() -> Json {
    json!({"type": "enum", "values": ["lo", "hi"], "keys": ["lo", "hi"], "nullable": false})
}

fn with_default(port: PortSpec, default: Value) -> PortSpec {
    PortSpec {
        default: Some(default.into()),
        ..port
    }
}

fn class_id(method: &str) -> String {
    format!("demo_worker.{INSTANCE}.{method}")
}

/// The example worker that was captured: `add`, `get_count` and `run`, and a shelf of its own.
pub(super) fn demo() -> Shelf {
    let nothing = closure(|_| async { Ok(Ports::new()) });
    let int_out = || vec![port("out", "int")];
    let two = vec![
        port("a", "int"),
        with_default(port("b", "int"), Value::Integer(5)),
    ];
    let add = closure(|inputs| async move { Ok(out(total(&inputs))) });
    let mut add = class(&class_id("add"), two, int_out(), add);
    (add.name, add.class_name) = ("Add".into(), "AddNode".into());
    add.description = Some("Adds two numbers.".into());

    let seven = closure(|_| async { Ok(out(7)) });
    let mut count = class(&class_id("get_count"), vec![], int_out(), seven);
    (count.name, count.class_name) = ("Get_Count".into(), "GetCountNode".into());

    let mode = PortSpec {
        value_options: Some(json!({"options": ["fast", "safe"]})),
        ..with_default(port("mode", "str"), Value::Text("safe".into()))
    };
    let level = PortSpec::new("level", Type::parse(&level()));
    let level = with_default(level, Value::Text("lo".into()));
    let gain = PortSpec::new("gain", Type::parse(&json!({"anyOf": ["float", "None"]})));
    let gain = with_default(gain, Value::None);
    let (inputs, outputs) = (vec![mode, level, gain], vec![port("status", "str")]);
    let mut run = class(&class_id("run"), inputs, outputs, Arc::clone(&nothing));
    (run.name, run.class_name) = ("Run".into(), "RunNode".into());
    run.description = Some("explicit description".into());
    run.render_options = Some(json!({"data": {"src": "status", "type": "text"}}));

    let x = with_default(port("x", "float"), Value::Number(1.0));
    let mut extra = class(
        "demo_shelf_node",
        vec![x],
        vec![port("out", "float")],
        nothing,
    );
    extra.name = "shelf_node".into();
    Shelf {
        subshelves: vec![Shelf {
            name: "extras".into(),
            description: "dynamic".into(),
            ..shelf(vec![extra])
        }],
        ..shelf(vec![add, count, run])
    }
}

pub(super) fn captured() -> Bench {
    let bench = Bench::new(vec![]);
    bench
        .space
        .remove_shelf(&["test"], NodesOnRemoval::Remove)
        .unwrap();
    let path = ["_external_worker", INSTANCE];
    bench.space.put_shelf(&path, demo()).unwrap();
    bench.add(&class_id("add"), ADD);
    bench.add(&class_id("run"), RUN);
    bench.add(&class_id("get_count"), COUNT);
    bench
}

fn io_common(node: &str, id: &str, ty: Json, options: Json) -> Json {
    json!({
        "id": id,
        "full_id": format!("{node}__{id}"),
        "name": id,
        "type": ty,
        "is_input": true,
        "connected": false,
        "node": node,
        "does_trigger": true,
        "render_options": {},
        "value_options": options,
        "hidden": false,
        "emit_value_set": true,
    })
}

fn merged(mut json: Json, more: Json) -> Json {
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    json
}

fn trigger_ports(node: &str) -> [Json; 2] {
    let hidden = json!({"hidden": true, "emit_value_set": false});
    let port = |id| merged(io_common(node, id, json!("Any"), json!({})), hidden.clone());
    let input = json!({"name": "( )", "default": null, "required": false});
    let output = json!({"name": "➡", "is_input": false});
    [
        merged(port("_triggerinput"), input),
        merged(port("_triggeroutput"), output),
    ]
}

fn ready_input(required: bool) -> Json {
    json!({"required": required, "has_value": true, "has_node": true, "ready": true, "connected": false})
}

fn output(has_value: bool) -> Json {
    json!({"has_value": has_value, "has_node": true, "ready": true, "connected": false})
}

/// ex_add_node_run.json
fn captured_run() -> Json {
    let [trigger_input, trigger_output] = trigger_ports(RUN);
    let common = |id, ty, options| io_common(RUN, id, ty, options);
    let gain = json!({"anyOf": ["float", "None"]});
    let set = json!({"node": true, "value": true});
    json!({
        "name": format!("RunNode({RUN})"),
        "id": RUN,
        "node_id": class_id("run"),
        "io": [
            merged(
                common("mode", json!("str"), json!({"options": ["fast", "safe"]})),
                json!({"default": "safe", "required": true}),
            ),
            merged(
                common("level", level(), json!({"options": level()})),
                json!({"default": "lo", "required": true}),
            ),
            merged(common("gain", gain, json!({})), json!({"default": null, "required": true})),
            trigger_input,
            merged(common("status", json!("str"), json!({})), json!({"is_input": false})),
            trigger_output,
        ],
        "status": {
            "ready": true,
            "ready_state": {
                "inputs": {"mode": set, "level": set, "gain": set, "_triggerinput": set},
            },
            "in_trigger": false,
            "requests_trigger": false,
            "inputs": {
                "mode": ready_input(true),
                "level": ready_input(true),
                "gain": ready_input(true),
                "_triggerinput": ready_input(false),
            },
            "outputs": {"status": output(false), "_triggeroutput": output(false)},
        },
        "node_name": "Run",
        "description": "explicit description",
        "reset_inputs_on_trigger": false,
        "render_options": {"data": {"src": "status", "type": "text"}},
    })
}

/// The node of `add` in ex_full_state.json, which has run.
fn captured_add() -> Json {
    let [trigger_input, trigger_output] = trigger_ports(ADD);
    let common = |id| io_common(ADD, id, json!("int"), json!({"step": 1}));
    let set = json!({"node": true, "value": true});
    json!({
        "name": format!("AddNode({ADD})"),
        "id": ADD,
        "node_id": class_id("add"),
        "io": [
            merged(common("a"), json!({"default": "<NoValue>", "required": true})),
            merged(common("b"), json!({"default": 5, "required": true})),
            trigger_input,
            merged(common("out"), json!({"is_input": false})),
            trigger_output,
        ],
        "status": {
            "ready": true,
            "ready_state": {"inputs": {"a": set, "b": set, "_triggerinput": set}},
            "in_trigger": false,
            "requests_trigger": false,
            "inputs": {
                "a": ready_input(true),
                "b": ready_input(true),
                "_triggerinput": ready_input(false),
            },
            "outputs": {"out": output(true), "_triggeroutput": output(true)},
        },
        "node_name": "Add",
        "description": "Adds two numbers.",
        "reset_inputs_on_trigger": false,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_look_as_captured() {
    let bench = captured();
    assert_eq!(json!(bench.space.node(RUN, false).unwrap()), captured_run());
    let added = bench.events().swap_remove(1);
    assert_eq!(
        added.wire(),
        [("node_added", json!({"node": captured_run()}))]
    );
    bench.set(&format!("{ADD}.a"), 3);
    bench.space.idle().await;
    assert_eq!(json!(bench.space.node(ADD, false).unwrap()), captured_add());
    assert_eq!(
        json!(bench.space.status(ADD).unwrap()),
        captured_add()["status"]
    );
    let nodes = json!(bench.space.nodes(true));
    let frontend = json!({"frontend": {"pos": [0, 0], "size": [200, 250]}});
    assert_eq!(nodes[0], merged(captured_add(), frontend.clone()));
    assert_eq!(nodes[1], merged(captured_run(), frontend));
    assert_eq!(
        (
            nodes[2]["description"].clone(),
            nodes.as_array().unwrap().len()
        ),
        (json!(""), 3)
    );
    let values = json!(bench.space.previews(ADD).unwrap());
    let stamp = values["_triggeroutput"].as_f64().unwrap();
    assert_eq!(
        values,
        json!({"a": 3, "b": 5, "_triggerinput": null, "out": 8, "_triggeroutput": stamp})
    );
    assert_eq!(
        json!(bench.space.positions()),
        json!({
            ADD: {"pos": [0, 0], "size": [200, 250]},
            RUN: {"pos": [0, 0], "size": [200, 250]},
            COUNT: {"pos": [0, 0], "size": [200, 250]},
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_library_looks_as_captured() {
    let int = |id: &str| json!({"type": "int", "description": null, "uuid": id});
    let float = |id: &str| json!({"type": "float", "description": null, "uuid": id});
    assert_eq!(
        library(&captured().space),
        json!({"shelves": [{
            "nodes": [],
            "subshelves": [{
                "nodes": [
                    {
                        "node_id": class_id("add"),
                        "inputs": [int("a"), int("b")],
                        "outputs": [int("out")],
                        "description": "Adds two numbers.",
                        "node_name": "Add",
                    },
                    {
                        "node_id": class_id("get_count"),
                        "inputs": [],
                        "outputs": [int("out")],
                        "description": "",
                        "node_name": "Get_Count",
                    },
                    {
                        "node_id": class_id("run"),
                        "inputs": [
                            {"type": "str", "description": null, "uuid": "mode"},
                            {"type": level(), "description": null, "uuid": "level"},
                            {
                                "type": {"anyOf": ["float", "None"]},
                                "description": null,
                                "uuid": "gain",
                            },
                        ],
                        "outputs": [{"type": "str", "description": null, "uuid": "status"}],
                        "description": "explicit description",
                        "node_name": "Run",
                    },
                ],
                "subshelves": [{
                    "nodes": [{
                        "node_id": "demo_shelf_node",
                        "inputs": [float("x")],
                        "outputs": [float("out")],
                        "description": "",
                        "node_name": "shelf_node",
                    }],
                    "subshelves": [],
                    "name": "extras",
                    "description": "dynamic",
                }],
                "name": INSTANCE,
                "description": "",
            }],
            "name": "_external_worker",
            "description": "",
        }]})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_shows_what_is_unusual_about_it() {
    let mut odd = sum("odd", &["a"]);
    odd.reset_inputs_on_trigger = true;
    odd.inputs[0].name = Some("AA".into());
    odd.inputs[0].allow_multiple = Some(true);
    odd.inputs[0].description = Some("a number".into());
    odd.outputs[0].name = Some("out".into());
    let bench = Bench::new(vec![odd]);
    let class = library(&bench.space)["shelves"][0]["nodes"][0].clone();
    assert_eq!(
        class,
        json!({
            "node_id": "odd",
            "inputs": [{
                "type": "int",
                "description": "a number",
                "uuid": "a",
                "name": "AA",
                "allow_multiple": true,
            }],
            "outputs": [{"type": "int", "description": null, "uuid": "out"}],
            "description": "",
            "node_name": "odd",
            "reset_inputs_on_trigger": true,
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_saved_graph_looks_as_captured() {
    let input = json!({"is_input": true, "emit_value_set": true});
    let output = json!({"is_input": false, "emit_value_set": true});
    let fired = json!({"name": "➡", "is_input": false, "hidden": true, "emit_value_set": false});
    let mode = json!({
        "is_input": true,
        "value_options": {"options": ["fast", "safe"]},
        "emit_value_set": true,
    });
    let bench = captured();
    let saved = json!({
        "nodes": [
            {
                "name": format!("AddNode({ADD})"),
                "id": ADD,
                "node_id": class_id("add"),
                "node_name": "Add",
                "io": {"a": input, "b": input, "out": output, "_triggeroutput": fired},
            },
            {
                "name": format!("RunNode({RUN})"),
                "id": RUN,
                "node_id": class_id("run"),
                "node_name": "Run",
                "io": {
                    "mode": mode,
                    "level": input,
                    "gain": input,
                    "status": output,
                    "_triggeroutput": fired,
                },
                "render_options": {"data": {"src": "status", "type": "text"}},
            },
            {
                "name": format!("GetCountNode({COUNT})"),
                "id": COUNT,
                "node_id": class_id("get_count"),
                "node_name": "Get_Count",
                "io": {"out": output, "_triggeroutput": fired},
            },
        ],
        "edges": [],
        "prop": {},
        "groups": {},
    });
    assert_eq!(bench.space.save(), saved);
    assert_eq!(bench.space.save_node(RUN), Some(saved["nodes"][1].clone()));
    assert_eq!(bench.space.save_node("none"), None);
}

/// What Python saved of the same changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_is_saved() {
    let bench = captured();
    let a = json!({"name": "Aaa", "hidden": true});
    bench.space.update_io_options(ADD, "a", &a).unwrap();
    let default = Some(Value::Integer(7));
    bench.space.set_default(ADD, "a", default).unwrap();
    let patch = json!({
        "name": "X",
        "description": "new",
        "reset_inputs_on_trigger": true,
        "properties": {"frontend:pos": [1, 2]},
    });
    let answer = json!({"name": "X", "description": "new", "reset_inputs_on_trigger": true});
    assert_eq!(bench.space.update_node(ADD, &patch), Ok(answer));
    assert_eq!(
        bench.space.save()["nodes"][0],
        json!({
            "name": "X",
            "id": ADD,
            "node_id": class_id("add"),
            "node_name": "Add",
            "io": {
                "a": {
                    "name": "Aaa",
                    "is_input": true,
                    "hidden": true,
                    "emit_value_set": true,
                    "default": 7,
                },
                "b": {"is_input": true, "emit_value_set": true},
                "out": {"is_input": false, "emit_value_set": true},
                "_triggeroutput": {
                    "name": "➡",
                    "is_input": false,
                    "hidden": true,
                    "emit_value_set": false,
                },
            },
            "reset_inputs_on_trigger": true,
            "description": "new",
            "properties": {"frontend:pos": [1, 2]},
        })
    );
    let node = json!(bench.space.node(ADD, true).unwrap());
    assert_eq!(node["properties"], json!({"frontend:pos": [1, 2]}));
    assert_eq!(node["frontend"], json!({"pos": [1, 2], "size": [200, 250]}));
    // An empty name is none.
    let answer = bench.space.update_node(ADD, &json!({"name": " "})).unwrap();
    assert_eq!(answer, json!({"name": format!("AddNode({ADD})")}));
    let io = bench
        .space
        .update_io_options(ADD, "a", &json!({"name": ""}))
        .unwrap();
    assert_eq!(io.name, "a");
    let view = json!({"pos": [5, 6], "size": null});
    bench.space.update_node_view(ADD, &view).unwrap();
    assert_eq!(
        json!(bench.space.positions())[ADD],
        json!({"pos": [5, 6], "size": [200, 250]})
    );
}

/// wire.jsonl: set_io_value, then trigger_node.
#[test]
fn what_a_node_says_of_itself_moves_its_bar() {
    let event = GraphEvent::Progress {
        node: ADD.into(),
        what: "pumping".into(),
        fraction: Some(1.0 / 3.0),
        elapsed: 2.0,
    };
    let (name, data) = event.wire().remove(0);
    let info = &data["info"];
    assert_eq!((name, &info["prefix"]), ("progress", &json!("pumping")));
    assert_eq!((&info["n"], &info["total"]), (&json!(33.3), &json!(100)));
    assert_eq!((&info["unit"], &info["rate"]), (&json!("%"), &json!(16.65)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_sounds_as_captured() {
    let bench = captured();
    bench.events();
    bench.set(&format!("{ADD}.a"), 3);
    bench.space.idle().await;
    let events = bench.events();
    let value = |io: &str, value| GraphEvent::Value {
        node: ADD.into(),
        io: io.into(),
        value: Some(SharedValue::new(Value::Integer(value))),
    };
    assert_eq!(events[0], value("a", 3));
    assert_eq!(events[3], value("out", 8));
    let progress = |prefix: &str, elapsed: Json| {
        let info = json!({
            "n": 0, "total": null, "elapsed": elapsed, "ncols": null, "nrows": null,
            "prefix": prefix, "ascii": false, "unit": "it", "unit_scale": false, "rate": null,
            "bar_format": null, "postfix": null, "unit_divisor": 1000, "initial": 0,
            "colour": null,
        });
        ("progress", json!({"node": ADD, "info": info}))
    };
    let of_node = |name| (name, json!({"node": ADD}));
    let wire: Vec<_> = events.iter().flat_map(GraphEvent::wire).collect();
    let elapsed = wire[3].1["info"]["elapsed"].clone();
    assert!(elapsed.is_f64());
    assert_eq!(
        wire,
        [
            progress("triggering", json!(0)),
            of_node("triggerstart"),
            of_node("triggerdone"),
            progress("idle", elapsed),
        ]
    );
    bench.space.request_trigger(ADD).unwrap();
    bench.space.idle().await;
    let events = bench.events();
    assert_eq!(events[0].wire(), [of_node("triggerfast")]);
    assert_eq!(events[1], value("out", 8));
    assert_eq!(events.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_and_errors_are_told_in_the_words_of_funcnodes() {
    let bench = captured();
    bench.events();
    let edge = bench.space.add_edge(COUNT, "out", ADD, "a", false).unwrap();
    assert_eq!(json!(edge), json!([COUNT, "out", ADD, "a"]));
    assert_eq!(
        json!(bench.space.edges()),
        json!([[COUNT, "out", ADD, "a"]])
    );
    bench.space.remove_edge(COUNT, "out", ADD, "a").unwrap();
    bench.space.add_edge(RUN, "gain", ADD, "a", false).unwrap();
    bench.space.remove_edge(RUN, "gain", ADD, "a").unwrap();
    bench.space.remove_node(COUNT).unwrap();
    let options = json!({"min": 0, "max": 3});
    bench
        .space
        .update_value_options(ADD, "a", &options)
        .unwrap();
    let all: Vec<_> = bench.events().iter().flat_map(GraphEvent::wire).collect();
    let feeds = json!({"node": COUNT, "io": "out", "result": [COUNT, "out", ADD, "a"]});
    let forwards = json!({"node": RUN, "io": "gain", "result": [RUN, "gain", ADD, "a"]});
    let options = json!({"step": 1, "min": 0, "max": 3});
    // What an optional number forwards is not what `a` takes: `gain` is None.
    let error = format!("the input `a` of the node `{ADD}` expects an integer, not None");
    assert_eq!(
        all,
        [
            ("after_connect", feeds.clone()),
            ("after_disconnect", feeds),
            ("after_forward", forwards.clone()),
            (
                "node_trigger_error",
                json!({"node": ADD, "error": error, "tb": [error]})
            ),
            ("after_unforward", forwards),
            ("node_removed", json!({"node": COUNT})),
            (
                "after_update_value_options",
                json!({"node": ADD, "io": "a", "result": options})
            ),
        ]
    );
}
