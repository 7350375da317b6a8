//! SIGKILL at any moment: what a client was told is done is there when the server is started again.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::process::Process;
use super::{Client, PROBE, command, data_with_probe, parse};
#[cfg(target_os = "linux")]
use crate::validate::bomb;
#[cfg(target_os = "linux")]
use crate::worker::{apart::compiling, until};

const KILLS: u64 = 300;
/// Changes that are under way at the same time, each of a node of its own.
const LANES: usize = 8;
/// The most changes that are acknowledged before a kill.
const MOST_BEFORE: u64 = 24;

/// One client's view of one node: what it was told, and what it asked for after that.
#[derive(Default)]
struct Lane {
    node: String,
    acknowledged: u64,
    asked: u64,
}

/// Begins with one external worker and a node for each lane.
async fn first(data: &Path) -> (String, Vec<Lane>) {
    let process = Process::start(data).await;
    let mut client = process.client().await;
    let uuid = client.add_probe().await;
    let mut lanes = Vec::new();
    for _ in 0..LANES {
        let node = client.add_node(&uuid, "echo").await;
        lanes.push(Lane {
            node,
            ..Lane::default()
        });
    }
    process.kill().await;
    (uuid, lanes)
}

/// Compares with what the server has, which is from then on what is known.
async fn check(client: &mut Client, lanes: &mut [Lane]) {
    for lane in lanes {
        let get = json!({ "nid": lane.node, "ioid": "value" });
        let value = client.call("get_io_value", get).await.unwrap();
        let is = value.as_u64().unwrap_or(0);
        assert!(
            is == lane.acknowledged || is == lane.asked,
            "{}: {value}, acknowledged {}, asked for {}",
            lane.node,
            lane.acknowledged,
            lane.asked
        );
        (lane.acknowledged, lane.asked) = (is, is);
    }
}

/// Sends the next change of a lane.
async fn change(client: &mut Client, lane: usize, state: &mut Lane) {
    state.asked += 1;
    let set = json!({
        "nid": state.node, "ioid": "value", "value": state.asked, "set_default": true
    });
    let message = command("set_io_value", set, &format!("{lane}-{}", state.asked));
    client
        .socket
        .feed(Message::text(message.to_string()))
        .await
        .unwrap();
}

/// What else a client was told: each before the next, so it is known to the last.
struct Told {
    uuid: String,
    /// Nodes, oldest first.
    nodes: Vec<String>,
    number: u64,
}

impl Told {
    async fn check(&self, client: &mut Client) {
        let nodes = client.call("get_nodes", json!({})).await.unwrap();
        let ids = nodes.as_array().unwrap().iter();
        let ids: BTreeSet<_> = ids.map(|node| node["id"].as_str().unwrap()).collect();
        let told: BTreeSet<_> = self.nodes.iter().map(String::as_str).collect();
        assert_eq!(ids, told);
        let of = json!({ "worker_id": self.uuid, "class_id": PROBE });
        let form = client.call("get_external_worker_config", of).await.unwrap();
        assert_eq!(form["formData"]["number"], self.number);
    }

    /// A node comes, one goes, and the configuration changes.
    async fn change(&mut self, client: &mut Client, number: u64) {
        self.nodes.push(client.add_node(&self.uuid, "echo").await);
        if self.nodes.len() > 2 * LANES {
            let oldest = json!({ "id": self.nodes.remove(LANES) });
            client.call("remove_node", oldest).await.unwrap();
        }
        let update = json!({
            "worker_id": self.uuid, "class_id": PROBE, "config": { "number": number }
        });
        client.call("update_external_worker", update).await.unwrap();
        self.number = number;
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_sigkill() {
    let data = data_with_probe();
    let (uuid, mut lanes) = first(data.path()).await;
    let mut told = Told {
        uuid,
        nodes: lanes.iter().map(|lane| lane.node.clone()).collect(),
        number: 1,
    };
    let mut acknowledged = 0;
    for kill in 0..=KILLS {
        let process = Process::start(data.path()).await;
        let mut client = process.client().await;
        client.comes(&told.uuid).await;
        check(&mut client, &mut lanes).await;
        told.check(&mut client).await;
        if kill == KILLS {
            process.kill().await;
            break;
        }
        told.change(&mut client, 1 + kill % 12).await;
        for (at, lane) in lanes.iter_mut().enumerate() {
            change(&mut client, at, lane).await;
        }
        client.socket.flush().await.unwrap();
        // Without pattern, and not a multiple of the lanes.
        let mut left = kill * 2_654_435_761 % MOST_BEFORE;
        while left > 0 {
            let message = client.socket.next().await.unwrap().unwrap();
            let Some(answer) = parse(&message).filter(|json| json["type"] == "result") else {
                continue;
            };
            let (at, n) = answer["id"].as_str().unwrap().split_once('-').unwrap();
            let at: usize = at.parse().unwrap();
            lanes[at].acknowledged = n.parse().unwrap();
            acknowledged += 1;
            left -= 1;
            change(&mut client, at, &mut lanes[at]).await;
            client.socket.flush().await.unwrap();
        }
        process.kill().await;
    }
    println!("{KILLS} kills, {acknowledged} acknowledged changes of values");
    assert!(acknowledged > KILLS);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_compiles_for_it_ends_with_it() {
    let data = tempfile::tempdir().unwrap();
    let modules = data.path().join("local_workers");
    std::fs::create_dir(&modules).unwrap();
    std::fs::write(modules.join("bomb.wasm"), bomb()).unwrap();
    let process = Process::start(data.path()).await;
    let host = process.id();
    let mut found = Vec::new();
    until(|| {
        found = compiling(host, "");
        !found.is_empty()
    })
    .await;
    let (id, _) = found.remove(0);
    process.kill().await;
    let place = Path::new("/proc").join(id);
    until(|| !place.exists()).await;
}
