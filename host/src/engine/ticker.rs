//! The clock of every engine: an OS thread of its own, so that no guest load can delay it.

use std::sync::Arc;
use std::thread;

use wasmtime::EngineWeak;

use crate::error::{HostError, Result};
use crate::executor::Clock;
use crate::limits;

/// Starts the thread; it ends when the last of `engines` is gone.
pub(super) fn start(engines: Vec<EngineWeak>, clock: Arc<Clock>) -> Result<()> {
    thread::Builder::new()
        .name("ewh-ticker".to_owned())
        .spawn(move || {
            while tick(&engines) {
                clock.tick();
                thread::sleep(limits::EPOCH_TICK);
            }
        })
        .map(drop)
        .map_err(|error| HostError::Engine(format!("cannot start the ticker thread: {error}")))
}

/// Advances the epoch of `engines`. Returns whether one of them is left.
pub(super) fn tick(engines: &[EngineWeak]) -> bool {
    let mut alive = false;
    for engine in engines.iter().filter_map(EngineWeak::upgrade) {
        engine.increment_epoch();
        alive = true;
    }
    alive
}
