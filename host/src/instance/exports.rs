//! What a component exports, looked up and type-checked once for each component and once for each
//! store. Written by hand where `bindgen!` cannot: it makes a field named `loop`.

use wasmtime::component::{
    Accessor, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower,
    TypedFunc,
};
use wasmtime::{AsContextMut, Result, Store};

use crate::bindings::types::{Error, InstanceInfo, Shelf, Value, WorkerClass};

/// The interface that every worker exports.
pub const WORKER_INTERFACE: &str = "funcnodes:external-worker/worker@0.1.0";

/// What the functions of the interface are called.
pub const WORKER_FUNCTIONS: [&str; 8] = [
    "describe",
    "start",
    "loop",
    "update-config",
    "get-nodeshelf",
    "call",
    "cancel",
    "stop",
];

/// Named inputs or outputs of a node.
pub type Ports = Vec<(String, Value)>;
/// What an expected failure inside a guest looks like.
pub type Outcome<T> = std::result::Result<T, Error>;

type Function<P, R> = TypedFunc<P, (R,)>;

/// Where the exports of one component are.
#[derive(Clone, Copy)]
pub struct ExportIndices {
    describe: ComponentExportIndex,
    start: ComponentExportIndex,
    turn: ComponentExportIndex,
    update_config: ComponentExportIndex,
    get_nodeshelf: ComponentExportIndex,
    call: ComponentExportIndex,
    cancel: ComponentExportIndex,
    stop: ComponentExportIndex,
}

impl ExportIndices {
    /// Finds the exports of `component`.
    ///
    /// # Errors
    /// The name of the first thing that is missing.
    pub fn find<T>(pre: &InstancePre<T>) -> std::result::Result<Self, String> {
        let component = pre.component();
        let interface = component
            .get_export_index(None, WORKER_INTERFACE)
            .ok_or_else(|| format!("it does not export `{WORKER_INTERFACE}`"))?;
        let function = |name: &str| {
            component
                .get_export_index(Some(&interface), name)
                .ok_or_else(|| format!("its `{WORKER_INTERFACE}` has no function `{name}`"))
        };
        Ok(Self {
            describe: function("describe")?,
            start: function("start")?,
            turn: function("loop")?,
            update_config: function("update-config")?,
            get_nodeshelf: function("get-nodeshelf")?,
            call: function("call")?,
            cancel: function("cancel")?,
            stop: function("stop")?,
        })
    }

    /// Type-checks `describe` and returns it.
    ///
    /// # Errors
    /// When its type is another.
    pub fn describe<T: 'static>(
        &self,
        store: &mut Store<T>,
        instance: &Instance,
    ) -> Result<Function<(), Vec<WorkerClass>>> {
        typed(store, instance, "describe", &self.describe)
    }

    /// Type-checks all functions that a running instance needs.
    ///
    /// # Errors
    /// Names the first function whose type is another.
    pub fn bind<T: 'static>(&self, store: &mut Store<T>, instance: &Instance) -> Result<Exports> {
        Ok(Exports {
            start: typed(store, instance, "start", &self.start)?,
            turn: typed(store, instance, "loop", &self.turn)?,
            update_config: typed(store, instance, "update-config", &self.update_config)?,
            get_nodeshelf: typed(store, instance, "get-nodeshelf", &self.get_nodeshelf)?,
            call: typed(store, instance, "call", &self.call)?,
            cancel: typed(store, instance, "cancel", &self.cancel)?,
            stop: typed(store, instance, "stop", &self.stop)?,
        })
    }
}

fn typed<T: 'static, P, R>(
    store: &mut Store<T>,
    instance: &Instance,
    name: &str,
    index: &ComponentExportIndex,
) -> Result<TypedFunc<P, R>>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    instance
        .get_typed_func(store.as_context_mut(), index)
        .map_err(|error| error.context(format!("`{name}` has another type than the world says")))
}

/// The functions of one running instance.
#[derive(Clone, Copy)]
pub struct Exports {
    start: Function<(String, InstanceInfo, String), Outcome<()>>,
    turn: Function<(), Outcome<()>>,
    update_config: Function<(String,), Outcome<()>>,
    get_nodeshelf: Function<(), Option<Vec<Shelf>>>,
    call: Function<(u64, String, Ports), Outcome<Ports>>,
    cancel: TypedFunc<(u64,), ()>,
    stop: TypedFunc<(), ()>,
}

impl Exports {
    /// `start`. The outer error is a trap: the instance is lost.
    pub async fn start<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
        class_id: String,
        info: InstanceInfo,
        config: String,
    ) -> Result<Outcome<()>> {
        let (outcome,) = self
            .start
            .call_concurrent(accessor, (class_id, info, config))
            .await?;
        Ok(outcome)
    }

    /// One turn of `loop`.
    pub async fn turn<T: Send + 'static>(&self, accessor: &Accessor<T>) -> Result<Outcome<()>> {
        let (outcome,) = self.turn.call_concurrent(accessor, ()).await?;
        Ok(outcome)
    }

    /// `update-config`.
    pub async fn update_config<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
        config: String,
    ) -> Result<Outcome<()>> {
        let (outcome,) = self
            .update_config
            .call_concurrent(accessor, (config,))
            .await?;
        Ok(outcome)
    }

    /// `get-nodeshelf`.
    pub async fn get_nodeshelf<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
    ) -> Result<Option<Vec<Shelf>>> {
        let (shelves,) = self.get_nodeshelf.call_concurrent(accessor, ()).await?;
        Ok(shelves)
    }

    /// `call`.
    pub async fn call<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
        id: u64,
        node: String,
        inputs: Ports,
    ) -> Result<Outcome<Ports>> {
        let (outcome,) = self
            .call
            .call_concurrent(accessor, (id, node, inputs))
            .await?;
        Ok(outcome)
    }

    /// `cancel`.
    pub async fn cancel<T: Send + 'static>(&self, accessor: &Accessor<T>, id: u64) -> Result<()> {
        self.cancel.call_concurrent(accessor, (id,)).await
    }

    /// `stop`.
    pub async fn stop<T: Send + 'static>(&self, accessor: &Accessor<T>) -> Result<()> {
        self.stop.call_concurrent(accessor, ()).await
    }
}
