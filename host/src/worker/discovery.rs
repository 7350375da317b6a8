//! Modules come, change and go while the Worker runs: component files in the directory of local
//! workers, each under a policy of its own or the Worker's, and installed packages. Each change has
//! a report of its own, and one broken file never hides another. What cannot be read is not gone.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use notify::event::{AccessKind, EventKind};
use notify::{RecursiveMode, Watcher};
use serde_json::json;
use tokio::sync::mpsc;

use super::catalogue::Module;
use super::event::Status;
use super::revoke::Rulings;
use super::rules::Ruling;
use super::{Inner, Places, Worker, lock};
use crate::component::{LoadedComponent, PreparedComponent};
use crate::error::HostError;
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
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    code: Code,
    ruling: Ruling,
}

/// Its component files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Code {
    files: Vec<PathBuf>,
    stamps: Vec<Option<Stamp>>,
}

/// Why a module cannot be used, for clients.
struct Refusal {
    /// With what to do about it.
    problem: String,
    /// In one line.
    why: String,
}

impl From<String> for Refusal {
    fn from(problem: String) -> Self {
        let why = problem.clone();
        Self { problem, why }
    }
}

impl From<HostError> for Refusal {
    fn from(error: HostError) -> Self {
        match &error {
            HostError::MissingGrants(missing) => Self {
                problem: error.public(),
                why: missing.why(),
            },
            other => other.public().into(),
        }
    }
}

/// Component files by the name of their module.
pub(super) type Files = BTreeMap<String, Vec<PathBuf>>;

/// What there is at one look.
struct Seen {
    files: Files,
    problems: BTreeSet<String>,
    /// Whether there may be more, in what cannot be read.
    in_part: bool,
}

impl Candidate {
    /// Blocks: it looks at the files, and reads the policy.
    fn new(worker: &Worker, name: &str, files: Vec<PathBuf>) -> Self {
        let stamps = files.iter().map(|file| Stamp::of(file)).collect();
        Self {
            code: Code { files, stamps },
            ruling: worker.inner.rules.of(name),
        }
    }
}

/// Modules by name.
pub(super) type Candidates = BTreeMap<String, Candidate>;

/// Looks again whenever something changes, for as long as the Worker lives.
pub(super) fn watch(worker: &Worker) {
    let (changed, changes) = mpsc::channel(1);
    let places = worker.places().clone();
    let policy = worker.inner.rules.default_file().map(Path::to_owned);
    let beside = policy.as_deref().and_then(Path::parent).map(Path::to_owned);
    let is_of_interest = move |event: notify::Event| {
        // Looking is no change, and what else is beside the policy does not matter.
        let is_look = matches!(event.kind, EventKind::Access(AccessKind::Open(_)));
        let is_elsewhere = |path: &PathBuf| {
            path.parent() == beside.as_deref() && Some(path.as_path()) != policy.as_deref()
        };
        !is_look && (event.paths.is_empty() || !event.paths.iter().all(is_elsewhere))
    };
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.map_or(true, &is_of_interest) {
            // A full channel says already what has to be said.
            let _ = changed.try_send(());
        }
    });
    let policy = worker.inner.rules.default_file();
    let watching = watcher.and_then(|mut watcher| {
        watcher.watch(&places.local_workers(), RecursiveMode::Recursive)?;
        watcher.watch(&places.policies(), RecursiveMode::Recursive)?;
        if let Some(folder) = policy.and_then(Path::parent) {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
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
        let known = lock(&self.inner.candidates).clone();
        let (worker, before) = (self.clone(), known.clone());
        let looking = tokio::task::spawn_blocking(move || worker.look(&before));
        let Ok((found, rulings, problems)) = looking.await else {
            tracing::error!("modules could not be looked at");
            return;
        };
        self.report_new_problems(problems);
        for (name, candidate) in &found {
            if known
                .get(name)
                .is_none_or(|before| before.ruling != candidate.ruling)
            {
                candidate.ruling.log();
            }
        }
        // What is taken away is taken from what runs, before anything else is done.
        self.hold_to(&rulings).await;
        for name in known.keys().filter(|name| !found.contains_key(*name)) {
            self.module_is_gone(name);
        }
        for (name, candidate) in &found {
            if !self.has_taken_in(name, candidate, known.get(name)) {
                self.load_module(name, candidate).await;
            }
        }
        *lock(&self.inner.candidates) = found;
    }

    /// What there is now, what it may do and what is wrong. Blocks.
    fn look(&self, known: &Candidates) -> (Candidates, Rulings, BTreeSet<String>) {
        let Seen {
            mut files,
            problems,
            in_part,
        } = local(self.places());
        files.extend(self.package_files());
        let candidate = |(name, files): (String, Vec<PathBuf>)| {
            let candidate = Candidate::new(self, &name, files);
            (name, candidate)
        };
        let mut found: Candidates = files.into_iter().map(candidate).collect();
        // One that was not seen may be in what cannot be read: it stays, under its policy now.
        for (name, before) in known.iter().filter(|_| in_part) {
            if let Entry::Vacant(unseen) = found.entry(name.clone()) {
                unseen.insert(Candidate {
                    code: before.code.clone(),
                    ruling: self.inner.rules.of(name),
                });
            }
        }
        let ruling = |(name, it): (&String, &Candidate)| (name.clone(), it.ruling.clone());
        let mut rulings: Rulings = found.iter().map(ruling).collect();
        for name in self.running_modules() {
            if let Entry::Vacant(gone) = rulings.entry(name) {
                let ruling = self.inner.rules.of(gone.key());
                gone.insert(ruling);
            }
        }
        (found, rulings, problems)
    }

    /// Whether a candidate is what was taken in before: another policy alone needs no other code.
    fn has_taken_in(&self, name: &str, now: &Candidate, before: Option<&Candidate>) -> bool {
        let Some(before) = before else {
            return false;
        };
        let is_good = |module: &Module| module.problem.is_none();
        *before == *now
            || (before.code == now.code && self.catalogue().get(name).is_some_and(is_good))
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
            Err(Refusal { problem, why }) => {
                self.catalogue().broken(name, problem.clone());
                self.none_starts(name, &why);
                let line = format!("the module `{name}` cannot be used: {problem}");
                self.notice(Status::Error, line);
            }
        }
        self.modules_changed();
    }

    /// What waits for a module says why it waits.
    fn none_starts(&self, module: &str, why: &str) {
        let externals = self.externals();
        let waiting = externals.values().filter(|it| it.module() == module);
        waiting.for_each(|external| external.down_because(why));
    }

    /// The components of a module under its policy, or why one of them is unusable.
    async fn prepare(&self, candidate: &Candidate) -> Result<Vec<Arc<PreparedComponent>>, Refusal> {
        let policy = candidate.ruling.policy()?;
        let mut prepared = Vec::new();
        for file in &candidate.code.files {
            let (engine, file) = (self.inner.engine.clone(), file.clone());
            let loading =
                tokio::task::spawn_blocking(move || LoadedComponent::from_file(&engine, &file));
            let loaded = match loading.await {
                Ok(loaded) => loaded?,
                Err(_) => return Err("it cannot be loaded".to_owned().into()),
            };
            let ready = Arc::new(loaded).prepare(policy).await;
            prepared.push(Arc::new(ready?));
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

    pub(super) fn modules_changed(&self) {
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
fn local(places: &Places) -> Seen {
    let root = places.local_workers();
    let (mut files, mut problems, mut in_part) = (Files::new(), BTreeSet::new(), false);
    let walk = walkdir::WalkDir::new(&root)
        .max_depth(limits::MAX_MODULE_DEPTH)
        .sort_by_file_name();
    for entry in walk.into_iter().take(limits::MAX_MODULE_FILES) {
        let Ok(entry) = entry else {
            problems.insert("a directory of local workers cannot be read".to_owned());
            in_part = true;
            continue;
        };
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "wasm") || !path.is_file() {
            continue;
        }
        match module_name(&root, path) {
            Some(name) => {
                files.insert(name, vec![path.to_owned()]);
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
    Seen {
        files,
        problems,
        in_part,
    }
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
