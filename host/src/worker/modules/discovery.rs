//! Modules come, change and go while the Worker runs: component files in the directory of local
//! workers, each under a policy of its own or the Worker's, and installed packages. What cannot be read is not
//! gone: it stays as it was when it could. [`super::loading`] takes in what is found.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use futures_util::future::join_all;
use notify::event::{AccessKind, EventKind, ModifyKind};
use notify::{RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::catalogue::Module;
use super::watched::Watched;
use crate::component::{is_code, is_program, stem};
use crate::worker::event::Status;
use crate::worker::revoke::Rulings;
use crate::worker::rules::Ruling;
use crate::worker::{DataDir, Inner, Worker, lock};
use crate::{limits, text};

/// A module that lies in a directory, as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::worker) struct Candidate {
    pub(in crate::worker) code: Code,
    ruling: Ruling,
    /// Whether what it runs on is there: the runtime may be made later than a script came.
    has_runtime: bool,
}

/// Its component files, and the hash of what is in each; `None`: the file is not there.
pub(in crate::worker) type Code = Vec<(PathBuf, Option<blake3::Hash>)>;

/// Modules by name.
pub(in crate::worker) type Candidates = BTreeMap<String, Candidate>;

/// What there is, and what could not be seen.
#[derive(Debug, Default)]
struct Looked {
    found: BTreeMap<String, Code>,
    /// Sentences for everybody, and what else the operator is told.
    problems: BTreeMap<String, String>,
    /// Names of modules, and directories, that could not be read.
    unread: Vec<String>,
    unread_dirs: Vec<PathBuf>,
}

/// Looks again whenever something changes, for as long as the Worker lives.
pub(in crate::worker) fn watch(worker: &Worker) {
    let (changed, changes) = mpsc::channel(1);
    let data_dir = worker.data_dir().clone();
    let policy = worker.inner.rules.default_file().map(Path::to_owned);
    let beside = policy.as_deref().and_then(Path::parent).map(Path::to_owned);
    let is_of_interest = move |event: notify::Event| {
        // Looking is not a change, and what else is beside the policy does not matter.
        let is_look = matches!(event.kind, EventKind::Access(AccessKind::Open(_)));
        let is_elsewhere = |path: &PathBuf| {
            path.parent() == beside.as_deref() && Some(path.as_path()) != policy.as_deref()
        };
        !is_look && (event.paths.is_empty() || !event.paths.iter().all(is_elsewhere))
    };
    let by_default = worker.inner.rules.default_file().map(Path::to_owned);
    let policies: Vec<_> = by_default
        .into_iter()
        .chain([data_dir.policies()])
        .collect();
    let at_once = Arc::new(Notify::new());
    tokio::spawn(narrow_at_once(worker.downgrade(), Arc::clone(&at_once)));
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.as_ref().is_ok_and(|event| is_whole(event, &policies)) {
            at_once.notify_one();
        }
        if event.map_or(true, &is_of_interest) {
            // A full channel says already what has to be said.
            let _ = changed.try_send(());
        }
    });
    let policy = worker.inner.rules.default_file();
    let watching = watcher.and_then(|mut watcher| {
        watcher.watch(&data_dir.local_workers(), RecursiveMode::Recursive)?;
        watcher.watch(&data_dir.policies(), RecursiveMode::Recursive)?;
        if let Some(folder) = policy.and_then(Path::parent) {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    });
    let watcher = match watching {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::error!(
                "changes of modules are not seen at once, but only at intervals: {error}"
            );
            None
        }
    };
    tokio::spawn(look_again(worker.downgrade(), changes, watcher));
}

/// Whether a policy is there whole, or gone, from one moment to the next: what it takes away is not used while it is
/// waited for its next piece.
fn is_whole(event: &notify::Event, policies: &[PathBuf]) -> bool {
    let is_whole = matches!(
        event.kind,
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_)
    );
    let is_policy = |path: &PathBuf| policies.iter().any(|it| path.starts_with(it));
    is_whole && event.paths.iter().any(is_policy)
}

/// Takes away what a policy does not say any more, without waiting until all is quiet.
async fn narrow_at_once(worker: Weak<Inner>, policies: Arc<Notify>) {
    loop {
        policies.notified().await;
        let Some(worker) = Worker::upgrade(&worker).filter(|worker| !worker.is_closing()) else {
            return;
        };
        worker.narrow_running().await;
    }
}

async fn look_again(
    worker: Weak<Inner>,
    mut changes: mpsc::Receiver<()>,
    _watcher: Option<notify::RecommendedWatcher>,
) {
    let mut rereads = false;
    let mut is_first = true;
    loop {
        let Some(worker) = Worker::upgrade(&worker).filter(|worker| !worker.is_closing()) else {
            return;
        };
        let taken_in = worker.look(rereads).await;
        if std::mem::take(&mut is_first) {
            let inner = worker.downgrade();
            tokio::spawn(async move {
                join_all(taken_in).await;
                if let Some(inner) = inner.upgrade() {
                    inner.started.send_replace(true);
                }
            });
        }
        let again = worker.inner.modules.again.clone();
        drop(worker);
        // Every now and then without being told, too: some file systems tell nothing.
        let asked = async {
            tokio::select! {
                change = changes.recv() => if change.is_none() { std::future::pending::<()>().await },
                () = again.notified() => {}
            }
        };
        rereads = tokio::time::timeout(limits::LOOK_AGAIN_AFTER, asked)
            .await
            .is_err();
        // Files are written piece by piece: wait until it is quiet.
        while let Ok(Some(())) = tokio::time::timeout(limits::QUIET, changes.recv()).await {}
    }
}

impl Worker {
    /// Looks for what is new, has changed or is gone, and begins to take that in. Returns what waits for it.
    /// `rereads`: also for what changed without a sign.
    pub(in crate::worker) async fn look(&self, rereads: bool) -> Vec<JoinHandle<()>> {
        let _one_at_a_time = self.inner.modules.looking.lock().await;
        let known = lock(&self.inner.modules.candidates).clone();
        let (worker, before) = (self.clone(), known.clone());
        let looking = tokio::task::spawn_blocking(move || worker.see(&before, rereads));
        let Ok((found, rulings, problems)) = looking.await else {
            tracing::error!("modules could not be looked at");
            return Vec::new();
        };
        self.report_new_problems(problems);
        for (name, candidate) in &found {
            let before = known.get(name).map(|before| &before.ruling);
            self.write_down_grants(name, before, &candidate.ruling);
        }
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
            // One that is being loaded is gone when it is there.
            if !self.is_coming(name) {
                lock(&self.inner.modules.candidates).remove(name);
                self.module_is_gone(name);
            }
        }
        let mut fresh = Vec::new();
        for (name, candidate) in found {
            if !self.has_taken_in(&name, &candidate, known.get(&name)) {
                fresh.push((name, candidate));
            } else if !self.is_coming(&name) {
                lock(&self.inner.modules.candidates).insert(name, candidate);
            }
        }
        self.take_in(fresh)
    }

    /// What there is now, what it may do and what is wrong. Blocks.
    fn see(
        &self,
        known: &Candidates,
        rereads: bool,
    ) -> (Candidates, Rulings, BTreeMap<String, String>) {
        let mut watched = lock(&self.inner.modules.watched);
        watched.begin(rereads);
        let mut looked = Looked::default();
        looked.local(self.data_dir(), &mut watched);
        looked.packages(self, &mut watched);
        // Under its policy now, like everything else.
        looked.keep_unread(known);
        let has_python = self.inner.engine.python_file().is_some_and(Path::is_file);
        let candidate = |(name, code): (String, Code)| {
            let candidate = Candidate {
                ruling: self.inner.rules.of(&name),
                has_runtime: !code.iter().any(|(path, _)| is_program(path)) || has_python,
                code,
            };
            (name, candidate)
        };
        let found: Candidates = looked.found.into_iter().map(candidate).collect();
        let ruling = |(name, it): (&String, &Candidate)| (name.clone(), it.ruling.clone());
        let mut rulings: Rulings = found.iter().map(ruling).collect();
        for name in self.running_modules() {
            if let Entry::Vacant(gone) = rulings.entry(name) {
                let ruling = self.inner.rules.of(gone.key());
                gone.insert(ruling);
            }
        }
        (found, rulings, looked.problems)
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

    fn report_new_problems(&self, problems: BTreeMap<String, String>) {
        let sentences: BTreeSet<String> = problems.keys().cloned().collect();
        let before = std::mem::replace(&mut *lock(&self.inner.modules.problems), sentences);
        for (problem, detail) in problems {
            if !before.contains(&problem) {
                if !detail.is_empty() {
                    tracing::error!("{problem}: {detail}");
                }
                self.notice(Status::Error, problem);
            }
        }
    }
}

impl Looked {
    /// The component files in the directory of local workers.
    fn local(&mut self, data_dir: &DataDir, watched: &mut Watched) {
        let root = data_dir.local_workers();
        let walk = walkdir::WalkDir::new(&root)
            .max_depth(limits::MAX_MODULE_DEPTH)
            .sort_by_file_name();
        let mut walk = walk.into_iter();
        for entry in walk.by_ref().take(limits::MAX_MODULE_FILES) {
            match entry {
                Ok(entry) => self.file(&root, entry.path(), watched),
                Err(error) => self.unread_dir(&root, &error),
            }
        }
        if walk.next().is_some() {
            let most = limits::MAX_MODULE_FILES;
            let problem = format!("only the first {most} files of local workers are looked at");
            self.problems.insert(problem, String::new());
            // What was beyond them may be there or not.
            self.unread_dirs.push(root);
        }
    }

    fn file(&mut self, root: &Path, path: &Path, watched: &mut Watched) {
        if !is_code(path) || path.is_dir() {
            return;
        }
        let Some(name) = module_name(root, path) else {
            let shown = path.file_name().unwrap_or_default().to_string_lossy();
            let shown = text::clean_line(&shown, limits::MAX_NAME_BYTES);
            let problem = format!(
                "`{shown}` is not taken as a module: its name has to be letters, digits, - and _"
            );
            self.problems.insert(problem, String::new());
            return;
        };
        if self.found.contains_key(&name) {
            let shown = text::clean_line(&path.to_string_lossy(), limits::MAX_TEXT_BYTES);
            let problem =
                format!("two files are the module `{name}`: one of them has to be renamed");
            self.problems.insert(problem, shown);
            return;
        }
        match watched.content(path) {
            Ok(None) => {}
            Ok(content) => drop(self.found.insert(name, vec![(path.to_owned(), content)])),
            Err(error) => self.unread(name, &error),
        }
    }

    /// The packages in use.
    fn packages(&mut self, worker: &Worker, watched: &mut Watched) {
        for (name, files) in worker.packages_in_use() {
            let read = files
                .map_err(|problem| problem.to_string())
                .and_then(|files| {
                    let code = files.into_iter().map(|file| {
                        let content = watched.content(&file).map_err(|error| error.to_string())?;
                        Ok((file, content))
                    });
                    code.collect::<Result<Code, String>>()
                });
            match read {
                Ok(code) => drop(self.found.insert(name, code)),
                Err(detail) => self.unread(name, &detail),
            }
        }
    }

    fn unread(&mut self, name: String, detail: &dyn std::fmt::Display) {
        let problem = format!("the module `{name}` cannot be read now, and stays as it was");
        self.problems.insert(problem, detail.to_string());
        self.unread.push(name);
    }

    fn unread_dir(&mut self, root: &Path, error: &walkdir::Error) {
        if error
            .io_error()
            .is_some_and(|error| error.kind() == ErrorKind::NotFound)
            && error.depth() > 0
        {
            return;
        }
        let problem =
            "a directory of local workers cannot be read now; its modules stay as they were";
        self.problems.insert(problem.to_owned(), error.to_string());
        self.unread_dirs
            .push(error.path().unwrap_or(root).to_owned());
    }

    /// What could not be seen is as it was when it could.
    fn keep_unread(&mut self, known: &Candidates) {
        for (name, candidate) in known {
            let is_unread = self.unread.contains(name)
                || self
                    .unread_dirs
                    .iter()
                    .any(|dir| is_below(&candidate.code, dir));
            if is_unread && !self.found.contains_key(name) {
                self.found.insert(name.clone(), candidate.code.clone());
            }
        }
    }
}

fn is_below(code: &Code, dir: &Path) -> bool {
    code.iter().any(|(file, _)| file.starts_with(dir))
}

/// `sub/thermo.wasm` in the directory of local workers is the module `sub/thermo`.
fn module_name(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).ok()?.with_file_name(stem(path)?);
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
        assert_eq!(name("pump.py").as_deref(), Some("pump"));
        let wheel = "sub/pump-1.2.0-py3-none-any.whl";
        assert_eq!(name(wheel).as_deref(), Some("sub/pump"));
        assert_eq!(name("a b.wasm"), None);
        assert_eq!(name("a.b.wasm"), None);
        assert_eq!(module_name(root, Path::new("/elsewhere/x.wasm")), None);
    }

    #[test]
    fn what_cannot_be_read_is_neither_gone_nor_changed() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir {
            data: dir.path().to_owned(),
        };
        data_dir.make().unwrap();
        let modules = data_dir.local_workers();
        std::fs::create_dir(modules.join("sub")).unwrap();
        for name in ["a.wasm", "sub/b.wasm"] {
            std::fs::write(modules.join(name), name).unwrap();
        }
        let mut watched = Watched::default();
        let mut look = |known: &Candidates| {
            let mut looked = Looked::default();
            watched.begin(true);
            looked.local(&data_dir, &mut watched);
            looked.keep_unread(known);
            looked
        };
        let candidate = |(name, code)| {
            let ruling = Ruling::Says(std::sync::Arc::default());
            let has_runtime = true;
            (
                name,
                Candidate {
                    code,
                    ruling,
                    has_runtime,
                },
            )
        };
        let first = look(&Candidates::new()).found;
        let known: Candidates = first.clone().into_iter().map(candidate).collect();
        assert_eq!(known.keys().collect::<Vec<_>>(), ["a", "sub/b"]);
        // Links that lead to themselves: even root cannot read what is behind them.
        let circle = |path: &Path| {
            let aside = path.with_extension("aside");
            std::fs::rename(path, &aside).unwrap();
            std::os::unix::fs::symlink(path, path).unwrap();
            aside
        };
        for place in [modules.join("a.wasm"), modules.clone()] {
            let aside = circle(&place);
            let looked = look(&known);
            assert_eq!(looked.found, first, "{place:?}");
            assert_eq!(looked.problems.len(), 1, "{looked:?}");
            let nothing_known = look(&Candidates::new());
            assert!(!nothing_known.found.contains_key("a"), "{place:?}");
            std::fs::remove_file(&place).unwrap();
            std::fs::rename(aside, place).unwrap();
        }
        std::fs::remove_dir_all(modules.join("sub")).unwrap();
        assert_eq!(look(&known).found.len(), 1, "what is gone is gone");
    }
}
