//! What waits is exercised without waiting, and alike each time.

use std::time::{Duration, Instant};

use external_worker_artifacts::{PROBE_AUTHORS, THERMOMETER};
use serde_json::Value as Json;

use super::command::ewh;

/// Which nodes of each class returned a value. What it took, and how often the loop turned beside a call that
/// computes, is another matter each time.
fn answered(reached: &Json) -> Vec<(String, bool)> {
    let classes = reached.as_array().unwrap();
    assert_eq!(classes.len(), 4);
    let nodes = classes
        .iter()
        .flat_map(|class| class["nodes"].as_array().unwrap());
    nodes
        .map(|node| {
            (
                node["node"].to_string(),
                node["returned"].as_u64() > Some(0),
            )
        })
        .collect()
}

#[test]
fn workers_that_wait_are_exercised_alike_and_without_waiting() {
    let exercise = || {
        let arguments = ["validate", "--level", "exercise", "--format", "json"];
        let output = ewh(&[&arguments[..], &[PROBE_AUTHORS]].concat());
        let mut report: Json = serde_json::from_slice(&output.stdout).unwrap();
        let component = &mut report["components"][0];
        let (found, reached) = (component["findings"].take(), component["reached"].take());
        (found, answered(&reached))
    };
    let begin = Instant::now();
    let first = exercise();
    assert_eq!(first, exercise());
    assert_eq!(first, exercise());
    // Each of them waits for most of an hour, all time limits together.
    assert!(begin.elapsed() < Duration::from_secs(600));
    let found = first.0.as_array().unwrap();
    let places = found.iter().map(|finding| &finding["place"]);
    let slow: Vec<_> = places
        .filter(|place| *place == "class scpi, method identify")
        .collect();
    assert_eq!(
        slow.len(),
        1,
        "a call is late for who waits for a silent device: {found:?}"
    );
}

#[test]
fn an_hour_with_a_silent_device_has_a_turn_for_each_failure_and_its_pause() {
    let run = [
        "--json",
        "run",
        THERMOMETER,
        "--simulate=silent",
        "--for",
        "1h",
    ];
    let begin = Instant::now();
    let output = ewh(&run);
    assert!(begin.elapsed() < Duration::from_secs(600));
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said
        .lines()
        .rev()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let status = lines.find(|line| line["type"] == "status").unwrap();
    // Pauses grow to half a minute.
    let turns = status["turns"].as_u64().unwrap();
    assert!((100..200).contains(&turns), "{status}");
}
