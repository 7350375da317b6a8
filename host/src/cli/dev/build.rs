//! One build of the worker, as quick as it can be: nobody waits for optimisations, but a trap has to name its
//! line. A script in Python that needs no packages is what it is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use external_worker_build::{
    BuildRequest, Package, ProjectKind, Toolchain, Workspace, project_kind,
};

use super::super::build::{Diagnostics, Shown, program};
use super::super::error::CliError;
use super::super::output::Output;
use super::sources::Watched;
use crate::component::is_script;

/// What is built.
pub(super) enum Build {
    /// A crate.
    Crate(Box<Crate>),
    /// A script in Python, or the folder of a program in Python.
    Program(PathBuf),
}

/// A crate, and what builds it.
pub(super) struct Crate {
    dir: PathBuf,
    package: Package,
    members: Vec<Package>,
    toolchain: Toolchain,
}

/// A component that was built.
pub(super) struct Built {
    /// The package, and the module that it is.
    pub(super) package: String,
    /// Where it is.
    pub(super) component: PathBuf,
    /// How long it took.
    pub(super) took: Duration,
}

impl Build {
    /// Finds what is to be built in `dir`, and a toolchain for it.
    ///
    /// # Errors
    /// When there is nothing, more than one crate and none is named, or no toolchain.
    pub(super) fn find(
        dir: &Path,
        package: Option<String>,
        output: &Output,
    ) -> Result<Self, CliError> {
        let is_program = match dir.is_file() {
            true => is_script(dir),
            false => project_kind(dir) == ProjectKind::Python,
        };
        if !is_program {
            return Ok(Self::Crate(Box::new(Crate::find(dir, package, output)?)));
        }
        match package {
            Some(name) => Err(CliError::Usage(format!(
                "`{}` is a program in Python and has no package `{name}`",
                dir.display()
            ))),
            None => Ok(Self::Program(
                std::fs::canonicalize(dir).map_err(CliError::Machine)?,
            )),
        }
    }

    /// Whether it is in Python.
    pub(super) fn is_program(&self) -> bool {
        matches!(self, Self::Program(_))
    }

    /// What it is built from.
    pub(super) fn watched(&self) -> Watched {
        match self {
            Self::Crate(it) => Watched::Packages(it.packages()),
            Self::Program(path) => Watched::Program(path.clone()),
        }
    }

    /// Builds it. What the compiler says is shown; what else is done, only the `first` time, which is long.
    ///
    /// # Errors
    /// When it does not build.
    pub(super) fn run(&self, output: &Output, is_first: bool) -> Result<Built, CliError> {
        let path = match self {
            Self::Crate(it) => return it.run(output, is_first),
            Self::Program(path) => path,
        };
        let began = Instant::now();
        let built = if is_first {
            program(path, &mut Shown(output))?
        } else {
            program(path, &mut Diagnostics(output))?
        };
        Ok(Built {
            package: built.package,
            component: built.path,
            took: began.elapsed(),
        })
    }
}

impl Crate {
    fn find(dir: &Path, package: Option<String>, output: &Output) -> Result<Self, CliError> {
        if project_kind(dir) != ProjectKind::Rust {
            return Err(CliError::Usage(format!(
                "`{}` has no Cargo.toml or pyproject.toml; name a worker's directory or script, or make one with \
                 `ewh new NAME`",
                dir.display()
            )));
        }
        let workspace = Workspace::load(dir)?;
        let package = match package {
            Some(name) => workspace.package(&name)?.clone(),
            None => only(&workspace, dir)?,
        };
        Ok(Self {
            dir: dir.to_owned(),
            package,
            members: workspace.packages,
            toolchain: Toolchain::find(&mut Shown(output))?,
        })
    }

    /// The directories that it is built from.
    fn packages(&self) -> Vec<PathBuf> {
        let own = std::iter::once(&self.package).chain(&self.members);
        let mut dirs: Vec<_> = own.map(|package| package.dir.clone()).collect();
        dirs.extend(self.package.path_dependencies.iter().cloned());
        dirs.sort();
        dirs.dedup();
        dirs
    }

    fn run(&self, output: &Output, is_first: bool) -> Result<Built, CliError> {
        let began = Instant::now();
        let mut request = BuildRequest::new(&self.dir).quick();
        request.packages = vec![self.package.name.clone()];
        request.color = output.is_live();
        request.quiet = !is_first;
        let built = if is_first {
            self.toolchain.build(&request, &mut Shown(output))?
        } else {
            self.toolchain.build(&request, &mut Diagnostics(output))?
        };
        let component = built.into_iter().find(|it| it.package == self.package.name);
        let component = component.ok_or_else(|| {
            CliError::CannotBuild(format!("`{}` made no component", self.package.name))
        })?;
        Ok(Built {
            package: component.package,
            component: component.path,
            took: began.elapsed(),
        })
    }
}

/// The package of `dir`, or the only one of its workspace that makes a component.
fn only(workspace: &Workspace, dir: &Path) -> Result<Package, CliError> {
    let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let here = |package: &&Package| package.dir == dir && package.makes_component;
    if let Some(package) = workspace.packages.iter().find(here) {
        return Ok(package.clone());
    }
    let makes: Vec<_> = workspace
        .packages
        .iter()
        .filter(|package| package.makes_component)
        .collect();
    match makes.as_slice() {
        [package] => Ok(Package::clone(package)),
        [] => Err(CliError::Usage(format!(
            "no package in `{}` makes a component: it needs crate-type = [\"cdylib\"] under [lib]",
            dir.display()
        ))),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|package| package.name.as_str())
                .collect();
            Err(CliError::Usage(format!(
                "several packages make a component: {}; name one with --package",
                names.join(", ")
            )))
        }
    }
}
