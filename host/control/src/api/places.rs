//! How many requests run at once. Each tenant has its own share, so none keeps another out; operators have theirs, so
//! no tenant keeps them out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits;

/// What takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum For {
    Request,
    Upload,
    Stream,
}

impl For {
    /// Of one tenant, of operators, of all tenants.
    const fn most(self) -> (usize, usize, usize) {
        match self {
            Self::Request => (
                limits::MAX_REQUESTS_OF_TENANT,
                limits::MAX_REQUESTS_OF_OPERATORS,
                limits::MAX_REQUESTS,
            ),
            Self::Upload => (
                limits::MAX_UPLOADS_OF_TENANT,
                limits::MAX_UPLOADS,
                limits::MAX_UPLOADS,
            ),
            Self::Stream => (
                limits::MAX_STREAMS_OF_TENANT,
                limits::MAX_STREAMS,
                limits::MAX_STREAMS,
            ),
        }
    }
}

/// Who takes places: a tenant, or operators.
type Party = Option<String>;

/// The places that are taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    taken: Arc<Mutex<BTreeMap<(For, Party), usize>>>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    key: (For, Party),
}

impl Places {
    /// A place for one of `party`; none if there is none now.
    pub fn take(&self, what: For, party: Option<&str>) -> Option<Place> {
        let (of_tenant, of_operators, of_all) = what.most();
        let key = (what, party.map(str::to_owned));
        let mut taken = self.taken();
        let own = taken.get(&key).copied().unwrap_or(0);
        let of_tenants = |(key, _): &(&(For, Party), &usize)| key.0 == what && key.1.is_some();
        let all: usize = taken.iter().filter(of_tenants).map(|(_, many)| many).sum();
        let is_free = match party {
            Some(_) => own < of_tenant && all < of_all,
            None => own < of_operators,
        };
        if !is_free {
            return None;
        }
        taken.insert(key.clone(), own.saturating_add(1));
        let places = self.clone();
        Some(Place { places, key })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<(For, Party), usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        let left = taken
            .get(&self.key)
            .map_or(0, |many| many.saturating_sub(1));
        if left == 0 {
            taken.remove(&self.key);
        } else {
            taken.insert(self.key.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_takes_its_share_and_none_of_another_or_of_operators() {
        let places = Places::default();
        let take = |party| std::iter::from_fn(move || places.take(For::Upload, party));
        let of_a: Vec<_> = take.clone()(Some("a")).collect();
        assert_eq!(of_a.len(), limits::MAX_UPLOADS_OF_TENANT);
        let of_b: Vec<_> = take.clone()(Some("b")).collect();
        assert_eq!(of_b.len(), limits::MAX_UPLOADS - of_a.len());
        assert_eq!(take.clone()(Some("c")).count(), 0);
        assert_eq!(
            take.clone()(None).take(9).collect::<Vec<_>>().len(),
            limits::MAX_UPLOADS
        );
        drop((of_a, of_b));
        assert_eq!(take(Some("c")).take(1).count(), 1);
    }
}
