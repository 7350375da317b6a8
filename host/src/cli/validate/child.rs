//! Compiling and running a component to check it, in a process of its own: what it takes of memory and
//! processor time ends that process, and is a finding.
//!
//! The parent starts itself as `ewh validate-one`, writes the component to its standard input, and reads
//! lines of JSON from its standard output: first that the component was loaded, then what was found.
//!
//! Compiling is where a small file can do harm, and to run a component in order to check it is to run
//! it. So the process limits itself before it reads a byte of one.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use clap::{Args, ValueEnum as _};
use rustix::process::Resource;
use serde::{Deserialize, Serialize};

use super::super::error::{CliError, Exit};
use super::super::output::Output;
use super::super::program::this_program;
use super::super::{CacheOptions, load, shown};
use super::{Devices, Level, Trial};
use crate::component::LoadedComponent;
use crate::engine::{Engine, SourceLine};
use crate::limits::process::lower;
use crate::policy::Policy;
use crate::registry::SECRET_VARIABLES;
use crate::validate::exercise::reached::{ClassReached, little_reached};
use crate::validate::exercise::{self, Subject};
use crate::validate::finding::{self, Finding};
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
    #[command(flatten)]
    trial: Trial,
}

/// A line from the child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// It was compiled, and said what it has.
    Loaded,
    /// What of its classes was reached.
    Reached(Vec<ClassReached>),
    Found(Vec<Found>),
}

/// A finding on its way.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    code: String,
    place: String,
    source: Option<SourceLine>,
    problem: String,
    fix: String,
}

impl Found {
    fn new(finding: Finding) -> Self {
        Self {
            code: finding.code.name.to_owned(),
            place: finding.place,
            source: finding.source,
            problem: finding.problem,
            fix: finding.fix,
        }
    }

    fn finding(self) -> Option<Finding> {
        let code = finding::by_name(&self.code)?;
        let finding = Finding::new(code, self.problem, self.fix);
        Some(finding.at(self.place).in_source(self.source))
    }
}

impl ValidateOneCommand {
    pub(in super::super) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        limit_this_process(&self.trial).map_err(CliError::Machine)?;
        let mut bytes = Vec::new();
        let all = std::io::stdin().take(limits::MAX_COMPONENT_BYTES);
        { all }.read_to_end(&mut bytes).map_err(CliError::Machine)?;
        let policy = load::policy_of_run(self.trial.policy.as_deref(), cache)?;
        let engine = load::engine(cache)?;
        load::runtime()?.block_on(self.check(bytes, policy, &engine, output))
    }

    async fn check(
        self,
        bytes: Vec<u8>,
        policy: Policy,
        engine: &Engine,
        output: &Output,
    ) -> Result<Exit, CliError> {
        let name = text::clean_line(&self.name, limits::MAX_NAME_BYTES);
        let mut found = {
            let _progress = output.progress(format!("loading {name}"));
            check_loaded(engine, &name, bytes.clone(), &policy.budget).await?
        };
        output.print_json_line(&Line::Loaded)?;
        if self.trial.level == Level::Exercise && is_worth_running(&found) {
            let _progress = output.progress(format!("exercising {name}"));
            let component = LoadedComponent::from_bytes(engine, &name, bytes)?;
            let is_real = self.trial.devices == Devices::Real;
            let real_policy = self.trial.policy.filter(|_| is_real);
            let subject = Subject {
                component: Arc::new(component),
                file: self.name,
                policy,
                real_policy: real_policy.map(|path| path.to_string_lossy().into_owned()),
                seed: self.trial.seed,
                limit: limits::EXERCISE_TIME,
                progress: Box::new(|_| {}),
            };
            let report = exercise::check(&Arc::new(subject)).await?;
            found.extend(report.found);
            let least = self.trial.min_reached;
            found.extend(least.and_then(|least| little_reached(&report.reached, least)));
            output.print_json_line(&Line::Reached(report.reached))?;
        }
        let found = found.into_iter().map(Found::new).collect();
        output.print_json_line(&Line::Found(found))?;
        Ok(Exit::Ok)
    }
}

/// From here on this process gets no more than the trial allows it. Address space is none of it: a
/// guest's memory reserves much of that and uses little.
fn limit_this_process(trial: &Trial) -> std::io::Result<()> {
    lower(Resource::Core, 0)?;
    lower(Resource::Data, trial.memory.as_u64())?;
    lower(Resource::Cpu, trial.cpu.as_secs().max(1))
}

/// Checks the component of these bytes, which is called `name`, in a process of its own.
///
/// # Errors
/// When that process cannot be had, or could not check it.
pub(super) fn check(
    name: &Path,
    bytes: &[u8],
    trial: &Trial,
    cache: &CacheOptions,
) -> Result<(Vec<Finding>, Vec<ClassReached>), CliError> {
    let mut child = command(name, trial, cache)
        .and_then(|mut command| command.spawn())
        .map_err(CliError::Machine)?;
    if let Some(mut to_child) = child.stdin.take() {
        // One that ends before it has read everything says why.
        let _ = to_child.write_all(bytes);
    }
    let ended = child.wait_with_output().map_err(CliError::Machine)?;
    let said = String::from_utf8_lossy(&ended.stdout);
    let lines = said.lines().map(serde_json::from_str::<Line>);
    let mut is_loaded = false;
    let mut reached = Vec::new();
    for line in lines.flatten() {
        match line {
            Line::Loaded => is_loaded = true,
            Line::Reached(classes) => reached = ClassReached::cleaned(classes),
            Line::Found(found) if ended.status.success() => {
                let found = found.into_iter().filter_map(Found::finding).collect();
                return Ok((found, reached));
            }
            Line::Found(_) => {}
        }
    }
    // One of the documented codes: it said on standard error what went wrong.
    if let Some(code) = ended.status.code()
        && Exit::ALL.iter().any(|exit| i32::from(exit.code()) == code)
    {
        let problem = format!("`{}` could not be checked", name.display());
        return Err(CliError::Usage(problem));
    }
    Ok((vec![died(is_loaded, ended.status, trial)], reached))
}

fn command(name: &Path, trial: &Trial, cache: &CacheOptions) -> std::io::Result<Command> {
    let mut command = Command::new(this_program()?);
    let spelled = |value: Option<clap::builder::PossibleValue>| {
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    command
        .arg("validate-one")
        .args(cache.arguments())
        .args(["--level", &spelled(trial.level.to_possible_value())])
        .args(["--devices", &spelled(trial.devices.to_possible_value())])
        .args(["--seed", &trial.seed.to_string()])
        .args(["--memory", &trial.memory.as_u64().to_string()])
        .args(["--cpu", &format!("{}s", trial.cpu.as_secs())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    // It runs a stranger's code.
    for name in SECRET_VARIABLES {
        command.env_remove(name);
    }
    if let Some(least) = trial.min_reached {
        command.args(["--min-reached", &least.to_string()]);
    }
    if let Some(policy) = &trial.policy {
        command.arg("--policy").arg(policy);
    }
    command.arg("--").arg(name);
    Ok(command)
}

fn died(is_loaded: bool, status: ExitStatus, trial: &Trial) -> Finding {
    let (memory, cpu) = (trial.memory, shown::duration(trial.cpu));
    let limits = format!("the limits are {memory} of memory and {cpu} of processor time");
    if is_loaded {
        return Finding::new(
            &finding::CHECK_DIED,
            format!("the process that ran it ended with {status}; {limits}"),
            "do not run it; raise --memory or --cpu if it is known to need more",
        );
    }
    Finding::new(
        &finding::TOO_COSTLY,
        format!("the process that compiled it ended with {status}; {limits}"),
        "make its functions smaller, or raise --memory or --cpu",
    )
}
