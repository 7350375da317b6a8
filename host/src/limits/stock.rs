//! Something that there is only so much of, and that many take of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is left of it.
#[derive(Debug)]
pub struct Stock(AtomicU64);

/// What somebody has of it; given back when dropped.
#[derive(Debug)]
pub struct Share {
    stock: Arc<Stock>,
    count: u64,
}

impl Stock {
    /// So much of it.
    pub fn new(count: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(count)))
    }

    /// Takes `count` of it.
    ///
    /// # Errors
    /// What is left, when it is less.
    pub fn take(self: &Arc<Self>, count: u64) -> Result<Share, u64> {
        let mut share = Share::none_of(self);
        share.more(count)?;
        Ok(share)
    }

    /// Puts `count` back that nobody has a [`Share`] of.
    pub fn put(&self, count: u64) {
        self.0.fetch_add(count, Ordering::AcqRel);
    }
}

impl Share {
    /// A share of nothing yet.
    pub fn none_of(stock: &Arc<Stock>) -> Self {
        Self {
            stock: Arc::clone(stock),
            count: 0,
        }
    }

    /// Takes `count` more.
    ///
    /// # Errors
    /// What is left, when it is less.
    pub fn more(&mut self, count: u64) -> Result<(), u64> {
        let less = |left: u64| left.checked_sub(count);
        self.stock
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)?;
        self.count = self.count.saturating_add(count);
        Ok(())
    }

    /// Keeps it for good.
    pub fn keep(&mut self) {
        self.count = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.stock.put(self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_and_no_more_is_given_than_there_is() {
        let stock = Stock::new(3);
        let two = stock.take(2).unwrap();
        assert_eq!(stock.take(2).map(drop), Err(1));
        drop(two);
        let mut some = stock.take(1).unwrap();
        assert_eq!((some.more(3), some.more(1)), (Err(2), Ok(())));
        some.keep();
        drop(some);
        assert_eq!(stock.take(2).map(drop), Err(1), "kept");
        stock.put(2);
        assert!(stock.take(3).is_ok());
    }
}
