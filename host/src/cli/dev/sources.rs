//! Hears of every save of the sources of a worker.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::super::error::CliError;

/// A save writes several files, and editors write a file several times.
const QUIET: Duration = Duration::from_millis(30);
/// What is looked at beside the folder `src`: everything else in a package is written by tools, or by nobody.
const FILES: [&str; 2] = ["Cargo.toml", "build.rs"];

/// What a worker is made of.
#[derive(Clone)]
pub(super) enum Watched {
    /// These packages of cargo.
    Packages(Vec<PathBuf>),
    /// A script in Python, or the folder of a program.
    Program(PathBuf),
}

impl Watched {
    /// The directories that are watched; in some, whatever is in them however deep.
    fn directories(&self) -> Vec<(PathBuf, RecursiveMode)> {
        match self {
            Self::Packages(packages) => {
                let of = |package: &PathBuf| {
                    let src = package.join("src");
                    let deep = src.is_dir().then_some((src, RecursiveMode::Recursive));
                    std::iter::once((package.clone(), RecursiveMode::NonRecursive)).chain(deep)
                };
                packages.iter().flat_map(of).collect()
            }
            Self::Program(path) if path.is_dir() => {
                let folders = std::fs::read_dir(path).into_iter().flatten().flatten();
                let folders = folders
                    .map(|entry| entry.path())
                    .filter(|it| has_modules(it));
                let deep = folders.map(|folder| (folder, RecursiveMode::Recursive));
                std::iter::once((path.clone(), RecursiveMode::NonRecursive))
                    .chain(deep)
                    .collect()
            }
            Self::Program(script) => {
                let parent = script.parent().unwrap_or(Path::new(".")).to_owned();
                vec![(parent, RecursiveMode::NonRecursive)]
            }
        }
    }

    fn is_source(&self, path: &Path) -> bool {
        match self {
            Self::Packages(packages) => packages.iter().any(|package| {
                path.starts_with(package.join("src"))
                    || FILES.iter().any(|file| path == package.join(file))
            }),
            Self::Program(folder) if folder.is_dir() => {
                path == folder.join("pyproject.toml")
                    || path.extension().is_some_and(|it| it == "py")
            }
            Self::Program(script) => path == script,
        }
    }
}

/// Whether it may be a folder with modules of an author.
fn has_modules(path: &Path) -> bool {
    path.is_dir() && (path.ends_with("src") || path.join("__init__.py").is_file())
}

/// The sources of a worker.
pub(super) struct Sources {
    changes: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Sources {
    /// From now on no change of what is `watched` is missed.
    ///
    /// # Errors
    /// When the machine cannot watch them.
    pub(super) fn watch(watched: Watched) -> Result<Self, CliError> {
        let (changed, changes) = mpsc::channel(1);
        let directories = watched.directories();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if event.map_or(true, |event| is_change(&event, &watched)) {
                    // A full channel says already what has to be said.
                    let _ = changed.try_send(());
                }
            })
            .map_err(|error| not_watched(Path::new("."), &error))?;
        for (directory, mode) in directories {
            let failed = |error| not_watched(&directory, &error);
            watcher.watch(&directory, mode).map_err(failed)?;
        }
        Ok(Self {
            changes,
            _watcher: watcher,
        })
    }

    /// Waits for a change, and until it is quiet. Returns when the change was made.
    pub(super) async fn changed(&mut self) -> Instant {
        if self.changes.recv().await.is_none() {
            // The watcher is there as long as this.
            return std::future::pending().await;
        }
        let began = Instant::now();
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
        began
    }
}

fn not_watched(what: &Path, error: &notify::Error) -> CliError {
    let problem = format!("changes of `{}` cannot be seen: {error}", what.display());
    CliError::Machine(std::io::Error::other(problem))
}

/// Whether an event is a change of a source, and not a look at one.
fn is_change(event: &notify::Event, watched: &Watched) -> bool {
    !matches!(event.kind, EventKind::Access(_))
        && (event.paths.is_empty() || event.paths.iter().any(|path| watched.is_source(path)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_save_is_heard_and_what_tools_write_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let package = dir.path().join("worker");
        fs::create_dir_all(package.join("src/sub")).unwrap();
        fs::create_dir_all(package.join("target")).unwrap();
        let mut sources = Sources::watch(Watched::Packages(vec![package.clone()])).unwrap();
        fs::write(package.join("target/a.wasm"), "").unwrap();
        fs::write(package.join("Cargo.lock"), "").unwrap();
        fs::read_dir(package.join("src")).unwrap().count();
        let quiet = tokio::time::timeout(Duration::from_millis(300), sources.changed()).await;
        quiet.unwrap_err();
        for file in ["src/sub/a.rs", "Cargo.toml", "src/lib.rs"] {
            fs::write(package.join(file), "").unwrap();
            let heard = tokio::time::timeout(Duration::from_secs(20), sources.changed()).await;
            heard.unwrap();
        }
    }

    #[tokio::test]
    async fn of_a_script_only_itself_is_heard() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("w.py");
        let mut sources = Sources::watch(Watched::Program(script.clone())).unwrap();
        fs::write(dir.path().join("other.py"), "").unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(300), sources.changed()).await;
        quiet.unwrap_err();
        fs::write(&script, "").unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(20), sources.changed()).await;
        heard.unwrap();
    }
}
