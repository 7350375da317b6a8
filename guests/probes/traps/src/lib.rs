//! Ends itself, counts its calls to show what is left of it afterwards, and works for as long as it is
//! told to.

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

    /// Says that it begins, then does so many million steps of work.
    #[node]
    fn work(&self, millions: u32) -> i64 {
        log::info!("it works");
        let steps = u64::from(millions) * 1_000_000;
        let mixed = (0..steps).fold(1_u64, |mixed, step| {
            std::hint::black_box(mixed.wrapping_mul(6_364_136_223_846_793_005) ^ step)
        });
        i64::from(mixed as u32)
    }
}

export!(Traps);
