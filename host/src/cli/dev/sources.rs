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

/// The sources of some packages.
pub(super) struct Sources {
    changes: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Sources {
    /// From now on no change below the directories of `packages` is missed.
    ///
    /// # Errors
    /// When the machine cannot watch them.
    pub(super) fn watch(packages: Vec<PathBuf>) -> Result<Self, CliError> {
        let (changed, changes) = mpsc::channel(1);
        let roots = packages.clone();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if event.map_or(true, |event| is_change(&event, &roots)) {
                    // A full channel says already what has to be said.
                    let _ = changed.try_send(());
                }
            })
            .map_err(|error| not_watched(Path::new("."), &error))?;
        for package in &packages {
            let failed = |error| not_watched(package, &error);
            watcher
                .watch(package, RecursiveMode::NonRecursive)
                .map_err(failed)?;
            let src = package.join("src");
            if src.is_dir() {
                watcher
                    .watch(&src, RecursiveMode::Recursive)
                    .map_err(failed)?;
            }
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
fn is_change(event: &notify::Event, packages: &[PathBuf]) -> bool {
    let is_source = |path: &PathBuf| {
        packages.iter().any(|package| {
            path.starts_with(package.join("src"))
                || FILES.iter().any(|file| *path == package.join(file))
        })
    };
    !matches!(event.kind, EventKind::Access(_))
        && (event.paths.is_empty() || event.paths.iter().any(is_source))
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
        let mut sources = Sources::watch(vec![package.clone()]).unwrap();
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
}
