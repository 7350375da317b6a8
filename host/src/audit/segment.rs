//! What the writer writes at once: lines for what is pending, and where a new file has to begin.

use std::io;

use serde::Serialize;

use super::VERSION;
use super::chain::{Chain, END_BYTES};
use super::disk::Disk;
use super::files::file_name;
use super::record::{Kind, Record};
use super::resume::Position;
use super::stamp::Stamp;
use super::walk::Header;
use super::writer::Writer;

/// One write has at most this and a line: what a failed one has to repeat, and what memory it takes.
const MAX_WRITE_BYTES: usize = 1024 * 1024;

/// Lines that are written at once, to one file.
pub(super) struct Segment {
    pub(super) bytes: Vec<u8>,
    /// Where they go.
    pub(super) file: u32,
    pub(super) offset: u64,
    /// Where the log is after them.
    pub(super) next: Position,
    /// How many of what is pending they are.
    pub(super) count: usize,
    /// The files that they say are removed.
    pub(super) removed: Vec<u32>,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: Stamp,
    #[serde(flatten)]
    record: &'a Record,
}

impl<D: Disk> Writer<D> {
    /// Lines for what is pending, as many as go into one write and one file.
    pub(super) fn compose(&mut self) -> io::Result<Segment> {
        let mut segment = Segment {
            bytes: Vec::new(),
            file: self.at.file,
            offset: self.at.bytes,
            next: self.at,
            count: 0,
            removed: Vec::new(),
        };
        if segment.offset == 0 || !self.first_fits()? {
            self.begin(&mut segment)?;
        }
        for queued in &self.pending {
            let (start, before) = (segment.bytes.len(), segment.next);
            self.add(&mut segment, queued.at.into(), &queued.record)?;
            // A file has one record at least, however small it should be.
            if segment.count > 0 && segment.next.bytes > self.max_file_bytes {
                segment.bytes.truncate(start);
                segment.next = before;
                break;
            }
            segment.count += 1;
            if segment.bytes.len() >= MAX_WRITE_BYTES {
                break;
            }
        }
        Ok(segment)
    }

    fn first_fits(&self) -> io::Result<bool> {
        let Some(queued) = self.pending.front() else {
            return Ok(true);
        };
        let line = Line {
            seq: self.at.seq.saturating_add(1),
            at: queued.at.into(),
            record: &queued.record,
        };
        let bytes = serde_json::to_vec(&line)?.len() + END_BYTES;
        Ok(self.at.bytes.saturating_add(length(bytes)) <= self.max_file_bytes)
    }

    /// Begins a new file, and says in it which ones are removed.
    fn begin(&mut self, segment: &mut Segment) -> io::Result<()> {
        if segment.offset > 0 {
            segment.file = segment.file.saturating_add(1);
        }
        segment.offset = 0;
        (segment.next.file, segment.next.bytes) = (segment.file, 0);
        let header = Header {
            audit: VERSION,
            log: self.log,
            file: segment.file,
            after: self.at.seq,
            at: Stamp::now(),
            before: self.at.chain,
        };
        serde_json::to_writer(&mut segment.bytes, &header)?;
        self.end_line(segment, 0);
        for number in self.too_many() {
            let Some(last) = self.last_chain(number) else {
                break;
            };
            let what = format_args!("{} {last}", file_name(number));
            let mut record = Record::new(Kind::Rotated).what(what);
            (record.removed, record.last) = (Some(number), Some(last));
            self.add(segment, Stamp::now(), &record)?;
            segment.removed.push(number);
        }
        Ok(())
    }

    fn add(&self, segment: &mut Segment, at: Stamp, record: &Record) -> io::Result<()> {
        let start = segment.bytes.len();
        let mut seq = segment.next.seq.saturating_add(1);
        // The numbers of lines that are missing are not given again.
        seq = seq.saturating_add(record.missing.unwrap_or(0));
        serde_json::to_writer(&mut segment.bytes, &Line { seq, at, record })?;
        segment.next.seq = seq;
        self.end_line(segment, start);
        Ok(())
    }

    fn end_line(&self, segment: &mut Segment, start: usize) {
        let before = segment.next.chain;
        segment.next.chain = self.key.end_line(&mut segment.bytes, start, before);
        segment.next.bytes = segment.offset + length(segment.bytes.len());
    }

    /// The oldest files, so that with a new one there are as many as are kept.
    fn too_many(&self) -> Vec<u32> {
        let Ok(keep) = usize::try_from(self.keep_files) else {
            return Vec::new();
        };
        let many = match keep {
            0 => 0,
            keep => (self.files.len() + 1).saturating_sub(keep),
        };
        self.files.iter().take(many).copied().collect()
    }

    /// The last chain of a file, as the one after it says. A file without a successor that can be trusted is
    /// kept: nobody could tell that its removal was right.
    fn last_chain(&mut self, number: u32) -> Option<Chain> {
        let next = number.checked_add(1)?;
        if self.files.back() == Some(&number) {
            return Some(self.at.chain);
        }
        let header = self.disk.first_line(next).and_then(|line| {
            let header: Header = serde_json::from_slice(&line)?;
            let follows = self.key.follows(header.before, &line).is_some();
            let right = follows && header.file == next && header.log == self.log;
            right
                .then_some(header.before)
                .ok_or_else(|| io::Error::other("its first line was changed"))
        });
        let name = file_name(number);
        header
            .inspect_err(|error| {
                tracing::error!(
                    "{name} of the audit log is kept: {}: {error}",
                    file_name(next)
                );
            })
            .ok()
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
