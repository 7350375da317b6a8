//! A pump on a real serial line: what a worker does to a device, and that the device is switched off on every way
//! out of a call. The worker is in Rust, and again in Python.

mod device;

use std::sync::Arc;

use external_worker_artifacts::PUMP;
use external_worker_host::nodespace::{GraphEvent, Value};
use external_worker_host::policy::{Capability, Manifest};
use external_worker_host::worker::WorkerEvent;
use external_worker_tests::wait_for;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::time::timeout;

use self::device::Device;
use super::{Site, comes_to_hold, notice, until};

/// What the worker is written in.
#[derive(Clone, Copy)]
enum Code {
    Rust,
    Python,
}

/// How often a pump is connected to until it answers.
const TRIES: usize = 20;

const SCRIPT: &str = include_str!("../../../../guests/python/pump.py");

impl Code {
    fn file(self) -> &'static str {
        match self {
            Self::Rust => "pump.wasm",
            Self::Python => "pump.py",
        }
    }

    /// The same code under another version: other bytes.
    fn version(self, n: u32) -> Vec<u8> {
        match self {
            Self::Rust => component(n),
            Self::Python => format!("{SCRIPT}# {n}\n").into_bytes(),
        }
    }
}

fn component(n: u32) -> Vec<u8> {
    let manifest = Manifest {
        name: "pump".to_owned(),
        package_version: n.to_string(),
        requests: [(Capability::Serial, "commands the pump".to_owned())].into(),
    };
    manifest.write(&std::fs::read(PUMP).unwrap()).unwrap()
}

/// A Worker with a pump that is connected.
struct Lab {
    code: Code,
    device: Device,
    site: Site,
    uuid: String,
    events: broadcast::Receiver<Arc<WorkerEvent>>,
}

impl Lab {
    /// With these lines under `[budget]`.
    async fn new(code: Code, budget: &str) -> Self {
        if matches!(code, Code::Python) {
            crate::python::runtime().await;
        }
        let device = Device::plug_in();
        let site = Site::with(&[]).await;
        let path = device.path();
        site.allow(
            "pump",
            &format!("[[serial]]\nname = \"pump\"\ndevice = \"{path}\"\n[budget]\ncancel-grace-ms = 20_000\nstop-deadline-ms = 20_000\n{budget}\n"),
        );
        let mut events = site.worker.subscribe();
        site.put(code.file(), &code.version(1));
        notice(&mut events, "`pump` is new").await;
        // A pty has no parity, and a busy machine brings nothing over it for seconds; the policy gives more.
        let config = json!({ "parity": "none", "tries": 12 });
        let uuid = site.add("pump", "pump", config).await;
        let mut lab = Self {
            code,
            device,
            site,
            uuid,
            events,
        };
        let connect = lab.node("connect");
        lab.set(&connect, "port", Value::Text("pump".to_owned()));
        // The pump may take a second to answer, and a busy machine takes longer.
        let mut said = String::new();
        for _ in 0..TRIES {
            lab.site.worker.nodespace().trigger(&connect).unwrap();
            lab.site.worker.nodespace().node_idle(&connect).await;
            if lab.device.told("STATE") > 0 {
                return lab;
            }
            said = lab.failure().unwrap_or_default();
        }
        panic!("it is not connected: {said}");
    }

    fn node(&self, method: &str) -> String {
        self.site.node("pump", &self.uuid, method)
    }

    fn set(&self, node: &str, input: &str, value: Value) {
        let graph = self.site.worker.nodespace();
        graph.set_value(node, input, Some(value), false).unwrap();
    }

    /// The node that pumps, which runs, and the pump is switched on.
    async fn pumps_for(&self, seconds: f64) -> String {
        let node = self.node("pump_for");
        self.set(&node, "seconds", Value::Number(seconds));
        self.site.worker.nodespace().trigger(&node).unwrap();
        until(|| self.device.told("RUN") > 0).await;
        node
    }

    /// What came of the run of a node.
    async fn outcome(&mut self, node: &str) -> String {
        let graph = self.site.worker.nodespace();
        let ended = timeout(external_worker_tests::PATIENCE, graph.node_idle(node)).await;
        assert!(
            ended.is_ok(),
            "its run does not end: {:?}",
            self.site.seen(&self.uuid)
        );
        match self.failure() {
            Some(message) => message,
            None => format!("it pumped for {} s", self.site.out(node)),
        }
    }

    /// What a node said that failed, if one did.
    fn failure(&mut self) -> Option<String> {
        std::iter::from_fn(|| self.events.try_recv().ok()).find_map(|event| match &*event {
            WorkerEvent::Graph(GraphEvent::NodeError { message, .. }) => Some(message.clone()),
            _ => None,
        })
    }

    /// Ends all of it: whoever is plugged in next may get the same name, and has nothing to do with this.
    async fn ends(self) {
        let closed = self.site.worker.close(external_worker_tests::PATIENCE);
        closed.await.unwrap();
        drop(self.site);
    }

    /// The pump is off, and nothing that waits for a chance switches it on again. `said` is what came of its run.
    async fn is_off(&mut self, said: &str) {
        // Switching off is tried for that long.
        let patience = external_worker_tests::PATIENCE * 2;
        let off = comes_to_hold(patience, || self.device.told("HALT") > 0).await;
        let heard = self.device.heard();
        if !off {
            let state = self.site.seen(&self.uuid);
            let told: Vec<_> = std::iter::from_fn(|| self.events.try_recv().ok()).collect();
            panic!("after {said:?} it heard {heard:?}; {state:?}; {told:?}");
        }
        assert!(!self.device.is_on(), "{heard:?}");
        assert_eq!(self.device.told("RUN"), 1, "{heard:?}");
    }
}

async fn finished(code: Code) -> String {
    let mut lab = Lab::new(code, "").await;
    let node = lab.pumps_for(0.25).await;
    let said = lab.outcome(&node).await;
    lab.is_off(&said).await;
    assert_eq!(said, "it pumped for 0.25 s");
    lab.ends().await;
    said
}

async fn cancelled_by_the_client(code: Code) -> String {
    let mut lab = Lab::new(code, "").await;
    let node = lab.pumps_for(540.0).await;
    lab.site.worker.nodespace().remove_node(&node).unwrap();
    lab.is_off("").await;
    let seen = lab.site.seen(&lab.uuid).unwrap();
    assert_eq!(seen["running"], true, "the worker goes on");
    lab.ends().await;
    "the node is gone, the worker goes on".to_owned()
}

async fn deadline(code: Code) -> String {
    let mut lab = Lab::new(code, "call-deadline-cap-ms = 3_000").await;
    let node = lab.pumps_for(540.0).await;
    let why = lab.outcome(&node).await;
    lab.is_off(&why).await;
    assert!(why.contains("3000 ms"), "{why}");
    lab.ends().await;
    why
}

async fn stop(code: Code) -> String {
    let mut lab = Lab::new(code, "").await;
    lab.pumps_for(540.0).await;
    lab.site
        .worker
        .close(external_worker_tests::PATIENCE)
        .await
        .unwrap();
    assert!(!lab.device.is_on());
    lab.is_off("").await;
    "the whole Worker stopped".to_owned()
}

async fn restart(code: Code) -> String {
    let mut lab = Lab::new(code, "").await;
    let node = lab.pumps_for(540.0).await;
    let worker = &lab.site.worker;
    worker.restart_instance(&lab.uuid, "pump").await.unwrap();
    let said = lab.outcome(&node).await;
    lab.is_off(&said).await;
    lab.ends().await;
    said
}

async fn new_code(code: Code) -> String {
    // The new version waits for so long until calls end by themselves.
    let mut lab = Lab::new(code, "call-deadline-ms = 2_000").await;
    let node = lab.pumps_for(540.0).await;
    lab.site.put(lab.code.file(), &lab.code.version(2));
    let said = lab.outcome(&node).await;
    lab.is_off(&said).await;
    lab.ends().await;
    said
}

async fn remove(code: Code) -> String {
    let mut lab = Lab::new(code, "").await;
    lab.pumps_for(540.0).await;
    let worker = &lab.site.worker;
    worker.remove_instance(&lab.uuid, "pump").await.unwrap();
    assert!(!lab.device.is_on(), "before it is said that it is gone");
    lab.is_off("").await;
    lab.ends().await;
    "it is gone".to_owned()
}

#[tokio::test]
async fn the_pump_is_off_after_each_of_the_seven_ways_out() {
    seven_ways_out(Code::Rust).await;
}

#[tokio::test]
async fn the_pump_in_python_is_off_after_each_of_the_seven_ways_out() {
    seven_ways_out(Code::Python).await;
}

async fn seven_ways_out(code: Code) {
    println!("{:<24} {:<6} what was said", "the way out", "pump");
    let ways = [
        ("finished", finished(code).await),
        (
            "cancelled by the client",
            cancelled_by_the_client(code).await,
        ),
        ("deadline", deadline(code).await),
        ("stop", stop(code).await),
        ("restart", restart(code).await),
        ("new code", new_code(code).await),
        ("remove", remove(code).await),
    ];
    for (way, said) in ways {
        println!("{way:<24} {:<6} {said}", "off");
    }
}

#[tokio::test]
async fn what_the_pump_does_is_shown_where_it_is_commanded_and_commands_nothing() {
    for code in [Code::Rust, Code::Python] {
        shows_and_commands_nothing(code).await;
    }
}

async fn shows_and_commands_nothing(code: Code) {
    let lab = Lab::new(code, "").await;
    let set = lab.node("set");
    lab.set(&set, "rpm", Value::Number(12.34));
    lab.site.worker.nodespace().node_idle(&set).await;
    assert_eq!((lab.device.told("RUN"), lab.device.told("HALT")), (0, 1));
    lab.set(&set, "on", Value::Boolean(true));
    lab.site.worker.nodespace().node_idle(&set).await;
    assert!(lab.device.is_on());
    // It takes tenths, and that is what is shown then.
    let graph = lab.site.worker.nodespace();
    until(|| graph.preview(&set, "rpm").unwrap() == json!(12.3)).await;
    graph.node_idle(&set).await;
    assert_eq!(lab.device.told("RUN"), 1);
    let worker = &lab.site.worker;
    worker.remove_instance(&lab.uuid, "pump").await.unwrap();
    assert!(!lab.device.is_on(), "it does not go on without a worker");
    lab.ends().await;
}

#[tokio::test]
async fn progress_is_told_of_the_node_while_it_runs() {
    for code in [Code::Rust, Code::Python] {
        tells_progress(code).await;
    }
}

async fn tells_progress(code: Code) {
    let mut lab = Lab::new(code, "").await;
    let node = lab.pumps_for(540.0).await;
    let told = wait_for(&mut lab.events, |event| match event {
        WorkerEvent::Graph(GraphEvent::Progress {
            node: of,
            what,
            fraction: Some(fraction),
            ..
        }) if **of == *node => Some((what.to_string(), *fraction)),
        _ => None,
    });
    let (what, fraction) = told.await;
    assert!(what.ends_with("of 540 s"), "{what}");
    assert!((0.0..1.0).contains(&fraction), "{fraction}");
    lab.site.worker.nodespace().remove_node(&node).unwrap();
    lab.is_off("").await;
    lab.ends().await;
}
