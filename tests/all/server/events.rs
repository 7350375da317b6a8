//! Everybody hears of everything that happens, and who cannot keep up is told so.

use futures_util::StreamExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Served, binary, command, parse};

#[tokio::test]
async fn what_one_client_does_the_others_see() {
    let served = Served::start().await;
    let mut one = served.client().await;
    let mut other = served.client().await;
    let uuid = one.add_probe().await;
    let update = other.event("external_worker_update").await;
    assert!(update["data"].is_object(), "{update}");
    let node = one.add_node(&uuid, "echo").await;
    assert_eq!(other.event("node_added").await["node"]["id"], node);
    let set = json!({ "nid": node, "ioid": "value", "value": 3 });
    one.call("set_io_value", set).await.unwrap();
    for client in [&mut one, &mut other] {
        let (header, body) = client.io_value("value").await;
        let (start, rest) = header.split_once(";msgid=").unwrap();
        assert_eq!(start, "chunk=1/1");
        let (_, rest) = rest.split_once(';').unwrap();
        assert_eq!(
            rest,
            format!(
                "node={node}; io=value; mime=application/fn.struct.!q; type=io_value; preview=1"
            )
        );
        assert_eq!(body, 3_i64.to_be_bytes());
    }
    one.call("remove_node", json!({ "id": node }))
        .await
        .unwrap();
    assert_eq!(other.event("node_removed").await["node"], node);
}

/// More than any buffer between server and client holds, and then more than the server keeps: of what is
/// this large, soon, since a client that takes nothing for long is closed.
const CHANGES: usize = 6_000;
const LARGE: usize = 1024;

#[tokio::test]
async fn a_client_that_takes_nothing_costs_nobody_else_and_is_told_when_it_comes_back() {
    let served = Served::start().await;
    let mut slow = served.client().await;
    let mut busy = served.client().await;
    let uuid = busy.add_probe().await;
    let class = format!("probe.{uuid}.noop");
    let properties = json!({ "note": "x".repeat(LARGE) });
    let (mut sink, mut stream) = busy.socket.split();
    let sending = tokio::spawn(async move {
        use futures_util::SinkExt;
        for n in 0..CHANGES {
            let add = json!({ "id": class, "uuid": "node", "properties": properties });
            let add = command("add_node", add, &format!("add {n}")).to_string();
            let remove = json!({ "id": "node" });
            let remove = command("remove_node", remove, &format!("remove {n}")).to_string();
            sink.feed(Message::text(add)).await.unwrap();
            sink.feed(Message::text(remove)).await.unwrap();
        }
        sink.flush().await.unwrap();
        sink
    });
    let mut answers = 0;
    while answers < 2 * CHANGES {
        let message = stream.next().await.unwrap().unwrap();
        let json = parse(&message).unwrap();
        assert_ne!(json["type"], "error", "{json}");
        answers += usize::from(json["type"] == "result");
    }
    drop(sending.await.unwrap());
    let told = slow.json(|json| json["type"] == "error_event").await;
    assert!(told["error"].as_str().unwrap().contains("slow"), "{told}");
    slow.aside.clear();
    slow.event("fullsync").await;
    assert_eq!(slow.call("get_nodes", json!({})).await.unwrap(), json!([]));
}

#[tokio::test]
async fn of_values_that_come_faster_than_they_are_taken_the_last_one_arrives() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let mut slow = served.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "echo").await;
    let text = "x".repeat(1000);
    let last = 5_000;
    for n in 0..=last {
        let set = json!({ "nid": node, "ioid": "value", "value": format!("{n} {text}") });
        client
            .send(&json!({ "type": "cmd", "cmd": "set_io_value", "kwargs": set }))
            .await;
    }
    let prefix = format!("{last} ").into_bytes();
    for client in [&mut client, &mut slow] {
        client
            .wait_for(|message| {
                let (header, body) = binary(message)?;
                let is_last = header.contains("; io=value; ") && body.starts_with(&prefix);
                is_last.then_some(())
            })
            .await;
    }
}
