//! Whether a log is whole: what an operator runs, with the key and a checkpoint that was kept elsewhere.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::chain::{Chain, Key};
use super::fault::{Broken, Fault};
use super::files::Dir;
use super::record::Kind;
use super::stamp::Stamp;
use super::walk::{End, Head, Known, Place, Seen, Step, Walk, read_head};

/// What a checkpoint begins with: what it is, and the version.
const CHECKPOINT: &str = "ewh-audit-1";
/// Of gaps that are told; more are counted.
const MAX_GAPS: usize = 100;

/// What a log was at one time, on one line of text. Kept where nobody who can write the log can change it,
/// it shows whether the log was truncated, replaced by an older copy or written anew since, even by somebody
/// who has the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    seq: u64,
    chain: Chain,
}

/// A text that is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the checkpoint cannot be read. It is one line: {CHECKPOINT}, a number and a hash of 64 digits; copy it whole"
)]
pub struct NotACheckpoint;

impl Checkpoint {
    /// The last record at that time.
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

#[cfg(test)]
impl Checkpoint {
    pub(super) const fn from_parts(seq: u64, chain: Chain) -> Self {
        Self { seq, chain }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CHECKPOINT} {} {}", self.seq, self.chain)
    }
}

impl FromStr for Checkpoint {
    type Err = NotACheckpoint;

    fn from_str(text: &str) -> Result<Self, NotACheckpoint> {
        let mut words = text.split_whitespace();
        let (name, seq, chain) = (words.next(), words.next(), words.next());
        if name != Some(CHECKPOINT) || words.next().is_some() {
            return Err(NotACheckpoint);
        }
        let seq = seq.and_then(|seq| seq.parse().ok()).ok_or(NotACheckpoint)?;
        let chain = chain.and_then(|chain| chain.parse().ok());
        let chain = chain.ok_or(NotACheckpoint)?;
        Ok(Self { seq, chain })
    }
}

/// A record of the log that says that something is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Its number.
    pub seq: u64,
    /// When it was written.
    pub at: Stamp,
    /// Records that never reached the log.
    pub lost: u64,
    /// Lines that were there and were gone when the log was opened.
    pub missing: u64,
    /// Why.
    pub reason: String,
}

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The number of the first record that is there.
    pub first_seq: u64,
    /// The number of the last one.
    pub last_seq: u64,
    /// When the first record was made.
    pub first_at: Stamp,
    /// When the last one was.
    pub last_at: Stamp,
    /// How many files there are.
    pub files: usize,
    /// How many records there are.
    pub records: u64,
    /// What the log itself says is missing, at most the first 100. An operator has to look at each: lines
    /// that are missing were removed while nobody wrote, or the disk lost them.
    pub gaps: Vec<Gap>,
    /// How many gaps there are.
    pub gap_count: u64,
    /// How often the clock was set back between two records.
    pub clock_set_back: u64,
    /// Whether the last line is not whole: a crash left it, or it is being written now.
    pub unfinished: bool,
    /// What to keep elsewhere for the next time.
    pub checkpoint: Checkpoint,
}

/// Reads the whole log and checks everything that can be checked with the key, and with `checkpoint` also
/// that it is what it was then.
///
/// The log may be written meanwhile. A file that the log removes meanwhile cannot be read; trying again
/// helps.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn verify(dir: &Path, key: &Key, checkpoint: Option<&Checkpoint>) -> Result<Verified, Broken> {
    let unreadable = |error| Broken::log(Fault::Unreadable(error));
    let dir = Dir::open(dir).map_err(unreadable)?;
    // The head first: what is written meanwhile comes after it.
    let head = read_head(&dir, key);
    let numbers = dir.numbers().map_err(unreadable)?;
    let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
        return Err(match head {
            Ok(None) => Broken::log(Fault::NoLog),
            Ok(Some(head)) => truncated(&head, 0),
            Err(broken) => broken,
        });
    };
    let mut walk = Walk::new(&dir, key);
    let mut check = Check::new(
        first,
        head.as_ref().ok().and_then(Option::as_ref),
        checkpoint,
    );
    for (number, due) in numbers.iter().copied().zip(first..) {
        if number != due {
            return Err(Broken::file(due, Fault::FileMissing));
        }
        let ended = walk.file(number, |step, place| check.step(&step, place));
        let ended =
            ended.map_err(|broken| blame(broken, walk.place.is_none(), head.as_ref().err()))?;
        if ended == End::Unfinished {
            if number != last {
                let fault = if walk.good_bytes == 0 {
                    Fault::Empty
                } else {
                    Fault::Unfinished
                };
                return Err(Broken::file(number, fault));
            }
            check.unfinished = true;
        }
    }
    let head = head?.ok_or_else(|| Broken::head(Fault::HeadMissing))?;
    check.finish(&head, walk.place, numbers.len())
}

/// A first line that does not fit the key, where the head does not either, is no line that was changed.
fn blame(broken: Broken, is_first: bool, head: Option<&Broken>) -> Broken {
    let head_too = head.is_some_and(|head| matches!(head.fault, Fault::HeadChanged));
    if is_first && head_too && matches!(broken.fault, Fault::Changed) {
        return Broken::log(Fault::OtherKey);
    }
    broken
}

fn truncated(head: &Head, last: u64) -> Broken {
    let known = head.seq;
    Broken::log(Fault::Truncated { known, last })
}

/// What is looked at on the way.
struct Check {
    /// Files before the first, until a record says that they were removed.
    unexplained: Option<(u32, Chain)>,
    /// The number of the first file.
    first_file: u32,
    log: Option<Chain>,
    head_log: Option<Chain>,
    head: Option<Known>,
    checkpoint: Option<Known>,
    first: Option<(u64, Stamp)>,
    last_at: Option<Stamp>,
    records: u64,
    gaps: Vec<Gap>,
    gap_count: u64,
    clock_set_back: u64,
    unfinished: bool,
}

impl Check {
    fn new(first_file: u32, head: Option<&Head>, checkpoint: Option<&Checkpoint>) -> Self {
        Self {
            unexplained: None,
            first_file,
            log: None,
            head_log: head.map(|head| head.log),
            head: head.map(|head| Known::new(head.seq, head.last, true)),
            checkpoint: checkpoint.map(|point| Known::new(point.seq, point.chain, false)),
            first: None,
            last_at: None,
            records: 0,
            gaps: Vec::new(),
            gap_count: 0,
            clock_set_back: 0,
            unfinished: false,
        }
    }

    fn step(&mut self, step: &Step<'_>, place: &Place) -> Result<(), Fault> {
        let is_first = self.log.is_none();
        match step {
            Step::Header(header) if is_first => {
                self.log = Some(place.log);
                if self.head_log.is_some_and(|log| log != place.log) {
                    return Err(Fault::OtherLog);
                }
                self.unexplained = header.file.checked_sub(1).map(|file| (file, header.before));
                if self.first_file == 1 {
                    self.unexplained = None;
                    if header.before != Chain::NONE || header.after != 0 {
                        return Err(Fault::NotNext);
                    }
                }
            }
            Step::Header(_) => {}
            Step::Record(seen) => self.record(seen),
        }
        if let Some(known) = &mut self.head
            && !known.meet(step, place)
        {
            return Err(if is_first {
                Fault::HeadTooOld
            } else {
                Fault::NotTheHeads
            });
        }
        if let Some(known) = &mut self.checkpoint
            && !known.meet(step, place)
        {
            return Err(match is_first && place.seq > known.seq {
                true => Fault::CheckpointTooOld(known.seq),
                false => Fault::NotTheCheckpoints,
            });
        }
        Ok(())
    }

    fn record(&mut self, seen: &Seen) {
        self.records += 1;
        self.first.get_or_insert((seen.seq, seen.at));
        self.clock_set_back += u64::from(self.last_at.is_some_and(|last| seen.at < last));
        self.last_at = Some(seen.at);
        let removed = seen.removed.zip(seen.last);
        if removed.is_some() && removed == self.unexplained {
            self.unexplained = None;
        }
        if !seen.is(Kind::Gap) {
            return;
        }
        self.gap_count += 1;
        if self.gaps.len() < MAX_GAPS {
            self.gaps.push(Gap {
                seq: seen.seq,
                at: seen.at,
                lost: seen.lost.unwrap_or(0),
                missing: seen.missing.unwrap_or(0),
                reason: seen.reason.clone().unwrap_or_default(),
            });
        }
    }

    fn finish(self, head: &Head, place: Option<Place>, files: usize) -> Result<Verified, Broken> {
        let last = place.map_or(0, |place| place.seq);
        if self.head.is_some_and(|head| !head.is_met()) {
            return Err(truncated(head, last));
        }
        if let Some(known) = self.checkpoint.filter(|known| !known.is_met()) {
            let known = known.seq;
            return Err(Broken::log(Fault::BeforeCheckpoint { known, last }));
        }
        if self.unexplained.is_some() {
            return Err(Broken::file(self.first_file, Fault::OldestMissing));
        }
        let (Some(place), Some((first_seq, first_at)), Some(last_at)) =
            (place, self.first, self.last_at)
        else {
            return Err(Broken::file(self.first_file, Fault::Empty));
        };
        Ok(Verified {
            first_seq,
            last_seq: place.seq,
            first_at,
            last_at,
            files,
            records: self.records,
            gaps: self.gaps,
            gap_count: self.gap_count,
            clock_set_back: self.clock_set_back,
            unfinished: self.unfinished,
            checkpoint: Checkpoint {
                seq: place.seq,
                chain: place.chain,
            },
        })
    }
}
