//! The contract is not Rust-shaped: a guest with the SDK, one in Python and one that lifts everything
//! synchronously go through the same life.

use std::path::{Path, PathBuf};
use std::process::Command;

use external_worker_artifacts::{PROBE_HOST, PROBE_SYNC};
use external_worker_host::bindings::types::Value;
use external_worker_host::error::ErrorCode;
use external_worker_host::instance::{End, State};
use external_worker_tests::{TestHost, call_int, guest_code};
use serde_json::json;

const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

async fn lives_its_life(component: &str, policy: &str) {
    let host = TestHost::grant(policy);
    let instance = host
        .start(component, "probe", json!({ "number": 3 }))
        .await
        .unwrap();
    assert_eq!(*instance.state().borrow(), State::Running);
    while call_int(&instance, "turns", []).await.unwrap() < 2 {}
    assert_eq!(call_int(&instance, "applied", []).await.unwrap(), 3);
    let waited = call_int(&instance, "wait", [("ms", Value::Integer(5))])
        .await
        .unwrap();
    assert_eq!(waited, 5);

    instance
        .update_config(json!({ "number": 7 }))
        .await
        .unwrap();
    assert_eq!(call_int(&instance, "applied", []).await.unwrap(), 7);
    let refused = instance
        .update_config(json!({ "number": 13 }))
        .await
        .unwrap_err();
    assert_eq!(
        guest_code(&refused),
        Some(ErrorCode::InvalidConfig),
        "{refused}"
    );
    assert_eq!(call_int(&instance, "applied", []).await.unwrap(), 7);
    instance
        .update_config(json!({ "number": 1000 }))
        .await
        .unwrap_err();

    let failed = call_int(&instance, "fail", []).await.unwrap_err();
    assert_eq!(
        guest_code(&failed),
        Some(ErrorCode::Unavailable),
        "{failed}"
    );
    assert!(instance.shelves().await.is_ok());
    assert_eq!(instance.stop().await, End::Stopped);
    assert_eq!(instance.status().memory, 0);
}

#[tokio::test]
async fn with_the_sdk() {
    lives_its_life(PROBE_HOST, "").await;
}

#[tokio::test]
async fn lifted_synchronously() {
    lives_its_life(PROBE_SYNC, "").await;
}

#[tokio::test]
async fn in_python() {
    let component = tokio::task::spawn_blocking(python_component).await.unwrap();
    lives_its_life(component.to_str().unwrap(), "").await;
}

/// Tools of several languages cannot import an async function, and most import all that their world names.
#[test]
fn nothing_in_the_smallest_world_is_an_import_that_waits() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let read = |name: &str| std::fs::read_to_string(wit.join(name)).unwrap();
    let worlds = read("world.wit");
    let (_, core) = worlds.split_once("world external-worker-core {").unwrap();
    let (core, _) = core.split_once('}').unwrap();
    let imports = core.lines().filter_map(|line| {
        let import = line.trim().strip_prefix("import ")?;
        import.strip_suffix(';')
    });
    let imports: Vec<_> = imports.collect();
    assert_eq!(imports, ["host"]);
    for interface in imports {
        assert!(!read(&format!("{interface}.wit")).contains("async func"));
    }
}

/// Builds the Python guest, without the imports of CPython that it does not use; its compiler comes from PyPI into a virtual environment of the tests.
fn python_component() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = root.join("target/python");
    let compiler = target.join("venv/bin/componentize-py");
    if !compiler.is_file() {
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(target.join("venv")));
        run(Command::new(target.join("venv/bin/pip")).args(["install", "-q", COMPONENTIZE_PY]));
    }
    let component = target.join("probe.wasm");
    run(Command::new(compiler)
        .arg("-d")
        .arg(root.join("wit"))
        .args([
            "-w",
            "external-worker-core-with-timer",
            "componentize",
            "--stub-wasi",
            "app",
            "-p",
        ])
        .arg(root.join("guests/python"))
        .arg("-o")
        .arg(&component));
    component
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}");
}
