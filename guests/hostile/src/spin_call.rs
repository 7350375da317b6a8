//! A method that never returns and never gives way.

use external_worker::prelude::*;

/// Spins when it is called.
#[derive(Default)]
pub struct SpinCall;

#[external_worker(id = "spin_call")]
impl SpinCall {
    /// Never returns.
    #[node]
    fn spin(&self) -> i64 {
        crate::spin();
        0
    }
}
