//! The modules of a Worker: what is installed, what is found, what of it is in use. [`discovery`] finds them,
//! by what is in their files ([`watched`]); [`loading`] takes them in; [`catalogue`] has what came of it;
//! [`package`] is what is installed from folders, archives and registries.
//!
//! Clients take installed packages into use and out of it again. Only the operator installs: a client must
//! not choose what a host fetches or reads.

pub(crate) mod catalogue;
mod discovery;
mod loading;
pub mod package;
mod taken_up;
mod watched;

pub use taken_up::TakenUp;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value as Json};
use tokio::sync::{Notify, Semaphore, watch};

use crate::worker::error::{Result, WorkerError};
use crate::worker::store::{Dirty, SavedPackage};
use crate::worker::{Worker, lock};
use crate::{limits, text};
use catalogue::Catalogue;
pub(super) use discovery::watch;
use package::{Package, PackageProblem, Packages};

/// What a Worker knows of its modules.
pub(super) struct Modules {
    catalogue: Mutex<Catalogue>,
    /// Told whenever modules were.
    catalogue_changes: watch::Sender<()>,
    installed: Packages,
    /// The packages in use.
    active: Mutex<BTreeMap<String, SavedPackage>>,
    /// What the flow that was imported last says that it needs.
    needed: Mutex<Map<String, Json>>,
    /// Those in use that are not installed, of which the operator was told.
    missing: Mutex<BTreeSet<String>>,
    candidates: Mutex<discovery::Candidates>,
    problems: Mutex<BTreeSet<String>>,
    watched: Mutex<watched::Watched>,
    /// One task looks for modules at a time.
    looking: tokio::sync::Mutex<()>,
    /// Somebody wants it to be looked again.
    again: Arc<Notify>,
    /// Held by who takes away from what runs what policies do not say any more.
    narrowing: tokio::sync::Mutex<()>,
    coming: watch::Sender<loading::Coming>,
    loads: Semaphore,
}

impl Modules {
    /// Of a Worker with these packages and a flow that needs those.
    pub fn new(installed: Packages, needed: Map<String, Json>) -> Self {
        Self {
            catalogue: Mutex::default(),
            catalogue_changes: watch::Sender::new(()),
            installed,
            active: Mutex::default(),
            needed: Mutex::new(needed),
            missing: Mutex::default(),
            candidates: Mutex::default(),
            problems: Mutex::default(),
            watched: Mutex::default(),
            looking: tokio::sync::Mutex::new(()),
            again: Arc::default(),
            narrowing: tokio::sync::Mutex::default(),
            coming: watch::Sender::default(),
            loads: Semaphore::new(limits::MAX_LOADS_AT_ONCE),
        }
    }

    /// What came of looking.
    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        lock(&self.catalogue)
    }

    /// What is installed.
    pub fn installed(&self) -> &Packages {
        &self.installed
    }

    /// The packages in use, by name.
    pub fn active(&self) -> MutexGuard<'_, BTreeMap<String, SavedPackage>> {
        lock(&self.active)
    }

    /// What the flow that was imported last says that it needs.
    pub fn needed(&self) -> MutexGuard<'_, Map<String, Json>> {
        lock(&self.needed)
    }

    /// Waits until nobody else narrows what runs.
    pub(crate) async fn nobody_narrows(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.narrowing.lock().await
    }

    /// Waits until nobody looks for modules, and keeps everybody from it.
    pub(crate) async fn nobody_looks(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.looking.lock().await
    }
}

impl Worker {
    /// Takes the installed package `name` into use.
    ///
    /// # Errors
    /// When it is not installed, or is not what was installed any more.
    pub(crate) async fn add_package(&self, name: &str) -> Result<()> {
        let Some(package) = self.inner.modules.installed.get(name) else {
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
        let there = {
            let candidates = lock(&self.inner.modules.candidates);
            (!candidates.contains_key(&name)).then_some(candidates.len())
        };
        if let Some(there) = there {
            self.noted(self.inner.quotas.check_modules(there))?;
            self.noted(self.inner.disk.check(0))?;
        }
        lock(&self.inner.modules.active).insert(name.clone(), saved);
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
    pub(crate) async fn remove_package(&self, name: &str) -> Result<()> {
        if lock(&self.inner.modules.active).remove(name).is_none() {
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
    pub(in crate::worker) fn packages_in_use(
        &self,
    ) -> Vec<(String, Result<Vec<PathBuf>, PackageProblem>)> {
        let active = lock(&self.inner.modules.active).clone();
        let mut found = Vec::new();
        let mut missing = lock(&self.inner.modules.missing);
        for saved in active.into_values() {
            match self.inner.modules.installed.find(&saved.name) {
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
