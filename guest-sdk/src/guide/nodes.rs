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
