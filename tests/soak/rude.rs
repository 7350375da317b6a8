//! Clients that are no good: one that never reads, one that is gone in the middle of a message, one that comes and goes,
//! and one that keeps attackers at work.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::crowd::Cast;
use crate::line::Line;
use crate::random::Random;
use crate::stage::LOOK;
use crate::wire::Wire;

/// Between two pokes.
const POKE: Duration = Duration::from_millis(250);
/// How long who never reads goes on asking.
const STALLS: Duration = Duration::from_secs(20);
/// How long anything of it may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Triggers attackers and starts them again, without end.
pub fn poke(mut line: Line<'_>, cast: &Cast, mut random: Random) {
    let victims: Vec<_> = cast.attackers.iter().filter(|it| it.restarts).collect();
    // Each once, so that whoever takes memory has it soon.
    let mut first = victims.iter();
    while !line.stage.is_over() && line.connect() {
        let attacker = first.next().unwrap_or_else(|| random.one_of(&victims));
        match &attacker.node {
            Some(node) if random.below(4) > 0 => {
                line.ask("trigger_node", json!({ "nid": node }));
            }
            _ => {
                let of_it = json!({ "worker_id": attacker.uuid, "class_id": "hostile" });
                line.ask("restart_external_worker", of_it);
            }
        }
        line.stage.tally.count("pokes of attackers");
        sleep(POKE);
    }
}

/// Asks for everything and reads nothing, until it is thrown out or tired.
pub fn stall(line: Line<'_>, mut random: Random) {
    while !line.stage.is_over() {
        let place = line.tenant.place();
        let Some(mut wire) = place.and_then(|it| Wire::open_within(it.address, None, PATIENCE))
        else {
            sleep(LOOK);
            continue;
        };
        line.stage.tally.count("clients that stalled");
        let begin = Instant::now();
        let asks = random.within(1..5);
        while begin.elapsed() < STALLS && !line.stage.is_over() {
            let sent = (0..asks).try_for_each(|_| wire.send("full_state", json!({})).map(drop));
            if sent.is_err() {
                line.stage.tally.count("clients that stalled, thrown out");
                break;
            }
            sleep(LOOK * 10);
        }
    }
}

/// Begins a message, and is gone without a word.
pub fn drop_in_the_middle(line: Line<'_>, mut random: Random) {
    while !line.stage.is_over() {
        let gone = line.tenant.place().and_then(|place| {
            let stream = TcpStream::connect_timeout(&place.address, PATIENCE).ok()?;
            half(stream, &mut random)
        });
        match gone {
            Some(()) => line.stage.tally.count("clients that dropped"),
            None => sleep(LOOK),
        }
        sleep(LOOK * 4);
    }
}

/// Says half of something; `None`: the other end was gone first.
fn half(mut stream: TcpStream, random: &mut Random) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let hello = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    if random.below(4) == 0 {
        let some = random.within(1..hello.len() as u64) as usize;
        stream.write_all(&hello.as_bytes()[..some]).ok()?;
        return Some(());
    }
    stream.write_all(hello.as_bytes()).ok()?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).ok().filter(|length| *length > 0)?;
    // A text of a thousand bytes, of which only some come.
    let mut frame = vec![0x81, 0x80 | 126, 0x03, 0xe8, 0, 0, 0, 0];
    frame.extend(std::iter::repeat_n(b'{', random.below(1_000) as usize));
    stream.write_all(&frame).ok()?;
    if random.below(2) == 0 {
        // Not even a farewell of the kernel: a reset.
        reset(&stream);
    }
    (length > 0).then_some(())
}

fn reset(stream: &TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the option is there as long as the call, and its size is said.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        );
    }
}

/// Connects, asks for all there is, and leaves.
pub fn come_and_go(line: Line<'_>) {
    while !line.stage.is_over() {
        let found = line.tenant.place().ok_or("nobody serves");
        match found.and_then(|place| state_of(place.address)) {
            Ok(_) => line.stage.tally.count("clients that came and went"),
            Err(why) => line.stage.tally.failed("clients that came in vain", why),
        }
        sleep(LOOK * 40);
    }
}

/// How long the state of a Worker is. A long one is fetched, as a page in a browser does it.
fn state_of(address: SocketAddr) -> Result<usize, &'static str> {
    let wire = Wire::open_within(address, None, PATIENCE);
    let mut wire = wire.ok_or("not let in")?;
    let sent = wire.send("full_state", json!({}));
    let id = sent.map_err(|_gone| "gone before it asked")?;
    let answer = wire.until(PATIENCE, |message| {
        let text = message.to_text().ok()?;
        let is_it = text.contains("\"large_message\"") || text.contains(&id);
        is_it.then(|| text.to_owned())
    });
    let answer = answer.ok_or("gone before the answer")?;
    let json: Json = serde_json::from_str(&answer).map_err(|_error| "an answer that is no JSON")?;
    match json["msg_id"].as_str() {
        Some(large) => fetch(address, large).ok_or("the answer cannot be fetched"),
        None => Ok(answer.len()),
    }
}

fn fetch(address: SocketAddr, id: &str) -> Option<usize> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head =
        format!("GET /message/{id} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let length = stream.read_to_end(&mut answer).ok()?;
    answer.starts_with(b"HTTP/1.1 200").then_some(length)
}
