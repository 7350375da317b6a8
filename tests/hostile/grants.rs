//! Taking a grant away takes it away.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::counts::reaching;
use crate::house::{ATTACKER, House};
use crate::table::{Row, housed};

/// How long the host may take to notice a policy; it looks again after ten seconds.
const NOTICES: Duration = Duration::from_secs(15);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
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
    ]
}

/// The policy that the attacker runs under.
fn policy_of(house: &House) -> PathBuf {
    house
        .data
        .join("policies")
        .join(ATTACKER)
        .with_extension("toml")
}

/// An attacker writes until `change` was made to its policy.
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
    change(&policy_of(house));
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
