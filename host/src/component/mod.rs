//! From bytes to a component whose instances can start: read, compile, check what it imports against the policy,
//! let it describe itself with nothing in its hands, and link what is granted.
//!
//! A component describes itself with everything linked and nothing granted. So any component can be
//! inspected, and each use of a capability is denied.

pub mod apart;
mod instances;
mod intake;
mod program;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::OnceCell;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings;
use crate::bindings::types::WorkerClass;
use crate::capability;
use crate::engine::{Engine, Home, is_pool_full, trap_text};
use crate::error::{HostError, Result};
use crate::instance::description::{self, Class};
use crate::instance::exports::{
    ExportIndices, HOW_TO_MOVE_ON, STATE_INTERFACE, WORKER_INTERFACE, other_version,
};
use crate::instance::meter::Metered;
use crate::instance::store_data::{HasHost, HostView, StoreData};
use crate::limits::{self, Budget, Exhausted, Full, Share};
use crate::policy::{Capability, Granted, Import, Manifest, MissingGrants, Policy, check_imports};
use crate::text;
use crate::wasm;
use instances::Instances;
use intake::{Asked, Unbuilt};
use program::Program;

pub use program::{dependencies, is_code, is_program, is_script, stem};

/// A component that was read, compiled and found to be an external worker. Nothing of it ran.
pub struct LoadedComponent {
    name: String,
    hash: blake3::Hash,
    content: blake3::Hash,
    size: u64,
    compiled: Component,
    home: Home,
    manifest: Manifest,
    imports: Vec<Import>,
    engine: Engine,
    /// See [`Engine::room`].
    running: u64,
    /// What it said of itself, when it was first asked.
    classes: OnceCell<Vec<Arc<Class>>>,
    asked: Asked,
    /// What it runs, if it is a runtime.
    program: Option<Arc<Program>>,
}

impl LoadedComponent {
    /// Reads and compiles a file, in this process.
    ///
    /// # Errors
    /// [`HostError::File`] or [`HostError::Component`], with what to do.
    pub fn from_file(engine: &Engine, path: &Path) -> Result<Self> {
        if is_program(path) {
            return Self::from_program(engine, Program::read(path)?);
        }
        let (name, wasm) = read_file(path)?;
        Self::from_bytes(engine, &name, wasm)
    }

    /// Compiles a component from memory, in this process. `name` is for messages, and says by its ending whether
    /// it is a program.
    ///
    /// # Errors
    /// [`HostError::Component`], with what to do.
    pub fn from_bytes(engine: &Engine, name: &str, wasm: impl Into<Arc<[u8]>>) -> Result<Self> {
        let wasm = wasm.into();
        let path = Path::new(name);
        if is_program(path) {
            return Self::from_program(engine, Program::of(path, wasm.to_vec())?);
        }
        let unbuilt = Unbuilt::read(name, wasm)?;
        let built = compile(engine, unbuilt.name(), unbuilt.wasm())?;
        unbuilt.build(engine, built, Asked::here())
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which code this is: the hash of its bytes, and of the runtime that they run on, if any.
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// The hash of the bytes that were read.
    pub fn content(&self) -> blake3::Hash {
        self.content
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it says of itself and requests.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether it exports the interface `state`: an instance can save what another one, of this or
    /// another version, goes on from.
    pub fn keeps_state(&self) -> bool {
        let state = self.compiled.get_export_index(None, STATE_INTERFACE);
        state.is_some()
    }

    /// What a store for it in `home` needs; see [`Engine::room`].
    ///
    /// # Errors
    /// [`Full`] when there is no room for it.
    pub fn room(&self, home: Home) -> Result<Share, Full> {
        self.engine.room(home, self.running)
    }

    /// Whether it is a program on a runtime, and not a component of the author's.
    pub fn is_program(&self) -> bool {
        self.program.is_some()
    }

    /// Everything that it imports.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// Lets the component describe its classes: with every capability linked, so that any component
    /// can be asked, and none granted, so that each use of one is denied. It is asked once: what it said
    /// within one budget is taken under any.
    ///
    /// # Errors
    /// [`HostError::Description`] when it traps, takes too long or too much, or describes nonsense.
    pub async fn describe(&self, budget: &Budget) -> Result<Vec<Arc<Class>>> {
        let ask = async || {
            let declared = intake::declared(self, budget).await?;
            // Schemas are compiled there: no thread that serves clients does it.
            let checked = async move { description::check_classes(declared) };
            let checked = self.engine.threads().spawn(checked).await;
            let lost = |_| HostError::Engine("the guest threads have ended".to_owned());
            checked.map_err(lost)?
        };
        let classes = self.classes.get_or_try_init(ask).await.cloned()?;
        intake::is_in_force(self).await;
        Ok(classes)
    }

    /// What it describes itself as now, unchecked.
    ///
    /// # Errors
    /// [`HostError::Component`] when it cannot be linked, [`HostError::Description`] when it traps or
    /// takes too long.
    pub async fn described(&self, budget: &Budget) -> Result<Vec<WorkerClass>> {
        let failed = |error| self.describing_failed(&error);
        let described = match self.describe_in(self.home, &self.compiled, budget).await? {
            // More of it than the pool has room for: once is enough to ask.
            Err(error) if is_pool_full(&error) && self.home == Home::Pooled => {
                let compiled = self.engine.on_demand(&self.compiled).map_err(failed)?;
                self.describe_in(Home::OnDemand, &compiled, budget).await?
            }
            described => described,
        };
        described.map_err(failed)
    }

    fn describing_failed(&self, error: &wasmtime::Error) -> HostError {
        let words = error.downcast_ref::<LastWords>();
        let mut problem = match words {
            Some(words) => format!("`describe` panicked: {}", words.first_line()),
            None => format!("`describe` failed: {}", trap_text(error)),
        };
        // Of a program its own words say where: the code that trapped is the runtime's.
        let place = self.engine.place_of(error);
        if let Some(place) = place.filter(|_| self.program.is_none()) {
            problem = format!("{problem} {place}");
        }
        if let Some(refusal) = error.downcast_ref::<Exhausted>() {
            problem = format!("{problem}, after {refusal}");
        }
        let mut problem = text::clean_line(&problem, limits::MAX_TEXT_BYTES);
        problem.push_str(words.map_or("", LastWords::further_lines));
        HostError::Description(problem)
    }

    fn not_linked(&self, error: &wasmtime::Error) -> HostError {
        let fix = "This host offers WASI 0.2 and 0.3 and the world `external-worker`";
        unusable(&self.name, format!("it cannot be linked: {error:#}"), fix)
    }

    /// The outer error is the host's, the inner one the guest's or the pool's.
    async fn describe_in(
        &self,
        home: Home,
        compiled: &Component,
        budget: &Budget,
    ) -> Result<wasmtime::Result<Vec<WorkerClass>>> {
        let budget = budget.clone();
        let linker = linker(self, home, None).map_err(|error| self.describing_failed(&error))?;
        let pre = linker
            .instantiate_pre(compiled)
            .map_err(|error| self.not_linked(&error))?;
        let indices = ExportIndices::find(&pre)
            .map_err(|problem| unusable(&self.name, problem, wasm::HOW_TO_BUILD))?;
        let room = match self.room(home) {
            Ok(room) => room,
            Err(full) => return Ok(Err(full.into())),
        };
        let engine = self.engine.wasmtime(home).clone();
        let limit = Duration::from_millis(budget.start_deadline_ms);
        let clock = Arc::clone(self.engine.clock());
        let described = async move {
            let (mut store, meter) = StoreData::for_describe(&engine, &clock, &budget);
            store.data_mut().keep_room(room);
            let run = async {
                let instance = pre.instantiate_async(&mut store).await?;
                let describe = indices.describe(&mut store, &instance)?;
                let (classes,) = describe.call_async(&mut store, ()).await?;
                wasmtime::Result::Ok(classes)
            };
            let described = Metered::new(run, meter).await;
            // The budget that it ran into says more than the trap, and so do its own last words.
            let refusal = store.data().ledger.last_refusal();
            let words = store.data_mut().last_words.take();
            Ok(described.map_err(|error: wasmtime::Error| {
                let error = match refusal {
                    Some(refusal) => error.context(refusal),
                    None => error,
                };
                match words {
                    Some(words) => error.context(LastWords(words)),
                    None => error,
                }
            }))
        };
        let deadline = Arc::clone(self.engine.clock());
        let described = async move { deadline.timeout(limit, described).await };
        match self.engine.threads().spawn(described).await {
            Ok(Ok(described)) => described,
            Ok(Err(_elapsed)) => {
                let problem = format!("`describe` took longer than {} ms", limit.as_millis());
                Err(HostError::Description(problem))
            }
            Err(_) => Err(HostError::Engine("the guest threads have ended".to_owned())),
        }
    }

    /// Checks the component against `policy`, and makes it ready for instances. The describing apart,
    /// nothing of the component runs, and that not before the policy was found to cover it.
    ///
    /// # Errors
    /// [`HostError::MissingGrants`] with what is missing, or what [`Self::describe`] says.
    pub async fn prepare(self: Arc<Self>, policy: &Policy) -> Result<PreparedComponent> {
        let granted = check_imports(&self.imports, &self.manifest, policy)?;
        let linked = Linked::new(&self, self.home, &self.compiled, &granted)?;
        let classes = self.describe(&policy.budget).await?;
        refuse_long_calls(&self.name, &classes, &policy.budget)?;
        Ok(PreparedComponent {
            engine: self.engine.clone(),
            component: self,
            granted: Arc::new(granted),
            budget: policy.budget.clone(),
            classes,
            linked,
            on_demand: OnceLock::new(),
        })
    }
}

/// What the program in a file of this name says of itself and requests, before anything of it runs.
///
/// # Errors
/// [`HostError::Component`], with what to do.
pub fn program_manifest(name: &Path, bytes: &[u8]) -> Result<Manifest> {
    Ok(Program::of(name, bytes.to_vec())?.manifest().clone())
}

/// What a guest said before it trapped, as the context of its trap: a sentence, and more lines of a traceback.
#[derive(Debug)]
struct LastWords(String);

impl LastWords {
    fn first_line(&self) -> &str {
        text::first_line(&self.0)
    }

    /// With the newline before them.
    fn further_lines(&self) -> &str {
        self.0
            .find('\n')
            .and_then(|at| self.0.get(at..))
            .unwrap_or_default()
    }
}

impl std::fmt::Display for LastWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it panicked: {}", self.first_line())
    }
}

/// A component under a policy: what instances are made from.
pub struct PreparedComponent {
    component: Arc<LoadedComponent>,
    engine: Engine,
    granted: Arc<Granted>,
    budget: Budget,
    classes: Vec<Arc<Class>>,
    linked: Linked,
    on_demand: OnceLock<Linked>,
}

/// A component linked for one home.
#[derive(Clone)]
pub struct Linked {
    /// Where.
    pub home: Home,
    /// Ready to instantiate.
    pub pre: InstancePre<StoreData>,
    /// Where its exports are.
    pub indices: ExportIndices,
}

impl Linked {
    fn new(
        component: &LoadedComponent,
        home: Home,
        compiled: &Component,
        granted: &Granted,
    ) -> Result<Self> {
        let failed = |error: wasmtime::Error| component.not_linked(&error);
        let linker = linker(component, home, Some(granted)).map_err(failed)?;
        let pre = linker.instantiate_pre(compiled).map_err(failed)?;
        let indices = ExportIndices::find(&pre)
            .map_err(|problem| unusable(&component.name, problem, wasm::HOW_TO_BUILD))?;
        Ok(Self { home, pre, indices })
    }
}

impl PreparedComponent {
    /// Whether it is what `policy` makes of its component.
    ///
    /// # Errors
    /// When the policy does not cover the component.
    pub fn is_under(&self, policy: &Policy) -> Result<bool, MissingGrants> {
        let component = &self.component;
        let granted = check_imports(&component.imports, &component.manifest, policy)?;
        Ok(*self.granted == granted && self.budget == policy.budget)
    }

    /// Whether what runs as this runs on as `other` without a start: the same linked, with the same in hand from
    /// the beginning. Ports, connections and requests are decided one by one.
    pub fn runs_on_as(&self, other: &Self) -> bool {
        let (mine, others) = (&self.granted, &other.granted);
        let is_linked_alike = |it: Capability| mine.grants(it) == others.grants(it);
        Arc::ptr_eq(&self.component, &other.component)
            && self.budget == other.budget
            && Capability::ALL.into_iter().all(is_linked_alike)
            && mine.files.len() == others.files.len()
            && mine
                .files
                .iter()
                .zip(&others.files)
                .all(|(it, other)| it.is_as(other))
            && (&mine.data, &mine.env) == (&others.data, &others.env)
    }

    /// What `policy` grants of what its component requests, whether that is enough for it or not.
    pub fn granted_by(&self, policy: &Policy) -> Granted {
        policy.granted(self.component.manifest.requests.keys().copied())
    }

    /// Its component under another policy.
    ///
    /// # Errors
    /// Those of [`LoadedComponent::prepare`].
    pub async fn under(&self, policy: &Policy) -> Result<Self> {
        Arc::clone(&self.component).prepare(policy).await
    }

    /// Its component.
    pub fn component(&self) -> &LoadedComponent {
        &self.component
    }

    /// What its instances may do.
    pub fn granted(&self) -> &Arc<Granted> {
        &self.granted
    }

    /// What each of its instances may use.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The same, for instances on `engine`, which is that of its component or
    /// [among stand-ins](Engine::among).
    pub fn on(self, engine: Engine) -> Self {
        Self { engine, ..self }
    }

    /// The engine that its instances run on.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Its classes; at least one.
    pub fn classes(&self) -> &[Arc<Class>] {
        &self.classes
    }

    /// The class `id`.
    ///
    /// # Errors
    /// [`HostError::UnknownClass`], which names those that there are.
    pub fn class(&self, id: &str) -> Result<Arc<Class>> {
        self.classes
            .iter()
            .find(|class| class.id() == id)
            .cloned()
            .ok_or_else(|| {
                let known: Vec<_> = self.classes.iter().map(|class| class.id()).collect();
                let class_id = text::clean_line(id, limits::MAX_NAME_BYTES);
                HostError::UnknownClass {
                    class_id,
                    known: known.join(", "),
                }
            })
    }

    /// The component, linked for where most instances live.
    pub fn linked(&self) -> &Linked {
        &self.linked
    }

    /// The component linked for memory of its own, for when `error` says that the pool is full.
    pub fn linked_instead(&self, error: &wasmtime::Error) -> Option<Linked> {
        if self.linked.home == Home::OnDemand || !is_pool_full(error) {
            return None;
        }
        if let Some(linked) = self.on_demand.get() {
            return Some(linked.clone());
        }
        let component = &self.component;
        let compiled = component.engine.on_demand(&component.compiled).ok()?;
        let linked = Linked::new(component, Home::OnDemand, &compiled, &self.granted).ok()?;
        Some(self.on_demand.get_or_init(|| linked).clone())
    }
}

/// For who may do what is `granted`; `None`: for one that describes itself.
fn linker(
    component: &LoadedComponent,
    home: Home,
    granted: Option<&Granted>,
) -> wasmtime::Result<Linker<StoreData>> {
    let mut linker = Linker::new(component.engine.wasmtime(home));
    match (granted, &component.program) {
        (Some(granted), None) => capability::link(&mut linker, granted)?,
        (None, None) => capability::link_all(&mut linker)?,
        (_, Some(program)) => {
            capability::link_all(&mut linker)?;
            program::link(&mut linker, program, granted)?;
        }
    }
    bindings::types::add_to_linker::<_, HasHost>(&mut linker, |state| HostView(state))?;
    bindings::host::add_to_linker::<_, HasHost>(&mut linker, |state| HostView(state))?;
    bindings::timer::add_to_linker::<_, HasHost>(&mut linker, |state| HostView(state))?;
    Ok(linker)
}

/// Refuses a method that declares more time for its calls than the policy's cap, where the policy says so.
fn refuse_long_calls(name: &str, classes: &[Arc<Class>], budget: &Budget) -> Result<()> {
    let methods = classes.iter().flat_map(|class| &class.declared.methods);
    match description::refused_for_length(methods, budget) {
        Some(problem) => Err(unusable(
            name,
            problem,
            description::HOW_TO_ALLOW_LONG_CALLS,
        )),
        None => Ok(()),
    }
}

fn unusable(name: &str, problem: impl Into<String>, fix: &str) -> HostError {
    let problem = text::clean_line(&problem.into(), limits::MAX_TEXT_BYTES);
    HostError::Component {
        name: name.to_owned(),
        problem,
        fix: text::capitalised(fix),
    }
}

/// The name and the bytes of a file, if a component may have so many.
fn read_file(path: &Path) -> Result<(String, Vec<u8>)> {
    let failed = |source| HostError::File {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    if size > limits::MAX_COMPONENT_BYTES {
        let max = limits::MAX_COMPONENT_BYTES;
        return Err(unusable(
            &name,
            format!("it has {size} bytes; at most {max} are allowed"),
            "Build it in release mode",
        ));
    }
    Ok((name, std::fs::read(path).map_err(failed)?))
}

/// Where it may take long.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| HostError::Engine(error.to_string()))?
}

fn not_compiled(name: &str, error: &wasmtime::Error) -> HostError {
    let fix = "Take an intact copy, or build it again";
    unusable(name, format!("it does not compile: {error:#}"), fix)
}

/// Compiles for the pool, or on demand when the component does not fit into a slot of it.
fn compile(engine: &Engine, name: &str, wasm: &[u8]) -> Result<(Component, Home)> {
    let compiled = match engine.compile(wasm, Home::Pooled) {
        Ok(component) => return Ok((component, Home::Pooled)),
        Err(_) => engine.compile(wasm, Home::OnDemand),
    };
    compiled
        .map(|component| (component, Home::OnDemand))
        .map_err(|error| not_compiled(name, &error))
}

fn check_world(engine: &Engine, name: &str, compiled: &Component) -> Result<()> {
    let component_type = compiled.component_type();
    let engine = engine.wasmtime(Home::OnDemand);
    let exports: Vec<String> = component_type
        .exports(engine)
        .map(|(export, _)| export.to_owned())
        .collect();
    if exports.iter().any(|export| export == WORKER_INTERFACE) {
        return Ok(());
    }
    if let Some(version) = exports.iter().find_map(|export| other_version(export)) {
        let problem = format!("it was built for version {version} of the world `external-worker`");
        return Err(unusable(name, problem, HOW_TO_MOVE_ON));
    }
    let found = if exports.is_empty() {
        "nothing".to_owned()
    } else {
        exports.join(", ")
    };
    let problem = format!("it exports {found} instead of `{WORKER_INTERFACE}`");
    let fix = "It has to implement the world `external-worker`: `ewh new` makes a crate that does";
    Err(unusable(name, problem, fix))
}

fn imports(engine: &Engine, compiled: &Component) -> Vec<Import> {
    let engine = engine.wasmtime(Home::OnDemand);
    let component_type = compiled.component_type();
    let imports = component_type.imports(engine);
    imports
        .map(|(interface, item)| Import {
            interface: interface.to_owned(),
            callable: match item.ty {
                ComponentItem::ComponentInstance(instance) => instance
                    .exports(engine)
                    .any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_))),
                ComponentItem::Type(_) => false,
                _ => true,
            },
        })
        .collect()
}
