//! What clients say over a websocket, and the frames that they are answered with.

use external_worker_host::json;
use external_worker_host::limits;
use external_worker_host::nodespace::Value;
use external_worker_host::server::frames;
use external_worker_host::server::protocol::{self, Frame, Incoming, Malformed};
use external_worker_host::server::refusal::Code;
use serde_json::{Value as Json, json};

use super::readable;

/// One text message.
pub fn messages(data: &[u8]) {
    let Ok(message) = std::str::from_utf8(data) else {
        return;
    };
    match protocol::parse(message) {
        Ok(Incoming::Ping) => assert_eq!(told(&protocol::pong())["type"], "pong"),
        Ok(Incoming::Request(request)) => {
            // What nobody asks for may be nested deeper.
            let Ok(sent) = json::parse(message.as_bytes()) else {
                return;
            };
            assert_eq!(sent["type"], "cmd");
            assert_eq!(sent["cmd"], request.cmd.as_str());
            let id = request.id.as_ref();
            let answer = told(&protocol::result(&json!([1]), id));
            assert_eq!(
                (&answer["id"], &answer["result"]),
                (&sent["id"], &json!([1]))
            );
            let refused = told(&protocol::error(Code::Malformed, message, id));
            assert_eq!(refused["id"], sent["id"]);
            readable(refused["error"].as_str().unwrap(), limits::MAX_TEXT_BYTES);
            if let Some(id) = id {
                assert!(id.text().len() <= limits::MAX_REQUEST_ID_BYTES);
                if let Ok(frame) =
                    frames::result(Some(&Value::from_json(request.kwargs.into())), id)
                {
                    let (header, body) = parts(&frame);
                    assert_eq!(header["id"], id.text().as_ref());
                    let kwargs = sent.get("kwargs").filter(|kwargs| !kwargs.is_null());
                    let kwargs = kwargs.cloned().unwrap_or_else(|| json!({}));
                    assert_eq!(body, json::to_wire(&kwargs).as_bytes());
                }
            }
        }
        Err(Malformed { problem, id }) => {
            readable(&problem, limits::MAX_TEXT_BYTES);
            told(&protocol::error(Code::Malformed, &problem, id.as_ref()));
        }
    }
    if let Frame::Binary(_) = frames::io_value(message, "io", None) {
        assert!(!message.contains([';', '=', '\r', '\n', ' ']));
    }
}

/// Both frames of a value have a header that is whole and nobody else's.
pub(super) fn value_frames(value: &Value) {
    let (header, _) = parts(&frames::io_value("node", "io", Some(value)));
    let said: Vec<_> = ["node", "io", "type", "preview", "chunk"]
        .map(|key| header[key].as_str())
        .into();
    assert_eq!(said, ["node", "io", "io_value", "1", "1/1"]);
    let Ok(Incoming::Request(request)) = protocol::parse(r#"{"type":"cmd","cmd":"c","id":"i"}"#)
    else {
        panic!("no request");
    };
    let (header, body) = parts(&frames::result(Some(value), &request.id.unwrap()).unwrap());
    match (value, header["mime"].as_str()) {
        (Value::Text(text), "text/plain") => assert_eq!(text.as_bytes(), body),
        (Value::Bytes(bytes), "application/octet-stream") => assert_eq!(*bytes, body),
        (Value::Integer(integer), "application/fn.struct.!q") => {
            assert_eq!(integer.to_be_bytes()[..], body);
        }
        (Value::Number(number), "application/fn.struct.!d") => {
            assert_eq!(number.to_be_bytes()[..], body);
        }
        (Value::Boolean(_), "application/fn.struct.!q") => assert_eq!(body.len(), 8),
        (value, "application/json") => {
            // A guest may spell the same otherwise.
            let told = json::parse(&body).unwrap();
            assert_eq!(json::to_wire(&told), json::to_wire(&value.to_json()));
        }
        (value, mime) => panic!("{value:?} as {mime}"),
    }
}

type Header = std::collections::BTreeMap<String, String>;

/// A binary frame as a client takes it apart.
fn parts(frame: &Frame) -> (Header, Vec<u8>) {
    let Frame::Binary(bytes) = frame else {
        panic!("{frame:?}");
    };
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let header = std::str::from_utf8(&bytes[..end]).unwrap();
    let header = header.split(';').map(|entry| {
        let (key, value) = entry.trim_start().split_once('=').unwrap();
        (key.to_owned(), value.to_owned())
    });
    (header.collect(), bytes[end + 4..].to_vec())
}

fn told(frame: &Frame) -> Json {
    match frame {
        Frame::Text(text) => serde_json::from_str(text).unwrap(),
        Frame::Binary(bytes) => panic!("{bytes:?}"),
    }
}
