//! `ewh validate`: a verdict on components, for people and for CI. `ewh explain`: the long form of a
//! finding.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::devices::{self, DevicesArg};
use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, duration, load, python};
use crate::component::is_program;
use crate::limits;
use crate::validate::finding::{self, Code, Severity};
use baseline::{Baseline, Known};
use queue::Checks;
use verdict::Verdict;

mod baseline;
mod cause;
mod child;
mod github;
mod json;
mod junit;
mod line;
mod one;
mod queue;
mod reached;
mod sarif;
mod targets;
mod text;
mod verdict;

pub use one::ValidateOneCommand;

/// Check components before they run, and report everything that is wrong with them
///
/// Each component gets its verdict, whatever happens to another. Exits with 0 if it finds nothing, 1 if it
/// finds something, 2 if nothing could be said of a component, because it could not be read or fetched.
#[derive(Debug, Args)]
pub struct ValidateCommand {
    /// Components, directories to search for components, or OCI references such as
    /// registry.example.org/lab/thermometer:1.2.0
    #[arg(value_name = "FILE|DIR|OCI-REF", required_unless_present = "schema")]
    components: Vec<String>,
    #[command(flatten)]
    trial: Trial,
    /// Do not report this warning, such as `debug-info`; may be repeated
    #[arg(long, value_name = "CODE", value_parser = warning)]
    allow: Vec<&'static Code>,
    /// Let the findings pass that this file lists, which --write-baseline writes; those that it lists and that
    /// are gone are named
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write what is found into this file, and let it pass
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// The format of the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print the JSON Schema of the output of `--format json`, and check nothing
    #[arg(long)]
    schema: bool,
}

/// How components are tried.
#[derive(Debug, Clone, Args)]
struct Trial {
    /// The policy that the components will run under
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How thoroughly to check the components
    #[arg(long, value_enum, default_value_t = Level::Load)]
    level: Level,
    /// The devices to exercise the components with: simulated ones, of which some echo, some are silent, some
    /// answer nonsense and some hang up; the real ones that the policy grants; or those that the scripts in this
    /// directory describe, and then simulated ones
    #[arg(
        long,
        value_name = "simulated|real|DIR",
        default_value = "simulated",
        value_parser = OsStringValueParser::new().map(DevicesArg::from)
    )]
    devices: DevicesArg,
    /// The seed of random choices: the same seed makes the same choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Report it if less than this part of the methods returned a value in the exercise
    #[arg(
        long,
        value_name = "PERCENT",
        value_parser = clap::value_parser!(u8).range(0..=100)
    )]
    min_reached: Option<u8>,
    /// The most memory that the process that compiles and runs a component may hold
    #[arg(long, value_name = "SIZE", default_value_t = limits::CHECK_MEMORY)]
    memory: ByteSize,
    /// The most processor time that this process may use
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = duration::parse)]
    cpu: Duration,
    /// How long the check of one component may take; it is ended at twice that
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = limit)]
    limit: Duration,
}

/// How much is tried: each level has a check of its own, besides those of the levels before it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    ValueEnum,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
enum Level {
    /// Read the bytes; nothing of the component runs
    Static,
    /// Also compile the component and ask it what it has, with nothing granted
    Load,
    /// Also run the component, with generated configurations and inputs, right and wrong
    Exercise,
}

impl Level {
    /// Its name, as on the command line.
    const fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Load => "load",
            Self::Exercise => "exercise",
        }
    }
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Text,
    /// One JSON document
    Json,
    /// JUnit XML: a suite for each component, a test case for each check of it
    Junit,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

impl ValidateCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if self.schema {
            output.print_json(&json::schema())?;
            return Ok(Exit::Ok);
        }
        let trial = &self.trial;
        if trial.devices == DevicesArg::Real && trial.policy.is_none() {
            let problem = "`--devices real` needs a policy that grants them: add --policy FILE";
            return Err(CliError::Usage(problem.to_owned()));
        }
        if trial.min_reached.is_some() && trial.level < Level::Exercise {
            let problem = "`--min-reached` is about what ran: add `--level exercise`";
            return Err(CliError::Usage(problem.to_owned()));
        }
        if let DevicesArg::Scripted(dir) = &trial.devices {
            // Each process reads them again; what is wrong with them is no component's fault.
            devices::scripts(dir)?;
        }
        let policy = trial.policy.as_deref();
        let policy = policy.map(|path| load::policy(Some(path))).transpose()?;
        let baseline = self.baseline.as_deref().map(Baseline::read).transpose()?;
        let fetched = tempfile::tempdir().map_err(CliError::Machine)?;
        let targets = targets::targets(&self.components, fetched.path(), output, cache);
        let mut files = targets.iter().flat_map(|target| &target.file);
        if files.any(|file| is_program(file)) {
            python::ready(output, cache)?;
        }
        let checks = Checks {
            policy: policy.map(Arc::new),
            trial: self.trial.clone(),
            arguments: cache.arguments(),
        };
        let (mut verdicts, ended) = checks.run(targets, output)?;
        for verdict in &mut verdicts {
            verdict.allow(&self.allow);
        }
        let gone = match (&baseline, &self.write_baseline) {
            (Some(baseline), _) => baseline.apply(&mut verdicts),
            // What is known of a check that was ended is not all.
            (None, Some(path)) if ended.is_none() => {
                let baseline = Baseline::of(&verdicts);
                baseline.write(path)?;
                baseline.apply(&mut verdicts)
            }
            (None, _) => Vec::new(),
        };
        self.print(&verdicts, &gone, output)?;
        Ok(ended.unwrap_or_else(|| exit(&verdicts)))
    }

    fn print(&self, verdicts: &[Verdict], gone: &[Known], output: &Output) -> Result<(), CliError> {
        for known in gone {
            let known = known.fingerprint();
            output.note(&format!(
                "no longer found, though the baseline has it: {known}"
            ));
        }
        let format = if output.is_json() {
            Format::Json
        } else {
            self.format
        };
        match format {
            Format::Text => output.print(&text::render(verdicts, output.stdout())),
            Format::Json => output.print_json(&json::Report::new(verdicts, gone)),
            Format::Junit => output.print(&junit::render(verdicts)),
            Format::Sarif => output.print_json(&sarif::render(verdicts)),
            Format::Github => output.print(&github::render(verdicts)),
        }
    }
}

/// What is wrong with one counts, and more than that a file of which nothing could be said.
fn exit(verdicts: &[Verdict]) -> Exit {
    if verdicts.iter().any(|verdict| !verdict.was_read) {
        return Exit::Usage;
    }
    match verdicts.iter().all(Verdict::is_clean) {
        true => Exit::Ok,
        false => Exit::WorkerFailed,
    }
}

/// A time that is not over at once.
fn limit(text: &str) -> Result<Duration, String> {
    let limit = duration::parse(text)?;
    if limit.is_zero() {
        return Err("a check takes some time; write more than that".to_owned());
    }
    Ok(limit)
}

/// The code of a warning.
fn warning(name: &str) -> Result<&'static Code, String> {
    let code = finding::by_name(name).ok_or("there is no such code; `ewh explain` lists them")?;
    match code.severity {
        Severity::Warning => Ok(code),
        Severity::Error => Err("only warnings can be allowed, and this is an error".to_owned()),
    }
}

/// Explain a finding of `ewh validate`
#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// The code of the finding; without one, all codes are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

impl ExplainCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let codes = match &self.code {
            None => finding::ALL.to_vec(),
            Some(name) => match finding::by_name(name) {
                Some(code) => vec![code],
                None => {
                    return Err(CliError::Usage(format!(
                        "there is no finding `{}`; `ewh explain` lists all",
                        crate::text::clean_line(name, limits::MAX_NAME_BYTES)
                    )));
                }
            },
        };
        if output.is_json() {
            output.print_json(&json::codes(&codes))?;
        } else if self.code.is_some() {
            for code in codes {
                output.print(&text::explained(code, output.stdout()))?;
            }
        } else {
            output.print(&text::listed(&codes, output.stdout()))?;
        }
        Ok(Exit::Ok)
    }
}
