//! The loop, calls, configuration and the interface `host`, through a probe.

mod busy;
mod leaks;
mod lifecycle;
mod long;
mod state;

use std::time::{Duration, Instant};

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::HostError;
use external_worker_host::bindings::types::{Dtype, Ndarray, Value};
use external_worker_host::error::ErrorCode;
use external_worker_host::instance::events::{Event, InputChange};
use external_worker_host::instance::{Caller, End, Instance};
use external_worker_host::limits::Resource;
use external_worker_tests::{
    TestHost, call, call_int, call_text, guest_code, inputs, spec, wait_for,
};
use serde_json::{Value as Json, json};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// One that waited for its place.
async fn caller(instance: &Instance) -> Caller {
    let place = instance.place().await;
    Caller { place, node: None }
}

fn ms(ms: i64) -> [(&'static str, Value); 1] {
    [("ms", Value::Integer(ms))]
}

#[tokio::test]
async fn the_loop_and_two_slow_calls_overlap() {
    let host = TestHost::grant("");
    // A turn of the loop waits in the host for longer than the test takes.
    let instance = host
        .start(PROBE_HOST, "probe", json!({ "turn_ms": 3_600_000 }))
        .await
        .unwrap();
    // Side by side they take 100 ms, one after the other 200. A busy machine may need a second try.
    let mut both = Duration::MAX;
    for _ in 0..10 {
        let begin = Instant::now();
        let (a, b) = tokio::join!(
            call_int(&instance, "wait", ms(100)),
            call_int(&instance, "wait", ms(100)),
        );
        both = both.min(begin.elapsed());
        assert_eq!((a.unwrap(), b.unwrap()), (100, 100));
        if both < Duration::from_millis(150) {
            break;
        }
    }
    assert!(both < Duration::from_millis(150), "{both:?}");
    assert!(instance.status().turns.turning);
    assert_eq!(
        instance.stop().await,
        End::Stopped,
        "the loop that waits does not hold it up"
    );
}

#[tokio::test]
async fn the_loop_turns_pauses_and_resumes() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    while call_int(&instance, "turns", []).await.unwrap() < 3 {}
    call(&instance, "rest", []).await.unwrap();
    while instance.status().turns.turning {
        tokio::task::yield_now().await;
    }
    let paused = instance.status().turns;
    assert!(paused.paused);
    call(&instance, "wait", ms(50)).await.unwrap();
    assert_eq!(instance.status().turns.turns, paused.turns);
    instance.turns().resume();
    while instance.status().turns.turns < paused.turns + 3 {
        tokio::task::yield_now().await;
    }
    call(&instance, "rest", ms(1)).await.unwrap();
    while instance.status().turns.paused {
        call(&instance, "wait", ms(1)).await.unwrap();
    }
    call(&instance, "slow_down", ms(3_600_000)).await.unwrap();
    assert_eq!(instance.status().turns.delay, Duration::from_secs(3600));
}

#[tokio::test]
async fn a_failing_loop_is_reported_once_and_the_rest_goes_on() {
    let host = TestHost::grant("");
    let instance = host
        .start(PROBE_HOST, "probe", json!({ "fail_turns": true }))
        .await
        .unwrap();
    let mut state = instance.events();
    while instance.status().turns.errors < 2 {
        call(&instance, "wait", ms(20)).await.unwrap();
    }
    let turns = instance.status().turns;
    assert_eq!(turns.last_error.as_deref(), Some("the turn failed"));
    let mut reports = 0;
    while let Ok(event) = state.try_recv() {
        reports += usize::from(matches!(*event, Event::LoopFailed { .. }));
    }
    assert!(reports <= 1, "{reports}");
}

#[tokio::test]
async fn the_configuration_is_completed_checked_merged_and_rolled_back() {
    let host = TestHost::grant("");
    let instance = host
        .start(PROBE_HOST, "probe", json!({ "token": "s3cr3t" }))
        .await
        .unwrap();
    assert_eq!(instance.config()["number"], 1);
    assert!(!instance.public_config().to_string().contains("s3cr3t"));
    assert!(
        instance.public_config().get("number").is_none(),
        "excluded by the class"
    );

    instance
        .update_config(json!({ "number": 7 }))
        .await
        .unwrap();
    assert_eq!(call_int(&instance, "applied", []).await.unwrap(), 7);
    assert_eq!(
        instance.config()["token"],
        "s3cr3t",
        "a patch leaves the rest alone"
    );

    let refused = instance
        .update_config(json!({ "number": 13 }))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("13 brings bad luck"),
        "{refused}"
    );
    assert_eq!(guest_code(&refused), Some(ErrorCode::InvalidConfig));
    assert_eq!(instance.config()["number"], 7, "the old one stays in force");

    let wrong = instance
        .update_config(json!({ "number": "s3cr3t", "turn_ms": -1 }))
        .await;
    let message = wrong.unwrap_err().to_string();
    assert!(
        message.contains("/number") && message.contains("/turn_ms"),
        "{message}"
    );
    assert!(!message.contains("s3cr3t"), "{message}");
}

#[tokio::test]
async fn what_a_guest_makes_of_its_configuration_is_in_force_and_checked() {
    let host = TestHost::grant("");
    let config = json!({ "token": "s3cr3t" });
    let instance = host.start(PROBE_HOST, "probe", config).await.unwrap();
    instance
        .update_config(json!({ "number": 99, "turn_ms": 5 }))
        .await
        .unwrap();
    let whole = instance.config();
    assert_eq!(
        (&whole["number"], &whole["turn_ms"]),
        (&json!(100), &json!(5))
    );
    assert_eq!(whole["token"], "s3cr3t", "what it has no word for stays");
    let choose = |number| call(&instance, "choose", [("number", Value::Integer(number))]);
    choose(3).await.unwrap();
    assert_eq!(instance.config()["number"], 3);
    assert!(!instance.public_config().to_string().contains("s3cr3t"));
    let refused = choose(101).await.unwrap_err();
    assert_eq!(guest_code(&refused), Some(ErrorCode::InvalidConfig));
    assert!(refused.to_string().contains("/number"), "{refused}");
    assert_eq!(instance.config()["number"], 3, "the old one stays in force");
    assert_eq!(call_int(&instance, "applied", []).await.unwrap(), 3);
}

#[tokio::test]
async fn a_wrong_first_configuration_or_a_failing_start_starts_nothing() {
    let host = TestHost::grant("");
    let error = host
        .start(PROBE_HOST, "probe", json!({ "number": 1000 }))
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::Config(_)), "{error}");
    let error = host
        .start(PROBE_HOST, "probe", json!({ "fail_start": true }))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("the configuration says so"),
        "{error}"
    );
}

#[tokio::test]
async fn a_configuration_is_checked_on_the_bill_of_the_instance() {
    let host = TestHost::grant("");
    let prepared = host.worker(PROBE_HOST).await.unwrap();
    let wrong = spec("probe", json!({ "number": 1000 }));
    // Who asks for an instance does not look at it.
    let (starting, _events) = Instance::begin(&prepared, wrong).unwrap();
    let instance = starting.instance().clone();
    let error = starting.started().await.unwrap_err();
    assert!(matches!(error, HostError::Config(_)), "{error}");
    // No guest has run: this is what the check took.
    assert!(instance.status().cpu > Duration::ZERO);
}

#[tokio::test]
async fn values_of_every_type_come_back_whole() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let bytes = Value::Bytes((0..=255).collect());
    let Value::Bytes(back) = call(&instance, "echo_bytes", [("value", bytes)])
        .await
        .unwrap()
    else {
        panic!("not bytes");
    };
    assert_eq!(back.len(), 256);

    let data: Vec<u8> = [1.5f64, -2.0, 3.25, 0.0, 5.0, 6.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let array = Ndarray {
        dtype: Dtype::F64,
        shape: vec![2, 3],
        data,
    };
    let sent = [("value", Value::Array(array.clone()))];
    let Value::Array(back) = call(&instance, "echo_array", sent).await.unwrap() else {
        panic!("not an array");
    };
    assert_eq!(
        (back.shape, back.data),
        (array.shape.clone(), array.data.clone())
    );

    let short = Ndarray {
        shape: vec![2, 4],
        ..array
    };
    let error = call(&instance, "echo_array", [("value", Value::Array(short))])
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::Value(_)), "{error}");
}

#[tokio::test]
async fn wrong_inputs_are_errors_that_name_the_input() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    for value in [
        text("much"),
        Value::Integer(-1),
        Value::Integer(1 << 40),
        Value::Number(0.5),
    ] {
        let error = call_int(&instance, "wait", [("ms", value)])
            .await
            .unwrap_err();
        assert_eq!(guest_code(&error), Some(ErrorCode::InvalidInput), "{error}");
        assert!(error.to_string().contains("ms"), "{error}");
    }
    let error = call_int(&instance, "wait", []).await.unwrap_err();
    assert!(error.to_string().contains("ms"), "{error}");
    let error = call_int(&instance, "fail", []).await.unwrap_err();
    assert_eq!(guest_code(&error), Some(ErrorCode::Unavailable), "{error}");
}

#[tokio::test]
async fn a_cancelled_call_ends_in_the_guest() {
    let instance = TestHost::grant("[budget]\ncalls = 1")
        .run(PROBE_HOST, "probe")
        .await;
    let slow = instance.call("wait", inputs(ms(3_600_000)));
    assert!(
        tokio::time::timeout(Duration::from_millis(20), slow)
            .await
            .is_err()
    );
    // The only place among the running calls is free again once the guest has let go.
    while call_int(&instance, "wait", ms(0)).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(instance.status().restarts, 0);
}

#[tokio::test]
async fn too_many_calls_at_once_are_busy_and_nothing_is_lost() {
    let host = TestHost::grant("[budget]\ncalls = 2\nmailbox = 4");
    let instance = host.run(PROBE_HOST, "probe").await;
    let calls = (0..64).map(|_| {
        let instance = instance.clone();
        tokio::spawn(async move { call_int(&instance, "wait", ms(30)).await })
    });
    let (mut done, mut busy) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => done += 1,
            Err(HostError::Busy(_)) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(done >= 2 && busy >= 1, "{done} done, {busy} busy");
    assert_eq!(done + busy, 64);
}

#[tokio::test]
async fn shelves_follow_the_state_and_their_nodes_run() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let shelves = instance.shelves().await.unwrap().unwrap();
    let names: Vec<_> = shelves
        .iter()
        .map(|shelf| (shelf.name.as_str(), shelf.parent))
        .collect();
    assert_eq!(names, [("extras", None), ("more", Some(0))]);
    let x = [("x", Value::Integer(21))];
    assert_eq!(
        call_int(&instance, "extras/more/double", x).await.unwrap(),
        42
    );
    instance
        .update_config(json!({ "number": 0 }))
        .await
        .unwrap();
    assert!(instance.shelves().await.unwrap().is_none());
}

#[tokio::test]
async fn nodes_and_their_class_are_set_from_the_guest() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let surface = instance.surface();
    let first = surface.attach("pick", "node-1", None).unwrap();
    let second = surface.attach("pick", "node-2", None).unwrap();
    let mut events = instance.events();
    let options = [("options", Value::Json(r#"["a", "b"]"#.to_owned()))];
    assert_eq!(call_int(&instance, "refresh", options).await.unwrap(), 2);
    for node in [&first, &second] {
        let item = node.input("item");
        let options = item.value_options.unwrap().tree();
        assert_eq!(options, json!({ "options": ["a", "b"] }));
        assert!(matches!(item.value.as_deref(), Some(Value::Text(a)) if a == "a"));
    }
    let class = surface.class("pick").unwrap().input("item");
    let default = class.default.flatten();
    assert!(matches!(default.as_deref(), Some(Value::Text(b)) if b == "b"));
    let third = surface.attach("pick", "node-3", None).unwrap();
    assert_eq!(
        third.input("item").value_options.map(|it| it.tree()),
        class.value_options.map(|it| it.tree()),
        "a new node begins so"
    );
    let node = wait_for(&mut events, |event| match event {
        Event::InputChanged {
            node: Some(node),
            change: InputChange::Value(_),
            ..
        } => Some(node.clone()),
        _ => None,
    });
    assert_eq!(node.await, "node-1");
    surface.detach("node-1");
    let options = [("options", Value::Json("[]".to_owned()))];
    assert_eq!(call_int(&instance, "refresh", options).await.unwrap(), 2);
}

#[tokio::test]
async fn a_direct_call_of_a_method_without_inputs_triggers_its_nodes_and_a_nodes_call_does_not() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let mut events = instance.events();
    assert_eq!(call_text(&instance, "status", []).await.unwrap(), "ok");
    assert_eq!(call_text(&instance, "call_status", []).await.unwrap(), "ok");
    let mut methods = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::TriggerRequested { method } = &*event {
            methods.push(method.clone());
        }
    }
    assert_eq!(methods, ["status"]);
}

#[tokio::test]
async fn events_and_log_lines_arrive() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let mut events = instance.events();
    let shout = [
        ("event", text("nodes_update")),
        ("data", Value::Json("{\"a\":1}".to_owned())),
    ];
    call(&instance, "shout", shout).await.unwrap();
    call(&instance, "say", [("text", text("hello\x07"))])
        .await
        .unwrap();
    let data = wait_for(&mut events, |event| match event {
        Event::Emitted { event, data } if event == "nodes_update" => Some(data.tree()),
        _ => None,
    });
    assert_eq!(data.await, json!({ "a": 1 }));
    let line = wait_for(&mut events, |event| match event {
        Event::Log { message, .. } if message.contains("hello") => Some(message.clone()),
        _ => None,
    });
    assert!(!line.await.contains('\x07'));
}

#[tokio::test]
async fn an_instance_can_stop_itself() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    call(&instance, "leave", []).await.unwrap();
    assert_eq!(instance.ended().await, End::Stopped);
}

#[tokio::test]
async fn a_restart_keeps_uuid_configuration_and_nodes() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    instance
        .update_config(json!({ "number": 5 }))
        .await
        .unwrap();
    instance.surface().attach("pick", "node-1", None).unwrap();
    let uuid = instance.uuid();
    let mut state = instance.state();
    state.mark_unchanged();
    instance.restart();
    state.changed().await.unwrap();
    while call_int(&instance, "applied", []).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(call_int(&instance, "applied", []).await.unwrap(), 5);
    assert_eq!(
        (
            instance.uuid(),
            instance.surface().nodes("pick").unwrap().len()
        ),
        (uuid, 1)
    );
}

#[tokio::test]
async fn a_call_that_comes_during_a_restart_is_answered_after_it() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    for _ in 0..20 {
        instance.restart();
        // Whether it comes before the restart, during it or after it.
        call_int(&instance, "applied", []).await.unwrap();
    }
}

/// Seven bytes of text each, and seven hundred as a tree.
fn dictionaries(count: usize) -> Value {
    Value::Json(format!("[{}]", vec![r#"{"":0}"#; count].join(",")))
}

#[tokio::test]
async fn events_that_nobody_has_taken_are_paid_for_as_their_text() {
    let policy = "[budget]\nevent-size = \"1 MiB\"\nevent-bytes-per-second = \"1 KiB\"";
    let instance = TestHost::grant(policy).run(PROBE_HOST, "probe").await;
    let shout = async || {
        let ports = [("event", text("x")), ("data", dictionaries(9_000))];
        call(&instance, "shout", ports).await
    };
    // The guest's own memory grows at the first.
    shout().await.unwrap();
    let before = instance.ledger().used(Resource::Memory);
    let events = instance.events();
    let mut sent = 0;
    let refused = loop {
        match shout().await {
            Ok(_) => sent += 1,
            Err(error) => break error.to_string(),
        }
    };
    assert!(refused.contains("a second"), "{refused}");
    let held = instance.ledger().used(Resource::Memory) - before;
    assert!(sent > 1, "{sent}");
    assert!(
        (sent * 63_000..=sent * 66_000).contains(&held),
        "{sent}: {held}"
    );
    drop(events);
    assert_eq!(instance.ledger().used(Resource::Memory), before);
}

#[tokio::test]
async fn options_that_are_refused_are_not_kept() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let pick = instance.surface().attach("pick", "node-1", None).unwrap();
    let refresh = async |n: usize| {
        let options = vec![format!("\"{n:05}{}\"", "x".repeat(1_000)); 50].join(",");
        let options = [("options", Value::Json(format!("[{options}]")))];
        call_int(&instance, "refresh", options).await
    };
    let first = |json: Json| json["options"][0].as_str().unwrap()[..5].to_owned();
    for n in 0.. {
        if refresh(n).await.is_err() {
            break;
        }
        let kept = pick.input("item").value_options.unwrap().tree();
        assert_eq!(first(kept), format!("{n:05}"));
    }
    let kept = pick.input("item").value_options.unwrap().tree();
    let before = instance.ledger().used(Resource::Memory);
    assert!(refresh(99_999).await.is_err());
    assert_eq!(pick.input("item").value_options.unwrap().tree(), kept);
    assert_eq!(instance.ledger().used(Resource::Memory), before);
}

#[tokio::test]
async fn an_output_is_paid_for_as_long_as_somebody_keeps_it() {
    let instance = TestHost::grant("").run(PROBE_HOST, "probe").await;
    let bytes = || inputs([("value", Value::Bytes(vec![7; 5 << 20]))]);
    let mut kept = vec![
        instance
            .call_at(caller(&instance).await, "echo_bytes", bytes())
            .await
            .unwrap(),
    ];
    let one = instance.ledger().used(Resource::Memory);
    kept.push(
        instance
            .call_at(caller(&instance).await, "echo_bytes", bytes())
            .await
            .unwrap(),
    );
    let two = instance.ledger().used(Resource::Memory);
    assert!(two >= one + (5 << 20), "{one} {two}");
    let refused = loop {
        match instance
            .call_at(caller(&instance).await, "echo_bytes", bytes())
            .await
        {
            Ok(outputs) => kept.push(outputs),
            Err(error) => break error.to_string(),
        }
    };
    assert!(refused.contains("memory budget"), "{refused}");
    assert!(kept.len() < 13, "{}", kept.len());
    kept.clear();
    assert!(instance.ledger().used(Resource::Memory) < one);
    instance.call("echo_bytes", bytes()).await.unwrap();
}
