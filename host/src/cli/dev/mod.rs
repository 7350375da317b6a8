//! `ewh dev`: the author's loop. A worker in Rust or Python is built whenever its sources are saved, and the new
//! code takes the place of the old behind the instances of a Worker that runs meanwhile.
//!
//! The Worker is served by this process. Where another host has its directory, the component is put into that
//! one's folder of local workers, which it watches.

mod build;
mod sources;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::json;

use self::build::{Build, Built};
use self::sources::Sources;
use super::error::{CliError, Exit};
use super::output::{Output, Style};
use super::serve::{Beside, ServeCommand};
use super::{CacheOptions, files};
use crate::error::HostError;
use crate::worker::modules::TakenUp;
use crate::worker::store::StoreError;
use crate::worker::{DataDir, Worker, WorkerError};

/// Build a worker whenever it is saved, and run the new code at once
///
/// Serves a Worker as `ewh serve` does, and builds the crate, or takes the script, into it: after each save the instances of
/// the worker go on with the new code, with their configuration and state. Where it does not build, or
/// the new code does not start, the old one goes on. If `ewh serve` runs already in the same data
/// directory, the component is put there.
#[derive(Debug, Args)]
pub struct DevCommand {
    /// The directory of the crate, or of the program in Python, or its script
    #[arg(default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// The package to build, in a workspace
    #[arg(short, long, value_name = "NAME")]
    package: Option<String>,
    /// The directory in which the Worker keeps its data [default: ewh/worker in the user's data
    /// directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = super::serve::PORT)]
    port: u16,
    /// The policy that grants capabilities; without one, `policy.toml` of the crate, if there is one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl DevCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let build = Build::find(&self.dir, self.package.clone(), output)?;
        if build.is_program() {
            super::python::ready(output, cache)?;
        }
        let folder = match self.dir.is_file() {
            true => self.dir.parent().unwrap_or(Path::new(".")),
            false => &self.dir,
        };
        let beside = folder.join("policy.toml");
        let policy = self.policy.or_else(|| beside.is_file().then_some(beside));
        let data = super::serve::data_dir(self.data)?;
        let dev = Dev {
            build: Arc::new(build),
            output,
            data: DataDir { data: data.clone() },
        };
        let serve = ServeCommand::for_dev(data, self.port, policy);
        match serve.execute_beside(output, cache, &dev) {
            Err(CliError::Worker(WorkerError::Store(StoreError::InUse { .. }))) => dev.elsewhere(),
            served => served,
        }
    }
}

/// What is built, and where it goes.
struct Dev<'a> {
    build: Arc<Build>,
    output: &'a Output,
    data: DataDir,
}

impl Beside for Dev<'_> {
    fn with(&self, worker: Worker) -> LocalBoxFuture<'_, Result<(), CliError>> {
        self.go_on(Some(worker)).boxed_local()
    }
}

impl Dev<'_> {
    /// Puts the component where another host serves it.
    fn elsewhere(&self) -> Result<Exit, CliError> {
        let dir = self.data.local_workers();
        self.output.note(&format!(
            "another host serves this data directory; the component is put into `{}`",
            dir.display()
        ));
        let runtime = super::load::server_runtime()?;
        let ended = runtime.block_on(async {
            let mut signals = super::signals::Signals::catch()?;
            tokio::select! {
                failed = self.go_on(None) => failed.map(|()| Exit::Ok),
                signal = signals.next() => Ok(signal),
            }
        });
        runtime.shutdown_background();
        ended
    }

    /// Builds again and again, until something is wrong that no edit mends.
    async fn go_on(&self, worker: Option<Worker>) -> Result<(), CliError> {
        // Before the first build, so that no edit during it is missed.
        let mut sources = Sources::watch(self.build.watched())?;
        let mut began = Instant::now();
        let mut is_first = true;
        loop {
            let build = Arc::clone(&self.build);
            let output = self.output.clone();
            let built = tokio::task::spawn_blocking(move || build.run(&output, is_first)).await;
            let built = built.map_err(|error| CliError::Machine(std::io::Error::other(error)))?;
            match built {
                Ok(built) => self.put(&built, worker.as_ref(), began).await?,
                Err(error) => self.failed(&error)?,
            }
            is_first = false;
            began = sources.changed().await;
        }
    }

    /// The compiler has said why already.
    fn failed(&self, error: &CliError) -> Result<(), CliError> {
        if self.output.is_json() {
            return self
                .output
                .print_json_line(&json!({ "built": false, "problem": error.to_string() }));
        }
        let what = self.output.stderr().paint(Style::Red, "not built");
        self.output.note(&format!("{what}: {error}"));
        self.output.note("the old code goes on; save again");
        Ok(())
    }

    async fn put(
        &self,
        built: &Built,
        worker: Option<&Worker>,
        began: Instant,
    ) -> Result<(), CliError> {
        let (name, component) = (built.package.clone(), built.component.clone());
        let extension = component.extension().unwrap_or(OsStr::new("wasm"));
        let to = self.data.local_workers().join(&name);
        let to = to.with_extension(extension);
        let read = tokio::task::spawn_blocking(move || install(&component, &to)).await;
        let code = read.map_err(|error| CliError::Machine(std::io::Error::other(error)))??;
        let taken = match worker {
            Some(worker) => Some(worker.take_up(&name, code).await),
            None => None,
        };
        self.tell(&name, built.took, began.elapsed(), taken.as_ref())
    }

    fn tell(
        &self,
        name: &str,
        build: Duration,
        all: Duration,
        taken: Option<&TakenUp>,
    ) -> Result<(), CliError> {
        let (build_ms, total_ms) = (build.as_millis(), all.as_millis());
        if self.output.is_json() {
            let (classes, instances, problem) = match taken {
                Some(TakenUp::Here { classes, instances }) => {
                    (Some(classes.as_slice()), Some(*instances), None)
                }
                Some(TakenUp::Refused(problem)) => (None, None, Some(problem.as_str())),
                None => (None, None, None),
            };
            return self.output.print_json_line(&Line {
                built: true,
                module: name,
                build_ms,
                total_ms,
                classes,
                instances,
                problem,
            });
        }
        let times = format!("built in {build_ms} ms, in all {total_ms} ms");
        match taken {
            Some(TakenUp::Here { classes, instances }) => {
                let classes = classes.join(", ");
                let with = match instances {
                    0 => "no instance of it runs yet".to_owned(),
                    1 => "1 instance goes on with the new code".to_owned(),
                    more => format!("{more} instances go on with the new code"),
                };
                self.output
                    .print(&format!("{name} ({classes}): {with}; {times}"))
            }
            Some(TakenUp::Refused(problem)) => self
                .output
                .print(&format!("{name}: the old code goes on: {problem}; {times}")),
            None => self
                .output
                .print(&format!("{name}: put into place; {times}")),
        }
    }
}

/// What became of a save, for machines.
#[derive(Serialize)]
struct Line<'a> {
    built: bool,
    module: &'a str,
    build_ms: u128,
    total_ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

/// Puts the component into place, whole or not at all. Returns the hash of its bytes.
fn install(component: &Path, to: &Path) -> Result<blake3::Hash, CliError> {
    let failed = |source| HostError::File {
        action: "read",
        path: component.to_owned(),
        source,
    };
    let bytes = std::fs::read(component).map_err(failed)?;
    if let Some(dir) = to.parent() {
        let failed = |source| HostError::File {
            action: "create the directory",
            path: dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    files::write(to, &bytes)?;
    Ok(blake3::hash(&bytes))
}
