//! Bytes with a media type, which is a stranger's word: what may be one, what clients may take the bytes
//! for, and how a text says both.
//!
//! The FuncNodes UI shows a picture in its own page. Of pixels nothing runs there, wherever they are opened.
//! An SVG is a document with programs in it: as `image/svg+xml` it would be one of the UI's own origin as soon as a
//! person opens the picture in a tab. As a data URL it is nobody's, and a picture all the same. Whatever is
//! neither is bytes to clients, so no type makes them parse or run it.

use std::path::Path;

use bytesize::ByteSize;
use data_encoding::BASE64;

use crate::limits::MAX_MEDIA_TYPE_BYTES;
use crate::text;

/// The media type of what nobody said more about.
pub const UNKNOWN: &str = "application/octet-stream";
/// Pixels in every browser.
const PICTURES: [&str; 6] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/avif",
];
const DRAWING: &str = "image/svg+xml";
/// What files of a type are called, the usual ending first.
const EXTENSIONS: [(&str, &[&str]); 13] = [
    ("image/png", &["png"]),
    ("image/jpeg", &["jpg", "jpeg"]),
    ("image/gif", &["gif"]),
    ("image/webp", &["webp"]),
    ("image/bmp", &["bmp"]),
    ("image/avif", &["avif"]),
    (DRAWING, &["svg"]),
    ("application/pdf", &["pdf"]),
    ("application/json", &["json"]),
    ("audio/wav", &["wav"]),
    ("text/csv", &["csv"]),
    ("text/html", &["html", "htm"]),
    ("text/plain", &["txt"]),
];
/// Characters of a media type that are shown.
const SHOWN_CHARS: usize = 32;

/// Bytes with a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Such as `image/png`; checked where it came in.
    pub media_type: String,
    /// The bytes.
    pub data: Vec<u8>,
}

/// What clients may take media for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pixels.
    Picture,
    /// An SVG.
    Drawing,
    /// Anything else: bytes.
    Bytes,
}

impl Media {
    /// Bytes of which nobody said what they are: the first of them tell PNG, JPEG, GIF, WebP and PDF.
    pub fn of_bytes(data: Vec<u8>) -> Self {
        let media_type = match data.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', ..] => "image/gif",
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => "image/webp",
            [b'%', b'P', b'D', b'F', b'-', ..] => "application/pdf",
            _ => UNKNOWN,
        };
        let media_type = media_type.to_owned();
        Self { media_type, data }
    }

    /// What `data:image/png;base64,…` says; `None`: the text is not such a URL.
    pub fn from_url(url: &str) -> Option<Self> {
        let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
        let media_type = match head.strip_suffix(";base64")? {
            "" => "text/plain".to_owned(),
            said => said.to_ascii_lowercase(),
        };
        let data = BASE64.decode(data.as_bytes()).ok()?;
        is_type(&media_type).then_some(Self { media_type, data })
    }

    /// `data:image/png;base64,…`: all of it as a text.
    pub fn data_url(&self) -> String {
        url(&self.media_type, &self.data)
    }

    /// The type without its parameters.
    pub fn essence(&self) -> &str {
        essence(&self.media_type)
    }

    /// What clients may take it for.
    pub fn kind(&self) -> Kind {
        match self.essence() {
            DRAWING => Kind::Drawing,
            picture if PICTURES.contains(&picture) => Kind::Picture,
            _ => Kind::Bytes,
        }
    }

    /// A picture, as a data URL: the media itself if that is one of at most `most` bytes, else a card that
    /// says what it is. The beginning of a picture is none.
    pub fn preview(&self, most: usize) -> String {
        if self.kind() == Kind::Bytes || self.data.len() > most {
            url(DRAWING, self.card().as_bytes())
        } else {
            url(self.essence(), &self.data)
        }
    }

    fn card(&self) -> String {
        let size = ByteSize::b(self.data.len() as u64).display().iec();
        let name = text::shorten(self.essence(), SHOWN_CHARS);
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='260' height='72' font-family='sans-serif' \
             text-anchor='middle'><rect width='260' height='72' rx='8' fill='#eee'/>\
             <text x='130' y='32' font-size='14'>{name}</text>\
             <text x='130' y='54' font-size='14'>{size}</text></svg>"
        )
    }
}

fn url(media_type: &str, data: &[u8]) -> String {
    let mut url = format!("data:{media_type};base64,");
    BASE64.encode_append(data, &mut url);
    url
}

/// A type without its parameters.
pub fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default()
}

/// The type of a file by the end of its name.
pub fn of_extension(file: &Path) -> Option<&'static str> {
    let end = file.extension()?.to_ascii_lowercase();
    let has_it = |ends: &[&str]| ends.iter().any(|one| end == *one);
    let mut types = EXTENSIONS.iter();
    types.find_map(|(media_type, ends)| has_it(ends).then_some(*media_type))
}

/// The usual end of a file's name of this type, without parameters.
pub fn extension_of(essence: &str) -> Option<&'static str> {
    let mut types = EXTENSIONS.iter();
    let (_, ends) = types.find(|(media_type, _)| *media_type == essence)?;
    ends.first().copied()
}

/// Whether it is `type/subtype`, with or without `; name=value` after it, in lower case: RFC 6838, section 4.2,
/// and RFC 9110, section 8.3.1, without quotes. It becomes part of data URLs.
pub fn is_type(text: &str) -> bool {
    let mut parts = text.split(';');
    let names = parts.next().and_then(|names| names.split_once('/'));
    let is_parameter = |part: &str| {
        let is_value = |value: &str| {
            let is_plain = |c: char| c.is_ascii_graphic() && !r#",;="\"#.contains(c);
            !value.is_empty() && value.chars().all(is_plain)
        };
        let parameter = part.trim_matches(' ').split_once('=');
        parameter.is_some_and(|(name, value)| is_name(name) && is_value(value))
    };
    text.len() <= MAX_MEDIA_TYPE_BYTES
        && names.is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
        && parts.all(is_parameter)
}

fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_further = |c: char| is_first(c) || "!#$&-^_.+".contains(c);
    name.starts_with(is_first) && name.chars().all(is_further)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(media_type: &str, data: &[u8]) -> Media {
        let (media_type, data) = (media_type.to_owned(), data.to_vec());
        Media { media_type, data }
    }

    fn card(preview: &str) -> String {
        let card = Media::from_url(preview).unwrap();
        assert_eq!(card.media_type, DRAWING);
        String::from_utf8(card.data).unwrap()
    }

    #[test]
    fn a_media_type_is_one() {
        for good in [
            "image/png",
            "image/svg+xml",
            "text/csv; charset=utf-8",
            "text/csv;charset=utf-8;header=present",
            "application/vnd.a.b",
        ] {
            assert!(is_type(good), "{good}");
        }
        let long = format!("image/{}", "a".repeat(300));
        for bad in [
            "",
            "image",
            "image/",
            "/png",
            "Image/png",
            "image/png\r\nx: y",
            "image/png;",
            "image/png; node",
            "image/png;base64",
            "image/png; x=",
            "image/png; x=a,b",
            "image/png; x=\"a\"",
            "a/b/c",
            "a/b;\n",
            &long,
        ] {
            assert!(!is_type(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_data_url_says_all_of_it() {
        for one in [
            media("image/png", &[0x89, b'P']),
            media("text/csv; charset=utf-8", b"a,b"),
            media("application/x", &[]),
        ] {
            assert_eq!(Media::from_url(&one.data_url()), Some(one));
        }
        for none in [
            "",
            "image/png;base64,AA==",
            "data:image/png,AA==",
            "data:image/png;base64,A",
            "data:image/png;base64",
            "data:image/png;x;base64,AA==",
        ] {
            assert_eq!(Media::from_url(none), None, "{none}");
        }
    }

    #[test]
    fn bytes_are_what_they_begin_with() {
        for (begin, is) in [
            (&b"\x89PNG\r\n"[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            // A document is not guessed: what runs has to be meant.
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(Media::of_bytes(begin.to_vec()).media_type, is);
        }
    }

    #[test]
    fn a_file_is_called_after_its_type() {
        assert_eq!(of_extension(Path::new("a/b.JPEG")), Some("image/jpeg"));
        assert_eq!(of_extension(Path::new("png")), None);
        assert_eq!(extension_of("image/jpeg"), Some("jpg"));
        assert_eq!(extension_of("application/x"), None);
        assert!(EXTENSIONS.iter().all(|(media_type, _)| is_type(media_type)));
    }

    #[test]
    fn what_is_no_picture_or_too_large_says_what_it_is() {
        let small = media("image/png; a=b", &[1; 10]);
        assert_eq!(small.preview(10), url("image/png", &[1; 10]));
        let large = card(&small.preview(9));
        assert!(
            large.contains("image/png") && large.contains("10 B"),
            "{large}"
        );
        let other = media(&format!("a&b/{}", "c".repeat(200)), &[0; 2048]);
        let other = card(&other.preview(usize::MAX));
        assert!(
            other.contains("a&amp;b/ccc") && other.contains("2.0 KiB"),
            "{other}"
        );
        assert!(other.len() < 400, "{other}");
    }
}
