//! An ordinary instance on the same engine, which is called all the time: what an attack costs others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::engine::Engine;
use external_worker_host::executor::Task;
use external_worker_host::instance::Instance;
use external_worker_tests::TestHost;
use serde_json::json;

use crate::bystander::Latencies;

/// Between two calls: whoever is called without a pause takes more of the processor than anybody.
const PAUSE: Duration = Duration::from_millis(5);

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

    /// Calls it all the time, on the guests' own threads, as nodes do.
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
                latencies.add(begin);
                tokio::time::sleep(PAUSE).await;
            }
            latencies
        };
        let task = engine.threads().spawn(calling);
        Calling { go_on, task }
    }
}

impl Calling {
    /// Ends the calling.
    pub async fn end(self) -> Latencies {
        self.go_on.store(false, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}
