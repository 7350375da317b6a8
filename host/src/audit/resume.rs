//! Opening a log that may have ended in a crash, or may have been touched since: where it goes on, and what
//! has to be said about it.
//!
//! A crash leaves an unfinished line, or lines that the head does not know yet. The first is cut off, the
//! second are accepted where they chain. Everything else is tampering or a lost disk, which does not keep
//! the log from going on: whatever happens next is written down as well, after a record that says what was
//! found. Where lines are wrong in the middle, they stay as they are for whoever looks, and a new file
//! begins.

use std::io;
use std::path::PathBuf;

use super::chain::{Chain, Key};
use super::fault::{Broken, Fault, OpenError};
use super::files::{self, Dir, file_name};
use super::record::{Kind, Record};
use super::walk::{End, Head, Known, Place, Walk, read_head};

/// Where the next line goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// The number of the file.
    pub(super) file: u32,
    /// Where in the file, in bytes; 0: the file has to be begun.
    pub(super) bytes: u64,
    /// The last record.
    pub(super) seq: u64,
    /// The chain that the line follows.
    pub(super) chain: Chain,
}

/// Where the key is.
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    /// Nothing can have been there before: the key was made just now, or is shared with others.
    pub(super) is_new: bool,
}

/// What was found when a log was opened.
pub(super) struct Resumed {
    /// The name of the log.
    pub(super) log: Chain,
    pub(super) at: Position,
    /// The files that are there, in order.
    pub(super) files: Vec<u32>,
    /// What has to be written down first.
    pub(super) first: Vec<Record>,
}

/// Finds where a log goes on, and cuts off what a crash left.
///
/// # Errors
///
/// The directory cannot be read or changed, or what is there cannot be told from another's log.
pub(super) fn resume(dir: &Dir, key: &Key, key_file: &KeyFile) -> Result<Resumed, OpenError> {
    let mut files = dir.numbers().map_err(io_error(dir))?;
    let may_be_new = files.is_empty() && key_file.is_new;
    let (head, problem) = match read_head(dir, key) {
        Ok(None) if !may_be_new => (None, Some(Broken::head(Fault::HeadMissing))),
        Ok(head) => (head, None),
        Err(broken) => (None, Some(refuse(dir, broken)?)),
    };
    let mut gaps: Vec<Record> = problem.iter().map(gap).collect();
    let found = Found::read(dir, key, head.as_ref(), &files)?;
    let Some(place) = found.place.or_else(|| head.as_ref().map(place_of)) else {
        return begin_anew(dir, files, gaps, found.broken.as_ref(), key_file);
    };
    let mut at = Position {
        file: found.file,
        bytes: found.good_bytes,
        seq: place.seq,
        chain: place.chain,
    };
    if let Some(broken) = &found.broken {
        gaps.push(gap(broken));
        let known = head.as_ref().map(|head| head.file);
        let last = files.last().copied().max(known).unwrap_or(0);
        (at.file, at.bytes) = (last.saturating_add(1), 0);
    } else {
        gaps.extend(cut(dir, &found, &mut files).map_err(io_error(dir))?);
    }
    if let Some(head) = head.filter(|_| !found.met_head) {
        gaps.push(unknown_head(&head, &mut at, found.broken.is_some()));
    }
    Ok(Resumed {
        log: place.log,
        at,
        files,
        first: gaps,
    })
}

/// Nothing in the directory can be gone on with: a new log begins, unless an old one has another key.
fn begin_anew(
    dir: &Dir,
    mut files: Vec<u32>,
    mut gaps: Vec<Record>,
    broken: Option<&Broken>,
    key_file: &KeyFile,
) -> Result<Resumed, OpenError> {
    if broken.is_some() {
        return Err(OpenError::OtherKey {
            dir: dir.path().display().to_string(),
            key: key_file.path.display().to_string(),
        });
    }
    // What is there has no lines.
    for number in files.drain(..) {
        let removed = dir.remove(file_name(number).as_ref());
        removed.map_err(io_error(dir))?;
    }
    // Written at once, so that a head is there the next time: one that is missing then was removed.
    gaps.push(Record::new(Kind::Start).what("a new audit log"));
    let at = Position {
        file: 1,
        bytes: 0,
        seq: 0,
        chain: Chain::NONE,
    };
    Ok(Resumed {
        log: Chain::random().map_err(io_error(dir))?,
        at,
        files,
        first: gaps,
    })
}

fn place_of(head: &Head) -> Place {
    Place {
        log: head.log,
        seq: head.seq,
        chain: head.last,
    }
}

/// What the files say.
struct Found {
    /// After the last line that is right.
    place: Option<Place>,
    /// The file that this line is in.
    file: u32,
    good_bytes: u64,
    met_head: bool,
    broken: Option<Broken>,
    /// The last file, where something after its last whole line, or all of it, is to be cut off.
    unfinished: Option<(u32, &'static str)>,
}

/// Why something is cut off.
const TORN: &str = "an unfinished line, as a crash leaves it";
const UNKNOWN: &str = "lines that the head does not know and that do not chain: a crash leaves such, and so does somebody who puts an old head back";

impl Found {
    /// Reads what comes after the head, or everything where no head says what that is.
    fn read(dir: &Dir, key: &Key, head: Option<&Head>, files: &[u32]) -> Result<Self, OpenError> {
        let mut walk = Walk::new(dir, key);
        let mut known = head.map(|head| Known::new(head.seq, head.last, true));
        let mut found = Self {
            place: None,
            // Where there are no files, the next one is a new one.
            file: head.map_or(1, |head| head.file.saturating_add(1)),
            good_bytes: 0,
            met_head: head.is_none(),
            broken: None,
            unfinished: None,
        };
        let last = files.last().copied().unwrap_or(0);
        let from = head.map_or(0, |head| head.file).min(last);
        let files = files.iter().copied().skip_while(|number| *number < from);
        let mut due = None;
        for number in files {
            if let Some(due) = due.filter(|due| *due != number) {
                found.broken = Some(Broken::file(due, Fault::FileMissing));
                break;
            }
            due = number.checked_add(1);
            let ended = walk.file(number, |step, place| {
                // What is not met is told when everything was read.
                let _ = known.as_mut().map(|known| known.meet(&step, place));
                Ok(())
            });
            found.met_head = known.is_none_or(|known| known.is_met());
            if walk.good_bytes > 0 {
                (found.place, found.file, found.good_bytes) = (walk.place, number, walk.good_bytes);
            }
            let why = if ended.is_ok() { TORN } else { UNKNOWN };
            let broken = match ended {
                Ok(End::Whole) => continue,
                Ok(End::Unfinished) if number == last => None,
                Ok(End::Unfinished) => Some(Broken::file(number, Fault::Unfinished)),
                Err(broken) => Some(refuse(dir, broken)?),
            };
            // Nobody was told that what comes after the head is on disk, and parts of one batch get there in
            // any order.
            let may_cut = number == last && head.is_some() && found.met_head;
            found.broken = broken.filter(|_| !may_cut);
            found.unfinished = found.broken.is_none().then_some((number, why));
            break;
        }
        Ok(found)
    }
}

/// Cuts off what is unfinished. The record that says so, unless nothing was in it.
fn cut(dir: &Dir, found: &Found, files: &mut Vec<u32>) -> io::Result<Option<Record>> {
    let Some((number, why)) = found.unfinished else {
        return Ok(None);
    };
    let name = file_name(number);
    let file = dir.write(name.as_ref())?;
    let good_bytes = if number == found.file {
        found.good_bytes
    } else {
        0
    };
    let bytes = file.metadata()?.len().saturating_sub(good_bytes);
    if good_bytes > 0 {
        file.set_len(good_bytes)?;
        file.sync_all()?;
    } else {
        // A file that was only just made: it is begun again when it is needed.
        dir.remove(name.as_ref())?;
        files.retain(|file| *file != number);
    }
    let gap = Record::new(Kind::Gap)
        .what(format_args!("{bytes} bytes were cut off the end of {name}"))
        .reason(why);
    Ok((bytes > 0).then_some(gap))
}

/// What to write down about lines that the head knows and that are not there.
fn unknown_head(head: &Head, at: &mut Position, is_broken: bool) -> Record {
    let known = head.seq;
    let there = at.seq;
    if is_broken && known >= there {
        // What follows is tied to what was last known, as far as anybody knows it.
        (at.seq, at.chain) = (known, head.last);
        return Record::new(Kind::Gap).what(format_args!(
            "head.json knows records up to {known}; {there} is the last that is right"
        ));
    }
    let lost = known.saturating_sub(there);
    let reason = if lost == 0 {
        "the head is from another time than the log: one of them was replaced"
    } else {
        "lines were removed from the end of the log, or the disk lost them"
    };
    let mut gap = Record::new(Kind::Gap)
        .what(format_args!(
            "head.json knows records up to {known}; {there} is the last"
        ))
        .reason(reason);
    gap.missing = (lost > 0).then_some(lost);
    gap
}

fn gap(broken: &Broken) -> Record {
    Record::new(Kind::Gap).reason(broken)
}

/// Gives back what a log can be opened with all the same.
fn refuse(dir: &Dir, broken: Broken) -> Result<Broken, OpenError> {
    let text = dir.path().display().to_string();
    match broken.fault {
        Fault::Version(version) => Err(OpenError::Version { dir: text, version }),
        Fault::Unreadable(source) => Err(OpenError::Io {
            dir: format!("{text}, {}", broken.file.as_deref().unwrap_or(files::HEAD)),
            source,
        }),
        _ => Ok(broken),
    }
}

pub(super) fn io_error(dir: &Dir) -> impl Fn(io::Error) -> OpenError {
    let dir = dir.path().display().to_string();
    move |source| OpenError::Io {
        dir: dir.clone(),
        source,
    }
}
