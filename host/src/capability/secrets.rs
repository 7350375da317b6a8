//! The secrets that guests may use without having them: what a policy names and a tenant has set.
//!
//! Who sets them replaces all of them at once, while instances run. An exchange holds on to those that there were when it
//! began, so that what was sent is also what is looked for in what comes back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use external_worker_secrets::redact::{RedactError, Redactions};
use external_worker_secrets::{Secret, SecretName};
use tokio::sync::watch;

use crate::limits::MAX_SEARCHES;

/// The secrets of one tenant. Clones are the same; by default there are none.
#[derive(Clone, Default)]
pub struct Secrets(watch::Sender<Arc<Known>>);

/// Secrets as they are at one moment.
#[derive(Default)]
pub struct Known {
    secrets: BTreeMap<SecretName, Secret>,
    /// What finds some of them: instances of one policy share it.
    searches: Mutex<BTreeMap<Vec<SecretName>, Redactions>>,
}

impl Secrets {
    /// These.
    pub fn new(secrets: BTreeMap<SecretName, Secret>) -> Self {
        let all = Self::default();
        all.replace(secrets);
        all
    }

    /// From now on there are these, and no others.
    pub fn replace(&self, secrets: BTreeMap<SecretName, Secret>) {
        self.0.send_replace(Arc::new(Known {
            secrets,
            ..Known::default()
        }));
    }

    /// Those that there are now.
    pub fn now(&self) -> Arc<Known> {
        Arc::clone(&self.0.borrow())
    }

    /// Tells of every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Known>> {
        self.0.subscribe()
    }
}

impl Known {
    /// The one that is called so.
    pub fn get(&self, name: &SecretName) -> Option<&Secret> {
        self.secrets.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &Secret)> {
        self.secrets.iter()
    }

    /// What finds those of `names` that there are.
    ///
    /// # Errors
    /// When they are too long or too many to be looked for. Then none of them may be sent.
    pub fn finding<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Redactions, RedactError> {
        let names = names.into_iter().filter_map(|name| name.parse().ok());
        let mut names: Vec<SecretName> = names.collect();
        names.sort_unstable();
        names.dedup();
        let found = self.searches().get(&names).cloned();
        if let Some(found) = found {
            return Ok(found);
        }
        let named = names.iter();
        let made = Redactions::new(named.filter_map(|name| self.secrets.get_key_value(name)))?;
        let mut searches = self.searches();
        // Policies come and go.
        if searches.len() >= MAX_SEARCHES {
            searches.clear();
        }
        searches.insert(names, made.clone());
        Ok(made)
    }

    fn searches(&self) -> std::sync::MutexGuard<'_, BTreeMap<Vec<SecretName>, Redactions>> {
        self.searches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[(&str, &str)]) -> BTreeMap<SecretName, Secret> {
        let secret = |(name, value): &(&str, &str)| {
            let value = Secret::copy_from(value.as_bytes()).unwrap();
            (name.parse().unwrap(), value)
        };
        all.iter().map(secret).collect()
    }

    #[test]
    fn who_holds_on_to_secrets_has_those_that_there_were() {
        let live = Secrets::new(secrets(&[("key", "first-value")]));
        let before = live.now();
        live.clone()
            .replace(secrets(&[("key", "second-value"), ("other", "third")]));
        let name = "key".parse().unwrap();
        assert_eq!(before.get(&name).unwrap().expose(), b"first-value");
        assert_eq!(live.now().get(&name).unwrap().expose(), b"second-value");
        assert_eq!(format!("{live:?}"), "Secrets(2)");
        assert!(Secrets::default().now().get(&name).is_none());
    }

    #[test]
    fn only_what_is_named_is_looked_for_and_what_looks_is_made_once() {
        let known = Secrets::new(secrets(&[("a", "first-value"), ("b", "second-value")])).now();
        let found = known.finding(["a", "missing", "no name"]).unwrap();
        let text = b"first-value second-value";
        assert_eq!(found.redact(text).unwrap(), b"{{secret:a}} second-value");
        assert!(known.finding([]).unwrap().is_empty());
        for count in 0..2 * MAX_SEARCHES {
            known.finding(["a", &format!("x{count}")]).unwrap();
        }
        assert!(known.searches().len() <= MAX_SEARCHES);
    }
}
