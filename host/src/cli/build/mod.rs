//! `ewh build`: from a guest's sources to a component, with whatever toolchain is there or can be had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use external_worker_build::{
    Artifact, BuildRequest, JsPackage, Progress, ProjectKind, Toolchain, project_kind,
};
use serde_json::json;

mod python;

pub(super) use python::{program, tested};

use super::error::{CliError, Exit};
use super::files;
use super::output::{Output, Style};
use crate::component::is_script;
use crate::error::HostError;
use crate::limits::MAX_COMPONENT_BYTES;
use crate::policy::{Capability, Manifest};

/// Build a guest into a component, and print the component's path
///
/// Builds crates in Rust, and workers in JavaScript, which have a package.json. Finds the toolchain for
/// wasm32-wasip2, or the compiler of JavaScript. If there is none, installs it and prints each command
/// that this takes; EWH_NO_INSTALL=1 forbids the installation.
///
/// Of a script in Python, or a folder with a pyproject.toml, it makes a wheel, with the packages in it that it needs:
/// they are resolved once, and locked by hash.
#[derive(Debug, Args)]
pub struct BuildCommand {
    /// The directory of the crate or workspace, or of the worker in JavaScript or Python, or a script in Python
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
        let mut built = match kind(&self.dir)? {
            ProjectKind::JavaScript => vec![self.javascript(&mut Shown(output))?],
            ProjectKind::Python => vec![python::build(&self.dir, &mut Shown(output))?],
            _ => build(&self.request(output), output)?,
        };
        if let Some(to) = &self.output {
            built = vec![copy(built, to)?];
        }
        print(&built, output)?;
        Ok(Exit::Ok)
    }

    fn request(&self, output: &Output) -> BuildRequest {
        BuildRequest {
            packages: self.packages.clone(),
            release: !self.dev,
            color: output.is_live(),
            ..BuildRequest::new(&self.dir)
        }
    }

    /// The compiler knows nothing of manifests, so the component gets its own here.
    fn javascript(&self, progress: &mut dyn Progress) -> Result<Artifact, CliError> {
        if let Some(name) = self.packages.first() {
            let problem = format!("a folder with a package.json has no package `{name}` to choose");
            return Err(CliError::Usage(problem));
        }
        let package = JsPackage::load(&self.dir)?;
        let requests = requests(&package)?;
        let path = package.build(progress)?;
        let manifest = Manifest {
            name: package.name.clone(),
            package_version: package.version,
            requests,
        };
        let component = files::read(&path, "component", MAX_COMPONENT_BYTES)?;
        let written = manifest
            .write(&component)
            .map_err(|problem| CliError::CannotBuild(format!("`{}`: {problem}", path.display())))?;
        files::write(&path, &written)?;
        Ok(Artifact {
            package: package.name,
            path,
        })
    }
}

/// Builds the crates that `request` says, with whatever toolchain is there or can be had.
///
/// # Errors
/// When there is nothing to build, no toolchain, or the guest does not build.
pub fn build(request: &BuildRequest, output: &Output) -> Result<Vec<Artifact>, CliError> {
    let dir = &request.dir;
    if kind(dir)? != ProjectKind::Rust {
        return Err(CliError::Usage(format!(
            "`{}` has no Cargo.toml; name the directory of a crate",
            dir.display()
        )));
    }
    let mut progress = Shown(output);
    let toolchain = Toolchain::find(&mut progress)?;
    Ok(toolchain.build(request, &mut progress)?)
}

/// What kind of guest is in `dir`, if it is one that can be built.
fn kind(dir: &Path) -> Result<ProjectKind, CliError> {
    let shown = dir.display();
    if is_script(dir) && dir.is_file() {
        return Ok(ProjectKind::Python);
    }
    if !dir.is_dir() {
        let problem = format!(
            "there is no directory `{shown}`; name the directory that has the Cargo.toml, package.json or pyproject.toml"
        );
        return Err(CliError::Usage(problem));
    }
    match project_kind(dir) {
        kind @ (ProjectKind::Rust | ProjectKind::JavaScript | ProjectKind::Python) => Ok(kind),
        _ => Err(CliError::Usage(format!(
            "`{shown}` has no Cargo.toml, package.json or pyproject.toml; name a guest's directory, or make one with \
             `ewh new NAME`"
        ))),
    }
}

fn requests(package: &JsPackage) -> Result<BTreeMap<Capability, String>, CliError> {
    let known = package.requests.iter().map(|(name, reason)| {
        let capability = Capability::from_name(name).ok_or_else(|| {
            let all = Capability::all_names();
            let problem = format!(
                "package.json requests `{name}`, which is not a capability; choose one of: {all}"
            );
            CliError::Usage(problem)
        })?;
        Ok((capability, reason.clone()))
    });
    known.collect()
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

/// Brings what the compiler says to the screen, and nothing else.
pub(super) struct Diagnostics<'a>(pub(super) &'a Output);

impl Progress for Diagnostics<'_> {
    fn command(&mut self, _line: &str) {}

    fn note(&mut self, _line: &str) {}

    fn diagnostic(&mut self, rendered: &str) {
        self.0.raw(rendered);
    }
}

/// Brings what a build says to the screen.
pub(super) struct Shown<'a>(pub(super) &'a Output);

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
