//! The clock of every engine: an OS thread of its own, so that no guest load can delay it.

use std::thread;

use wasmtime::EngineWeak;

use crate::error::{HostError, Result};
use crate::limits;

/// Starts the thread; it ends when the last of `engines` is gone.
pub(super) fn start(engines: Vec<EngineWeak>) -> Result<()> {
    thread::Builder::new()
        .name("ewh-ticker".to_owned())
        .spawn(move || tick(&engines))
        .map(drop)
        .map_err(|error| HostError::Engine(format!("cannot start the ticker thread: {error}")))
}

fn tick(engines: &[EngineWeak]) {
    loop {
        thread::sleep(limits::EPOCH_TICK);
        let mut alive = false;
        for engine in engines.iter().filter_map(EngineWeak::upgrade) {
            engine.increment_epoch();
            alive = true;
        }
        if !alive {
            return;
        }
    }
}
