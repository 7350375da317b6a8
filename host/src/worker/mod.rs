//! A Worker: a node graph, the external workers in it, the modules that they come from, and all of
//! it kept on disk.
//!
//! [`lifecycle`] adds, changes and removes external workers; [`external_worker`] is one of them, [`libraries`]
//! are those that the Worker keeps by itself; [`bridge`] makes methods nodes, [`pump`] hears what its instance says; [`modules`] finds modules and takes them
//! in; [`quota`] says how much there may be, [`rules`] says what they may do, [`revoke`] holds what runs to it; [`views`] is how all of it looks to
//! a client, [`operated`] to who operates it; [`store`] keeps it, [`logs`] what its external workers logged.
//!
//! On disk it is one directory: `local_workers/`, `policies/`, `modules/`, `files/`, `folders/`, `logs/` and `state.db`.

mod bridge;
pub mod error;
pub mod event;
pub mod export;
pub mod external_worker;
pub mod files;
mod folders;
pub mod import;
mod libraries;
mod lifecycle;
mod logs;
pub mod modules;
mod operated;
mod origin;
mod portable;
mod pump;
mod quota;
pub mod report;
mod revoke;
mod rules;
pub mod saved_state;
pub mod secrets;
mod shelf;
mod snapshot;
mod source;
pub mod store;
mod swap;
pub mod usage;
pub mod views;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde_json::Value as Json;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::Auditor;
pub use crate::capability::secrets::{Known as KnownSecrets, Secrets};
use crate::engine::Engine;
use crate::limits;
use crate::nodespace::{Gone, NodeSpace};
use crate::policy::Guarded;
pub use error::{Result, WorkerError};
use event::Status;
pub use event::WorkerEvent;
use external_worker::ExternalWorker;
pub use lifecycle::NewInstance;
use modules::Modules;
use modules::catalogue::Catalogue;
use modules::package;
pub use quota::{Disk, OverQuota, Quotas, measure};
pub use rules::DefaultPolicy;
use source::Kept;
use store::{Dirty, Document, Store};

/// How a Worker is set up.
pub struct WorkerOptions {
    /// Its directory; made if it is not there.
    pub data: PathBuf,
    /// Its name; default: the one that it had, or `worker`.
    pub name: Option<String>,
    /// What modules without a policy of their own may do, and what belongs to the host.
    pub policy: DefaultPolicy,
    /// What guests run on.
    pub engine: Engine,
    /// Who writes down what happens in it.
    pub auditor: Auditor,
    /// What it may have in all.
    pub quotas: Quotas,
    /// What is filled into the requests of its external workers, where their grants say so.
    pub secrets: Secrets,
}

/// A Worker. Clones are the same one.
#[derive(Clone)]
pub struct Worker {
    inner: Arc<Inner>,
}

struct Inner {
    data_dir: DataDir,
    files: files::Files,
    folders: folders::Folders,
    logs: logs::Logs,
    rules: rules::Rules,
    engine: Engine,
    auditor: Auditor,
    quotas: Quotas,
    disk: Arc<Disk>,
    secrets: Secrets,
    nodespace: NodeSpace,
    externals: Mutex<BTreeMap<String, Arc<ExternalWorker>>>,
    libraries: Mutex<BTreeMap<String, libraries::Library>>,
    /// External workers that were removed a moment ago.
    gone: Mutex<Gone>,
    events: broadcast::Sender<Arc<WorkerEvent>>,
    store: Store,
    kept: Kept,
    modules: Modules,
    /// Whether everything that was there when it was opened has started, or not.
    started: watch::Sender<bool>,
    starts: Semaphore,
    closing: AtomicBool,
    /// What is starting ends.
    ending: CancellationToken,
}

/// Where everything of a Worker is.
#[derive(Debug, Clone)]
pub struct DataDir {
    /// All of it.
    pub data: PathBuf,
}

impl DataDir {
    /// Whether a file is right here: a process that reaches nothing but its own data reads it as it is at each look.
    pub fn has(&self, file: &Path) -> bool {
        file.parent() == Some(&self.data)
    }

    /// Component files that are modules by being there.
    pub fn local_workers(&self) -> PathBuf {
        self.data.join("local_workers")
    }

    /// The operator's policies, `<module>.toml` each. No component can write there.
    pub fn policies(&self) -> PathBuf {
        self.data.join("policies")
    }

    /// What clients uploaded.
    pub fn files(&self) -> PathBuf {
        self.data.join("files")
    }

    /// What belongs to external workers, a folder for each.
    pub fn folders(&self) -> PathBuf {
        self.data.join("folders")
    }

    /// What external workers logged.
    pub fn logs(&self) -> PathBuf {
        self.data.join("logs")
    }

    /// [`Self::files`] as a handle that no path leads out of.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub(crate) fn open_files(&self) -> Result<Dir> {
        Self::open(self.files())
    }

    /// The same of [`Self::folders`].
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub(crate) fn open_folders(&self) -> Result<Dir> {
        Self::open(self.folders())
    }

    fn open(path: PathBuf) -> Result<Dir> {
        Dir::open_ambient_dir(&path, ambient_authority()).map_err(|source| WorkerError::File {
            action: "open",
            path,
            source,
        })
    }

    /// Makes what a Worker makes of itself when it is opened for the first time: after that, a
    /// process that may make nothing here can open it. Reads nothing that a Worker has written.
    ///
    /// # Errors
    /// When something cannot be made.
    pub fn prepare(&self) -> Result<()> {
        self.make()?;
        package::Packages::open(&self.data)?;
        Ok(store::prepare(&self.data)?)
    }

    /// The files that a Worker writes, besides everything in [`Self::files`].
    pub fn written(&self) -> Vec<PathBuf> {
        store::files(&self.data)
    }

    /// The policies that are there, as their files.
    ///
    /// # Errors
    /// When a directory of them cannot be read.
    pub fn module_policies(&self) -> Result<Vec<PathBuf>> {
        let walk = walkdir::WalkDir::new(self.policies())
            .follow_links(true)
            .max_depth(limits::MAX_MODULE_DEPTH)
            .sort_by_file_name();
        let mut found = Vec::new();
        for entry in walk.into_iter().take(limits::MAX_MODULE_FILES) {
            let entry = entry.map_err(|error| WorkerError::File {
                action: "list",
                path: self.policies(),
                source: error.into(),
            })?;
            let path = entry.into_path();
            if path.extension().is_some_and(|ext| ext == "toml") && path.is_file() {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Guards all of it from grants, of this Worker or of another.
    pub(crate) fn guard(&self, guarded: &Guarded) {
        let whose = self.data.file_name().unwrap_or_default().to_string_lossy();
        let what = |what: &str| format!("{what} of the Worker `{whose}`");
        guarded.keep(&self.data, what("the data"));
        guarded.keep(self.policies(), what("the policies"));
        guarded.keep(self.local_workers(), what("the modules"));
        guarded.keep(self.data.join(package::FOLDER), what("the packages"));
        for file in self.written() {
            guarded.keep(file, what("the state"));
        }
    }

    /// Makes the directories that are not there.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make(&self) -> Result<()> {
        for dir in [
            self.data.clone(),
            self.local_workers(),
            self.policies(),
            self.files(),
            self.folders(),
            self.logs(),
        ] {
            make_private(&dir)?;
        }
        Ok(())
    }
}

fn make_private(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.map_err(|source| WorkerError::File {
        action: "create",
        path: dir.to_owned(),
        source,
    })
}

impl Worker {
    /// Opens the Worker in a directory: everything that was saved is there again. Modules are looked for
    /// from now on, and external workers start when theirs is there: nobody who is served waits for that.
    /// [`Self::loaded`] and [`Self::started`] do.
    ///
    /// # Errors
    /// When the directory cannot be used, or another host has it open. What is wrong with a module
    /// or an external worker is reported, and is not an error.
    pub async fn open(options: WorkerOptions) -> Result<Self> {
        let data_dir = DataDir { data: options.data };
        data_dir.make()?;
        let dir = data_dir.data.clone();
        let folders = folders::Folders::new(data_dir.folders());
        let logs = logs::Logs::open(data_dir.logs()).map_err(|source| WorkerError::File {
            action: "keep the logs in",
            path: data_dir.logs(),
            source,
        })?;
        let places = folders.clone();
        let disk = Disk::of(&options.quotas);
        let on_disk = Arc::clone(&disk);
        let opened = tokio::task::spawn_blocking(move || {
            // The store first: it holds the directory.
            let store = Store::open(&dir)?;
            let packages = package::Packages::open(&dir)?;
            packages.tidy();
            let files = files::Files::new(DataDir { data: dir }.open_files()?).on(on_disk);
            let known = store.1.instances.iter().map(|saved| saved.uuid.clone());
            let left_over = places.left_over(&known.collect(), store.1.problems.is_empty());
            // It may be much, and nobody waits for it.
            tokio::task::spawn_blocking(move || {
                left_over.iter().for_each(|it| folders::remove(it))
            });
            Ok::<_, WorkerError>((store, packages, files))
        });
        let ((store, loaded), packages, files) = opened
            .await
            .map_err(|error| WorkerError::Request(error.to_string()))??;
        let kept = Kept::new(&loaded.meta, options.name);
        let needed = origin::packages(loaded.meta.get(source::FLOW_PACKAGES));
        let events = broadcast::Sender::new(limits::WORKER_EVENT_BACKLOG);
        // Whatever others do on the same threads.
        let engine = options.engine.on(options.quotas.account());
        let voice = Arc::new(event::Voice::new(events.clone(), store.clone()));
        let worker = Self {
            inner: Arc::new(Inner {
                nodespace: NodeSpace::new(engine.threads().clone(), voice),
                rules: rules::Rules::new(&data_dir, options.policy),
                data_dir,
                files,
                folders,
                logs,
                engine,
                auditor: options.auditor,
                quotas: options.quotas,
                disk,
                secrets: options.secrets,
                externals: Mutex::default(),
                libraries: Mutex::default(),
                gone: Mutex::default(),
                events,
                store: store.clone(),
                kept,
                modules: Modules::new(packages, needed),
                started: watch::Sender::new(false),
                starts: Semaphore::new(limits::MAX_STARTS_AT_ONCE),
                closing: AtomicBool::new(false),
                ending: CancellationToken::new(),
            }),
        };
        let source: Weak<Inner> = worker.downgrade();
        store.attach(source);
        for problem in &loaded.problems {
            tracing::error!("{problem}");
        }
        worker.restore(loaded);
        store.dirty([
            Dirty::Meta(source::UUID.into()),
            Dirty::Meta(source::NAME.into()),
        ]);
        modules::watch(&worker);
        quota::watch(&worker);
        Ok(worker)
    }

    /// Its graph.
    pub fn nodespace(&self) -> &NodeSpace {
        &self.inner.nodespace
    }

    /// Its uuid, kept over restarts.
    pub fn uuid(&self) -> Uuid {
        self.inner.kept.uuid
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.inner.kept.name
    }

    /// Who writes down what happens in it.
    pub fn auditor(&self) -> &Auditor {
        &self.inner.auditor
    }

    /// Where its files are.
    pub fn data_dir(&self) -> &DataDir {
        &self.inner.data_dir
    }

    /// What belongs to the host, and no policy of a module can grant.
    pub(crate) fn guarded(&self) -> &Guarded {
        self.inner.rules.guarded()
    }

    /// What clients brought.
    pub fn files(&self) -> &files::Files {
        &self.inner.files
    }

    /// Everything that happens, from now on. A slow one loses the oldest and is told how many.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<WorkerEvent>> {
        self.inner.events.subscribe()
    }

    /// Waits until everything that has changed so far is on disk.
    ///
    /// # Errors
    /// When it cannot be written; it is tried again.
    pub async fn saved(&self) -> Result<()> {
        Ok(self.inner.store.saved().await?)
    }

    /// Ends everything: loops and calls stop, at most for `deadline`, and everything is saved.
    ///
    /// # Errors
    /// When something could not be saved.
    pub async fn close(&self, deadline: Duration) -> Result<()> {
        self.inner.closing.store(true, Ordering::SeqCst);
        self.inner.ending.cancel();
        let stopping = self
            .everything()
            .into_iter()
            .map(|external| self.suspend(external));
        // What does not stop in time is dropped with its store.
        let _ = tokio::time::timeout(deadline, futures_util::future::join_all(stopping)).await;
        for external in self.everything() {
            external.take_down_held(lifecycle::CLOSED);
        }
        Ok(self.inner.store.close().await?)
    }

    /// Takes all nodes, edges and groups away; modules and external workers stay.
    pub fn clear(&self) {
        let gone = self.nodespace().node_ids();
        self.nodespace().clear();
        self.mark_graph(gone);
    }

    /// Everything of the graph is to be saved; `gone` are nodes that may be no more.
    fn mark_graph(&self, gone: Vec<Arc<str>>) {
        let nodes = gone.into_iter().chain(self.nodespace().node_ids());
        let nodes = nodes.map(|node| Dirty::Node(node.to_string()));
        let documents = [Document::Edges, Document::Groups, Document::Properties];
        self.inner
            .store
            .dirty(nodes.chain(documents.map(Dirty::Document)));
    }

    fn is_closing(&self) -> bool {
        self.inner.closing.load(Ordering::SeqCst)
    }

    /// A line for the status bar of everybody.
    fn tell(&self, status: Status, line: impl Into<String>) {
        self.inner.tell(status, line);
    }

    fn changed(&self, event: &'static str, data: Json) {
        self.inner.send(WorkerEvent::Worker {
            event: event.to_owned(),
            data,
        });
    }

    /// What clients show of external workers is out of date.
    fn externals_changed(&self) {
        self.changed("external_worker_update", serde_json::json!({}));
    }

    /// What clients show of `external` is out of date; of a library they show its nodes only.
    fn external_changed(&self, external: &ExternalWorker) {
        if !external.is_library() {
            self.externals_changed();
        }
    }

    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.inner.modules.catalogue()
    }

    fn externals(&self) -> MutexGuard<'_, BTreeMap<String, Arc<ExternalWorker>>> {
        lock(&self.inner.externals)
    }

    /// For tasks that live as long as the Worker does and must not keep it.
    fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    fn upgrade(weak: &Weak<Inner>) -> Option<Self> {
        weak.upgrade().map(|inner| Self { inner })
    }
}

impl Inner {
    fn send(&self, event: WorkerEvent) {
        // Nobody listening is fine.
        let _ = self.events.send(Arc::new(event));
    }

    fn tell(&self, status: Status, line: impl Into<String>) {
        self.send(WorkerEvent::notice(status, line));
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("uuid", &self.inner.kept.uuid)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
