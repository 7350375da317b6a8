//! What a process has is counted: names, folders, links.

use external_worker_artifacts::HOSTILE_REACH;

use crate::house::{ATTACKER, Plan};
use crate::network::reach;
use crate::scene::Scene;
use crate::table::{Row, row};

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
    ]
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
