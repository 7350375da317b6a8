//! The nodes that were made from a method, as the worker reaches them.

use serde::Serialize;

use crate::error::Result;
use crate::host::{self, Trigger};
use crate::value::{FromPort, IntoPort};

/// A method that is a node. `#[node]` makes one for each method, named like it in capitals:
/// `Self::PICK` for `fn pick`.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[derive(Default)]
/// struct Picker;
///
/// #[external_worker(id = "picker")]
/// impl Picker {
///     #[node(default_io_options = {"item": {"value_options": {"options": []}}})]
///     fn pick(&self, item: String) -> String {
///         item
///     }
///
///     /// Offers other items, to the nodes there are and to those yet to be made.
///     fn refresh_items(&self, items: &[&str]) -> Result<()> {
///         let options = json!({ "options": items });
///         for node in Self::PICK.nodes() {
///             node.input("item").update_value_options(&options)?;
///         }
///         Self::PICK.nodeclass().input("item").update_value_options(&options)
///     }
/// }
/// export!(Picker);
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method(&'static str);

impl Method {
    #[doc(hidden)]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name of the method.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The nodes in the graph made from this method of this instance. If the host refuses to list
    /// them, the reason is logged and the list is empty.
    pub fn nodes(self) -> Vec<Node> {
        host::nodes(self.0).unwrap_or_else(|error| {
            log::warn!("the nodes of {:?}: {error}", self.0);
            Vec::new()
        })
    }

    /// The class of the nodes that will be made from this method of this instance.
    pub fn nodeclass(self) -> NodeClass {
        NodeClass(self.0)
    }

    /// Asks every node of this method to run with its own inputs. When the host refuses, the reason
    /// is logged, and the caller goes on.
    pub fn request_trigger(self) {
        if let Err(error) = host::request_trigger(self.0) {
            log::warn!("the nodes of {:?} were not triggered: {error}", self.0);
        }
    }
}

/// A node in the graph. Once it is removed, its methods return `unavailable`.
pub struct Node(pub(crate) host::NodeHandle);

impl Node {
    /// Its id in the graph.
    pub fn id(&self) -> String {
        self.0.id()
    }

    /// The value of an input: [`NodeInput::value`].
    pub fn value<T: FromPort>(&self, input: &str) -> Result<T> {
        self.input(input).value()
    }

    /// Sets the value of an input: [`NodeInput::set_value`].
    pub fn set_value(&self, input: &str, value: impl IntoPort, trigger: Trigger) -> Result<()> {
        self.input(input).set_value(value, trigger)
    }

    /// One of its inputs, by name.
    pub fn input<'a>(&'a self, name: &'a str) -> NodeInput<'a> {
        NodeInput {
            node: &self.0,
            name,
        }
    }
}

/// An input of a node in the graph.
pub struct NodeInput<'a> {
    node: &'a host::NodeHandle,
    name: &'a str,
}

impl NodeInput<'_> {
    /// The value: the one that was set or came along an edge, else the default. An input that has neither is
    /// `None` of an `Option`.
    pub fn value<T: FromPort>(&self) -> Result<T> {
        T::from_value(self.node.value(self.name)?)
    }

    /// Sets the value. [`Trigger::No`] shows it: what a device took is shown where it is commanded, and does
    /// not command it again. [`Trigger::Yes`] triggers the node, as if a client had set it, unless the value is
    /// there already.
    pub fn set_value(&self, value: impl IntoPort, trigger: Trigger) -> Result<()> {
        self.node.set_value(self.name, value.into_value()?, trigger)
    }

    /// Sets the default: the value that the input has when nothing else is set.
    pub fn set_default(&self, value: impl IntoPort) -> Result<()> {
        self.node.set_default(self.name, Some(value.into_value()?))
    }

    /// Removes the default of the input.
    pub fn clear_default(&self) -> Result<()> {
        self.node.set_default(self.name, None)
    }

    /// Changes what the form beside the input offers, such as `json!({"options": ["a", "b"]})`.
    pub fn update_value_options(&self, options: impl Serialize) -> Result<()> {
        self.node
            .set_value_options(self.name, &serde_json::to_string(&options)?)
    }

    /// Changes how the input is shown.
    pub fn update_render_options(&self, options: impl Serialize) -> Result<()> {
        self.node
            .set_render_options(self.name, &serde_json::to_string(&options)?)
    }
}

/// The class of nodes that are made later: settings here hold for new nodes.
pub struct NodeClass(&'static str);

impl NodeClass {
    /// One of its inputs, by name.
    pub fn input<'a>(&self, name: &'a str) -> NodeClassInput<'a> {
        NodeClassInput {
            method: self.0,
            name,
        }
    }
}

/// An input of nodes that are made later.
pub struct NodeClassInput<'a> {
    method: &'static str,
    name: &'a str,
}

impl NodeClassInput<'_> {
    /// The value that new nodes begin with, else the default that was set for them.
    pub fn value<T: FromPort>(&self) -> Result<T> {
        T::from_value(self.class()?.value(self.name)?)
    }

    /// Sets the value that new nodes begin with. With [`Trigger::Yes`] each is triggered when it is made.
    pub fn set_value(&self, value: impl IntoPort, trigger: Trigger) -> Result<()> {
        self.class()?
            .set_value(self.name, value.into_value()?, trigger)
    }

    /// Sets the default: the value that the input of new nodes has when nothing else is set.
    pub fn set_default(&self, value: impl IntoPort) -> Result<()> {
        self.class()?
            .set_default(self.name, Some(value.into_value()?))
    }

    /// Removes the default of the input for new nodes.
    pub fn clear_default(&self) -> Result<()> {
        self.class()?.set_default(self.name, None)
    }

    /// Changes what the form beside the input offers.
    pub fn update_value_options(&self, options: impl Serialize) -> Result<()> {
        self.class()?
            .set_value_options(self.name, &serde_json::to_string(&options)?)
    }

    /// Changes how the input is shown.
    pub fn update_render_options(&self, options: impl Serialize) -> Result<()> {
        self.class()?
            .set_render_options(self.name, &serde_json::to_string(&options)?)
    }

    fn class(&self) -> Result<host::NodeClassHandle> {
        host::node_class(self.method)
    }
}
