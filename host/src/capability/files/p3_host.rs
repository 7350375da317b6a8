//! `wasi:filesystem` 0.3.

use std::fs::File;
use std::sync::Arc;

use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem};
use wasmtime_wasi::p3::bindings::filesystem::preopens;
use wasmtime_wasi::p3::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    Filesize, HostDescriptorWithStore, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p3::filesystem::{FilesystemError, FilesystemResult};

use super::p3_stream::{Consumer, DirectorySteps, Ended, FileSteps, Producer, Steps};
use super::quota::{Change, Entry, Full, Id, Kind, Position, Quota};
use super::threads::Thread;
use super::{Files, Grant, STREAM_BYTES, View, again, wasi_view};
use crate::capability::CapabilityView;
use crate::limits::{Exhausted, Held};

fn full(_: Full) -> FilesystemError {
    ErrorCode::InsufficientSpace.into()
}

fn exhausted(_: Exhausted) -> ErrorCode {
    ErrorCode::InsufficientMemory
}

/// The implementation that everything ends up in, and the right to a thread of it.
struct Wasi<T: CapabilityView> {
    on: Accessor<T, WasiFilesystem>,
    _thread: Thread,
}

/// Waits until the instance has a thread to spare. Whoever is to change something has the books of the
/// directory before, so that no two wait for each other.
async fn wasi<T: CapabilityView>(store: &Accessor<T, Files>) -> Wasi<T> {
    let threads = store.with(|mut access| access.get().state.threads.clone());
    Wasi {
        on: store.with_getter::<WasiFilesystem>(wasi_view::<T>),
        _thread: threads.one().await,
    }
}

fn grant<T: CapabilityView>(
    store: &Accessor<T, Files>,
    fd: &Resource<Descriptor>,
) -> FilesystemResult<Arc<Grant>> {
    store
        .with(|mut access| access.get().grant(fd))
        .map_err(FilesystemError::trap)
}

/// What `path` leads to, if anything.
async fn look<T: CapabilityView>(
    store: &Accessor<T, Files>,
    dir: &Resource<Descriptor>,
    flags: PathFlags,
    path: &str,
) -> Option<Entry> {
    let wasi = wasi(store).await;
    let stat = WasiFilesystem::stat_at(&wasi.on, again(dir), flags, path.to_owned())
        .await
        .ok()?;
    let hash = WasiFilesystem::metadata_hash_at(&wasi.on, again(dir), flags, path.to_owned())
        .await
        .ok()?;
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

/// Writes a denial down, and hands the result on.
fn audited<T: CapabilityView, R>(
    store: &Accessor<T, Files>,
    grant: &Grant,
    path: &str,
    write: bool,
    result: FilesystemResult<R>,
) -> FilesystemResult<R> {
    if let Err(error) = &result
        && matches!(error.downcast_ref(), Some(ErrorCode::NotPermitted))
    {
        store.with(|mut access| access.get().denied(grant, path, write));
    }
    result
}

impl View<'_> {
    /// An open file whose bytes are counted, and its quota.
    fn counted(
        &self,
        fd: &Resource<Descriptor>,
    ) -> wasmtime::Result<Result<(Quota, Arc<File>), ErrorCode>> {
        let grant = self.grant(fd)?;
        let Some(file) = self.file(fd)? else {
            return Ok(Err(ErrorCode::BadDescriptor));
        };
        let Some(quota) = &grant.quota else {
            self.denied(&grant, "", true);
            return Ok(Err(ErrorCode::NotPermitted));
        };
        Ok(Ok((quota.clone(), file)))
    }

    /// The steps of a stream that reads, with what they may hold.
    fn charged<S>(&self, steps: Result<S, ErrorCode>) -> Result<(S, Vec<Held>), ErrorCode> {
        Ok((steps?, self.hold(STREAM_BYTES).map_err(exhausted)?))
    }
}

type Reading<T> = (StreamReader<T>, FutureReader<Ended>);

/// Hands out a stream, or why there is none.
fn produce<T: CapabilityView, S: Steps>(
    store: &mut Access<'_, T, Files>,
    steps: Result<(S, Vec<Held>), ErrorCode>,
) -> wasmtime::Result<Reading<S::Item>>
where
    S::Item: wasmtime::component::Lower + wasmtime::component::Lift,
{
    match steps {
        Ok((steps, held)) => {
            let threads = store.get().state.threads.clone();
            let (producer, ended) = Producer::new(steps, threads, held);
            Ok((
                StreamReader::new(&mut *store, producer)?,
                FutureReader::new(&mut *store, ended)?,
            ))
        }
        Err(code) => {
            let failed = async move { wasmtime::error::Ok(Err(code)) };
            Ok((
                StreamReader::new(&mut *store, Vec::<S::Item>::new())?,
                FutureReader::new(&mut *store, failed)?,
            ))
        }
    }
}

/// Lets a stream flow into a file.
fn consume<T: CapabilityView>(
    mut store: Access<'_, T, Files>,
    fd: &Resource<Descriptor>,
    mut data: StreamReader<u8>,
    at: Position,
) -> wasmtime::Result<FutureReader<Ended>> {
    let view = store.get();
    let counted = view.counted(fd)?;
    match view.charged(counted) {
        Ok(((quota, file), held)) => {
            let (consumer, ended) = Consumer::new(quota, file, at, held);
            data.pipe(&mut store, consumer)?;
            FutureReader::new(&mut store, ended)
        }
        Err(code) => {
            data.close(&mut store)?;
            FutureReader::new(&mut store, async move { wasmtime::error::Ok(Err(code)) })
        }
    }
}

struct Opening<'a> {
    fd: &'a Resource<Descriptor>,
    path_flags: PathFlags,
    path: String,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
    grant: Arc<Grant>,
}

/// Opens what was looked at, with its name paid for.
async fn open<T: CapabilityView>(
    store: &Accessor<T, Files>,
    opening: Opening<'_>,
    change: &mut Change,
) -> FilesystemResult<Resource<Descriptor>> {
    let Opening {
        fd,
        path_flags,
        path,
        open_flags,
        flags,
        grant,
    } = opening;
    let held = store
        .with(|mut access| access.get().hold(0))
        .map_err(exhausted)?;
    let wasi = wasi(store).await;
    let opened =
        WasiFilesystem::open_at(&wasi.on, again(fd), path_flags, path, open_flags, flags).await?;
    // Nothing may come between the table and the books: a call that is dropped while it waits
    // would leave a descriptor that nobody counts.
    store
        .with(|mut access| access.get().adopt(&opened, grant, held, change))
        .map_err(FilesystemError::trap)?;
    Ok(opened)
}

impl preopens::Host for View<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.directories()
    }
}

impl types::Host for View<'_> {
    fn convert_error_code(&mut self, error: FilesystemError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}

impl types::HostDescriptor for View<'_> {
    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.close(fd)
    }
}

impl<T: CapabilityView> HostDescriptorWithStore<T> for Files {
    fn read_via_stream(
        mut store: Access<'_, T, Self>,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> wasmtime::Result<Reading<u8>> {
        let view = store.get();
        let file = view.file(&fd)?.ok_or(ErrorCode::IsDirectory);
        let steps = view.charged(file.map(|file| FileSteps::new(file, offset)));
        produce(&mut store, steps)
    }

    fn write_via_stream(
        store: Access<'_, T, Self>,
        fd: Resource<Descriptor>,
        data: StreamReader<u8>,
        offset: Filesize,
    ) -> wasmtime::Result<FutureReader<Ended>> {
        consume(store, &fd, data, Position::At(offset))
    }

    fn append_via_stream(
        store: Access<'_, T, Self>,
        fd: Resource<Descriptor>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Ended>> {
        consume(store, &fd, data, Position::End)
    }

    fn read_directory(
        mut store: Access<'_, T, Self>,
        fd: Resource<Descriptor>,
    ) -> wasmtime::Result<Reading<DirectoryEntry>> {
        let view = store.get();
        let list = view.list(&fd)?.ok_or(ErrorCode::NotDirectory);
        let steps = view.charged(list.map(DirectorySteps));
        produce(&mut store, steps)
    }

    async fn set_size(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        size: Filesize,
    ) -> FilesystemResult<()> {
        let counted = store.with(|mut access| access.get().counted(&fd));
        let (quota, file) = counted.map_err(FilesystemError::trap)??;
        Ok(quota.resize(file, size).await?)
    }

    async fn open_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FilesystemResult<Resource<Descriptor>> {
        let grant = grant(store, &fd)?;
        let mut change = grant.change().await;
        let before = look(store, &fd, path_flags, &path).await;
        if before.is_some_and(|entry| entry.kind == Kind::Special) {
            return Err(ErrorCode::Access.into());
        }
        let created = before.is_none() && open_flags.contains(OpenFlags::CREATE);
        if created {
            change.charge_name().map_err(full)?;
        }
        let write = flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY)
            || open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
        let opening = Opening {
            fd: &fd,
            path_flags,
            path: path.clone(),
            open_flags,
            flags,
            grant: Arc::clone(&grant),
        };
        let opened = open(store, opening, &mut change).await;
        match (&opened, before) {
            (Err(_), _) if created => change.refund_name(),
            (Ok(_), Some(entry)) if open_flags.contains(OpenFlags::TRUNCATE) => {
                change.refund(entry.size);
            }
            _ => {}
        }
        audited(store, &grant, &path, write, opened)
    }

    async fn create_directory_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        let grant = grant(store, &fd)?;
        let mut change = grant.change().await;
        change.charge_name().map_err(full)?;
        let made =
            WasiFilesystem::create_directory_at(&wasi(store).await.on, fd, path.clone()).await;
        if made.is_err() {
            change.refund_name();
        }
        audited(store, &grant, &path, true, made)
    }

    async fn symlink_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FilesystemResult<()> {
        let grant = grant(store, &fd)?;
        let mut change = grant.change().await;
        change.charge_name().map_err(full)?;
        let made =
            WasiFilesystem::symlink_at(&wasi(store).await.on, fd, target, path.clone()).await;
        if made.is_err() {
            change.refund_name();
        }
        audited(store, &grant, &path, true, made)
    }

    async fn link_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        old_path_flags: PathFlags,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FilesystemResult<()> {
        let within = grant(store, &fd)?;
        if !Arc::ptr_eq(&within, &grant(store, &new_fd)?) {
            return Err(ErrorCode::CrossDevice.into());
        }
        let mut change = within.change().await;
        change.charge_name().map_err(full)?;
        let wasi = wasi(store).await;
        let linked = WasiFilesystem::link_at(
            &wasi.on,
            fd,
            old_path_flags,
            old_path,
            new_fd,
            new_path.clone(),
        )
        .await;
        if linked.is_err() {
            change.refund_name();
        }
        audited(store, &within, &new_path, true, linked)
    }

    async fn rename_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FilesystemResult<()> {
        let within = grant(store, &fd)?;
        if !Arc::ptr_eq(&within, &grant(store, &new_fd)?) {
            return Err(ErrorCode::CrossDevice.into());
        }
        let change = within.change().await;
        let moved = look(store, &fd, PathFlags::empty(), &old_path).await;
        let replaced = look(store, &new_fd, PathFlags::empty(), &new_path).await;
        let wasi = wasi(store).await;
        let renamed =
            WasiFilesystem::rename_at(&wasi.on, fd, old_path, new_fd, new_path.clone()).await;
        if let (Ok(()), Some(moved), Some(replaced)) = (&renamed, moved, replaced)
            && moved.id != replaced.id
        {
            change.removed(replaced).await;
        }
        audited(store, &within, &new_path, true, renamed)
    }

    async fn remove_directory_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        let grant = grant(store, &fd)?;
        let mut change = grant.change().await;
        let removed =
            WasiFilesystem::remove_directory_at(&wasi(store).await.on, fd, path.clone()).await;
        if removed.is_ok() {
            change.refund_name();
        }
        audited(store, &grant, &path, true, removed)
    }

    async fn unlink_file_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        let grant = grant(store, &fd)?;
        let change = grant.change().await;
        let entry = look(store, &fd, PathFlags::empty(), &path).await;
        let removed = WasiFilesystem::unlink_file_at(&wasi(store).await.on, fd, path.clone()).await;
        if let (Ok(()), Some(entry)) = (&removed, entry) {
            change.removed(entry).await;
        }
        audited(store, &grant, &path, true, removed)
    }

    async fn set_times(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FilesystemResult<()> {
        let grant = grant(store, &fd)?;
        let set = WasiFilesystem::set_times(&wasi(store).await.on, fd, accessed, modified).await;
        audited(store, &grant, "", true, set)
    }

    async fn set_times_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FilesystemResult<()> {
        let grant = grant(store, &fd)?;
        let wasi = wasi(store).await;
        let set = WasiFilesystem::set_times_at(
            &wasi.on,
            fd,
            path_flags,
            path.clone(),
            accessed,
            modified,
        )
        .await;
        audited(store, &grant, &path, true, set)
    }

    async fn stat_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FilesystemResult<DescriptorStat> {
        let grant = grant(store, &fd)?;
        let stat =
            WasiFilesystem::stat_at(&wasi(store).await.on, fd, path_flags, path.clone()).await;
        audited(store, &grant, &path, false, stat)
    }

    async fn readlink_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<String> {
        let grant = grant(store, &fd)?;
        let link = WasiFilesystem::readlink_at(&wasi(store).await.on, fd, path.clone()).await;
        audited(store, &grant, &path, false, link)
    }

    async fn metadata_hash_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FilesystemResult<MetadataHashValue> {
        let grant = grant(store, &fd)?;
        let wasi = wasi(store).await;
        let hash = WasiFilesystem::metadata_hash_at(&wasi.on, fd, path_flags, path.clone()).await;
        audited(store, &grant, &path, false, hash)
    }

    async fn advise(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FilesystemResult<()> {
        WasiFilesystem::advise(&wasi(store).await.on, fd, offset, length, advice).await
    }

    async fn sync_data(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
    ) -> FilesystemResult<()> {
        WasiFilesystem::sync_data(&wasi(store).await.on, fd).await
    }

    async fn sync(store: &Accessor<T, Self>, fd: Resource<Descriptor>) -> FilesystemResult<()> {
        WasiFilesystem::sync(&wasi(store).await.on, fd).await
    }

    async fn get_flags(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
    ) -> FilesystemResult<DescriptorFlags> {
        WasiFilesystem::get_flags(&wasi(store).await.on, fd).await
    }

    async fn get_type(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
    ) -> FilesystemResult<DescriptorType> {
        WasiFilesystem::get_type(&wasi(store).await.on, fd).await
    }

    async fn stat(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
    ) -> FilesystemResult<DescriptorStat> {
        WasiFilesystem::stat(&wasi(store).await.on, fd).await
    }

    async fn metadata_hash(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
    ) -> FilesystemResult<MetadataHashValue> {
        WasiFilesystem::metadata_hash(&wasi(store).await.on, fd).await
    }

    async fn is_same_object(
        store: &Accessor<T, Self>,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        WasiFilesystem::is_same_object(&wasi(store).await.on, one, other).await
    }
}
