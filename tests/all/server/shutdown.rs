//! The end: asked for by a client, by a signal, or twice.

use std::time::Duration;

use external_worker_tests::PATIENCE;
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::process::Process;
use super::{Served, data_with_probe, open};

#[tokio::test]
async fn a_client_that_stops_the_worker_is_answered_and_everybody_hears_of_it() {
    let served = Served::start().await;
    let mut one = served.client().await;
    let mut other = served.client().await;
    let uuid = one.add_probe().await;
    let node = one.add_node(&uuid, "echo").await;
    let set = json!({ "nid": node, "ioid": "value", "value": 3, "set_default": true });
    one.call("set_io_value", set).await.unwrap();
    assert_eq!(one.call("stop_worker", json!({})).await.unwrap(), true);
    other.event("stopping").await;
    for client in [&mut one, &mut other] {
        let closed = client
            .wait_for(|message| match message {
                Message::Close(Some(frame)) => Some(frame.code),
                _ => None,
            })
            .await;
        assert_eq!(closed, CloseCode::Away);
        while let Some(Ok(_)) = client.socket.next().await {}
    }
    let data = served.stop().await;
    let again = open(data.path()).await;
    let value = again.nodespace().preview(&node, "value").unwrap();
    assert_eq!(value, 3);
    again.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn it_says_where_it_is_and_a_signal_ends_it_well() {
    for signal in ["-TERM", "-INT"] {
        let data = data_with_probe();
        let mut process = Process::start(data.path()).await;
        let url = process.announced["url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("ws://127.0.0.1:"), "{url}");
        assert_eq!(process.announced["uuid"].as_str().unwrap().len(), 32);
        let mut socket = process.client().await.socket;
        process.signal(signal);
        let mut is_told = false;
        while let Some(Ok(message)) = timeout(PATIENCE, socket.next()).await.unwrap() {
            is_told |=
                matches!(message, Message::Close(Some(frame)) if frame.code == CloseCode::Away);
        }
        assert!(is_told);
        assert_eq!(process.ended().await, Some(0));
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let data = data_with_probe();
    let mut process = Process::start(data.path()).await;
    // A client that never says goodbye: the server waits for it, for a while.
    let mut socket = process.client().await.socket;
    process.signal("-TERM");
    loop {
        let message = timeout(PATIENCE, socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        if message
            .to_text()
            .is_ok_and(|text| text.contains("stopping"))
        {
            break;
        }
    }
    process.signal("-TERM");
    let code = process.ended().await;
    assert!(matches!(code, Some(143 | 0)), "{code:?}");
    tokio::time::timeout(Duration::from_secs(1), socket.next())
        .await
        .ok();
}
