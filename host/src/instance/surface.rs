//! The nodes that were made from an instance's methods, as far as the guest may see and change
//! them. The Worker attaches and detaches nodes; the guest sets values, defaults and options.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::description::Class;
use super::events::InputChange;
use crate::bindings::types::Value;
use crate::json::JsonText;
use crate::limits::Paid;

/// What was set at one input, beyond what its class declares.
#[derive(Debug, Clone, Default)]
pub struct InputState {
    /// The value.
    pub value: Option<Paid<Value>>,
    /// The default; `Some(None)`: explicitly none.
    pub default: Option<Option<Paid<Value>>>,
    /// The value options.
    pub value_options: Option<Paid<JsonText>>,
    /// The render options.
    pub render_options: Option<Paid<JsonText>>,
}

impl InputState {
    fn apply(&mut self, change: &InputChange) {
        match change.clone() {
            InputChange::Value(value) | InputChange::Shown(value) => self.value = Some(value),
            InputChange::Default(default) => self.default = Some(default),
            InputChange::ValueOptions(options) => self.value_options = Some(options),
            InputChange::RenderOptions(options) => self.render_options = Some(options),
        }
    }
}

/// The inputs of a node or of a node class.
#[derive(Debug)]
pub struct Inputs {
    /// The node's id; `None`: the class.
    pub node: Option<String>,
    /// The method whose node this is.
    pub method: String,
    known: Arc<[String]>,
    /// Calls of the method that are open.
    open: Arc<AtomicUsize>,
    changed: Mutex<BTreeMap<String, InputState>>,
    removed: AtomicBool,
}

/// Why a change was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The node was removed from the graph.
    #[error("the node was removed")]
    Removed,
    /// There is no such input.
    #[error("the node of `{method}` has no input `{input}`")]
    NoInput {
        /// Its method.
        method: String,
        /// What was asked for.
        input: String,
    },
    /// There is no such method.
    #[error("the class has no method `{0}`")]
    NoMethod(String),
}

impl Inputs {
    fn changed(&self) -> MutexGuard<'_, BTreeMap<String, InputState>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was set at `input`.
    pub fn input(&self, input: &str) -> InputState {
        self.changed().get(input).cloned().unwrap_or_default()
    }

    /// Everything that was set, by input.
    pub fn all(&self) -> BTreeMap<String, InputState> {
        self.changed().clone()
    }

    /// Whether a call of the method is open.
    pub fn is_called(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0
    }

    /// Whether there is an input that could be changed.
    ///
    /// # Errors
    /// When the node is gone or has no such input.
    pub fn find(&self, input: &str) -> Result<(), Refused> {
        if self.removed.load(Ordering::Acquire) {
            return Err(Refused::Removed);
        }
        if !self.known.iter().any(|known| known == input) {
            let (method, input) = (self.method.clone(), input.to_owned());
            return Err(Refused::NoInput { method, input });
        }
        Ok(())
    }

    /// Notes `change` at an input that is there.
    pub fn change(&self, input: &str, change: &InputChange) {
        let mut changed = self.changed();
        changed.entry(input.to_owned()).or_default().apply(change);
    }
}

#[derive(Debug)]
struct Method {
    class: Arc<Inputs>,
    nodes: Vec<Arc<Inputs>>,
}

/// All methods of one instance with their nodes.
#[derive(Debug, Default)]
pub struct Surface {
    /// Which methods there are; `None`: none.
    class: Option<Arc<Class>>,
    /// Those that somebody asked for.
    methods: Mutex<HashMap<String, Method>>,
}

impl Surface {
    /// A surface without nodes.
    pub fn new(class: Arc<Class>) -> Self {
        Self {
            class: Some(class),
            methods: Mutex::default(),
        }
    }

    fn methods(&self) -> MutexGuard<'_, HashMap<String, Method>> {
        self.methods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a method.
    fn with<T>(&self, method: &str, what: impl FnOnce(&mut Method) -> T) -> Result<T, Refused> {
        let mut methods = self.methods();
        if let Some(known) = methods.get_mut(method) {
            return Ok(what(known));
        }
        let class = self.class.as_ref();
        let declared = class.and_then(|class| class.method(method));
        let declared = declared.ok_or_else(|| Refused::NoMethod(method.to_owned()))?;
        let inputs_of = declared.inputs.iter().map(|port| port.name.clone());
        let known = methods.entry(method.to_owned()).or_insert_with(|| Method {
            class: Arc::new(inputs(None, method, inputs_of.collect(), Arc::default())),
            nodes: Vec::new(),
        });
        Ok(what(known))
    }

    /// A node was made from `method`. It begins with what the guest set at the class.
    ///
    /// # Errors
    /// When there is no such method.
    pub fn attach(&self, method: &str, node: &str) -> Result<Arc<Inputs>, Refused> {
        self.with(method, |known| {
            let class = &known.class;
            let (names, open) = (Arc::clone(&class.known), Arc::clone(&class.open));
            let attached = inputs(Some(node.to_owned()), method, names, open);
            *attached.changed() = class.changed().clone();
            let attached = Arc::new(attached);
            known.nodes.push(Arc::clone(&attached));
            attached
        })
    }

    /// The instance has ended for good: nobody is shown what it set any more, and nothing of it is kept.
    pub fn end(&self) {
        for method in self.methods().values() {
            for inputs in method.nodes.iter().chain([&method.class]) {
                inputs.changed().clear();
            }
        }
    }

    /// The node was removed: handles that a guest still has answer so.
    pub fn detach(&self, node: &str) {
        for method in self.methods().values_mut() {
            method.nodes.retain(|inputs| {
                let keep = inputs.node.as_deref() != Some(node);
                inputs.removed.fetch_or(!keep, Ordering::AcqRel);
                keep
            });
        }
    }

    /// A call of `method` is open for as long as the returned value lives.
    pub fn call(&self, method: &str) -> Option<OpenCall> {
        let open = self
            .with(method, |known| Arc::clone(&known.class.open))
            .ok()?;
        open.fetch_add(1, Ordering::AcqRel);
        Some(OpenCall(open))
    }

    /// The nodes of `method`.
    ///
    /// # Errors
    /// When there is no such method.
    pub fn nodes(&self, method: &str) -> Result<Vec<Arc<Inputs>>, Refused> {
        self.with(method, |known| known.nodes.clone())
    }

    /// The node class of `method`.
    ///
    /// # Errors
    /// When there is no such method.
    pub fn class(&self, method: &str) -> Result<Arc<Inputs>, Refused> {
        self.with(method, |known| Arc::clone(&known.class))
    }
}

/// A call of a method under way.
#[derive(Debug)]
pub struct OpenCall(Arc<AtomicUsize>);

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn inputs(
    node: Option<String>,
    method: &str,
    known: Arc<[String]>,
    open: Arc<AtomicUsize>,
) -> Inputs {
    let removed = AtomicBool::new(false);
    Inputs {
        node,
        method: method.to_owned(),
        known,
        open,
        changed: Mutex::default(),
        removed,
    }
}
