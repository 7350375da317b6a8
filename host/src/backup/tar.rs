//! The one way in which a copy is written as a tar archive, so that any `tar` can read it, and a reader that takes nothing
//! else: each header has to be, byte for byte, the one that is written for what it says.
//!
//! There are folders and files. A path that is long, or a size that is large, has a header of its own before, as POSIX
//! says (`pax`). Nothing is compressed: a copy is no longer than what is in it, whatever it says of itself.

use std::io::{self, Read, Write};

use super::BackupError;
use crate::limits::{MAX_BACKUP_DEPTH, MAX_BACKUP_PATH_BYTES};

/// What everything in a tar archive is a multiple of.
const BLOCK: usize = 512;
/// The same, as lengths of files are.
const BLOCK_BYTES: u64 = 512;
/// Bytes that a header has for a path.
const NAME_BYTES: usize = 100;
/// The largest size that a header has digits for.
const MAX_SIZE: u64 = (1 << 33) - 1;
/// More than the names of what a header before a header says.
const MAX_EXTRA_BYTES: u64 = MAX_BACKUP_PATH_BYTES as u64 + 128;
/// What such a header is called.
const EXTRA_NAME: &str = "pax";

/// One header.
type Header = [u8; BLOCK];

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    /// What is said of the next one.
    Extra,
}

impl Kind {
    const fn flag(self) -> u8 {
        match self {
            Self::Folder => b'5',
            Self::File => b'0',
            Self::Extra => b'x',
        }
    }
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    /// A folder, by its path.
    Folder(String),
    /// A file: its path, and how many bytes follow.
    File(String, u64),
}

/// Writes an archive.
pub(super) struct Writer<W> {
    to: W,
    /// When it was made, which is said of all in it.
    at: u64,
    /// Bytes of the file that is being written so far.
    written: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(to: W, at: u64) -> Self {
        Self { to, at, written: 0 }
    }

    pub(super) fn folder(&mut self, path: &str) -> io::Result<()> {
        self.head(Kind::Folder, path, 0)
    }

    /// Begins a file, of which `size` bytes have to follow.
    pub(super) fn file(&mut self, path: &str, size: u64) -> io::Result<()> {
        self.written = 0;
        self.head(Kind::File, path, size)
    }

    /// The next bytes of the file.
    pub(super) fn content(&mut self, part: &[u8]) -> io::Result<()> {
        self.written = self.written.saturating_add(part.len() as u64);
        self.to.write_all(part)
    }

    /// Ends the file, of which all bytes are written.
    pub(super) fn end_file(&mut self) -> io::Result<()> {
        let rest = padding(self.written);
        self.to.write_all(zeros(rest))
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&[0; 2 * BLOCK])?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn head(&mut self, kind: Kind, path: &str, size: u64) -> io::Result<()> {
        if let Some(extra) = extra(path, size) {
            let bytes = extra.len() as u64;
            let head = header(Kind::Extra, EXTRA_NAME, bytes, self.at);
            self.to.write_all(&head)?;
            self.to.write_all(extra.as_bytes())?;
            self.to.write_all(zeros(padding(bytes)))?;
        }
        self.to.write_all(&header(kind, path, size, self.at))
    }
}

/// Zeros that fill up a block after so many bytes.
fn padding(bytes: u64) -> usize {
    let over = bytes.checked_rem(BLOCK_BYTES).unwrap_or(0);
    let rest = BLOCK_BYTES.saturating_sub(over);
    usize::try_from(rest).unwrap_or(0) % BLOCK
}

fn zeros(count: usize) -> &'static [u8] {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    ZEROS.get(..count).unwrap_or(&ZEROS)
}

/// What has no room in the header of a member, as records of `pax`.
fn extra(path: &str, size: u64) -> Option<String> {
    let mut records = String::new();
    if path.len() > NAME_BYTES {
        records.push_str(&record("path", path));
    }
    if size > MAX_SIZE {
        records.push_str(&record("size", &size.to_string()));
    }
    Some(records).filter(|records| !records.is_empty())
}

/// A record says first how long it is, itself included.
fn record(key: &str, value: &str) -> String {
    let rest = key.len().saturating_add(value.len()).saturating_add(3);
    let mut all = rest;
    loop {
        let length = rest.saturating_add(all.to_string().len());
        if length == all {
            return format!("{all} {key}={value}\n");
        }
        all = length;
    }
}

fn header(kind: Kind, path: &str, size: u64, at: u64) -> Header {
    let name = path.as_bytes();
    let name = name.get(..NAME_BYTES).unwrap_or(name);
    let mode = if kind == Kind::Folder { 0o700 } else { 0o600 };
    let shown = if size > MAX_SIZE { 0 } else { size };
    let mut head = Vec::with_capacity(BLOCK);
    let field = |head: &mut Vec<u8>, bytes: &[u8], width: usize| {
        let end = head.len().saturating_add(width);
        head.extend(bytes.iter().take(width));
        head.resize(end, 0);
    };
    let number = |value: u64, digits: usize| format!("{value:0digits$o}\0").into_bytes();
    field(&mut head, name, NAME_BYTES);
    field(&mut head, &number(mode, 7), 8);
    field(&mut head, &number(0, 7), 8);
    field(&mut head, &number(0, 7), 8);
    field(&mut head, &number(shown, 11), 12);
    field(&mut head, &number(at.min(MAX_SIZE), 11), 12);
    field(&mut head, b"        ", 8);
    field(&mut head, &[kind.flag()], 1);
    field(&mut head, b"", 100);
    field(&mut head, b"ustar\x0000", 8);
    field(&mut head, b"", 64);
    field(&mut head, &number(0, 7), 8);
    field(&mut head, &number(0, 7), 8);
    let sum: u64 = head.iter().copied().map(u64::from).sum();
    let sum = format!("{sum:06o}\0 ");
    let mut done = [0; BLOCK];
    let with_sum = head.iter().enumerate().map(|(at, byte)| {
        let at = at.checked_sub(148).and_then(|at| sum.as_bytes().get(at));
        at.unwrap_or(byte)
    });
    for (to, from) in done.iter_mut().zip(with_sum) {
        *to = *from;
    }
    done
}

/// Reads an archive, whoever wrote it.
pub(super) struct Reader<R> {
    from: R,
    /// What is said of the time of all members, once one was read.
    at: Option<u64>,
    /// Bytes of the present file that were not read yet, and zeros after it.
    left: u64,
    padding: usize,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            at: None,
            left: 0,
            padding: 0,
        }
    }

    /// The next member, once the one before was read to its end; none at the end of the archive.
    pub(super) fn next(&mut self) -> Result<Option<Member>, BackupError> {
        self.end_member()?;
        let mut head = self.header()?;
        if head == [0; BLOCK] {
            return self.end().map(|()| None);
        }
        let mut said = String::new();
        if flag(&head) == Kind::Extra.flag() {
            said = self.extra(&head)?;
            head = self.header()?;
        }
        let (kind, shown) = match flag(&head) {
            b'0' => (Kind::File, "a file"),
            b'5' => (Kind::Folder, "a folder"),
            _ => {
                let problem = "a member of it is no file and no folder: a link, a device, or what no copy has";
                return Err(broken(problem));
            }
        };
        let (path, size) = named(&head, &said)?;
        let at = number(&head, 136, 11)?;
        let is_as_written = header(kind, &path, size, at) == head
            && extra(&path, size).unwrap_or_default() == said
            && self.at.is_none_or(|first| first == at);
        if !is_as_written || (kind == Kind::Folder && size != 0) {
            return Err(broken(&format!(
                "what it says of {shown} in it is not as this host writes it"
            )));
        }
        check_path(&path)?;
        self.at = Some(at);
        if kind == Kind::Folder {
            return Ok(Some(Member::Folder(path)));
        }
        (self.left, self.padding) = (size, padding(size));
        Ok(Some(Member::File(path, size)))
    }

    /// The next bytes of the file; none at its end.
    pub(super) fn content<'a>(&mut self, part: &'a mut [u8]) -> Result<&'a [u8], BackupError> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = part.len().min(most);
        let part = part.get_mut(..wanted).unwrap_or_default();
        self.from.read_exact(part).map_err(unreadable)?;
        self.left = self.left.saturating_sub(part.len() as u64);
        Ok(part)
    }

    fn end_member(&mut self) -> Result<(), BackupError> {
        if self.left > 0 {
            return Err(broken("a file in it was not read to its end"));
        }
        let mut rest = [0; BLOCK];
        let rest = rest.get_mut(..self.padding).unwrap_or_default();
        self.from.read_exact(rest).map_err(unreadable)?;
        self.padding = 0;
        match rest.iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(broken("there is something between two files in it")),
        }
    }

    fn header(&mut self) -> Result<Header, BackupError> {
        let mut head = [0; BLOCK];
        self.from.read_exact(&mut head).map_err(unreadable)?;
        Ok(head)
    }

    /// What a header before a header says.
    fn extra(&mut self, head: &Header) -> Result<String, BackupError> {
        let (size, at) = (number(head, 124, 11)?, number(head, 136, 11)?);
        if size > MAX_EXTRA_BYTES || header(Kind::Extra, EXTRA_NAME, size, at) != *head {
            return Err(broken("a path in it is too long"));
        }
        let mut said = vec![0; usize::try_from(size).unwrap_or(0)];
        self.from.read_exact(&mut said).map_err(unreadable)?;
        self.padding = padding(size);
        self.end_member()?;
        String::from_utf8(said).map_err(|_| broken("a path in it is no text"))
    }

    /// The second block of zeros, and nothing after it.
    fn end(&mut self) -> Result<(), BackupError> {
        let mut byte = [0];
        let is_end =
            self.header()? == [0; BLOCK] && self.from.read(&mut byte).map_err(unreadable)? == 0;
        match is_end {
            true => Ok(()),
            false => Err(broken("there is something after its end")),
        }
    }
}

fn flag(head: &Header) -> u8 {
    head.get(156).copied().unwrap_or(0)
}

/// A number of so many octal digits.
fn number(head: &Header, from: usize, digits: usize) -> Result<u64, BackupError> {
    let text = head.get(from..).and_then(|rest| rest.get(..digits));
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    let value = text.and_then(|text| u64::from_str_radix(text, 8).ok());
    value.ok_or_else(|| broken("it is no tar archive, or one that was changed"))
}

/// The path and the size of a member, by its header and what was said before it.
fn named(head: &Header, said: &str) -> Result<(String, u64), BackupError> {
    let name = head.get(..NAME_BYTES).unwrap_or_default();
    let end = name.iter().position(|byte| *byte == 0);
    let name = name.get(..end.unwrap_or(NAME_BYTES)).unwrap_or_default();
    let (mut path, mut size) = (None, number(head, 124, 11)?);
    let mut rest = said;
    while !rest.is_empty() {
        let wrong = || broken("what is said of a member of it is not as this host writes it");
        let (line, after) = record_of(rest).ok_or_else(wrong)?;
        match line.split_once('=') {
            Some(("path", value)) => path = Some(value.to_owned()),
            Some(("size", value)) => size = value.parse().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        }
        rest = after;
    }
    let path = match path {
        Some(path) => path,
        None => std::str::from_utf8(name)
            .map_err(|_| broken("a path in it is no text"))?
            .to_owned(),
    };
    Ok((path, size))
}

/// The first record, without how long it is, and what follows it.
fn record_of(said: &str) -> Option<(&str, &str)> {
    let (digits, _) = said.split_once(' ')?;
    let length: usize = digits.parse().ok()?;
    let whole = said.get(..length)?;
    let line = whole.get(digits.len().checked_add(1)?..)?;
    Some((line.strip_suffix('\n')?, said.get(length..)?))
}

/// Whether a path stays below where it is put.
fn check_path(path: &str) -> Result<(), BackupError> {
    let parts = || path.split('/');
    if path.len() > MAX_BACKUP_PATH_BYTES || parts().count() > MAX_BACKUP_DEPTH {
        return Err(broken("a path in it is too long"));
    }
    if path.contains('\0') || parts().any(|part| matches!(part, "" | "." | "..")) {
        return Err(broken("a path in it leads elsewhere"));
    }
    Ok(())
}

/// It is not what a host wrote.
pub(super) fn broken(problem: &str) -> BackupError {
    BackupError::Broken(problem.to_owned())
}

fn unreadable(error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => broken("it ends too early: it was cut off"),
        _ => BackupError::Read(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(members: &[Member]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), 1_700_000_000);
        for member in members {
            match member {
                Member::Folder(path) => writer.folder(path).unwrap(),
                Member::File(path, size) => {
                    writer.file(path, *size).unwrap();
                    writer
                        .content(&vec![b'x'; usize::try_from(*size).unwrap()])
                        .unwrap();
                    writer.end_file().unwrap();
                }
            }
        }
        writer.finish().unwrap()
    }

    fn read(archive: &[u8]) -> Result<Vec<Member>, BackupError> {
        let mut reader = Reader::new(archive);
        let mut members = Vec::new();
        let mut part = [0; 100];
        while let Some(member) = reader.next()? {
            members.push(member);
            while !reader.content(&mut part)?.is_empty() {}
        }
        Ok(members)
    }

    fn some() -> Vec<Member> {
        let long = format!("a/{}/é/{}", "l".repeat(99), "o".repeat(200));
        vec![
            Member::Folder("a".to_owned()),
            Member::File("a/b c".to_owned(), 0),
            Member::File("a/c".to_owned(), 512),
            Member::File(long.clone(), 513),
            Member::Folder(format!("{long}.d")),
        ]
    }

    #[test]
    fn what_is_written_is_read_and_by_any_other_tar_too() {
        let archive = written(&some());
        assert_eq!(read(&archive).unwrap(), some());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.tar");
        std::fs::write(&file, &archive).unwrap();
        let listed = std::process::Command::new("tar")
            .arg("-tf")
            .arg(&file)
            .output();
        let Ok(listed) = listed else {
            return;
        };
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(listed.lines().count(), some().len(), "{listed}");
        assert!(listed.contains(&"o".repeat(200)), "{listed}");
    }

    #[test]
    fn a_length_counts_itself() {
        for length in 1..2000 {
            let record = record("path", &"x".repeat(length));
            let said: usize = record.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, record.len());
            assert_eq!(record_of(&record).unwrap().1, "");
        }
    }

    #[test]
    fn a_size_of_more_than_eight_gigabytes_is_said_before() {
        let mut writer = Writer::new(Vec::new(), 7);
        writer.file("large", 1 << 40).unwrap();
        let head = writer.finish().unwrap();
        let member = Reader::new(&head[..]).next().unwrap();
        assert_eq!(member, Some(Member::File("large".to_owned(), 1 << 40)));
    }

    #[test]
    fn no_header_is_taken_but_the_one_that_is_written() {
        let archive = written(&some());
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 0x20;
            // Content is not looked at here.
            if changed[at] == b'X' {
                continue;
            }
            assert_ne!(read(&changed).ok(), Some(some()), "{at}");
        }
        for end in (0..archive.len()).step_by(64) {
            assert!(read(&archive[..end]).is_err(), "{end}");
        }
        let more = [&archive[..], b"x"].concat();
        assert!(read(&more).is_err());
        for flag in [b'1', b'2', b'3', b'6', b'L', b'g', b'x'] {
            let mut linked = header(Kind::File, "a", 0, 7);
            // A header whose sum is right.
            let before = u64::from(linked[156]);
            linked[156] = flag;
            let sum = u64::from_str_radix(std::str::from_utf8(&linked[148..154]).unwrap(), 8);
            let sum = sum.unwrap() + u64::from(flag) - before;
            linked[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
            assert!(read(&[&linked[..], &[0; 1024]].concat()).is_err(), "{flag}");
        }
        for bad in ["/etc/x", "../x", "a/../../x", "a//b", "a/", ".", "a/./b"] {
            let archive = written(&[Member::File(bad.to_owned(), 1)]);
            assert!(read(&archive).is_err(), "{bad}");
        }
    }
}
