//! Tests of a worker on the author's own machine, with plain `#[test]`s: no host, no devices, no waiting.
//!
//! A [`Bench`] is what a test plugs in: devices that answer what a script says, web pages, folders. It
//! starts the worker, which then runs as in its component: the same dispatch of calls by name, the same
//! hooks, its configuration completed and checked as the schema says. Time is simulated, so that a
//! time-out of an hour takes no time, and the same test does the same each time.
//!
//! ```
//! use external_worker::prelude::*;
//! use external_worker::serial::{Port, Settings};
//! use external_worker::testing::{Bench, Line};
//!
//! #[config]
//! struct ThermometerConfig {
//!     #[config(default = "thermometer")]
//!     port: String,
//! }
//!
//! struct Thermometer {
//!     port: Port,
//! }
//!
//! #[external_worker(id = "thermometer", config = ThermometerConfig)]
//! impl Thermometer {
//!     async fn start(ctx: Context<ThermometerConfig>) -> Result<Self> {
//!         let port = Port::open(&ctx.config().port, Settings::new(9600)).await?;
//!         Ok(Self { port })
//!     }
//!     #[node]
//!     async fn read(&self) -> Result<f64> {
//!         self.port.write_all(b"T?\r\n").await?;
//!         let line = self.port.read_line(64).await?;
//!         Ok(line.trim_start_matches("T=").parse()?)
//!     }
//! }
//! # fn main() { it_reads(); }
//!
//! # /*
//! #[test]
//! # */
//! fn it_reads() {
//!     let bench = Bench::new();
//!     bench.serial("thermometer", Line::new().answers("T?\r\n", "T=21.5\r\n").hangs_up_after(1));
//!     let worker = bench.start::<Thermometer>(json!({})).unwrap();
//!     assert_eq!(worker.call("read", json!({})).unwrap().one::<f64>().unwrap(), 21.5);
//!
//!     let gone = worker.call("read", json!({})).unwrap_err();
//!     assert_eq!(gone.message(), "port \"thermometer\": the device went away");
//! }
//! ```
//!
//! What nothing is plugged in for fails, and the error says what to plug in. What would wait for ever
//! fails the test and says so. `std::time` and `std::fs` are this machine's, as `std::net` would be: only the SDK's
//! own modules lead to the bench.
//!
//! What all this cannot show is the component itself: its size, its sandbox, the host's deadlines and rates.
//! [`Bench::start_component`] starts it on the host among the same devices, in tests that `ewh test` runs.
//!
//! This module is not in components: it exists only where the target is not WebAssembly.

pub(crate) mod bench;
mod call;
pub(crate) mod clock;
mod component;
pub(crate) mod connection;
pub(crate) mod node;
mod running;
mod schema;
pub(crate) mod script;
mod wire;

pub use self::bench::{Bench, Event, LogLine, Sent};
pub use self::call::{CallInputs, OpenCall, Outputs};
pub use self::clock::{advance, block_on, now};
pub use self::component::{Component, ComponentCall, HostTurns};
pub use self::node::InputChanges;
pub use self::running::{Running, Turns};
pub use self::script::{Answer, Data, Line, Page, Saying};

use serde::Serialize;

use crate::error::Result;
use crate::worker::Worker;

/// Starts a worker on a new [`Bench`] with nothing plugged in.
///
/// # Errors
/// When the configuration is wrong, or `start` fails.
pub fn start<W: Worker>(config: impl Serialize) -> Result<Running<W>> {
    Bench::new().start(config)
}
