//! Calls that take long: what a node declares, the cap of the policy, and the grace in which a call that has to end
//! cleans up.

use std::time::Duration;

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::HostError;
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::events::{Event, Listener};
use external_worker_host::instance::{End, Instance, State};
use external_worker_tests::{PATIENCE, TestHost, call, call_int, inputs, wait_for};

/// Longer than any test goes on.
const HOUR: i64 = 3_600_000;

fn hold(ms: i64, clean_ms: i64) -> [(&'static str, Value); 2] {
    [
        ("ms", Value::Integer(ms)),
        ("clean_ms", Value::Integer(clean_ms)),
    ]
}

async fn probe(budget: &str) -> Instance {
    let host = TestHost::grant(&format!("[budget]\n{budget}"));
    host.run(PROBE_HOST, "probe").await
}

async fn cleaned_up(events: &mut Listener) {
    wait_for(events, |event| match event {
        Event::Log { message, .. } if message.contains("cleaned up") => Some(()),
        _ => None,
    })
    .await;
}

/// A call of `hold` that goes on beside the test, once it has said that it does.
async fn begun(
    instance: &Instance,
    clean_ms: i64,
) -> (tokio::task::JoinHandle<Result<Value, HostError>>, Listener) {
    let mut events = instance.events();
    let calls = instance.clone();
    let call = tokio::spawn(async move { call(&calls, "hold", hold(HOUR, clean_ms)).await });
    wait_for(&mut events, |event| match event {
        Event::Progress { fraction, .. } => Some(*fraction),
        _ => None,
    })
    .await;
    (call, events)
}

#[tokio::test]
async fn what_a_node_declares_is_longer_than_what_holds_for_others() {
    let instance = probe("call-deadline-ms = 50").await;
    call(&instance, "hold", hold(200, 0)).await.unwrap();
    let late = call_int(&instance, "wait", [("ms", Value::Integer(HOUR))]).await;
    let late = late.unwrap_err();
    assert!(
        matches!(late, HostError::Deadline { limit_ms: 50, .. }),
        "{late}"
    );
}

#[tokio::test]
async fn it_is_cut_to_the_cap_and_cleans_up_at_the_deadline() {
    let instance = probe("call-deadline-cap-ms = 200\ncancel-grace-ms = 60_000").await;
    let mut events = instance.events();
    let late = call(&instance, "hold", hold(HOUR, 20)).await.unwrap_err();
    assert!(
        matches!(late, HostError::Deadline { limit_ms: 200, .. }),
        "{late}"
    );
    cleaned_up(&mut events).await;
    assert_eq!(instance.status().restarts, 0);
}

#[tokio::test]
async fn where_the_policy_says_so_it_is_refused_at_load() {
    let host = TestHost::grant("[budget]\nabove-cap = \"refuse\"\ncall-deadline-cap-ms = 599_999");
    let refused = host.worker(PROBE_HOST).await.err().unwrap().to_string();
    for part in ["`hold`", "600000 ms", "599999 ms", "call-deadline-cap-ms"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let host = TestHost::grant("[budget]\nabove-cap = \"refuse\"\ncall-deadline-cap-ms = 600_000");
    host.worker(PROBE_HOST).await.unwrap();
}

#[tokio::test]
async fn whoever_leaves_takes_the_call_along_which_cleans_up() {
    let instance = probe("cancel-grace-ms = 60_000").await;
    let (call, mut events) = begun(&instance, 20).await;
    call.abort();
    cleaned_up(&mut events).await;
    while instance.status().open_calls > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(instance.status().restarts, 0);
}

#[tokio::test]
async fn a_call_that_cleans_up_for_longer_than_the_grace_costs_the_instance() {
    let instance = probe("cancel-grace-ms = 50").await;
    let (call, mut events) = begun(&instance, HOUR).await;
    call.abort();
    let reason = wait_for(&mut events, |event| match event {
        Event::State(State::Restarting { reason }) => Some(reason.clone()),
        _ => None,
    });
    let reason = reason.await;
    assert!(reason.contains("went on after it was asked"), "{reason}");
}

#[tokio::test]
async fn a_stop_waits_for_the_cleaning_up_until_its_own_deadline() {
    let instance = probe("stop-deadline-ms = 60_000").await;
    let (call, mut events) = begun(&instance, 20).await;
    assert_eq!(instance.stop().await, End::Stopped);
    cleaned_up(&mut events).await;
    let _ = call.await.unwrap();

    let instance = probe("stop-deadline-ms = 50").await;
    let (call, _events) = begun(&instance, HOUR).await;
    let stopped = tokio::time::timeout(PATIENCE, instance.stop()).await;
    stopped.expect("the deadline of `stop` holds");
    call.await.unwrap().unwrap_err();
    assert_eq!(instance.status().memory, 0);
}

#[tokio::test]
async fn a_call_with_a_limit_of_its_own_ends_sooner_and_never_later() {
    let instance = probe("call-deadline-cap-ms = 100").await;
    for (limit, expected) in [(50, 50), (HOUR, 100)] {
        let limit = Duration::from_millis(u64::try_from(limit).unwrap());
        let late = instance.call_within("hold", inputs(hold(HOUR, 0)), limit);
        let late = late.await.unwrap_err();
        match late {
            HostError::Deadline { limit_ms, .. } => assert_eq!(limit_ms, expected),
            other => panic!("{other}"),
        }
    }
}
