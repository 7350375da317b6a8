//! Further nodes, made while the worker runs: what `get_nodeshelf` gives.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::slice::Iter;
use std::time::Duration;

use serde_json::Value as JsonValue;

use crate::bindings::funcnodes::external_worker::types as wit;
use crate::call::Call;
use crate::describe::{Inputs, PortOptions, input_port, output_ports};
use crate::error::{Error, Result};
use crate::export;
use crate::value::{FromPort, Returns, Value};
use crate::worker::{BoxFuture, Calling, Worker};

/// A named group of nodes and of further groups.
///
/// ```
/// use external_worker::prelude::*;
///
/// let factor = 3;
/// let shelf = Shelf::new("extras")
///     .description("Depends on the configuration.")
///     .node(ShelfNode::new("times", move |x: i64| x * factor).inputs(["x"]))
///     .subshelf(Shelf::new("slow").node(
///         ShelfNode::new("later", async |text: String| {
///             sleep(std::time::Duration::from_millis(10)).await;
///             text
///         })
///         .inputs(["text"])
///         .outputs(["same"]),
///     ));
/// # let _ = shelf;
/// ```
pub struct Shelf {
    name: String,
    description: Option<String>,
    nodes: Vec<ShelfNode>,
    subshelves: Vec<Shelf>,
}

impl Shelf {
    /// An empty shelf. The name is a part of its nodes' path, so it has no `/`.
    pub fn new(name: impl Into<String>) -> Self {
        let (description, nodes, subshelves) = (None, Vec::new(), Vec::new());
        Self {
            name: name.into(),
            description,
            nodes,
            subshelves,
        }
    }

    /// Sets the description that a person reads about the shelf.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Adds a node.
    #[must_use]
    pub fn node(mut self, node: ShelfNode) -> Self {
        self.nodes.push(node);
        self
    }

    /// Adds a shelf inside this one.
    #[must_use]
    pub fn subshelf(mut self, shelf: Shelf) -> Self {
        self.subshelves.push(shelf);
        self
    }
}

/// A node that is a closure, sync or async, of up to six arguments.
///
/// Before these, the closure may take the worker, as `me: &Self`: it is lent to the closure for each call,
/// like `self` to a method, so nothing of it need be captured. An argument of the type [`Call`] is not an input, as
/// in a method.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[derive(Default)]
/// struct Gauge {
///     offset: State<f64>,
/// }
///
/// #[external_worker(id = "gauge")]
/// impl Gauge {
///     fn get_nodeshelf(&self) -> Option<Shelf> {
///         let shift = |me: &Self, by: f64| me.offset.update(|offset| *offset += by);
///         let settled = async |me: &Self, x: f64| {
///             sleep(Duration::from_millis(10)).await;
///             x + me.offset.get()
///         };
///         let shelf = Shelf::new("gauge")
///             .node(ShelfNode::new("shift", shift).inputs(["by"]))
///             .node(ShelfNode::new("settled", settled).inputs(["x"]));
///         Some(shelf)
///     }
/// }
///
/// let gauge = external_worker::testing::start::<Gauge>(json!({})).unwrap();
/// gauge.call("gauge/shift", json!({"by": 0.5})).unwrap();
/// let settled = gauge.call("gauge/settled", json!({"x": 1.0})).unwrap();
/// assert_eq!(settled.one::<f64>().unwrap(), 1.5);
/// ```
pub struct ShelfNode {
    name: String,
    title: Option<String>,
    description: Option<String>,
    inputs: Vec<ShelfInput>,
    input_types: fn(&[ShelfInput]) -> Vec<wit::Port>,
    outputs: Vec<(String, PortOptions)>,
    output_types: fn(&[(&str, PortOptions)]) -> Vec<wit::Port>,
    render_options: Option<JsonValue>,
    timeout_ms: Option<u32>,
    run: Run,
    /// What the builder was told and cannot do; said when the host asks for the shelf.
    error: Option<Error>,
}

/// An input's name and what else is said of it.
#[derive(Clone)]
pub struct ShelfInput {
    name: String,
    options: PortOptions,
}

impl ShelfNode {
    /// A node that runs `function`. Its inputs are called `in0`, `in1`, .. and its output `out`, unless
    /// [`inputs`](Self::inputs) and [`outputs`](Self::outputs) give other names.
    pub fn new<F, Args, R>(name: impl Into<String>, function: F) -> Self
    where
        F: ShelfFn<Args, R>,
    {
        let function = Rc::new(function);
        Self {
            name: name.into(),
            title: None,
            description: None,
            inputs: (0..F::COUNT)
                .map(|i| ShelfInput {
                    name: format!("in{i}"),
                    options: PortOptions::default(),
                })
                .collect(),
            input_types: F::ports,
            outputs: Vec::new(),
            output_types: output_ports::<F::Output>,
            render_options: None,
            timeout_ms: None,
            run: Rc::new(move |names, inputs| F::run(&function, names, inputs)),
            error: None,
        }
    }

    /// Sets the name of the node that a person sees.
    #[must_use]
    pub fn title(mut self, text: impl Into<String>) -> Self {
        self.title = Some(text.into());
        self
    }

    /// Sets the description that a person reads about the node.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Names the inputs, in the order of the closure's arguments; the worker and the [`Call`] have no name.
    #[must_use]
    pub fn inputs<const N: usize>(mut self, names: [&str; N]) -> Self {
        if N != self.inputs.len() {
            let text = format!("names {N} inputs, but takes {}", self.inputs.len());
            self.fail(text);
        }
        for (input, name) in self.inputs.iter_mut().zip(names) {
            input.name = name.into();
        }
        self
    }

    /// Names the outputs: one name, or as many as the returned tuple has elements.
    #[must_use]
    pub fn outputs<const N: usize>(mut self, names: [&str; N]) -> Self {
        let count = (self.output_types)(&[]).len();
        if N != count {
            self.fail(format!("names {N} outputs, but returns {count}"));
        }
        self.outputs = names
            .map(|name| (name.into(), PortOptions::default()))
            .into();
        self
    }

    /// Describes an input or output further, with the keys that `default_io_options` of
    /// `#[node]` has: `json!({"value_options": {"options": ["a", "b"]}})`.
    #[must_use]
    pub fn io_options(mut self, name: &str, options: JsonValue) -> Self {
        let options = match serde_json::from_value(options) {
            Ok(options) => options,
            Err(error) => {
                self.fail(format!("the options of {name:?}: {error}"));
                return self;
            }
        };
        if self.outputs.is_empty() {
            let types = (self.output_types)(&[]);
            let default = types
                .into_iter()
                .map(|port| (port.name, PortOptions::default()));
            self.outputs = default.collect();
        }
        if let Some(input) = self.inputs.iter_mut().find(|input| input.name == name) {
            input.options = options;
        } else if let Some(output) = self.outputs.iter_mut().find(|(other, _)| other == name) {
            output.1 = options;
        } else {
            self.fail(format!("there is no input or output {name:?}"));
        }
        self
    }

    /// Sets how the node is shown.
    #[must_use]
    pub fn render_options(mut self, options: JsonValue) -> Self {
        self.render_options = Some(options);
        self
    }

    /// Sets the longest time that a call may take, if the policy allows so much.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout_ms = Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self
    }

    fn fail(&mut self, text: String) {
        self.error
            .get_or_insert_with(|| Error::internal(format!("node {:?} {text}", self.name)));
    }

    fn class(&self) -> wit::NodeClass {
        let outputs: Vec<_> = self
            .outputs
            .iter()
            .map(|(name, options)| (name.as_str(), options.clone()))
            .collect();
        wit::NodeClass {
            name: self.name.clone(),
            title: self.title.clone(),
            description: self.description.clone(),
            inputs: (self.input_types)(&self.inputs),
            outputs: (self.output_types)(&outputs),
            render_options: self.render_options.as_ref().map(JsonValue::to_string),
            trigger_on_call: None,
            timeout_ms: self.timeout_ms,
        }
    }
}

/// A closure that can be a [`ShelfNode`]. `Args` and `R` only distinguish the kinds of closures.
pub trait ShelfFn<Args, R>: 'static {
    #[doc(hidden)]
    const COUNT: usize;
    /// What it returns, in the end.
    type Output: Returns;
    #[doc(hidden)]
    fn ports(inputs: &[ShelfInput]) -> Vec<wit::Port>;
    #[doc(hidden)]
    fn run(function: &Rc<Self>, names: &[ShelfInput], inputs: Inputs) -> Running;
}

/// A node at work, or why it cannot be.
type Running = Result<BoxFuture<'static, Result<Vec<Value>>>>;
type Run = Rc<dyn Fn(&[ShelfInput], Inputs) -> Running>;

#[doc(hidden)]
pub struct Sync<R>(R);
#[doc(hidden)]
pub struct Async<R>(R);
/// Stands for the worker among the arguments of a closure.
#[doc(hidden)]
pub struct Me<W>(W);

/// An argument of a closure: an input, or the [`Call`].
pub trait ShelfArg: Sized + 'static {
    #[doc(hidden)]
    const IS_INPUT: bool;
    #[doc(hidden)]
    fn port(inputs: &mut Iter<'_, ShelfInput>) -> Option<wit::Port>;
    #[doc(hidden)]
    fn take(inputs: &mut Inputs, named: &mut Iter<'_, ShelfInput>) -> Result<Self>;
}

impl<T: FromPort + 'static> ShelfArg for T {
    const IS_INPUT: bool = true;

    fn port(inputs: &mut Iter<'_, ShelfInput>) -> Option<wit::Port> {
        let ShelfInput { name, options } = inputs.next()?;
        let default = options.default.clone().map(crate::value::value_from_json);
        Some(input_port::<T>(name, None, default, options.clone()))
    }

    fn take(inputs: &mut Inputs, named: &mut Iter<'_, ShelfInput>) -> Result<Self> {
        let Some(ShelfInput { name, options }) = named.next() else {
            return Err(Error::internal("a closure has more arguments than inputs"));
        };
        match (inputs.take::<Option<Value>>(name, None)?, &options.default) {
            (Some(value), _) => T::from_value(value),
            (None, Some(default)) => T::from_json(default.clone()),
            (None, None) if !T::required() => T::from_value(Value::None),
            (None, None) => Err(Error::invalid_input("it has no value")),
        }
        .map_err(|error| error.context(format!("input {name:?}")))
    }
}

impl ShelfArg for Call {
    const IS_INPUT: bool = false;

    fn port(_inputs: &mut Iter<'_, ShelfInput>) -> Option<wit::Port> {
        None
    }

    fn take(inputs: &mut Inputs, _named: &mut Iter<'_, ShelfInput>) -> Result<Self> {
        Ok(inputs.call())
    }
}

macro_rules! closures {
    ($(($($arg:ident)*)),*) => {$(
        impl<F, R, $($arg),*> ShelfFn<($($arg,)*), Sync<R>> for F
        where
            F: Fn($($arg),*) -> R + 'static,
            R: Returns,
            $($arg: ShelfArg,)*
        {
            closures!(described R; $($arg)*);
            closures!(run names inputs $($arg)*; function => {
                let values = function($($arg),*).into_values();
                Ok(Box::pin(std::future::ready(values)))
            });
        }

        impl<F, R, $($arg),*> ShelfFn<($($arg,)*), Async<R>> for F
        where
            F: AsyncFn($($arg),*) -> R + 'static,
            R: Returns,
            $($arg: ShelfArg,)*
        {
            closures!(described R; $($arg)*);
            closures!(run names inputs $($arg)*; function => {
                let function = Rc::clone(function);
                Ok(Box::pin(async move { function($($arg),*).await.into_values() }))
            });
        }

        impl<F, W, R, $($arg),*> ShelfFn<(Me<W>, $($arg,)*), Sync<R>> for F
        where
            F: Fn(&W, $($arg),*) -> R + 'static,
            W: Worker,
            R: Returns,
            $($arg: ShelfArg,)*
        {
            closures!(described R; $($arg)*);
            closures!(run names inputs $($arg)*; function => {
                let worker = export::worker::<W>()?;
                let values = function(&worker, $($arg),*).into_values();
                Ok(Box::pin(std::future::ready(values)))
            });
        }

        impl<F, W, R, $($arg),*> ShelfFn<(Me<W>, $($arg,)*), Async<R>> for F
        where
            F: AsyncFn(&W, $($arg),*) -> R + 'static,
            W: Worker,
            R: Returns,
            $($arg: ShelfArg,)*
        {
            closures!(described R; $($arg)*);
            closures!(run names inputs $($arg)*; function => {
                let worker = export::worker::<W>()?;
                let function = Rc::clone(function);
                Ok(Box::pin(async move { function(&worker, $($arg),*).await.into_values() }))
            });
        }
    )*};
    (described $output:ident; $($arg:ident)*) => {
        const COUNT: usize = 0 $(+ $arg::IS_INPUT as usize)*;
        type Output = $output;

        #[allow(unused, reason = "a closure may take no arguments")]
        fn ports(inputs: &[ShelfInput]) -> Vec<wit::Port> {
            let mut inputs = inputs.iter();
            let mut ports = Vec::new();
            $(ports.extend($arg::port(&mut inputs));)*
            ports
        }
    };
    (run $names:ident $inputs:ident $($arg:ident)*; $function:ident => $body:block) => {
        #[allow(non_snake_case, unused_mut, reason = "an argument is named after its type, and there may be none")]
        fn run(
            $function: &Rc<Self>,
            $names: &[ShelfInput],
            mut $inputs: Inputs,
        ) -> Running {
            closures!(take $names $inputs $($arg)*);
            $body
        }
    };
    (take $names:ident $inputs:ident $($arg:ident)*) => {
        #[allow(unused, reason = "a closure may take no arguments")]
        let mut names = $names.iter();
        $(
            let $arg = $arg::take(&mut $inputs, &mut names)?;
        )*
        let names: Vec<_> = $names.iter().map(|input| input.name.as_str()).collect();
        $inputs.finish(&names)?;
    };
}

closures!((), (A), (A B), (A B C), (A B C D), (A B C D E0), (A B C D E0 G));

/// The nodes of a shelf by their path, ready to be called.
#[derive(Default)]
pub(crate) struct Table(BTreeMap<String, ShelfNode>);

impl Table {
    /// None: there is no node at `path`.
    pub(crate) fn call(&self, path: &str, inputs: Inputs) -> Option<Calling<'static>> {
        let node = self.0.get(path)?;
        let outputs: Vec<_> = node.outputs.iter().map(|(name, _)| name.clone()).collect();
        let types = node.output_types;
        let running = (node.run)(&node.inputs, inputs);
        Some(Box::pin(async move {
            let values = running?.await?;
            let default = if outputs.is_empty() {
                types(&[])
            } else {
                Vec::new()
            };
            let names = outputs
                .into_iter()
                .chain(default.into_iter().map(|port| port.name));
            Ok(names.zip(values).collect())
        }))
    }
}

/// The shelf as the contract has it, and its nodes by path. Names are for the host to judge, who tells its user of
/// the one that cannot be: here it would only be a line in a log.
pub(crate) fn flatten(shelf: Shelf) -> Result<(Vec<wit::Shelf>, Table)> {
    let mut list = Vec::new();
    let mut table = Table::default();
    place(shelf, None, "", &mut list, &mut table)?;
    Ok((list, table))
}

fn place(
    shelf: Shelf,
    parent: Option<u32>,
    above: &str,
    list: &mut Vec<wit::Shelf>,
    table: &mut Table,
) -> Result<()> {
    let path = format!("{above}{}/", shelf.name);
    let index = u32::try_from(list.len()).map_err(|_| "the shelf has too many subshelves")?;
    let nodes = shelf.nodes.iter().map(ShelfNode::class).collect();
    list.push(wit::Shelf {
        name: shelf.name,
        description: shelf.description,
        parent,
        nodes,
    });
    for node in shelf.nodes {
        if let Some(error) = node.error {
            return Err(error);
        }
        let path = format!("{path}{}", node.name);
        if let Some(other) = table.0.insert(path, node) {
            return Err(Error::internal(format!(
                "the shelf has two nodes {:?}",
                other.name
            )));
        }
    }
    for subshelf in shelf.subshelves {
        place(subshelf, Some(index), &path, list, table)?;
    }
    Ok(())
}
