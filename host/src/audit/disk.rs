//! What the writer needs of a disk, so that tests can have one that fails.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::files::{self, Dir, Lines, Lock, Next, file_name};

/// Files that are written at their end, one at a time.
pub(super) trait Disk: Send + 'static {
    /// Makes a file, empty even if it was there.
    fn begin(&mut self, file: u32) -> io::Result<()>;
    /// Writes at an offset, in bytes.
    fn write(&mut self, file: u32, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Waits until what was written to a file is on disk.
    fn sync(&mut self, file: u32) -> io::Result<()>;
    /// Cuts a file to a length, in bytes.
    fn cut(&mut self, file: u32, bytes: u64) -> io::Result<()>;
    /// Replaces the head.
    fn head(&mut self, head: &[u8]) -> io::Result<()>;
    /// The first line of a file, without its newline.
    fn first_line(&mut self, file: u32) -> io::Result<Vec<u8>>;
    /// Removes a file.
    fn remove(&mut self, file: u32) -> io::Result<()>;
}

/// The directory of the log.
pub(super) struct Files {
    // Declared in the order in which they go: the lock last.
    current: Option<(u32, File)>,
    dir: Dir,
    _lock: Lock,
}

impl Files {
    pub(super) fn new(dir: Dir, lock: Lock) -> Self {
        Self {
            current: None,
            dir,
            _lock: lock,
        }
    }

    fn current(&mut self, number: u32) -> io::Result<&File> {
        let current = match self.current.take() {
            Some(current) if current.0 == number => current,
            _ => (number, self.dir.write(file_name(number).as_ref())?),
        };
        Ok(&self.current.insert(current).1)
    }
}

impl Disk for Files {
    fn begin(&mut self, file: u32) -> io::Result<()> {
        self.current(file)?.set_len(0)?;
        self.dir.sync()
    }

    fn write(&mut self, file: u32, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.current(file)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, file: u32) -> io::Result<()> {
        self.current(file)?.sync_data()
    }

    fn cut(&mut self, file: u32, bytes: u64) -> io::Result<()> {
        self.current(file)?.set_len(bytes)
    }

    fn head(&mut self, head: &[u8]) -> io::Result<()> {
        self.dir.replace(files::HEAD.as_ref(), head)
    }

    fn first_line(&mut self, file: u32) -> io::Result<Vec<u8>> {
        let mut lines = Lines::new(self.dir.read(file_name(file).as_ref())?);
        match lines.next()? {
            Next::Line(line) => Ok(line.to_vec()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn remove(&mut self, file: u32) -> io::Result<()> {
        match self.dir.remove(file_name(file).as_ref()) {
            // Somebody else did what was to be done.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
