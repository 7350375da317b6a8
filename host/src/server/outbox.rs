//! What waits to be sent to one client: answers, of which none is lost, and events, which a slow
//! client loses all at once and is told so.
//!
//! Answers are bounded by what the connection reads: each holds a permit until it is sent, and
//! [`Outbox::room`] keeps the next request from being read. Events are bounded here: a newer value of
//! an output replaces one that still waits, and when there are too many the client gets an error event
//! and the event `fullsync`, after which it asks for everything anew. All clients have an equal share of
//! what may wait together ([`Waits`]); when it is too much all the same, the client that has taken nothing
//! for longest is given up.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message};
use serde_json::json;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::protocol::{self, Frame};
use crate::limits;

/// What a lagging client is told.
const LAGGED: &str = "this connection was too slow and has missed events; everything is sent anew";

/// Which value an event carries: of two, only the newer one matters.
pub type ValueKey = Arc<str>;

/// One request's place among those that one client may have open.
pub type Permit = OwnedSemaphorePermit;

/// What waits in all outboxes of one server.
#[derive(Debug, Default)]
pub struct Waits {
    bytes: AtomicUsize,
    clients: AtomicUsize,
}

impl Waits {
    /// There are so many clients.
    pub fn shared_by(&self, clients: usize) {
        self.clients.store(clients, Ordering::Relaxed);
    }

    /// What each of them may have.
    fn share(&self) -> usize {
        limits::MAX_WAITING_BYTES / self.clients.load(Ordering::Relaxed).max(1)
    }

    /// Whether it is more than all may have.
    pub fn is_too_much(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > limits::MAX_WAITING_BYTES
    }
}

/// A queue with one reader.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    waits: Arc<Waits>,
    /// Nobody waits for this client any more.
    given_up: CancellationToken,
    /// Something waits, or the end was asked for.
    filled: Notify,
    /// An answer was taken.
    taken: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// By order of arrival.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    values: HashMap<ValueKey, u64>,
    events: usize,
    event_bytes: usize,
    answer_bytes: usize,
    /// What is being sent.
    sending_bytes: usize,
    /// Of several pings that wait, the last is answered.
    pong: Option<Bytes>,
    /// When something was taken; none: nothing yet.
    taken_at: Option<Instant>,
    closing: Option<CloseFrame>,
    is_closed: bool,
}

#[derive(Debug)]
enum Waiting {
    Answer(Frame, Option<Permit>),
    Event(Frame, Option<ValueKey>),
}

/// What is to be sent next. The permit is given back when it is dropped.
#[derive(Debug)]
pub enum Next {
    /// This message.
    Message(Message, Option<Permit>),
    /// This, and then nothing more.
    Close(CloseFrame),
}

impl Outbox {
    /// The outbox of a client that has just come.
    pub fn new(waits: Arc<Waits>) -> Self {
        let outbox = Self {
            waits,
            ..Self::default()
        };
        outbox.queue().taken_at = Some(Instant::now());
        outbox
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue, unless it is closed.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        let mut queue = self.queue();
        if queue.is_closed {
            return None;
        }
        let before = queue.bytes();
        let changed = change(&mut queue);
        let after = queue.bytes();
        // Under the lock, so that what is taken off was added before.
        self.waits.bytes.fetch_add(after, Ordering::Relaxed);
        self.waits.bytes.fetch_sub(before, Ordering::Relaxed);
        Some(changed)
    }

    /// An answer; it holds `permit` until it is sent. One without a permit, which nothing else bounds, is
    /// the end of a client that does not take those before it.
    pub fn answer(&self, frame: Frame, permit: Option<Permit>) {
        let is_too_much = self.change(|queue| {
            let is_too_much = permit.is_none() && queue.answer_bytes > limits::MAX_ANSWERS_BYTES;
            if !is_too_much {
                queue.answer_bytes = queue.answer_bytes.saturating_add(frame.size());
                queue.push(Waiting::Answer(frame, permit));
            }
            is_too_much
        });
        match is_too_much {
            Some(true) => self.give_up(),
            Some(false) => self.filled.notify_one(),
            None => {}
        }
    }

    /// The answer to a ping.
    pub fn pong(&self, payload: Bytes) {
        self.change(|queue| queue.pong = Some(payload));
        self.filled.notify_one();
    }

    /// An event; `key` where it is a value.
    pub fn event(&self, frame: Frame, key: Option<ValueKey>) {
        let most = self.waits.share().min(limits::CLIENT_EVENTS_BYTES);
        self.change(|queue| {
            queue.push_event(frame, key);
            if queue.events > limits::CLIENT_EVENTS || queue.event_bytes > most {
                queue.lag();
            }
        });
        self.filled.notify_one();
    }

    /// Events are missing, here or on their way here: the client is told instead.
    pub fn lagged(&self) {
        self.change(Queue::lag);
        self.filled.notify_one();
    }

    /// After everything that waits, the connection ends.
    pub fn close(&self, why: CloseFrame) {
        self.queue().closing.get_or_insert(why);
        self.filled.notify_one();
    }

    /// The connection ends now: what waits, and what still comes, is dropped.
    pub fn cut(&self, why: CloseFrame) {
        self.shut();
        self.queue().closing = Some(why);
        self.filled.notify_one();
    }

    /// Nothing is taken any more: what waits, and what still comes, is dropped.
    pub fn shut(&self) {
        self.change(|queue| *queue = Queue::default());
        self.queue().is_closed = true;
        self.taken.notify_one();
    }

    /// The client takes too little of too much: nothing waits for it any more, its connection ends.
    pub fn give_up(&self) {
        tracing::info!("a client does not take what it asked for, and is closed");
        self.shut();
        self.given_up.cancel();
    }

    /// Waits until [`Self::give_up`].
    pub async fn is_given_up(&self) {
        self.given_up.cancelled().await;
    }

    /// Since when it has taken nothing, if more waits for it than its share.
    pub fn stalled_since(&self) -> Option<Instant> {
        let queue = self.queue();
        let is_more = queue.bytes() > self.waits.share();
        queue.taken_at.filter(|_| is_more)
    }

    /// Waits for what is to be sent next. For one caller at a time.
    pub async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    /// What is to be sent next, if anything waits. What was before is sent.
    pub fn try_next(&self) -> Option<Next> {
        let next = self.change(|queue| {
            queue.taken_at = Some(Instant::now());
            queue.take()
        });
        self.taken.notify_one();
        match next {
            Some(next) => next,
            // Of one that was cut.
            None => self.queue().closing.clone().map(Next::Close),
        }
    }

    /// Waits until the client has taken enough of its answers to get more. For one caller at a time.
    pub async fn room(&self) {
        let has_room = || {
            let most = self.waits.share().min(limits::MAX_ANSWERS_BYTES);
            let queue = self.queue();
            queue.answer_bytes <= most && queue.pong.is_none()
        };
        while !has_room() {
            self.taken.notified().await;
        }
    }
}

impl Queue {
    fn bytes(&self) -> usize {
        let waiting = self.event_bytes.saturating_add(self.answer_bytes);
        waiting.saturating_add(self.sending_bytes)
    }

    fn take(&mut self) -> Option<Next> {
        self.sending_bytes = 0;
        if let Some(pong) = self.pong.take() {
            return Some(Next::Message(Message::Pong(pong), None));
        }
        let Some((at, waiting)) = self.waiting.pop_first() else {
            return self.closing.clone().map(Next::Close);
        };
        let (frame, permit) = match waiting {
            Waiting::Answer(frame, permit) => {
                self.answer_bytes = self.answer_bytes.saturating_sub(frame.size());
                (frame, permit)
            }
            Waiting::Event(frame, key) => {
                self.forget_event(&frame);
                if let Some(key) = key.filter(|key| self.values.get(key) == Some(&at)) {
                    self.values.remove(&key);
                }
                (frame, None)
            }
        };
        self.sending_bytes = frame.size();
        Some(Next::Message(frame.into(), permit))
    }

    fn push(&mut self, waiting: Waiting) -> u64 {
        let at = self.next;
        self.next = at.wrapping_add(1);
        self.waiting.insert(at, waiting);
        at
    }

    fn push_event(&mut self, frame: Frame, key: Option<ValueKey>) {
        self.events = self.events.saturating_add(1);
        self.event_bytes = self.event_bytes.saturating_add(frame.size());
        let at = self.push(Waiting::Event(frame, key.clone()));
        let older = key.and_then(|key| self.values.insert(key, at));
        if let Some(Waiting::Event(frame, _)) = older.and_then(|at| self.waiting.remove(&at)) {
            self.forget_event(&frame);
        }
    }

    fn forget_event(&mut self, frame: &Frame) {
        self.events = self.events.saturating_sub(1);
        self.event_bytes = self.event_bytes.saturating_sub(frame.size());
    }

    fn lag(&mut self) {
        self.waiting
            .retain(|_, waiting| matches!(waiting, Waiting::Answer(..)));
        self.values.clear();
        (self.events, self.event_bytes) = (0, 0);
        self.push_event(protocol::error_event(LAGGED), None);
        self.push_event(protocol::worker_event("fullsync", &json!({})), None);
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::ws::close_code;

    use super::*;

    fn text(text: &str) -> Frame {
        Frame::Text(text.into())
    }

    fn taken(outbox: &Outbox) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(Next::Message(message, _)) = outbox.try_next() {
            all.push(message.into_text().unwrap().to_string());
        }
        all
    }

    #[test]
    fn everything_comes_in_order_and_of_two_values_the_newer() {
        let outbox = Outbox::default();
        let key = |name: &str| Some(ValueKey::from(name));
        outbox.event(text("a1"), key("a"));
        outbox.answer(text("answer"), None);
        outbox.event(text("b1"), key("b"));
        outbox.event(text("done"), None);
        outbox.event(text("a2"), key("a"));
        assert_eq!(taken(&outbox), ["answer", "b1", "done", "a2"]);
        outbox.event(text("a3"), key("a"));
        assert_eq!(taken(&outbox), ["a3"]);
        assert_eq!(outbox.queue().events, 0);
        assert_eq!(outbox.queue().event_bytes, 0);
    }

    #[test]
    fn a_client_that_lags_loses_events_and_no_answer_and_is_told() {
        let outbox = Outbox::default();
        for n in 0..=limits::CLIENT_EVENTS {
            outbox.event(text("event"), None);
            if n % 1000 == 0 {
                outbox.answer(text("answer"), None);
            }
        }
        let all = taken(&outbox);
        let answers = all.iter().filter(|message| *message == "answer").count();
        assert_eq!(answers, limits::CLIENT_EVENTS / 1000 + 1);
        assert!(!all.iter().any(|message| message == "event"));
        let told = all.iter().position(|m| m.contains("error_event")).unwrap();
        assert!(all[told + 1].contains("fullsync"), "{all:?}");
    }

    #[test]
    fn many_bytes_are_too_many_as_well() {
        let outbox = Outbox::default();
        let large = "x".repeat(limits::CLIENT_EVENTS_BYTES / 4);
        for _ in 0..5 {
            outbox.event(text(&large), None);
        }
        let all = taken(&outbox);
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn what_replaces_itself_never_grows() {
        let outbox = Outbox::default();
        for n in 0..10 * limits::CLIENT_EVENTS {
            outbox.event(text(&n.to_string()), Some("io".into()));
        }
        assert_eq!(
            taken(&outbox),
            [(10 * limits::CLIENT_EVENTS - 1).to_string()]
        );
    }

    #[tokio::test]
    async fn no_more_is_read_while_answers_wait_and_a_closed_client_wakes_the_reader() {
        let outbox = Outbox::default();
        outbox.room().await;
        outbox.answer(text(&"x".repeat(limits::MAX_ANSWERS_BYTES + 1)), None);
        let mut room = std::pin::pin!(outbox.room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        drop(outbox.try_next());
        room.await;
        outbox.answer(text(&"x".repeat(limits::MAX_ANSWERS_BYTES + 1)), None);
        outbox.shut();
        outbox.room().await;
        outbox.answer(text("late"), None);
        assert!(outbox.try_next().is_none());
    }

    #[tokio::test]
    async fn a_ping_is_answered_first_and_nothing_more_is_read_until_it_is() {
        let outbox = Outbox::default();
        outbox.answer(text("answer"), None);
        outbox.pong(Bytes::from_static(b"1"));
        let mut room = std::pin::pin!(outbox.room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        let next = outbox.try_next();
        assert!(matches!(next, Some(Next::Message(Message::Pong(payload), _)) if payload == "1"));
        room.await;
        assert_eq!(taken(&outbox), ["answer"]);
    }

    #[tokio::test]
    async fn one_that_is_cut_has_nothing_to_send_but_why() {
        let outbox = Outbox::default();
        outbox.answer(text("answer"), None);
        outbox.cut(CloseFrame {
            code: close_code::POLICY,
            reason: "no more".into(),
        });
        outbox.event(text("event"), None);
        assert!(matches!(outbox.next().await, Next::Close(frame) if frame.reason == "no more"));
        assert_eq!(outbox.waits.bytes.load(Ordering::Relaxed), 0);
        outbox.room().await;
    }

    #[tokio::test]
    async fn the_end_comes_after_everything_else() {
        let outbox = Outbox::default();
        outbox.close(CloseFrame {
            code: close_code::AWAY,
            reason: "bye".into(),
        });
        outbox.answer(text("answer"), None);
        assert!(matches!(outbox.next().await, Next::Message(..)));
        assert!(matches!(outbox.next().await, Next::Close(frame) if frame.reason == "bye"));
    }
}
