//! What every worker goes through: start, loop, calls, configuration, stop; and its end.

use std::time::Duration;

use external_worker_artifacts::{PROBE_HOST, PROBE_TRAPS};
use external_worker_host::HostError;
use external_worker_host::instance::{End, State};
use external_worker_tests::{PATIENCE, TestHost, call_int};

#[tokio::test]
async fn a_panic_ends_the_instance_with_its_message_and_place_and_it_starts_again() {
    let host = TestHost::grant("");
    let instance = host.run(PROBE_TRAPS, "traps").await;
    assert_eq!(call_int(&instance, "count", []).await.unwrap(), 1);
    assert_eq!(call_int(&instance, "count", []).await.unwrap(), 2);
    let error = call_int(&instance, "panic", []).await.unwrap_err();
    let HostError::Ended(reason) = error else {
        panic!("{error}")
    };
    assert!(
        reason.contains("the guest gave up") && reason.contains("lib.rs:"),
        "{reason}"
    );

    let mut state = instance.state();
    state
        .wait_for(|state| *state == State::Running)
        .await
        .unwrap();
    assert_eq!(instance.status().restarts, 1);
    assert_eq!(
        call_int(&instance, "count", []).await.unwrap(),
        1,
        "its memory is new"
    );
    assert_eq!(instance.stop().await, End::Stopped);
}

#[tokio::test]
async fn an_instance_that_keeps_trapping_stays_down() {
    let host = TestHost::grant("[budget]\nrestarts = 1");
    let instance = host.run(PROBE_TRAPS, "traps").await;
    for _ in 0..2 {
        let mut state = instance.state();
        state
            .wait_for(|state| *state == State::Running)
            .await
            .unwrap();
        call_int(&instance, "panic", []).await.unwrap_err();
    }
    let End::Failed(reason) = instance.ended().await else {
        panic!("it was not stopped")
    };
    assert!(reason.contains("the guest gave up"), "{reason}");
    assert!(matches!(
        call_int(&instance, "count", []).await,
        Err(HostError::Ended(_))
    ));
}

#[tokio::test]
async fn unknown_methods_and_classes_are_named() {
    let host = TestHost::grant("");
    let instance = host.run(PROBE_TRAPS, "traps").await;
    let error = call_int(&instance, "nope", [])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("nope"), "{error}");
    let error = host
        .start(PROBE_TRAPS, "nope", serde_json::json!({}))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("nope") && error.contains("traps"), "{error}");
}

#[tokio::test]
async fn dropping_the_last_handle_stops_the_instance() {
    let host = TestHost::grant("");
    let instance = host.run(PROBE_TRAPS, "traps").await;
    let mut state = instance.state();
    drop(instance);
    let ended = state.wait_for(|state| matches!(state, State::Ended(_)));
    let ended = tokio::time::timeout(Duration::from_secs(60), ended)
        .await
        .unwrap()
        .unwrap()
        .clone();
    assert_eq!(ended, State::Ended(End::Stopped));
}

#[tokio::test]
async fn a_stop_has_the_last_word_over_a_restart_and_a_trap() {
    let host = TestHost::grant("");
    for panic_stop in [false, true] {
        let config = serde_json::json!({ "panic_stop": panic_stop });
        let instance = host.start(PROBE_HOST, "probe", config).await.unwrap();
        instance.restart();
        let end = tokio::time::timeout(PATIENCE, instance.stop())
            .await
            .unwrap();
        assert_eq!(matches!(end, End::Failed(_)), panic_stop, "{end}");
        assert_eq!(instance.status().restarts, 0);
    }
}
