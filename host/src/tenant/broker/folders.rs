//! Folders that were granted to a confined process after it began: opened for it here, and looked up again whenever it
//! asks for something in one of them.
//!
//! A process names folders by descriptors, which it may have made itself. So one counts only if the kernel finds
//! the same folder again below one that was opened here and is still granted.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, open as open_file, openat2};
use rustix::io::Errno;
use rustix::path::Arg;

use super::Audit;
use super::live::Live;
use super::notice::Process;
use crate::limits;
use crate::policy::grant;

/// The folders of one process.
#[derive(Debug, Default)]
pub(super) struct Folders {
    roots: Mutex<Vec<Root>>,
    /// How many descriptors for folders were chosen.
    chosen: AtomicI32,
}

/// A folder that was granted later.
#[derive(Debug)]
struct Root {
    /// As its grant says.
    host: PathBuf,
    descriptor: OwnedFd,
}

/// A folder that a process may use.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) descriptor: OwnedFd,
    pub(super) mode: grant::Mode,
}

impl Folders {
    /// The folder at `host`, if it is granted now.
    pub(super) fn open(&self, live: &Live, audit: &Audit, host: &Path) -> io::Result<OwnedFd> {
        let refuse = |why: &dyn std::fmt::Display| {
            audit.denied(format_args!("opening {}", host.display()), why);
            io::Error::from(Errno::ACCESS)
        };
        if live.folder(host).is_none() {
            return Err(refuse(&"no grant leads there"));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = open_file(host, flags, Mode::empty())?;
        // Whatever the path led to when the policy was read: this is what it leads to now.
        live.check_place(&place(&descriptor)?)
            .map_err(|reached| refuse(&format_args!("it {reached}")))?;
        let given = descriptor.try_clone()?;
        let host = host.to_owned();
        let mut roots = self.roots();
        roots.retain(|root| root.host != host && live.folder(&root.host).is_some());
        roots.push(Root { host, descriptor });
        Ok(given)
    }

    /// What `process` has open with this number, if it is such a folder or one below.
    pub(super) fn find(&self, live: &Live, process: &Process, number: RawFd) -> Option<Granted> {
        let roots = self.roots();
        if roots.is_empty() {
            return None;
        }
        let asked = process.copy(number).ok()?;
        let place = place(&asked).ok()?;
        let found = roots.iter().filter_map(|root| {
            let mode = live.folder(&root.host)?;
            let descriptor = root.again(&asked, &place)?;
            Some(Granted { descriptor, mode })
        });
        // What one grant lets be read another may let be written.
        found.max_by_key(|granted| granted.mode == grant::Mode::Rw)
    }

    /// A number that `process` has nothing open with, of those that its filter passes on.
    pub(super) fn free(&self, process: &Process) -> Result<RawFd, Errno> {
        let first = i32::try_from(limits::FOLDERS_FROM).map_err(|_| Errno::MFILE)?;
        // They are given back in no order: nearly always the next one is free. There are as many as lie before them.
        for _ in 0..first {
            let nth = self
                .chosen
                .fetch_add(1, Ordering::Relaxed)
                .rem_euclid(first);
            let number = first.saturating_add(nth);
            if matches!(process.copy(number), Err(Errno::BADF)) {
                return Ok(number);
            }
        }
        Err(Errno::MFILE)
    }

    fn roots(&self) -> MutexGuard<'_, Vec<Root>> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Root {
    /// The folder at `place`, if it is below this one, and `asked` is the same.
    fn again(&self, asked: &OwnedFd, place: &Path) -> Option<OwnedFd> {
        let top = self::place(&self.descriptor).ok()?;
        let below = place.strip_prefix(top).ok()?;
        let below = match below.as_os_str().is_empty() {
            true => Path::new("."),
            false => below,
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let again = open_below(
            &self.descriptor,
            below,
            flags,
            Mode::empty(),
            ResolveFlags::NO_SYMLINKS,
        );
        let again = again.ok()?;
        let (one, other) = (fstat(&again).ok()?, fstat(asked).ok()?);
        ((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)).then_some(again)
    }
}

/// Opens what is at `path` below `folder`, wherever links lead to.
pub(super) fn open_below(
    folder: impl AsFd,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let resolve = resolve | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut tried = Err(Errno::AGAIN);
    for _ in 0..limits::PATH_TRIES {
        tried = openat2(folder.as_fd(), path, flags | OFlags::CLOEXEC, mode, resolve);
        if !matches!(tried, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    tried
}

/// Where what is open is.
fn place(descriptor: &OwnedFd) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}
