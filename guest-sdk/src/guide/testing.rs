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
