//! `wasi:filesystem` 0.2. What changes something is a [`Transaction`]; the rest goes to `wasmtime-wasi` as it
//! is, but for what is charged and what is written down.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    Filesize, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator};
use wasmtime_wasi_io::bytes::Bytes;

use super::change::Position;
use super::p2_stream::{Input, Listing, Output};
use super::transaction::{How, Name, Transaction, exhausted};
use super::{STREAM_BYTES, View, length};
use crate::limits::Resource as Budgeted;

impl View<'_> {
    /// A change that is to be made. It has a thread without waiting for one: calls of this interface run one
    /// at a time, and a call of 0.3 that has a thread may not go on before this one is done.
    fn change(&self) -> Transaction {
        Transaction {
            guard: self.state.guard.clone(),
            thread: None,
        }
    }

    fn below(&self, dir: &Resource<Descriptor>, path: String) -> FsResult<Name> {
        self.name(dir, path)
    }

    fn output(
        &mut self,
        fd: &Resource<Descriptor>,
        at: Position,
    ) -> FsResult<Resource<DynOutputStream>> {
        let (quota, file) = self.counted(fd)?;
        let held = self.hold(STREAM_BYTES).map_err(exhausted)?;
        let stream: DynOutputStream = Box::new(Output::new(quota, file, at, held));
        Ok(self.table.push(stream)?)
    }
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
        let how = How {
            path: path_flags,
            open: open_flags,
            descriptor: flags,
        };
        let name = self.below(&fd, path)?;
        let opened = self.change().open(name, how).await?;
        Ok(self.adopt(opened)?)
    }

    async fn write(
        &mut self,
        fd: Resource<Descriptor>,
        buffer: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let (quota, file) = self.counted(&fd)?;
        let ledger = &self.state.guard.ledger;
        let held = ledger.hold(Budgeted::Memory, length(buffer.len()));
        let _held = held.map_err(exhausted)?;
        let written = quota
            .write(file, Position::At(offset), Bytes::from(buffer))
            .await?;
        Ok(length(written))
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let (quota, file) = self.counted(&fd)?;
        Ok(quota.resize(file, size).await?)
    }

    fn read_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let held = self.hold(STREAM_BYTES).map_err(exhausted)?;
        let file = self.readable(&fd).map_err(FsError::trap)?;
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
        let name = self.below(&fd, path)?;
        self.change().create_directory(name).await
    }

    async fn symlink_at(
        &mut self,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        let name = self.below(&fd, path)?;
        self.change().symlink(target, name).await
    }

    async fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path_flags: PathFlags,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (old, new) = (self.below(&fd, old_path)?, self.below(&new_fd, new_path)?);
        self.change().link(old, old_path_flags, new).await
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (old, new) = (self.below(&fd, old_path)?, self.below(&new_fd, new_path)?);
        self.change().rename(old, new).await
    }

    async fn remove_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let name = self.below(&fd, path)?;
        self.change().remove_directory(name).await
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let name = self.below(&fd, path)?;
        self.change().unlink(name).await
    }

    async fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let grant = self.held(&fd)?;
        let set = self.wasi().set_times(fd, accessed, modified).await;
        grant.audited(&self.state.guard, "", true, set)
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let grant = self.held(&fd)?;
        let set = self
            .wasi()
            .set_times_at(fd, path_flags, path.clone(), accessed, modified)
            .await;
        grant.audited(&self.state.guard, &path, true, set)
    }

    async fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let grant = self.held(&fd)?;
        let stat = self.wasi().stat_at(fd, path_flags, path.clone()).await;
        grant.audited(&self.state.guard, &path, false, stat)
    }

    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        let grant = self.held(&fd)?;
        let link = self.wasi().readlink_at(fd, path.clone()).await;
        grant.audited(&self.state.guard, &path, false, link)
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let grant = self.held(&fd)?;
        let hash = self
            .wasi()
            .metadata_hash_at(fd, path_flags, path.clone())
            .await;
        grant.audited(&self.state.guard, &path, false, hash)
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
        self.held(&fd)?;
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
