//! Cutting what arrives into what was asked for. The bytes are a device's or a stranger's and come in
//! any pieces; this knows no port and no stream, so that it can be tried with all of them.

use crate::error::{Error, Result};

/// Bytes that arrived and were not asked for yet.
#[derive(Debug, Default)]
pub struct Pending {
    bytes: Vec<u8>,
}

impl Pending {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// More arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// At most `max` of them.
    pub fn take(&mut self, max: usize) -> Vec<u8> {
        let take = self.bytes.len().min(max);
        self.bytes.drain(..take).collect()
    }

    /// Everything up to and with `byte`; `None` when it is yet to come. `searched` is how many were
    /// looked at for it before: 0 to begin with.
    ///
    /// # Errors
    /// When it is not among the first `max`.
    pub fn take_until(
        &mut self,
        byte: u8,
        max: usize,
        searched: &mut usize,
    ) -> Result<Option<Vec<u8>>> {
        let mut unseen = self.bytes.iter().take(max).skip(*searched);
        if let Some(place) = unseen.position(|b| *b == byte) {
            return Ok(Some(self.bytes.drain(..=*searched + place).collect()));
        }
        *searched = self.bytes.len();
        if *searched >= max {
            let text = format!("{max} bytes came without the byte {byte:#04x} among them");
            return Err(Error::unavailable(text));
        }
        Ok(None)
    }
}

/// A line as text, without what ends it: `\n`, or `\r\n`.
///
/// # Errors
/// When it is not UTF-8.
pub fn line(mut bytes: Vec<u8>) -> Result<String> {
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_out_of_any_pieces() {
        let mut pending = Pending::default();
        let mut searched = 0;
        let mut lines = Vec::new();
        for piece in [&b"T=2"[..], b"1.5\r\nT", b"", b"=22\n\nrest"] {
            pending.push(piece);
            while let Some(line) = pending.take_until(b'\n', 8, &mut searched).unwrap() {
                lines.push(line);
                searched = 0;
            }
        }
        assert_eq!(lines, [&b"T=21.5\r\n"[..], b"T=22\n", b"\n"]);
        assert_eq!(pending.take(3), b"res");
        assert_eq!((pending.take(3), pending.len()), (b"t".to_vec(), 0));
    }

    #[test]
    fn the_end_of_a_line_is_no_part_of_it() {
        for (bytes, text) in [("a\r\n", "a"), ("a\n", "a"), ("a\r\r\n", "a\r"), ("", "")] {
            assert_eq!(line(bytes.into()).unwrap(), text);
        }
        line(vec![0xff, b'\n']).unwrap_err();
    }

    #[test]
    fn what_is_longer_than_asked_for_is_an_error_and_stays() {
        let mut pending = Pending::default();
        pending.push(b"1234\n");
        pending.take_until(b'\n', 4, &mut 0).unwrap_err();
        assert_eq!(
            pending.take_until(b'\n', 5, &mut 0).unwrap().unwrap().len(),
            5
        );
        assert!(pending.is_empty());
    }
}
