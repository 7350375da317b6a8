//! Showing and exporting what a log says. No key is needed, so that nothing is checked: `verify` does that.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::files::{Dir, Lines, Next, file_name};
use super::record::{Kind, Record};
use super::stamp::Stamp;

/// What spreadsheets take for the beginning of a formula.
const FORMULAS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Which records are wanted: those that all of it fits.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Not before this.
    pub since: Option<Stamp>,
    /// Before this.
    pub until: Option<Stamp>,
    /// One of these kinds; none: any.
    pub kinds: Vec<Kind>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of the instance with this uuid.
    pub instance: Option<String>,
    /// With a smaller number than this.
    pub before: Option<u64>,
    /// Of those that fit, only so many of the last. They are held in memory, at most 8 KiB each.
    pub last: Option<usize>,
}

impl Filter {
    fn fits(&self, entry: &Entry) -> bool {
        let record = &entry.record;
        self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.before.is_none_or(|before| entry.seq < before)
            && (self.kinds.is_empty() || self.kinds.contains(&record.event))
            && is(self.tenant.as_deref(), record.tenant.as_deref())
            && is(self.instance.as_deref(), record.instance.as_deref())
    }
}

fn is(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none() || wanted == found
}

/// A record, with what the log says of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Its number. The order of numbers is the order of events.
    pub seq: u64,
    /// When it was made, by the wall clock.
    pub at: Stamp,
    /// What it says.
    #[serde(flatten)]
    pub record: Record,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    json: String,
    /// What it says.
    pub entry: Entry,
}

impl Line {
    /// The columns of [`Line::csv`].
    pub const CSV_HEADER: &'static str =
        "seq,at,event,by,tenant,module,instance,who,what,reason,more,lost,missing";

    /// The line as it is in the file, without its newline.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The line as a row of RFC 4180, without its end. Nothing in it is a formula to a spreadsheet.
    pub fn csv(&self) -> String {
        let Entry { seq, at, record } = &self.entry;
        let mut row = format!("{seq},{at},{},{}", record.event, record.by.label());
        let texts = [
            &record.tenant,
            &record.module,
            &record.instance,
            &record.who,
            &record.what,
            &record.reason,
        ];
        for text in texts {
            row.push(',');
            push_csv(&mut row, text.as_deref().unwrap_or_default());
        }
        for number in [record.more, record.lost, record.missing] {
            row.push(',');
            if let Some(number) = number {
                // Writing to a string does not fail.
                let _ = write!(row, "{number}");
            }
        }
        row
    }
}

fn push_csv(row: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    row.push('"');
    if text.trim_start().starts_with(FORMULAS) {
        row.push('\'');
    }
    row.push_str(&text.replace('"', "\"\""));
    row.push('"');
}

/// Why something cannot be read. What comes after it may be readable.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The directory or a file.
    #[error("{path} cannot be read: {source}. Check the path and who may read it")]
    Io {
        /// Which one.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A line is no record.
    #[error("{file}, line {line}: it is no record that this program knows. Verify the log")]
    Line {
        /// The name of the file.
        file: String,
        /// The line in it, from 1.
        line: u64,
    },
}

/// Reads the records that fit, oldest first.
///
/// The log may be written meanwhile; a file that it removes meanwhile is left out.
///
/// # Errors
///
/// The directory cannot be read, or, with [`Filter::last`], a file.
pub fn read(dir: &Path, filter: Filter) -> Result<Records, ReadError> {
    let failed = |source| ReadError::Io {
        path: dir.display().to_string(),
        source,
    };
    let dir = Dir::open(dir).map_err(failed)?;
    let files: VecDeque<u32> = dir.numbers().map_err(failed)?.into();
    let last = filter.last;
    let mut records = Records {
        dir,
        filter,
        files,
        lines: None,
        found: VecDeque::new(),
    };
    if let Some(last) = last {
        records.keep_last(last);
    }
    Ok(records)
}

/// The records of a log that fit a [`Filter`].
pub struct Records {
    dir: Dir,
    filter: Filter,
    /// Files that are not begun.
    files: VecDeque<u32>,
    /// The file that is read.
    lines: Option<(u32, Lines)>,
    /// What was read already.
    found: VecDeque<Result<Line, ReadError>>,
}

impl Records {
    /// Reads backward, file by file, until there are as many as are wanted.
    fn keep_last(&mut self, wanted: usize) {
        let mut files = std::mem::take(&mut self.files);
        let mut all = VecDeque::new();
        while let Some(number) = files.pop_back().filter(|_| all.len() < wanted) {
            self.files.push_back(number);
            let mut found = VecDeque::new();
            while let Some(line) = self.read_next() {
                found.push_back(line);
                if all.len() + found.len() > wanted {
                    found.pop_front();
                }
            }
            found.append(&mut all);
            all = found;
        }
        self.found = all;
    }

    fn read_next(&mut self) -> Option<Result<Line, ReadError>> {
        loop {
            let (number, lines) = match &mut self.lines {
                Some((number, lines)) => (*number, lines),
                none => match open(&self.dir, self.files.pop_front()?) {
                    Ok(None) => continue,
                    Ok(Some(opened)) => {
                        let (number, lines) = none.insert(opened);
                        (*number, lines)
                    }
                    Err(error) => return Some(Err(error)),
                },
            };
            let next = lines.next();
            let line = match next {
                Ok(Next::Line(line)) => line.to_vec(),
                Ok(Next::End | Next::Unfinished) => {
                    self.lines = None;
                    continue;
                }
                Ok(Next::TooLong) => {
                    let error = no_record(number, lines.number);
                    self.lines = None;
                    return Some(Err(error));
                }
                Err(source) => {
                    self.lines = None;
                    return Some(Err(io_failed(number, source)));
                }
            };
            let is_header = lines.number == 1;
            match parse(line) {
                _ if is_header => {}
                Some(line) if !self.filter.fits(&line.entry) => {}
                Some(line) => return Some(Ok(line)),
                None => return Some(Err(no_record(number, lines.number))),
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Line, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.found.pop_front().or_else(|| self.read_next())
    }
}

fn open(dir: &Dir, number: u32) -> Result<Option<(u32, Lines)>, ReadError> {
    match dir.read(file_name(number).as_ref()) {
        Ok(file) => Ok(Some((number, Lines::new(file)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_failed(number, error)),
    }
}

fn parse(line: Vec<u8>) -> Option<Line> {
    let entry = serde_json::from_slice(&line).ok()?;
    let json = String::from_utf8(line).ok()?;
    Some(Line { json, entry })
}

fn no_record(number: u32, line: u64) -> ReadError {
    ReadError::Line {
        file: file_name(number),
        line,
    }
}

fn io_failed(number: u32, source: io::Error) -> ReadError {
    ReadError::Io {
        path: file_name(number),
        source,
    }
}
