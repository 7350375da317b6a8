//! An ordinary instance on the same engine, which is called all the time: what an attack costs others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::engine::Engine;
use external_worker_host::executor::Task;
use external_worker_host::instance::Instance;
use external_worker_host::limits;
use external_worker_tests::TestHost;
use serde_json::json;

/// Latencies of the calls of one while, and how many failed.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    all: Vec<Duration>,
    /// Calls that failed.
    pub errors: usize,
}

impl Latencies {
    /// What 99 of 100 calls took at most; the longest of fewer than that.
    pub fn p99(&self) -> Duration {
        let at = (self.all.len() * 99).div_ceil(100).saturating_sub(1);
        self.all.get(at).copied().unwrap_or_default()
    }
}

/// The victim.
pub struct Victim {
    instance: Instance,
}

/// Calls of the victim that go on until they are asked for.
pub struct Calling {
    go_on: Arc<AtomicBool>,
    task: Task<Latencies>,
}

impl Victim {
    /// Starts it. It may use what it needs to be called all the time.
    pub async fn start(engine: &Engine) -> Self {
        let policy = "[budget]\ncpu-share = 64.0\ncpu-burst-ms = 3600000\n";
        let host = TestHost::grant(policy).on(engine);
        let config = json!({ "turn_ms": 3_600_000 });
        let instance = host.start(PROBE_HOST, "probe", config).await.unwrap();
        Self { instance }
    }

    /// Calls it without a pause, on the guests' own threads, as nodes do.
    pub fn call(&self, engine: &Engine) -> Calling {
        let go_on = Arc::new(AtomicBool::new(true));
        let (wanted, instance) = (Arc::clone(&go_on), self.instance.clone());
        let calling = async move {
            let mut latencies = Latencies::default();
            while wanted.load(Ordering::Relaxed) {
                let begin = Instant::now();
                if instance.call("noop", Vec::new()).await.is_err() {
                    latencies.errors += 1;
                }
                latencies.all.push(begin.elapsed());
                tokio::task::yield_now().await;
            }
            latencies.all.sort_unstable();
            latencies
        };
        let task = engine.threads().spawn(calling);
        Calling { go_on, task }
    }

    /// How long it takes when nobody attacks.
    pub async fn quiet(&self, engine: &Engine) -> Latencies {
        let calling = self.call(engine);
        tokio::time::sleep(QUIET).await;
        calling.end().await
    }
}

/// How long it is watched before an attack.
const QUIET: Duration = Duration::from_millis(50);

impl Calling {
    /// Ends the calling.
    pub async fn end(self) -> Latencies {
        self.go_on.store(false, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// Whether a call took no longer than it may during an attack: twice as long as quiet, and one tick, which
/// is what a guest may run before it gives way.
pub fn is_unhurt(quiet: Duration, during: Duration) -> bool {
    during <= quiet * 2 + limits::EPOCH_TICK
}
