//! Removes a tree that a guest made, which may be deeper than a stack, a path or the descriptors of this
//! process: it is gone down and up again with two folders open at most.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat, unlinkat};
use rustix::io::Errno;

/// A folder on the way down: what it is, and the name in it that was followed.
struct Above {
    id: Id,
    name: CString,
}

/// Device and inode.
type Id = (u64, u64);

/// Removes the folder `root` with all in it; links are removed and not followed. Blocks.
///
/// # Errors
/// When something cannot be removed, or others go on changing it.
pub fn remove_tree(root: &Path) -> io::Result<()> {
    let mut folder = open(CWD, root)?;
    let mut above = Vec::new();
    loop {
        if let Some(name) = empty(&folder)? {
            let below = open(&folder, &name)?;
            let id = id(&folder)?;
            above.push(Above { id, name });
            folder = below;
        } else if let Some(Above { id: parent, name }) = above.pop() {
            folder = open(&folder, c"..")?;
            if id(&folder)? != parent {
                // Somebody moved it: this is no way up.
                return Err(Errno::STALE.into());
            }
            remove(&folder, &name, AtFlags::REMOVEDIR)?;
        } else {
            return std::fs::remove_dir(root);
        }
    }
}

/// Removes what is in `folder`, up to a folder that has something in it: its name.
fn empty(folder: &OwnedFd) -> io::Result<Option<CString>> {
    loop {
        let mut is_empty = true;
        for entry in Dir::new(open(folder, c".")?)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            is_empty = false;
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => {
                    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                known => known,
            };
            if kind != FileType::Directory {
                remove(folder, name, AtFlags::empty())?;
            } else if !remove(folder, name, AtFlags::REMOVEDIR)? {
                return Ok(Some(name.to_owned()));
            }
        }
        if is_empty {
            return Ok(None);
        }
    }
}

/// Whether it is gone: a folder with something in it stays.
fn remove(at: &OwnedFd, name: &CStr, flags: AtFlags) -> io::Result<bool> {
    match unlinkat(at, name, flags) {
        // Others may have removed it.
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn id(folder: &OwnedFd) -> io::Result<Id> {
    let stat = fstat(folder)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn open(at: impl AsFd, path: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::mkdirat;

    use super::*;

    #[test]
    fn all_of_it_goes_and_nothing_that_links_lead_to() {
        let root = tempfile::tempdir().unwrap();
        let (tree, other) = (root.path().join("tree"), root.path().join("other"));
        std::fs::create_dir_all(tree.join("a/b/c")).unwrap();
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("kept"), "").unwrap();
        symlink(&other, tree.join("a/link")).unwrap();
        symlink(&other, tree.join("link")).unwrap();
        for n in 0..300 {
            std::fs::write(tree.join("a/b").join(n.to_string()), "").unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists() && other.join("kept").exists());
        remove_tree(&tree).unwrap_err();
    }

    #[test]
    fn what_is_no_folder_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("other")).unwrap();
        symlink("other", root.path().join("link")).unwrap();
        remove_tree(&root.path().join("link")).unwrap_err();
        assert!(root.path().join("other").exists());
    }

    /// Deeper than a path can say, and than a process has descriptors.
    #[test]
    fn depth_takes_neither_a_stack_nor_descriptors() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        let mut at = open(CWD, &tree).unwrap();
        for _ in 0..2_500 {
            mkdirat(&at, c"d", Mode::RWXU).unwrap();
            at = open(&at, c"d").unwrap();
        }
        drop(at);
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
