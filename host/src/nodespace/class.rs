//! What a node is made from: its inputs, its outputs and what it runs.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json, json};

use super::WeakNodeSpace;
use super::types::Type;
use super::value::SharedValue;
use crate::executor::Standing;
use crate::json::JsonText;
use crate::limits::Paid;

/// One input or output of a [`NodeClass`].
#[derive(Debug, Clone)]
pub struct PortSpec {
    /// What it goes by, unique in the class.
    pub id: String,
    /// What a person sees; `None`: the id.
    pub name: Option<String>,
    /// What it takes or gives.
    pub ty: Type,
    /// What it is for.
    pub description: Option<String>,
    /// The value of an input that nobody set.
    pub default: Option<SharedValue>,
    /// An input without a value keeps the node from running.
    pub required: bool,
    /// Setting the input triggers the node.
    pub does_trigger: bool,
    /// Not shown unless asked for.
    pub hidden: bool,
    /// Such as `{"min": 0, "max": 10}` or `{"options": ["a", "b"]}`, beyond what the type says.
    pub value_options: Option<Json>,
    /// How it is shown.
    pub render_options: Option<Json>,
    /// Whether it takes several edges; `None`: an output does, an input does not.
    pub allow_multiple: Option<bool>,
}

impl PortSpec {
    /// A plain port: required and triggering when it is an input.
    pub fn new(id: impl Into<String>, ty: Type) -> Self {
        Self {
            id: id.into(),
            name: None,
            ty,
            description: None,
            default: None,
            required: true,
            does_trigger: true,
            hidden: false,
            value_options: None,
            render_options: None,
            allow_multiple: None,
        }
    }
}

/// A kind of node.
#[derive(Clone)]
pub struct NodeClass {
    /// `node_id`: unique in the library.
    pub id: String,
    /// `node_name`: what a person sees in the library.
    pub name: String,
    /// A node without a name of its own is `<class_name>(<uuid>)`.
    pub class_name: String,
    /// What it does.
    pub description: Option<String>,
    /// Its inputs, without the hidden `_triggerinput`, which every node has.
    pub inputs: Vec<PortSpec>,
    /// Its outputs, without the hidden `_triggeroutput`, which every node has.
    pub outputs: Vec<PortSpec>,
    /// How its nodes are shown.
    pub render_options: Option<Json>,
    /// Whether a new node that is ready runs at once.
    pub trigger_on_create: bool,
    /// Whether a run uses its inputs up.
    pub reset_inputs_on_trigger: bool,
    /// What it runs.
    pub run: Arc<dyn Run>,
}

/// How nodes are shown that have these outputs: as `declared` says, and where that names no output to be shown in
/// the node itself, the picture, if there is one.
pub fn node_rendering(declared: Option<Json>, outputs: &[PortSpec]) -> Option<Json> {
    let is_picture = |port: &&PortSpec| !port.hidden && port.ty.takes_media();
    let mut pictures = outputs.iter().filter(is_picture);
    let (Some(picture), None) = (pictures.next(), pictures.next()) else {
        return declared;
    };
    let mut options = match declared {
        Some(Json::Object(options)) => options,
        Some(other) => return Some(other),
        None => Map::new(),
    };
    let data = json!({ "src": picture.id, "type": "image" });
    options.entry("data").or_insert(data);
    Some(Json::Object(options))
}

impl std::fmt::Debug for NodeClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeClass")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Values by the id of their port.
pub type Ports = Vec<(Arc<str>, SharedValue)>;

/// What a node does.
pub trait Run: Send + Sync + 'static {
    /// Runs once for the node of that id, on those inputs that have a value. A port that is missing in the answer keeps its
    /// value; one that the class does not have is ignored. The error is a sentence for a person.
    fn run(&self, node: &Arc<str>, inputs: Ports) -> BoxFuture<'static, Result<Ports, String>>;

    /// Whose place its runs have among all that wait for a thread; `None`: one of their own each. Called outside of
    /// the graph's lock.
    fn standing(&self) -> Option<Standing> {
        None
    }

    /// A node of this class was made in `graph`. What is returned is set at its inputs before anyone hears of
    /// the node. Called outside of the graph's lock.
    fn attached(&self, node: &str, graph: WeakNodeSpace) -> Vec<(String, IoChange)> {
        let _ = (node, graph);
        Vec::new()
    }

    /// A node of this class is gone. Called outside of the graph's lock.
    fn detached(&self, node: &str) {
        let _ = node;
    }
}

/// A change of one input that does not come from a client.
#[derive(Debug, Clone)]
pub enum IoChange {
    /// Its value, as when a client sets it; one that is there already triggers nothing.
    Value(SharedValue),
    /// Its default; `None`: that of the class again.
    Default(Option<SharedValue>),
    /// Its value, as what a run made of it: the node itself is not triggered.
    Shown(SharedValue),
    /// Value options, over those that there are.
    ValueOptions(Paid<JsonText>),
    /// Render options, over those that there are.
    RenderOptions(Paid<JsonText>),
}
