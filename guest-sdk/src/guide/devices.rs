//! Devices.
//!
//! A [`Port`](crate::serial::Port) is a serial port that the operator granted under a name; which device that
//! is, a worker need not know. Each command and its answer hold a [`Lock`](crate::Lock), so that the loop and
//! nodes do not speak at once, and a port that failed is opened again the next time.
//!
//! ```
//! use external_worker::prelude::*;
//! use external_worker::serial::{Port, Settings};
//! use external_worker::testing::{Bench, Line};
//!
//! #[derive(Default)]
//! struct Meter {
//!     port: Lock<Option<Port>>,
//! }
//!
//! #[external_worker(id = "meter")]
//! impl Meter {
//!     #[node]
//!     async fn volts(&self) -> Result<f64> {
//!         Ok(self.ask("MEAS?").await?.parse()?)
//!     }
//!
//!     async fn ask(&self, command: &str) -> Result<String> {
//!         let mut slot = self.port.lock().await;
//!         let port = match slot.take() {
//!             Some(port) => port,
//!             None => Port::open("meter", Settings::new(9600)).await?,
//!         };
//!         port.write_all(format!("{command}\n").as_bytes()).await?;
//!         let answer = port.read_line(256).await?;
//!         // After an error the port is dropped: who knows what is still on its way.
//!         *slot = Some(port);
//!         Ok(answer)
//!     }
//! }
//! export!(Meter; requests: { serial: "reads the meter" });
//!
//! # fn main() {
//! let bench = Bench::new();
//! bench.serial("meter", Line::new().answers("MEAS?\n", "1.25\n").hangs_up_after(1));
//! let meter = bench.start::<Meter>(json!({})).unwrap();
//! let volts = || meter.call("volts", ()).and_then(|answer| answer.one::<f64>());
//! assert_eq!(volts().unwrap(), 1.25);
//! assert_eq!(volts().unwrap_err().message(), "port \"meter\": the device went away");
//! assert_eq!(volts().unwrap(), 1.25);
//! # }
//! ```
//!
//! Reads have a time-out, a second unless [`set_timeout`](crate::serial::Port::set_timeout) says otherwise.
//! [`read_exact`](crate::serial::Port::read_exact) is for binary protocols,
//! [`read_until`](crate::serial::Port::read_until) for other ends of lines, and
//! [`receive`](crate::serial::Port::receive) for a device that speaks without being asked.
//!
//! # What has to stay
//!
//! What an instance has to remember for longer than it runs goes into a folder of its own
//! ([`data`](crate::data)): the host keeps it over restarts and new versions, and the operator's policy says
//! how large it may become.
//!
//! ```
//! use external_worker::data;
//! use external_worker::prelude::*;
//! use external_worker::testing::Bench;
//!
//! #[derive(Default)]
//! struct Scale;
//!
//! #[external_worker(id = "scale")]
//! impl Scale {
//!     /// Takes what is on it for nothing, from now on.
//!     #[node]
//!     async fn tare(&self, grams: f64) -> Result<()> {
//!         data::write("tare", grams.to_string()).await
//!     }
//!
//!     #[node]
//!     async fn net(&self, grams: f64) -> Result<f64> {
//!         let tare = data::read("tare").await?.unwrap_or_default();
//!         Ok(grams - String::from_utf8_lossy(&tare).parse().unwrap_or(0.0))
//!     }
//! }
//! export!(Scale; requests: { data: "remembers the tare" });
//!
//! # fn main() {
//! let bench = Bench::new();
//! bench.data();
//! let scale = bench.start::<Scale>(json!({})).unwrap();
//! scale.call("tare", json!({"grams": 2.5})).unwrap();
//! scale.stop();
//! let scale = bench.start::<Scale>(json!({})).unwrap();
//! assert_eq!(scale.call("net", json!({"grams": 12.5})).unwrap().one::<f64>().unwrap(), 10.0);
//! # }
//! ```
//!
//! # What must not go on
//!
//! A call ends when it is done, but also when whoever asked has left, when its time is over, and when the worker
//! stops. A motor that it switched on would turn on. An argument of the type [`Call`](crate::Call) hears the end, and
//! [`clean_up_after`](crate::Call::clean_up_after) does what has to be done in each of these cases:
//!
//! ```
//! use external_worker::prelude::*;
//! # #[derive(Default)]
//! # struct Motor { on: State<bool> }
//! # impl Motor {
//! #     async fn switch(&self, on: bool) -> Result<()> { self.on.set(on); Ok(()) }
//! # }
//!
//! #[external_worker(id = "motor")]
//! impl Motor {
//!     /// Turns for so many seconds.
//!     #[node(timeout = "10min")]
//!     async fn turn_for(&self, call: Call, seconds: u32) -> Result<()> {
//!         let turning = async {
//!             self.switch(true).await?;
//!             for second in 0..seconds {
//!                 call.progress(f64::from(second) / f64::from(seconds), "turning");
//!                 sleep(Duration::from_secs(1)).await;
//!             }
//!             Ok(())
//!         };
//!         call.clean_up_after(turning, self.switch(false)).await?;
//!         Ok(())
//!     }
//!
//!     /// Whatever switched it on.
//!     async fn stop(&self) -> Result<()> {
//!         self.switch(false).await
//!     }
//! }
//!
//! # fn main() {
//! let motor = external_worker::testing::start::<Motor>(json!({})).unwrap();
//! let call = motor.begin("turn_for", json!({"seconds": 60})).unwrap();
//! motor.run_for(Duration::from_secs(1));
//! assert!(motor.on.get());
//! call.cancel();
//! call.finish().unwrap();
//! assert!(!motor.on.get());
//! # }
//! ```
//!
//! Cleaning up has a grace, `cancel-grace-ms` in the policy and a second without one; the hook `stop` has
//! `stop-deadline-ms`. After that the host drops the worker, and nothing can be said to the device any more, as when
//! the host itself is killed: what is dangerous then needs a watchdog in the device.
