//! What a schema marks as a secret leaves the host nowhere, and what no schema speaks of is one.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::house::{ATTACKER, House, Plan, add};
use crate::scene::named;
use crate::table::{Row, housed};
use crate::wire::Wire;

/// What must not leave.
const SECRET: &str = "SECRET";
/// Values for all places of the schema.
const VALUES: &str = include_str!("secrets.json");
/// How long what is told of a change is waited for.
const SOON: Duration = Duration::from_secs(2);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        housed(
            "says/secret_places",
            None,
            "kept; nothing told",
            planned,
            |house| {
                let (mut wire, uuid, mut listener) = holding(house);
                let said = keeps(&mut wire, &uuid, serde_json::from_str(VALUES).unwrap());
                format!("{said}; {}", told(&mut wire, &mut listener))
            },
        ),
        housed(
            "says/secret_renamed",
            None,
            "kept; nothing told",
            planned,
            |house| {
                let (mut wire, uuid, mut listener) = holding(house);
                let said = keeps(&mut wire, &uuid, json!({ "token": SECRET }));
                let modules = house.data.join("local_workers");
                let next = modules.join("next.part");
                std::fs::write(&next, named("says/secret_renamed")).unwrap();
                std::fs::rename(next, modules.join(ATTACKER).with_extension("wasm")).unwrap();
                let _ = listener.until(SOON, |_| None::<()>);
                format!("{said}; {}", told(&mut wire, &mut listener))
            },
        ),
        housed(
            "secret/unknown",
            Some("Is given values that no schema speaks of"),
            "*; nothing told",
            planned,
            |house| {
                let (mut wire, uuid, mut listener) = holding(house);
                let values = json!({ "nobody": SECRET, "knows": { "it": [SECRET] } });
                let said = keeps(&mut wire, &uuid, values);
                format!("{said}; {}", told(&mut wire, &mut listener))
            },
        ),
        housed(
            "secret/refused",
            Some("Is given a secret of the wrong type"),
            "refused; nothing told",
            planned,
            |house| {
                let (mut wire, uuid, mut listener) = holding(house);
                let values = json!({ "token": [SECRET], "properties": SECRET });
                let said = keeps(&mut wire, &uuid, values);
                format!("{said}; {}", told(&mut wire, &mut listener))
            },
        ),
        housed(
            "secret/module_gone",
            Some("Keeps secrets while its module is taken away"),
            "kept; nothing told",
            planned,
            |house| {
                let (mut wire, uuid, mut listener) = holding(house);
                let said = keeps(&mut wire, &uuid, serde_json::from_str(VALUES).unwrap());
                let module = house.data.join("local_workers").join(ATTACKER);
                std::fs::remove_file(module.with_extension("wasm")).unwrap();
                let _ = listener.until(SOON, |_| None::<()>);
                format!("{said}; {}", told(&mut wire, &mut listener))
            },
        ),
    ]
}

fn planned(plan: Plan) -> Plan {
    plan.module(ATTACKER, named("says/secret_places"))
}

/// An external worker that is to keep secrets, its client, and another client.
fn holding(house: &mut House) -> (Wire, String, Wire) {
    let mut wire = house.client();
    let uuid = add(&mut wire, ATTACKER, ATTACKER).unwrap();
    house.one_more();
    (wire, uuid, house.client())
}

fn keeps(wire: &mut Wire, uuid: &str, config: Json) -> &'static str {
    let update = json!({ "worker_id": uuid, "class_id": ATTACKER, "config": config });
    match wire.ask("update_external_worker", update) {
        Ok(_) => "kept",
        Err(error) if error.contains(SECRET) => "TOLD IN THE REFUSAL",
        Err(_) => "refused",
    }
}

/// Where the secret is told: in what anybody may ask for, or in what everybody hears.
fn told(wire: &mut Wire, listener: &mut Wire) -> String {
    let asked = [
        ("export_worker", json!({ "with_files": false })),
        ("full_state", json!({})),
        ("get_save_state", json!({ "export": true })),
        ("get_worker_dependencies", json!({})),
        ("view_state", json!({})),
    ];
    let mut places = Vec::new();
    for (cmd, kwargs) in asked {
        let answer = wire
            .ask(cmd, kwargs)
            .map_or_else(|error| error, |answer| text(&answer));
        if answer.contains(SECRET) {
            places.push(cmd);
        }
    }
    let heard = listener.until(Duration::from_millis(300), |message| {
        let bytes = message.clone().into_data();
        bytes
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes())
            .then_some(())
    });
    if heard.is_some() {
        places.push("events");
    }
    match places.is_empty() {
        true => "nothing told".to_owned(),
        false => format!("told in {}", places.join(", ")),
    }
}

/// All text of an answer; of an archive, all that is in it.
fn text(answer: &Json) -> String {
    let archive = answer.as_str().and_then(unpacked);
    archive.unwrap_or_else(|| answer.to_string())
}

fn unpacked(data: &str) -> Option<String> {
    let bytes = crate::crowds::from_base64(data)?;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).ok()?;
    let mut all = String::new();
    for at in 0..archive.len() {
        std::io::Read::read_to_string(&mut archive.by_index(at).ok()?, &mut all).ok()?;
    }
    Some(all)
}
