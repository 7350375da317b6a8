//! How much may be in a writable directory.
//!
//! Every change under a directory holds its books from before it looks until after it is done, so
//! what is counted is what happened, however many streams and instances write. A change that has begun
//! goes on to its end, whoever has given up waiting for it. Bytes are counted, and names, since those
//! are inodes.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime_wasi_io::bytes::Bytes;

use super::books::{Folder, shared};
use super::change::{Change, ENTRY_BYTES, Position};
use super::grant::holds;
use super::length;
use super::measure::{Size, measured};
use super::threads::{on_thread, shutting_down};
use crate::capability::grants::Lease;

/// How much may be in a directory.
#[derive(Debug, Clone)]
pub(super) struct Quota {
    folder: Arc<Folder>,
    limit: Size,
    /// Nothing is changed when it is cut.
    lease: Option<Arc<Lease>>,
}

impl Quota {
    /// Counts what is in `root` already, once for all that share it.
    pub(super) async fn limited(root: &Path, limit: Size) -> io::Result<Self> {
        let folder = shared(root)?;
        let measuring = async || {
            let size = measured(root.to_owned(), ENTRY_BYTES).await?;
            folder.books.lock().await.used = size;
            io::Result::Ok(())
        };
        folder.measured.get_or_try_init(measuring).await?;
        Ok(Self {
            folder,
            limit,
            lease: None,
        })
    }

    /// The same, for as long as there is a grant.
    pub(super) fn leased(self, lease: &Arc<Lease>) -> Self {
        let lease = Some(Arc::clone(lease));
        Self { lease, ..self }
    }

    /// Whether something may be changed.
    fn holds(&self) -> io::Result<()> {
        self.lease.as_deref().map_or(Ok(()), holds)
    }

    /// No limit.
    pub(super) fn unlimited() -> Self {
        Self {
            folder: Arc::default(),
            limit: Size::FULL,
            lease: None,
        }
    }

    /// The exclusive right to change something.
    pub(super) async fn change(&self) -> Change {
        let mut books = Arc::clone(&self.folder.books).lock_owned().await;
        books.reap();
        Change::of(books, self.limit)
    }

    /// Writes some of `data`: all or none of what would make the file longer.
    pub(super) async fn write(
        &self,
        file: Arc<File>,
        at: Position,
        data: Bytes,
    ) -> io::Result<usize> {
        let write = move |mut change: Change| on_thread(move || change.write(&file, at, &data));
        apart(Some(self.clone()), write).await?
    }

    /// Writes all of `data`.
    pub(super) async fn write_all(
        &self,
        file: Arc<File>,
        at: Position,
        mut data: Bytes,
    ) -> io::Result<usize> {
        let mut done = 0_usize;
        while !data.is_empty() {
            let at = match at {
                Position::End => Position::End,
                Position::At(start) => Position::At(start.saturating_add(length(done))),
            };
            let written = self.write(Arc::clone(&file), at, data.clone()).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let _ = data.split_to(written);
            done = done.saturating_add(written);
        }
        Ok(done)
    }

    /// Makes the file longer or shorter.
    pub(super) async fn resize(&self, file: Arc<File>, size: u64) -> io::Result<()> {
        let resize = move |mut change: Change| on_thread(move || change.resize(&file, size));
        apart(Some(self.clone()), resize).await?
    }

    /// What is counted.
    #[cfg(test)]
    pub(super) async fn used(&self) -> u64 {
        let mut books = self.folder.books.lock().await;
        books.reap();
        books.used.bytes
    }
}

/// Does `work` with the books of a directory, apart from whoever waits for it: neither does a guest that
/// does not get to run keep the books from its neighbours, nor one that goes away leave a change half
/// done. Whoever goes before the books are free has changed nothing. Without a quota nothing can be
/// changed.
///
/// # Errors
/// When the grant is gone, or the host shuts down.
pub(super) async fn apart<R, W>(
    quota: Option<Quota>,
    work: impl FnOnce(Change) -> W + Send + 'static,
) -> io::Result<R>
where
    R: Send + 'static,
    W: Future<Output = R> + Send + 'static,
{
    let (mut tell, done) = oneshot::channel();
    tokio::spawn(async move {
        let change = async {
            let Some(quota) = &quota else {
                return Ok(Change::none());
            };
            let change = quota.change().await;
            // With the books in hand: what begins after the grant is gone changes nothing.
            quota.holds().map(|()| change)
        };
        tokio::select! {
            biased;
            () = tell.closed() => {}
            change = change => {
                let done = match change {
                    Ok(change) => Ok(work(change).await),
                    Err(denied) => Err(denied),
                };
                // Nobody has to listen.
                let _ = tell.send(done);
            }
        }
    });
    done.await.map_err(|_| shutting_down())?
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use rustix::io::Errno;

    use super::super::change::{Entry, Full, Id, Kind};
    use super::*;

    struct Dir {
        root: tempfile::TempDir,
        quota: Quota,
    }

    /// So many bytes, and any number of names.
    fn bytes(bytes: u64) -> Size {
        Size {
            bytes,
            names: u64::MAX,
        }
    }

    async fn dir(limit: u64) -> Dir {
        dir_with(bytes(limit)).await
    }

    async fn dir_with(limit: Size) -> Dir {
        let root = tempfile::tempdir().unwrap();
        let quota = Quota::limited(root.path(), limit).await.unwrap();
        Dir { root, quota }
    }

    impl Dir {
        /// A new file, as `open-at` would make it.
        async fn file(&self, name: &str) -> Arc<File> {
            let mut change = self.quota.change().await;
            change.charge_name().unwrap();
            let file = Arc::new(File::create(self.root.path().join(name)).unwrap());
            change.opened(&file);
            file
        }

        /// Removes a file, as `unlink-file-at` would.
        async fn unlink(&self, name: &str) {
            let change = self.quota.change().await;
            let path = self.root.path().join(name);
            let meta = std::fs::metadata(&path).unwrap();
            let entry = Entry {
                id: Id(0),
                kind: Kind::File,
                size: meta.len(),
                links: meta.nlink(),
            };
            std::fs::remove_file(path).unwrap();
            change.removed(entry).await;
        }
    }

    fn is_full<R: std::fmt::Debug>(result: io::Result<R>) -> bool {
        Errno::from_io_error(&result.unwrap_err()) == Some(Errno::NOSPC)
    }

    #[tokio::test]
    async fn only_growth_is_counted() {
        let dir = dir(ENTRY_BYTES + 100).await;
        let file = dir.file("a").await;
        let data = Bytes::from_static(&[7; 60]);
        dir.quota
            .write(Arc::clone(&file), Position::At(0), data.clone())
            .await
            .unwrap();
        dir.quota
            .write(Arc::clone(&file), Position::At(10), data.clone())
            .await
            .unwrap();
        assert_eq!(dir.quota.used().await, ENTRY_BYTES + 70);
        assert!(is_full(
            dir.quota
                .write(Arc::clone(&file), Position::End, data.clone())
                .await
        ));
        assert!(is_full(
            dir.quota
                .write(Arc::clone(&file), Position::At(1 << 40), data)
                .await
        ));
        assert!(is_full(dir.quota.resize(Arc::clone(&file), 101).await));
        dir.quota.resize(Arc::clone(&file), 100).await.unwrap();
        dir.quota.resize(Arc::clone(&file), 5).await.unwrap();
        assert_eq!(dir.quota.used().await, ENTRY_BYTES + 5);
        assert_eq!(file.metadata().unwrap().len(), 5);
    }

    #[tokio::test]
    async fn many_writers_together_stay_within_the_limit() {
        let dir = dir(2 * ENTRY_BYTES + 1000).await;
        let files = [dir.file("a").await, dir.file("b").await];
        let mut writers = tokio::task::JoinSet::new();
        for turn in 0..64 {
            let (quota, file) = (dir.quota.clone(), Arc::clone(&files[turn % 2]));
            writers.spawn(async move {
                quota
                    .write(file, Position::End, Bytes::from_static(&[1; 70]))
                    .await
                    .is_ok()
            });
        }
        let written = writers
            .join_all()
            .await
            .into_iter()
            .filter(|ok| *ok)
            .count();
        assert_eq!(written, 1000 / 70);
        let size: u64 = files
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        assert_eq!(size, 70 * (1000 / 70));
        assert_eq!(dir.quota.used().await, 2 * ENTRY_BYTES + size);
    }

    #[tokio::test]
    async fn a_removed_file_counts_until_nobody_has_it_open() {
        let dir = dir(ENTRY_BYTES + 100).await;
        let file = dir.file("a").await;
        dir.quota
            .write(
                Arc::clone(&file),
                Position::End,
                Bytes::from_static(&[1; 80]),
            )
            .await
            .unwrap();
        dir.unlink("a").await;
        assert_eq!(dir.quota.used().await, 80);
        // It can still grow, and that is counted too; so does a second holder.
        let second = Arc::clone(&file);
        dir.quota
            .write(
                Arc::clone(&file),
                Position::End,
                Bytes::from_static(&[1; 10]),
            )
            .await
            .unwrap();
        assert_eq!(dir.quota.used().await, 90);
        drop(file);
        assert_eq!(dir.quota.used().await, 90);
        drop(second);
        assert_eq!(dir.quota.used().await, 0);
    }

    #[tokio::test]
    async fn names_cost_too() {
        let dir = dir(3 * ENTRY_BYTES).await;
        for name in ["a", "b", "c"] {
            dir.file(name).await;
        }
        assert_eq!(dir.quota.change().await.charge_name(), Err(Full));
        dir.unlink("b").await;
        dir.quota.change().await.charge_name().unwrap();
    }

    #[tokio::test]
    async fn names_have_a_limit_of_their_own() {
        let dir = dir_with(Size {
            bytes: u64::MAX,
            names: 2,
        });
        let dir = dir.await;
        dir.file("a").await;
        dir.file("b").await;
        assert_eq!(dir.quota.change().await.charge_name(), Err(Full));
        // Whoever comes later has the same folder, and counts what is there.
        let later = Quota::limited(dir.root.path(), bytes(u64::MAX)).await;
        later.unwrap().change().await.charge_name().unwrap();
        dir.unlink("b").await;
        dir.unlink("a").await;
        dir.quota.change().await.charge_name().unwrap();
    }

    #[tokio::test]
    async fn what_was_there_before_counts_and_is_shared() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("old"), [0; 500]).unwrap();
        let one = Quota::limited(root.path(), bytes(10_000)).await.unwrap();
        let other = Quota::limited(root.path(), bytes(10_000)).await.unwrap();
        one.change().await.charge(100).unwrap();
        assert_eq!(other.used().await, ENTRY_BYTES + 600);
    }

    #[tokio::test]
    async fn a_read_only_directory_has_no_books() {
        let mut change = Change::none();
        change.charge(u64::MAX).unwrap();
        change.refund(1);
    }
}
