//! Whatever was done to a log without its key is found; with the key, or by going back to a copy, a
//! checkpoint finds it.

use crate::audit::walk::{Head, read_head};

use super::*;

struct Attack {
    name: &'static str,
    what: fn(&Path),
    /// A part of what is said.
    said: &'static str,
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "remove a line",
        what: |dir| edit(&path(dir, 2), |lines| drop(lines.remove(2))),
        said: "000002.jsonl, line 3 (seq",
    },
    Attack {
        name: "remove the line after the header",
        what: |dir| edit(&path(dir, 2), |lines| drop(lines.remove(1))),
        said: "000002.jsonl, line 2 (seq",
    },
    Attack {
        name: "swap two lines",
        what: |dir| edit(&path(dir, 1), |lines| lines.swap(2, 3)),
        said: "000001.jsonl, line 3 (seq 3): the line says that it is record 3, but record 2 is due",
    },
    Attack {
        name: "duplicate a line",
        what: |dir| {
            edit(&path(dir, 1), |lines| {
                let line = lines[2].clone();
                lines.insert(3, line);
            });
        },
        said: "the line says that it is record 2, but record 3 is due",
    },
    Attack {
        name: "insert a line with the right number",
        what: |dir| {
            edit(&path(dir, 1), |lines| {
                let line = lines[3].replace("thing", "thong");
                lines.insert(3, line);
            });
        },
        said: "000001.jsonl, line 4 (seq 3): the line was changed",
    },
    Attack {
        name: "remove the last line of a file in the middle",
        what: |dir| edit(&path(dir, 2), |lines| drop(lines.pop())),
        said: "000003.jsonl, line 1: it does not follow",
    },
    Attack {
        name: "cut a file in the middle within a line",
        what: |dir| {
            edit(&path(dir, 2), |lines| {
                lines.last_mut().unwrap().truncate(20);
            })
        },
        said: "000002.jsonl: the file ends within a line",
    },
    Attack {
        name: "empty a file in the middle",
        what: |dir| fs::write(path(dir, 2), "").unwrap(),
        said: "000002.jsonl: the file has no lines",
    },
    Attack {
        name: "remove the last line",
        what: |dir| edit(&last(dir), |lines| drop(lines.pop())),
        said: "lines were removed from the end",
    },
    Attack {
        name: "cut the last newline",
        what: |dir| edit(&last(dir), |lines| _ = lines.last_mut().unwrap().pop()),
        said: "lines were removed from the end",
    },
    Attack {
        name: "empty the last file",
        what: |dir| fs::write(last(dir), "").unwrap(),
        said: "lines were removed from the end",
    },
    Attack {
        name: "remove the last file",
        what: |dir| fs::remove_file(last(dir)).unwrap(),
        said: "lines were removed from the end",
    },
    Attack {
        name: "remove a file in the middle",
        what: |dir| fs::remove_file(path(dir, 2)).unwrap(),
        said: "000002.jsonl: the file is missing",
    },
    Attack {
        name: "remove a file in the middle and close up",
        what: |dir| fs::rename(path(dir, 3), path(dir, 2)).unwrap(),
        said: "000002.jsonl, line 1: the file says that it is 000003.jsonl",
    },
    Attack {
        name: "swap two files",
        what: |dir| {
            fs::rename(path(dir, 2), dir.join("other")).unwrap();
            fs::rename(path(dir, 3), path(dir, 2)).unwrap();
            fs::rename(dir.join("other"), path(dir, 3)).unwrap();
        },
        said: "000002.jsonl, line 1: the file says that it is 000003.jsonl",
    },
    Attack {
        name: "duplicate the last file",
        what: |dir| _ = fs::copy(last(dir), path(dir, count(dir) + 1)).unwrap(),
        said: "line 1: the file says that it is",
    },
    Attack {
        name: "remove the oldest file",
        what: |dir| fs::remove_file(path(dir, 1)).unwrap(),
        said: "the files before it are missing",
    },
    Attack {
        name: "edit a header",
        what: |dir| {
            edit(&path(dir, 2), |lines| {
                lines[0] = lines[0].replace("\"at\":\"2", "\"at\":\"3");
            })
        },
        said: "000002.jsonl, line 1: the line was changed",
    },
    Attack {
        name: "edit the header of the first file",
        what: |dir| {
            edit(&path(dir, 1), |lines| {
                lines[0] = lines[0].replace("\"at\":\"2", "\"at\":\"3");
            })
        },
        said: "000001.jsonl, line 1: the line was changed",
    },
    Attack {
        name: "remove all files",
        what: |dir| (1..=count(dir)).for_each(|number| fs::remove_file(path(dir, number)).unwrap()),
        said: "0 is the last: lines were removed",
    },
    Attack {
        name: "remove the head",
        what: |dir| fs::remove_file(dir.join("head.json")).unwrap(),
        said: "head.json: the file is missing",
    },
    Attack {
        name: "remove everything but the key",
        what: |dir| {
            fs::remove_file(dir.join("head.json")).unwrap();
            (1..=count(dir)).for_each(|number| fs::remove_file(path(dir, number)).unwrap());
        },
        said: "there is no log here",
    },
    Attack {
        name: "remove the last line and tell the head, without the key",
        what: |dir| {
            edit(&last(dir), |lines| drop(lines.pop()));
            edit(&dir.join("head.json"), |lines| {
                lines[0] = lines[0].replace("\"seq\":30", "\"seq\":29");
            });
        },
        said: "head.json: the file was changed",
    },
    Attack {
        name: "a line without end",
        what: |dir| edit(&path(dir, 2), |lines| lines[1] = "x".repeat(100_000)),
        said: "000002.jsonl, line 2: the line is longer than a log writes",
    },
    Attack {
        name: "another key",
        what: |dir| fs::write(dir.join("key"), "0".repeat(64)).unwrap(),
        said: "nothing in the log was written with this key",
    },
    Attack {
        name: "a file of another log with the same key",
        what: |dir| {
            let other = temp();
            let options = Options {
                key: Some(dir.join("key")),
                ..small_files()
            };
            super::write(other.path(), &options, 30);
            fs::copy(path(other.path(), 2), path(dir, 2)).unwrap();
        },
        said: "000002.jsonl, line 1: it belongs to another log",
    },
];

fn count(dir: &Path) -> u32 {
    (1..1_000)
        .take_while(|number| path(dir, *number).exists())
        .last()
        .unwrap()
}

fn last(dir: &Path) -> PathBuf {
    path(dir, count(dir))
}

fn log() -> TempDir {
    let dir = temp();
    write(dir.path(), &small_files(), 29);
    assert!(count(dir.path()) > 3);
    assert_eq!(check(dir.path(), None).unwrap().last_seq, 30);
    dir
}

#[test]
fn every_attack_is_found() {
    let log = log();
    for attack in ATTACKS {
        let dir = temp();
        copy(log.path(), dir.path());
        (attack.what)(dir.path());
        let broken = check(dir.path(), None).expect_err(attack.name).to_string();
        assert!(broken.contains(attack.said), "{}: {broken}", attack.name);
    }
}

#[test]
fn every_changed_byte_is_found() {
    let log = temp();
    write(log.path(), &small_files(), 9);
    let dir = log.path();
    let files = (1..=count(dir)).map(|number| path(dir, number));
    for file in files.chain([dir.join("head.json")]) {
        let whole = fs::read(&file).unwrap();
        for position in 0..whole.len() {
            // The second makes another case of letters, which hexadecimal digits may have elsewhere.
            for flip in [0x01, 0x20] {
                let mut bytes = whole.clone();
                bytes[position] ^= flip;
                fs::write(&file, &bytes).unwrap();
                let verified = check(dir, None);
                assert!(
                    verified.is_err(),
                    "{}, byte {position}, {flip}",
                    file.display()
                );
            }
        }
        fs::write(&file, whole).unwrap();
    }
    check(dir, None).unwrap();
}

#[test]
fn every_truncation_is_found() {
    let log = log();
    let file = last(log.path());
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(check(log.path(), None).is_err(), "{length}");
    }
}

/// What somebody with the key does.
fn rewrite_head(dir: &Path, seq: u64) {
    let (key, opened) = (key(dir), Dir::open(dir).unwrap());
    let head = read_head(&opened, &key).unwrap().unwrap();
    let line = lines(&last(dir)).pop().unwrap();
    let hash = line.trim_end().strip_suffix("\"}").unwrap();
    let last = hash[hash.len() - 64..].parse().unwrap();
    let mut bytes = serde_json::to_vec(&Head { seq, last, ..head }).unwrap();
    key.end_head(&mut bytes);
    fs::write(dir.join("head.json"), bytes).unwrap();
}

#[test]
fn a_checkpoint_finds_a_log_that_was_truncated_with_its_head() {
    let log = log();
    let checkpoint = check(log.path(), None).unwrap().checkpoint;
    edit(&last(log.path()), |lines| drop(lines.pop()));
    rewrite_head(log.path(), 29);
    check(log.path(), None).unwrap();
    let broken = check(log.path(), Some(&checkpoint)).unwrap_err();
    assert!(
        matches!(
            broken.fault,
            Fault::BeforeCheckpoint {
                known: 30,
                last: 29
            }
        ),
        "{broken}"
    );
}

#[test]
fn a_checkpoint_finds_an_older_copy() {
    let (log, old) = (log(), temp());
    copy(log.path(), old.path());
    write(log.path(), &small_files(), 3);
    let checkpoint = check(log.path(), None).unwrap().checkpoint;
    check(old.path(), None).unwrap();
    let broken = check(old.path(), Some(&checkpoint)).unwrap_err();
    assert!(
        matches!(broken.fault, Fault::BeforeCheckpoint { .. }),
        "{broken}"
    );
}

#[test]
fn a_checkpoint_finds_a_log_that_was_written_anew_with_the_key() {
    let (log, forged) = (log(), temp());
    let checkpoint = check(log.path(), None).unwrap().checkpoint;
    fs::copy(log.path().join("key"), forged.path().join("key")).unwrap();
    write(forged.path(), &small_files(), 40);
    check(forged.path(), None).unwrap();
    let broken = check(forged.path(), Some(&checkpoint)).unwrap_err();
    assert!(matches!(broken.fault, Fault::NotTheCheckpoints), "{broken}");
    assert_eq!(broken.seq, Some(30));
}

#[test]
fn a_checkpoint_of_before_holds_later() {
    let log = log();
    let checkpoint = check(log.path(), None).unwrap().checkpoint;
    write(log.path(), &small_files(), 20);
    let kept: Checkpoint = checkpoint.to_string().parse().unwrap();
    let verified = check(log.path(), Some(&kept)).unwrap();
    assert_eq!(
        (verified.first_seq, verified.last_seq, verified.records),
        (1, 50, 50)
    );
    assert_eq!(verified.gaps, []);
}

#[test]
fn an_old_head_is_accepted_only_where_lines_follow_it() {
    let log = log();
    let old = fs::read(log.path().join("head.json")).unwrap();
    write(log.path(), &small_files(), 5);
    fs::write(log.path().join("head.json"), old).unwrap();
    // It lags, as after a crash.
    check(log.path(), None).unwrap();
    edit(&last(log.path()), Vec::clear);
    fs::remove_file(last(log.path())).unwrap();
    edit(&last(log.path()), |lines| lines.truncate(2));
    assert!(check(log.path(), None).is_err());
}
