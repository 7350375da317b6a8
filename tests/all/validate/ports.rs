//! What a component says of its ports is looked at when it is loaded: nothing has to run for it.

use external_worker_artifacts::PUMP;
use external_worker_host::limits::{AboveCap, Budget};
use external_worker_host::validate::{check_bytes, check_loaded};
use external_worker_tests::engine;
use serde_json::{Map, Value as Json, json};

use super::codes;
use super::puppet::scripted;

/// `base` with the members of `change`.
fn changed(base: Json, change: Json) -> Json {
    let all = [base, change].map(|json| match json {
        Json::Object(members) => members,
        other => panic!("{other} is not an object"),
    });
    Json::Object(all.into_iter().flatten().collect::<Map<_, _>>())
}

/// A component with one method, which is a good one but for `change`.
fn with_method(change: Json) -> Json {
    let good = json!({
        "name": "f", "inputs": [{ "name": "x" }], "outputs": [{ "name": "out" }],
        "returns": { "out": 1 },
    });
    json!({ "classes": [{ "id": "puppet", "methods": [changed(good, change)] }] })
}

fn input(change: Json) -> Json {
    with_method(json!({ "inputs": [changed(json!({ "name": "x" }), change)] }))
}

fn output(change: Json) -> Json {
    with_method(json!({ "outputs": [changed(json!({ "name": "out" }), change)] }))
}

#[tokio::test]
async fn what_is_wrong_with_ports_is_found_and_nothing_else() {
    let table: Vec<(&str, Json, &[&str], &str)> = vec![
        ("nothing", with_method(json!({})), &[], ""),
        (
            "everything, well",
            input(json!({
                "default": 2, "options": { "min": 1, "max": 3, "step": 1, "options": [1, 2, 3] },
                "render": { "type": "select" },
            })),
            &[],
            "",
        ),
        (
            "two inputs of one name",
            with_method(json!({ "inputs": [{ "name": "x" }, { "name": "x" }] })),
            &["bad-description"],
            "puppet",
        ),
        (
            "two outputs of one name",
            with_method(json!({ "outputs": [{ "name": "x" }, { "name": "x" }] })),
            &["bad-description"],
            "puppet",
        ),
        (
            "an input and an output of one name",
            output(json!({ "name": "x" })),
            &["bad-description"],
            "puppet",
        ),
        (
            "the name of a port that every node has",
            input(json!({ "name": "_triggerinput" })),
            &["bad-description"],
            "puppet",
        ),
        (
            "a default of another type",
            input(json!({ "default": "x" })),
            &["bad-port-default"],
            "input x",
        ),
        (
            "a default that somebody would have to convert",
            input(json!({ "default": "5" })),
            &["bad-port-default"],
            "input x",
        ),
        (
            "a default, and a value is required",
            input(json!({ "default": 5, "required": true })),
            &["unused-default"],
            "input x",
        ),
        (
            "the default of an output",
            output(json!({ "default": 5 })),
            &["unused-default"],
            "output out",
        ),
        (
            "bounds that leave nothing",
            input(json!({ "options": { "min": 2, "max": 1 } })),
            &["bad-port-options"],
            "input x",
        ),
        (
            "bounds of a text",
            input(json!({ "type": "\"str\"", "options": { "min": 2 } })),
            &["bad-port-options"],
            "input x",
        ),
        (
            "a step that leads nowhere",
            input(json!({ "options": { "step": 0 } })),
            &["bad-port-options"],
            "input x",
        ),
        (
            "choices of another type",
            input(json!({ "options": { "options": ["1", "2"] } })),
            &["bad-port-options"],
            "input x",
        ),
        (
            "a default that cannot be chosen",
            input(json!({ "default": 5, "options": { "options": [1, 2] } })),
            &["bad-port-options"],
            "input x",
        ),
        (
            "a default that is too small",
            input(json!({ "default": 5, "options": { "min": 6 } })),
            &["bad-port-options"],
            "input x",
        ),
        (
            "a renderer that the UI does not have",
            output(json!({ "render": { "type": "text" } })),
            &["bad-render-options"],
            "output out",
        ),
        (
            "a node that shows a port which it does not have",
            with_method(json!({ "render": { "data": { "src": "y" } } })),
            &["bad-render-options"],
            "method f",
        ),
    ];
    let mut others = Vec::new();
    for (name, script, expected, place) in table {
        let bytes = scripted(&script);
        let mut found = check_bytes(&bytes, None);
        let budget = Budget::default();
        let loaded = check_loaded(engine(), "puppet", bytes, &budget).await;
        found.extend(loaded.unwrap());
        let is_there = found.iter().all(|one| one.place.contains(place));
        if codes(&found) != expected || !is_there {
            others.push((name, found));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}

#[tokio::test]
async fn calls_that_are_longer_than_the_policy_allows_are_found() {
    let bytes = std::fs::read(PUMP).unwrap();
    let found = async |cap, above_cap| {
        let budget = Budget {
            call_deadline_cap_ms: cap,
            above_cap,
            ..Budget::default()
        };
        let found = check_loaded(engine(), "pump", bytes.clone(), &budget).await;
        let found = found.unwrap();
        let codes: Vec<_> = codes(&found).into_iter().map(str::to_owned).collect();
        let said = found.first().map(|it| it.problem.clone());
        (codes, said.unwrap_or_default())
    };
    let (codes, said) = found(60_000, AboveCap::Cut).await;
    assert_eq!(codes, ["long-calls-cut"]);
    assert!(said.contains("`pump_for` may take 600000 ms"), "{said}");
    let (codes, _) = found(60_000, AboveCap::Refuse).await;
    assert_eq!(codes, ["long-calls-refused"]);
    for above in [AboveCap::Cut, AboveCap::Refuse] {
        let (codes, said) = found(600_000, above).await;
        assert!(codes.is_empty(), "{codes:?} {said}");
    }
}
