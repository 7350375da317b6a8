//! External workers in a Worker: added, used as nodes, changed, trapped, removed.

use external_worker_artifacts::{CACHE, PROBE_HOST, PROBE_TRAPS};
use external_worker_host::nodespace::{GraphEvent, Value};
use external_worker_host::worker::{NewInstance, Worker, WorkerError, WorkerEvent};
use external_worker_tests::wait_for;
use serde_json::{Value as Json, json};

use super::{Site, nothing, notice, until};

fn library(worker: &Worker) -> Json {
    serde_json::from_str(&worker.nodespace().library_text()).unwrap()
}

fn integer(n: i64) -> Option<Value> {
    Some(Value::Integer(n))
}

#[tokio::test]
async fn its_methods_are_nodes_on_a_shelf_of_its_own() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let library = library(&site.worker);
    let shelf = &library["shelves"][0];
    assert_eq!(shelf["name"], "_external_worker");
    let own = &shelf["subshelves"][0];
    assert_eq!(own["name"], uuid.as_str());
    let ids = own["nodes"].as_array().unwrap().iter();
    let ids: Vec<_> = ids.map(|node| node["node_id"].as_str().unwrap()).collect();
    assert!(
        ids.contains(&format!("probe.{uuid}.applied").as_str()),
        "{ids:?}"
    );
    assert_eq!(own["subshelves"][0]["name"], "extras");
    assert_eq!(own["subshelves"][0]["subshelves"][0]["name"], "more");

    let applied = site.node("probe", &uuid, "applied");
    assert_eq!(site.run(&applied).await, 1);
    let double = site.node("probe", &uuid, "extras/more/double");
    let graph = site.worker.nodespace();
    graph.set_value(&double, "x", integer(21), false).unwrap();
    graph.node_idle(&double).await;
    assert_eq!(site.out(&double), 42);
}

#[tokio::test]
async fn a_new_configuration_shows_in_its_nodes_shelf_and_form() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", json!({ "number": 3 })).await;
    let applied = site.node("probe", &uuid, "applied");
    let worker = &site.worker;
    let update = |config| worker.update_instance(&uuid, "probe", Some("My probe"), Some(config));
    update(json!({ "number": 0 })).await.unwrap();
    assert_eq!(site.run(&applied).await, 0);
    let form = json!(worker.form(&uuid, "probe").unwrap());
    assert_eq!(form["formData"]["number"], 0);
    assert_eq!(form["jsonSchema"]["type"], "object");
    assert_eq!(site.seen(&uuid).unwrap()["name"], "My probe");
    // The probe offers no shelf when its number is 0.
    let library = library(worker);
    assert_eq!(
        library["shelves"][0]["subshelves"][0]["subshelves"],
        json!([])
    );

    let refused =
        worker.update_instance(&uuid, "probe", Some("Other"), Some(json!({ "number": 13 })));
    refused.await.unwrap_err();
    assert_eq!(site.run(&applied).await, 0);
    assert_eq!(
        site.seen(&uuid).unwrap()["name"],
        "My probe",
        "all or nothing"
    );
}

#[tokio::test]
async fn more_nodes_at_once_than_it_runs_calls_wait_for_each_other() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let graph = site.worker.nodespace();
    // More than the calls that it runs at once, and than its mailbox holds.
    let nodes: Vec<_> = (0..400)
        .map(|_| site.node("probe", &uuid, "wait"))
        .collect();
    for node in &nodes {
        graph.set_value(node, "ms", integer(20), false).unwrap();
    }
    graph.idle().await;
    let done = nodes.iter().filter(|node| site.out(node) == 20).count();
    assert_eq!(done, nodes.len());
}

#[tokio::test]
async fn what_cannot_be_added_leaves_nothing() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let worker = &site.worker;
    let add = |module, class, new| worker.add_instance(module, class, new);
    let wrong = |config| NewInstance {
        config: Some(config),
        ..NewInstance::default()
    };
    let named = |uuid: &str| NewInstance {
        uuid: Some(uuid.to_owned()),
        ..NewInstance::default()
    };
    let error = add("nope", "Y", NewInstance::default()).await.unwrap_err();
    assert_eq!(error.public(), "Worker Y not found in nope");
    add("probe", "probe", wrong(json!({ "number": "x" })))
        .await
        .unwrap_err();
    add("probe", "probe", wrong(json!({ "fail_start": true })))
        .await
        .unwrap_err();
    add("probe", "probe", named("../../etc")).await.unwrap_err();
    let uuid = "0123456789abcdef0123456789abcdef";
    add("probe", "probe", named(uuid)).await.unwrap();
    let twice = add("probe", "probe", named(uuid)).await.unwrap_err();
    assert!(matches!(twice, WorkerError::Uuid { .. }), "{twice}");
    let classes = json!(worker.modules());
    let instances = &classes[0]["worker_classes"][0]["instances"];
    assert_eq!(instances.as_array().unwrap().len(), 1);
    let gone = worker.remove_instance("nope", "probe").await.unwrap_err();
    assert_eq!(gone.public(), "Worker nope not found");
}

#[tokio::test]
async fn removal_takes_nodes_edges_shelf_and_classes_along() {
    let site = Site::with(&[("probe", PROBE_HOST), ("cache", CACHE)]).await;
    let probe = site.add("probe", "probe", nothing()).await;
    let cache = site.add("cache", "cache", nothing()).await;
    let graph = site.worker.nodespace();
    let from = site.node("probe", &probe, "applied");
    let to = site.node("cache", &cache, "put");
    graph.add_edge(&from, "out", &to, "value", false).unwrap();
    site.worker.remove_instance(&probe, "probe").await.unwrap();
    let ids: Vec<_> = graph.node_ids().iter().map(ToString::to_string).collect();
    assert_eq!(ids, [to]);
    assert_eq!(json!(graph.edges()), json!([]));
    assert!(!graph.library_text().contains(&probe));
    assert!(!graph.has_class(&format!("probe.{probe}.applied")));
    assert!(site.seen(&probe).is_none() && site.seen(&cache).is_some());
    site.worker
        .remove_instance(&probe, "probe")
        .await
        .unwrap_err();
}

#[tokio::test]
async fn the_guest_changes_its_own_nodes_and_triggers_them() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let graph = site.worker.nodespace();
    let pick = site.node("probe", &uuid, "pick");
    let refresh = site.node("probe", &uuid, "refresh");
    let options = Value::from_json(json!(["a", "b"]));
    graph
        .set_value(&refresh, "options", options, false)
        .unwrap();
    until(|| {
        let item = json!(graph.io(&pick, "item").unwrap());
        item["value_options"]["options"] == json!(["a", "b"])
    })
    .await;
    until(|| graph.preview(&pick, "item").unwrap() == "a").await;
    graph.node_idle(&refresh).await;
    // What was set at the class holds for new nodes.
    let later = site.node("probe", &uuid, "pick");
    let item = json!(graph.io(&later, "item").unwrap());
    assert_eq!(item["value_options"]["options"], json!(["a", "b"]));
    assert_eq!(item["default"], "b");

    let status = site.node("probe", &uuid, "status");
    let call_status = site.node("probe", &uuid, "call_status");
    graph.trigger(&call_status).unwrap();
    until(|| graph.preview(&status, "out").unwrap() == "ok").await;
}

#[tokio::test]
async fn one_that_traps_comes_back_with_its_uuid_and_nodes() {
    let site = Site::with(&[("traps", PROBE_TRAPS)]).await;
    let uuid = site.add("traps", "traps", nothing()).await;
    let count = site.node("traps", &uuid, "count");
    let panic = site.node("traps", &uuid, "panic");
    assert_eq!(site.run(&count).await, 1);
    assert_eq!(site.run(&count).await, 2);
    let mut events = site.worker.subscribe();
    site.worker.nodespace().trigger(&panic).unwrap();
    let line = notice(&mut events, "starts again").await;
    assert!(line.contains("the guest gave up"), "{line}");
    site.worker.nodespace().node_idle(&panic).await;
    let status = json!(site.worker.nodespace().status(&panic).unwrap());
    assert!(status.to_string().contains("the guest gave up"), "{status}");
    assert_eq!(site.run(&count).await, 1, "its memory is new");
    assert_eq!(site.seen(&uuid).unwrap()["running"], true);
}

#[tokio::test]
async fn one_that_is_down_says_so_and_can_be_started_again() {
    let site = Site::with(&[("traps", PROBE_TRAPS)]).await;
    std::fs::create_dir_all(site.dir.path().join("policies")).unwrap();
    let uuid = site.add("traps", "traps", nothing()).await;
    let count = site.node("traps", &uuid, "count");
    let panic = site.node("traps", &uuid, "panic");
    let mut events = site.worker.subscribe();
    while site.seen(&uuid).unwrap()["running"] == true {
        let _ = site.run(&panic).await;
    }
    notice(&mut events, "it is down").await;
    site.worker.nodespace().trigger(&count).unwrap();
    site.worker.nodespace().node_idle(&count).await;
    let status = json!(site.worker.nodespace().status(&count).unwrap());
    assert!(status.to_string().contains("the guest gave up"), "{status}");
    site.worker.restart_instance(&uuid, "traps").await.unwrap();
    assert_eq!(site.run(&count).await, 1);
}

#[tokio::test]
async fn one_that_stops_itself_is_gone() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let leave = site.node("probe", &uuid, "leave");
    let mut events = site.worker.subscribe();
    site.worker.nodespace().trigger(&leave).unwrap();
    wait_for(&mut events, |event| match event {
        WorkerEvent::Worker { event, .. } if event == "external_worker_update" => Some(()),
        _ => None,
    })
    .await;
    until(|| site.seen(&uuid).is_none()).await;
    assert!(site.worker.nodespace().node_ids().is_empty());
}

#[tokio::test]
async fn a_paused_loop_rests_and_goes_on() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let turns = site.node("probe", &uuid, "turns");
    site.worker.pause_instance(&uuid, "probe").unwrap();
    let wait = site.node("probe", &uuid, "wait");
    let graph = site.worker.nodespace();
    graph.set_value(&wait, "ms", integer(20), false).unwrap();
    graph.node_idle(&wait).await;
    let before = site.run(&turns).await;
    graph.set_value(&wait, "ms", integer(21), false).unwrap();
    graph.node_idle(&wait).await;
    assert_eq!(site.run(&turns).await, before);
    site.worker.resume_instance(&uuid, "probe").unwrap();
    while site.run(&turns).await == before {}
}

#[tokio::test]
async fn what_a_device_took_is_shown_and_commands_it_no_more() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let node = site.node("probe", &uuid, "drive");
    let mut events = site.worker.subscribe();
    let graph = site.worker.nodespace();
    graph
        .set_value(&node, "rpm", Value::Number(1.4), false)
        .unwrap();
    let shown = wait_for(&mut events, |event| match event {
        WorkerEvent::Graph(GraphEvent::Value { io, value, .. }) if &**io == "rpm" => {
            let is_shown = value.as_deref() == Some(&Value::Number(1.0));
            is_shown.then_some(())
        }
        _ => None,
    });
    shown.await;
    graph.node_idle(&node).await;
    assert_eq!(site.out(&node), 1);
    graph
        .set_value(&node, "rpm", Value::Number(2.0), false)
        .unwrap();
    graph.node_idle(&node).await;
    assert_eq!(site.out(&node), 2, "a client commands it");
}

#[tokio::test]
async fn a_shelf_is_read_again_now_and_then_however_often_its_guest_asks() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let policy = "[budget]\nevents-per-second = 1000\n";
    site.allow("probe", policy);
    let uuid = site.add("probe", "probe", nothing()).await;
    let shout = site.node("probe", &uuid, "shout");
    let graph = site.worker.nodespace();
    let nodes_update = Value::Text("nodes_update".into());
    graph
        .set_value(&shout, "event", Some(nodes_update), false)
        .unwrap();
    graph.set_value(&shout, "data", integer(0), false).unwrap();
    let mut events = site.worker.subscribe();
    const ASKED: usize = 200;
    for _ in 0..ASKED {
        graph.trigger(&shout).unwrap();
        graph.node_idle(&shout).await;
    }
    let changed = Value::Text("changed".into());
    graph
        .set_value(&shout, "event", Some(changed), false)
        .unwrap();
    graph.trigger(&shout).unwrap();
    let mut read = 0;
    let mut is_over = false;
    // One that was read just before is read again only after a while, but it is.
    while !is_over || read == 0 {
        match &*events.recv().await.unwrap() {
            WorkerEvent::Worker { event, .. } if event == "lib_update" => read += 1,
            WorkerEvent::Guest { event, .. } if event == "changed" => is_over = true,
            _ => {}
        }
    }
    assert!(read * 4 < ASKED, "read {read} times");
}
