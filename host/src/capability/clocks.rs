//! Clocks: the time of day, the monotonic time, and waiting.
//!
//! They are linked only where they are granted, except for the describing of a component, which
//! needs every import; then they stand still.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use wasmtime::component::Linker;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtx, WasiClocksCtxView};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, p2, p3};

use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach};
use crate::engine::StandIns;
use crate::policy::{Capability, Policy, Switch};

/// The clocks of one instance.
#[derive(Default)]
pub struct State {
    ctx: WasiClocksCtx,
}

impl State {
    /// Clocks by the simulated time of this runtime.
    fn simulated(stand_ins: &Arc<dyn StandIns>) -> Self {
        let clock = Simulated {
            began: Instant::now(),
            stand_ins: Arc::clone(stand_ins),
        };
        let mut wasi = WasiCtx::builder()
            .wall_clock(clock.clone())
            .monotonic_clock(clock)
            .build();
        Self {
            ctx: std::mem::take(wasi.clocks()),
        }
    }
}

/// The capability.
pub struct Clocks;

impl Provider for Clocks {
    const CAPABILITY: Capability = Capability::Clocks;

    type State = State;

    /// The monotonic clock begins now, so that it tells nothing of the machine.
    fn prepare(guard: &Guard, cx: &Prepare) -> State {
        if guard.granted().clocks.0 {
            return match &cx.stand_ins {
                Some(stand_ins) => State::simulated(stand_ins),
                None => State::default(),
            };
        }
        let mut wasi = WasiCtx::builder()
            .wall_clock(Stopped)
            .monotonic_clock(Stopped)
            .build();
        State {
            ctx: std::mem::take(wasi.clocks()),
        }
    }

    fn link<T: CapabilityView>(linker: &mut Linker<T>, is_granted: bool) -> wasmtime::Result<()> {
        if !is_granted {
            return Ok(());
        }
        p2::bindings::clocks::wall_clock::add_to_linker::<T, WasiClocks>(linker, view)?;
        p2::bindings::clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, view)?;
        p3::bindings::clocks::types::add_to_linker::<T, WasiClocks>(linker, view)?;
        p3::bindings::clocks::system_clock::add_to_linker::<T, WasiClocks>(linker, view)?;
        p3::bindings::clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, view)
    }

    /// The kernel tells everybody the time.
    fn reach(_: &Policy, _: &mut Reach) {}

    fn grant(_: &Devices, policy: &mut Policy) {
        policy.clocks = Switch(true);
    }
}

fn view<T: CapabilityView>(data: &mut T) -> WasiClocksCtxView<'_> {
    let capabilities = data.capabilities();
    WasiClocksCtxView {
        ctx: &mut capabilities.clocks.ctx,
        table: &mut capabilities.table,
    }
}

/// A clock that tells nothing.
struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(u64::MAX)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        u64::MAX
    }

    fn now(&self) -> u64 {
        0
    }
}

/// A clock by the time of the runtime, which is simulated.
#[derive(Clone)]
struct Simulated {
    began: Instant,
    stand_ins: Arc<dyn StandIns>,
}

impl HostWallClock for Simulated {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let time = self.stand_ins.time(self.began.elapsed());
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or(Duration::ZERO)
    }
}

impl HostMonotonicClock for Simulated {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::component::ResourceTable;
    use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};

    use super::super::testing;
    use super::*;

    fn seconds(policy: &str) -> u64 {
        let cx = testing::prepare();
        let guard = testing::guard(testing::granted(policy), &cx);
        let mut state = Clocks::prepare(&guard, &cx);
        let mut table = ResourceTable::new();
        let mut view = WasiClocksCtxView {
            ctx: &mut state.ctx,
            table: &mut table,
        };
        wall_clock::Host::resolution(&mut view).unwrap();
        monotonic_clock::Host::now(&mut view).unwrap();
        wall_clock::Host::now(&mut view).unwrap().seconds
    }

    #[test]
    fn without_a_grant_the_clocks_stand_still() {
        assert_eq!(seconds(""), 0);
        assert!(seconds("clocks = true") > 1_000_000_000);
    }
}
