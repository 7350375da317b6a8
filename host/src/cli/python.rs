//! `ewh python`: what workers in Python run on.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use external_worker_build::prepare_python;
use serde_json::json;

use super::CacheOptions;
use super::build::Shown;
use super::error::{CliError, Exit};
use super::load;
use super::output::Output;
use crate::component::LoadedComponent;
use crate::engine::{Compiling, Engine, Opener};

/// Prepare what workers in Python run on
#[derive(Debug, Subcommand)]
pub enum PythonCommand {
    /// Make the runtime of Python, and compile it
    ///
    /// It is made once on a machine, and shared by all workers in Python. If it is not there, python3 and
    /// packages of PyPI make it, each command is printed, and EWH_NO_INSTALL=1 forbids it.
    Prepare,
}

impl PythonCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let Self::Prepare = self;
        let runtime = prepare(cache.python().as_deref(), output)?;
        // A server and other commands do not share what is compiled: commands can name places in the code.
        let of_server =
            load::server_engine(cache, cache.trust()?, Compiling::Here, Opener::default())?;
        for engine in [load::engine(cache)?, of_server] {
            compile(&engine, &runtime, output)?;
        }
        let shown = runtime.display().to_string();
        if output.is_json() {
            output.print_json(&json!({ "runtime": shown }))?;
        } else {
            output.print(&shown)?;
        }
        Ok(Exit::Ok)
    }
}

/// Where the runtime is: at `place`, or where it is made now.
///
/// # Errors
/// When it is not there and cannot be made.
pub(super) fn prepare(place: Option<&Path>, output: &Output) -> Result<PathBuf, CliError> {
    match place.filter(|file| file.is_file()) {
        Some(runtime) => Ok(runtime.to_owned()),
        None => Ok(prepare_python(&mut Shown(output))?),
    }
}

/// Prepares the runtime for processes that this command starts: they find it compiled.
///
/// # Errors
/// When it is not there and cannot be made.
pub(super) fn ready(output: &Output, cache: &CacheOptions) -> Result<(), CliError> {
    let runtime = prepare(cache.python().as_deref(), output)?;
    compile(&load::engine(cache)?, &runtime, output)
}

fn compile(engine: &Engine, runtime: &Path, output: &Output) -> Result<(), CliError> {
    let _progress = output.progress("compiling the runtime of Python".to_owned());
    LoadedComponent::from_file(engine, runtime)?;
    Ok(())
}
