//! A served Worker, over a real websocket: whatever a client says, everything that can be answered is
//! answered once, in words that can be read, and the server goes on.

use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use external_worker_host::engine::{Compiling, Engine, EngineOptions};
use external_worker_host::limits;
use external_worker_host::policy::Policy;
use external_worker_host::server::protocol::{self, Incoming, Malformed};
use external_worker_host::server::{Bound, Server};
use external_worker_host::worker::{Worker, WorkerOptions};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::import::shelf;
use super::{parts, readable, runtime};

/// Longer than anything that works takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages of one input.
const MESSAGES: usize = 32;
/// What ends the server, and what asks machines elsewhere.
const LEFT_OUT: [&str; 2] = ["stop_worker", "add_package_dependency"];

type Client = WebSocketStream<TcpStream>;

/// Text messages; or, behind a byte 255, what is written to the connection as it is.
pub fn server(data: &[u8]) {
    static CLIENT: Mutex<Option<Client>> = Mutex::new(None);
    let mut kept = CLIENT.lock().unwrap_or_else(PoisonError::into_inner);
    runtime().block_on(async {
        if let Some(raw) = data.strip_prefix(b"\xff") {
            let mut client = connect().await;
            // The server may close it before all is written.
            let _ = client.get_mut().write_all(raw).await;
            return;
        }
        let mut client = match kept.take() {
            Some(client) => client,
            None => connect().await,
        };
        talk(&mut client, data).await;
        *kept = Some(client);
    });
}

async fn talk(client: &mut Client, data: &[u8]) {
    let mut owed = Vec::new();
    for message in parts(data).take(MESSAGES) {
        let Ok(message) = std::str::from_utf8(message) else {
            continue;
        };
        match protocol::parse(message) {
            Ok(Incoming::Request(request)) if LEFT_OUT.contains(&&*request.cmd) => continue,
            Ok(Incoming::Request(request)) => owed.extend(request.id.map(|id| json!(id))),
            Ok(Incoming::Ping) => {}
            Err(Malformed { id, .. }) => owed.push(json!(id)),
        }
        client.send(Message::text(message)).await.unwrap();
    }
    static NUMBER: Mutex<u64> = Mutex::new(0);
    let last = {
        let mut number = NUMBER.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        json!(format!("the last of input {number}"))
    };
    owed.push(last.clone());
    // So that the next input finds the graph as this one did.
    let clear = json!({ "type": "cmd", "cmd": "clear", "id": last });
    client.send(Message::text(clear.to_string())).await.unwrap();
    while !owed.is_empty() {
        let heard = tokio::time::timeout(PATIENCE, client.next()).await;
        let heard = heard.unwrap_or_else(|_| panic!("no answer to {owed:?}"));
        answered(&mut owed, heard.expect("the server goes on").unwrap());
    }
}

/// Takes what `message` answers from what is owed.
fn answered(owed: &mut Vec<Json>, message: Message) {
    let id = match message {
        Message::Text(text) => {
            let json: Json = serde_json::from_str(&text).unwrap();
            if let Some(error) = json["error"].as_str() {
                readable(error, limits::MAX_TEXT_BYTES);
            }
            match json["type"].as_str().unwrap() {
                "result" | "error" => json["id"].clone(),
                // The answer is fetched elsewhere; which one it is is not said here.
                "large_message" => owed[0].clone(),
                _ => return,
            }
        }
        Message::Binary(bytes) => {
            let end = bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap();
            let header = std::str::from_utf8(&bytes[..end]).unwrap();
            let mut entries = header.split(';').map(str::trim);
            let Some(id) = entries.find_map(|entry| entry.strip_prefix("id=")) else {
                return;
            };
            // A number is written as it was.
            let is_it = |owed: &&Json| *owed == id || format!("{owed}") == id;
            owed.iter()
                .find(is_it)
                .expect("an answer that is owed")
                .clone()
        }
        Message::Close(why) => panic!("closed: {why:?}"),
        _ => return,
    };
    let at = owed.iter().position(|owed| *owed == id);
    owed.swap_remove(at.unwrap_or_else(|| panic!("{id} is not owed of {owed:?}")));
}

async fn connect() -> Client {
    let address = address().await;
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let url = format!("ws://{address}/");
    let (client, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    client
}

/// Where the one server of this process is.
async fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    if let Some(address) = ADDRESS.get() {
        return *address;
    }
    let data = tempfile::tempdir().unwrap().keep();
    let worker = Worker::open(WorkerOptions {
        data,
        name: Some("fuzzed".to_owned()),
        policy: Policy::default().into(),
        engine: Engine::new(EngineOptions {
            pool_instances: Some(0),
            guest_threads: Some(1),
            ..EngineOptions::new(Compiling::Here)
        })
        .unwrap(),
        auditor: Default::default(),
        quotas: external_worker_host::worker::Quotas::default(),
        secrets: Default::default(),
    })
    .await
    .unwrap();
    worker.nodespace().put_shelf(&["fuzz"], shelf()).unwrap();
    let bound = Bound::new("127.0.0.1:0".parse().unwrap(), None, Vec::new())
        .await
        .unwrap();
    let server = Server::new(bound, worker);
    let address = server.address();
    tokio::spawn(server.run());
    *ADDRESS.get_or_init(|| address)
}
