//! Everything that an author of an external worker needs: a struct, a config struct, methods, and
//! one line that exports them.
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[config]
//! struct MyWorkerConfig {
//!     #[config(default = 1.0, ge = 0.05)]
//!     interval_s: f64,
//! }
//!
//! #[derive(Default)]
//! struct MyWorker;
//!
//! #[external_worker(id = "my_worker", config = MyWorkerConfig)]
//! impl MyWorker {
//!     async fn r#loop(&self) {} // background maintenance work (non-blocking)
//!     fn update_config(&self) {} // apply config changes; optionally refresh nodes/shelf
//!     #[node]
//!     fn get_status(&self) -> String {
//!         "ok".into() // instance-bound node that reads state
//!     }
//! }
//! export!(MyWorker);
//! # fn main() {}
//! ```

// The macros name this crate from outside, also when it is this crate that uses them.
extern crate self as external_worker;

#[doc(hidden)]
pub mod bindings;
mod context;
mod describe;
mod error;
mod export;
pub mod files;
mod host;
pub mod http;
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
pub mod tcp;
#[cfg(test)]
mod tests;
mod time;
pub mod udp;
mod value;
mod worker;

pub use external_worker_macros::{NodeEnum, config, export, external_worker, node};
pub use log;
pub use serde;
pub use serde_json;
#[cfg(feature = "tracing")]
pub use tracing;

pub use crate::context::{Context, WorkerExt};
pub use crate::error::{Error, ErrorCode, Result};
pub use crate::method::{Method, Node, NodeClass, NodeClassInput, NodeInput};
pub use crate::shelf::{Shelf, ShelfFn, ShelfNode};
pub use crate::state::{Lock, LockGuard, State};
pub use crate::time::{sleep, timeout};
pub use crate::value::{
    Bytes, Element, FromPort, IntoPort, Json, NdArray, NodeEnum, PortType, Returns, Value,
};
pub use crate::worker::NoConfig;

/// `use external_worker::prelude::*;`
pub mod prelude {
    pub use log;
    pub use serde_json::json;
    #[cfg(feature = "tracing")]
    pub use tracing;

    pub use crate::{
        Bytes, Context, Error, Json, Lock, NdArray, NodeEnum, Result, Shelf, ShelfNode, State,
        WorkerExt, config, export, external_worker, node, sleep,
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
    pub use crate::bindings::funcnodes::external_worker::types::WorkerClass;
    pub use crate::describe::{
        ClassSpec, Inputs, NodeSpec, class, default_from_json, default_value, input, node, outputs,
        returned,
    };
    pub use crate::export::Component;
    pub use crate::value::{Returns, enum_from_json, enum_options, enum_type};
    pub use crate::worker::{
        BoxFuture, Calling, ClassEntry, HookResult, ShelfResult, Started, Worker, check_ids,
    };

    /// A text as the bytes of a custom section.
    pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(text.as_bytes());
        bytes
    }
}
