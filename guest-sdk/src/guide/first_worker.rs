//! The first worker.
//!
//! `ewh new my-worker` makes a crate that builds, runs and has a test. A worker is a struct, and an impl
//! block that says what it can do:
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[derive(Default)]
//! struct Counter {
//!     count: State<i64>,
//! }
//!
//! /// Counts by itself.
//! #[external_worker(id = "counter", title = "Counter", loop_delay_ms = 1000)]
//! impl Counter {
//!     async fn r#loop(&self) -> Result<()> {
//!         let count = self.count.update(|count| {
//!             *count += 1;
//!             *count
//!         });
//!         self.emit("counted", count)
//!     }
//!
//!     /// What it has come to.
//!     #[node]
//!     fn count(&self) -> i64 {
//!         self.count.get()
//!     }
//! }
//! export!(Counter);
//!
//! # fn main() {
//! let counter = external_worker::testing::start::<Counter>(json!({})).unwrap();
//! counter.run_for(Duration::from_millis(2500));
//! assert_eq!(counter.count(), 3);
//! # }
//! ```
//!
//! `ewh build` makes a component of it, `ewh run FILE` runs it in the terminal, and `ewh serve` in the user
//! interface. While you write it, `ewh dev` serves it and builds it again whenever you save: what runs goes on with
//! the new code, with its configuration and state. The loop's first turn begins at once, the next one a second after the end of the last.
//!
//! Methods take `&self`, since the loop, calls and updates take turns wherever one of them waits with
//! `.await`. What changes is in a [`State`](crate::State), which no `.await` can interrupt, or in a
//! [`Lock`](crate::Lock), which one task at a time holds for as long as it needs. A method that computes for
//! long without waiting lets nothing else run; [`sleep`](crate::sleep) of no time at all lets others go on.
