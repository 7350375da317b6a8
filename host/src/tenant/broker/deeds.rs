//! Does in a folder what a confined process may not do there itself, since the folder was granted after it began.
//!
//! Whatever is not about such a folder is left to the kernel, which holds the process to what it has. In one, the
//! kernel resolves each path so that no link leads out of it, and names of what is made, moved and removed are
//! names and no paths.

use std::ffi::{CStr, CString};
use std::os::fd::{OwnedFd, RawFd};

use libc::c_long;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, fcntl_setfl, fstat, linkat,
    mkdirat, renameat_with, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::Audit;
use super::folders::{Folders, Granted, open_below};
use super::live::Live;
use super::notice::{Answer, Process};
use crate::policy::grant;
use crate::tenant::confine::brokered::TWO_FOLDERS;

/// How a path begins that leads to what is open.
const OPEN: &[u8] = b"/proc/self/fd/";
/// What openat knows of flags that are of use here; others change nothing that a guest sees.
const FLAGS: OFlags = OFlags::ACCMODE
    .union(OFlags::APPEND)
    .union(OFlags::CREATE)
    .union(OFlags::DIRECTORY)
    .union(OFlags::DSYNC)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::SYNC)
    .union(OFlags::TRUNC);
/// What is left of them where a descriptor is asked for that opens nothing. The kernel passes none of these on (Linux
/// 6.18): a folder is opened to be read instead.
const OF_PATHS: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW);
/// Whoever opens with one of these changes something.
const CHANGES: OFlags = OFlags::WRONLY
    .union(OFlags::RDWR)
    .union(OFlags::CREATE)
    .union(OFlags::TRUNC);
/// Neither another user's nor another group's rights, nor what is not a right.
const RIGHTS: u32 = 0o777;

/// A name in the memory of who asks, and the folder that it is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    folder: RawFd,
    name: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Open {
        at: At,
        flags: u32,
        mode: u32,
    },
    /// The same, with what is to be said in memory.
    OpenHow {
        at: At,
        how: u64,
        size: u64,
    },
    MakeFolder {
        at: At,
        mode: u32,
    },
    Remove {
        at: At,
        flags: u32,
    },
    Link {
        from: At,
        to: At,
        flags: u32,
    },
    Rename {
        from: At,
        to: At,
        flags: u32,
    },
    Symlink {
        target: u64,
        at: At,
    },
}

impl Deed {
    /// What this call asks for; none: it is another. Where the kernel takes an int, it looks at no more of it.
    pub(super) fn of(call: c_long, arguments: [u64; 6]) -> Option<Self> {
        let [first, second, third, fourth, fifth, _] = arguments;
        let at = |folder: u64, name| At {
            folder: folder as RawFd,
            name,
        };
        let (one, two) = (at(first, second), at(third, fourth));
        Some(match call {
            libc::SYS_openat => Self::Open {
                at: one,
                flags: third as u32,
                mode: fourth as u32,
            },
            libc::SYS_openat2 => Self::OpenHow {
                at: one,
                how: third,
                size: fourth,
            },
            libc::SYS_mkdirat => Self::MakeFolder {
                at: one,
                mode: third as u32,
            },
            libc::SYS_unlinkat => Self::Remove {
                at: one,
                flags: third as u32,
            },
            libc::SYS_linkat => Self::Link {
                from: one,
                to: two,
                flags: fifth as u32,
            },
            libc::SYS_renameat2 => Self::Rename {
                from: one,
                to: two,
                flags: fifth as u32,
            },
            // The older one has no flags.
            call if TWO_FOLDERS.contains(&call) => Self::Rename {
                from: one,
                to: two,
                flags: 0,
            },
            libc::SYS_symlinkat => Self::Symlink {
                target: first,
                at: at(second, third),
            },
            _ => return None,
        })
    }
}

/// Does what a process asks for.
pub(super) struct Deeds<'a> {
    pub(super) process: &'a Process,
    pub(super) folders: &'a Folders,
    pub(super) live: &'a Live,
    pub(super) audit: &'a Audit,
    /// Whether who asks still waits, so that what was read was its own.
    pub(super) waits: &'a dyn Fn() -> bool,
}

/// What came of it; nothing: it is not about a folder that was granted later.
type Done = Result<Option<Answer>, Errno>;

/// How something is opened.
struct How {
    flags: OFlags,
    mode: Mode,
    resolve: ResolveFlags,
}

impl Deeds<'_> {
    /// Does it, if it is for this to do.
    pub(super) fn answer(&self, deed: Deed) -> Answer {
        match self.act(deed) {
            Ok(Some(answer)) => answer,
            Ok(None) => Answer::GoOn,
            Err(errno) => Answer::Done(Err(errno)),
        }
    }

    fn act(&self, deed: Deed) -> Done {
        match deed {
            Deed::Open { at, flags, mode } => {
                let how = How {
                    flags: OFlags::from_bits_retain(flags),
                    mode: Mode::from_raw_mode(mode & RIGHTS),
                    resolve: ResolveFlags::empty(),
                };
                match at.folder {
                    libc::AT_FDCWD => self.open_by_number(at, &how),
                    _ => self.open(at, &how),
                }
            }
            Deed::OpenHow { at, how, size } => {
                let Some(folder) = self.find(at) else {
                    return Ok(None);
                };
                let how = self.how(how, size)?;
                self.open_in(&folder, &self.process.text(at.name)?, &how)
            }
            Deed::MakeFolder { at, mode } => self.change(at, |folder, name| {
                mkdirat(folder, name, Mode::from_raw_mode(mode & RIGHTS))
            }),
            Deed::Remove { at, flags } => self.change(at, |folder, name| {
                let flags = AtFlags::from_bits_retain(flags);
                unlinkat(folder, name, flags & AtFlags::REMOVEDIR)
            }),
            Deed::Symlink { target, at } => {
                let target = || self.process.text(target);
                self.change(at, |folder, name| symlinkat(&target()?, folder, name))
            }
            Deed::Link { from, to, flags } => {
                // Neither by a descriptor alone nor to what a link leads to.
                let flags = if flags == 0 {
                    Ok(())
                } else {
                    Err(Errno::INVAL)
                };
                self.change_two(from, to, |[from, to], [old, new]| {
                    flags.and_then(|()| linkat(from, old, to, new, AtFlags::empty()))
                })
            }
            Deed::Rename { from, to, flags } => {
                let known = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE;
                let flags = RenameFlags::from_bits_retain(flags) & known;
                self.change_two(from, to, |[from, to], [old, new]| {
                    renameat_with(from, old, to, new, flags)
                })
            }
        }
    }

    fn find(&self, at: At) -> Option<Granted> {
        self.folders.find(self.live, self.process, at.folder)
    }

    /// Opens what is at a path that begins with a descriptor.
    fn open_by_number(&self, at: At, how: &How) -> Done {
        let path = self.process.text(at.name).ok();
        let Some(rest) = path.as_deref().and_then(by_number) else {
            return Ok(None);
        };
        let (folder, name) = rest;
        match self.folders.find(self.live, self.process, folder) {
            Some(folder) => self.open_in(&folder, &name, how),
            None => Ok(None),
        }
    }

    fn open(&self, at: At, how: &How) -> Done {
        match self.find(at) {
            Some(folder) => self.open_in(&folder, &self.process.text(at.name)?, how),
            None => Ok(None),
        }
    }

    fn open_in(&self, folder: &Granted, path: &CStr, how: &How) -> Done {
        self.check_waits()?;
        let flags = match how.flags.contains(OFlags::PATH) {
            // It reads a folder, or looks at what is there, which the kernel lets anybody do anywhere.
            true if !how.flags.contains(OFlags::DIRECTORY) => return Ok(None),
            true => how.flags & OF_PATHS,
            false => how.flags & FLAGS,
        };
        if flags.intersects(CHANGES) {
            self.check_writes(folder)?;
        }
        let opened = open_below(
            &folder.descriptor,
            path,
            // Nobody is waited for at the other end of a pipe.
            flags | OFlags::NONBLOCK | OFlags::NOCTTY,
            match flags.contains(OFlags::CREATE) {
                true => how.mode,
                false => Mode::empty(),
            },
            how.resolve,
        )?;
        let place = match FileType::from_raw_mode(fstat(&opened)?.st_mode) {
            FileType::RegularFile => None,
            FileType::Directory => Some(self.folders.free(self.process)?),
            _ => {
                // Nor is it one of whoever hears at a pipe.
                let what = "opening what is neither a file nor a folder";
                self.audit.denied(what, "folders are granted, not devices");
                return Err(Errno::ACCESS);
            }
        };
        fcntl_setfl(&opened, flags)?;
        Ok(Some(Answer::Opened(opened, place)))
    }

    /// Does something with a name in a folder.
    fn change(&self, at: At, act: impl FnOnce(&OwnedFd, &CStr) -> Result<(), Errno>) -> Done {
        let Some(folder) = self.find(at) else {
            return Ok(None);
        };
        let name = self.name(at)?;
        self.check_writes(&folder)?;
        self.check_waits()?;
        Ok(Some(Answer::Done(act(&folder.descriptor, &name))))
    }

    /// The same with two; both have to be of those that were granted later, or neither.
    fn change_two(
        &self,
        from: At,
        to: At,
        act: impl FnOnce([&OwnedFd; 2], [&CStr; 2]) -> Result<(), Errno>,
    ) -> Done {
        let (one, other) = match (self.find(from), self.find(to)) {
            (Some(one), Some(other)) => (one, other),
            (None, None) => return Ok(None),
            // As between file systems: what is moved is copied then.
            _ => return Err(Errno::XDEV),
        };
        let (old, new) = (self.name(from)?, self.name(to)?);
        self.check_writes(&one)?;
        self.check_writes(&other)?;
        self.check_waits()?;
        let folders = [&one.descriptor, &other.descriptor];
        Ok(Some(Answer::Done(act(folders, [&old, &new]))))
    }

    /// A name, and no path that leads elsewhere.
    fn name(&self, at: At) -> Result<CString, Errno> {
        let name = self.process.text(at.name)?;
        let bytes = name.to_bytes();
        let slashes = bytes.iter().rev().take_while(|it| **it == b'/').count();
        match bytes.get(..bytes.len().saturating_sub(slashes)) {
            None | Some(b"") => Err(Errno::NOENT),
            Some(b"." | b"..") => Err(Errno::INVAL),
            Some(bytes) if bytes.contains(&b'/') => Err(Errno::ACCESS),
            Some(_) => Ok(name),
        }
    }

    fn check_writes(&self, folder: &Granted) -> Result<(), Errno> {
        match folder.mode {
            grant::Mode::Rw => Ok(()),
            grant::Mode::Ro => {
                self.audit
                    .denied("changing what is in a folder", "it is granted to be read");
                Err(Errno::ACCESS)
            }
        }
    }

    fn check_waits(&self) -> Result<(), Errno> {
        match (self.waits)() {
            true => Ok(()),
            false => Err(Errno::INTR),
        }
    }

    /// What is said in memory; a newer kernel may know more of it, and nobody here does.
    fn how(&self, at: u64, size: u64) -> Result<How, Errno> {
        let mut words = [[0; size_of::<u64>()]; 3];
        match usize::try_from(size).map(|size| size.cmp(&size_of_val(&words))) {
            Ok(std::cmp::Ordering::Equal) => {}
            Ok(std::cmp::Ordering::Less) => return Err(Errno::INVAL),
            _ => return Err(Errno::TOOBIG),
        }
        self.process.read(at, words.as_flattened_mut())?;
        let [flags, mode, resolve] = words.map(u64::from_ne_bytes);
        let word = |it: u64| u32::try_from(it).map_err(|_| Errno::INVAL);
        Ok(How {
            flags: OFlags::from_bits_retain(word(flags)?),
            mode: Mode::from_raw_mode(word(mode)? & RIGHTS),
            resolve: ResolveFlags::from_bits_retain(resolve),
        })
    }
}

/// The number that a path begins with, and the rest of it.
fn by_number(path: &CStr) -> Option<(RawFd, CString)> {
    let mut parts = path
        .to_bytes()
        .strip_prefix(OPEN)?
        .splitn(2, |it| *it == b'/');
    let number = str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let name = parts.next().filter(|name| !name.is_empty());
    Some((number, CString::new(name.unwrap_or(b".")).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_begin_with_a_descriptor() {
        let of = |path: &str| {
            let (number, name) = by_number(&CString::new(path).unwrap())?;
            Some((number, name.to_string_lossy().into_owned()))
        };
        assert_eq!(of("/proc/self/fd/12"), Some((12, ".".to_owned())));
        assert_eq!(of("/proc/self/fd/12/"), Some((12, ".".to_owned())));
        assert_eq!(of("/proc/self/fd/9/a/b"), Some((9, "a/b".to_owned())));
        for none in ["/proc/self/fd", "/proc/self/fd/x", "/srv", "", "12"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
