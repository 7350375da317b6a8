//! A granted directory, and what is written down when a guest does not get what it wants of it.

use std::error::Error;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::io::Errno;
use wasmtime_wasi::{TrappableError, p2, p3};

use super::list::LeftOut;
use super::quota::Quota;
use crate::capability::Guard;
use crate::capability::grants::Lease;
use crate::limits::MAX_SHOWN_CHARS;
use crate::policy::{Access, Capability, Denial, DenyReason};
use crate::text;

/// Why something did not work, in the words of one of the two interfaces.
pub(super) trait Code: Error + Send + Sync + 'static {
    /// Whether the implementation refused to reach or change something.
    fn is_denial(&self) -> bool;
}

impl Code for p2::bindings::filesystem::types::ErrorCode {
    fn is_denial(&self) -> bool {
        matches!(self, Self::NotPermitted)
    }
}

impl Code for p3::bindings::filesystem::types::ErrorCode {
    fn is_denial(&self) -> bool {
        matches!(self, Self::NotPermitted)
    }
}

/// An open file, and the grant that it is read under.
#[derive(Debug, Clone)]
pub(super) struct Readable {
    pub(super) file: Arc<File>,
    pub(super) grant: Arc<Grant>,
}

impl Readable {
    /// Reads what is there of `bytes` from `offset` on. Blocks.
    pub(super) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        holds(&self.grant.lease)?;
        self.file.read_at(bytes, offset)
    }
}

/// A granted directory.
#[derive(Debug)]
pub(super) struct Grant {
    /// What it was granted by.
    pub(super) capability: Capability,
    /// Where the guest sees it.
    pub(super) guest: String,
    pub(super) left_out: Arc<LeftOut>,
    /// `None`: read only.
    pub(super) quota: Option<Quota>,
    pub(super) lease: Arc<Lease>,
}

/// Whether what is open by `lease` may still be used.
///
/// # Errors
/// The code of a denial.
pub(super) fn holds(lease: &Lease) -> io::Result<()> {
    match lease.is_cut() {
        true => Err(Errno::PERM.into()),
        false => Ok(()),
    }
}

impl Grant {
    /// `path` as a guest would spell it from the root, without `.` and `..`.
    pub(super) fn absolute(&self, path: &str) -> String {
        let from = if path.starts_with('/') {
            ""
        } else {
            &self.guest
        };
        let mut parts = Vec::new();
        for part in from.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                name => parts.push(name),
            }
        }
        format!("/{}", parts.join("/"))
    }

    /// Writes down that the implementation refused to reach or change `path`.
    pub(super) fn denied(&self, guard: &Guard, path: &str, write: bool) {
        let absolute = self.absolute(path);
        let access = Access::Files {
            path: &absolute,
            write: write && self.quota.is_none(),
        };
        if guard.check(&access).is_ok() {
            // The words of the path stay inside; where it leads does not.
            let shown = text::spelled(&absolute, MAX_SHOWN_CHARS);
            guard.audit.denied(&Denial {
                capability: self.capability,
                reason: DenyReason::PathNotGranted,
                what: format!("reaching `{shown}`: it leads out of its directory"),
                fix: match self.capability {
                    // Nothing leads out of the instance's own.
                    Capability::Data => String::new(),
                    _ => "[[files]] host = \"/…\" guest = \"/…\"".to_owned(),
                },
            });
        }
    }

    /// Writes a denial down, and hands the result on.
    pub(super) fn audited<R, C: Code>(
        &self,
        guard: &Guard,
        path: &str,
        write: bool,
        result: Result<R, TrappableError<C>>,
    ) -> Result<R, TrappableError<C>> {
        if let Err(error) = &result
            && error.downcast_ref().is_some_and(Code::is_denial)
        {
            self.denied(guard, path, write);
        }
        result
    }
}
