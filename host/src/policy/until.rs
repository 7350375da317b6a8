//! When a grant ends.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment, as RFC 3339 writes it, with its distance from UTC: `2026-12-24T18:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Until(OffsetDateTime);

impl Until {
    /// Whether it is over at `now`.
    pub fn is_past(self, now: SystemTime) -> bool {
        self.0 <= now
    }
}

impl From<Until> for SystemTime {
    fn from(until: Until) -> Self {
        until.0.into()
    }
}

impl From<SystemTime> for Until {
    fn from(time: SystemTime) -> Self {
        Self(time.into())
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339);
        parsed.map(Self).map_err(|_| {
            format!(
                "`{text}` is not a moment: write day, time and distance from UTC, such as \
                 2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00"
            )
        })
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.format(&Rfc3339).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Until {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// TOML has moments of its own; elsewhere they are text.
impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Until;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a moment, such as 2026-12-24T18:00:00Z")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Until, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Until, M::Error> {
                let moment = MapAccessDeserializer::new(map);
                let moment = toml::value::Datetime::deserialize(moment)?;
                moment.to_string().parse().map_err(M::Error::custom)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Until {
    fn schema_name() -> Cow<'static, str> {
        "Until".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A moment, with its distance from UTC, such as 2026-12-24T18:00:00Z.",
            "type": "string",
            "format": "date-time",
        })
    }
}
