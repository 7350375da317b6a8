//! A stranger's words, made fit to be written down: their type bounds them.

use std::fmt::{self, Write as _};
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};

use crate::text::{escaped, is_harmless_in_names};

/// A sentence or two; what is longer tells nobody more.
const MAX_TEXT_CHARS: usize = 512;
/// Of one text as JSON, so that a line has a bound: see [`Record`](super::Record).
pub(super) const MAX_TEXT_JSON_BYTES: usize = 1_024;
/// Stands for what was cut off.
const ELLIPSIS: char = '…';

/// Words that may be a stranger's, made fit to be written down: at most 512 characters and 1,024 bytes as
/// JSON, the last of them `…` where some were cut off. What moves a terminal's cursor, turns a line around
/// or hides is spelled `\u{…}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// What `words` says, as far as it is kept. No more than that is ever held.
    pub fn new(words: impl fmt::Display) -> Self {
        let mut bounded = Bounded::default();
        // It fails where the text is full, which is no failure here.
        let _ = write!(bounded, "{words}");
        Self(bounded.text)
    }

    /// What it takes of memory, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.0.capacity()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[derive(Default)]
struct Bounded {
    text: String,
    chars: usize,
    json_bytes: usize,
}

impl Bounded {
    fn has_room(&self, chars: usize, json_bytes: usize) -> bool {
        // What is cut off needs room for the sign that it was.
        self.chars + chars < MAX_TEXT_CHARS
            && self.json_bytes + json_bytes + ELLIPSIS.len_utf8() <= MAX_TEXT_JSON_BYTES
    }

    fn push(&mut self, c: char) -> fmt::Result {
        let spelled = escaped(c);
        let (chars, json_bytes) = match c {
            '"' | '\\' => (1, 2),
            _ if is_harmless_in_names(c) => (1, c.len_utf8()),
            // The backslash is escaped in its turn.
            _ => (spelled.len(), spelled.len() + 1),
        };
        if !self.has_room(chars, json_bytes) {
            self.text.push(ELLIPSIS);
            // Full from now on, whatever comes.
            self.chars = MAX_TEXT_CHARS;
            return Err(fmt::Error);
        }
        self.chars += chars;
        self.json_bytes += json_bytes;
        if is_harmless_in_names(c) {
            self.text.push(c);
        } else {
            self.text.extend(spelled);
        }
        Ok(())
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        if self.chars >= MAX_TEXT_CHARS {
            return Err(fmt::Error);
        }
        let plain = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if self.has_room(words.len(), words.len()) && words.bytes().all(plain) {
            self.chars += words.len();
            self.json_bytes += words.len();
            self.text.push_str(words);
            return Ok(());
        }
        words.chars().try_for_each(|c| self.push(c))
    }
}
