//! Wants to be stopped, paused and resumed while it is stopped.

use crate::attack::*;

crate::attack! {
    async fn stop() {
        for _ in 0..10_000 {
            raw::stop_self();
            raw::pause();
            raw::resume_in(0);
        }
    }
}
