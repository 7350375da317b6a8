//! Host names of one instance: each is looked up once, by the host, and keeps its addresses for as
//! long as the instance lives, so that no second answer can lead past a decision on the first.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::engine::Resolver;
use crate::limits::{LOOKUP_TIMEOUT, MAX_ADDRESSES, MAX_LOOKUPS, MAX_NAMES};
use crate::policy::address;
use crate::policy::pattern::LOCALHOST;

/// The names that an instance has looked up. Clones share them.
#[derive(Clone)]
pub struct Names {
    inner: Arc<Inner>,
}

struct Inner {
    pinned: Mutex<BTreeMap<String, Vec<IpAddr>>>,
    lookups: Arc<Semaphore>,
    resolver: Resolver,
}

/// Why a name has no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupError {
    /// Nobody knows the name.
    Unknown,
    /// No answer came in time.
    Timeout,
    /// The instance has looked up as many names as it may.
    Exhausted,
}

impl Names {
    /// None yet; `resolver` will be asked.
    pub fn new(resolver: Resolver) -> Self {
        let inner = Inner {
            pinned: Mutex::default(),
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
            resolver,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The addresses of `name`, in its normal spelling. Only the first call asks anybody.
    ///
    /// # Errors
    /// When the name leads nowhere, or too many names were looked up.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, LookupError> {
        if name == LOCALHOST {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        if let Some(known) = self.known(name)? {
            return Ok(known);
        }
        let permit = Arc::clone(&self.inner.lookups).acquire_owned().await;
        let permit = permit.map_err(|_| LookupError::Timeout)?;
        if let Some(known) = self.known(name)? {
            return Ok(known);
        }
        let resolver = self.inner.resolver.clone();
        let owned = name.to_owned();
        let asking = tokio::task::spawn_blocking(move || {
            // Kept until the system answers, which nobody can hurry: giving up on an answer does
            // not make room for another question.
            let _permit = permit;
            resolver.ask(&owned)
        });
        let answer = tokio::time::timeout(LOOKUP_TIMEOUT, asking).await;
        let addresses = answer.map_err(|_| LookupError::Timeout)?;
        match addresses {
            Ok(Ok(addresses)) => self.pin(name, addresses),
            Ok(Err(_)) | Err(_) => Err(LookupError::Unknown),
        }
    }

    /// The names that were resolved to `address`.
    pub fn of(&self, address: IpAddr) -> Vec<String> {
        let address = address::unwrap(address);
        let pinned = self.lock();
        let leads_here = pinned
            .iter()
            .filter(|(_, addresses)| addresses.contains(&address));
        leads_here.map(|(name, _)| name.clone()).collect()
    }

    fn known(&self, name: &str) -> Result<Option<Vec<IpAddr>>, LookupError> {
        let pinned = self.lock();
        match pinned.get(name) {
            Some(addresses) => Ok(Some(addresses.clone())),
            None if pinned.len() >= MAX_NAMES => Err(LookupError::Exhausted),
            None => Ok(None),
        }
    }

    fn pin(&self, name: &str, answer: Vec<IpAddr>) -> Result<Vec<IpAddr>, LookupError> {
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in answer.into_iter().map(address::unwrap) {
            if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(LookupError::Unknown);
        }
        let mut pinned = self.lock();
        if pinned.len() >= MAX_NAMES && !pinned.contains_key(name) {
            return Err(LookupError::Exhausted);
        }
        // Whoever came first has decided.
        Ok(pinned.entry(name.to_owned()).or_insert(addresses).clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<IpAddr>>> {
        self.inner
            .pinned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("pinned", &*self.lock())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Names that resolve to a new address at every question, beginning with the given ones.
    pub(crate) fn rebinding(answers: &[&str]) -> Names {
        let answers: Vec<IpAddr> = answers.iter().map(|ip| ip.parse().unwrap()).collect();
        let asked = AtomicUsize::new(0);
        Names::new(Resolver::new(move |_| {
            let turn = asked.fetch_add(1, Ordering::SeqCst);
            answers
                .get(turn)
                .map(|ip| vec![*ip])
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        }))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_name_keeps_its_first_answer() {
        let names = rebinding(&["93.0.0.1", "127.0.0.1"]);
        for _ in 0..3 {
            assert_eq!(names.resolve("a.example").await.unwrap(), [ip("93.0.0.1")]);
        }
        assert_eq!(names.of(ip("93.0.0.1")), ["a.example"]);
        assert!(names.of(ip("127.0.0.1")).is_empty());
        assert_eq!(names.resolve("b.example").await.unwrap(), [ip("127.0.0.1")]);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let names = rebinding(&[]);
        assert_eq!(names.resolve("a.example").await, Err(LookupError::Unknown));
        assert!(names.lock().is_empty());
    }

    #[tokio::test]
    async fn addresses_are_unwrapped_and_counted() {
        let names = Names::new(Resolver::new(|_| {
            let low = (0..100_u8).map(|low| IpAddr::from([93, 0, 0, low]));
            Ok([ip("::ffff:10.0.0.1"), ip("10.0.0.1")]
                .into_iter()
                .chain(low)
                .collect())
        }));
        let addresses = names.resolve("a.example").await.unwrap();
        assert_eq!(addresses.len(), MAX_ADDRESSES);
        assert_eq!(addresses[..2], [ip("10.0.0.1"), ip("93.0.0.0")]);
        assert_eq!(names.of(ip("::ffff:10.0.0.1")), ["a.example"]);
    }

    #[tokio::test]
    async fn there_is_an_end_to_names() {
        let names = Names::new(Resolver::new(|_| Ok(vec![ip("93.0.0.1")])));
        for count in 0..MAX_NAMES {
            names.resolve(&format!("n{count}.example")).await.unwrap();
        }
        assert_eq!(
            names.resolve("more.example").await,
            Err(LookupError::Exhausted)
        );
        names.resolve("n0.example").await.unwrap();
    }

    #[tokio::test]
    async fn localhost_is_asked_of_nobody() {
        let names = rebinding(&["93.0.0.1"]);
        assert_eq!(
            names.resolve(LOCALHOST).await.unwrap(),
            [ip("127.0.0.1"), ip("::1")]
        );
        assert!(names.of(ip("127.0.0.1")).is_empty());
    }
}
