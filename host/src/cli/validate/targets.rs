//! What is to be checked: files, what is in directories, and what comes from registries. What cannot be had
//! is one of them, too: it gets a verdict that says so, and the others are checked all the same.

use std::path::{Path, PathBuf};

use super::super::output::Output;
use super::super::{CacheOptions, load, login, module};
use crate::component::is_code;
use crate::limits;
use crate::registry::{Reference, RegistryError};
use crate::worker::modules::package::Packages;

/// A component that is to be checked.
pub(super) struct Target {
    /// What it is called in the verdict.
    pub(super) name: PathBuf,
    /// Where it is, or why it is not there.
    pub(super) file: Result<PathBuf, String>,
}

/// The files that were `named`, those in directories that were, and what comes from registries, which
/// goes below `fetched`.
pub(super) fn targets(
    named: &[String],
    fetched: &Path,
    output: &Output,
    cache: &CacheOptions,
) -> Vec<Target> {
    let mut all = Vec::new();
    for name in named {
        let path = PathBuf::from(name);
        let found = if path.is_dir() {
            in_directory(&path)
        } else if path.exists() || is_path(name) {
            let file = Ok(path.clone());
            Ok(vec![Target { name: path, file }])
        } else {
            in_registry(name, fetched, output, cache)
        };
        all.extend(found.unwrap_or_else(|problem| {
            vec![Target {
                name: name.into(),
                file: Err(problem),
            }]
        }));
    }
    all
}

/// Whether what is not there was meant to be a file: its name ends as that of a component.
fn is_path(name: &str) -> bool {
    is_code(Path::new(name))
}

fn in_directory(dir: &Path) -> Result<Vec<Target>, String> {
    let below = walkdir::WalkDir::new(dir)
        .max_depth(limits::MAX_MODULE_DEPTH)
        .sort_by_file_name();
    let targets: Vec<_> = below
        .into_iter()
        .filter_map(in_entry)
        .take(limits::MAX_MODULE_FILES)
        .collect();
    if targets.is_empty() {
        let dir = dir.display();
        return Err(format!(
            "there is no file `*.wasm`, `*.py` or `*.whl` in `{dir}`; name components, or build them first"
        ));
    }
    Ok(targets)
}

/// A component, or a part of the directory that cannot be looked into.
fn in_entry(entry: walkdir::Result<walkdir::DirEntry>) -> Option<Target> {
    match entry {
        Ok(entry) => (is_code(entry.path()) && entry.file_type().is_file()).then(|| {
            let name = entry.into_path();
            let file = Ok(name.clone());
            Target { name, file }
        }),
        Err(error) => Some(Target {
            name: error.path().unwrap_or(Path::new("")).to_owned(),
            file: Err(error.to_string()),
        }),
    }
}

fn in_registry(
    name: &str,
    fetched: &Path,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Vec<Target>, String> {
    let reference: Reference = name.parse().map_err(|problem: RegistryError| {
        format!("there is no file `{name}`, and it is not an OCI reference: {problem}")
    })?;
    let registries = login::registries(cache).map_err(|error| error.to_string())?;
    let packages = Packages::open(fetched).map_err(|error| module::failed(error).to_string())?;
    let package = {
        let _progress = output.progress(format!("fetching {name}"));
        let runtime = load::runtime().map_err(|error| error.to_string())?;
        let package = runtime.block_on(packages.add_oci(&reference, &registries));
        package.map_err(|error| module::failed(error).to_string())?
    };
    let targets = package.components().into_iter().map(|file| {
        let within = file.file_name().unwrap_or(file.as_os_str());
        Target {
            name: Path::new(name).join(within),
            file: Ok(file),
        }
    });
    Ok(targets.collect())
}
