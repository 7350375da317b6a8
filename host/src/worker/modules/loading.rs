//! Modules that were found are taken in, several at a time and apart from everything else: the Worker serves
//! meanwhile. Each has a report of its own, and one that is broken, slow or too much never holds up another.
//!
//! A Worker serves before anything of it has started. Opening it restores the graph and the names of
//! the external workers in it. Until an external worker has started it is `Starting`: its nodes are
//! there and their calls wait, names and pauses are kept for it, and a class that is on its way is
//! waited for rather than denied. One that takes long to start gives its place to the next. One whose
//! code or policy changes while it starts is ended, and starts as what it is then. A server waits half
//! a second for modules that are in the compile cache, so that its first clients find them.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::catalogue::Module;
use super::discovery::Candidate;
use crate::audit::{Kind, Record};
use crate::component::{LoadedComponent, PreparedComponent};
use crate::error::HostError;
use crate::instance::description::Class;
use crate::limits;
use crate::policy::Missing;
use crate::worker::error::Result;
use crate::worker::event::Status;
use crate::worker::rules::Ruling;
use crate::worker::{Worker, lock};

/// Which modules are there but not loaded yet.
#[derive(Debug, Default)]
pub(in crate::worker) enum Coming {
    /// Nobody has looked yet.
    #[default]
    Any,
    /// These.
    These(BTreeSet<String>),
}

/// Why a module cannot be used, for clients.
struct Refusal {
    /// With what to do about it.
    problem: String,
    /// In one line.
    why: String,
    /// What it lacks, if that is why.
    missing: Vec<Missing>,
}

impl From<String> for Refusal {
    fn from(problem: String) -> Self {
        Self {
            why: problem.clone(),
            problem,
            missing: Vec::new(),
        }
    }
}

impl From<HostError> for Refusal {
    fn from(error: HostError) -> Self {
        match &error {
            HostError::MissingGrants(missing) => Self {
                problem: error.public(),
                why: missing.why(),
                missing: missing.missing.clone(),
            },
            other => other.public().into(),
        }
    }
}

impl Coming {
    pub(super) fn has(&self, module: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(modules) => modules.contains(module),
        }
    }
}

impl Worker {
    pub(in crate::worker) fn is_coming(&self, module: &str) -> bool {
        self.inner.modules.coming.borrow().has(module)
    }

    /// Waits until the modules that were there when the Worker was opened have been loaded, or not: what can
    /// be instantiated is known from then on.
    pub async fn loaded(&self) {
        let nothing = |coming: &Coming| matches!(coming, Coming::These(them) if them.is_empty());
        // It is there as long as the Worker.
        let _ = self
            .inner
            .modules
            .coming
            .subscribe()
            .wait_for(nothing)
            .await;
    }

    /// Waits until everything that was there when the Worker was opened has started, or not.
    pub async fn started(&self) {
        let _ = self.inner.started.subscribe().wait_for(|it| *it).await;
    }

    /// A class, once its module is loaded, if that is on its way.
    ///
    /// # Errors
    /// [`WorkerError::NoClass`](crate::worker::WorkerError::NoClass).
    pub(in crate::worker) async fn class(
        &self,
        module: &str,
        class: &str,
    ) -> Result<(Arc<PreparedComponent>, Arc<Class>)> {
        let mut coming = self.inner.modules.coming.subscribe();
        loop {
            let is_coming = coming.borrow_and_update().has(module);
            let found = self.catalogue().class(module, class);
            if found.is_ok() || !is_coming || coming.changed().await.is_err() {
                return found;
            }
        }
    }

    /// Whether instances of `prepared` may start: its module has it, or is gone, or has none of its classes
    /// any more.
    pub(in crate::worker) fn is_current(
        &self,
        module: &str,
        prepared: &Arc<PreparedComponent>,
    ) -> bool {
        let catalogue = self.catalogue();
        let Some(module) = catalogue.get(module) else {
            return true;
        };
        let mut components = module.components.iter();
        let has = |class: &Arc<Class>| prepared.classes().iter().any(|it| it.id() == class.id());
        components.any(|component| Arc::ptr_eq(component, prepared))
            || !(module.components.is_empty() || module.classes().any(|(_, class)| has(class)))
    }

    /// Waits until [`Self::is_current`] does not hold any more.
    pub(in crate::worker) async fn not_current(
        &self,
        module: &str,
        prepared: &Arc<PreparedComponent>,
    ) {
        let mut changes = self.inner.modules.catalogue_changes.subscribe();
        while self.is_current(module, prepared) && changes.changed().await.is_ok() {}
    }

    /// Those who start look whether they may go on.
    pub(in crate::worker) fn catalogue_changed(&self) {
        self.inner.modules.catalogue_changes.send_replace(());
    }

    /// Waits until the module `name` is not on its way any more.
    pub(in crate::worker) async fn module_is_loaded(&self, name: &str) {
        let here = |coming: &Coming| !coming.has(name);
        let _ = self.inner.modules.coming.subscribe().wait_for(here).await;
    }

    /// Waits for the class of the external worker `uuid`, or of all of them, as far as their modules are on
    /// their way: without it, nobody knows what in a configuration is secret.
    pub async fn classes_are_known(&self, uuid: Option<&str>) {
        let asked: Vec<_> = {
            let externals = self.externals();
            let asked = externals
                .values()
                .filter(|it| uuid.is_none_or(|uuid| uuid == it.uuid()));
            let classes = asked.map(|it| (it.module().to_owned(), it.class_id().to_owned()));
            classes.collect()
        };
        for (module, class) in asked {
            // Whether it came or not.
            let _ = self.class(&module, &class).await;
        }
    }

    /// Begins to load what is new or has changed. Returns what waits for each module, and for those of its
    /// external workers that start with it.
    pub(in crate::worker) fn take_in(
        &self,
        modules: Vec<(String, Candidate)>,
    ) -> Vec<JoinHandle<()>> {
        let mut begun = Vec::new();
        self.inner.modules.coming.send_modify(|coming| {
            let mut them = match std::mem::take(coming) {
                Coming::Any => BTreeSet::new(),
                Coming::These(them) => them,
            };
            for (name, candidate) in modules {
                // One that is being loaded is looked at again afterwards.
                if them.insert(name.clone()) {
                    begun.push((name, candidate));
                }
            }
            *coming = Coming::These(them);
        });
        let load = |(name, candidate): (String, Candidate)| {
            lock(&self.inner.modules.candidates).insert(name.clone(), candidate.clone());
            let worker = self.clone();
            tokio::spawn(async move { worker.load_module(name, candidate).await })
        };
        begun.into_iter().map(load).collect()
    }

    async fn load_module(self, name: String, candidate: Candidate) {
        let Ok(place) = self.inner.modules.loads.acquire().await else {
            return;
        };
        let mut preparing = std::pin::pin!(self.prepare(&name, candidate));
        let soon = timeout(limits::LOAD_PLACE, &mut preparing).await.ok();
        // It waits for those that compile: what is in the cache need not.
        drop(place);
        let prepared = match soon {
            Some(prepared) => prepared,
            None => preparing.await,
        };
        if self.is_closing() {
            return;
        }
        let is_new = self.catalogue().get(&name).is_none();
        let taken_in = prepared.and_then(|components| {
            let mut catalogue = self.catalogue();
            catalogue.check(&name, &components)?;
            catalogue.put(Module {
                name: name.clone(),
                components,
                problem: None,
                missing: Vec::new(),
            });
            Ok(())
        });
        self.catalogue_changed();
        let mut starts = Vec::new();
        match &taken_in {
            Ok(()) => {
                self.settle_libraries(&name);
                starts = self.start_waiting(&name);
            }
            Err(Refusal {
                problem,
                why,
                missing,
            }) => {
                self.catalogue()
                    .broken(&name, problem.clone(), missing.clone());
                self.none_starts(&name, why);
            }
        }
        self.inner.modules.coming.send_modify(|coming| {
            if let Coming::These(them) = coming {
                them.remove(&name);
            }
        });
        // It may have changed, or gone, meanwhile.
        self.inner.modules.again.notify_one();
        self.modules_changed();
        match taken_in {
            Ok(()) => {
                self.swap_module(&name).await;
                let what = if is_new { "new" } else { "changed" };
                self.write_down(&name, Kind::Install);
                self.notice(Status::Success, format!("the module `{name}` is {what}"));
            }
            Err(Refusal { problem, .. }) => {
                let line = format!("the module `{name}` cannot be used: {problem}");
                self.notice(Status::Error, line);
            }
        }
        join_all(starts).await;
    }

    /// What waits for a module says why it waits.
    fn none_starts(&self, module: &str, why: &str) {
        for external in self.everything_of(module) {
            external.down_because(why);
        }
    }

    /// The components of a module under its policy, or why one of them is unusable.
    async fn prepare(
        &self,
        name: &str,
        candidate: Candidate,
    ) -> Result<Vec<Arc<PreparedComponent>>, Refusal> {
        let ruling = self.ruling(name).await?;
        let policy = ruling.policy()?;
        let mut prepared = Vec::new();
        let mut read = candidate.clone();
        for (file, content) in &mut read.code {
            let engine = &self.inner.engine;
            let component = LoadedComponent::take_in(engine, file, &policy.budget).await?;
            *content = Some(component.content());
            // At once: it may keep a process until it is.
            prepared.push(Arc::new(Arc::new(component).prepare(policy).await?));
        }
        if read.code != candidate.code {
            // It changed between the look and now: this is what it is known as.
            lock(&self.inner.modules.candidates).insert(name.to_owned(), read);
        }
        // As the policy is now: loading may take long.
        let now = self.ruling(name).await?;
        if now != ruling {
            let policy = now.policy()?;
            for component in &mut prepared {
                *component = Arc::new(component.under(policy).await?);
            }
        }
        Ok(prepared)
    }

    async fn ruling(&self, module: &str) -> Result<Ruling, Refusal> {
        let (worker, module) = (self.clone(), module.to_owned());
        let ruling = tokio::task::spawn_blocking(move || worker.inner.rules.of(&module));
        Ok(ruling.await.map_err(|_| "it cannot be loaded".to_owned())?)
    }

    /// Its classes cannot be instantiated any more; what runs goes on until it is removed.
    pub(in crate::worker) fn module_is_gone(&self, name: &str) {
        if self.catalogue().remove(name).is_some() {
            self.write_down(name, Kind::Uninstall);
            let line = format!("the module `{name}` is gone; its external workers go on");
            self.notice(Status::Info, line);
            self.settle_libraries(name);
            self.modules_changed();
        }
    }

    /// A module came, in this version, or went. What was there when the Worker began is not written down.
    fn write_down(&self, name: &str, kind: Kind) {
        if !*self.inner.started.borrow() {
            return;
        }
        let components = {
            let catalogue = self.catalogue();
            let module = catalogue.get(name);
            let components = module.into_iter().flat_map(|module| &module.components);
            let hash = |it: &Arc<PreparedComponent>| it.component().content().to_hex().to_string();
            components.map(hash).collect::<Vec<_>>().join(", ")
        };
        let auditor = self.inner.auditor.of_module(name);
        let record = Record::new(kind).what("the module");
        auditor.note(match components.as_str() {
            "" => record,
            hashes => record.reason(format_args!("its components: {hashes}")),
        });
    }

    pub(in crate::worker) fn modules_changed(&self) {
        self.changed(
            "update_worker_dependencies",
            json!({ "worker_dependencies": self.modules() }),
        );
        self.externals_changed();
    }

    /// A line for everybody: the operator's log and the status bars.
    pub(in crate::worker) fn notice(&self, status: Status, line: String) {
        match status {
            Status::Error => tracing::warn!("{line}"),
            Status::Info | Status::Success => tracing::info!("{line}"),
        }
        self.tell(status, line);
    }
}
