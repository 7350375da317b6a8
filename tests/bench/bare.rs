//! The floor: the same component under wasmtime alone, without limits, mailbox, deadlines or bill.

use std::hint::black_box;
use std::time::{Duration, Instant};

use external_worker_host::bindings::types::{Error, InstanceInfo};
use external_worker_host::instance::exports::{Ports, WORKER_INTERFACE};
use wasmtime::component::{Component, InstancePre, Linker, TypedFunc};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

type Call = TypedFunc<(u64, String, Ports), (Result<Ports, Error>,)>;
type Start = TypedFunc<(String, InstanceInfo, String), (Result<(), Error>,)>;

/// A component with all its imports stubbed out, and one started instance of it.
pub struct Bare {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    pre: InstancePre<()>,
    store: Store<()>,
    call: Call,
}

impl Bare {
    /// Compiles and starts `path`.
    pub fn new(path: &str) -> Self {
        let runtime = super::control();
        let mut config = Config::new();
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(16)
            .total_core_instances(256)
            .total_memories(64);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_file(&engine, path).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let pre = linker.instantiate_pre(&component).unwrap();
        let mut store = Store::new(&engine, ());
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

    /// Time for `times` instantiations, drops included.
    pub fn time_instantiate(&mut self, times: u64) -> Duration {
        let begin = Instant::now();
        for _ in 0..times {
            let mut store = Store::new(&self.engine, ());
            black_box(
                self.runtime
                    .block_on(self.pre.instantiate_async(&mut store))
                    .unwrap(),
            );
        }
        begin.elapsed()
    }
}

async fn start(pre: &InstancePre<()>, component: &Component, store: &mut Store<()>) -> Call {
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
