//! Keys of a Worker while it serves: what they let be done, who is told what, and what goes with one that is revoked.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use external_worker_control::Role;
use external_worker_control::token::{Key, make};
use external_worker_host::limits;
use external_worker_host::server::Keyring;
use external_worker_tests::PATIENCE;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::StatusCode;

use super::{Answer, Asked, Client, Served, command, http_on};

fn key(role: Role) -> (String, Key) {
    let (token, key) = make(role, Some("lab"), None, SystemTime::now()).unwrap();
    (token.reveal().to_owned(), key)
}

async fn connect(served: &Served, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(served.address).await.unwrap()
}

/// A Worker with keys that are replaced by the test, and the token of one of `role`.
async fn keyed(role: Role, single: Option<&str>) -> (Served, Keyring, String) {
    let (token, key) = key(role);
    let ring = Keyring::new(vec![key]);
    let asked = Asked {
        token: single,
        keys: Some(ring.clone()),
        ..Asked::default()
    };
    (Served::with(asked).await, ring, token)
}

async fn with(served: &Served, token: &str) -> Client {
    let path = format!("/?token={token}");
    served.knock(&path, &[]).await.unwrap()
}

#[tokio::test]
async fn what_a_viewer_may_not_do_is_not_done_and_what_others_do_is_seen() {
    const OWNER: &str = "0123456789abcdef";
    let (served, _ring, token) = keyed(Role::Viewer, Some(OWNER)).await;
    let mut viewer = with(&served, &token).await;
    let mut owner = with(&served, OWNER).await;
    let uuid = owner.add_probe().await;
    let node = owner.add_node(&uuid, "echo").await;
    assert_eq!(viewer.event("node_added").await["node"]["id"], node);
    let there = json!({ "id": node });
    let nowhere = json!({ "id": "nowhere" });
    let form = json!({ "worker_id": uuid, "class_id": "probe" });
    let no_form = json!({ "worker_id": "nowhere", "class_id": "probe" });
    for (cmd, kwargs) in [
        ("remove_node", there.clone()),
        ("remove_node", nowhere),
        ("clear", json!({})),
        ("stop_worker", json!({})),
        ("get_external_worker_config", form),
        ("get_external_worker_config", no_form),
    ] {
        let id = uuid::Uuid::new_v4().to_string();
        viewer.send(&command(cmd, kwargs, &id)).await;
        let answer = viewer.json(|json| json["id"] == id).await;
        assert_eq!(answer["code"], "forbidden", "{cmd}");
        let sentence = answer["error"].as_str().unwrap();
        assert!(
            !sentence.contains("nowhere") && !sentence.contains(&node),
            "{sentence}"
        );
    }
    // An answer that somebody else may have is not had by repeating what they asked.
    let id = uuid::Uuid::new_v4().to_string();
    let set = json!({ "nid": node, "ioid": "value", "value": 1 });
    owner.send(&command("set_io_value", set.clone(), &id)).await;
    owner.answer(&id).await.unwrap();
    viewer.send(&command("set_io_value", set, &id)).await;
    let answer = viewer.json(|json| json["id"] == id).await;
    assert_eq!(answer["code"], "forbidden");
    assert_eq!(viewer.call("get_node", there).await.unwrap()["id"], node);
    assert_eq!(
        viewer.call("get_runstate", json!({})).await.unwrap(),
        "running"
    );
    served.stop().await;
}

#[tokio::test]
async fn the_answer_to_what_was_posted_goes_to_the_same_token_only() {
    const OWNER: &str = "0123456789abcdef";
    let (served, _ring, token) = keyed(Role::Viewer, Some(OWNER)).await;
    let mut viewer = with(&served, &token).await;
    let mut owner = with(&served, OWNER).await;
    let post = async |token: &str, cmd: &str, id: &str| {
        let body = command(cmd, json!({}), id).to_string();
        let head = format!("POST /message/?token={token}");
        assert_eq!(served.http(&head, body.as_bytes()).await.status, 200);
    };
    post(OWNER, "save", "of the owner").await;
    post(&token, "clear", "of the viewer").await;
    owner.answer("of the owner").await.unwrap();
    viewer.answer("of the viewer").await.unwrap_err();
    let others =
        |client: &Client, id: &str| client.aside.iter().any(|it| it.to_string().contains(id));
    viewer.call("uuid", json!({})).await.unwrap();
    owner.call("uuid", json!({})).await.unwrap();
    assert!(!others(&viewer, "of the owner") && !others(&owner, "of the viewer"));
    served.stop().await;
}

#[tokio::test]
async fn a_connection_ends_with_its_key_and_no_other_does() {
    let (served, ring, token) = keyed(Role::Author, None).await;
    let before = ring.subscribe().borrow().to_vec();
    let (other, key) = key(Role::Viewer);
    ring.replace([before, vec![key.clone()]].concat());
    let mut client = with(&served, &token).await;
    let mut stays = with(&served, &other).await;
    client.call("uuid", json!({})).await.unwrap();
    ring.replace(vec![key]);
    let (code, sentence) = client
        .wait_for(|message| match message {
            Message::Close(Some(why)) => Some((u16::from(why.code), why.reason.to_string())),
            _ => None,
        })
        .await;
    assert_eq!(code, 4401);
    assert!(sentence.contains("token"), "{sentence}");
    stays.call("uuid", json!({})).await.unwrap();
    let path = format!("/?token={token}");
    let refused = served.knock(&path, &[]).await.err();
    assert_eq!(refused, Some(StatusCode::UNAUTHORIZED));
    let head = format!("POST /message/?token={token}");
    assert_eq!(served.http(&head, b"{}").await.status, 401);
    // The last one is gone, too: nobody comes in.
    ring.replace(vec![]);
    let closes = stays.wait_for(|it| matches!(it, Message::Close(_)).then_some(()));
    timeout(PATIENCE, closes).await.unwrap();
    assert_eq!(
        served.knock("/", &[]).await.err(),
        Some(StatusCode::UNAUTHORIZED)
    );
    served.stop().await;
}

#[tokio::test]
async fn what_comes_while_its_key_goes_is_refused() {
    for start in ["POST /message/", "POST /upload/"] {
        let (served, ring, token) = keyed(Role::Author, None).await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head = format!(
            "{start} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // It has begun when a request that came later is answered.
        let mut client = with(&served, &token).await;
        client.call("uuid", json!({})).await.unwrap();
        ring.replace(vec![]);
        let mut status = [0; 12];
        let read = stream.read_exact(&mut status);
        timeout(PATIENCE, read).await.unwrap().unwrap();
        assert_eq!(&status, b"HTTP/1.1 401", "{start}");
        served.stop().await;
    }
}

#[tokio::test]
async fn who_guesses_waits_and_who_may_come_in_from_there_does_not() {
    const OWNER: &str = "0123456789abcdef";
    let (served, _ring, token) = keyed(Role::Viewer, Some(OWNER)).await;
    let here = Ipv4Addr::new(127, 7, 7, 7);
    let address = served.address.to_string();
    let tries = async |from: Ipv4Addr, token: &str| -> Answer {
        let head = format!("GET /\nAuthorization: Bearer {token}");
        http_on(connect(&served, from).await, &address, &head, b"").await
    };
    for _ in 0..limits::TRIES_AT_ONCE {
        assert_eq!(tries(here, "not-the-right-one").await.status, 401);
    }
    let refused = tries(here, "not-the-right-one").await;
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    // The one token may have been guessed; what a key's token has cannot be.
    assert_eq!(tries(here, OWNER).await.status, 429);
    assert_eq!(tries(here, &token).await.status, 200);
    // Where it has come from before, it comes in beside any number of wrong ones.
    let there = Ipv4Addr::new(127, 7, 7, 8);
    assert_eq!(tries(there, OWNER).await.status, 200);
    for _ in 0..2 * limits::TRIES_AT_ONCE {
        tries(there, "not-the-right-one").await;
    }
    assert_eq!(tries(there, "not-the-right-one").await.status, 429);
    assert_eq!(tries(there, OWNER).await.status, 200);
    served.stop().await;
}
