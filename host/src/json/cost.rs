//! What a stranger's JSON would take as a tree, found out before anything is read: it is scanned, not parsed.

/// What an object takes: one node of a map.
const OBJECT_BYTES: usize = 640;
/// What an array takes, with the first elements of it.
const ARRAY_BYTES: usize = 128;
/// What one more element takes, with what a growing list keeps free.
const ELEMENT_BYTES: usize = 64;
/// What a text takes besides its bytes, for each of its two quotes.
const QUOTE_BYTES: usize = 16;

/// What a JSON document takes, as text and read, in bytes; no less, whatever it is.
pub fn cost(text: &[u8]) -> usize {
    let mut cost = text.len();
    let mut is_text = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let more = match byte {
            b'"' => {
                is_text = !is_text;
                QUOTE_BYTES
            }
            b'\\' if is_text => {
                bytes.next();
                0
            }
            _ if is_text => 0,
            b'{' => OBJECT_BYTES,
            b'[' => ARRAY_BYTES,
            b',' => ELEMENT_BYTES,
            _ => 0,
        };
        cost = cost.saturating_add(more);
    }
    cost
}
