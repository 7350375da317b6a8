//! One summed memory budget for everything a store grows: wasmtime's own limits are per memory.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, Result};

use crate::limits::{self, Ledger, Resource};

/// Charges every memory and table of a store to one ledger.
#[derive(Debug)]
pub struct Limiter {
    ledger: Arc<Ledger>,
    charged: u64,
    last: u64,
}

impl Limiter {
    /// A limiter that charges `ledger` until it is dropped.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self {
            ledger,
            charged: 0,
            last: 0,
        }
    }

    fn grow(&mut self, current: usize, desired: usize, unit: u64) -> bool {
        let more = desired.saturating_sub(current) as u64;
        let amount = more.saturating_mul(unit);
        let granted = self.ledger.charge(Resource::Memory, amount).is_ok();
        self.last = if granted { amount } else { 0 };
        self.charged = self.charged.saturating_add(self.last);
        granted
    }

    fn undo_last(&mut self) {
        self.ledger.release(Resource::Memory, self.last);
        self.charged = self.charged.saturating_sub(self.last);
        self.last = 0;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> Result<bool> {
        Ok(self.grow(current, desired, 1))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.undo_last();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> Result<bool> {
        Ok(self.grow(current, desired, limits::TABLE_ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.undo_last();
        Ok(())
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.ledger.release(Resource::Memory, self.charged);
    }
}
