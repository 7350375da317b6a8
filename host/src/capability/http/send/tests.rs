//! Requests against a server on the loopback.

use std::sync::Arc;

use http_body_util::Empty;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::capability::names::tests::rebinding;
use crate::capability::testing::{Denials, granted, prepare_with};
use crate::limits::{Budget, Ledger};
use crate::policy::DenyReason;

struct World {
    sender: Sender,
    denials: Arc<Denials>,
    ledger: Arc<Ledger>,
}

fn world_with(policy: &str, names: &Names, budget: &Budget) -> World {
    let denials = Arc::new(Denials::default());
    let cx = prepare_with(budget, denials.clone());
    let guard = Guard::new(granted(policy), &cx);
    World {
        sender: Sender::new(&guard, names),
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
