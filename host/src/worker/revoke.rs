//! What runs is held to what the policies say now: an external worker that runs under another policy
//! than its module has is started again under that one, or ends where its component may not be loaded
//! any more, and comes back with the grant.
//!
//! Whoever loses something goes first and starts afterwards: what was taken away is not used while a
//! successor begins. It may still save what it is and stop what it moves, within
//! [`limits::REVOKED_WITHIN`]; its open calls are not waited for.
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
use crate::component::PreparedComponent;
use crate::error::HostError;
use crate::limits;

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
        let mut outdated = Vec::new();
        for external in self.running() {
            if let Some(ruling) = rulings.get(external.module()) {
                outdated.extend(outdated_by(external, ruling).await);
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
            all_fit &= instance.is_none_or(|instance| fits(instance.prepared()));
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
                self.catalogue().revoke(name, problem);
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

/// What of `external` is not what the policy says.
async fn outdated_by(external: Arc<ExternalWorker>, ruling: &Ruling) -> Option<Outdated> {
    let instance = external.instance()?;
    let now = renewed(instance.prepared(), ruling).await.transpose()?;
    Some(Outdated { external, now })
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
