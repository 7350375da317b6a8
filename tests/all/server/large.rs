//! What is too large for one message, both ways.

use external_worker_host::limits;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Served, command, parse};

#[tokio::test]
async fn a_large_answer_is_fetched() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "echo").await;
    let text = "é".repeat(limits::LARGE_MESSAGE_BYTES);
    let set = json!({ "nid": node, "ioid": "value", "value": text });
    client.send(&command("set_io_value", set, "set")).await;
    let get = json!({ "nid": node, "ioid": "value" });
    let hint = client.json(|json| json["type"] == "large_message").await;
    let path = format!("/message/{}", hint["msg_id"].as_str().unwrap());
    assert!(hint["url"].as_str().unwrap().ends_with(&path), "{hint}");
    // Twice: a fetch that is cut off is tried again.
    for _ in 0..2 {
        let answer = served.http(&format!("GET {path}"), b"").await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let answer = answer.json();
        assert_eq!(
            (&answer["type"], &answer["id"]),
            (&json!("result"), &json!("set"))
        );
        assert_eq!(answer["result"], text);
    }
    let preview = client.call("get_io_value", get).await.unwrap();
    assert!(preview.as_str().unwrap().len() < 10_000);
    assert_eq!(served.http("GET /message/nowhere", b"").await.status, 404);
}

#[tokio::test]
async fn a_posted_request_is_answered_where_it_came_from() {
    let served = Served::start().await;
    let page = "http://localhost:8000";
    let mut client = served.knock("/", &[("Origin", page)]).await.unwrap();
    let mut other = served.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "echo").await;
    let text = "x".repeat(2_000_000);
    let set = json!({ "nid": node, "ioid": "value", "value": text });
    let body = command("set_io_value", set, "7d6c5fc2-5cf5-4b2c-8f0c-8b2c1f6f2b11").to_string();
    let head = format!("POST /message/\nOrigin: {page}\nContent-Type: application/json");
    let answer = served.http(&head, body.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(page));
    client.json(|json| json["type"] == "large_message").await;
    let whole = json!({ "nid": node, "ioid": "value" });
    client
        .send(&json!({
            "type": "cmd", "cmd": "get_io_full_value", "kwargs": whole, "id": "x", "as_bytes": true,
        }))
        .await;
    let (_, bytes) = client
        .wait_for(|message| super::binary(message).filter(|(header, _)| header.contains("id=x")))
        .await;
    assert_eq!(bytes, text.as_bytes());
    // Events are for all; the answer was not.
    other.send(&json!({ "type": "ping" })).await;
    let mut pongs = 0;
    while pongs < 2 {
        let message = other.receive().await;
        let Some(json) = parse(&message) else {
            continue;
        };
        assert_ne!(json["type"], "large_message");
        pongs += usize::from(json["type"] == "pong");
    }
}

#[tokio::test]
async fn what_is_posted_is_checked() {
    let served = Served::start().await;
    for (body, status) in [(&b"{"[..], 400), (b"\xff", 400), (br#"{"type":"x"}"#, 400)] {
        assert_eq!(served.http("POST /message/", body).await.status, status);
    }
    let large = vec![b' '; limits::MAX_POSTED_BYTES + 1];
    assert_eq!(served.http("POST /message/", &large).await.status, 413);
}

#[tokio::test]
async fn a_message_beyond_the_limit_gets_an_error_and_one_far_beyond_it_ends_the_connection() {
    let served = Served::start().await;
    let mut client = served.client().await;
    client
        .send_text(" ".repeat(limits::MAX_MESSAGE_BYTES + 1))
        .await;
    let error = client.json(|json| json["type"] == "error").await;
    assert!(error["error"].as_str().unwrap().contains("POST"), "{error}");
    assert!(client.call("uuid", json!({})).await.is_ok());
    // The server may have closed before all of it is sent.
    let far = Message::text(" ".repeat(limits::MAX_FRAME_BYTES + 1));
    let _ = client.socket.send(far).await;
    while let Some(Ok(_)) = client.socket.next().await {}
    let mut next = served.client().await;
    assert!(next.call("uuid", json!({})).await.is_ok());
}
