//! `ewh validate`: a verdict on components, for people and for CI. `ewh explain`: the long form of a
//! finding.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, duration, files, load, login, module};
use crate::limits;
use crate::policy::Policy;
use crate::registry::{Reference, RegistryError};
use crate::validate::exercise::reached::ClassReached;
use crate::validate::finding::{self, Code, Finding, Severity};
use crate::validate::{check_bytes, is_worth_loading};
use crate::worker::modules::package::Packages;

mod child;
mod github;
mod json;
mod junit;
mod reached;
mod sarif;
mod text;

pub use child::ValidateOneCommand;

/// Check components before they run, and report everything that is wrong with them
///
/// Exits with 0 if it finds nothing, 1 if it finds something, 2 if a component could not be checked.
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
    /// The devices to exercise the components with
    #[arg(long, value_enum, default_value_t = Devices::Simulated)]
    devices: Devices,
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
}

/// Which devices a component is exercised with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Devices {
    /// Simulated devices: some answer, some are silent, some answer nonsense, some hang up
    Simulated,
    /// The devices that the policy grants
    Real,
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    /// Read the bytes; nothing of the component runs
    Static,
    /// Also compile the component and ask it what it has, with nothing granted
    Load,
    /// Also run the component, with generated configurations and inputs, right and wrong
    Exercise,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Text,
    /// One JSON document
    Json,
    /// JUnit XML: one test case for each component
    Junit,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// A component that is to be checked.
struct Target {
    /// What it is called in the verdict.
    name: PathBuf,
    file: PathBuf,
}

/// What was found in one component.
struct Verdict {
    file: PathBuf,
    findings: Vec<Finding>,
    /// What of each class was reached; empty: it was not exercised.
    reached: Vec<ClassReached>,
}

impl ValidateCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if self.schema {
            output.print_json(&json::schema())?;
            return Ok(Exit::Ok);
        }
        let trial = &self.trial;
        if trial.devices == Devices::Real && trial.policy.is_none() {
            let problem = "`--devices real` needs a policy that grants them: add --policy FILE";
            return Err(CliError::Usage(problem.to_owned()));
        }
        if trial.min_reached.is_some() && trial.level < Level::Exercise {
            let problem = "`--min-reached` is about what ran: add `--level exercise`";
            return Err(CliError::Usage(problem.to_owned()));
        }
        let policy = trial.policy.as_deref();
        let policy = policy.map(|path| load::policy(Some(path))).transpose()?;
        let fetched = tempfile::tempdir().map_err(CliError::Machine)?;
        let mut verdicts = Vec::new();
        for target in targets(&self.components, fetched.path(), output, cache)? {
            let (mut findings, reached) = check(&target, policy.as_ref(), trial, cache)?;
            findings.retain(|finding| !self.allow.contains(&finding.code));
            let file = target.name;
            verdicts.push(Verdict {
                file,
                findings,
                reached,
            });
        }
        let format = if output.is_json() {
            Format::Json
        } else {
            self.format
        };
        match format {
            Format::Text => output.print(&text::render(&verdicts, output.stdout()))?,
            Format::Json => output.print_json(&json::Report::new(&verdicts))?,
            Format::Junit => output.print(&junit::render(&verdicts))?,
            Format::Sarif => output.print_json(&sarif::render(&verdicts))?,
            Format::Github => output.print(&github::render(&verdicts))?,
        }
        let is_clean = verdicts.iter().all(|verdict| verdict.findings.is_empty());
        Ok(if is_clean {
            Exit::Ok
        } else {
            Exit::WorkerFailed
        })
    }
}

/// The code of a warning.
fn warning(name: &str) -> Result<&'static Code, String> {
    let code = finding::by_name(name).ok_or("there is no such code; `ewh explain` lists them")?;
    match code.severity {
        Severity::Warning => Ok(code),
        Severity::Error => Err("only warnings can be allowed, and this is an error".to_owned()),
    }
}

/// The files that were named, those in directories that were, and what comes from registries, which
/// goes below `fetched`.
fn targets(
    named: &[String],
    fetched: &Path,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Vec<Target>, CliError> {
    let mut all = Vec::new();
    for name in named {
        let path = PathBuf::from(name);
        if path.is_dir() {
            all.extend(in_directory(&path)?);
        } else if path.exists() || is_path(name) {
            let file = path.clone();
            all.push(Target { name: path, file });
        } else {
            all.extend(in_registry(name, fetched, output, cache)?);
        }
    }
    Ok(all)
}

/// Whether what is not there was meant to be a file: its name ends as that of a component.
fn is_path(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|is| is == "wasm")
}

fn in_directory(dir: &Path) -> Result<Vec<Target>, CliError> {
    let below = walkdir::WalkDir::new(dir)
        .max_depth(limits::MAX_MODULE_DEPTH)
        .sort_by_file_name();
    let files = below.into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    let components = files
        .map(walkdir::DirEntry::into_path)
        .filter(|file| file.extension().is_some_and(|is| is == "wasm"))
        .take(limits::MAX_MODULE_FILES);
    let targets: Vec<_> = components
        .map(|file| Target {
            name: file.clone(),
            file,
        })
        .collect();
    if targets.is_empty() {
        let dir = dir.display();
        return Err(CliError::Usage(format!(
            "there is no file `*.wasm` in `{dir}`; name components, or build them first"
        )));
    }
    Ok(targets)
}

fn in_registry(
    name: &str,
    fetched: &Path,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Vec<Target>, CliError> {
    let reference: Reference = name.parse().map_err(|problem: RegistryError| {
        CliError::Usage(format!(
            "there is no file `{name}`, and it is not an OCI reference: {problem}"
        ))
    })?;
    let registries = login::registries(cache)?;
    let packages = Packages::open(fetched).map_err(module::failed)?;
    let package = {
        let _progress = output.progress(format!("fetching {name}"));
        let package = load::runtime()?.block_on(packages.add_oci(&reference, &registries));
        package.map_err(module::failed)?
    };
    let targets = package.components().into_iter().map(|file| {
        let within = file.file_name().unwrap_or(file.as_os_str());
        Target {
            name: Path::new(name).join(within),
            file,
        }
    });
    Ok(targets.collect())
}

fn check(
    target: &Target,
    policy: Option<&Policy>,
    trial: &Trial,
    cache: &CacheOptions,
) -> Result<(Vec<Finding>, Vec<ClassReached>), CliError> {
    let bytes = files::read(&target.file, "component", limits::MAX_COMPONENT_BYTES)?;
    let mut findings = check_bytes(&bytes, policy);
    let mut trial = trial.clone();
    if trial.devices == Devices::Real
        && findings.iter().any(|one| one.code == &finding::NOT_GRANTED)
    {
        // What is not granted does not start.
        trial.level = trial.level.min(Level::Load);
    }
    if trial.level > Level::Static && is_worth_loading(&findings) {
        let (found, reached) = child::check(&target.name, &bytes, &trial, cache)?;
        findings.extend(found);
        return Ok((findings, reached));
    }
    Ok((findings, Vec::new()))
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
