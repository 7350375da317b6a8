//! What a process has is counted: descriptors, names, folders, links. The host never starves itself, and what
//! cannot be read is never taken for empty.

use std::time::{Duration, Instant};

use external_worker_artifacts::{HOSTILE_REACH, PROBE_TRAPS};
use external_worker_host::limits;
use serde_json::{Value as Json, json};

use crate::bystander::{add_node, came};
use crate::house::{ATTACKER, House, Plan};
use crate::network::reach;
use crate::scene::Scene;
use crate::table::{Row, housed, row};

/// How many descriptors a host gets: what a shell gives when nobody asks for more.
const DESCRIPTORS: u64 = 1_024;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let few = |scene: Scene| async move {
        let patient = reach(scene.folder("rw"))
            .budget("call-deadline-ms", 30_000)
            .budget("cpu-spin-ms", 30_000);
        patient.call("").await
    };
    vec![
        row(
            "counts/folders",
            "Unavailable: insufficient-space | Unavailable: quota",
            few,
        ),
        row("counts/links", "Unavailable: *", few),
        row(
            "counts/names",
            "Unavailable: insufficient-space | Unavailable: quota",
            few,
        ),
        housed(
            "counts/descriptors",
            None,
            "a client came in; its modules are there; a module came",
            |plan| reaching(plan).descriptors(DESCRIPTORS),
            |house| {
                let mut wire = house.client();
                let mut there = Vec::new();
                for _ in 0..5 {
                    if let Ok(uuid) = house.attacker(&mut wire) {
                        there.push(uuid);
                    }
                }
                let modules = house.data.join("local_workers");
                std::fs::copy(PROBE_TRAPS, modules.join("more.part")).unwrap();
                std::fs::rename(modules.join("more.part"), modules.join("more.wasm")).unwrap();
                let Some(mut late) =
                    crate::wire::Wire::open_within(house.address, None, Duration::from_secs(5))
                else {
                    return "no client came in".to_owned();
                };
                let begin = Instant::now();
                let mut said = String::new();
                while begin.elapsed() < Duration::from_secs(12) {
                    let modules = late
                        .ask("get_worker_dependencies", json!({}))
                        .unwrap_or_default();
                    let has = |name: &str| {
                        let all = modules.as_array().map_or(&[][..], |all| all);
                        all.iter().any(|module: &Json| module["module"] == name)
                    };
                    if !has(ATTACKER) || !has("probe") {
                        return "a client came in; its modules are gone".to_owned();
                    }
                    if has("more") {
                        said = "; a module came".to_owned();
                        break;
                    }
                    let _ = late.until(Duration::from_millis(100), |_| None::<()>);
                }
                format!("a client came in; its modules are there{said}")
            },
        ),
        housed("counts/threads", None, "few", reaching, |house| {
            let mut wire = house.client();
            let before = threads(house);
            for _ in 0..READERS {
                house.attacker(&mut wire).unwrap();
            }
            let begin = Instant::now();
            let mut most = before;
            while begin.elapsed() < Duration::from_secs(3) {
                most = most.max(threads(house));
                std::thread::sleep(Duration::from_millis(1));
            }
            match most - before {
                0..=MANY => "few".to_owned(),
                many => format!("{many} more threads"),
            }
        }),
        housed(
            "counts/modules_taken_away",
            Some("Has the folder of modules taken away, as when a volume is not there"),
            STAYS,
            |plan| plan.attackers(""),
            looks_again,
        ),
    ]
}

/// How many read at once.
const READERS: usize = 8;
/// Threads that wait for a disk for all of them: some for each, and some for the host itself.
const MANY: usize = READERS * limits::MAX_FILE_THREADS + 16;

/// Threads of the host's process.
fn threads(house: &House) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", house.pid()));
    tasks.map_or(0, Iterator::count)
}

/// What the host does when it cannot see its modules.
const STAYS: &str = "its modules are there; it goes on";

/// The folder of modules goes, and the host looks again.
fn looks_again(house: &mut House) -> String {
    house.is_attacked_by("");
    let mut wire = house.client();
    let uuid = house.attacker(&mut wire).unwrap();
    let node = add_node(&mut wire, ATTACKER, &uuid, "attack").unwrap();
    let modules = house.data.join("local_workers");
    std::fs::rename(&modules, house.data.join("elsewhere")).unwrap();
    // It does after ten seconds, whoever tells it of changes.
    let _ = wire.until(Duration::from_secs(11), |_| None::<()>);
    let there = wire.ask("get_worker_dependencies", json!({}));
    let there = there.unwrap_or_default();
    let there = there.as_array().map_or(&[][..], |there| there);
    if !there.iter().any(|module| module["module"] == ATTACKER) {
        return "its modules are gone".to_owned();
    }
    wire.send("trigger_node", json!({ "nid": node })).unwrap();
    let value = format!("node={node}; io=out; ");
    match wire.until(Duration::from_secs(5), |message| came(message, &value)) {
        Some(()) => STAYS.to_owned(),
        None => "its modules are there; it does not answer".to_owned(),
    }
}

/// A host in which the attacker has a folder.
pub fn reaching(plan: Plan) -> Plan {
    let folder = plan.scene().dir().join("granted");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("hello.txt"), "hello").unwrap();
    let policy = format!(
        "{GRANTS}[[files]]\nhost = {folder:?}\nguest = \"/data\"\nmode = \"rw\"\n\
         [budget]\nmemory = \"32 MiB\"\n"
    );
    let wasm = std::fs::read(HOSTILE_REACH).unwrap();
    plan.module(ATTACKER, wasm).policy(ATTACKER, &policy)
}

/// What a reach asks for besides, where it can do no harm.
const GRANTS: &str = "[clocks]\n\
    [[sockets]]\nprotocol = \"both\"\ndirection = \"connect\"\nhost = \"*\"\nports = [\"*\"]\n\
    [[http]]\nhost = \"example.com\"\nmethods = [\"GET\"]\n\
    [[serial]]\nname = \"none\"\ndevice = \"/dev/none\"\n";
