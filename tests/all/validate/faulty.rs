//! What an exercise has to find whatever the seed, each as a class of one component; and what it says of what it
//! did not reach.

use std::collections::BTreeSet;
use std::sync::Arc;

use external_worker_artifacts::PROBE_FAULTY;
use external_worker_host::component::LoadedComponent;
use external_worker_host::policy::Policy;
use external_worker_host::validate::exercise::reached::{ClassReached, little_reached, percent};
use external_worker_host::validate::exercise::{self, Devices, Report, Subject};
use external_worker_tests::engine;
use serde_json::Value as Json;

use super::bytes::read;
use super::command::ewh;
use super::puppet::TIME;

/// Processor time that is soon spun away.
const BUDGET: &str = "[budget]\ncpu-spin-ms = 200\n";

async fn exercised(seed: u64) -> Report {
    let component = LoadedComponent::from_bytes(engine(), "faulty", read(PROBE_FAULTY)).unwrap();
    let subject = Subject {
        component: Arc::new(component),
        file: "faulty.wasm".to_owned(),
        policy: Policy::parse(BUDGET, "the test's policy").unwrap(),
        devices: Devices::Simulated,
        seed,
        limit: TIME,
        progress: Box::new(|_| {}),
    };
    exercise::check(&Arc::new(subject)).await.unwrap()
}

/// Codes and places.
fn found(report: &Report) -> BTreeSet<(&str, &str)> {
    let found = report.found.iter();
    found
        .map(|one| (one.code.name, one.place.as_str()))
        .collect()
}

fn class<'a>(report: &'a Report, id: &str) -> &'a ClassReached {
    let mut classes = report.reached.iter();
    classes.find(|class| class.class == id).unwrap()
}

#[tokio::test]
async fn each_fault_is_found_whatever_the_seed_and_nothing_else() {
    let expected = BTreeSet::from([
        ("trapped", "class panicking, method divide"),
        ("trapped", "class panicking, method allocate"),
        ("trapped", "class panicking, method head"),
        ("trapped", "class panicking, method length"),
        ("trapped", "class panicking, method between"),
        ("trapped", "class panicking, method initial"),
        ("input-not-taken", "class declared, method double"),
        ("loop-fails", "class failing, the loop"),
        ("trapped", "class spinning, the loop"),
        ("memory-grows", "class leaking_turns, the loop"),
        ("memory-grows", "class leaking_calls, method note"),
    ]);
    for seed in 0..10 {
        let report = exercised(seed).await;
        assert_eq!(found(&report), expected, "seed {seed}: {:#?}", report.found);
        let spins = report.found.iter();
        let spins = spins.filter(|one| one.place.contains("spinning"));
        assert_eq!(spins.count(), 1, "seed {seed}: {:#?}", report.found);
    }
}

#[tokio::test]
async fn what_was_reached_is_said_and_what_was_not_with_its_reason() {
    let report = exercised(0).await;
    let node = |id, name: &str| {
        let mut nodes = class(&report, id).nodes.iter();
        nodes.find(|node| node.node == name).unwrap()
    };
    assert_eq!(class(&report, "fine").returned(), 2);
    assert_eq!(node("fine", "mean").why_not, None);
    // Behind a loop that never gives way.
    assert!(node("spinning", "one").returned > 0);
    let ask = node("lonely", "ask");
    assert!(ask.calls > 10 && ask.returned == 0, "{ask:?}");
    let why = "unavailable: the instrument is not there";
    assert_eq!(ask.why_not.as_deref(), Some(why));
    let double = node("declared", "double").why_not.as_deref().unwrap();
    assert!(double.starts_with("invalid-input: "), "{double}");
    let turns = &class(&report, "failing").turns;
    assert!(turns.well == 0 && turns.failed >= 5, "{turns:?}");
    assert_eq!(turns.error.as_deref(), Some("nobody wrote this part"));
    assert!(report.reached.iter().all(|class| !class.is_cut_short));
    // Two of fourteen never returned.
    assert_eq!(percent(&report.reached), 85);
    assert_eq!(little_reached(&report.reached, 85), None);
    let little = little_reached(&report.reached, 86).unwrap();
    assert!(little.problem.contains("class lonely: ask"), "{little:?}");
}

#[test]
fn the_report_says_what_was_reached_and_less_than_was_asked_for_is_found() {
    let exercise = ["validate", "--level", "exercise", PROBE_FAULTY];
    let output = ewh(&[&exercise[..], &["--format", "json", "--min-reached", "90"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let component = &report["components"][0];
    let codes = component["findings"].as_array().unwrap().iter();
    let codes: Vec<_> = codes.map(|one| one["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"little-reached"), "{codes:?}");
    let reached = component["reached"].as_array().unwrap();
    let lonely = reached.iter().find(|one| one["class"] == "lonely").unwrap();
    let nodes = lonely["nodes"].as_array().unwrap();
    let ask = nodes.iter().find(|one| one["node"] == "ask").unwrap();
    assert_eq!(ask["returned"], 0, "{ask}");
    let level = ["validate", "--min-reached", "50", PROBE_FAULTY];
    assert_eq!(ewh(&level).status.code(), Some(2), "nothing is run");
}
