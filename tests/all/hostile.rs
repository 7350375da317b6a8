//! Guests that mean harm, and what the host does about each.

use external_worker_artifacts::HOSTILE;
use external_worker_host::HostError;
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::End;
use external_worker_host::instance::events::Event;
use external_worker_tests::{TestHost, call, call_int, call_text, wait_for};
use serde_json::json;

/// Deadlines and budgets short enough to reach.
const TIGHT: &str = "[budget]\nrestarts = 0\ncpu-spin-ms = 300\nstart-deadline-ms = 2000\n\
    call-deadline-ms = 1000\nstop-deadline-ms = 500\nmemory = \"32 MiB\"\nhandles = 100\n\
    value-size = \"1 MiB\"\n";

fn reason(end: End) -> String {
    match end {
        End::Failed(reason) => reason,
        other => panic!("it was not ended by the host: {other:?}"),
    }
}

#[tokio::test]
async fn a_spinning_loop_is_ended_with_its_bill() {
    let instance = TestHost::grant(TIGHT).run(HOSTILE, "spin_loop").await;
    let reason = reason(instance.ended().await);
    assert!(
        reason.contains("CPU") && reason.contains("bill"),
        "{reason}"
    );
    assert_eq!(instance.status().memory, 0);
}

#[tokio::test]
async fn a_spinning_call_is_ended_and_its_caller_is_told() {
    let instance = TestHost::grant(TIGHT).run(HOSTILE, "spin_call").await;
    let error = call_int(&instance, "spin", []).await.unwrap_err();
    assert!(
        matches!(error, HostError::Ended(_) | HostError::Deadline { .. }),
        "{error}"
    );
    assert!(reason(instance.ended().await).contains("CPU"));
}

#[tokio::test]
async fn a_spinning_start_is_an_error_of_the_start() {
    let error = TestHost::grant(TIGHT)
        .start(HOSTILE, "spin_start", json!({}))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("CPU"), "{error}");
}

#[tokio::test]
async fn a_stop_that_spins_or_hangs_is_cut_short() {
    for class in ["spin_stop", "hang_stop"] {
        let instance = TestHost::grant(TIGHT).run(HOSTILE, class).await;
        let end = instance.stop().await;
        assert!(
            matches!(end, End::Dropped | End::Failed(_)),
            "{class}: {end:?}"
        );
        assert_eq!(instance.status().memory, 0, "{class}");
    }
}

#[tokio::test]
async fn memory_ends_at_its_budget() {
    let host = TestHost::grant(TIGHT);
    let instance = host.run(HOSTILE, "memory_bomb").await;
    let got = call_int(&instance, "measure", []).await.unwrap();
    let budget = 32 * 1024 * 1024;
    assert!(got <= budget && got > budget * 8 / 10, "{got}");
    assert!(instance.status().memory_peak <= budget as u64);
    let error = call_int(&instance, "burst", [])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("memory"), "{error}");
}

#[tokio::test]
async fn handles_end_at_their_budget_and_can_be_given_back() {
    let instance = TestHost::grant(TIGHT).run(HOSTILE, "handle_flood").await;
    for _ in 0..3 {
        let got = call_int(&instance, "flood", []).await.unwrap();
        assert!((90..=100).contains(&got), "{got}");
    }
}

#[tokio::test]
async fn a_log_flood_is_dropped_counted_and_clean() {
    let instance = TestHost::grant(TIGHT).run(HOSTILE, "log_flood").await;
    let mut events = instance.events();
    call(&instance, "flood", [("lines", Value::Integer(100_000))])
        .await
        .unwrap();
    let line = wait_for(&mut events, |event| match event {
        Event::Log { message, .. } => Some(message.clone()),
        _ => None,
    })
    .await;
    assert!(!line.contains('\x1b') && !line.contains('\n'), "{line}");
    let dropped = instance.status().dropped_log_lines;
    assert!(dropped > 90_000, "{dropped}");
    call(&instance, "shout", [("bytes", Value::Integer(1_000_000))])
        .await
        .unwrap();
    let taken = call_int(&instance, "emit_many", [("events", Value::Integer(10_000))])
        .await
        .unwrap();
    assert!(taken < 1_000, "{taken}");
}

#[tokio::test]
async fn huge_results_are_refused_and_the_instance_lives_or_ends_cleanly() {
    let host = TestHost::grant(TIGHT);
    let instance = host.run(HOSTILE, "huge_values").await;
    let fits = call_text(&instance, "text", [("bytes", Value::Integer(500_000))])
        .await
        .unwrap();
    assert_eq!(fits.len(), 500_000);
    call(&instance, "text", [("bytes", Value::Integer(1_100_000))])
        .await
        .unwrap_err();
    let error = call(&instance, "error", [("bytes", Value::Integer(500_000))])
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.len() < 20_000 && !message.contains('\x1b'),
        "{}",
        message.len()
    );
    // Far beyond what a host call may copy: that costs the instance its life.
    call(&instance, "text", [("bytes", Value::Integer(8_000_000))])
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_stack_that_overflows_is_a_trap() {
    let instance = TestHost::grant(TIGHT).run(HOSTILE, "traps").await;
    let error = call_int(&instance, "recurse", [("depth", Value::Integer(0))])
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::Ended(_)), "{error}");
    reason(instance.ended().await);
}

#[tokio::test]
async fn a_call_past_its_deadline_is_cancelled_in_the_guest_and_the_instance_lives() {
    let instance = TestHost::grant(TIGHT).run(HOSTILE, "deaf").await;
    let error = call_int(&instance, "yield_for_ever", []).await.unwrap_err();
    assert!(matches!(error, HostError::Deadline { .. }), "{error}");
    assert_eq!(call_int(&instance, "ping", []).await.unwrap(), 1);
}
