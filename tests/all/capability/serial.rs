//! Serial ports, on a pty with an instrument at its other end.

use external_worker_artifacts::{PROBE_SERIAL, THERMOMETER};
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::Instance;
use external_worker_host::simulate::Instrument;
use external_worker_tests::{TestHost, call, call_text};
use serde_json::json;

use super::denial;

fn policy(instrument: &Instrument) -> String {
    let device = instrument.path();
    format!("[[serial]]\nname = \"bench\"\ndevice = \"{device}\"\nbaud-rates = [9600, 19200]\n")
}

fn open(name: &str, baud_rate: i64) -> [(&'static str, Value); 2] {
    [
        ("name", Value::Text(name.to_owned())),
        ("baud_rate", Value::Integer(baud_rate)),
    ]
}

fn ask(line: &str) -> [(&'static str, Value); 2] {
    [
        ("line", Value::Text(line.to_owned())),
        ("ms", Value::Integer(10_000)),
    ]
}

async fn probe(instrument: &Instrument) -> Instance {
    TestHost::grant(&policy(instrument))
        .run(PROBE_SERIAL, "serial")
        .await
}

#[tokio::test]
async fn a_granted_port_answers_by_calls_and_by_streams() {
    let instrument = Instrument::plug_in().unwrap();
    let serial = probe(&instrument).await;
    call(&serial, "open", open("bench", 9600)).await.unwrap();
    let name = call_text(&serial, "ask", ask("*IDN?")).await.unwrap();
    assert!(name.contains("THERMOMETER"), "{name}");
    let line = [("line", Value::Text("TEMP?".to_owned()))];
    let reading: f64 = call_text(&serial, "stream", line)
        .await
        .unwrap()
        .parse()
        .unwrap();
    assert!((15.0..30.0).contains(&reading), "{reading}");
    call(&serial, "fiddle", [("baud_rate", Value::Integer(19_200))])
        .await
        .unwrap();
    // A pty has no control lines: that is an error and no more.
    let _ = call(&serial, "lines", []).await;
    call_text(&serial, "ask", ask("TEMP?")).await.unwrap();
}

#[tokio::test]
async fn other_names_and_rates_are_denied() {
    let instrument = Instrument::plug_in().unwrap();
    let serial = probe(&instrument).await;
    let mut events = serial.events();
    for (name, rate) in [
        ("other", 9600),
        (instrument.path(), 9600),
        ("bench", 115_200),
    ] {
        call(&serial, "open", open(name, rate)).await.unwrap_err();
        let message = denial(&mut events).await;
        assert!(message.contains("[[serial]]"), "{message}");
    }
    call(&serial, "open", open("bench", 9600)).await.unwrap();
    call(&serial, "fiddle", [("baud_rate", Value::Integer(115_200))])
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_port_belongs_to_one_instance_at_a_time() {
    let instrument = Instrument::plug_in().unwrap();
    let first = probe(&instrument).await;
    let second = probe(&instrument).await;
    call(&first, "open", open("bench", 9600)).await.unwrap();
    let busy = call(&second, "open", open("bench", 9600))
        .await
        .unwrap_err()
        .to_string();
    assert!(busy.contains("busy") || busy.contains("open"), "{busy}");
    first.kill("the test says so").await;
    call(&second, "open", open("bench", 9600)).await.unwrap();
    call(&second, "close", []).await.unwrap();
}

#[tokio::test]
async fn an_instrument_that_says_nothing_times_out_and_one_that_is_unplugged_is_gone() {
    let instrument = Instrument::plug_in().unwrap();
    let serial = probe(&instrument).await;
    call(&serial, "open", open("bench", 9600)).await.unwrap();
    let silent = [
        ("line", Value::Text(String::new())),
        ("ms", Value::Integer(30)),
    ];
    call_text(&serial, "ask", silent).await.unwrap_err();
    drop(instrument);
    call_text(&serial, "ask", ask("TEMP?")).await.unwrap_err();
    call(&serial, "close", []).await.unwrap();
    assert!(call(&serial, "ports", []).await.is_ok(), "it lives on");
}

#[tokio::test]
async fn the_thermometer_survives_being_unplugged() {
    let instrument = Instrument::plug_in().unwrap();
    let config = json!({ "port": "bench", "interval_s": 0.05 });
    let host = TestHost::grant(&policy(&instrument));
    let thermometer = host
        .start(THERMOMETER, "thermometer", config)
        .await
        .unwrap();
    let read = call(&thermometer, "read_temperature", []).await.unwrap();
    assert!(matches!(read, Value::Number(_)), "{read:?}");
    let history = call(&thermometer, "history", []).await.unwrap();
    assert!(matches!(history, Value::Array(_)), "{history:?}");
    drop(instrument);
    while thermometer.status().turns.errors == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(thermometer.status().restarts, 0);
    thermometer.stop().await;
    assert_eq!(thermometer.status().memory, 0);
}
