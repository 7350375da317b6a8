//! What an author wrote down of devices: plain data, which the worker's tests and `ewh validate` read.
//!
//! [`Script`] says which devices there are and what each does. The shapes of [`Line`] and [`Page`] are those of
//! `external_worker::testing` in the guest SDK, whose documentation has the rules; what is written there is
//! read here.

mod data;
mod device;
mod scripted;
mod web;

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::limits;
pub use data::Data;
pub use device::Heard;
pub use scripted::Scripted;
pub use web::Sent;

/// The devices, servers and pages that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Devices at serial ports, by what the worker calls the ports.
    pub serial: BTreeMap<String, Line>,
    /// Servers for TCP, by `host:port`, written as the worker writes it.
    pub tcp: BTreeMap<String, Line>,
    /// Who answers datagrams, by `host:port`, written as the worker writes it.
    pub udp: BTreeMap<String, Line>,
    /// What web servers answer.
    pub pages: Vec<Page>,
}

/// Why a script is not one.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It is not JSON of this shape.
    #[error("it is not a script of devices: {0}")]
    Shape(#[from] serde_json::Error),
    /// There is more of something than is read.
    #[error("it has {count} {what}, and {most} are the most; leave some out")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A page that HTTP cannot say.
    #[error("the page for {0} {1} has a status or a header that HTTP does not have")]
    Page(String, String),
    /// It names no address.
    #[error("`{0}` is not an address; write `host:port`, such as `meter.example:5025`")]
    Address(String),
}

impl Script {
    /// Reads one from JSON.
    ///
    /// # Errors
    /// When it is not JSON of this shape, an address is not `host:port`, or there is more than the host
    /// simulates.
    pub fn parse(json: &str) -> Result<Self, ScriptError> {
        let script: Self = serde_json::from_str(json)?;
        script.check()?;
        Ok(script)
    }

    /// Whether it can be followed.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn check(&self) -> Result<(), ScriptError> {
        let devices = self.serial.len() + self.tcp.len() + self.udp.len();
        let most = limits::MAX_SIMULATED_DEVICES;
        few("devices", devices, most)?;
        few("pages", self.pages.len(), limits::MAX_SCRIPTED_ANSWERS)?;
        let all = [&self.serial, &self.tcp, &self.udp];
        for line in all.into_iter().flat_map(BTreeMap::values) {
            few(
                "answers of one device",
                line.answers.len(),
                limits::MAX_SCRIPTED_ANSWERS,
            )?;
            few(
                "sayings of one device",
                line.says.len(),
                limits::MAX_SCRIPTED_ANSWERS,
            )?;
        }
        if let Some(page) = self.pages.iter().find(|page| !page.is_http()) {
            return Err(ScriptError::Page(page.method.clone(), page.url.clone()));
        }
        let mut addresses = self.tcp.keys().chain(self.udp.keys());
        match addresses.find(|address| host_and_port(address).is_none()) {
            Some(wrong) => Err(ScriptError::Address(wrong.clone())),
            None => Ok(()),
        }
    }

    /// Adds what `other` has; what both have is as in `other`.
    pub fn extend(&mut self, other: Self) {
        self.serial.extend(other.serial);
        self.tcp.extend(other.tcp);
        self.udp.extend(other.udp);
        self.pages.extend(other.pages);
    }
}

fn few(what: &'static str, count: usize, most: usize) -> Result<(), ScriptError> {
    if count > most {
        return Err(ScriptError::TooMany { what, count, most });
    }
    Ok(())
}

/// The parts of an address: `meter.example:5025`, `192.0.2.7:5025`, `[2001:db8::1]:5025`.
pub(super) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then_some((host, port))
}

/// A device at the other end of a line: of a serial port, of a TCP connection, at an address for UDP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saying {
    /// When, counted from the opening.
    pub at_ms: u64,
    /// What.
    pub text: Data,
}

/// A request and what is said to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// What a web server answers to one kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl Page {
    /// Whether HTTP has such a status and such headers.
    fn is_http(&self) -> bool {
        let is_header = |(name, value): &(String, Data)| {
            HeaderName::from_bytes(name.as_bytes()).is_ok()
                && HeaderValue::from_bytes(&value.0).is_ok()
        };
        // 1xx is no answer yet.
        (200..=999).contains(&self.status) && self.headers.iter().all(is_header)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

const fn ok() -> u16 {
    200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_as_the_sdk_writes_it() {
        let json = serde_json::json!({
            "serial": {"meter": {
                "greeting": "hello",
                "says": [{"at_ms": 5, "text": "tick"}],
                "answers": [{"request": "*IDN?\n", "answer": {"hex": "01 ff"}, "delay_ms": 20}],
                "hangs_up_after": 3,
            }},
            "tcp": {"meter.example:5025": {"refuses": true}},
            "udp": {"[2001:db8::1]:7": {}},
            "pages": [{"method": "GET", "url": "https://lab.example/t", "status": 200, "body": "[]"}],
        });
        let script = Script::parse(&json.to_string()).unwrap();
        let meter = script.serial.get("meter").unwrap();
        assert_eq!(meter.answers[0].answer, Data(vec![1, 0xff]));
        assert_eq!(serde_json::to_value(&script).unwrap(), json);
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for (json, part) in [
            (r#"{"seriell": {}}"#, "unknown field"),
            (r#"{"serial": {"a": {"answer": []}}}"#, "unknown field"),
            (r#"{"tcp": {"meter": {}}}"#, "host:port"),
            (r#"{"udp": {":1": {}}}"#, "host:port"),
            (r#"{"tcp": {"meter:0": {}}}"#, "host:port"),
        ] {
            let problem = Script::parse(json).unwrap_err().to_string();
            assert!(problem.contains(part), "{problem}");
        }
        let line = |at| (format!("port{at}"), Line::default());
        let many = Script {
            serial: (0..=limits::MAX_SIMULATED_DEVICES).map(line).collect(),
            ..Script::default()
        };
        assert!(matches!(many.check(), Err(ScriptError::TooMany { .. })));
    }
}
