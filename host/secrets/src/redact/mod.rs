//! Takes secrets out of what comes back: a server that echoes a request's headers would hand them to the guest.
//!
//! Each occurrence of a secret, in any of the spellings below, becomes its [placeholder](crate::placeholder).
//!
//! | spelling | of secrets with |
//! |---|---|
//! | as it is | 1 byte or more |
//! | base64 and base64url, with and without padding, also within the base64 of something longer | [`MIN_SPELLED_BYTES`] or more |
//! | percent-encoded, by the rules that are about, digits in either case | the same |
//! | a JSON string, with `/`, `<`, `>`, `&`, `'` and letters beyond ASCII escaped or not | the same |
//!
//! # What it does not find
//!
//! - Other spellings: hexadecimal digits, HTML's entities, another case, UTF-16, base64 in lines, one spelling within
//!   another, a hash.
//! - Compressed bodies. Ask for `accept-encoding: identity`, and hand no other on.
//! - Part of a secret: a body that ends within one, what a range of bytes cuts off (send no `range` along with a secret),
//!   and up to 4 bits of it at each end of its base64 within something longer.
//! - A secret that the server hands out in pieces, letter by letter, on purpose. Grant a secret only for hosts that may
//!   have it; redacting is for those that are careless.
//!
//! # What it tells
//!
//! That something was replaced says that it was the secret. A guest that can make a server say what it wants can try
//! values that way: a secret that can be guessed in a million tries is none. A short secret is also found where it
//! is not meant, and spoils what it is found in.
//!
//! # What the caller has to do
//!
//! Redact values of headers, the reason of a status, bodies and trailers. What is replaced changes its length: leave
//! `content-length` out, and let what digests a body go. Redact with *all* secrets that the guest may use, since a
//! server can remember one from an earlier request.
//!
//! # What it costs
//!
//! Time grows with the bytes that are searched, however they are cut and however much in them looks like a secret. At
//! most as much as the longest spelling is held back, and only while it may be the beginning of one. The spellings
//! are kept in the tables of the search, which are *not* wiped from memory when they are dropped.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use zeroize::Zeroizing;

use crate::placeholder::{MAX_FILLED_BYTES, placeholder};
use crate::{Secret, SecretName};

mod spelling;
mod stream;

pub use stream::Redactor;

/// The shortest secret of which other spellings are looked for, in bytes: the shortest that is filled in, since Basic
/// logins go in base64. The spellings of four bytes are no likelier to be somewhere by chance than the bytes are.
pub const MIN_SPELLED_BYTES: usize = crate::placeholder::MIN_SECRET_BYTES;
/// All spellings of all secrets together, in bytes. The search takes some 50 times as much memory at most.
pub const MAX_SPELLINGS_BYTES: usize = 512 * 1024;

type StateId = aho_corasick::automaton::StateID;

/// What is looked for: made once for the secrets of a guest, and shared by all that is searched.
#[derive(Clone)]
pub struct Redactions(Option<Arc<Search>>);

/// Why secrets cannot be looked for. Then none of them may be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedactError {
    /// One is longer than any that is filled in.
    #[error(
        "the secret {0} has more than {MAX_FILLED_BYTES} bytes, so it cannot be used in requests. Grant it for none"
    )]
    TooLong(SecretName),
    /// They are too many, or too long.
    #[error(
        "the secrets for requests have more than {MAX_SPELLINGS_BYTES} bytes in all their spellings. Grant fewer"
    )]
    TooMuch,
    /// The search cannot be made.
    #[error("the secrets for requests cannot be looked for: {0}. Grant fewer")]
    Search(String),
}

/// The tables of a search.
struct Search {
    automaton: NFA,
    start: StateId,
    /// Of each state that is not the start.
    states: HashMap<StateId, State>,
    /// What replaces each secret.
    placeholders: Vec<String>,
    longest: usize,
}

/// What is known when the search is in a state. Small, since there is one for each byte of all spellings.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The last so many bytes are the beginning of a spelling; more are not.
    depth: u32,
    /// The length of the longest spelling that ends here, in bytes; 0: none does.
    found: u32,
    /// Whose it is.
    secret: u32,
}

/// A spelling that ends where the search is.
#[derive(Debug, Clone, Copy)]
struct Found {
    length: usize,
    secret: usize,
}

impl Redactions {
    /// What finds these secrets. Of two with one value, the first gives its name.
    ///
    /// # Errors
    /// When they are too long or too many to be looked for.
    pub fn new<'a>(
        secrets: impl IntoIterator<Item = (&'a SecretName, &'a Secret)>,
    ) -> Result<Self, RedactError> {
        let mut spellings: Vec<(Zeroizing<Vec<u8>>, usize)> = Vec::new();
        let mut placeholders = Vec::new();
        let mut bytes = 0;
        for (name, secret) in secrets {
            if secret.expose().len() > MAX_FILLED_BYTES {
                return Err(RedactError::TooLong(name.clone()));
            }
            for spelling in spelling::all(secret.expose()) {
                bytes += spelling.len();
                spellings.push((spelling, placeholders.len()));
            }
            if bytes > MAX_SPELLINGS_BYTES {
                return Err(RedactError::TooMuch);
            }
            placeholders.push(placeholder(name));
        }
        if spellings.is_empty() {
            return Ok(Self(None));
        }
        let search = Search::new(&spellings, placeholders)?;
        Ok(Self(Some(Arc::new(search))))
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A redactor for what comes in pieces.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.0.clone())
    }

    /// `text` without the secrets; `None`: there was none in it.
    pub fn redact(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut redactor = self.redactor();
        let mut redacted = Vec::with_capacity(text.len());
        redactor.push(text, &mut redacted);
        redactor.finish(&mut redacted);
        (redactor.replaced() > 0).then_some(redacted)
    }
}

impl fmt::Debug for Redactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self
            .0
            .as_ref()
            .map_or(0, |search| search.placeholders.len());
        write!(f, "Redactions({count} secrets)")
    }
}

impl Search {
    fn new(
        spellings: &[(Zeroizing<Vec<u8>>, usize)],
        placeholders: Vec<String>,
    ) -> Result<Self, RedactError> {
        let failed = |error: &dyn fmt::Display| RedactError::Search(error.to_string());
        // Every spelling that ends at a byte is to be known there: one secret may begin within another.
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(spellings.iter().map(|(spelling, _)| spelling.as_slice()))
            .map_err(|error| failed(&error))?;
        let start = automaton.start_state(Anchored::No);
        let start = start.map_err(|error| failed(&error))?;
        let mut search = Self {
            automaton,
            start,
            states: HashMap::new(),
            placeholders,
            longest: 0,
        };
        for (spelling, _) in spellings {
            search.learn(spelling, spellings);
        }
        Ok(search)
    }

    /// Follows a spelling from its beginning: the state after so many bytes of it has that depth.
    fn learn(&mut self, spelling: &[u8], spellings: &[(Zeroizing<Vec<u8>>, usize)]) {
        self.longest = self.longest.max(spelling.len());
        let mut state = self.start;
        for (before, byte) in spelling.iter().enumerate() {
            state = self.next(state, *byte);
            let mut known = State {
                depth: small(before + 1),
                ..State::default()
            };
            if self.automaton.is_match(state) {
                self.longest_in(state, spellings, &mut known);
            }
            self.states.insert(state, known);
        }
    }

    /// Of equally long ones the first.
    fn longest_in(
        &self,
        state: StateId,
        spellings: &[(Zeroizing<Vec<u8>>, usize)],
        known: &mut State,
    ) {
        for index in 0..self.automaton.match_len(state) {
            let pattern = self.automaton.match_pattern(state, index);
            let Some((spelling, secret)) = spellings.get(pattern.as_usize()) else {
                continue;
            };
            if small(spelling.len()) > known.found {
                known.found = small(spelling.len());
                known.secret = small(*secret);
            }
        }
    }

    fn next(&self, state: StateId, byte: u8) -> StateId {
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// The longest spelling that ends where the search is.
    fn found(&self, state: StateId) -> Option<Found> {
        if !self.automaton.is_match(state) {
            return None;
        }
        let known = self.states.get(&state)?;
        Some(Found {
            length: large(known.found),
            secret: large(known.secret),
        })
    }

    /// How many of the last bytes may be the beginning of a spelling.
    fn depth(&self, state: StateId) -> usize {
        self.states
            .get(&state)
            .map_or(0, |known| large(known.depth))
    }
}

/// Nothing here is longer than [`MAX_SPELLINGS_BYTES`].
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn large(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// `text` without the secrets; `None`: there was none in it. For more than one text, make [`Redactions`] once.
///
/// # Errors
/// When the secrets are too long or too many to be looked for.
///
/// ```
/// # use external_worker_secrets::{Secret, SecretName, redact::redact};
/// let (name, token): (SecretName, _) = ("api".parse()?, Secret::copy_from(b"t0ken")?);
/// let redacted = redact(b"you sent t0ken.", [(&name, &token)])?;
/// assert_eq!(redacted.unwrap(), b"you sent {{secret:api}}.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn redact<'a>(
    text: &[u8],
    secrets: impl IntoIterator<Item = (&'a SecretName, &'a Secret)>,
) -> Result<Option<Vec<u8>>, RedactError> {
    Ok(Redactions::new(secrets)?.redact(text))
}

#[cfg(test)]
mod tests;
