//! Messages that are too large to be pushed: the client is told where one is, and fetches it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use uuid::Uuid;

use super::protocol::{self, Frame};
use crate::limits;

/// The store of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Messages {
    stored: Arc<Mutex<Stored>>,
    /// How browsers reach the server: `http://127.0.0.1:9382`.
    base: Arc<str>,
}

#[derive(Debug, Default)]
struct Stored {
    /// Oldest first.
    messages: VecDeque<Large>,
    bytes: usize,
}

#[derive(Debug)]
struct Large {
    id: Uuid,
    text: Utf8Bytes,
    until: Instant,
    was_fetched: bool,
}

/// Too much waits to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many large answers wait to be fetched; ask again later, or for less")]
pub struct Full;

impl Messages {
    /// An empty store of the server at `base`.
    pub fn new(base: &str) -> Self {
        Self {
            stored: Arc::default(),
            base: base.into(),
        }
    }

    /// What to send for `frame`: itself, or where it is.
    ///
    /// # Errors
    /// [`Full`].
    pub fn hint(&self, frame: Frame) -> Result<Frame, Full> {
        match frame {
            Frame::Text(text) if text.len() > limits::LARGE_MESSAGE_BYTES => {
                let id = self.put(text, Instant::now())?.to_string();
                let url = format!("{}/message/{id}", self.base);
                Ok(protocol::large_message(&url, &id))
            }
            other => Ok(other),
        }
    }

    /// The message, for as long as it is kept.
    pub fn get(&self, id: Uuid) -> Option<Utf8Bytes> {
        let mut stored = self.stored();
        stored.expire(Instant::now());
        let found = stored.messages.iter_mut().find(|large| large.id == id)?;
        found.was_fetched = true;
        Some(found.text.clone())
    }

    /// Drops what is past its time; to be called now and then.
    pub fn expire(&self, now: Instant) {
        self.stored().expire(now);
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, text: Utf8Bytes, now: Instant) -> Result<Uuid, Full> {
        let mut stored = self.stored();
        stored.expire(now);
        stored.make_room(text.len())?;
        let id = Uuid::new_v4();
        stored.bytes = stored.bytes.saturating_add(text.len());
        stored.messages.push_back(Large {
            id,
            text,
            until: now + limits::LARGE_MESSAGE_LIFETIME,
            was_fetched: false,
        });
        Ok(id)
    }
}

impl Stored {
    fn expire(&mut self, now: Instant) {
        while self
            .messages
            .front()
            .is_some_and(|oldest| oldest.until <= now)
        {
            self.remove(0);
        }
    }

    /// What was fetched already goes first; what was not is an answer that nobody may lose.
    fn make_room(&mut self, asked: usize) -> Result<(), Full> {
        let fits = |bytes: usize| bytes.saturating_add(asked) <= limits::LARGE_MESSAGES_BYTES;
        while !fits(self.bytes) {
            let fetched = self.messages.iter().position(|large| large.was_fetched);
            self.remove(fetched.ok_or(Full)?);
        }
        Ok(())
    }

    fn remove(&mut self, at: usize) {
        if let Some(removed) = self.messages.remove(at) {
            self.bytes = self.bytes.saturating_sub(removed.text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    fn large(bytes: usize) -> Frame {
        Frame::Text("x".repeat(bytes).into())
    }

    fn id_of(hint: Frame) -> Uuid {
        let Frame::Text(hint) = hint else {
            panic!("{hint:?}");
        };
        let hint: Json = serde_json::from_str(&hint).unwrap();
        assert_eq!(hint["type"], "large_message");
        let id = hint["msg_id"].as_str().unwrap();
        assert_eq!(hint["url"], format!("http://127.0.0.1:1/message/{id}"));
        id.parse().unwrap()
    }

    #[test]
    fn what_is_large_is_kept_for_its_time() {
        let messages = Messages::new("http://127.0.0.1:1");
        let small = large(limits::LARGE_MESSAGE_BYTES);
        assert_eq!(messages.hint(small.clone()).unwrap(), small);
        let hint = messages.hint(large(limits::LARGE_MESSAGE_BYTES + 1));
        let id = id_of(hint.unwrap());
        let asked = Instant::now();
        messages.expire(asked);
        assert_eq!(
            messages.get(id).unwrap().len(),
            limits::LARGE_MESSAGE_BYTES + 1
        );
        messages.expire(asked + limits::LARGE_MESSAGE_LIFETIME);
        assert_eq!(messages.get(id), None);
        assert_eq!(messages.get(Uuid::new_v4()), None);
        assert_eq!(messages.stored().bytes, 0);
    }

    #[test]
    fn what_was_not_fetched_is_never_pushed_out() {
        let messages = Messages::new("http://127.0.0.1:1");
        let half = limits::LARGE_MESSAGES_BYTES / 2;
        let first = id_of(messages.hint(large(half)).unwrap());
        let second = id_of(messages.hint(large(half)).unwrap());
        assert_eq!(messages.hint(large(half)), Err(Full));
        messages.get(second).unwrap();
        let third = id_of(messages.hint(large(half)).unwrap());
        assert!(messages.get(first).is_some() && messages.get(third).is_some());
        assert_eq!(messages.get(second), None);
    }
}
