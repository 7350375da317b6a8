//! An external worker's methods as node classes: names, ids and types across the border
//! between the graph and the guests. Neither side knows the other.

use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::external_worker::ExternalWorker;
use crate::bindings::types as wit;
use crate::executor::Standing;
use crate::instance::surface::{Graph, InputState, Refused};
use crate::json as document;
use crate::nodespace::{
    IoChange, NodeClass, PortSpec, Ports, Run, SharedValue, Type, Value, WeakNodeSpace,
    node_rendering,
};
use crate::values::{from_guest, kept, paid, to_guest};

/// The id of the node class of a method, or of a shelf's node by its path. Of a library there is one, so its
/// nodes are called the same in every Worker. No class id has a dot, and each is one module's, so no id of one
/// class is that of another.
pub fn node_class_id(external: &ExternalWorker, node: &str) -> String {
    let (class_id, uuid) = (external.class_id(), external.uuid());
    match external.is_library() {
        true => format!("{class_id}.{node}"),
        false => format!("{class_id}.{uuid}.{node}"),
    }
}

/// The class of a method, or of a shelf's node by its path.
pub fn node_class(
    external: &Arc<ExternalWorker>,
    declared: &wit::NodeClass,
    node: &str,
    is_method: bool,
) -> Arc<NodeClass> {
    let name = match &declared.title {
        Some(title) if !title.is_empty() => title.clone(),
        _ => title_case(&declared.name),
    };
    let outputs: Vec<_> = declared.outputs.iter().map(port).collect();
    let render_options = declared.render_options.as_deref().and_then(parse);
    Arc::new(NodeClass {
        id: node_class_id(external, node),
        name,
        class_name: class_name(&declared.name),
        description: declared.description.clone(),
        inputs: declared.inputs.iter().map(port).collect(),
        render_options: node_rendering(render_options, &outputs),
        outputs,
        trigger_on_create: false,
        reset_inputs_on_trigger: false,
        run: Arc::new(Method {
            external: Arc::downgrade(external),
            node: node.to_owned(),
            is_method,
        }),
    })
}

fn port(declared: &wit::Port) -> PortSpec {
    PortSpec {
        description: declared.description.clone(),
        default: declared.default.clone().map(default),
        required: declared.required,
        does_trigger: declared.does_trigger,
        hidden: declared.hidden,
        value_options: declared.value_options.as_deref().and_then(parse),
        render_options: declared.render_options.as_deref().and_then(parse),
        ..PortSpec::new(&*declared.name, Type::from_text(&declared.type_))
    }
}

/// A default, its JSON written as a client's is: a client that sets the same sets no default of its own.
fn default(value: wit::Value) -> SharedValue {
    SharedValue::new(match from_guest(value) {
        Value::Json(json) => Value::from_json(json.tree()),
        other => other,
    })
}

/// JSON of a description, which was checked when the component was loaded.
fn parse(json: &str) -> Option<Json> {
    serde_json::from_str(&document::marked(json)).ok()
}

/// `get_count` as FuncNodes shows it: `Get_Count`.
fn title_case(name: &str) -> String {
    let mut after_letter = false;
    let mut title = String::with_capacity(name.len());
    for c in name.chars() {
        if after_letter {
            title.extend(c.to_lowercase());
        } else {
            title.extend(c.to_uppercase());
        }
        after_letter = c.is_alphabetic();
    }
    title
}

/// `get_count` as FuncNodes names its class: `GetCountNode`.
fn class_name(name: &str) -> String {
    let name = camel_case(name);
    if name.ends_with("Node") {
        name
    } else {
        name + "Node"
    }
}

/// `get_count` in one word: `GetCount`.
fn camel_case(name: &str) -> String {
    let words = name.split(['_', '-', ' ']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut chars = word.chars();
            let first: String = chars
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect();
            first + chars.as_str()
        })
        .collect()
}

/// Runs a method, or a shelf's node, of the instance that is in force when it is called.
struct Method {
    external: Weak<ExternalWorker>,
    node: String,
    is_method: bool,
}

impl Run for Method {
    fn run(&self, node: &Arc<str>, inputs: Ports) -> BoxFuture<'static, Result<Ports, String>> {
        let Some(external) = self.external.upgrade() else {
            return async { Err("the external worker was removed".to_owned()) }.boxed();
        };
        let (caller, node) = (Arc::clone(node), self.node.clone());
        async move {
            let inputs = || {
                let inputs = inputs.into_iter();
                inputs
                    .map(|(name, value)| (name.to_string(), to_guest(&value)))
                    .collect()
            };
            match external.call(&caller, &node, inputs).await {
                Ok(outputs) => Ok(outputs.into_iter().map(kept).collect()),
                Err(error) => Err(error.public()),
            }
        }
        .boxed()
    }

    fn standing(&self) -> Option<Standing> {
        let instance = self.external.upgrade()?.instance()?;
        Some(instance.standing().clone())
    }

    fn attached(&self, node: &str, graph: WeakNodeSpace) -> Vec<(String, IoChange)> {
        let instance = self.external.upgrade().and_then(|ext| ext.instance());
        let Some(instance) = instance.filter(|_| self.is_method) else {
            return Vec::new();
        };
        let graph: Arc<dyn Graph> = Arc::new(GraphOf(graph));
        let attached = instance.surface().attach(&self.node, node, Some(graph));
        let Ok(inputs) = attached else {
            return Vec::new();
        };
        inputs
            .all()
            .into_iter()
            .flat_map(|(input, state)| changes(state).map(move |change| (input.clone(), change)))
            .collect()
    }

    fn detached(&self, node: &str) {
        if let Some(instance) = self.external.upgrade().and_then(|ext| ext.instance()) {
            instance.surface().detach(node);
        }
    }
}

/// The graph, as a guest may look into it.
struct GraphOf(WeakNodeSpace);

impl Graph for GraphOf {
    fn value(&self, node: &str, input: &str, most: u64) -> Result<Option<wit::Value>, Refused> {
        let Some(value) = self.0.input(node, input) else {
            return Ok(None);
        };
        let size = value.size();
        if size > most {
            let input = input.to_owned();
            return Err(Refused::TooLarge { input, size, most });
        }
        Ok(Some(to_guest(&value)))
    }
}

/// What a guest set at an input of the class, for a node that begins with it.
fn changes(state: InputState) -> impl Iterator<Item = IoChange> {
    let InputState {
        value,
        triggers,
        default,
        value_options,
        render_options,
        ..
    } = state;
    let options = value_options.map(IoChange::ValueOptions);
    let render = render_options.map(IoChange::RenderOptions);
    let default = default.map(|default| IoChange::Default(default.as_ref().map(paid)));
    let value = value.as_ref().map(|value| match triggers {
        true => IoChange::Value(paid(value)),
        false => IoChange::Shown(paid(value)),
    });
    [options, render, default, value].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::super::external_worker::Identity;
    use super::*;
    use crate::instance::description::PORTS_OF_EVERY_NODE;
    use crate::nodespace::{TRIGGER_INPUT, TRIGGER_OUTPUT};

    /// What one of them takes and the other does not would cost a component all of its nodes.
    #[test]
    fn the_ports_of_every_node_are_those_of_the_graph() {
        assert_eq!(PORTS_OF_EVERY_NODE, [TRIGGER_INPUT, TRIGGER_OUTPUT]);
    }

    #[test]
    fn nodes_of_libraries_are_called_the_same_everywhere() {
        let identity = Identity {
            uuid: "a9".to_owned(),
            class_id: "demo".to_owned(),
            module: "lab".to_owned(),
        };
        let config = Json::Object(serde_json::Map::new());
        let external = ExternalWorker::waiting(identity.clone(), "Demo".to_owned(), config);
        assert_eq!(node_class_id(&external, "x/y"), "demo.a9.x/y");
        let library = ExternalWorker::library(identity, "Demo".to_owned());
        assert_eq!(node_class_id(&library, "x/y"), "demo.x/y");
    }

    #[test]
    fn names_are_those_of_funcnodes() {
        assert_eq!(title_case("get_count"), "Get_Count");
        assert_eq!(title_case("run2fast"), "Run2Fast");
        assert_eq!(class_name("get_count"), "GetCountNode");
        assert_eq!(class_name("shelf_node"), "ShelfNode");
    }
}
