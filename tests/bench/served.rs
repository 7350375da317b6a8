//! From an input to the output: in process, and through the websocket of a served Worker beside a
//! server that only sends back what it gets.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::engine::Engine;
use external_worker_host::nodespace::Value;
use external_worker_host::policy::Policy;
use external_worker_host::server::{Bound, Server};
use external_worker_host::worker::{NewInstance, Worker, WorkerOptions};
use external_worker_tests::new_engine;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const TIMES: i64 = 20_000;
/// Not measured: caches fill, and a node's first runs tell more of themselves.
const WARM_UP: i64 = 1_000;

/// What is asked of "input set to output" in process, and through the websocket.
const TRIGGER_US: f64 = 50.0;
const WEBSOCKET_P99_US: f64 = 500.0;

/// Prints the times, and whether the limits hold.
pub fn print() {
    let client = super::control();
    let server = super::control();
    let data = tempfile::tempdir().unwrap();
    let engine = new_engine();
    let worker = server.block_on(open(data.path(), engine.clone()));
    let node = server.block_on(node(&worker));
    println!("\n{:<44} {:>9} {:>9}  limit", "what", "p50, us", "p99, us");
    let in_process = {
        let (worker, node) = (worker.clone(), node.clone());
        let task = engine
            .threads()
            .spawn(async move { in_process(&worker, &node).await });
        client.block_on(task).unwrap()
    };
    let held = |value: f64, limit: f64| if value > limit { "MISSED" } else { "held" };
    let [p50, p99] = in_process;
    let limit = held(p50, TRIGGER_US);
    println!(
        "{:<44} {p50:>9.1} {p99:>9.1}  p50 {TRIGGER_US} {limit}",
        "input set to output, in process"
    );

    let echo = server.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(echo(listener));
        address
    });
    let [p50, p99] = client.block_on(no_ops(echo));
    println!(
        "{:<44} {p50:>9.1} {p99:>9.1}",
        "websocket that sends back what it gets"
    );
    let address = server.block_on(serve(&worker));
    let [p50, p99] = client.block_on(no_ops(address));
    println!(
        "{:<44} {p50:>9.1} {p99:>9.1}",
        "no-op command through the websocket"
    );
    let [p50, p99] = client.block_on(values(address, &node));
    let limit = held(p99, WEBSOCKET_P99_US);
    println!(
        "{:<44} {p50:>9.1} {p99:>9.1}  p99 {WEBSOCKET_P99_US} {limit}",
        "input set to output, through the websocket"
    );
    server
        .block_on(worker.close(Duration::from_secs(10)))
        .unwrap();
}

async fn open(data: &Path, engine: Engine) -> Worker {
    let modules = data.join("local_workers");
    std::fs::create_dir_all(&modules).unwrap();
    std::fs::copy(PROBE_HOST, modules.join("probe.wasm")).unwrap();
    let worker = Worker::open(WorkerOptions {
        data: data.to_owned(),
        name: None,
        policy: Policy::default().into(),
        engine,
        auditor: Default::default(),
        quotas: external_worker_host::worker::Quotas::default(),
        secrets: Default::default(),
    })
    .await
    .unwrap();
    worker.started().await;
    worker
}

/// A node that returns its input.
async fn node(worker: &Worker) -> String {
    let new = NewInstance {
        config: Some(json!({ "turn_ms": 3_600_000 })),
        ..NewInstance::default()
    };
    let added = worker.add_instance("probe", "probe", new).await.unwrap();
    let class = format!("probe.{}.echo", added.uuid);
    let graph = worker.nodespace();
    let node = graph.add_node(&class, Default::default()).unwrap();
    node.id.to_string()
}

async fn in_process(worker: &Worker, node: &str) -> [f64; 2] {
    let graph = worker.nodespace();
    let mut times = Vec::new();
    for n in 0..WARM_UP + TIMES {
        let begin = Instant::now();
        graph
            .set_value(node, "value", Some(Value::Integer(n)), false)
            .unwrap();
        graph.node_idle(node).await;
        times.push(begin.elapsed());
        assert_eq!(graph.preview(node, "out").unwrap(), n);
    }
    quantiles(times)
}

async fn serve(worker: &Worker) -> SocketAddr {
    let any = "127.0.0.1:0".parse().unwrap();
    let bound = Bound::new(any, None, Vec::new()).await.unwrap();
    let server = Server::new(bound, worker.clone());
    let address = server.address();
    tokio::spawn(server.run());
    address
}

async fn echo(listener: TcpListener) {
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() || socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn connect(address: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let url = format!("ws://{address}/");
    tokio_tungstenite::client_async(url, stream)
        .await
        .unwrap()
        .0
}

fn command(cmd: &str, kwargs: Json, id: i64) -> Message {
    let json = json!({ "type": "cmd", "cmd": cmd, "kwargs": kwargs, "id": id.to_string() });
    Message::text(json.to_string())
}

/// One command after the other, until what comes back has its id.
async fn no_ops(address: SocketAddr) -> [f64; 2] {
    let mut socket = connect(address).await;
    let mut times = Vec::new();
    for n in 0..WARM_UP + TIMES {
        let message = command("get_runstate", json!({}), n);
        let id = format!("\"id\":\"{n}\"");
        let begin = Instant::now();
        socket.send(message).await.unwrap();
        loop {
            let message = socket.next().await.unwrap().unwrap();
            if message.to_text().is_ok_and(|text| text.contains(&id)) {
                break;
            }
        }
        times.push(begin.elapsed());
    }
    socket.close(None).await.unwrap();
    quantiles(times)
}

/// From the message that sets an input to the frame with the output.
async fn values(address: SocketAddr, node: &str) -> [f64; 2] {
    let mut socket = connect(address).await;
    let mut times = Vec::new();
    for n in 0..WARM_UP + TIMES {
        // Never what is there already.
        let value = 1_000_000 + n;
        let set = json!({ "nid": node, "ioid": "value", "value": value });
        let message = command("set_io_value", set, n);
        let body = value.to_be_bytes();
        let begin = Instant::now();
        socket.send(message).await.unwrap();
        loop {
            let message = socket.next().await.unwrap().unwrap();
            if let Message::Binary(frame) = message {
                let is_out = frame.windows(5).any(|part| part == b"io=ou");
                if is_out && frame.ends_with(&body) {
                    break;
                }
            }
        }
        times.push(begin.elapsed());
    }
    quantiles(times)
}

/// The median and the 99th percentile, in microseconds.
fn quantiles(times: Vec<Duration>) -> [f64; 2] {
    let mut times: Vec<_> = times.into_iter().skip(WARM_UP as usize).collect();
    times.sort_unstable();
    [50, 99].map(|percent| times[times.len() * percent / 100].as_secs_f64() * 1e6)
}
