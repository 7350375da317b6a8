//! One typed grant for each capability: what an operator writes, and what it allows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytesize::ByteSize;
use external_worker_secrets::SecretName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::pattern::{HostPattern, PortPattern};
use super::until::Until;
use crate::limits::{MAX_GRANTED_SECRETS, MAX_MEASURED_NAMES, MAX_SHOWN_CHARS};
use crate::text::spelled;

/// A serial port that may be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SerialGrant {
    /// What the worker calls the port.
    pub name: String,
    /// The device file, such as "/dev/ttyUSB0". Either this or `usb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<PathBuf>,
    /// The USB device, as "vendor:product" or "vendor:product:serial-number". Either this or
    /// `device`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usb: Option<UsbId>,
    /// The rates that may be set; if empty, any rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baud_rates: Vec<u32>,
    /// When the grant ends, such as 2026-12-24T18:00:00Z; if not set, it does not. What is open by then is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

/// How a serial port is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SerialTarget<'a> {
    /// By its device file.
    Device(&'a Path),
    /// By what the USB device says of itself.
    Usb(&'a UsbId),
}

impl SerialGrant {
    /// How to find the port; `None` when the grant names neither or both, which a checked policy
    /// never does.
    pub fn target(&self) -> Option<SerialTarget<'_>> {
        match (&self.device, &self.usb) {
            (Some(device), None) => Some(SerialTarget::Device(device)),
            (None, Some(usb)) => Some(SerialTarget::Usb(usb)),
            _ => None,
        }
    }

    /// Whether the rate may be set.
    pub fn allows(&self, baud_rate: u32) -> bool {
        self.baud_rates.is_empty() || self.baud_rates.contains(&baud_rate)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if name.is_empty() {
            return Err("a [[serial]] grant has an empty `name`".into());
        }
        if self.target().is_none() {
            return Err(format!(
                "the [[serial]] grant `{name}` needs either `device` or `usb`, and not both"
            ));
        }
        if self.baud_rates.contains(&0) {
            return Err(format!(
                "the [[serial]] grant `{name}` lists the baud rate 0"
            ));
        }
        Ok(())
    }
}

/// A USB device by vendor, product and, to tell twins apart, serial number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsbId {
    /// Vendor id.
    pub vendor: u16,
    /// Product id.
    pub product: u16,
    /// Serial number; `None`: any.
    pub serial_number: Option<String>,
}

impl FromStr for UsbId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let problem = || {
            format!("`{text}` is not a USB device: write `0403:6001` or `0403:6001:SERIALNUMBER`")
        };
        let hex = |part: &str| {
            let plain = part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit());
            plain
                .then(|| u16::from_str_radix(part, 16).ok())
                .flatten()
                .ok_or_else(problem)
        };
        let mut parts = text.splitn(3, ':');
        let vendor = hex(parts.next().unwrap_or_default())?;
        let product = hex(parts.next().unwrap_or_default())?;
        let serial_number = parts.next().map(str::to_owned);
        if serial_number.as_deref() == Some("") {
            return Err(problem());
        }
        Ok(Self {
            vendor,
            product,
            serial_number,
        })
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)?;
        match &self.serial_number {
            Some(number) => write!(f, ":{number}"),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for UsbId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl Serialize for UsbId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for UsbId {
    fn schema_name() -> Cow<'static, str> {
        "UsbId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "vendor:product or vendor:product:serial-number, ids in hexadecimal.",
            "type": "string",
            "pattern": "^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}(:.+)?$",
        })
    }
}

/// A directory of the host that the worker sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FilesGrant {
    /// The directory of the host; it has to exist.
    pub host: PathBuf,
    /// Where the worker sees it, such as "/files".
    pub guest: String,
    /// Whether it may write; "ro" if not set.
    #[serde(default)]
    pub mode: Mode,
    /// How many bytes the directory may reach through this worker's writing; if not set, there is no
    /// limit. Only with mode "rw".
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_quota"
    )]
    #[schemars(with = "Option<crate::limits::Size>")]
    pub quota: Option<ByteSize>,
    /// How many files, folders and links the directory may reach through this worker's writing. If not set:
    /// 100,000 with a `quota`, of which each of them takes 4 KiB, and any number without. Only with mode "rw".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 250_000))]
    pub max_files: Option<u64>,
    /// When the grant ends, such as 2026-12-24T18:00:00Z; if not set, it does not. What is open by then is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

fn write_quota<S: Serializer>(quota: &Option<ByteSize>, serializer: S) -> Result<S::Ok, S::Error> {
    match quota {
        Some(quota) => crate::limits::write_size(quota, serializer),
        None => serializer.serialize_none(),
    }
}

impl FilesGrant {
    /// Whether both grant the same, whenever they end.
    pub fn is_as(&self, other: &Self) -> bool {
        let until = self.until;
        *self
            == Self {
                until,
                ..other.clone()
            }
    }

    /// Whether what `other` opened may stay open.
    pub fn covers(&self, other: &Self) -> bool {
        let is_same = (&self.host, &self.guest) == (&other.host, &other.guest);
        is_same && (self.mode == Mode::Rw || other.mode == Mode::Ro)
    }

    /// Whether the grant covers the absolute guest path `path`, for writing or only for reading.
    pub fn allows(&self, path: &str, write: bool) -> bool {
        let inside = Path::new(path).starts_with(&self.guest);
        inside && (!write || self.mode == Mode::Rw)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let guest = &self.guest;
        let plain = guest.starts_with('/')
            && guest.split('/').all(|part| part != "." && part != "..")
            && !guest.contains('\0')
            && (guest == "/" || !guest.ends_with('/'));
        if !plain {
            return Err(format!(
                "the [[files]] grant's `guest` is `{guest}`; write an absolute path such as \
                 `/files`, without `..` and without a final `/`"
            ));
        }
        if !self.host.is_absolute() {
            let host = self.host.display();
            return Err(format!(
                "the [[files]] grant for `{guest}` has the relative `host` `{host}`; write an \
                 absolute path"
            ));
        }
        let limits = [
            ("quota", self.quota.is_some()),
            ("max-files", self.max_files.is_some()),
        ];
        if let (Some((key, _)), Mode::Ro) = (limits.iter().find(|(_, is)| *is), self.mode) {
            return Err(format!(
                "the [[files]] grant for `{guest}` has a `{key}` but is read-only; remove it or \
                 write mode = \"rw\""
            ));
        }
        if let Some(files) = self.max_files.filter(|files| *files > MAX_MEASURED_NAMES) {
            return Err(format!(
                "the [[files]] grant for `{guest}` has max-files = {files}; at most \
                 {MAX_MEASURED_NAMES} are counted"
            ));
        }
        Ok(())
    }
}

/// A folder of its own for each instance, which the host keeps for it: the worker sees it as `/data`. It is
/// there again after a restart, a trap, new code and a restart of the host, and goes with the instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DataGrant {
    /// How many bytes the folder may reach; each file, folder and link in it takes 4 KiB besides.
    #[serde(serialize_with = "crate::limits::write_size")]
    #[schemars(with = "crate::limits::Size")]
    pub quota: ByteSize,
    /// How many files, folders and links may be in it; 100,000 if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 250_000))]
    pub max_files: Option<u64>,
}

impl DataGrant {
    /// Where the worker sees it.
    pub const GUEST: &str = "/data";

    /// Whether it covers the absolute guest path `path`.
    pub fn allows(path: &str) -> bool {
        Path::new(path).starts_with(Self::GUEST)
    }

    /// Whether a directory at the guest path `guest` would hide it or lie in it.
    pub fn is_in_the_way(guest: &str) -> bool {
        Self::allows(guest) || Path::new(Self::GUEST).starts_with(guest)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match self.max_files.filter(|files| *files > MAX_MEASURED_NAMES) {
            Some(files) => Err(format!(
                "the [data] grant has max-files = {files}; at most {MAX_MEASURED_NAMES} are counted"
            )),
            None => Ok(()),
        }
    }
}

/// What may be done with files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Read only.
    #[default]
    Ro,
    /// Read and write.
    Rw,
}

/// Peers that may be connected to, or addresses that may be bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SocketsGrant {
    /// "tcp", "udp" or "both".
    pub protocol: Protocols,
    /// "connect": to reach others. "bind": to be reached.
    #[serde(default)]
    pub direction: Direction,
    /// The peer to reach, or the own address to bind.
    pub host: HostPattern,
    /// The ports; for "bind", 0 means a free port of the system's choice.
    pub ports: Vec<PortPattern>,
    /// When the grant ends, such as 2026-12-24T18:00:00Z; if not set, it does not. What is open by then is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

impl SocketsGrant {
    /// Whether the grant is for this protocol and direction at all.
    pub fn is_for(&self, protocol: Protocol, direction: Direction) -> bool {
        let protocols = match self.protocol {
            Protocols::Both => true,
            Protocols::Tcp => protocol == Protocol::Tcp,
            Protocols::Udp => protocol == Protocol::Udp,
        };
        protocols && self.direction == direction
    }

    /// Whether the grant reaches the address, by itself or through a name that was resolved to it.
    pub fn reaches(&self, address: IpAddr, names: &[String]) -> bool {
        self.host.reaches(address)
            || (super::address::special(address).is_none()
                && names.iter().any(|name| self.host.matches_name(name)))
    }

    /// Whether the grant is about the port.
    pub fn allows_port(&self, port: u16) -> bool {
        self.ports.iter().any(|ports| ports.matches(port))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let host = &self.host;
        if self.ports.is_empty() {
            return Err(format!(
                "the [[sockets]] grant for `{host}` has no `ports`; write for example \
                 ports = [6379], or ports = [\"*\"] for all"
            ));
        }
        let named = matches!(
            host,
            HostPattern::Name(_) | HostPattern::Below(_) | HostPattern::Any
        );
        if self.direction == Direction::Bind && named {
            return Err(format!(
                "the [[sockets]] grant for `{host}` has direction = \"bind\"; an address is \
                 needed there, such as \"127.0.0.1\", or \"0.0.0.0\" for all own addresses"
            ));
        }
        Ok(())
    }
}

/// The protocols of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocols {
    /// TCP only.
    Tcp,
    /// UDP only.
    Udp,
    /// TCP and UDP.
    Both,
}

/// The protocol of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As policies spell it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Who starts to talk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The worker reaches others.
    #[default]
    Connect,
    /// Others reach the worker.
    Bind,
}

/// Servers that may be asked over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpGrant {
    /// The server.
    pub host: HostPattern,
    /// The methods, in capitals; "*" stands for all.
    pub methods: Vec<String>,
    /// "http" or "https"; if not set, both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The ports; if not set, 80 for http and 443 for https.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortPattern>,
    /// Secrets of the tenant, by name: where a header of a request that this grant allows has {{secret:NAME}}, the host
    /// sends the secret. Only over https, or to this machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// When the grant ends, such as 2026-12-24T18:00:00Z; if not set, it does not. What is open by then is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

impl HttpGrant {
    /// Whether the grant is about this scheme and port.
    pub fn allows_port(&self, scheme: Scheme, port: u16) -> bool {
        let port_fits = match self.ports.as_slice() {
            [] => port == scheme.default_port(),
            ports => ports.iter().any(|pattern| pattern.matches(port)),
        };
        port_fits && self.scheme.is_none_or(|own| own == scheme)
    }

    /// Whether the grant is about this method.
    pub fn allows_method(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == "*" || own == method)
    }

    /// Whether the grant is about this host: a name in its normal spelling, or an address.
    pub fn is_about(&self, host: &str) -> bool {
        match host.parse::<IpAddr>() {
            Ok(address) => self.host.reaches(address),
            Err(_name) => self.host.matches_name(host),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.check_secrets()?;
        let host = &self.host;
        if self.methods.is_empty() {
            return Err(format!(
                "the [[http]] grant for `{host}` has no `methods`; write for example \
                 methods = [\"GET\"]"
            ));
        }
        let odd = |method: &&String| {
            *method != "*" && !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')
        };
        match self.methods.iter().find(odd) {
            Some(method) => Err(format!(
                "the [[http]] grant for `{host}` lists the method `{method}`; methods are in \
                 capitals, such as `{}`",
                method.to_ascii_uppercase()
            )),
            None => Ok(()),
        }
    }

    fn check_secrets(&self) -> Result<(), String> {
        let host = &self.host;
        if self.secrets.len() > MAX_GRANTED_SECRETS {
            return Err(format!(
                "the [[http]] grant for `{host}` names {} secrets; at most {MAX_GRANTED_SECRETS} fit",
                self.secrets.len()
            ));
        }
        for name in &self.secrets {
            let named = name.parse::<SecretName>();
            named.map_err(|problem| format!("the [[http]] grant for `{host}`: {problem}"))?;
        }
        let in_clear = self.scheme == Some(Scheme::Http) && !host.is_loopback();
        if in_clear && !self.secrets.is_empty() {
            return Err(format!(
                "the [[http]] grant for `{host}` has `secrets` and scheme = \"http\", where everybody on the way could \
                 read them; write scheme = \"https\""
            ));
        }
        Ok(())
    }
}

/// A scheme of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Without encryption.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As in an address.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is meant when none is said.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The variable with the key of all secrets, which is nobody's but the host's.
const SECRETS_KEY: &str = "EWH_SECRETS_KEY";

/// Environment variables that the worker sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvGrant {
    /// Variables and their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
    /// Variables that are passed on from the host, where it has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherit: Vec<String>,
}

impl EnvGrant {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.inherit.iter().any(|name| name == SECRETS_KEY) {
            return Err(format!(
                "the [env] grant passes on `{SECRETS_KEY}`, which opens the secrets of all tenants; remove it"
            ));
        }
        let odd = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
        match self.vars.keys().chain(&self.inherit).find(odd) {
            Some(name) => Err(format!(
                "the [env] grant names the variable `{}`; a name is not empty and has no `=`",
                spelled(name, MAX_SHOWN_CHARS)
            )),
            None => Ok(()),
        }
    }
}

/// A capability that is granted as a whole or not: `true`, `false`, or an empty table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Switch(pub bool);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SwitchVisitor;

        impl<'de> Visitor<'de> for SwitchVisitor {
            type Value = Switch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Switch, E> {
                Ok(Switch(value))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Switch, A::Error> {
                match map.next_key::<String>()? {
                    None => Ok(Switch(true)),
                    Some(key) => Err(de::Error::unknown_field(&key, &[])),
                }
            }
        }

        deserializer.deserialize_any(SwitchVisitor)
    }
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self.0)
    }
}

impl JsonSchema for Switch {
    fn schema_name() -> Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Granted as a whole: true, or an empty table.",
            "anyOf": [
                { "type": "boolean" },
                { "type": "object", "additionalProperties": false },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usb_ids_are_exact() {
        let id: UsbId = "0403:6001:A1:B".parse().unwrap();
        assert_eq!((id.vendor, id.product), (0x0403, 0x6001));
        assert_eq!(id.serial_number.as_deref(), Some("A1:B"));
        assert_eq!(id.to_string(), "0403:6001:A1:B");
        for wrong in [
            "",
            "0403",
            "0403:600",
            "0403:6001:",
            "+403:6001",
            "0403:60011",
        ] {
            wrong.parse::<UsbId>().unwrap_err();
        }
    }

    #[test]
    fn a_files_grant_covers_its_directory_and_nothing_beside_it() {
        let grant = FilesGrant {
            until: None,
            host: "/srv/data".into(),
            guest: "/data".into(),
            mode: Mode::Ro,
            quota: None,
            max_files: None,
        };
        assert!(grant.allows("/data", false));
        assert!(grant.allows("/data/a/b", false));
        assert!(!grant.allows("/database", false));
        assert!(!grant.allows("/data/a", true));
        assert!(!grant.allows("/", false));
    }

    #[test]
    fn no_directory_of_the_host_is_in_the_way_of_the_folder_of_its_own() {
        for guest in ["/", "/data", "/data/a"] {
            assert!(DataGrant::is_in_the_way(guest), "{guest}");
        }
        for guest in ["/database", "/files", "/files/data"] {
            assert!(!DataGrant::is_in_the_way(guest), "{guest}");
        }
    }

    #[test]
    fn http_ports_follow_the_scheme_unless_the_grant_names_them() {
        let mut grant = HttpGrant {
            until: None,
            host: HostPattern::Any,
            methods: vec!["GET".into()],
            scheme: None,
            ports: Vec::new(),
            secrets: Vec::new(),
        };
        assert!(grant.allows_port(Scheme::Https, 443));
        assert!(!grant.allows_port(Scheme::Https, 80));
        assert!(!grant.allows_port(Scheme::Http, 8080));
        grant.scheme = Some(Scheme::Https);
        assert!(!grant.allows_port(Scheme::Http, 80));
        grant.ports = vec![PortPattern::single(8080)];
        assert!(grant.allows_port(Scheme::Https, 8080));
        assert!(!grant.allows_port(Scheme::Https, 443));
        assert!(!grant.allows_method("get"));
    }
}
