//! A shelf of further nodes.
//!
//! What `get_nodeshelf` returns is a shelf beside the class, for nodes that depend on the configuration or on
//! what a device can do. A closure takes the worker as its first argument if it needs it.
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[derive(Default)]
//! struct Relays {
//!     on: State<[bool; 2]>,
//! }
//!
//! #[external_worker(id = "relays")]
//! impl Relays {
//!     fn get_nodeshelf(&self) -> Option<Shelf> {
//!         let relay = |number: usize| {
//!             let switch = move |me: &Self, on: bool| {
//!                 me.on.update(|all| if let Some(it) = all.get_mut(number) { *it = on });
//!             };
//!             ShelfNode::new(format!("relay{number}"), switch).inputs(["on"])
//!         };
//!         Some(Shelf::new("relays").node(relay(0)).node(relay(1)))
//!     }
//! }
//!
//! let relays = external_worker::testing::start::<Relays>(json!({})).unwrap();
//! assert_eq!(relays.shelf(), ["relays/relay0", "relays/relay1"]);
//! relays.call("relays/relay1", json!({"on": true})).unwrap();
//! assert_eq!(relays.on.get(), [false, true]);
//! ```
//!
//! The host reads the shelf again after an update of the configuration, and when the worker says
//! [`emit_nodes_update`](crate::WorkerExt::emit_nodes_update). The name of a shelf or node has no `/`, and two
//! nodes of one shelf have different names.
