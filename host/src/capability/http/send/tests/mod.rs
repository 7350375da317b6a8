//! Requests against a server on the loopback.

use std::sync::Arc;

use http_body_util::Empty;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::capability::names::tests::rebinding;
use crate::capability::testing::{self, Denials, granted, prepare_with};
use crate::limits::{Budget, Ledger};
use crate::policy::DenyReason;

mod secrets;

struct World {
    sender: Sender,
    denials: Arc<Denials>,
    ledger: Arc<Ledger>,
}

fn world_with(policy: &str, names: &Names, budget: &Budget) -> World {
    let denials = Arc::new(Denials::default());
    let cx = prepare_with(budget, denials.clone());
    let guard = testing::guard(granted(policy), &cx);
    World {
        sender: Sender {
            names: names.clone(),
            ..Sender::new(&guard, &cx)
        },
        denials,
        ledger: cx.ledger,
    }
}

fn world(policy: &str) -> World {
    world_with(
        policy,
        &rebinding(&["127.0.0.1", "8.8.8.8"]),
        &Budget::default(),
    )
}

/// Answers one request with `response` and gives back what it was sent.
async fn server(response: &'static [u8]) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(response).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    (port, task)
}

fn get(uri: &str) -> Request<WasiBody> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    Request::get(uri)
        .header("host", "evil.example")
        .body(body)
        .unwrap()
}

async fn ask(world: &World, request: Request<WasiBody>) -> Result<(u16, Bytes), Error> {
    let (response, driver) = world
        .sender
        .send(request, RequestOptions::default())
        .await?;
    let driver = tokio::spawn(Box::into_pin(driver));
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    driver.abort();
    let _ = driver.await;
    Ok((status, body))
}

const LOCAL: &str = "[[http]]\nhost = \"127.0.0.1\"\nports = [\"*\"]\nmethods = [\"GET\"]\n";
const NAMED: &str = "[[http]]\nhost = \"a.example\"\nports = [\"*\"]\nmethods = [\"GET\"]\n";

#[tokio::test]
async fn a_granted_request_is_answered_and_leaves_nothing_behind() {
    let world = world(LOCAL);
    let (port, server) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let answer = ask(&world, get(&format!("http://127.0.0.1:{port}/x?y")))
        .await
        .unwrap();
    assert_eq!(answer, (200, Bytes::from_static(b"hi")));
    let head = server.await.unwrap().to_lowercase();
    assert!(head.starts_with("get /x?y http/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("host: 127.0.0.1:{port}\r\n")),
        "{head}"
    );
    assert!(!head.contains("evil"), "{head}");
    assert_eq!(world.ledger.used(Resource::Sockets), 0);
    assert_eq!(world.ledger.used(Resource::Memory), 0);
}

/// What a server is sent for a request, up to the end of its head or, where there is one, of its body.
async fn sent(method: Method, headers: &[(&str, &str)], body: WasiBody) -> String {
    let world = world("[[http]]\nhost = \"127.0.0.1\"\nports = [\"*\"]\nmethods = [\"*\"]\n");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        let is_whole = |heard: &[u8]| {
            let text = String::from_utf8_lossy(heard).to_lowercase();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let is_chunked = head.contains("transfer-encoding: chunked");
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            let is_whole = if is_chunked {
                body.ends_with("0\r\n\r\n")
            } else {
                body.len() >= length.unwrap_or(0)
            };
            is_whole.then_some(())
        };
        while is_whole(&heard).is_none() {
            heard.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 204 No\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        // Whatever else comes.
        let _ = stream.read_to_end(&mut heard).await;
        String::from_utf8(heard).unwrap()
    });
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1:{port}/"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, _) = ask(&world, request.body(body).unwrap()).await.unwrap();
    assert_eq!(status, 204);
    server.await.unwrap().to_lowercase()
}

/// A body that does not know how long it is, as those of guests.
fn unmeasured(parts: &[&'static str]) -> WasiBody {
    let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
    let frames = parts
        .into_iter()
        .map(|part| Ok(Frame::data(Bytes::from_static(part))));
    http_body_util::StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

#[tokio::test]
async fn a_request_without_a_body_has_no_chunks() {
    for method in [
        "GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "REPORT",
    ] {
        for parts in [&[][..], &["", ""]] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let heard = sent(method.clone(), &[], unmeasured(parts)).await;
            assert!(!heard.contains("transfer-encoding"), "{heard}");
            assert!(heard.ends_with("\r\n\r\n"), "{heard}");
            let has_one = ["POST", "PUT", "PATCH"].contains(&method.as_str());
            assert_eq!(heard.contains("content-length: 0\r\n"), has_one, "{heard}");
        }
    }
    let heard = sent(Method::DELETE, &[("content-length", "0")], unmeasured(&[])).await;
    assert!(heard.contains("content-length: 0\r\n"), "{heard}");
}

#[tokio::test]
async fn a_body_is_sent_whole_whatever_the_method() {
    for method in [Method::GET, Method::DELETE, Method::POST] {
        let heard = sent(method.clone(), &[], unmeasured(&["he", "", "llo"])).await;
        assert!(heard.contains("transfer-encoding: chunked\r\n"), "{heard}");
        assert!(
            heard.ends_with("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
            "{heard}"
        );
        let length = [("content-length", "5")];
        let heard = sent(method, &length, unmeasured(&["he", "llo"])).await;
        assert!(!heard.contains("transfer-encoding"), "{heard}");
        assert!(
            heard.ends_with("content-length: 5\r\n\r\nhello") || heard.ends_with("\r\n\r\nhello"),
            "{heard}"
        );
    }
}

#[tokio::test]
async fn a_guest_that_waits_for_the_server_before_it_sends_is_not_waited_for() {
    let never = futures_util::stream::pending::<Result<Frame<Bytes>, Error>>();
    let body = http_body_util::StreamBody::new(never).boxed_unsync();
    let world = world("[[http]]\nhost = \"127.0.0.1\"\nports = [\"*\"]\nmethods = [\"*\"]\n");
    let (port, server) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let request = Request::post(format!("http://127.0.0.1:{port}/")).body(body);
    let answer = ask(&world, request.unwrap()).await.unwrap();
    assert_eq!(answer, (200, Bytes::from_static(b"hi")));
    assert!(server.await.unwrap().to_lowercase().contains("chunked"));
}

#[tokio::test]
async fn a_body_that_fails_before_it_begins_is_a_request_that_fails() {
    let broken = futures_util::stream::iter([Err(Error::HttpProtocolError)]);
    let body = http_body_util::StreamBody::new(broken).boxed_unsync();
    let world = world(LOCAL);
    let (port, _server) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let mut request = get(&format!("http://127.0.0.1:{port}/"));
    *request.body_mut() = body;
    let failed = ask(&world, request).await.unwrap_err();
    assert!(matches!(failed, Error::HttpProtocolError), "{failed}");
    assert_eq!(world.ledger.used(Resource::Sockets), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_denied_whatever_it_says_later() {
    let world = world(NAMED);
    for _ in 0..2 {
        let denied = ask(&world, get("http://a.example/")).await.unwrap_err();
        assert!(matches!(denied, Error::HttpRequestDenied), "{denied}");
    }
    assert_eq!(world.denials.reasons(), [DenyReason::SpecialAddress; 2]);
}

#[tokio::test]
async fn what_is_not_granted_is_denied_before_anything_is_resolved() {
    let names = rebinding(&["8.8.8.8"]);
    let world = world_with(NAMED, &names, &Budget::default());
    let mut post = get("http://a.example/");
    *post.method_mut() = Method::POST;
    for request in [get("http://b.example/"), get("http://10.0.0.1/"), post] {
        let denied = ask(&world, request).await.unwrap_err();
        assert!(matches!(denied, Error::HttpRequestDenied), "{denied}");
    }
    assert!(names.of("8.8.8.8".parse().unwrap()).is_empty());
    use DenyReason::{HostNotGranted, MethodNotGranted, SpecialAddress};
    assert_eq!(
        world.denials.reasons(),
        [HostNotGranted, SpecialAddress, MethodNotGranted]
    );
}

#[tokio::test]
async fn a_redirect_is_a_response_and_following_it_is_asked_again() {
    let world = world(LOCAL);
    let (port, server) = server(
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let (status, _) = ask(&world, get(&format!("http://127.0.0.1:{port}/")))
        .await
        .unwrap();
    assert_eq!(status, 302);
    server.await.unwrap();
    let denied = ask(&world, get("http://169.254.169.254/"))
        .await
        .unwrap_err();
    assert!(matches!(denied, Error::HttpRequestDenied), "{denied}");
}

#[tokio::test]
async fn a_spent_budget_is_no_denial() {
    let names = rebinding(&[]);
    let none = Budget {
        sockets: 0,
        ..Budget::default()
    };
    let world = world_with(LOCAL, &names, &none);
    let refused = ask(&world, get("http://127.0.0.1:1/")).await.unwrap_err();
    assert!(
        matches!(refused, Error::ConnectionLimitReached),
        "{refused}"
    );
    assert!(world.denials.reasons().is_empty());
}

#[tokio::test]
async fn tunnels_are_refused_even_where_all_methods_are_granted() {
    let world = world("[[http]]\nhost = \"127.0.0.1\"\nports = [\"*\"]\nmethods = [\"*\"]\n");
    let mut request = get("http://127.0.0.1:1/");
    *request.method_mut() = Method::CONNECT;
    let refused = ask(&world, request).await.unwrap_err();
    assert!(
        matches!(refused, Error::HttpRequestMethodInvalid),
        "{refused}"
    );
}

#[tokio::test]
async fn a_closed_port_and_nonsense_are_errors_of_their_own() {
    let world = world(LOCAL);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let refused = ask(&world, get(&format!("http://127.0.0.1:{port}/")))
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::ConnectionRefused), "{refused}");
    let (port, _server) = server(b"nonsense\r\n\r\n").await;
    let broken = ask(&world, get(&format!("http://127.0.0.1:{port}/")))
        .await
        .unwrap_err();
    assert!(matches!(broken, Error::Hyper(_)), "{broken}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_as_soon_as_the_guest_says() {
    let world = world(LOCAL);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(1)),
        ..RequestOptions::default()
    };
    let request = get(&format!("http://127.0.0.1:{port}/"));
    let Err(late) = world.sender.send(request, options).await else {
        panic!("there was an answer");
    };
    assert!(matches!(late, Error::ConnectionReadTimeout), "{late}");
    assert_eq!(world.ledger.used(Resource::Sockets), 0);
}

#[test]
fn a_guest_can_shorten_a_wait_and_not_lengthen_it() {
    let limit = Duration::from_secs(10);
    assert_eq!(shortest(None, limit), limit);
    assert_eq!(shortest(Some(Duration::MAX), limit), limit);
    assert_eq!(shortest(Some(Duration::ZERO), limit), Duration::ZERO);
}
