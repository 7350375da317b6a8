//! `wasi:filesystem` 0.2.

use std::fs::File;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    Filesize, HostDescriptor as _, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator};
use wasmtime_wasi_io::bytes::Bytes;

use super::p2_stream::{Input, Listing, Output};
use super::quota::{Change, Entry, Full, Id, Kind, Position, Quota};
use super::{Grant, STREAM_BYTES, View, again};
use crate::limits::{Exhausted, Resource as Budgeted};

fn full(_: Full) -> FsError {
    ErrorCode::InsufficientSpace.into()
}

fn exhausted(_: Exhausted) -> FsError {
    ErrorCode::InsufficientMemory.into()
}

impl View<'_> {
    /// What `path` leads to, if anything.
    async fn look(
        &mut self,
        dir: &Resource<Descriptor>,
        flags: PathFlags,
        path: &str,
    ) -> Option<Entry> {
        let stat = self
            .wasi()
            .stat_at(again(dir), flags, path.to_owned())
            .await
            .ok()?;
        let hash = self
            .wasi()
            .metadata_hash_at(again(dir), flags, path.to_owned())
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
    fn audited<R>(
        &self,
        grant: &Grant,
        path: &str,
        write: bool,
        result: FsResult<R>,
    ) -> FsResult<R> {
        if let Err(error) = &result
            && matches!(error.downcast_ref(), Some(ErrorCode::NotPermitted))
        {
            self.denied(grant, path, write);
        }
        result
    }

    /// An open file whose bytes are counted, and its quota.
    fn counted_p2(&self, fd: &Resource<Descriptor>) -> FsResult<(Quota, Arc<File>)> {
        let grant = self.grant(fd).map_err(FsError::trap)?;
        let file = self
            .file(fd)
            .map_err(FsError::trap)?
            .ok_or(ErrorCode::BadDescriptor)?;
        let Some(quota) = &grant.quota else {
            self.denied(&grant, "", true);
            return Err(ErrorCode::NotPermitted.into());
        };
        Ok((quota.clone(), file))
    }

    fn output(
        &mut self,
        fd: &Resource<Descriptor>,
        at: Position,
    ) -> FsResult<Resource<DynOutputStream>> {
        let (quota, file) = self.counted_p2(fd)?;
        let held = self.hold(STREAM_BYTES).map_err(exhausted)?;
        let stream: DynOutputStream = Box::new(Output::new(quota, file, at, held));
        Ok(self.table.push(stream)?)
    }

    /// Opens what was looked at, with its name paid for.
    async fn open(
        &mut self,
        opening: Opening<'_>,
        change: &mut Change,
    ) -> FsResult<Resource<Descriptor>> {
        let Opening {
            fd,
            path_flags,
            path,
            open_flags,
            flags,
            grant,
        } = opening;
        let held = self.hold(0).map_err(exhausted)?;
        let opened = self
            .wasi()
            .open_at(again(fd), path_flags, path, open_flags, flags)
            .await?;
        self.adopt(&opened, grant, held, change)
            .map_err(FsError::trap)?;
        Ok(opened)
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

impl preopens::Host for View<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.directories()
    }
}

impl types::Host for View<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        types::Host::filesystem_error_code(&mut self.wasi(), error)
    }
}

impl types::HostDescriptor for View<'_> {
    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let mut change = grant.change().await;
        let before = self.look(&fd, path_flags, &path).await;
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
        let opened = self.open(opening, &mut change).await;
        match (&opened, before) {
            (Err(_), _) if created => change.refund_name(),
            (Ok(_), Some(entry)) if open_flags.contains(OpenFlags::TRUNCATE) => {
                change.refund(entry.size);
            }
            _ => {}
        }
        self.audited(&grant, &path, write, opened)
    }

    async fn write(
        &mut self,
        fd: Resource<Descriptor>,
        buffer: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let (quota, file) = self.counted_p2(&fd)?;
        let length = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let _held = self
            .state
            .guard
            .ledger
            .hold(Budgeted::Memory, length)
            .map_err(exhausted)?;
        let written = quota
            .write(file, Position::At(offset), Bytes::from(buffer))
            .await?;
        Ok(u64::try_from(written).unwrap_or(u64::MAX))
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let (quota, file) = self.counted_p2(&fd)?;
        Ok(quota.resize(file, size).await?)
    }

    fn read_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let held = self.hold(STREAM_BYTES).map_err(exhausted)?;
        let file = self.file(&fd).map_err(FsError::trap)?;
        let file = file.ok_or(ErrorCode::IsDirectory)?;
        let threads = self.state.threads.clone();
        let stream: DynInputStream = Box::new(Input::new(file, offset, threads, held));
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.output(&fd, Position::At(offset))
    }

    fn append_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.output(&fd, Position::End)
    }

    async fn read_directory(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<ReaddirIterator>> {
        let list = self.list(&fd).map_err(FsError::trap)?;
        let list = list.ok_or(ErrorCode::NotDirectory)?;
        let held = self.hold(STREAM_BYTES).map_err(exhausted)?;
        // The guest's handle is typed by the implementation's listing; what it leads to is this one.
        let listing = self
            .table
            .push(Listing::new(list, self.state.threads.clone(), held))?;
        Ok(Resource::new_own(listing.rep()))
    }

    async fn create_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let mut change = grant.change().await;
        change.charge_name().map_err(full)?;
        let made = self.wasi().create_directory_at(fd, path.clone()).await;
        if made.is_err() {
            change.refund_name();
        }
        self.audited(&grant, &path, true, made)
    }

    async fn symlink_at(
        &mut self,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let mut change = grant.change().await;
        change.charge_name().map_err(full)?;
        let made = self.wasi().symlink_at(fd, target, path.clone()).await;
        if made.is_err() {
            change.refund_name();
        }
        self.audited(&grant, &path, true, made)
    }

    async fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path_flags: PathFlags,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        if !Arc::ptr_eq(&grant, &self.grant(&new_fd).map_err(FsError::trap)?) {
            return Err(ErrorCode::CrossDevice.into());
        }
        let mut change = grant.change().await;
        change.charge_name().map_err(full)?;
        let linked = self
            .wasi()
            .link_at(fd, old_path_flags, old_path, new_fd, new_path.clone())
            .await;
        if linked.is_err() {
            change.refund_name();
        }
        self.audited(&grant, &new_path, true, linked)
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        if !Arc::ptr_eq(&grant, &self.grant(&new_fd).map_err(FsError::trap)?) {
            return Err(ErrorCode::CrossDevice.into());
        }
        let change = grant.change().await;
        let moved = self.look(&fd, PathFlags::empty(), &old_path).await;
        let replaced = self.look(&new_fd, PathFlags::empty(), &new_path).await;
        let renamed = self
            .wasi()
            .rename_at(fd, old_path, new_fd, new_path.clone())
            .await;
        if let (Ok(()), Some(moved), Some(replaced)) = (&renamed, moved, replaced)
            && moved.id != replaced.id
        {
            change.removed(replaced).await;
        }
        self.audited(&grant, &new_path, true, renamed)
    }

    async fn remove_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let mut change = grant.change().await;
        let removed = self.wasi().remove_directory_at(fd, path.clone()).await;
        if removed.is_ok() {
            change.refund_name();
        }
        self.audited(&grant, &path, true, removed)
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let change = grant.change().await;
        let entry = self.look(&fd, PathFlags::empty(), &path).await;
        let removed = self.wasi().unlink_file_at(fd, path.clone()).await;
        if let (Ok(()), Some(entry)) = (&removed, entry) {
            change.removed(entry).await;
        }
        self.audited(&grant, &path, true, removed)
    }

    async fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let set = self.wasi().set_times(fd, accessed, modified).await;
        self.audited(&grant, "", true, set)
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let set = self
            .wasi()
            .set_times_at(fd, path_flags, path.clone(), accessed, modified)
            .await;
        self.audited(&grant, &path, true, set)
    }

    async fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let stat = self.wasi().stat_at(fd, path_flags, path.clone()).await;
        self.audited(&grant, &path, false, stat)
    }

    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let link = self.wasi().readlink_at(fd, path.clone()).await;
        self.audited(&grant, &path, false, link)
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let grant = self.grant(&fd).map_err(FsError::trap)?;
        let hash = self
            .wasi()
            .metadata_hash_at(fd, path_flags, path.clone())
            .await;
        self.audited(&grant, &path, false, hash)
    }

    async fn advise(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.wasi().advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi().sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.wasi().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.wasi().get_type(fd).await
    }

    async fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        let _held = self.hold(length.min(STREAM_BYTES)).map_err(exhausted)?;
        self.wasi().read(fd, length, offset).await
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi().sync(fd).await
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.wasi().stat(fd).await
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.wasi().is_same_object(one, other).await
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.wasi().metadata_hash(fd).await
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.close(fd)
    }
}

impl types::HostDirectoryEntryStream for View<'_> {
    async fn read_directory_entry(
        &mut self,
        listing: Resource<ReaddirIterator>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let listing = Resource::<Listing>::new_borrow(listing.rep());
        Ok(self.table.get_mut(&listing)?.next().await?)
    }

    fn drop(&mut self, listing: Resource<ReaddirIterator>) -> wasmtime::Result<()> {
        self.table
            .delete(Resource::<Listing>::new_own(listing.rep()))?;
        Ok(())
    }
}
