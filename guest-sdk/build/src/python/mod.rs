//! The runtime that workers in Python run on: one component, made once on a machine.
//!
//! It is what this program's own packages for authors and contract make of it, so it lies in the cache under the
//! hash of those. What makes it comes from PyPI and crates.io, pinned by hash, unless [`NO_INSTALL`] is set.

mod pydantic;
mod sources;
mod vendor;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command::{self, on_path};
use crate::error::Error;
use crate::lock::lock;
use crate::progress::Progress;
use crate::toolchain::{NO_INSTALL, may_install};

pub use vendor::vendor_python;

/// The variable that names a runtime, for who made one.
pub const PYTHON_RUNTIME: &str = "EWH_PYTHON";

/// What a runtime is called in its folder.
const COMPONENT: &str = "python.wasm";
/// It makes an environment, which takes some seconds, and downloads 40 MB, or finds that it has no network.
const INSTALL_TIME: Duration = Duration::from_secs(300);
/// It takes half a minute.
const BUILD_TIME: Duration = Duration::from_secs(600);

/// Where the runtime of Python is, once it is there: what [`PYTHON_RUNTIME`] names, or else what is in the cache
/// for this very program.
pub fn python_place() -> Option<PathBuf> {
    named().or_else(|| Some(folder(&cache()?).join(COMPONENT)))
}

/// Finds the runtime of Python, or else makes it.
///
/// # Errors
/// When it is not there and cannot be made, with what to type.
pub fn prepare_python(progress: &mut dyn Progress) -> Result<PathBuf, Error> {
    if let Some(file) = named() {
        return match file.is_file() {
            true => Ok(file),
            false => Err(missing(format!(
                "{PYTHON_RUNTIME} names `{}`, which is not there",
                file.display()
            ))),
        };
    }
    let Some(cache) = cache() else {
        return Err(missing("there is no home for a cache: set HOME".to_owned()));
    };
    let folder = folder(&cache);
    let made = folder.join(COMPONENT);
    if made.is_file() {
        return Ok(made);
    }
    if !may_install() {
        return Err(missing(format!(
            "nothing was installed, because {NO_INSTALL} is set"
        )));
    }
    let waiting = "waiting for another process that makes the runtime of Python";
    let _lock = lock(&folder.join("lock"), waiting, progress)?;
    // Whoever held the lock before may have made it.
    if !made.is_file() {
        make(&folder, &cache, progress)?;
    }
    Ok(made)
}

fn missing(why: String) -> Error {
    Error::NoPythonRuntime { why }
}

fn named() -> Option<PathBuf> {
    let named = std::env::var_os(PYTHON_RUNTIME);
    named.filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// Where runtimes are, and what they are made of.
fn cache() -> Option<PathBuf> {
    let from = |name: &str| {
        let set = std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        set.map(PathBuf::from)
    };
    let cache = from("EWH_CACHE_DIR")
        .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("ewh")))
        .or_else(|| from("HOME").map(|dir| dir.join(".cache/ewh")))?;
    Some(cache.join("python"))
}

/// Where the runtime of this program is, or would be.
fn folder(cache: &Path) -> PathBuf {
    let name = match pydantic::is_small() {
        true => format!("{}-small", sources::hash().to_hex()),
        false => sources::hash().to_hex().to_string(),
    };
    cache.join(name)
}

fn make(folder: &Path, cache: &Path, progress: &mut dyn Progress) -> Result<(), Error> {
    let python = on_path("python3")
        .ok_or_else(|| missing("there is no `python3` on the path: install it".to_owned()))?;
    let work = folder.join("work");
    if work.exists() {
        fs::remove_dir_all(&work).map_err(Error::io("empty", &work))?;
    }
    sources::write(&work)?;
    let bin = work.join("venv").join("bin");
    let sdk = work.join("python");

    let mut venv = Command::new(&python);
    venv.args(["-m", "venv"]).arg(work.join("venv"));
    run(venv, INSTALL_TIME, progress)?;
    let mut pip = Command::new(bin.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--only-binary", ":all:", "--require-hashes", "-r"]);
    pip.arg(sdk.join("runtime/requirements.txt"));
    run(pip, INSTALL_TIME, progress)?;
    let pydantic = pydantic::find(&sdk, &bin, &cache.join("pydantic"), progress)?;

    let unfinished = folder.join("unfinished.wasm");
    let mut build = Command::new(bin.join("python"));
    build.arg(sdk.join("runtime/build.py"));
    build.arg("--wit").arg(work.join("wit"));
    build.arg("--sdk").arg(&sdk);
    build.arg("--componentize").arg(bin.join("componentize-py"));
    build.arg("--pydantic").arg(pydantic);
    build.arg("--out").arg(&unfinished);
    run(build, BUILD_TIME, progress)?;

    let made = folder.join(COMPONENT);
    fs::rename(&unfinished, &made).map_err(Error::io("finish", &made))?;
    // What made it is not needed any more.
    fs::remove_dir_all(&work).map_err(Error::io("remove", &work))
}

fn run(command: Command, limit: Duration, progress: &mut dyn Progress) -> Result<(), Error> {
    progress.command(&command::display(&command));
    let done = command::run(command, limit).map_err(|error| missing(error.to_string()))?;
    drop(done);
    Ok(())
}
