//! Makes a copy. In which order things come is what makes it one of a host that could have been: the database of the
//! control plane is as it was when the copy was begun; of each Worker first its database is fixed, which names files, and
//! the files come after it, so that whatever it names was there. Of the audit log first is fixed how far it has come.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::manifest::{Head, LeftOut, Line, Lines, end};
use super::sources::{self, Place};
use super::walk::{self, Top, Walk};
use super::{AUDIT, BackupError, DATA, HEAD, MANIFEST, SECRETS, failed, tar};
use crate::worker::store::{self, Lock};

/// What is copied.
pub struct What<'a> {
    /// When, in seconds since 1970.
    pub at: u64,
    /// The data directory.
    pub data: PathBuf,
    /// The database of the control plane as it is now, if there is one.
    pub control: Option<File>,
    /// Who makes Workers ready to be copied.
    pub workers: &'a dyn Workers,
    /// The directory of the audit log.
    pub audit: Option<PathBuf>,
    /// The directory of the secrets.
    pub secrets: Option<PathBuf>,
}

/// Who makes Workers ready to be copied. May wait.
pub trait Workers {
    /// Makes the database of one fit to be copied.
    ///
    /// # Errors
    /// When the copy goes on without this Worker, or does not go on.
    fn hold(&self, place: &Place) -> Result<Held, LeaveOut>;
}

/// How the database of a Worker is copied.
#[derive(Debug)]
pub enum Held {
    /// Nobody has it, or can while this is there: its files are copied as they are.
    AtRest(Option<Lock>),
    /// Its Worker has written all of it into the file [`store::SNAPSHOT`].
    Snapshot,
}

/// Why a Worker is not copied.
#[derive(Debug)]
pub enum LeaveOut {
    /// The others are.
    This(String),
    /// Nothing is.
    All(BackupError),
}

/// An archive that grows, and its manifest.
pub(super) struct Archive<W> {
    tar: tar::Writer<W>,
    lines: Lines,
}

impl<W: Write> Archive<W> {
    pub(super) fn folder(&mut self, path: &str) -> Result<(), BackupError> {
        self.tar.folder(path).map_err(BackupError::Write)?;
        let path = path.to_owned();
        self.lines.add(&Line::Folder { path })
    }

    /// So many bytes, filled up with zeros; whether there were as many.
    pub(super) fn file(
        &mut self,
        path: &str,
        size: u64,
        from: &mut impl Read,
    ) -> Result<bool, BackupError> {
        let tar = &mut self.tar;
        tar.file(path, size).map_err(BackupError::Write)?;
        let (is_whole, hash) = walk::exactly(from, size, |part| {
            tar.content(part).map_err(BackupError::Write)
        })?;
        tar.end_file().map_err(BackupError::Write)?;
        self.lines.add(&Line::File {
            path: path.to_owned(),
            size,
            blake3: hash.to_hex().to_string(),
        })?;
        Ok(is_whole)
    }

    pub(super) fn bytes(&mut self, path: &str, bytes: &[u8]) -> Result<(), BackupError> {
        let mut from = bytes;
        self.file(path, bytes.len() as u64, &mut from).map(drop)
    }

    pub(super) fn leave_out(
        &mut self,
        path: &str,
        why: &str,
        is_worker: bool,
    ) -> Result<(), BackupError> {
        let (path, why) = (path.to_owned(), why.to_owned());
        self.lines.add(&Line::LeftOut(LeftOut {
            path,
            why,
            is_worker,
        }))
    }

    /// What follows is all that a Worker has.
    fn worker(&mut self, path: &str) -> Result<(), BackupError> {
        let path = path.to_owned();
        self.lines.add(&Line::Worker { path })
    }

    /// Writes the manifest, and ends.
    fn finish(self) -> Result<(), BackupError> {
        let Self { mut tar, lines } = self;
        let (mut lines, bytes, hash) = lines.end()?;
        let last = end(hash)?;
        let size = bytes.saturating_add(last.len() as u64);
        tar.file(MANIFEST, size).map_err(BackupError::Write)?;
        walk::exactly(&mut lines, bytes, |part| {
            tar.content(part).map_err(BackupError::Write)
        })?;
        tar.content(&last).map_err(BackupError::Write)?;
        tar.end_file().map_err(BackupError::Write)?;
        tar.finish().map(drop).map_err(BackupError::Write)
    }
}

/// Writes a copy of everything into `to`.
///
/// # Errors
/// When something cannot be copied without which it is none; of a Worker that cannot be copied the copy says so itself.
pub fn create(what: What<'_>, to: impl Write) -> Result<(), BackupError> {
    let mut archive = Archive {
        tar: tar::Writer::new(to, what.at),
        lines: Lines::new()?,
    };
    let head = serde_json::to_vec(&Head::new(what.at));
    let head = head.map_err(|error| BackupError::Write(error.into()))?;
    archive.bytes(HEAD, &head)?;
    if let Some(dir) = &what.audit {
        sources::audit(&mut archive, dir, AUDIT)?;
    }
    data(&mut archive, &what)?;
    if let Some(dir) = &what.secrets {
        sources::secrets(&mut archive, dir, SECRETS)?;
    }
    archive.finish()
}

fn data(archive: &mut Archive<impl Write>, what: &What<'_>) -> Result<(), BackupError> {
    let places = sources::workers(&what.data)?;
    if what.control.is_none() && places.is_empty() {
        return Err(BackupError::NoData(what.data.clone()));
    }
    if let [Place { name: None, .. }] = &*places {
        return places
            .iter()
            .try_for_each(|place| worker(archive, place, DATA, what.workers));
    }
    archive.folder(DATA)?;
    let mut control = what.control.as_ref();
    for place in &places {
        let name = place.name.as_deref().unwrap_or_default();
        if name > sources::CONTROL {
            database(archive, control.take())?;
        }
        worker(archive, place, &format!("{DATA}/{name}"), what.workers)?;
    }
    database(archive, control.take())
}

/// The database of the control plane.
fn database(archive: &mut Archive<impl Write>, file: Option<&File>) -> Result<(), BackupError> {
    let Some(mut file) = file else {
        return Ok(());
    };
    let path = format!("{DATA}/{}", sources::CONTROL);
    let size = file.metadata().map_err(BackupError::Read)?.len();
    archive.file(&path, size, &mut file).map(drop)
}

/// The directory of one Worker, which is `path` in the archive.
fn worker(
    archive: &mut Archive<impl Write>,
    place: &Place,
    path: &str,
    workers: &dyn Workers,
) -> Result<(), BackupError> {
    let held = match workers.hold(place) {
        Ok(held) => held,
        Err(LeaveOut::This(why)) => return archive.leave_out(path, &why, true),
        Err(LeaveOut::All(error)) => return Err(error),
    };
    let folder = walk::open(&place.dir).map_err(failed("open", &place.dir))?;
    archive.worker(path)?;
    let is_snapshot = matches!(held, Held::Snapshot);
    let top = |name: &str| match name {
        // Made again, and of no use to another version.
        "cache" => Top::Skipped,
        store::FILE if is_snapshot => Top::From(store::SNAPSHOT),
        name if is_snapshot && store::AT_REST.contains(&name) => Top::Skipped,
        // What is being written, or being removed.
        name if store::NOT_KEPT.contains(&name) || name.starts_with('.') => Top::Skipped,
        _ => Top::Copied,
    };
    let copied = Walk::new(archive).folder(folder.as_fd(), path, &top);
    if is_snapshot {
        empty(&place.dir, &folder);
    }
    drop(held);
    copied
}

/// What was copied is not to stay beside what it was copied of: secrets are in it that may be removed.
fn empty(dir: &Path, folder: &impl AsFd) {
    let flags = OFlags::WRONLY;
    let file = walk::open_file(folder.as_fd(), store::SNAPSHOT, flags);
    if let Err(error) = file.and_then(|file| file.set_len(0)) {
        let dir = dir.display();
        tracing::warn!("the snapshot in {dir} is not emptied: {error}");
    }
}
