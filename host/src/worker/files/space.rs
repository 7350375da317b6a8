//! How much there is of a Worker's files, and how much there may be: bytes, and files and folders. What is on
//! its way is taken before it is written.

use std::time::{Duration, Instant};

use cap_std::fs::Dir;

use super::{Files, UploadError, WAITING};
use crate::limits;

/// What was counted is counted again, at the earliest after this long, before somebody is told that there
/// is no room: files may have been removed by others.
pub(super) const COUNT_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Bytes, and files and folders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

impl Amount {
    pub(super) const ONE: Self = Self {
        bytes: 0,
        entries: 1,
    };

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            entries: self.entries.saturating_add(other.entries),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            entries: self.entries.saturating_sub(other.entries),
        }
    }
}

/// What there is, and what there may be.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) most: Amount,
    pub(super) kept: Amount,
    /// On its way.
    pub(super) coming: Amount,
    pub(super) counted: Instant,
}

/// What somebody has taken of the room; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    files: Files,
    amount: Amount,
}

impl Share {
    pub(super) fn none_of(files: &Files) -> Self {
        Self {
            files: files.clone(),
            amount: Amount::default(),
        }
    }

    /// Takes so much more.
    pub(super) fn more(&mut self, asked: Amount) -> Result<(), UploadError> {
        let mut room = self.files.room();
        if room.has_none_for(asked).is_some() && room.counted.elapsed() >= COUNT_AGAIN_AFTER {
            room.kept = measure(&self.files.dir, 0);
            room.counted = Instant::now();
        }
        if let Some(full) = room.has_none_for(asked) {
            return Err(full);
        }
        let coming = room.coming.plus(asked).bytes;
        self.files.disk.check(coming)?;
        room.coming = room.coming.plus(asked);
        self.amount = self.amount.plus(asked);
        Ok(())
    }

    /// Gives some of it back.
    pub(super) fn less(&mut self, amount: Amount) {
        self.amount = self.amount.minus(amount);
        let mut room = self.files.room();
        room.coming = room.coming.minus(amount);
    }

    /// It is kept, in the place of what was `replaced`.
    pub(super) fn keep(&mut self, replaced: Amount) {
        let amount = std::mem::take(&mut self.amount);
        let mut room = self.files.room();
        room.coming = room.coming.minus(amount);
        room.kept = room.kept.plus(amount).minus(replaced);
        self.files.disk.changed(amount.bytes, replaced.bytes);
    }

    /// Takes what another one has.
    pub(super) fn join(&mut self, mut other: Self) {
        self.amount = self.amount.plus(std::mem::take(&mut other.amount));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.less(self.amount);
    }
}

impl Space {
    fn has_none_for(&self, asked: Amount) -> Option<UploadError> {
        let all = self.kept.plus(self.coming).plus(asked);
        let full = |what, most| Some(UploadError::Full { what, most });
        if all.bytes > self.most.bytes {
            return full("bytes", self.most.bytes);
        }
        if all.entries > self.most.entries {
            return full("files and folders", self.most.entries);
        }
        None
    }
}

/// What is in `dir` and below, without what waits; what cannot be read counts nothing.
pub(super) fn measure(dir: &Dir, depth: usize) -> Amount {
    let mut all = Amount::default();
    for entry in dir.entries().into_iter().flatten().flatten() {
        let name = entry.file_name();
        if depth == 0 && name.to_str().is_some_and(|name| name.starts_with(WAITING)) {
            continue;
        }
        all = all.plus(Amount::ONE);
        match entry.metadata() {
            Ok(is) if is.is_dir() && depth < limits::MAX_UPLOAD_DEPTH => {
                if let Ok(inner) = entry.open_dir() {
                    all = all.plus(measure(&inner, depth + 1));
                }
            }
            Ok(is) if is.is_file() => all.bytes = all.bytes.saturating_add(is.len()),
            _ => {}
        }
    }
    all
}
