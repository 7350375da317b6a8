//! `ewh validate`: a verdict on components, for people and for CI. `ewh explain`: the long form of a
//! finding.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tokio::runtime::Runtime;

use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, files, load, module};
use crate::engine::Engine;
use crate::limits;
use crate::policy::Policy;
use crate::validate::finding::{self, Finding};
use crate::validate::{check_bytes, check_loaded, is_worth_loading};
use crate::worker::package::{OciReference, Packages};

mod github;
mod json;
mod junit;
mod sarif;
mod text;

/// Check components before they run, and report everything that is wrong with them
///
/// Exits with 0 when nothing is found, 1 when something is, 2 when a component could not be checked.
#[derive(Debug, Args)]
pub struct ValidateCommand {
    /// Components, directories that are searched for them, or OCI references such as
    /// registry.example.org/lab/thermometer:1.2.0
    #[arg(value_name = "FILE|DIR|OCI-REF", required_unless_present = "schema")]
    components: Vec<String>,
    /// The policy that they are to run under
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How much is tried
    #[arg(long, value_enum, default_value_t = Level::Load)]
    level: Level,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print the JSON Schema of what `--format json` prints, and check nothing
    #[arg(long)]
    schema: bool,
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    /// The bytes are read; nothing of the component runs
    Static,
    /// It is compiled, too, and asked what it has, with nothing granted
    Load,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
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
}

impl ValidateCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if self.schema {
            output.print_json(&json::schema())?;
            return Ok(Exit::Ok);
        }
        let policy = match &self.policy {
            Some(path) => Some(load::policy(Some(path))?),
            None => None,
        };
        let loader = match self.level {
            Level::Static => None,
            Level::Load => Some((load::engine(cache)?, load::runtime()?)),
        };
        let fetched = tempfile::tempdir().map_err(CliError::Machine)?;
        let mut verdicts = Vec::new();
        for target in targets(&self.components, fetched.path(), output)? {
            let findings = check(&target.file, policy.as_ref(), loader.as_ref(), output)?;
            let file = target.name;
            verdicts.push(Verdict { file, findings });
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

/// The files that were named, those in directories that were, and what comes from registries, which
/// goes below `fetched`.
fn targets(named: &[String], fetched: &Path, output: &Output) -> Result<Vec<Target>, CliError> {
    let mut all = Vec::new();
    for name in named {
        let path = PathBuf::from(name);
        if path.is_dir() {
            all.extend(in_directory(&path)?);
        } else if path.exists() || is_path(name) {
            let file = path.clone();
            all.push(Target { name: path, file });
        } else {
            all.extend(in_registry(name, fetched, output)?);
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

fn in_registry(name: &str, fetched: &Path, output: &Output) -> Result<Vec<Target>, CliError> {
    let reference: OciReference = name.parse().map_err(|problem| {
        CliError::Usage(format!(
            "there is no file `{name}`, and it is no OCI reference: {problem}"
        ))
    })?;
    let packages = Packages::open(fetched).map_err(module::failed)?;
    let package = {
        let _progress = output.progress(format!("fetching {name}"));
        let package = load::runtime()?.block_on(packages.add_oci(&reference, None));
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
    file: &Path,
    policy: Option<&Policy>,
    loader: Option<&(Engine, Runtime)>,
    output: &Output,
) -> Result<Vec<Finding>, CliError> {
    let bytes = files::read(file, "component", limits::MAX_COMPONENT_BYTES)?;
    let mut findings = check_bytes(&bytes, policy);
    if let Some((engine, runtime)) = loader.filter(|_| is_worth_loading(&findings)) {
        let name = file.file_name().unwrap_or(file.as_os_str());
        let name = name.to_string_lossy();
        let _progress = output.progress(format!("loading {name}"));
        let loaded = check_loaded(engine, &name, bytes);
        findings.extend(runtime.block_on(loaded)?);
    }
    Ok(findings)
}

/// Explain a finding of `ewh validate`
#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// The code of the finding; without one, all are listed
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
