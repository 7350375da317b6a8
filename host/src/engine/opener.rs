//! Who opens devices and folders for guests.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

type OpenDevice = dyn Fn(&Path) -> io::Result<OwnedFd> + Send + Sync;
type OpenFolder = dyn Fn(&Path, bool) -> Option<io::Result<OwnedFd>> + Send + Sync;

/// Opens devices and folders where this process may not; it may block. By default nobody does.
///
/// A confined process asks who keeps it, which decides once more.
#[derive(Clone, Default)]
pub struct Opener {
    device: Option<Arc<OpenDevice>>,
    folder: Option<Arc<OpenFolder>>,
}

impl Opener {
    /// One that opens devices as `open` does.
    pub fn new(open: impl Fn(&Path) -> io::Result<OwnedFd> + Send + Sync + 'static) -> Self {
        Self {
            device: Some(Arc::new(open)),
            folder: None,
        }
    }

    /// The same, which opens folders as `open` does: those that are written, if that is said. None: this
    /// process may open it itself.
    #[must_use]
    pub fn with_folders(
        mut self,
        open: impl Fn(&Path, bool) -> Option<io::Result<OwnedFd>> + Send + Sync + 'static,
    ) -> Self {
        self.folder = Some(Arc::new(open));
        self
    }

    /// The device at `path`; none: nobody opens any.
    pub fn open(&self, path: &Path) -> Option<io::Result<OwnedFd>> {
        self.device.as_ref().map(|open| open(path))
    }

    /// The folder at `path`, which is written, if that is said; none: this process has to open it.
    pub fn open_folder(&self, path: &Path, is_written: bool) -> Option<io::Result<OwnedFd>> {
        self.folder.as_ref().and_then(|open| open(path, is_written))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("device", &self.device.is_some())
            .field("folder", &self.folder.is_some())
            .finish()
    }
}
