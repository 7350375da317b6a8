//! Texts and bytes that programs stumble over.

use data_encoding::BASE64;

use crate::limits;
use crate::media::{self, Media};

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
    all.extend(broken().map(|picture| url(&picture.data)));
    all.push("x".repeat(limits::LONG_TEXT_BYTES));
    all
}

/// Media, as data URLs: pictures, pictures that are broken, a drawing, and what nobody knows.
pub(super) fn media() -> Vec<String> {
    let of = |media_type: &str, data: &[u8]| {
        let (media_type, data) = (media_type.to_owned(), data.to_vec());
        Media { media_type, data }.data_url()
    };
    let mut all = PICTURES.map(str::to_owned).to_vec();
    all.extend(broken().map(|picture| picture.data_url()));
    all.push(of("image/svg+xml", DRAWING.as_bytes()));
    all.push(of("image/png", &[]));
    all.push(of("text/csv; charset=utf-8", b"a,b"));
    all.push(of(media::UNKNOWN, &[255, 254, 0, 128]));
    all
}

/// Pictures whose middle is another one's, and those that end there.
fn broken() -> impl Iterator<Item = Media> {
    let pictures = PICTURES.into_iter().filter_map(Media::from_url);
    pictures.flat_map(|mut picture| {
        let half = picture.data.len() / 2;
        if let Some(byte) = picture.data.get_mut(half) {
            *byte ^= 255;
        }
        let mut short = picture.clone();
        short.data.truncate(half);
        [picture, short]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodespace::{Type, Value};

    #[test]
    fn media_is_what_it_says() {
        let type_ = Type::from_text(r#""media""#);
        for text in media() {
            let read = type_.read(&text);
            assert!(matches!(read, Some(Value::Media(_))), "{text} is {read:?}");
        }
        assert_eq!(broken().count(), 2 * PICTURES.len());
    }

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
