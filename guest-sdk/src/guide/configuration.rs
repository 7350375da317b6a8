//! Configuration and secrets.
//!
//! [`#[config]`](macro@crate::config) makes a form of a struct: doc comments become descriptions, options
//! become bounds and defaults. The host checks what a user types, before the worker sees it.
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[config]
//! struct ClientConfig {
//!     /// Where the server is.
//!     #[config(default = "localhost:6379", min_length = 3)]
//!     server: String,
//!     /// Seconds between two questions.
//!     #[config(default = 1.0, ge = 0.1, le = 3600.0)]
//!     interval_s: f64,
//!     /// Sent when the connection is made.
//!     #[config(export = false)]
//!     token: Option<String>,
//! }
//!
//! #[derive(Default)]
//! struct Client {
//!     connections: State<u32>,
//! }
//!
//! #[external_worker(id = "client", config = ClientConfig)]
//! impl Client {
//!     async fn r#loop(&self) {
//!         self.connections.update(|count| *count += 1);
//!         let interval = Duration::from_secs_f64(self.config().interval_s);
//!         // Asks until the configuration changes: then the turn ends, and the next connects anew.
//!         while !self.sleep_until_configured(interval).await {
//!             log::debug!("asking {}", self.config().server);
//!         }
//!     }
//!     fn update_config(&self) -> Result<()> {
//!         if self.config().server.ends_with(":0") {
//!             return Err(Error::invalid_config("port 0 is no port of a server"));
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let client = external_worker::testing::start::<Client>(json!({})).unwrap();
//! client.run_for(Duration::from_secs(5));
//! client.configure(json!({"server": "lab.example:6379"})).unwrap();
//! client.run_for(Duration::from_secs(5));
//! assert_eq!(client.connections.get(), 2);
//! client.configure(json!({"server": "lab.example:0"})).unwrap_err();
//! assert_eq!(client.config().server, "lab.example:6379");
//! ```
//!
//! - An error of `update_config` leaves the old configuration in force.
//! - [`config_changed`](crate::WorkerExt::config_changed) and
//!   [`sleep_until_configured`](crate::WorkerExt::sleep_until_configured) end a wait inside of a turn,
//!   [`skip_loop_delay`](crate::WorkerExt::skip_loop_delay) the pause between two turns.
//! - A field with `export = false` is a secret: exports, saves, events and views leave it out. `#[config]` does
//!   not derive `Debug`, so that no secret comes into the log by mistake.
