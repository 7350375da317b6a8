//! Work that grows with what a guest says is done on the guests' threads and on its bill, or in a process that
//! has limits: describing itself, and schemas.

use std::time::Duration;

use serde_json::json;

use crate::bystander::add_node;
use crate::house::{ATTACKER, House, add};
use crate::pays::{listens, with_nodes};
use crate::scene::named;
use crate::table::{Row, housed};
use crate::wire::Wire;

/// The module that comes.
const MORE: &str = "more";
/// How long it may take until it is there or refused, on a busy machine.
pub const COMES: Duration = Duration::from_secs(60);
/// How long others are watched while it takes long.
const WATCHED: Duration = Duration::from_secs(10);

/// How many inputs take what one node answers: nearly as many as may.
const TARGETS: u32 = 1_000;
/// How long an attacker goes on.
const WHILE: Duration = Duration::from_secs(3);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let refused = "* cannot be used: * may have 10000 parts*";
    let mut rows: Vec<_> = [
        ("says/classes_patterns", refused),
        ("says/schema_patterns", "* is new*"),
        ("says/schema_patterns_fit", "* is new*"),
    ]
    .into_iter()
    .map(|(attack, expected)| {
        let comes = move |house: &mut House| comes(house, named(attack), COMES);
        housed(attack, None, expected, |plan| plan, comes)
    })
    .collect();
    rows.push(housed(
        "says/schema_patterns_checked",
        None,
        "served",
        |plan| plan.module(ATTACKER, named("says/schema_patterns_checked")),
        |house| {
            let mut wires = [house.client(), house.client()];
            for wire in &mut wires {
                let asked =
                    json!({ "module": ATTACKER, "cls_module": ATTACKER, "cls_name": ATTACKER });
                wire.send("add_external_worker", asked).unwrap();
                house.one_more();
            }
            listens(&mut house.client(), WHILE)
        },
    ));
    rows.push(housed(
        "works/module_of_code",
        Some("Is a component that takes the compiler long, though it is small"),
        "* is new* | * cannot be used* | nothing is said of it",
        |plan| plan,
        |house| comes(house, bomb(), WATCHED),
    ));
    rows.extend([
        housed(
            "works/shelves",
            None,
            "served",
            |plan| plan.attackers(""),
            |house| {
                let mut wire = house.client();
                for _ in 0..4 {
                    house.attacker(&mut wire).unwrap();
                }
                listens(&mut wire, WHILE)
            },
        ),
        housed(
            "works/fan_out",
            None,
            "served",
            |plan| plan.attackers(""),
            |house| {
                let mut wire = house.client();
                let uuid = house.attacker(&mut wire).unwrap();
                feeds_many(&mut wire, &uuid);
                listens(&mut wire, WHILE)
            },
        ),
        with_nodes("works/triggers", "attack", 500, WHILE),
        with_nodes("works/values_set", "attack", 200, WHILE),
    ]);
    rows
}

/// Connects the output of a node of `uuid` with a thousand inputs of others.
fn feeds_many(wire: &mut Wire, uuid: &str) {
    const INPUTS: u32 = 200;
    let from = add_node(wire, ATTACKER, uuid, "attack").unwrap();
    for _ in 0..TARGETS / INPUTS {
        let to = add_node(wire, ATTACKER, uuid, "wide").unwrap();
        for input in 0..INPUTS {
            let ends = json!({
                "src_nid": from,
                "src_ioid": "out",
                "trg_nid": to,
                "trg_ioid": format!("p{input}"),
            });
            wire.send("add_edge", ends).unwrap();
        }
        wire.ask("uuid", json!({})).unwrap();
    }
}

/// Puts one more module where modules are found, and waits for what is said of it. An instance of it is asked for,
/// too.
pub fn comes(house: &mut House, wasm: Vec<u8>, within: Duration) -> String {
    let mut wire = house.client();
    house.brings(MORE, &never_seen(wasm));
    let said = wire.until(within, |message| {
        let text = message.to_text().ok()?;
        let is_it = text.contains(&format!("the module `{MORE}`"));
        is_it.then(|| text.to_owned())
    });
    match said {
        Some(said) => {
            let _ = add(&mut wire, MORE, ATTACKER);
            said
        }
        None => "nothing is said of it".to_owned(),
    }
}

/// The same component, which no cache knows.
fn never_seen(mut wasm: Vec<u8>) -> Vec<u8> {
    let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let custom = [&[1, b't'][..], &time.to_le_bytes()].concat();
    wasm.extend([0, custom.len() as u8]);
    wasm.extend(custom);
    wasm
}

/// A component with many functions that take the compiler long, though it is small.
fn bomb() -> Vec<u8> {
    let step = "(local.set 0 (i64.mul (local.get 0) (i64.add (local.get 0) (i64.const 7))))
        (if (i64.eqz (local.get 0)) (then (local.set 0 (i64.const 1))))";
    let function = format!(
        "(func (param i64) (result i64) {} (local.get 0))",
        step.repeat(600)
    );
    let text = format!("(module {})", function.repeat(300));
    let module = wat::parse_str(&text).unwrap();
    // A component goes on with any section that there may be.
    let mut component = std::fs::read(external_worker_artifacts::HOSTILE).unwrap();
    component.push(1);
    let mut length = module.len();
    loop {
        let more = length >> 7 != 0;
        component.push((length & 0x7f) as u8 | if more { 0x80 } else { 0 });
        length >>= 7;
        if !more {
            break;
        }
    }
    component.extend(module);
    component
}
