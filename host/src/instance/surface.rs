//! The nodes that were made from an instance's methods, as far as the guest may see and change
//! them. The Worker attaches and detaches nodes; the guest sets values, defaults and options.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether that value triggers a node that begins with it.
    pub triggers: bool,
    /// How often the value was set at the node without the graph having it yet.
    ahead: u32,
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
            InputChange::Value(value) => (self.value, self.triggers) = (Some(value), true),
            InputChange::Shown(value) => (self.value, self.triggers) = (Some(value), false),
            InputChange::Default(default) => self.default = Some(default),
            InputChange::ValueOptions(options) => self.value_options = Some(options),
            InputChange::RenderOptions(options) => self.render_options = Some(options),
        }
    }
}

/// The graph, as far as a guest may look into it.
pub trait Graph: Send + Sync {
    /// The value that is in force at an input of a node, if it has one and its size is no more than `most`
    /// bytes.
    ///
    /// # Errors
    /// Why the guest does not get it.
    fn value(&self, node: &str, input: &str, most: u64) -> Result<Option<Value>, Refused>;
}

/// The inputs of a node or of a node class.
pub struct Inputs {
    /// The node's id; `None`: the class.
    pub node: Option<String>,
    /// The method whose node this is.
    pub method: String,
    /// Which inputs there are, with the defaults that the class declares.
    known: Arc<[(String, Option<Value>)]>,
    graph: Option<Arc<dyn Graph>>,
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
    /// The value is larger than the guest may be handed.
    #[error("the value at `{input}` has {size} bytes; the budget `value-size` allows {most}")]
    TooLarge {
        /// Where it is.
        input: String,
        /// Its size.
        size: u64,
        /// The budget.
        most: u64,
    },
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

    /// The value that is in force at `input`, if there is one: that of the graph, unless the guest has set one
    /// that the graph does not have yet.
    ///
    /// # Errors
    /// When there is no such input, or the value has more than `most` bytes.
    pub fn value(&self, input: &str, most: u64) -> Result<Option<Value>, Refused> {
        self.find(input)?;
        let state = self.input(input);
        let set = || {
            let declared = self.known.iter().find(|(known, _)| known == input);
            let declared = || declared.and_then(|(_, default)| default.clone());
            let default = match &state.default {
                Some(default) => default.as_deref().cloned(),
                None => declared(),
            };
            Ok(state.value.as_deref().cloned().or(default))
        };
        match (&self.graph, &self.node) {
            (Some(graph), Some(node)) if state.ahead == 0 => graph.value(node, input, most),
            _ => set(),
        }
    }

    /// The graph has, or has refused, a value that was set at `input`.
    fn arrived(&self, input: &str) {
        if let Some(state) = self.changed().get_mut(input) {
            state.ahead = state.ahead.saturating_sub(1);
        }
    }

    /// Whether there is an input that could be changed.
    ///
    /// # Errors
    /// When the node is gone or has no such input.
    pub fn find(&self, input: &str) -> Result<(), Refused> {
        if self.removed.load(Ordering::Acquire) {
            return Err(Refused::Removed);
        }
        if !self.known.iter().any(|(known, _)| known == input) {
            let (method, input) = (self.method.clone(), input.to_owned());
            return Err(Refused::NoInput { method, input });
        }
        Ok(())
    }

    /// Notes `change` at an input that is there.
    pub fn change(&self, input: &str, change: &InputChange) {
        let mut changed = self.changed();
        let state = changed.entry(input.to_owned()).or_default();
        state.apply(change);
        let is_value = matches!(change, InputChange::Value(_) | InputChange::Shown(_));
        if is_value && self.graph.is_some() {
            state.ahead = state.ahead.saturating_add(1);
        }
    }
}

impl std::fmt::Debug for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inputs")
            .field("node", &self.node)
            .field("method", &self.method)
            .finish_non_exhaustive()
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
        let inputs_of = declared.inputs.iter();
        let inputs_of = inputs_of.map(|port| (port.name.clone(), port.default.clone()));
        let known = methods.entry(method.to_owned()).or_insert_with(|| Method {
            class: Arc::new(inputs(None, method, inputs_of.collect(), None)),
            nodes: Vec::new(),
        });
        Ok(what(known))
    }

    /// A node of `graph` was made from `method`. It begins with what the guest set at the class. Without a graph,
    /// what the guest sets is all that there is.
    ///
    /// # Errors
    /// When there is no such method.
    pub fn attach(
        &self,
        method: &str,
        node: &str,
        graph: Option<Arc<dyn Graph>>,
    ) -> Result<Arc<Inputs>, Refused> {
        self.with(method, |known| {
            let class = &known.class;
            let names = Arc::clone(&class.known);
            let attached = inputs(Some(node.to_owned()), method, names, graph);
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

    /// The graph has, or has refused, a value that was set at an input of a node.
    pub fn arrived(&self, method: &str, node: &str, input: &str) {
        if let Some(known) = self.methods().get(method) {
            let mut nodes = known.nodes.iter();
            let node = nodes.find(|inputs| inputs.node.as_deref() == Some(node));
            if let Some(node) = node {
                node.arrived(input);
            }
        }
    }

    /// Some of what was set will never arrive: what the graph has is in force everywhere.
    pub fn lost(&self) {
        for method in self.methods().values() {
            for node in &method.nodes {
                node.changed()
                    .values_mut()
                    .for_each(|state| state.ahead = 0);
            }
        }
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

fn inputs(
    node: Option<String>,
    method: &str,
    known: Arc<[(String, Option<Value>)]>,
    graph: Option<Arc<dyn Graph>>,
) -> Inputs {
    let removed = AtomicBool::new(false);
    Inputs {
        node,
        method: method.to_owned(),
        known,
        graph,
        changed: Mutex::default(),
        removed,
    }
}
