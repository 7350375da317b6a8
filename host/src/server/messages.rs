//! Messages that are too large to be pushed: the client is told where one is, and fetches it.
//!
//! Whoever asks for large answers and does not fetch them loses its own: one client has so much of the
//! store, a further answer takes the place of its oldest, and when the store is full whoever has most of
//! it loses the oldest. What is taken away is held by nobody, not even by who is fetching it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::ws::Utf8Bytes;
use external_worker_control::Role;
use futures_util::stream;
use uuid::Uuid;

use super::auth::Pass;
use super::protocol::{self, Frame};
use crate::limits;

/// Whose a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The client with this number.
    Client(u64),
    /// Whoever posted a request, one after the other.
    Posted,
    /// Everybody: it is an event.
    All,
}

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
    messages: Vec<Large>,
    bytes: usize,
}

#[derive(Debug)]
struct Large {
    id: Uuid,
    owner: Owner,
    /// Who may fetch it: who may have asked for it.
    needs: Role,
    text: Arc<Utf8Bytes>,
    until: Instant,
    was_fetched: bool,
}

/// A message that is being fetched. It holds nothing of it.
#[derive(Debug)]
pub struct Fetch {
    messages: Messages,
    id: Uuid,
    pass: Pass,
    text: Weak<Utf8Bytes>,
    /// How many bytes it has.
    pub length: usize,
}

/// It is more than all may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is too large to be fetched; ask for less")]
pub struct TooLarge;

/// It was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is not kept any longer")]
struct Gone;

impl Messages {
    /// An empty store of the server at `base`.
    pub fn new(base: &str) -> Self {
        Self {
            stored: Arc::default(),
            base: base.into(),
        }
    }

    /// What to send for `frame`, which is for those who may do what takes `needs`: itself, or where it is.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn hint(&self, frame: Frame, owner: Owner, needs: Role) -> Result<Frame, TooLarge> {
        match frame {
            Frame::Text(text) if text.len() > limits::LARGE_MESSAGE_BYTES => {
                let id = self.put(text, owner, needs, Instant::now())?.to_string();
                let url = format!("{}/message/{id}", self.base);
                Ok(protocol::large_message(&url, &id))
            }
            other => Ok(other),
        }
    }

    /// The message, for as long as it is kept, and for whoever may have it.
    pub fn get(&self, id: Uuid, pass: &Pass) -> Option<Fetch> {
        let mut stored = self.stored();
        stored.expire(Instant::now());
        let found = stored.messages.iter_mut().find(|large| large.id == id)?;
        pass.check(found.needs).ok()?;
        found.was_fetched = true;
        Some(Fetch {
            messages: self.clone(),
            id,
            pass: pass.clone(),
            text: Arc::downgrade(&found.text),
            length: found.text.len(),
        })
    }

    /// Drops what is past its time; to be called now and then.
    pub fn expire(&self, now: Instant) {
        self.stored().expire(now);
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(
        &self,
        text: Utf8Bytes,
        owner: Owner,
        needs: Role,
        now: Instant,
    ) -> Result<Uuid, TooLarge> {
        let mut stored = self.stored();
        stored.expire(now);
        stored.make_room(text.len(), owner)?;
        let id = Uuid::new_v4();
        stored.bytes = stored.bytes.saturating_add(text.len());
        stored.messages.push(Large {
            id,
            owner,
            needs,
            text: Arc::new(text),
            until: now + limits::LARGE_MESSAGE_LIFETIME,
            was_fetched: false,
        });
        Ok(id)
    }
}

impl Fetch {
    /// The message, copied as it is taken. It is kept while it is, however long that takes, and no longer given out
    /// than whoever takes it may have it.
    pub fn into_body(self) -> Body {
        let parts = stream::try_unfold((self, 0), |(fetch, at)| async move {
            let part = fetch.part(at)?;
            let next = at.saturating_add(part.len());
            Ok::<_, Gone>((!part.is_empty()).then_some((part, (fetch, next))))
        });
        Body::from_stream(parts)
    }

    fn part(&self, at: usize) -> Result<Bytes, Gone> {
        let text = self.text.upgrade().filter(|_| self.pass.holds());
        let text = text.ok_or(Gone)?;
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        let part = rest.get(..limits::FETCH_BYTES).unwrap_or(rest);
        let mut stored = self.messages.stored();
        if let Some(large) = stored.messages.iter_mut().find(|one| one.id == self.id) {
            large.until = Instant::now() + limits::LARGE_MESSAGE_LIFETIME;
        }
        Ok(Bytes::copy_from_slice(part))
    }
}

impl Stored {
    fn expire(&mut self, now: Instant) {
        self.remove_if(|large| large.until <= now);
    }

    /// What was fetched already goes first; then what is the owner's own; then the oldest of whoever has
    /// most.
    fn make_room(&mut self, asked: usize, owner: Owner) -> Result<(), TooLarge> {
        if asked > limits::LARGE_MESSAGES_BYTES {
            return Err(TooLarge);
        }
        while self.bytes_of(owner).saturating_add(asked) > limits::LARGE_MESSAGES_OF_ONE_BYTES {
            if !self.remove_oldest(owner) {
                break;
            }
        }
        while self.bytes.saturating_add(asked) > limits::LARGE_MESSAGES_BYTES {
            let fetched = self.messages.iter().position(|large| large.was_fetched);
            match fetched {
                Some(at) => self.remove(at),
                None => {
                    let greediest = self.greediest().ok_or(TooLarge)?;
                    self.remove_oldest(greediest);
                }
            }
        }
        Ok(())
    }

    fn bytes_of(&self, owner: Owner) -> usize {
        let own = self.messages.iter().filter(|large| large.owner == owner);
        own.map(|large| large.text.len()).sum()
    }

    fn greediest(&self) -> Option<Owner> {
        let mut of_owner: HashMap<Owner, usize> = HashMap::new();
        for large in &self.messages {
            *of_owner.entry(large.owner).or_default() += large.text.len();
        }
        let greediest = of_owner.into_iter().max_by_key(|(_, bytes)| *bytes);
        greediest.map(|(owner, _)| owner)
    }

    fn remove_oldest(&mut self, owner: Owner) -> bool {
        let oldest = self.messages.iter().position(|large| large.owner == owner);
        if let Some(at) = oldest {
            self.remove(at);
        }
        oldest.is_some()
    }

    fn remove(&mut self, at: usize) {
        if at < self.messages.len() {
            let removed = self.messages.remove(at);
            self.bytes = self.bytes.saturating_sub(removed.text.len());
        }
    }

    fn remove_if(&mut self, mut is_gone: impl FnMut(&Large) -> bool) {
        let bytes = &mut self.bytes;
        self.messages.retain(|large| {
            let stays = !is_gone(large);
            if !stays {
                *bytes = bytes.saturating_sub(large.text.len());
            }
            stays
        });
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

    const OWNER: Owner = Owner::Client(1);

    #[test]
    fn what_is_large_is_kept_for_its_time() {
        let messages = Messages::new("http://127.0.0.1:1");
        let small = large(limits::LARGE_MESSAGE_BYTES);
        assert_eq!(
            messages.hint(small.clone(), OWNER, Role::Viewer).unwrap(),
            small
        );
        let hint = messages.hint(large(limits::LARGE_MESSAGE_BYTES + 1), OWNER, Role::Viewer);
        let id = id_of(hint.unwrap());
        let asked = Instant::now();
        messages.expire(asked);
        assert_eq!(
            messages.get(id, &Pass::OWNER).unwrap().length,
            limits::LARGE_MESSAGE_BYTES + 1
        );
        messages.expire(asked + limits::LARGE_MESSAGE_LIFETIME);
        assert!(messages.get(id, &Pass::OWNER).is_none());
        assert!(messages.get(Uuid::new_v4(), &Pass::OWNER).is_none());
        assert_eq!(messages.stored().bytes, 0);
    }

    #[test]
    fn an_answer_that_nobody_fetches_is_the_loss_of_who_asked_for_it() {
        let messages = Messages::new("http://127.0.0.1:1");
        let half = limits::LARGE_MESSAGES_OF_ONE_BYTES / 2;
        let put = |owner| id_of(messages.hint(large(half), owner, Role::Viewer).unwrap());
        let others = put(Owner::Client(2));
        let own: Vec<_> = (0..3).map(|_| put(OWNER)).collect();
        let is_kept = |id: &Uuid| messages.get(*id, &Pass::OWNER).is_some();
        assert_eq!(
            own.iter().map(is_kept).collect::<Vec<_>>(),
            [false, true, true]
        );
        assert!(is_kept(&others));
        // However many they are, whoever has less is served, and nothing of theirs is lost.
        for greedy in 3..20 {
            for _ in 0..2 {
                put(Owner::Client(greedy));
            }
        }
        let modest = put(Owner::Client(2));
        assert!(is_kept(&modest));
        assert!(messages.stored().bytes <= limits::LARGE_MESSAGES_BYTES);
        let far = messages.hint(large(limits::LARGE_MESSAGES_BYTES + 1), OWNER, Role::Viewer);
        assert_eq!(far, Err(TooLarge));
    }

    #[test]
    fn who_may_not_have_asked_for_it_does_not_find_it() {
        let messages = Messages::new("http://127.0.0.1:1");
        let frame = large(limits::LARGE_MESSAGE_BYTES + 1);
        let id = id_of(messages.hint(frame, OWNER, Role::Author).unwrap());
        let finds = |role| messages.get(id, &Pass::of(role)).is_some();
        assert_eq!(Role::ALL.map(finds), [false, true, true, true]);
    }

    #[tokio::test]
    async fn what_is_taken_away_is_not_held_by_who_fetches_it() {
        let messages = Messages::new("http://127.0.0.1:1");
        let put = || {
            id_of(
                messages
                    .hint(large(limits::FETCH_BYTES * 40), OWNER, Role::Viewer)
                    .unwrap(),
            )
        };
        let id = put();
        let whole = messages.get(id, &Pass::OWNER).unwrap().into_body();
        let whole = axum::body::to_bytes(whole, usize::MAX).await.unwrap();
        assert_eq!(whole.len(), limits::FETCH_BYTES * 40);
        let cut = messages.get(id, &Pass::OWNER).unwrap();
        let text = cut.text.clone();
        let later = Instant::now() + 2 * limits::LARGE_MESSAGE_LIFETIME;
        messages.expire(later);
        assert!(text.upgrade().is_none());
        axum::body::to_bytes(cut.into_body(), usize::MAX)
            .await
            .unwrap_err();
    }
}
