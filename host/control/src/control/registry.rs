//! What is kept, in memory: who the tenants are, and whose tokens are good.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::TenantSpec;
use crate::role::Role;
use crate::store::{Change, Loaded};
use crate::token::Key;

/// Tenants and keys at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    /// By name.
    pub tenants: BTreeMap<String, TenantSpec>,
    /// By id.
    pub keys: BTreeMap<String, Key>,
}

impl Registry {
    pub fn new(loaded: Loaded) -> Self {
        let tenants = loaded.tenants.into_iter();
        let keys = loaded.keys.into_iter();
        Self {
            tenants: tenants.map(|spec| (spec.name.clone(), spec)).collect(),
            keys: keys.map(|key| (key.id.clone(), key)).collect(),
        }
    }

    /// Does to what is in memory what the store does to what is on disk.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::PutTenant(spec) => {
                self.tenants.insert(spec.name.clone(), spec.clone());
            }
            Change::DropTenant(name) => {
                self.tenants.remove(name);
                let is_other = |_: &String, key: &mut Key| key.tenant.as_ref() != Some(name);
                self.keys.retain(is_other);
            }
            Change::PutKey(key) => {
                self.keys.insert(key.id.clone(), key.clone());
            }
            Change::DropKey(id) => {
                self.keys.remove(id);
            }
        }
    }

    /// The keys of a tenant, or of operators.
    pub fn keys_of(&self, tenant: Option<&str>) -> impl Iterator<Item = &Key> {
        self.keys
            .values()
            .filter(move |key| key.tenant.as_deref() == tenant)
    }

    /// Who may come in to a tenant: never operators, whose tokens are good for all tenants and so must not be shown to
    /// the process of one. An operator who wants to come in makes a token of the tenant.
    pub fn let_in(&self, tenant: &str, now: SystemTime) -> Vec<Key> {
        let valid = self.keys_of(Some(tenant)).filter(|key| is_valid(key, now));
        valid.cloned().collect()
    }

    /// Whether any operator is left who can come in, not counting one.
    pub fn has_operator_besides(&self, id: Option<&str>, now: SystemTime) -> bool {
        self.keys_of(None)
            .any(|key| key.role == Role::Operator && Some(&*key.id) != id && is_valid(key, now))
    }

    /// All tenants but one.
    pub fn others(&self, name: &str) -> Vec<TenantSpec> {
        let others = self.tenants.values().filter(|spec| spec.name != name);
        others.cloned().collect()
    }
}

/// Whether a key has not ended.
pub(crate) fn is_valid(key: &Key, now: SystemTime) -> bool {
    key.expires.is_none_or(|end| seconds(now) < end)
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
