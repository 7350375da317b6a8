//! Folders of this machine, as the test gave them to the worker.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::{FutureReader, StreamReader, wit_future, wit_stream};
use crate::bindings::wasi::clocks::system_clock::Instant;
use crate::bindings::wasi::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, OpenFlags,
    PathFlags,
};
use crate::testing::bench;

type Ended = FutureReader<Result<(), ErrorCode>>;

/// Folders, and what they are called.
pub(crate) type Roots = Rc<Vec<(Rc<Descriptor>, String)>>;

/// What else to say where a folder is missing.
pub(crate) const MISSING: &str = "; in a test, `bench.folder(\"/data\", path)` gives one";

/// The folders that the test gave.
pub(crate) fn roots() -> Roots {
    let bench = bench::current();
    let folders = bench.folders.borrow();
    let folder =
        |(name, path): &(String, PathBuf)| (Rc::new(Descriptor(path.clone())), name.clone());
    Rc::new(folders.iter().map(folder).collect())
}

/// A file or folder that is open.
pub(crate) struct Descriptor(PathBuf);

impl Descriptor {
    /// No path leads out of the folder, as in the sandbox; links are the test's own.
    fn inside(&self, path: &str) -> Result<PathBuf, ErrorCode> {
        let is_inside =
            |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if Path::new(path).components().all(is_inside) {
            Ok(self.0.join(path))
        } else {
            Err(ErrorCode::NotPermitted)
        }
    }

    pub(crate) async fn open_at(
        &self,
        _: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> Result<Self, ErrorCode> {
        let path = self.inside(&path)?;
        if open.contains(OpenFlags::DIRECTORY) {
            if !fs::metadata(&path).map_err(error)?.is_dir() {
                return Err(ErrorCode::NotDirectory);
            }
        } else if flags.contains(DescriptorFlags::WRITE) {
            let mut options = OpenOptions::new();
            options.write(true).create(open.contains(OpenFlags::CREATE));
            options.truncate(open.contains(OpenFlags::TRUNCATE));
            options.open(&path).map_err(error)?;
        } else if fs::metadata(&path).map_err(error)?.is_dir() {
            return Err(ErrorCode::IsDirectory);
        }
        Ok(Self(path))
    }

    pub(crate) async fn stat_at(
        &self,
        _: PathFlags,
        path: String,
    ) -> Result<DescriptorStat, ErrorCode> {
        let found = fs::metadata(self.inside(&path)?).map_err(error)?;
        Ok(DescriptorStat {
            type_: kind(found.file_type()),
            link_count: 1,
            size: found.len(),
            data_access_timestamp: None,
            data_modification_timestamp: found.modified().ok().and_then(instant),
            status_change_timestamp: None,
        })
    }

    pub(crate) async fn create_directory_at(&self, path: String) -> Result<(), ErrorCode> {
        fs::create_dir(self.inside(&path)?).map_err(error)
    }

    pub(crate) async fn unlink_file_at(&self, path: String) -> Result<(), ErrorCode> {
        fs::remove_file(self.inside(&path)?).map_err(error)
    }

    pub(crate) async fn remove_directory_at(&self, path: String) -> Result<(), ErrorCode> {
        fs::remove_dir(self.inside(&path)?).map_err(error)
    }

    pub(crate) async fn rename_at(
        &self,
        from: String,
        folder: &Self,
        to: String,
    ) -> Result<(), ErrorCode> {
        fs::rename(self.inside(&from)?, folder.inside(&to)?).map_err(error)
    }

    pub(crate) fn read_via_stream(&self, offset: u64) -> (StreamReader<u8>, Ended) {
        let read = || {
            let mut file = File::open(&self.0)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let (mut writer, reader) = wit_stream::new();
        let end = read().map(|bytes| drop(writer.give(bytes)));
        (reader, wit_future::ready(end.map_err(error)))
    }

    pub(crate) fn write_via_stream(&self, data: StreamReader<u8>, offset: u64) -> Ended {
        let file = OpenOptions::new().write(true).open(&self.0);
        put(
            data,
            file.and_then(|mut file| file.seek(SeekFrom::Start(offset)).map(|_| file)),
        )
    }

    pub(crate) fn append_via_stream(&self, data: StreamReader<u8>) -> Ended {
        put(data, OpenOptions::new().append(true).open(&self.0))
    }

    pub(crate) fn read_directory(&self) -> (StreamReader<DirectoryEntry>, Ended) {
        let list = || {
            let mut entries = Vec::new();
            for entry in fs::read_dir(&self.0)? {
                let entry = entry?;
                entries.push(DirectoryEntry {
                    type_: kind(entry.file_type()?),
                    name: entry.file_name().to_string_lossy().into_owned(),
                });
            }
            Ok(entries)
        };
        let (mut writer, reader) = wit_stream::new();
        let end = list().map(|entries| drop(writer.give(entries)));
        (reader, wit_future::ready(end.map_err(error)))
    }
}

/// Writes what the stream brings.
fn put(data: StreamReader<u8>, file: std::io::Result<File>) -> Ended {
    let mut file = match file {
        Ok(file) => file,
        Err(failed) => return wit_future::ready(Err(error(failed))),
    };
    let (done, result) = wit_future::new(|| Ok(()));
    let mut done = Some(done);
    data.drain_into(move |sent| {
        let Some(bytes) = sent else {
            done = None;
            return false;
        };
        let written = file.write_all(&bytes);
        if let Err(failed) = written
            && let Some(done) = done.take()
        {
            done.give(Err(error(failed)));
        }
        done.is_some()
    });
    result
}

fn kind(kind: fs::FileType) -> DescriptorType {
    if kind.is_file() {
        DescriptorType::RegularFile
    } else if kind.is_dir() {
        DescriptorType::Directory
    } else if kind.is_symlink() {
        DescriptorType::SymbolicLink
    } else {
        DescriptorType::Other(None)
    }
}

fn instant(time: SystemTime) -> Option<Instant> {
    let since: Duration = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Instant {
        seconds: i64::try_from(since.as_secs()).ok()?,
        nanoseconds: since.subsec_nanos(),
    })
}

fn error(error: std::io::Error) -> ErrorCode {
    match error.kind() {
        ErrorKind::NotFound => ErrorCode::NoEntry,
        ErrorKind::PermissionDenied => ErrorCode::Access,
        ErrorKind::AlreadyExists => ErrorCode::Exist,
        ErrorKind::IsADirectory => ErrorCode::IsDirectory,
        ErrorKind::NotADirectory => ErrorCode::NotDirectory,
        ErrorKind::DirectoryNotEmpty => ErrorCode::NotEmpty,
        ErrorKind::ReadOnlyFilesystem => ErrorCode::ReadOnly,
        _ => ErrorCode::Other(Some(error.to_string())),
    }
}
