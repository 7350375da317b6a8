//! What an instance is doing, how it ended, and what it did and used meanwhile.

use std::fmt;
use std::time::Duration;

use super::tally::Calls;
use super::turns::LoopStatus;
use crate::engine::TrapPlace;

/// What an instance is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// `start` is under way.
    Starting,
    /// It runs.
    Running,
    /// It trapped and will start again.
    Restarting {
        /// Why it trapped.
        reason: String,
    },
    /// `stop` is under way.
    Stopping,
    /// It is gone, and everything that it held.
    Ended(End),
}

impl State {
    /// What programs call it, and why it is in it, if there is a reason.
    pub fn named(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Starting => ("starting", None),
            Self::Running => ("running", None),
            Self::Restarting { reason } => ("restarting", Some(reason.clone())),
            Self::Stopping => ("stopping", None),
            Self::Ended(end) => ("ended", Some(end.to_string())),
        }
    }
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was stopped, or stopped itself.
    Stopped,
    /// `stop` did not end in time; it was dropped.
    Dropped,
    /// It was killed by the host or trapped too often; why.
    Failed(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("it was stopped"),
            Self::Dropped => f.write_str("it was dropped: `stop` did not end in time"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// What an instance did and uses.
#[derive(Debug, Clone)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Its loop.
    pub turns: LoopStatus,
    /// Calls that have ended.
    pub calls: Calls,
    /// Calls that wait or run.
    pub open_calls: usize,
    /// Times that it was started again after a trap.
    pub restarts: u32,
    /// CPU time in all.
    pub cpu: Duration,
    /// Time that it had to wait because it was ahead of its CPU share.
    pub throttled: Duration,
    /// Bytes that the host holds for it.
    pub memory: u64,
    /// The most that they ever were.
    pub memory_peak: u64,
    /// Log lines that were over its budget.
    pub dropped_log_lines: u64,
    /// Events that were over its budget.
    pub refused_events: u64,
    /// Where it trapped last, if the engine tells; see [`crate::engine::EngineOptions::names_places`].
    pub trapped_at: Option<TrapPlace>,
}
