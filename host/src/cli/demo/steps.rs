//! The steps of the demo, in the order in which they are shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use external_worker_build::{BuildRequest, Stderr, Toolchain};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::RespServer;
use super::report::Report;
use crate::audit::Auditor;
use crate::bindings::types::Value;
use crate::component::{LoadedComponent, PreparedComponent};
use crate::engine::Engine;
use crate::error::HostError;
use crate::instance::events::Event;
use crate::instance::{Folder, Instance, Spec, State};
use crate::nodespace::{NodeSpace, Value as GraphValue};
use crate::policy::Policy;
use crate::simulate::Instrument;
use crate::worker::{Worker, WorkerOptions};

/// The guests that the demo runs.
const GUESTS: [&str; 6] = [
    "basic",
    "cache",
    "folder-watcher",
    "hostile",
    "redis-client",
    "thermometer",
];
/// What the demo's TCP server wants to hear.
const TOKEN: &str = "demo-token";
/// Longest wait for something that should happen soon.
const SOON: Duration = Duration::from_secs(20);
/// Calls of one latency measurement.
const CALLS: usize = 2_000;
/// What a spinning neighbour may add to the 99th percentile.
const NEIGHBOUR_LIMIT: Duration = Duration::from_millis(25);

type Step<T> = Result<(T, String), String>;

/// What is running.
pub(super) struct Stage {
    workers: Vec<Instance>,
    _devices: Devices,
}

/// What the workers are connected to.
struct Devices {
    instrument: Instrument,
    server: RespServer,
    folder: tempfile::TempDir,
}

/// Everything needed to start a guest.
struct Bench {
    engine: Engine,
    built: Vec<(String, PathBuf)>,
}

/// Runs all steps; `None` when there was nothing to go on with.
pub(super) async fn run(report: &mut Report, engine: Engine) -> Option<Stage> {
    report.chapter("Guests: toolchain and examples");
    let bench = report.step("build the guests", build(engine).await)?;
    report.chapter("Devices: a serial line, a TCP server, a folder");
    let devices = report.step("plug them in", plug_in())?;

    report.chapter("Nothing is granted unless the operator says so");
    report.step("an empty policy", bench.refused().await);

    report.chapter("Workers");
    let thermometer = report.step("thermometer", bench.thermometer(&devices).await);
    let redis = report.step("redis-client", bench.redis(&devices).await);
    let watcher = report.step("folder-watcher", bench.watcher(&devices).await);
    let cache = report.step("cache", bench.start("cache", "cache", "", json!({})).await);
    let workers: Vec<_> = [&thermometer, &redis, &watcher, &cache]
        .into_iter()
        .flatten()
        .cloned()
        .collect();

    report.chapter("Loops turn while calls answer");
    for worker in &workers {
        report.step(&worker.name(), turning(worker).await);
    }
    if let Some(thermometer) = &thermometer {
        report.step("read the instrument", read(thermometer).await);
        report.step("update its configuration", configure(thermometer).await);
        report.step(
            "refuse a wrong configuration",
            misconfigure(thermometer).await,
        );
    }
    if let Some(redis) = &redis {
        report.step("talk to the server", count(redis).await);
    }
    report.chapter("A graph of a node library, which needs no grant");
    report.step("compute with the nodes of `basic`", bench.graph().await);
    report.chapter("What is not granted stays out of reach");
    report.step(
        "another port than the granted one",
        bench.denied(&devices).await,
    );
    if let Some(cache) = &cache {
        report.chapter("A guest that spins");
        report.step(
            "is contained, then ended with its bill",
            bench.contained(cache).await,
        );
    }
    Some(Stage {
        workers,
        _devices: devices,
    })
}

impl Stage {
    /// Prints what the workers do until Ctrl-C.
    pub(super) async fn watch_until_interrupted(&self, report: &mut Report) {
        let watching = async {
            loop {
                for worker in &self.workers {
                    let status = worker.status();
                    let turns = status.turns.turns;
                    let cpu = status.cpu.as_millis();
                    let memory = status.memory / 1024;
                    let name = worker.name();
                    report.say(&format!(
                        "{name}: {turns} turns, {cpu} ms CPU, {memory} KiB"
                    ));
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        };
        tokio::select! {
            () = watching => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }

    /// Stops the workers; nothing may be left of them.
    pub(super) async fn close(self, report: &mut Report) {
        report.chapter("Stop");
        for worker in self.workers {
            let name = worker.name();
            let end = worker.stop().await;
            let left = worker.status().memory;
            report.step(
                &name,
                match left {
                    0 => Ok(((), format!("{end}, nothing is left of it"))),
                    left => Err(format!("{end}, but {left} bytes are still charged")),
                },
            );
        }
    }
}

async fn build(engine: Engine) -> Step<Bench> {
    let begin = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let building = tokio::task::spawn_blocking(move || {
        let mut progress = Stderr::default();
        let toolchain = Toolchain::find_for(&root, &mut progress)?;
        let packages = GUESTS.map(str::to_owned).to_vec();
        let target_dir = Some(root.join("target/guests"));
        let request = BuildRequest {
            packages,
            target_dir,
            ..BuildRequest::new(&root)
        }
        .small();
        toolchain.build(&request, &mut progress)
    });
    let artifacts = building.await.map_err(text)?.map_err(text)?;
    let built: Vec<_> = artifacts.into_iter().map(|a| (a.package, a.path)).collect();
    let shown = format!(
        "{} components in {:.1} s",
        built.len(),
        begin.elapsed().as_secs_f64()
    );
    Ok((Bench { engine, built }, shown))
}

fn plug_in() -> Step<Devices> {
    let instrument = Instrument::plug_in().map_err(text)?;
    let server = RespServer::start(TOKEN).map_err(text)?;
    let folder = tempfile::tempdir().map_err(text)?;
    std::fs::write(folder.path().join("hello.txt"), "hello").map_err(text)?;
    let shown = format!(
        "a thermometer on {}, a RESP server on 127.0.0.1:{}, and a folder",
        instrument.path(),
        server.port()
    );
    Ok((
        Devices {
            instrument,
            server,
            folder,
        },
        shown,
    ))
}

impl Bench {
    async fn load(&self, package: &str, policy: &str) -> Result<Arc<PreparedComponent>, HostError> {
        let policy = Policy::parse(policy, "of the demo")?;
        let path = self
            .built
            .iter()
            .find(|(name, _)| name == package)
            .map(|(_, path)| path);
        let path = path.map_or(Path::new(package), PathBuf::as_path);
        let component = Arc::new(LoadedComponent::from_file(&self.engine, path)?);
        component.prepare(&policy).await.map(Arc::new)
    }

    async fn start(
        &self,
        package: &str,
        class: &str,
        policy: &str,
        config: Json,
    ) -> Step<Instance> {
        let begin = Instant::now();
        let prepared = self.load(package, policy).await.map_err(text)?;
        let loaded = begin.elapsed();
        let begin = Instant::now();
        let spec = Spec {
            class_id: class.to_owned(),
            uuid: Uuid::new_v4(),
            name: package.to_owned(),
            config,
            state: None,
            folder: Folder::temporary(),
            auditor: Auditor::default(),
            secrets: Default::default(),
        };
        let instance = Instance::start(&prepared, spec).await.map_err(text)?;
        let (load, start) = (
            loaded.as_secs_f64() * 1e3,
            begin.elapsed().as_secs_f64() * 1e3,
        );
        Ok((
            instance,
            format!("loaded in {load:.1} ms, started in {start:.1} ms"),
        ))
    }

    async fn refused(&self) -> Step<()> {
        match self.load("thermometer", "").await {
            Err(HostError::MissingGrants(missing)) => {
                let first = missing
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                Ok(((), first))
            }
            Err(other) => Err(other.to_string()),
            Ok(_) => Err("it was loaded all the same".to_owned()),
        }
    }

    async fn thermometer(&self, devices: &Devices) -> Step<Instance> {
        let device = devices.instrument.path();
        let policy =
            format!("[[serial]]\nname = \"bench\"\ndevice = \"{device}\"\nbaud-rates = [9600]\n");
        let config = json!({ "port": "bench", "baud_rate": 9600, "interval_s": 0.1 });
        self.start("thermometer", "thermometer", &policy, config)
            .await
    }

    async fn redis(&self, devices: &Devices) -> Step<Instance> {
        let port = devices.server.port();
        let config = json!({ "host": "127.0.0.1", "port": port, "token": TOKEN });
        self.start("redis-client", "redis_client", &tcp_policy(port), config)
            .await
    }

    async fn watcher(&self, devices: &Devices) -> Step<Instance> {
        let host = devices.folder.path().display();
        let policy = format!("[[files]]\nhost = \"{host}\"\nguest = \"/watched\"\nmode = \"ro\"\n");
        self.start(
            "folder-watcher",
            "folder_watcher",
            &policy,
            json!({ "dir": "/watched" }),
        )
        .await
    }

    /// A Worker with the library, in which a temperature goes through five nodes.
    async fn graph(&self) -> Step<()> {
        let found = self.built.iter().find(|(name, _)| name == "basic");
        let (_, component) = found.ok_or("it was not built")?;
        let data = tempfile::tempdir().map_err(text)?;
        let modules = data.path().join("local_workers");
        std::fs::create_dir(&modules).map_err(text)?;
        std::fs::copy(component, modules.join("basic.wasm")).map_err(text)?;
        let options = WorkerOptions {
            data: data.path().to_owned(),
            name: None,
            policy: Policy::default().into(),
            engine: self.engine.clone(),
            auditor: Default::default(),
            quotas: crate::worker::Quotas::default(),
            secrets: Default::default(),
        };
        let worker = Worker::open(options).await.map_err(text)?;
        worker.started().await;
        let shown = fahrenheit(worker.nodespace()).await;
        worker.close(SOON).await.map_err(text)?;
        match shown? {
            shown if shown == "21.5 °C in °F: 70.7" => Ok(((), shown)),
            other => Err(format!("unexpected: {other}")),
        }
    }

    async fn denied(&self, devices: &Devices) -> Step<()> {
        let granted = devices.server.port();
        let other = if granted > 1024 {
            granted - 1
        } else {
            granted + 1
        };
        let config = json!({ "host": "127.0.0.1", "port": other, "token": TOKEN });
        let policy = tcp_policy(granted);
        let (client, _) = self
            .start("redis-client", "redis_client", &policy, config)
            .await?;
        let mut events = client.events();
        let seen = tokio::time::timeout(SOON, async {
            loop {
                let event = events.recv().await.map_err(text)?;
                if let Event::Denied { message } = &*event {
                    return Ok::<_, String>(message.clone());
                }
            }
        });
        // The loop may have tried before anybody listened; a call tries again.
        let (seen, _) = tokio::join!(seen, client.call("ping", Vec::new()));
        client.stop().await;
        let message = seen.map_err(|_| "nothing was denied".to_owned())??;
        Ok(((), message))
    }

    async fn contained(&self, victim: &Instance) -> Step<()> {
        let quiet = latency(victim).await?;
        let policy = "[budget]\nrestarts = 0\ncpu-spin-ms = 1000\ncpu-burst-ms = 10000\n";
        let (spinner, _) = self
            .start(
                "hostile",
                "hostile",
                policy,
                json!({ "attack": "cpu/spin_loop" }),
            )
            .await?;
        let mut beside = Latency::default();
        let mut rounds = 0;
        while !matches!(*spinner.state().borrow(), State::Ended(_)) {
            let round = latency(victim).await?;
            beside = if round.p99 > beside.p99 {
                round
            } else {
                beside
            };
            rounds += 1;
        }
        let end = spinner.ended().await;
        let added = beside.p99.saturating_sub(quiet.p99);
        let shown = format!(
            "a call takes {:.1} us (p99 {:.1} us); beside the spinner p99 {:.1} us in the worst of \
             {rounds} rounds, {:.2} ms more; then: {end}",
            micros(quiet.p50),
            micros(quiet.p99),
            micros(beside.p99),
            micros(added) / 1e3,
        );
        if rounds == 0 {
            Err(format!("nothing was measured beside it: {end}"))
        } else if added > NEIGHBOUR_LIMIT {
            Err(shown)
        } else {
            Ok(((), shown))
        }
    }
}

fn tcp_policy(port: u16) -> String {
    format!(
        "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"connect\"\nhost = \"127.0.0.1\"\n\
         ports = [{port}]\n[budget]\ncall-deadline-ms = 5000\n"
    )
}

/// Waits until the loop has turned three times more.
async fn turning(worker: &Instance) -> Step<()> {
    let before = worker.status().turns.turns;
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        let turns = worker.status().turns;
        if turns.turns >= before + 3 {
            return match turns.last_error {
                None => Ok(((), format!("{} turns so far", turns.turns))),
                Some(error) => Err(format!("its last turn failed: {error}")),
            };
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("its loop does not turn".to_owned())
}

async fn output(worker: &Instance, node: &str, inputs: &[(&str, Value)]) -> Result<Value, String> {
    let inputs = inputs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let outputs = worker.call(node, inputs).await.map_err(text)?;
    Ok(outputs
        .into_iter()
        .next()
        .map_or(Value::None, |(_, value)| value))
}

/// What the last node shows.
async fn fahrenheit(graph: &NodeSpace) -> Result<String, String> {
    let node = |id: &str| {
        let node = graph.add_node(&format!("basic.{id}"), Default::default());
        node.map(|node| node.id).map_err(text)
    };
    let celsius = node("constants/number")?;
    let (product, sum) = (node("math/multiply")?, node("math/add")?);
    let (shown, sentence) = (node("text/format_number")?, node("text/concatenate")?);
    for (from, to, input) in [
        (&celsius, &product, "a"),
        (&product, &sum, "a"),
        (&sum, &shown, "x"),
        (&shown, &sentence, "b"),
    ] {
        graph
            .add_edge(from, "out", to, input, false)
            .map_err(text)?;
    }
    for (node, input, value) in [
        (&product, "b", GraphValue::Number(1.8)),
        (&sum, "b", GraphValue::Number(32.0)),
        (&shown, "digits", GraphValue::Integer(1)),
        (
            &sentence,
            "a",
            GraphValue::Text("21.5 °C in °F: ".to_owned()),
        ),
        (&celsius, "value", GraphValue::Number(21.5)),
    ] {
        graph.set_value(node, input, value, false).map_err(text)?;
    }
    graph.idle().await;
    let shown = graph.preview(&sentence, "out").map_err(text)?;
    Ok(shown.as_str().unwrap_or_default().to_owned())
}

async fn read(thermometer: &Instance) -> Step<()> {
    let name = output(thermometer, "identify", &[]).await?;
    match (name, output(thermometer, "read_temperature", &[]).await?) {
        (Value::Text(name), Value::Number(celsius)) if (15.0..30.0).contains(&celsius) => {
            Ok(((), format!("{name} says {celsius:.2} degrees")))
        }
        other => Err(format!("unexpected: {other:?}")),
    }
}

async fn configure(thermometer: &Instance) -> Step<()> {
    thermometer
        .update_config(json!({ "unit": "F" }))
        .await
        .map_err(text)?;
    match output(thermometer, "read_temperature", &[]).await? {
        Value::Number(fahrenheit) if fahrenheit > 60.0 => Ok((
            (),
            format!("now it says {fahrenheit:.2} degrees Fahrenheit"),
        )),
        other => Err(format!("unexpected: {other:?}")),
    }
}

async fn misconfigure(thermometer: &Instance) -> Step<()> {
    match thermometer
        .update_config(json!({ "interval_s": "often" }))
        .await
    {
        Err(error) => Ok(((), error.to_string())),
        Ok(()) => Err("it was taken".to_owned()),
    }
}

async fn count(redis: &Instance) -> Step<()> {
    let key = [("key", Value::Text("visits".to_owned()))];
    let first = output(redis, "incr", &key).await?;
    match (first, output(redis, "incr", &key).await?) {
        (Value::Integer(first), Value::Integer(second)) if second == first + 1 => {
            Ok(((), format!("INCR visits answers {first}, then {second}")))
        }
        other => Err(format!("unexpected: {other:?}")),
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Latency {
    p50: Duration,
    p99: Duration,
}

/// How long calls take, from a task beside the guests.
async fn latency(victim: &Instance) -> Result<Latency, String> {
    let mut samples = Vec::with_capacity(CALLS);
    let begin = Instant::now();
    while samples.len() < CALLS && begin.elapsed() < Duration::from_millis(500) {
        let call = Instant::now();
        victim.call("stats", Vec::new()).await.map_err(text)?;
        samples.push(call.elapsed());
    }
    samples.sort_unstable();
    let at = |percent: usize| {
        samples
            .get(samples.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(Latency {
        p50: at(50),
        p99: at(99),
    })
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
