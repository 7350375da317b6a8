//! Nodes, types and renderers.
//!
//! [`#[node]`](macro@crate::node) makes a method a node. Its arguments are inputs, and what it returns is its
//! output; a tuple is several, and an error stays at the node that failed.
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[derive(Clone, Copy, NodeEnum)]
//! enum Window {
//!     Flat,
//!     Hann,
//! }
//!
//! #[derive(Default)]
//! struct Analyser;
//!
//! #[external_worker(id = "analyser")]
//! impl Analyser {
//!     /// Mean and peak of a signal.
//!     #[node(outputs = [{"name": "mean"}, {"name": "peak"}])]
//!     fn levels(
//!         &self,
//!         signal: NdArray<f64>,
//!         /// How the ends are treated.
//!         #[default(Window::Flat)]
//!         window: Window,
//!         scale: Option<f64>,
//!     ) -> Result<(f64, f64)> {
//!         let count = signal.data().len();
//!         if count == 0 {
//!             return Err(Error::invalid_input("the signal is empty"));
//!         }
//!         let fade = match window {
//!             Window::Flat => 1.0,
//!             Window::Hann => 0.5,
//!         };
//!         let scale = scale.unwrap_or(1.0) * fade;
//!         let mean = signal.data().iter().sum::<f64>() / count as f64;
//!         let peak = signal.data().iter().copied().fold(f64::MIN, f64::max);
//!         Ok((mean * scale, peak * scale))
//!     }
//!
//!     /// A picture, shown in the node.
//!     #[node(outputs = [{"name": "picture"}])]
//!     fn lamp(&self, on: bool) -> Media {
//!         let fill = if on { "gold" } else { "grey" };
//!         Media::svg(format!(
//!             "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='90'>\
//!              <circle cx='45' cy='45' r='40' fill='{fill}'/></svg>"
//!         ))
//!     }
//! }
//!
//! let analyser = external_worker::testing::start::<Analyser>(json!({})).unwrap();
//! let levels = analyser.call("levels", json!({"signal": [1.0, 2.0, 6.0]})).unwrap();
//! assert_eq!(levels.get::<f64>("mean").unwrap(), 3.0);
//! let empty = analyser.call("levels", json!({"signal": []})).unwrap_err();
//! assert_eq!(empty.message(), "the signal is empty");
//! ```
//!
//! | Rust | type of the input or output |
//! |---|---|
//! | integers | `int` |
//! | `f32`, `f64` | `float` |
//! | `bool` | `bool` |
//! | `String` | `str` |
//! | [`Bytes`](crate::Bytes) | `bytes` |
//! | [`Media`](crate::Media) | `media`: a picture, or whatever its media type says |
//! | `Vec<T>`, `BTreeSet<T>`, `HashSet<T>` | a list |
//! | `BTreeMap<String, T>`, `HashMap<String, T>` | a dictionary |
//! | `Option<T>` | the same, or nothing; such an input needs no value |
//! | an enum with [`NodeEnum`](macro@crate::NodeEnum) | a choice |
//! | [`NdArray<T>`](crate::NdArray) | `ndarray` |
//! | [`Json<T>`](crate::Json), `serde_json::Value` | `Any` |
//!
//! How an input or output is shown, and how it is entered, is told with `render_options` and
//! `value_options`. [`#[node]`](macro@crate::node) lists the renderers that there are. A method of a worker
//! reaches the nodes that were made from it by its constant: `Self::LEVELS.nodes()`, see
//! [`Method`](crate::Method).
//!
//! # Calls that take long
//!
//! A call may take as long as the policy says, half a minute where it says nothing. A node that needs more declares it:
//! `#[node(timeout = "10min")]`, in `ms`, `s`, `min` or `h`. The policy has a cap, `call-deadline-cap-ms`; a call that
//! is not through by then is cancelled. An argument of the type [`Call`](crate::Call) is not an input: it says which node
//! calls, shows at the node how far the call is, and hears that it has to end; see [devices](super::devices).
//!
//! # What a device does, shown at the node
//!
//! A worker may set the inputs of its own nodes. With [`Trigger::No`](crate::Trigger) the value is shown and nothing
//! runs, so a node that commands a device can show what the device took. With `Trigger::Yes` the node runs, as if a client
//! had set the value, unless the value is there already.
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[derive(Default)]
//! struct Heater;
//!
//! #[external_worker(id = "heater")]
//! impl Heater {
//!     /// Heats to so many degrees; it takes whole ones.
//!     #[node]
//!     fn heat(&self, celsius: f64) -> Result<f64> {
//!         let taken = celsius.round();
//!         for node in Self::HEAT.nodes() {
//!             if node.value::<Option<f64>>("celsius")? != Some(taken) {
//!                 node.set_value("celsius", taken, Trigger::No)?;
//!             }
//!         }
//!         Self::HEAT.nodeclass().input("celsius").set_value(taken, Trigger::No)?;
//!         Ok(taken)
//!     }
//! }
//!
//! let heater = external_worker::testing::start::<Heater>(json!({})).unwrap();
//! heater.call("heat", json!({"celsius": 36.6})).unwrap();
//! let shown = heater.input("heat", "celsius");
//! assert_eq!((shown.value, shown.triggers), (Some(json!(37.0)), false));
//! ```
