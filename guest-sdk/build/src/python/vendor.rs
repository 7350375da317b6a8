//! The packages that an author's program needs: resolved once, locked by hash, and put beside the program's own
//! modules. Only wheels of Python alone are taken, since nothing else runs in the sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::INSTALL_TIME;
use crate::command::{self, on_path};
use crate::error::Error;
use crate::progress::Progress;
use crate::toolchain::{NO_INSTALL, may_install};

/// The version of Python that the runtime is.
const PYTHON: &str = "3.14";
/// What the runtime has itself.
const OF_RUNTIME: [&str; 8] = [
    "annotated-types",
    "external-worker",
    "funcnodes",
    "funcnodes-core",
    "funcnodes-worker",
    "pydantic",
    "pydantic-core",
    "typing-extensions",
];
/// What begins the line of a lock that says what it is for.
const FOR: &str = "# for: ";

/// What pip would install.
#[derive(Deserialize)]
struct Report {
    install: Vec<Install>,
}

#[derive(Deserialize)]
struct Install {
    metadata: Metadata,
    download_info: Download,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct Download {
    archive_info: Option<Archive>,
}

#[derive(Deserialize)]
struct Archive {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// Puts the packages that `dependencies` name, and all that those need, into the folder `into`. `lock` says which
/// files they are; it is written where it is missing or is for others.
///
/// # Errors
/// When there is no pip, or it finds no wheel of Python alone.
pub fn vendor_python(
    dependencies: &[String],
    lock: &Path,
    into: &Path,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let wanted: Vec<&String> = dependencies
        .iter()
        .filter(|it| !is_of_runtime(it))
        .collect();
    fs::create_dir_all(into).map_err(Error::io("create", into))?;
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = wanted.iter().map(|it| it.as_str()).collect();
    let purpose = format!("{FOR}{}", names.join(", "));
    let locked = fs::read_to_string(lock).unwrap_or_default();
    if !may_install() {
        let why = format!("nothing was installed, because {NO_INSTALL} is set");
        return Err(Error::NoPythonPackages {
            names: names.join(", "),
            why,
        });
    }
    if locked.lines().next() != Some(&purpose) {
        let text = resolve(&wanted, into, &purpose, progress)?;
        fs::write(lock, text).map_err(Error::io("write", lock))?;
    }
    let mut pip = pip(into)?;
    pip.args([
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--upgrade",
        "--require-hashes",
        "-r",
    ]);
    pip.arg(lock);
    run(pip, progress).map(drop)
}

/// Whether a dependency such as `pydantic>=2` is there without being installed.
fn is_of_runtime(dependency: &str) -> bool {
    let end = dependency.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let name = dependency.get(..end.unwrap_or(dependency.len()));
    let name = name
        .unwrap_or_default()
        .to_ascii_lowercase()
        .replace(['_', '.'], "-");
    OF_RUNTIME.contains(&name.as_str())
}

/// The lines of a lock.
fn resolve(
    wanted: &[&String],
    into: &Path,
    purpose: &str,
    progress: &mut dyn Progress,
) -> Result<String, Error> {
    let mut pip = pip(into)?;
    pip.args([
        "--quiet",
        "--dry-run",
        "--ignore-installed",
        "--report",
        "-",
    ]);
    pip.args(wanted);
    let said = run(pip, progress)?;
    let report: Report = serde_json::from_str(&said).map_err(|error| Error::NoPythonPackages {
        names: purpose.trim_start_matches(FOR).to_owned(),
        why: format!("pip's report is not understood: {error}"),
    })?;
    let mut lines = vec![purpose.to_owned()];
    for package in report.install {
        let Metadata { name, version } = package.metadata;
        if is_of_runtime(&name) {
            continue;
        }
        let hashes = package.download_info.archive_info.map(|it| it.hashes);
        let hash = hashes.and_then(|mut hashes| hashes.remove("sha256"));
        let hash = hash.ok_or_else(|| Error::NoPythonPackages {
            names: name.clone(),
            why: "its index gives no hash of it".to_owned(),
        })?;
        lines.push(format!("{name}=={version} --hash=sha256:{hash}"));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// pip, for wheels of Python alone.
fn pip(into: &Path) -> Result<Command, Error> {
    let python = on_path("python3").ok_or_else(|| Error::NoPythonPackages {
        names: "packages".to_owned(),
        why: "there is no `python3` on the path".to_owned(),
    })?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check"]);
    pip.args([
        "--only-binary",
        ":all:",
        "--implementation",
        "py",
        "--abi",
        "none",
    ]);
    pip.args(["--platform", "any", "--python-version", PYTHON, "--target"]);
    pip.arg(into);
    Ok(pip)
}

fn run(pip: Command, progress: &mut dyn Progress) -> Result<String, Error> {
    progress.command(&command::display(&pip));
    Ok(command::run(pip, INSTALL_TIME)?.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runtime_has_is_not_installed() {
        for there in [
            "pydantic",
            "pydantic>=2,<3",
            "Funcnodes_Core[all] >= 1",
            "typing.extensions",
        ] {
            assert!(is_of_runtime(there), "{there}");
        }
        for other in ["idna", "pydantic-settings>=2", "funcnodes-basic"] {
            assert!(!is_of_runtime(other), "{other}");
        }
        assert!(OF_RUNTIME.is_sorted());
    }
}
