//! From what the macros found in the source to the records of the contract.
#![allow(missing_docs, reason = "reached by the macros only")]

use serde::Deserialize;
use serde_json::Value as JsonValue;

use crate::bindings::funcnodes::external_worker::types as wit;
use crate::call::Call;
use crate::error::{Error, Result};
use crate::form;
use crate::kinds;
use crate::value::{FromPort, IntoPort, PortType, Returns, Value};
use crate::worker::Worker;

/// A host that knows libraries does not turn their loop; another one does as seldom as this.
const LIBRARY_LOOP_DELAY_MS: u32 = 3_600_000;

/// What a class says of itself beyond its type.
pub struct ClassSpec {
    pub title: &'static str,
    pub description: Option<&'static str>,
    pub ui_schema: Option<&'static str>,
    pub export_exclude: &'static [&'static str],
    pub loop_delay_ms: u32,
    pub is_library: bool,
    pub nodes: Vec<wit::NodeClass>,
}

/// What a node says of itself.
pub struct NodeSpec {
    pub name: &'static str,
    pub title: Option<&'static str>,
    pub description: Option<&'static str>,
    pub inputs: Vec<wit::Port>,
    pub outputs: Vec<wit::Port>,
    pub render_options: Option<&'static str>,
    pub trigger_on_call: Option<bool>,
    pub timeout_ms: Option<u32>,
}

/// What the options `inputs`, `outputs` and `default_io_options` can say of one port.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortOptions {
    #[serde(rename = "type")]
    ty: Option<JsonValue>,
    description: Option<String>,
    pub(crate) default: Option<JsonValue>,
    required: Option<bool>,
    does_trigger: Option<bool>,
    hidden: Option<bool>,
    value_options: Option<serde_json::Map<String, JsonValue>>,
    render_options: Option<JsonValue>,
}

pub fn class<W: Worker>(spec: ClassSpec) -> wit::WorkerClass {
    let schema = form::schema::<W>();
    wit::WorkerClass {
        class_id: W::CLASS_ID.into(),
        title: spec.title.into(),
        description: spec.description.map(Into::into),
        ui_schema: form::ui_schema::<W>(spec.ui_schema, &schema),
        config_schema: schema.to_string(),
        export_exclude: spec
            .export_exclude
            .iter()
            .map(|field| (*field).into())
            .collect(),
        loop_delay_ms: spec.loop_delay_ms,
        is_library: spec.is_library,
        methods: spec.nodes,
    }
}

/// The class of a library: there is nothing to configure, and nothing for its loop to do.
pub fn library<W: Worker>(
    title: &'static str,
    description: Option<&'static str>,
    nodes: Vec<wit::NodeClass>,
) -> wit::WorkerClass {
    class::<W>(ClassSpec {
        title,
        description,
        ui_schema: None,
        export_exclude: &[],
        loop_delay_ms: LIBRARY_LOOP_DELAY_MS,
        is_library: true,
        nodes,
    })
}

/// Puts a shelf of a library behind the others, and says where it is.
pub fn put_shelf(
    shelves: &mut Vec<wit::Shelf>,
    parent: Option<u32>,
    name: &str,
    description: Option<&str>,
    nodes: Vec<wit::NodeClass>,
) -> u32 {
    // There are as many as the author has written modules.
    let place = u32::try_from(shelves.len()).unwrap_or(u32::MAX);
    shelves.push(wit::Shelf {
        name: name.into(),
        description: description.map(Into::into),
        parent,
        nodes,
    });
    place
}

pub fn node(spec: NodeSpec) -> wit::NodeClass {
    wit::NodeClass {
        name: spec.name.into(),
        title: spec.title.map(Into::into),
        description: spec.description.map(Into::into),
        inputs: spec.inputs,
        outputs: spec.outputs,
        render_options: spec.render_options.map(Into::into),
        trigger_on_call: spec.trigger_on_call,
        timeout_ms: spec.timeout_ms,
    }
}

/// `options` is an object that the macro has checked. The types can be compared only where they are known, which
/// is when the code runs: it says so the first time that anybody asks, which is when it is built and tried.
///
/// # Panics
/// When `options` declare a type of which the code takes no value.
#[allow(
    clippy::panic,
    reason = "the author has to correct the declaration, and nobody can go on without"
)]
pub fn input<T: FromPort>(
    name: &str,
    description: Option<&str>,
    default: Option<Value>,
    options: &str,
) -> wit::Port {
    let options = parse_options(options);
    let own = T::type_schema();
    if let Some(declared) = options.ty.as_ref().filter(|ty| !kinds::meet(ty, &own)) {
        panic!("the input {name:?} is declared as {declared}, and the code takes {own}");
    }
    input_port::<T>(name, description, default, options)
}

/// # Panics
/// When the default is not a value of the input's type: left out, it would be missed by whoever relies on it.
#[allow(
    clippy::panic,
    reason = "the author has to correct the default, and nobody can go on without"
)]
pub fn default_value<T: IntoPort>(name: &str, make: fn() -> Result<T>) -> Option<Value> {
    match make().and_then(T::into_value) {
        Ok(value) => Some(value),
        Err(error) => panic!("the default of the input {name:?} is not of its type: {error}"),
    }
}

pub(crate) fn input_port<T: PortType>(
    name: &str,
    description: Option<&str>,
    default: Option<Value>,
    options: PortOptions,
) -> wit::Port {
    let required = T::required() && default.is_none();
    let default = default.or_else(|| (!T::required()).then_some(Value::None));
    let options = PortOptions {
        required: options.required.or(Some(required)),
        ..options
    };
    port(
        name,
        description,
        default,
        (T::type_schema(), T::value_options()),
        options,
    )
}

pub fn outputs<R: Returns>(given: &[(&str, &str)]) -> Vec<wit::Port> {
    let given: Vec<_> = given
        .iter()
        .map(|(name, options)| (*name, parse_options(options)))
        .collect();
    output_ports::<R>(&given)
}

pub(crate) fn output_ports<R: Returns>(given: &[(&str, PortOptions)]) -> Vec<wit::Port> {
    let types = R::types();
    let count = types.len();
    types
        .into_iter()
        .enumerate()
        .map(|(i, ty)| match given.get(i) {
            Some((name, options)) => port(name, None, None, ty, options.clone()),
            None => port(
                &default_output(i, count),
                None,
                None,
                ty,
                PortOptions::default(),
            ),
        })
        .collect()
}

fn default_output(i: usize, count: usize) -> String {
    if count == 1 {
        "out".into()
    } else {
        format!("out{i}")
    }
}

fn parse_options(options: &str) -> PortOptions {
    serde_json::from_str(options).unwrap_or_else(|error| {
        log::error!("the options {options} of a port: {error}");
        PortOptions::default()
    })
}

fn port(
    name: &str,
    description: Option<&str>,
    default: Option<Value>,
    (ty, offered): (JsonValue, Option<JsonValue>),
    options: PortOptions,
) -> wit::Port {
    wit::Port {
        name: name.into(),
        type_: options.ty.unwrap_or(ty).to_string(),
        description: options.description.or_else(|| description.map(Into::into)),
        default,
        required: options.required.unwrap_or(false),
        does_trigger: options.does_trigger.unwrap_or(true),
        hidden: options.hidden.unwrap_or(false),
        value_options: merge(offered, options.value_options).map(|json| json.to_string()),
        render_options: options.render_options.map(|json| json.to_string()),
    }
}

/// What the author says wins over what the type offers, key by key.
fn merge(
    offered: Option<JsonValue>,
    given: Option<serde_json::Map<String, JsonValue>>,
) -> Option<JsonValue> {
    match (offered, given) {
        (Some(JsonValue::Object(mut all)), Some(given)) => {
            all.extend(given);
            Some(JsonValue::Object(all))
        }
        (offered, given) => given.map(JsonValue::Object).or(offered),
    }
}

/// A default that was written as JSON.
pub fn default_from_json<T: FromPort>(json: &str) -> Result<T> {
    T::from_json(serde_json::from_str(json)?)
}

/// What `call` was given, until each input found its argument.
pub struct Inputs {
    given: Vec<(String, Value)>,
    call: Call,
}

impl Inputs {
    pub(crate) fn new(given: Vec<(String, Value)>, call: Call) -> Self {
        Self { given, call }
    }

    /// The call that they belong to.
    pub fn call(&self) -> Call {
        self.call.clone()
    }

    /// Takes one input. A missing one, and nothing for a type that needs something, is the default.
    pub fn take<T: FromPort>(
        &mut self,
        name: &str,
        default: Option<fn() -> Result<T>>,
    ) -> Result<T> {
        let place = self.given.iter().position(|(given, _)| given == name);
        let value = place.map(|place| self.given.swap_remove(place).1);
        let named = |error: Error| error.context(format!("input {name:?}"));
        match value {
            Some(value) if !(T::required() && matches!(value, Value::None)) => {
                T::from_value(value).map_err(named)
            }
            _ => match default {
                Some(default) => default().map_err(named),
                None if !T::required() => T::from_value(Value::None).map_err(named),
                None => Err(Error::invalid_input(format!("input {name:?} has no value"))),
            },
        }
    }

    /// Whatever is left has no argument.
    pub fn finish(&self, names: &[&str]) -> Result<()> {
        match self.given.first() {
            None => Ok(()),
            Some((name, _)) if names.contains(&name.as_str()) => Err(Error::invalid_input(
                format!("input {name:?} is given twice"),
            )),
            Some((name, _)) => Err(Error::invalid_input(format!(
                "there is no input {name:?}; inputs: {}",
                if names.is_empty() {
                    "none".into()
                } else {
                    names.join(", ")
                }
            ))),
        }
    }
}

/// Named values, as `call` gives them back.
pub type Outputs = Vec<(String, Value)>;

/// Names what a method returned.
pub fn returned<R: Returns>(result: R, names: &[&str]) -> Result<Outputs> {
    let values = result.into_values()?;
    let count = values.len();
    let name = |i: usize| {
        names
            .get(i)
            .map_or_else(|| default_output(i, count), |n| (*n).into())
    };
    Ok(values
        .into_iter()
        .enumerate()
        .map(|(i, value)| (name(i), value))
        .collect())
}
