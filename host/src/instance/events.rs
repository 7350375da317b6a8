//! What an instance tells the world: log lines, events, changes of nodes; each within its rate.

use std::sync::atomic::{AtomicU64, Ordering};

use bytesize::ByteSize;

pub use super::listener::Listener;
use super::listener::Listeners;
use super::rate::Rate;
use crate::bindings::host::Level;
use crate::bindings::types::Value;
use crate::json::JsonText;
use crate::limits::{self, Budget, Paid};
use crate::text;

/// Something that happened in an instance.
#[derive(Debug, Clone)]
pub enum Event {
    /// A line of its log.
    Log {
        /// How much it matters.
        level: Level,
        /// One line, clean of control characters.
        message: String,
    },
    /// It emitted an event.
    Emitted {
        /// Such as "nodes_update".
        event: String,
        /// Any JSON, paid for as long as anybody has it.
        data: Paid<JsonText>,
    },
    /// It asks all nodes of a method to run.
    TriggerRequested {
        /// The method.
        method: String,
    },
    /// It changed an input, of one node or of a node class.
    InputChanged {
        /// The node's id; `None`: the class, for nodes yet to be made.
        node: Option<String>,
        /// The method whose nodes these are.
        method: String,
        /// The input's name.
        input: String,
        /// What changed.
        change: InputChange,
    },
    /// It said what its configuration is now.
    ConfigSaid,
    /// A call says how far it is.
    Progress {
        /// The id of the node that called; `None`: no node did.
        node: Option<std::sync::Arc<str>>,
        /// Between 0 and 1.
        fraction: f64,
        /// What it does now: a few words, clean of control characters.
        message: String,
        /// Since the call began.
        elapsed: std::time::Duration,
    },
    /// The operator did not grant something that it tried.
    Denied {
        /// What, and which grant is missing.
        message: String,
    },
    /// A turn of the loop failed; once for each burst.
    LoopFailed {
        /// The guest's sentence.
        message: String,
    },
    /// Its state changed; see [`super::Instance::status`].
    State(super::State),
}

/// What a log level is called, for people and machines.
pub const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// What changed at an input.
#[derive(Debug, Clone)]
pub enum InputChange {
    /// Its value, which triggers the node.
    Value(Paid<Value>),
    /// Its value, which is shown and does not trigger the node.
    Shown(Paid<Value>),
    /// Its default.
    Default(Option<Paid<Value>>),
    /// Its value options.
    ValueOptions(Paid<JsonText>),
    /// Its render options.
    RenderOptions(Paid<JsonText>),
}

/// Sends the events of one instance, and keeps count of what was too much.
pub struct Events {
    listeners: Listeners,
    log_lines: Option<Rate>,
    log_bytes: Option<Rate>,
    events: Option<Rate>,
    event_bytes: Option<Rate>,
    dropped_lines: AtomicU64,
    refused: AtomicU64,
    lines_lost_since: AtomicU64,
}

impl Events {
    /// Events at the rates of `budget`. A rate of 0 lets nothing through.
    pub fn new(budget: &Budget) -> Self {
        let log_bytes = whole(budget.log_bytes_per_second);
        // The largest event fits into the first second.
        let event_bytes = whole(budget.event_bytes_per_second);
        let largest = whole(budget.event_size).saturating_add(whole(EVENT));
        Self {
            listeners: Listeners::default(),
            log_lines: Rate::per_second(budget.log_lines_per_second, budget.log_lines_per_second),
            log_bytes: Rate::per_second(log_bytes, log_bytes),
            events: Rate::per_second(budget.events_per_second, budget.events_per_second),
            event_bytes: Rate::per_second(event_bytes, event_bytes.max(largest)),
            dropped_lines: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lines_lost_since: AtomicU64::new(0),
        }
    }

    /// Whoever wants to know. A slow one misses events, and is told where and how many.
    pub fn subscribe(&self) -> Listener {
        self.listeners.add()
    }

    /// Log lines that were dropped in all.
    pub fn dropped_lines(&self) -> u64 {
        self.dropped_lines.load(Ordering::Relaxed)
    }

    /// Events that were refused in all.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Sends what the host itself has to say; no rate holds it.
    pub fn send(&self, event: Event) {
        self.listeners.tell(event);
    }

    /// Whether an event of the guest with `bytes` of data is within the rates. It counts from now on.
    pub fn admit(&self, bytes: u64) -> bool {
        let bytes = ByteSize(bytes.saturating_add(limits::EVENT_BYTES));
        let admits = |rate: &Option<Rate>, count| rate.as_ref().is_some_and(|it| it.admits(count));
        let fits = admits(&self.events, 1) && admits(&self.event_bytes, whole(bytes));
        if !fits {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        fits
    }

    /// A log line of the guest, cleaned; dropped and counted when it is too much.
    pub fn log(&self, level: Level, message: &str) {
        let line = text::clean_line(message, limits::MAX_PRINTED_LINE_BYTES);
        // An empty line counts, too.
        let bytes = whole(ByteSize(line.len().max(1) as u64));
        let admits = |rate: &Option<Rate>, count| rate.as_ref().is_some_and(|it| it.admits(count));
        let fits = admits(&self.log_lines, 1) && admits(&self.log_bytes, bytes);
        if !fits {
            self.dropped_lines.fetch_add(1, Ordering::Relaxed);
            self.lines_lost_since.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.lines_lost_since.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let message = format!("({lost} lines dropped: over the log budget)");
            self.send(Event::Log {
                level: Level::Warn,
                message,
            });
        }
        self.send(Event::Log {
            level,
            message: line,
        });
    }
}

/// What an event without data counts towards the rate of bytes.
const EVENT: ByteSize = ByteSize(limits::EVENT_BYTES);

fn whole(size: ByteSize) -> u32 {
    u32::try_from(size.as_u64()).unwrap_or(u32::MAX)
}
