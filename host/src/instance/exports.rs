//! What a component exports, looked up and type-checked once for each component and once for each
//! store. Written by hand where `bindgen!` cannot: it makes a field named `loop`.
//!
//! The function keeps the name `loop`, since the draft of the world that this project began with has
//! it.

use wasmtime::component::{
    Accessor, Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift,
    Lower, TypedFunc,
};
use wasmtime::{AsContextMut, Result, Store};

use super::value::Checked;
use crate::bindings::types::{CallInfo, Error, InstanceInfo, Shelf, Value, WorkerClass};
use crate::limits::Held;

/// The interface that every worker exports.
pub const WORKER_INTERFACE: &str = "funcnodes:external-worker/worker@0.2.0";

/// What to do about a component of another version of the interface.
pub const HOW_TO_MOVE_ON: &str = "build it with the SDK of this version; without it, `call` takes a `call-info`, \
     `set-value` says whether it triggers, and classes and nodes say `is-library` and `timeout-ms`";

/// The version of the interface, where an export is the same interface in another one.
pub fn other_version(export: &str) -> Option<&str> {
    let (interface, ours) = WORKER_INTERFACE.split_once('@')?;
    let (name, version) = export.split_once('@')?;
    (name == interface && version != ours).then_some(version)
}

/// The interface that a worker with state exports besides.
pub const STATE_INTERFACE: &str = "funcnodes:external-worker/state@0.2.0";

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
/// One output of a call, paid for as long as somebody has it.
#[derive(Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: Checked,
    /// The charge for it.
    pub held: Held,
}

/// The outputs of a call.
pub type Outputs = Vec<Output>;

/// What an expected failure inside a guest looks like.
pub type GuestResult<T> = std::result::Result<T, Error>;

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
    state: Option<StateIndices>,
}

#[derive(Clone, Copy)]
struct StateIndices {
    save: ComponentExportIndex,
    restore: ComponentExportIndex,
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
        let function = |name| function_of(component, &interface, WORKER_INTERFACE, name);
        Ok(Self {
            describe: function("describe")?,
            start: function("start")?,
            turn: function("loop")?,
            update_config: function("update-config")?,
            get_nodeshelf: function("get-nodeshelf")?,
            call: function("call")?,
            cancel: function("cancel")?,
            stop: function("stop")?,
            state: StateIndices::find(component)?,
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
            state: match &self.state {
                Some(state) => Some(state.bind(store, instance)?),
                None => None,
            },
        })
    }
}

impl StateIndices {
    /// `None`: the component keeps no state.
    fn find(component: &Component) -> std::result::Result<Option<Self>, String> {
        let Some(interface) = component.get_export_index(None, STATE_INTERFACE) else {
            return Ok(None);
        };
        let function = |name| function_of(component, &interface, STATE_INTERFACE, name);
        Ok(Some(Self {
            save: function("save")?,
            restore: function("restore")?,
        }))
    }

    fn bind<T: 'static>(&self, store: &mut Store<T>, instance: &Instance) -> Result<StateExports> {
        Ok(StateExports {
            save: typed(store, instance, "save", &self.save)?,
            restore: typed(store, instance, "restore", &self.restore)?,
        })
    }
}

fn function_of(
    component: &Component,
    interface: &ComponentExportIndex,
    interface_name: &str,
    name: &str,
) -> std::result::Result<ComponentExportIndex, String> {
    component
        .get_export_index(Some(interface), name)
        .ok_or_else(|| format!("its `{interface_name}` has no function `{name}`"))
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
        .map_err(|error| error.context(format!("the type of `{name}` is not the one in the world")))
}

/// The functions of one running instance.
#[derive(Clone, Copy)]
pub struct Exports {
    start: Function<(String, InstanceInfo, String), GuestResult<()>>,
    turn: Function<(), GuestResult<()>>,
    update_config: Function<(String,), GuestResult<()>>,
    get_nodeshelf: Function<(), Option<Vec<Shelf>>>,
    call: Function<(CallInfo, Ports), GuestResult<Ports>>,
    cancel: TypedFunc<(u64,), ()>,
    stop: TypedFunc<(), ()>,
    state: Option<StateExports>,
}

#[derive(Clone, Copy)]
struct StateExports {
    save: Function<(), GuestResult<Vec<u8>>>,
    restore: Function<(Vec<u8>,), GuestResult<()>>,
}

impl Exports {
    /// `start`. The outer error is a trap: the instance is lost.
    pub async fn start<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
        class_id: String,
        info: InstanceInfo,
        config: String,
    ) -> Result<GuestResult<()>> {
        let (outcome,) = self
            .start
            .call_concurrent(accessor, (class_id, info, config))
            .await?;
        Ok(outcome)
    }

    /// One turn of `loop`.
    pub async fn turn<T: Send + 'static>(&self, accessor: &Accessor<T>) -> Result<GuestResult<()>> {
        let (outcome,) = self.turn.call_concurrent(accessor, ()).await?;
        Ok(outcome)
    }

    /// `update-config`.
    pub async fn update_config<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
        config: String,
    ) -> Result<GuestResult<()>> {
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
        call: CallInfo,
        inputs: Ports,
    ) -> Result<GuestResult<Ports>> {
        let (outcome,) = self.call.call_concurrent(accessor, (call, inputs)).await?;
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

    /// `save`; `None`: the component keeps no state.
    pub async fn save<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
    ) -> Result<Option<GuestResult<Vec<u8>>>> {
        let Some(state) = &self.state else {
            return Ok(None);
        };
        let (outcome,) = state.save.call_concurrent(accessor, ()).await?;
        Ok(Some(outcome))
    }

    /// `restore`; `None`: the component keeps no state.
    pub async fn restore<T: Send + 'static>(
        &self,
        accessor: &Accessor<T>,
        bytes: Vec<u8>,
    ) -> Result<Option<GuestResult<()>>> {
        let Some(state) = &self.state else {
            return Ok(None);
        };
        let (outcome,) = state.restore.call_concurrent(accessor, (bytes,)).await?;
        Ok(Some(outcome))
    }
}
