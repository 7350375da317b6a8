//! One change of what is under a directory, with its books in hand: it is paid before it is made, and what
//! was paid is set against what became of it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use rustix::io::Errno;
use tokio::sync::OwnedMutexGuard;

use super::books::Books;
use super::length;
use super::measure::Size;
use super::threads::on_thread;
pub(super) use crate::limits::ENTRY_BYTES;

/// Which file, whatever its name: two names of one file have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub(super) u64);

/// What kind of thing a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    /// Devices, pipes, sockets: none of them is a file that a worker may open.
    Special,
}

/// What a name leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) links: u64,
}

/// There is no room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl From<Full> for io::Error {
    fn from(_: Full) -> Self {
        Errno::NOSPC.into()
    }
}

/// Where to write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    End,
    At(u64),
}

/// The exclusive right to change what is under a directory; where nothing can be changed, nothing.
#[derive(Debug)]
pub(super) struct Change {
    books: Option<OwnedMutexGuard<Books>>,
    limit: Size,
}

impl Change {
    /// For a directory that is read only.
    pub(super) fn none() -> Self {
        Self {
            books: None,
            limit: Size::default(),
        }
    }

    /// With the books in hand.
    pub(super) fn of(books: OwnedMutexGuard<Books>, limit: Size) -> Self {
        Self {
            books: Some(books),
            limit,
        }
    }

    /// Makes a name, which is paid for before and given back when it was not made.
    pub(super) async fn named<R, E: From<Full>>(
        &mut self,
        make: impl Future<Output = Result<R, E>>,
    ) -> Result<R, E> {
        self.charge_name()?;
        let made = make.await;
        if made.is_err() {
            self.refund_name();
        }
        made
    }

    /// Pays for what is about to be added.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Full> {
        let Some(books) = &mut self.books else {
            return Ok(());
        };
        if bytes == 0 {
            return Ok(());
        }
        let after = books.used.bytes.checked_add(bytes);
        books.used.bytes = after.filter(|sum| *sum <= self.limit.bytes).ok_or(Full)?;
        Ok(())
    }

    /// Pays for a name that is about to be made.
    pub(super) fn charge_name(&mut self) -> Result<(), Full> {
        let is_full = |books: &Books| books.used.names >= self.limit.names;
        if self.books.as_deref().is_some_and(is_full) {
            return Err(Full);
        }
        self.charge(ENTRY_BYTES)?;
        if let Some(books) = &mut self.books {
            books.used.names = books.used.names.saturating_add(1);
        }
        Ok(())
    }

    /// Gets back what was paid, or what is gone.
    pub(super) fn refund(&mut self, bytes: u64) {
        if let Some(books) = &mut self.books {
            books.used.bytes = books.used.bytes.saturating_sub(bytes);
        }
    }

    /// Gets back what was paid for a name, or one that is gone.
    pub(super) fn refund_name(&mut self) {
        self.refund(ENTRY_BYTES);
        if let Some(books) = &mut self.books {
            books.used.names = books.used.names.saturating_sub(1);
        }
    }

    /// A file was opened.
    pub(super) fn opened(&mut self, file: &Arc<File>) {
        if let Some(books) = &mut self.books {
            books.opened(file);
        }
    }

    /// A name was removed.
    pub(super) async fn removed(mut self, entry: Entry) {
        self.refund_name();
        if entry.kind != Kind::File || entry.links > 1 {
            return;
        }
        let freed = on_thread(move || {
            let kept = self
                .books
                .as_mut()
                .is_some_and(|books| books.find_nameless());
            self.refund(if kept { 0 } else { entry.size });
            Ok(())
        });
        // At worst too much stays counted.
        let _ = freed.await;
    }

    /// Writes some of `data`: all or none of what would make the file longer. Blocks.
    pub(super) fn write(&mut self, file: &File, at: Position, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let before = file.metadata()?;
        let start = match at {
            Position::End => before.len(),
            Position::At(start) => start,
        };
        let end = start.checked_add(length(data.len())).ok_or(Errno::FBIG)?;
        let growth = end.saturating_sub(before.len());
        self.charge(growth)?;
        let written = file.write_at(data, start);
        self.settle(file, &before, growth);
        written
    }

    /// Makes the file longer or shorter. Blocks.
    pub(super) fn resize(&mut self, file: &File, size: u64) -> io::Result<()> {
        let before = file.metadata()?;
        let growth = size.saturating_sub(before.len());
        self.charge(growth)?;
        let resized = file.set_len(size);
        self.settle(file, &before, growth);
        resized
    }

    /// Sets what was paid for `growth` against what the file became.
    fn settle(&mut self, file: &File, before: &Metadata, growth: u64) {
        // Without the size of the file, what was paid stays paid.
        let Ok(after) = file.metadata().map(|meta| meta.len()) else {
            return;
        };
        let Some(books) = &mut self.books else { return };
        let used = &mut books.used.bytes;
        *used = used.saturating_sub(growth);
        *used = used.saturating_add(after.saturating_sub(before.len()));
        *used = used.saturating_sub(before.len().saturating_sub(after));
        books.resized((before.dev(), before.ino()), after);
    }
}
