//! Ends itself, and counts its calls to show what is left of it afterwards.

use external_worker::prelude::*;

/// Traps when it is called.
#[derive(Default)]
pub struct Traps {
    calls: State<i64>,
}

#[external_worker(id = "traps")]
impl Traps {
    /// Panics with a message.
    #[node]
    fn panic(&self) -> i64 {
        panic!("the guest gave up");
    }

    /// Counts its calls since it started.
    #[node]
    fn count(&self) -> i64 {
        self.calls.update(|calls| {
            *calls += 1;
            *calls
        })
    }
}

export!(Traps);
