//! `ewh validate-one`: compiles and runs one component to check it, in a process that limits itself before
//! it reads a byte of it. `ewh validate` starts it; see [`super::child`].

use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Args;
use rustix::process::Resource;

use super::super::devices::{self, DevicesArg};
use super::super::error::{CliError, Exit};
use super::super::output::Output;
use super::super::{CacheOptions, load};
use super::line::Line;
use super::{Level, Trial};
use crate::component::LoadedComponent;
use crate::engine::Engine;
use crate::limits::process::lower;
use crate::policy::Policy;
use crate::validate::exercise::reached::little_reached;
use crate::validate::exercise::{self, Devices, Progress, Report, Subject};
use crate::validate::{check_loaded, is_worth_running};
use crate::{limits, text};

/// Check one component, in this process
///
/// `ewh validate` starts this for each component. It reads the component from standard input.
#[derive(Debug, Args)]
pub struct ValidateOneCommand {
    /// What it is called
    #[arg(value_name = "NAME")]
    name: String,
    /// End when this process ends, which started this one
    #[arg(long, value_name = "PID")]
    parent: Option<i32>,
    #[command(flatten)]
    trial: Trial,
}

impl ValidateOneCommand {
    pub(in super::super) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        self.check(output, cache).or_else(|error| {
            let exit = error.exit();
            // Who started it shows it where it belongs.
            output.print_json_line(&Line::Failed(error.to_string()))?;
            Ok(exit)
        })
    }

    fn check(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        self.die_with_parent()?;
        limit_this_process(&self.trial).map_err(CliError::Machine)?;
        let mut bytes = Vec::new();
        let all = std::io::stdin().take(limits::MAX_COMPONENT_BYTES);
        { all }.read_to_end(&mut bytes).map_err(CliError::Machine)?;
        let policy = load::policy_of_run(self.trial.policy.as_deref(), cache)?;
        let engine = load::engine(cache)?;
        load::runtime()?.block_on(self.run(bytes, policy, &engine, output))
    }

    async fn run(
        self,
        bytes: Vec<u8>,
        policy: Policy,
        engine: &Engine,
        output: &Output,
    ) -> Result<Exit, CliError> {
        let name = text::clean_line(&self.name, limits::MAX_NAME_BYTES);
        let begin = Instant::now();
        let found = check_loaded(engine, &name, bytes.clone(), &policy.budget).await?;
        let is_worth_running = is_worth_running(&found);
        let took = begin.elapsed();
        output.print_json_line(&Line::checked(Level::Load, took, found, Vec::new()))?;
        if self.trial.level < Level::Exercise || !is_worth_running {
            return Ok(Exit::Ok);
        }
        let begin = Instant::now();
        let component = LoadedComponent::from_bytes(engine, &name, bytes)?;
        let subject = Subject {
            component: Arc::new(component),
            file: self.name,
            policy,
            devices: devices(&self.trial)?,
            seed: self.trial.seed,
            limit: self.trial.limit,
            progress: Box::new(telling(output)),
        };
        let Report { mut found, reached } = exercise::check(&Arc::new(subject)).await?;
        let least = self.trial.min_reached;
        found.extend(least.and_then(|least| little_reached(&reached, least)));
        let took = begin.elapsed();
        output.print_json_line(&Line::checked(Level::Exercise, took, found, reached))?;
        Ok(Exit::Ok)
    }

    /// Nobody would hear what a stranger's code does any more.
    #[cfg(target_os = "linux")]
    fn die_with_parent(&self) -> Result<(), CliError> {
        use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
        let Some(parent) = self.parent else {
            return Ok(());
        };
        let failed = |error: rustix::io::Errno| CliError::Machine(error.into());
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
        // It may have ended before.
        if getppid().map(Pid::as_raw_nonzero).map(i32::from) == Some(parent) {
            return Ok(());
        }
        let problem = "the process that started this check is gone";
        Err(CliError::Usage(problem.to_owned()))
    }

    #[cfg(not(target_os = "linux"))]
    fn die_with_parent(&self) -> Result<(), CliError> {
        Ok(())
    }
}

/// Tells who started this how far the exercise is, now and then.
fn telling(output: &Output) -> impl Fn(Progress<'_>) + Send + Sync + 'static {
    let (output, next) = (output.clone(), Mutex::new(Instant::now()));
    move |progress| {
        let now = Instant::now();
        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= *next {
            *next = now + limits::PROGRESS_EVERY;
            // Who does not hear it has ended this process.
            let _ = output.print_json_line(&Line::UnderWay(progress.into()));
        }
    }
}

/// What a component is exercised with.
fn devices(trial: &Trial) -> Result<Devices, CliError> {
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    Ok(match (&trial.devices, &trial.policy) {
        (DevicesArg::Scripted(dir), _) => Devices::Scripted {
            script: devices::scripts(dir)?,
            dir: shown(dir),
        },
        (DevicesArg::Real, Some(policy)) => Devices::Real {
            policy: shown(policy),
        },
        // Without a policy no real one is granted.
        (DevicesArg::Simulated, _) | (DevicesArg::Real, None) => Devices::Simulated,
    })
}

/// From here on this process gets no more than the trial allows it. Address space is none of it: a
/// guest's memory reserves much of that and uses little.
fn limit_this_process(trial: &Trial) -> std::io::Result<()> {
    lower(Resource::Core, 0)?;
    lower(Resource::Data, trial.memory.as_u64())?;
    lower(Resource::Cpu, trial.cpu.as_secs().max(1))
}
