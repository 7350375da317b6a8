//! What a tenant is to be, as the command line says it, in the words of the API.

use bytesize::ByteSize;
use clap::Args;
use serde_json::{Map, Value as Json, json};

/// What takes a quota, or all origins, away.
const NONE: &str = "none";

/// What can be said of a tenant. What is not said stays as it is.
#[derive(Debug, Default, Args)]
pub struct Settings {
    /// The address that its Worker listens on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// The port that its Worker listens on; 0, as for a new tenant, picks a free one each time
    #[arg(long)]
    port: Option<u16>,
    /// Let pages of this origin connect, too, such as https://lab.example.org; may be repeated; `none`: of no other
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// How many external workers it may have; `none`: no quota
    #[arg(long, value_name = "COUNT", value_parser = count)]
    instances: Option<Limit>,
    /// How much memory it may use, such as `2 GiB`; with --isolation process, that of its process
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<Limit>,
    /// How much its data may take on disk, such as `10 GiB`
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    disk: Option<Limit>,
    /// How many modules it may have
    #[arg(long, value_name = "COUNT", value_parser = count)]
    modules: Option<Limit>,
    /// How much of the processors it gets if all want some, beside the weights of the others: 1 to 10000, where 100 is
    /// ordinary
    #[arg(long, value_name = "WEIGHT", value_parser = count)]
    cpu_weight: Option<Limit>,
}

/// A quota, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit(Option<u64>);

fn count(text: &str) -> Result<Limit, String> {
    if text == NONE {
        return Ok(Limit(None));
    }
    let count = text.parse::<u32>();
    let count = count.map_err(|_| "write a number, or `none`".to_owned())?;
    Ok(Limit(Some(count.into())))
}

fn bytes(text: &str) -> Result<Limit, String> {
    if text == NONE {
        return Ok(Limit(None));
    }
    let size = text.parse::<ByteSize>();
    let size = size.map_err(|_| "write a size, such as `512 MiB`, or `none`".to_owned())?;
    Ok(Limit(Some(size.as_u64())))
}

impl Settings {
    /// The members of a tenant that are said.
    pub fn members(&self) -> Map<String, Json> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Json>| {
            members.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("host", self.host.as_ref().map(|host| json!(host)));
        put("port", self.port.map(|port| json!(port)));
        let origins = self.allow_origin.iter().filter(|origin| *origin != NONE);
        let origins = json!(origins.collect::<Vec<_>>());
        put(
            "allow-origin",
            (!self.allow_origin.is_empty()).then_some(origins),
        );
        let quotas = self.quotas();
        put(
            "quotas",
            (!quotas.is_empty()).then_some(Json::Object(quotas)),
        );
        members
    }

    fn quotas(&self) -> Map<String, Json> {
        let all = [
            ("instances", self.instances),
            ("memory", self.memory),
            ("disk", self.disk),
            ("modules", self.modules),
            ("cpu-weight", self.cpu_weight),
        ];
        let said = all
            .into_iter()
            .filter_map(|(name, limit)| Some((name, limit?)));
        said.map(|(name, Limit(limit))| (name.to_owned(), json!(limit)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_is_sent() {
        assert!(Settings::default().members().is_empty());
        let settings = Settings {
            port: Some(0),
            allow_origin: vec![NONE.to_owned()],
            memory: Some(bytes("2 GiB").unwrap()),
            modules: Some(count(NONE).unwrap()),
            ..Settings::default()
        };
        let wanted = json!({
            "port": 0, "allow-origin": [], "quotas": {"memory": 2_147_483_648_u64, "modules": null},
        });
        assert_eq!(Json::Object(settings.members()), wanted);
        for wrong in ["", "much", "-1"] {
            count(wrong).unwrap_err();
            bytes(wrong).unwrap_err();
        }
    }
}
