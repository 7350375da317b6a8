//! One answer for each request, to whoever asked, whatever else happens.

use std::collections::HashSet;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{Served, command, parse, probe};

const MANY: usize = 10_000;

#[tokio::test]
async fn an_unasked_pong_comes_first_and_each_ping_has_its_own() {
    let served = Served::start().await;
    let mut one = served.client().await;
    let mut other = served.client().await;
    let pong = json!({ "type": "pong" });
    assert_eq!(parse(&one.receive().await).unwrap(), pong);
    assert_eq!(parse(&other.receive().await).unwrap(), pong);
    one.send(&json!({ "type": "ping" })).await;
    assert_eq!(parse(&one.receive().await).unwrap(), pong);
    // Nobody else hears of it: the next that the other hears is its own answer.
    other.send(&command("uuid", json!({}), "1")).await;
    assert_eq!(parse(&other.receive().await).unwrap()["id"], "1");
}

#[tokio::test]
async fn ten_thousand_requests_at_once_get_ten_thousand_answers() {
    let served = Served::start().await;
    let client = served.client().await;
    let mut other = served.client().await;
    let (mut sink, mut stream) = client.socket.split();
    let sending = tokio::spawn(async move {
        for n in 0..MANY {
            let message = command("get_runstate", json!({}), &n.to_string()).to_string();
            sink.feed(Message::text(message)).await.unwrap();
        }
        sink.flush().await.unwrap();
        sink
    });
    let mut missing: HashSet<String> = (0..MANY).map(|n| n.to_string()).collect();
    while !missing.is_empty() {
        let message = stream.next().await.unwrap().unwrap();
        let json = parse(&message).unwrap();
        if json["type"] == "result" {
            assert_eq!(json["result"], "running");
            assert!(missing.remove(json["id"].as_str().unwrap()), "{json}");
        }
    }
    drop(sending.await.unwrap());
    other.receive().await;
    other.send(&json!({ "type": "ping" })).await;
    assert_eq!(parse(&other.receive().await).unwrap()["type"], "pong");
}

#[tokio::test]
async fn who_reads_only_after_it_has_sent_everything_loses_nothing() {
    let served = Served::start().await;
    let mut client = served.client().await;
    for n in 0..MANY {
        let message = command("uuid", json!({}), &n.to_string()).to_string();
        client.socket.feed(Message::text(message)).await.unwrap();
    }
    client.socket.flush().await.unwrap();
    for n in 0..MANY {
        client.answer(&n.to_string()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_malformed_gets_an_error_and_the_socket_stays_open() {
    let served = Served::start().await;
    let mut client = served.client().await;
    for (message, part, id) in [
        ("", "JSON", Json::Null),
        ("{", "JSON", Json::Null),
        ("[1]", "JSON", Json::Null),
        ("{}", "`type`", Json::Null),
        (r#"{"type":"shout"}"#, "shout", Json::Null),
        (r#"{"type":"cmd","id":"a"}"#, "`cmd`", json!("a")),
        (
            r#"{"type":"cmd","cmd":"uuid","kwargs":[],"id":"b"}"#,
            "`kwargs`",
            json!("b"),
        ),
        (
            r#"{"type":"cmd","cmd":"uuid","kwargs":{"x":1},"id":"c"}"#,
            "`x`",
            json!("c"),
        ),
        (
            r#"{"type":"cmd","cmd":"get_node","kwargs":{"id":7},"id":"d"}"#,
            "string",
            json!("d"),
        ),
        (
            r#"{"type":"cmd","cmd":"get_node","kwargs":{"id":"none"},"id":"e"}"#,
            "none",
            json!("e"),
        ),
    ] {
        client.send_text(message).await;
        let error = client.json(|json| json["type"] == "error").await;
        assert!(error["error"].as_str().unwrap().contains(part), "{error}");
        assert_eq!((&error["id"], &error["tb"]), (&id, &json!([])), "{error}");
    }
    client.socket.send(Message::binary(vec![0])).await.unwrap();
    let error = client.json(|json| json["type"] == "error").await;
    assert!(
        error["error"].as_str().unwrap().contains("binary"),
        "{error}"
    );
    assert!(client.call("uuid", json!({})).await.is_ok());
}

/// As the Python Worker says it, and what it has no commands for: pausing, resuming and restarting an
/// external worker.
const COMMANDS: &str = "add_edge, add_external_worker, add_node, add_package_dependency, add_shelf, \
    clear, export_worker, full_state, get_available_modules, get_config, get_edges, \
    get_external_worker_config, get_groups, get_io_full_value, get_io_value, get_ios_values, \
    get_library, get_meta, get_node, get_node_state, get_node_status, get_nodes, get_plugin, \
    get_plugin_keys, get_runstate, get_save_state, get_worker_dependencies, group_nodes, heartbeat, \
    load_data, name, pause_external_worker, remove_edge, remove_external_worker, remove_group, remove_node, \
    remove_package_dependency, remove_shelf, request_trigger, restart_external_worker, \
    resume_external_worker, save, set_default_value, set_io_value, \
    stop_worker, trigger_node, update, update_external_worker, update_from_export, update_group, \
    update_io_options, update_io_value_options, update_node, update_node_view, \
    update_worker_config, upload, uuid, view_state";

#[tokio::test]
async fn an_unknown_command_hears_of_all_that_there_are_and_each_of_them_answers() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let error = client.call("no_such_cmd", json!({})).await.unwrap_err();
    assert_eq!(
        error,
        format!("Unknown command no_such_cmd , available commands: {COMMANDS}")
    );
    for name in COMMANDS.split(", ").filter(|name| *name != "stop_worker") {
        let answer = client.call(name, json!({ "no such": "argument" })).await;
        let problem = answer.expect_err(name);
        assert!(problem.contains("no such"), "{name}: {problem}");
    }
}

#[tokio::test]
async fn a_repeated_request_is_executed_once_here_and_after_a_reconnect() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let id = Uuid::new_v4().to_string();
    let request = command("add_external_worker", probe(), &id);
    // At once, while the first is under way, and when it is done.
    client.send(&request).await;
    client.send(&request).await;
    let first = client.answer(&id).await.unwrap();
    assert_eq!(client.answer(&id).await.unwrap(), first);
    drop(client);
    let mut client = served.client().await;
    client.send(&request).await;
    assert_eq!(client.answer(&id).await.unwrap(), first);
    let modules = client
        .call("get_worker_dependencies", json!({}))
        .await
        .unwrap();
    let instances = modules[0]["worker_classes"][0]["instances"]
        .as_array()
        .unwrap();
    assert_eq!(instances.len(), 1, "{instances:?}");
    client.send(&command("uuid", json!({}), &id)).await;
    let problem = client.answer(&id).await.unwrap_err();
    assert!(problem.contains("another command"), "{problem}");
}

#[tokio::test]
async fn a_repeated_request_that_failed_fails_again_without_another_try() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let id = Uuid::new_v4().to_string();
    let request = command(
        "get_external_worker_config",
        json!({
            "worker_id": "nobody", "class_id": "probe",
        }),
        &id,
    );
    client.send(&request).await;
    let first = client.answer(&id).await.unwrap_err();
    client.send(&request).await;
    assert_eq!(client.answer(&id).await.unwrap_err(), first);
}

#[tokio::test]
async fn requests_of_one_connection_see_what_came_before_them() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "echo").await;
    for n in 0..100 {
        let set = json!({ "nid": node, "ioid": "value", "value": n });
        client
            .send(&command("set_io_value", set, &format!("set {n}")))
            .await;
        let get = json!({ "nid": node, "ioid": "value" });
        client
            .send(&command("get_io_value", get, &format!("get {n}")))
            .await;
    }
    for n in 0..100 {
        assert_eq!(client.answer(&format!("set {n}")).await.unwrap(), n);
        assert_eq!(client.answer(&format!("get {n}")).await.unwrap(), n);
    }
}

#[tokio::test]
async fn changes_of_one_external_worker_are_made_in_their_order() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let uuid = client.add_probe().await;
    let of_it = json!({ "worker_id": uuid, "class_id": "probe" });
    for n in 0..20 {
        let mut update = of_it.clone();
        update["config"] = json!({ "number": n + 20 });
        client
            .send(&command(
                "update_external_worker",
                update,
                &format!("set {n}"),
            ))
            .await;
        let get = command(
            "get_external_worker_config",
            of_it.clone(),
            &format!("get {n}"),
        );
        client.send(&get).await;
    }
    for n in 0..20 {
        assert_eq!(
            client.answer(&format!("set {n}")).await.unwrap(),
            Json::Null
        );
        let config = client.answer(&format!("get {n}")).await.unwrap();
        assert_eq!(config["formData"]["number"], n + 20);
    }
}

#[tokio::test]
async fn without_an_id_a_command_is_executed_and_not_answered() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let uuid = client.add_probe().await;
    let class = json!({ "id": format!("probe.{uuid}.noop") });
    client
        .send(&json!({ "type": "cmd", "cmd": "add_node", "kwargs": class }))
        .await;
    let added = client.event("node_added").await;
    assert_eq!(added["node"]["node_id"], class["id"]);
    client.send(&json!({ "type": "ping" })).await;
    let next = client.json(|json| json["type"] != "nsevent" && json["type"] != "workerevent");
    assert_eq!(next.await["type"], "pong");
}

#[tokio::test]
async fn a_long_command_holds_up_nothing() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let begun: Vec<_> = (0..20).map(|_| Uuid::new_v4().to_string()).collect();
    for id in &begun {
        client
            .send(&command("add_external_worker", probe(), id))
            .await;
    }
    assert!(client.call("get_nodes", json!({})).await.is_ok());
    let mut uuids = HashSet::new();
    for id in &begun {
        uuids.insert(client.answer(id).await.unwrap()["uuid"].to_string());
    }
    assert_eq!(uuids.len(), begun.len());
}
