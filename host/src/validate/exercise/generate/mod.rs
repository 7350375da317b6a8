//! Values that nobody thought of. What lies at the boundaries of a type is the same for every seed, and is
//! tried one by one; how it is put together is chosen by the seed, and is the same for the same seed.
//!
//! A value is the text that `ewh run --input` reads, so that the command which is printed repeats it.

mod arrays;
mod configurations;
mod values;
mod words;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

pub(super) use values::{boundaries, pairs, plain, wrong};

use crate::bindings::types::Port;

/// Chooses.
pub(super) struct Generator(SmallRng);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.choose(&mut self.0).cloned()
    }

    /// One of `0..count`.
    pub(super) fn index(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.0.random_range(0..count))
    }

    /// A value for `port`: of its type, and within what its options say.
    pub(super) fn value(&mut self, port: &Port) -> String {
        self.pick(&boundaries(port)).unwrap_or_else(|| plain(port))
    }
}

/// At most `most` of `items`, evenly spread, the first one among them.
pub(super) fn spread<T>(items: Vec<T>, most: usize) -> Vec<T> {
    let count = items.len();
    if count <= most {
        return items;
    }
    // The places at which another one of the `most` begins.
    let is_kept = |at: usize| at == 0 || (at * most) / count > ((at - 1) * most) / count;
    let kept = items.into_iter().enumerate();
    kept.filter(|(at, _)| most > 0 && is_kept(*at))
        .map(|(_, item)| item)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_too_many_is_spread_evenly() {
        assert_eq!(spread((0..10).collect(), 5), [0, 2, 4, 6, 8]);
        assert_eq!(spread((0..3).collect(), 5), [0, 1, 2]);
        assert_eq!(spread(vec![1, 2], 0), [0; 0]);
        for most in 1..20 {
            assert_eq!(spread((0..20).collect::<Vec<_>>(), most).len(), most);
        }
    }
}
