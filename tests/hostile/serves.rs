//! A host serves first: it accepts and answers while instances start, and what is wrong with one tenant is that
//! tenant's own. A host that stood still for a while ends nobody for it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use external_worker_artifacts::{HOSTILE, PROBE_TRAPS};
use serde_json::json;

use crate::bystander::{add_node, came};
use crate::house::{ATTACKER, House, Plan, add};
use crate::scene::Scene;
use crate::table::{Row, housed, made};
use crate::tenants::Tenants;
use crate::wire::Wire;

/// How long a start may keep clients waiting.
const SOON: Duration = Duration::from_secs(5);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let patient = |plan: Plan| {
        plan.attackers(
            "[budget]\ncpu-spin-ms = 4000\ncall-deadline-ms = 6000\ncpu-burst-ms = 60000\nrestarts = 0\n",
        )
    };
    let mut rows = vec![
        housed(
            "serves/starts_slowly",
            None,
            "served at once",
            |plan| plan.attackers(""),
            starters,
        ),
        housed(
            "serves/starts_spinning",
            None,
            "served at once",
            |plan| plan.attackers(""),
            starters,
        ),
    ];
    rows.push(housed(
        "cpu/needs_a_while",
        None,
        "answered",
        patient,
        |house| stopped(house, Duration::from_secs(7)),
    ));
    rows.push(housed(
        "cpu/waits_a_while",
        None,
        "answered",
        patient,
        |house| stopped(house, Duration::from_secs(7)),
    ));
    rows.push(housed(
        "cpu/busy_machine",
        Some("Needs two seconds of the processor beside eight busy processes, and may use four"),
        "answered",
        patient,
        |house| {
            house.unwatched();
            house.is_attacked_by("cpu/needs_a_while");
            let mut busy: Vec<_> = (0..8)
                .map(|_| {
                    Command::new("sh")
                        .args(["-c", "while :; do :; done"])
                        .spawn()
                        .unwrap()
                })
                .collect();
            let said = calls(house, |_| {});
            for process in &mut busy {
                let _ = process.kill();
                let _ = process.wait();
            }
            said
        },
    ));
    rows.extend(kept());
    rows.extend([
        housed(
            "serves/swaps_slowly",
            Some("Takes all the time to start that it may when new code is put under it"),
            "a module came",
            |plan| plan.attackers(""),
            swaps,
        ),
        housed(
            "serves/ends_slowly",
            Some("Hangs in `stop` in sixteen instances when the host is to end"),
            "it ended in time",
            |plan| plan.attackers("[budget]\nstop-deadline-ms = 3000\n"),
            |house| {
                house.unwatched();
                house.is_attacked_by("lifecycle/hang_in_stop");
                let mut wire = house.client();
                for _ in 0..16 {
                    house.attacker(&mut wire).unwrap();
                }
                house.signal("-TERM");
                let said = match house.ends_within(SOON * 3) {
                    true => "it ended in time",
                    false => "it goes on",
                };
                house.begins_again();
                said.to_owned()
            },
        ),
    ]);
    rows
}

/// New code is put under sixteen that take long to start, and a module comes meanwhile.
fn swaps(house: &mut House) -> String {
    house.is_attacked_by("serves/starts_slowly");
    let mut wire = house.client();
    for _ in 0..16 {
        let uuid = add(&mut wire, ATTACKER, ATTACKER).unwrap();
        house.one_more();
        let config = json!({ "attack": house.attack() });
        let update = json!({ "worker_id": uuid, "class_id": ATTACKER, "config": config });
        wire.ask("update_external_worker", update).unwrap();
    }
    let modules = house.data.join("local_workers");
    let puts = |name: &str, wasm: &[u8]| {
        let part = modules.join("next.part");
        std::fs::write(&part, wasm).unwrap();
        std::fs::rename(part, modules.join(name).with_extension("wasm")).unwrap();
    };
    let mut next = std::fs::read(HOSTILE).unwrap();
    // A section that says nothing.
    next.extend([0, 2, 1, b'x']);
    puts(ATTACKER, &next);
    puts("more", &std::fs::read(PROBE_TRAPS).unwrap());
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        let there = wire.ask("get_worker_dependencies", json!({}));
        let there = there.unwrap_or_default();
        let there = there.as_array().map_or(&[][..], |there| there);
        if there.iter().any(|module| module["module"] == "more") {
            return "a module came".to_owned();
        }
        let _ = wire.until(Duration::from_millis(100), |_| None::<()>);
    }
    "no module came".to_owned()
}

/// What a tenant's own data do to others, and to itself.
fn kept() -> [Row; 3] {
    [
        made(
            "serves/store_corrupt",
            "Leaves a store that is no database, beside another tenant",
            "the other is served; it is down",
            |scene| {
                beside(scene, |store| {
                    std::fs::write(store, "no database ".repeat(1_000)).unwrap()
                })
            },
        ),
        made(
            "serves/store_newer",
            "Leaves a store of a version that nobody knows, beside another tenant",
            "the other is served; it is down",
            |scene| {
                beside(scene, |store| {
                    let newer = rusqlite::Connection::open(store).unwrap();
                    newer.pragma_update(None, "user_version", 1_000).unwrap();
                })
            },
        ),
        housed(
            "serves/disk_full",
            Some("Begins again after a crash on a disk that is full"),
            "served; it was not saved",
            |plan| plan.attackers(""),
            |house| {
                house.unwatched();
                house.is_attacked_by("");
                let mut wire = house.client();
                let attacker = house.attacker(&mut wire).unwrap();
                let node = add_node(&mut wire, ATTACKER, &attacker, "ping").unwrap();
                house.begins_again_on_a_full_disk();
                let Some(mut wire) = Wire::open_within(house.address, None, SOON) else {
                    return "not served".to_owned();
                };
                let renamed = json!({ "nid": node, "data": { "name": "lost" } });
                match wire.ask("update_node", renamed) {
                    Ok(_) => "served; it was saved".to_owned(),
                    Err(error) if error.starts_with("it was not saved") => {
                        "served; it was not saved".to_owned()
                    }
                    Err(error) => format!("not served: {error}"),
                }
            },
        ),
    ]
}

/// Serves two tenants in one process, of which one has what `leaves` makes for a store.
async fn beside(scene: Scene, leaves: fn(&Path)) -> String {
    let done = tokio::task::spawn_blocking(move || {
        let dir = scene.dir();
        std::fs::create_dir_all(dir.join("data/a")).unwrap();
        leaves(&dir.join("data/a/state.db"));
        let any = TcpListener::bind("127.0.0.1:0").unwrap();
        let down = any.local_addr().unwrap();
        drop(any);
        let tenants = format!(
            "[[tenant]]\nname = \"a\"\nport = {}\n[[tenant]]\nname = \"b\"\nport = 0\n",
            down.port()
        );
        std::fs::write(dir.join("tenants.toml"), tenants).unwrap();
        let mut tenants = Tenants::serve(dir, "none");
        let Some(served) = tenants.announced("b", SOON) else {
            return "the other is not served".to_owned();
        };
        let answered = Wire::open_within(served, None, SOON)
            .is_some_and(|mut wire| wire.ask("uuid", json!({})).is_ok());
        let begin = Instant::now();
        let mut is_down = false;
        while !is_down && begin.elapsed() < SOON {
            is_down = get(down).is_some_and(|said| said.contains("this Worker is down"));
            std::thread::sleep(Duration::from_millis(20));
        }
        match (answered, is_down) {
            (true, true) => "the other is served; it is down".to_owned(),
            (false, _) => "the other is not answered".to_owned(),
            (true, false) => "the other is served; it does not say that it is down".to_owned(),
        }
    });
    done.await.unwrap()
}

/// What is said to who asks for a page.
fn get(at: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(SOON)).ok()?;
    let ask = format!("GET / HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).ok()?;
    let mut said = Vec::new();
    stream.take(1 << 16).read_to_end(&mut said).ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}

/// Forty-eight that are slow to start are there when the host begins again.
fn starters(house: &mut House) -> String {
    house.unwatched();
    let mut wire = house.client();
    let mut last = String::new();
    for _ in 0..48 {
        let uuid = add(&mut wire, ATTACKER, ATTACKER).unwrap();
        house.one_more();
        let config = json!({ "attack": house.attack() });
        let update = json!({ "worker_id": uuid, "class_id": ATTACKER, "config": config });
        last = wire.send("update_external_worker", update).unwrap();
    }
    let saved = wire.until(SOON * 4, |message| {
        message.to_text().ok()?.contains(&last).then_some(())
    });
    if saved.is_none() {
        return "not saved".to_owned();
    }
    let begin = Instant::now();
    house.begins_again();
    let answered = Wire::open_within(house.address, None, SOON * 8)
        .is_some_and(|mut wire| wire.ask("uuid", json!({})).is_ok());
    match begin.elapsed() {
        _ if !answered => "not served".to_owned(),
        took if took < SOON => "served at once".to_owned(),
        took => format!("served after {} s", took.as_secs()),
    }
}

/// The host is stopped while the attacker is called.
fn stopped(house: &mut House, time: Duration) -> String {
    house.unwatched();
    calls(house, |house| {
        std::thread::sleep(Duration::from_millis(200));
        house.signal("-STOP");
        std::thread::sleep(time);
        house.signal("-CONT");
    })
}

/// Calls the attacker, and does something meanwhile.
fn calls(house: &mut House, meanwhile: impl FnOnce(&House)) -> String {
    let mut wire = house.client();
    let attacker = house.attacker(&mut wire).unwrap();
    let node = add_node(&mut wire, ATTACKER, &attacker, "attack").unwrap();
    wire.send("trigger_node", json!({ "nid": node })).unwrap();
    meanwhile(house);
    let value = format!("node={node}; io=out; ");
    let said = wire.until(Duration::from_secs(25), |message| {
        if message.is_text() {
            let text = message.to_text().ok()?;
            return text.contains("node_trigger_error").then(|| text.to_owned());
        }
        came(message, &value).map(|()| "answered".to_owned())
    });
    said.unwrap_or_else(|| "no answer".to_owned())
}
