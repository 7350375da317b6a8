//! The spellings in which a secret may come back.

use std::fmt::Write;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding};
use zeroize::Zeroizing;

use super::MIN_SPELLED_BYTES;

/// What those who percent-encode leave as it is, besides letters and digits.
const LEFT: [&[u8]; 5] = [
    // RFC 3986, and most libraries.
    b"-._~",
    // JavaScript's `encodeURIComponent`.
    b"-._~!'()*",
    // Forms, where a space may be a plus.
    b"-._*",
    // Python's `quote`.
    b"-._~/",
    // JavaScript's `encodeURI`.
    b"-._~!'()*;/?:@&=+$,#",
];

/// All spellings of a secret, each once.
pub(super) fn all(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut spellings = Spellings(Vec::new());
    spellings.add(copy(secret));
    if secret.len() >= MIN_SPELLED_BYTES {
        for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
            for before in 0..3 {
                base64(&encoding, before, secret, &mut spellings);
            }
        }
        for left in LEFT {
            for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
                spellings.add(percent(secret, left, digits, b"%20"));
                spellings.add(percent(secret, left, digits, b"+"));
            }
        }
        if let Ok(text) = std::str::from_utf8(secret) {
            json(text, &mut spellings);
        }
    }
    spellings.0
}

struct Spellings(Vec<Zeroizing<Vec<u8>>>);

impl Spellings {
    fn add(&mut self, spelling: Zeroizing<Vec<u8>>) {
        if !self.0.contains(&spelling) {
            self.0.push(spelling);
        }
    }
}

fn copy(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.to_vec())
}

/// With so many bytes before it, of which nobody knows: what depends on them is left out, and so is what depends on the
/// bytes behind it. If there are none behind it, its last letter is known, too.
fn base64(encoding: &Encoding, before: usize, secret: &[u8], spellings: &mut Spellings) {
    let mut bytes = Zeroizing::new(vec![0; before + secret.len()]);
    if let Some(place) = bytes.get_mut(before..) {
        place.copy_from_slice(secret);
    }
    let mut letters = Zeroizing::new(vec![0; encoding.encode_len(bytes.len())]);
    encoding.encode_mut(&bytes, &mut letters);
    let first = (before * 8).div_ceil(6);
    let known = bytes.len() * 8 / 6;
    for end in [known, letters.len()] {
        spellings.add(copy(letters.get(first..end).unwrap_or_default()));
    }
}

fn percent(secret: &[u8], left: &[u8], digits: &[u8; 16], space: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut spelling = Zeroizing::new(Vec::with_capacity(secret.len() * 3));
    let digit = |of: u8| digits.get(usize::from(of)).copied().unwrap_or_default();
    for byte in secret {
        match byte {
            b' ' => spelling.extend_from_slice(space),
            byte if byte.is_ascii_alphanumeric() || left.contains(byte) => spelling.push(*byte),
            byte => spelling.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    spelling
}

/// Who writes JSON escapes what has to be, and some escape more.
fn json(text: &str, spellings: &mut Spellings) {
    for choice in 0..16 {
        let escapes = Escapes {
            slash: choice & 1 != 0,
            markup: choice & 2 != 0,
            beyond_ascii: choice & 4 != 0,
            upper_case: choice & 8 != 0,
        };
        spellings.add(escapes.spell(text));
    }
}

/// What is escaped besides what has to be, and how digits are written.
#[expect(clippy::struct_excessive_bools, reason = "each combination is tried")]
struct Escapes {
    slash: bool,
    markup: bool,
    beyond_ascii: bool,
    upper_case: bool,
}

impl Escapes {
    fn spell(&self, text: &str) -> Zeroizing<Vec<u8>> {
        // The longest escape of one byte has six.
        let mut spelling = Zeroizing::new(String::with_capacity(text.len() * 6));
        for letter in text.chars() {
            match letter {
                '"' => spelling.push_str("\\\""),
                '\\' => spelling.push_str("\\\\"),
                '\t' => spelling.push_str("\\t"),
                '/' if self.slash => spelling.push_str("\\/"),
                '<' | '>' | '&' | '\'' if self.markup => self.units(letter, &mut spelling),
                letter if letter.is_ascii_control() => self.units(letter, &mut spelling),
                letter if self.beyond_ascii && !letter.is_ascii() => {
                    self.units(letter, &mut spelling);
                }
                letter => spelling.push(letter),
            }
        }
        copy(spelling.as_bytes())
    }

    fn units(&self, letter: char, spelling: &mut String) {
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing to a text does not fail.
            let _ = if self.upper_case {
                write!(spelling, "\\u{unit:04X}")
            } else {
                write!(spelling, "\\u{unit:04x}")
            };
        }
    }
}
