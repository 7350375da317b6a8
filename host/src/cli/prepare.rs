//! `ewh prepare-one`: compiles one component for a host that serves, and lets it describe itself. `ewh serve`
//! starts it for each component that comes in.

use std::io;
use std::time::Duration;

use clap::Args;
use rustix::process::Resource;

use super::error::{CliError, Exit};
use super::load;
use super::program::this_program;
use crate::component::apart;
use crate::engine::{Compiling, Engine, EngineOptions, Program};
use crate::limits::process::{lower, lower_cpu};
use crate::limits::{Budget, PREPARE_NICE};

/// Of all processes the one that is ended if the machine is short of memory.
#[cfg(target_os = "linux")]
const FIRST_TO_GO: &str = "1000";

/// Compile one component for a host that serves
///
/// `ewh serve` starts this. It reads the component from standard input.
#[derive(Debug, Args)]
pub struct PrepareOneCommand {
    /// The most memory that this process may hold, in bytes
    #[arg(long)]
    memory: u64,
    /// The most processor time that this process may use, in seconds
    #[arg(long)]
    cpu: u64,
    /// The budget within which the component describes itself: that of the policy, as JSON
    #[arg(long)]
    budget: String,
}

/// What starts one of them, this program being where it is.
pub(super) fn program() -> Result<Program, CliError> {
    Ok(Program {
        program: this_program().map_err(CliError::Machine)?,
        arguments: vec!["prepare-one".into()],
    })
}

impl PrepareOneCommand {
    pub(super) fn execute(self) -> Result<Exit, CliError> {
        let budget: Budget = serde_json::from_str(&self.budget)
            .map_err(|error| CliError::Usage(format!("the budget: {error}")))?;
        let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
        if let Err(problem) = self.limit_this_process() {
            apart::refuse_all(&mut output, problem).map_err(CliError::Machine)?;
            return Ok(Exit::Ok);
        }
        let engine = Engine::new(EngineOptions {
            // There is one instance, with memory of its own.
            pool_instances: Some(0),
            guest_threads: Some(1),
            ..EngineOptions::new(Compiling::Here)
        })?;
        let answered = apart::answer(&engine, &budget, &mut input, &mut output);
        load::runtime()?
            .block_on(answered)
            .map_err(CliError::Machine)?;
        Ok(Exit::Ok)
    }

    /// Before a byte of the component is read, and before there is a second thread. Address space is not
    /// limited: a guest's memory reserves much of it and uses little.
    fn limit_this_process(&self) -> Result<(), String> {
        let failed = |error: io::Error| format!("limits: {error}");
        lower(Resource::Core, 0).map_err(failed)?;
        lower(Resource::Data, self.memory).map_err(failed)?;
        lower_cpu(Duration::from_secs(self.cpu)).map_err(failed)?;
        rustix::process::nice(PREPARE_NICE).map_err(|error| failed(error.into()))?;
        #[cfg(target_os = "linux")]
        if let Err(error) = std::fs::write("/proc/self/oom_score_adj", FIRST_TO_GO) {
            tracing::debug!("a machine short of memory may end others first: {error}");
        }
        confine()
    }
}

/// It ends with whoever started it, and reaches no file, no network and no other process. Files and ports are
/// open to it where the kernel has no landlock.
#[cfg(target_os = "linux")]
fn confine() -> Result<(), String> {
    use crate::tenant::confine::{apply, reach};
    use rustix::process::{Signal, set_parent_process_death_signal};
    // Who is gone already leaves nothing on standard input.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())?;
    apply(&reach::of_nothing(), true).map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn confine() -> Result<(), String> {
    Ok(())
}
