//! What the web UI does, from its first message to its last, in its order and with its arguments.

use serde_json::{Value as Json, json};

use super::{Client, PROBE, Served, binary, parse, probe};

#[tokio::test]
async fn a_screen_syncs_before_there_is_anything() {
    let served = Served::start().await;
    let mut ui = served.client().await;
    let library = ui.call("get_library", json!({})).await.unwrap();
    assert!(library["shelves"].is_array(), "{library}");
    let modules = ui.call("get_worker_dependencies", json!({})).await.unwrap();
    assert_eq!(modules[0]["module"], PROBE);
    let class = &modules[0]["worker_classes"][0];
    assert_eq!(
        (&class["class_name"], &class["instances"]),
        (&json!(PROBE), &json!([]))
    );
    let keys = ui.call("get_plugin_keys", json!({ "type": "react" })).await;
    assert_eq!(keys.unwrap(), json!([]));
    let nodes = ui.call("get_nodes", json!({ "with_frontend": true })).await;
    assert_eq!(nodes.unwrap(), json!([]));
    assert_eq!(ui.call("get_edges", json!({})).await.unwrap(), json!([]));
    assert_eq!(ui.call("get_groups", json!({})).await.unwrap(), json!({}));
    let view = ui.call("view_state", json!({})).await.unwrap();
    assert!(
        view["renderoptions"].is_object() && view["nodes"].is_object(),
        "{view}"
    );
    let available = ui.call("get_available_modules", json!({})).await.unwrap();
    for kind in ["installed", "active", "available"] {
        assert!(available[kind].is_array(), "{available}");
    }
    assert_eq!(
        ui.call("get_meta", json!({})).await.unwrap()["id"]
            .as_str()
            .unwrap()
            .len(),
        32
    );
    assert_eq!(ui.call("get_runstate", json!({})).await.unwrap(), "running");
    assert_eq!(ui.call("name", json!({})).await.unwrap(), "under test");
    assert_eq!(
        ui.call("uuid", json!({})).await.unwrap(),
        served.worker.uuid().simple().to_string()
    );
}

#[tokio::test]
async fn an_external_worker_is_added_used_changed_and_removed() {
    let served = Served::start().await;
    let mut ui = served.client().await;
    let added = ui.call("add_external_worker", probe()).await.unwrap();
    ui.event("external_worker_update").await;
    let uuid = added["uuid"].as_str().unwrap().to_owned();
    assert_eq!((uuid.len(), &added["nodeclassid"]), (32, &json!(PROBE)));
    let library = ui.call("get_library", json!({})).await.unwrap();
    let shelf = &library["shelves"][0];
    assert_eq!(shelf["name"], "_external_worker");
    assert_eq!(shelf["subshelves"][0]["name"], uuid);

    let first = ui.add_node(&uuid, "echo").await;
    let second = ui.add_node(&uuid, "echo").await;
    let edge = json!({
        "src_nid": first, "src_ioid": "out", "trg_nid": second, "trg_ioid": "value",
    });
    ui.call("add_edge", edge.clone()).await.unwrap();
    let wire = json!([first, "out", second, "value"]);
    assert_eq!(ui.event("after_connect").await["result"], wire);
    assert_eq!(
        ui.call("get_edges", json!({})).await.unwrap(),
        json!([wire])
    );

    let set = json!({ "nid": first, "ioid": "value", "value": 1.5, "set_default": true });
    assert_eq!(ui.call("set_io_value", set).await.unwrap(), 1.5);
    let through = format!("node={second}; io=out; mime=application/fn.struct.!d; ");
    let (_, body) = ui
        .wait_for(|message| super::binary(message).filter(|(header, _)| header.contains(&through)))
        .await;
    assert_eq!(body, 1.5_f64.to_be_bytes());
    let values = ui
        .call("get_ios_values", json!({ "nid": second }))
        .await
        .unwrap();
    assert_eq!(
        (&values["value"], &values["out"]),
        (&json!(1.5), &json!(1.5))
    );

    let view = json!({ "nid": first, "data": { "properties": { "frontend:pos": [3, 4] } } });
    ui.call("update_node", view).await.unwrap();
    let nodes = ui
        .call("get_nodes", json!({ "with_frontend": true }))
        .await
        .unwrap();
    assert_eq!(nodes[0]["frontend"]["pos"], json!([3, 4]));
    let name = json!({ "nid": first, "data": { "name": "mine" } });
    assert_eq!(
        ui.call("update_node", name).await.unwrap(),
        json!({ "name": "mine" })
    );

    ui.call("remove_edge", edge).await.unwrap();
    assert_eq!(ui.event("after_disconnect").await["result"], wire);
    change(&mut ui, &uuid).await;
    let of_it = json!({ "worker_id": uuid, "class_id": PROBE });
    assert_eq!(
        ui.call("remove_external_worker", of_it.clone())
            .await
            .unwrap(),
        true
    );
    let removed = [
        ui.event("node_removed").await,
        ui.event("node_removed").await,
    ];
    assert!(
        removed.iter().any(|event| event["node"] == first),
        "{removed:?}"
    );
    assert_eq!(ui.call("get_nodes", json!({})).await.unwrap(), json!([]));
    late(&mut ui, &first, of_it).await;
}

/// What a page still says of what was removed a moment ago is not a mistake; of what never was, it is.
async fn late(ui: &mut super::Client, node: &str, instance: Json) {
    let nid = json!({ "nid": node });
    let io = json!({ "nid": node, "ioid": "value" });
    let with = |base: &Json, key: &str, value: Json| {
        let mut kwargs = base.clone();
        kwargs[key] = value;
        kwargs
    };
    let edge = json!({
        "src_nid": node, "src_ioid": "out", "trg_nid": node, "trg_ioid": "value",
    });
    let view = json!({ "properties": { "frontend:pos": [1, 2] } });
    let late = [
        ("update_node", with(&nid, "data", view.clone()), json!({})),
        ("update_node_view", with(&nid, "data", view), Json::Null),
        (
            "set_io_value",
            with(&io, "value", json!(1)),
            json!("<NoValue>"),
        ),
        ("get_io_value", io.clone(), json!("<NoValue>")),
        ("get_io_full_value", io.clone(), json!("<NoValue>")),
        ("get_ios_values", nid.clone(), json!({})),
        ("get_node_state", nid.clone(), json!({ "id": node })),
        ("get_node_status", nid.clone(), Json::Null),
        ("trigger_node", nid.clone(), json!(true)),
        ("remove_edge", edge.clone(), json!(true)),
        ("add_edge", edge, Json::Null),
        ("remove_node", json!({ "id": node }), json!(node)),
        (
            "update_external_worker",
            with(&instance, "name", json!("x")),
            Json::Null,
        ),
        ("remove_external_worker", instance.clone(), json!(true)),
    ];
    for (cmd, kwargs, expected) in late {
        let answer = ui.call(cmd, kwargs.clone()).await;
        assert_eq!(answer, Ok(expected), "{cmd}");
        for key in ["nid", "id", "src_nid", "worker_id"] {
            if kwargs.get(key).is_some() {
                let never = with(&kwargs, key, json!("never was"));
                let problem = ui.call(cmd, never).await.unwrap_err();
                assert!(problem.contains("never was"), "{cmd}: {problem}");
            }
        }
    }
    let form = ui.call("get_external_worker_config", instance).await;
    assert_eq!(form.unwrap()["formData"], json!({}));
}

async fn change(ui: &mut super::Client, uuid: &str) {
    let of_it = json!({ "worker_id": uuid, "class_id": PROBE });
    let form = ui
        .call("get_external_worker_config", of_it.clone())
        .await
        .unwrap();
    assert_eq!(form["formData"]["number"], 1);
    assert!(
        form["jsonSchema"]["properties"]["number"].is_object(),
        "{form}"
    );
    let mut update = of_it.clone();
    update["config"] = json!({ "number": 2 });
    update["name"] = json!("My Probe");
    assert_eq!(
        ui.call("update_external_worker", update).await.unwrap(),
        Json::Null
    );
    ui.event("external_worker_update").await;
    let form = ui
        .call("get_external_worker_config", of_it.clone())
        .await
        .unwrap();
    assert_eq!(form["formData"]["number"], 2);
    let mut wrong = of_it;
    wrong["config"] = json!({ "number": 13 });
    let problem = ui.call("update_external_worker", wrong).await.unwrap_err();
    assert!(problem.contains("bad luck"), "{problem}");
    // Nowhere else would a person see it.
    let shown = ui
        .json(|json| json["type"] == "progress" && json["status"] == "error")
        .await;
    assert!(
        shown["message"].as_str().unwrap().contains("bad luck"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_node_that_fails_says_so_on_the_node() {
    let served = Served::start().await;
    let mut ui = served.client().await;
    let uuid = ui.add_probe().await;
    let node = ui.add_node(&uuid, "wait").await;
    let set = json!({ "nid": node, "ioid": "ms", "value": -1 });
    let refused = ui.call("set_io_value", set).await;
    if refused.is_ok() {
        let error = ui.event("node_trigger_error").await;
        assert_eq!(error["node"], node);
    }
}

#[tokio::test]
async fn an_export_comes_back_as_it_was() {
    let served = Served::start().await;
    let mut ui = served.client().await;
    let uuid = ui.add_probe().await;
    let node = ui.add_node(&uuid, "echo").await;
    let secret = json!({ "worker_id": uuid, "class_id": PROBE, "config": { "token": "s3cr3t" } });
    ui.call("update_external_worker", secret).await.unwrap();
    let zip = ui
        .call("export_worker", json!({ "with_files": true }))
        .await
        .unwrap();
    ui.call(
        "remove_external_worker",
        json!({ "worker_id": uuid, "class_id": PROBE }),
    )
    .await
    .unwrap();
    ui.call("update_from_export", json!({ "data": zip }))
        .await
        .unwrap();
    let nodes = ui.call("get_nodes", json!({})).await.unwrap();
    assert_eq!(nodes[0]["id"], node);
    for cmd in [
        "get_save_state",
        "full_state",
        "get_config",
        "get_worker_dependencies",
    ] {
        let told = ui.call(cmd, json!({})).await.unwrap().to_string();
        assert!(!told.contains("s3cr3t"), "{cmd}");
    }
}

#[tokio::test]
async fn an_external_worker_is_paused_resumed_and_restarted() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "turns").await;
    let of = json!({ "worker_id": uuid, "class_id": PROBE });
    let answer = client.call("pause_external_worker", of.clone()).await;
    assert_eq!(answer.unwrap(), true);
    // A turn that had begun may still end.
    let mut before = turns(&mut client, &node).await;
    loop {
        let now = turns(&mut client, &node).await;
        if now == before {
            break;
        }
        before = now;
    }
    client
        .call("resume_external_worker", of.clone())
        .await
        .unwrap();
    while turns(&mut client, &node).await < before + 3 {}
    client
        .call("pause_external_worker", of.clone())
        .await
        .unwrap();
    client.call("restart_external_worker", of).await.unwrap();
    // Paused it stays, and begins anew.
    while turns(&mut client, &node).await > before {}
    let unknown = json!({ "worker_id": "nobody", "class_id": PROBE });
    for cmd in ["pause", "resume", "restart"] {
        let cmd = format!("{cmd}_external_worker");
        let problem = client.call(&cmd, unknown.clone()).await.unwrap_err();
        assert!(problem.contains("nobody"), "{problem}");
    }
    served.stop().await;
}

/// How many turns the loop has had, which a node says; asked again while the instance starts again.
async fn turns(client: &mut Client, node: &str) -> i64 {
    loop {
        client
            .call("trigger_node", json!({ "nid": node }))
            .await
            .unwrap();
        let said = client
            .wait_for(|message| match binary(message) {
                Some((header, body)) => header.contains("; io=out; ").then_some(Some(body)),
                None => (parse(message)?["event"] == "node_trigger_error").then_some(None),
            })
            .await;
        if let Some(body) = said {
            return i64::from_be_bytes(body.try_into().unwrap());
        }
    }
}
