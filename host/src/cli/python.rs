//! `ewh python`: what workers in Python run on.

use std::path::Path;

use clap::Subcommand;
use external_worker_build::prepare_python;
use serde_json::json;

use super::CacheOptions;
use super::build::Shown;
use super::error::{CliError, Exit};
use super::load;
use super::output::Output;
use crate::component::LoadedComponent;
use crate::engine::Compiling;

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
        let runtime = match cache.python().filter(|file| file.is_file()) {
            Some(runtime) => runtime,
            None => prepare_python(&mut Shown(output))?,
        };
        compile(&runtime, output, cache)?;
        let shown = runtime.display().to_string();
        if output.is_json() {
            output.print_json(&json!({ "runtime": shown }))?;
        } else {
            output.print(&shown)?;
        }
        Ok(Exit::Ok)
    }
}

/// A server and other commands do not share what is compiled: commands can name places in the code.
fn compile(runtime: &Path, output: &Output, cache: &CacheOptions) -> Result<(), CliError> {
    let _progress = output.progress("compiling the runtime of Python".to_owned());
    let of_server = load::server_engine(cache, cache.trust()?, Compiling::Here)?;
    for engine in [load::engine(cache)?, of_server] {
        LoadedComponent::from_file(&engine, runtime)?;
    }
    Ok(())
}
