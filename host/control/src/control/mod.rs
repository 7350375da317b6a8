//! Tenants and tokens as they are to be, kept on disk, and made so at the [`Supervisor`].
//!
//! What changes goes one after the other, so that nobody decides on what another is changing; what is read is a
//! snapshot. A change is kept before anybody hears of it, and a tenant is served before it is kept as served: so an
//! error says that nothing happened.

mod deeds;
mod plan;
mod registry;
mod tenants;
mod tokens;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use futures_util::StreamExt;
use tokio::sync::{Notify, watch};

pub(crate) use deeds::Deed;
pub use plan::{Action, Changed, Step};
pub(crate) use registry::{Registry, seconds};
pub(crate) use tenants::{finite, is_tenant_name};

use crate::access::{Access, Failures, Place};
use crate::api::{Events, Places, Running};
use crate::limits;
use crate::model::{Code, Happened, Happening, Problem, TenantSpec};
use crate::store::{Change, Store, StoreError};
use crate::supervisor::Supervisor;
use crate::text;
use deeds::Deeds;

/// What a control plane needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of `control.db`, which is made if it is not there.
    pub data: PathBuf,
    /// Where its API is.
    pub place: Place,
    /// Bytes of a module that somebody brings; [`limits::UPLOAD_BYTES`] if nobody has a reason for others.
    pub upload_bytes: usize,
}

/// Who did something, for the audit log.
#[derive(Debug, Clone)]
pub(crate) struct Who(pub String);

impl Who {
    /// The host itself.
    pub fn host() -> Self {
        Self("host".to_owned())
    }
}

/// The control plane of a host.
pub struct Control {
    pub(crate) supervisor: Arc<dyn Supervisor>,
    pub(crate) access: Access,
    pub(crate) events: Events,
    pub(crate) places: Places,
    pub(crate) running: Running,
    pub(crate) upload_bytes: usize,
    /// Of each token, what it was denied.
    pub(crate) denials: Failures<String>,
    deeds: Deeds,
    pub(crate) store: Store,
    registry: RwLock<Arc<Registry>>,
    changing: tokio::sync::Mutex<()>,
    /// Tenants that should be served and are not, with the reason.
    down: Mutex<BTreeMap<String, String>>,
    /// Ids of tokens that were used since the host started.
    used: Mutex<BTreeSet<String>>,
    ended: watch::Sender<bool>,
    /// Told of each change, since another token may end first then.
    changed: Arc<Notify>,
}

impl Control {
    /// Opens the store, and begins to serve every tenant that is not suspended. One that cannot be served now is tried
    /// again.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn begin(
        config: Config,
        supervisor: Arc<dyn Supervisor>,
    ) -> Result<Arc<Self>, StoreError> {
        let (store, loaded) = Store::open(&config.data).await?;
        let control = Arc::new(Self {
            supervisor,
            access: Access::new(config.place),
            events: Events::default(),
            places: Places::default(),
            running: Running::default(),
            upload_bytes: config.upload_bytes,
            denials: Failures::new(limits::DENIALS_NOTED, limits::DENIAL_PERIOD),
            deeds: Deeds::default(),
            store,
            registry: RwLock::new(Arc::new(Registry::new(loaded))),
            changing: tokio::sync::Mutex::default(),
            down: Mutex::default(),
            used: Mutex::default(),
            ended: watch::Sender::new(false),
            changed: Arc::default(),
        });
        let all = control.registry();
        let serving = all
            .tenants
            .values()
            .filter(|spec| !spec.suspended)
            .map(|spec| control.serve_or_note(spec));
        let serving: Vec<_> = serving.collect();
        futures_util::stream::iter(serving)
            .buffer_unordered(limits::MAX_BEGINNING)
            .collect::<()>()
            .await;
        upkeep::begin(&control);
        Ok(control)
    }

    /// Ends the streams of events and what is done in between. Tenants go on: they are the supervisor's.
    pub fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Resolves when this ends.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// Everything that is kept, as it is now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&registry)
    }

    /// Waits until nobody else changes anything.
    pub(crate) async fn change(&self) -> Changing<'_> {
        let guard = self.changing.lock().await;
        Changing {
            control: self,
            _guard: guard,
        }
    }

    /// Writes down what somebody did.
    pub(crate) fn note(&self, who: &Who, kind: Happened, tenant: Option<&str>, what: &str) {
        self.note_reason(who, kind, tenant, what, None);
    }

    /// Writes down what somebody did, and what came of it.
    pub(crate) fn note_reason(
        &self,
        who: &Who,
        kind: Happened,
        tenant: Option<&str>,
        what: &str,
        reason: Option<&str>,
    ) {
        self.write_down(Happening {
            kind,
            tenant: tenant.map(str::to_owned),
            instance: None,
            who: who.0.clone(),
            what: what.to_owned(),
            reason: reason.map(str::to_owned),
            more: 0,
        });
    }

    fn write_down(&self, happening: Happening) {
        let clean = |text: String| text::clean_line(&text, limits::MAX_NOTE_BYTES);
        self.supervisor.note(Happening {
            what: clean(happening.what),
            reason: happening.reason.map(clean),
            ..happening
        });
    }

    fn down(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the token with this id is used for the first time.
    pub(crate) fn is_first_use(&self, id: &str) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(id.to_owned())
    }

    fn forget_use(&self, id: &str) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.remove(id);
    }
}

/// The right to change what is kept.
pub(crate) struct Changing<'a> {
    control: &'a Control,
    _guard: tokio::sync::MutexGuard<'a, ()>,
}

impl Changing<'_> {
    /// Keeps changes: on the disk first, then for everybody.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), Problem> {
        let mut registry = Registry::clone(&self.control.registry());
        for change in &changes {
            registry.apply(change);
        }
        let kept = self.control.store.commit(changes).await;
        kept.map_err(|error| internal(&error))?;
        let mut current = self
            .control
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(registry);
        self.control.changed.notify_one();
        Ok(())
    }

    /// A tenant, which may have gone since the request was looked at.
    fn tenant(&self, name: &str) -> Result<TenantSpec, Problem> {
        let registry = self.control.registry();
        registry.tenants.get(name).cloned().ok_or_else(not_found)
    }
}

/// The one answer for what is not there and what is another tenant's.
pub(crate) fn not_found() -> Problem {
    Problem::new(Code::NotFound, "there is no such thing, or not for you")
}

/// The answer when the store fails, whose words are for the log.
pub(crate) fn internal(error: &StoreError) -> Problem {
    tracing::error!(%error, "the control plane could not keep something");
    Problem::new(Code::Internal, "the host failed; its log says why")
}

fn internal_random(error: getrandom::Error) -> Problem {
    tracing::error!(%error, "the system has no random numbers");
    Problem::new(Code::Internal, "the host failed; its log says why")
}
