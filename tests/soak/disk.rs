//! A disk that is full: a small one of its own where this user may mount one. Where not, the process of the tenant may
//! let no file grow any more, which its own code cannot tell from a full disk.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::stage::Tenant;

/// What is on it besides the modules grows to some MiB.
const SIZE: &CStr = c"size=64m";
const BLOCK: usize = 64 * 1024;
/// A page: whoever fills the disk takes the last one, too.
const PAGE: usize = 4096;

/// Has what is mounted by this thread, and by what it starts, be seen by nobody else, and be gone with them; says
/// whether that works.
pub fn mounts_apart() -> bool {
    // SAFETY: it takes a number.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return false;
    }
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    let (none, root) = (std::ptr::null(), c"/".as_ptr());
    // SAFETY: the texts are there as long as the call, and what is null is not read.
    unsafe { libc::mount(none, root, none, flags, none.cast()) == 0 }
}

/// See the module.
pub struct Disk {
    dir: PathBuf,
    is_mounted: bool,
}

impl Disk {
    /// A disk at `dir`, if there can be one.
    pub fn mount(dir: PathBuf, is_apart: bool) -> Self {
        std::fs::create_dir_all(&dir).unwrap();
        let is_mounted = is_apart && mount(&dir);
        Self { dir, is_mounted }
    }

    pub fn kind(&self) -> &'static str {
        match self.is_mounted {
            true => "a tmpfs of 64 MiB",
            false => "a limit on the size of files (nothing can be mounted here)",
        }
    }

    /// Takes all that is left of it.
    pub fn fill(&self, tenant: &Tenant) {
        match self.is_mounted {
            true => {
                let mut filler = File::create(self.filler()).unwrap();
                for size in [BLOCK, PAGE] {
                    while filler.write_all(&vec![1; size]).is_ok() {}
                }
            }
            false => limit_files(tenant, 0),
        }
    }

    /// Gives it back.
    pub fn free(&self, tenant: &Tenant) {
        match self.is_mounted {
            true => std::fs::remove_file(self.filler()).unwrap(),
            false => limit_files(tenant, libc::RLIM_INFINITY),
        }
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // SAFETY: the text is there as long as the call.
            unsafe { libc::umount2(path(&self.dir).as_ptr(), libc::MNT_DETACH) };
        }
    }
}

fn mount(dir: &Path) -> bool {
    let to = path(dir);
    let tmpfs = c"tmpfs".as_ptr();
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    // SAFETY: all texts are there as long as the call.
    unsafe { libc::mount(tmpfs, to.as_ptr(), tmpfs, flags, SIZE.as_ptr().cast()) == 0 }
}

fn path(dir: &Path) -> CString {
    CString::new(dir.as_os_str().as_bytes()).unwrap()
}

/// How far files may grow that the process of `tenant` writes.
fn limit_files(tenant: &Tenant, bytes: libc::rlim_t) {
    let Some(place) = tenant.place() else {
        return;
    };
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: libc::RLIM_INFINITY,
    };
    let pid = libc::pid_t::try_from(place.pid).unwrap();
    // SAFETY: the limit is there as long as the call.
    unsafe {
        libc::prlimit(
            pid,
            libc::RLIMIT_FSIZE,
            &raw const limit,
            std::ptr::null_mut(),
        )
    };
}
