//! The command `ewh validate` as a process: verdicts, exit codes, and what a bomb does.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use external_worker_artifacts::{ATTACKS, CACHE, PROBE_HOST, PROBE_PUPPET, PUMP, THERMOMETER};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::EXAMPLES;
use super::bytes::read;
use super::puppet::scripted;

/// Runs `ewh` with `arguments`.
pub(super) fn ewh(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
        .args(arguments)
        .output()
        .unwrap()
}

fn exit(arguments: &[&str]) -> i32 {
    ewh(arguments).status.code().unwrap()
}

#[test]
fn every_example_is_clean_at_every_level() {
    for level in ["static", "load", "exercise"] {
        let mut arguments = vec!["validate", "--level", level];
        arguments.extend(EXAMPLES);
        let output = ewh(&arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{level}: {said}");
        assert_eq!(said.matches("clean ").count(), EXAMPLES.len(), "{said}");
    }
}

#[test]
fn the_exit_code_is_the_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("wrong.wasm");
    std::fs::write(&wrong, b"hello").unwrap();
    let wrong = wrong.to_str().unwrap();
    for format in ["text", "json", "junit", "sarif", "github"] {
        assert_eq!(exit(&["validate", CACHE, "--format", format]), 0);
        assert_eq!(exit(&["validate", CACHE, wrong, "--format", format]), 1);
    }
    let folder = dir.path().to_str().unwrap();
    assert_eq!(exit(&["validate", folder, "--level", "static"]), 1);
    assert_eq!(exit(&["validate", "no/such/file.wasm"]), 2);
    assert_eq!(exit(&["validate", CACHE, "--devices", "real"]), 2);
    std::fs::remove_file(wrong).unwrap();
    assert_eq!(exit(&["validate", folder]), 2, "nothing to check");
    assert_eq!(exit(&["explain", "wrong-type"]), 0);
    assert_eq!(exit(&["explain", "no-such-code"]), 2);
}

/// What was found in `component`, at the level `exercise`, beginning with `seed`.
fn exercised(component: &Path, seed: &str) -> Json {
    let file = component.to_str().unwrap();
    let level = ["--level", "exercise", "--seed", seed];
    let output = ewh(&[&["validate", file, "--format", "json"], &level[..]].concat());
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    report["components"][0]["findings"].clone()
}

#[test]
fn the_same_seed_tries_the_same_and_the_command_that_is_printed_repeats_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("it's.wasm");
    let inputs = json!([{ "name": "x" }]);
    let method = json!({ "name": "f", "does": "trap-when-large", "inputs": inputs });
    let classes = json!([{ "id": "puppet", "methods": [{ "name": "g" }, method] }]);
    std::fs::write(&file, scripted(&json!({ "classes": classes }))).unwrap();
    let found = exercised(&file, "7");
    assert_eq!(found, exercised(&file, "7"));
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found[0]["code"], "trapped");
    assert_eq!(found[0]["place"], "class puppet, method f");
    let (_, command) = found[0]["fix"].as_str().unwrap().split_once('\n').unwrap();
    // Nothing is left of the steps but the one that fails.
    assert_eq!(command.matches("--").count(), 5, "{command}");
    let words = command.strip_prefix("ewh ").unwrap();
    let exe = env!("CARGO_BIN_EXE_ewh-under-test");
    let again = Command::new("sh")
        .arg("-c")
        .arg(format!("{exe} {words}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(1), "{command}: {said}");
    assert!(said.contains("trap"), "{said}");
}

#[test]
fn a_real_device_is_used_where_the_policy_grants_it() {
    let thermometer = external_worker_host::simulate::Instrument::plug_in().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let policy = dir.path().join("lab.toml");
    let grant = format!(
        "[[serial]]\nname = \"thermometer\"\ndevice = \"{}\"\n",
        thermometer.path()
    );
    std::fs::write(&policy, grant).unwrap();
    let policy = policy.to_str().unwrap();
    let exercise = ["validate", "--level", "exercise", "--policy", policy];
    let output = ewh(&[&exercise[..], &["--devices", "real", THERMOMETER]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn the_process_that_exercises_a_component_says_how_far_it_is() {
    let output = Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
        .args([
            "validate-one",
            "--level",
            "exercise",
            "--",
            "thermometer.wasm",
        ])
        .stdin(File::open(THERMOMETER).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let far = lines.find_map(|line| line.get("under-way").cloned());
    let far = far.unwrap();
    assert_eq!(far["class"], "thermometer");
    assert!(far["planned"].as_u64() > Some(1), "{far}");
}

#[test]
fn a_trap_is_shown_at_its_line_of_the_source() {
    let attack = ATTACKS.iter().find(|one| one.name == "lifecycle/divide");
    let file = "guests/hostile/wat/lifecycle/divide.wat";
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let source = std::fs::read_to_string(source).unwrap();
    let line = 1 + source
        .lines()
        .position(|line| line.contains("div_"))
        .unwrap();
    let exercise = ["validate", "--level", "exercise", "--format", "github"];
    let output = ewh(&[&exercise[..], &[attack.unwrap().component]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    let shown = format!("::error file={file},line={line},title=trapped::");
    assert!(said.lines().any(|line| line.starts_with(&shown)), "{said}");
}

#[test]
fn a_warning_can_be_allowed_and_an_error_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("puppet.wasm");
    let class = json!({ "id": "puppet", "schema": { "properties": {
        "api_key": { "type": "string", "default": "" },
    }}});
    std::fs::write(&file, scripted(&json!({ "classes": [class] }))).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(exit(&["validate", file]), 1);
    assert_eq!(exit(&["validate", "--allow", "exportable-secret", file]), 0);
    assert_eq!(exit(&["validate", "--allow", "trapped", file]), 2);
    assert_eq!(exit(&["validate", "--allow", "no-such-code", file]), 2);
}

/// A component with many functions that take the compiler long, though it is small; no cache knows it.
pub(crate) fn bomb() -> Vec<u8> {
    let mut function = String::from("(func (param i64) (result i64)\n");
    for _ in 0..600 {
        function.push_str(
            "(local.set 0 (i64.mul (local.get 0) (i64.add (local.get 0) (i64.const 7))))\n",
        );
        function.push_str("(if (i64.eqz (local.get 0)) (then (local.set 0 (i64.const 1))))\n");
    }
    function.push_str("(local.get 0))\n");
    let mut module = String::from("(module\n");
    (0..300).for_each(|_| module.push_str(&function));
    module.push(')');
    let module = wat::parse_str(&module).unwrap();
    let bomb = super::bytes::with_section(read(PROBE_PUPPET), 1, &module);
    let own = [&[1, b't'], Uuid::new_v4().as_bytes().as_slice()].concat();
    super::bytes::with_section(bomb, 0, &own)
}

#[test]
fn a_compile_bomb_ends_its_own_process_and_is_a_finding() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bomb.wasm");
    std::fs::write(&file, bomb()).unwrap();
    let file = file.to_str().unwrap();
    for limit in [["--cpu", "1s"], ["--memory", "80MiB"]] {
        let tight = [
            "validate",
            "--no-cache",
            "--format",
            "json",
            limit[0],
            limit[1],
            file,
        ];
        let output = ewh(&tight);
        let report: Json = serde_json::from_slice(&output.stdout).unwrap();
        let found = report["components"][0]["findings"]
            .as_array()
            .unwrap()
            .clone();
        let mut codes = String::new();
        for finding in &found {
            let _ = write!(codes, "{} ", finding["code"].as_str().unwrap());
        }
        assert!(codes.contains("too-costly"), "{limit:?}: {codes}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn what_a_node_declares_of_its_calls_is_shown() {
    let text = ewh(&["inspect", PUMP]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("a call may take 600.00 s"), "{text}");
    let report = ewh(&["inspect", PUMP, "--json"]);
    let report: Json = serde_json::from_slice(&report.stdout).unwrap();
    let methods = report["classes"][0]["methods"].as_array().unwrap();
    let declared = |name: &str| {
        let method = methods.iter().find(|method| method["name"] == name);
        method.unwrap()["timeout_ms"].clone()
    };
    assert_eq!(declared("pump_for"), 600_000);
    assert!(declared("set").is_null());
}

#[test]
fn a_run_tells_how_far_its_calls_are() {
    let call = [
        "--call",
        "hold",
        "--input",
        "ms=300",
        "--input",
        "clean_ms=0",
    ];
    let output = ewh(&[&["run", PROBE_HOST, "--json"][..], &call].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    let lines = said.lines().map(|line| serde_json::from_str(line).unwrap());
    let progress: Vec<Json> = lines
        .filter(|line: &Json| line["type"] == "progress")
        .collect();
    let told = progress.iter().map(|it| (&it["fraction"], &it["message"]));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(&json!(0.5), &json!("held"))],
        "{said}"
    );
}
