//! What runs is held to what the policies say now. First of all, what an external worker has open and would not get
//! any more is closed, whatever its guest does. Where no more than ports, connections and requests were given or
//! taken, it runs on: those are decided one by one. Else it is started again under the policy that its module has,
//! or ends where its component may not be loaded any more, and comes back with the grant.
//!
//! Whoever starts again goes first and starts afterwards. It may still save what it is and stop what it moves, with
//! what it is left with, within [`limits::REVOKED_WITHIN`]; its open calls are not waited for.
//!
//! What runs is compared with the policies at every look, and nobody is told of changes: so there is no
//! order of events in which something keeps what was taken away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::Worker;
use super::external_worker::ExternalWorker;
use super::modules::catalogue::Module;
use super::rules::Ruling;
use super::store::Dirty;
use crate::audit::{Kind, Record};
use crate::component::PreparedComponent;
use crate::error::HostError;
use crate::limits;
use crate::policy::{Granted, Missing, Policy};

/// What each module may do now.
pub(super) type Rulings = BTreeMap<String, Ruling>;

/// An external worker that runs under what its policy does not say any more.
struct Outdated {
    external: Arc<ExternalWorker>,
    /// What it is under the policy, or why nothing of it may run.
    now: Result<Arc<PreparedComponent>, String>,
}

impl Worker {
    /// The modules of external workers that run, whether their files are still there or not.
    pub(super) fn running_modules(&self) -> Vec<String> {
        let running = self.running().into_iter();
        running
            .map(|external| external.module().to_owned())
            .collect()
    }

    /// Holds everything that runs, and what may start, to `rulings`.
    pub(super) async fn hold_to(&self, rulings: &Rulings) {
        // First what may start: nobody begins under what is gone.
        for (module, ruling) in rulings {
            self.hold_module(module, ruling).await;
        }
        // Then what is open: none keeps it because another takes its time.
        self.narrow_running().await;
        let mut outdated = Vec::new();
        for external in self.running() {
            if let Some(ruling) = rulings.get(external.module()) {
                outdated.extend(self.outdated_by(external, ruling).await);
            }
        }
        // All at once: none has its grants longer because another takes its time.
        let cut = outdated.into_iter().map(|outdated| async move {
            let is_cut = self.cut(&outdated).await;
            is_cut.then_some(outdated)
        });
        for outdated in join_all(cut).await.into_iter().flatten() {
            if let Ok(prepared) = outdated.now {
                self.start_under(&outdated.external, prepared);
            }
        }
    }

    /// Writes down what a module was given and what was taken from it.
    pub(super) fn write_down_grants(&self, module: &str, before: Option<&Ruling>, now: &Ruling) {
        let lines = |ruling: &Ruling| ruling.policy().map(Policy::lines).unwrap_or_default();
        if before == Some(now) || !self.inner.auditor.writes() {
            return;
        }
        let (had, has) = (before.map(lines).unwrap_or_default(), lines(now));
        let auditor = self.inner.auditor.of_module(module);
        for line in has.difference(&had) {
            auditor.note(Record::new(Kind::Grant).what(line));
        }
        for line in had.difference(&has) {
            auditor.note(Record::new(Kind::Revoke).what(line));
        }
    }

    /// Takes from what runs what its policies do not say any more, as they are now, and gives it what they say
    /// besides. Waits for no guest.
    pub(super) async fn narrow_running(&self) {
        // Whoever reads later has the last word.
        let _one_at_a_time = self.inner.modules.nobody_narrows().await;
        let rulings = self.rulings_of(self.running_modules()).await;
        for external in self.running() {
            if let Some(ruling) = rulings.get(external.module()) {
                self.narrow(&external, ruling);
            }
        }
    }

    async fn rulings_of(&self, modules: Vec<String>) -> Rulings {
        let worker = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let ruling = |module: String| {
                let ruling = worker.inner.rules.of(&module);
                (module, ruling)
            };
            modules.into_iter().map(ruling).collect()
        });
        // It fails only where the host shuts down.
        reading.await.unwrap_or_default()
    }

    fn narrow(&self, external: &ExternalWorker, ruling: &Ruling) {
        let Some(instance) = external.instance() else {
            return;
        };
        let granted = match ruling.policy() {
            Ok(policy) => instance.prepared().granted_by(policy),
            Err(_refused) => Granted::default(),
        };
        for closed in instance.hold_to(Arc::new(granted)) {
            let record = Record::new(Kind::Revoke)
                .what(&closed)
                .reason("it was open");
            let auditor = external.auditor().of_instance(external.uuid());
            auditor.note(record);
            self.report(
                external,
                &format!("not granted any more, and closed: {closed}"),
            );
        }
    }

    /// What of `external` is not what the policy says, and takes a start to be.
    async fn outdated_by(
        &self,
        external: Arc<ExternalWorker>,
        ruling: &Ruling,
    ) -> Option<Outdated> {
        let instance = external.instance()?;
        let now = renewed(&instance.prepared(), ruling).await.transpose()?;
        if let Ok(prepared) = &now {
            // What its module has, if that is the same: else it would be taken for another version.
            let newest = self.catalogue().class_of(&external).ok().map(|(it, _)| it);
            let as_newest = newest.filter(|newest| newest.runs_on_as(prepared));
            if instance.go_on_as(as_newest.as_ref().unwrap_or(prepared)) {
                self.report(
                    &external,
                    "its policy has changed; it goes on under the new one",
                );
                return None;
            }
        }
        Some(Outdated { external, now })
    }

    /// Begins to start `external`, which nobody waits for here: as what its module has, or where that has it no
    /// more, as `prepared`.
    fn start_under(&self, external: &Arc<ExternalWorker>, prepared: Arc<PreparedComponent>) {
        let newest = self.catalogue().class_of(external);
        let found = newest.or_else(|_| {
            let class = prepared.class(external.class_id())?;
            Ok::<_, HostError>((prepared, class))
        });
        let (prepared, class) = match found {
            Ok(found) => found,
            Err(error) => return external.down_because(&error.public()),
        };
        if let Err(over) = self.admit_start() {
            return external.down_because(&over.to_string());
        }
        let Some(start) = external.begin_start() else {
            return;
        };
        let worker = self.clone();
        tokio::spawn(async move {
            let Ok(_place) = worker.inner.starts.acquire().await else {
                return;
            };
            worker.start_as(start, &prepared, &class).await;
        });
    }

    /// Holds the external workers of `module` to its policy as it is at this moment, before one of them
    /// starts.
    pub(super) async fn hold_now(&self, module: &str) {
        let (worker, name) = (self.clone(), module.to_owned());
        let looking = tokio::task::spawn_blocking(move || worker.inner.rules.of(&name));
        let Ok(ruling) = looking.await else { return };
        let fits = |prepared: &PreparedComponent| {
            let is_under = |policy| prepared.is_under(policy).is_ok_and(|is| is);
            ruling.policy().is_ok_and(is_under)
        };
        let mut all_fit = match self.catalogue().get(module) {
            Some(found) => found.components.iter().all(|prepared| fits(prepared)),
            None => true,
        };
        for external in self.running() {
            let instance = external.instance().filter(|_| external.module() == module);
            all_fit &= instance.is_none_or(|instance| fits(&instance.prepared()));
        }
        if !all_fit {
            let _one_at_a_time = self.inner.modules.nobody_looks().await;
            self.hold_to(&BTreeMap::from([(module.to_owned(), ruling)]))
                .await;
        }
    }

    fn running(&self) -> Vec<Arc<ExternalWorker>> {
        let mut running = self.everything();
        running.retain(|external| !external.is_down());
        running
    }

    /// Puts the components of a module under its policy; those that it does not cover are not had.
    async fn hold_module(&self, name: &str, ruling: &Ruling) {
        let Some(module) = self.catalogue().get(name).cloned() else {
            return;
        };
        match under(&module, ruling).await {
            Ok(None) => return,
            Ok(Some(components)) => self.catalogue().put(Module {
                components,
                ..module
            }),
            Err(problem) => {
                tracing::warn!("the module `{name}` cannot be used any more: {problem}");
                let missing = lacking(&module, ruling);
                self.catalogue().revoke(name, problem, missing);
            }
        }
        self.catalogue_changed();
        self.modules_changed();
    }

    /// Ends what runs. `false`: somebody else did, or does.
    async fn cut(&self, outdated: &Outdated) -> bool {
        let external = &outdated.external;
        let reason = match &outdated.now {
            Ok(_) => "its policy has changed; it starts under the new one".to_owned(),
            Err(problem) => format!("its policy has changed: {problem}"),
        };
        let Some(old) = external.hold_calls(Duration::ZERO).await else {
            return false;
        };
        old.turns().pause();
        let going = async {
            match old.save().await {
                Ok(state) => external.keep_state(state),
                Err(error) => self.report(external, &format!("its state is lost: {error}")),
            }
            old.stop().await;
        };
        let went = tokio::time::timeout(limits::REVOKED_WITHIN, going).await;
        if went.is_err() {
            old.kill(&reason).await;
        }
        if !external.take_down_held(&reason) {
            return false;
        }
        let uuid = external.uuid();
        self.inner.store.dirty([
            Dirty::Instance(uuid.to_owned()),
            Dirty::StoreData(uuid.to_owned()),
        ]);
        self.report(external, &reason);
        self.external_changed(external);
        true
    }
}

/// The components of `module` under its policy now; none: they are under it already.
async fn under(
    module: &Module,
    ruling: &Ruling,
) -> Result<Option<Vec<Arc<PreparedComponent>>>, String> {
    let mut components = Vec::new();
    let mut is_changed = false;
    for component in &module.components {
        let now = renewed(component, ruling).await?;
        is_changed |= now.is_some();
        components.push(now.unwrap_or_else(|| Arc::clone(component)));
    }
    Ok(is_changed.then_some(components))
}

/// What `module` requests and its policy does not grant now.
fn lacking(module: &Module, ruling: &Ruling) -> Vec<Missing> {
    let Ok(policy) = ruling.policy() else {
        return Vec::new();
    };
    let components = module.components.iter();
    let lacking = components.filter_map(|component| component.is_under(policy).err());
    lacking.flat_map(|lacking| lacking.missing).collect()
}

/// `prepared` under its policy now; none: it is under it already.
async fn renewed(
    prepared: &PreparedComponent,
    ruling: &Ruling,
) -> Result<Option<Arc<PreparedComponent>>, String> {
    let policy = ruling.policy()?;
    if prepared.is_under(policy).map_err(|missing| missing.why())? {
        return Ok(None);
    }
    let now = prepared.under(policy).await;
    now.map(|now| Some(Arc::new(now)))
        .map_err(|error| error.public())
}
