//! The tests of a worker in Python: `unittest`, run where the worker runs, in the sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::build::tested;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::run::RunCommand;
use crate::cli::{CacheOptions, python};
use crate::component::is_script;
use crate::error::HostError;

/// Runs them; it is a worker itself.
const RUNNER: &str = include_str!("tests.py");
const ENTRY: &str = "ewh_tests";
/// The folder of a program that has its tests.
const FOLDER: &str = "tests";

/// Runs the tests of the script or folder `path` whose names have one of `names` in them, or all.
///
/// # Errors
/// When there are none, or the program cannot be built.
pub(super) fn test(
    path: &Path,
    names: &[String],
    policy: Option<PathBuf>,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    let mut modules = modules(path)?;
    let tests: Vec<_> = modules.keys().filter(|name| is_test(name)).collect();
    if tests.is_empty() {
        return Err(CliError::Usage(format!(
            "there are no tests for `{}`: name a file `test_….py`, beside a script or in the folder `{FOLDER}` of a \
             program",
            path.display()
        )));
    }
    let names_of_modules: Vec<_> = tests
        .iter()
        .filter_map(|file| file.strip_suffix(".py"))
        .collect();
    let runner = format!("{RUNNER}\nMODULES = {names_of_modules:?}\n");
    modules.insert(format!("{ENTRY}.py"), runner.into_bytes());
    python::ready(output, cache)?;
    let dir = tempfile::tempdir().map_err(CliError::Machine)?;
    let wheel = dir.path().join(format!("{ENTRY}.whl"));
    tested(path, modules, ENTRY, &wheel, output)?;
    RunCommand::one_call(wheel, policy, "run", ("names", names.join(" "))).execute(output, cache)
}

/// The tests, and what lies beside them: files of Python in one folder, by their names.
fn modules(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, CliError> {
    let folder = match is_script(path) {
        true => path.parent().map_or(Path::new("."), |parent| match parent {
            none if none.as_os_str().is_empty() => Path::new("."),
            parent => parent,
        }),
        false => &path.join(FOLDER),
    };
    let failed = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| HostError::File {
            action,
            path,
            source,
        }
    };
    if !folder.is_dir() {
        return Ok(BTreeMap::new());
    }
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let entry = entry.map_err(failed("read", folder))?.path();
        let Some(name) = entry.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        // Of what lies beside a script the rest is other scripts.
        let is_wanted = is_test(name) || !is_script(path);
        if is_wanted && is_script(&entry) && entry.is_file() {
            let content = fs::read(&entry).map_err(failed("read", &entry))?;
            found.insert(name.to_owned(), content);
        }
    }
    Ok(found)
}

fn is_test(name: &str) -> bool {
    name.starts_with("test_") && name.ends_with(".py")
}
