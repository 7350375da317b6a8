//! Where a module is in a registry: `registry/repository:tag` or `registry/repository@sha256:…`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::PackageProblem;
use crate::limits::{MAX_NAME_BYTES, MAX_TAG_BYTES};
use crate::text;

const SHA256_DIGITS: usize = 64;

/// A reference to a module in a registry. The registry is always named: there is no default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl OciReference {
    /// The registry: a name or address, with a port or without.
    pub fn registry(&self) -> &str {
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
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The same, pinned.
    pub fn pinned(&self, digest: &str) -> Self {
        Self {
            digest: Some(digest.to_owned()),
            ..self.clone()
        }
    }

    /// What to ask the registry for: the digest when there is one.
    pub(super) fn version(&self) -> &str {
        let version = self.digest.as_deref().or(self.tag.as_deref());
        version.unwrap_or("latest")
    }

    /// The last part of the repository.
    pub(super) fn last_part(&self) -> &str {
        let last = self.repository.rsplit('/').next();
        last.unwrap_or_default()
    }

    /// Whether the registry is this machine itself, where plain HTTP will do.
    pub fn is_loopback(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next(),
            None => self.registry.split(':').next(),
        };
        is_loopback_host(host.unwrap_or_default())
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

impl FromStr for OciReference {
    type Err = PackageProblem;

    fn from_str(reference: &str) -> Result<Self, PackageProblem> {
        parse(reference).map_err(|problem| PackageProblem::Reference {
            reference: text::clean_line(reference, MAX_NAME_BYTES),
            problem: problem.to_owned(),
        })
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn parse(reference: &str) -> Result<OciReference, &'static str> {
    let (named, digest) = match reference.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (reference, None),
    };
    let (registry, rest) = named
        .split_once('/')
        .ok_or("it has to begin with the registry, as in `registry.example/repository:1.0.0`")?;
    let (repository, tag) = match rest.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (rest, None),
    };
    if !is_registry(registry) {
        return Err("what is before the first `/` is no name or address of a registry");
    }
    if repository.len() > MAX_NAME_BYTES || !repository.split('/').all(is_repository_part) {
        return Err(
            "a repository has parts of lower-case letters and digits, with `.`, `_` or `-` between them",
        );
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(
            "a tag has letters, digits, `.`, `_` and `-`, and does not begin with `.` or `-`",
        );
    }
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Err("a digest is `sha256:` and 64 lower-case hexadecimal digits");
    }
    Ok(OciReference {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    })
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
        // `demo/worker` names no registry; `localhost/worker` does.
        let plausible = host.contains('.') || host == "localhost" || !port.is_empty();
        plausible && host.split('.').all(is_label) && host.len() <= MAX_NAME_BYTES
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

/// Whether a digest is one that can be checked here.
pub(super) fn is_digest(digest: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    digest
        .strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == SHA256_DIGITS && digits.chars().all(is_digit))
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
            let reference: OciReference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
        }
        let reference: OciReference = "registry.example/a/worker:1".parse().unwrap();
        assert_eq!(
            (reference.version(), reference.last_part()),
            ("1", "worker")
        );
        assert_eq!(reference.pinned(&digest).version(), digest);
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
            let problem = text.parse::<OciReference>().unwrap_err().to_string();
            assert!(!problem.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let is_loopback = |text: &str| text.parse::<OciReference>().unwrap().is_loopback();
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
