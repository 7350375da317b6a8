//! The guest that `tests/peer` and `tests/ui` compare with its twin in Python: that it does what the
//! twin does can be seen there, that it works at all here.

use external_worker_artifacts::PROBE_PEER;
use external_worker_host::HostError;
use external_worker_host::bindings::types::Value;
use external_worker_host::error::ErrorCode;
use external_worker_tests::{TestHost, call, call_int, call_text, inputs};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[tokio::test]
async fn it_has_the_classes_of_its_twin() {
    let prepared = TestHost::grant("").worker(PROBE_PEER).await.unwrap();
    let classes = prepared.classes().iter();
    let names: Vec<_> = classes
        .map(|class| (class.id(), class.declared.title.as_str()))
        .collect();
    let expected = [
        ("demo_worker", "Demo Worker"),
        ("bench_worker", "BenchWorker"),
        ("value_worker", "Value Worker"),
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn the_demo_counts_adds_and_keeps_its_secrets() {
    let demo = TestHost::grant("").run(PROBE_PEER, "demo_worker").await;
    while call_int(&demo, "get_count", []).await.unwrap() < 1 {}
    let a = ("a", Value::Integer(3));
    assert_eq!(call_int(&demo, "add", [a]).await.unwrap(), 8);
    let fast = [("mode", text("fast")), ("gain", Value::Number(0.5))];
    assert_eq!(call_text(&demo, "run", fast).await.unwrap(), "fast-lo-0.5");
    let x = ("x", Value::Number(1.5));
    let doubled = call(&demo, "extras/demo_shelf_node", [x]).await.unwrap();
    assert!(matches!(doubled, Value::Number(3.0)), "{doubled:?}");
    let shared = demo.public_config();
    assert_eq!(
        shared,
        serde_json::json!({ "interval_s": 1.0, "mode": "a" })
    );
}

#[tokio::test]
async fn values_come_back_and_failures_say_why() {
    let values = TestHost::grant("").run(PROBE_PEER, "value_worker").await;
    let numbers = inputs([("a", Value::Integer(7)), ("b", Value::Integer(2))]);
    let outputs = values.call("divide", numbers).await.unwrap();
    assert!(
        matches!(
            outputs[..],
            [(_, Value::Integer(3)), (_, Value::Integer(1))]
        ),
        "{outputs:?}"
    );
    let error = call_int(&values, "fail", [("why", text("not today"))])
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HostError::Guest { code: ErrorCode::Unavailable, message } if message == "not today"),
        "{error}"
    );
}
