//! A graph of a node library, built as the web UI builds it.

use external_worker_artifacts::BASIC;
use serde_json::{Value as Json, json};

use super::{Client, Served, open};

async fn node(ui: &mut Client, id: &str) -> String {
    let node = ui.call("add_node", json!({ "id": format!("basic.{id}") }));
    node.await.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn connect(ui: &mut Client, from: &str, to: &str, input: &str) {
    let edge = json!({ "src_nid": from, "src_ioid": "out", "trg_nid": to, "trg_ioid": input });
    ui.call("add_edge", edge).await.unwrap();
}

async fn set(ui: &mut Client, node: &str, input: &str, value: Json) {
    let set = json!({ "nid": node, "ioid": input, "value": value, "set_default": true });
    ui.call("set_io_value", set).await.unwrap();
}

/// Waits until `node` gives `expected`.
async fn gives(ui: &mut Client, node: &str, expected: &str) {
    loop {
        let values = ui.call("get_ios_values", json!({ "nid": node }));
        if values.await.unwrap()["out"] == expected {
            return;
        }
        ui.io_value("out").await;
    }
}

/// Brings the library to a server, and waits for its nodes.
async fn bring(served: &Served, ui: &mut Client) {
    let modules = served.data.path().join("local_workers");
    let aside = modules.join("basic.part");
    std::fs::copy(BASIC, &aside).unwrap();
    std::fs::rename(aside, modules.join("basic.wasm")).unwrap();
    ui.comes("basic.math/add").await;
}

#[tokio::test]
async fn a_graph_is_built_of_it_computes_and_moves_to_another_worker() {
    let served = Served::start().await;
    let mut ui = served.client().await;
    bring(&served, &mut ui).await;
    let library = ui.call("get_library", json!({})).await.unwrap();
    let shelves = library["shelves"].as_array().unwrap();
    assert!(
        shelves.iter().any(|shelf| shelf["name"] == "Basic"),
        "{library}"
    );
    let modules = ui.call("get_worker_dependencies", json!({})).await.unwrap();
    assert_eq!(
        modules.as_array().unwrap().len(),
        1,
        "the probe alone: {modules}"
    );
    let asked = json!({ "module": "basic", "cls_module": "basic", "cls_name": "basic" });
    let refused = ui.call("add_external_worker", asked).await.unwrap_err();
    assert!(refused.contains("is a node library"), "{refused}");

    let number = node(&mut ui, "constants/number").await;
    let product = node(&mut ui, "math/multiply").await;
    let sum = node(&mut ui, "math/add").await;
    let text = node(&mut ui, "text/format_number").await;
    let sentence = node(&mut ui, "text/concatenate").await;
    connect(&mut ui, &number, &product, "a").await;
    connect(&mut ui, &product, &sum, "a").await;
    connect(&mut ui, &sum, &text, "x").await;
    connect(&mut ui, &text, &sentence, "b").await;
    set(&mut ui, &product, "b", json!(1.8)).await;
    set(&mut ui, &sum, "b", json!(32)).await;
    set(&mut ui, &text, "digits", json!(1)).await;
    set(&mut ui, &sentence, "a", json!("F: ")).await;
    set(&mut ui, &number, "value", json!(21.5)).await;
    gives(&mut ui, &sentence, "F: 70.7").await;

    let export = ui.call("export_worker", json!({ "with_files": false }));
    let export = export.await.unwrap();
    let other = Served::start().await;
    let mut there = other.client().await;
    let asked = json!({ "data": export });
    let report = there.call("update_from_export", asked).await.unwrap();
    let missing = &report["missing"][0];
    assert_eq!(
        (&missing["class"], &missing["nodes"]),
        (&json!("basic"), &json!(5)),
        "{report}"
    );
    let progress = there
        .json(|json| {
            let message = json["message"].as_str().unwrap_or_default();
            json["type"] == "progress" && message.starts_with("classes are missing")
        })
        .await;
    assert_eq!(
        progress["message"],
        "classes are missing, and 5 nodes are placeholders: `basic` (5)"
    );
    assert_eq!(progress["status"], "error");

    bring(&other, &mut there).await;
    set(&mut there, &number, "value", json!(100)).await;
    gives(&mut there, &sentence, "F: 212.0").await;
    let edges = there.call("get_edges", json!({})).await.unwrap();
    assert_eq!(edges, ui.call("get_edges", json!({})).await.unwrap());

    // And after a restart.
    let data = other.stop().await;
    let worker = open(data.path()).await;
    assert!(worker.nodespace().placeholders().is_empty());
    assert_eq!(worker.nodespace().node_ids().len(), 5);
}
