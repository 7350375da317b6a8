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
        let less = |left: u64| left.checked_sub(count);
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)?;
        Ok(Share {
            stock: Arc::clone(self),
            count,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.stock.0.fetch_add(self.count, Ordering::AcqRel);
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
        assert!(stock.take(3).is_ok());
    }
}
