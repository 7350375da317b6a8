//! Taking a grant away takes it away, and no policy grants what is the host's own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use external_worker_artifacts::PROBE_FILES;
use serde_json::json;

use crate::bystander::{add_node, came};
use crate::counts::reaching;
use crate::house::{ATTACKER, House, add};
use crate::scene::Scene;
use crate::table::{Row, housed, made};
use crate::tenants::Tenants;
use crate::wire::Wire;

/// How long the host may take to notice a policy; it looks again after ten seconds.
const NOTICES: Duration = Duration::from_secs(15);

/// What a tenant is granted, of what is in a folder.
type Granted = fn(&Path) -> String;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        housed(
            "grants/keeps_writing",
            None,
            "it wrote; it writes no more",
            reaching,
            |house| writes_first(house, |policy| std::fs::write(policy, "").unwrap()),
        ),
        housed(
            "grants/policy_gone",
            Some("Goes on writing after its policy was removed"),
            "it wrote; it writes no more",
            reaching,
            |house| writes_first(house, |policy| std::fs::remove_file(policy).unwrap()),
        ),
        housed(
            "grants/policy_read_only",
            Some("Goes on writing where it may only read from now on, past a restart"),
            "it wrote; it writes no more",
            reaching,
            |house| {
                writes_first(house, |policy| {
                    let text = std::fs::read_to_string(policy).unwrap();
                    std::fs::write(policy, text.replace("\"rw\"", "\"ro\"")).unwrap();
                })
            },
        ),
        housed(
            "grants/policy_broken",
            Some("Goes on writing after its policy became what is none"),
            "it wrote; it writes no more",
            reaching,
            |house| writes_first(house, |policy| std::fs::write(policy, "[[files").unwrap()),
        ),
        housed("grants/own_port", None, "not reached", reaching, |house| {
            let address = house.address.to_string();
            own_port(house, &[address])
        }),
        housed(
            "grants/own_port_spelled",
            Some("Connects to the host that it runs in, in every spelling of loopback"),
            "not reached",
            reaching,
            |house| {
                house.is_attacked_by("grants/own_port");
                let port = house.address.port();
                let spellings = [
                    "localhost",
                    "[::1]",
                    "[::ffff:127.0.0.1]",
                    "0.0.0.0",
                    "[::]",
                ];
                own_port(house, &spellings.map(|host| format!("{host}:{port}")))
            },
        ),
    ];
    let layouts: [(&'static str, &'static str, Granted); 7] = [
        (
            "grants/own_policies",
            "Is granted the policies of its own tenant",
            |dir| shown(&dir.join("data/a/policies")),
        ),
        (
            "grants/own_modules",
            "Is granted the modules of its own tenant",
            |dir| shown(&dir.join("data/a/local_workers")),
        ),
        (
            "grants/other_tenant",
            "Is granted the data of another tenant",
            |dir| shown(&dir.join("data/b")),
        ),
        (
            "grants/all_tenants",
            "Is granted the folder that all tenants are in",
            |dir| shown(&dir.join("data")),
        ),
        (
            "grants/tenants_file",
            "Is granted the folder of the tenants file",
            shown,
        ),
        (
            "grants/through_link",
            "Is granted a link to the policies of another tenant",
            |dir| {
                let link = dir.join("link");
                std::os::unix::fs::symlink(dir.join("data/b/policies"), &link).unwrap();
                shown(&link)
            },
        ),
        ("grants/everything", "Is granted the whole machine", |_| {
            "/".to_owned()
        }),
    ];
    for (attack, tries, granted) in layouts {
        rows.push(made(
            attack,
            tries,
            "refused",
            move |scene: Scene| async move {
                let done = tokio::task::spawn_blocking(move || layout(&scene, granted));
                done.await.unwrap()
            },
        ));
    }
    rows
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Loopback is granted, with every port that there is, to who connects to each of `places`.
fn own_port(house: &mut House, places: &[String]) -> String {
    let mut wire = house.client();
    let uuid = house.attacker(&mut wire).unwrap();
    let node = add_node(&mut wire, ATTACKER, &uuid, "attack").unwrap();
    let policy = policy_of(house);
    let loopback: String = ["127.0.0.1", "localhost", "::1", "0.0.0.0"]
        .map(|host| {
            format!(
                "[[sockets]]\nprotocol = \"both\"\ndirection = \"connect\"\nhost = \"{host}\"\n\
                 ports = [\"*\"]\n"
            )
        })
        .concat();
    let granted = std::fs::read_to_string(&policy).unwrap();
    std::fs::write(&policy, format!("{loopback}{granted}")).unwrap();
    let begin = Instant::now();
    for place in places.iter().cycle() {
        if begin.elapsed() > NOTICES {
            break;
        }
        let place = json!({ "nid": node, "ioid": "to", "value": place });
        let _ = wire.ask("set_io_value", place);
        let _ = wire.ask("trigger_node", json!({ "nid": node }));
        let value = format!("node={node}; io=out; ");
        if wire
            .until(Duration::from_secs(1), |message| came(message, &value))
            .is_some()
        {
            return "reached".to_owned();
        }
    }
    "not reached".to_owned()
}

fn policy_of(house: &House) -> PathBuf {
    house
        .data
        .join("policies")
        .join(ATTACKER)
        .with_extension("toml")
}

fn writes_first(house: &mut House, change: impl FnOnce(&Path)) -> String {
    house.is_attacked_by("grants/keeps_writing");
    let mut wire = house.client();
    let uuid = house.attacker(&mut wire).unwrap();
    let mark = house.data.join("../granted/mark");
    let comes = |within: Duration| {
        let _ = std::fs::remove_file(&mark);
        let begin = Instant::now();
        while begin.elapsed() < within {
            if mark.exists() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    };
    if !comes(Duration::from_secs(5)) {
        return "it wrote nothing".to_owned();
    }
    change(
        &house
            .data
            .join("policies")
            .join(ATTACKER)
            .with_extension("toml"),
    );
    let begin = Instant::now();
    while comes(Duration::from_secs(1)) {
        if begin.elapsed() > NOTICES {
            return "it wrote; it goes on writing".to_owned();
        }
    }
    let of_it = json!({ "worker_id": uuid, "class_id": ATTACKER });
    let _ = wire.ask("restart_external_worker", of_it);
    match comes(Duration::from_secs(1)) {
        true => "it wrote; it writes again".to_owned(),
        false => "it wrote; it writes no more".to_owned(),
    }
}

/// Serves two tenants, of which one is granted `granted`, both ways; whether it is refused.
fn layout(scene: &Scene, granted: Granted) -> String {
    let dir = scene.dir();
    for tenant in ["a", "b"] {
        for place in ["policies", "local_workers"] {
            std::fs::create_dir_all(dir.join("data").join(tenant).join(place)).unwrap();
        }
    }
    std::fs::copy(PROBE_FILES, dir.join("data/a/local_workers/probe.wasm")).unwrap();
    let tenants = "[[tenant]]\nname = \"a\"\nport = 0\n[[tenant]]\nname = \"b\"\nport = 0\n";
    std::fs::write(dir.join("tenants.toml"), tenants).unwrap();
    let policy = format!(
        "[[files]]\nhost = {:?}\nguest = \"/data\"\nmode = \"rw\"\n",
        granted(dir)
    );
    std::fs::write(dir.join("data/a/policies/probe.toml"), policy).unwrap();
    serves(dir, "process")
}

/// Whether tenant `a` has an external worker under what it was granted.
fn serves(dir: &Path, isolation: &str) -> String {
    match Tenants::serve(dir, isolation).announced("a", Duration::from_secs(5)) {
        Some(place) => of_tenant(place),
        None => "refused".to_owned(),
    }
}

/// Whether the module of the tenant that was announced is there and runs.
fn of_tenant(place: SocketAddr) -> String {
    let Some(mut wire) = Wire::open(place, None) else {
        return "not served".to_owned();
    };
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(3) {
        if add(&mut wire, "probe", "files").is_ok() {
            return "it runs".to_owned();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    "refused".to_owned()
}
