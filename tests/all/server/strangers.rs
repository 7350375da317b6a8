//! Who has no token, or does not take or send what it began: whoever may come in is served meanwhile, and
//! the server holds no more than it says.

use std::net::SocketAddr;

use external_worker_host::limits;
use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::process::Process;
use super::uploads::form;
use super::{Asked, Client, PATIENCE, Served, command};

const TOKEN: &str = "0123456789abcdef0123";
/// How many strangers come.
const FLOOD: usize = 2_500;

/// What a client says that wants a websocket.
const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n\
     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Connects and says `words`; nothing when the server has closed already.
async fn says(address: SocketAddr, words: impl Into<String>) -> Option<TcpStream> {
    let words = words.into();
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(words.as_bytes()).await.ok()?;
    Some(stream)
}

/// A websocket of which nothing is read.
async fn deaf(address: SocketAddr) -> TcpStream {
    let mut stream = says(address, HANDSHAKE).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    stream
}

/// The head of a masked frame with `length` bytes.
fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | length as u8),
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend([0; 4]);
    head
}

async fn is_answered(client: &mut Client) {
    for _ in 0..20 {
        client.call("uuid", json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_has_a_token_comes_in_while_strangers_flood() {
    let asked = Asked {
        token: Some(TOKEN),
        ..Asked::default()
    };
    let served = Served::with(asked).await;
    let address = served.address;
    let path = format!("/?token={TOKEN}");
    let mut before = served.knock(&path, &[]).await.unwrap();
    let wrong =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}x\r\n\r\n");
    let kinds = [
        "",
        "G",
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: web",
        &*wrong,
        HANDSHAKE,
    ];
    for words in kinds {
        let flood = join_all((0..FLOOD).map(|_| says(address, words))).await;
        for _ in 0..4 {
            let mut holder = served.knock(&path, &[]).await.unwrap();
            is_answered(&mut holder).await;
        }
        is_answered(&mut before).await;
        drop(flood);
    }
    served.stop().await;
}

#[tokio::test]
async fn without_a_token_who_has_asked_for_something_comes_before_who_has_not() {
    let served = Served::start().await;
    let mut before = served.client().await;
    let flood = join_all((0..FLOOD).map(|_| says(served.address, "GET / HT"))).await;
    let mut client = served.client().await;
    is_answered(&mut client).await;
    is_answered(&mut before).await;
    assert_eq!(served.http("GET /", b"").await.status, 200);
    drop(flood);
    served.stop().await;
}

#[tokio::test]
async fn strangers_leave_when_there_are_no_descriptors_left() {
    let data = super::data_with_probe();
    let process = Process::start_with(data.path(), Some(160)).await;
    let mut before = process.client().await;
    let flood = join_all((0..400).map(|_| says(process.address(), ""))).await;
    let mut client = process.client().await;
    is_answered(&mut client).await;
    is_answered(&mut before).await;
    drop(flood);
}

#[tokio::test]
async fn pings_of_a_client_that_never_reads_are_not_read_for_ever() {
    let data = super::data_with_probe();
    let process = Process::start(data.path()).await;
    let mut other = process.client().await;
    is_answered(&mut other).await;
    let mut deaf = deaf(process.address()).await;
    let before = process.resident();
    let pings = [head(0x89, 125), vec![b'x'; 125]].concat().repeat(1 << 16);
    let mut sent = 0;
    let flooding = async {
        // More than all buffers between the two hold, and a stop in between.
        while let Ok(Ok(some)) = timeout(STUCK, deaf.write(&pings[sent % pings.len()..])).await {
            sent += some;
        }
    };
    timeout(PATIENCE, flooding).await.unwrap();
    is_answered(&mut other).await;
    let grown = process.resident().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes for {sent} of pings");
}

/// A server that takes nothing for so long does not read.
const STUCK: std::time::Duration = std::time::Duration::from_secs(2);

#[tokio::test]
async fn half_sent_messages_hold_what_all_of_them_may_and_keep_nobody_out() {
    let data = super::data_with_probe();
    let process = Process::start(data.path()).await;
    let mut other = process.client().await;
    is_answered(&mut other).await;
    let before = process.resident();
    let length = limits::MAX_MESSAGE_BYTES;
    let part = vec![b' '; length - 1];
    let mut half_sent = Vec::new();
    for _ in 0..limits::MAX_ARRIVING_BYTES / length + 4 {
        let mut stream = deaf(process.address()).await;
        stream.write_all(&head(0x81, length as u64)).await.unwrap();
        // The slowest ends for the next one.
        let _ = stream.write_all(&part).await;
        half_sent.push(stream);
    }
    let long = " ".repeat(length - 100) + &command("uuid", json!({}), "long").to_string();
    other.send_text(long).await;
    other.answer("long").await.unwrap();
    is_answered(&mut other).await;
    let grown = process.resident().saturating_sub(before);
    let most = limits::MAX_ARRIVING_BYTES as u64 + (96 << 20);
    assert!(grown < most, "{grown} bytes");
}

#[tokio::test]
async fn bodies_that_never_come_keep_no_other_from_coming() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let never = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Requested-With: tests\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n"
        )
    };
    let posts = join_all((0..100).map(|_| says(served.address, never("/message/"))));
    let uploads = join_all((0..100).map(|_| says(served.address, never("/upload/"))));
    let _held = tokio::join!(posts, uploads);
    for n in 0..10 {
        let body = command("uuid", json!({}), &format!("posted {n}")).to_string();
        assert_eq!(
            served.http("POST /message/", body.as_bytes()).await.status,
            200
        );
        client.answer(&format!("posted {n}")).await.unwrap();
        let (head, body) = form(&[("file", &format!("{n}.txt"), b"content")]);
        assert_eq!(served.http(&head, &body).await.status, 200);
    }
}

#[tokio::test]
async fn large_answers_that_nobody_fetches_are_the_loss_of_who_asked() {
    let served = Served::start().await;
    let mut honest = served.client().await;
    let uuid = honest.add_probe().await;
    let node = honest.add_node(&uuid, "echo").await;
    let text = "x".repeat(8 << 20);
    let set = json!({ "nid": node, "ioid": "value", "value": text });
    honest.send(&command("set_io_value", set, "set")).await;
    let get = json!({ "nid": node, "ioid": "value" });
    let hint = |json: &Json| json["type"] == "large_message";
    honest.json(hint).await;
    let mut greedy = Vec::new();
    for _ in 0..5 {
        let mut client = served.client().await;
        for n in 0..5 {
            let ask = command("get_io_full_value", get.clone(), &n.to_string());
            client.send(&ask).await;
        }
        for _ in 0..5 {
            client.json(hint).await;
        }
        greedy.push(client);
    }
    for n in 0..4 {
        let ask = command("get_io_full_value", get.clone(), &format!("honest {n}"));
        honest.send(&ask).await;
        let hint = honest.json(hint).await;
        let path = format!("/message/{}", hint["msg_id"].as_str().unwrap());
        let answer = served.http(&format!("GET {path}"), b"").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["result"], text);
    }
    // The greedy ones find their newest, and not their oldest.
    let mut last = greedy.pop().unwrap();
    is_answered(&mut last).await;
}

#[tokio::test]
async fn a_message_that_is_small_as_text_and_large_as_json_is_refused() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let objects = r#"{"":0},"#.repeat(limits::MAX_MESSAGE_COST / 600);
    let bomb = format!(r#"{{"type":"cmd","cmd":"set_io_value","kwargs":[{objects}0]}}"#);
    assert!(bomb.len() < limits::MAX_MESSAGE_BYTES);
    client.send_text(bomb.clone()).await;
    let error = client.json(|json| json["type"] == "error").await;
    assert!(
        error["error"].as_str().unwrap().contains("parts"),
        "{error}"
    );
    let answer = served.http("POST /message/", bomb.as_bytes()).await;
    assert_eq!(answer.status, 400);
    is_answered(&mut client).await;
}

#[tokio::test]
async fn requests_that_wait_behind_each_other_are_answered_in_order() {
    let served = Served::start().await;
    let one = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut stream = says(served.address, one.repeat(500) + last).await.unwrap();
    let mut answers = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answers))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 501);
    // A body of chunks of one byte is one body.
    let ping = r#"{"type":"ping"}"#;
    let chunks: String = ping.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let post = format!(
        "POST /message/ HTTP/1.1\r\nHost: localhost\r\nX-Requested-With: tests\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}0\r\n\r\n"
    );
    let mut stream = says(served.address, post).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn messages_are_not_compressed_whatever_a_client_offers() {
    let served = Served::start().await;
    let offer = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    let mut client = served.knock("/", &offer).await.unwrap();
    client.send(&json!({ "type": "ping" })).await;
    loop {
        // One that was compressed would not be read.
        if let Message::Text(text) = client.receive().await {
            assert_eq!(text.as_str(), r#"{"type":"pong"}"#);
            break;
        }
    }
}
