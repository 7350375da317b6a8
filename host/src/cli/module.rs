//! `ewh module`: installs packages for a Worker. Only the operator does this; a client of the Worker
//! takes what is installed into use. With `--tenant` the modules are those of a tenant of a host, which is asked by
//! [`remote`].

use std::path::PathBuf;

use clap::{Args, Subcommand};
use semver::Version;
use serde_json::json;

use super::CacheOptions;
use super::error::{CliError, Exit};
use super::load;
use super::login::registries;
use super::output::Output;
use super::remote::{self, ModulesOf};
use super::serve::data_dir;
use crate::registry::Reference;
use crate::worker::WorkerError;
use crate::worker::modules::package::{Package, PackageProblem, Packages};

/// Install, list and remove packages of a Worker, which come from folders, archives or registries; with --tenant, modules
/// of a tenant of a host that you operate
#[derive(Debug, Subcommand)]
pub enum ModuleCommand {
    /// Install a package; it is in use once a client of the Worker adds it
    Add(AddCommand),
    /// List the installed packages
    List(ListCommand),
    /// Uninstall a package
    Remove(RemoveCommand),
}

/// Where the Worker is.
#[derive(Debug, Args)]
struct Place {
    /// The directory in which the Worker keeps its data [default: ewh/worker in the user's data
    /// directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    of: ModulesOf,
}

/// Install a package; it is in use once a client of the Worker adds it
///
/// With --tenant, a component, script or wheel goes to the host, which validates it first; it is in use at once.
///
/// If a registry asks for a login, the host sends the one that `ewh login`, docker or podman keeps for
/// it, or the one in the variables EWH_REGISTRY, EWH_REGISTRY_USERNAME and EWH_REGISTRY_PASSWORD, or
/// in DOCKER_AUTH_CONFIG.
#[derive(Debug, Args)]
pub struct AddCommand {
    /// A folder or zip with an `ewh-module.toml`, a component, script or wheel, or an OCI reference such as
    /// registry.example.org/lab/thermometer:1.2.0
    #[arg(value_name = "PATH|REFERENCE")]
    source: String,
    #[command(flatten)]
    place: Place,
}

/// List the installed packages
#[derive(Debug, Args)]
pub struct ListCommand {
    #[command(flatten)]
    place: Place,
}

/// Uninstall a package
#[derive(Debug, Args)]
pub struct RemoveCommand {
    /// The name of the package
    name: String,
    /// Remove only this version
    #[arg(long, conflicts_with = "tenant")]
    version: Option<Version>,
    #[command(flatten)]
    place: Place,
}

impl ModuleCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        match self {
            Self::Add(command) => command.execute(output, cache),
            Self::List(command) => command.execute(output, cache),
            Self::Remove(command) => command.execute(output, cache),
        }
    }
}

impl Place {
    fn tenant(&self) -> Option<String> {
        self.of.tenant.clone()
    }

    fn packages(self) -> Result<Packages, CliError> {
        Packages::open(&data_dir(self.data)?).map_err(failed)
    }
}

impl AddCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if let Some(tenant) = self.place.tenant() {
            return remote::add_module(&tenant, self.place.of, &self.source, output, cache);
        }
        let packages = self.place.packages()?;
        let path = PathBuf::from(&self.source);
        let package = if path.exists() {
            packages.add_path(&path).map_err(failed)?
        } else {
            let reference = self.source.parse::<Reference>();
            let reference = reference.map_err(|problem| failed(problem.into()))?;
            let registries = registries(cache)?;
            let _progress = output.progress(format!("fetching {}", self.source));
            let fetched = load::runtime()?.block_on(packages.add_oci(&reference, &registries));
            fetched.map_err(failed)?
        };
        show(&[package], output)
    }
}

impl ListCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if let Some(tenant) = self.place.tenant() {
            return remote::list_modules(&tenant, self.place.of, output, cache);
        }
        let listed = self.place.packages()?.list();
        for problem in &listed.problems {
            output.note(problem);
        }
        show(&listed.packages, output)
    }
}

impl RemoveCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if let Some(tenant) = self.place.tenant() {
            return remote::remove_module(&tenant, self.place.of, &self.name, output, cache);
        }
        let packages = self.place.packages()?;
        let removed = packages.remove(&self.name, self.version.as_ref());
        if removed.map_err(failed)? {
            output.note(&format!("removed {}", self.name));
            return Ok(Exit::Ok);
        }
        let problem = format!(
            "there is no package `{}`; `ewh module list` shows all",
            self.name
        );
        Err(CliError::Usage(problem))
    }
}

fn show(packages: &[Package], output: &Output) -> Result<Exit, CliError> {
    if output.is_json() {
        let report = |package: &Package| {
            json!({
                "name": package.manifest.name,
                "version": package.manifest.version.to_string(),
                "digest": package.digest,
                "source": package.source,
            })
        };
        let packages: Vec<_> = packages.iter().map(report).collect();
        output.print_json(&json!({ "packages": packages }))?;
        return Ok(Exit::Ok);
    }
    for package in packages {
        let (name, version) = (&package.manifest.name, &package.manifest.version);
        output.print(&format!(
            "{name} {version} {} from {}",
            package.digest, package.source
        ))?;
    }
    Ok(Exit::Ok)
}

/// What is wrong with a package is the caller's to mend; what is wrong with a file is the machine's.
pub(super) fn failed(problem: PackageProblem) -> CliError {
    match problem {
        PackageProblem::File { .. } => CliError::Worker(WorkerError::Package(problem)),
        other => CliError::Usage(other.to_string()),
    }
}
