//! The messages of the FuncNodes protocol: what clients say, checked, and what they are told.
//!
//! One text frame is one JSON object with a `type`. Binary frames are in [`super::frames`].

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::refusal::Code;
use crate::json::{self as document, JsonText};
use crate::limits;
use crate::text;

/// Something that goes to a client, ready to be sent; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// JSON.
    Text(Utf8Bytes),
    /// A value, with its header.
    Binary(Bytes),
}

impl Frame {
    /// What it costs to keep.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl From<Frame> for Message {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Text(text) => Self::Text(text),
            Frame::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

/// The id of a request, as its client wrote it: a string or a number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct RequestId(Json);

impl RequestId {
    fn new(id: Json) -> Result<Option<Self>, String> {
        match &id {
            Json::Null => Ok(None),
            Json::Number(_) => Ok(Some(Self(id))),
            Json::String(text) if document::odd(text).is_some() => {
                Err("an id that is a number has to fit in 64 bits".to_owned())
            }
            Json::String(text) if text.len() <= limits::MAX_REQUEST_ID_BYTES => Ok(Some(Self(id))),
            Json::String(_) => Err(format!(
                "the id is longer than {} bytes",
                limits::MAX_REQUEST_ID_BYTES
            )),
            _ => Err("an id has to be a string or a number".to_owned()),
        }
    }

    /// Its text: of a number, how it is written.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Json::String(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }

    /// Whether no two clients come up with the same one.
    pub(crate) fn is_unique(&self) -> bool {
        uuid::Uuid::try_parse(&self.text()).is_ok()
    }
}

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    /// Is anybody there?
    Ping,
    /// Do this.
    Request(Request),
}

/// One command.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// Which.
    pub cmd: String,
    /// With what.
    pub kwargs: Map<String, Json>,
    /// Without one no answer is expected.
    pub id: Option<RequestId>,
    /// Whether the answer is to be a binary frame.
    pub as_bytes: bool,
}

/// A message that is none, and what its sender is told.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    /// What is wrong with it.
    pub problem: String,
    /// The id, as far as there is one.
    pub id: Option<RequestId>,
}

impl From<String> for Malformed {
    fn from(problem: String) -> Self {
        Self { problem, id: None }
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: Option<Json>,
    cmd: Option<Json>,
    kwargs: Option<Json>,
    #[serde(default)]
    id: Json,
    as_bytes: Option<Json>,
}

/// Reads one message of a client.
///
/// # Errors
/// What is wrong with it.
pub fn parse(message: &str) -> Result<Incoming, Malformed> {
    // Python clients write numbers that JSON does not have.
    let raw: Raw = serde_json::from_str(&document::marked(message))
        .map_err(|error| Malformed::from(format!("the message is not a JSON object: {error}")))?;
    match raw.kind.as_ref().and_then(Json::as_str) {
        Some("ping") => Ok(Incoming::Ping),
        Some("cmd") => request(raw).map(Incoming::Request),
        Some(other) => Err(format!(
            "the message type `{}` is unknown; the types are `ping` and `cmd`",
            text::clean_line(other, limits::MAX_NAME_BYTES)
        )
        .into()),
        None => Err("the message has no `type`; the types are `ping` and `cmd`"
            .to_owned()
            .into()),
    }
}

fn request(raw: Raw) -> Result<Request, Malformed> {
    let id = RequestId::new(raw.id)?;
    let malformed = |problem: &str| Malformed {
        problem: problem.to_owned(),
        id: id.clone(),
    };
    let Some(Json::String(cmd)) = raw.cmd else {
        return Err(malformed("a command needs a `cmd`, its name"));
    };
    let kwargs = match raw.kwargs {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(kwargs)) => kwargs,
        Some(_) => return Err(malformed("the `kwargs` of a command have to be an object")),
    };
    let as_bytes = match raw.as_bytes {
        None | Some(Json::Null) => false,
        Some(Json::Bool(as_bytes)) => as_bytes,
        Some(_) => return Err(malformed("`as_bytes` has to be true or false")),
    };
    Ok(Request {
        cmd,
        kwargs,
        id,
        as_bytes,
    })
}

fn frame(message: &impl Serialize) -> Frame {
    text_frame(document::to_wire(message))
}

/// `text` in no more memory than it takes: a text that was written piece by piece may have twice of that, and a
/// frame is counted by its length for as long as it waits.
fn text_frame(mut text: String) -> Frame {
    text.shrink_to_fit();
    Frame::Text(text.into())
}

/// The answer to a ping.
pub fn pong() -> Frame {
    Frame::Text(Utf8Bytes::from_static(r#"{"type":"pong"}"#))
}

/// The answer to a request.
pub fn result(result: &Json, id: Option<&RequestId>) -> Frame {
    #[derive(Serialize)]
    struct Result<'a> {
        r#type: &'static str,
        result: &'a Json,
        id: Option<&'a RequestId>,
    }
    frame(&Result {
        r#type: "result",
        result,
        id,
    })
}

/// [`result`] of JSON that is a text already.
pub(crate) fn result_text(result: &str, id: &RequestId) -> Frame {
    let id = document::to_wire(id);
    text_frame(format!(
        r#"{{"type":"result","result":{result},"id":{id}}}"#
    ))
}

/// The refusal of a request, or of what was none. FuncNodes has no `code`.
pub fn error(code: Code, error: &str, id: Option<&RequestId>) -> Frame {
    frame(&json!({
        "type": "error",
        "code": code.name(),
        "error": text::clean(error, limits::MAX_TEXT_BYTES),
        "tb": [],
        "id": id,
    }))
}

/// Something happened in the graph.
pub(crate) fn ns_event(event: &str, data: &Json) -> Frame {
    frame(&json!({ "type": "nsevent", "event": event, "data": data }))
}

/// Something happened in the Worker. The data is there twice: nested, as every client of the Python
/// Worker gets it, and flat, where the web UI looks.
pub(crate) fn worker_event(event: &str, data: &Json) -> Frame {
    let mut both = Map::new();
    if let Json::Object(members) = data {
        both.extend(members.clone());
    }
    both.insert("data".to_owned(), data.clone());
    frame(&json!({ "type": "workerevent", "event": event, "data": both }))
}

/// A guest emitted an event with `data`. It looks as [`worker_event`] does: the members are there twice, but
/// that `data` is the nested form and has the guest's in it.
pub(crate) fn guest_event(uuid: &str, event: &str, data: &JsonText) -> Frame {
    let (uuid, event, data) = (json!(uuid), json!(event), data.wire());
    let data = format!(r#"{{"uuid":{uuid},"event":{event},"data":{data}}}"#);
    let both = format!(r#"{{"uuid":{uuid},"event":{event},"data":{data}}}"#);
    let frame =
        format!(r#"{{"type":"workerevent","event":"external_worker_event","data":{both}}}"#);
    text_frame(frame)
}

/// How far something is that takes a while.
pub fn progress(message: &str, status: &str, progress: f64, blocking: bool) -> Frame {
    frame(&json!({
        "type": "progress",
        "message": text::clean(message, limits::MAX_TEXT_BYTES),
        "status": status,
        "progress": progress,
        "blocking": blocking,
    }))
}

/// Something went wrong that no request asked for.
pub fn error_event(error: &str) -> Frame {
    frame(&json!({
        "type": "error_event",
        "error": text::clean(error, limits::MAX_TEXT_BYTES),
        "tb": [],
    }))
}

/// Where a message is that is too large to be pushed.
pub fn large_message(url: &str, id: &str) -> Frame {
    frame(&json!({ "type": "large_message", "url": url, "msg_id": id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(frame: Frame) -> Json {
        match frame {
            Frame::Text(text) => serde_json::from_str(&text).unwrap(),
            Frame::Binary(bytes) => panic!("{bytes:?}"),
        }
    }

    #[test]
    fn what_clients_of_the_python_worker_send_is_understood() {
        assert_eq!(parse(r#"{"type": "ping"}"#), Ok(Incoming::Ping));
        let Ok(Incoming::Request(request)) = parse(
            r#"{"type":"cmd","as_bytes":true,"cmd":"get_io_full_value","kwargs":{"nid":"n"},"id":"i"}"#,
        ) else {
            panic!("no request");
        };
        assert_eq!(request.cmd, "get_io_full_value");
        assert_eq!(request.kwargs["nid"], "n");
        assert_eq!(request.id.unwrap().text(), "i");
        assert!(request.as_bytes);
        let Ok(Incoming::Request(request)) = parse(r#"{"type":"cmd","cmd":"clear"}"#) else {
            panic!("no request");
        };
        assert_eq!(
            (request.kwargs.len(), request.id, request.as_bytes),
            (0, None, false)
        );
    }

    #[test]
    fn what_is_malformed_is_named_and_keeps_its_id() {
        for (message, part, id) in [
            ("", "not a JSON", None),
            ("[]", "not a JSON object", None),
            (r#"{"type":"cmd""#, "not a JSON", None),
            (r#"{"cmd":"x"}"#, "no `type`", None),
            (r#"{"type":7}"#, "no `type`", None),
            ("{\"type\":\"\u{1b}[2J\"}", "not a JSON", None),
            (r#"{"type":"\u001b[2J"}"#, "\u{fffd}[2J", None),
            (r#"{"type":"cmd","id":"i"}"#, "`cmd`", Some("i")),
            (r#"{"type":"cmd","cmd":[],"id":"i"}"#, "`cmd`", Some("i")),
            (
                r#"{"type":"cmd","cmd":"x","kwargs":[1],"id":7}"#,
                "`kwargs`",
                Some("7"),
            ),
            (
                r#"{"type":"cmd","cmd":"x","as_bytes":1,"id":"i"}"#,
                "`as_bytes`",
                Some("i"),
            ),
            (
                r#"{"type":"cmd","cmd":"x","id":{}}"#,
                "an id has to be",
                None,
            ),
        ] {
            let malformed = parse(message).unwrap_err();
            assert!(malformed.problem.contains(part), "{message}: {malformed:?}");
            let its_id = malformed.id.as_ref().map(RequestId::text);
            assert_eq!(its_id.as_deref(), id, "{message}");
        }
        let long = format!(r#"{{"type":"cmd","cmd":"x","id":"{}"}}"#, "i".repeat(1000));
        assert!(parse(&long).unwrap_err().problem.contains("longer"));
        let deep = format!(r#"{{"type":"cmd","kwargs":{}"#, "[".repeat(100_000));
        parse(&deep).unwrap_err();
    }

    #[test]
    fn ids_come_back_as_they_were_written() {
        for id in [json!("a9c0"), json!(7), json!(-1.5)] {
            let known = RequestId::new(id.clone()).unwrap();
            assert_eq!(told(result(&json!([1]), known.as_ref()))["id"], id);
            assert_eq!(told(error(Code::Invalid, "no", known.as_ref()))["id"], id);
        }
        assert_eq!(told(error(Code::Invalid, "no", None))["id"], Json::Null);
        let is_unique = |text: &str| RequestId(json!(text)).is_unique();
        assert!(is_unique("0b75c4ea-93a8-4771-be18-5072b930a183"));
        assert!(!is_unique("7"));
    }

    #[test]
    fn an_error_has_no_traceback_and_nothing_that_moves_a_cursor() {
        let error = told(error(Code::Invalid, "a\u{1b}[2Jb", None));
        assert_eq!(error["tb"], json!([]));
        assert_eq!(error["error"], "a\u{fffd}[2Jb");
    }

    #[test]
    fn worker_events_have_both_shapes() {
        let event = told(worker_event(
            "update_worker_dependencies",
            &json!({ "a": [1] }),
        ));
        let expected = json!({
            "type": "workerevent",
            "event": "update_worker_dependencies",
            "data": { "a": [1], "data": { "a": [1] } },
        });
        assert_eq!(event, expected);
        let data = JsonText::check(r#"{"a": 1e300, "a": "\u00e9"}"#).unwrap();
        let members = json!({ "uuid": "u\"", "event": "e", "data": data.tree() });
        let expected = told(worker_event("external_worker_event", &members));
        assert_eq!(told(guest_event("u\"", "e", &data)), expected);
        let event = told(worker_event("lib_update", &json!({})));
        assert_eq!(event["data"], json!({ "data": {} }));
    }
}
