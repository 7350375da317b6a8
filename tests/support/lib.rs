//! What the tests share: a host with a cache, workers under a policy, and waiting for what happens.

pub mod logged;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use external_worker_host::bindings::types::Value;
use external_worker_host::component::{LoadedComponent, PreparedComponent};
use external_worker_host::engine::{CompileCache, Compiling, Engine, EngineOptions, Resolver};
use external_worker_host::error::ErrorCode;
use external_worker_host::instance::events::{Event, Listener};
use external_worker_host::instance::exports::Ports;
use external_worker_host::instance::{Folder, Instance, Spec};
use external_worker_host::policy::Policy;
use external_worker_host::{HostError, Result};
use serde_json::Value as Json;
use tokio::sync::broadcast;

/// Longer than anything that works takes, on a machine that does much else.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Where cargo keeps what it builds of the crates that tests make, `CARGO_BUILD_BUILD_DIR`. What they depend on is
/// built once for all of them, and from run to run; what comes out is in the place of each test.
pub const BUILDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test-builds");

/// One engine for all tests, with a cache that lasts from run to run.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(new_engine)
}

/// An engine of its own, for a test that counts what is on it.
pub fn new_engine() -> Engine {
    engine_with(Resolver::default())
}

/// An engine of its own, whose guests' names `resolver` knows.
pub fn engine_with(resolver: Resolver) -> Engine {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-cache");
    let cache = Some(CompileCache::open(dir).unwrap());
    Engine::new(EngineOptions {
        cache,
        pool_instances: Some(64),
        resolver,
        python: external_worker_build::python_place(),
        ..EngineOptions::new(Compiling::Here)
    })
    .unwrap()
}

/// A guest under a policy.
pub struct TestHost {
    engine: Engine,
    policy: String,
}

impl TestHost {
    /// A host whose policy is `policy`.
    pub fn grant(policy: &str) -> Self {
        Self {
            engine: engine().clone(),
            policy: policy.to_owned(),
        }
    }

    /// The same on `engine`.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = engine.clone();
        self
    }

    /// Loads a component.
    pub async fn worker(&self, component: &str) -> Result<Arc<PreparedComponent>> {
        let policy = Policy::parse(&self.policy, "the test's policy")?;
        let component = Arc::new(LoadedComponent::from_file(
            &self.engine,
            Path::new(component),
        )?);
        component.prepare(&policy).await.map(Arc::new)
    }

    /// Loads a component and starts one instance of `class`.
    pub async fn start(&self, component: &str, class: &str, config: Json) -> Result<Instance> {
        start(&self.worker(component).await?, class, config).await
    }

    /// [`Self::start`] with the default configuration, where nothing may go wrong.
    pub async fn run(&self, component: &str, class: &str) -> Instance {
        self.start(component, class, serde_json::json!({}))
            .await
            .unwrap()
    }
}

/// Starts one more instance of `worker`.
pub async fn start(
    prepared: &Arc<PreparedComponent>,
    class: &str,
    config: Json,
) -> Result<Instance> {
    Instance::start(prepared, spec(class, config)).await
}

/// A new instance of `class`.
pub fn spec(class: &str, config: Json) -> Spec {
    Spec {
        class_id: class.to_owned(),
        uuid: uuid::Uuid::new_v4(),
        name: "under test".to_owned(),
        config,
        state: None,
        folder: Folder::temporary(),
        auditor: Default::default(),
        secrets: Default::default(),
    }
}

/// Inputs by name.
pub fn inputs<const N: usize>(ports: [(&str, Value); N]) -> Ports {
    ports.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The one output of a call that went well.
pub async fn call<const N: usize>(
    instance: &Instance,
    node: &str,
    ports: [(&str, Value); N],
) -> Result<Value> {
    let outputs = instance.call(node, inputs(ports)).await?;
    Ok(outputs
        .into_iter()
        .next()
        .map_or(Value::None, |(_, value)| value))
}

/// The integer that a call returns.
pub async fn call_int<const N: usize>(
    instance: &Instance,
    node: &str,
    ports: [(&str, Value); N],
) -> Result<i64> {
    match call(instance, node, ports).await? {
        Value::Integer(n) => Ok(n),
        other => Err(HostError::Value(format!("not an integer: {other:?}"))),
    }
}

/// The text that a call returns.
pub async fn call_text<const N: usize>(
    instance: &Instance,
    node: &str,
    ports: [(&str, Value); N],
) -> Result<String> {
    match call(instance, node, ports).await? {
        Value::Text(text) => Ok(text),
        other => Err(HostError::Value(format!("not a text: {other:?}"))),
    }
}

/// The code of an error that the guest itself answered with.
pub fn guest_code(error: &HostError) -> Option<ErrorCode> {
    match error {
        HostError::Guest { code, .. } => Some(*code),
        _ => None,
    }
}

/// Where events come from.
pub trait Hears<E> {
    /// The next one.
    fn hear(&mut self) -> impl Future<Output = Result<Arc<E>, broadcast::error::RecvError>>;
}

impl<E: Clone> Hears<E> for broadcast::Receiver<Arc<E>> {
    fn hear(&mut self) -> impl Future<Output = Result<Arc<E>, broadcast::error::RecvError>> {
        self.recv()
    }
}

impl Hears<Event> for Listener {
    fn hear(&mut self) -> impl Future<Output = Result<Arc<Event>, broadcast::error::RecvError>> {
        self.recv()
    }
}

/// Waits for the first event that `wanted` picks.
pub async fn wait_for<E, T>(
    events: &mut impl Hears<E>,
    mut wanted: impl FnMut(&E) -> Option<T>,
) -> T {
    let waiting = async {
        loop {
            match events.hear().await {
                Ok(event) => {
                    if let Some(found) = wanted(&event) {
                        return found;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => panic!("who sends them is gone"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the event came")
}
