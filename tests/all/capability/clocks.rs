//! The time.

use std::time::{SystemTime, UNIX_EPOCH};

use external_worker_artifacts::PROBE_CLOCKS;
use external_worker_host::bindings::types::Value;
use external_worker_tests::{TestHost, call_int};

#[tokio::test]
async fn with_the_grant_the_time_is_told_and_waited_for() {
    let clocks = TestHost::grant("clocks = true\n")
        .run(PROBE_CLOCKS, "clocks")
        .await;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    for node in ["now2", "now3"] {
        let told = call_int(&clocks, node, []).await.unwrap();
        assert!((now..now + 60).contains(&told), "{node}: {told}");
    }
    for node in ["nap2", "nap3"] {
        let slept = call_int(&clocks, node, [("ms", Value::Integer(5))])
            .await
            .unwrap();
        assert!(slept >= 5, "{node}: {slept}");
    }
}
