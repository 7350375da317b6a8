//! What a Worker may have in all, and whether there is room for more. Whoever brings something new is refused with a
//! sentence where there is none; what is there goes on, also where a quota was made smaller.
//!
//! What guests write is bounded by their own budgets and grants, so nobody waits for a disk to be counted: it is looked
//! at again and again, beside everything else, and what comes meanwhile is added.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytesize::ByteSize;
use tokio::time::sleep;

use super::Worker;
use crate::audit::{Kind, Record};
use crate::executor::{Account, NORMAL_WEIGHT};
use crate::limits;

/// What a kernel counts blocks in, whatever the file system has.
const BLOCK_BYTES: u64 = 512;

/// What a Worker may have; what is not said is bounded by the host alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// External workers and node libraries.
    pub instances: Option<u32>,
    /// Modules.
    pub modules: Option<u32>,
    /// Bytes that its data may take on disk.
    pub disk: Option<u64>,
    /// What it weighs on the processors beside others; 100 unless it is said.
    pub cpu_weight: Option<u16>,
}

/// Why there is no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverQuota {
    /// Of external workers and node libraries.
    #[error("this tenant may have {0} external workers and node libraries, and has them")]
    Instances(u32),
    /// Of modules.
    #[error("this tenant may have {0} modules, and has them")]
    Modules(u32),
    /// On its part of the disk.
    #[error(
        "the data of this tenant may take {most} on disk, and there is no room for this; remove something first",
        most = ByteSize::b(*.0)
    )]
    Disk(u64),
}

impl Quotas {
    /// An account of its own on the threads.
    pub fn account(&self) -> Account {
        Account::weighing(self.cpu_weight.unwrap_or(NORMAL_WEIGHT))
    }

    /// Whether there may be one more of the instances, of which there are so many.
    ///
    /// # Errors
    /// When there may not.
    pub fn check_instances(&self, there: usize) -> Result<(), OverQuota> {
        check(self.instances, there, OverQuota::Instances)
    }

    /// Whether there may be one more of the modules, of which there are so many.
    ///
    /// # Errors
    /// When there may not.
    pub fn check_modules(&self, there: usize) -> Result<(), OverQuota> {
        check(self.modules, there, OverQuota::Modules)
    }
}

fn check(most: Option<u32>, there: usize, over: fn(u32) -> OverQuota) -> Result<(), OverQuota> {
    match most {
        Some(most) if u64::try_from(there).is_ok_and(|there| there < u64::from(most)) => Ok(()),
        Some(most) => Err(over(most)),
        None => Ok(()),
    }
}

/// How much the data of a Worker takes on disk, and may.
#[derive(Debug, Default)]
pub struct Disk {
    most: Option<u64>,
    taken: AtomicU64,
}

impl Disk {
    /// Of which nothing is known yet.
    pub fn of(quotas: &Quotas) -> Arc<Self> {
        Arc::new(Self {
            most: quotas.disk,
            taken: AtomicU64::default(),
        })
    }

    /// Whether there is room for so many bytes more.
    ///
    /// # Errors
    /// When there is not.
    pub fn check(&self, more: u64) -> Result<(), OverQuota> {
        let taken = self.taken.load(Ordering::Relaxed);
        match self.most {
            Some(most) if taken.saturating_add(more) > most => Err(OverQuota::Disk(most)),
            _ => Ok(()),
        }
    }

    /// So much came, in the place of so much.
    pub fn changed(&self, came: u64, went: u64) {
        let change = |taken: u64| Some(taken.saturating_add(came).saturating_sub(went));
        // It cannot fail: it always says what it is to be.
        let _ = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    fn found(&self, taken: u64) {
        self.taken.store(taken, Ordering::Relaxed);
    }
}

/// How many bytes the files in `dir` take on their disk; more than anybody has where they are too many to be counted.
/// What cannot be read counts nothing. Blocks.
pub fn measure(dir: &Path) -> u64 {
    let walk = walkdir::WalkDir::new(dir).same_file_system(true);
    let mut bytes = 0_u64;
    for (at, entry) in walk.into_iter().enumerate() {
        if at >= limits::MAX_DISK_ENTRIES {
            return u64::MAX;
        }
        // A link is counted, and not what it leads to.
        let found = entry.ok().and_then(|entry| entry.metadata().ok());
        let blocks = found.map(|found| found.blocks()).unwrap_or_default();
        bytes = bytes.saturating_add(blocks.saturating_mul(BLOCK_BYTES));
    }
    bytes
}

/// Looks again and again how much the data of `worker` takes, if that matters, for as long as it lives.
pub(super) fn watch(worker: &Worker) {
    let disk = Arc::clone(&worker.inner.disk);
    if disk.most.is_none() {
        return;
    }
    let (data, alive) = (worker.data_dir().data.clone(), worker.downgrade());
    tokio::spawn(async move {
        while alive.strong_count() > 0 {
            let (data, begun) = (data.clone(), Instant::now());
            if let Ok(taken) = tokio::task::spawn_blocking(move || measure(&data)).await {
                disk.found(taken);
            }
            let pause = begun.elapsed().saturating_mul(limits::DISK_PAUSE);
            sleep(pause.max(limits::DISK_EVERY)).await;
        }
    });
}

impl Worker {
    /// What comes of a look at a quota; it is written down where there is no room.
    pub(super) fn noted(&self, looked: Result<(), OverQuota>) -> Result<(), OverQuota> {
        looked.inspect_err(|over| {
            let note = |record: Record| record.what("its quota").reason(over);
            self.inner.auditor.note_often(Kind::Limit, note);
        })
    }

    /// Whether there may be one more instance beside `there` external workers and the libraries.
    ///
    /// # Errors
    /// When there may not, or there is no room on disk for what it would write.
    pub(super) fn admit(&self, there: usize, libraries: usize) -> Result<(), OverQuota> {
        self.inner
            .quotas
            .check_instances(there.saturating_add(libraries))?;
        self.inner.disk.check(0)
    }

    /// How many of those that are there may still start.
    pub(super) fn room_to_start(&self) -> usize {
        let Some(most) = self.inner.quotas.instances else {
            return usize::MAX;
        };
        let all = self.everything();
        let running = all.iter().filter(|external| external.is_running()).count();
        usize::try_from(most)
            .unwrap_or(usize::MAX)
            .saturating_sub(running)
    }

    /// Whether one of those that are there may start.
    ///
    /// # Errors
    /// When as many run as may be there.
    pub(super) fn admit_start(&self) -> Result<(), OverQuota> {
        match (self.room_to_start(), self.inner.quotas.instances) {
            (0, Some(most)) => Err(OverQuota::Instances(most)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_bounds_and_what_is_not_said_does_not() {
        let none = Quotas::default();
        assert_eq!(none.check_instances(usize::MAX), Ok(()));
        let some = Quotas {
            instances: Some(2),
            modules: Some(0),
            ..none
        };
        assert_eq!(some.check_instances(1), Ok(()));
        assert_eq!(some.check_instances(2), Err(OverQuota::Instances(2)));
        assert_eq!(some.check_modules(0), Err(OverQuota::Modules(0)));
    }

    #[test]
    fn a_disk_has_room_until_what_came_fills_it() {
        let disk = Disk::of(&Quotas {
            disk: Some(1_000),
            ..Quotas::default()
        });
        assert_eq!(disk.check(1_000), Ok(()));
        disk.changed(900, 0);
        assert_eq!(disk.check(101), Err(OverQuota::Disk(1_000)));
        disk.changed(0, 2_000);
        assert_eq!(disk.check(1_000), Ok(()));
        disk.found(1_001);
        assert_eq!(disk.check(0), Err(OverQuota::Disk(1_000)));
        assert_eq!(Disk::default().check(u64::MAX), Ok(()));
    }

    #[test]
    fn what_is_measured_is_what_files_take_and_not_what_links_lead_to() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let empty = measure(&data);
        std::fs::write(data.join("a"), vec![7; 1 << 20]).unwrap();
        std::fs::write(root.path().join("b"), vec![7; 1 << 20]).unwrap();
        std::os::unix::fs::symlink(root.path(), data.join("link")).unwrap();
        let taken = measure(&data).saturating_sub(empty);
        assert!(((1 << 20)..(1 << 21)).contains(&taken), "{taken}");
        assert_eq!(measure(&root.path().join("nowhere")), 0);
    }
}
