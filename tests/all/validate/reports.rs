//! The reports of `ewh validate`: a verdict on each file whatever happens to another, in each format, and
//! with what is known.

use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::{Child, Command, Stdio};

use external_worker_artifacts::{CACHE, THERMOMETER};
use external_worker_host::policy::Capability;
use serde_json::{Value as Json, json};

use super::bytes::with_manifest;
use super::command::{bomb, ewh};
use super::puppet::scripted;
#[cfg(target_os = "linux")]
use crate::worker::until;

fn json_of(output: &std::process::Output) -> Json {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn codes(component: &Json) -> Vec<&str> {
    let findings = component["findings"].as_array().unwrap();
    let codes = findings.iter().map(|one| one["code"].as_str().unwrap());
    codes.collect()
}

/// A worker one of whose methods traps.
fn trapping(dir: &Path, name: &str) -> String {
    let method = json!({ "name": "f", "does": "trap" });
    let script = json!({ "classes": [{ "id": "puppet", "methods": [method] }] });
    let file = dir.join(name);
    std::fs::write(&file, scripted(&script)).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn each_file_has_its_verdict_whatever_happens_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    put("a.wasm", &std::fs::read(CACHE).unwrap());
    put("b.wasm", &with_manifest(THERMOMETER, &[], "1.0.0"));
    put(
        "c.wasm",
        &with_manifest(CACHE, &[Capability::Sockets], "1.0.0"),
    );
    put("d.wasm", b"hello");
    put("e.wasm", &std::fs::read(CACHE).unwrap());
    let large = std::fs::File::create(dir.path().join("f.wasm")).unwrap();
    let most = external_worker_host::limits::MAX_COMPONENT_BYTES;
    large.set_len(most + 1).unwrap();
    let folder = dir.path().to_str().unwrap();
    let exercise = ["validate", folder, "--level", "exercise", "--format"];
    let output = ewh(&[&exercise[..], &["json"]].concat());
    let report = json_of(&output);
    let all = report["components"].as_array().unwrap();
    let found: Vec<_> = all.iter().map(codes).collect();
    assert_eq!(found.len(), 6, "{report}");
    for (at, code) in [
        (1, "not-requested"),
        (2, "unused-request"),
        (3, "not-a-component"),
        (5, "too-large"),
    ] {
        assert!(found[at].contains(&code), "{report}");
    }
    assert!(found[0].is_empty() && found[4].is_empty(), "{report}");
    assert_eq!(output.status.code(), Some(1));
    // What cannot start is loaded, and says why it is not exercised.
    let checks = all[1]["checks"].as_array().unwrap();
    let skipped: Vec<_> = checks
        .iter()
        .map(|one| one["skipped"].is_string())
        .collect();
    assert_eq!(skipped, [false, false, true]);

    let missing = format!("{folder}/missing.wasm");
    for format in ["text", "json", "junit", "sarif", "github"] {
        let load = [
            "validate",
            "--format",
            format,
            &missing,
            folder,
            "no such:reference",
        ];
        let output = ewh(&load);
        assert_eq!(output.status.code(), Some(2), "{format}");
        let said = String::from_utf8_lossy(&output.stdout);
        for part in ["missing.wasm", "b.wasm", "not-requested", "not-checked"] {
            assert!(said.contains(part), "{format}: {part} is not in {said}");
        }
    }
}

#[test]
fn what_is_known_passes_and_what_is_new_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (old, known) = (
        trapping(dir.path(), "old.wasm"),
        dir.path().join("known.json"),
    );
    let known = known.to_str().unwrap();
    let run = |more: &[&str]| {
        let exercise = ["validate", "--level", "exercise", "--format", "json", &old];
        ewh(&[&exercise[..], more].concat())
    };
    assert_eq!(run(&[]).status.code(), Some(1));
    let written = run(&["--write-baseline", known]);
    assert_eq!(written.status.code(), Some(0));
    let again = run(&["--baseline", known]);
    assert_eq!(again.status.code(), Some(0));
    let report = json_of(&again);
    assert_eq!(report["clean"], true);
    let finding = &report["components"][0]["findings"][0];
    assert_eq!(
        (&finding["known"], &finding["code"]),
        (&json!(true), &json!("trapped"))
    );

    let wrong = dir.path().join("wrong.wasm");
    std::fs::write(&wrong, b"hello").unwrap();
    let with_wrong = run(&["--baseline", known, wrong.to_str().unwrap()]);
    assert_eq!(with_wrong.status.code(), Some(1));

    let script = json!({ "classes": [{ "id": "puppet", "methods": [] }] });
    std::fs::write(&old, scripted(&script)).unwrap();
    let mended = run(&["--baseline", known]);
    assert_eq!(mended.status.code(), Some(0));
    let gone = &json_of(&mended)["gone"];
    assert_eq!(
        gone,
        &json!(["puppet/exercise/trapped/class puppet, method f"])
    );
    let said = String::from_utf8_lossy(&mended.stderr);
    assert!(said.contains("no longer found"), "{said}");

    std::fs::write(known, "{}").unwrap();
    assert_eq!(run(&["--baseline", known]).status.code(), Some(2));
}

#[test]
fn a_check_that_goes_on_beyond_its_limit_is_ended_and_the_next_is_made() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bomb.wasm"), bomb()).unwrap();
    std::fs::write(dir.path().join("wrong.wasm"), b"hello").unwrap();
    let folder = dir.path().to_str().unwrap();
    let short = ["--no-cache", "--limit", "10ms", "--format", "json"];
    let output = ewh(&[&["validate", folder], &short[..]].concat());
    let report = json_of(&output);
    let finding = &report["components"][0]["findings"];
    let finding = finding.as_array().unwrap().last().unwrap();
    assert_eq!(finding["code"], "too-costly");
    let problem = finding["problem"].as_str().unwrap();
    assert!(problem.contains("2 times the limit"), "{problem}");
    assert_eq!(codes(&report["components"][1]), ["not-a-component"]);
    assert_eq!(output.status.code(), Some(1));
}

/// `ewh validate` at work on a component that takes long, and the process that it started for it.
#[cfg(target_os = "linux")]
async fn under_way(folder: &Path) -> (Child, u32) {
    std::fs::write(folder.join("bomb.wasm"), bomb()).unwrap();
    std::fs::write(folder.join("wrong.wasm"), b"hello").unwrap();
    let parent = Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
        .args(["validate", "--no-cache", "--format", "json"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task/{0}/children", parent.id());
    let mut child = None;
    until(|| {
        let started = std::fs::read_to_string(&children).unwrap_or_default();
        let first = started.split_whitespace().next();
        child = first
            .and_then(|id| id.parse().ok())
            .filter(|id| is_checking(*id));
        child.is_some()
    })
    .await;
    (parent, child.unwrap())
}

/// Whether there is such a process, and it is one that checks. A zombie has no command line.
#[cfg(target_os = "linux")]
fn is_checking(id: u32) -> bool {
    let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command).contains("validate-one")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_check_ends_with_the_command_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut parent, child) = under_way(dir.path()).await;
    parent.kill().unwrap();
    parent.wait().unwrap();
    until(|| !is_checking(child)).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn ctrl_c_ends_the_check_with_what_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let (parent, child) = under_way(dir.path()).await;
    let id = parent.id().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(told.success());
    let output = parent.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report = json_of(&output);
    assert_eq!(codes(&report["components"][0]), ["not-checked"]);
    assert_eq!(report["components"].as_array().unwrap().len(), 2);
    until(|| !is_checking(child)).await;
}
