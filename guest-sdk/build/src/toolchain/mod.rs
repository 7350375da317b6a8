//! What compiles guests on this machine.

mod choice;
mod install;
mod machine;
mod packages;
mod present;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use choice::GUEST_TOOLCHAIN;
pub(crate) use install::{apt_command, rustup_command};
pub(crate) use machine::{cargo_home, may_install};

use crate::error::Error;
use crate::progress::Progress;
use choice::Choice;
use machine::Machine;
pub use packages::{DebianPackage, prepare_packages};

/// The target that guests are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// The variable that turns installing off, when it is neither empty nor `0`.
pub const NO_INSTALL: &str = "EWH_NO_INSTALL";

/// How the standard library of the target comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// It is installed beside rustc.
    Installed,
    /// Cargo builds it from the sources of the system's rustc. The wasi-libc that Debian has knows
    /// no sockets, so `std::net` does not link; WASI's own bindings do.
    BuildStd,
}

/// A compiler for guests that was found, with all it needs.
#[derive(Clone, Debug)]
pub struct Toolchain {
    rustc: String,
    std_sources: Option<PathBuf>,
    build_std: Option<BuildStd>,
}

/// What cargo has to be told to build `std` itself.
#[derive(Clone, Debug)]
struct BuildStd {
    rustc: PathBuf,
    wasi_libc: PathBuf,
    /// Where the linkers are, and then everything else.
    search: SearchPath,
}

#[derive(Clone, Debug)]
struct SearchPath {
    linkers: Vec<PathBuf>,
    rest: OsString,
}

impl Toolchain {
    /// Finds a toolchain for the current directory, or installs one and says so.
    pub fn find(progress: &mut dyn Progress) -> Result<Self, Error> {
        Self::find_for(Path::new("."), progress)
    }

    /// Finds a toolchain for the project in `dir`, which may name one in a `rust-toolchain.toml`;
    /// [`GUEST_TOOLCHAIN`] may narrow the search.
    pub fn find_for(dir: &Path, progress: &mut dyn Progress) -> Result<Self, Error> {
        if !dir.is_dir() {
            return Err(Error::NoManifest {
                dir: dir.to_owned(),
            });
        }
        install::find(&Machine::this(dir), Choice::of_environment()?, progress)
    }

    /// How `std` comes about.
    pub fn route(&self) -> Route {
        if self.build_std.is_some() {
            Route::BuildStd
        } else {
            Route::Installed
        }
    }

    /// One line for people: which compiler, whose `std`.
    pub fn describe(&self) -> String {
        let std = match self.route() {
            Route::Installed => "std installed",
            Route::BuildStd => "std built from source",
        };
        format!("{TARGET}: {}, {std}", self.rustc)
    }

    pub(crate) fn std_sources(&self) -> Option<&Path> {
        self.std_sources.as_deref()
    }

    /// Sets what cargo reads from its environment.
    pub(crate) fn prepare(&self, cargo: &mut Command) {
        let Some(build_std) = &self.build_std else {
            return;
        };
        cargo
            .env("RUSTC", &build_std.rustc)
            .env("RUSTC_BOOTSTRAP", "1");
        cargo.env("PATH", build_std.search.joined());
    }

    /// [`Self::prepare`] for people to type.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let Some(build_std) = &self.build_std else {
            return Vec::new();
        };
        let linkers = build_std
            .search
            .linkers
            .iter()
            .map(|dir| format!("{}:", dir.display()));
        let mut variables = vec![
            ("RUSTC", build_std.rustc.display().to_string()),
            ("RUSTC_BOOTSTRAP", "1".to_owned()),
            (
                "RUSTFLAGS",
                format!("-Lnative={}", build_std.wasi_libc.display()),
            ),
        ];
        if !build_std.search.linkers.is_empty() {
            variables.insert(0, ("PATH", format!("{}$PATH", linkers.collect::<String>())));
        }
        variables
    }

    /// Arguments for every cargo command that compiles.
    pub(crate) fn arguments(&self) -> &'static [&'static str] {
        match self.route() {
            Route::Installed => &[],
            // No features: they are a backtrace printer, which nothing calls in a component, and
            // unwinding, which the target does not do.
            Route::BuildStd => &["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="],
        }
    }

    pub(crate) fn rustflags(&self) -> Vec<OsString> {
        let flag = |build_std: &BuildStd| {
            let mut flag = OsString::from("-Lnative=");
            flag.push(&build_std.wasi_libc);
            flag
        };
        self.build_std.iter().map(flag).collect()
    }
}

impl SearchPath {
    fn joined(&self) -> OsString {
        let rest: Vec<PathBuf> = std::env::split_paths(&self.rest).collect();
        // Only a directory with the separator in its name cannot be joined, and then the linker
        // would not be found in it either.
        std::env::join_paths(self.linkers.iter().chain(&rest)).unwrap_or_else(|_| self.rest.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian() -> Toolchain {
        Toolchain {
            rustc: "rustc 1.96.0".into(),
            std_sources: Some("/usr/lib/rustlib/src/rust".into()),
            build_std: Some(BuildStd {
                rustc: "/usr/bin/rustc".into(),
                wasi_libc: "/usr/lib/wasm32-wasi".into(),
                search: SearchPath {
                    linkers: vec!["/ld".into()],
                    rest: "/bin".into(),
                },
            }),
        }
    }

    #[test]
    fn built_std_needs_all_of_it() {
        let toolchain = debian();
        assert_eq!(toolchain.route(), Route::BuildStd);
        assert_eq!(toolchain.rustflags(), ["-Lnative=/usr/lib/wasm32-wasi"]);
        assert_eq!(
            toolchain.describe(),
            "wasm32-wasip2: rustc 1.96.0, std built from source"
        );
        let variables = toolchain.variables();
        assert_eq!(variables.first(), Some(&("PATH", "/ld:$PATH".to_owned())));
        assert_eq!(variables.len(), 4);
    }

    #[cfg(unix)]
    #[test]
    fn linkers_come_first() {
        let search = SearchPath {
            linkers: vec!["/ld".into(), "/gcc-ld".into()],
            rest: "/b:/c".into(),
        };
        assert_eq!(search.joined(), "/ld:/gcc-ld:/b:/c");
    }

    #[test]
    fn installed_std_needs_nothing() {
        let toolchain = Toolchain {
            rustc: "rustc 1.95.0".into(),
            std_sources: None,
            build_std: None,
        };
        assert_eq!(toolchain.route(), Route::Installed);
        assert!(toolchain.arguments().is_empty());
        assert!(toolchain.rustflags().is_empty());
        assert!(toolchain.variables().is_empty());
    }
}
