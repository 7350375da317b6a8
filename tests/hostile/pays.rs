//! What a guest says is paid for at the size that it has in the host, before it is made: events, options,
//! defaults, values, outputs and errors of a few bytes each that are as large as trees, or as many.

use std::time::Duration;

use serde_json::json;

use crate::bystander::add_node;
use crate::counts::reaching;
use crate::crowds::websocket;
use crate::house::{ATTACKER, House};
use crate::scene::named;
use crate::table::{Row, housed};
use crate::wire::Wire;
use crate::works::{COMES, comes};

/// How long an attacker goes on.
const WHILE: Duration = Duration::from_secs(3);
/// How long two go on of which what each is refused adds up.
const LONG: Duration = Duration::from_secs(10);
/// How long one goes on whose attack is in what is saved: that waits five seconds for more.
const SAVED: Duration = Duration::from_secs(10);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let talking = [
        "pays/defaults_refused",
        "pays/events_arrays",
        "pays/events_nested",
        "pays/events_objects",
        "pays/options_refused",
    ];
    let talking =
        talking.map(|attack| housed(attack, None, "served", |plan| plan.attackers(""), talks));
    let mut rows = Vec::from(talking);
    rows.extend([
        with_nodes("pays/config_said", "attack", 1, SAVED),
        with_nodes("pays/errors_long", "attack", 200, WHILE),
        with_nodes("pays/media_kept", "wide", 5, SAVED),
        with_nodes("pays/options_kept", "wide", 2, SAVED),
        with_nodes("pays/output_json", "attack", 1, SAVED),
        with_nodes("pays/outputs_many", "attack", 1, WHILE),
        with_nodes("pays/values_kept", "wide", 1, SAVED),
        housed(
            "pays/events_unread",
            Some("Emits all that it may to thirty clients that read nothing"),
            "served",
            |plan| plan.attackers(""),
            |house| {
                house.is_attacked_by("pays/events_objects");
                let deaf: Vec<_> = (0..30).map(|_| websocket(house.address)).collect();
                let said = talks(house);
                drop(deaf);
                said
            },
        ),
        housed("pays/http_fields", None, "served", reaching, talks),
        housed(
            "says/options_trees",
            None,
            "* cannot be used: * bytes as a tree; at most *",
            |plan| plan,
            |house| comes(house, named("says/options_trees"), COMES),
        ),
    ]);
    rows
}

/// Two attackers talk for a while; somebody listens.
fn talks(house: &mut House) -> String {
    let mut wire = house.client();
    for _ in 0..2 {
        house.attacker(&mut wire).unwrap();
    }
    listens(&mut wire, LONG)
}

/// An attacker whose method `method` has so many nodes.
pub fn with_nodes(attack: &'static str, method: &'static str, nodes: u32, time: Duration) -> Row {
    housed(
        attack,
        None,
        "served",
        |plan| plan.attackers(""),
        move |house| {
            let mut wire = house.client();
            let uuid = house.attacker(&mut wire).unwrap();
            for _ in 0..nodes {
                add_node(&mut wire, ATTACKER, &uuid, method).unwrap();
            }
            listens(&mut wire, time)
        },
    )
}

/// Listens for a while, and asks then for something.
pub fn listens(wire: &mut Wire, time: Duration) -> String {
    let _ = wire.until(time, |_| None::<()>);
    match wire.ask("uuid", json!({})) {
        Ok(_) => "served".to_owned(),
        Err(error) => format!("not served: {error}"),
    }
}
