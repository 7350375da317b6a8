//! The books of a writable directory: how much is in it, and what may still be added.
//!
//! Every change under a directory holds its books from before it looks until after it is done, so
//! what is counted is what happened, however many streams and instances write. A change is paid
//! before it is made and refunded when it was not: a call that is dropped half-way can only leave
//! too much counted, never too little. Bytes are counted, and names, since those are inodes.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::io::Errno;
use tokio::sync::{OnceCell, OwnedMutexGuard};
use wasmtime_wasi_io::bytes::Bytes;

use super::measure::{Size, measured};

/// What a name costs, beyond the bytes of its file.
pub(super) const ENTRY_BYTES: u64 = 4096;

/// Which file, whatever its name: two names of one file have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub(super) u64);

/// What kind of thing a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    /// Devices, pipes, sockets: none of them is a file that a worker may open.
    Special,
}

/// What a name leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) links: u64,
}

/// There is no room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl From<Full> for io::Error {
    fn from(_: Full) -> Self {
        Errno::NOSPC.into()
    }
}

/// Where to write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    End,
    At(u64),
}

#[derive(Debug, Default)]
struct Books {
    used: Size,
    /// Every file that is open: its bytes stay on the disk until it is closed.
    open: Vec<Weak<File>>,
    /// Files that have no name any more and are still open, by device and inode.
    nameless: HashMap<(u64, u64), Nameless>,
}

/// A file that only its holders keep.
#[derive(Debug)]
struct Nameless {
    size: u64,
    holders: Vec<Weak<File>>,
}

impl Books {
    /// Refunds nameless files that were closed meanwhile.
    fn reap(&mut self) {
        let mut closed = 0_u64;
        self.nameless.retain(|_, file| {
            let open = file.holders.iter().any(|holder| holder.strong_count() > 0);
            closed = closed.saturating_add(if open { 0 } else { file.size });
            open
        });
        self.used.bytes = self.used.bytes.saturating_sub(closed);
    }

    /// Looks for open files that lost their last name; whether there is a new one.
    fn find_nameless(&mut self) -> bool {
        let mut new = false;
        for holder in &self.open {
            let Some(file) = holder.upgrade() else {
                continue;
            };
            let Ok(meta) = file.metadata() else { continue };
            if meta.nlink() > 0 {
                continue;
            }
            let known = self
                .nameless
                .entry((meta.dev(), meta.ino()))
                .or_insert_with(|| {
                    new = true;
                    Nameless {
                        size: meta.len(),
                        holders: Vec::new(),
                    }
                });
            known.holders.push(Weak::clone(holder));
        }
        self.open.retain(|holder| holder.strong_count() > 0);
        new
    }
}

/// A directory with books.
#[derive(Debug, Default)]
struct Folder {
    books: Arc<tokio::sync::Mutex<Books>>,
    /// Set when what was there before is in the books.
    measured: OnceCell<()>,
}

/// Device and inode of a folder.
type FolderId = (u64, u64);

/// The folders whose books are in use: instances that share a directory share its books.
static FOLDERS: Mutex<Option<HashMap<FolderId, Weak<Folder>>>> = Mutex::new(None);

fn shared(root: &Path) -> io::Result<Arc<Folder>> {
    let meta = std::fs::metadata(root)?;
    let key = (meta.dev(), meta.ino());
    let mut all = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_default();
    if let Some(folder) = all.get(&key).and_then(Weak::upgrade) {
        return Ok(folder);
    }
    all.retain(|_, folder| folder.strong_count() > 0);
    let folder = Arc::new(Folder::default());
    all.insert(key, Arc::downgrade(&folder));
    Ok(folder)
}

/// How much may be in a directory.
#[derive(Debug, Clone)]
pub(super) struct Quota {
    folder: Arc<Folder>,
    limit: Size,
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
        Ok(Self { folder, limit })
    }

    /// No limit.
    pub(super) fn unlimited() -> Self {
        Self {
            folder: Arc::default(),
            limit: Size::FULL,
        }
    }

    /// The exclusive right to change something.
    pub(super) async fn change(&self) -> Change {
        let mut books = Arc::clone(&self.folder.books).lock_owned().await;
        books.reap();
        Change {
            books: Some(books),
            limit: self.limit,
        }
    }

    /// Writes some of `data`: all or none of what would make the file longer.
    pub(super) async fn write(
        &self,
        file: Arc<File>,
        at: Position,
        data: Bytes,
    ) -> io::Result<usize> {
        let mut change = self.change().await;
        on_thread(move || change.write(&file, at, &data)).await
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
        let mut change = self.change().await;
        on_thread(move || change.resize(&file, size)).await
    }

    #[cfg(test)]
    pub(super) async fn used(&self) -> u64 {
        let mut books = self.folder.books.lock().await;
        books.reap();
        books.used.bytes
    }
}

/// The exclusive right to change what is under a directory; where nothing can be changed, nothing.
#[derive(Debug)]
pub(super) struct Change {
    books: Option<OwnedMutexGuard<Books>>,
    limit: Size,
}

impl Change {
    /// For a directory that is read only.
    pub(super) fn none() -> Self {
        Self {
            books: None,
            limit: Size::default(),
        }
    }

    /// Pays for what is about to be added.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Full> {
        let Some(books) = &mut self.books else {
            return Ok(());
        };
        if bytes == 0 {
            return Ok(());
        }
        let after = books.used.bytes.checked_add(bytes);
        books.used.bytes = after.filter(|sum| *sum <= self.limit.bytes).ok_or(Full)?;
        Ok(())
    }

    /// Pays for a name that is about to be made.
    pub(super) fn charge_name(&mut self) -> Result<(), Full> {
        let is_full = |books: &Books| books.used.names >= self.limit.names;
        if self.books.as_deref().is_some_and(is_full) {
            return Err(Full);
        }
        self.charge(ENTRY_BYTES)?;
        if let Some(books) = &mut self.books {
            books.used.names = books.used.names.saturating_add(1);
        }
        Ok(())
    }

    /// Gets back what was paid, or what is gone.
    pub(super) fn refund(&mut self, bytes: u64) {
        if let Some(books) = &mut self.books {
            books.used.bytes = books.used.bytes.saturating_sub(bytes);
        }
    }

    /// Gets back what was paid for a name, or one that is gone.
    pub(super) fn refund_name(&mut self) {
        self.refund(ENTRY_BYTES);
        if let Some(books) = &mut self.books {
            books.used.names = books.used.names.saturating_sub(1);
        }
    }

    /// A file was opened.
    pub(super) fn opened(&mut self, file: &Arc<File>) {
        if let Some(books) = &mut self.books {
            books.open.retain(|holder| holder.strong_count() > 0);
            books.open.push(Arc::downgrade(file));
        }
    }

    /// A name was removed.
    pub(super) async fn removed(mut self, entry: Entry) {
        self.refund_name();
        if entry.kind != Kind::File || entry.links > 1 {
            return;
        }
        let freed = on_thread(move || {
            let kept = self
                .books
                .as_mut()
                .is_some_and(|books| books.find_nameless());
            self.refund(if kept { 0 } else { entry.size });
            Ok(())
        });
        // At worst too much stays counted.
        let _ = freed.await;
    }

    fn write(&mut self, file: &File, at: Position, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let before = file.metadata()?;
        let start = match at {
            Position::End => before.len(),
            Position::At(start) => start,
        };
        let end = start.checked_add(length(data.len())).ok_or(Errno::FBIG)?;
        let growth = end.saturating_sub(before.len());
        self.charge(growth)?;
        let written = file.write_at(data, start);
        self.settle(file, &before, growth);
        written
    }

    fn resize(&mut self, file: &File, size: u64) -> io::Result<()> {
        let before = file.metadata()?;
        let growth = size.saturating_sub(before.len());
        self.charge(growth)?;
        let resized = file.set_len(size);
        self.settle(file, &before, growth);
        resized
    }

    /// Sets what was paid for `growth` against what the file became.
    fn settle(&mut self, file: &File, before: &Metadata, growth: u64) {
        // Without the size of the file, what was paid stays paid.
        let Ok(after) = file.metadata().map(|meta| meta.len()) else {
            return;
        };
        let Some(books) = &mut self.books else { return };
        let used = &mut books.used.bytes;
        *used = used.saturating_sub(growth);
        *used = used.saturating_add(after.saturating_sub(before.len()));
        *used = used.saturating_sub(before.len().saturating_sub(after));
        if let Some(file) = books.nameless.get_mut(&(before.dev(), before.ino())) {
            file.size = after;
        }
    }
}

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Runs file work off the runtime. It goes on to its end, books and all, when the caller has gone.
pub(super) async fn on_thread<R: Send + 'static>(
    work: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::other("the host is shutting down")),
    }
}

#[cfg(test)]
mod tests {
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
