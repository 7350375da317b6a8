//! Packages as modules: clients take installed ones into use and out of it again. Only the operator
//! installs: a client must not choose what a host fetches or reads.

use std::path::PathBuf;

use super::error::{Result, WorkerError};
use super::package::{Package, PackageProblem};
use super::store::Dirty;
use super::{Worker, lock};
use crate::{limits, text};

impl Worker {
    /// Takes the installed package `name` into use.
    ///
    /// # Errors
    /// When it is not installed, or is not what was installed any more.
    pub async fn add_package(&self, name: &str) -> Result<()> {
        let Some(package) = self.inner.packages.get(name) else {
            let name = text::clean_line(name, limits::MAX_NAME_BYTES);
            return Err(WorkerError::Request(format!(
                "the package `{name}` is not installed; `ewh module add` installs it"
            )));
        };
        self.use_package(&package).await
    }

    async fn use_package(&self, package: &Package) -> Result<()> {
        package.verify()?;
        let saved = package.saved();
        let name = saved.name.clone();
        lock(&self.inner.active_packages).insert(name.clone(), saved);
        self.inner.store.dirty([Dirty::Package(name.clone())]);
        self.look(false).await;
        self.module_is_loaded(&name).await;
        match self
            .catalogue()
            .get(&name)
            .and_then(|module| module.problem.clone())
        {
            Some(problem) => Err(WorkerError::Request(format!(
                "the module `{name}` cannot be used: {problem}"
            ))),
            None => Ok(()),
        }
    }

    /// Takes a package out of use; its external workers stop and go.
    ///
    /// # Errors
    /// When it is not in use.
    pub async fn remove_package(&self, name: &str) -> Result<()> {
        if lock(&self.inner.active_packages).remove(name).is_none() {
            let name = text::clean_line(name, limits::MAX_NAME_BYTES);
            return Err(WorkerError::Request(format!(
                "the package `{name}` is not in use"
            )));
        }
        let own: Vec<_> = self
            .externals()
            .values()
            .filter(|external| external.module() == name)
            .map(|external| (external.uuid().to_owned(), external.class_id().to_owned()))
            .collect();
        for (uuid, class_id) in own {
            // One that somebody else removed meanwhile is gone too.
            let _ = self.remove_instance(&uuid, &class_id).await;
        }
        self.inner.store.dirty([Dirty::Package(name.to_owned())]);
        self.look(false).await;
        Ok(())
    }

    /// The packages in use that are installed, and the components of each. Reads their folders.
    pub(super) fn packages_in_use(&self) -> Vec<(String, Result<Vec<PathBuf>, PackageProblem>)> {
        let active = lock(&self.inner.active_packages).clone();
        let mut found = Vec::new();
        let mut missing = lock(&self.inner.missing_packages);
        for saved in active.into_values() {
            match self.inner.packages.find(&saved.name) {
                Ok(Some(package)) => {
                    missing.remove(&saved.name);
                    found.push((saved.name, Ok(package.components())));
                }
                Ok(None) if missing.insert(saved.name.clone()) => {
                    tracing::warn!("the package {} is not installed any more", saved.name);
                }
                Ok(None) => {}
                Err(problem) => found.push((saved.name, Err(problem))),
            }
        }
        found
    }
}
