//! One guest that is every component which is wrong in some way: its script says in which.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use external_worker_artifacts::PROBE_PUPPET;
use external_worker_host::component::LoadedComponent;
use external_worker_host::policy::{Manifest, Policy};
use external_worker_host::validate::exercise::{self, Devices, Subject};
use external_worker_host::validate::finding::Finding;
use external_worker_host::validate::{check_bytes, check_loaded, is_worth_running};
use external_worker_tests::engine;
use serde_json::{Value as Json, json};

use super::bytes::read;
use super::codes;

/// Processor time that is soon spun away.
const BUDGET: &str = "[budget]\ncpu-spin-ms = 100\n";
/// Deadlines short enough to wait for, for who hangs: others may meet them by chance on a busy machine.
const DEADLINES: &str = "start-deadline-ms = 1000\ncall-deadline-ms = 1500\nconfig-deadline-ms = 500\n\
    stop-deadline-ms = 500\n";

/// More than any of it takes, so that no finding depends on the machine.
pub(super) const TIME: Duration = Duration::from_secs(3_600);

/// The puppet with another script.
pub(crate) fn scripted(script: &Json) -> Vec<u8> {
    const MARK: &[u8] = b"{\"puppet\": \"script\"}";
    let mut bytes = read(PROBE_PUPPET);
    let script = script.to_string();
    assert!(script.len() < 8192, "{} bytes", script.len());
    let at = bytes.windows(MARK.len()).position(|window| window == MARK);
    let at = at.expect("the mark is in the component");
    bytes[at..at + MARK.len()].fill(b' ');
    bytes[at..at + script.len()].copy_from_slice(script.as_bytes());
    let manifest = Manifest {
        name: "puppet".to_owned(),
        package_version: "1.0.0".to_owned(),
        requests: Default::default(),
    };
    manifest.write(&bytes).unwrap()
}

/// Everything that is found in the puppet with this script.
async fn findings(script: &Json) -> Vec<Finding> {
    let bytes = scripted(script);
    let hangs = script.to_string().contains("hang");
    let policy = format!("{BUDGET}{}", if hangs { DEADLINES } else { "" });
    let policy = Policy::parse(&policy, "the test's policy").unwrap();
    let mut found = check_bytes(&bytes, None);
    found.extend(
        check_loaded(engine(), "puppet", bytes.clone(), &policy.budget)
            .await
            .unwrap(),
    );
    if is_worth_running(&found) {
        let component = LoadedComponent::from_bytes(engine(), "puppet", bytes).unwrap();
        let subject = Subject {
            component: Arc::new(component),
            file: "puppet.wasm".to_owned(),
            policy,
            devices: Devices::Simulated,
            seed: 1,
            limit: TIME,
            progress: Box::new(|_| {}),
        };
        found.extend(exercise::check(&Arc::new(subject)).await.unwrap().found);
    }
    found
}

/// A script whose class is a good one with `change` merged in.
fn class(change: Json) -> Json {
    let mut class = json!({ "id": "puppet", "methods": [method(json!({}))] });
    class
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    json!({ "classes": [class] })
}

/// A good method with `change` merged in.
fn method(change: Json) -> Json {
    let mut method = json!({
        "name": "f", "inputs": [{ "name": "x" }], "outputs": [{ "name": "out" }],
        "returns": { "out": 1 },
    });
    method
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    method
}

fn with_method(change: Json) -> Json {
    class(json!({ "methods": [method(change)] }))
}

/// A good script that also does `action` when the host asks for `what`.
fn acting(what: &str, action: &str) -> Json {
    let schema = json!({ "properties": { "n": { "type": "integer", "default": 1 } } });
    let mut script = class(json!({ "schema": schema }));
    script[what] = action.into();
    script
}

/// Methods that fail or not as the order of a hash map goes.
fn by_chance() -> Json {
    let methods = (0..20).map(|n| method(json!({ "name": format!("f{n}"), "does": "by-chance" })));
    class(json!({ "methods": methods.collect::<Vec<_>>() }))
}

fn with_schema(schema: Json) -> Json {
    class(json!({ "schema": schema }))
}

/// A component that is wrong in one way: what it is called, its script, the codes of what is found, and what
/// their places say.
pub(super) type Wrong = (&'static str, Json, &'static [&'static str], &'static str);

async fn assert_found(table: Vec<Wrong>) {
    let mut others = Vec::new();
    for (name, script, expected, place) in table {
        let found = findings(&script).await;
        let is_there = |finding: &Finding| finding.place.contains(place);
        if codes(&found) != expected || !found.iter().all(is_there) {
            let found = found
                .into_iter()
                .map(|one| (one.code.name, one.place, one.problem));
            others.push((name, found.collect::<Vec<_>>()));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}

#[tokio::test]
async fn a_puppet_that_does_nothing_wrong_is_clean() {
    assert_found(vec![
        ("plain", class(json!({})), &[], ""),
        ("refuses to change", acting("update", "error"), &[], ""),
    ])
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_what_it_says_is_found_and_nothing_else() {
    assert_found(wrong_words()).await;
}

/// What is wrong with what it says.
pub(super) fn wrong_words() -> Vec<Wrong> {
    let remote = json!({ "$ref": "http://127.0.0.1:1/schema.json" });
    let unfit = json!({ "properties": { "n": { "type": "integer", "default": "x" } } });
    let needed = json!({ "required": ["n"], "properties": { "n": { "type": "integer" } } });
    let secret = json!({ "properties": { "api_key": { "type": "string", "default": "" } } });
    let server = json!({ "default": {}, "properties": {
        "password": { "type": "string", "default": "" },
    }});
    let inner = json!({ "properties": { "server": server } });
    let excluded = json!({ "schema": secret, "exclude": ["api_key", "api_kye"] });
    let many: Vec<_> = (0..65).map(|n| json!({ "id": format!("c{n}") })).collect();
    let two = json!({ "classes": [{ "id": "a" }, { "id": "a" }] });
    let twice = class(json!({ "methods": [method(json!({})), method(json!({}))] }));
    let described = |action: &str| acting("describe", action);
    let input = |change: Json| {
        let mut input = json!({ "name": "x" });
        input
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        with_method(json!({ "inputs": [input] }))
    };
    vec![
        (
            "describe traps",
            described("trap"),
            &["describe-failed"],
            "describe",
        ),
        (
            "describe spins",
            described("spin"),
            &["describe-failed"],
            "describe",
        ),
        (
            "no classes",
            json!({ "classes": [] }),
            &["bad-description"],
            "",
        ),
        (
            "many classes",
            json!({ "classes": many }),
            &["bad-description"],
            "",
        ),
        (
            "an id that is none",
            class(json!({ "id": "9 lives" })),
            &["bad-description"],
            "9 lives",
        ),
        (
            "no id",
            class(json!({ "id": "" })),
            &["bad-description"],
            "class",
        ),
        ("an id twice", two, &["bad-description"], ""),
        ("a method twice", twice, &["bad-description"], "puppet"),
        (
            "a type that is no JSON",
            input(json!({ "type": "in" })),
            &["bad-description"],
            "puppet",
        ),
        (
            "options that are no JSON",
            input(json!({ "options": "{" })),
            &["bad-description"],
            "puppet",
        ),
        (
            "a schema that is no JSON",
            class(json!({ "schema": "{" })),
            &["bad-description"],
            "puppet",
        ),
        (
            "a schema that reaches out",
            with_schema(remote),
            &["bad-description"],
            "puppet",
        ),
        (
            "a form that is no JSON",
            class(json!({ "ui": "{" })),
            &["bad-description"],
            "puppet",
        ),
        (
            "a default that does not fit",
            with_schema(unfit),
            &["bad-default"],
            "config",
        ),
        (
            "no default for what is needed",
            with_schema(needed),
            &["bad-default"],
            "config",
        ),
        (
            "an excluded field that is none",
            class(excluded),
            &["unknown-exclude"],
            "export_exclude",
        ),
        (
            "a secret",
            with_schema(secret),
            &["exportable-secret"],
            "config.api_key",
        ),
        (
            "a secret below",
            with_schema(inner),
            &["exportable-secret"],
            "config.server.password",
        ),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_what_it_does_is_found_and_nothing_else() {
    assert_found(wrong_deeds()).await;
}

/// What is wrong with what it does.
pub(super) fn wrong_deeds() -> Vec<Wrong> {
    let does = |action: &str| with_method(json!({ "does": action }));
    let returns = |outputs: Json| with_method(json!({ "returns": outputs }));
    let shelves = |shelves: Json| {
        let mut script = class(json!({}));
        script["shelves"] = shelves;
        script
    };
    let orphan = shelves(json!([{ "name": "a", "parent": 3 }]));
    let one_name =
        json!({ "name": "n", "inputs": [{ "name": "x" }], "outputs": [{ "name": "x" }] });
    vec![
        (
            "start traps",
            acting("start", "trap"),
            &["trapped"],
            "start",
        ),
        (
            "start spins",
            acting("start", "spin"),
            &["trapped"],
            "start",
        ),
        (
            "start hangs",
            acting("start", "hang"),
            &["too-slow"],
            "start",
        ),
        (
            "start refuses",
            acting("start", "error"),
            &["not-started"],
            "start",
        ),
        (
            "the loop traps",
            acting("loop", "trap"),
            &["trapped"],
            "the loop",
        ),
        (
            "the loop spins",
            acting("loop", "spin"),
            &["trapped"],
            "the loop",
        ),
        (
            "a change traps",
            acting("update", "trap"),
            &["trapped"],
            "update-config",
        ),
        (
            "a change hangs",
            acting("update", "hang"),
            &["too-slow"],
            "update-config",
        ),
        ("a call traps", does("trap"), &["trapped"], "method f"),
        ("a call spins", does("spin"), &["trapped"], "method f"),
        ("a call hangs", does("hang"), &["too-slow"], "method f"),
        ("stop traps", acting("stop", "trap"), &["trapped"], "stop"),
        ("stop hangs", acting("stop", "hang"), &["too-slow"], "stop"),
        (
            "another output",
            returns(json!({ "in": 1 })),
            &["bad-output"],
            "method f",
        ),
        (
            "an output of another type",
            returns(json!({ "out": "x" })),
            &["bad-output"],
            "method f",
        ),
        (
            "JSON that is none",
            returns(json!({ "out": ["{"] })),
            &["bad-output"],
            "method f",
        ),
        (
            "takes anything",
            does("anything"),
            &["wrong-value-taken"],
            "method f",
        ),
        ("logs too much", does("log"), &["over-rate"], "class puppet"),
        (
            "emits too much",
            does("emit"),
            &["over-rate"],
            "class puppet",
        ),
        ("grows", does("grow"), &["memory-grows"], "method f"),
        (
            "the loop fails",
            acting("loop", "error"),
            &["loop-fails"],
            "the loop",
        ),
        (
            "refuses every value",
            does("error"),
            &["input-not-taken"],
            "method f",
        ),
        (
            "is not the same twice",
            by_chance(),
            &["differs"],
            "class puppet",
        ),
        (
            "a shelf before its parent",
            orphan,
            &["bad-shelf"],
            "get-nodeshelf",
        ),
        (
            "a shelf with a path for a name",
            shelves(json!([{ "name": "a/b" }])),
            &["bad-shelf"],
            "get-nodeshelf",
        ),
        (
            "a shelf without a name",
            shelves(json!([{ "name": "" }])),
            &["bad-shelf"],
            "get-nodeshelf",
        ),
        (
            "a node of a shelf with two ports of one name",
            shelves(json!([{ "name": "a", "nodes": [one_name] }])),
            &["bad-shelf"],
            "get-nodeshelf",
        ),
        (
            "get-nodeshelf traps",
            acting("shelf", "trap"),
            &["trapped"],
            "get-nodeshelf",
        ),
    ]
}

#[test]
fn the_puppet_is_one_of_the_probes() {
    assert!(Path::new(PROBE_PUPPET).is_file());
}
