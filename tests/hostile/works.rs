//! Work that grows with what a guest says is done on the guests' threads and on its bill.

use std::time::Duration;

use serde_json::json;

use crate::house::ATTACKER;
use crate::scene::named;
use crate::table::{Row, housed};

/// How long others are watched meanwhile.
const WHILE: Duration = Duration::from_secs(3);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![housed(
        "says/schema_patterns_checked",
        None,
        "served",
        |plan| plan.module(ATTACKER, named("says/schema_patterns_checked")),
        |house| {
            let mut wires = [house.client(), house.client()];
            for wire in &mut wires {
                let asked = json!({
                    "module": ATTACKER, "cls_module": ATTACKER, "cls_name": ATTACKER,
                });
                wire.send("add_external_worker", asked).unwrap();
                house.one_more();
            }
            let mut wire = house.client();
            let _ = wire.until(WHILE, |_| None::<()>);
            match wire.ask("uuid", json!({})) {
                Ok(_) => "served".to_owned(),
                Err(error) => format!("not served: {error}"),
            }
        },
    )]
}
