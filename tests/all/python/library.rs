//! What the runtime has of Python's own library and of pydantic, by scripts that check themselves.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use external_worker_host::bindings::types::Value;
use external_worker_host::instance::Instance;
use external_worker_tests::{TestHost, call};
use serde_json::json;

use super::{runtime, shown};

const CHECKS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-sdk/python/tests/scripts"
);
/// Runs the suite of pydantic as a package in the sandbox.
const PYDANTIC: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-sdk/python/tests/pydantic_sandbox.py"
);

/// What a node answers that has one output.
async fn answer(instance: &Instance, node: &str) -> serde_json::Value {
    match call(instance, node, []).await.unwrap() {
        Value::Json(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn asyncio_is_whole() {
    runtime().await;
    let script = Path::new(CHECKS).join("asyncio_checks.py");
    let host = TestHost::grant("clocks = true\n");
    let instance = host
        .start(shown(&script), "asyncio_checks", json!({}))
        .await
        .unwrap();
    let found = answer(&instance, "check").await;
    let found: BTreeMap<String, String> = serde_json::from_value(found).unwrap();
    assert!(found.len() >= 40, "{found:?}");
    let failed: Vec<_> = found.iter().filter(|(_, said)| *said != "ok").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let across = answer(&instance, "across").await;
    let across: BTreeMap<String, bool> = serde_json::from_value(across).unwrap();
    assert!(across.values().all(|it| *it), "{across:?}");
}

#[tokio::test]
async fn pydantic_does_what_it_does_elsewhere() {
    runtime().await;
    let output = Command::new("python3")
        .args([PYDANTIC, "--ewh", env!("CARGO_BIN_EXE_ewh-under-test")])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" tests, 0 failures"), "{said}");
}
