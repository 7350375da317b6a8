//! Whether memory grows without an end, from what was held after each of many rounds that are alike.
//!
//! A linear memory grows by pages of 64 KiB and an allocator takes more than it was asked for, so a small leak
//! shows as a step now and then. What settles stops growing; what leaks grows in each part of the run.

use crate::limits;

/// Parts of the second half of a run, in each of which a leak shows.
const PARTS: usize = 2;

/// A leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leak {
    /// Bytes for each round, about.
    pub(super) each: u64,
    /// Rounds that were judged.
    pub(super) rounds: usize,
}

/// Whether the memory that was held after each round grew in every part of their second half, and by more than
/// what an allocator takes beforehand.
pub(super) fn leak(memory: &[u64]) -> Option<Leak> {
    let rounds = memory.len() / 2;
    let later = memory.get(memory.len().checked_sub(rounds + 1)?..)?;
    let part = rounds / PARTS;
    if part == 0 {
        return None;
    }
    let at = |part_of: usize| later.get((part * part_of).min(rounds)).copied();
    let mut marks = (0..=PARTS).map(at).collect::<Option<Vec<_>>>()?;
    // What is left over at the end belongs to the last part.
    *marks.last_mut()? = later.last().copied()?;
    let always = marks.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    let grown = marks.last()?.checked_sub(*marks.first()?)?;
    let leak = Leak {
        each: grown / rounds as u64,
        rounds,
    };
    (always && grown >= limits::GROWTH_BYTES).then_some(leak)
}

/// Whether so much of `budget` is gone that a further round could end it: what was seen is enough.
pub(super) fn is_enough(memory: &[u64], budget: u64) -> bool {
    let (Some(first), Some(last)) = (memory.first(), memory.last()) else {
        return false;
    };
    last.saturating_sub(*first) > budget.saturating_sub(*first) / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a memory of pages holds when `each` bytes more are needed in every round, up to `most`.
    fn pages(rounds: u64, each: u64, most: u64) -> Vec<u64> {
        let page = limits::MEMORY_PAGE;
        let needed = (1..=rounds).map(|round| (round * each).min(most));
        needed
            .map(|needed| (40 + needed.div_ceil(page)) * page)
            .collect()
    }

    #[test]
    fn a_leak_is_found_however_small() {
        let turns = u64::from(limits::MEMORY_TURNS);
        let found = leak(&pages(turns, 10_000, u64::MAX)).unwrap();
        assert!((9_000..11_000).contains(&found.each), "{found:?}");
        assert!(leak(&pages(turns, 1_000, u64::MAX)).is_some());
        let calls = u64::from(*limits::MEMORY_ROUNDS.end());
        let found = leak(&pages(calls, 100, u64::MAX)).unwrap();
        assert!((50..150).contains(&found.each), "{found:?}");
        // A large one needs few rounds.
        assert!(leak(&pages(8, 256 * 1024, u64::MAX)).is_some());
    }

    #[test]
    fn what_settles_is_no_leak() {
        assert_eq!(leak(&pages(512, 10_000, 1_000_000)), None);
        assert_eq!(leak(&pages(4_096, 100, 100_000)), None);
        assert_eq!(leak(&pages(512, 0, 0)), None);
        // A list that doubles once, late.
        let mut doubles = vec![1 << 20; 300];
        doubles.extend(vec![2 << 20; 212]);
        assert_eq!(leak(&doubles), None);
        for few in 0..4 {
            assert_eq!(leak(&pages(few, 1 << 20, u64::MAX)), None);
        }
    }

    #[test]
    fn a_run_ends_before_the_budget_does() {
        assert!(!is_enough(&[10, 20], 100));
        assert!(is_enough(&[10, 33], 100));
        assert!(!is_enough(&[], 100));
    }
}
