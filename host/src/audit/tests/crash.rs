//! Opening a log after a crash, or after somebody was there.

use super::*;

#[test]
fn a_line_that_is_torn_anywhere_is_cut_off_and_told() {
    let log = temp();
    write(log.path(), &Options::default(), 2);
    let head = fs::read(log.path().join("head.json")).unwrap();
    write(log.path(), &Options::default(), 1);
    let file = path(log.path(), 1);
    let whole = fs::read_to_string(&file).unwrap();
    let line = lines(&file).pop().unwrap().len();
    let before = whole.len() - line;
    for length in before..=whole.len() {
        let dir = temp();
        copy(log.path(), dir.path());
        // The crash came before the head knew of the line.
        fs::write(path(dir.path(), 1), &whole[..length]).unwrap();
        fs::write(dir.path().join("head.json"), &head).unwrap();
        let opened = Log::open(dir.path(), &Options::default()).unwrap();
        let torn = length > before && length < whole.len();
        assert_eq!(
            opened.found().len(),
            usize::from(torn),
            "{length}: {:?}",
            opened.found()
        );
        drop(opened);
        let verified = check(dir.path(), None).unwrap();
        let kept = u64::from(length == whole.len()) + u64::from(torn);
        assert_eq!(verified.last_seq, 3 + kept, "{length}");
        assert_eq!(verified.gap_count, u64::from(torn));
        assert!(!verified.unfinished);
    }
}

#[test]
fn parts_of_a_batch_that_nobody_was_told_of_are_cut_off() {
    let dir = temp();
    write(dir.path(), &Options::default(), 2);
    let head = fs::read(dir.path().join("head.json")).unwrap();
    write(dir.path(), &Options::default(), 3);
    fs::write(dir.path().join("head.json"), &head).unwrap();
    // One page of the batch got to disk, one did not.
    edit(&path(dir.path(), 1), |lines| {
        let length = lines[5].len();
        lines[5] = "\0".repeat(length);
    });
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    assert_eq!(log.found().len(), 1, "{:?}", log.found());
    drop(log);
    let verified = check(dir.path(), None).unwrap();
    assert_eq!((verified.last_seq, verified.gap_count), (5, 1));
}

#[test]
fn a_file_that_was_only_just_begun_is_begun_again() {
    for left in ["", "{\"audit\":1,"] {
        let dir = temp();
        write(dir.path(), &Options::default(), 3);
        fs::write(path(dir.path(), 2), left).unwrap();
        assert!(check(dir.path(), None).unwrap().unfinished);
        write(dir.path(), &Options::default(), 1);
        let verified = check(dir.path(), None).unwrap();
        assert_eq!((verified.files, verified.unfinished), (1, false));
        assert_eq!(verified.gap_count, u64::from(!left.is_empty()));
    }
}

#[test]
fn lines_that_are_missing_are_told_and_their_numbers_are_not_given_again() {
    let dir = temp();
    write(dir.path(), &Options::default(), 5);
    let checkpoint = check(dir.path(), None).unwrap().checkpoint;
    edit(&path(dir.path(), 1), |lines| lines.truncate(4));
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    assert!(log.found()[0].contains("head.json knows records up to 6; 3 is the last"));
    log.append_durably(record(9)).unwrap();
    drop(log);
    let verified = check(dir.path(), None).unwrap();
    assert_eq!((verified.last_seq, verified.records), (8, 5));
    let [gap] = &verified.gaps[..] else {
        panic!("{:?}", verified.gaps)
    };
    assert_eq!((gap.seq, gap.missing, gap.lost), (7, 3, 0));
    let broken = check(dir.path(), Some(&checkpoint)).unwrap_err();
    assert!(matches!(broken.fault, Fault::NotTheCheckpoints), "{broken}");
}

#[test]
fn a_log_goes_on_after_a_crash_that_followed_a_gap() {
    let dir = temp();
    write(dir.path(), &Options::default(), 5);
    let head = fs::read(dir.path().join("head.json")).unwrap();
    edit(&path(dir.path(), 1), |lines| lines.truncate(4));
    write(dir.path(), &Options::default(), 1);
    fs::write(dir.path().join("head.json"), head).unwrap();
    check(dir.path(), None).unwrap();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    assert_eq!(log.found(), [""; 0]);
}

#[test]
fn a_log_that_was_changed_goes_on_in_a_new_file_and_stays_broken() {
    let dir = temp();
    write(dir.path(), &Options::default(), 5);
    edit(&path(dir.path(), 1), |lines| {
        lines[2] = lines[2].replace("thing", "thong");
    });
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    assert!(log.found()[0].contains("000001.jsonl, line 3 (seq 2): the line was changed"));
    log.append_durably(record(9)).unwrap();
    drop(log);
    let gaps = of_kind(dir.path(), Kind::Gap);
    assert_eq!(gaps.iter().map(|gap| gap.seq).collect::<Vec<_>>(), [7, 8]);
    assert_eq!(of_kind(dir.path(), Kind::Denied).last().unwrap().seq, 9);
    let broken = check(dir.path(), None).unwrap_err();
    assert_eq!(
        (broken.file.as_deref(), broken.line),
        (Some("000001.jsonl"), Some(3))
    );
    // What is written from then on is a whole log again.
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    assert_eq!(log.found(), [""; 0]);
}

#[test]
fn a_head_that_is_gone_or_changed_is_told() {
    for change in [
        |head: &Path| fs::remove_file(head).unwrap(),
        |head: &Path| fs::write(head, "{}\n").unwrap(),
    ] {
        let dir = temp();
        write(dir.path(), &small_files(), 20);
        change(&dir.path().join("head.json"));
        let log = Log::open(dir.path(), &small_files()).unwrap();
        assert!(
            log.found()[0].starts_with("head.json: the file"),
            "{:?}",
            log.found()
        );
        drop(log);
        let verified = check(dir.path(), None).unwrap();
        assert_eq!((verified.last_seq, verified.gap_count), (22, 1));
    }
}

#[test]
fn a_log_that_is_gone_is_told_where_its_key_is_left() {
    let dir = temp();
    write(dir.path(), &Options::default(), 1);
    fs::remove_file(path(dir.path(), 1)).unwrap();
    fs::remove_file(dir.path().join("head.json")).unwrap();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    assert_eq!(log.found().len(), 1, "{:?}", log.found());
    drop(log);
    assert_eq!(check(dir.path(), None).unwrap().gap_count, 1);
}

#[test]
fn files_that_are_all_gone_are_told_by_the_head() {
    let dir = temp();
    write(dir.path(), &Options::default(), 4);
    fs::remove_file(path(dir.path(), 1)).unwrap();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    assert_eq!(log.found().len(), 1, "{:?}", log.found());
    log.append_durably(record(1)).unwrap();
    drop(log);
    let broken = check(dir.path(), None).unwrap_err();
    assert!(matches!(broken.fault, Fault::OldestMissing), "{broken}");
}

#[test]
fn another_key_is_refused() {
    let dir = temp();
    write(dir.path(), &Options::default(), 1);
    fs::write(dir.path().join("key"), "0".repeat(64)).unwrap();
    let error = Log::open(dir.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::OtherKey { .. }), "{error}");
    fs::remove_file(dir.path().join("key")).unwrap();
    let error = Log::open(dir.path(), &Options::default()).unwrap_err();
    assert!(
        matches!(error, OpenError::Key(KeyError::Missing(_))),
        "{error}"
    );
}
