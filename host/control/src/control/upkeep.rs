//! What time changes: tokens end, tenants that could not be served are tried again, and what was held back of the audit
//! log is counted there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Control;
use super::registry::{is_valid, seconds};
use crate::limits::{KEEP_ENDED, UPKEEP_EVERY};
use crate::store::Change;

/// Looks after `control` until it ends or is dropped.
pub(super) fn begin(control: &Arc<Control>) {
    let weak = Arc::downgrade(control);
    let mut ending = control.ending();
    let changed = Arc::clone(&control.changed);
    tokio::spawn(async move {
        let mut known = BTreeSet::new();
        loop {
            let Some(control) = weak.upgrade() else {
                return;
            };
            known = control.note_ends(&known).await;
            control.try_again().await;
            control.note_held_back();
            let pause = control.pause();
            drop(control);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = changed.notified() => {}
                // An error: the control plane was dropped.
                _ = ending.wait_for(|ended| *ended) => return,
            }
        }
    });
}

impl Control {
    /// Until the next token ends; the clock may be set, so never for long.
    fn pause(&self) -> Duration {
        let now = seconds(SystemTime::now());
        let registry = self.registry();
        let ends = registry.keys.values().filter_map(|key| key.expires);
        let next = ends.filter(|end| *end > now).min();
        let until = next.map_or(UPKEEP_EVERY, |end| Duration::from_secs(end - now));
        until.min(UPKEEP_EVERY)
    }

    /// Shuts out whose tokens have ended, but for those of `known`, and forgets those that ended long ago. Returns the
    /// ids of all that have ended.
    async fn note_ends(&self, known: &BTreeSet<String>) -> BTreeSet<String> {
        let changing = self.change().await;
        let now = SystemTime::now();
        let registry = self.registry();
        let ended = registry.keys.values().filter(|key| !is_valid(key, now));
        let new = ended.clone().filter(|key| !known.contains(&key.id));
        let tenants: BTreeSet<_> = new.filter_map(|key| key.tenant.as_deref()).collect();
        for tenant in tenants {
            self.let_in(tenant);
        }
        let long_ago = seconds(now).saturating_sub(KEEP_ENDED.as_secs());
        let is_old = |end: Option<u64>| end.is_some_and(|end| end <= long_ago);
        let old: Vec<_> = ended
            .clone()
            .filter(|key| is_old(key.expires))
            .map(|key| Change::DropKey(key.id.clone()))
            .collect();
        let is_some_old = !old.is_empty();
        if is_some_old && let Err(problem) = changing.commit(old).await {
            tracing::warn!(%problem, "tokens that ended long ago stay");
        }
        ended.map(|key| key.id.clone()).collect()
    }

    /// Tries to serve those that could not be served.
    async fn try_again(&self) {
        let down: Vec<_> = self.down().keys().cloned().collect();
        for name in down {
            let _changing = self.change().await;
            let spec = self.registry().tenants.get(&name).cloned();
            match spec.filter(|spec| !spec.suspended) {
                Some(spec) => self.serve_or_note(&spec).await,
                None => drop(self.down().remove(&name)),
            }
        }
    }
}
