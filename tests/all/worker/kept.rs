//! What is saved is there again: after a clean end, and when what it needs comes later.

use std::os::unix::fs::PermissionsExt;

use external_worker_artifacts::{CACHE, PROBE_HOST, PROBE_UPGRADE};
use external_worker_host::nodespace::Value;
use external_worker_host::worker::{NewInstance, WorkerError};
use serde_json::json;

use super::{Site, nothing, notice, open};

#[tokio::test]
async fn a_worker_comes_back_as_it_was() {
    let site = Site::with(&[("probe", PROBE_HOST), ("cache", CACHE)]).await;
    let uuid = site
        .add("probe", "probe", json!({ "number": 5, "token": "s3cr3t" }))
        .await;
    let rename = site
        .worker
        .update_instance(&uuid, "probe", Some("Mine"), None);
    rename.await.unwrap();
    let cache = site.add("cache", "cache", nothing()).await;
    site.worker.pause_instance(&cache, "cache").unwrap();
    let from = site.node("probe", &uuid, "applied");
    let to = site.node("cache", &cache, "put");
    let graph = site.worker.nodespace();
    graph.add_edge(&from, "out", &to, "value", false).unwrap();
    let key = Some(Value::Text("k".to_owned()));
    graph.set_value(&to, "key", key, true).unwrap();
    graph
        .update_node(&to, &json!({ "name": "Keeper" }))
        .unwrap();
    site.worker.saved().await.unwrap();
    let id = site.worker.uuid();

    let site = site.reopen().await;
    assert_eq!(site.worker.uuid(), id);
    let seen = site.seen(&uuid).unwrap();
    assert_eq!(
        (&seen["name"], &seen["running"]),
        (&json!("Mine"), &json!(true))
    );
    let form = json!(site.worker.form(&uuid, "probe").unwrap());
    assert_eq!(form["formData"]["token"], "s3cr3t", "saves keep secrets");
    let graph = site.worker.nodespace();
    assert_eq!(json!(graph.edges()).as_array().unwrap().len(), 1);
    assert_eq!(json!(graph.node(&to, false).unwrap())["name"], "Keeper");
    assert_eq!(json!(graph.io(&to, "key").unwrap())["default"], "k");
    assert_eq!(site.run(&from).await, 5);
    graph.idle().await;
    let stats = site.node("cache", &cache, "stats");
    graph.trigger(&stats).unwrap();
    graph.node_idle(&stats).await;
    assert_eq!(graph.preview(&stats, "entries").unwrap(), 1);
    for file in std::fs::read_dir(site.dir.path()).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("state.db") {
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file:?}");
        }
    }
}

#[tokio::test]
async fn what_a_guest_saves_of_itself_is_there_after_a_clean_end() {
    let site = Site::with(&[("up", PROBE_UPGRADE)]).await;
    let uuid = site.add("up", "upgrade", nothing()).await;
    let bump = site.node("upgrade", &uuid, "bump");
    let graph = site.worker.nodespace();
    let by = Some(Value::Integer(40));
    graph.set_value(&bump, "by", by, true).unwrap();
    graph.node_idle(&bump).await;
    assert_eq!(site.out(&bump), 40);
    let site = site.reopen().await;
    assert_eq!(site.run(&bump).await, 80);
}

#[tokio::test]
async fn nodes_without_their_module_keep_their_data_until_it_is_back() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", json!({ "number": 9 })).await;
    let applied = site.node("probe", &uuid, "applied");
    let moved = json!({ "properties": { "frontend:pos": [3, 4] } });
    site.worker
        .nodespace()
        .update_node(&applied, &moved)
        .unwrap();
    site.remove("probe");
    let site = site.reopen().await;
    assert!(site.worker.nodespace().trigger(&applied).is_err());
    let state = json!(site.worker.shared_state()).to_string();
    assert!(
        state.contains(&applied) && state.contains("frontend:pos"),
        "{state}"
    );
    let site = site.reopen().await;
    let mut events = site.worker.subscribe();
    site.put("probe", &std::fs::read(PROBE_HOST).unwrap());
    notice(&mut events, "`probe` is new").await;
    assert_eq!(site.run(&applied).await, 9);
    let node = json!(site.worker.nodespace().node(&applied, true).unwrap());
    assert!(node.to_string().contains("[3,4]"), "{node}");
}

#[tokio::test]
async fn an_export_is_taken_in_elsewhere_with_the_same_uuids() {
    let here = Site::with(&[("probe", PROBE_HOST)]).await;
    let new = NewInstance {
        name: Some("Travels".to_owned()),
        config: Some(json!({ "turn_ms": 5, "token": "s3cr3t" })),
        ..NewInstance::default()
    };
    let added = here
        .worker
        .add_instance("probe", "probe", new)
        .await
        .unwrap();
    let uuid = &added.uuid;
    let applied = here.node("probe", uuid, "applied");
    std::fs::write(here.worker.data_dir().files().join("note.txt"), "hello").unwrap();
    let zip = here.worker.export(true).await.unwrap();
    assert!(!zip.windows(6).any(|bytes| bytes == b"s3cr3t"));

    let there = Site::with(&[("other_name", PROBE_HOST)]).await;
    there.worker.import(zip).await.unwrap();
    let seen = there.seen(uuid).unwrap();
    assert_eq!(
        (&seen["name"], &seen["running"]),
        (&json!("Travels"), &json!(true))
    );
    assert_eq!(seen["config"]["turn_ms"], 5);
    assert_eq!(
        there.run(&applied).await,
        1,
        "what was left out has its default"
    );
    let note = std::fs::read(there.worker.data_dir().files().join("note.txt")).unwrap();
    assert_eq!(note, b"hello");
    let there = there.reopen().await;
    assert_eq!(there.run(&applied).await, 1);
    there
        .worker
        .import(b"PK no zip".to_vec())
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_cleared_graph_stays_clear() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    site.node("probe", &uuid, "applied");
    site.worker.saved().await.unwrap();
    site.worker.clear();
    let site = site.reopen().await;
    assert!(site.worker.nodespace().node_ids().is_empty());
    assert!(site.seen(&uuid).is_some());
}

#[tokio::test]
async fn one_directory_has_one_host() {
    let site = Site::with(&[]).await;
    let options = external_worker_host::worker::WorkerOptions {
        data: site.dir.path().to_owned(),
        name: None,
        policy: external_worker_host::policy::Policy::default().into(),
        engine: external_worker_tests::engine().clone(),
        auditor: Default::default(),
        quotas: external_worker_host::worker::Quotas::default(),
        secrets: Default::default(),
    };
    let second = external_worker_host::worker::Worker::open(options).await;
    assert!(matches!(second, Err(WorkerError::Store(_))), "{second:?}");
    site.worker
        .close(external_worker_tests::PATIENCE)
        .await
        .unwrap();
    let _third = open(site.dir.path()).await;
}
