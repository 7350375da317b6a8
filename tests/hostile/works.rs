//! Work that grows with what a guest says is done on the guests' threads and on its bill, or in a process that
//! has limits: describing itself, and schemas.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::house::{ATTACKER, House, add};
use crate::pays::listens;
use crate::scene::named;
use crate::table::{Row, housed};

/// How long a module may take until it is there or refused.
const COMES: Duration = Duration::from_secs(10);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for attack in ["says/classes_patterns", "says/schema_patterns"] {
        let comes = move |house: &mut House| comes(house, &named(attack));
        rows.push(housed(
            attack,
            None,
            "there | not there",
            |plan| plan,
            comes,
        ));
    }
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
            listens(&mut house.client())
        },
    ));
    rows.push(housed(
        "works/module_of_code",
        Some("Is a component that takes the compiler long, though it is small"),
        "there | not there",
        |plan| plan,
        |house| comes(house, &bomb()),
    ));
    rows
}

/// Puts one more module where modules are found, and waits for what comes of it.
fn comes(house: &mut House, wasm: &[u8]) -> String {
    let mut wire = house.client();
    house.one_more();
    let modules = house.data.join("local_workers");
    std::fs::write(modules.join("more.part"), wasm).unwrap();
    std::fs::rename(modules.join("more.part"), modules.join("more.wasm")).unwrap();
    let begin = Instant::now();
    while begin.elapsed() < COMES {
        let Ok(there) = wire.ask("get_worker_dependencies", json!({})) else {
            return "no answer".to_owned();
        };
        let there = there.as_array().unwrap();
        if there.iter().any(|module| module["module"] == "more") {
            // It is asked for, too.
            let _ = add(&mut wire, "more", ATTACKER);
            return "there".to_owned();
        }
        let _ = wire.until(Duration::from_millis(100), |_| None::<()>);
    }
    "not there".to_owned()
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
