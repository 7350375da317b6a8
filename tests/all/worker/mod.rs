//! A Worker: modules come and go, external workers live in it, and all of it is kept.

pub(crate) mod apart;
mod discovery;
mod external;
mod inputs;
mod kept;
mod libraries;
mod model;
mod pump;
mod quotas;
mod revoke;
mod saves;
mod secrets;
mod starting;
mod store;
mod swap;
mod usage;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use external_worker_host::policy::Policy;
use external_worker_host::worker::{NewInstance, Quotas, Worker, WorkerEvent, WorkerOptions};
use external_worker_tests::{PATIENCE, engine, wait_for};
use serde_json::{Value as Json, json};
use tokio::sync::broadcast;

/// A Worker in a directory of its own.
pub(crate) struct Site {
    dir: tempfile::TempDir,
    pub(crate) worker: Worker,
}

impl Site {
    /// A Worker whose modules are these component files.
    pub(crate) async fn with(modules: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, component) in modules {
            put(dir.path(), name, &std::fs::read(component).unwrap());
        }
        let worker = open(dir.path()).await;
        Self { dir, worker }
    }

    /// Puts a component file where modules are found, whole from one moment to the next.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        put(self.dir.path(), name, bytes);
    }

    /// Writes the policy of a module, whole from one moment to the next.
    pub(crate) fn allow(&self, module: &str, policy: &str) {
        allow(self.dir.path(), module, policy);
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(file(self.dir.path(), name)).unwrap();
    }

    /// The Worker ends, and another one begins where it was.
    pub(crate) async fn reopen(mut self) -> Self {
        self.reopen_in_place().await;
        self
    }

    /// The same.
    pub(crate) async fn reopen_in_place(&mut self) {
        self.worker.close(PATIENCE).await.unwrap();
        self.worker = open(self.dir.path()).await;
    }

    /// The uuid of a new external worker.
    pub(crate) async fn add(&self, module: &str, class: &str, config: Json) -> String {
        let new = NewInstance {
            config: Some(config),
            ..NewInstance::default()
        };
        let added = self.worker.add_instance(module, class, new).await.unwrap();
        added.uuid
    }

    /// The id of a new node.
    pub(crate) fn node(&self, class: &str, uuid: &str, method: &str) -> String {
        let id = format!("{class}.{uuid}.{method}");
        let graph = self.worker.nodespace();
        let node = graph.add_node(&id, Default::default()).unwrap();
        node.id.to_string()
    }

    /// Runs a node that has no inputs to be set; its output `out`.
    pub(crate) async fn run(&self, node: &str) -> Json {
        self.worker.nodespace().trigger(node).unwrap();
        self.worker.nodespace().node_idle(node).await;
        self.out(node)
    }

    pub(crate) fn out(&self, node: &str) -> Json {
        self.worker.nodespace().preview(node, "out").unwrap()
    }

    /// How an external worker looks to a client.
    pub(crate) fn seen(&self, uuid: &str) -> Option<Json> {
        let modules = json!(self.worker.modules());
        let classes = modules.as_array().unwrap().iter();
        let classes = classes.flat_map(|module| module["worker_classes"].as_array().unwrap());
        let mut all = classes.flat_map(|class| class["instances"].as_array().unwrap());
        all.find(|instance| instance["uuid"] == uuid).cloned()
    }

    pub(crate) fn has_module(&self, name: &str) -> bool {
        let modules = json!(self.worker.modules());
        let mut modules = modules.as_array().unwrap().iter();
        modules.any(|module| module["module"] == name)
    }
}

async fn open(dir: &Path) -> Worker {
    let worker = open_at_once(dir).await;
    worker.started().await;
    worker
}

/// The same, of which nothing has started yet.
async fn open_at_once(dir: &Path) -> Worker {
    open_within(dir, Quotas::default()).await
}

/// The same within `quotas`.
async fn open_within(dir: &Path, quotas: Quotas) -> Worker {
    let options = WorkerOptions {
        data: dir.to_owned(),
        name: None,
        policy: Policy::default().into(),
        engine: engine().clone(),
        auditor: Default::default(),
        quotas,
        secrets: Default::default(),
    };
    Worker::open(options).await.unwrap()
}

fn allow(dir: &Path, module: &str, policy: &str) {
    let policies = dir.join("policies");
    std::fs::create_dir_all(&policies).unwrap();
    let aside = policies.join("aside");
    std::fs::write(&aside, policy).unwrap();
    std::fs::rename(aside, policies.join(format!("{module}.toml"))).unwrap();
}

/// Where a module is; a name without an ending is that of a component.
fn file(dir: &Path, name: &str) -> std::path::PathBuf {
    let file = match Path::new(name).extension() {
        Some(_) => name.to_owned(),
        None => format!("{name}.wasm"),
    };
    dir.join("local_workers").join(file)
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let to = file(dir, name);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    let aside = to.with_extension("part");
    std::fs::write(&aside, bytes).unwrap();
    std::fs::rename(aside, to).unwrap();
}

/// Waits for a line in the status bar that has `part` in it.
pub(crate) async fn notice(
    events: &mut broadcast::Receiver<Arc<WorkerEvent>>,
    part: &str,
) -> String {
    wait_for(events, |event| match event {
        WorkerEvent::Progress { message, .. } if message.contains(part) => Some(message.clone()),
        _ => None,
    })
    .await
}

/// Waits until something holds that no event tells of.
pub(crate) async fn until(holds: impl FnMut() -> bool) {
    assert!(comes_to_hold(PATIENCE, holds).await, "it came to hold");
}

/// Whether something that no event tells of holds before `patience` is at its end.
pub(crate) async fn comes_to_hold(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(patience, waiting).await.is_ok()
}

fn nothing() -> Json {
    json!({})
}
