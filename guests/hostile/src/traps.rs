//! Ends itself, in several ways.

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

    /// Recurses until the stack ends.
    #[node]
    fn recurse(&self, depth: i64) -> i64 {
        deeper(depth)
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

#[allow(unconditional_recursion, reason = "that is the attack")]
fn deeper(depth: i64) -> i64 {
    std::hint::black_box(deeper(std::hint::black_box(depth + 1))) + 1
}
