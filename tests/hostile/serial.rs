//! Attacks on serial ports, at a pty with an instrument at its other end.

use external_worker_artifacts::PROBE_SERIAL;
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::events::Event;
use external_worker_host::simulate::Instrument;
use external_worker_tests::{TestHost, inputs, wait_for};

use crate::network::reach;
use crate::scene::{Scene, attack, not_started, said};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("serial/break_for_ever", "answered: done", on_bench),
        row(
            "serial/change_rate",
            "Denied: port \"bench\": opening the serial port `bench`: 115200 baud is not among the grante*",
            on_bench,
        ),
        row(
            "serial/control_lines",
            "InvalidInput: port \"bench\": this port has no control lines",
            on_bench,
        ),
        row(
            "serial/device_path",
            "Denied: opening port \"DEVICE\": opening the serial port `DEVICE`: no grant has this name; t*",
            device_path,
        ),
        row(
            "serial/keep_open",
            "ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            on_bench,
        ),
        row(
            "serial/name_escape",
            "Denied: opening port \"\\u{1b}[2Jbench\": opening the serial port `\\u{1b}[2Jbench`: no grant *",
            on_bench,
        ),
        row(
            "serial/name_long",
            "Denied: opening port \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*",
            on_bench,
        ),
        row(
            "serial/name_with_path",
            "Denied: opening port \"../bench\": opening the serial port `../bench`: no grant has this nam*",
            on_bench,
        ),
        row(
            "serial/no_rate",
            "Denied: opening port \"bench\": opening the serial port `bench`: 0 baud is not among the gra*",
            on_bench,
        ),
        row(
            "serial/open_of_another",
            "Busy: opening port \"bench\": somebody has the device open",
            open_of_another,
        ),
        row("serial/open_storm", "answered: done", on_bench),
        row(
            "serial/open_twice",
            "Busy: opening port \"bench\": somebody has the device open",
            on_bench,
        ),
        row(
            "serial/other_name",
            "Denied: opening port \"other\": opening the serial port `other`: no grant has this name; to *",
            on_bench,
        ),
        row("serial/read_for_ever", "deadline", on_bench),
        row("serial/read_huge", "answered: true", on_bench),
        row(
            "serial/receive_twice",
            "Busy: port \"bench\": somebody has the device open",
            on_bench,
        ),
        row(
            "serial/unplug_while_reading",
            "Unavailable: port \"bench\": the device went away",
            unplugged,
        ),
        row(
            "serial/unplug_while_receiving",
            "Unavailable: the device went away",
            unplugged,
        ),
        row(
            "serial/write_huge",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            on_bench,
        ),
        row(
            "serial/wrong_rate",
            "Denied: opening port \"bench\": opening the serial port `bench`: 115200 baud is not among th*",
            on_bench,
        ),
    ]
}

fn rule(instrument: &Instrument) -> String {
    let device = instrument.path();
    format!("[[serial]]\nname = \"bench\"\ndevice = \"{device}\"\nbaud-rates = [9600, 19200]\n")
}

/// An instrument at the granted port.
async fn on_bench(scene: Scene) -> String {
    let instrument = Instrument::plug_in().unwrap();
    reach(scene).grant(&rule(&instrument)).call("").await
}

/// The same; the attacker knows its device.
async fn device_path(scene: Scene) -> String {
    let instrument = Instrument::plug_in().unwrap();
    let path = instrument.path().to_owned();
    let did = reach(scene).grant(&rule(&instrument)).call(&path).await;
    did.replace(&path, "DEVICE")
}

/// The same; another instance has the port open.
async fn open_of_another(scene: Scene) -> String {
    let instrument = Instrument::plug_in().unwrap();
    let host = TestHost::grant(&rule(&instrument)).on(scene.engine());
    let other = host.run(PROBE_SERIAL, "serial").await;
    scene.watch(&other);
    let open = [
        ("name", Value::Text("bench".to_owned())),
        ("baud_rate", Value::Integer(9600)),
    ];
    other.call("open", inputs(open)).await.unwrap();
    reach(scene).grant(&rule(&instrument)).call("").await
}

/// The same; it is unplugged as soon as the attacker reads.
async fn unplugged(scene: Scene) -> String {
    let instrument = Instrument::plug_in().unwrap();
    let instance = match reach(scene).grant(&rule(&instrument)).start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    let mut events = instance.events();
    let unplug = async {
        wait_for(&mut events, |event| {
            matches!(event, Event::Log { .. }).then_some(())
        })
        .await;
        drop(instrument);
    };
    let (result, ()) = tokio::join!(attack(&instance, ""), unplug);
    said(&instance, result).await
}
