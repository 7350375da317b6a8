//! One summed memory budget for everything a store grows: wasmtime's own limits are per memory.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, Result};

use crate::limits::{self, Ledger, Resource, Share, maps};

/// Charges every memory and table of a store to one ledger.
#[derive(Debug)]
pub struct Limiter {
    ledger: Arc<Ledger>,
    charged: u64,
    last: u64,
    maps: Vec<Share>,
}

impl Limiter {
    /// A limiter that charges `ledger` until it is dropped.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self {
            ledger,
            charged: 0,
            last: 0,
            maps: Vec::new(),
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
        // A memory begins at 0, and one of no pages may be there several times.
        if current == 0 && self.maps.len() < limits::MAX_MEMORIES {
            self.maps.push(maps::take(limits::MAPS_OF_A_MEMORY)?);
        }
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

    fn memories(&self) -> usize {
        limits::MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        limits::MAX_TABLES
    }

    fn instances(&self) -> usize {
        limits::MAX_CORE_INSTANCES
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.ledger.release(Resource::Memory, self.charged);
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, Instance, Module, Store};

    use super::*;
    use crate::limits::{Budget, MIB};

    /// Three memories and a table that grow in turn; the export says whether all of them could.
    const GREEDY: &str = r#"(module
        (memory $a 1) (memory $b 1) (memory $c 1)
        (table $t 1 funcref)
        (func (export "grow") (result i32)
            (i32.and
                (i32.and
                    (i32.ne (memory.grow $a (i32.const 1)) (i32.const -1))
                    (i32.ne (memory.grow $b (i32.const 1)) (i32.const -1)))
                (i32.and
                    (i32.ne (memory.grow $c (i32.const 1)) (i32.const -1))
                    (i32.ne (table.grow $t (ref.null func) (i32.const 512)) (i32.const -1))))))"#;

    #[test]
    fn three_memories_and_a_table_together_end_at_one_limit() {
        let limit = 64 * MIB;
        let budget = Budget {
            memory: bytesize::ByteSize(limit),
            ..Budget::default()
        };
        let ledger = Ledger::new(&budget);
        let engine = Engine::default();
        let module = Module::new(&engine, wat::parse_str(GREEDY).unwrap()).unwrap();
        let mut store = Store::new(&engine, Limiter::new(Arc::clone(&ledger)));
        store.limiter(|limiter| limiter);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let grow = instance
            .get_typed_func::<(), i32>(&mut store, "grow")
            .unwrap();
        while grow.call(&mut store, ()).unwrap() == 1 {}
        let used = ledger.used(Resource::Memory);
        assert!(used <= limit, "{used}");
        assert!(used >= limit / 100 * 99, "{used} of {limit}");
        drop(store);
        assert_eq!(ledger.used(Resource::Memory), 0);
    }
}
