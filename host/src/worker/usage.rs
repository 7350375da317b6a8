//! What the external workers of a Worker did and use, for who watches over it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Worker;
use super::external_worker::ExternalWorker;
use crate::instance::tally::{BOUNDS, Calls};
use crate::limits;
use crate::text::clean_line;

/// More calls than anybody makes, of which a sum is a number still.
const MAX_CALLS: u64 = 1 << 48;

/// What one external worker did since it last became an instance, and uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Its module.
    pub module: String,
    /// Its class.
    pub class: String,
    /// Its uuid.
    pub uuid: String,
    /// What it is doing: `running`, `restarting`, and so on; `down`: nothing runs.
    pub state: String,
    /// Its calls that have ended.
    pub calls: Calls,
    /// Its calls that wait or run.
    pub open_calls: usize,
    /// Turns of its loop that have ended.
    pub turns: u64,
    /// Those of them that failed.
    pub turn_errors: u64,
    /// Times that it was started again after a trap.
    pub restarts: u32,
    /// CPU time.
    pub cpu: Duration,
    /// Time that it had to wait because it was ahead of its CPU share.
    pub throttled: Duration,
    /// Bytes that the host holds for it.
    pub memory: u64,
    /// Log lines that were over its budget.
    pub dropped_log_lines: u64,
    /// Events that were over its budget.
    pub refused_events: u64,
}

impl Worker {
    /// What each external worker did and uses; node libraries are among them.
    pub fn usage(&self) -> Vec<Usage> {
        self.everything().iter().map(|it| Usage::of(it)).collect()
    }
}

impl Usage {
    /// Of one behind which nothing runs.
    pub(crate) fn nothing(module: &str, class: &str, uuid: &str) -> Self {
        Self {
            module: module.to_owned(),
            class: class.to_owned(),
            uuid: uuid.to_owned(),
            state: "down".to_owned(),
            calls: Calls::default(),
            open_calls: 0,
            turns: 0,
            turn_errors: 0,
            restarts: 0,
            cpu: Duration::ZERO,
            throttled: Duration::ZERO,
            memory: 0,
            dropped_log_lines: 0,
            refused_events: 0,
        }
    }

    /// The same with no more words and numbers than one has: it may be a stranger's.
    pub(crate) fn bounded(mut self) -> Self {
        for text in [
            &mut self.module,
            &mut self.class,
            &mut self.uuid,
            &mut self.state,
        ] {
            *text = clean_line(text, limits::MAX_NAME_BYTES);
        }
        self.calls.took.truncate(BOUNDS.len().saturating_add(1));
        self.calls.took.shrink_to_fit();
        for took in &mut self.calls.took {
            *took = (*took).min(MAX_CALLS);
        }
        self
    }

    pub(super) fn of(external: &ExternalWorker) -> Self {
        let short = |text: &str| clean_line(text, limits::MAX_NAME_BYTES);
        let (module, class) = (short(external.module()), short(external.class_id()));
        let usage = Self::nothing(&module, &class, external.uuid());
        let status = external.instance().map(|instance| instance.status());
        let Some(status) = status else {
            return usage;
        };
        Self {
            state: status.state.named().0.to_owned(),
            calls: status.calls,
            open_calls: status.open_calls,
            turns: status.turns.turns,
            turn_errors: status.turns.errors,
            restarts: status.restarts,
            cpu: status.cpu,
            throttled: status.throttled,
            memory: status.memory,
            dropped_log_lines: status.dropped_log_lines,
            refused_events: status.refused_events,
            ..usage
        }
    }
}
