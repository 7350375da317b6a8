//! Tests of the graph as a whole: real tasks on a real runtime, nodes that are closures.

mod edges;
mod flow;
mod groups;
mod library;
mod media;
mod save;
mod shapes;
mod types;
mod waves;
mod wire;

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};

use super::view::preview;
use super::*;
use crate::json::JsonText;
use crate::limits::{Budget, Ledger, Paid, Resource};

/// An observer that remembers.
#[derive(Default)]
struct Log {
    events: Mutex<Vec<GraphEvent>>,
    dirty: Mutex<Vec<Dirty>>,
}

impl Observer for Log {
    fn event(&self, event: GraphEvent) {
        self.events.lock().unwrap().push(event);
    }

    fn dirty(&self, what: Dirty) {
        self.dirty.lock().unwrap().push(what);
    }
}

/// A node that is a closure.
struct Closure<F>(F);

impl<F> Run for Closure<F>
where
    F: Fn(Ports) -> BoxFuture<'static, Result<Ports, String>> + Send + Sync + 'static,
{
    fn run(&self, _node: &Arc<str>, inputs: Ports) -> BoxFuture<'static, Result<Ports, String>> {
        self.0(inputs)
    }
}

fn closure<F, R>(run: F) -> Arc<dyn Run>
where
    F: Fn(Ports) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Ports, String>> + Send + 'static,
{
    Arc::new(Closure(move |inputs| -> BoxFuture<'static, _> {
        Box::pin(run(inputs))
    }))
}

fn port(id: &str, ty: &str) -> PortSpec {
    PortSpec::new(id, Type::parse(&json!(ty)))
}

fn class(id: &str, inputs: Vec<PortSpec>, outputs: Vec<PortSpec>, run: Arc<dyn Run>) -> NodeClass {
    NodeClass {
        id: id.to_owned(),
        name: id.to_owned(),
        class_name: format!("{id}Node"),
        description: None,
        inputs,
        outputs,
        render_options: None,
        trigger_on_create: false,
        reset_inputs_on_trigger: false,
        run,
    }
}

/// The sum of what there is, at `out`.
fn sum(id: &str, inputs: &[&str]) -> NodeClass {
    let inputs = inputs.iter().map(|id| port(id, "int")).collect();
    let run = closure(|inputs| async move { Ok(out(total(&inputs))) });
    class(id, inputs, vec![port("out", "int")], run)
}

fn total(inputs: &Ports) -> i64 {
    let numbers = inputs.iter().map(|(_, value)| match **value {
        Value::Integer(integer) => integer,
        _ => 0,
    });
    numbers.sum()
}

fn out(value: i64) -> Ports {
    vec![("out".into(), SharedValue::new(Value::Integer(value)))]
}

fn shelf(classes: Vec<NodeClass>) -> Shelf {
    Shelf {
        classes: classes.into_iter().map(Arc::new).collect(),
        ..Shelf::default()
    }
}

/// One thread, so that what runs at the same time takes turns.
fn threads() -> Executor {
    Executor::start(Some(1), || {}).unwrap()
}

/// Options that a guest said, and pays for.
fn said(options: &Json) -> Paid<JsonText> {
    let ledger = Ledger::new(&Budget::default());
    Paid::new(
        JsonText::of(options),
        ledger.hold(Resource::Memory, 1).unwrap(),
    )
}

/// The library as clients see it.
fn library(space: &NodeSpace) -> Json {
    serde_json::from_str(&space.library_text()).unwrap()
}

struct Bench {
    space: NodeSpace,
    log: Arc<Log>,
}

impl Bench {
    fn new(classes: Vec<NodeClass>) -> Self {
        let log = Arc::new(Log::default());
        let space = NodeSpace::new(threads(), Arc::clone(&log) as _);
        space.put_shelf(&["test"], shelf(classes)).unwrap();
        Self { space, log }
    }

    fn add(&self, class: &str, id: &str) -> Json {
        let new = NewNode {
            id: Some(id.to_owned()),
            ..NewNode::default()
        };
        json!(self.space.add_node(class, new).unwrap())
    }

    /// Connects `a.out` to `b.in`, written "a.out".
    fn connect(&self, from: &str, to: &str) {
        let (from, to) = (from.split_once('.').unwrap(), to.split_once('.').unwrap());
        let edge = self.space.add_edge(from.0, from.1, to.0, to.1, false);
        edge.unwrap();
    }

    fn set(&self, io: &str, value: impl Into<Json>) {
        let (node, io) = io.split_once('.').unwrap();
        let value = Value::from_wire(value.into());
        self.space.set_value(node, io, value, false).unwrap();
    }

    fn value(&self, io: &str) -> Json {
        let (node, io) = io.split_once('.').unwrap();
        self.space.preview(node, io).unwrap()
    }

    fn status(&self, node: &str) -> Json {
        json!(self.space.status(node).unwrap())
    }

    /// What was told since the last look.
    fn events(&self) -> Vec<GraphEvent> {
        std::mem::take(&mut self.log.events.lock().unwrap())
    }

    /// [`Bench::events`], in short.
    fn told(&self) -> Vec<String> {
        self.events().iter().map(short).collect()
    }

    fn dirty(&self) -> Vec<Dirty> {
        std::mem::take(&mut self.log.dirty.lock().unwrap())
    }
}

fn short(event: &GraphEvent) -> String {
    let edge = |edge: &Edge| format!("{}.{} to {}.{}", edge[0], edge[1], edge[2], edge[3]);
    match event {
        GraphEvent::NodeAdded { node } => format!("added {}", node.id),
        GraphEvent::NodeRemoved { node } => format!("removed {node}"),
        GraphEvent::NodeReplaced { node, .. } => format!("replaced {}", node.id),
        GraphEvent::EdgeAdded { edge: ends, .. } => format!("connected {}", edge(ends)),
        GraphEvent::EdgeRemoved { edge: ends, .. } => format!("disconnected {}", edge(ends)),
        GraphEvent::Progress { node, what, .. } => format!("{what} {node}"),
        GraphEvent::TriggerStart { node } => format!("start {node}"),
        GraphEvent::TriggerDone { node } => format!("done {node}"),
        GraphEvent::TriggerFast { node } => format!("fast {node}"),
        GraphEvent::NodeError { node, message } => format!("error {node}: {message}"),
        GraphEvent::Value { node, io, value } => {
            format!("{node}.{io} = {}", preview(value.as_ref()))
        }
        GraphEvent::DefaultChanged { node, io, default } => {
            format!("default of {node}.{io} = {}", preview(default.as_ref()))
        }
        GraphEvent::ValueOptionsChanged { node, io, .. } => format!("options of {node}.{io}"),
        GraphEvent::RenderOptionsChanged { node, io, .. } => format!("render of {node}.{io}"),
    }
}
