//! What Prometheus scrapes of a host: what each external worker did and uses, whose it is, and whether the host is as
//! it should be. Nobody's configuration, value or secret is in it.

mod page;
mod serve;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits;
use crate::worker::usage::Usage;

pub use page::{OfHost, page};
pub use serve::serve;

/// What is known of the tenants of a host. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Gauges(Arc<Mutex<BTreeMap<String, Tenant>>>);

/// What is known of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenant {
    /// Whether it is served.
    pub is_up: bool,
    /// How often its process was started again.
    pub restarts: u64,
    /// Its external workers, by uuid.
    pub usage: BTreeMap<String, Usage>,
}

impl Gauges {
    /// There is a tenant of this name, which is not served yet.
    pub fn expect(&self, tenant: &str) {
        self.with(tenant, |_| ());
    }

    /// It is served from now on.
    pub fn is_up(&self, tenant: &str) {
        self.with(tenant, |it| it.is_up = true);
    }

    /// It is not served any more, and nothing runs.
    pub fn is_down(&self, tenant: &str) {
        self.with(tenant, |it| {
            it.is_up = false;
            it.usage.clear();
        });
    }

    /// Its process has died.
    pub fn has_died(&self, tenant: &str) {
        self.is_down(tenant);
        self.with(tenant, |it| it.restarts = it.restarts.saturating_add(1));
    }

    /// Of its external workers these are known; `anew`: and no others. It may be a stranger's word: of more than a
    /// Worker may have, the rest is forgotten.
    pub fn uses(&self, tenant: &str, anew: bool, usage: Vec<Usage>) {
        self.with(tenant, |it| {
            if anew {
                it.usage.clear();
            }
            let room = limits::MAX_EXTERNALS.saturating_sub(it.usage.len());
            let bounded = usage.into_iter().map(Usage::bounded);
            let by_uuid = bounded.map(|usage| (usage.uuid.clone(), usage));
            it.usage.extend(by_uuid.take(room));
        });
    }

    /// There is no tenant of this name any more.
    pub fn forget(&self, tenant: &str) {
        self.lock().remove(tenant);
    }

    /// What is known of one now.
    pub fn tenant(&self, tenant: &str) -> Option<Tenant> {
        self.lock().get(tenant).cloned()
    }

    /// What is known now, by name.
    pub fn tenants(&self) -> BTreeMap<String, Tenant> {
        self.lock().clone()
    }

    /// Whether every tenant is served.
    pub fn are_all_up(&self) -> bool {
        self.lock().values().all(|tenant| tenant.is_up)
    }

    fn with(&self, tenant: &str, change: impl FnOnce(&mut Tenant)) {
        change(self.lock().entry(tenant.to_owned()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Tenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
