//! Tests without devices.
//!
//! [`testing`](crate::testing) starts a worker in a plain `#[test]`, on the author's own machine, without a host.
//! A [`Bench`](crate::testing::Bench) is what the test plugs in:
//!
//! | what | with |
//! |---|---|
//! | a device at a serial port | [`serial`](crate::testing::Bench::serial) and a [`Line`](crate::testing::Line) |
//! | a server, a peer, somebody who connects | [`tcp`](crate::testing::Bench::tcp), [`udp`](crate::testing::Bench::udp), [`caller`](crate::testing::Bench::caller) and a `Line` |
//! | a web server | [`page`](crate::testing::Bench::page) and a [`Page`](crate::testing::Page) for each kind of request |
//! | a folder | [`folder`](crate::testing::Bench::folder) |
//!
//! [`Running`](crate::testing::Running) is the worker: its methods can be called as they are, and everything
//! that a host does with it can be asked for.
//!
//! ```
//! use external_worker::prelude::*;
//! use external_worker::testing;
//!
//! #[derive(Default)]
//! struct Alarm;
//!
//! #[external_worker(id = "alarm")]
//! impl Alarm {
//!     #[node]
//!     async fn ring_in(&self, seconds: u64) -> Result<()> {
//!         sleep(Duration::from_secs(seconds)).await;
//!         log::warn!("ringing");
//!         self.emit("rang", json!({"after": seconds}))
//!     }
//! }
//!
//! let alarm = testing::start::<Alarm>(json!({})).unwrap();
//! let call = alarm.begin("ring_in", json!({"seconds": 3600})).unwrap();
//! testing::advance(Duration::from_secs(3599));
//! assert!(alarm.events().is_empty());
//! call.finish().unwrap();
//! assert_eq!(alarm.events()[0].data, json!({"after": 3600}));
//! assert_eq!(alarm.log()[0].text, "ringing");
//! ```
//!
//! Time is simulated: it stands still while code runs and jumps when everything waits, so an hour takes no
//! time. A test that could only wait for ever fails, and says so. A script is plain data, which serde
//! writes and reads: [`Line`](crate::testing::Line) says what each of its fields means.
//!
//! # The component on the host
//!
//! A native test shows what the code does. It does not show the component: whether it builds, what the sandbox and the
//! operator's budget make of it, whether a panic ends it. `ewh test` does: it builds the component and runs
//! `cargo test`, and a test that calls [`start_component`](crate::testing::Bench::start_component) has the component
//! itself run by the host, among the devices that are plugged into its bench, on simulated time. The crate needs
//! nothing for it but the SDK, since the host is the program `ewh` and not a dependency.
//!
//! ```no_run
//! use external_worker::prelude::*;
//! use external_worker::testing::{Bench, Line};
//!
//! # /*
//! #[test]
//! #[ignore = "`ewh test` runs it on the host"]
//! # */
//! fn a_thermometer_that_hangs_up_is_reported() {
//!     let bench = Bench::new();
//!     bench.serial("thermometer", Line::new().answers("T?\r\n", "T=21.5\r\n").hangs_up_after(1));
//!     let worker = bench.start_component("thermometer", json!({})).unwrap();
//!     assert_eq!(worker.call("read", json!({})).unwrap().one::<f64>().unwrap(), 21.5);
//!
//!     let gone = worker.call("read", json!({})).unwrap_err();
//!     assert_eq!(gone.code(), external_worker::ErrorCode::Unavailable);
//!     worker.run_for(Duration::from_secs(60));
//!     assert_eq!(worker.ended(), None);
//! }
//! # a_thermometer_that_hangs_up_is_reported();
//! ```
//!
//! A plain `cargo test` has no host to run it on, so the test is marked to be left out there; `ewh test` runs the
//! tests that are ignored, too. [`Component`](crate::testing::Component) has the verbs of a `Running`, as far as a
//! host has them: there is no `turn`, since the loop turns by itself whenever time passes, and the worker's own methods
//! are out of reach. What is not plugged in is not there: a port is denied or not found, a connection is refused, a page
//! is a 404. A component that traps is over, as [`ended`](crate::testing::Component::ended) says, with the panic's words
//! in its log; deadlines are those of the default budget, such as 30 seconds for a call. Callers and folders are for
//! native tests only.
//!
//! `ewh test` ends with 0 if every test passed, with 1 if one failed, and with 4 if the worker or its tests do not
//! build. What comes after `--` goes to `cargo test`: `ewh test -- NAME`.
//!
//! # Devices for a check
//!
//! `ewh validate --level exercise` tries a component among devices that know no protocol, so a method that waits for its
//! device's own words only fails there. With `--devices DIR` the scripts in that directory go first: each file `*.json`
//! says what answers at serial ports, by their names, and at addresses for TCP and UDP (`serial`, `tcp`, `udp`, each
//! device a [`Line`](crate::testing::Line)), and what web servers answer (`pages`, a list of
//! [`Page`](crate::testing::Page)). What the scripts do not name echoes, and every other behaviour is tried afterwards as
//! without them. `ewh run --simulate --devices DIR` runs among the same devices. A test can plug in what such a file says:
//!
//! ```
//! use external_worker::testing::{Bench, Line};
//! use std::collections::BTreeMap;
//!
//! // In a crate: include_str!("../devices/thermometer.json")
//! let file = r#"{
//!     "serial": {
//!         "thermometer": {
//!             "answers": [{"request": "T?\r\n", "answer": "T=21.5\r\n", "delay_ms": 20}]
//!         }
//!     }
//! }"#;
//! let devices: BTreeMap<String, BTreeMap<String, Line>> = serde_json::from_str(file).unwrap();
//! let bench = Bench::new();
//! for (port, line) in &devices["serial"] {
//!     bench.serial(port, line.clone());
//! }
//! ```
