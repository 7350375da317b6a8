//! Binary frames: one value each, behind a header that says whose it is and how it is encoded.
//!
//! `chunk=1/1;msgid=…;node=…; io=…; mime=…; type=io_value; preview=1`, an empty line, the value. A
//! frame is never split: what puts the parts together in browsers does it wrongly.

use std::borrow::Cow;

use axum::body::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::protocol::{self, Frame, RequestId};
use crate::json as document;
use crate::limits;
use crate::media::{Kind, Media};
use crate::nodespace::{NO_VALUE, Value};
use crate::text;

const JSON: &str = "application/json";
const INTEGER: &str = "application/fn.struct.!q";
const NUMBER: &str = "application/fn.struct.!d";
const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";

/// How much of a value is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Preview,
}

/// A new value on `io` of `node`; `None`: it has none any more. Where the names do not fit into a
/// header, it is an event instead.
pub fn io_value(node: &str, io: &str, value: Option<&Value>) -> Frame {
    if !is_plain(node) || !is_plain(io) {
        let result = value.map_or_else(|| NO_VALUE.into(), Value::preview_json);
        let data = json!({ "node": node, "io": io, "result": result });
        return protocol::ns_event("after_set_value", &data);
    }
    let (mime, body) = match value {
        Some(value) => encode(value, Extent::Preview),
        None => no_value(),
    };
    let header = format!("node={node}; io={io}; mime={mime}; type=io_value; preview=1");
    frame(&header, &body)
}

/// The answer to a request that wants bytes; `None` is a slot without a value.
///
/// # Errors
/// When the id does not fit into a header.
pub fn result(value: Option<&Value>, id: &RequestId) -> Result<Frame, &'static str> {
    let (mime, body) = match value {
        Some(value) => encode(value, Extent::Whole),
        None => no_value(),
    };
    answer(mime, &body, id)
}

/// [`result`] of JSON that is a text already.
///
/// # Errors
/// As [`result`].
pub(crate) fn result_text(json: &str, id: &RequestId) -> Result<Frame, &'static str> {
    answer(JSON, json.as_bytes(), id)
}

fn answer(mime: &str, body: &[u8], id: &RequestId) -> Result<Frame, &'static str> {
    let id = id.text();
    if !is_plain(&id) {
        return Err("the id of a request for bytes must have no `;`, `=`, space or control");
    }
    Ok(frame(&format!("id={id}; mime={mime}; type=result"), body))
}

fn frame(header: &str, body: &[u8]) -> Frame {
    let start = format!("chunk=1/1;msgid={};{header}\r\n\r\n", Uuid::new_v4());
    let mut bytes = Vec::with_capacity(start.len().saturating_add(body.len()));
    bytes.extend_from_slice(start.as_bytes());
    bytes.extend_from_slice(body);
    Frame::Binary(Bytes::from(bytes))
}

/// Names come from guests: one that has what separates a header would make up parts of it.
fn is_plain(name: &str) -> bool {
    let separates = |c: char| matches!(c, ';' | '=') || c.is_control() || c.is_whitespace();
    !name.is_empty() && !name.contains(separates)
}

fn no_value() -> (&'static str, Cow<'static, [u8]>) {
    (JSON, json!(NO_VALUE).to_string().into_bytes().into())
}

fn encode(value: &Value, extent: Extent) -> (&str, Cow<'_, [u8]>) {
    match value {
        Value::Media(media) => encode_media(media, extent),
        Value::Boolean(is_true) => (INTEGER, i64::from(*is_true).to_be_bytes().to_vec().into()),
        Value::Integer(integer) => (INTEGER, integer.to_be_bytes().to_vec().into()),
        Value::Number(number) => (NUMBER, number.to_be_bytes().to_vec().into()),
        Value::Text(text) => (TEXT, shorten(text, extent)),
        Value::Bytes(bytes) if extent == Extent::Whole => (BYTES, bytes.into()),
        Value::Bytes(bytes) => {
            let end = bytes.len().min(limits::PREVIEW_BYTES);
            (BYTES, bytes.get(..end).unwrap_or_default().into())
        }
        Value::Json(json) if extent == Extent::Whole => (JSON, bytes_of(json.wire())),
        Value::None | Value::Json(_) | Value::Array(_) => {
            let json = match extent {
                Extent::Whole => value.to_text(),
                Extent::Preview => document::to_wire(&value.preview_json()),
            };
            (JSON, json.into_bytes().into())
        }
    }
}

/// The preview of pixels is they themselves. All of a picture is a data URL: what the UI makes of bytes that it
/// asked for it takes away again before they are shown. What is no picture is bytes, so that no client takes it for
/// JSON, or runs it, and its preview is a picture that says what it is.
fn encode_media(media: &Media, extent: Extent) -> (&str, Cow<'_, [u8]>) {
    let most = match extent {
        Extent::Whole => usize::MAX,
        Extent::Preview => limits::PREVIEW_MEDIA_BYTES,
    };
    match (media.kind(), extent) {
        (Kind::Bytes, Extent::Whole) => (BYTES, (&media.data).into()),
        (Kind::Picture, Extent::Preview) if media.data.len() <= most => {
            (media.essence(), (&media.data).into())
        }
        _ => (TEXT, media.preview(most).into_bytes().into()),
    }
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => text.as_bytes().into(),
        Cow::Owned(text) => text.into_bytes().into(),
    }
}

fn shorten(text: &str, extent: Extent) -> Cow<'_, [u8]> {
    let longest = limits::PREVIEW_TEXT_CHARS;
    match text.char_indices().nth(longest) {
        Some((end, _)) if extent == Extent::Preview => {
            let start = text::clamp(text, end);
            format!("{start}...").into_bytes().into()
        }
        _ => text.as_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    /// Header without the message's own id, and body.
    fn parts(frame: Frame) -> (String, Vec<u8>) {
        let Frame::Binary(bytes) = frame else {
            panic!("{frame:?}");
        };
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let header = std::str::from_utf8(&bytes[..end]).unwrap();
        let rest = header.strip_prefix("chunk=1/1;msgid=").unwrap();
        let (msgid, rest) = rest.split_once(';').unwrap();
        Uuid::parse_str(msgid).unwrap();
        (rest.to_owned(), bytes[end + 4..].to_vec())
    }

    #[test]
    fn values_look_as_they_were_captured() {
        let (header, body) = parts(io_value("07335284", "a", Some(&Value::Integer(3))));
        assert_eq!(
            header,
            "node=07335284; io=a; mime=application/fn.struct.!q; type=io_value; preview=1"
        );
        assert_eq!(body, [0, 0, 0, 0, 0, 0, 0, 3]);
        let Ok(protocol::Incoming::Request(request)) =
            protocol::parse(r#"{"type":"cmd","cmd":"x","id":"348c7559"}"#)
        else {
            panic!("no request");
        };
        let (header, body) =
            parts(result(Some(&Value::Integer(-1)), &request.id.unwrap()).unwrap());
        assert_eq!(
            header,
            "id=348c7559; mime=application/fn.struct.!q; type=result"
        );
        assert_eq!(body, [0xff; 8]);
    }

    #[test]
    fn every_kind_of_value_has_its_mime() {
        for (value, mime, expected) in [
            (
                Value::Boolean(true),
                "application/fn.struct.!q",
                vec![0, 0, 0, 0, 0, 0, 0, 1],
            ),
            (
                Value::Number(1.0),
                "application/fn.struct.!d",
                vec![0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
            ),
            (Value::Text("é".into()), "text/plain", "é".into()),
            (Value::Text(String::new()), "text/plain", vec![]),
            (
                Value::Bytes(vec![0, 255]),
                "application/octet-stream",
                vec![0, 255],
            ),
            (Value::None, "application/json", b"null".to_vec()),
            (
                Value::from_json(json!([1])),
                "application/json",
                b"[1]".to_vec(),
            ),
        ] {
            let (header, body) = parts(io_value("n", "out", Some(&value)));
            assert!(header.contains(&format!("mime={mime}; ")), "{header}");
            assert_eq!(body, expected, "{header}");
        }
    }

    #[test]
    fn a_preview_is_short_and_never_cuts_a_character() {
        let (_, body) = parts(io_value("n", "out", Some(&Value::Text("é".repeat(2000)))));
        let shown = String::from_utf8(body).unwrap();
        assert_eq!(
            shown,
            format!("{}...", "é".repeat(limits::PREVIEW_TEXT_CHARS))
        );
        let bytes = Value::Bytes(vec![7; limits::PREVIEW_BYTES + 1]);
        assert_eq!(
            parts(io_value("n", "out", Some(&bytes))).1.len(),
            limits::PREVIEW_BYTES
        );
    }

    #[test]
    fn media_is_a_picture_or_says_what_it_is() {
        let of = |media_type: &str, data: Vec<u8>| {
            let media_type = media_type.to_owned();
            Value::Media(Media { media_type, data })
        };
        let shown = |value: &Value| {
            let (header, body) = parts(io_value("n", "out", Some(value)));
            let mime = header.split("mime=").nth(1).unwrap();
            (mime.split(';').next().unwrap().to_owned(), body)
        };
        let whole = |value: &Value| encode(value, Extent::Whole).0.to_owned();
        let png = of("image/png", vec![1, 2]);
        assert_eq!(shown(&png), ("image/png".to_owned(), vec![1, 2]));
        assert_eq!(whole(&png), TEXT);
        // A drawing has no origin, and what is no picture no type.
        let svg = of("image/svg+xml", b"<svg onload='x'/>".to_vec());
        let (mime, body) = shown(&svg);
        assert!(mime == TEXT && body.starts_with(b"data:image/svg+xml;base64,"));
        assert_eq!(whole(&svg), TEXT);
        for other in ["application/json", "text/html", "application/fn.struct.!q"] {
            let other = of(other, b"{".to_vec());
            let (mime, body) = shown(&other);
            assert!(mime == TEXT && body.starts_with(b"data:image/svg+xml;base64,"));
            assert_eq!(whole(&other), BYTES);
        }
        // What a type says besides would make up a header.
        let more = of("image/png; node=other; io=a", vec![1]);
        assert_eq!(shown(&more).0, "image/png");
        for (size, mime) in [(0, "image/jpeg"), (1, TEXT)] {
            let large = of("image/jpeg", vec![0; limits::PREVIEW_MEDIA_BYTES + size]);
            let (shown, body) = shown(&large);
            assert_eq!(shown, mime);
            assert!(size == 0 || body.len() < 1000, "{}", body.len());
            let (_, all) = encode(&large, Extent::Whole);
            assert!(all.starts_with(b"data:image/jpeg;base64,AAAA"));
        }
    }

    #[test]
    fn a_name_cannot_make_up_a_header() {
        for name in ["a; node=other", "a=b", "a\r\n\r\n", "", " a", "a\u{85}b"] {
            let Frame::Text(event) = io_value("n", name, Some(&Value::Integer(1))) else {
                panic!("a header with {name:?}");
            };
            let event: Json = serde_json::from_str(&event).unwrap();
            assert_eq!(event["event"], "after_set_value");
            assert_eq!(event["data"]["io"], name);
        }
    }
}
