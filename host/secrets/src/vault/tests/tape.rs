//! What was done to a disk, in order, so that tests can stop it anywhere and see what a crash may have left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One change, about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::vault) enum Op {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    SyncFile(PathBuf),
    Rename(PathBuf, PathBuf),
    MakeDir(PathBuf),
    Remove(PathBuf),
    RemoveDir(PathBuf),
    SyncDir(PathBuf),
}

/// The changes of a vault so far, and how many more may be made.
#[derive(Debug, Clone, Default)]
pub(in crate::vault) struct Tape(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    ops: Vec<Op>,
    left: Option<usize>,
}

impl Tape {
    pub(in crate::vault) fn step(&self, op: Op) -> io::Result<()> {
        let mut recorded = self.0.lock().unwrap();
        match &mut recorded.left {
            Some(0) => return Err(io::Error::other("the disk is gone")),
            Some(left) => *left -= 1,
            None => {}
        }
        recorded.ops.push(op);
        Ok(())
    }

    /// From now on only so many changes succeed.
    pub(super) fn allow(&self, left: Option<usize>) {
        self.0.lock().unwrap().left = left;
    }

    /// What was done since this was asked last.
    pub(super) fn take(&self) -> Vec<Op> {
        std::mem::take(&mut self.0.lock().unwrap().ops)
    }
}

/// What becomes of bytes that nobody waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsynced {
    Whole,
    Half,
    Empty,
}

/// Every disk that a crash during `ops` may leave of a copy of `before`, one after another, for `check`, which learns
/// how many changes were begun.
///
/// The model is what POSIX promises, in the order in which changes were made: of the names in a directory those survive
/// that were changed before the directory was waited for, and of later ones all or none, each directory by itself. The
/// bytes of a file survive by themselves, and surely only once they were waited for.
pub(super) fn crashes(before: &Path, ops: &[Op], mut check: impl FnMut(usize, &Path)) {
    for begun in 0..=ops.len() {
        let ops = &ops[..begun];
        let unsure: BTreeSet<&Path> = ops
            .iter()
            .enumerate()
            .filter(|(at, op)| !is_sure(*at, op, ops))
            .filter_map(|(_, op)| op.directory())
            .collect();
        for choice in 0..1_u32 << unsure.len() {
            let is_chosen = |(at, _): &(usize, &&Path)| choice >> at & 1 != 0;
            let chosen = unsure.iter().enumerate().filter(is_chosen);
            let chosen: BTreeSet<&Path> = chosen.map(|(_, path)| *path).collect();
            for unsynced in [Unsynced::Whole, Unsynced::Half, Unsynced::Empty] {
                let dir = crate::testing::dir();
                copy(before, dir.path());
                let survives = |at: usize, op: &Op| {
                    is_sure(at, op, ops) || op.directory().is_some_and(|dir| chosen.contains(dir))
                };
                replay(before, dir.path(), ops, survives, unsynced);
                check(begun, dir.path());
            }
        }
    }
}

/// Whether the directory was waited for after a change of its names.
fn is_sure(at: usize, op: &Op, ops: &[Op]) -> bool {
    let is_wait = |later: &Op| matches!(later, Op::SyncDir(dir) if op.directory() == Some(dir));
    ops[at..].iter().any(is_wait)
}

impl Op {
    /// The directory whose names it changes.
    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Create(path) | Self::Rename(path, _) | Self::MakeDir(path) => path.parent(),
            Self::Remove(path) | Self::RemoveDir(path) => path.parent(),
            Self::Write(..) | Self::SyncFile(_) | Self::SyncDir(_) => None,
        }
    }
}

fn replay(
    from: &Path,
    to: &Path,
    ops: &[Op],
    survives: impl Fn(usize, &Op) -> bool,
    unsynced: Unsynced,
) {
    let place = |path: &Path| to.join(path.strip_prefix(from).unwrap());
    // The bytes that each file has in the end, by the name that it was made with.
    let mut bytes = BTreeMap::new();
    for op in ops {
        match op {
            Op::Create(path) => drop(bytes.insert(path, Vec::new())),
            Op::Write(path, written) => {
                let left = match unsynced {
                    Unsynced::Whole => written.len(),
                    Unsynced::Half => written.len() / 2,
                    Unsynced::Empty => 0,
                };
                bytes.insert(path, written[..left].to_vec());
            }
            _ => {}
        }
    }
    for (at, op) in ops.iter().enumerate() {
        let Op::SyncFile(path) = op else { continue };
        // The last one before counts: a name may be used again.
        let written = ops[..at].iter().rev().find_map(|op| match op {
            Op::Write(other, written) if other == path => Some(written.clone()),
            _ => None,
        });
        bytes.insert(path, written.unwrap());
    }
    for (at, op) in ops.iter().enumerate() {
        // What was in a directory that did not survive is gone with it.
        let is_there = |path: &PathBuf| place(path).parent().is_some_and(Path::exists);
        if !survives(at, op) {
            continue;
        }
        match op {
            Op::Create(path) if is_there(path) => fs::write(place(path), &bytes[path]).unwrap(),
            Op::Rename(old, new) => fs::rename(place(old), place(new)).unwrap(),
            Op::MakeDir(path) => fs::create_dir(place(path)).unwrap(),
            Op::Remove(path) if is_there(path) => fs::remove_file(place(path)).unwrap(),
            Op::RemoveDir(path) => fs::remove_dir_all(place(path)).unwrap(),
            _ => {}
        }
    }
}

/// Copies a directory into one that is there.
pub(super) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
