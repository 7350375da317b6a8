//! What a guest may change under a directory, each a transaction: the books are taken, what is there is
//! looked at, the change is paid for and made, and what became of it is settled.
//!
//! It is the same one for WASI 0.2 and 0.3, whose implementations in `wasmtime-wasi` are one underneath. A
//! transaction goes on without the guest that began it (see [`apart`]), so it works on descriptors of its
//! own: nothing of a store is borrowed meanwhile.
//!
//! It has to go on, because neighbours share the books: a guest that does not get to run must keep them
//! from nobody, and one that goes away must leave nothing half done or wrongly counted. A guest that
//! goes away before the books were free has changed nothing.

use std::sync::Arc;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::change::{Change, Entry, Full, Id, Kind};
use super::grant::Grant;
use super::quota::apart;
use super::threads::Thread;
use super::{again, handle};
use crate::capability::Guard;
use crate::limits::{Exhausted, Held};

impl From<Full> for FsError {
    fn from(_: Full) -> Self {
        ErrorCode::InsufficientSpace.into()
    }
}

/// What an interface says when the budget is used up.
pub(super) fn exhausted(_: Exhausted) -> ErrorCode {
    ErrorCode::InsufficientMemory
}

/// A name below an open directory.
pub(super) struct Name {
    pub(super) grant: Arc<Grant>,
    pub(super) dir: Descriptor,
    pub(super) path: String,
}

/// How to open a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) path: PathFlags,
    pub(super) open: OpenFlags,
    pub(super) descriptor: DescriptorFlags,
}

impl How {
    fn writes(self) -> bool {
        let flags = DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY;
        self.descriptor.intersects(flags)
            || self
                .open
                .intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
    }
}

/// What was opened, with what it is charged.
pub(super) struct Opened {
    pub(super) descriptor: Descriptor,
    pub(super) grant: Arc<Grant>,
    pub(super) held: Vec<Held>,
}

/// One transaction that is to be made.
pub(super) struct Transaction {
    pub(super) guard: Guard,
    /// The right to block a thread, for an interface whose calls run side by side. Whoever has it waits
    /// for nothing but the books, and who has the books for nothing but the disk: no two wait for each
    /// other.
    pub(super) thread: Option<Thread>,
}

impl Transaction {
    /// Opens a name, which may make it, or make its file empty.
    pub(super) async fn open(self, name: Name, how: How) -> FsResult<Opened> {
        let (guard, grant) = (self.guard.clone(), Arc::clone(&name.grant));
        let open = move |mut change: Change, mut wasi: Wasi, at: At| async move {
            let before = wasi.look(&at, how.path).await;
            if before.is_some_and(|entry| entry.kind == Kind::Special) {
                return Err(ErrorCode::Access.into());
            }
            let open = wasi.open(&guard, at, how);
            let (descriptor, held) = match before {
                None if how.open.contains(OpenFlags::CREATE) => change.named(open).await?,
                _ => open.await?,
            };
            if let Some(entry) = before.filter(|_| how.open.contains(OpenFlags::TRUNCATE)) {
                change.refund(entry.size);
            }
            if let Descriptor::File(file) = &descriptor {
                change.opened(&file.file);
            }
            Ok(Opened {
                descriptor,
                grant,
                held,
            })
        };
        self.make(name, how.writes(), open).await
    }

    pub(super) async fn create_directory(self, name: Name) -> FsResult<()> {
        let make = |mut change: Change, mut wasi: Wasi, at: At| async move {
            let mut wasi = wasi.view();
            let made = wasi.create_directory_at(at.dir, at.path);
            change.named(made).await
        };
        self.make(name, true, make).await
    }

    pub(super) async fn symlink(self, target: String, name: Name) -> FsResult<()> {
        let make = |mut change: Change, mut wasi: Wasi, at: At| async move {
            let mut wasi = wasi.view();
            let made = wasi.symlink_at(at.dir, target, at.path);
            change.named(made).await
        };
        self.make(name, true, make).await
    }

    /// Gives a file one more name.
    pub(super) async fn link(self, old: Name, flags: PathFlags, new: Name) -> FsResult<()> {
        old.is_beside(&new)?;
        let make = move |mut change: Change, mut wasi: Wasi, new: At| async move {
            let old = wasi.at(old.dir, old.path)?;
            let mut wasi = wasi.view();
            let made = wasi.link_at(old.dir, flags, old.path, new.dir, new.path);
            change.named(made).await
        };
        self.make(new, true, make).await
    }

    /// Gives something another name, which may have been that of something else.
    pub(super) async fn rename(self, old: Name, new: Name) -> FsResult<()> {
        old.is_beside(&new)?;
        let rename = |change: Change, mut wasi: Wasi, new: At| async move {
            let old = wasi.at(old.dir, old.path)?;
            let moved = wasi.look(&old, PathFlags::empty()).await;
            let replaced = wasi.look(&new, PathFlags::empty()).await;
            wasi.view()
                .rename_at(old.dir, old.path, new.dir, new.path)
                .await?;
            if let (Some(moved), Some(replaced)) = (moved, replaced)
                && moved.id != replaced.id
            {
                change.removed(replaced).await;
            }
            Ok(())
        };
        self.make(new, true, rename).await
    }

    pub(super) async fn remove_directory(self, name: Name) -> FsResult<()> {
        let remove = |mut change: Change, mut wasi: Wasi, at: At| async move {
            wasi.view().remove_directory_at(at.dir, at.path).await?;
            change.refund_name();
            Ok(())
        };
        self.make(name, true, remove).await
    }

    /// Takes a name from a file or a link.
    pub(super) async fn unlink(self, name: Name) -> FsResult<()> {
        let unlink = |change: Change, mut wasi: Wasi, at: At| async move {
            let entry = wasi.look(&at, PathFlags::empty()).await;
            wasi.view().unlink_file_at(at.dir, at.path).await?;
            if let Some(entry) = entry {
                change.removed(entry).await;
            }
            Ok(())
        };
        self.make(name, true, unlink).await
    }

    /// Does `work` with the books of the directory that `name` is below, and writes down a denial.
    async fn make<R, W>(
        self,
        name: Name,
        write: bool,
        work: impl FnOnce(Change, Wasi, At) -> W + Send + 'static,
    ) -> FsResult<R>
    where
        R: Send + 'static,
        W: Future<Output = FsResult<R>> + Send + 'static,
    {
        let Self { guard, thread } = self;
        let Name { grant, dir, path } = name;
        let made = apart(grant.quota.clone(), move |change| async move {
            let _thread = thread;
            let mut wasi = Wasi::default();
            let made = match wasi.at(dir, path.clone()) {
                Ok(at) => work(change, wasi, at).await,
                Err(error) => Err(error),
            };
            grant.audited(&guard, &path, write, made)
        });
        made.await?
    }
}

impl Name {
    /// Whether both are below the same granted directory: each has books of its own.
    fn is_beside(&self, other: &Self) -> Result<(), ErrorCode> {
        match Arc::ptr_eq(&self.grant, &other.grant) {
            true => Ok(()),
            false => Err(ErrorCode::CrossDevice),
        }
    }
}

/// `wasmtime-wasi` with the descriptors of one transaction.
#[derive(Default)]
struct Wasi {
    ctx: WasiFilesystemCtx,
    table: ResourceTable,
}

/// A name below one of them.
struct At {
    dir: Resource<Descriptor>,
    path: String,
}

impl Wasi {
    fn view(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }

    fn at(&mut self, dir: Descriptor, path: String) -> FsResult<At> {
        let dir = self.table.push(dir)?;
        Ok(At { dir, path })
    }

    /// What a name leads to, if anything.
    async fn look(&mut self, at: &At, flags: PathFlags) -> Option<Entry> {
        let mut view = self.view();
        let stat = view.stat_at(again(&at.dir), flags, at.path.clone());
        let stat = stat.await.ok()?;
        let hash = view.metadata_hash_at(again(&at.dir), flags, at.path.clone());
        let hash = hash.await.ok()?;
        let kind = match stat.type_ {
            DescriptorType::RegularFile => Kind::File,
            DescriptorType::Directory => Kind::Directory,
            DescriptorType::SymbolicLink => Kind::Link,
            _ => Kind::Special,
        };
        Some(Entry {
            id: Id(hash.lower),
            kind,
            size: stat.size,
            links: stat.link_count,
        })
    }

    /// Opens a name that is paid for, and charges the descriptor before there is one.
    async fn open(&mut self, guard: &Guard, at: At, how: How) -> FsResult<(Descriptor, Vec<Held>)> {
        let held = handle(guard, 0).map_err(exhausted)?;
        let mut view = self.view();
        let opened = view.open_at(at.dir, how.path, at.path, how.open, how.descriptor);
        let opened = opened.await?;
        Ok((self.table.delete(opened)?, held))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::poll;

    use super::super::change::ENTRY_BYTES;
    use super::super::quota::Quota;
    use super::super::tests::{World, writable};
    use super::*;
    use crate::limits::Resource as Budgeted;

    /// What is in a new [`World`]: a file of 100 bytes, and a link.
    const BEFORE: u64 = 2 * ENTRY_BYTES + 100;

    fn quota(world: &World) -> Quota {
        world.state.grants[0].quota.clone().unwrap()
    }

    /// Lets what was begun go as far as it can without a thread.
    async fn as_far_as_it_goes() {
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_guest_that_does_not_get_to_run_keeps_the_books_from_nobody() {
        let mut world = writable().await;
        let (quota, data) = (quota(&world), world.data());
        let mut view = world.view();
        let mut making = pin!(view.create_directory_at(data, "d".into()));
        assert!(poll!(making.as_mut()).is_pending());
        as_far_as_it_goes().await;
        let used = tokio::time::timeout(Duration::from_secs(10), quota.used()).await;
        assert_eq!(used, Ok(BEFORE + ENTRY_BYTES));
        making.await.unwrap();
    }

    #[tokio::test]
    async fn who_goes_before_the_books_are_free_changes_nothing() {
        let mut world = writable().await;
        let (quota, data) = (quota(&world), world.data());
        let books = quota.change().await;
        {
            let mut view = world.view();
            let mut making = pin!(view.create_directory_at(data, "d".into()));
            assert!(poll!(making.as_mut()).is_pending());
            as_far_as_it_goes().await;
        }
        drop(books);
        as_far_as_it_goes().await;
        assert_eq!(quota.used().await, BEFORE);
        assert!(!world.root.path().join("data/d").exists());
    }

    #[test]
    fn who_goes_while_something_is_done_leaves_neither_a_charge_nor_a_gap() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(goes_while_something_is_done());
    }

    /// Begins something, and goes when it is being done.
    async fn leave(quota: &Quota, doing: impl Future) {
        // The one thread for what blocks is taken until then.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let taken = tokio::task::spawn_blocking(move || released.recv());
        {
            let mut doing = pin!(doing);
            assert!(poll!(doing.as_mut()).is_pending());
            as_far_as_it_goes().await;
        }
        as_far_as_it_goes().await;
        assert!(poll!(pin!(quota.used())).is_pending(), "the books are free");
        release.send(()).unwrap();
        taken.await.unwrap().unwrap();
    }

    async fn goes_while_something_is_done() {
        let mut world = writable().await;
        let (quota, data) = (quota(&world), world.data());
        let ledger = Arc::clone(&world.state.guard.ledger);
        let handles = ledger.used(Budgeted::Handles);
        let (at, none) = (|| again(&data), PathFlags::empty());
        let (old, new) = (|| "old".to_owned(), || "new".to_owned());
        let write = DescriptorFlags::WRITE;
        let mut view = world.view();

        for _ in 0..2 {
            let opening = view.open_at(at(), none, new(), OpenFlags::CREATE, write);
            leave(&quota, opening).await;
            assert_eq!(quota.used().await, BEFORE + ENTRY_BYTES);
        }
        leave(&quota, view.create_directory_at(at(), "d".into())).await;
        assert_eq!(quota.used().await, BEFORE + 2 * ENTRY_BYTES);
        leave(&quota, view.create_directory_at(at(), "d".into())).await;
        assert_eq!(quota.used().await, BEFORE + 2 * ENTRY_BYTES, "it failed");
        leave(&quota, view.remove_directory_at(at(), "d".into())).await;
        assert_eq!(quota.used().await, BEFORE + ENTRY_BYTES);

        let opening = view.open_at(at(), none, old(), OpenFlags::empty(), write);
        let file = opening.await.unwrap();
        leave(&quota, view.set_size(again(&file), 150)).await;
        assert_eq!(quota.used().await, BEFORE + ENTRY_BYTES + 50);
        view.close(file).unwrap();
        let opening = view.open_at(at(), none, old(), OpenFlags::TRUNCATE, write);
        leave(&quota, opening).await;
        assert_eq!(quota.used().await, BEFORE + ENTRY_BYTES - 100);
        leave(&quota, view.rename_at(at(), old(), at(), new())).await;
        assert_eq!(quota.used().await, BEFORE - 100);
        leave(&quota, view.unlink_file_at(at(), new())).await;
        assert_eq!(quota.used().await, BEFORE - 100 - ENTRY_BYTES);

        assert_eq!(ledger.used(Budgeted::Handles), handles);
        let names = std::fs::read_dir(world.root.path().join("data")).unwrap();
        assert_eq!(names.count(), 1, "the link");
    }
}
