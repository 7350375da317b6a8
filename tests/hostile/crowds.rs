//! Every buffer of a client has a bound, in both directions, and strangers come last: crowds of connections,
//! bodies and frames that are half there, answers that nobody takes, archives that are larger than they look.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use external_worker_host::limits::MAX_UPLOADS_BYTES;
use serde_json::json;
use zip::write::SimpleFileOptions;

use crate::clients::{FIN, PING, TEXT, frame, handshake, head};
use crate::house::{ATTACKER, House, Plan};
use crate::table::{Row, housed};
use crate::wire::Wire;

/// What who may come in has to know.
const TOKEN: &str = "a-token-of-the-holders";
/// How long a client attacks.
const WHILE: Duration = Duration::from_secs(3);
/// Between two strangers: a flood of packets is for the machine in front of the host to stop.
const PAUSE: Duration = Duration::from_micros(500);
/// How many strangers there are at once.
const CROWD: usize = 2_500;
/// How long an answer is waited for.
const SHORT: Duration = Duration::from_secs(5);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        of(
            "crowd/pings_unread",
            "Pings all the time and reads none of the answers",
            "answered",
            |house| {
                let mut stream = websocket(house.address);
                let pings = frame(FIN | PING, &[b'x'; 125]).repeat(500);
                for_a_while(|| stream.write_all(&pings).is_ok());
                answered(house)
            },
        ),
        of(
            "crowd/commands_unread",
            "Asks for everything all the time and reads none of the answers",
            "answered",
            |house| {
                let mut stream = websocket(house.address);
                let ask = frame(FIN | TEXT, br#"{"type":"cmd","cmd":"full_state","id":"1"}"#);
                let asks = ask.repeat(500);
                for_a_while(|| stream.write_all(&asks).is_ok());
                answered(house)
            },
        ),
        strangers(
            "crowd/strangers_silent",
            "Opens thousands of connections without a token and says nothing",
            tcp,
        ),
        strangers(
            "crowd/strangers_half",
            "Begins thousands of requests without a token and ends none",
            |at| {
                let mut stream = tcp(at)?;
                stream
                    .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nx: ")
                    .ok()?;
                Some(stream)
            },
        ),
        strangers(
            "crowd/strangers_idle",
            "Asks once on each of thousands of connections, is refused, and stays",
            |at| {
                let mut stream = tcp(at)?;
                let ask = format!("GET /nothing HTTP/1.1\r\nHost: {at}\r\n\r\n");
                stream.write_all(ask.as_bytes()).ok()?;
                Some(stream)
            },
        ),
        strangers(
            "crowd/strangers_upload",
            "Begins thousands of uploads without a token",
            |at| {
                let mut stream = tcp(at)?;
                let ask = format!(
                    "POST /upload/ HTTP/1.1\r\nHost: {at}\r\nContent-Type: multipart/form-data; \
                     boundary=x\r\nContent-Length: 1000000\r\n\r\n"
                );
                stream.write_all(ask.as_bytes()).ok()?;
                Some(stream)
            },
        ),
        of(
            "crowd/large_unfetched",
            "Asks for three hundred large answers and fetches none",
            "a large answer came",
            |house| {
                let node = large_value(house);
                let mut attacker = house.client();
                // Small enough for others to be served meanwhile, and more than there is room for.
                for _ in 0..300 {
                    let whole = json!({ "nid": node, "ioid": "to" });
                    let _ = attacker.send("get_io_full_value", whole);
                    std::thread::sleep(Duration::from_millis(10));
                }
                let _ = attacker.until(Duration::from_secs(2), |_| None::<()>);
                fetched(house, &node)
            },
        ),
        of(
            "crowd/bodies_never",
            "Announces ten large messages and sends nothing of them",
            "HTTP/1.1 200 OK",
            |house| {
                let begin = |_| {
                    let mut stream = tcp(house.address)?;
                    stream.write_all(&post(house, 60_000_000)).ok()?;
                    Some(stream)
                };
                let held: Vec<_> = (0..10).map_while(begin).collect();
                let said = posts(house);
                drop(held);
                said
            },
        ),
        of(
            "crowd/bodies_drip",
            "Sends ten large messages a byte at a time",
            "HTTP/1.1 200 OK",
            |house| {
                let begin = |_| {
                    let mut stream = tcp(house.address)?;
                    stream.write_all(&post(house, 60_000_000)).ok()?;
                    Some(stream)
                };
                let mut held: Vec<_> = (0..10).map_while(begin).collect();
                for_a_while(|| {
                    for stream in &mut held {
                        let _ = stream.write_all(b" ");
                    }
                    std::thread::sleep(Duration::from_millis(50));
                    true
                });
                posts(house)
            },
        ),
        of(
            "crowd/frames_half",
            "Sends sixty frames of thirty megabytes but for their ends",
            "answered",
            |house| {
                let megabyte = vec![b' '; 1 << 20];
                let mut held: Vec<_> = (0..60).map(|_| websocket(house.address)).collect();
                for stream in &mut held {
                    let _ = stream.write_all(&head(FIN | TEXT, 30 << 20));
                }
                // No faster than the machine serves others meanwhile.
                for _ in 0..29 {
                    for stream in &mut held {
                        let _ = stream.write_all(&megabyte);
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                answered(house)
            },
        ),
        of(
            "crowd/requests_unread",
            "Asks for a page thousands of times on one connection and reads none",
            "answered",
            |house| {
                let mut stream = tcp(house.address).unwrap();
                let ask = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", house.address);
                let asks = ask.repeat(500);
                for_a_while(|| stream.write_all(asks.as_bytes()).is_ok());
                answered(house)
            },
        ),
        housed(
            "crowd/imports_large",
            Some("Imports a hundred megabytes where uploads are all that there may be of them"),
            "refused, 0 MiB kept",
            |plan| plan.uploads(MAX_UPLOADS_BYTES),
            |house| {
                house.one_more();
                let before = bytes_below(&house.data.join("files"));
                let said = imports(house, &archive(1, 100 << 20));
                let kept = bytes_below(&house.data.join("files")).saturating_sub(before);
                format!("{said}, {} MiB kept", kept >> 20)
            },
        ),
        of(
            "crowd/imports_many",
            "Imports an archive of two hundred kilobytes that is a hundred thousand folders",
            "* few kept",
            |house| {
                let said = imports(house, &folders(9_000, 11));
                let kept = names_below(&house.data.join("files"));
                let few = if kept < 20_000 {
                    "few".to_owned()
                } else {
                    kept.to_string()
                };
                format!("{said}, {few} kept")
            },
        ),
        of(
            "crowd/two_hosts",
            "Asks with two hosts, of which one is this machine",
            "HTTP/1.1 400 *",
            |house| {
                let host = house.address;
                let ask = format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n");
                says(house, ask.as_bytes())
            },
        ),
        of(
            "crowd/cross_site",
            "Posts from a page of another site in a browser that names no origin",
            "HTTP/1.1 403 *",
            |house| {
                let (host, body) = (house.address, r#"{"type":"cmd","cmd":"uuid","id":"1"}"#);
                let ask = format!(
                    "POST /message/ HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: cross-site\r\n\
                     Sec-Fetch-Mode: no-cors\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                says(house, ask.as_bytes())
            },
        ),
    ]
}

fn of(
    attack: &'static str,
    tries: &'static str,
    expected: &'static str,
    act: fn(&mut House) -> String,
) -> Row {
    housed(
        attack,
        Some(tries),
        expected,
        |plan| plan.attackers(""),
        move |house| {
            house.one_more();
            act(house)
        },
    )
}

/// A crowd without a token, which comes again as often as it is sent away, and four holders who come while it
/// is there.
fn strangers(
    attack: &'static str,
    tries: &'static str,
    come: fn(SocketAddr) -> Option<TcpStream>,
) -> Row {
    let planned = |plan: Plan| plan.token(TOKEN);
    housed(
        attack,
        Some(tries),
        "4 of 4 holders came in",
        planned,
        move |house| {
            house.one_more();
            let (at, go_on) = (house.address, Arc::new(AtomicBool::new(true)));
            let wanted = Arc::clone(&go_on);
            let coming = std::thread::spawn(move || {
                let mut held = VecDeque::new();
                while wanted.load(Ordering::Relaxed) {
                    held.extend(come(at));
                    std::thread::sleep(PAUSE);
                    if held.len() > CROWD {
                        held.pop_front();
                    }
                }
            });
            std::thread::sleep(WHILE);
            let came = (0..4).filter(|_| Wire::open_within(at, Some(TOKEN), SHORT).is_some());
            let said = format!("{} of 4 holders came in", came.count());
            go_on.store(false, Ordering::Relaxed);
            coming.join().unwrap();
            said
        },
    )
}

fn for_a_while(mut what: impl FnMut() -> bool) {
    let begin = Instant::now();
    while begin.elapsed() < WHILE && what() {}
}

fn tcp(at: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&at, Duration::from_secs(1)).ok()?;
    stream
        .set_write_timeout(Some(Duration::from_millis(200)))
        .ok()?;
    stream.set_read_timeout(Some(SHORT)).ok()?;
    Some(stream)
}

/// A websocket on which anything can be sent.
pub fn websocket(at: SocketAddr) -> TcpStream {
    let mut stream = tcp(at).unwrap();
    stream.write_all(&handshake("")).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    stream
}

/// Whether a client that comes now is answered.
fn answered(house: &House) -> String {
    let answer = match Wire::open_within(house.address, None, SHORT) {
        None => "not let in",
        Some(mut wire) => match wire.ask("uuid", json!({})) {
            Ok(_) => "answered",
            Err(_) => "not answered",
        },
    };
    answer.to_owned()
}

/// The first line of what is said to `ask`.
fn says(house: &House, ask: &[u8]) -> String {
    let mut stream = tcp(house.address).unwrap();
    if stream.write_all(ask).is_err() {
        return "gone".to_owned();
    }
    let mut answer = [0; 512];
    match stream.read(&mut answer) {
        Ok(0) => "closed".to_owned(),
        Ok(read) => {
            let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
            answer.lines().next().unwrap_or_default().to_owned()
        }
        Err(_) => "no answer".to_owned(),
    }
}

/// The head of a posted message.
fn post(house: &House, bytes: usize) -> Vec<u8> {
    let host = house.address;
    format!(
        "POST /message/ HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {bytes}\r\n\r\n"
    )
    .into_bytes()
}

/// Somebody honest posts a message.
fn posts(house: &House) -> String {
    let body = br#"{"type":"cmd","cmd":"uuid","id":"posted"}"#;
    let mut ask = post(house, body.len());
    ask.extend(body);
    says(house, &ask)
}

/// A node with a megabyte at its input.
fn large_value(house: &mut House) -> String {
    let mut wire = house.client();
    let attacker = house.attacker(&mut wire).unwrap();
    let node = crate::bystander::add_node(&mut wire, ATTACKER, &attacker, "attack").unwrap();
    let value = json!({ "nid": node, "ioid": "to", "value": "x".repeat(1_000_000) });
    let _ = wire.send("set_io_value", value);
    let _ = wire.until(Duration::from_secs(2), |_| None::<()>);
    node
}

/// Somebody honest asks for a large answer and fetches it.
fn fetched(house: &House, node: &str) -> String {
    let mut wire = house.client();
    wire.send("get_io_full_value", json!({ "nid": node, "ioid": "to" }))
        .unwrap();
    let told = wire.until(SHORT, |message| {
        let text = message.is_text().then(|| message.to_text().ok())??;
        let answers = ["large_message", "\"result\"", "\"error\""];
        let found = answers.iter().any(|answer| text.contains(answer));
        found.then(|| text.to_owned())
    });
    let told = told.unwrap_or_default();
    let Some((_, place)) = told.split_once("/message/") else {
        return format!(
            "not told where it is: {}",
            told.chars().take(200).collect::<String>()
        );
    };
    let place = place.split('"').next().unwrap_or_default();
    let ask = format!(
        "GET /message/{place} HTTP/1.1\r\nHost: {}\r\n\r\n",
        house.address
    );
    match says(house, ask.as_bytes()).as_str() {
        "HTTP/1.1 200 OK" => "a large answer came".to_owned(),
        other => other.to_owned(),
    }
}

/// An archive of so many files of zeros, of so many bytes each.
fn archive(files: u32, bytes: usize) -> Vec<u8> {
    let mut archive = export();
    let zeros = vec![0; 1 << 20];
    // So much noise that the whole is within the ratio of what archives may unpack to.
    let mut noise = 1_u64;
    for file in 0..files {
        archive
            .start_file(format!("files/large-{file}"), SimpleFileOptions::default())
            .unwrap();
        let random: Vec<u8> = (0..1 << 20)
            .map(|_| {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (noise >> 56) as u8
            })
            .collect();
        archive.write_all(&random).unwrap();
        for _ in 1..bytes >> 20 {
            archive.write_all(&zeros).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

/// An archive of so many files, each below so many folders of its own.
fn folders(files: u32, depth: usize) -> Vec<u8> {
    let mut archive = export();
    for file in 0..files {
        let place = format!("files/{file}{}/x", "/a".repeat(depth - 1));
        archive
            .start_file(place, SimpleFileOptions::default())
            .unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An export of nothing, to be filled.
fn export() -> zip::ZipWriter<std::io::Cursor<Vec<u8>>> {
    export_of(r#"{"backend": {"nodes": [], "edges": []}, "external_workers": {}}"#)
}

/// An export as a client sends it.
pub fn archive_of(state: &str) -> String {
    base64(&export_of(state).finish().unwrap().into_inner())
}

fn export_of(state: &str) -> zip::ZipWriter<std::io::Cursor<Vec<u8>>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [("config", "{}"), ("state", state)] {
        archive
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive
}

/// Imports `archive`, and says whether it was taken.
fn imports(house: &House, archive: &[u8]) -> &'static str {
    let data = base64(archive);
    match house
        .client()
        .ask("update_from_export", json!({ "data": data }))
    {
        Ok(_) => "taken",
        Err(_) => "refused",
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let byte = |at: usize| u32::from(part.get(at).copied().unwrap_or_default());
        let all = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            text.push(match at <= part.len() {
                true => char::from(DIGITS[(all >> (18 - 6 * at) & 63) as usize]),
                false => '=',
            });
        }
    }
    text
}

/// The bytes that `text` stands for.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut all = 0;
        for digit in part {
            let at = DIGITS.iter().position(|known| known == digit)?;
            all = all << 6 | at as u32;
        }
        all <<= 6 * (4 - part.len());
        bytes.extend(&all.to_be_bytes()[1..part.len()]);
    }
    Some(bytes)
}

fn walk(dir: &std::path::Path, each: &mut impl FnMut(&std::fs::Metadata)) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        each(&metadata);
        if metadata.is_dir() {
            walk(&entry.path(), each);
        }
    }
}

/// Bytes of all files below `dir`, as the file system has them.
pub fn bytes_below(dir: &std::path::Path) -> u64 {
    let mut sum = 0;
    walk(dir, &mut |metadata| sum += metadata.len());
    sum
}

/// Files and folders below `dir`.
pub fn names_below(dir: &std::path::Path) -> u64 {
    let mut sum = 0;
    walk(dir, &mut |_| sum += 1);
    sum
}
