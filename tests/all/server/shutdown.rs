//! The end: asked for by a client, by a signal, or twice.

use std::process::Stdio;
use std::time::Duration;

use clap::Parser;
use external_worker_artifacts::PROBE_HOST;
use external_worker_host::cli::Cli;
use external_worker_tests::PATIENCE;
use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Served, open};

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
    let value = again.nodespace().value_json(&node, "value").unwrap();
    assert_eq!(value, 3);
    again.close(PATIENCE).await.unwrap();
}

/// `ewh serve` in a process of its own, for the signals that it gets.
struct Process {
    child: Child,
    announced: Json,
    _data: tempfile::TempDir,
}

impl Process {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let modules = data.path().join("local_workers");
        std::fs::create_dir_all(&modules).unwrap();
        std::fs::copy(PROBE_HOST, modules.join("probe.wasm")).unwrap();
        let test = "server::shutdown::in_a_process_of_its_own";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env("EWH_SERVE", data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let announced = loop {
            let line = timeout(PATIENCE, lines.next_line())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            if let Some(at) = line.find('{') {
                break serde_json::from_str(&line[at..]).unwrap();
            }
        };
        Self {
            child,
            announced,
            _data: data,
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(sent.unwrap().success());
    }

    async fn ended(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
            .code()
    }
}

#[test]
fn in_a_process_of_its_own() {
    let Some(data) = std::env::var_os("EWH_SERVE") else {
        return;
    };
    let data = data.to_str().unwrap();
    let cli = Cli::parse_from(["ewh", "serve", "--data", data, "--port", "0", "--json"]);
    let output = cli.output();
    let exit = cli.execute(&output).unwrap();
    std::process::exit(exit.code().into());
}

#[tokio::test]
async fn it_says_where_it_is_and_a_signal_ends_it_well() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start().await;
        let url = process.announced["url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("ws://127.0.0.1:"), "{url}");
        assert_eq!(process.announced["uuid"].as_str().unwrap().len(), 32);
        let address = url.strip_prefix("ws://").unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(&url, stream).await.unwrap();
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
    let mut process = Process::start().await;
    let url = process.announced["url"].as_str().unwrap().to_owned();
    let address = url.strip_prefix("ws://").unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // A client that never says goodbye: the server waits for it, for a while.
    let (mut socket, _) = tokio_tungstenite::client_async(&url, stream).await.unwrap();
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
