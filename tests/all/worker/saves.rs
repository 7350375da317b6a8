//! Saves as they really are: of Python Workers, with numbers that JSON does not have, with parts that are
//! wrong, and of flows whose nodes this host does not have.

use std::io::{Cursor, Write};

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::json as document;
use external_worker_host::nodespace::Value;
use external_worker_host::worker::import::import;
use serde_json::{Value as Json, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Site, nothing, notice};

/// An export as a Python Worker writes it.
fn export(config: &Json, state: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("config", config.to_string()), ("state", state.to_owned())] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A flow of nodes of Python libraries: numbers into a sum, and a plot of it.
const FLOW: &str = r#"{
    "backend": {
        "nodes": [
            {"name": "Number", "id": "a1", "node_id": "basic_input.float", "node_name": "Number",
             "io": {"value": {"is_input": true, "default": -Infinity, "emit_value_set": true},
                    "out": {"is_input": false, "emit_value_set": true}}},
            {"name": "Sum", "id": "b2", "node_id": "math.sum", "node_name": "Sum",
             "io": {"values": {"is_input": true, "value_options": {"min": NaN}, "unit": {"si": "m"}},
                    "weights": {"is_input": true, "default": [NaN, 123456789012345678901234567890, -0.0]},
                    "out": {"is_input": false}},
             "requirements": [{"package": "funcnodes-basic"}]},
            {"name": "Plot", "id": "c3", "node_id": "plotly.express.scatter", "node_name": "Plot",
             "io": {"figure": {"is_input": false}}, "render_options": {"data": {"type": "plotly"}}}
        ],
        "edges": [["a1", "out", "b2", "values"], ["b2", "out", "c3", "y"], ["b2", "out", "gone", "x"]],
        "prop": {"mine": {"of": "people"}},
        "groups": {}
    },
    "view": {"renderoptions": {}, "nodes": {"a1": {"pos": [10.5, -20], "size": [200, 100]}}},
    "meta": {"id": "0123456789abcdef0123456789abcdef", "version": "2.4.0"},
    "external_workers": {"pump": ["00000000000000000000000000000001"]}
}"#;

fn config() -> Json {
    json!({
        "type": "WSWorker", "name": "flow",
        "package_dependencies": {
            "funcnodes-basic": {"package": "funcnodes-basic", "version": "1.0.1"},
            "funcnodes-plotly": {"package": "funcnodes-plotly", "version": null},
        },
        "worker_dependencies": {"lab": {"module": "lab", "worker_classes": [
            {"module": "lab", "class_name": "Pump", "instances": [
                {"uuid": "00000000000000000000000000000001", "nodeclassid": "pump"}]}]}},
    })
}

#[tokio::test]
async fn a_flow_of_other_libraries_comes_in_with_a_report_and_goes_out_whole() {
    let site = Site::with(&[]).await;
    let mut events = site.worker.subscribe();
    let report = site.worker.import(export(&config(), FLOW)).await.unwrap();
    assert_eq!(
        (report.nodes, report.edges, report.external_workers),
        (3, 2, 1)
    );
    let missing: Vec<_> = report.missing.iter().map(|it| &it.class[..]).collect();
    assert_eq!(
        missing,
        [
            "basic_input.float",
            "math.sum",
            "plotly.express.scatter",
            "pump"
        ]
    );
    assert_eq!(report.missing[3].module.as_deref(), Some("lab"));
    let [left_out] = &report.left_out.lines[..] else {
        panic!("{:?}", report.left_out)
    };
    assert!(left_out.contains("`gone`"), "{left_out}");
    notice(&mut events, "`math.sum` is here").await;
    let graph = site.worker.nodespace();
    let shown = json!(graph.node("a1", true).unwrap());
    assert_eq!(shown["frontend"]["pos"], json!([10.5, -20]));
    let description = shown["description"].as_str().unwrap();
    assert!(
        description.contains("`basic_input.float` is not here"),
        "{description}"
    );

    // What went in comes out, also after a restart.
    let site = site.reopen().await;
    let again = import(site.worker.export(false).await.unwrap()).unwrap();
    assert_eq!(
        again.config["package_dependencies"],
        config()["package_dependencies"]
    );
    let saved = document::parse(FLOW.as_bytes()).unwrap();
    let nodes = again.state.backend["nodes"].as_array().unwrap();
    for (node, before) in nodes
        .iter()
        .zip(saved["backend"]["nodes"].as_array().unwrap())
    {
        for (key, value) in before.as_object().unwrap() {
            if key != "io" {
                assert_eq!(&node[key], value, "{key}");
            }
        }
        for (io, before) in before["io"].as_object().unwrap() {
            for (key, value) in before.as_object().unwrap() {
                assert_eq!(&node["io"][io][key], value, "{io}.{key}");
            }
        }
    }
    assert_eq!(again.state.backend["edges"].as_array().unwrap().len(), 2);
    assert_eq!(again.state.backend["prop"], saved["backend"]["prop"]);
    let instances = &again.state.external_workers["pump"];
    assert_eq!(instances[0].uuid, "00000000000000000000000000000001");
}

#[tokio::test]
async fn a_save_whose_parts_are_wrong_is_loaded_without_them() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = "0123456789abcdef0123456789abcdef";
    let state = json!({
        "backend": {
            "nodes": [
                17,
                {"id": "n", "node_id": format!("probe.{uuid}.applied"), "io": {"out": []}, "name": 3},
                {"id": "n", "node_id": "twice"},
            ],
            "edges": "none",
        },
        "external_workers": {
            "probe": [uuid, {"uuid": uuid}, {"uuid": "no uuid"}, {"config": {}},
                      {"uuid": "00000000000000000000000000000002", "config": null, "name": [1]}],
            "other": {"uuid": uuid},
        },
        "unknown": "member",
    });
    let report = site.worker.load(state, None).await.unwrap();
    assert_eq!((report.nodes, report.external_workers), (1, 2));
    assert_eq!(report.missing, []);
    let lines = report.left_out.lines.join("\n");
    for part in [
        "node 0",
        "node 2",
        "`edges`",
        "probe[1]",
        "`no uuid`",
        "probe[3]",
        "probe[4]",
        "other",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert_eq!(site.run("n").await, 1);
    for uuid in [uuid, "00000000000000000000000000000002"] {
        assert_eq!(site.seen(uuid).unwrap()["running"], true);
    }
    site.worker
        .load(json!({"of": "something else"}), None)
        .await
        .unwrap_err();
    site.worker.load(json!([]), None).await.unwrap_err();
    assert_eq!(site.run("n").await, 1, "what is no save changes nothing");
}

#[tokio::test]
async fn numbers_that_json_does_not_have_are_there_after_a_restart() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let node = site.node("probe", &uuid, "echo");
    let mut site = site;
    for text in [
        "-Infinity",
        "NaN",
        "-0.0",
        "[1.5,NaN,{\"a\":[Infinity,-Infinity]}]",
        "9007199254740993",
        "123456789012345678901234567890",
        "[18446744073709551615,-9223372036854775809,0.1]",
    ] {
        let value = Value::from_wire(document::parse(text.as_bytes()).unwrap());
        let graph = site.worker.nodespace();
        graph.set_value(&node, "value", value, true).unwrap();
        site.worker.saved().await.unwrap();
        site = site.reopen().await;
        let value = site
            .worker
            .nodespace()
            .value(&node, "value")
            .unwrap()
            .unwrap();
        assert_eq!(document::to_text(&value.to_json()), text);
    }
}
