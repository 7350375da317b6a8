//! A loop that never gives way.

use external_worker::prelude::*;

/// Spins in its first turn.
#[derive(Default)]
pub struct SpinLoop;

#[external_worker(id = "spin_loop")]
impl SpinLoop {
    async fn r#loop(&self) {
        crate::spin();
    }

    /// Would answer, if the loop let it.
    #[node]
    fn ping(&self) -> i64 {
        1
    }
}
