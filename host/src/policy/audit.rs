//! Where decisions are written down.

use std::fmt;

use uuid::Uuid;

use super::access::{Access, Denial};

/// Takes note of what is decided.
pub trait Audit: Send + Sync + fmt::Debug {
    /// The policy allowed something to the instance that this audit belongs to, for the first time or again.
    fn allowed(&self, _access: &Access<'_>) {}

    /// The policy denied something to the instance that this audit belongs to.
    fn denied(&self, denial: &Denial);
}

/// Writes denials to the host's log, under the target `audit`.
#[derive(Debug, Clone)]
pub struct LogAudit {
    /// The instance that is denied something.
    pub instance: Uuid,
}

impl Audit for LogAudit {
    fn denied(&self, denial: &Denial) {
        tracing::warn!(
            target: "audit",
            instance = %self.instance,
            capability = denial.capability.name(),
            reason = denial.reason.label(),
            fix = denial.fix,
            "denied: {}",
            denial.what,
        );
    }
}
