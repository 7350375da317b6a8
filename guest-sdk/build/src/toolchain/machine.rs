//! The machine as the search sees it, so that a test can show it another one.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command;
use crate::environment;

use super::NO_INSTALL;

/// Where programs and files are looked for, and what may be done.
pub(super) struct Machine {
    /// The project's directory: `rustup` picks the toolchain by it.
    pub(super) dir: PathBuf,
    /// Where programs are.
    pub(super) path: OsString,
    /// Where the system's compiler and libc are.
    pub(super) root: PathBuf,
    /// Whether things may be installed.
    pub(super) may_install: bool,
    /// Whether the system's package manager would obey.
    pub(super) is_root: bool,
    /// Held while something is installed.
    pub(super) lock: PathBuf,
    /// `rustup` downloads some 25 MB, or finds that it has no network.
    pub(super) rustup_time: Duration,
    /// `apt-get` downloads some 300 MB.
    pub(super) apt_time: Duration,
}

impl Machine {
    /// The one we run on.
    pub(super) fn this(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            path: std::env::var_os("PATH").unwrap_or_default(),
            root: PathBuf::from("/"),
            may_install: may_install(),
            is_root: is_root(),
            lock: cargo_home()
                .unwrap_or_else(std::env::temp_dir)
                .join(".external-worker-toolchain.lock"),
            rustup_time: Duration::from_secs(120),
            apt_time: Duration::from_secs(900),
        }
    }

    /// `program` of this machine, in the project's directory, without an outer build's variables.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        environment::clean(&mut command);
        command.current_dir(&self.dir).env("PATH", &self.path);
        command
    }

    /// Where `program` is, if anywhere on the path.
    pub(super) fn which(&self, program: &str) -> Option<PathBuf> {
        command::in_one_of(&self.path, program)
    }
}

/// Where cargo keeps what it downloaded.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from);
    set.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// Whether the user lets things be installed.
pub(crate) fn may_install() -> bool {
    allows(std::env::var_os(NO_INSTALL).as_deref())
}

fn allows(no_install: Option<&OsStr>) -> bool {
    no_install.is_none_or(|value| value.is_empty() || value == "0")
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // A process's directory belongs to its effective user; there is no other way without a crate.
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_is_turned_off_by_any_value_but_none() {
        assert!(allows(None));
        assert!(allows(Some("".as_ref())));
        assert!(allows(Some("0".as_ref())));
        assert!(!allows(Some("1".as_ref())));
        assert!(!allows(Some("true".as_ref())));
    }
}
