//! What a guest says is paid for at the size that it has in the host, before it is made: events, options and
//! defaults of a few bytes that are as large as trees.

use std::time::Duration;

use serde_json::json;

use crate::house::House;
use crate::table::{Row, housed};
use crate::wire::Wire;

/// How long an attacker goes on that grows slowly.
const WHILE: Duration = Duration::from_secs(3);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    [
        "pays/defaults_refused",
        "pays/events_arrays",
        "pays/events_nested",
        "pays/options_refused",
    ]
    .map(|attack| housed(attack, None, "served", |plan| plan.attackers(""), talks))
    .into()
}

/// Two attackers talk for a while; somebody listens.
fn talks(house: &mut House) -> String {
    let mut wire = house.client();
    for _ in 0..2 {
        house.attacker(&mut wire).unwrap();
    }
    listens(&mut wire)
}

/// Listens for a while, and asks then for something.
pub fn listens(wire: &mut Wire) -> String {
    let _ = wire.until(WHILE, |_| None::<()>);
    match wire.ask("uuid", json!({})) {
        Ok(_) => "served".to_owned(),
        Err(error) => format!("not served: {error}"),
    }
}
