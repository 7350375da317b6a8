//! `ewh build`: from a guest's crate to a component, with whatever toolchain is there or can be had.

use std::path::{Path, PathBuf};

use clap::Args;
use external_worker_build::{
    Artifact, BuildRequest, Progress, ProjectKind, Toolchain, project_kind,
};
use serde_json::json;

use super::error::{CliError, Exit};
use super::output::{Output, Style};
use crate::error::HostError;

/// Build a guest into a component, and print the component's path
///
/// Finds the toolchain for wasm32-wasip2. If there is none, installs it and prints each command that
/// this takes; EWH_NO_INSTALL=1 forbids the installation.
#[derive(Debug, Args)]
pub struct BuildCommand {
    /// The directory of the crate or workspace
    #[arg(default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// Build only this package of a workspace; may be repeated
    #[arg(short, long = "package", value_name = "NAME")]
    packages: Vec<String>,
    /// Build with optimisations (the default)
    #[arg(long, conflicts_with = "dev")]
    release: bool,
    /// Build without optimisations
    #[arg(long)]
    dev: bool,
    /// Copy the component to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl BuildCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let request = BuildRequest {
            packages: self.packages.clone(),
            release: !self.dev,
            color: output.is_live(),
            ..BuildRequest::new(&self.dir)
        };
        let mut built = build(&request, output)?;
        if let Some(to) = &self.output {
            built = vec![copy(built, to)?];
        }
        print(&built, output)?;
        Ok(Exit::Ok)
    }
}

/// Builds what `request` says, with whatever toolchain is there or can be had.
///
/// # Errors
/// When there is nothing to build, no toolchain, or the guest does not build.
pub fn build(request: &BuildRequest, output: &Output) -> Result<Vec<Artifact>, CliError> {
    check(&request.dir)?;
    let mut progress = Shown(output);
    let toolchain = Toolchain::find(&mut progress)?;
    Ok(toolchain.build(request, &mut progress)?)
}

fn check(dir: &Path) -> Result<(), CliError> {
    let shown = dir.display();
    if !dir.is_dir() {
        let problem =
            format!("there is no directory `{shown}`; name the directory that has the Cargo.toml");
        return Err(CliError::Usage(problem));
    }
    match project_kind(dir) {
        ProjectKind::Rust => Ok(()),
        ProjectKind::Python => Err(CliError::CannotBuild(format!(
            "`{shown}` is a Python project, which `ewh build` does not build; use componentize-py"
        ))),
        _ => Err(CliError::Usage(format!(
            "`{shown}` has no Cargo.toml; name a guest's directory, or make one with `ewh new NAME`"
        ))),
    }
}

fn copy(built: Vec<Artifact>, to: &Path) -> Result<Artifact, CliError> {
    let one: Result<[Artifact; 1], _> = built.try_into();
    let [artifact] = one.map_err(|built: Vec<Artifact>| {
        let names: Vec<_> = built
            .iter()
            .map(|artifact| artifact.package.as_str())
            .collect();
        let names = names.join(", ");
        CliError::Usage(format!(
            "--output takes one component, and these were built: {names}; add --package"
        ))
    })?;
    std::fs::copy(&artifact.path, to).map_err(|source| {
        CliError::Host(HostError::File {
            action: "write",
            path: to.to_owned(),
            source,
        })
    })?;
    Ok(Artifact {
        path: to.to_owned(),
        ..artifact
    })
}

fn print(built: &[Artifact], output: &Output) -> Result<(), CliError> {
    if output.is_json() {
        let report = |artifact: &Artifact| json!({ "package": artifact.package, "path": artifact.path.display().to_string() });
        let components: Vec<_> = built.iter().map(report).collect();
        return output.print_json(&json!({ "components": components }));
    }
    built
        .iter()
        .try_for_each(|artifact| output.print(&artifact.path.display().to_string()))
}

/// Brings what a build says to the screen.
struct Shown<'a>(&'a Output);

impl Progress for Shown<'_> {
    fn command(&mut self, line: &str) {
        self.0
            .note(&self.0.stderr().paint(Style::Dim, &format!("+ {line}")));
    }

    fn note(&mut self, line: &str) {
        self.0.note(line);
    }

    fn diagnostic(&mut self, rendered: &str) {
        self.0.raw(rendered);
    }
}
