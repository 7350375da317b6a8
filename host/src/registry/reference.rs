//! Where a module is in a registry: `registry/repository:tag` or `registry/repository@sha256:…`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Digest, RegistryError};
use crate::limits::{MAX_NAME_BYTES, MAX_TAG_BYTES};
use crate::text;

/// The registry that is known under several names: what it is called in references, the other names, and
/// where it answers.
const HUB: &str = "docker.io";
const OTHER_NAMES_OF_HUB: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
const HOST_OF_HUB: &str = "registry-1.docker.io";
/// What logins for it are kept under.
const LOGIN_OF_HUB: &str = "https://index.docker.io/v1/";
/// Where its repositories are that have no owner.
const OFFICIAL: &str = "library/";

/// The name of a registry: that of a host, or an address, with a port or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryName(String);

/// A reference to a module in a registry. The registry is always named: there is no default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    registry: RegistryName,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl RegistryName {
    /// As references begin with it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it answers, as in an address.
    pub(super) fn authority(&self) -> &str {
        if self.0 == HUB { HOST_OF_HUB } else { &self.0 }
    }

    /// What its logins are kept under, by docker and whoever does as docker does.
    pub(super) fn login_key(&self) -> &str {
        if self.0 == HUB { LOGIN_OF_HUB } else { &self.0 }
    }

    /// Whether it is this machine itself, where plain HTTP will do.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    /// Without the port.
    fn host(&self) -> &str {
        let host = match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next(),
            None => self.0.split(':').next(),
        };
        host.unwrap_or_default()
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegistryName {
    type Err = RegistryError;

    /// Takes an address of a registry, too: `https://registry.example/`.
    fn from_str(name: &str) -> Result<Self, RegistryError> {
        let bare = name.strip_prefix("https://").unwrap_or(name);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        registry(bare).ok_or_else(|| RegistryError::Name {
            name: text::clean_line(name, MAX_NAME_BYTES),
        })
    }
}

impl Reference {
    /// The registry.
    pub fn registry(&self) -> &RegistryName {
        &self.registry
    }

    /// The repository in it.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest, which pins what is taken.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same, pinned.
    pub(super) fn pinned(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// What to ask the registry for: the digest when there is one.
    pub(super) fn version(&self) -> &str {
        let digest = self.digest.as_ref().map(Digest::as_str);
        digest.or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// The last part of the repository.
    pub fn last_part(&self) -> &str {
        let last = self.repository.rsplit('/').next();
        last.unwrap_or_default()
    }
}

/// Whether a host can only be this machine. A name is believed only if it is `localhost`.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl FromStr for Reference {
    type Err = RegistryError;

    fn from_str(reference: &str) -> Result<Self, RegistryError> {
        parse(reference).map_err(|problem| RegistryError::Reference {
            reference: text::clean_line(reference, MAX_NAME_BYTES),
            problem: problem.to_owned(),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Under its first name, a repository without an owner is another.
        let registry = if self.registry.0 == HUB && !self.repository.contains('/') {
            HOST_OF_HUB
        } else {
            &self.registry.0
        };
        write!(f, "{registry}/{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn parse(reference: &str) -> Result<Reference, &'static str> {
    let (named, digest) = match reference.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (reference, None),
    };
    let (host, rest) = named
        .split_once('/')
        .ok_or("it has to begin with the registry, as in `registry.example/repository:1.0.0`")?;
    let (repository, tag) = match rest.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (rest, None),
    };
    // `demo/worker` names no registry; `localhost/worker` does.
    let plausible = host.contains(['.', ':']) || host == "localhost";
    let registry = registry(host)
        .filter(|_| plausible)
        .ok_or("the part before the first `/` is not the name or address of a registry")?;
    if repository.len() > MAX_NAME_BYTES || !repository.split('/').all(is_repository_part) {
        return Err(
            "the name has parts of lower-case letters and digits, with `.`, `_` or `-` between them",
        );
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(
            "a tag has letters, digits, `.`, `_` and `-`, and does not begin with `.` or `-`",
        );
    }
    let digest = digest.map(Digest::parse).map(|digest| {
        digest.ok_or(
            "a digest is `sha256:` and 64 lower-case hexadecimal digits, or `sha512:` and 128",
        )
    });
    // One that says exactly where it is may have repositories of no owner.
    let is_official = registry.0 == HUB && host != HOST_OF_HUB && !repository.contains('/');
    let owner = if is_official { OFFICIAL } else { "" };
    Ok(Reference {
        registry,
        repository: format!("{owner}{repository}"),
        tag: tag.map(str::to_owned),
        digest: digest.transpose()?,
    })
}

/// The registry of this name, in the one spelling of it.
fn registry(name: &str) -> Option<RegistryName> {
    let name = name.to_ascii_lowercase();
    if OTHER_NAMES_OF_HUB.contains(&name.as_str()) {
        return Some(RegistryName(HUB.to_owned()));
    }
    is_registry(&name).then_some(RegistryName(name))
}

fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) => (host, port),
            None => return false,
        },
        None => registry.split_at(registry.find(':').unwrap_or(registry.len())),
    };
    let is_port = |port: &str| {
        port.strip_prefix(':')
            .is_some_and(|p| p.parse::<u16>().is_ok())
    };
    let is_host = if registry.starts_with('[') {
        host.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        host.split('.').all(is_label) && host.len() <= MAX_NAME_BYTES
    };
    is_host && (port.is_empty() || is_port(port))
}

fn is_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !label.is_empty()
        && label.chars().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_repository_part(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(plain)
        && part.ends_with(plain)
        && part.chars().all(|c| plain(c) || "._-".contains(c))
        && !part.contains("..")
}

fn is_tag(tag: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let inner = |c: char| first(c) || c == '.' || c == '-';
    tag.starts_with(first) && tag.chars().all(inner) && tag.len() <= MAX_TAG_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_written_as_they_are_read() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        for text in [
            "registry.example/worker",
            "localhost/worker:1.0.0",
            "localhost:5000/a/b-c/d_e.f:v1",
            "127.0.0.1:5000/worker:latest",
            "[::1]:5000/worker",
            &format!("registry.example/worker@{digest}"),
            &format!("registry.example/worker:1.0.0@{digest}"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
        }
        let reference: Reference = "registry.example/a/worker:1".parse().unwrap();
        assert_eq!(
            (reference.version(), reference.last_part()),
            ("1", "worker")
        );
        let pinned = reference.pinned(Digest::parse(&digest).unwrap());
        assert_eq!(pinned.version(), digest);
    }

    #[test]
    fn the_hub_is_one_registry_under_all_its_names() {
        let table = [
            ("docker.io/worker", "docker.io/library/worker"),
            ("docker.io/team/worker:1", "docker.io/team/worker:1"),
            ("index.docker.io/worker:1", "docker.io/library/worker:1"),
            ("registry-1.docker.io/worker", "registry-1.docker.io/worker"),
            ("registry-1.docker.io/library/a", "docker.io/library/a"),
            ("Docker.io/worker", "docker.io/library/worker"),
        ];
        for (text, expected) in table {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), expected, "{text}");
            let registry = reference.registry();
            assert_eq!(registry.authority(), "registry-1.docker.io");
            assert_eq!(registry.login_key(), "https://index.docker.io/v1/");
        }
        let other: RegistryName = "https://registry.example:5000/".parse().unwrap();
        assert_eq!(other.authority(), "registry.example:5000");
        assert_eq!(other.login_key(), other.authority());
        for wrong in [
            "",
            "http://registry.example",
            "a/b",
            "a b",
            "user@registry.example",
        ] {
            wrong.parse::<RegistryName>().unwrap_err();
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "worker",
            "demo/worker",
            "http://registry.example/worker",
            "registry.example/",
            "registry.example/../worker",
            "registry.example/a//b",
            "registry.example/Worker",
            "user:password@registry.example/worker",
            "registry.example:99999/worker",
            "registry.example/worker:",
            "registry.example/worker:-x",
            "registry.example/worker@",
            "registry.example/worker@sha256:12",
            "registry.example/worker?x=y",
            "[::1/worker",
            "registry.example/worker@sha512:0123",
            "-a.example/worker",
            "registry.example/a\nb",
        ] {
            let problem = text.parse::<Reference>().unwrap_err().to_string();
            assert!(!problem.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let is_loopback = |text: &str| text.parse::<Reference>().unwrap().registry().is_loopback();
        for here in [
            "localhost/a",
            "localhost:5000/a",
            "127.0.0.1:5000/a",
            "127.9.9.9/a",
            "[::1]:1/a",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for there in [
            "localhost.example/a",
            "127.0.0.1.example/a",
            "10.0.0.1:5000/a",
            "[::2]:1/a",
            "host:5000/a",
        ] {
            assert!(!is_loopback(there), "{there}");
        }
    }
}
