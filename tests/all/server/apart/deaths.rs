//! Who dies takes nobody along but those below, and comes back with everything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use external_worker_artifacts::HOSTILE;
use external_worker_tests::PATIENCE;
use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;

use super::grants::write;
use super::{Client, Host, PROBE, Serving, add, data_of, data_with_probe, signal};
use crate::server::{binary, open, parse};

const KILLS: u64 = 20;

/// Calls the node `node` over and over, each call with a value of its own, and checks what comes out.
async fn call_on(mut client: Client, node: String, calls: Arc<AtomicU64>, end: CancellationToken) {
    let out = format!("node={node}; io=out; ");
    while !end.is_cancelled() {
        let value = calls.fetch_add(1, Ordering::SeqCst) as f64;
        let set = json!({ "nid": node, "ioid": "value", "value": value, "set_default": true });
        assert_eq!(client.call("set_io_value", set).await.unwrap(), value);
        let came = client.wait_for(|message| binary(message).filter(|it| it.0.contains(&out)));
        assert_eq!(came.await.1, value.to_be_bytes());
    }
}

/// Waits until the other end is gone, and gives what it said last.
async fn closed(client: &mut Client) -> Option<CloseCode> {
    let mut code = None;
    while let Some(Ok(message)) = timeout(PATIENCE, client.socket.next()).await.unwrap() {
        if let Message::Close(Some(frame)) = message {
            code = Some(frame.code);
        }
    }
    code
}

/// The instance, its nodes and the value of one of them are as they were.
async fn check(client: &mut Client, uuid: &str, nodes: &[String], value: f64) {
    client.comes(uuid).await;
    let there = client.call("get_nodes", json!({})).await.unwrap();
    let there = there.as_array().unwrap().iter();
    let there: BTreeSet<_> = there.map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(there, nodes.iter().map(String::as_str).collect());
    let of = json!({ "worker_id": uuid, "class_id": PROBE });
    let form = client.call("get_external_worker_config", of).await.unwrap();
    assert_eq!(form["formData"]["number"], 7);
    let get = json!({ "nid": nodes[0], "ioid": "value" });
    assert_eq!(client.call("get_io_value", get).await.unwrap(), value);
}

/// A call of an instance that was restored.
async fn call(client: &mut Client, node: &str, value: f64) {
    let set = json!({ "nid": node, "ioid": "value", "value": value, "set_default": true });
    client.call("set_io_value", set).await.unwrap();
    let out = format!("node={node}; io=out; ");
    let came = |message: &Message| {
        let found = binary(message).filter(|(header, _)| header.contains(&out));
        found.filter(|(_, body)| *body == value.to_be_bytes())
    };
    client.wait_for(came).await;
}

#[tokio::test]
async fn killing_a_tenants_process_is_no_error_at_another_and_it_comes_back_whole() {
    let data = tempfile::tempdir().unwrap();
    for tenant in ["quiet", "killed"] {
        data_with_probe(data.path(), tenant);
    }
    let mut host = Host::with_tenants(data.path(), &["quiet", "killed"], "");
    let all = host.all(2).await;
    let quiet = &all["quiet"];
    let mut client = quiet.client().await;
    let uuid = add(&mut client, PROBE, PROBE).await;
    let node = client.add_node(&uuid, "echo").await;
    let (calls, end) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
    let calling = call_on(client, node, Arc::clone(&calls), end.clone());
    let calling = tokio::spawn(calling);

    let mut killed = all["killed"].clone();
    let mut client = killed.client().await;
    let uuid = add(&mut client, PROBE, PROBE).await;
    let update = json!({ "worker_id": uuid, "class_id": PROBE, "config": { "number": 7 } });
    client.call("update_external_worker", update).await.unwrap();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(client.add_node(&uuid, "echo").await);
    }
    call(&mut client, &nodes[0], 0.0).await;
    for kill in 1..=KILLS {
        let before = calls.load(Ordering::SeqCst);
        signal("-KILL", &killed.pid);
        closed(&mut client).await;
        // Nobody is there to accept, and nobody is refused.
        let (serving, connected) = tokio::join!(host.next(), killed.client());
        assert_eq!(
            (&serving.tenant, &serving.url),
            (&killed.tenant, &killed.url)
        );
        assert_eq!(serving.uuid, killed.uuid);
        assert_ne!(serving.pid, killed.pid);
        (client, killed) = (connected, serving);
        check(&mut client, &uuid, &nodes, (kill - 1) as f64).await;
        call(&mut client, &nodes[0], kill as f64).await;
        assert!(calls.load(Ordering::SeqCst) > before, "the other goes on");
        assert!(!calling.is_finished());
    }
    end.cancel();
    calling.await.unwrap();
    let calls = calls.load(Ordering::SeqCst);
    println!("{KILLS} kills, {calls} calls at the other tenant, no error");
    signal("-TERM", &host.pid());
    assert_eq!(host.ended().await, Some(0));
}

#[tokio::test]
async fn a_process_that_its_operator_ends_is_started_again_too() {
    let data = tempfile::tempdir().unwrap();
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    signal("-TERM", &serving.pid);
    assert_eq!(closed(&mut client).await, Some(CloseCode::Away));
    let again = host.next().await;
    assert_eq!((&again.uuid, &again.url), (&serving.uuid, &serving.url));
    assert_ne!(again.pid, serving.pid);
}

#[tokio::test]
async fn a_tenant_with_little_memory_is_served() {
    let data = tempfile::tempdir().unwrap();
    data_with_probe(data.path(), "small");
    let mut host = Host::with_tenants(data.path(), &["small"], "memory = \"256 MiB\"\n");
    let serving = host.next().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.pid)).unwrap();
    let data_limit = limits
        .lines()
        .find(|line| line.starts_with("Max data size"));
    assert!(data_limit.unwrap().contains("268435456"), "{limits}");
    let mut client = serving.client().await;
    let uuid = add(&mut client, PROBE, PROBE).await;
    let node = client.add_node(&uuid, "echo").await;
    call(&mut client, &node, 1.0).await;
}

/// The most memory that a process ever had.
fn peak_kib(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_greedy_tenant_gets_what_its_process_may_have_and_costs_no_other_anything() {
    let data = tempfile::tempdir().unwrap();
    data_with_probe(data.path(), "quiet");
    data_of(data.path(), "lab", "hostile", HOSTILE);
    write(data.path(), "hostile", "[budget]\nmemory = \"4 GiB\"\n");
    let file = data.path().join("tenants.toml");
    let tenants = "[[tenant]]\nname = \"quiet\"\nport = 0\n\
                   [[tenant]]\nname = \"lab\"\nport = 0\nmemory = \"256 MiB\"\n";
    std::fs::write(&file, tenants).unwrap();
    let [file, dir] = [file.to_str().unwrap(), data.path().to_str().unwrap()];
    let mut host = Host::start(&["--tenants", file, "--data", dir]);
    let all = host.all(2).await;
    let mut client = all["quiet"].client().await;
    let uuid = add(&mut client, PROBE, PROBE).await;
    let node = client.add_node(&uuid, "echo").await;
    let (calls, end) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
    let calling = tokio::spawn(call_on(client, node, Arc::clone(&calls), end.clone()));

    let mut client = all["lab"].client().await;
    let uuid = add(&mut client, "hostile", "hostile").await;
    let of = json!({ "worker_id": uuid, "class_id": "hostile" });
    let mut grow = of.clone();
    grow["config"] = json!({ "attack": "memory/grow" });
    client.call("update_external_worker", grow).await.unwrap();
    client.call("restart_external_worker", of).await.unwrap();
    let before = calls.load(Ordering::SeqCst);
    let attack = json!({ "id": format!("hostile.{uuid}.attack") });
    let attack = client.call("add_node", attack).await.unwrap()["id"].clone();
    let granted = json!({ "nid": attack, "ioid": "to", "value": (3_u64 << 30).to_string() });
    client.call("set_io_value", granted).await.unwrap();
    let is_done = |json: &Json| json["event"] == "triggerdone" && json["data"]["node"] == attack;
    // It takes what it gets, once it has started again.
    let takes = async {
        loop {
            let trigger = json!({ "nid": attack });
            client.call("trigger_node", trigger).await.unwrap();
            client
                .wait_for(|message| parse(message).filter(is_done))
                .await;
            let peak = peak_kib(&all["lab"].pid);
            if peak > 128 << 10 {
                return peak;
            }
        }
    };
    let peak = timeout(PATIENCE, takes).await.unwrap();
    assert!(peak < 512 << 10, "{peak} KiB");
    assert!(calls.load(Ordering::SeqCst) > before, "the other goes on");
    end.cancel();
    calling.await.unwrap();
}

#[tokio::test]
async fn processes_die_with_the_one_that_watches_over_them() {
    let data = tempfile::tempdir().unwrap();
    let names = ["one", "two"];
    let mut host = Host::with_tenants(data.path(), &names, "");
    let all = host.all(2).await;
    let mut clients = Vec::new();
    for serving in all.values() {
        clients.push(serving.client().await);
    }
    signal("-KILL", &host.pid());
    for client in &mut clients {
        // Not the end of a server that had time for a word.
        assert_eq!(closed(client).await, None);
    }
    assert_eq!(host.ended().await, None);
    // Nobody has the data any more.
    let mut again = Host::with_tenants(data.path(), &names, "");
    again.all(2).await;
}

#[tokio::test]
async fn a_signal_ends_all_well_and_keeps_everything() {
    let data = tempfile::tempdir().unwrap();
    data_with_probe(data.path(), "lab");
    let mut host = Host::with_tenants(data.path(), &["lab", "other"], "");
    let all = host.all(2).await;
    let mut client = all["lab"].client().await;
    let uuid = add(&mut client, PROBE, PROBE).await;
    let node = client.add_node(&uuid, "echo").await;
    call(&mut client, &node, 3.0).await;
    signal("-TERM", &host.pid());
    assert_eq!(closed(&mut client).await, Some(CloseCode::Away));
    assert_eq!(host.ended().await, Some(0));
    let again = open(&data.path().join("lab")).await;
    assert_eq!(again.uuid().simple().to_string(), all["lab"].uuid);
    let value = again.nodespace().preview(&node, "value").unwrap();
    assert_eq!(value, 3.0);
    again.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_a_client_stops_stays_stopped_and_the_last_one_ends_the_host() {
    let data = tempfile::tempdir().unwrap();
    let mut host = Host::with_tenants(data.path(), &["one", "two"], "");
    let all = host.all(2).await;
    let mut clients: Vec<(&Serving, Client)> = Vec::new();
    for serving in all.values() {
        clients.push((serving, serving.client().await));
    }
    let (first, second) = clients.split_at_mut(1);
    assert_eq!(
        first[0].1.call("stop_worker", json!({})).await.unwrap(),
        true
    );
    closed(&mut first[0].1).await;
    let name = second[0].1.call("name", json!({})).await.unwrap();
    assert_eq!(name, Json::from(second[0].0.tenant.as_str()));
    assert_eq!(
        second[0].1.call("stop_worker", json!({})).await.unwrap(),
        true
    );
    assert_eq!(host.ended().await, Some(0));
}

#[tokio::test]
async fn the_only_tenant_ends_with_what_it_cannot_begin_with() {
    let data = tempfile::tempdir().unwrap();
    let arguments = ["--port", "0", "--data", data.path().to_str().unwrap()];
    let mut first = Host::start(&arguments);
    let serving = first.next().await;
    assert_eq!(serving.tenant, "");
    // The directory has a host already.
    assert_eq!(Host::start(&arguments).ended().await, Some(5));
    let mut client = serving.client().await;
    assert_eq!(client.call("name", json!({})).await.unwrap(), "worker");
}
