//! A folder with a few files in it.

use std::io;
use std::path::Path;

use tempfile::TempDir;

/// A folder of its own. It is deleted when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(TempDir);

impl Folder {
    /// Makes one: a text, an empty file, one that is not a text, and a folder.
    ///
    /// # Errors
    /// When the disk is full, or not to be written.
    pub(super) fn new() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        std::fs::write(dir.path().join("text.txt"), "one\ntwo\n")?;
        std::fs::write(dir.path().join("empty"), "")?;
        std::fs::write(dir.path().join("bytes.bin"), [0xff, 0x00, 0xfe, 0x80])?;
        std::fs::create_dir(dir.path().join("folder"))?;
        Ok(Self(dir))
    }

    /// Where it is on this machine.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}
