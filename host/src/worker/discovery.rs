//! Modules come, change and go while the Worker runs: component files in the directory of local
//! workers, each under a policy of its own or the Worker's, and installed packages. Each change has
//! a report of its own, and one broken file never hides another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use notify::{RecursiveMode, Watcher};
use serde_json::json;
use tokio::sync::mpsc;

use super::catalogue::Module;
use super::event::Status;
use super::{Inner, Places, Worker, lock};
use crate::component::{LoadedComponent, PreparedComponent};
use crate::policy::Policy;
use crate::{limits, text};

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok().filter(|it| it.is_file())?;
        Some(Self {
            modified: metadata.modified().ok(),
            size: metadata.len(),
        })
    }
}

/// A module that lies in a directory, as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    files: Vec<PathBuf>,
    stamps: Vec<Option<Stamp>>,
    policy: PathBuf,
    policy_stamp: Option<Stamp>,
}

impl Candidate {
    pub(super) fn new(places: &Places, name: &str, files: Vec<PathBuf>) -> Self {
        let policy = places.policies().join(format!("{name}.toml"));
        Self {
            stamps: files.iter().map(|file| Stamp::of(file)).collect(),
            policy_stamp: Stamp::of(&policy),
            files,
            policy,
        }
    }
}

/// Modules by name.
pub(super) type Candidates = BTreeMap<String, Candidate>;

/// Looks again whenever something changes, for as long as the Worker lives.
pub(super) fn watch(worker: &Worker) {
    let (changed, changes) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |_event| {
        // A full channel says already what has to be said.
        let _ = changed.try_send(());
    });
    let places = worker.places().clone();
    let watching = watcher.and_then(|mut watcher| {
        watcher.watch(&places.local_workers(), RecursiveMode::Recursive)?;
        watcher.watch(&places.policies(), RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    let watcher = match watching {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::error!("changes of modules are seen only every now and then: {error}");
            None
        }
    };
    tokio::spawn(look_again(worker.downgrade(), changes, watcher));
}

async fn look_again(
    worker: Weak<Inner>,
    mut changes: mpsc::Receiver<()>,
    _watcher: Option<notify::RecommendedWatcher>,
) {
    loop {
        // Every now and then without being told, too: some file systems tell nothing.
        let _ = tokio::time::timeout(limits::LOOK_AGAIN_AFTER, changes.recv()).await;
        // Files are written piece by piece: wait until it is quiet.
        while let Ok(Some(())) = tokio::time::timeout(limits::QUIET, changes.recv()).await {}
        let Some(worker) = Worker::upgrade(&worker).filter(|worker| !worker.is_closing()) else {
            return;
        };
        worker.load_modules().await;
    }
}

impl Worker {
    /// Takes in what is new or has changed, and lets go of what is no longer there.
    pub(super) async fn load_modules(&self) {
        let _one_at_a_time = self.inner.loading.lock().await;
        let worker = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let (mut found, problems) = local(worker.places());
            found.extend(worker.package_candidates());
            (found, problems)
        });
        let (found, problems) = looking.await.unwrap_or_default();
        self.report_new_problems(problems);
        let known = lock(&self.inner.candidates).clone();
        for name in known.keys().filter(|name| !found.contains_key(*name)) {
            self.module_is_gone(name);
        }
        for (name, candidate) in &found {
            if known.get(name) != Some(candidate) {
                self.load_module(name, candidate).await;
            }
        }
        *lock(&self.inner.candidates) = found;
    }

    async fn load_module(&self, name: &str, candidate: &Candidate) {
        let prepared = self.prepare(candidate).await;
        let is_new = self.catalogue().get(name).is_none();
        let taken_in = prepared.and_then(|components| {
            let mut catalogue = self.catalogue();
            catalogue.check(name, &components)?;
            catalogue.put(Module {
                name: name.to_owned(),
                components,
                problem: None,
            });
            Ok(())
        });
        match taken_in {
            Ok(()) => {
                self.swap_module(name).await;
                self.start_waiting(name).await;
                let what = if is_new { "new" } else { "changed" };
                self.notice(Status::Success, format!("the module `{name}` is {what}"));
            }
            Err(problem) => {
                self.catalogue().broken(name, problem.clone());
                let line = format!("the module `{name}` cannot be used: {problem}");
                self.notice(Status::Error, line);
            }
        }
        self.modules_changed();
    }

    /// The components of a module under its policy; a sentence when one of them is unusable.
    async fn prepare(&self, candidate: &Candidate) -> Result<Vec<Arc<PreparedComponent>>, String> {
        let policy = match candidate.policy_stamp {
            Some(_) => Policy::load(&candidate.policy).map_err(|error| {
                tracing::error!("{error}");
                error.public()
            })?,
            None => self.inner.policy.clone(),
        };
        let mut prepared = Vec::new();
        for file in &candidate.files {
            let (engine, file) = (self.inner.engine.clone(), file.clone());
            let loading =
                tokio::task::spawn_blocking(move || LoadedComponent::from_file(&engine, &file));
            let loaded = match loading.await {
                Ok(loaded) => loaded.map_err(|error| error.public())?,
                Err(_) => return Err("it cannot be loaded".to_owned()),
            };
            let ready = Arc::new(loaded).prepare(&policy).await;
            prepared.push(Arc::new(ready.map_err(|error| error.public())?));
        }
        Ok(prepared)
    }

    /// Its classes cannot be instantiated any more; what runs goes on until it is removed.
    fn module_is_gone(&self, name: &str) {
        if self.catalogue().remove(name).is_some() {
            let line = format!("the module `{name}` is gone; its external workers go on");
            self.notice(Status::Info, line);
            self.modules_changed();
        }
    }

    fn modules_changed(&self) {
        self.changed(
            "update_worker_dependencies",
            json!({ "worker_dependencies": self.modules_json() }),
        );
        self.externals_changed();
    }

    fn notice(&self, status: Status, line: String) {
        match status {
            Status::Error => tracing::warn!("{line}"),
            Status::Info | Status::Success => tracing::info!("{line}"),
        }
        self.tell(status, line);
    }

    fn report_new_problems(&self, problems: BTreeSet<String>) {
        let before = std::mem::replace(&mut *lock(&self.inner.problems), problems.clone());
        for problem in problems.difference(&before) {
            self.notice(Status::Error, problem.clone());
        }
    }
}

/// The component files in the directory of local workers, and what is wrong with the rest.
fn local(places: &Places) -> (Candidates, BTreeSet<String>) {
    let root = places.local_workers();
    let (mut found, mut problems) = (Candidates::new(), BTreeSet::new());
    let walk = walkdir::WalkDir::new(&root)
        .max_depth(limits::MAX_MODULE_DEPTH)
        .sort_by_file_name();
    for entry in walk.into_iter().take(limits::MAX_MODULE_FILES) {
        let Ok(entry) = entry else {
            problems.insert("a directory of local workers cannot be read".to_owned());
            continue;
        };
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "wasm") || !path.is_file() {
            continue;
        }
        match module_name(&root, path) {
            Some(name) => {
                let files = vec![path.to_owned()];
                let candidate = Candidate::new(places, &name, files);
                found.insert(name, candidate);
            }
            None => {
                let shown = path.file_name().unwrap_or_default().to_string_lossy();
                let shown = text::clean_line(&shown, limits::MAX_NAME_BYTES);
                problems.insert(format!(
                    "`{shown}` is not taken as a module: its name has to be letters, digits, - and _"
                ));
            }
        }
    }
    (found, problems)
}

/// `sub/thermo.wasm` in the directory of local workers is the module `sub/thermo`.
fn module_name(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).ok()?.with_extension("");
    let mut parts = Vec::new();
    for part in relative.components() {
        let part = part.as_os_str().to_str()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if part.is_empty() || !part.chars().all(plain) {
            return None;
        }
        parts.push(part);
    }
    let name = parts.join("/");
    (name.len() <= limits::MAX_NAME_BYTES).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_called_like_its_file() {
        let root = Path::new("/data/local_workers");
        let name = |file: &str| module_name(root, &root.join(file));
        assert_eq!(name("thermo.wasm").as_deref(), Some("thermo"));
        assert_eq!(name("a/b-2.wasm").as_deref(), Some("a/b-2"));
        assert_eq!(name("a b.wasm"), None);
        assert_eq!(name("a.b.wasm"), None);
        assert_eq!(module_name(root, Path::new("/elsewhere/x.wasm")), None);
    }
}
