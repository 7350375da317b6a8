//! Logs in real directories: written, broken, and looked at.

mod crash;
mod disks;
mod format;
mod reading;
mod tampering;
mod words;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::files::file_name;
use super::*;

/// Some records to a file.
const SMALL_FILE_BYTES: u64 = 1_500;

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn small_files() -> Options {
    Options {
        max_file_bytes: SMALL_FILE_BYTES,
        keep_files: 0,
        ..Options::default()
    }
}

fn record(number: usize) -> Record {
    let record = Record::new(Kind::Denied).tenant("alice");
    record.what(format_args!("thing {number}"))
}

/// Writes so many records and closes the log.
fn write(dir: &Path, options: &Options, count: usize) {
    let log = Log::open(dir, options).unwrap();
    (0..count).for_each(|number| log.append(record(number)));
}

fn key(dir: &Path) -> Key {
    Key::read(&dir.join("key")).unwrap()
}

fn check(dir: &Path, checkpoint: Option<&Checkpoint>) -> Result<Verified, Broken> {
    verify(dir, &key(dir), checkpoint)
}

fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(file_name(number))
}

/// The lines of a file, each with its newline.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines = lines(path);
    change(&mut lines);
    fs::write(path, lines.concat()).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// All records, as JSON.
fn all(dir: &Path) -> Vec<Entry> {
    let entries = read(dir, Filter::default()).unwrap();
    entries.map(|line| line.unwrap().entry).collect()
}

fn of_kind(dir: &Path, kind: Kind) -> Vec<Entry> {
    let mut entries = all(dir);
    entries.retain(|entry| entry.record.event == kind);
    entries
}
