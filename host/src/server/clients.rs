//! Who is connected: a bounded number of clients, each with its outbox.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outbox::Outbox;
use crate::limits;

/// Where somebody comes from: a machine and, for browsers, a page's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whence {
    /// The other end of the connection.
    pub peer: IpAddr,
    /// What the browser says.
    pub origin: Option<String>,
}

/// All clients of a server.
#[derive(Debug, Default)]
pub struct Clients {
    seated: Mutex<Seated>,
}

#[derive(Debug, Default)]
struct Seated {
    seats: HashMap<u64, (Whence, Arc<Outbox>)>,
    next: u64,
}

/// One client's place; given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    clients: Arc<Clients>,
    /// Distinguishes connections, also past ones.
    pub id: u64,
    /// What waits to be sent to it.
    pub outbox: Arc<Outbox>,
}

impl Clients {
    fn seated(&self) -> MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more; `None` when all are taken.
    pub fn seat(self: &Arc<Self>, whence: Whence) -> Option<Seat> {
        let mut seated = self.seated();
        if seated.seats.len() >= limits::MAX_CLIENTS {
            return None;
        }
        let id = seated.next_id();
        let outbox = Arc::<Outbox>::default();
        seated.seats.insert(id, (whence, Arc::clone(&outbox)));
        Some(Seat {
            clients: Arc::clone(self),
            id,
            outbox,
        })
    }

    /// A number that no connection has.
    pub fn next_id(&self) -> u64 {
        self.seated().next_id()
    }

    /// The outboxes of all.
    pub fn all(&self) -> Vec<Arc<Outbox>> {
        let seated = self.seated();
        seated
            .seats
            .values()
            .map(|(_, outbox)| Arc::clone(outbox))
            .collect()
    }

    /// The outboxes of those that come from where somebody else does: the same user's, as far as can
    /// be told of a request that is not theirs by anything else.
    pub fn beside(&self, whence: &Whence) -> Vec<Arc<Outbox>> {
        let seated = self.seated();
        let seats = seated.seats.values();
        let same = seats.filter(|(other, _)| other == whence);
        same.map(|(_, outbox)| Arc::clone(outbox)).collect()
    }
}

impl Seated {
    fn next_id(&mut self) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.outbox.shut();
        self.clients.seated().seats.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whence(peer: &str, origin: Option<&str>) -> Whence {
        Whence {
            peer: peer.parse().unwrap(),
            origin: origin.map(str::to_owned),
        }
    }

    #[test]
    fn there_are_so_many_places_and_each_is_given_back() {
        let clients = Arc::<Clients>::default();
        let here = whence("127.0.0.1", None);
        let mut seats: Vec<_> = (0..limits::MAX_CLIENTS)
            .map(|_| clients.seat(here.clone()).unwrap())
            .collect();
        assert!(clients.seat(here.clone()).is_none());
        seats.pop();
        let last = clients.seat(here).unwrap();
        assert!(!seats.iter().any(|seat| seat.id == last.id));
        drop((seats, last));
        assert!(clients.all().is_empty());
    }

    #[test]
    fn the_answer_to_a_posted_request_reaches_nobody_else() {
        let clients = Arc::<Clients>::default();
        let page = whence("127.0.0.1", Some("http://localhost:8000"));
        let mine = clients.seat(page.clone()).unwrap();
        let _others = [
            clients.seat(whence("127.0.0.1", None)).unwrap(),
            clients
                .seat(whence("127.0.0.1", Some("http://localhost:1")))
                .unwrap(),
            clients
                .seat(whence("127.0.0.2", Some("http://localhost:8000")))
                .unwrap(),
        ];
        let found = clients.beside(&page);
        assert!(matches!(&found[..], [one] if Arc::ptr_eq(one, &mine.outbox)));
    }
}
