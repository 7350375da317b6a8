//! The keys of a server as they are now, and what whoever has shown the token of one may do: not longer than that key
//! is there, unchanged and not at its end. What somebody holds is compared with the keys again at each use, and a
//! connection that stays open waits for the moment.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use external_worker_control::Role;
use external_worker_control::token::{self, Key};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::server::refusal::{Code, Refusal};

/// The clock is looked at so often at least: somebody may set it, and a machine may sleep.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

const ENDED: &str = "the token does not hold any more";

/// Keys that are replaced while a server serves. Clones are the same keys. Whoever serves with one asks for a token,
/// also while there is no key.
#[derive(Debug, Clone)]
pub struct Keyring(Arc<watch::Sender<Arc<[Key]>>>);

impl Default for Keyring {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Keyring {
    /// With these keys.
    pub fn new(keys: impl Into<Arc<[Key]>>) -> Self {
        Self(Arc::new(watch::Sender::new(keys.into())))
    }

    /// From now on there are these keys and no others. What is open with another one is closed.
    pub fn replace(&self, keys: impl Into<Arc<[Key]>>) {
        self.0.send_replace(keys.into());
    }

    /// The keys as they are and as they become.
    pub fn subscribe(&self) -> watch::Receiver<Arc<[Key]>> {
        self.0.subscribe()
    }

    /// What whoever shows `token` may do, if it is that of a key that holds.
    pub(super) fn find(&self, token: &str) -> Option<Pass> {
        let keys = Arc::clone(&self.0.borrow());
        let login = token::check(token, keys.iter(), SystemTime::now())?;
        let key = keys.iter().find(|key| key.id == login.id)?;
        Some(Pass {
            role: key.role,
            key: Some((Arc::new(key.clone()), self.clone())),
        })
    }
}

/// What somebody may do who has come in.
#[derive(Debug, Clone)]
pub struct Pass {
    role: Role,
    /// By which key, and where that has to be as long as the pass holds; none: by the one token, or where none is
    /// asked for.
    key: Option<(Arc<Key>, Keyring)>,
}

/// Two are the same if the same key, unchanged, is behind them.
impl PartialEq for Pass {
    fn eq(&self, other: &Self) -> bool {
        let key = |pass: &Self| pass.key.as_ref().map(|(key, _)| Arc::clone(key));
        self.role == other.role && key(self) == key(other)
    }
}

impl Eq for Pass {}

impl Pass {
    /// Everything, for as long as the server serves.
    pub const OWNER: Self = Self {
        role: Role::Owner,
        key: None,
    };

    /// The id of its key.
    pub fn id(&self) -> Option<&str> {
        self.key.as_ref().map(|(key, _)| key.id.as_str())
    }

    /// Whether what takes `needed` is allowed, now.
    ///
    /// # Errors
    /// Why not, in words that tell nothing of what was to be done.
    pub fn check(&self, needed: Role) -> Result<(), Refusal> {
        if !self.holds() {
            return Err(Refusal::new(Code::Forbidden, ENDED));
        }
        if !self.role.may(needed) {
            let sentence = format!("this takes the role `{needed}`; yours is `{}`", self.role);
            return Err(Refusal::new(Code::Forbidden, sentence));
        }
        Ok(())
    }

    /// Whether it still holds.
    pub fn holds(&self) -> bool {
        let Some((key, ring)) = &self.key else {
            return true;
        };
        rest(key) != Some(Duration::ZERO) && ring.0.borrow().contains(key)
    }

    /// Waits until it holds no longer.
    pub async fn ended(&self) {
        let Some((key, ring)) = &self.key else {
            return std::future::pending().await;
        };
        let mut keys = ring.subscribe();
        while self.holds() {
            let look = async {
                match rest(key) {
                    Some(rest) => sleep(rest.min(LOOK_AGAIN)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // It fails only where there is no sender any more, which `ring` is.
                _ = keys.changed() => {}
                () = look => {}
            }
        }
    }

    /// What keys like this one's allow, for tests.
    #[cfg(test)]
    pub(in crate::server) fn of(role: Role) -> Self {
        let made = token::make(role, None, None, SystemTime::now()).unwrap();
        Keyring::new(vec![made.1]).find(made.0.reveal()).unwrap()
    }
}

/// How long it is to the end of `key`; `None`: it has none.
fn rest(key: &Key) -> Option<Duration> {
    let end = Duration::from_secs(key.expires?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Some(end.saturating_sub(now.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn key(role: Role, lasting: Option<Duration>) -> (String, Key) {
        let (token, key) = token::make(role, Some("lab"), lasting, SystemTime::now()).unwrap();
        (token.reveal().to_owned(), key)
    }

    #[test]
    fn a_pass_allows_what_its_key_does_and_says_no_more_than_that_otherwise() {
        let (token, viewer) = key(Role::Viewer, None);
        let ring = Keyring::new(vec![viewer]);
        let pass = ring.find(&token).unwrap();
        pass.check(Role::Viewer).unwrap();
        let refusal = pass.check(Role::Author).unwrap_err();
        assert_eq!(refusal.code(), Code::Forbidden);
        assert!(refusal.to_string().contains("`author`"), "{refusal}");
        assert!(ring.find(&token[1..]).is_none());
        Pass::OWNER.check(Role::Owner).unwrap();
        Pass::OWNER.check(Role::Operator).unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_ends_with_its_key_at_once_and_with_nothing_else() {
        let (token, author) = key(Role::Author, None);
        let (other, viewer) = key(Role::Viewer, None);
        let ring = Keyring::new(vec![author.clone()]);
        let pass = ring.find(&token).unwrap();
        let mut ended = std::pin::pin!(pass.ended());
        assert!(ended.as_mut().now_or_never().is_none());
        ring.replace(vec![viewer.clone(), author.clone()]);
        sleep(Duration::from_secs(3600)).await;
        assert!(ended.as_mut().now_or_never().is_none());
        assert!(pass.holds());
        let begun = tokio::time::Instant::now();
        ring.replace(vec![viewer]);
        ended.await;
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!(pass.check(Role::Viewer).unwrap_err().to_string(), ENDED);
        assert!(ring.find(&token).is_none() && ring.find(&other).is_some());
        assert!(Pass::OWNER.ended().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_key_that_is_changed_or_at_its_end_holds_no_longer() {
        let (token, author) = key(Role::Author, None);
        let less = Key {
            role: Role::Viewer,
            ..author.clone()
        };
        let ring = Keyring::new(vec![author]);
        let before = ring.find(&token).unwrap();
        ring.replace(vec![less]);
        before.ended().await;
        let after = ring.find(&token).unwrap();
        assert!(before != after && after == ring.find(&token).unwrap());
        after.check(Role::Author).unwrap_err();
        let (token, short) = key(Role::Owner, Some(Duration::from_secs(2)));
        ring.replace(vec![short]);
        let pass = ring.find(&token).unwrap();
        pass.ended().await;
        assert!(ring.find(&token).is_none());
    }
}
