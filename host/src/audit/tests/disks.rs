//! Disks that are full, fail or are slow.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::*;

/// A disk that fails when it is told to.
struct Faulty {
    files: Files,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    /// So many bytes are left of the disk.
    room: Option<usize>,
    syncs_fail: bool,
    cuts_fail: bool,
    heads_fail: bool,
    /// Each write says so and waits for a word.
    gate: Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>,
}

fn no_room<T>() -> io::Result<T> {
    Err(io::ErrorKind::StorageFull.into())
}

impl Faulty {
    fn plan<T>(&self, ask: impl FnOnce(&mut Plan) -> T) -> T {
        ask(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Disk for Faulty {
    fn begin(&mut self, file: u32) -> io::Result<()> {
        self.files.begin(file)
    }
    fn write(&mut self, file: u32, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some((begun, go)) = self.plan(|plan| plan.gate.take()) {
            begun.send(()).unwrap();
            let _ = go.recv();
        }
        let room = self.plan(|plan| plan.room).unwrap_or(usize::MAX);
        self.files
            .write(file, offset, &bytes[..bytes.len().min(room)])?;
        if bytes.len() > room {
            return no_room();
        }
        self.plan(|plan| plan.room = plan.room.map(|room| room - bytes.len()));
        Ok(())
    }
    fn sync(&mut self, file: u32) -> io::Result<()> {
        if self.plan(|plan| plan.syncs_fail) {
            no_room()
        } else {
            self.files.sync(file)
        }
    }
    fn cut(&mut self, file: u32, bytes: u64) -> io::Result<()> {
        if self.plan(|plan| plan.cuts_fail) {
            no_room()
        } else {
            self.files.cut(file, bytes)
        }
    }
    fn head(&mut self, head: &[u8]) -> io::Result<()> {
        if self.plan(|plan| plan.heads_fail) {
            no_room()
        } else {
            self.files.head(head)
        }
    }
    fn first_line(&mut self, file: u32) -> io::Result<Vec<u8>> {
        self.files.first_line(file)
    }
    fn remove(&mut self, file: u32) -> io::Result<()> {
        self.files.remove(file)
    }
}

fn faulty(dir: &Path, options: &Options) -> (Log, Arc<Mutex<Plan>>) {
    let plan = Arc::default();
    let (opened, files) = open(dir, options).unwrap();
    let disk = Faulty {
        files,
        plan: Arc::clone(&plan),
    };
    (Log::start(opened, disk, options).unwrap(), plan)
}

fn set(plan: &Mutex<Plan>, change: impl FnOnce(&mut Plan)) {
    change(&mut plan.lock().unwrap());
}

#[test]
fn a_full_disk_leaves_no_part_of_a_line_and_is_written_later() {
    for room in [0, 1, 50, 150, 400] {
        let dir = temp();
        let (log, plan) = faulty(dir.path(), &Options::default());
        log.append_durably(record(0)).unwrap();
        let whole = fs::read(path(dir.path(), 1)).unwrap();
        set(&plan, |plan| plan.room = Some(room));
        log.append(record(1));
        log.append(record(2));
        let refused = log.append_durably(record(3)).unwrap_err();
        assert!(matches!(refused, AppendError::Failed(_)), "{refused}");
        assert!(log.health().unwrap_err().why.contains("no storage space"));
        // With room enough for some, those may be written before the one that was refused.
        let now = fs::read(path(dir.path(), 1)).unwrap();
        assert!(now.starts_with(&whole) && now.ends_with(b"\n"), "{room}");
        set(&plan, |plan| plan.room = None);
        log.append_durably(record(4)).unwrap();
        log.health().unwrap();
        drop(log);
        check(dir.path(), None).unwrap();
        let written = of_kind(dir.path(), Kind::Denied);
        let what: Vec<&str> = written
            .iter()
            .map(|entry| entry.record.what.as_deref().unwrap())
            .collect();
        assert_eq!(what, ["thing 0", "thing 1", "thing 2", "thing 4"], "{room}");
    }
}

#[test]
fn what_cannot_be_cut_off_is_cut_off_before_the_next_write() {
    let dir = temp();
    let (log, plan) = faulty(dir.path(), &Options::default());
    log.append_durably(record(0)).unwrap();
    set(&plan, |plan| {
        (plan.syncs_fail, plan.cuts_fail) = (true, true);
    });
    let long = Record::new(Kind::Grant).what("x".repeat(400));
    log.append_durably(long).unwrap_err();
    log.append_durably(record(1)).unwrap_err();
    set(&plan, |plan| *plan = Plan::default());
    log.append_durably(record(2)).unwrap();
    drop(log);
    assert_eq!(check(dir.path(), None).unwrap().last_seq, 3);
    assert!(!check(dir.path(), None).unwrap().unfinished);
}

#[test]
fn a_disk_that_fails_while_a_file_begins_loses_nothing() {
    let dir = temp();
    let (log, plan) = faulty(dir.path(), &small_files());
    for number in 0..30 {
        set(&plan, |plan| plan.room = Some(100));
        log.append_durably(record(100)).unwrap_err();
        set(&plan, |plan| plan.room = None);
        log.append_durably(record(number)).unwrap();
    }
    drop(log);
    let verified = check(dir.path(), None).unwrap();
    assert_eq!((verified.last_seq, verified.unfinished), (31, false));
    assert!(verified.files > 3);
}

#[test]
fn a_head_that_cannot_be_written_is_no_lost_record() {
    let dir = temp();
    let (log, plan) = faulty(dir.path(), &Options::default());
    log.append_durably(record(0)).unwrap();
    set(&plan, |plan| plan.heads_fail = true);
    log.append_durably(record(1)).unwrap();
    log.append_durably(record(2)).unwrap();
    // The first of them failed at its head before the second was written.
    log.health().unwrap_err();
    assert_eq!(check(dir.path(), None).unwrap().last_seq, 4);
    set(&plan, |plan| plan.heads_fail = false);
    drop(log);
    assert_eq!(check(dir.path(), None).unwrap().last_seq, 4);
}

#[test]
fn a_full_queue_is_a_gap_where_it_was() {
    let dir = temp();
    let options = Options {
        queue_records: 10,
        ..Options::default()
    };
    let (log, plan) = faulty(dir.path(), &options);
    log.append_durably(record(0)).unwrap();
    let ((begun, writing), (go, wait)) = (mpsc::channel(), mpsc::channel());
    set(&plan, |plan| plan.gate = Some((begun, wait)));
    log.append(record(1));
    writing.recv().unwrap();
    // The writer has one; nine more have room.
    (2..20).for_each(|number| log.append(record(number)));
    assert_eq!(log.append_durably(record(99)), Err(AppendError::Full));
    go.send(()).unwrap();
    drop(log);
    check(dir.path(), None).unwrap();
    let entries = all(dir.path());
    assert_eq!(entries.len(), 13);
    let gap = &entries.last().unwrap().record;
    assert_eq!((gap.event, gap.lost), (Kind::Gap, Some(9)));
    assert_eq!(check(dir.path(), None).unwrap().gaps[0].lost, 9);
}

#[test]
fn a_long_outage_is_one_gap() {
    let queue = Queue::new(2, usize::MAX);
    let mut pending = std::collections::VecDeque::new();
    for round in 1..=100 {
        (0..5).for_each(|number| queue.push(record(number)));
        assert!(!queue.take(&mut pending, true));
        let gap = &pending.back().unwrap().record;
        // Two had room in the first round, none since.
        assert_eq!((pending.len(), gap.lost), (3, Some(5 * round - 2)));
    }
    queue.release(pending.iter());
    queue.push(record(6));
    queue.take(&mut pending, true);
    assert_eq!(pending.len(), 4);
}
