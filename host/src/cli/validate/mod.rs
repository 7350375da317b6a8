//! `ewh validate`: a verdict on components, for people and for CI. `ewh explain`: the long form of a
//! finding.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, files, load};
use crate::engine::Engine;
use crate::limits;
use crate::policy::Policy;
use crate::validate::finding::{self, Finding};
use crate::validate::{check_bytes, check_loaded};

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
    /// Components, or directories that are searched for them
    #[arg(value_name = "FILE|DIR", required = true)]
    components: Vec<PathBuf>,
    /// The policy that they are to run under
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How much is tried
    #[arg(long, value_enum, default_value_t = Level::Load)]
    level: Level,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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

/// What was found in one component.
struct Verdict {
    file: PathBuf,
    findings: Vec<Finding>,
}

impl ValidateCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let policy = match &self.policy {
            Some(path) => Some(load::policy(Some(path))?),
            None => None,
        };
        let engine = match self.level {
            Level::Static => None,
            Level::Load => Some(load::engine(cache)?),
        };
        let mut verdicts = Vec::new();
        for file in components(&self.components)? {
            let findings = check(&file, policy.as_ref(), engine.as_ref(), output)?;
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

/// The files that were named, and those in directories that were.
fn components(named: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut all = Vec::new();
    for path in named {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let below = walkdir::WalkDir::new(path)
            .max_depth(limits::MAX_MODULE_DEPTH)
            .sort_by_file_name();
        let before = all.len();
        let files = below.into_iter().flatten();
        let files = files.filter(|entry| entry.file_type().is_file());
        all.extend(
            files
                .map(walkdir::DirEntry::into_path)
                .filter(|file| file.extension().is_some_and(|is| is == "wasm"))
                .take(limits::MAX_MODULE_FILES),
        );
        if all.len() == before {
            return Err(CliError::Usage(format!(
                "there is no file `*.wasm` in `{}`; name components, or build them first",
                path.display()
            )));
        }
    }
    Ok(all)
}

fn check(
    file: &Path,
    policy: Option<&Policy>,
    engine: Option<&Engine>,
    output: &Output,
) -> Result<Vec<Finding>, CliError> {
    let bytes = files::read(file, "component", limits::MAX_COMPONENT_BYTES)?;
    let mut findings = check_bytes(&bytes, policy);
    let broken = [
        &finding::NOT_A_COMPONENT,
        &finding::MALFORMED,
        &finding::TOO_LARGE,
        &finding::MISSING_EXPORT,
        &finding::BAD_MANIFEST,
    ];
    // What cannot be loaded for a reason that is told already is not loaded to tell it again.
    let is_broken = |finding: &Finding| broken.contains(&finding.code);
    if let Some(engine) = engine.filter(|_| !findings.iter().any(is_broken)) {
        let name = file.file_name().unwrap_or(file.as_os_str());
        let name = name.to_string_lossy();
        let _progress = output.progress(format!("loading {name}"));
        let loaded = check_loaded(engine, &name, bytes);
        findings.extend(load::runtime()?.block_on(loaded)?);
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
