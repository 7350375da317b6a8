//! How often somebody may be wrong about the token, by the address that they come from.
//!
//! Only the one token of a server can be weak, since a person may have thought of it; what a key's token has cannot be
//! guessed, and those are compared first and always. So a token that is no key's costs a try *before* it is compared,
//! or whoever guesses would learn at any rate which one is right. An address from which the right token has come is
//! trusted with it: there the right one is compared and let in however many wrong ones come beside, or anybody on the
//! same machine, in the same house or behind the same proxy could keep everybody else out. Whoever guesses from such
//! an address is slowed by nothing but a connection for each guess: where strangers share the address of those who may
//! come in, the one token has to be long, or there are keys.
//!
//! What is remembered is bounded. Addresses that cannot be remembered share one account, and who has a key or has come
//! in before does not notice.

use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use external_worker_control::access::address::network;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::limits;

/// Whom all are that cannot be remembered.
const ALL_OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The tries of all who come.
#[derive(Debug)]
pub struct Tries {
    left: DefaultKeyedRateLimiter<IpAddr>,
    trusted: Mutex<Trusted>,
}

/// From where the right token has come, the oldest first.
#[derive(Debug, Default)]
struct Trusted {
    order: VecDeque<IpAddr>,
    all: HashSet<IpAddr>,
}

/// There were too many wrong ones: the next is looked at after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Default for Tries {
    fn default() -> Self {
        let count = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(count(limits::TRIES_PER_MINUTE));
        Self {
            left: RateLimiter::hashmap(quota.allow_burst(count(limits::TRIES_AT_ONCE))),
            trusted: Mutex::default(),
        }
    }
}

impl Tries {
    /// Whether what `peer` shows is right.
    ///
    /// # Errors
    /// When it was wrong too often; then `is_right` may not even be asked.
    pub fn judge(&self, peer: IpAddr, is_right: impl FnOnce() -> bool) -> Result<bool, Wait> {
        let network = network(peer);
        let is_trusted = self.trusted().all.contains(&network);
        if !is_trusted {
            self.take(network)?;
        }
        if is_right() {
            self.trusted().add(network);
            return Ok(true);
        }
        if is_trusted {
            self.take(network)?;
        }
        Ok(false)
    }

    /// Takes a try of `peer`, who was wrong.
    ///
    /// # Errors
    /// When there is none left.
    fn take(&self, peer: IpAddr) -> Result<(), Wait> {
        let mut network = network(peer);
        if self.left.len() >= limits::MAX_TRYING {
            self.left.retain_recent();
            if self.left.len() >= limits::MAX_TRYING {
                network = ALL_OTHERS;
            }
        }
        self.left
            .check_key(&network)
            .map_err(|until| Wait(until.wait_time_from(DefaultClock::default().now())))
    }

    fn trusted(&self) -> MutexGuard<'_, Trusted> {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trusted {
    fn add(&mut self, network: IpAddr) {
        if !self.all.insert(network) {
            return;
        }
        self.order.push_back(network);
        if self.order.len() > limits::MAX_TRUSTED
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(peer: &str) -> IpAddr {
        peer.parse().unwrap()
    }

    fn wrong(tries: &Tries, peer: &str) -> Result<bool, Wait> {
        tries.judge(at(peer), || false)
    }

    #[test]
    fn who_was_wrong_too_often_is_not_even_compared_and_nobody_else_notices() {
        let tries = Tries::default();
        for _ in 0..limits::TRIES_AT_ONCE {
            assert_eq!(wrong(&tries, "2001:db8::1"), Ok(false));
        }
        // All of its network is one.
        let compared = std::cell::Cell::new(false);
        let next = tries.judge(at("2001:db8::2:3"), || {
            compared.set(true);
            true
        });
        let Wait(wait) = next.unwrap_err();
        assert!(wait > Duration::ZERO && !compared.get());
        assert_eq!(wrong(&tries, "2001:db8:0:1::1"), Ok(false));
        assert_eq!(wrong(&tries, "192.0.2.1"), Ok(false));
    }

    #[test]
    fn where_the_right_one_has_come_from_it_is_let_in_beside_any_number_of_wrong_ones() {
        let tries = Tries::default();
        assert_eq!(tries.judge(at("192.0.2.1"), || true), Ok(true));
        let refused = (0..1000).filter(|_| wrong(&tries, "192.0.2.1").is_err());
        assert!(refused.count() > 900);
        assert_eq!(tries.judge(at("192.0.2.1"), || true), Ok(true));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_who_does_not_fit_shares_an_account() {
        let tries = Tries::default();
        let peer = |n: usize| IpAddr::V4(u32::try_from(n + 1).unwrap().into());
        for n in 0..2 * limits::MAX_TRYING {
            let _ = tries.judge(peer(n), || false);
        }
        assert!(tries.left.len() <= limits::MAX_TRYING + 1);
        tries.judge(peer(1 << 20), || true).unwrap_err();
        let tries = Tries::default();
        for n in 0..2 * limits::MAX_TRUSTED {
            // Each has a try of its own, as long as so many are remembered.
            let _ = tries.judge(peer(n), || true);
        }
        let trusted = tries.trusted();
        assert!(trusted.all.len() <= limits::MAX_TRUSTED);
        assert_eq!(trusted.all.len(), trusted.order.len());
    }
}
