//! Saves are strangers': what is in one that makes no sense costs the host little, and what was acknowledged
//! comes back as it was.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::bystander::add_node;
use crate::crowds::archive_of;
use crate::house::{ATTACKER, House};
use crate::table::{Row, housed};

/// How long an answer to a large save is waited for.
const LONG: Duration = Duration::from_secs(15);

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        of(
            "saves/nodes_many",
            "Is a save of fifty thousand nodes",
            "refused; served",
            || {
                let node = |n| json!({ "id": format!("n{n}"), "node_id": "nobody.knows" });
                let nodes: Vec<_> = (0..50_000).map(node).collect();
                json!({ "backend": { "nodes": nodes, "edges": [] } }).to_string()
            },
        ),
        of(
            "saves/edges_to_nothing",
            "Is a save of ninety thousand edges between nodes that are not there",
            "taken; served",
            || {
                let edge = |n| json!([format!("n{n}"), "out", format!("m{n}"), "in"]);
                let edges: Vec<_> = (0..90_000).map(edge).collect();
                json!({ "backend": { "nodes": [], "edges": edges } }).to_string()
            },
        ),
        of(
            "saves/edges_in_circles",
            "Is a save of forty thousand edges between the same two nodes",
            "taken; served",
            || {
                let node = |id| json!({ "id": id, "node_id": "nobody.knows" });
                let edge = |n: u32| match n % 2 {
                    0 => json!(["a", format!("o{n}"), "b", format!("i{n}")]),
                    _ => json!(["b", format!("o{n}"), "a", format!("i{n}")]),
                };
                let edges: Vec<_> = (0..40_000).map(edge).collect();
                let nodes = [node("a"), node("b")];
                json!({ "backend": { "nodes": nodes, "edges": edges } }).to_string()
            },
        ),
        of(
            "saves/deep",
            "Is a save with a value of a hundred thousand lists in each other",
            "refused; served",
            || {
                let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
                format!(r#"{{"backend": {{"nodes": [], "edges": [], "prop": {deep}}}}}"#)
            },
        ),
        of(
            "saves/instances_many",
            "Is a save of twenty thousand external workers that nobody knows",
            "*; served",
            || {
                let one = |n: u32| json!({ "uuid": format!("{n:032x}"), "name": "x".repeat(200) });
                let all: Vec<_> = (0..20_000).map(one).collect();
                json!({ "backend": { "nodes": [], "edges": [] }, "external_workers": { "nobody": all } })
                    .to_string()
            },
        ),
        of(
            "saves/tree",
            "Is a save of nine megabytes that are nine hundred as a tree",
            "refused; served",
            || {
                let items = vec![r#"{"":0}"#; 1_300_000].join(",");
                format!(
                    r#"{{"backend": {{"nodes": [{{"id": "a", "node_id": "b", "io": {{"p": {{"value": [{items}]}}}}}}], "edges": []}}}}"#
                )
            },
        ),
        housed(
            "saves/no_numbers",
            Some("Sets what JSON has no numbers for, and the host is killed"),
            "they came back",
            |plan| plan.attackers(""),
            comes_back,
        ),
    ]
}

/// A save that a client imports.
fn of(
    attack: &'static str,
    tries: &'static str,
    expected: &'static str,
    state: fn() -> String,
) -> Row {
    housed(
        attack,
        Some(tries),
        expected,
        |plan| plan.attackers("").uncalled(),
        move |house| {
            house.one_more();
            let data = archive_of(&state());
            let mut wire = house.client();
            let id = wire
                .send("update_from_export", json!({ "data": data }))
                .unwrap();
            let said = wire.until(LONG, |message| {
                let text = message.is_text().then(|| message.to_text().ok())??;
                let answer: Json = serde_json::from_str(text).ok()?;
                (answer["id"] == id.as_str()).then(|| answer["type"] == "result")
            });
            let said = match said {
                Some(true) => "taken",
                Some(false) => "refused",
                None => return "no answer".to_owned(),
            };
            match house.client().ask("uuid", json!({})) {
                Ok(_) => format!("{said}; served"),
                Err(error) => format!("{said}; not served: {error}"),
            }
        },
    )
}

/// What Python's JSON has and JSON has not.
const ODD: [&str; 3] = ["Infinity", "-Infinity", "NaN"];

/// Values that are acknowledged are there after the host was killed.
fn comes_back(house: &mut House) -> String {
    house.unwatched();
    house.is_attacked_by("");
    let mut wire = house.client();
    let uuid = house.attacker(&mut wire).unwrap();
    let node = add_node(&mut wire, ATTACKER, &uuid, "wide").unwrap();
    for (n, odd) in ODD.iter().enumerate() {
        let text = format!(
            r#"{{"type":"cmd","cmd":"set_default_value","id":"odd-{n}","kwargs":{{"nid":"{node}","ioid":"p{n}","value":{odd}}}}}"#
        );
        if wire.say(&text, &format!("odd-{n}")).is_none() {
            return format!("{odd} was not taken");
        }
    }
    house.begins_again();
    let mut wire = house.client();
    for (n, odd) in ODD.iter().enumerate() {
        let text = format!(
            r#"{{"type":"cmd","cmd":"get_io_full_value","id":"odd-{n}","kwargs":{{"nid":"{node}","ioid":"p{n}"}}}}"#
        );
        let answer = wire.say(&text, &format!("odd-{n}")).unwrap_or_default();
        let wire_form = match *odd {
            "Infinity" => ":1e999",
            "-Infinity" => ":-1e999",
            _ => ":null",
        };
        if !answer
            .replace(' ', "")
            .contains(&format!("\"result\"{wire_form}"))
        {
            return format!("{odd} came back as {answer}");
        }
    }
    "they came back".to_owned()
}
