//! How hosts and ports are written in a policy, and what matches them.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::address::{self, Block, Special};
use crate::limits::MAX_WRITTEN_NAME_BYTES;

/// Which hosts a rule is about: an address, a block, a name, or all names below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// `"*"`: every host on the internet; never a special address.
    Any,
    /// `"localhost"`: the loopback addresses.
    Localhost,
    /// `"10.0.0.0/8"` or `"127.0.0.1"`.
    Block(Block),
    /// `"redis.example"`.
    Name(String),
    /// `"*.example.com"`: every name below it, not itself. Holds `example.com`.
    Below(String),
}

impl HostPattern {
    /// Whether the rule is about `name`, which is [`normal_name`].
    pub fn matches_name(&self, name: &str) -> bool {
        match self {
            Self::Any => name != LOCALHOST,
            Self::Localhost => name == LOCALHOST,
            Self::Block(_) => false,
            Self::Name(own) => own == name,
            Self::Below(parent) => name
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }

    /// Whether the rule by itself reaches `address`; names reach what they were resolved to.
    pub fn reaches(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => address::special(address).is_none(),
            Self::Localhost => address::special(address) == Some(Special::Loopback),
            Self::Block(block) => address::reaches(block, address),
            Self::Name(_) | Self::Below(_) => false,
        }
    }
}

impl HostPattern {
    /// Whether the rule is about this machine alone.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Localhost => true,
            Self::Block(block) => address::is_loopback(block),
            Self::Any | Self::Name(_) | Self::Below(_) => false,
        }
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.contains("://") {
            return Err(format!("`{text}`: leave out the scheme and the port"));
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        if bare.contains('/') || bare.parse::<IpAddr>().is_ok() {
            return bare.parse().map(Self::Block);
        }
        if text.contains(':') {
            return Err(format!("`{text}`: leave out the port"));
        }
        if let Some(parent) = text.strip_prefix("*.") {
            return normal_name(parent).map(Self::Below).ok_or_else(|| {
                if parent.is_ascii() {
                    format!("`{text}` is not `*.` and a host name")
                } else {
                    not_international(text)
                }
            });
        }
        match normal_name(text) {
            Some(name) if name == LOCALHOST => Ok(Self::Localhost),
            Some(name) => Ok(Self::Name(name)),
            None if !text.is_ascii() => Err(not_international(text)),
            None => Err(format!(
                "`{text}` is not a host: write a name, `*.` and a name, an address such as \
                 `192.0.2.7`, or a block such as `10.0.0.0/8`"
            )),
        }
    }
}

fn not_international(text: &str) -> String {
    format!(
        "`{text}` is not a host: its name cannot be converted to one that is looked up (IDNA); write \
         it as it is registered, or in its ASCII form, `xn--…`"
    )
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Localhost => f.write_str(LOCALHOST),
            Self::Block(block) => block.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// The name that always means this machine, and is never looked up.
pub const LOCALHOST: &str = "localhost";

/// A host name in its one spelling: lower case, no final dot, international names as DNS has them
/// (`bücher.example` is `xn--bcher-kva.example`). `None` when it is not a plain host name; names that
/// resolvers read as addresses (`127.1`, `0x7f.1`, `2130706433`) are not, in whatever letters.
pub fn normal_name(name: &str) -> Option<String> {
    if name.is_ascii() {
        return normal_ascii_name(name);
    }
    if name.len() > MAX_WRITTEN_NAME_BYTES {
        return None;
    }
    // Lengths and characters are checked below, where those of every name are.
    let converted = Uts46::new().to_ascii(
        name.as_bytes(),
        AsciiDenyList::URL,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    );
    normal_ascii_name(&converted.ok()?)
}

fn normal_ascii_name(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last_starts_with_digit = name
        .rsplit('.')
        .next()
        .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    (name.split('.').all(label) && !last_starts_with_digit).then(|| name.to_ascii_lowercase())
}

/// Which ports a rule is about: `6379`, `"8000-8010"` or `"*"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPattern {
    first: u16,
    last: u16,
}

impl PortPattern {
    /// Every port.
    pub const ANY: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// One port.
    pub const fn single(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }

    /// The ports, first and last.
    pub const fn range(&self) -> std::ops::RangeInclusive<u16> {
        self.first..=self.last
    }

    /// Whether the rule is about `port`.
    pub const fn matches(&self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl FromStr for PortPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::ANY);
        }
        let problem = || format!("`{text}` is not a port, a range such as `8000-8010`, or `*`");
        let port = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            digits
                .then(|| text.parse().ok())
                .flatten()
                .ok_or_else(problem)
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (port(first)?, port(last)?),
            None => (port(text)?, port(text)?),
        };
        if first > last {
            return Err(format!(
                "`{text}` ends before it starts; write `{last}-{first}`"
            ));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for PortPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ANY => f.write_str("\"*\""),
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "\"{first}-{last}\""),
        }
    }
}

impl<'de> Deserialize<'de> for PortPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Port;

        impl Visitor<'_> for Port {
            type Value = PortPattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port such as 6379, a range such as \"8000-8010\", or \"*\"")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<PortPattern, E> {
                u16::try_from(value)
                    .map(PortPattern::single)
                    .map_err(|_| E::custom(format!("{value} is not a port: 0 to 65535")))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<PortPattern, E> {
                self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<PortPattern, E> {
                value.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Port)
    }
}

impl Serialize for PortPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last {
            serializer.serialize_u16(self.first)
        } else {
            serializer.serialize_str(self.to_string().trim_matches('"'))
        }
    }
}

impl JsonSchema for PortPattern {
    fn schema_name() -> Cow<'static, str> {
        "PortPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A port, a range such as \"8000-8010\", or \"*\".",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": 65535 },
                { "type": "string", "pattern": r"^([0-9]{1,5}(-[0-9]{1,5})?|\*)$" },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for HostPattern {
    fn schema_name() -> Cow<'static, str> {
        "HostPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A host name, \"*.\" and a name, an address, or a block such as \
                            \"10.0.0.0/8\". Special addresses (loopback, private, link-local, \
                            metadata, …) are reached only by a rule that names them.",
            "type": "string",
            "minLength": 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_any_case_and_with_a_final_dot_but_not_as_part_of_others() {
        let exact: HostPattern = "Redis.Example".parse().unwrap();
        let below: HostPattern = "*.Example.com".parse().unwrap();
        let table = [
            (&exact, "redis.example", true),
            (&exact, "REDIS.EXAMPLE.", true),
            (&exact, "a.redis.example", false),
            (&exact, "redis.example.evil.com", false),
            (&below, "a.example.com", true),
            (&below, "a.b.example.com.", true),
            (&below, "example.com", false),
            (&below, "notexample.com", false),
            (&below, "a.example.com.evil.net", false),
        ];
        for (pattern, name, expected) in table {
            let name = normal_name(name).unwrap();
            assert_eq!(pattern.matches_name(&name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_resolvers_read_as_an_address_is_not_a_name() {
        let wrong = [
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "1.2.3",
            "a.0x7f",
            "",
            ".",
            "a..b",
            "-a.b",
            "a b",
            "a/b",
            "a@b",
            "a\0b",
            "[::1]",
            "a:80",
            "a.1",
        ];
        for name in wrong {
            assert_eq!(normal_name(name), None, "{name:?}");
        }
        for fine in [
            "a",
            "a.b",
            "1a.b",
            "4.4.4.example",
            "_srv.example",
            "xn--nxasmq6b.example",
        ] {
            assert!(normal_name(fine).is_some(), "{fine}");
        }
    }

    #[test]
    fn an_international_name_is_the_one_that_is_looked_up() {
        let wide = "\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}";
        for (name, expected) in [
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("B\u{dc}CHER.Example.", "xn--bcher-kva.example"),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.EXAMPLE", "xn--bcher-kva.example"),
            ("\u{4f8b}\u{3048}\u{3002}example", "xn--r8jz45g.example"),
            ("_srv.b\u{fc}cher.example", "_srv.xn--bcher-kva.example"),
        ] {
            assert_eq!(normal_name(name).as_deref(), Some(expected), "{name}");
        }
        let long = "\u{fc}".repeat(1_000_000);
        for name in [
            wide,
            "\u{2488}\u{2488}",
            "a\u{2100}b.example",
            "\u{200b}",
            "b\u{fc}cher..example",
            "-b\u{fc}cher.example",
            "b\u{fc}\u{fffd}.example",
            "b\u{fc}cher.0x7f",
            &"\u{fc}".repeat(100),
            &long,
        ] {
            let name: String = name.chars().take(1_000_000).collect();
            assert_eq!(normal_name(&name), None, "{:?}", name.get(..20));
        }
        let below: HostPattern = "*.b\u{fc}cher.example".parse().unwrap();
        assert_eq!(below.to_string(), "*.xn--bcher-kva.example");
        assert!(below.matches_name(&normal_name("a.B\u{dc}CHER.example").unwrap()));
        for wrong in ["b\u{fc}\u{fffd}.example", "*.b\u{fc}\u{fffd}.example"] {
            let problem = wrong.parse::<HostPattern>().unwrap_err();
            assert!(problem.contains("IDNA"), "{problem}");
        }
    }

    #[test]
    fn hosts_are_read_as_what_they_are() {
        let table = [
            ("*", HostPattern::Any),
            ("LOCALHOST", HostPattern::Localhost),
            (
                "127.0.0.1",
                HostPattern::Block("127.0.0.1".parse().unwrap()),
            ),
            ("[::1]", HostPattern::Block("::1".parse().unwrap())),
            ("a.b.", HostPattern::Name("a.b".into())),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<HostPattern>().unwrap(), expected, "{text}");
        }
        for wrong in [
            "http://a.b",
            "a.b:80",
            "*",
            "a.*.b",
            "**.b",
            "10.0.0.0/99",
            "127.1",
        ] {
            if wrong != "*" {
                wrong.parse::<HostPattern>().unwrap_err();
            }
        }
    }

    #[test]
    fn the_wildcard_and_localhost_do_not_reach_special_addresses_of_others() {
        let reaches = |pattern: &str, address: &str| {
            pattern
                .parse::<HostPattern>()
                .unwrap()
                .reaches(address.parse().unwrap())
        };
        assert!(reaches("*", "8.8.8.8"));
        assert!(!reaches("*", "127.0.0.1"));
        assert!(!reaches("*", "::ffff:10.0.0.1"));
        assert!(reaches("localhost", "127.0.0.1"));
        assert!(reaches("localhost", "::1"));
        assert!(!reaches("localhost", "10.0.0.1"));
        assert!(!reaches("localhost", "0.0.0.0"));
        assert!(!HostPattern::Any.matches_name(LOCALHOST));
    }

    #[test]
    fn every_port_is_in_exactly_the_patterns_that_say_so() {
        let range: PortPattern = "8000-8010".parse().unwrap();
        let one: PortPattern = "6379".parse().unwrap();
        for port in 0..=u16::MAX {
            assert_eq!(range.matches(port), (8000..=8010).contains(&port));
            assert_eq!(one.matches(port), port == 6379);
            assert!(PortPattern::ANY.matches(port));
        }
        for wrong in [
            "", "-", "1-", "-1", "2-1", "65536", "a", "1-2-3", "+1", " 1", "*-2",
        ] {
            wrong.parse::<PortPattern>().unwrap_err();
        }
    }
}
