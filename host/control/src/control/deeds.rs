//! What is done to external workers, for the audit log. A program may do it all day, so what one token repeats is held
//! back and counted: it drives nobody else's records out of the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Control, Who};
use crate::access::Failures;
use crate::limits::{DEED_PERIOD, DEEDS_NOTED};
use crate::model::{Happened, Happening};
use crate::token::Login;

/// Something that was done to an external worker, or may have been.
#[derive(Debug)]
pub(crate) struct Deed<'a> {
    pub kind: Happened,
    pub tenant: &'a str,
    pub instance: Option<String>,
    /// What, without any value.
    pub what: String,
    /// Why it may not have been done.
    pub reason: Option<&'static str>,
}

/// Whose deeds of which kind.
type Source = (String, Happened);

/// How often each source is written down, and what of it was not.
#[derive(Debug)]
pub(super) struct Deeds {
    rates: Failures<Source>,
    held_back: Mutex<BTreeMap<Source, HeldBack>>,
}

#[derive(Debug)]
struct HeldBack {
    many: u64,
    tenant: String,
    who: String,
}

impl Default for Deeds {
    fn default() -> Self {
        Self {
            rates: Failures::new(DEEDS_NOTED, DEED_PERIOD),
            held_back: Mutex::default(),
        }
    }
}

impl Deeds {
    /// Whether one is written down now; with how many more of the same were held back before it.
    fn admit(&self, source: Source, tenant: &str, who: &Who) -> Option<u64> {
        let is_good = self.rates.count(source.clone()).is_ok();
        let mut held_back = self.held_back();
        if is_good {
            return Some(held_back.remove(&source).map_or(0, |it| it.many));
        }
        // Only who has a token is a source, so there are no more of them than tokens and kinds.
        let held = held_back.entry(source).or_insert_with(|| HeldBack {
            many: 0,
            tenant: tenant.to_owned(),
            who: who.0.clone(),
        });
        held.many = held.many.saturating_add(1);
        None
    }

    /// What was held back of sources that may be written down again.
    fn settled(&self) -> Vec<(Happened, HeldBack)> {
        let mut held_back = self.held_back();
        let settled =
            held_back.extract_if(.., |source, _| self.rates.count(source.clone()).is_ok());
        settled.map(|((_, kind), held)| (kind, held)).collect()
    }

    fn held_back(&self) -> MutexGuard<'_, BTreeMap<Source, HeldBack>> {
        self.held_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// Writes down what somebody did to an external worker.
    pub(crate) fn note_deed(&self, login: &Login, who: &Who, deed: Deed<'_>) {
        let source = (login.id.clone(), deed.kind);
        let Some(more) = self.deeds.admit(source, deed.tenant, who) else {
            return;
        };
        self.write_down(Happening {
            kind: deed.kind,
            tenant: Some(deed.tenant.to_owned()),
            instance: deed.instance,
            who: who.0.clone(),
            what: deed.what,
            reason: deed.reason.map(str::to_owned),
            more,
        });
    }

    /// Writes down how much was held back of those who have stopped since.
    pub(super) fn note_held_back(&self) {
        for (kind, held) in self.deeds.settled() {
            self.write_down(Happening {
                kind,
                tenant: Some(held.tenant),
                instance: None,
                who: held.who,
                what: "held back until now".to_owned(),
                reason: None,
                more: held.many,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_token_repeats_is_counted_and_no_other_is_held_back_for_it() {
        let deeds = Deeds::default();
        let (who, source) = (Who("a at 127.0.0.1".to_owned()), |id: &str| {
            (id.to_owned(), Happened::Called)
        });
        let admitted = (0..50).filter_map(|_| deeds.admit(source("a"), "lab", &who));
        let admitted = admitted.count();
        // One more of them may pass while this runs.
        assert!((20..=22).contains(&admitted), "{admitted}");
        assert_eq!(deeds.admit(source("b"), "lab", &who), Some(0));
        let other = ("a".to_owned(), Happened::Paused);
        assert_eq!(deeds.admit(other, "lab", &who), Some(0));
        let held: u64 = deeds.held_back().values().map(|held| held.many).sum();
        assert!(held >= 28, "{held}");
    }
}
