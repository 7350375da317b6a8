//! Host names of one instance: each is looked up by the host, and keeps its answer for as long as that
//! holds, so that no second answer can lead past a decision on the first. Then it is asked for again, and
//! what it leads to now is decided anew: a service that moved is found, however long the instance lives.
//!
//! A connection needs no name once it is there. A UDP socket has no connection, so what it still sends to
//! keeps the name that led there, though the name leads elsewhere by now.
//!
//! An answer holds for a minute, or as long as a resolver of the embedder's says, within bounds. The
//! default is to ask the system, which knows `/etc/hosts`, `nsswitch.conf` and the local network but
//! not how long an answer holds. A resolver of our own would know that, and not the rest.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::engine::{Answer, Resolver};
use crate::limits::{LOOKUP_TIMEOUT, MAX_ADDRESSES, MAX_LOOKUPS, MAX_NAMES, NAME_LIFETIME};
use crate::policy::address;
use crate::policy::pattern::LOCALHOST;

/// The names that an instance has looked up. Clones share them.
#[derive(Clone)]
pub struct Names {
    inner: Arc<Inner>,
}

struct Inner {
    pins: Mutex<BTreeMap<String, Pin>>,
    lookups: Arc<Semaphore>,
    resolver: Resolver,
}

/// Where one name leads.
#[derive(Debug)]
struct Pin {
    addresses: Vec<IpAddr>,
    /// When the answer came.
    since: Instant,
    /// How long it holds.
    lifetime: Duration,
    /// When somebody last asked for it, or went where it leads.
    used: Instant,
    /// Where it led before, and when somebody last went there.
    before: BTreeMap<IpAddr, Instant>,
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

impl Pin {
    fn new(addresses: Vec<IpAddr>, lifetime: Duration, now: Instant) -> Self {
        Self {
            addresses,
            since: now,
            lifetime,
            used: now,
            before: BTreeMap::new(),
        }
    }

    fn holds(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < self.lifetime
    }

    /// Whether nobody would miss it.
    fn is_idle(&self, now: Instant) -> bool {
        !self.holds(now) && is_past(self.used, now)
    }

    /// Takes a new answer in; where the old one led stays for as long as somebody goes there.
    fn renew(&mut self, addresses: Vec<IpAddr>, lifetime: Duration, now: Instant) {
        let left = std::mem::replace(&mut self.addresses, addresses);
        self.before.extend(left.into_iter().map(|old| (old, now)));
        self.before.retain(|_, used| !is_past(*used, now));
        while self.before.len() > MAX_ADDRESSES {
            let oldest = self.before.iter().min_by_key(|(_, used)| **used);
            let Some(oldest) = oldest.map(|(address, _)| *address) else {
                break;
            };
            self.before.remove(&oldest);
        }
        (self.since, self.lifetime, self.used) = (now, lifetime, now);
    }

    /// Whether it leads to `address`, or did and somebody still goes there. Whoever asks goes there.
    fn leads_to(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.addresses.contains(&address) {
            self.used = now;
            return true;
        }
        match self.before.get_mut(&address) {
            Some(used) if !is_past(*used, now) => {
                (*used, self.used) = (now, now);
                true
            }
            _ => false,
        }
    }
}

/// Whether what was last used at `used` is of no use any more.
fn is_past(used: Instant, now: Instant) -> bool {
    now.saturating_duration_since(used) >= NAME_LIFETIME
}

impl Names {
    /// None yet; `resolver` will be asked.
    pub fn new(resolver: Resolver) -> Self {
        let inner = Inner {
            pins: Mutex::default(),
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
            resolver,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The addresses of `name`, in its normal spelling. While its last answer holds, nobody is asked.
    ///
    /// # Errors
    /// When the name leads nowhere, or too many names were looked up.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, LookupError> {
        if name == LOCALHOST {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        if let Some(known) = self.known(name, Instant::now())? {
            return Ok(known);
        }
        let permit = Arc::clone(&self.inner.lookups).acquire_owned().await;
        let permit = permit.map_err(|_| LookupError::Timeout)?;
        if let Some(known) = self.known(name, Instant::now())? {
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
        match answer.map_err(|_| LookupError::Timeout)? {
            Ok(Ok(answer)) => self.pin(name, answer, Instant::now()),
            Ok(Err(_)) | Err(_) => Err(LookupError::Unknown),
        }
    }

    /// The names that lead to `address`, which somebody is about to use.
    pub fn of(&self, address: IpAddr) -> Vec<String> {
        self.of_at(address, Instant::now())
    }

    fn of_at(&self, address: IpAddr, now: Instant) -> Vec<String> {
        let address = address::unwrap(address);
        let mut pins = self.lock();
        let leads_here = pins
            .iter_mut()
            .filter_map(|(name, pin)| pin.leads_to(address, now).then(|| name.clone()));
        leads_here.collect()
    }

    fn known(&self, name: &str, now: Instant) -> Result<Option<Vec<IpAddr>>, LookupError> {
        let mut pins = self.lock();
        match pins.get_mut(name) {
            Some(pin) if pin.holds(now) => {
                pin.used = now;
                Ok(Some(pin.addresses.clone()))
            }
            Some(_) => Ok(None),
            None => make_room(&mut pins, now).map(|()| None),
        }
    }

    fn pin(&self, name: &str, answer: Answer, now: Instant) -> Result<Vec<IpAddr>, LookupError> {
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in answer.addresses.into_iter().map(address::unwrap) {
            if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(LookupError::Unknown);
        }
        let mut pins = self.lock();
        match pins.get_mut(name) {
            // Whoever came first has decided.
            Some(pin) if pin.holds(now) => return Ok(pin.addresses.clone()),
            Some(pin) => pin.renew(addresses.clone(), answer.lifetime, now),
            None => {
                make_room(&mut pins, now)?;
                let pin = Pin::new(addresses.clone(), answer.lifetime, now);
                pins.insert(name.to_owned(), pin);
            }
        }
        Ok(addresses)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Pin>> {
        self.inner
            .pins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one name more, where those that nobody would miss take it.
fn make_room(pins: &mut BTreeMap<String, Pin>, now: Instant) -> Result<(), LookupError> {
    if pins.len() >= MAX_NAMES {
        pins.retain(|_, pin| !pin.is_idle(now));
    }
    if pins.len() < MAX_NAMES {
        Ok(())
    } else {
        Err(LookupError::Exhausted)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("pins", &*self.lock())
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

    fn answer(address: &str) -> Answer {
        Answer {
            addresses: vec![ip(address)],
            lifetime: NAME_LIFETIME,
        }
    }

    #[tokio::test]
    async fn a_name_keeps_its_answer_while_it_holds() {
        let names = rebinding(&["93.0.0.1", "127.0.0.1"]);
        for _ in 0..3 {
            assert_eq!(names.resolve("a.example").await.unwrap(), [ip("93.0.0.1")]);
        }
        assert_eq!(names.of(ip("93.0.0.1")), ["a.example"]);
        assert!(names.of(ip("127.0.0.1")).is_empty());
        assert_eq!(names.resolve("b.example").await.unwrap(), [ip("127.0.0.1")]);
    }

    #[test]
    fn a_name_is_asked_for_again_once_its_answer_holds_no_more() {
        let names = rebinding(&[]);
        let begin = Instant::now();
        let later = begin + NAME_LIFETIME;
        let first = names.pin("a.example", answer("93.0.0.1"), begin).unwrap();
        let at_once = names.pin("a.example", answer("93.0.0.2"), begin).unwrap();
        assert_eq!(first, at_once, "whoever came first has decided");
        assert_eq!(names.known("a.example", begin), Ok(Some(first)));
        assert_eq!(names.known("a.example", later), Ok(None));
        let moved = names.pin("a.example", answer("93.0.0.2"), later).unwrap();
        assert_eq!(moved, [ip("93.0.0.2")]);
        assert_eq!(names.of_at(ip("93.0.0.2"), later), ["a.example"]);
    }

    #[test]
    fn where_a_name_led_before_is_kept_for_who_still_goes_there_and_for_nobody_else() {
        let names = rebinding(&[]);
        let mut now = Instant::now();
        names.pin("a.example", answer("93.0.0.1"), now).unwrap();
        now += NAME_LIFETIME;
        names.pin("a.example", answer("93.0.0.2"), now).unwrap();
        for _ in 0..10 {
            now += NAME_LIFETIME / 2;
            assert_eq!(
                names.of_at(ip("93.0.0.1"), now),
                ["a.example"],
                "a datagram"
            );
        }
        now += NAME_LIFETIME;
        assert!(names.of_at(ip("93.0.0.1"), now).is_empty());
        assert_eq!(
            names.of_at(ip("93.0.0.2"), now),
            ["a.example"],
            "its answer"
        );
        for last in 0..200_u8 {
            now += NAME_LIFETIME;
            let moved = format!("93.0.1.{last}");
            names.pin("a.example", answer(&moved), now).unwrap();
            assert!(names.lock()["a.example"].before.len() <= MAX_ADDRESSES);
        }
    }

    #[test]
    fn names_that_nobody_uses_make_room_for_others() {
        let names = rebinding(&[]);
        let begin = Instant::now();
        for count in 0..MAX_NAMES {
            let name = format!("n{count}.example");
            names.pin(&name, answer("93.0.0.1"), begin).unwrap();
        }
        let late = begin + NAME_LIFETIME / 2;
        assert_eq!(
            names.known("more.example", late),
            Err(LookupError::Exhausted)
        );
        names.pin("n0.example", answer("93.0.0.1"), begin).unwrap();
        names.known("n0.example", late).unwrap();
        let later = begin + NAME_LIFETIME;
        assert_eq!(names.known("more.example", later), Ok(None));
        names
            .pin("more.example", answer("93.0.0.9"), later)
            .unwrap();
        assert_eq!(names.of_at(ip("93.0.0.1"), later), ["n0.example"], "in use");
    }

    #[test]
    fn the_owner_of_a_name_does_not_say_for_how_long_it_holds_without_bounds() {
        use crate::limits::{MAX_NAME_LIFETIME, MIN_NAME_LIFETIME};
        for (said, held) in [
            (Duration::ZERO, MIN_NAME_LIFETIME),
            (Duration::MAX, MAX_NAME_LIFETIME),
            (NAME_LIFETIME, NAME_LIFETIME),
        ] {
            let resolver = Resolver::with_lifetimes(move |_| {
                Ok(Answer {
                    addresses: Vec::new(),
                    lifetime: said,
                })
            });
            assert_eq!(resolver.ask("a.example").unwrap().lifetime, held);
        }
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
