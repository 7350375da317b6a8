//! Random bytes.

use external_worker_artifacts::PROBE_RANDOM;
use external_worker_host::bindings::types::Value;
use external_worker_tests::{TestHost, call, call_text, start};
use serde_json::json;

#[tokio::test]
async fn with_the_grant_nobody_can_guess_them() {
    let host = TestHost::grant("random = true\n");
    let random = host.run(PROBE_RANDOM, "random").await;
    for node in ["secret", "secret2"] {
        let count = || [("count", Value::Integer(32))];
        let (a, b) = (
            call(&random, node, count()).await,
            call(&random, node, count()).await,
        );
        let (Ok(Value::Bytes(a)), Ok(Value::Bytes(b))) = (a, b) else {
            panic!("{node}")
        };
        assert_eq!((a.len(), b.len()), (32, 32), "{node}");
        assert_ne!(a, b, "{node}");
    }
}

#[tokio::test]
async fn what_needs_no_grant_differs_from_instance_to_instance() {
    let worker = TestHost::grant("random = true\n")
        .worker(PROBE_RANDOM)
        .await
        .unwrap();
    let first = start(&worker, "random", json!({})).await.unwrap();
    let second = start(&worker, "random", json!({})).await.unwrap();
    let guessable = call_text(&first, "guessable", []).await.unwrap();
    assert_ne!(
        guessable,
        call_text(&second, "guessable", []).await.unwrap()
    );
}
