//! What was removed a moment ago. Whoever speaks of it may not have heard yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::limits::{GONE_LIFETIME, MAX_GONE};

/// Ids of what was removed, for a while and so many of them.
#[derive(Debug, Default)]
pub struct Gone {
    since: HashMap<Arc<str>, Instant>,
    /// Oldest first; an id that was removed again is there twice.
    order: VecDeque<(Arc<str>, Instant)>,
}

impl Gone {
    /// `id` was removed.
    pub fn note(&mut self, id: impl Into<Arc<str>>) {
        self.note_at(id.into(), Instant::now());
    }

    /// Whether `id` was removed a moment ago.
    pub fn has(&self, id: &str) -> bool {
        self.has_at(id, Instant::now())
    }

    fn note_at(&mut self, id: Arc<str>, now: Instant) {
        self.since.insert(Arc::clone(&id), now);
        self.order.push_back((id, now));
        while self.order.len() > MAX_GONE || self.is_oldest_past(now) {
            let Some((id, then)) = self.order.pop_front() else {
                break;
            };
            if self.since.get(&id) == Some(&then) {
                self.since.remove(&id);
            }
        }
    }

    fn has_at(&self, id: &str, now: Instant) -> bool {
        let since = self.since.get(id);
        since.is_some_and(|since| now.saturating_duration_since(*since) < GONE_LIFETIME)
    }

    fn is_oldest_past(&self, now: Instant) -> bool {
        let oldest = self.order.front();
        oldest.is_some_and(|(_, then)| now.saturating_duration_since(*then) >= GONE_LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_ids_are_remembered_for_so_long() {
        let mut gone = Gone::default();
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        gone.note_at("a".into(), begun);
        gone.note_at("b".into(), after(10));
        assert!(gone.has_at("a", after(59)) && !gone.has_at("c", after(59)));
        assert!(!gone.has_at("a", after(60)) && gone.has_at("b", after(60)));
        gone.note_at("b".into(), after(65));
        assert!(gone.has_at("b", after(80)));
        for n in 0..2 * MAX_GONE {
            gone.note_at(n.to_string().into(), after(66));
        }
        assert!(!gone.has_at("b", after(66)) && gone.has_at("8000", after(66)));
        assert_eq!((gone.since.len(), gone.order.len()), (MAX_GONE, MAX_GONE));
    }
}
