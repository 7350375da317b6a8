//! Looks for a toolchain among what is installed already. Changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::command;
use crate::error::Error;

use super::choice::Choice;
use super::machine::Machine;
use super::{BuildStd, Route, SearchPath, TARGET, Toolchain};

/// Asking rustc a question is quick, unless rustup fetches the toolchain that a project names.
const QUESTION_TIME: Duration = Duration::from_secs(300);

const COMPONENT_LINKER: &str = "wasm-component-ld";
const WASM_LINKER: &str = "wasm-ld";

/// The rustc that `cargo` would use.
struct Rustc {
    version: Version,
    host: String,
    sysroot: PathBuf,
    target_libdir: PathBuf,
}

/// What looking around gave.
pub(super) struct Present {
    /// A complete toolchain.
    pub(super) toolchain: Option<Toolchain>,
    /// Why each way that was looked at leads nowhere as yet.
    pub(super) missing: Vec<String>,
    /// Whether Debian's packages would complete the second way.
    pub(super) packages_would_help: bool,
}

/// Looks at the ways that `choice` allows, the installed target first.
pub(super) fn look(machine: &Machine, choice: Choice) -> Result<Present, Error> {
    let rustc = ask(machine, "rustc".as_ref())?;
    let wants_installed = choice.allows(Route::Installed);
    if wants_installed && has_std(&rustc.target_libdir) {
        let toolchain = Toolchain {
            rustc: rustc.version.to_string(),
            std_sources: Some(sources(&rustc.sysroot)).filter(|dir| dir.is_dir()),
            build_std: None,
        };
        return Ok(Present::complete(toolchain));
    }
    let mut missing: Vec<String> = choice.narrows().into_iter().collect();
    if wants_installed {
        let version = &rustc.version;
        missing.push(format!(
            "the target {TARGET} is not installed for {version}"
        ));
    }
    if !choice.allows(Route::BuildStd) {
        return Ok(Present::incomplete(missing, false));
    }
    let Some(linkers) = linkers(machine, &rustc) else {
        let no_linker = format!("{} has no {COMPONENT_LINKER}; rustup's has", rustc.version);
        missing.push(no_linker);
        return Ok(Present::incomplete(missing, false));
    };
    Ok(match system(machine, linkers) {
        Ok(toolchain) => Present::complete(toolchain),
        Err(problem) => {
            missing.push(problem);
            Present::incomplete(missing, true)
        }
    })
}

impl Present {
    fn complete(toolchain: Toolchain) -> Self {
        Self {
            toolchain: Some(toolchain),
            missing: Vec::new(),
            packages_would_help: false,
        }
    }

    fn incomplete(missing: Vec<String>, packages_would_help: bool) -> Self {
        Self {
            toolchain: None,
            missing,
            packages_would_help,
        }
    }
}

fn ask(machine: &Machine, rustc: &Path) -> Result<Rustc, Error> {
    let mut version = machine.command(rustc);
    version.arg("-vV");
    let version = command::run(version, QUESTION_TIME)?.stdout;
    let mut places = machine.command(rustc);
    places.args([
        "--print=sysroot",
        "--print=target-libdir",
        "--target",
        TARGET,
    ]);
    let places = command::run(places, QUESTION_TIME)?.stdout;
    let mut places = places.lines().map(PathBuf::from);
    Ok(Rustc {
        version: Version::parse(field(&version, "release").unwrap_or_default()),
        host: field(&version, "host").unwrap_or_default().to_owned(),
        sysroot: places.next().unwrap_or_default(),
        target_libdir: places.next().unwrap_or_default(),
    })
}

fn has_std(libdir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(libdir) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

fn sources(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust")
}

/// The directories to search for linkers before all others; none, when they are on the path anyhow.
fn linkers(machine: &Machine, rustc: &Rustc) -> Option<Vec<PathBuf>> {
    let own = rustc
        .sysroot
        .join("lib/rustlib")
        .join(&rustc.host)
        .join("bin");
    let wrappers = own.join("gcc-ld");
    if own.join(COMPONENT_LINKER).is_file() && wrappers.join(WASM_LINKER).is_file() {
        return Some(vec![own, wrappers]);
    }
    machine
        .which(COMPONENT_LINKER)
        .and_then(|_| machine.which(WASM_LINKER))
        .map(|_| Vec::new())
}

/// The system's compiler with its sources and libc, or what is missing of them.
fn system(machine: &Machine, linkers: Vec<PathBuf>) -> Result<Toolchain, String> {
    let rustc = machine.root.join("usr/bin/rustc");
    if !rustc.is_file() {
        return Err("there is no rustc in /usr/bin that could build std".to_owned());
    }
    let found = ask(machine, &rustc).map_err(|error| error.to_string())?;
    let minimum = Version::parse(env!("CARGO_PKG_RUST_VERSION"));
    if found.version < minimum {
        return Err(format!(
            "the system's {} is older than {}",
            found.version,
            minimum.number()
        ));
    }
    let sources = sources(&found.sysroot);
    if !sources.join("library/std/Cargo.toml").is_file() {
        return Err(format!(
            "the sources of the system's {} are not installed",
            found.version
        ));
    }
    let wasi_libc = machine.root.join("usr/lib/wasm32-wasi");
    if !wasi_libc.join("libc.a").is_file() {
        return Err("wasi-libc is not installed".to_owned());
    }
    let search = SearchPath {
        linkers,
        rest: machine.path.clone(),
    };
    Ok(Toolchain {
        rustc: found.version.to_string(),
        std_sources: Some(sources),
        build_std: Some(BuildStd {
            rustc,
            wasi_libc,
            search,
        }),
    })
}

/// The value of `name: value` in what `rustc -vV` prints.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A release of rustc; what cannot be read counts as zero, that is as too old.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version([u32; 3]);

impl Version {
    fn parse(text: &str) -> Self {
        let number = text.split('-').next().unwrap_or_default();
        let mut parts = number.split('.').map(|part| part.parse().unwrap_or(0));
        Self([(); 3].map(|()| parts.next().unwrap_or(0)))
    }

    fn number(&self) -> String {
        self.0.map(|part| part.to_string()).join(".")
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rustc {}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_version() {
        let text =
            "rustc 1.95.0 (abc)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(field(text, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(text, "release"), Some("1.95.0"));
        assert_eq!(field(text, "LLVM version"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(Version::parse("1.100.0") > Version::parse("1.95"));
        assert!(Version::parse("1.63.0") < Version::parse("1.95"));
        assert_eq!(Version::parse("1.97.0-nightly"), Version([1, 97, 0]));
        assert_eq!(Version::parse(""), Version([0, 0, 0]));
        assert_eq!(Version::parse("1.95").to_string(), "rustc 1.95.0");
    }

    #[test]
    fn a_libdir_has_std_or_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has_std(dir.path()));
        assert!(!has_std(&dir.path().join("absent")));
        std::fs::write(dir.path().join("libcore-1.rlib"), "").unwrap();
        assert!(!has_std(dir.path()));
        std::fs::write(dir.path().join("libstd-1.rlib"), "").unwrap();
        assert!(has_std(dir.path()));
    }
}
