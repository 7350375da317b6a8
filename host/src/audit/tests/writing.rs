//! The writer: batches, rotation, and who may read and write.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use super::*;

#[test]
fn bytes_are_bounded_as_well() {
    let dir = temp();
    let options = Options {
        queue_bytes: 10,
        ..Options::default()
    };
    let log = Log::open(dir.path(), &options).unwrap();
    assert_eq!(log.append_durably(record(0)), Err(AppendError::Full));
    log.append(record(1));
    drop(log);
    assert_eq!(of_kind(dir.path(), Kind::Gap)[0].record.lost, Some(1));
}

#[test]
fn the_oldest_files_are_removed_and_the_log_says_so() {
    for keep_files in [1, 2, 3] {
        let dir = temp();
        let options = Options {
            keep_files,
            ..small_files()
        };
        for _ in 0..4 {
            write(dir.path(), &options, 25);
            let verified = check(dir.path(), None).unwrap();
            assert_eq!(verified.files, keep_files as usize);
        }
        let verified = check(dir.path(), None).unwrap();
        assert!(verified.first_seq > 1 && verified.gaps.is_empty());
        let first = verified.first_seq;
        let old = Checkpoint::from_parts(first - 2, Chain::NONE);
        let broken = check(dir.path(), Some(&old)).unwrap_err();
        assert!(
            matches!(broken.fault, Fault::CheckpointTooOld(_)),
            "{broken}"
        );
        check(dir.path(), Some(&verified.checkpoint)).unwrap();
        // One more than the log removed.
        let numbers = Dir::open(dir.path()).unwrap().numbers().unwrap();
        if keep_files > 1 {
            fs::remove_file(path(dir.path(), numbers[0])).unwrap();
            let broken = check(dir.path(), None).unwrap_err();
            assert!(matches!(broken.fault, Fault::OldestMissing), "{broken}");
        }
    }
}

#[test]
fn only_the_log_says_that_files_were_removed() {
    let dir = temp();
    let claim = format!(
        r#"{{"event":"rotated","removed":1,"last":"{}","missing":5}}"#,
        Chain::NONE
    );
    let claimed: Record = serde_json::from_str(&claim).unwrap();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    log.append(claimed.clone());
    log.append_durably(claimed.clone()).unwrap();
    drop(log);
    assert_eq!(check(dir.path(), None).unwrap().last_seq, 3);
    assert!(
        !fs::read_to_string(path(dir.path(), 1))
            .unwrap()
            .contains("missing")
    );
}

#[test]
fn two_writers_are_refused() {
    let dir = temp();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    let error = Log::open(dir.path(), &Options::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("another process writes the audit log"),
        "{error}"
    );
    let clone = log.clone();
    drop(log);
    Log::open(dir.path(), &Options::default()).unwrap_err();
    drop(clone);
    Log::open(dir.path(), &Options::default()).unwrap();
}

#[test]
fn what_is_durable_is_there_for_whoever_opens_next() {
    let dir = temp();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    log.append_durably(Record::new(Kind::Grant).who("root").what("serial"))
        .unwrap();
    // As it is now, without closing anything.
    let copied = temp();
    copy(dir.path(), copied.path());
    let reopened = Log::open(copied.path(), &Options::default()).unwrap();
    assert_eq!(reopened.found(), [""; 0]);
    drop(reopened);
    assert_eq!(
        of_kind(copied.path(), Kind::Grant)[0].record.who.as_deref(),
        Some("root")
    );
    check(copied.path(), None).unwrap();
}

#[test]
fn many_threads_write_one_chain() {
    let dir = temp();
    let log = Log::open(dir.path(), &small_files()).unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                (0..50).for_each(|number| log.append(record(number).who(thread)));
                log.append_durably(record(50).who(thread)).unwrap();
            });
        }
    });
    drop(log);
    assert_eq!(check(dir.path(), None).unwrap().last_seq, 1 + 8 * 51);
}

#[test]
fn a_log_may_go_on_the_writers_thread() {
    let dir = temp();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    let (told, outcome) = mpsc::channel();
    let last = log.clone();
    log.append_then(record(0), move |result| {
        drop(last);
        told.send(result).unwrap();
    });
    drop(log);
    assert_eq!(outcome.recv(), Ok(Ok(())));
}

#[test]
fn only_the_owner_can_read_and_no_link_is_followed() {
    let (parent, elsewhere) = (temp(), temp());
    let dir = parent.path().join("audit");
    write(&dir, &Options::default(), 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for name in ["000001.jsonl", "head.json", "key", "lock"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    fs::rename(dir.join("000001.jsonl"), elsewhere.path().join("log")).unwrap();
    symlink(elsewhere.path().join("log"), dir.join("000001.jsonl")).unwrap();
    assert!(check(&dir, None).unwrap_err().is_unreadable());
    Log::open(&dir, &Options::default()).unwrap_err();
    symlink(&dir, parent.path().join("link")).unwrap();
    Log::open(&parent.path().join("link"), &Options::default()).unwrap_err();
}

#[test]
fn a_key_may_be_elsewhere() {
    let (dir, elsewhere) = (temp(), temp());
    let named = elsewhere.path().join("audit.key");
    let options = Options {
        key: Some(named.clone()),
        ..Options::default()
    };
    write(dir.path(), &options, 3);
    write(dir.path(), &options, 3);
    assert!(!dir.path().join("key").exists());
    let verified = verify(dir.path(), &Key::read(&named).unwrap(), None).unwrap();
    assert_eq!((verified.last_seq, verified.gap_count), (7, 0));
    // What is on the disk says nothing of the key.
    let kinds: BTreeSet<_> = all(dir.path())
        .iter()
        .map(|entry| entry.record.event)
        .collect();
    assert_eq!(kinds, BTreeSet::from([Kind::Start, Kind::Denied]));
}

#[test]
fn a_log_is_verified_and_read_while_it_is_written() {
    let dir = temp();
    let log = Log::open(dir.path(), &small_files()).unwrap();
    log.append_durably(record(0)).unwrap();
    let mut checkpoint = check(dir.path(), None).unwrap().checkpoint;
    for number in 0..50 {
        (0..20).for_each(|_| log.append(record(number)));
        checkpoint = check(dir.path(), Some(&checkpoint)).unwrap().checkpoint;
        assert!(all(dir.path()).len() as u64 >= checkpoint.seq());
    }
}

/// Prints what an append costs; nothing is asserted about a clock.
#[test]
fn appending_is_measured() {
    const BURST: usize = 4_000;
    const DURABLE: usize = 100;
    let dir = temp();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    let instance = "3f0e5d1c-1111-4222-8333-444455556666";
    let mut costs: Vec<Duration> = Vec::with_capacity(100_000);
    for _ in 0..100_000 / BURST {
        for number in 0..BURST {
            let begun = Instant::now();
            log.append(record(number).instance(instance).reason("not-granted"));
            costs.push(begun.elapsed());
        }
        log.append_durably(record(0)).unwrap();
    }
    let begun = Instant::now();
    (0..DURABLE).for_each(|number| log.append_durably(record(number)).unwrap());
    println!("append_durably: {:?} each", begun.elapsed() / 100);
    drop(log);
    costs.sort_unstable();
    let at = |share: f64| costs[(costs.len() as f64 * share) as usize];
    let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
    println!(
        "append: p50 {p50:?}, p99 {p99:?}, p99.9 {p999:?}, most {:?}",
        costs.last().unwrap()
    );
    let begun = Instant::now();
    let verified = check(dir.path(), None).unwrap();
    println!(
        "verify: {} records in {:?}",
        verified.records,
        begun.elapsed()
    );
    assert_eq!(verified.gap_count, 0);
}
