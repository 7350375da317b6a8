//! What a device says, cut into what a guest asks for: the framing of the SDK, against the plainest
//! thing that does the same.

use external_worker::framing::Pending;

use super::Reader;

/// The byte that ends a line, the longest line, then the pieces in which bytes arrive and what is
/// asked for after each.
pub fn serial(data: &[u8]) {
    let mut reader = Reader(data);
    let end = reader.byte();
    let mut pending = Pending::default();
    let mut model: Vec<u8> = Vec::new();
    let mut searched = 0;
    while !reader.0.is_empty() {
        let (what, max) = (reader.byte(), usize::from(reader.byte()));
        let piece = reader.bytes();
        pending.push(piece);
        model.extend(piece);
        if what % 4 == 0 {
            let taken: Vec<u8> = model.drain(..max.min(model.len())).collect();
            assert_eq!(pending.take(max), taken);
            searched = 0;
        } else {
            let line = model.iter().take(max).position(|byte| *byte == end);
            match (pending.take_until(end, max, &mut searched), line) {
                (Ok(Some(found)), Some(line)) => {
                    let expected: Vec<u8> = model.drain(..=line).collect();
                    assert_eq!(found, expected);
                    searched = 0;
                }
                (Ok(None), None) => assert!(model.len() < max),
                (Err(_), None) => {
                    assert!(model.len() >= max);
                    if what % 4 == 1 {
                        pending.clear();
                        model.clear();
                    }
                    searched = 0;
                }
                (found, line) => panic!("{found:?} where {line:?} was expected"),
            }
        }
        assert_eq!(pending.len(), model.len());
        assert_eq!(pending.is_empty(), model.is_empty());
    }
}
