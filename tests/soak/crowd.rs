//! Who is on the stage: tenants with forty external workers each, of which most are no good, and the nodes by which
//! clients reach them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use external_worker_artifacts::{HOSTILE, PROBE_DATA, PROBE_HOST, PROBE_SERIAL, REDIS_CLIENT};
use serde_json::{Value as Json, json};

use crate::line::Line;

/// Tenants; the last has a disk of its own, which fills up.
pub const TENANTS: [&str; 5] = ["steady", "north", "south", "west", "small-disk"];
/// Whose disk is full at times.
pub const SMALL_DISK: &str = "small-disk";
/// Whose process nobody kills in the second half, so that its memory is watched for long.
pub const STEADY: &str = "steady";

/// What attackers do by themselves or when they are poked, and how many of them each tenant has.
const ATTACKS: [(&str, usize, Poke); 13] = [
    ("cpu/hog", 2, Poke::Never),
    ("cpu/hog_naps", 1, Poke::Never),
    ("cpu/spin_loop", 1, Poke::Restart),
    ("cpu/hog_traps", 2, Poke::Restart),
    ("cpu/hog_logs", 2, Poke::Never),
    ("cpu/hog_emits", 2, Poke::Never),
    ("memory/grow", 3, Poke::Call("4194304")),
    ("memory/burst", 3, Poke::Call("")),
    ("memory/fragments", 2, Poke::Call("")),
    ("lifecycle/panic_in_loop", 2, Poke::Restart),
    ("lifecycle/panic_in_call", 1, Poke::Call("")),
    ("says/log_flood", 1, Poke::Call("")),
    ("says/event_flood", 1, Poke::Call("")),
];
/// External workers that behave: each role has its own, and all sleep in a turn of their loop.
const PROBES: usize = 14;
/// Nodes whose values one client sets at the same time.
pub const LANES: usize = 8;
/// What is a turn of a loop that sleeps.
const SLEEPS_MS: u32 = 3_600_000;
/// Rates of the serial port.
const BAUD_RATE: u32 = 9_600;

const HOSTILE_POLICY: &str = "[budget]\nmemory = \"8 MiB\"\ncpu-share = 0.01\ncpu-burst-ms = 200\n\
    cpu-spin-ms = 300\ncall-deadline-ms = 5000\nvalue-size = \"1 MiB\"\n\
    event-bytes-per-second = \"64 KiB\"\n";

/// What is done to an attacker over and over.
#[derive(Debug, Clone, Copy)]
pub enum Poke {
    Never,
    /// It is started again, since it ends by itself.
    Restart,
    /// Its node is triggered with this input, and it is started again after a while.
    Call(&'static str),
}

/// An attacker, and how it is poked.
pub struct Attacker {
    pub uuid: String,
    pub node: Option<String>,
    pub restarts: bool,
}

/// The nodes and external workers of one tenant, by the roles of its clients.
pub struct Cast {
    pub pulse: String,
    /// A long text in it fills what is left of a disk.
    pub ballast: String,
    pub callers: Vec<String>,
    pub lanes: Vec<String>,
    /// The external worker that is changed.
    pub built: String,
    pub remember: String,
    pub recall: String,
    pub bump: String,
    pub count: String,
    pub open: String,
    pub ask: String,
    pub close: String,
    pub incr: String,
    pub attackers: Vec<Attacker>,
    pub size: usize,
}

/// The modules of a tenant and what they may do, before anything is served.
pub fn prepare(data: &Path, port: &Path, service: u16) {
    for folder in ["local_workers", "policies"] {
        std::fs::create_dir_all(data.join(folder)).unwrap();
    }
    let serial = format!(
        "[[serial]]\nname = \"bench\"\ndevice = \"{}\"\n",
        port.display()
    );
    let redis = format!(
        "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"connect\"\nhost = \"127.0.0.1\"\nports = [{service}]\n"
    );
    let folder = "[data]\nquota = \"1 MiB\"\n".to_owned();
    for (module, guest, policy) in [
        ("hostile", HOSTILE, HOSTILE_POLICY.to_owned()),
        ("probe", PROBE_HOST, String::new()),
        ("data", PROBE_DATA, folder),
        ("serial", PROBE_SERIAL, serial),
        ("redis_client", REDIS_CLIENT, redis),
    ] {
        std::fs::copy(guest, data.join(format!("local_workers/{module}.wasm"))).unwrap();
        std::fs::write(data.join(format!("policies/{module}.toml")), policy).unwrap();
    }
}

/// What was compiled for one tenant, with the key that says by whom, is as good for another of the same host: it is
/// taken from `from`, if it is there.
pub fn copy_compiled(from: &Path, to: &Path) {
    let Ok(files) = std::fs::read_dir(from) else {
        return;
    };
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, Permissions::from_mode(0o700)).unwrap();
    for file in files.map_while(Result::ok) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Has all external workers and nodes of a tenant made; `None`: it did not work, which was said.
pub fn cast(line: &mut Line<'_>, service: u16) -> Option<Cast> {
    let mut probes = Vec::new();
    for _ in 0..PROBES {
        probes.push(add_with(line, "probe", json!({ "turn_ms": SLEEPS_MS }))?);
    }
    let data = add(line, "data")?;
    let serial = add(line, "serial")?;
    let redis = add_with(line, "redis_client", json!({ "port": service }))?;
    let attackers = attackers(line)?;
    let mut echoes = |probe: usize, count: usize| -> Option<Vec<String>> {
        let echo = |_| add_node(line, "probe", &probes[probe], "echo");
        (0..count).map(echo).collect()
    };
    let (pulse, ballast) = (echoes(0, 1)?.remove(0), echoes(0, 1)?.remove(0));
    let callers = [echoes(1, 1)?, echoes(2, 1)?].concat();
    let lanes = echoes(3, LANES)?;
    let size = probes.len() + attackers.len() + 3;
    let [open, ask, close] =
        ["open", "ask", "close"].map(|it| add_node(line, "serial", &serial, it));
    let cast = Cast {
        pulse,
        ballast,
        callers,
        lanes,
        remember: add_node(line, "probe", &probes[5], "remember")?,
        recall: add_node(line, "probe", &probes[5], "recall")?,
        built: probes.swap_remove(4),
        bump: add_node(line, "data", &data, "bump")?,
        count: add_node(line, "data", &data, "count")?,
        open: open?,
        ask: ask?,
        close: close?,
        incr: add_node(line, "redis_client", &redis, "incr")?,
        attackers,
        size,
    };
    let inputs = [
        (&cast.open, "name", json!("bench")),
        (&cast.open, "baud_rate", json!(BAUD_RATE)),
        (&cast.ask, "line", json!("*IDN?")),
        (&cast.ask, "ms", json!(2_000)),
        (&cast.incr, "key", json!("soak")),
    ];
    for (node, input, value) in inputs {
        set(line, node, input, value)?;
    }
    for node in cast.callers.iter().chain([&cast.pulse]) {
        set(line, node, "value", json!(0))?;
    }
    Some(cast)
}

/// All attackers of a tenant, which do not wait for each other: each may have little of the processor.
fn attackers(line: &mut Line<'_>) -> Option<Vec<Attacker>> {
    let kinds = ATTACKS.iter();
    let kinds = kinds.flat_map(|(attack, count, poke)| vec![(*attack, *poke); *count]);
    let kinds: Vec<_> = kinds.collect();
    let adding = vec![adding("hostile"); kinds.len()];
    let uuids = line.insist_all("add_external_worker", &adding)?;
    let of_it = |added: &Json| json!({ "worker_id": added["uuid"], "class_id": "hostile" });
    let with_config = |((attack, _), added): (&(&str, Poke), &Json)| {
        let mut of_it = of_it(added);
        of_it["config"] = json!({ "attack": attack });
        of_it
    };
    let configs: Vec<_> = kinds.iter().zip(&uuids).map(with_config).collect();
    line.insist_all("update_external_worker", &configs)?;
    for added in &uuids {
        // Some do not start, or not for long: that is what they are for.
        line.say("restart_external_worker", of_it(added));
    }
    let mut attackers = Vec::new();
    for ((_, poke), added) in kinds.into_iter().zip(uuids) {
        let uuid = added["uuid"].as_str()?.to_owned();
        attackers.push(attacker(line, uuid, poke)?);
    }
    Some(attackers)
}

fn attacker(line: &mut Line<'_>, uuid: String, poke: Poke) -> Option<Attacker> {
    let node = match poke {
        Poke::Call(to) => {
            let node = add_node(line, "hostile", &uuid, "attack")?;
            set(line, &node, "to", json!(to))?;
            Some(node)
        }
        Poke::Never | Poke::Restart => None,
    };
    let restarts = !matches!(poke, Poke::Never);
    Some(Attacker {
        uuid,
        node,
        restarts,
    })
}

fn adding(module: &str) -> Json {
    json!({ "module": module, "cls_module": module, "cls_name": module })
}

/// Adds an external worker of the module and class of this name, once it is there; its uuid.
pub fn add(line: &mut Line<'_>, module: &str) -> Option<String> {
    let added = line.insist("add_external_worker", &adding(module))?;
    added["uuid"].as_str().map(str::to_owned)
}

fn add_with(line: &mut Line<'_>, module: &str, config: Json) -> Option<String> {
    let uuid = add(line, module)?;
    let update = json!({ "worker_id": uuid, "class_id": module, "config": config });
    line.insist("update_external_worker", &update)?;
    Some(uuid)
}

pub fn add_node(line: &mut Line<'_>, class: &str, uuid: &str, method: &str) -> Option<String> {
    let id = json!({ "id": format!("{class}.{uuid}.{method}") });
    let added = line.insist("add_node", &id)?;
    added["id"].as_str().map(str::to_owned)
}

fn set(line: &mut Line<'_>, node: &str, input: &str, value: Json) -> Option<()> {
    let set = json!({ "nid": node, "ioid": input, "value": value, "set_default": true });
    line.insist("set_io_value", &set).map(drop)
}
