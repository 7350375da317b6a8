//! Bytes inside JSON, as FuncNodes writes them there: base64 with padding.

use crate::error::{Error, Result};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        for (to, from) in group.iter_mut().zip(chunk) {
            *to = *from;
        }
        let [a, b, c] = group.map(u32::from);
        let bits = a << 16 | b << 8 | c;
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            let used = place <= chunk.len();
            let symbol = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            out.push(char::from(if used { symbol } else { b'=' }));
        }
    }
    out
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>> {
    let wrong = || Error::invalid_input("expected bytes as base64");
    let symbols = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - symbols.len() > 2 {
        return Err(wrong());
    }
    let mut out = Vec::with_capacity(symbols.len() * 3 / 4);
    for chunk in symbols.chunks(4) {
        let mut bits = 0u32;
        for place in 0..4 {
            let six = match chunk.get(place) {
                Some(symbol) => digit(*symbol).ok_or_else(wrong)?,
                None => 0,
            };
            bits = bits << 6 | six;
        }
        let [_, group @ ..] = bits.to_be_bytes();
        out.extend(group.into_iter().take(chunk.len() - 1));
    }
    Ok(out)
}

fn digit(symbol: u8) -> Option<u32> {
    Some(u32::from(match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}
