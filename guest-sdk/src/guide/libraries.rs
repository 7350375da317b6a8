//! Node libraries: plain functions as nodes.
//!
//! An external worker has instances, which people make, name and configure. What computes without any of that is a
//! node library: its nodes are there as soon as its component is, on a shelf of their own. Write functions in a
//! module; a module inside with nodes is a shelf on the shelf.
//!
//! ```
//! use external_worker::prelude::*;
//!
//! /// What chemists compute.
//! #[node_library(id = "lab_math", title = "Lab")]
//! pub mod lab_math {
//!     /// The concentration after dilution.
//!     #[node]
//!     pub fn diluted(concentration: f64, volume: f64, #[default(0.0)] added: f64) -> f64 {
//!         concentration * volume / (volume + added)
//!     }
//!
//!     /// Temperatures.
//!     pub mod temperature {
//!         /// Degrees Celsius in Fahrenheit.
//!         #[node]
//!         pub fn fahrenheit(celsius: f64) -> f64 {
//!             celsius * 1.8 + 32.0
//!         }
//!     }
//! }
//!
//! export!(LabMath);
//! # fn main() {
//! // A function is tested as one, and a node as one.
//! assert_eq!(lab_math::temperature::fahrenheit(100.0), 212.0);
//! let library = external_worker::testing::start::<LabMath>(json!({})).unwrap();
//! let node = library.call("temperature/fahrenheit", json!({"celsius": 100.0})).unwrap();
//! assert_eq!(node.one::<f64>().unwrap(), 212.0);
//! # }
//! ```
//!
//! The id of the class and the names of functions and modules make the ids of the nodes,
//! `lab_math.temperature/fahrenheit`: the same in every Worker, so that a graph can be moved. Do not change them.
//!
//! Each Worker keeps one instance, starts it again after a panic, and saves nothing of it. All nodes of a library share
//! it: what a function keeps in a `static` is that of all of them, and gone with the next start. A function may be
//! async, so that others go on while it waits, and take a [`Call`](crate::Call). What needs a configuration, a loop or a
//! state is an external worker; one component may have both.
//!
//! `ewh run library.wasm --call temperature/fahrenheit --input celsius=100` calls a node without a graph. The library
//! `basic` in the repository, `guests/libraries/basic`, is a whole one to read.
