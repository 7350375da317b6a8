//! Who is at the door: everybody who connects is a stranger until a whole request head of theirs has
//! passed the checks. Strangers have few places of their own and no others; when those are taken, the
//! one leaves who has been silent longest, of the machine that has most of them. So they never keep out
//! who may come in, who needs the place of a stranger only for as long as its request takes to arrive.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use external_worker_control::access::address::network;
use tokio_util::sync::CancellationToken;

use crate::limits;

/// The door of one server.
#[derive(Debug, Default)]
pub struct Door {
    people: Mutex<People>,
}

#[derive(Debug, Default)]
struct People {
    /// By the order in which they came.
    strangers: BTreeMap<u64, Arc<Caller>>,
    known: usize,
    next: u64,
}

/// One who came, as both sides of its connection know it.
#[derive(Debug)]
struct Caller {
    network: IpAddr,
    /// Everything that it has sent was read: it is its turn.
    is_silent: AtomicBool,
    leave: CancellationToken,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Visit {
    door: Arc<Door>,
    number: u64,
    caller: Arc<Caller>,
    is_known: AtomicBool,
}

/// There are as many connections as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Door {
    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for whoever comes from `peer`: a stranger's.
    pub fn enter(self: &Arc<Self>, peer: IpAddr) -> Visit {
        let mut people = self.people();
        while people.strangers.len() >= limits::MAX_STRANGERS {
            if !people.send_one_away() {
                break;
            }
        }
        let number = people.next;
        people.next = number.wrapping_add(1);
        let caller = Arc::new(Caller {
            network: network(peer),
            is_silent: AtomicBool::new(false),
            leave: CancellationToken::new(),
        });
        people.strangers.insert(number, Arc::clone(&caller));
        Visit {
            door: Arc::clone(self),
            number,
            caller,
            is_known: AtomicBool::new(false),
        }
    }

    /// Whether the next one who comes makes another leave.
    pub fn is_crowded(&self) -> bool {
        self.people().strangers.len() >= limits::MAX_STRANGERS
    }

    /// Makes a stranger leave; `false`: there is none.
    pub fn send_one_away(&self) -> bool {
        self.people().send_one_away()
    }
}

impl People {
    fn send_one_away(&mut self) -> bool {
        let mut of_network: HashMap<IpAddr, usize> = HashMap::new();
        for stranger in self.strangers.values() {
            *of_network.entry(stranger.network).or_default() += 1;
        }
        let most = of_network.values().copied().max().unwrap_or(0);
        let is_of_most = |stranger: &Caller| of_network.get(&stranger.network) == Some(&most);
        let mut oldest = self.strangers.iter().filter(|(_, who)| is_of_most(who));
        let first = oldest.clone().next();
        let silent = oldest.find(|(_, who)| who.is_silent.load(Ordering::Relaxed));
        let Some((&number, _)) = silent.or(first) else {
            return false;
        };
        if let Some(stranger) = self.strangers.remove(&number) {
            stranger.leave.cancel();
        }
        true
    }
}

impl Visit {
    /// It may come in: from now on nobody makes it leave.
    ///
    /// # Errors
    /// When there are as many who may as there can be.
    pub fn admit(&self) -> Result<(), Full> {
        if self.is_known.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut people = self.door.people();
        if people.known >= limits::MAX_CONNECTIONS {
            return Err(Full);
        }
        people.known = people.known.saturating_add(1);
        people.strangers.remove(&self.number);
        self.is_known.store(true, Ordering::Release);
        Ok(())
    }

    /// All that it sent was read; `false`: there was more.
    pub fn note_silence(&self, is_silent: bool) {
        self.caller.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// Waits until it has to leave.
    pub async fn leaves(&self) {
        self.caller.leave.cancelled().await;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut people = self.door.people();
        if self.is_known.load(Ordering::Acquire) {
            people.known = people.known.saturating_sub(1);
        } else {
            people.strangers.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(peer: &str) -> IpAddr {
        peer.parse().unwrap()
    }

    fn has_left(visit: &Visit) -> bool {
        visit.caller.leave.is_cancelled()
    }

    #[test]
    fn of_too_many_strangers_the_longest_silent_of_the_largest_group_leaves() {
        let door = Arc::<Door>::default();
        let lone = door.enter(at("192.0.2.1"));
        lone.note_silence(true);
        let crowd: Vec<_> = (1..limits::MAX_STRANGERS)
            .map(|_| door.enter(at("192.0.2.2")))
            .collect();
        assert!(door.is_crowded());
        // The first has something to say.
        crowd[1].note_silence(true);
        crowd[2].note_silence(true);
        let one_more = door.enter(at("192.0.2.3"));
        let left = |crowd: &[Visit]| crowd.iter().map(has_left).collect::<Vec<_>>();
        assert_eq!(left(&crowd[..4]), [false, true, false, false]);
        assert!(!has_left(&lone) && !has_left(&one_more));
        drop(door.enter(at("192.0.2.3")));
        assert_eq!(left(&crowd[..4]), [false, true, true, false]);
    }

    #[test]
    fn who_is_known_takes_no_strangers_place_and_never_has_to_leave() {
        let door = Arc::<Door>::default();
        let known = door.enter(at("192.0.2.1"));
        known.admit().unwrap();
        known.admit().unwrap();
        known.note_silence(true);
        let flood: Vec<_> = (0..3 * limits::MAX_STRANGERS)
            .map(|_| door.enter(at("192.0.2.1")))
            .collect();
        assert!(!has_left(&known));
        let stay = flood.iter().filter(|visit| !has_left(visit)).count();
        assert_eq!(stay, limits::MAX_STRANGERS);
        // One that was sent away while its request passed comes in after all.
        flood[0].admit().unwrap();
        drop(flood);
        assert_eq!(door.people().known, 1);
        assert!(door.people().strangers.is_empty());
        let all: Vec<_> = (1..limits::MAX_CONNECTIONS)
            .map(|_| {
                let visit = door.enter(at("192.0.2.1"));
                visit.admit().unwrap();
                visit
            })
            .collect();
        assert_eq!(door.enter(at("192.0.2.1")).admit(), Err(Full));
        drop(all);
        door.enter(at("192.0.2.1")).admit().unwrap();
    }

    #[test]
    fn a_network_of_ipv6_is_one_owner_and_a_wrapped_address_is_its_own() {
        assert_eq!(network(at("2001:db8::1")), network(at("2001:db8::2:1")));
        assert_ne!(network(at("2001:db8::1")), network(at("2001:db8:0:1::1")));
        assert_eq!(network(at("::ffff:192.0.2.1")), at("192.0.2.1"));
    }
}
