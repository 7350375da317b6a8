//! What is in the folders that workers write to, as counted: one book for each folder, whatever the number
//! of instances that write to it. A file that lost its name stays in the books until nobody has it open,
//! since its bytes stay on the disk.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

use super::measure::Size;

/// Device and inode of a file or a folder.
type FileId = (u64, u64);

#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) used: Size,
    /// Every file that is open: its bytes stay on the disk until it is closed.
    open: Vec<Weak<File>>,
    /// Files that have no name any more and are still open.
    nameless: HashMap<FileId, Nameless>,
}

/// A file that only its holders keep.
#[derive(Debug)]
struct Nameless {
    size: u64,
    holders: Vec<Weak<File>>,
}

impl Books {
    /// Refunds nameless files that were closed meanwhile.
    pub(super) fn reap(&mut self) {
        let mut closed = 0_u64;
        self.nameless.retain(|_, file| {
            let open = file.holders.iter().any(|holder| holder.strong_count() > 0);
            closed = closed.saturating_add(if open { 0 } else { file.size });
            open
        });
        self.used.bytes = self.used.bytes.saturating_sub(closed);
    }

    /// Looks for open files that lost their last name; whether there is a new one.
    pub(super) fn find_nameless(&mut self) -> bool {
        let mut new = false;
        for holder in &self.open {
            let Some(file) = holder.upgrade() else {
                continue;
            };
            let Ok(meta) = file.metadata() else { continue };
            if meta.nlink() > 0 {
                continue;
            }
            let known = self
                .nameless
                .entry((meta.dev(), meta.ino()))
                .or_insert_with(|| {
                    new = true;
                    Nameless {
                        size: meta.len(),
                        holders: Vec::new(),
                    }
                });
            known.holders.push(Weak::clone(holder));
        }
        self.open.retain(|holder| holder.strong_count() > 0);
        new
    }

    /// A file was opened.
    pub(super) fn opened(&mut self, file: &Arc<File>) {
        self.open.retain(|holder| holder.strong_count() > 0);
        self.open.push(Arc::downgrade(file));
    }

    /// A file without a name may be longer or shorter than it was.
    pub(super) fn resized(&mut self, file: FileId, size: u64) {
        if let Some(file) = self.nameless.get_mut(&file) {
            file.size = size;
        }
    }
}

/// A directory with books.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) books: Arc<tokio::sync::Mutex<Books>>,
    /// Set when what was there before is in the books.
    pub(super) measured: OnceCell<()>,
}

/// The folders whose books are in use: instances that share a directory share its books.
static FOLDERS: Mutex<Option<HashMap<FileId, Weak<Folder>>>> = Mutex::new(None);

pub(super) fn shared(root: &Path) -> io::Result<Arc<Folder>> {
    let meta = std::fs::metadata(root)?;
    let key = (meta.dev(), meta.ino());
    let mut all = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_default();
    if let Some(folder) = all.get(&key).and_then(Weak::upgrade) {
        return Ok(folder);
    }
    all.retain(|_, folder| folder.strong_count() > 0);
    let folder = Arc::new(Folder::default());
    all.insert(key, Arc::downgrade(&folder));
    Ok(folder)
}
