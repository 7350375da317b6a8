//! The `log` crate and, with the feature `tracing`, the `tracing` crate on the host's log.

use std::sync::Once;

use log::{LevelFilter, Log, Metadata, Record};

use crate::host::{self, Level};

/// Before the first code of the author runs. Somebody else's logger is left alone.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if log::set_logger(&HostLog).is_ok() {
            // The host says what it keeps; this only saves the cost of the finest lines.
            log::set_max_level(LevelFilter::Debug);
        }
        #[cfg(feature = "tracing")]
        crate::spans::install();
    });
}

struct HostLog;

impl Log for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            host::log(level(record.level()), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Trace => Level::Trace,
        log::Level::Debug => Level::Debug,
        log::Level::Info => Level::Info,
        log::Level::Warn => Level::Warn,
        log::Level::Error => Level::Error,
    }
}
