//! Environment variables, and the standard streams.

use external_worker_artifacts::PROBE_ENV;
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::events::Event;
use external_worker_tests::{TestHost, call, wait_for};

#[tokio::test]
async fn only_the_granted_variables_are_there() {
    let host = TestHost::grant("[env]\nvars = { GREETING = \"hello\" }\n");
    let env = host.run(PROBE_ENV, "env").await;
    for node in ["vars2", "vars3"] {
        let Value::Json(vars) = call(&env, node, []).await.unwrap() else {
            panic!("{node}")
        };
        assert!(
            vars.contains("GREETING") && vars.contains("hello"),
            "{node}: {vars}"
        );
        assert!(!vars.contains("PATH"), "{node}: {vars}");
    }
    let Value::Json(args) = call(&env, "args", []).await.unwrap() else {
        panic!("args")
    };
    assert_eq!(args, "[]");
}

#[tokio::test]
async fn what_is_printed_goes_to_the_log_and_there_is_nothing_to_read() {
    let env = TestHost::grant("[env]\n").run(PROBE_ENV, "env").await;
    let mut events = env.events();
    call(
        &env,
        "print",
        [("text", Value::Text("printed\x1b[2J".to_owned()))],
    )
    .await
    .unwrap();
    let line = wait_for(&mut events, |event| match event {
        Event::Log { message, .. } if message.contains("printed") => Some(message.clone()),
        _ => None,
    });
    assert!(!line.await.contains('\x1b'));
    let _ = call(&env, "read", []).await;
    call(&env, "exit", []).await.unwrap_err();
}
