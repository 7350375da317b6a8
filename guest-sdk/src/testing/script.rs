//! What a device or a server does, written down: plain data, so that a script can stand in a test, or in a
//! JSON file beside it.

use std::time::Duration;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes. In JSON a text stands for itself, and `{"hex": "01 03"}` for what is not text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Data(pub Vec<u8>);

/// A device at the other end of a line: a serial port, a TCP connection, or an address for UDP.
///
/// The rules, which are all there is to it:
///
/// 1. When the line is opened, the device says its `greeting`, if it has one, and each of `says` when
///    its time has come, counted from then.
/// 2. What the worker sends is heard byte by byte. When it can no longer become the request of one of
///    `answers`, or a longer one, or the write is over, then the longest request that it begins with is
///    taken off and answered. Bytes that no request begins with are dropped, and counted as not
///    understood. A request that came in part waits for the rest.
/// 3. Answers to the same request are given in turn, and the last of them again and again.
/// 4. An answer leaves after its delay, and never before what was to be said earlier.
/// 5. After `hangs_up_after` answers the device hangs up, once it has said what it had to say: a port is
///    gone then, a connection has ended. An open after that finds it again, with everything from the
///    beginning but the turn of its answers.
/// 6. A device that `refuses` cannot be opened.
///
/// With UDP, each datagram is one request as a whole, and each answer one datagram.
///
/// ```
/// use external_worker::testing::Line;
/// use std::time::Duration;
///
/// let meter = Line::new()
///     .answers("*IDN?\n", "ACME,1\n")
///     .answers("MEAS?\n", "1.5\n").after(Duration::from_millis(20))
///     .answers("MEAS?\n", "1.6\n")
///     .hangs_up_after(3);
/// assert_eq!(
///     serde_json::to_value(&meter).unwrap(),
///     serde_json::json!({
///         "answers": [
///             {"request": "*IDN?\n", "answer": "ACME,1\n"},
///             {"request": "MEAS?\n", "answer": "1.5\n", "delay_ms": 20},
///             {"request": "MEAS?\n", "answer": "1.6\n"},
///         ],
///         "hangs_up_after": 3,
///     })
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Line {
    /// Said when the line is opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<Data>,
    /// Said without being asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<Saying>,
    /// What is said to what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// How many answers there are before it hangs up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hangs_up_after: Option<u32>,
    /// Whether it cannot be opened.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refuses: bool,
}

/// What a device says without being asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saying {
    /// When, counted from the opening.
    pub at_ms: u64,
    /// What.
    pub text: Data,
}

/// A request and what is said to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What the worker sends.
    pub request: Data,
    /// What comes back; empty: nothing.
    pub answer: Data,
    /// How long that takes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Line {
    /// A device that is there, hears everything and says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says this when the line is opened.
    #[must_use]
    pub fn greets(mut self, text: impl Into<Data>) -> Self {
        self.greeting = Some(text.into());
        self
    }

    /// Says this so long after the line was opened, without being asked.
    #[must_use]
    pub fn says(mut self, at: Duration, text: impl Into<Data>) -> Self {
        let (at_ms, text) = (millis(at), text.into());
        self.says.push(Saying { at_ms, text });
        self
    }

    /// Says `answer` to `request`. Several answers to one request are given in turn.
    #[must_use]
    pub fn answers(mut self, request: impl Into<Data>, answer: impl Into<Data>) -> Self {
        self.answers.push(Answer {
            request: request.into(),
            answer: answer.into(),
            delay_ms: 0,
        });
        self
    }

    /// Lets the answer that was named last take this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        if let Some(last) = self.answers.last_mut() {
            last.delay_ms = millis(delay);
        }
        self
    }

    /// Hangs up after so many answers.
    #[must_use]
    pub fn hangs_up_after(mut self, answers: u32) -> Self {
        self.hangs_up_after = Some(answers);
        self
    }

    /// Cannot be opened: the port is not there, the connection is refused.
    #[must_use]
    pub fn refuses(mut self) -> Self {
        self.refuses = true;
        self
    }
}

/// What a web server answers to one kind of request. Several for one method and URL are given in turn, and
/// the last of them again and again.
///
/// ```
/// use external_worker::testing::Page;
///
/// let page = Page::get("https://lab.example/t", r#"{"celsius": 21.5}"#)
///     .header("content-type", "application/json");
/// let gone = Page::new("DELETE", "https://lab.example/t").status(410);
/// # let _ = (page, gone);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Such as `GET`.
    pub method: String,
    /// All of it, with the query.
    pub url: String,
    /// Such as 200.
    #[serde(default = "ok")]
    pub status: u16,
    /// Names and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Data)>,
    /// The body of the response.
    #[serde(default)]
    pub body: Data,
    /// How long it takes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
}

const fn ok() -> u16 {
    200
}

impl Page {
    /// An empty response with status 200.
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            status: ok(),
            headers: Vec::new(),
            body: Data::default(),
            delay_ms: 0,
        }
    }

    /// What a `GET` of `url` gives.
    pub fn get(url: &str, body: impl Into<Data>) -> Self {
        Self::new("GET", url).body(body)
    }

    /// What a `POST` to `url` gives.
    pub fn post(url: &str, body: impl Into<Data>) -> Self {
        Self::new("POST", url).body(body)
    }

    /// Sets the status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Data>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Data>) -> Self {
        self.body = body.into();
        self
    }

    /// Lets the response take this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay_ms = millis(delay);
        self
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Data {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Data {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Hex { hex: String },
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match std::str::from_utf8(&self.0) {
            Ok(text) => Written::Text(text.to_owned()),
            Err(_) => {
                let pairs: Vec<_> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
                let hex = pairs.join(" ");
                Written::Hex { hex }
            }
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(text.into()),
            Written::Hex { hex } => bytes(&hex).map(Self).ok_or_else(|| {
                D::Error::invalid_value(
                    Unexpected::Str(&hex),
                    &"pairs of hexadecimal digits, such as \"01 03\"",
                )
            }),
        }
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = hex
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    rest.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_hexadecimal_in_json() {
        for (data, json) in [
            (Data::from("a\n"), r#""a\n""#),
            (Data::from([0x01, 0x03, 0xff]), r#"{"hex":"01 03 ff"}"#),
        ] {
            assert_eq!(serde_json::to_string(&data).unwrap(), json);
            assert_eq!(serde_json::from_str::<Data>(json).unwrap(), data);
        }
        assert_eq!(
            serde_json::from_str::<Data>(r#"{"hex":"0103"}"#).unwrap(),
            Data::from([1, 3])
        );
        for wrong in [r#"{"hex":"1"}"#, r#"{"hex":"0g"}"#, "1", r#"{"hax":"00"}"#] {
            serde_json::from_str::<Data>(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_script_that_says_something_unknown_is_refused() {
        assert_eq!(serde_json::from_str::<Line>("{}").unwrap(), Line::new());
        serde_json::from_str::<Line>(r#"{"answer": []}"#).unwrap_err();
    }
}
