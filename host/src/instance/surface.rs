//! The nodes that were made from an instance's methods, as far as the guest may see and change
//! them. The Worker attaches and detaches nodes; the guest sets values, defaults and options.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

use super::events::InputChange;
use crate::bindings::types::{NodeClass, Value};

/// What was set at one input, beyond what its class declares.
#[derive(Debug, Clone, Default)]
pub struct InputState {
    /// The value.
    pub value: Option<Value>,
    /// The default; `Some(None)`: explicitly none.
    pub default: Option<Option<Value>>,
    /// The value options.
    pub value_options: Option<Json>,
    /// The render options.
    pub render_options: Option<Json>,
}

impl InputState {
    fn apply(&mut self, change: &InputChange) {
        match change.clone() {
            InputChange::Value(value) => self.value = Some(value),
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

    /// Notes `change`.
    ///
    /// # Errors
    /// When the node is gone or has no such input.
    pub fn change(&self, input: &str, change: &InputChange) -> Result<(), Refused> {
        if self.removed.load(Ordering::Acquire) {
            return Err(Refused::Removed);
        }
        if !self.known.iter().any(|known| known == input) {
            let (method, input) = (self.method.clone(), input.to_owned());
            return Err(Refused::NoInput { method, input });
        }
        self.changed()
            .entry(input.to_owned())
            .or_default()
            .apply(change);
        Ok(())
    }
}

#[derive(Debug)]
struct Method {
    class: Arc<Inputs>,
    nodes: Vec<Arc<Inputs>>,
}

/// All methods of one instance with their nodes.
#[derive(Debug)]
pub struct Surface {
    methods: Mutex<HashMap<String, Method>>,
}

impl Surface {
    /// A surface without nodes.
    pub fn new(methods: &[NodeClass]) -> Self {
        let method = |class: &NodeClass| {
            let known = class.inputs.iter().map(|port| port.name.clone()).collect();
            let class = Arc::new(inputs(None, &class.name, known));
            (
                class.method.clone(),
                Method {
                    class,
                    nodes: Vec::new(),
                },
            )
        };
        Self {
            methods: Mutex::new(methods.iter().map(method).collect()),
        }
    }

    fn methods(&self) -> MutexGuard<'_, HashMap<String, Method>> {
        self.methods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node was made from `method`. It begins with what the guest set at the class.
    ///
    /// # Errors
    /// When there is no such method.
    pub fn attach(&self, method: &str, node: &str) -> Result<Arc<Inputs>, Refused> {
        let mut methods = self.methods();
        let entry = methods
            .get_mut(method)
            .ok_or_else(|| Refused::NoMethod(method.to_owned()))?;
        let attached = inputs(Some(node.to_owned()), method, entry.class.known.clone());
        *attached.changed() = entry.class.changed().clone();
        let attached = Arc::new(attached);
        entry.nodes.push(Arc::clone(&attached));
        Ok(attached)
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

    /// The nodes of `method`.
    ///
    /// # Errors
    /// When there is no such method.
    pub fn nodes(&self, method: &str) -> Result<Vec<Arc<Inputs>>, Refused> {
        let methods = self.methods();
        let entry = methods
            .get(method)
            .ok_or_else(|| Refused::NoMethod(method.to_owned()))?;
        Ok(entry.nodes.clone())
    }

    /// The node class of `method`.
    ///
    /// # Errors
    /// When there is no such method.
    pub fn class(&self, method: &str) -> Result<Arc<Inputs>, Refused> {
        let methods = self.methods();
        let entry = methods
            .get(method)
            .ok_or_else(|| Refused::NoMethod(method.to_owned()))?;
        Ok(Arc::clone(&entry.class))
    }
}

fn inputs(node: Option<String>, method: &str, known: Arc<[String]>) -> Inputs {
    let removed = AtomicBool::new(false);
    Inputs {
        node,
        method: method.to_owned(),
        known,
        changed: Mutex::default(),
        removed,
    }
}
