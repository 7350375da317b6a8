//! A request that is repeated is not executed again: it is answered from its first execution, errors
//! too, also while that still goes on, also on another connection.
//!
//! Clients repeat what was not answered in time, with the same id. Ids that are UUIDs hold for the
//! whole Worker; others, such as counters, for their connection. Answers of requests that changed
//! something are kept apart from those that only read, so that many of the latter push out none of
//! the former. What is too large to be kept is the answer of a request that reads or sets a value, which
//! may as well be done twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::protocol::{Frame, Request, RequestId};
use crate::limits;

/// Whose id: of everybody, or of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    connection: Option<u64>,
    id: String,
}

/// What is kept of one request.
#[derive(Debug)]
struct Slot {
    /// Of the command and its arguments: an id that comes with others is a mistake.
    content: blake3::Hash,
    answer: watch::Receiver<Option<Frame>>,
}

/// Whether an answer belongs to what changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command changes something.
    Change,
    /// The command reads.
    Read,
}

/// The answers of one Worker.
#[derive(Debug, Default)]
pub struct Replies {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<Key, Slot>,
    changes: Shelf,
    reads: Shelf,
}

/// What is answered, oldest first.
#[derive(Debug, Default)]
struct Shelf {
    settled: VecDeque<(Key, usize, Instant)>,
    bytes: usize,
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Claim {
    /// Execute it and settle the ticket.
    First(Ticket),
    /// It is or was executed: wait for its answer.
    Repeat(Repeat),
    /// Its id was used for something else.
    Reused,
}

/// The duty to settle a request. Dropped instead, its repetitions are executed anew.
#[derive(Debug)]
pub struct Ticket {
    replies: Arc<Replies>,
    key: Key,
    kind: Kind,
    answer: watch::Sender<Option<Frame>>,
    is_settled: bool,
}

/// The answer of an execution, past or present.
#[derive(Debug)]
pub struct Repeat(watch::Receiver<Option<Frame>>);

impl Replies {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `request`, which came on `connection` with this `id`, is the first of its kind.
    pub fn claim(
        self: &Arc<Self>,
        request: &Request,
        id: &RequestId,
        connection: u64,
        kind: Kind,
    ) -> Claim {
        let key = Key {
            connection: (!id.is_unique()).then_some(connection),
            id: id.text().into_owned(),
        };
        let content = content(request);
        let mut kept = self.kept();
        kept.expire(Instant::now());
        if let Some(slot) = kept.slots.get(&key) {
            return if slot.content == content {
                Claim::Repeat(Repeat(slot.answer.clone()))
            } else {
                Claim::Reused
            };
        }
        let (sender, answer) = watch::channel(None);
        kept.slots.insert(key.clone(), Slot { content, answer });
        Claim::First(Ticket {
            replies: Arc::clone(self),
            key,
            kind,
            answer: sender,
            is_settled: false,
        })
    }
}

impl Ticket {
    /// This is the answer.
    pub fn settle(mut self, frame: Frame) {
        self.is_settled = true;
        let cost = frame.size().saturating_add(self.key.id.len());
        self.answer.send_replace(Some(frame));
        let mut kept = self.replies.kept();
        kept.settled(self.kind, self.key.clone(), cost, Instant::now());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_settled {
            self.replies.kept().slots.remove(&self.key);
        }
    }
}

impl Repeat {
    /// Waits for it; `None` when the execution came to no end.
    pub async fn answer(mut self) -> Option<Frame> {
        let answer = self.0.wait_for(Option::is_some).await.ok()?;
        answer.clone()
    }

    /// The answer, if it is there already.
    pub fn now(&self) -> Option<Frame> {
        self.0.borrow().clone()
    }
}

fn content(request: &Request) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let what = (&request.cmd, &request.kwargs, request.as_bytes);
    // Writing to a hasher does not fail, and neither do values that were read from JSON.
    let _ = serde_json::to_writer(&mut hasher, &what);
    hasher.finalize()
}

impl Kept {
    fn settled(&mut self, kind: Kind, key: Key, cost: usize, now: Instant) {
        if cost > limits::KEPT_ANSWERS_BYTES / 4 {
            // It would push out everything else.
            self.slots.remove(&key);
            return;
        }
        let (shelf, count) = match kind {
            Kind::Change => (&mut self.changes, limits::KEPT_CHANGES),
            Kind::Read => (&mut self.reads, limits::KEPT_READS),
        };
        shelf.settled.push_back((key, cost, now));
        shelf.bytes = shelf.bytes.saturating_add(cost);
        while shelf.settled.len() > count || shelf.bytes > limits::KEPT_ANSWERS_BYTES {
            let Some(key) = shelf.pop() else {
                break;
            };
            self.slots.remove(&key);
        }
    }

    fn expire(&mut self, now: Instant) {
        for shelf in [&mut self.changes, &mut self.reads] {
            while shelf.is_oldest_past(now) {
                let Some(key) = shelf.pop() else {
                    break;
                };
                self.slots.remove(&key);
            }
        }
    }
}

impl Shelf {
    fn is_oldest_past(&self, now: Instant) -> bool {
        let oldest = self.settled.front();
        oldest.is_some_and(|(_, _, then)| {
            now.saturating_duration_since(*then) > limits::ANSWER_LIFETIME
        })
    }

    fn pop(&mut self) -> Option<Key> {
        let (key, cost, _) = self.settled.pop_front()?;
        self.bytes = self.bytes.saturating_sub(cost);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::protocol::{self, Incoming};
    use super::*;

    const UUID: &str = "0b75c4ea-93a8-4771-be18-5072b930a183";

    fn request(id: &str, value: i64) -> (Request, RequestId) {
        let text = format!(r#"{{"type":"cmd","cmd":"c","kwargs":{{"v":{value}}},"id":"{id}"}}"#);
        let Ok(Incoming::Request(request)) = protocol::parse(&text) else {
            panic!("{text}");
        };
        let id = request.id.clone().unwrap();
        (request, id)
    }

    fn claim(replies: &Arc<Replies>, id: &str, value: i64, connection: u64, kind: Kind) -> Claim {
        let (request, id) = request(id, value);
        replies.claim(&request, &id, connection, kind)
    }

    fn first(claim: Claim) -> Ticket {
        match claim {
            Claim::First(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn repeat(claim: Claim) -> Repeat {
        match claim {
            Claim::Repeat(repeat) => repeat,
            other => panic!("{other:?}"),
        }
    }

    fn frame(text: &str) -> Frame {
        Frame::Text(text.into())
    }

    #[tokio::test]
    async fn a_repetition_waits_for_the_first_and_gets_its_answer_also_elsewhere() {
        let replies = Arc::<Replies>::default();
        let ticket = first(claim(&replies, UUID, 1, 1, Kind::Change));
        let early = repeat(claim(&replies, UUID, 1, 1, Kind::Change));
        let other = repeat(claim(&replies, UUID, 1, 2, Kind::Change));
        assert_eq!(early.now(), None);
        let waiting = tokio::spawn(other.answer());
        ticket.settle(frame("one"));
        assert_eq!(early.answer().await, Some(frame("one")));
        assert_eq!(waiting.await.unwrap(), Some(frame("one")));
        let late = repeat(claim(&replies, UUID, 1, 3, Kind::Change));
        assert_eq!(late.now(), Some(frame("one")));
    }

    #[test]
    fn an_id_for_something_else_is_a_mistake_and_counters_are_each_connections_own() {
        let replies = Arc::<Replies>::default();
        first(claim(&replies, UUID, 1, 1, Kind::Read)).settle(frame("one"));
        assert!(matches!(
            claim(&replies, UUID, 2, 1, Kind::Read),
            Claim::Reused
        ));
        first(claim(&replies, "1", 1, 1, Kind::Read)).settle(frame("mine"));
        first(claim(&replies, "1", 1, 2, Kind::Read)).settle(frame("yours"));
        let again = repeat(claim(&replies, "1", 1, 1, Kind::Read));
        assert_eq!(again.now(), Some(frame("mine")));
    }

    #[tokio::test]
    async fn what_came_to_no_end_can_be_tried_again() {
        let replies = Arc::<Replies>::default();
        let ticket = first(claim(&replies, UUID, 1, 1, Kind::Change));
        let waiting = repeat(claim(&replies, UUID, 1, 1, Kind::Change));
        drop(ticket);
        assert_eq!(waiting.answer().await, None);
        first(claim(&replies, UUID, 1, 1, Kind::Change)).settle(frame("two"));
    }

    #[test]
    fn what_is_kept_is_bounded_and_readers_push_out_no_change() {
        let replies = Arc::<Replies>::default();
        first(claim(&replies, UUID, 1, 1, Kind::Change)).settle(frame("change"));
        for n in 0..2 * limits::KEPT_READS {
            first(claim(&replies, &n.to_string(), 1, 1, Kind::Read)).settle(frame("read"));
        }
        assert_eq!(replies.kept().slots.len(), limits::KEPT_READS + 1);
        assert!(
            repeat(claim(&replies, UUID, 1, 1, Kind::Change))
                .now()
                .is_some()
        );
        let too_large = frame(&"x".repeat(limits::KEPT_ANSWERS_BYTES / 2));
        first(claim(&replies, "too large", 1, 1, Kind::Read)).settle(too_large);
        first(claim(&replies, "too large", 1, 1, Kind::Read)).settle(frame("again"));
        let large = frame(&"x".repeat(limits::KEPT_ANSWERS_BYTES / 5));
        for n in 0..10 {
            let id = format!("large {n}");
            first(claim(&replies, &id, 1, 1, Kind::Read)).settle(large.clone());
        }
        assert!(replies.kept().reads.bytes <= limits::KEPT_ANSWERS_BYTES);
        let later = Instant::now() + limits::ANSWER_LIFETIME + Duration::from_secs(1);
        replies.kept().expire(later);
        assert_eq!(replies.kept().slots.len(), 0);
        assert_eq!(replies.kept().changes.bytes, 0);
    }
}
