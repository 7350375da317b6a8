//! `wasi:filesystem` 0.3. What changes something is a [`Transaction`]; the rest goes to `wasmtime-wasi` as it
//! is, but for what is charged and what is written down.

use std::sync::Arc;

use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem};
use wasmtime_wasi::p3::bindings::filesystem::preopens;
use wasmtime_wasi::p3::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    Filesize, HostDescriptorWithStore, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p3::filesystem::{FilesystemError, FilesystemResult};

use super::change::Position;
use super::p3_stream::{Consumer, DirectorySteps, Ended, FileSteps, Producer, Steps};
use super::p3_words::{code, descriptor_flags_of, open_flags_of, path_flags_of, told};
use super::threads::Thread;
use super::transaction::{How, Name, Transaction, exhausted};
use super::{Files, Grant, STREAM_BYTES, View, wasi_view};
use crate::capability::{CapabilityView, Guard};
use crate::limits::Held;

/// The implementation that everything ends up in, and the right to a thread of it.
struct Wasi<T: CapabilityView> {
    on: Accessor<T, WasiFilesystem>,
    _thread: Thread,
}

/// Waits until the instance has a thread to spare.
async fn wasi<T: CapabilityView>(store: &Accessor<T, Files>) -> Wasi<T> {
    Wasi {
        on: store.with_getter::<WasiFilesystem>(wasi_view::<T>),
        _thread: thread(store).await,
    }
}

async fn thread<T: CapabilityView>(store: &Accessor<T, Files>) -> Thread {
    let threads = store.with(|mut access| access.get().state.threads.clone());
    threads.one().await
}

/// A change that is to be made, as soon as the instance has a thread to spare.
async fn change<T: CapabilityView>(store: &Accessor<T, Files>) -> Transaction {
    let thread = thread(store).await;
    Transaction {
        guard: guard(store),
        thread: Some(thread),
    }
}

fn guard<T: CapabilityView>(store: &Accessor<T, Files>) -> Guard {
    store.with(|mut access| access.get().state.guard.clone())
}

fn below<T: CapabilityView>(
    store: &Accessor<T, Files>,
    dir: &Resource<Descriptor>,
    path: String,
) -> FilesystemResult<Name> {
    store
        .with(|mut access| access.get().name(dir, path))
        .map_err(told)
}

fn grant<T: CapabilityView>(
    store: &Accessor<T, Files>,
    fd: &Resource<Descriptor>,
) -> FilesystemResult<Arc<Grant>> {
    store.with(|mut access| access.get().held(fd)).map_err(told)
}

/// Writes a denial down, and hands the result on.
fn audited<T: CapabilityView, R>(
    store: &Accessor<T, Files>,
    grant: &Grant,
    path: &str,
    write: bool,
    result: FilesystemResult<R>,
) -> FilesystemResult<R> {
    grant.audited(&guard(store), path, write, result)
}

impl View<'_> {
    /// The steps of a stream that reads, with what they may hold.
    fn charged<S>(&self, steps: Result<S, ErrorCode>) -> Result<(S, Vec<Held>), ErrorCode> {
        let steps = steps?;
        let held = self.hold(STREAM_BYTES).map_err(exhausted).map_err(code)?;
        Ok((steps, held))
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
    let counted = match view.counted(fd) {
        Ok(counted) => Ok(counted),
        Err(error) => Err(code(error.downcast()?)),
    };
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
        let file = view.readable(&fd)?.ok_or(ErrorCode::IsDirectory);
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
        let (quota, file) = counted.map_err(told)?;
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
        let how = How {
            path: path_flags_of(path_flags),
            open: open_flags_of(open_flags),
            descriptor: descriptor_flags_of(flags),
        };
        let name = below(store, &fd, path)?;
        let opened = change(store).await.open(name, how).await.map_err(told)?;
        Ok(store.with(|mut access| access.get().adopt(opened))?)
    }

    async fn create_directory_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        let name = below(store, &fd, path)?;
        let made = change(store).await.create_directory(name).await;
        made.map_err(told)
    }

    async fn symlink_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FilesystemResult<()> {
        let name = below(store, &fd, path)?;
        let made = change(store).await.symlink(target, name).await;
        made.map_err(told)
    }

    async fn link_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        old_path_flags: PathFlags,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FilesystemResult<()> {
        let old = below(store, &fd, old_path)?;
        let new = below(store, &new_fd, new_path)?;
        let flags = path_flags_of(old_path_flags);
        let linked = change(store).await.link(old, flags, new).await;
        linked.map_err(told)
    }

    async fn rename_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FilesystemResult<()> {
        let old = below(store, &fd, old_path)?;
        let new = below(store, &new_fd, new_path)?;
        let renamed = change(store).await.rename(old, new).await;
        renamed.map_err(told)
    }

    async fn remove_directory_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        let name = below(store, &fd, path)?;
        let removed = change(store).await.remove_directory(name).await;
        removed.map_err(told)
    }

    async fn unlink_file_at(
        store: &Accessor<T, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        let name = below(store, &fd, path)?;
        let removed = change(store).await.unlink(name).await;
        removed.map_err(told)
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
