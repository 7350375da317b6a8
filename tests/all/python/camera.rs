//! A camera that gives its frames over HTTP: a loop that looks, pictures as outputs, options and progress.

use std::net::SocketAddr;
use std::sync::Arc;

use external_worker_host::nodespace::{GraphEvent, Value};
use external_worker_host::worker::WorkerEvent;
use external_worker_tests::wait_for;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::runtime;
use crate::worker::{Site, notice, until};

const SCRIPT: &str = include_str!("../../../guests/python/camera.py");
/// The smallest picture.
const PNG: &[u8] = include_bytes!("../../ui/picture.png");

/// A camera on loopback, which serves until the runtime of the test ends. At night it waits for `light`.
async fn camera(light: Arc<Semaphore>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&light)));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, light: Arc<Semaphore>) {
    let mut lines = BufReader::new(&mut stream).lines();
    let mut first = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.is_empty() {
            break;
        }
        if first.is_empty() {
            first = line;
        }
    }
    if first.contains("mode=night") {
        light.acquire().await.unwrap().forget();
    }
    let (kind, body) = match first.contains("/modes") {
        true => ("application/json", &br#"["day", "night"]"#[..]),
        false => ("image/png", PNG),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
}

#[tokio::test]
async fn a_camera_shows_what_it_sees_and_how_far_it_is() {
    runtime().await;
    let light = Arc::new(Semaphore::new(0));
    let address = camera(Arc::clone(&light)).await;
    let site = Site::with(&[]).await;
    let policy = format!(
        "[[http]]\nhost = \"127.0.0.1\"\nports = [{}]\nscheme = \"http\"\nmethods = [\"GET\"]\n",
        address.port()
    );
    site.allow("camera", &policy);
    let mut events = site.worker.subscribe();
    site.put("camera.py", SCRIPT.as_bytes());
    notice(&mut events, "`camera` is new").await;
    let config = json!({ "url": format!("http://{address}/"), "interval_s": 0.05 });
    let uuid = site.add("camera", "camera", config).await;
    let frame = site.node("camera", &uuid, "frame");
    let graph = site.worker.nodespace();
    // The loop triggers it.
    let is_seen = || {
        graph
            .value(&frame, "out")
            .unwrap()
            .is_some_and(|it| matches!(*it, Value::Media(_)))
    };
    until(is_seen).await;

    let shoot = site.node("camera", &uuid, "shoot");
    until(|| {
        json!(graph.node(&shoot, false).unwrap())
            .to_string()
            .contains("night")
    })
    .await;
    let set = |input: &str, value| graph.set_value(&shoot, input, Some(value), false).unwrap();
    let mut events = site.worker.subscribe();
    set("mode", Value::Text("night".to_owned()));
    // This triggers it.
    set("count", Value::Integer(3));
    let told = wait_for(&mut events, |event| match event {
        WorkerEvent::Graph(GraphEvent::Progress { what, .. }) => {
            what.contains("frame ").then(|| what.to_string())
        }
        _ => None,
    });
    let told = told.await;
    assert!(told.ends_with(" of 3"), "{told}");
    light.add_permits(3);
    graph.node_idle(&shoot).await;
    let size = PNG.len();
    assert_eq!(site.out(&shoot), json!([size, size, size]));
}
