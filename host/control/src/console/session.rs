//! Who is signed in. A browser has a random session id in a cookie; the token stays here, in memory, and is forgotten
//! when the session ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE32_NOPAD;
use serde::Deserialize;

use super::flash::Flash;
use crate::role::Role;

/// The cookie's name.
const COOKIE: &str = "ewh-console";
const ID_BYTES: usize = 32;
/// How many sessions one token may have.
const MAX_OF_TOKEN: usize = 16;

/// How long sessions last, and how many there are.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long a session lasts after a page was last asked for.
    pub idle: Duration,
    /// How long it lasts in all.
    pub lasting: Duration,
    /// How many there are; beyond, the one that was longest without use ends.
    pub most: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60 * 60),
            lasting: Duration::from_secs(12 * 60 * 60),
            most: 1024,
        }
    }
}

/// Who has which token, as the API says.
#[derive(Debug, Clone, Deserialize)]
pub struct Me {
    /// The id of the token.
    pub id: String,
    /// What it allows.
    pub role: Role,
    /// In which tenant; in all if there is none.
    pub tenant: Option<String>,
    /// When it ends.
    pub expires: Option<u64>,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who.
    pub me: Me,
    /// What they show to the API.
    pub token: String,
    /// What each form that they send has in it.
    pub csrf: String,
    key: [u8; 32],
}

struct Kept {
    session: Session,
    since: Instant,
    used: Instant,
    flash: Option<(String, Flash)>,
}

/// Everybody who is signed in.
#[derive(Clone)]
pub struct Sessions {
    bounds: Bounds,
    // By the hash of the id, so that how long a look takes says nothing about ids.
    kept: Arc<Mutex<HashMap<[u8; 32], Kept>>>,
}

impl Sessions {
    /// Nobody yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            kept: Arc::default(),
        }
    }

    /// Begins one, and says its id.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn begin(&self, me: Me, token: String, now: Instant) -> Result<String, getrandom::Error> {
        let (id, csrf) = (random()?, random()?);
        let session = Session {
            me,
            token,
            csrf,
            key: key(&id),
        };
        let mut kept = self.lock();
        let bounds = self.bounds;
        kept.retain(|_, kept| kept.is_live(bounds, now));
        make_room(
            &mut kept,
            |other| other.me.id == session.me.id,
            MAX_OF_TOKEN,
        );
        make_room(&mut kept, |_| true, bounds.most);
        let new = Kept {
            session: session.clone(),
            since: now,
            used: now,
            flash: None,
        };
        kept.insert(session.key, new);
        Ok(id)
    }

    /// The session of that id. Being found keeps it, if `is_use`.
    pub fn find(&self, id: &str, now: Instant, is_use: bool) -> Option<Session> {
        let mut all = self.lock();
        let key = key(id);
        let kept = all.get_mut(&key)?;
        if !kept.is_live(self.bounds, now) {
            all.remove(&key);
            return None;
        }
        if is_use {
            kept.used = now;
        }
        Some(kept.session.clone())
    }

    /// Whether it has not ended.
    pub fn is_live(&self, session: &Session, now: Instant) -> bool {
        let kept = self.lock();
        kept.get(&session.key)
            .is_some_and(|kept| kept.is_live(self.bounds, now))
    }

    /// Ends one.
    pub fn end(&self, session: &Session) {
        self.lock().remove(&session.key);
    }

    /// Keeps what the page at `path` is to say when it is asked for next.
    pub fn leave(&self, session: &Session, path: &str, flash: Flash) {
        if let Some(kept) = self.lock().get_mut(&session.key) {
            kept.flash = Some((path.to_owned(), flash));
        }
    }

    /// What the page at `path` is to say, once.
    pub fn take(&self, session: &Session, path: &str) -> Option<Flash> {
        let mut all = self.lock();
        let kept = all.get_mut(&session.key)?;
        let is_here = kept.flash.as_ref().is_some_and(|(of, _)| of == path);
        if is_here {
            kept.flash.take().map(|(_, flash)| flash)
        } else {
            None
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_live(&self, bounds: Bounds, now: Instant) -> bool {
        now.duration_since(self.used) < bounds.idle
            && now.duration_since(self.since) < bounds.lasting
    }
}

/// Ends those of `whose` that were longest without use, until one more fits.
fn make_room(kept: &mut HashMap<[u8; 32], Kept>, whose: impl Fn(&Session) -> bool, most: usize) {
    let of = |kept: &&Kept| whose(&kept.session);
    while kept.values().filter(of).count() >= most.max(1) {
        let oldest = kept.values().filter(of).min_by_key(|kept| kept.used);
        let Some(key) = oldest.map(|kept| kept.session.key) else {
            return;
        };
        kept.remove(&key);
    }
}

fn key(id: &str) -> [u8; 32] {
    *blake3::hash(id.as_bytes()).as_bytes()
}

fn random() -> Result<String, getrandom::Error> {
    let mut random = [0; ID_BYTES];
    getrandom::fill(&mut random)?;
    Ok(BASE32_NOPAD.encode(&random).to_ascii_lowercase())
}

/// The session id in a `Cookie` header.
pub fn id_in(cookies: &str) -> Option<&str> {
    let mut pairs = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, id)| id)
}

/// The cookie that keeps `id`; only over TLS if `is_tls`.
pub fn cookie(id: &str, is_tls: bool) -> String {
    let secure = if is_tls { "; Secure" } else { "" };
    format!("{COOKIE}={id}; Path=/console; HttpOnly; SameSite=Strict{secure}")
}

/// The cookie that takes the other away.
pub fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/console; HttpOnly; SameSite=Strict; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me(id: &str) -> Me {
        Me {
            id: id.to_owned(),
            role: Role::Viewer,
            tenant: None,
            expires: None,
        }
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_or_old_and_use_keeps_it() {
        let sessions = Sessions::new(Bounds::default());
        let begin = Instant::now();
        let hour = Duration::from_secs(3600);
        let id = sessions.begin(me("a"), "t".into(), begin).unwrap();
        assert_eq!(sessions.find(&id, begin, true).unwrap().token, "t");
        assert!(sessions.find("other", begin, true).is_none());
        let mut now = begin;
        for _ in 0..15 {
            now += hour / 2;
            assert!(sessions.find(&id, now, true).is_some());
        }
        assert!(sessions.find(&id, now + hour, true).is_none());
        let id = sessions.begin(me("a"), "t".into(), begin).unwrap();
        assert!(sessions.find(&id, begin + hour / 2, false).is_some());
        assert!(
            sessions.find(&id, begin + hour, false).is_none(),
            "that was no use"
        );
        let id = sessions.begin(me("a"), "t".into(), begin).unwrap();
        for half in 1..24 {
            assert!(sessions.find(&id, begin + hour * half / 2, true).is_some());
        }
        let session = sessions.find(&id, begin, true).unwrap();
        assert!(
            sessions.find(&id, begin + hour * 12, true).is_none(),
            "it is too old"
        );
        assert!(!sessions.is_live(&session, begin));
    }

    #[test]
    fn there_are_never_too_many_and_the_longest_unused_goes_first() {
        let most = 40;
        let sessions = Sessions::new(Bounds {
            most,
            ..Bounds::default()
        });
        let mut now = Instant::now();
        let first = sessions.begin(me("first"), "t".into(), now).unwrap();
        for token in 0..10 {
            for _ in 0..20 {
                now += Duration::from_millis(1);
                assert!(sessions.find(&first, now, true).is_some());
                sessions
                    .begin(me(&token.to_string()), "t".into(), now)
                    .unwrap();
            }
            let kept = sessions.lock();
            let of = kept
                .values()
                .filter(|kept| kept.session.me.id == token.to_string());
            assert_eq!(of.count(), MAX_OF_TOKEN);
            assert!(kept.len() <= most);
        }
    }

    #[test]
    fn cookies_are_read_among_others() {
        assert_eq!(id_in("a=b; ewh-console=x; c"), Some("x"));
        assert_eq!(id_in("xewh-console=x"), None);
        assert!(cookie("x", true).ends_with("SameSite=Strict; Secure"));
    }
}
