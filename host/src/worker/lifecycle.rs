//! External workers come, change and go: what clients ask for, what a start of the Worker brings
//! back, and what a change of their code does.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Map, Value as Json, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::error::{Result, WorkerError};
use super::event::Status;
use super::external_worker::{ExternalWorker, Identity, Start};
use super::folders::Arriving;
use super::store::{Dirty, Loaded, SavedInstance};
use super::views::InstanceView;
use super::{OverQuota, Worker, lock, pump, shelf};
use crate::bindings::types::Shelf as OfferedShelf;
use crate::component::PreparedComponent;
use crate::instance::description::Class;
use crate::instance::events::Listener;
use crate::instance::{Instance, Spec, Starting};
use crate::limits::Resource;
use crate::nodespace::NodesOnRemoval;
use crate::{limits, text};

/// What an external worker is to be, as far as a client says.
#[derive(Debug, Clone, Default)]
pub struct NewInstance {
    /// 32 hexadecimal digits; default: at random.
    pub uuid: Option<String>,
    /// Default: its class's title and its uuid.
    pub name: Option<String>,
    /// What differs from the defaults.
    pub config: Option<Json>,
}

const NOT_STARTED: &str = "it has not started yet";
pub(super) const CLOSED: &str = "the Worker has closed";

impl Worker {
    /// Adds an external worker and starts it. Returns how it looks to a client.
    ///
    /// # Errors
    /// When the class is unknown, the uuid is taken, the configuration does not fit, or the guest's
    /// start fails. Nothing is left of it then.
    pub async fn add_instance(
        &self,
        module: &str,
        class: &str,
        new: NewInstance,
    ) -> Result<InstanceView> {
        if self.is_closing() {
            return Err(WorkerError::Closing);
        }
        self.hold_now(module).await;
        let (prepared, class) = self.class(module, class).await?;
        if class.declared.is_library {
            return Err(WorkerError::IsLibrary(class.id().to_owned()));
        }
        let uuid = match new.uuid {
            Some(given) => check_uuid(&given)?,
            None => Uuid::new_v4().simple().to_string(),
        };
        let default_name = default_name(&class, &uuid);
        let name = given_name(new.name.as_deref()).unwrap_or(default_name);
        let identity = Identity {
            uuid: uuid.clone(),
            class_id: class.id().to_owned(),
            module: module.to_owned(),
        };
        let config = new.config.unwrap_or_else(|| Json::Object(Map::new()));
        let external = ExternalWorker::new(identity, name, config, NOT_STARTED);
        let external = external.in_folder(self.inner.folders.of(&uuid));
        let external = Arc::new(external.audited_by(&self.inner.auditor));
        let start = external.begin_start();
        self.reserve_new(&external, None)?;
        let started = match start {
            Some(start) => self.start(start, &prepared, None).await,
            None => Err(removed_meanwhile()),
        };
        if let Err(error) = started {
            self.take_out(&external);
            return Err(error);
        }
        self.mount(&external, &class).await;
        self.inner.store.dirty([Dirty::Instance(uuid)]);
        self.externals_changed();
        Ok(self.instance_view(&external))
    }

    /// Changes an external worker's configuration, then its name.
    ///
    /// # Errors
    /// When there is no such worker or the configuration is refused; then nothing has changed.
    pub async fn update_instance(
        &self,
        uuid: &str,
        class_id: &str,
        name: Option<&str>,
        config: Option<Json>,
    ) -> Result<()> {
        let external = self.external(uuid, class_id)?;
        let before = (external.name(), external.config());
        if let Some(config) = config.filter(|config| !config.is_null()) {
            external.update_config(config).await?;
            self.refresh(&external).await;
        }
        if let Some(name) = name {
            let name = match given_name(Some(name)) {
                Some(name) => name,
                None => self.default_name_of(&external).await,
            };
            external.rename(name);
        }
        if before != (external.name(), external.config()) {
            self.inner.store.dirty([Dirty::Instance(uuid.to_owned())]);
            self.externals_changed();
        }
        Ok(())
    }

    async fn default_name_of(&self, external: &ExternalWorker) -> String {
        let (uuid, class_id) = (external.uuid(), external.class_id());
        match self.class(external.module(), class_id).await {
            Ok((_, class)) => default_name(&class, uuid),
            Err(_not_here) => format!("{class_id}({uuid})"),
        }
    }

    /// The guest of an external worker said what its configuration is.
    pub(super) fn config_said(&self, external: &ExternalWorker) {
        external.keep_config();
        let uuid = external.uuid().to_owned();
        self.inner.store.dirty([Dirty::Instance(uuid)]);
        self.externals_changed();
    }

    /// Stops an external worker and takes it out, with its nodes, their edges, its shelf and classes.
    ///
    /// # Errors
    /// When there is no such worker.
    pub async fn remove_instance(&self, uuid: &str, class_id: &str) -> Result<()> {
        let external = self.external(uuid, class_id)?;
        if !self.forget(&external) {
            return Err(self.no_external(uuid));
        }
        if let Some(instance) = external.remove() {
            instance.stop().await;
        }
        Ok(())
    }

    /// Takes it out of everything but its own hands. `false`: somebody else did already.
    pub(super) fn forget(&self, external: &ExternalWorker) -> bool {
        let is_mine = self.take_out(external);
        if is_mine {
            lock(&self.inner.gone).note(external.uuid());
            self.inner.logs.remove(external.uuid());
            self.unmount(external);
        }
        is_mine
    }

    /// No turn of its loop begins until [`Self::resume_instance`].
    ///
    /// # Errors
    /// When there is no such worker, or it does not run.
    pub fn pause_instance(&self, uuid: &str, class_id: &str) -> Result<()> {
        self.set_paused(uuid, class_id, true)
    }

    /// Its loop goes on.
    ///
    /// # Errors
    /// As [`Self::pause_instance`].
    pub fn resume_instance(&self, uuid: &str, class_id: &str) -> Result<()> {
        self.set_paused(uuid, class_id, false)
    }

    fn set_paused(&self, uuid: &str, class_id: &str, paused: bool) -> Result<()> {
        let external = self.external(uuid, class_id)?;
        if !external.set_paused(paused) {
            let problem = external.problem().unwrap_or_default();
            return Err(WorkerError::Request(format!(
                "Worker {} does not run: {problem}",
                external.name()
            )));
        }
        self.inner.store.dirty([Dirty::Instance(uuid.to_owned())]);
        self.externals_changed();
        Ok(())
    }

    /// Starts it again, with its uuid, name, configuration, nodes and what it saves of itself. One that is
    /// starting goes on with that, and is waited for.
    ///
    /// # Errors
    /// When there is no such worker, or it does not start.
    pub async fn restart_instance(&self, uuid: &str, class_id: &str) -> Result<()> {
        let external = self.external(uuid, class_id)?;
        self.hold_now(external.module()).await;
        if let Some(instance) = external.instance() {
            instance.restart();
            return Ok(());
        }
        let (prepared, class) = self.class(external.module(), class_id).await?;
        if class.declared.is_library {
            return Err(WorkerError::IsLibrary(class.id().to_owned()));
        }
        if external.is_down() {
            self.admit_start()?;
        }
        let Some(start) = external.begin_start() else {
            return Ok(external.settled().await?);
        };
        self.start(start, &prepared, external.state()).await?;
        self.mount(&external, &class).await;
        self.externals_changed();
        Ok(())
    }

    /// The external worker `uuid`, if it is of that class.
    pub(super) fn external(&self, uuid: &str, class_id: &str) -> Result<Arc<ExternalWorker>> {
        let external = self.externals().get(uuid).cloned();
        external
            .filter(|external| external.class_id() == class_id)
            .ok_or_else(|| match self.has_library(class_id) {
                true => WorkerError::IsLibrary(class_id.to_owned()),
                false => self.no_external(uuid),
            })
    }

    pub(super) fn no_external(&self, uuid: &str) -> WorkerError {
        match lock(&self.inner.gone).has(uuid) {
            true => WorkerError::Gone(shown(uuid)),
            false => WorkerError::NoExternal(shown(uuid)),
        }
    }

    /// Takes the uuid, so that nobody else can have it, for one whose folder is empty or `arriving`.
    pub(super) fn reserve_new(
        &self,
        external: &Arc<ExternalWorker>,
        arriving: Option<&Arriving>,
    ) -> Result<()> {
        let libraries = self.library_count();
        self.reserve(external, |there| {
            self.noted(self.admit(there, libraries))?;
            self.furnish(external, arriving)
        })
    }

    /// Takes the uuid, if all goes well with what has to be done before anybody starts it, beside so many.
    fn reserve(
        &self,
        external: &Arc<ExternalWorker>,
        before: impl FnOnce(usize) -> Result<()>,
    ) -> Result<()> {
        let is_of_library = self.is_of_library(external.uuid());
        let mut externals = self.externals();
        if externals.len() >= limits::MAX_EXTERNALS {
            return Err(WorkerError::TooMany {
                what: "external workers",
                limit: limits::MAX_EXTERNALS,
            });
        }
        let there = externals.len();
        match externals.entry(external.uuid().to_owned()) {
            Entry::Vacant(free) if !is_of_library => {
                before(there)?;
                free.insert(Arc::clone(external));
                Ok(())
            }
            taken => Err(WorkerError::Uuid {
                uuid: taken.key().clone(),
                problem: "another external worker has it",
            }),
        }
    }

    /// Starts an instance, with what it saved of itself before.
    pub(super) async fn start(
        &self,
        start: Start,
        prepared: &Arc<PreparedComponent>,
        state: Option<Vec<u8>>,
    ) -> Result<()> {
        let external = Arc::clone(start.external());
        let started = self.started_instance(&external, prepared, state).await;
        let (instance, events) = match started {
            Ok(started) => started,
            Err(error) => {
                start.failed(&error.public());
                return Err(error);
            }
        };
        if !start.done(&instance) {
            instance.stop().await;
            return Err(removed_meanwhile());
        }
        if self.is_closing() {
            // Whoever closes may have looked before it was there. It has done nothing yet.
            instance.stop().await;
            return Err(WorkerError::Closing);
        }
        pump::start(self, &external, &instance, events);
        if !self.is_current(external.module(), prepared) {
            // So may whoever took a grant away.
            self.hold_now(external.module()).await;
        }
        Ok(())
    }

    async fn started_instance(
        &self,
        external: &ExternalWorker,
        prepared: &Arc<PreparedComponent>,
        state: Option<Vec<u8>>,
    ) -> Result<(Instance, Listener)> {
        let (starting, events) = self.begin_instance(external, prepared, state)?;
        tokio::select! {
            started = starting.started() => Ok((started?, events)),
            () = self.inner.ending.cancelled() => Err(WorkerError::Closing),
            () = self.not_current(external.module(), prepared) => Err(WorkerError::Request(
                "its module or its policy changed while it started".to_owned(),
            )),
        }
    }

    /// Puts its shelf into the library: its methods, and the shelves that it offers. They may be many: that
    /// is done on the guests' threads, and billed to it.
    pub(super) async fn mount(&self, external: &Arc<ExternalWorker>, class: &Arc<Class>) {
        let Some(instance) = external.instance() else {
            return self.mount_with(external, class, &[]);
        };
        let (worker, external, class) = (self.clone(), Arc::clone(external), Arc::clone(class));
        let mount = async move {
            let offered = worker.offered(&external).await;
            worker.mount_with(&external, &class, &offered);
        };
        let threads = self.inner.engine.threads();
        let mounted = threads.spawn_as(instance.standing(), instance.billed(mount));
        drop(instance);
        // It does not come to its end where the host ends.
        let _ = mounted.await;
    }

    pub(super) fn mount_with(
        &self,
        external: &Arc<ExternalWorker>,
        class: &Class,
        offered: &[OfferedShelf],
    ) {
        match self.put_shelf(external, class, offered) {
            Ok(()) => self.changed("lib_update", json!({})),
            Err(problem) => self.report(external, &format!("its nodes cannot be shown: {problem}")),
        }
    }

    fn put_shelf(
        &self,
        external: &Arc<ExternalWorker>,
        class: &Class,
        offered: &[OfferedShelf],
    ) -> std::result::Result<(), String> {
        let methods = &class.declared.methods;
        let instance = external.instance();
        let description = match external.is_library() {
            true => class.declared.description.as_deref().unwrap_or_default(),
            false => "",
        };
        let size = shelf::size(description, methods, offered);
        let paid = instance.map(|instance| instance.ledger().hold(Resource::Memory, size));
        let paid = paid
            .transpose()
            .map_err(|exhausted| exhausted.to_string())?;
        let shelf = shelf::of(external, description, methods, offered, paid);
        if external.is_library() {
            return self.put_library_shelf(external, class, shelf);
        }
        let path = [shelf::EXTERNAL_SHELF, external.uuid()];
        let put = self.nodespace().put_shelf(&path, shelf);
        put.map_err(|error| error.to_string())
    }

    /// Reads the shelves of `external` again.
    pub(super) async fn refresh(&self, external: &Arc<ExternalWorker>) {
        if let Some(instance) = external.instance() {
            let class = Arc::clone(instance.class());
            self.mount(external, &class).await;
        }
    }

    async fn offered(&self, external: &Arc<ExternalWorker>) -> Vec<OfferedShelf> {
        let Some(instance) = external.instance() else {
            return Vec::new();
        };
        match instance.shelves().await {
            Ok(shelves) => shelves.unwrap_or_default(),
            Err(error) => {
                self.report(
                    external,
                    &format!("its shelf cannot be read: {}", error.public()),
                );
                Vec::new()
            }
        }
    }

    /// Takes its shelf with nodes and edges out of the library, and it out of the store.
    fn unmount(&self, external: &ExternalWorker) {
        let path = [shelf::EXTERNAL_SHELF, external.uuid()];
        // One that never started has no shelf.
        let _ = self.nodespace().remove_shelf(&path, NodesOnRemoval::Remove);
        let uuid = external.uuid().to_owned();
        self.inner
            .store
            .dirty([Dirty::Instance(uuid.clone()), Dirty::StoreData(uuid)]);
        self.changed("lib_update", json!({}));
        self.externals_changed();
    }

    /// Tells people what is wrong with an external worker.
    pub(super) fn report(&self, external: &ExternalWorker, problem: &str) {
        let line = format!("{}: {problem}", external.name());
        tracing::warn!(uuid = external.uuid(), "{line}");
        self.tell(Status::Error, line);
    }

    /// At the end: what the guest saves of itself is kept, then it stops. What a call did that was answered is in what is
    /// saved: none begins before that, and those that run may end.
    pub(super) async fn suspend(&self, external: Arc<ExternalWorker>) {
        let held = external.hold_calls(limits::CALLS_MAY_END).await;
        let Some(instance) = held.or_else(|| external.instance()) else {
            return;
        };
        match instance.save().await {
            Ok(Some(state)) => {
                external.keep_state(Some(state));
                let uuid = external.uuid().to_owned();
                self.inner.store.dirty([Dirty::StoreData(uuid)]);
            }
            Ok(None) => {}
            Err(error) => self.report(&external, &format!("its state is lost: {error}")),
        }
        instance.stop().await;
    }

    /// Everything that was saved: the graph, and external workers that wait for their modules.
    pub(super) fn restore(&self, mut loaded: Loaded) {
        self.restore_graph(&mut loaded);
        *self.inner.modules.active() = loaded
            .packages
            .drain(..)
            .map(|package| (package.name.clone(), package))
            .collect();
        for saved in loaded.instances.drain(..) {
            let state = loaded.instance_states.remove(&saved.uuid);
            self.restore_external(saved, state);
        }
    }

    fn restore_graph(&self, loaded: &mut Loaded) {
        let backend = json!({
            "nodes": std::mem::take(&mut loaded.nodes),
            "edges": loaded.edges.take().unwrap_or_else(|| json!([])),
            "groups": loaded.groups.take().unwrap_or_else(|| json!({})),
            "prop": loaded.properties.take().unwrap_or_else(|| json!({})),
        });
        match self.nodespace().load(&backend) {
            Ok(report) => {
                for problem in &report.left_out.lines {
                    tracing::warn!("the saved graph: {problem}");
                }
            }
            Err(error) => tracing::error!("the saved graph cannot be loaded: {error}"),
        }
    }

    fn restore_external(&self, saved: SavedInstance, state: Option<Vec<u8>>) {
        let name = saved.name.unwrap_or_else(|| saved.class_id.clone());
        let identity = Identity {
            uuid: saved.uuid,
            class_id: saved.class_id,
            module: saved.module,
        };
        let folder = self.inner.folders.of(&identity.uuid);
        let external = ExternalWorker::waiting(identity, name, saved.config);
        let external = Arc::new(external.in_folder(folder).audited_by(&self.inner.auditor));
        external.keep_state(state);
        external.begin_paused(saved.paused);
        if let Err(error) = self.reserve(&external, |_there| Ok(())) {
            tracing::error!("a saved external worker cannot be restored: {error}");
        }
    }

    /// Begins to start what waits for the classes of `module`, so many at a time. From now on their nodes
    /// are there, and their calls wait.
    pub(super) fn start_waiting(&self, module: &str) -> Vec<JoinHandle<()>> {
        // A quota may be smaller than it was when they were made.
        let mut room = self.room_to_start();
        let begin = |external: Arc<ExternalWorker>| {
            let known = self.catalogue().class_of(&external);
            let (_, class) = match known {
                Ok(known) => known,
                Err(error @ WorkerError::IsLibrary(_)) => {
                    external.down_because(&error.public());
                    return None;
                }
                Err(_) => return None,
            };
            if let (0, Some(most)) = (room, self.inner.quotas.instances) {
                external.down_because(&OverQuota::Instances(most).to_string());
                self.mount_with(&external, &class, &[]);
                return None;
            }
            let start = external.begin_start()?;
            room = room.saturating_sub(1);
            self.mount_with(&external, &class, &[]);
            let worker = self.clone();
            Some(tokio::spawn(async move { worker.start_one(start).await }))
        };
        let waiting = self.everything_of(module).into_iter();
        waiting.filter_map(begin).collect()
    }

    async fn start_one(&self, start: Start) {
        let Ok(place) = self.inner.starts.acquire().await else {
            return;
        };
        let external = Arc::clone(start.external());
        let found = self.catalogue().class_of(&external);
        let (prepared, class) = match found {
            Ok(found) => found,
            Err(error) => return start.failed(&error.public()),
        };
        let starting = self.start_as(start, &prepared, &class);
        let mut starting = std::pin::pin!(starting);
        if timeout(limits::START_PLACE, &mut starting).await.is_err() {
            drop(place);
            starting.await;
        }
        if external.is_down() && !self.is_current(external.module(), &prepared) {
            // What it was to be is not any more: again, as what it is now.
            Box::pin(join_all(self.start_waiting(external.module()))).await;
        }
    }

    /// Starts it as what it is now, afresh if it does not start with what it saved.
    pub(super) async fn start_as(
        &self,
        start: Start,
        prepared: &Arc<PreparedComponent>,
        class: &Arc<Class>,
    ) {
        if self.is_closing() {
            return;
        }
        let external = Arc::clone(start.external());
        let state = external.state();
        let had_state = state.is_some();
        let mut started = self.start(start, prepared, state).await;
        if let (Err(error), true) = (&started, had_state)
            && !self.is_closing()
            && self.is_current(external.module(), prepared)
            && let Some(start) = external.begin_start()
        {
            self.report(&external, &format!("it starts afresh: {}", error.public()));
            started = self.start(start, prepared, None).await;
        }
        match started {
            Ok(()) => {
                external.keep_state(None);
                let uuid = external.uuid().to_owned();
                self.inner.store.dirty([Dirty::StoreData(uuid)]);
                self.mount(&external, class).await;
                // Its module may have changed while it started.
                self.bring_up_to_date(&external).await;
            }
            // What is not there any more, or is about to go.
            Err(WorkerError::Closing) => return,
            Err(_) if !external.is_down() => return,
            // Its nodes are shown all the same, and say why they do not run.
            Err(error) => {
                self.mount_with(&external, class, &[]);
                self.report(&external, &format!("it does not start: {}", error.public()));
            }
        }
        self.external_changed(&external);
    }
}

fn removed_meanwhile() -> WorkerError {
    WorkerError::Request("it was removed meanwhile".to_owned())
}

impl Worker {
    /// Begins an instance of what `external` is to be.
    pub(super) fn begin_instance(
        &self,
        external: &ExternalWorker,
        prepared: &Arc<PreparedComponent>,
        state: Option<Vec<u8>>,
    ) -> Result<(Starting, Listener)> {
        let (starting, events) = Instance::begin(prepared, self.spec(external, state)?)?;
        if external.begins_paused() {
            starting.instance().turns().pause();
        }
        Ok((starting, events))
    }

    /// What `external` is to be, for an instance behind it.
    fn spec(&self, external: &ExternalWorker, state: Option<Vec<u8>>) -> Result<Spec> {
        Ok(Spec {
            class_id: external.class_id().to_owned(),
            uuid: parse_uuid(external.uuid())?,
            name: external.name(),
            config: external.config(),
            state,
            folder: Arc::clone(external.folder()),
            auditor: external.auditor().clone(),
            secrets: self.inner.secrets.clone(),
        })
    }
}

/// A uuid of a client, in its one form: 32 small hexadecimal digits.
pub(super) fn check_uuid(uuid: &str) -> Result<String> {
    parse_uuid(uuid).map(|uuid| uuid.simple().to_string())
}

fn parse_uuid(uuid: &str) -> Result<Uuid> {
    Uuid::try_parse(uuid).map_err(|_not_a_uuid| WorkerError::Uuid {
        uuid: shown(uuid),
        problem: "it is not 32 hexadecimal digits",
    })
}

/// What one without a name is called.
pub(super) fn default_name(class: &Class, uuid: &str) -> String {
    format!("{}({uuid})", class.declared.title)
}

/// A name that a client gave, clean; `None`: none, or an empty one.
fn given_name(name: Option<&str>) -> Option<String> {
    let name = text::clean_line(name?.trim(), limits::MAX_NAME_BYTES);
    (!name.is_empty()).then_some(name)
}

fn shown(uuid: &str) -> String {
    text::clean_line(uuid, limits::MAX_NAME_BYTES)
}
