//! The contract is not Rust-shaped: a guest with the SDK, one in Python, one in JavaScript with its SDK and one
//! without, and one that lifts everything synchronously go through the same life.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use external_worker_artifacts::{PROBE_HOST, PROBE_SYNC};
use external_worker_build::{JS_COMPILER, JS_COMPILER_VERSION};
use external_worker_host::bindings::types::{Dtype, Media, Ndarray, Value};
use external_worker_host::error::ErrorCode;
use external_worker_host::instance::events::Event;
use external_worker_host::instance::{End, Instance, State};
use external_worker_tests::{TestHost, call, call_int, call_text, guest_code, inputs, wait_for};
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

#[tokio::test]
async fn in_javascript() {
    let built = || javascript_component("probe", "external-worker-core");
    let component = tokio::task::spawn_blocking(built).await.unwrap();
    lives_its_life(component.to_str().unwrap(), "").await;
}

#[tokio::test]
async fn in_javascript_with_its_sdk() {
    let component = tokio::task::spawn_blocking(javascript_sdk).await.unwrap();
    lives_its_life(component.to_str().unwrap(), "").await;
}

async fn javascript_probe(policy: &str) -> Instance {
    let component = tokio::task::spawn_blocking(javascript_sdk).await.unwrap();
    let host = TestHost::grant(policy);
    host.run(component.to_str().unwrap(), "probe").await
}

#[tokio::test]
async fn the_sdk_of_javascript_carries_every_value_and_holds_one_handle_of_each() {
    let instance = javascript_probe("").await;
    let text = || Value::Text("h\u{e4} \u{2603}".to_owned());
    for value in [
        Value::None,
        Value::Boolean(true),
        Value::Integer(-(1 << 53) + 1),
        Value::Number(1.5),
        text(),
        Value::Json(r#"{"a":[1,null,"x"]}"#.to_owned()),
    ] {
        let sent = format!("{value:?}");
        let back = call(&instance, "echo", [("value", value)]).await.unwrap();
        assert_eq!(format!("{back:?}"), sent);
    }

    let bytes = [("value", Value::Bytes(vec![1, 2, 255]))];
    let back = call(&instance, "reverse", bytes).await.unwrap();
    assert!(
        matches!(&back, Value::Bytes(bytes) if bytes[..] == [255, 2, 1]),
        "{back:?}"
    );

    let picture = Media {
        media_type: "image/png".to_owned(),
        data: vec![1, 2],
    };
    let back = call(&instance, "turn", [("value", Value::Media(picture))]).await;
    let Value::Media(back) = back.unwrap() else {
        panic!("not media");
    };
    assert_eq!(
        (back.media_type.as_str(), &back.data[..]),
        ("image/png", &[2, 1][..])
    );

    let wide = |numbers: [i16; 2]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    let array = Ndarray {
        dtype: Dtype::S16,
        shape: vec![2, 1],
        data: wide([-3, 600]),
    };
    let back = call(&instance, "halve", [("value", Value::Array(array))]).await;
    let Value::Array(back) = back.unwrap() else {
        panic!("not an array");
    };
    let halves: Vec<u8> = [-1.5f64, 300.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    assert_eq!(
        (back.dtype, &back.shape[..], back.data),
        (Dtype::F64, &[2, 1][..], halves)
    );

    let list = [("value", Value::Json("[[1, 2, 3], [4, 5, 6]]".to_owned()))];
    let back = call(&instance, "halve", list).await.unwrap();
    assert!(
        matches!(&back, Value::Array(back) if back.shape[..] == [2, 3]),
        "{back:?}"
    );

    let times = [("times", Value::Integer(1000))];
    assert_eq!(call_int(&instance, "ask", times).await.unwrap(), 1000);

    let outputs = instance
        .call("both", inputs([("x", Value::Integer(25))]))
        .await
        .unwrap();
    let outputs = format!("{outputs:?}");
    assert_eq!(
        outputs,
        r#"[("quotient", Value::Number(2.5)), ("rest", Value::Integer(5))]"#
    );
}

#[tokio::test]
async fn mistakes_in_javascript_end_a_call_and_no_more() {
    let instance = javascript_probe("").await;
    for (method, input, code, part) in [
        (
            "wait",
            ("ms", Value::Number(0.5)),
            ErrorCode::InvalidInput,
            "`ms`",
        ),
        (
            "wait",
            ("ms", Value::Integer(1 << 53)),
            ErrorCode::InvalidInput,
            "`ms`",
        ),
        (
            "wait",
            ("s", Value::Integer(1)),
            ErrorCode::InvalidInput,
            "`s`",
        ),
        (
            "toString",
            ("x", Value::None),
            ErrorCode::Unavailable,
            "toString",
        ),
        (
            "made",
            ("kind", kind("fraction")),
            ErrorCode::Internal,
            "1.5",
        ),
        (
            "made",
            ("kind", kind("large")),
            ErrorCode::Internal,
            "integer",
        ),
        (
            "made",
            ("kind", kind("function")),
            ErrorCode::Internal,
            "function",
        ),
        (
            "made",
            ("kind", kind("bigint")),
            ErrorCode::Internal,
            "JSON",
        ),
        (
            "turn",
            ("value", Value::None),
            ErrorCode::InvalidInput,
            "media",
        ),
    ] {
        let error = call(&instance, method, [input]).await.unwrap_err();
        assert_eq!(guest_code(&error), Some(code), "{method}: {error}");
        assert!(error.to_string().contains(part), "{method}: {error}");
    }
    let mut events = instance.events();
    let error = call(&instance, "mistake", []).await.unwrap_err();
    assert_eq!(guest_code(&error), Some(ErrorCode::Internal), "{error}");
    let place = wait_for(&mut events, |event| match event {
        Event::Log { message, .. } if message.contains("ReferenceError") => Some(message.clone()),
        _ => None,
    });
    let place = place.await;
    assert!(place.contains("guests/javascript/sdk.js:"), "{place}");
    assert_eq!(instance.status().restarts, 0);
}

fn kind(kind: &str) -> Value {
    Value::Text(kind.to_owned())
}

#[tokio::test]
async fn a_worker_in_javascript_keeps_its_state_over_a_restart() {
    let instance = javascript_probe("").await;
    let text = "h\u{e4} \u{2603}";
    call(
        &instance,
        "remember",
        [("text", Value::Text(text.to_owned()))],
    )
    .await
    .unwrap();
    let mut events = instance.events();
    instance.restart();
    for wanted in [State::Starting, State::Running] {
        wait_for(&mut events, |event| match event {
            Event::State(state) if *state == wanted => Some(()),
            _ => None,
        })
        .await;
    }
    assert_eq!(call_text(&instance, "recall", []).await.unwrap(), text);
}

/// Nothing of the worker runs while it waits, so it is the wait that is told.
#[tokio::test]
async fn what_javascript_switched_on_is_switched_off_when_its_call_has_to_end() {
    let instance = javascript_probe("").await;
    let day = || inputs([("ms", Value::Integer(86_400_000))]);
    let ended = instance
        .call_within("run_for", day(), Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(
        guest_code(&ended).is_none_or(|code| code == ErrorCode::Unavailable),
        "{ended}"
    );
    let is_on = call(&instance, "is_on", []).await.unwrap();
    assert!(matches!(is_on, Value::Boolean(false)), "{is_on:?}");
    assert_eq!(instance.status().restarts, 0);
}

/// Tools of several languages cannot import an async function, and most import all that their world names.
#[test]
fn nothing_in_the_smallest_world_is_an_import_that_waits() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let read = |name: &str| std::fs::read_to_string(wit.join(name)).unwrap();
    let worlds = read("core.wit");
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

/// The guest with the SDK, which several tests share.
fn javascript_sdk() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built =
        BUILT.get_or_init(|| javascript_component("sdk", "external-worker-core-with-state"));
    built.clone()
}

/// Builds a guest in JavaScript, without the imports of the engine.
fn javascript_component(name: &str, world: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let component = root.join("target/js").join(name).with_extension("wasm");
    run(Command::new(componentize_qjs())
        .current_dir(&root)
        .args(["--wit", "wit", "--world", world, "--stub-wasi"])
        .args(["--module-root", "."])
        .arg("--js")
        .arg(format!("guests/javascript/{name}.js"))
        .arg("--output")
        .arg(&component));
    component
}

/// The compiler, which comes from npm into a folder of the tests.
fn componentize_qjs() -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let install = || {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/js");
        let target = target.join(JS_COMPILER_VERSION);
        let compiler = target.join("node_modules/.bin/componentize-qjs");
        if !compiler.is_file() {
            std::fs::create_dir_all(&target).unwrap();
            let options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund"];
            run(Command::new("npm")
                .args(["install", "--prefix"])
                .arg(&target)
                .args(options)
                .arg(format!("{JS_COMPILER}@{JS_COMPILER_VERSION}")));
        }
        compiler
    };
    INSTALLED.get_or_init(install).clone()
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
