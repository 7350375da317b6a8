//! Who has nothing to do with an attack and is served beside it: a client that asks for next to nothing all
//! the time, and one whose node calls a neighbour of the attacker.
//!
//! Each asks once in a millisecond. What comes late counts as often as it was not asked meanwhile: else a host
//! that stands still for a second would be slow once, and quick a thousand times before and after.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use external_worker_host::engine::Engine;
use external_worker_host::limits;
use external_worker_host::policy::Policy;
use external_worker_host::server::{Bound, Server};
use external_worker_host::worker::{Worker, WorkerOptions};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::wire::{PATIENCE, Wire};

/// How often each asks.
const PACE: Duration = Duration::from_millis(1);
/// What a command or a call may take longer during an attack, besides a tick of the guests' clock.
const ALLOWANCE: Duration = Duration::from_millis(5);

/// How long what was asked took, and how often there was no answer.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    all: Vec<Duration>,
    /// What had no answer, or an error for one.
    pub errors: usize,
}

impl Latencies {
    /// Adds what was asked at `begin` and answered now, and what was not asked meanwhile.
    pub fn add(&mut self, begin: Instant) {
        let mut rest = begin.elapsed();
        while rest > PACE {
            self.all.push(rest);
            rest -= PACE;
        }
        self.all.push(rest);
    }

    /// What 99 of 100 took at most; the longest of fewer than that.
    pub fn p99(&mut self) -> Duration {
        self.all.sort_unstable();
        let at = (self.all.len() * 99).div_ceil(100).saturating_sub(1);
        self.all.get(at).copied().unwrap_or_default()
    }
}

/// Whether somebody who took `quiet` when nobody attacked, at p99, is served as well with `during`.
pub fn is_served(quiet: Duration, during: Duration) -> bool {
    during <= quiet * 2 + limits::EPOCH_TICK + ALLOWANCE
}

/// What is asked all the time, on a thread of its own, until it is enough.
pub struct Asking {
    go_on: Arc<AtomicBool>,
    thread: JoinHandle<(Latencies, Wire)>,
}

impl Asking {
    fn begin(mut wire: Wire, ask: impl Fn(&mut Wire) -> bool + Send + 'static) -> Self {
        let go_on = Arc::new(AtomicBool::new(true));
        let wanted = Arc::clone(&go_on);
        let asking = move || {
            let mut latencies = Latencies::default();
            while wanted.load(Ordering::Relaxed) {
                let begin = Instant::now();
                let answered = ask(&mut wire);
                latencies.add(begin);
                if !answered {
                    latencies.errors += 1;
                    break;
                }
                std::thread::sleep(PACE.saturating_sub(begin.elapsed()));
            }
            (latencies, wire)
        };
        Self {
            go_on,
            thread: std::thread::spawn(asking),
        }
    }

    /// A command that does nothing.
    pub fn command(wire: Wire) -> Self {
        Self::begin(wire, |wire| wire.ask("heartbeat", json!({})).is_ok())
    }

    /// A run of `node`, from its trigger to the value that it has then. Who is told that there was more than
    /// could be told asks anew.
    pub fn call(wire: Wire, node: String) -> Self {
        let (trigger, value) = (json!({ "nid": node }), format!("node={node}; io=out; "));
        Self::begin(wire, move |wire| {
            let begin = Instant::now();
            while let Some(left) = PATIENCE.checked_sub(begin.elapsed()) {
                let told = wire
                    .send("trigger_node", trigger.clone())
                    .ok()
                    .and_then(|_| {
                        wire.until(left, |message| match came(message, &value) {
                            Some(()) => Some(true),
                            None => is_fullsync(message).then_some(false),
                        })
                    });
                match told {
                    Some(true) => return true,
                    Some(false) => {}
                    None => return false,
                }
            }
            false
        })
    }

    /// Ends it: what came of it, and the websocket to go on with.
    pub fn end(self) -> (Latencies, Wire) {
        self.go_on.store(false, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn is_fullsync(message: &Message) -> bool {
    // One of those that are short: others are not looked through.
    const SHORT: usize = 128;
    let text = message.is_text().then(|| message.to_text().ok()).flatten();
    text.is_some_and(|text| text.len() < SHORT && text.contains("\"fullsync\""))
}

/// Whether `message` is the value whose header has `part` in it.
pub fn came(message: &Message, part: &str) -> Option<()> {
    let bytes = message.is_binary().then(|| message.clone().into_data())?;
    let found = bytes.windows(part.len()).any(|it| it == part.as_bytes());
    found.then_some(())
}

/// A Worker that is served by this process, and its one client.
pub struct Bystander {
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    wire: Option<Wire>,
    _dir: tempfile::TempDir,
}

impl Bystander {
    /// Serves a Worker beside the guests of `engine`, on the runtime that this is called in.
    pub async fn start(engine: &Engine) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (address, stop, running) = serve(dir.path().to_owned(), engine).await;
        let wire = Wire::open(address, None).unwrap();
        Self {
            stop,
            running,
            wire: Some(wire),
            _dir: dir,
        }
    }

    /// Asks all the time.
    pub fn ask(&mut self) -> Asking {
        Asking::command(self.wire.take().unwrap())
    }

    /// Ends what [`Self::ask`] began.
    pub fn answered(&mut self, asking: Asking) -> Latencies {
        let (latencies, wire) = asking.end();
        self.wire = Some(wire);
        latencies
    }

    /// Ends it.
    pub async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

/// A Worker in `data`, served.
pub async fn serve(
    data: PathBuf,
    engine: &Engine,
) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let options = WorkerOptions {
        data,
        name: None,
        policy: Policy::default().into(),
        engine: engine.clone(),
        auditor: Default::default(),
        quotas: external_worker_host::worker::Quotas::default(),
        secrets: Default::default(),
    };
    let worker = Worker::open(options).await.unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let bound = Bound::new(any, None, Vec::new()).await.unwrap();
    let server = Server::new(bound, worker);
    let (address, stop) = (server.address(), server.stop());
    (address, stop, tokio::spawn(server.run()))
}

/// The id of a new node of `method` of an external worker.
pub fn add_node(wire: &mut Wire, class: &str, uuid: &str, method: &str) -> Result<String, String> {
    let id = format!("{class}.{uuid}.{method}");
    let node: Json = wire.ask("add_node", json!({ "id": id }))?;
    Ok(node["id"].as_str().unwrap_or_default().to_owned())
}
