//! Code that has taken over the process of a tenant, and wants more memory than the process may have: whatever
//! the kind of memory, it gets no more than that.

use std::process::{Command, Stdio};

use crate::house::{Cost, Resident};
use crate::scene::Scene;
use crate::table::{Row, made};

/// The program that confines itself as the process of a tenant does, and then tries.
const ATTEMPT: &str = env!("CARGO_BIN_EXE_ewh-attempt");
/// What that process may have, in bytes.
const MEMORY: u64 = 512 << 20;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    [
        (
            "confined/memory_files",
            "Has a tenant's process and writes six gigabytes to files in memory",
            "hold files in memory",
        ),
        (
            "confined/memory_grows_down",
            "Has a tenant's process and maps six gigabytes that grow downwards",
            "hold memory that grows downwards",
        ),
        (
            "confined/memory_private",
            "Has a tenant's process and maps six gigabytes of its own",
            "hold private memory",
        ),
        (
            "confined/memory_shared",
            "Has a tenant's process and maps six gigabytes that are shared",
            "hold shared memory",
        ),
    ]
    .map(|(attack, tries, attempt)| {
        made(attack, tries, "refused", move |scene| async move {
            let done = tokio::task::spawn_blocking(move || attempts(&scene, attempt));
            done.await.unwrap()
        })
    })
    .into()
}

/// How `attempt` ends, and what the process had meanwhile.
fn attempts(scene: &Scene, attempt: &str) -> String {
    let [own, other] = ["own", "other"].map(|name| scene.dir().join(name));
    let process = Command::new(ATTEMPT)
        .args(["confined", attempt])
        .args([own, other])
        .arg("1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let resident = Resident::watch(process.id());
    let said = process.wait_with_output().unwrap().stdout;
    scene.cost(Cost {
        growth: resident.growth(),
        budget: MEMORY,
        ..Cost::default()
    });
    match String::from_utf8_lossy(&said).trim() {
        "" => "it said nothing".to_owned(),
        "reached" => "reached".to_owned(),
        _ => "refused".to_owned(),
    }
}
