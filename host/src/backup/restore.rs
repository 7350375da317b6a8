//! Reads a copy: all of it is compared with what it says of itself, and put aside meanwhile if it is to come back. It gets
//! its names when everything is right and on the disk, so that what is broken off leaves nothing.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use blake3::Hasher;
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::manifest::{Head, Line, Lines, Summary, compare};
use super::tar::{Member, Reader, broken};
use super::walk::open;
use super::{AUDIT, BackupError, DATA, HEAD, MANIFEST, SECRETS, failed};
use crate::limits::{BACKUP_PART_BYTES, MAX_BACKUP_HEAD_BYTES};

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
const OWNER_ONLY_FOLDER: Mode = OWNER_ONLY.union(Mode::XUSR);

/// Where what is in a copy comes to.
#[derive(Debug, Clone)]
pub struct Places {
    /// The data directory.
    pub data: PathBuf,
    /// The directory of the audit log, if it comes back.
    pub audit: Option<PathBuf>,
    /// The directory of the secrets, if they come back.
    pub secrets: Option<PathBuf>,
}

/// Says what is in the archive at `path`, all of which is what was written.
///
/// # Errors
/// When it is not, or cannot be read.
pub fn verify(path: &Path) -> Result<Summary, BackupError> {
    read(path, &mut [])
}

/// Brings back what is in the archive at `path`, into directories that are new or empty.
///
/// # Errors
/// When something in it is not what was written, or cannot be made. Nothing is there then.
pub fn restore(path: &Path, to: &Places) -> Result<Summary, BackupError> {
    let data = Aside::begin(DATA, &to.data)?;
    let beside = [(AUDIT, &to.audit), (SECRETS, &to.secrets)];
    let mut asides = Vec::new();
    for (root, place) in beside {
        let Some(place) = place else {
            continue;
        };
        // What is to be in the data directory comes there before that has its name.
        let place = match place.strip_prefix(&to.data) {
            Ok(inside) => data.dir.path().join(inside),
            Err(_) => place.clone(),
        };
        asides.push(Aside::begin(root, &place)?);
    }
    asides.push(data);
    let summary = read(path, &mut asides)?;
    if let Some(missing) = asides.iter().find(|it| !it.has_come) {
        return Err(BackupError::Without(match missing.root {
            AUDIT => "audit log",
            SECRETS => "secrets",
            _ => "data",
        }));
    }
    // What was written is on the disk before anything has its name.
    rustix::fs::sync();
    place(asides)?;
    rustix::fs::sync();
    Ok(summary)
}

/// Gives everything its name, or nothing.
fn place(asides: Vec<Aside>) -> Result<(), BackupError> {
    let mut placed: Vec<Aside> = Vec::new();
    for aside in asides {
        if let Err(error) = std::fs::rename(aside.dir.path(), &aside.to) {
            for done in placed {
                // It goes with the folder in which it was made.
                let _ = std::fs::rename(&done.to, done.dir.path());
            }
            return Err(failed("put what was restored in", &aside.to)(error));
        }
        placed.push(aside);
    }
    for aside in placed {
        // What has another name now is not to be removed.
        let _ = aside.dir.keep();
    }
    Ok(())
}

/// A folder beside the one that is to be, which goes unless it gets that name.
struct Aside {
    root: &'static str,
    to: PathBuf,
    dir: TempDir,
    /// The folders that are open, from the outermost.
    open: Vec<OwnedFd>,
    has_come: bool,
}

impl Aside {
    fn begin(root: &'static str, to: &Path) -> Result<Self, BackupError> {
        match std::fs::read_dir(to).map(|mut entries| entries.next()) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(BackupError::NotEmpty(to.to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("restore into", to)(error)),
        }
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(failed("make", parent))?;
        let dir = tempfile::Builder::new()
            .prefix(".restoring-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(failed("make a folder in", parent))?;
        let outermost = open(dir.path()).map_err(failed("open", dir.path()))?;
        Ok(Self {
            root,
            to: to.to_owned(),
            dir,
            open: vec![outermost],
            has_come: false,
        })
    }

    /// The open folder that is so deep.
    fn at(&mut self, depth: usize) -> Result<&OwnedFd, BackupError> {
        self.open.truncate(depth);
        let inner = self.open.last().filter(|_| self.open.len() == depth);
        inner.ok_or_else(|| broken("a path in it is in no folder of it"))
    }

    fn folder(&mut self, parts: &[&str]) -> Result<(), BackupError> {
        let Some((name, depth)) = below(parts) else {
            self.has_come = true;
            return Ok(());
        };
        let failed = failed("make a folder in", &self.dir.path().join(name));
        let parent = self.at(depth)?;
        rustix::fs::mkdirat(parent, name, OWNER_ONLY_FOLDER)
            .map_err(|error| failed(error.into()))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(parent, name, flags, Mode::empty());
        let made = made.map_err(|error| failed(error.into()))?;
        self.open.push(made);
        Ok(())
    }

    fn file(&mut self, parts: &[&str]) -> Result<File, BackupError> {
        let (name, depth) = below(parts).ok_or_else(|| broken("a folder of it is a file"))?;
        let failed = failed("write", &self.dir.path().join(name));
        let parent = self.at(depth)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(parent.as_fd(), name, flags, OWNER_ONLY);
        Ok(made.map_err(|error| failed(error.into()))?.into())
    }
}

/// The last part of a path, and how deep it is below the outermost folder.
fn below<'a>(parts: &[&'a str]) -> Option<(&'a str, usize)> {
    let (last, before) = parts.split_last()?;
    (!before.is_empty()).then_some((last, before.len()))
}

/// Reads an archive to its end. What is in the folder of one of `asides` is written there.
fn read(path: &Path, asides: &mut [Aside]) -> Result<Summary, BackupError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let mut reader = Reader::new(BufReader::with_capacity(BACKUP_PART_BYTES, file));
    let mut part = vec![0; BACKUP_PART_BYTES];
    let mut found = Lines::new()?;
    let head = head(&mut reader, &mut part, &mut found)?;
    let mut order = Order::default();
    loop {
        let Some(member) = reader.next()? else {
            return Err(broken("it ends without its manifest"));
        };
        if let Member::File(path, _) = &member
            && path == MANIFEST
        {
            break;
        }
        order.check(&member)?;
        let (Member::Folder(path) | Member::File(path, _)) = &member;
        let parts: Vec<&str> = path.split('/').collect();
        let aside = asides.iter_mut().find(|it| parts.first() == Some(&it.root));
        let line = match &member {
            Member::Folder(path) => {
                aside.map_or(Ok(()), |aside| aside.folder(&parts))?;
                Line::Folder { path: path.clone() }
            }
            Member::File(path, size) => {
                let file = aside.map(|aside| aside.file(&parts)).transpose()?;
                let blake3 = content(&mut reader, &mut part, file)?;
                Line::File {
                    path: path.clone(),
                    size: *size,
                    blake3,
                }
            }
        };
        found.add(&line)?;
    }
    let summary = compare(Content(&mut reader), found, Summary::of(&head))?;
    match reader.next()? {
        None => Ok(summary),
        Some(_) => Err(broken("there is something after its manifest")),
    }
}

fn head(
    reader: &mut Reader<impl Read>,
    part: &mut [u8],
    found: &mut Lines,
) -> Result<Head, BackupError> {
    let wrong = || broken("it does not begin as a backup does");
    let Some(Member::File(path, size)) = reader.next()? else {
        return Err(wrong());
    };
    if path != HEAD || size > MAX_BACKUP_HEAD_BYTES {
        return Err(wrong());
    }
    let mut bytes = Vec::new();
    loop {
        let some = reader.content(part)?;
        if some.is_empty() {
            break;
        }
        bytes.extend_from_slice(some);
    }
    found.add(&Line::File {
        path,
        size,
        blake3: blake3::hash(&bytes).to_hex().to_string(),
    })?;
    Head::parse(&bytes)
}

/// Reads a file to its end, writes it if it is wanted, and says its digest.
fn content(
    reader: &mut Reader<impl Read>,
    part: &mut [u8],
    mut to: Option<File>,
) -> Result<String, BackupError> {
    let mut hasher = Hasher::new();
    loop {
        let some = reader.content(part)?;
        if some.is_empty() {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(some);
        if let Some(to) = &mut to {
            to.write_all(some).map_err(BackupError::Write)?;
        }
    }
}

/// The rest of a file, for who reads it in parts of their own.
struct Content<'a, R>(&'a mut Reader<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, part: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.content(part).map_err(|error| {
            let kind = match error {
                BackupError::Broken(_) => std::io::ErrorKind::InvalidData,
                _ => std::io::ErrorKind::Other,
            };
            std::io::Error::new(kind, error.to_string())
        })?;
        Ok(read.len())
    }
}

/// Each path is greater than the one before, so none comes twice; each is in a folder that came, so none is in a file.
#[derive(Default)]
struct Order {
    last: Option<Vec<String>>,
    /// The folders in which the last one is, itself included if it is one.
    folders: Vec<String>,
}

impl Order {
    fn check(&mut self, member: &Member) -> Result<(), BackupError> {
        let (Member::Folder(path) | Member::File(path, _)) = member;
        let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        if self.last.as_ref().is_some_and(|last| *last >= parts) {
            return Err(broken("what is in it is not in order, or is there twice"));
        }
        let (name, before) = parts
            .split_last()
            .ok_or_else(|| broken("a path in it is empty"))?;
        self.folders.truncate(before.len());
        let is_inside = match before {
            [] => {
                [AUDIT, DATA, SECRETS].contains(&name.as_str())
                    && matches!(member, Member::Folder(_))
            }
            before => self.folders == before,
        };
        if !is_inside {
            return Err(broken("a path in it is in no folder of it"));
        }
        if matches!(member, Member::Folder(_)) {
            self.folders.push(name.clone());
        }
        self.last = Some(parts);
        Ok(())
    }
}
