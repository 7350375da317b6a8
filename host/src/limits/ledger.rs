//! What one instance uses.
//!
//! One [`Ledger`] belongs to one instance. Whatever the instance makes the host hold is charged to
//! it, and reaching a limit is an [`Exhausted`], never a denial: trying again later may work.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Budget, descriptors};

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} is used up: the limit is {limit}, {used} are in use, and {asked} more were asked for"
)]
pub struct Exhausted {
    /// Which budget.
    pub what: Resource,
    /// Its limit, in the resource's own unit.
    pub limit: u64,
    /// What was in use.
    pub used: u64,
    /// What was asked for on top.
    pub asked: u64,
}

/// What a [`Ledger`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes held for the instance.
    Memory,
    /// Open handles.
    Handles,
    /// Open sockets.
    Sockets,
    /// File descriptors of the process: no budget of the instance has a limit of them, but those that
    /// all guests share.
    Descriptors,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "the memory budget (bytes)",
            Self::Handles => "the budget of open handles",
            Self::Sockets => "the budget of open sockets",
            Self::Descriptors => "the share of guests in the file descriptors of this process",
        })
    }
}

#[derive(Debug)]
struct Account {
    used: AtomicU64,
    peak: AtomicU64,
    limit: u64,
}

impl Account {
    fn new(limit: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            limit,
        }
    }

    fn add(&self, what: Resource, asked: u64) -> Result<(), Exhausted> {
        let added = |used: u64| used.checked_add(asked).filter(|sum| *sum <= self.limit);
        match self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, added)
        {
            Ok(before) => {
                self.peak
                    .fetch_max(before.saturating_add(asked), Ordering::AcqRel);
                Ok(())
            }
            Err(used) => Err(Exhausted {
                what,
                limit: self.limit,
                used,
                asked,
            }),
        }
    }

    fn sub(&self, amount: u64) {
        let _ = self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                Some(used.saturating_sub(amount))
            });
    }
}

/// What one instance uses now, against its limits. Shared by everything that holds something for it.
#[derive(Debug)]
pub struct Ledger {
    memory: Account,
    handles: Account,
    sockets: Account,
    descriptors: Account,
    last_refusal: Mutex<Option<Exhausted>>,
}

impl Ledger {
    /// An empty ledger with the limits of `budget`.
    pub fn new(budget: &Budget) -> Arc<Self> {
        Arc::new(Self {
            memory: Account::new(budget.memory.as_u64()),
            handles: Account::new(budget.handles.into()),
            sockets: Account::new(budget.sockets.into()),
            descriptors: Account::new(u64::MAX),
            last_refusal: Mutex::new(None),
        })
    }

    fn account(&self, what: Resource) -> &Account {
        match what {
            Resource::Memory => &self.memory,
            Resource::Handles => &self.handles,
            Resource::Sockets => &self.sockets,
            Resource::Descriptors => &self.descriptors,
        }
    }

    /// Charges `amount`, to be given back with [`Ledger::release`].
    ///
    /// # Errors
    /// When the limit would be passed; nothing is charged then.
    pub fn charge(&self, what: Resource, amount: u64) -> Result<(), Exhausted> {
        let charged = self.account(what).add(what, amount).and_then(|()| {
            if what != Resource::Descriptors {
                return Ok(());
            }
            descriptors::take(amount).map_err(|left| {
                self.descriptors.sub(amount);
                let limit = descriptors::limit();
                Exhausted {
                    what,
                    limit,
                    used: limit.saturating_sub(left),
                    asked: amount,
                }
            })
        });
        charged.inspect_err(|refused| {
            let mut last = self
                .last_refusal
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *last = Some(refused.clone());
        })
    }

    /// Gives back what [`Ledger::charge`] took.
    pub fn release(&self, what: Resource, amount: u64) {
        self.account(what).sub(amount);
        if what == Resource::Descriptors {
            descriptors::put(amount);
        }
    }

    /// Charges `amount` for as long as the returned value lives.
    ///
    /// # Errors
    /// When the limit would be passed.
    pub fn hold(self: &Arc<Self>, what: Resource, amount: u64) -> Result<Held, Exhausted> {
        self.charge(what, amount)?;
        Ok(Held {
            ledger: Arc::clone(self),
            what,
            amount,
        })
    }

    /// The most that may be charged at once.
    pub fn limit(&self, what: Resource) -> u64 {
        self.account(what).limit
    }

    /// What is charged now.
    pub fn used(&self, what: Resource) -> u64 {
        self.account(what).used.load(Ordering::Acquire)
    }

    /// The most that was ever charged at once.
    pub fn peak(&self, what: Resource) -> u64 {
        self.account(what).peak.load(Ordering::Acquire)
    }

    /// The last refusal: most likely why a guest that gave up right after did so.
    pub fn last_refusal(&self) -> Option<Exhausted> {
        self.last_refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Something that the host holds for an instance, and the charge for it. Clones share both: the charge ends
/// with the last of them.
#[derive(Debug)]
pub struct Paid<T> {
    what: Arc<T>,
    held: Arc<Held>,
}

impl<T> Paid<T> {
    /// `what`, for which `held` was charged.
    pub fn new(what: T, held: Held) -> Self {
        Self {
            what: Arc::new(what),
            held: Arc::new(held),
        }
    }

    /// The charge, for what else is held as long.
    pub fn held(&self) -> &Arc<Held> {
        &self.held
    }
}

impl<T> Clone for Paid<T> {
    fn clone(&self) -> Self {
        Self {
            what: Arc::clone(&self.what),
            held: Arc::clone(&self.held),
        }
    }
}

impl<T> std::ops::Deref for Paid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

/// A charge that ends with its owner.
#[derive(Debug)]
pub struct Held {
    ledger: Arc<Ledger>,
    what: Resource,
    amount: u64,
}

impl Held {
    /// Charges who pays this charge with `amount` of the same more.
    ///
    /// # Errors
    /// When the limit would be passed.
    pub fn more(&self, amount: u64) -> Result<Self, Exhausted> {
        self.ledger.hold(self.what, amount)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.ledger.release(self.what, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_refuses_what_passes_the_limit_and_takes_nothing_for_it() {
        let budget = Budget {
            sockets: 2,
            ..Budget::default()
        };
        let ledger = Ledger::new(&budget);
        let first = ledger.hold(Resource::Sockets, 1).unwrap();
        let _second = ledger.hold(Resource::Sockets, 1).unwrap();
        let refused = ledger.hold(Resource::Sockets, 1).unwrap_err();
        assert_eq!((refused.limit, refused.used, refused.asked), (2, 2, 1));
        drop(first);
        assert_eq!(ledger.used(Resource::Sockets), 1);
        assert_eq!(ledger.peak(Resource::Sockets), 2);
    }

    #[test]
    fn descriptors_are_those_of_the_process() {
        let (one, other) = (
            Ledger::new(&Budget::default()),
            Ledger::new(&Budget::default()),
        );
        let held = one.hold(Resource::Descriptors, 2).unwrap();
        let refused = other.hold(Resource::Descriptors, descriptors::limit());
        let refused = refused.map(drop).unwrap_err();
        assert_eq!(refused.limit, descriptors::limit());
        assert!(refused.used >= 2 && refused.to_string().contains("file descriptors"));
        assert_eq!(other.used(Resource::Descriptors), 0);
        drop(held);
        assert_eq!(one.used(Resource::Descriptors), 0);
    }

    #[test]
    fn a_charge_that_would_overflow_is_refused() {
        let ledger = Ledger::new(&Budget::default());
        ledger.charge(Resource::Memory, 1).unwrap();
        ledger.charge(Resource::Memory, u64::MAX).unwrap_err();
    }
}
