//! Probes what becomes of a node library that traps or stops itself, beside a class of external workers. Its shelf
//! is called like that of the library `basic`.

use external_worker::prelude::*;

/// What goes wrong in libraries.
#[node_library(id = "probe_library", title = "Basic")]
mod probe {
    use std::cell::Cell;

    use external_worker::bindings::funcnodes::external_worker::host;

    thread_local! {
        static CALLS: Cell<i64> = const { Cell::new(0) };
    }

    /// How often this instance was asked.
    #[node]
    fn calls() -> i64 {
        CALLS.set(CALLS.get() + 1);
        CALLS.get()
    }

    /// Panics.
    #[node]
    #[allow(clippy::panic, reason = "that is what it is for")]
    fn fails() {
        panic!("the library gave up");
    }

    /// Ends its instance.
    #[node]
    fn stops() {
        host::stop_self();
    }

    mod deeper {
        /// The text twice.
        #[node]
        fn twice(text: &str) -> String {
            text.repeat(2)
        }
    }
}

/// Beside the library.
#[derive(Default)]
struct Beside;

#[external_worker(id = "beside")]
impl Beside {
    /// One.
    #[node(trigger_on_call = false)]
    fn one(&self) -> i64 {
        1
    }
}

export!(Probe, Beside);
