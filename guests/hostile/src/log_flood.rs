//! Says too much.

use external_worker::prelude::*;

/// Talks when it is called.
#[derive(Default)]
pub struct LogFlood;

#[external_worker(id = "log_flood")]
impl LogFlood {
    /// Logs `lines` lines with an escape that would clear a terminal.
    #[node]
    fn flood(&self, lines: u32) {
        for line in 0..lines {
            log::info!("\x1b[2Jline {line}\nforged line");
        }
    }

    /// Logs one line of `bytes` bytes.
    #[node]
    fn shout(&self, bytes: u32) {
        log::info!("{}", "a".repeat(bytes as usize));
    }

    /// Emits `events` events; says how many were taken.
    #[node]
    fn emit_many(&self, events: u32) -> i64 {
        (0..events)
            .filter(|n| self.emit("flood", n).is_ok())
            .count() as i64
    }
}
