//! The engines that run guests, their clock, their threads, their cache, who knows names for them and
//! whose certificates they believe.
//!
//! Two wasmtime engines share one ticker: `pooled` serves instances from a preallocated pool;
//! `on_demand` takes what the pool cannot hold: more instances than slots, or a component with
//! bigger tables or more memories than a slot has. Their compiled code is interchangeable.

pub mod apart;
mod cache;
mod opener;
mod resolver;
mod runtime;
mod stand_ins;
mod ticker;
mod trap;
mod trust;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::OnceCell;
use wasmtime::component::Component;
use wasmtime::{
    Config, InstanceAllocationStrategy, PoolConcurrencyLimitError, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

pub use apart::{Apart, End, Lane, Order, Process, Program, Refusal, Starter};
pub(crate) use apart::{Job, Subject};
pub use cache::CompileCache;
pub use opener::Opener;
pub use resolver::{Answer, Resolver};
pub(crate) use runtime::Runtime;
pub use stand_ins::{NoLine, StandIns};
pub(crate) use trap::{Broken, contained};
pub use trap::{SourceLine, TrapPlace, WORKER, trap_text};
pub use trust::{TRUST_VARIABLES, Trust};

use crate::error::{HostError, Result};
use crate::executor::{Account, Clock, Executor};
use crate::limits::{self, Full, Share, Stock, maps};

/// Where a store lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// In the preallocated pool.
    Pooled,
    /// In memory of its own, mapped for it.
    OnDemand,
}

/// Where components that come in are compiled and describe themselves.
#[derive(Debug, Clone)]
pub enum Compiling {
    /// In this process, which may take it all of its memory: for who trusts what it loads, or is itself a
    /// process with limits that nothing else depends on.
    Here,
    /// Each in a process of its own, with limits.
    Apart(Apart),
}

/// How an [`Engine`] is set up.
#[derive(Debug)]
pub struct EngineOptions {
    /// Compiled components are kept here between runs; `None`: every load compiles.
    pub cache: Option<CompileCache>,
    /// Where components that a Worker finds are compiled. What is loaded by name is compiled here.
    pub compiling: Compiling,
    /// Instances that the pool holds; 0: no pool. See [`limits::POOL_INSTANCES`].
    pub pool_instances: Option<u32>,
    /// Threads that run guests; default: one for each core.
    pub guest_threads: Option<usize>,
    /// Whether a trap tells its place in the guest, from debug information that nobody has checked: for a
    /// component that is tried, not among others that it could cost their time.
    pub names_places: bool,
    /// Who is asked for the addresses of names; default: the system.
    pub resolver: Resolver,
    /// Whose certificates guests believe; default: those that the machine believes.
    pub trust: Trust,
    /// Who opens devices that this process may not open; default: nobody.
    pub opener: Opener,
    /// The component that runs programs in Python; `None`: there are none.
    pub python: Option<PathBuf>,
}

impl EngineOptions {
    /// A pool for many instances, a thread for each core, no cache; components are compiled where `compiling`
    /// says, which nobody can choose for another.
    pub fn new(compiling: Compiling) -> Self {
        Self {
            compiling,
            cache: None,
            pool_instances: None,
            guest_threads: None,
            names_places: false,
            resolver: Resolver::default(),
            trust: Trust::default(),
            opener: Opener::default(),
            python: None,
        }
    }
}

/// Everything that guests run on. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    outside: Outside,
}

struct Inner {
    pooled: Option<Pool>,
    on_demand: wasmtime::Engine,
    cache: Option<CompileCache>,
    compiling: Compiling,
    names_places: bool,
    python_file: Option<PathBuf>,
    python: OnceCell<Arc<Runtime>>,
}

/// What guests meet outside of their code: who runs them and by which clock, who knows names, whose
/// certificates count, and what stands in for devices.
#[derive(Clone)]
struct Outside {
    threads: Executor,
    resolver: Resolver,
    trust: Trust,
    opener: Opener,
    stand_ins: Option<Arc<dyn StandIns>>,
}

/// The engine with the pool.
struct Pool {
    engine: wasmtime::Engine,
    /// Those that no instance has.
    stacks: Arc<Stock>,
    _maps: Share,
}

impl Engine {
    /// Starts the engines, the ticker thread and the guest threads.
    ///
    /// # Errors
    /// [`HostError::Engine`] when the machine cannot give what they need.
    pub fn new(options: EngineOptions) -> Result<Self> {
        let names_places = options.names_places;
        let on_demand = build(InstanceAllocationStrategy::OnDemand, names_places)?;
        let slots = options.pool_instances.unwrap_or(limits::POOL_INSTANCES);
        // A machine with little address space still runs guests, one mapping at a time.
        let pooled = (slots > 0)
            .then(|| Pool::new(slots, names_places).ok())
            .flatten();
        let engines: Vec<_> = pooled
            .iter()
            .map(|pool| &pool.engine)
            .chain([&on_demand])
            .map(wasmtime::Engine::weak)
            .collect();
        // A guest gives way at a tick, so one tick more interrupts all of them.
        let interrupted = engines.clone();
        let interrupt = move || {
            ticker::tick(&interrupted);
        };
        let threads = Executor::start(options.guest_threads, interrupt).map_err(|error| {
            HostError::Engine(format!("cannot start the guest threads: {error}"))
        })?;
        ticker::start(engines, Arc::clone(threads.clock()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                pooled,
                on_demand,
                cache: options.cache,
                compiling: options.compiling,
                names_places,
                python_file: options.python,
                python: OnceCell::new(),
            }),
            outside: Outside {
                threads,
                resolver: options.resolver,
                trust: options.trust,
                opener: options.opener,
                stand_ins: None,
            },
        })
    }

    /// The same engines for guests of which `threads` run, with `stand_ins` in the place of all devices.
    pub fn among(&self, stand_ins: Arc<dyn StandIns>, threads: &Executor) -> Self {
        let named = Arc::clone(&stand_ins);
        Self {
            inner: Arc::clone(&self.inner),
            outside: Outside {
                threads: threads.clone(),
                resolver: Resolver::new(move |name| Ok(named.addresses(name))),
                trust: self.outside.trust.clone(),
                opener: Opener::default(),
                stand_ins: Some(stand_ins),
            },
        }
    }

    /// The same engines for the guests of somebody among others, who has `account` on the threads.
    pub fn on(&self, account: Account) -> Self {
        let mut engine = self.clone();
        engine.outside.threads = self.outside.threads.on(account);
        engine
    }

    /// The wasmtime engine of `home`; the one on demand where there is no pool.
    pub fn wasmtime(&self, home: Home) -> &wasmtime::Engine {
        match home {
            Home::Pooled => match &self.inner.pooled {
                Some(pool) => &pool.engine,
                None => &self.inner.on_demand,
            },
            Home::OnDemand => &self.inner.on_demand,
        }
    }

    /// What a store in `home`, with so many instances of components that have code, needs of the process
    /// besides its memories, to be kept as long as it is.
    ///
    /// # Errors
    /// [`Full`] when there is no room for it.
    pub fn room(&self, home: Home, running: u64) -> Result<Share, Full> {
        let running = running.max(1).saturating_add(limits::STACKS_TO_WORK_ON);
        match (home, &self.inner.pooled) {
            (Home::Pooled, Some(pool)) => pool.stacks.take(running).map_err(|_left| Full),
            _ => {
                let stacks = running.saturating_mul(limits::MAPS_OF_A_STACK);
                maps::take(stacks.saturating_add(limits::MAPS_ON_DEMAND))
            }
        }
    }

    /// Compiles `wasm` for `home`, or takes it from the cache.
    ///
    /// # Errors
    /// What the compiler or the pool has against the component, for [`HostError::Component`].
    pub fn compile(&self, wasm: &[u8], home: Home) -> wasmtime::Result<Component> {
        let engine = self.wasmtime(home);
        let Some(cache) = &self.inner.cache else {
            return Component::new(engine, wasm);
        };
        if let Some(component) = cache.load(engine, wasm) {
            return component;
        }
        let _turn = cache.turn(wasm);
        if let Some(component) = cache.load(engine, wasm) {
            return component;
        }
        let code = engine.precompile_component(wasm)?;
        cache.store(engine, wasm, &code);
        cache::deserialize_trusted(engine, &code)
    }

    /// Where components that come in are compiled, if that is not here.
    pub fn apart(&self) -> Option<&Apart> {
        match &self.inner.compiling {
            Compiling::Here => None,
            Compiling::Apart(apart) => Some(apart),
        }
    }

    /// The code of `wasm`, if it is in the cache.
    pub(crate) fn known(&self, wasm: &[u8]) -> Option<(Component, Home)> {
        let cache = self.inner.cache.as_ref()?;
        let mut homes = [Home::Pooled, Home::OnDemand].into_iter();
        homes.find_map(|home| {
            let compiled = cache.load(self.wasmtime(home), wasm)?.ok()?;
            Some((compiled, home))
        })
    }

    /// What the component of this hash says of itself, if that is in the cache.
    pub(crate) fn known_description(&self, component: &blake3::Hash) -> Option<Vec<u8>> {
        self.inner.cache.as_ref()?.description(component)
    }

    /// Takes `code`, which the compiler of this program made of `wasm` in another process, for the pool, or
    /// else on demand. It is kept in the cache once it is found to be code.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn adopt(&self, wasm: &[u8], code: &[u8]) -> wasmtime::Result<(Component, Home)> {
        let load = |home| {
            let component = cache::deserialize_trusted(self.wasmtime(home), code)?;
            wasmtime::Result::Ok((component, home))
        };
        let loaded: wasmtime::Result<_> = load(Home::Pooled);
        let (component, home) = loaded.or_else(|_| load(Home::OnDemand))?;
        if let Some(cache) = &self.inner.cache {
            cache.store(self.wasmtime(home), wasm, code);
        }
        Ok((component, home))
    }

    /// Keeps what the component of this hash says of itself, which was found to be a description.
    pub(crate) fn keep_description(&self, component: &blake3::Hash, description: &[u8]) {
        if let Some(cache) = &self.inner.cache {
            cache.store_description(component, description);
        }
    }

    /// The same code for memory of its own.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn on_demand(&self, component: &Component) -> wasmtime::Result<Component> {
        cache::deserialize_trusted(&self.inner.on_demand, &component.serialize()?)
    }

    /// Who is asked for the addresses of names.
    pub fn resolver(&self) -> &Resolver {
        &self.outside.resolver
    }

    /// Whose certificates guests believe.
    pub fn trust(&self) -> &Trust {
        &self.outside.trust
    }

    /// Who opens devices that this process may not open.
    pub fn opener(&self) -> &Opener {
        &self.outside.opener
    }

    /// What stands in for devices, where there are none.
    pub fn stand_ins(&self) -> Option<&Arc<dyn StandIns>> {
        self.outside.stand_ins.as_ref()
    }

    /// Where `error` happened in the guest, if this engine tells.
    pub fn place_of(&self, error: &wasmtime::Error) -> Option<TrapPlace> {
        self.inner
            .names_places
            .then(|| TrapPlace::of(error))
            .flatten()
    }

    /// The guests' own threads: the API answers on others, whatever guests do.
    pub fn threads(&self) -> &Executor {
        &self.outside.threads
    }

    /// Whoever is about to call a guest from a thread of its own, and may do so again within a moment, says so: one of
    /// the threads that run guests stays awake for that moment, since waking it takes longer than a short call.
    pub fn expect_more(&self) {
        self.outside.threads.expect_more();
    }

    /// The clock by which guests' deadlines are kept.
    pub fn clock(&self) -> &Arc<Clock> {
        self.outside.threads.clock()
    }
}

/// Whether `error` says that the pool is full: the same thing fits on demand.
pub fn is_pool_full(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>() || error.is::<Full>()
}

fn build(strategy: InstanceAllocationStrategy, names_places: bool) -> Result<wasmtime::Engine> {
    let details = match names_places {
        true => WasmBacktraceDetails::Enable,
        false => WasmBacktraceDetails::Disable,
    };
    let mut config = Config::new();
    config
        .allocation_strategy(strategy)
        .epoch_interruption(true)
        .wasm_component_model_async(true)
        // Proposals that no guest toolchain needs and that only add attack surface.
        .wasm_memory64(false)
        .wasm_backtrace_details(details)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    wasmtime::Engine::new(&config).map_err(|error| HostError::Engine(format!("{error:#}")))
}

impl Pool {
    fn new(slots: u32, names_places: bool) -> Result<Self> {
        let stacks = u64::from(slots.saturating_mul(limits::POOL_STACKS));
        Ok(Self {
            // Each stack has a guard page, mapped when the pool is made.
            _maps: maps::take(stacks.saturating_mul(limits::MAPS_OF_A_STACK))?,
            engine: build(pool(slots), names_places)?,
            stacks: Stock::new(stacks),
        })
    }
}

fn pool(slots: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    let each = |per_instance: u32| slots.saturating_mul(per_instance);
    pool.total_component_instances(slots)
        .total_core_instances(each(limits::POOL_CORE_INSTANCES))
        .total_memories(slots)
        .total_tables(each(limits::POOL_TABLES))
        .total_stacks(each(limits::POOL_STACKS))
        .max_memories_per_module(1)
        .max_memory_size(limits::POOL_MEMORY_BYTES)
        .table_elements(limits::POOL_TABLE_ELEMENTS)
        .linear_memory_keep_resident(limits::POOL_KEEP_RESIDENT_BYTES)
        .table_keep_resident(limits::POOL_KEEP_RESIDENT_BYTES)
        .max_unused_warm_slots(limits::POOL_WARM_SLOTS);
    InstanceAllocationStrategy::Pooling(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_in_several_components_takes_several_stacks() {
        let engine = Engine::new(EngineOptions {
            pool_instances: Some(4),
            guest_threads: Some(1),
            ..EngineOptions::new(Compiling::Here)
        })
        .unwrap();
        // Four have two stacks each, and each store one to work on.
        let five = engine.room(Home::Pooled, 5).unwrap();
        assert_eq!(engine.room(Home::Pooled, 2).map(drop), Err(Full));
        // Nothing waits nowhere: it takes as many as one.
        let one = engine.room(Home::Pooled, 0).unwrap();
        assert_eq!(engine.room(Home::Pooled, 1).map(drop), Err(Full));
        drop((five, one));
        assert!(engine.room(Home::Pooled, 7).is_ok());
        assert!(engine.room(Home::OnDemand, 100).is_ok());
        let most = engine.room(Home::OnDemand, u64::MAX);
        assert_eq!(most.map(drop), Err(Full));
    }
}
