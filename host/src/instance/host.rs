//! The interface `host` that every guest gets, granted or not.
//!
//! It has no `sleep`. That is in the interface `timer`, since not every language can import an async
//! function, and it needs no grant, since it tells nothing of the time. `wait` is for the others. `panicked` carries a guest's
//! last words, because a trap alone says no more than `unreachable`.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Accessor, Resource};
use wasmtime::{Result, error::Context as _};

use super::events::{Event, InputChange};
use super::store_data::{HasHost, HostView};
use super::surface::{Inputs, Refused};
use super::value;
use crate::bindings::host::{self, Level, Trigger};
use crate::bindings::timer;
use crate::bindings::types::{self, Error, ErrorCode, Value};
use crate::json::JsonText;
use crate::limits::{self, Held, Paid, Resource as Budgeted};
use crate::text;

/// A node in the graph, as a guest holds it.
pub struct NodeHandle(Handle);

/// A node class, as a guest holds it.
pub struct ClassHandle(Handle);

struct Handle {
    inputs: Arc<Inputs>,
    _held: Held,
}

/// Trees that are made of a default at once: one to show the node, one to save it.
const DEFAULT_TREES: u64 = 2;

/// Trees that are made of a configuration while it is looked at: what was said, and with what it does not say.
const CONFIG_TREES_TRIED: u64 = 2;
/// Trees of a configuration that are kept: whole and without secrets, by the instance, its Worker and its store.
const CONFIG_TREES: u64 = 4;

type Answer<T = ()> = std::result::Result<T, Error>;

fn refuse(code: ErrorCode, message: impl Into<String>) -> Error {
    Error {
        code,
        message: message.into(),
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let code = match &refused {
            Refused::TooLarge { .. } => ErrorCode::Busy,
            Refused::Removed | Refused::NoInput { .. } | Refused::NoMethod(_) => {
                ErrorCode::Unavailable
            }
        };
        refuse(code, refused.to_string())
    }
}

impl types::Host for HostView<'_> {}

impl HostView<'_> {
    /// A guest's JSON, checked.
    fn json(&self, json: &str) -> Answer<JsonText> {
        let limit = self.0.budget.event_size.as_u64();
        if json.len() as u64 > limit {
            let message = format!(
                "{} bytes of JSON are more than the {limit} allowed",
                json.len()
            );
            return Err(refuse(ErrorCode::InvalidInput, message));
        }
        JsonText::check(json)
            .map_err(|error| refuse(ErrorCode::InvalidInput, format!("not JSON: {error}")))
    }

    /// Options, which the graph keeps as trees.
    fn options(&self, json: &str) -> Answer<Paid<JsonText>> {
        let options = self.json(json)?;
        if options.tree_size() > limits::MAX_OPTIONS_TREE_BYTES {
            let message = "the options have more parts than are allowed";
            return Err(refuse(ErrorCode::InvalidInput, message));
        }
        let bytes = options.size();
        self.pay(options, bytes, bytes)
    }

    /// What stays with a node is held for as long as the node is, so it is bounded like an event.
    fn value(&self, value: Value, trees: u64) -> Answer<Paid<Value>> {
        let limit = self.0.budget.event_size.as_u64();
        let size = value::size(&value);
        let tree = value::check(&value, limit)
            .map_err(|problem| refuse(ErrorCode::InvalidInput, problem.to_string()))?;
        // Here and in the graph, and there as a tree where it is shown as one.
        let bytes = size
            .saturating_mul(2)
            .saturating_add(tree.saturating_mul(trees));
        self.pay(value, size, bytes)
    }

    /// Charges for what is said before it is kept or sent: `said` towards the rates, `kept` towards the memory.
    fn pay<T>(&self, what: T, said: u64, kept: u64) -> Answer<Paid<T>> {
        let budget = &self.0.budget;
        if !self.0.events.admit(said) {
            let (rate, bytes) = (budget.events_per_second, budget.event_bytes_per_second);
            let message = format!("more than {rate} events, or {bytes} of them, a second");
            return Err(refuse(ErrorCode::Busy, message));
        }
        let kept = kept.saturating_add(limits::EVENT_BYTES);
        let held = self.0.ledger.hold(Budgeted::Memory, kept);
        let held = held.map_err(|error| refuse(ErrorCode::Busy, error.to_string()))?;
        Ok(Paid::new(what, held))
    }

    /// Takes what the guest says its configuration is, which the host keeps in some places as a tree.
    fn take_config(&self, config: &str) -> Answer {
        let said = self.json(config)?;
        let tree = said.tree_size();
        let trying = self.pay((), said.size(), tree.saturating_mul(CONFIG_TREES_TRIED))?;
        let invalid = |problem: String| refuse(ErrorCode::InvalidConfig, problem);
        let whole = self.0.said_config(&said.tree());
        let whole = whole.map_err(|error| invalid(error.to_string()))?;
        let size = self.json(&whole.to_string())?.tree_size();
        let held = self
            .0
            .ledger
            .hold(Budgeted::Memory, size.saturating_mul(CONFIG_TREES));
        let held = held.map_err(|error| refuse(ErrorCode::Busy, error.to_string()))?;
        drop(trying);
        self.0.settings.say(whole, held);
        self.0.events.send(Event::ConfigSaid);
        Ok(())
    }

    fn handle(&self, inputs: Arc<Inputs>) -> Answer<Handle> {
        let ledger = &self.0.ledger;
        let held = ledger
            .hold(Budgeted::Handles, 1)
            .map_err(|error| refuse(ErrorCode::Busy, error.to_string()))?;
        Ok(Handle {
            inputs,
            _held: held,
        })
    }

    /// Changes an input. What is refused is neither kept nor sent.
    fn change(
        &self,
        inputs: &Inputs,
        input: &str,
        change: impl FnOnce() -> Answer<InputChange>,
    ) -> Answer {
        inputs.find(input)?;
        let change = change()?;
        inputs.change(input, &change);
        self.0.events.send(Event::InputChanged {
            node: inputs.node.clone(),
            method: inputs.method.clone(),
            input: input.to_owned(),
            change,
        });
        Ok(())
    }

    fn change_value(&self, inputs: &Inputs, input: &str, value: Value, trigger: Trigger) -> Answer {
        self.change(inputs, input, || {
            let value = self.value(value, 0)?;
            Ok(match trigger {
                Trigger::No => InputChange::Shown(value),
                Trigger::Yes => InputChange::Value(value),
            })
        })
    }

    /// What is in force at an input; `none` where nothing is.
    fn value_at(&self, inputs: &Inputs, input: &str) -> Answer<Value> {
        let most = self.0.budget.value_size.as_u64();
        let value = inputs.value(input, most)?;
        Ok(value.unwrap_or(Value::None))
    }

    fn change_default(&self, inputs: &Inputs, input: &str, default: Option<Value>) -> Answer {
        self.change(inputs, input, || match default {
            Some(default) => {
                let default = self.value(default, DEFAULT_TREES)?;
                Ok(InputChange::Default(Some(default)))
            }
            None => self.pay((), 0, 0).map(|_| InputChange::Default(None)),
        })
    }

    fn change_value_options(&self, inputs: &Inputs, input: &str, options: &str) -> Answer {
        let options = || self.options(options).map(InputChange::ValueOptions);
        self.change(inputs, input, options)
    }

    fn change_render_options(&self, inputs: &Inputs, input: &str, options: &str) -> Answer {
        let options = || self.options(options).map(InputChange::RenderOptions);
        self.change(inputs, input, options)
    }
}

impl host::Host for HostView<'_> {
    fn log(&mut self, level: Level, message: String) -> Result<()> {
        self.0.events.log(level, &message);
        Ok(())
    }

    fn panicked(&mut self, message: String) -> Result<()> {
        self.0.events.log(Level::Error, &message);
        self.0.last_words = Some(text::clean(
            message.trim_end(),
            limits::MAX_LAST_WORDS_BYTES,
        ));
        Ok(())
    }

    fn progress(&mut self, call: u64, fraction: f64, message: String) -> Result<()> {
        self.0.progress.told(call, fraction, &message);
        Ok(())
    }

    fn emit(&mut self, event: String, data: String) -> Result<Answer> {
        let event = text::clean_line(&event, limits::MAX_NAME_BYTES);
        let paid = self.json(&data).and_then(|data| {
            let bytes = data.size();
            self.pay(data, bytes, bytes)
        });
        Ok(paid.map(|data| self.0.events.send(Event::Emitted { event, data })))
    }

    fn name(&mut self) -> Result<String> {
        Ok(self.0.settings.name().to_string())
    }

    fn set_config(&mut self, config: String) -> Result<Answer> {
        Ok(self.take_config(&config))
    }

    fn set_loop_delay(&mut self, ms: u32) -> Result<()> {
        self.0.turns.set_delay(Duration::from_millis(ms.into()));
        Ok(())
    }

    fn pause(&mut self) -> Result<()> {
        self.0.turns.pause();
        Ok(())
    }

    fn resume_in(&mut self, ms: u32) -> Result<()> {
        self.0.turns.resume_in(Duration::from_millis(ms.into()));
        Ok(())
    }

    async fn wait(&mut self, ms: u32, call: Option<u64>) -> Result<bool> {
        let wait = Duration::from_millis(ms.into()).min(limits::MAX_WAIT);
        let ended = tokio::time::timeout(wait, self.0.endings.of(call)).await;
        Ok(ended.is_err())
    }

    fn stop_self(&mut self) -> Result<()> {
        self.0.stop.notify_one();
        Ok(())
    }

    fn request_trigger(&mut self, method: String) -> Result<Answer> {
        let asked = self.0.surface.class(&method).map_err(Error::from);
        let paid = asked.and_then(|_class| self.pay((), 0, 0));
        Ok(paid.map(|_| self.0.events.send(Event::TriggerRequested { method })))
    }

    fn nodes(&mut self, method: String) -> Result<Answer<Vec<Resource<NodeHandle>>>> {
        let nodes = match self.0.surface.nodes(&method) {
            Ok(nodes) => nodes,
            Err(refused) => return Ok(Err(refused.into())),
        };
        let mut handles = Vec::new();
        for inputs in nodes {
            match self.handle(inputs) {
                Ok(handle) => handles.push(self.table().push(NodeHandle(handle))?),
                Err(error) => {
                    for handle in handles {
                        self.table().delete(handle)?;
                    }
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(handles))
    }

    fn get_node_class(&mut self, method: String) -> Result<Answer<Resource<ClassHandle>>> {
        let class = self.0.surface.class(&method).map_err(Error::from);
        match class.and_then(|inputs| self.handle(inputs)) {
            Ok(handle) => Ok(Ok(self.table().push(ClassHandle(handle))?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl timer::Host for HostView<'_> {}

impl<T: Send> timer::HostWithStore<T> for HasHost {
    async fn sleep(_accessor: &Accessor<T, Self>, ms: u32) -> Result<()> {
        let wait = Duration::from_millis(ms.into()).min(limits::MAX_SLEEP);
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

impl host::HostNode for HostView<'_> {
    fn id(&mut self, node: Resource<NodeHandle>) -> Result<String> {
        Ok(self.node(&node)?.node.clone().unwrap_or_default())
    }

    fn value(&mut self, node: Resource<NodeHandle>, input: String) -> Result<Answer<Value>> {
        let inputs = self.node(&node)?;
        Ok(self.value_at(&inputs, &input))
    }

    fn set_value(
        &mut self,
        node: Resource<NodeHandle>,
        input: String,
        value: Value,
        trigger: Trigger,
    ) -> Result<Answer> {
        let inputs = self.node(&node)?;
        Ok(self.change_value(&inputs, &input, value, trigger))
    }

    fn set_default(
        &mut self,
        node: Resource<NodeHandle>,
        input: String,
        default: Option<Value>,
    ) -> Result<Answer> {
        let inputs = self.node(&node)?;
        Ok(self.change_default(&inputs, &input, default))
    }

    fn set_value_options(
        &mut self,
        node: Resource<NodeHandle>,
        input: String,
        options: String,
    ) -> Result<Answer> {
        let inputs = self.node(&node)?;
        Ok(self.change_value_options(&inputs, &input, &options))
    }

    fn set_render_options(
        &mut self,
        node: Resource<NodeHandle>,
        input: String,
        options: String,
    ) -> Result<Answer> {
        let inputs = self.node(&node)?;
        Ok(self.change_render_options(&inputs, &input, &options))
    }

    fn drop(&mut self, node: Resource<NodeHandle>) -> Result<()> {
        self.table().delete(node)?;
        Ok(())
    }
}

impl host::HostNodeClassHandle for HostView<'_> {
    fn value(&mut self, class: Resource<ClassHandle>, input: String) -> Result<Answer<Value>> {
        let inputs = self.class(&class)?;
        Ok(self.value_at(&inputs, &input))
    }

    fn set_value(
        &mut self,
        class: Resource<ClassHandle>,
        input: String,
        value: Value,
        trigger: Trigger,
    ) -> Result<Answer> {
        let inputs = self.class(&class)?;
        Ok(self.change_value(&inputs, &input, value, trigger))
    }

    fn set_default(
        &mut self,
        class: Resource<ClassHandle>,
        input: String,
        default: Option<Value>,
    ) -> Result<Answer> {
        let inputs = self.class(&class)?;
        Ok(self.change_default(&inputs, &input, default))
    }

    fn set_value_options(
        &mut self,
        class: Resource<ClassHandle>,
        input: String,
        options: String,
    ) -> Result<Answer> {
        let inputs = self.class(&class)?;
        Ok(self.change_value_options(&inputs, &input, &options))
    }

    fn set_render_options(
        &mut self,
        class: Resource<ClassHandle>,
        input: String,
        options: String,
    ) -> Result<Answer> {
        let inputs = self.class(&class)?;
        Ok(self.change_render_options(&inputs, &input, &options))
    }

    fn drop(&mut self, class: Resource<ClassHandle>) -> Result<()> {
        self.table().delete(class)?;
        Ok(())
    }
}

impl HostView<'_> {
    fn table(&mut self) -> &mut wasmtime::component::ResourceTable {
        self.0.table()
    }

    fn node(&mut self, node: &Resource<NodeHandle>) -> Result<Arc<Inputs>> {
        let handle = self
            .table()
            .get(node)
            .context("not a node of this instance")?;
        Ok(Arc::clone(&handle.0.inputs))
    }

    fn class(&mut self, class: &Resource<ClassHandle>) -> Result<Arc<Inputs>> {
        let handle = self
            .table()
            .get(class)
            .context("not a node class of this instance")?;
        Ok(Arc::clone(&handle.0.inputs))
    }
}
