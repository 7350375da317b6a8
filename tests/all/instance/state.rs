//! What outlives a store: the state that a worker saves, and its name.

use std::sync::Arc;

use external_worker_artifacts::{CACHE, EVERYTHING, PROBE_HOST, PROBE_SYNC, PROBE_TRAPS};
use external_worker_host::HostError;
use external_worker_host::bindings::types::Value;
use external_worker_host::component::{LoadedComponent, PreparedComponent};
use external_worker_host::error::ErrorCode;
use external_worker_host::instance::events::{Event, Listener};
use external_worker_host::instance::{End, Instance, Spec, State};
use external_worker_host::policy::Policy;
use external_worker_tests::{
    PATIENCE, TestHost, call, call_text, engine, guest_code, inputs, spec, wait_for,
};
use serde_json::json;

/// What the example with everything asks for; the folder is to be added.
const DEVICES: &str = "[[serial]]\nname = \"bench\"\ndevice = \"/dev/ttyUSB0\"\n\
    [[sockets]]\nprotocol = \"tcp\"\ndirection = \"connect\"\nhost = \"localhost\"\nports = [1]\n\
    [[http]]\nhost = \"localhost\"\nmethods = [\"GET\"]\n[[files]]\nguest = \"/inbox\"\nmode = \"ro\"\nhost = ";

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

async fn remember(instance: &Instance, what: &str) {
    call(instance, "remember", [("text", text(what))])
        .await
        .unwrap();
}

async fn recall(instance: &Instance) -> String {
    call_text(instance, "recall", []).await.unwrap()
}

async fn restart(instance: &Instance) {
    let mut events = instance.events();
    instance.restart();
    for wanted in [State::Starting, State::Running] {
        wait_for(&mut events, |event| match event {
            Event::State(state) if *state == wanted => Some(()),
            _ => None,
        })
        .await;
    }
}

/// While a thread is busy with another, nothing else may wake an instance that begins to stop: it has to go on by
/// itself.
#[tokio::test]
async fn instances_that_start_again_all_at_once_hang_at_nothing() {
    let host = TestHost::grant("");
    let mut all = Vec::new();
    for _ in 0..16 {
        let instance = host.run(PROBE_HOST, "probe").await;
        call(&instance, "rest", []).await.unwrap();
        all.push(instance);
    }
    let mut events: Vec<_> = all.iter().map(Instance::events).collect();
    for _ in 0..8 {
        let again = all.iter().map(|instance| async move {
            let (called, ()) = tokio::join!(call(instance, "turns", []), restart(instance));
            // It may have come in between.
            drop(called);
        });
        futures_util::future::join_all(again).await;
    }
    for instance in all {
        call(&instance, "turns", []).await.unwrap();
        assert_eq!(instance.stop().await, End::Stopped);
    }
    for events in &mut events {
        while let Ok(event) = events.try_recv() {
            let Event::Log { message, .. } = &*event else {
                continue;
            };
            assert!(!message.contains("took too long"), "{message}");
        }
    }
}

/// The first log line with `part` in it.
async fn line(events: &mut Listener, part: &str) -> String {
    wait_for(events, |event| match event {
        Event::Log { message, .. } if message.contains(part) => Some(message.clone()),
        _ => None,
    })
    .await
}

fn with_state(class: &str, state: impl Into<Vec<u8>>) -> Spec {
    Spec {
        state: Some(state.into()),
        ..spec(class, json!({}))
    }
}

/// The same behaviour in other bytes: a section that nobody reads is added.
async fn next_version(component: &str) -> Arc<PreparedComponent> {
    let mut wasm = std::fs::read(component).unwrap();
    wasm.extend_from_slice(b"\0\x05\x04next");
    let component = LoadedComponent::from_bytes(engine(), "next.wasm", wasm).unwrap();
    let policy = Policy::parse("", "the test's policy").unwrap();
    Arc::new(Arc::new(component).prepare(&policy).await.unwrap())
}

#[tokio::test]
async fn state_survives_a_restart_and_is_there_before_the_first_turn() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let mut events = instance.events();
    remember(&instance, "this").await;
    restart(&instance).await;
    assert_eq!(recall(&instance).await, "this");
    assert_eq!(
        line(&mut events, "restored").await,
        "restored 4 bytes at turn 0"
    );
    restart(&instance).await;
    assert_eq!(recall(&instance).await, "this", "a second time too");
    assert_eq!(instance.status().restarts, 0, "that is no failure");
}

#[tokio::test]
async fn state_goes_on_to_an_instance_of_the_next_version() {
    let old = TestHost::grant("").worker(PROBE_HOST).await.unwrap();
    let new = next_version(PROBE_HOST).await;
    assert_ne!(old.component().hash(), new.component().hash());
    let instance = Instance::start(&old, spec("probe", json!({})))
        .await
        .unwrap();
    assert_eq!(instance.save().await.unwrap(), None, "nothing to keep yet");
    remember(&instance, "this").await;
    let state = instance.save().await.unwrap().unwrap();
    assert_eq!(recall(&instance).await, "this", "saving changes nothing");
    instance.stop().await;
    assert!(matches!(instance.save().await, Err(HostError::Ended(_))));

    let instance = Instance::start(&new, with_state("probe", state))
        .await
        .unwrap();
    assert_eq!(recall(&instance).await, "this");
}

#[tokio::test]
async fn a_restore_that_fails_fails_the_start_and_releases_what_start_acquired() {
    let worker = TestHost::grant("").worker(PROBE_HOST).await.unwrap();
    let (starting, mut events) = Instance::begin(&worker, with_state("probe", b"\xff")).unwrap();
    let instance = starting.instance().clone();
    let error = starting.started().await.unwrap_err().to_string();
    assert!(
        error.contains("`restore` failed") && error.contains("no text"),
        "{error}"
    );
    line(&mut events, "stopped").await;
    assert!(matches!(instance.ended().await, End::Failed(_)));
    assert_eq!(instance.status().memory, 0);
}

#[tokio::test]
async fn a_state_over_its_size_is_refused_and_lost_over_a_restart() {
    let host = TestHost::grant("[budget]\nstate-size = \"1 MiB\"");
    let worker = host.worker(PROBE_HOST).await.unwrap();
    let too_big = vec![b'x'; 1024 * 1024 + 1];
    let error = Instance::start(&worker, with_state("probe", too_big))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("state-size"), "{error}");

    let instance = host.run(PROBE_HOST, "probe").await;
    for bytes in [1024 * 1024 + 1, 10 * 1024 * 1024] {
        call(&instance, "fill", [("bytes", Value::Integer(bytes))])
            .await
            .unwrap();
        let error = instance.save().await.unwrap_err();
        assert!(matches!(error, HostError::Value(_)), "{error}");
        assert!(error.to_string().contains("state-size"), "{error}");
    }
    let mut events = instance.events();
    restart(&instance).await;
    assert_eq!(recall(&instance).await, "");
    line(&mut events, "without its state").await;
}

#[tokio::test]
async fn a_state_may_be_bigger_than_a_value() {
    let host = TestHost::grant("[budget]\nvalue-size = \"1 KiB\"\nstate-size = \"4 MiB\"");
    let instance = host.run(PROBE_HOST, "probe").await;
    let bytes = 4 * 1024 * 1024;
    call(&instance, "fill", [("bytes", Value::Integer(bytes))])
        .await
        .unwrap();
    let state = instance.save().await.unwrap().unwrap();
    assert_eq!(state.len(), 4 * 1024 * 1024);
    restart(&instance).await;
    assert_eq!(instance.save().await.unwrap(), Some(state));
}

#[tokio::test]
async fn who_exports_no_state_has_none_and_takes_none() {
    let host = TestHost::grant("");
    for (component, class) in [(PROBE_TRAPS, "traps"), (PROBE_SYNC, "probe")] {
        let worker = host.worker(component).await.unwrap();
        assert!(!worker.component().keeps_state());
        let instance = Instance::start(&worker, spec(class, json!({})))
            .await
            .unwrap();
        assert_eq!(instance.save().await.unwrap(), None);
        restart(&instance).await;
        let error = Instance::start(&worker, with_state(class, "this")).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("keeps no state"), "{error}");
        let empty = Instance::start(&worker, with_state(class, "")).await;
        assert!(empty.is_ok(), "an empty state is none");
    }
}

#[tokio::test]
async fn one_class_may_keep_state_and_another_not() {
    let folder = tempfile::tempdir().unwrap();
    let host = TestHost::grant(&format!("{DEVICES}{:?}\n", folder.path()));
    let worker = host.worker(EVERYTHING).await.unwrap();
    assert!(worker.component().keeps_state());
    let stateless = Instance::start(&worker, spec("my_worker", json!({})))
        .await
        .unwrap();
    assert_eq!(stateless.save().await.unwrap(), None);
    let error = Instance::start(&worker, with_state("my_worker", "this")).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("my_worker") && error.contains("keeps no state"),
        "{error}"
    );
    let bench = Instance::start(&worker, with_state("bench", "[1.5, 2.5]"))
        .await
        .unwrap();
    let state = bench.save().await.unwrap().unwrap();
    let samples: Vec<f64> = serde_json::from_slice(&state).unwrap();
    assert_eq!(samples[..2], [1.5, 2.5], "and those of the loop since");
}

#[tokio::test]
async fn a_save_that_fails_is_logged_and_the_restart_goes_on_without() {
    let instance = TestHost::grant("")
        .start(PROBE_HOST, "probe", json!({ "fail_save": true }))
        .await
        .unwrap();
    remember(&instance, "this").await;
    let error = instance.save().await.unwrap_err();
    assert_eq!(guest_code(&error), Some(ErrorCode::Unavailable), "{error}");
    let mut events = instance.events();
    restart(&instance).await;
    assert_eq!(recall(&instance).await, "");
    let why = line(&mut events, "without its state").await;
    assert!(why.contains("forbids it"), "{why}");
}

#[tokio::test]
async fn calls_go_on_while_a_state_is_saved_and_its_deadline_is_the_last_word() {
    let host = TestHost::grant("[budget]\nstate-deadline-ms = 1000");
    let instance = host
        .start(PROBE_HOST, "probe", json!({ "slow_save": true }))
        .await
        .unwrap();
    let asking = instance.clone();
    let saving = tokio::spawn(async move { asking.save().await });
    while instance.status().open_calls == 0 {
        tokio::task::yield_now().await;
    }
    remember(&instance, "this").await;
    assert_eq!(instance.status().open_calls, 1, "it is still being saved");
    let error = saving.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("`save` took longer than 1000 ms"), "{error}");
    // Calls fail from the end of the old store to the start of the new one.
    let recalled = loop {
        match call_text(&instance, "recall", []).await {
            Ok(text) if instance.status().restarts == 1 => break text,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(recalled, "", "its memory is new");
}

#[tokio::test]
async fn a_save_that_hangs_does_not_cost_the_restart() {
    let host = TestHost::grant("[budget]\nrestarts = 0\nstate-deadline-ms = 100");
    let instance = host
        .start(PROBE_HOST, "probe", json!({ "slow_save": true }))
        .await
        .unwrap();
    remember(&instance, "this").await;
    let mut events = instance.events();
    restart(&instance).await;
    assert_eq!(recall(&instance).await, "");
    let why = line(&mut events, "without its state").await;
    assert!(why.contains("longer than 100 ms"), "{why}");
}

#[tokio::test]
async fn no_call_begins_between_the_save_and_the_restart() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    for n in 0..20 {
        instance.restart();
        let what = n.to_string();
        // Either it is refused, or it is in the state.
        if call(&instance, "remember", [("text", text(&what))])
            .await
            .is_ok()
        {
            assert_eq!(recall_for_sure(&instance).await, what);
        }
    }
}

/// Asks again while it is being restarted.
async fn recall_for_sure(instance: &Instance) -> String {
    let asking = async {
        loop {
            match instance.call("recall", inputs([])).await {
                Ok(outputs) => match outputs.into_iter().next() {
                    Some((_, Value::Text(text))) => return text,
                    other => panic!("not a text: {other:?}"),
                },
                Err(HostError::Ended(_)) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

#[tokio::test]
async fn after_a_trap_no_state_is_restored() {
    let worker = TestHost::grant("").worker(PROBE_HOST).await.unwrap();
    let instance = Instance::start(&worker, with_state("probe", "this"))
        .await
        .unwrap();
    instance.save().await.unwrap().unwrap();
    call(&instance, "give_up", []).await.unwrap_err();
    let mut state = instance.state();
    state
        .wait_for(|state| *state == State::Running)
        .await
        .unwrap();
    assert_eq!(recall(&instance).await, "");
}

#[tokio::test]
async fn the_examples_keep_what_they_hold() {
    let instance = TestHost::grant("").run(CACHE, "cache").await;
    let entry = [
        ("key", text("a")),
        ("value", Value::Json("[1, 2]".to_owned())),
    ];
    call(&instance, "put", entry).await.unwrap();
    restart(&instance).await;
    let found = call(&instance, "get", [("key", text("a"))]).await.unwrap();
    let Value::Json(found) = found else {
        panic!("not JSON: {found:?}")
    };
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&found).unwrap(),
        json!([1, 2])
    );
}

#[tokio::test]
async fn a_new_name_is_known_at_once() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    assert_eq!(
        call_text(&instance, "called", []).await.unwrap(),
        "under test"
    );
    instance.rename("oven\n2");
    assert_eq!(&*instance.name(), "oven 2");
    for _ in 0..2 {
        let called = call_text(&instance, "called", []).await.unwrap();
        assert_eq!((called.as_str(), &*instance.name()), ("oven 2", "oven 2"));
        restart(&instance).await;
    }
}
