//! One script as one instance: what it may do, and how it fails.

use external_worker_host::bindings::types::Value;
use external_worker_host::error::ErrorCode;
use external_worker_host::instance::{End, State};
use external_worker_tests::{TestHost, call, call_int, call_text, guest_code};
use serde_json::json;

use super::{Scripts, TEMPLATE, script, shown, worker};

#[tokio::test]
async fn the_template_of_the_specification_runs_as_it_is() {
    let scripts = Scripts::new().await;
    let path = scripts.write("template.py", TEMPLATE);
    let host = TestHost::grant("");
    let config = json!({ "interval_s": 2.0 });
    let instance = host.start(shown(&path), "my_worker", config).await.unwrap();
    assert_eq!(call_text(&instance, "get_status", []).await.unwrap(), "ok");
    let wrong = json!({ "interval_s": 0.0 });
    instance.update_config(wrong).await.unwrap_err();
    assert_eq!(instance.stop().await, End::Stopped);
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    let scripts = Scripts::new().await;
    let echo = "@instance_nodefunction()\ndef echo(self, x) -> object:\n    return x\n";
    let source = script(&[], &worker(echo));
    let instance = scripts.start("", &source).await.unwrap();
    for value in [
        Value::None,
        Value::Boolean(true),
        Value::Integer(i64::MIN),
        Value::Number(1.5),
        Value::Text("h\u{e4} \u{2603}".to_owned()),
        Value::Bytes(vec![0, 255]),
        Value::Json(r#"{"a":[1,null,"x"]}"#.to_owned()),
    ] {
        let sent = format!("{value:?}");
        let back = call(&instance, "echo", [("x", value)]).await.unwrap();
        assert_eq!(format!("{back:?}"), sent);
    }
}

#[tokio::test]
async fn what_an_author_raises_is_an_error_and_the_instance_lives_on() {
    let scripts = Scripts::new().await;
    let methods = "\
@instance_nodefunction()
def leave(self) -> int:
    raise SystemExit(3)

@instance_nodefunction()
def dive(self) -> int:
    return self.dive()

@instance_nodefunction()
def nest(self) -> list:
    x = []
    for _ in range(100_000):
        x = [x]
    return x

@instance_nodefunction()
def late(self) -> int:
    raise TimeoutError(\"no answer\")

@instance_nodefunction()
def fine(self) -> int:
    return 1
";
    let source = script(&[], &worker(methods));
    let instance = scripts.start("", &source).await.unwrap();
    for (method, code, part) in [
        ("leave", ErrorCode::Internal, "SystemExit: 3"),
        ("dive", ErrorCode::Internal, "RecursionError"),
        ("nest", ErrorCode::Internal, "nested too deeply"),
        ("late", ErrorCode::Unavailable, "TimeoutError: no answer"),
    ] {
        let error = call(&instance, method, []).await.unwrap_err();
        assert_eq!(guest_code(&error), Some(code), "{method}: {error}");
        assert!(error.to_string().contains(part), "{method}: {error}");
        assert_eq!(call_int(&instance, "fine", []).await.unwrap(), 1);
    }
    assert_eq!(*instance.state().borrow(), State::Running);
}

#[tokio::test]
async fn what_is_requested_in_the_header_has_to_be_granted() {
    let scripts = Scripts::new().await;
    let source = script(&["sockets"], &worker("pass"));
    let error = scripts.start("", &source).await.unwrap_err().to_string();
    assert!(error.contains("it requests `sockets` (a test)"), "{error}");

    let broken = "# /// script\n# [tool.ewh.requests]\n# teleport = \"\"\n# ///\n";
    let error = scripts.start("", broken).await.unwrap_err().to_string();
    assert!(error.contains("`teleport`"), "{error}");
}

#[tokio::test]
async fn what_is_granted_and_not_requested_is_denied_at_each_use() {
    let scripts = Scripts::new().await;
    let methods = "\
@instance_nodefunction()
def draw(self) -> str:
    import secrets
    return secrets.token_hex(4)

@instance_nodefunction()
def read(self) -> str:
    return open(\"/etc/passwd\").read()
";
    let policy = "random = true\n[[files]]\nhost = \"/etc\"\nguest = \"/etc\"\n";
    let source = script(&[], &worker(methods));
    let instance = scripts.start(policy, &source).await.unwrap();
    let error = call(&instance, "draw", []).await.unwrap_err();
    assert_eq!(guest_code(&error), Some(ErrorCode::Denied), "{error}");
    call(&instance, "read", []).await.unwrap_err();

    let asked = script(&["random"], &worker(methods));
    let instance = scripts.start("random = true\n", &asked).await.unwrap();
    let drawn = call_text(&instance, "draw", []).await.unwrap();
    assert_eq!(drawn.len(), 8);
}

#[tokio::test]
async fn instances_of_one_script_draw_other_numbers() {
    let scripts = Scripts::new().await;
    let methods = "\
@instance_nodefunction()
def draw(self) -> str:
    import random
    return f\"{random.random()} {random.Random().random()}\"
";
    let source = script(&[], &worker(methods));
    let mut drawn = Vec::new();
    for _ in 0..3 {
        let instance = scripts.start("", &source).await.unwrap();
        drawn.push(call_text(&instance, "draw", []).await.unwrap());
    }
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 3, "{drawn:?}");
}

#[tokio::test]
async fn what_does_not_import_says_its_line() {
    let scripts = Scripts::new().await;
    for (source, part) in [
        (
            "import numpy\n",
            "ModuleNotFoundError: No module named 'numpy' (w.py, line 1)",
        ),
        ("x = 1\nclass W(\n", "SyntaxError"),
        (
            "\nimport sys\nsys.exit(3)\n",
            "SystemExit: 3 (w.py, line 3)",
        ),
        ("x = 1\n", "there is no worker in it"),
    ] {
        let error = scripts.start("", source).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(!error.contains("_runtime"), "{error}");
    }
}
