//! Where the SDK of a new crate comes from, and from there the command `ewh` for whoever checks it elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::error::CliError;
use crate::error::HostError;
use crate::limits::MAX_SHOWN_CHARS;
use crate::text;

/// Where the SDK was when this program was built; there, when it was built from a checkout.
pub(super) const OF_CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-sdk");
/// Where cargo keeps what it installs from; it takes that away when it likes.
const OF_CARGO: &str = "/git/checkouts/";
/// The directory of the SDK in a clone.
const DIRECTORY: &str = "guest-sdk";
/// The package of the command `ewh`.
const COMMAND: &str = "external-worker-host";

/// Where the SDK comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sdk {
    /// A directory of this machine.
    Path(PathBuf),
    /// A repository, and the revision of it if one was named.
    Git { url: String, rev: Option<String> },
    /// A registry of cargo.
    Version(String),
}

impl Sdk {
    /// What was `asked` for, or else the checkout that this program was built from.
    ///
    /// # Errors
    /// When that is not the SDK, or it is not known where the SDK is.
    pub(super) fn find(asked: Option<&str>) -> Result<Self, CliError> {
        match asked {
            Some(asked) => Self::named(asked),
            None if !OF_CHECKOUT.contains(OF_CARGO) && is_crate(Path::new(OF_CHECKOUT)) => {
                absolute(Path::new(OF_CHECKOUT)).map(Self::Path)
            }
            None => Err(CliError::Usage(
                "the SDK is not on this machine; say where it is with --sdk: the directory \
                 `guest-sdk` of a clone, the git URL of its repository, or a version that a \
                 registry has"
                    .to_owned(),
            )),
        }
    }

    fn named(asked: &str) -> Result<Self, CliError> {
        let path = Path::new(asked);
        for dir in [&path.join(DIRECTORY), path] {
            if is_crate(dir) {
                return absolute(dir).map(Self::Path);
            }
        }
        if asked.contains("://") {
            return git(asked);
        }
        if semver::VersionReq::parse(asked).is_ok() {
            return Ok(Self::Version(asked.to_owned()));
        }
        let shown = text::spelled(asked, MAX_SHOWN_CHARS);
        Err(CliError::Usage(format!(
            "`{shown}` is not where the SDK is: it has no Cargo.toml, and is not a git URL or a version; \
             name the directory `guest-sdk`, a URL such as `https://git.example.org/lab/workers`, or a \
             version such as `0.1.0`"
        )))
    }

    /// The right side of `external-worker =`.
    pub(super) fn dependency(&self) -> String {
        // TOML's basic strings escape as JSON's do.
        match self {
            Self::Path(path) => format!("{{ path = {} }}", json!(path.display().to_string())),
            Self::Git { url, rev: None } => format!("{{ git = {} }}", json!(url)),
            Self::Git {
                url,
                rev: Some(rev),
            } => format!("{{ git = {}, rev = {} }}", json!(url), json!(rev)),
            Self::Version(version) => json!(version).to_string(),
        }
    }

    /// What `cargo install` is to be told so that it installs `ewh` on any machine; `None`: no other machine
    /// has it.
    pub(super) fn install(&self) -> Option<String> {
        match self {
            Self::Path(_) => None,
            Self::Git { url, rev: None } => Some(format!("--git {url} {COMMAND}")),
            Self::Git {
                url,
                rev: Some(rev),
            } => Some(format!("--git {url} --rev {rev} {COMMAND}")),
            Self::Version(version) => Some(format!("--version '{version}' {COMMAND}")),
        }
    }

    /// Why it is what it is.
    pub(super) const fn why(&self) -> &'static str {
        match self {
            Self::Path(_) => {
                "a directory of this machine; no other machine builds the crate, so it has no workflow \
                 for CI: name the repository with --sdk GIT-URL to have one"
            }
            Self::Git { .. } => "the repository that --sdk names",
            Self::Version(_) => "the version that --sdk names, which a registry of cargo must have",
        }
    }
}

fn is_crate(dir: &Path) -> bool {
    fs::read_to_string(dir.join("Cargo.toml"))
        .is_ok_and(|manifest| manifest.contains("name = \"external-worker\""))
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    fs::canonicalize(path).map_err(|source| {
        CliError::Host(HostError::File {
            action: "find",
            path: path.to_owned(),
            source,
        })
    })
}

/// `https://git.example.org/lab/workers#v1`. It becomes part of a shell's line, so it has only what means
/// nothing there.
fn git(asked: &str) -> Result<Sdk, CliError> {
    let is_plain = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:@+%".contains(c);
        !text.is_empty() && text.chars().all(plain)
    };
    let (url, rev) = match asked.split_once('#') {
        Some((url, rev)) => (url, Some(rev)),
        None => (asked, None),
    };
    let is_rev = |rev: &str| is_plain(rev) && !rev.starts_with('-');
    if !is_plain(url) || !rev.is_none_or(is_rev) {
        let shown = text::spelled(asked, MAX_SHOWN_CHARS);
        return Err(CliError::Usage(format!(
            "`{shown}` is not a git URL that can be written into a workflow; use letters, digits and \
             `-._~/:@+%`, and `#REVISION` at its end"
        )));
    }
    Ok(Sdk::Git {
        url: url.to_owned(),
        rev: rev.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_a_directory_a_repository_or_a_version() {
        let clone = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        for path in [OF_CHECKOUT, clone] {
            let found = Sdk::find(Some(path)).unwrap();
            assert_eq!(found, Sdk::find(None).unwrap());
            assert_eq!(found.install(), None);
        }
        let git = Sdk::find(Some("https://git.example.org/lab/w.git#v1")).unwrap();
        let dependency = r#"{ git = "https://git.example.org/lab/w.git", rev = "v1" }"#;
        assert_eq!(git.dependency(), dependency);
        let install = "--git https://git.example.org/lab/w.git --rev v1 external-worker-host";
        assert_eq!(git.install().as_deref(), Some(install));
        assert_eq!(Sdk::find(Some("0.1.0")).unwrap().dependency(), "\"0.1.0\"");
        for wrong in [
            "",
            "/nonexistent",
            env!("CARGO_MANIFEST_DIR"),
            "git@example.org:lab/w",
            "https://x/$(id)",
            "https://x/y; id",
            "https://x/y#-z",
            "https://x/y#",
            "https://x/\ny",
        ] {
            let problem = Sdk::find(Some(wrong)).unwrap_err().to_string();
            assert!(problem.contains("git URL"), "{wrong}: {problem}");
        }
    }
}
