//! Attacks on the host, one class and one file each. The tests say what the host does about each.

mod deaf;
mod handle_flood;
mod hang_stop;
mod huge_values;
mod log_flood;
mod memory_bomb;
mod spin_call;
mod spin_loop;
mod spin_start;
mod spin_stop;
mod traps;

use deaf::Deaf;
use handle_flood::HandleFlood;
use hang_stop::HangStop;
use huge_values::HugeValues;
use log_flood::LogFlood;
use memory_bomb::MemoryBomb;
use spin_call::SpinCall;
use spin_loop::SpinLoop;
use spin_start::SpinStart;
use spin_stop::SpinStop;
use traps::Traps;

pub(crate) use external_worker::bindings::funcnodes::external_worker::host as raw;

/// What one allocation of the memory attacks asks for.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Uses the processor and gives nothing back.
pub(crate) fn spin() {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n).wrapping_add(1);
        if n == u64::MAX {
            return;
        }
    }
}

external_worker::export!(
    Deaf,
    HandleFlood,
    HangStop,
    HugeValues,
    LogFlood,
    MemoryBomb,
    SpinCall,
    SpinLoop,
    SpinStart,
    SpinStop,
    Traps
);
