//! The same component called without a mailbox: under wasmtime alone, which is the floor, and in a
//! store of the host with its limits.

use std::hint::black_box;
use std::time::{Duration, Instant};

use external_worker_host::bindings::types::{Error, InstanceInfo};
use external_worker_host::engine::{Engine as HostEngine, Home};
use external_worker_host::instance::exports::{Ports, WORKER_INTERFACE};
use external_worker_host::instance::store_data::StoreData;
use external_worker_host::limits::Budget;
use wasmtime::component::{Component, InstancePre, Linker, TypedFunc};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

type Call = TypedFunc<(u64, String, Ports), (Result<Ports, Error>,)>;
type Start = TypedFunc<(String, InstanceInfo, String), (Result<(), Error>,)>;

/// A component with all its imports stubbed out, and one started instance of it.
pub struct Bare<T: 'static> {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    pre: InstancePre<T>,
    store: Store<T>,
    call: Call,
}

impl Bare<()> {
    /// Under wasmtime alone: no limits, deadlines or bill.
    pub fn floor(path: &str) -> Self {
        Self::with_room(path, 16)
    }

    /// The same, with room for so many instances.
    pub fn with_room(path: &str, instances: u32) -> Self {
        let mut config = Config::new();
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(instances)
            .total_core_instances(instances * 8)
            .total_tables(instances * 4)
            .total_stacks(instances)
            .total_memories(instances);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let store = Store::new(&engine, ());
        Self::start(path, engine, store)
    }

    /// One more instance that does nothing.
    pub fn instantiate(&self) -> Store<()> {
        let mut store = Store::new(&self.engine, ());
        let made = self.pre.instantiate_async(&mut store);
        black_box(self.runtime.block_on(made).unwrap());
        store
    }

    /// One more instance that was started and does nothing.
    pub fn started(&self) -> Store<()> {
        let mut store = Store::new(&self.engine, ());
        let started = start(&self.pre, self.pre.component(), &mut store);
        black_box(self.runtime.block_on(started));
        store
    }

    /// Time for `times` instantiations, drops included.
    pub fn time_instantiate(&mut self, times: u64) -> Duration {
        let begin = Instant::now();
        for _ in 0..times {
            drop(self.instantiate());
        }
        begin.elapsed()
    }
}

impl Bare<StoreData> {
    /// In a store as the host makes them, with limits and epochs; no deadlines or bill.
    pub fn direct(path: &str, host: &HostEngine) -> Self {
        let engine = host.wasmtime(Home::Pooled).clone();
        let budget = Budget::default();
        let (store, _meter) = StoreData::for_describe(&engine, host.clock(), &budget);
        Self::start(path, engine, store)
    }
}

impl<T: Send> Bare<T> {
    fn start(path: &str, engine: Engine, mut store: Store<T>) -> Self {
        let runtime = super::control();
        let component = Component::from_file(&engine, path).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let pre = linker.instantiate_pre(&component).unwrap();
        let call = runtime.block_on(start(&pre, &component, &mut store));
        Self {
            runtime,
            engine,
            pre,
            store,
            call,
        }
    }

    /// Time for `times` calls of `node`, one after another.
    pub fn time(&mut self, node: &str, inputs: &Ports, times: u64) -> Duration {
        let call = self.call;
        let calls = self.store.run_concurrent(async |accessor| {
            let mut spent = Duration::ZERO;
            for id in 0..times {
                let arguments = (id, node.to_owned(), inputs.clone());
                let begin = Instant::now();
                let (outputs,) = call.call_concurrent(accessor, arguments).await.unwrap();
                black_box(outputs.unwrap());
                spent += begin.elapsed();
            }
            spent
        });
        self.runtime.block_on(calls).unwrap()
    }
}

async fn start<T: Send>(pre: &InstancePre<T>, component: &Component, store: &mut Store<T>) -> Call {
    let instance = pre.instantiate_async(&mut *store).await.unwrap();
    let interface = component.get_export_index(None, WORKER_INTERFACE).unwrap();
    let index = |name| component.get_export_index(Some(&interface), name).unwrap();
    let start: Start = instance
        .get_typed_func(&mut *store, index("start"))
        .unwrap();
    let info = InstanceInfo {
        uuid: "0".repeat(32),
        name: "bare".to_owned(),
    };
    let config = r#"{"turn_ms":0,"fail_turns":false,"fail_start":false,"number":1,"token":""}"#;
    store
        .run_concurrent(async |accessor| {
            let arguments = ("probe".to_owned(), info, config.to_owned());
            let (started,) = start.call_concurrent(accessor, arguments).await.unwrap();
            started.unwrap();
        })
        .await
        .unwrap();
    instance.get_typed_func(&mut *store, index("call")).unwrap()
}
