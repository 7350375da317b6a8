//! Reading a log while checking each line against the key: what opening and verifying share.

use std::io;

use serde::{Deserialize, Serialize};

use super::VERSION;
use super::chain::{Chain, Key};
use super::fault::{Broken, Fault};
use super::files::{self, Dir, Lines, Next, file_name};
use super::record::Kind;
use super::stamp::Stamp;

/// More than a head has.
const MAX_HEAD_BYTES: u64 = 1_024;

/// The first line of a file, without its chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of the format.
    pub(super) audit: u32,
    /// A random name of the log, the same in all its files.
    pub(super) log: Chain,
    /// The number of the file.
    pub(super) file: u32,
    /// The last record before this file; 0: none.
    pub(super) after: u64,
    /// When the file was begun.
    pub(super) at: Stamp,
    /// The last chain of the file before.
    pub(super) before: Chain,
}

/// How far the log has come, as `head.json` says, without its seal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) audit: u32,
    pub(super) log: Chain,
    pub(super) file: u32,
    pub(super) seq: u64,
    pub(super) last: Chain,
}

/// Reads the head and checks its seal. `None`: there is none.
pub(super) fn read_head(dir: &Dir, key: &Key) -> Result<Option<Head>, Broken> {
    let bytes = match dir.read_small(files::HEAD.as_ref(), MAX_HEAD_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(Broken::head(Fault::HeadChanged));
        }
        Err(error) => return Err(Broken::head(Fault::Unreadable(error))),
    };
    let line = bytes.strip_suffix(b"\n").unwrap_or_default();
    if !key.sealed(line) {
        return Err(Broken::head(Fault::HeadChanged));
    }
    let head: Head = serde_json::from_slice(line).map_err(|_| Broken::head(Fault::HeadChanged))?;
    match head.audit {
        VERSION => Ok(Some(head)),
        other => Err(Broken::head(Fault::Version(other))),
    }
}

/// What counts of a record for the checks.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) seq: u64,
    pub(super) at: Stamp,
    pub(super) event: String,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) lost: Option<u64>,
    #[serde(default)]
    pub(super) missing: Option<u64>,
    #[serde(default)]
    pub(super) removed: Option<u32>,
    #[serde(default)]
    pub(super) last: Option<Chain>,
}

impl Seen {
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.event == kind.label()
    }
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) log: Chain,
    pub(super) seq: u64,
    pub(super) chain: Chain,
}

/// What a walk meets.
pub(super) enum Step<'a> {
    /// A file begins.
    Header(&'a Header),
    /// A record.
    Record(&'a Seen),
}

/// How a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With a whole line.
    Whole,
    /// Within a line, or before there was one: what a crash leaves behind.
    Unfinished,
}

/// Goes through files in their order.
pub(super) struct Walk<'a> {
    dir: &'a Dir,
    key: &'a Key,
    /// After the last line that was met; `None` before the first.
    pub(super) place: Option<Place>,
    /// Where the lines that are right end in the file that was read last, in bytes.
    pub(super) good_bytes: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(dir: &'a Dir, key: &'a Key) -> Self {
        Self {
            dir,
            key,
            place: None,
            good_bytes: 0,
        }
    }

    /// Reads a file to its end, or to what is wrong. `meet` learns of each line, and where the walk is then.
    pub(super) fn file(
        &mut self,
        number: u32,
        mut meet: impl FnMut(Step<'_>, &Place) -> Result<(), Fault>,
    ) -> Result<End, Broken> {
        self.good_bytes = 0;
        let unreadable = |error| Broken::file(number, Fault::Unreadable(error));
        let file = self.dir.read(file_name(number).as_ref());
        let mut lines = Lines::new(file.map_err(unreadable)?);
        loop {
            let first = lines.number == 0;
            let line = match lines.next().map_err(unreadable)? {
                Next::Line(line) => line,
                Next::End if first => return Ok(End::Unfinished),
                Next::End => return Ok(End::Whole),
                Next::Unfinished => return Ok(End::Unfinished),
                Next::TooLong => return Err(Broken::line(number, lines.number, Fault::TooLong)),
            };
            let (seq, met) = match first {
                true => (None, self.header(number, line, &mut meet)),
                false => self.record(line, &mut meet),
            };
            if let Err(fault) = met {
                let mut broken = Broken::line(number, lines.number, fault);
                broken.seq = seq;
                return Err(broken);
            }
            self.good_bytes = lines.offset;
        }
    }

    fn header(
        &mut self,
        number: u32,
        line: &[u8],
        meet: &mut impl FnMut(Step<'_>, &Place) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let header: Header = serde_json::from_slice(line).map_err(|_| Fault::NotALine)?;
        if header.audit != VERSION {
            return Err(Fault::Version(header.audit));
        }
        let chain = self
            .key
            .follows(header.before, line)
            .ok_or(Fault::Changed)?;
        if header.file != number {
            return Err(Fault::OtherFile(header.file));
        }
        if let Some(place) = &self.place {
            if header.log != place.log {
                return Err(Fault::OtherLog);
            }
            if header.before != place.chain || header.after != place.seq {
                return Err(Fault::NotNext);
            }
        }
        let place = Place {
            log: header.log,
            seq: header.after,
            chain,
        };
        self.place = Some(place);
        meet(Step::Header(&header), &place)
    }

    /// The number that the line says, and whether it is right.
    fn record(
        &mut self,
        line: &[u8],
        meet: &mut impl FnMut(Step<'_>, &Place) -> Result<(), Fault>,
    ) -> (Option<u64>, Result<(), Fault>) {
        let Some(mut place) = self.place else {
            return (None, Err(Fault::NotALine));
        };
        let seen: Option<Seen> = serde_json::from_slice(line).ok();
        let seq = seen.as_ref().map(|seen| seen.seq);
        let due = place.seq.saturating_add(1);
        let Some(chain) = self.key.follows(place.chain, line) else {
            let fault = match seq {
                Some(found) if found != due => Fault::OutOfOrder { due, found },
                _ => Fault::Changed,
            };
            return (seq, Err(fault));
        };
        let Some(seen) = seen else {
            return (None, Err(Fault::NotALine));
        };
        // Only the log itself may say that numbers are missing: see `Record::without_claims`.
        let due = due.saturating_add(seen.missing.unwrap_or(0));
        if seen.seq != due {
            let found = seen.seq;
            return (seq, Err(Fault::OutOfOrder { due, found }));
        }
        (place.seq, place.chain) = (seen.seq, chain);
        self.place = Some(place);
        (seq, meet(Step::Record(&seen), &place))
    }
}

/// A line of the log that somebody knows from elsewhere: its head, or a checkpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) seq: u64,
    pub(super) chain: Chain,
    /// Whether a record that says that the line is missing will do.
    pub(super) may_be_missing: bool,
    met: bool,
}

impl Known {
    pub(super) const fn new(seq: u64, chain: Chain, may_be_missing: bool) -> Self {
        Self {
            seq,
            chain,
            may_be_missing,
            met: false,
        }
    }

    pub(super) const fn is_met(&self) -> bool {
        self.met
    }

    /// Compares a step of a walk. `false`: another line has the number.
    pub(super) fn meet(&mut self, step: &Step<'_>, place: &Place) -> bool {
        let (seq, chain, missing) = match step {
            Step::Header(header) => (header.after, header.before, 0),
            Step::Record(seen) => (seen.seq, place.chain, seen.missing.unwrap_or(0)),
        };
        if self.met || seq < self.seq {
            return true;
        }
        let declared =
            self.may_be_missing && seq.saturating_sub(missing) <= self.seq && seq > self.seq;
        self.met = (seq == self.seq && chain == self.chain) || declared;
        self.met
    }
}
