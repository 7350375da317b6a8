//! Does not hear that its call was cancelled.

use external_worker::prelude::*;

/// Yields without end.
#[derive(Default)]
pub struct Deaf;

#[external_worker(id = "deaf")]
impl Deaf {
    /// Gives way to the others all the time, but never ends; its own task never learns of a cancel
    /// because it never awaits anything but the shortest of sleeps.
    #[node]
    async fn yield_for_ever(&self) -> i64 {
        loop {
            sleep(std::time::Duration::ZERO).await;
        }
    }

    /// Would answer.
    #[node]
    fn ping(&self) -> i64 {
        1
    }
}
