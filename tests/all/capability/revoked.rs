//! A grant that is taken away while what it opened is in use: the other end sees it closed at once, and the guest is
//! told why, in a typed error. What is granted still goes on.

use std::time::{Duration, Instant};

use external_worker_artifacts::{PROBE_HTTP, PROBE_SERIAL, PROBE_SOCKETS};
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::Instance;
use external_worker_host::policy::Policy;
use external_worker_host::simulate::Terminal;
use external_worker_tests::{PATIENCE, TestHost, call, call_text};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::sockets::rule;

/// Generous beside the hundred milliseconds that are promised: the machine does other things, too.
const AT_ONCE: Duration = Duration::from_secs(2);

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// The same instance under another policy; what that closed.
fn now(instance: &Instance, policy: &str) -> Vec<String> {
    let policy = Policy::parse(policy, "test").unwrap();
    let requested = instance.prepared().component().manifest().requests.clone();
    instance.hold_to(policy.granted(requested.into_keys()).into())
}

fn tcp(direction: &str, ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    rule("tcp", direction, "127.0.0.1", &ports.join(", "))
}

/// Waits until the other end of `stream` is closed, in whichever way.
async fn closed(stream: &mut TcpStream) {
    let closed = async {
        let mut byte = [0];
        while stream.read(&mut byte).await.is_ok_and(|count| count > 0) {}
    };
    tokio::time::timeout(AT_ONCE, closed).await.expect("closed");
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn is_denied(outcome: Result<String, external_worker_host::HostError>) {
    let error = outcome.unwrap_err().to_string().to_lowercase();
    assert!(
        error.contains("denied") || error.contains("not granted any more"),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_is_closed_and_the_guest_is_told_why() {
    for class in ["sockets", "sockets2"] {
        let ((first, one), (second, other)) = (listener().await, listener().await);
        let policy = tcp("connect", &[one, other]);
        let guest = TestHost::grant(&policy).run(PROBE_SOCKETS, class).await;
        let address = |port| [("address", text(&format!("127.0.0.1:{port}")))];
        call(&guest, "keep", address(other)).await.unwrap();
        let (mut kept, _) = second.accept().await.unwrap();
        let line = [
            ("address", text(&format!("127.0.0.1:{one}"))),
            ("line", text("hello")),
        ];
        let asking = call_text(&guest, "exchange", line);
        let losing = async {
            let (peer, _) = first.accept().await.unwrap();
            let mut peer = BufReader::new(peer);
            let mut line = String::new();
            peer.read_line(&mut line).await.unwrap();
            let begin = Instant::now();
            let what = now(&guest, &tcp("connect", &[other]));
            assert_eq!(what, [format!("the connection to 127.0.0.1:{one}")]);
            closed(peer.get_mut()).await;
            println!("{class}: a connection, {:?}", begin.elapsed());
        };
        let asked = tokio::time::timeout(PATIENCE, async { tokio::join!(asking, losing) });
        is_denied(asked.await.unwrap().0);
        // The other one is open, and is closed with the last grant.
        assert!(kept.try_read(&mut [0]).is_err());
        assert_eq!(now(&guest, "").len(), 1);
        closed(&mut kept).await;
        call(&guest, "keep", address(other)).await.unwrap_err();
        // What is granted anew is there without a start.
        now(&guest, &policy);
        call(&guest, "keep", address(one)).await.unwrap();
    }
}

#[tokio::test]
async fn a_listener_is_closed_with_what_came_in_there() {
    for class in ["sockets", "sockets2"] {
        let port = listener().await.1;
        let policy = tcp("bind", &[port]);
        let guest = TestHost::grant(&policy).run(PROBE_SOCKETS, class).await;
        let place = [("address", text(&format!("127.0.0.1:{port}")))];
        call(&guest, "listen", place).await.unwrap();
        let mut came_in = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let accepting = call_text(&guest, "accept", []);
        let losing = async {
            came_in.write_all(b"half a li").await.unwrap();
            let begin = Instant::now();
            assert_eq!(now(&guest, "").len(), 1);
            closed(&mut came_in).await;
            println!("{class}: a listener, {:?}", begin.elapsed());
            TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
        };
        let accepted = tokio::time::timeout(PATIENCE, async { tokio::join!(accepting, losing) });
        accepted.await.unwrap().0.unwrap_err();
    }
}

#[tokio::test]
async fn a_body_ends_and_the_guest_is_told_why() {
    for class in ["http", "http2"] {
        let (server, port) = listener().await;
        let policy =
            format!("[[http]]\nhost = \"127.0.0.1\"\nmethods = [\"GET\"]\nports = [{port}]\n");
        let guest = TestHost::grant(&policy).run(PROBE_HTTP, class).await;
        let place = format!("127.0.0.1:{port}");
        let asking = async {
            match class {
                "http" => {
                    let url = format!("http://{place}/endless");
                    call_text(
                        &guest,
                        "ask",
                        [("method", text("GET")), ("url", text(&url))],
                    )
                    .await
                }
                _ => {
                    let request = [
                        ("method", text("GET")),
                        ("authority", text(&place)),
                        ("path", text("/endless")),
                    ];
                    call_text(&guest, "ask", request).await
                }
            }
        };
        let losing = async {
            let (mut peer, _) = server.accept().await.unwrap();
            let mut head = [0; 1024];
            assert!(peer.read(&mut head).await.unwrap() > 0);
            let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nsome";
            peer.write_all(begun).await.unwrap();
            let begin = Instant::now();
            let elsewhere = "[[http]]\nhost = \"elsewhere.example\"\nmethods = [\"GET\"]\n";
            let what = now(&guest, elsewhere);
            assert_eq!(what, [format!("the request GET to 127.0.0.1:{port}")]);
            closed(&mut peer).await;
            println!("{class}: a body, {:?}", begin.elapsed());
        };
        let asked = tokio::time::timeout(PATIENCE, async { tokio::join!(asking, losing) });
        is_denied(asked.await.unwrap().0);
    }
}

#[tokio::test]
async fn a_port_is_closed_and_the_guest_is_told_why() {
    // They say nothing, so that whoever asks waits.
    let [instrument, other] = [(); 2].map(|()| Terminal::plug_in(|_| Some(Vec::new())).unwrap());
    let port = |name: &str, device: &Terminal| {
        let device = device.path();
        format!("[[serial]]\nname = \"{name}\"\ndevice = \"{device}\"\n")
    };
    let policy = port("bench", &instrument);
    let guest = TestHost::grant(&policy).run(PROBE_SERIAL, "serial").await;
    let open = || [("name", text("bench")), ("baud_rate", Value::Integer(9600))];
    let ask = |line: &str| [("line", text(line)), ("ms", Value::Integer(600_000))];
    call(&guest, "open", open()).await.unwrap();
    // The name stands for another device from now on: the one that is open goes.
    for (next, is_left) in [(port("bench", &other), true), (String::new(), false)] {
        let asking = call_text(&guest, "ask", ask("*IDN?"));
        let losing = async {
            // It waits for an answer: nobody else can have the port.
            let begin = Instant::now();
            assert_eq!(now(&guest, &next), ["the serial port `bench`"]);
            println!("a serial port, {:?}", begin.elapsed());
        };
        let asked = tokio::time::timeout(PATIENCE, async { tokio::join!(asking, losing) });
        is_denied(asked.await.unwrap().0);
        let opened = call(&guest, "open", open()).await;
        assert_eq!(opened.is_ok(), is_left);
    }
}
