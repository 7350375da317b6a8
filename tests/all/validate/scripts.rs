//! Scripts of an author's devices: what waits for the device's own words returns a value once they are there.

use std::path::Path;

use external_worker_artifacts::{CACHE, PROBE_AUTHORS, PROBE_SERIAL, THERMOMETER};
use serde_json::Value as Json;

use super::command::ewh;

const THERMOMETER_SCRIPT: &str = r#"{
    "serial": {
        "thermometer": {
            "answers": [
                {"request": "UNIT C\r\n", "answer": "OK\r\n"},
                {"request": "UNIT F\r\n", "answer": "OK\r\n"},
                {"request": "*IDN?\r\n", "answer": "ACME,THERMOMETER\r\n"},
                {"request": "TEMP?\r\n", "answer": "21.5\r\n", "delay_ms": 20},
                {"request": "TEMP?\r\n", "answer": "21.6\r\n"}
            ]
        }
    }
}"#;
const SCOPE_SCRIPT: &str = r#"{
    "tcp": {
        "192.168.1.50:5025": {
            "answers": [
                {"request": "*OPC?\n", "answer": "1\n"},
                {"request": "*IDN?\n", "answer": "ACME,SCOPE\n"}
            ]
        }
    }
}"#;

fn written() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thermometer.json"), THERMOMETER_SCRIPT).unwrap();
    std::fs::write(dir.path().join("scope.json"), SCOPE_SCRIPT).unwrap();
    dir
}

/// How often `read_temperature` returned a value, and why not.
fn readings(devices: &str) -> (u64, Json) {
    let exercise = ["validate", "--level", "exercise", "--format", "json"];
    let output = ewh(&[&exercise[..], &["--devices", devices, THERMOMETER]].concat());
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let mut nodes = report["components"][0]["reached"][0]["nodes"]
        .as_array()
        .unwrap()
        .iter();
    let node = nodes
        .find(|node| node["node"] == "read_temperature")
        .unwrap();
    assert!(node["calls"].as_u64() > Some(0), "{node}");
    (node["returned"].as_u64().unwrap(), node["why_not"].clone())
}

#[test]
fn a_method_that_needs_its_device_only_fails_without_the_script_and_returns_with_it() {
    let (returned, why_not) = readings("simulated");
    assert_eq!(returned, 0);
    assert!(
        why_not.as_str().unwrap().contains("unavailable"),
        "{why_not}"
    );
    let dir = written();
    let (returned, why_not) = readings(dir.path().to_str().unwrap());
    assert!(returned > 0);
    assert_eq!(why_not, Json::Null);
}

/// What a call of `node` prints.
fn called(arguments: &[&str], devices: &Path) -> String {
    let devices = devices.to_str().unwrap();
    let output = ewh(&[&["run", "--simulate", "--devices", devices], arguments].concat());
    let problems = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{problems}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_run_among_simulated_devices_has_those_of_the_scripts() {
    let dir = written();
    let said = called(
        &[THERMOMETER, "--no-loop", "--call", "read_temperature"],
        dir.path(),
    );
    assert!(said.contains("21.5"), "{said}");
    let scope = [PROBE_AUTHORS, "--class", "scpi", "--call", "identify"];
    let said = called(&scope, dir.path());
    assert!(said.contains("ACME,SCOPE"), "{said}");
}

#[test]
fn a_simulated_port_is_there_by_whatever_name_it_is_opened() {
    let calls = [
        "--call",
        "open",
        "--input",
        "name=COM7",
        "--input",
        "baud_rate=9600",
        "--call",
        "ask",
        "--input",
        "line=hello",
        "--input",
        "ms=1000",
    ];
    let output = ewh(&[&["run", PROBE_SERIAL, "--simulate"], &calls[..]].concat());
    let problems = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{problems}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("hello"), "{said}");
}

#[test]
fn a_script_that_cannot_be_followed_is_told_before_anything_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let refused = |part: &str| {
        let validate = ["validate", CACHE, "--devices", path];
        let run = ["run", THERMOMETER, "--simulate", "--devices", path];
        for arguments in [&validate[..], &run] {
            let output = ewh(arguments);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(part), "{said}");
        }
    };
    refused("no file `*.json`");
    std::fs::write(dir.path().join("meter.json"), "{\n\"serial\": 1}").unwrap();
    refused("at line 2");
    let output = ewh(&["validate", CACHE, "--devices", "rael"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("`simulated`, `real`"), "{said}");
}
