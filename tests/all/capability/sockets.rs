//! TCP and UDP, against Debian's redis-server and sockets of the test's own.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use external_worker_artifacts::{PROBE_SOCKETS, REDIS_CLIENT};
use external_worker_host::bindings::types::Value;
use external_worker_host::engine::{Answer, Engine, Resolver};
use external_worker_host::instance::Instance;
use external_worker_tests::{TestHost, call, call_int, call_text, engine_with};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::process::{Child, Command};

use super::denial;

const TOKEN: &str = "s3cr3t-token";

/// Lines of a policy that grant these sockets.
pub(crate) fn rule(protocol: &str, direction: &str, host: &str, ports: &str) -> String {
    format!(
        "[[sockets]]\nprotocol = \"{protocol}\"\ndirection = \"{direction}\"\nhost = \"{host}\"\n\
         ports = [{ports}]\n"
    )
}

fn address(address: &str) -> [(&'static str, Value); 1] {
    [("address", Value::Text(address.to_owned()))]
}

fn sent(address: &str, text: &str, name: &'static str) -> [(&'static str, Value); 2] {
    [
        ("address", Value::Text(address.to_owned())),
        (name, Value::Text(text.to_owned())),
    ]
}

/// A real Redis on a free port, gone with the value.
struct Redis {
    port: u16,
    _server: Child,
    _dir: tempfile::TempDir,
}

impl Redis {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--requirepass", TOKEN])
            .args(["--port", &port.to_string()])
            .arg("--dir")
            .arg(dir.path())
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server is installed");
        let up = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(external_worker_tests::PATIENCE, up)
            .await
            .unwrap();
        Self {
            port,
            _server: server,
            _dir: dir,
        }
    }
}

/// Answers every line with itself.
async fn echo_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    port
}

async fn probe(class: &str, policy: &str) -> Instance {
    TestHost::grant(policy)
        .start(PROBE_SOCKETS, class, json!({}))
        .await
        .unwrap()
}

#[tokio::test]
async fn the_redis_client_keeps_its_connection_and_its_secret() {
    let redis = Redis::start().await;
    let host = TestHost::grant(&rule(
        "tcp",
        "connect",
        "127.0.0.1",
        &redis.port.to_string(),
    ));
    let config = json!({ "port": redis.port, "token": TOKEN });
    let client = host
        .start(REDIS_CLIENT, "redis_client", config)
        .await
        .unwrap();
    assert_eq!(call_text(&client, "ping", []).await.unwrap(), "PONG");
    let key = || ("key", Value::Text("k".to_owned()));
    call(
        &client,
        "set",
        [key(), ("value", Value::Text("v".to_owned()))],
    )
    .await
    .unwrap();
    assert_eq!(call_text(&client, "get", [key()]).await.unwrap(), "v");
    let counter = || [("key", Value::Text("n".to_owned()))];
    assert_eq!(call_int(&client, "incr", counter()).await.unwrap(), 1);
    assert_eq!(call_int(&client, "incr", counter()).await.unwrap(), 2);
    while call_int(&client, "pings", []).await.unwrap() < 1 {}
    assert!(!client.public_config().to_string().contains(TOKEN));

    client
        .update_config(json!({ "token": "wrong" }))
        .await
        .unwrap();
    let error = call_text(&client, "ping", [])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("WRONGPASS") && !error.contains(TOKEN),
        "{error}"
    );
}

#[tokio::test]
async fn a_granted_address_is_reached_and_every_other_is_denied() {
    let port = echo_server().await;
    let policy = rule("tcp", "connect", "127.0.0.1", &port.to_string());
    for class in ["sockets", "sockets2"] {
        let sockets = probe(class, &policy).await;
        let mut events = sockets.events();
        let here = format!("127.0.0.1:{port}");
        assert_eq!(
            call_text(&sockets, "exchange", sent(&here, "hello", "line"))
                .await
                .unwrap(),
            "hello"
        );
        let other = port.wrapping_add(1).max(1);
        let elsewhere = [
            format!("127.0.0.1:{other}"),
            "[::1]:22".to_owned(),
            "169.254.169.254:80".to_owned(),
            "10.0.0.1:80".to_owned(),
        ];
        for place in elsewhere {
            call(&sockets, "connect", address(&place))
                .await
                .unwrap_err();
            let message = denial(&mut events).await;
            assert!(
                message.contains("[[sockets]]"),
                "{class} {place}: {message}"
            );
        }
        call(&sockets, "listen", address("127.0.0.1:0"))
            .await
            .unwrap_err();
        let message = denial(&mut events).await;
        assert!(message.contains("bind"), "{class}: {message}");
    }
}

#[tokio::test]
async fn listening_is_granted_by_itself() {
    let sockets = probe("sockets", &rule("tcp", "bind", "127.0.0.1", "\"*\"")).await;
    let place = call_text(&sockets, "listen", address("127.0.0.1:0"))
        .await
        .unwrap();
    let accepting = tokio::spawn({
        let sockets = sockets.clone();
        async move { call_text(&sockets, "accept", []).await }
    });
    let mut peer = TcpStream::connect(&place).await.unwrap();
    peer.write_all(b"knock\n").await.unwrap();
    assert_eq!(accepting.await.unwrap().unwrap(), "knock");
    call(&sockets, "connect", address(&place))
        .await
        .unwrap_err();
    // Everything of it is gone when it is stopped.
    sockets.stop().await;
    assert_eq!(peer.read(&mut [0; 8]).await.unwrap_or(0), 0);
    TcpStream::connect(&place).await.unwrap_err();
}

#[tokio::test]
async fn datagrams_go_where_they_may() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let place = peer.local_addr().unwrap();
    let policy = rule("udp", "connect", "127.0.0.1", &place.port().to_string());
    tokio::spawn(async move {
        let mut buffer = [0; 64];
        while let Ok((count, from)) = peer.recv_from(&mut buffer).await {
            let _ = peer.send_to(&buffer[..count], from).await;
        }
    });
    for class in ["sockets", "sockets2"] {
        let sockets = probe(class, &policy).await;
        for node in ["datagram", "datagram_connected"] {
            let here = sent(&place.to_string(), "hi", "text");
            assert_eq!(
                call_text(&sockets, node, here).await.unwrap(),
                "hi",
                "{class} {node}"
            );
            let there = sent("127.0.0.1:9", "hi", "text");
            call_text(&sockets, node, there).await.unwrap_err();
        }
    }
}

#[tokio::test]
async fn names_are_resolved_only_where_granted() {
    let port = echo_server().await;
    let sockets = probe(
        "sockets",
        &rule("tcp", "connect", "localhost", &port.to_string()),
    )
    .await;
    let mut events = sockets.events();
    let here = sent(&format!("localhost:{port}"), "by name", "line");
    assert_eq!(
        call_text(&sockets, "exchange", here).await.unwrap(),
        "by name"
    );
    call(
        &sockets,
        "look_up",
        [("name", Value::Text("example.com".into()))],
    )
    .await
    .unwrap_err();
    assert!(denial(&mut events).await.contains("example.com"));
}

/// An engine whose resolver leads every name to what `place` says at the time, and says that it holds for
/// no time at all; it keeps the names that it was asked for.
fn resolving(place: &Arc<Mutex<Place>>) -> Engine {
    let place = Arc::clone(place);
    engine_with(Resolver::with_lifetimes(move |name| {
        let mut place = place.lock().unwrap();
        place.asked.push(name.to_owned());
        Ok(Answer {
            addresses: vec![place.address],
            lifetime: Duration::ZERO,
        })
    }))
}

struct Place {
    address: IpAddr,
    asked: Vec<String>,
}

impl Place {
    fn new(address: &str) -> Arc<Mutex<Self>> {
        let (address, asked) = (address.parse().unwrap(), Vec::new());
        Arc::new(Mutex::new(Self { address, asked }))
    }
}

/// Answers every line with the address that it was sent to.
async fn server_at(address: &str, port: u16) -> u16 {
    let listener = TcpListener::bind((address, port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let here = format!("{}\n", stream.local_addr().unwrap().ip());
            let _ = stream.write_all(here.as_bytes()).await;
            let _ = stream.read(&mut [0; 64]).await;
        }
    });
    port
}

#[tokio::test]
async fn a_service_that_moves_is_found_and_what_its_name_leads_to_is_decided_anew() {
    let port = server_at("127.0.0.1", 0).await;
    server_at("127.0.0.2", port).await;
    let place = Place::new("127.0.0.1");
    let engine = resolving(&place);
    let ports = port.to_string();
    let policy = rule("tcp", "connect", "moves.example", &ports)
        + &rule("tcp", "connect", "127.0.0.0/8", &ports);
    let host = TestHost::grant(&policy).on(&engine);
    let sockets = host
        .start(PROBE_SOCKETS, "sockets", json!({}))
        .await
        .unwrap();
    let mut events = sockets.events();
    let there = format!("moves.example:{port}");
    let ask = || call_text(&sockets, "exchange", sent(&there, "where", "line"));
    assert_eq!(ask().await.unwrap(), "127.0.0.1");

    place.lock().unwrap().address = "127.0.0.2".parse().unwrap();
    let moved = async { while ask().await.unwrap() != "127.0.0.2" {} };
    tokio::time::timeout(external_worker_tests::PATIENCE, moved)
        .await
        .unwrap();

    place.lock().unwrap().address = "169.254.169.254".parse().unwrap();
    let denied = async { while ask().await.is_ok() {} };
    tokio::time::timeout(external_worker_tests::PATIENCE, denied)
        .await
        .unwrap();
    let message = denial(&mut events).await;
    assert!(message.contains("169.254.169.254"), "{message}");
}

#[tokio::test]
async fn an_international_name_is_granted_and_looked_up_as_dns_has_it() {
    let port = server_at("127.0.0.1", 0).await;
    let place = Place::new("127.0.0.1");
    let engine = resolving(&place);
    let ports = port.to_string();
    let policy = rule("tcp", "connect", "*.b\u{fc}cher.example", &ports)
        + &rule("tcp", "connect", "127.0.0.1", &ports);
    for class in ["sockets", "sockets2"] {
        let host = TestHost::grant(&policy).on(&engine);
        let sockets = host.start(PROBE_SOCKETS, class, json!({})).await.unwrap();
        let name = |name: &str| [("name", Value::Text(name.to_owned()))];
        for spelled in ["shop.b\u{fc}cher.example", "SHOP.xn--bcher-kva.EXAMPLE."] {
            call(&sockets, "look_up", name(spelled)).await.unwrap();
        }
        call(&sockets, "look_up", name("b\u{fc}\u{fffd}.example"))
            .await
            .unwrap_err();
    }
    let asked = &place.lock().unwrap().asked;
    let is_ascii = |name: &String| name == "shop.xn--bcher-kva.example";
    assert!(asked.iter().all(is_ascii) && asked.len() >= 2, "{asked:?}");
}

#[tokio::test]
async fn sockets_are_counted_and_running_out_is_no_denial() {
    let policy = rule("tcp", "connect", "127.0.0.1", "9") + "[budget]\nsockets = 3\n";
    for class in ["sockets", "sockets2"] {
        let sockets = probe(class, &policy).await;
        let mut events = sockets.events();
        let got = call_text(&sockets, "flood", [("most", Value::Integer(100))])
            .await
            .unwrap();
        assert!(got.starts_with("3:"), "{class}: {got}");
        assert!(!got.to_lowercase().contains("denied"), "{class}: {got}");
        call(&sockets, "let_go", []).await.unwrap();
        let again = call_text(&sockets, "flood", [("most", Value::Integer(2))])
            .await
            .unwrap();
        assert_eq!(again, "2: no end", "{class}");
        let denied = std::iter::from_fn(|| events.try_recv().ok()).any(|event| {
            matches!(
                *event,
                external_worker_host::instance::events::Event::Denied { .. }
            )
        });
        assert!(!denied, "{class}");
    }
}
