//! Files and folders, under the grant `files`. The standard library's `std::fs` works too, but stops
//! the whole worker while it waits; this does not.
//!
//! ```
//! use external_worker::files;
//! use external_worker::prelude::*;
//!
//! /// Moves what has arrived out of the way and says how many bytes it was.
//! async fn collect() -> Result<u64> {
//!     let mut bytes = 0;
//!     for entry in files::list("/inbox").await? {
//!         let from = format!("/inbox/{}", entry.name);
//!         bytes += files::metadata(&from).await?.size;
//!         files::rename(&from, &format!("/done/{}", entry.name)).await?;
//!     }
//!     files::append("/done/log.txt", format!("{bytes} bytes\n")).await?;
//!     Ok(bytes)
//! }
//! ```

use std::future::IntoFuture;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::bindings::wasi::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};
use crate::error::{Error, Result};
use crate::pipe::{Incoming, Outgoing};
use crate::sys::files::{Descriptor, MISSING, roots};

/// The kind of thing that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a pipe or something similar.
    Other,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the folder.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What the host says about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// When it was last written, if the host says so.
    pub modified: Option<SystemTime>,
}

/// Reads the whole file.
pub async fn read(path: &str) -> Result<Vec<u8>> {
    read_at(path, 0, usize::MAX - 1).await
}

/// Reads the whole file as text, which has to be UTF-8.
pub async fn read_to_string(path: &str) -> Result<String> {
    let text = String::from_utf8(read(path).await?);
    text.map_err(|error| Error::from(error).context(path))
}

/// Reads at most `max` bytes from `offset` on.
pub async fn read_at(path: &str, offset: u64, max: usize) -> Result<Vec<u8>> {
    at(path, async |place| {
        let file = place
            .open(OpenFlags::empty(), DescriptorFlags::READ)
            .await?;
        let (reader, end) = file.read_via_stream(offset);
        let mut incoming = Incoming::new(reader, Some(end));
        let mut bytes = Vec::new();
        while bytes.len() < max {
            let more = incoming.read(max - bytes.len()).await?;
            if more.is_empty() {
                break;
            }
            bytes.extend(more);
        }
        Ok(bytes)
    })
    .await
}

/// Replaces the content of the file with `data`; makes the file if it does not exist.
pub async fn write(path: &str, data: impl AsRef<[u8]>) -> Result<()> {
    at(path, async |place| {
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let file = place.open(flags, DescriptorFlags::WRITE).await?;
        let mut outgoing = Outgoing::new(|reader| file.write_via_stream(reader, 0));
        outgoing.write_all(data.as_ref()).await?;
        outgoing.finish().await
    })
    .await
}

/// Adds `data` at the end of the file; makes the file if it does not exist.
pub async fn append(path: &str, data: impl AsRef<[u8]>) -> Result<()> {
    at(path, async |place| {
        let file = place
            .open(OpenFlags::CREATE, DescriptorFlags::WRITE)
            .await?;
        let mut outgoing = Outgoing::new(|reader| file.append_via_stream(reader));
        outgoing.write_all(data.as_ref()).await?;
        outgoing.finish().await
    })
    .await
}

/// Lists the entries of a folder, in no particular order.
pub async fn list(path: &str) -> Result<Vec<Entry>> {
    at(path, async |place| {
        let folder = place
            .open(OpenFlags::DIRECTORY, DescriptorFlags::READ)
            .await?;
        let (entries, end) = folder.read_directory();
        let entries = entries.collect().await;
        end.into_future().await?;
        Ok(entries
            .into_iter()
            .map(|e| Entry {
                name: e.name,
                kind: kind(&e.type_),
            })
            .collect())
    })
    .await
}

/// Says what kind and size a path has; follows a link.
pub async fn metadata(path: &str) -> Result<Metadata> {
    at(path, async |place| {
        let root = &place.root;
        let stat = root
            .stat_at(PathFlags::SYMLINK_FOLLOW, place.path.clone())
            .await?;
        Ok(from_stat(&stat))
    })
    .await
}

/// Says whether something exists at a path. If the host cannot tell, that is an error, not `false`.
pub async fn exists(path: &str) -> Result<bool> {
    match metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == crate::ErrorCode::Unavailable => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder inside a folder that exists.
pub async fn create_folder(path: &str) -> Result<()> {
    at(path, async |place| {
        Ok(place.root.create_directory_at(place.path.clone()).await?)
    })
    .await
}

/// Removes a file.
pub async fn remove_file(path: &str) -> Result<()> {
    at(path, async |place| {
        Ok(place.root.unlink_file_at(place.path.clone()).await?)
    })
    .await
}

/// Removes an empty folder.
pub async fn remove_folder(path: &str) -> Result<()> {
    at(path, async |place| {
        Ok(place.root.remove_directory_at(place.path.clone()).await?)
    })
    .await
}

/// Gives a file or folder another name, perhaps in another folder.
pub async fn rename(from: &str, to: &str) -> Result<()> {
    let target = locate(to)?;
    at(from, async |place| {
        let (from, to) = (place.path.clone(), target.path.clone());
        Ok(place.root.rename_at(from, &target.root, to).await?)
    })
    .await
}

/// A path, relative to the granted folder that it is in.
struct Place {
    root: Rc<Descriptor>,
    path: String,
}

impl Place {
    async fn open(&self, open: OpenFlags, flags: DescriptorFlags) -> Result<Descriptor> {
        let path = self.path.clone();
        Ok(self
            .root
            .open_at(PathFlags::SYMLINK_FOLLOW, path, open, flags)
            .await?)
    }
}

/// Names the path in whatever goes wrong there.
async fn at<T>(path: &str, work: impl AsyncFnOnce(Place) -> Result<T>) -> Result<T> {
    let result = match locate(path) {
        Ok(place) => work(place).await,
        Err(error) => Err(error),
    };
    result.map_err(|error| error.context(path))
}

fn locate(path: &str) -> Result<Place> {
    let roots = roots();
    let inside = roots
        .iter()
        .filter_map(|(root, name)| Some((root, name, relative(path, name)?)));
    let (root, _, path) = inside
        .max_by_key(|(_, name, _)| name.len())
        .ok_or_else(|| {
            let names: Vec<_> = roots.iter().map(|(_, name)| name.as_str()).collect();
            let names = if names.is_empty() {
                "none".into()
            } else {
                names.join(", ")
            };
            Error::denied(format!(
                "the path is in no granted folder; granted: {names}{MISSING}"
            ))
        })?;
    Ok(Place {
        root: Rc::clone(root),
        path: path.to_owned(),
    })
}

/// `path` as seen from the folder `root`, if it is in there.
fn relative<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let root = root.trim_end_matches('/');
    let rest = path.strip_prefix(root)?;
    match rest.strip_prefix('/') {
        Some(inside) => Some(if inside.is_empty() { "." } else { inside }),
        None => rest.is_empty().then_some("."),
    }
}

fn kind(kind: &DescriptorType) -> Kind {
    match kind {
        DescriptorType::RegularFile => Kind::File,
        DescriptorType::Directory => Kind::Folder,
        DescriptorType::SymbolicLink => Kind::Link,
        _ => Kind::Other,
    }
}

fn from_stat(stat: &DescriptorStat) -> Metadata {
    let modified = stat.data_modification_timestamp.and_then(|instant| {
        let seconds = Duration::from_secs(u64::try_from(instant.seconds).ok()?);
        let since = seconds + Duration::from_nanos(instant.nanoseconds.into());
        SystemTime::UNIX_EPOCH.checked_add(since)
    });
    Metadata {
        kind: kind(&stat.type_),
        size: stat.size,
        modified,
    }
}

impl From<ErrorCode> for Error {
    fn from(error: ErrorCode) -> Self {
        match error {
            ErrorCode::Access | ErrorCode::NotPermitted => {
                Self::denied("denied; the grant `files` does not cover it")
            }
            ErrorCode::ReadOnly => Self::denied("the folder is granted for reading only"),
            ErrorCode::NoEntry => Self::unavailable("there is no such file or folder"),
            ErrorCode::Exist => Self::invalid_input("it is there already"),
            ErrorCode::IsDirectory => Self::invalid_input("it is a folder"),
            ErrorCode::NotDirectory => Self::invalid_input("it is not a folder"),
            ErrorCode::NotEmpty => Self::invalid_input("the folder is not empty"),
            ErrorCode::Quota | ErrorCode::InsufficientSpace => {
                Self::busy("there is no space left; its grant sets a quota")
            }
            ErrorCode::Other(Some(text)) => Self::internal(text),
            ErrorCode::Busy | ErrorCode::TextFileBusy => {
                Self::busy("something else uses it; try again")
            }
            ErrorCode::FileTooLarge => Self::invalid_input("the file would be too large"),
            ErrorCode::NameTooLong => Self::invalid_input("the name is too long"),
            ErrorCode::Loop => Self::invalid_input("links lead round in a circle"),
            ErrorCode::CrossDevice => Self::invalid_input("it cannot move to another folder grant"),
            ErrorCode::Invalid | ErrorCode::InvalidSeek | ErrorCode::Overflow => {
                Self::invalid_input("the file system does not take this place or length")
            }
            ErrorCode::Unsupported => Self::invalid_input("the file system cannot do this"),
            ErrorCode::Io => Self::internal("reading or writing the device failed"),
            _ => Self::internal("the file system refused it"),
        }
    }
}
