//! The one thread that writes.
//!
//! It takes what waits as one batch, writes it with one write, waits for the disk, and then tells the head.
//! What cannot be written stays and is tried again; nothing of it remains in the file meanwhile.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::chain::{Chain, Key};
use super::disk::Disk;
use super::files::file_name;
use super::queue::{Done, Queue, Queued};
use super::resume::Position;
use super::segment::Segment;
use super::walk::Head;
use super::{AppendError, VERSION};

/// Long enough for a disk to be made room on, short enough to be waited for.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Writer<D> {
    pub(super) queue: std::sync::Arc<Queue>,
    pub(super) disk: D,
    pub(super) key: Key,
    pub(super) log: Chain,
    pub(super) max_file_bytes: u64,
    /// 0: all.
    pub(super) keep_files: u32,
    /// The files that are there, in order.
    pub(super) files: VecDeque<u32>,
    pub(super) at: Position,
    /// Taken from the queue, not written.
    pub(super) pending: VecDeque<Queued>,
    pub(super) dirty: Dirty,
}

/// What failed before and has to be made good.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    /// A file may have more than what counts: what a write left that failed.
    file: Option<u32>,
    /// The head lags.
    head: bool,
}

/// Says that the writer is gone, however it went.
struct EndOnDrop(std::sync::Arc<Queue>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<D: Disk> Writer<D> {
    /// Writes until the queue is closed.
    pub(super) fn run(mut self) {
        let _end = EndOnDrop(std::sync::Arc::clone(&self.queue));
        loop {
            let last = self.queue.take(&mut self.pending, self.dirty.head);
            match self.write() {
                Ok(()) => self.recover(),
                Err(error) => self.fail(&error, last),
            }
            if last {
                return;
            }
            if self.queue.health().is_err() {
                self.queue.pause(RETRY_PAUSE);
            }
        }
    }

    /// Writes what is pending.
    fn write(&mut self) -> io::Result<()> {
        self.clean()?;
        while !self.pending.is_empty() {
            let segment = self.compose()?;
            let written = self.put(&segment);
            if written.is_err() {
                self.dirty.file = Some(segment.file);
                // At once: a process that is killed now leaves no part of a line. `write` tries again.
                let _ = self.clean();
            }
            written?;
            let told = self.commit(&segment);
            let head = self.write_head();
            if head.is_ok() {
                // Before anybody is told: they may ask how the log is.
                self.recover();
            }
            // Whatever the head is: it is on disk. After the head, so that from now on its removal shows.
            told.into_iter().for_each(|done| done(Ok(())));
            head?;
            self.remove(&segment.removed);
        }
        if self.dirty.head {
            self.write_head()
        } else {
            Ok(())
        }
    }

    /// Cuts off what a failed write left, also where the next one would write over it: it may be shorter.
    fn clean(&mut self) -> io::Result<()> {
        let Some(file) = self.dirty.file else {
            return Ok(());
        };
        let whole = if file == self.at.file {
            self.at.bytes
        } else {
            0
        };
        self.disk.cut(file, whole)?;
        self.dirty.file = None;
        Ok(())
    }

    fn put(&mut self, segment: &Segment) -> io::Result<()> {
        if segment.offset == 0 {
            self.disk.begin(segment.file)?;
        }
        self.disk
            .write(segment.file, segment.offset, &segment.bytes)?;
        self.disk.sync(segment.file)
    }

    /// What was written counts. Those who have to be told so are returned.
    fn commit(&mut self, segment: &Segment) -> Vec<Done> {
        if segment.offset == 0 {
            self.files.push_back(segment.file);
        }
        self.at = segment.next;
        self.dirty.head = true;
        let count = segment.count.min(self.pending.len());
        self.queue.release(self.pending.iter().take(count));
        let written = self.pending.drain(..count);
        written.filter_map(|queued| queued.done).collect()
    }

    fn recover(&self) {
        if self.queue.recover() {
            tracing::info!("the audit log is written again");
        }
    }

    fn write_head(&mut self) -> io::Result<()> {
        if self.at.bytes == 0 {
            // No file is begun that it could speak of.
            self.dirty.head = false;
            return Ok(());
        }
        let head = Head {
            audit: VERSION,
            log: self.log,
            file: self.at.file,
            seq: self.at.seq,
            last: self.at.chain,
        };
        let mut bytes = serde_json::to_vec(&head)?;
        self.key.end_head(&mut bytes);
        self.disk.head(&bytes)?;
        self.dirty.head = false;
        Ok(())
    }

    /// Removes files whose removal is written down. One that stays is tried again with the next.
    fn remove(&mut self, numbers: &[u32]) {
        for number in numbers {
            match self.disk.remove(*number) {
                Ok(()) => self.files.retain(|file| file != number),
                Err(error) => {
                    let name = file_name(*number);
                    tracing::error!("{name} of the audit log cannot be removed: {error}");
                }
            }
        }
    }

    /// What is pending stays, but for what somebody waits for: they are told, and it never happened.
    fn fail(&mut self, error: &io::Error, last: bool) {
        let why = error.to_string();
        if self.queue.fail(&why) {
            tracing::error!("the audit log cannot be written: {why}. It is tried again");
        }
        // Where nothing else is left to try, the head shows when the disk works again.
        self.dirty.head = true;
        let all = std::mem::take(&mut self.pending);
        let (told, kept): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|queued| queued.done.is_some());
        self.pending = kept;
        self.queue.release(told.iter());
        for done in told.into_iter().filter_map(|queued| queued.done) {
            done(Err(AppendError::Failed(why.clone())));
        }
        if last && !self.pending.is_empty() {
            let lost = self.pending.len();
            tracing::error!("the audit log loses {lost} records that could not be written: {why}");
        }
    }
}
