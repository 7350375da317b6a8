//! `ewh serve` from outside: a real server with a real Worker, real websockets, real HTTP.

mod apart;
mod data;
mod dev;
mod doors;
mod down;
mod events;
mod flow;
mod keys;
mod killed;
mod large;
mod library;
mod media;
mod process;
mod remote;
mod requests;
mod shutdown;
mod strangers;
mod uploads;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::policy::Policy;
use external_worker_host::server::{Bound, Keyring, Server, Tokens};
use external_worker_host::worker::{Worker, WorkerOptions};
use external_worker_tests::{PATIENCE, engine};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

/// The module and the class of the probe.
const PROBE: &str = "probe";

/// A Worker that is served.
struct Served {
    address: SocketAddr,
    worker: Worker,
    stop: CancellationToken,
    running: JoinHandle<()>,
    data: tempfile::TempDir,
}

/// What a server is asked to be.
#[derive(Default)]
struct Asked<'a> {
    token: Option<&'a str>,
    origins: &'a [&'a str],
    keys: Option<Keyring>,
}

impl Served {
    /// One that anybody on this machine may use.
    async fn start() -> Self {
        Self::with(Asked::default()).await
    }

    async fn with(asked: Asked<'_>) -> Self {
        let data = data_with_probe();
        let worker = open(data.path()).await;
        let origins = asked.origins.iter().map(|o| o.parse().unwrap()).collect();
        let any = "127.0.0.1:0".parse().unwrap();
        let tokens = Tokens {
            single: asked.token,
            keys: asked.keys,
        };
        let bound = Bound::new(any, tokens, origins).await.unwrap();
        let server = Server::new(bound, worker.clone());
        Self {
            address: server.address(),
            worker,
            stop: server.stop(),
            running: tokio::spawn(server.run()),
            data,
        }
    }

    /// A program that connects.
    async fn client(&self) -> Client {
        self.knock("/", &[]).await.unwrap()
    }

    /// A websocket at `path` with `headers`; the status when it is refused.
    async fn knock(&self, path: &str, headers: &[(&str, &str)]) -> Result<Client, StatusCode> {
        let url = format!("ws://{}{path}", self.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Client {
                socket,
                aside: VecDeque::new(),
            }),
            Err(Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("{error}"),
        }
    }

    /// One HTTP request.
    async fn http(&self, head: &str, body: &[u8]) -> Answer {
        http(&self.address.to_string(), head, body).await
    }

    /// Ends it, which takes no longer than it may.
    async fn stop(self) -> tempfile::TempDir {
        self.stop.cancel();
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
        self.data
    }
}

/// A directory for a Worker whose only module is the probe.
fn data_with_probe() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let modules = data.path().join("local_workers");
    std::fs::create_dir_all(&modules).unwrap();
    std::fs::copy(PROBE_HOST, modules.join(format!("{PROBE}.wasm"))).unwrap();
    data
}

/// Opens the Worker in `data`, and waits until what is in it has started.
async fn open(data: &Path) -> Worker {
    let worker = Worker::open(WorkerOptions {
        data: data.to_owned(),
        name: Some("under test".to_owned()),
        policy: Policy::default().into(),
        engine: engine().clone(),
        auditor: Default::default(),
        quotas: external_worker_host::worker::Quotas::default(),
        secrets: Default::default(),
    })
    .await
    .unwrap();
    worker.started().await;
    worker
}

/// One HTTP request to `address`.
async fn http(address: &str, head: &str, body: &[u8]) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    http_on(stream, address, head, body).await
}

/// One HTTP request to `address`, to which `stream` leads.
async fn http_on(mut stream: TcpStream, address: &str, head: &str, body: &[u8]) -> Answer {
    let (start, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut text = format!("{start} HTTP/1.1\r\nConnection: close\r\n");
    let names_host = |header: &str| header.to_ascii_lowercase().starts_with("host:");
    if !headers.lines().any(names_host) {
        text.push_str(&format!("Host: {address}\r\n"));
    }
    // What a program says of itself when it changes something.
    let says_who = ["origin:", "x-requested-with:", "sec-fetch-site:"];
    let is_said = |header: &str| {
        let header = header.to_ascii_lowercase();
        says_who.iter().any(|name| header.starts_with(name))
    };
    if !headers.lines().any(is_said) {
        text.push_str("X-Requested-With: tests\r\n");
    }
    for header in headers.lines() {
        text.push_str(&format!("{header}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(text.as_bytes()).await.unwrap();
    // A server that refuses a body need not read it.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: answer[end + 4..].to_vec(),
    }
}

/// The answer to an HTTP request.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Lower case.
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One websocket.
struct Client {
    socket: WebSocketStream<TcpStream>,
    /// What came while something else was waited for.
    aside: VecDeque<Message>,
}

impl Client {
    async fn send(&mut self, message: &Json) {
        self.send_text(message.to_string()).await;
    }

    async fn send_text(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// The next message, whatever it is.
    async fn receive(&mut self) -> Message {
        if let Some(message) = self.aside.pop_front() {
            return message;
        }
        self.receive_new().await
    }

    async fn receive_new(&mut self) -> Message {
        let next = timeout(PATIENCE, self.socket.next()).await;
        next.expect("a message comes").expect("it is open").unwrap()
    }

    /// The first message that `wanted` picks; the others are kept.
    async fn wait_for<T>(&mut self, mut wanted: impl FnMut(&Message) -> Option<T>) -> T {
        for at in 0..self.aside.len() {
            if let Some(found) = wanted(&self.aside[at]) {
                self.aside.remove(at);
                return found;
            }
        }
        loop {
            let message = self.receive_new().await;
            if let Some(found) = wanted(&message) {
                return found;
            }
            self.aside.push_back(message);
        }
    }

    /// The first JSON message that `wanted` accepts.
    async fn json(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        self.wait_for(|message| parse(message).filter(|json| wanted(json)))
            .await
    }

    /// The data of the next event `name`.
    async fn event(&mut self, name: &str) -> Json {
        let event = self.json(|json| json["event"] == name).await;
        event["data"].clone()
    }

    /// The header and the body of the next value of `io`.
    async fn io_value(&mut self, io: &str) -> (String, Vec<u8>) {
        let io = format!("; io={io}; ");
        self.wait_for(|message| binary(message).filter(|(header, _)| header.contains(&io)))
            .await
    }

    /// Asks for `cmd` and waits for the answer: result or error.
    async fn call(&mut self, cmd: &str, kwargs: Json) -> Result<Json, String> {
        let id = uuid::Uuid::new_v4().to_string();
        self.send(&command(cmd, kwargs, &id)).await;
        self.answer(&id).await
    }

    async fn answer(&mut self, id: &str) -> Result<Json, String> {
        let answer = self.json(|json| json["id"] == id).await;
        match answer["type"].as_str().unwrap() {
            "result" => Ok(answer["result"].clone()),
            "error" => Err(answer["error"].as_str().unwrap().to_owned()),
            other => panic!("{other}"),
        }
    }

    /// Waits until the nodes of an external worker are there: a server that was started again serves before.
    async fn comes(&mut self, uuid: &str) {
        loop {
            let library = self.call("get_library", json!({})).await.unwrap();
            if library.to_string().contains(uuid) {
                return;
            }
            self.event("lib_update").await;
        }
    }

    /// Adds an external worker of the probe's class; its uuid.
    async fn add_probe(&mut self) -> String {
        let added = self.call("add_external_worker", probe()).await.unwrap();
        added["uuid"].as_str().unwrap().to_owned()
    }

    /// Adds a node for `method` of an external worker; its id.
    async fn add_node(&mut self, uuid: &str, method: &str) -> String {
        let class = format!("{PROBE}.{uuid}.{method}");
        let node = self.call("add_node", json!({ "id": class })).await.unwrap();
        node["id"].as_str().unwrap().to_owned()
    }
}

/// The arguments that add an external worker of the probe's class.
fn probe() -> Json {
    json!({ "module": PROBE, "cls_module": PROBE, "cls_name": PROBE })
}

fn command(cmd: &str, kwargs: Json, id: &str) -> Json {
    json!({ "type": "cmd", "cmd": cmd, "kwargs": kwargs, "id": id })
}

fn parse(message: &Message) -> Option<Json> {
    match message {
        Message::Text(text) => Some(serde_json::from_str(text).unwrap()),
        _ => None,
    }
}

fn binary(message: &Message) -> Option<(String, Vec<u8>)> {
    let Message::Binary(bytes) = message else {
        return None;
    };
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let header = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Some((header, bytes[end + 4..].to_vec()))
}
