//! Probes the grant `clocks`: WASI 0.2 through the standard library, WASI 0.3 through bindings.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use external_worker::bindings::wasi::clocks::{monotonic_clock, system_clock};
use external_worker::prelude::*;

/// See the crate.
#[derive(Default)]
pub struct Clocks;

#[external_worker(id = "clocks")]
impl Clocks {
    /// Seconds since 1970, as the standard library knows them.
    #[node(trigger_on_call = false)]
    fn now2(&self) -> Result<i64> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| "it is before 1970")?;
        Ok(now.as_secs() as i64)
    }

    /// Seconds since 1970.
    #[node(trigger_on_call = false)]
    fn now3(&self) -> i64 {
        system_clock::now().seconds
    }

    /// Milliseconds that the standard library measures while it sleeps, which stops the worker.
    #[node(trigger_on_call = false)]
    fn nap2(&self, ms: u32) -> i64 {
        let before = Instant::now();
        std::thread::sleep(Duration::from_millis(ms.into()));
        before.elapsed().as_millis() as i64
    }

    /// Milliseconds that pass while it waits, which stops nothing.
    #[node(trigger_on_call = false)]
    async fn nap3(&self, ms: u32) -> i64 {
        let before = monotonic_clock::now();
        monotonic_clock::wait_for(u64::from(ms) * 1_000_000).await;
        ((monotonic_clock::now() - before) / 1_000_000) as i64
    }

    /// Milliseconds since the monotonic clock began, which is no older than the instance.
    #[node(trigger_on_call = false)]
    fn age(&self) -> i64 {
        (monotonic_clock::now() / 1_000_000) as i64
    }
}

export!(Clocks; requests: { clocks: "it probes them" });
