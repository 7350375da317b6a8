//! Node libraries: there with their module, the same in every Worker, and nobody's to change.

use external_worker_artifacts::{BASIC, PROBE_LIBRARY, PROBE_UPGRADE};
use external_worker_host::nodespace::Value;
use external_worker_host::worker::import::import;
use external_worker_host::worker::{NewInstance, Worker, WorkerError};
use serde_json::{Value as Json, json};

use super::{Site, notice, until};

fn shelves(worker: &Worker) -> Vec<Json> {
    let library: Json = serde_json::from_str(&worker.nodespace().library_text()).unwrap();
    library["shelves"].as_array().unwrap().clone()
}

fn shelf_names(worker: &Worker) -> Vec<String> {
    let names = shelves(worker).into_iter();
    let mut names: Vec<_> = names
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The id of a new node of a library.
fn node(worker: &Worker, id: &str) -> String {
    let node = worker.nodespace().add_node(id, Default::default()).unwrap();
    node.id.to_string()
}

fn number(n: f64) -> Option<Value> {
    Some(Value::Number(n))
}

/// (3 + 4) * 2, as text, beside the square root of it: six nodes. Returns the one that begins, and the two that
/// end.
async fn graph(worker: &Worker) -> [String; 3] {
    let graph = worker.nodespace();
    let [three, sum, product, text, root, shown] = [
        "basic.constants/number",
        "basic.math/add",
        "basic.math/multiply",
        "basic.text/format_number",
        "basic.math/square_root",
        "basic.text/concatenate",
    ]
    .map(|id| node(worker, id));
    for (from, to, input) in [
        (&three, &sum, "a"),
        (&sum, &product, "a"),
        (&product, &text, "x"),
        (&product, &root, "x"),
        (&text, &shown, "b"),
    ] {
        graph.add_edge(from, "out", to, input, false).unwrap();
    }
    graph.set_value(&sum, "b", number(4.0), true).unwrap();
    graph.set_value(&product, "b", number(2.0), true).unwrap();
    let begins = Some(Value::Text("= ".to_owned()));
    graph.set_value(&shown, "a", begins, true).unwrap();
    graph.set_value(&three, "value", number(3.0), true).unwrap();
    graph.idle().await;
    [three, shown, root]
}

#[tokio::test]
async fn its_nodes_are_there_and_nothing_else_of_it_is() {
    let site = Site::with(&[("tools", BASIC)]).await;
    let worker = &site.worker;
    let [shelf] = &shelves(worker)[..] else {
        panic!("{:?}", shelves(worker))
    };
    assert_eq!(shelf["name"], "Basic");
    assert!(
        shelf["description"]
            .as_str()
            .unwrap()
            .starts_with("Nodes that"),
        "{shelf}"
    );
    let below = shelf["subshelves"].as_array().unwrap();
    let math = below.iter().find(|shelf| shelf["name"] == "math").unwrap();
    assert_eq!(math["nodes"][0]["node_id"], "basic.math/add");
    assert_eq!(math["nodes"][0]["description"], "The sum of two numbers.");

    assert!(!site.has_module("tools"), "there is nothing to add");
    assert!(worker.instances().is_empty());
    let state = json!(worker.shared_state());
    assert_eq!(state["external_workers"], json!({}));
    let added = worker.add_instance("tools", "basic", NewInstance::default());
    let refused = added.await.unwrap_err();
    assert!(matches!(refused, WorkerError::IsLibrary(_)), "{refused}");
    let any = "0".repeat(32);
    let update = worker.update_instance(&any, "basic", Some("Mine"), Some(json!({})));
    for refused in [
        update.await,
        worker.remove_instance(&any, "basic").await,
        worker.restart_instance(&any, "basic").await,
        worker.pause_instance(&any, "basic"),
        worker.form(&any, "basic").map(|_| ()),
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, WorkerError::IsLibrary(_)), "{refused}");
    }
}

#[tokio::test]
async fn a_graph_of_it_goes_into_another_worker_and_computes_there() {
    let site = Site::with(&[("tools", BASIC)]).await;
    let [three, shown, root] = graph(&site.worker).await;
    assert_eq!(site.out(&shown), "= 14");
    assert_eq!(site.out(&root), 14f64.sqrt());
    let export = site.worker.export(false).await.unwrap();
    let read = import(export.clone()).unwrap();
    assert_eq!(read.config["node_libraries"], json!({ "basic": "tools" }));
    assert_eq!(read.config["worker_dependencies"], json!({}));
    assert!(read.state.external_workers.is_empty());

    let other = Site::with(&[("basic", BASIC)]).await;
    let report = other.worker.import(export).await.unwrap();
    assert_eq!((report.nodes, report.edges), (6, 5));
    assert!(report.missing.is_empty(), "{:?}", report.missing);
    let graph = other.worker.nodespace();
    graph.set_value(&three, "value", number(5.0), true).unwrap();
    graph.idle().await;
    assert_eq!(other.out(&shown), "= 18");
    assert_eq!(
        graph.save()["edges"],
        site.worker.nodespace().save()["edges"]
    );

    // It is there after a restart of the host, too.
    let other = other.reopen().await;
    let graph = other.worker.nodespace();
    graph.set_value(&three, "value", number(1.0), true).unwrap();
    graph.idle().await;
    assert_eq!(other.out(&shown), "= 10");
}

#[tokio::test]
async fn what_waits_for_a_library_is_counted_by_it_and_goes_on_with_it() {
    let site = Site::with(&[("tools", BASIC)]).await;
    let [three, shown, _] = graph(&site.worker).await;
    let export = site.worker.export(false).await.unwrap();
    let bare = Site::with(&[]).await;
    let mut events = bare.worker.subscribe();
    let report = bare.worker.import(export).await.unwrap();
    let answer = report.to_json();
    assert_eq!(answer["missing"].as_array().unwrap().len(), 1, "{answer}");
    let missing = &answer["missing"][0];
    assert_eq!(
        (&missing["class"], &missing["module"], &missing["nodes"]),
        (&json!("basic"), &json!("tools"), &json!(6))
    );
    let sentence =
        "6 nodes are placeholders until the node library `basic` of the module `tools` is here";
    assert!(
        missing["message"].as_str().unwrap().starts_with(sentence),
        "{missing}"
    );
    // The last line of the status bar.
    let line = notice(&mut events, "classes are missing").await;
    assert_eq!(
        line,
        "classes are missing, and 6 nodes are placeholders: `basic` (6)"
    );

    bare.put("tools", &std::fs::read(BASIC).unwrap());
    notice(&mut events, "`tools` is new").await;
    let graph = bare.worker.nodespace();
    until(|| graph.placeholders().is_empty()).await;
    graph.set_value(&three, "value", number(0.0), true).unwrap();
    graph.idle().await;
    assert_eq!(bare.out(&shown), "= 8");
}

#[tokio::test]
async fn it_goes_with_its_module_and_its_nodes_wait() {
    let site = Site::with(&[("tools", BASIC)]).await;
    let [three, shown, _] = graph(&site.worker).await;
    let graph = site.worker.nodespace();
    let mut events = site.worker.subscribe();
    site.remove("tools");
    notice(&mut events, "`tools` is gone").await;
    until(|| graph.placeholders().len() == 6).await;
    assert!(shelves(&site.worker).is_empty());
    site.put("tools", &std::fs::read(BASIC).unwrap());
    until(|| graph.placeholders().is_empty()).await;
    graph.set_value(&three, "value", number(3.0), true).unwrap();
    graph.idle().await;
    assert_eq!(site.out(&shown), "= 14");
}

#[tokio::test]
async fn one_that_traps_starts_again_until_it_is_too_often() {
    let site = Site::with(&[]).await;
    site.allow("probe", "[budget]\nrestarts = 1\n");
    let mut events = site.worker.subscribe();
    site.put("probe", &std::fs::read(PROBE_LIBRARY).unwrap());
    notice(&mut events, "`probe` is new").await;
    let graph = site.worker.nodespace();
    until(|| graph.has_class("probe_library.deeper/twice")).await;
    let [calls, fails] =
        ["probe_library.calls", "probe_library.fails"].map(|id| node(&site.worker, id));
    assert_eq!(site.run(&calls).await, 1);
    assert_eq!(site.run(&calls).await, 2);
    graph.trigger(&fails).unwrap();
    let line = notice(&mut events, "it starts again").await;
    assert!(line.contains("the library gave up"), "{line}");
    graph.node_idle(&fails).await;
    assert_eq!(site.run(&calls).await, 1, "it is a new instance");
    graph.trigger(&fails).unwrap();
    let line = notice(&mut events, "it is down").await;
    assert!(line.contains("the library gave up"), "{line}");
    assert!(
        graph.has_class("probe_library.calls"),
        "its nodes say why they do not run"
    );

    // New code brings it back.
    let mut bytes = std::fs::read(PROBE_LIBRARY).unwrap();
    bytes.extend([0, 2, 1, b'n']);
    site.put("probe", &bytes);
    notice(&mut events, "`probe` is changed").await;
    graph.node_idle(&fails).await;
    assert_eq!(site.run(&calls).await, 1);
}

#[tokio::test]
async fn one_that_stops_itself_is_down_and_says_so() {
    let site = Site::with(&[("probe", PROBE_LIBRARY)]).await;
    let mut events = site.worker.subscribe();
    let stops = node(&site.worker, "probe_library.stops");
    site.worker.nodespace().trigger(&stops).unwrap();
    notice(&mut events, "it is down").await;
    assert!(site.worker.nodespace().has_class("probe_library.stops"));
}

#[tokio::test]
async fn none_takes_the_place_of_another() {
    let site = Site::with(&[("basic", BASIC), ("probe", PROBE_LIBRARY)]).await;
    let names = shelf_names(&site.worker);
    let two = |own: &str| names == ["Basic".to_owned(), format!("Basic ({own})")];
    assert!(two("probe_library") || two("basic"), "{names:?}");
    // Beside a library there may be classes of external workers.
    let uuid = site.add("probe", "beside", json!({})).await;
    let one = site.node("beside", &uuid, "one");
    assert_eq!(site.run(&one).await, 1);
    assert_eq!(shelf_names(&site.worker).len(), 3);

    let mut events = site.worker.subscribe();
    site.put("again", &std::fs::read(BASIC).unwrap());
    let line = notice(&mut events, "`again` cannot be used").await;
    assert!(line.contains("`basic`"), "{line}");
    assert!(site.worker.nodespace().has_class("basic.math/add"));
}

#[tokio::test]
async fn a_save_cannot_make_one_an_external_worker() {
    let site = Site::with(&[("basic", BASIC), ("upgrade", PROBE_UPGRADE)]).await;
    let state = json!({"external_workers": {"basic": ["0".repeat(32)]}});
    let report = site.worker.load(state, None).await.unwrap();
    assert_eq!(report.external_workers, 0);
    let [left_out] = &report.left_out.lines[..] else {
        panic!("{:?}", report.left_out)
    };
    assert!(left_out.contains("`basic` is a node library"), "{left_out}");
    assert!(site.worker.instances().is_empty());
}
