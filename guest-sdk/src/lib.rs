//! Everything that an author of an external worker needs: a struct, a config struct, methods, and
//! one line that exports them.
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[config]
//! struct MyWorkerConfig {
//!     #[config(default = 1.0, ge = 0.05, le = 3600.0)]
//!     interval_s: f64,
//! }
//!
//! #[derive(Default)] struct MyWorker;
//!
//! #[external_worker(id = "my_worker", config = MyWorkerConfig)]
//! impl MyWorker {
//!     // background work; it waits with .await, so that nodes go on meanwhile
//!     async fn r#loop(&self) { self.set_loop_delay(Duration::from_secs_f64(self.config().interval_s)) }
//!     fn update_config(&self) { self.skip_loop_delay() } // the next turn takes the changes up at once
//!     #[node] // instance-bound node that reads state
//!     fn get_status(&self) -> String { "ok".into() }
//! }
//! export!(MyWorker);
//! # fn main() {}
//! ```
//!
//! The [`guide`] has a chapter for each thing that a worker does.
//!
//! # What is where
//!
//! - [`#[config]`](macro@config): the configuration, its defaults, bounds and secrets.
//! - [`#[external_worker]`](macro@external_worker): the class and its hooks.
//! - [`#[node]`](macro@node): a method as a node of the graph. Its inputs and outputs are of any
//!   [`PortType`]. [`Method`] reaches the nodes that were made from it.
//! - [`#[node_library]`](macro@node_library): plain functions as nodes, without any instance that a person makes.
//! - [`export!`]: the component, and which capabilities it asks the operator for.
//! - [`WorkerExt`]: what a worker can do with `self`: its configuration, events, its own loop.
//! - [`State`] and [`Lock`]: what changes. [`Shelf`]: further nodes, made while the worker runs.
//! - [`sleep`] and [`timeout`], which need no grant; [`serial`], [`tcp`], [`udp`], [`http`] and
//!   [`files`], which do.
//! - [`log`] and [`tracing`] reach the host's log. [`Error`] is what every failure becomes.
//!
//! # How it runs
//!
//! One instance of a worker is one instance of its component, with a memory of its own and one
//! thread. The loop, any number of calls and an update of the configuration run at the same time and
//! take turns wherever one of them waits with `.await`; nothing else interrupts them. So waiting
//! with the standard library (`std::thread::sleep`, `std::net`) stops the whole worker, and the
//! modules above do not.
//!
//! When the instance is stopped, or a call is cancelled, whatever waits is dropped at that `.await`,
//! and with it everything that it holds. The hook `stop` runs after that. Code that does not wait is
//! not interrupted: past its deadline the host ends the instance. A panic ends it too, with the
//! panic's message and place as the reason.
//!
//! # Tests
//!
//! A worker also compiles for the author's own machine, where nothing is exported. There plain `#[test]`s
//! start it with [`testing`], plug devices in that answer what a script says, and look at what it does,
//! on simulated time.

// The macros name this crate from outside, also when it is this crate that uses them.
extern crate self as external_worker;

#[doc(hidden)]
pub mod bindings;
mod call;
mod context;
pub mod data;
mod describe;
mod error;
mod export;
pub mod files;
mod form;
#[doc(hidden)]
pub mod framing;
pub mod guide;
mod host;
pub mod http;
mod kinds;
mod logging;
mod method;
mod net;
mod panics;
mod pipe;
pub mod serial;
mod shelf;
#[cfg(feature = "tracing")]
mod spans;
mod state;
mod sys;
pub mod tcp;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod time;
pub mod udp;
mod value;
mod worker;

/// An enum without fields as the type of an input or output; see the trait of the same name.
pub use external_worker_macros::NodeEnum;

/// Makes a struct a configuration: it can be read, has a JSON Schema, and is cloned.
///
/// The doc comment of a field is its description. A field without `default` is required, unless it
/// is an `Option`. Options of a field, all optional:
///
/// | option | meaning |
/// |---|---|
/// | `default = 1.0` | the value of a missing field; `default` alone is the default of its type |
/// | `ge`, `gt`, `le`, `lt` | bounds of a number |
/// | `min_length`, `max_length` | bounds of a text's length |
/// | `pattern = "^[a-z]+$"` | a regular expression that a text matches |
/// | `export = false` | a secret: exports, events and the log leave it out |
/// | `title = ".."` | the label in the form, instead of the name |
///
/// Use it also on structs and enums inside a configuration. It does not derive `Debug`, which would
/// write secrets into a log; the author may derive it.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[config]
/// struct ClientConfig {
///     /// Where the server is.
///     #[config(default = "localhost:6379", min_length = 3)]
///     server: String,
///     /// Sent when the connection is made.
///     #[config(export = false)]
///     token: Option<String>,
///     #[config(default = Mode::Fast)]
///     mode: Mode,
/// }
///
/// #[config]
/// enum Mode {
///     Fast,
///     Safe,
/// }
/// ```
pub use external_worker_macros::config;

/// The component: which classes it has, and which capabilities it asks the operator for.
///
/// Use it once in a crate, which is a `cdylib`. A request is not a permission: the operator reads the
/// reasons and grants, and only what is both requested and granted works. The requests are kept in the
/// component as the custom section `external-worker:manifest`.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[derive(Default)]
/// struct Thermometer;
/// #[external_worker(id = "thermometer")]
/// impl Thermometer {}
///
/// #[derive(Default)]
/// struct Store;
/// #[external_worker(id = "store")]
/// impl Store {}
///
/// export!(Thermometer, Store; requests: {
///     serial: "reads the thermometer",
///     sockets: "talks to Redis",
/// });
/// # fn main() {}
/// ```
///
/// Capabilities: `files`, `data`, `sockets`, `http`, `serial`, `clocks`, `random`, `env`.
///
/// If a class has the hooks `save` and `restore`, add `state`: the host then keeps the state of its
/// instances over a restart and over a new version.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[derive(Default)]
/// struct Counter {
///     count: State<u32>,
/// }
///
/// #[external_worker(id = "counter")]
/// impl Counter {
///     fn save(&self) -> Vec<u8> {
///         self.count.get().to_le_bytes().into()
///     }
///     fn restore(&self, state: Vec<u8>) -> Result<()> {
///         let count = state.try_into().map_err(|_| "not a count")?;
///         self.count.set(u32::from_le_bytes(count));
///         Ok(())
///     }
/// }
///
/// export!(Counter; state);
/// # fn main() {}
/// ```
pub use external_worker_macros::export;

/// Makes a type an external worker class, on its impl block.
///
/// | option | meaning |
/// |---|---|
/// | `id = ".."` | the class id, which stays the same for ever; required |
/// | `title = ".."` | the name that a person sees; without it, the name of the type |
/// | `config = MyConfig` | the configuration; without it there is nothing to configure |
/// | `export_exclude = ["token"]` | fields of the configuration that are secrets |
/// | `loop_delay_ms = 1000` | the pause between two turns of the loop |
/// | `ui_schema = {..}` | hints for the form, as JSON or as an expression that is JSON text |
///
/// The doc comment is the description. Methods with [`#[node]`](macro@node) are nodes, and these
/// names are hooks, each of them optional, sync or async, and with a `Result` or without:
///
/// | hook | when |
/// |---|---|
/// | `start(ctx: Context<MyConfig>) -> Self` | makes the worker; without it, `Default` does |
/// | `r#loop(&self)` | runs again and again, first right after `start` |
/// | `update_config(&self)` | runs when there is a new configuration; an error restores the old one |
/// | `get_nodeshelf(&self) -> Option<Shelf>` | runs when the host asks for the shelf; not async |
/// | `stop(&self)` | runs last, after everything that waited was dropped |
/// | `save(&self) -> Vec<u8>` | runs before a restart or a new version of the component |
/// | `restore(&self, state: Vec<u8>)` | runs right after the next `start`; an error makes that fail |
///
/// A class has both `save` and `restore` or neither, and [`export!`] has to name them. The author chooses
/// the format of the state; another version of the worker has to read it. After a
/// panic nothing is restored, since the state may have been the reason.
///
/// ```
/// use external_worker::prelude::*;
///
/// struct Counter {
///     count: State<i64>,
/// }
///
/// /// Counts.
/// #[external_worker(id = "counter", title = "A counter", loop_delay_ms = 100)]
/// impl Counter {
///     async fn start() -> Result<Self> {
///         Ok(Self { count: State::new(0) })
///     }
///     async fn r#loop(&self) -> Result<()> {
///         let count = self.count.update(|count| {
///             *count += 1;
///             *count
///         });
///         self.emit("counted", count)
///     }
///     fn stop(&self) {
///         log::info!("counted to {}", self.count.get());
///     }
/// }
/// ```
pub use external_worker_macros::external_worker;

/// Makes a method a node of the graph: `fn(&self, ..)`, sync or async.
///
/// Arguments are inputs and the returned value is the output, of any [`PortType`]; a tuple is several
/// outputs, and a `Result` can fail. The doc comment is the description; an argument can have one too.
/// `#[default(..)]` on an argument is the value of an input that is not set; an `Option` needs
/// none. Options, named and written as in a Python worker:
///
/// | option | meaning |
/// |---|---|
/// | `name = ".."` (or `title`) | the name that a person sees |
/// | `description = ".."` | instead of the doc comment |
/// | `inputs = [{"name": "mode", ..}]` | describes inputs, by their names |
/// | `outputs = [{"name": "status", ..}]` | names and describes the outputs |
/// | `default_io_options = {"mode": {..}}` | describes inputs and outputs, by their names |
/// | `default_render_options = {..}` | how the node is shown: `{"data": {"src": "status", "type": ".."}}` with an output and a renderer |
/// | `trigger_on_call = true` | see below |
/// | `timeout = "10min"` | the longest that a call may take, in `ms`, `s`, `min` or `h`, if the policy allows so much |
///
/// An argument of the type [`Call`] is not an input: it tells who calls, shows how far the call is, and hears
/// that it has to end.
///
/// The keys that describe an input or output: `type`, `description`, `default`, `required`,
/// `does_trigger`, `hidden`, `value_options`, `render_options`.
///
/// The renderers that the user interface has, for the `type` in render options; one that it does not have
/// is shown as text:
///
/// | renderer | shows | for |
/// |---|---|---|
/// | `string`, `str` | text | `String`, numbers, `bool` |
/// | `table` | rows and columns | `Vec<Vec<T>>`, or a dictionary with a list for each column |
/// | `image` | a picture | [`Media`], which it is used for unless you say otherwise |
/// | `dict` | keys and values | `BTreeMap`, [`Json`] |
/// | `bytes` | how many, and the first of them | [`Bytes`] |
///
/// The only output that is [`Media`] is shown in its node; of several, `default_render_options` names one. The
/// user interface has a renderer `svg`, too, which makes the source of a drawing a part of its page. A host does not
/// use it: a stranger's drawing could take over the page. Return [`Media::svg`], which is a picture.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[derive(Default)]
/// struct Camera;
///
/// #[external_worker(id = "camera")]
/// impl Camera {
///     /// Shown in the node, without more words.
///     #[node]
///     fn snapshot(&self) -> Media {
///         Media::png(*b"\x89PNG\r\n\x1a\n")
///     }
///
///     /// Two pictures, of which the node shows the second, and the first only when a person looks.
///     #[node(
///         outputs = [{"name": "raw"}, {"name": "marked"}],
///         default_render_options = {"data": {"src": "marked", "type": "image"}},
///     )]
///     fn mark(&self, picture: Media) -> (Media, Media) {
///         let marked = Media::svg("<svg xmlns='http://www.w3.org/2000/svg'><circle r='5'/></svg>");
///         (picture, marked)
///     }
///
///     /// How many bytes it has, and no picture.
///     #[node(outputs = [{"name": "data", "render_options": {"type": "bytes"}}])]
///     fn sound(&self) -> Media {
///         Media::new("audio/wav", *b"RIFF")
///     }
/// }
/// ```
///
/// A call from the worker's own code runs the nodes that were made from the method, with their own
/// inputs, if `trigger_on_call` is true or, without that option, if the method has no visible
/// input. A call that fails triggers nothing.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[derive(Default)]
/// struct Runner;
///
/// #[external_worker(id = "runner")]
/// impl Runner {
///     #[node(
///         outputs = [{"name": "status", "type": "str"}],
///         default_render_options = {"data": {"src": "status", "type": "string"}},
///     )]
///     fn get_status(&self) -> String {
///         "ok".into()
///     }
///
///     /// Runs once.
///     #[node(
///         trigger_on_call = false,
///         default_io_options = {"mode": {"value_options": {"options": ["fast", "safe"]}}},
///     )]
///     async fn run(
///         &self,
///         /// How careful to be.
///         #[default("safe")]
///         mode: String,
///     ) -> Result<String> {
///         Ok(mode)
///     }
/// }
/// ```
pub use external_worker_macros::node;

/// Makes a module of plain functions a node library: nodes that are there as soon as the component is, without
/// anybody making an instance.
///
/// | option | meaning |
/// |---|---|
/// | `id = ".."` | the class id, which stays the same for ever: the ids of the nodes begin with it; required |
/// | `title = ".."` | the name of the shelf; without it, the name of the type |
///
/// Functions with [`#[node]`](macro@node) are nodes, with all of its options but `trigger_on_call`; they may be async
/// and take a [`Call`]. A module inside with nodes is a shelf on the shelf. Doc comments are the descriptions.
/// The functions stay what they are, so tests call them.
///
/// The macro makes a type for [`export!`], called after the module: `Basic` for `mod basic`. Of a library each
/// Worker keeps one instance, and nothing of it is saved: what has a configuration, a loop or a state is an
/// [`#[external_worker]`](macro@external_worker).
///
/// ```
/// use external_worker::prelude::*;
///
/// /// Nodes that every graph needs.
/// #[node_library(id = "basic")]
/// pub mod basic {
///     /// The sum of two numbers.
///     #[node(outputs = [{"name": "sum"}])]
///     pub fn add(a: f64, #[default(1.0)] b: f64) -> f64 {
///         a + b
///     }
///
///     /// Text.
///     pub mod strings {
///         /// The text in capitals.
///         #[node]
///         pub fn upper(text: &str) -> String {
///             text.to_uppercase()
///         }
///     }
/// }
///
/// export!(Basic);
/// # fn main() {
/// assert_eq!(basic::add(1.0, 2.0), 3.0);
/// let library = external_worker::testing::start::<Basic>(json!({})).unwrap();
/// let upper = library.call("strings/upper", json!({"text": "a"})).unwrap();
/// assert_eq!(upper.one::<String>().unwrap(), "A");
/// # }
/// ```
pub use external_worker_macros::node_library;

pub use log;
pub use serde;
pub use serde_json;
#[cfg(feature = "tracing")]
pub use tracing;

pub use crate::call::{Call, Cancelled};
pub use crate::context::{Context, WorkerExt};
pub use crate::error::{Error, ErrorCode, Result};
pub use crate::export::ConfigChanged;
pub use crate::host::Trigger;
pub use crate::method::{Method, Node, NodeClass, NodeClassInput, NodeInput};
pub use crate::shelf::{Shelf, ShelfArg, ShelfFn, ShelfNode};
pub use crate::state::{Lock, LockGuard, State};
pub use crate::time::{sleep, timeout};
pub use crate::value::{
    Bytes, Element, FromPort, IntoPort, Json, Media, NdArray, NodeEnum, PortType, Returns, Value,
};
pub use crate::worker::NoConfig;

/// What most workers use: `use external_worker::prelude::*;`
pub mod prelude {
    pub use std::time::Duration;

    pub use log;
    pub use serde_json::json;
    #[cfg(feature = "tracing")]
    pub use tracing;

    pub use crate::{
        Bytes, Call, Context, Error, Json, Lock, Media, NdArray, NodeEnum, Result, Shelf,
        ShelfNode, State, Trigger, WorkerExt, config, export, external_worker, node, node_library,
        sleep,
    };
}

/// What the macros refer to; not for authors.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;
    pub use serde_json::Value as Json;
    pub use wit_bindgen;

    pub use crate::bindings;
    pub use crate::bindings::funcnodes::external_worker::types::{
        NodeClass, Shelf as WitShelf, WorkerClass,
    };
    pub use crate::describe::{
        ClassSpec, Inputs, NodeSpec, class, default_from_json, default_value, input, library, node,
        outputs, put_shelf, returned,
    };
    pub use crate::export::Component;
    pub use crate::value::{Returns, enum_from_json, enum_options, enum_type};
    pub use crate::worker::{
        BoxFuture, Calling, ClassEntry, HookResult, SavedState, ShelfResult, Started, Worker,
        check_ids, check_state,
    };

    /// A text as the bytes of a custom section.
    pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(text.as_bytes());
        bytes
    }
}
