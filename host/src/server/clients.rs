//! Who is connected: a bounded number of clients, each with its outbox.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::auth::Pass;
use super::outbox::{Outbox, Waits};
use crate::limits;

/// Where somebody comes from: a machine and, for browsers, a page's origin. Two who have shown the tokens of two keys
/// are not the same, and neither is one whose key was changed meanwhile: what one may read the other may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whence {
    /// The other end of the connection.
    pub peer: IpAddr,
    /// What the browser says.
    pub origin: Option<String>,
    /// What it may do.
    pub pass: Pass,
}

/// All clients of a server.
#[derive(Debug, Default)]
pub struct Clients {
    seated: Mutex<Seated>,
    waits: Arc<Waits>,
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
        let outbox = Arc::new(Outbox::new(Arc::clone(&self.waits)));
        seated.seats.insert(id, (whence, Arc::clone(&outbox)));
        self.waits.shared_by(seated.seats.len());
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

    /// Gives clients up that take nothing, the longest stalled first, until what waits for all is not
    /// too much any more.
    pub fn relieve(&self) {
        while self.waits.is_too_much() {
            let all = self.all();
            let stalled = all
                .iter()
                .filter_map(|outbox| Some((outbox.stalled_since()?, outbox)));
            match stalled.min_by_key(|(since, _)| *since) {
                Some((_, outbox)) => outbox.give_up(),
                None => return,
            }
        }
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
        let mut seated = self.clients.seated();
        seated.seats.remove(&self.id);
        self.clients.waits.shared_by(seated.seats.len());
    }
}

#[cfg(test)]
mod tests {
    use external_worker_control::Role;

    use super::*;

    fn whence(peer: &str, origin: Option<&str>) -> Whence {
        Whence {
            peer: peer.parse().unwrap(),
            origin: origin.map(str::to_owned),
            pass: Pass::OWNER,
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
        let [viewer, author] = [Role::Viewer, Role::Author].map(|role| Whence {
            pass: Pass::of(role),
            ..page.clone()
        });
        let _viewer = clients.seat(viewer).unwrap();
        assert!(clients.beside(&author).is_empty());
        let theirs = clients.seat(author.clone()).unwrap();
        let found = clients.beside(&author);
        assert!(matches!(&found[..], [one] if Arc::ptr_eq(one, &theirs.outbox)));
        let found = clients.beside(&page);
        assert!(matches!(&found[..], [one] if Arc::ptr_eq(one, &mine.outbox)));
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_when_too_much_waits_for_all() {
        use tokio::sync::Semaphore;

        use super::super::protocol::Frame;
        let clients = Arc::<Clients>::default();
        let here = whence("127.0.0.1", None);
        let seats: Vec<_> = (0..4)
            .map(|_| clients.seat(here.clone()).unwrap())
            .collect();
        let permits = Arc::new(Semaphore::new(100));
        let half = Frame::Text("x".repeat(limits::MAX_WAITING_BYTES / 8).into());
        let answer = |seat: &Seat| {
            let permit = Arc::clone(&permits).try_acquire_owned().unwrap();
            seat.outbox.answer(half.clone(), Some(permit));
        };
        let is_given_up = |seat: &Seat| {
            let given_up = seat.outbox.is_given_up();
            futures_util::FutureExt::now_or_never(given_up).is_some()
        };
        for seat in &seats[..2] {
            (0..3).for_each(|_| answer(seat));
        }
        answer(&seats[2]);
        answer(&seats[3]);
        clients.relieve();
        assert!(!seats.iter().any(is_given_up));
        // The second goes on to take; the first does not.
        seats[1].outbox.try_next().unwrap();
        seats[1].outbox.try_next().unwrap();
        answer(&seats[3]);
        answer(&seats[3]);
        clients.relieve();
        let given_up: Vec<_> = seats.iter().map(is_given_up).collect();
        assert_eq!(given_up, [true, false, false, false]);
        assert!(seats[0].outbox.try_next().is_none());
        drop(seats);
        // All that waited was taken off again.
        let next = clients.seat(here).unwrap();
        (0..8).for_each(|_| answer(&next));
        clients.relieve();
        assert!(!is_given_up(&next));
        answer(&next);
        clients.relieve();
        assert!(is_given_up(&next));
    }

    #[test]
    fn an_answer_that_no_request_waits_for_ends_who_takes_none() {
        use super::super::protocol::Frame;
        let clients = Arc::<Clients>::default();
        let seat = clients.seat(whence("127.0.0.1", None)).unwrap();
        let large = Frame::Text("x".repeat(limits::MAX_ANSWERS_BYTES + 1).into());
        seat.outbox.answer(large.clone(), None);
        assert!(seat.outbox.try_next().is_some());
        seat.outbox.answer(large.clone(), None);
        seat.outbox.answer(large, None);
        assert!(seat.outbox.try_next().is_none());
    }
}
