//! A copy of everything while it is served, for who operates the host. A thread of its own makes it, at the pace at which it
//! is taken, and one at a time; of the Workers it asks each to write its database down, and reads nothing of them but bytes.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use external_worker_control::model::{Ask, Code, Problem, Told};
use external_worker_control::supervisor::Backup;
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use super::desk::Tenants;
use super::folder::of_host;
use crate::backup::{Held, LeaveOut, Place, What, Workers, create};
use crate::limits::{
    BACKUP_PART_BYTES, BACKUP_PARTS_WAITING, BACKUP_PATIENCE, SNAPSHOT_AGAIN, SNAPSHOT_PATIENCE,
};
use crate::worker::store::{self, StoreError};

/// Copies everything, once at a time.
#[derive(Debug)]
pub(super) struct Copier {
    pub(super) data: PathBuf,
    pub(super) audit: Option<PathBuf>,
    pub(super) secrets: Option<PathBuf>,
    pub(super) place: Arc<Semaphore>,
}

impl Copier {
    /// Begins a copy, in a runtime.
    ///
    /// # Errors
    /// When one is being made, or there is no thread for it.
    pub(super) fn begin(&self, tenants: Tenants, database: File) -> Result<Backup, Problem> {
        let busy = |_| {
            let problem = "a backup is being made already; take this one when that is done";
            Problem::new(Code::Conflict, problem)
        };
        let place = Arc::clone(&self.place).try_acquire_owned().map_err(busy)?;
        let (parts, taken) = mpsc::channel(BACKUP_PARTS_WAITING);
        let job = Job {
            data: self.data.clone(),
            audit: self.audit.clone().filter(|dir| dir.exists()),
            secrets: self.secrets.clone().filter(|dir| dir.exists()),
            database,
            asking: Asking {
                tenants,
                runtime: Handle::current(),
            },
            _place: place,
        };
        let started = std::thread::Builder::new()
            .name("backup".to_owned())
            .spawn(move || job.run(parts));
        started.map_err(|error| of_host(&error))?;
        let parts = stream::unfold(taken, |mut taken| async {
            let part = taken.recv().await?;
            Some((part, taken))
        });
        Ok(parts.boxed())
    }
}

/// A copy that is made.
struct Job {
    data: PathBuf,
    audit: Option<PathBuf>,
    secrets: Option<PathBuf>,
    database: File,
    asking: Asking,
    _place: OwnedSemaphorePermit,
}

impl Job {
    fn run(self, parts: mpsc::Sender<io::Result<Bytes>>) {
        let mut parts = Parts {
            parts,
            runtime: self.asking.runtime.clone(),
            next: Vec::with_capacity(BACKUP_PART_BYTES),
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let what = What {
            at: since.unwrap_or_default().as_secs(),
            data: self.data,
            control: Some(self.database),
            workers: &self.asking,
            audit: self.audit,
            secrets: self.secrets,
        };
        if let Err(error) = create(what, &mut parts) {
            tracing::error!("a backup broke off: {error}");
            // Why is the operator's to read in the log; whoever takes it sees that it has no end.
            let _ = parts.send(Err(io::Error::other("it broke off")));
        }
    }
}

/// Sends what is written, in parts.
struct Parts {
    parts: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    next: Vec<u8>,
}

impl Parts {
    fn send(&self, part: io::Result<Bytes>) -> io::Result<()> {
        let sending = async { timeout(BACKUP_PATIENCE, self.parts.send(part)).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::other("whoever takes it has gone")),
            Err(_) => Err(io::Error::other("whoever takes it takes nothing")),
        }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.next.extend_from_slice(bytes);
        if self.next.len() >= BACKUP_PART_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let part = std::mem::replace(&mut self.next, Vec::with_capacity(BACKUP_PART_BYTES));
        match part.is_empty() {
            true => Ok(()),
            false => self.send(Ok(part.into())),
        }
    }
}

/// Asks Workers for a snapshot, where there are some.
struct Asking {
    tenants: Tenants,
    runtime: Handle,
}

impl Workers for Asking {
    fn hold(&self, place: &Place) -> Result<Held, LeaveOut> {
        let name = place.name.as_deref().unwrap_or_default();
        let begun = Instant::now();
        while begun.elapsed() < SNAPSHOT_PATIENCE {
            if let Some(asks) = self.tenants.asks(name) {
                match self.runtime.block_on(asks.ask(Ask::Snapshot)) {
                    Ok(Told::Done) => return Ok(Held::Snapshot),
                    Ok(_) => return left_out("it says something that is no answer"),
                    // It may be starting, or down.
                    Err(problem) if problem.code == Code::Unavailable => {}
                    Err(problem) => return left_out(&problem.detail),
                }
            }
            match store::hold(&place.dir) {
                Ok(lock) => return Ok(Held::AtRest(Some(lock))),
                Err(StoreError::InUse { .. }) => {}
                Err(error) => {
                    tracing::warn!("the Worker of `{name}` is not copied: {error}");
                    return left_out(error.public());
                }
            }
            std::thread::sleep(SNAPSHOT_AGAIN);
        }
        left_out("its Worker does not answer")
    }
}

fn left_out(why: &str) -> Result<Held, LeaveOut> {
    Err(LeaveOut::This(why.to_owned()))
}
