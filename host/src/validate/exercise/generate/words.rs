//! Texts and bytes that programs stumble over.

use data_encoding::BASE64;

use crate::limits;

/// A text as everybody expects it.
pub(super) const PLAIN: &str = "plain text";

const ODD: [&str; 26] = [
    "",
    "a",
    PLAIN,
    "0",
    "-1",
    "1.5",
    "Grüße, 世界 🌍",
    "ééé",
    // A mark without a letter, from right to left, and what is not seen.
    "\u{301}",
    "\u{202e}שלום abc",
    "\u{feff}a\u{200b}b",
    "\u{0}",
    "\u{1b}[31m\u{0}\r\n\t",
    " \n ",
    "../../etc/passwd",
    "'; DROP TABLE x; --",
    "%s%n{}{0}",
    "{\"a\": [1, 2]}",
    // What many inputs ask for, without saying so; nothing of it is there.
    "A1",
    "1,2,3",
    "a/b",
    "#ff0000",
    "2026-01-31",
    "2026-01-31T12:00:00Z",
    "host.example.org:80",
    "http://host.example.org/a?b=c",
];

/// Pictures of one pixel, of none, and of more than there is memory for.
const PICTURES: [&str; 4] = [
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAAAAAAACAAAAAAe4CPOAAAACElEQVR42gMAAAAAAW/dyZEAAAAASUVORK5CYII=",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUn////9/////CAYAAAAUyQtmAAAACUlEQVR42mMAAAABAAGxDbaTAAAAAElFTkSuQmCC",
    "data:image/jpeg;base64,/9j/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z",
];
const DRAWING: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"/>";

/// Texts, the longest at last.
pub(super) fn texts() -> Vec<String> {
    let mut texts: Vec<_> = ODD.map(str::to_owned).to_vec();
    texts.push("x".repeat(10_000));
    texts.push("x".repeat(limits::LONG_TEXT_BYTES));
    texts
}

/// Bytes, as `ewh run --input` reads them: texts, pictures, and pictures that are broken.
pub(super) fn bytes() -> Vec<String> {
    let mut all = vec![PLAIN.to_owned(), String::new(), DRAWING.to_owned()];
    all.extend(PICTURES.map(str::to_owned));
    let url = |bytes: &[u8]| format!("data:;base64,{}", BASE64.encode(bytes));
    all.push(url(&[0]));
    all.push(url(&[255, 254, 0, 128]));
    // Where a picture ends too early, and where its middle is another one's.
    for picture in PICTURES {
        let Some((_, data)) = picture.split_once(";base64,") else {
            continue;
        };
        let mut data = BASE64.decode(data.as_bytes()).unwrap_or_default();
        let half = data.len() / 2;
        if let Some(byte) = data.get_mut(half) {
            *byte ^= 255;
        }
        all.push(url(&data));
        data.truncate(half);
        all.push(url(&data));
    }
    all.push("x".repeat(limits::LONG_TEXT_BYTES));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodespace::{Type, Value};

    #[test]
    fn bytes_are_those_that_they_say() {
        let type_ = Type::from_text(r#""bytes""#);
        let read: Vec<_> = bytes()
            .iter()
            .map(|text| match type_.read(text) {
                Some(Value::Bytes(bytes)) => bytes,
                other => panic!("{text} is {other:?}"),
            })
            .collect();
        for magic in [&b"\x89PNG"[..], b"\xff\xd8\xff", b"<svg", &[255, 254]] {
            assert!(read.iter().any(|one| one.starts_with(magic)), "{magic:?}");
        }
        let mut sorted = read.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), read.len(), "one is there twice");
    }
}
