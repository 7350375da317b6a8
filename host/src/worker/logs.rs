//! What external workers logged, kept on disk: a file for each, with the one before it beside it.
//!
//! Whoever logs waits for no disk: lines go to one thread of the Worker, as many as [`limits::MAX_LOG_QUEUE_BYTES`]
//! hold; what does not fit is counted, and said in the log of who was not heard. How much a guest may log is its
//! budget's; here each has no more than two files of [`limits::LOG_FILE_BYTES`].

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{SystemTime, UNIX_EPOCH};

use external_worker_control::model::LogLine;

use crate::limits;

/// Takes lines, and writes them when there is time.
#[derive(Debug)]
pub(super) struct Logs {
    sender: Sender<Job>,
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: AtomicUsize,
    lost: AtomicU64,
    last: AtomicU64,
}

#[derive(Debug)]
enum Job {
    Write { uuid: String, line: LogLine },
    Remove { uuid: String },
}

impl Logs {
    /// Those in `dir`, which is there.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        let (sender, jobs) = channel();
        let queue = Arc::<Queue>::default();
        let written = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("logs".to_owned())
            .spawn(move || work(&dir, &jobs, &written))?;
        Ok(Self { sender, queue })
    }

    /// Keeps a line of `uuid`.
    pub(super) fn write(&self, uuid: &str, level: &str, text: &str) {
        let bytes = cost(uuid, text);
        let before = self.queue.bytes.fetch_add(bytes, Ordering::AcqRel);
        if before.saturating_add(bytes) > limits::MAX_LOG_QUEUE_BYTES {
            self.queue.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.queue.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.queue.lost.swap(0, Ordering::Relaxed);
        let text = match lost {
            0 => text.to_owned(),
            lost => {
                format!("{text} ({lost} lines of this Worker before it are lost: too many at once)")
            }
        };
        let line = self.queue.number(level, text);
        let uuid = uuid.to_owned();
        // Its thread ends with this only.
        let _ = self.sender.send(Job::Write { uuid, line });
    }

    /// Forgets what `uuid` logged.
    pub(super) fn remove(&self, uuid: &str) {
        let uuid = uuid.to_owned();
        let _ = self.sender.send(Job::Remove { uuid });
    }
}

impl Queue {
    /// Numbers grow, also from one process to the next, without anything that keeps them.
    fn number(&self, level: &str, text: String) -> LogLine {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = now.map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or(0));
        let next = |last: u64| Some(micros.max(last.saturating_add(1)));
        let (Ok(last) | Err(last)) =
            self.last
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        LogLine {
            number: micros.max(last.saturating_add(1)),
            at: micros / 1_000_000,
            level: level.to_owned(),
            text,
        }
    }
}

fn cost(uuid: &str, text: &str) -> usize {
    size_of::<Job>()
        .saturating_add(uuid.len())
        .saturating_add(text.len())
}

fn work(dir: &Path, jobs: &Receiver<Job>, queue: &Queue) {
    while let Ok(first) = jobs.recv() {
        let mut lines: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        // What waits already is written together.
        for job in std::iter::once(first).chain(jobs.try_iter().take(limits::LOG_LINES_AT_ONCE)) {
            match job {
                Job::Write { uuid, line } => {
                    queue
                        .bytes
                        .fetch_sub(cost(&uuid, &line.text), Ordering::AcqRel);
                    let text = lines.entry(uuid).or_default();
                    if serde_json::to_writer(&mut *text, &line).is_ok() {
                        text.push(b'\n');
                    }
                }
                Job::Remove { uuid } => {
                    lines.remove(&uuid);
                    if let Some([now, before]) = files(dir, &uuid) {
                        let _ = std::fs::remove_file(now);
                        let _ = std::fs::remove_file(before);
                    }
                }
            }
        }
        for (uuid, lines) in lines {
            if let Err(error) = append(dir, &uuid, &lines) {
                tracing::debug!("a line of the log of {uuid} is lost: {error}");
            }
        }
    }
}

/// The file that is written, and the one before it; none for what is no uuid.
fn files(dir: &Path, uuid: &str) -> Option<[PathBuf; 2]> {
    let is_plain = !uuid.is_empty() && uuid.len() <= 36;
    let is_plain = is_plain
        && uuid
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_plain.then(|| {
        let file = |ending| dir.join(format!("{uuid}.{ending}"));
        [file("log"), file("old")]
    })
}

fn append(dir: &Path, uuid: &str, lines: &[u8]) -> io::Result<()> {
    let Some([now, before]) = files(dir, uuid) else {
        return Ok(());
    };
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&now)?;
    if file.metadata()?.len() > limits::LOG_FILE_BYTES {
        std::fs::rename(&now, before)?;
        file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .mode(0o600)
            .open(&now)?;
    }
    file.write_all(lines)
}

/// The last lines of `uuid` with a greater number than `after`, no more than [`limits::MAX_LOG_LINES_SHOWN`].
pub(super) fn read(dir: &Path, uuid: &str, after: u64) -> Vec<LogLine> {
    let Some([now, before]) = files(dir, uuid) else {
        return Vec::new();
    };
    let mut lines = std::collections::VecDeque::new();
    for file in [before, now] {
        let Ok(file) = File::open(file) else {
            continue;
        };
        // A batch may have made it longer, by no more than what waits.
        let most = limits::LOG_FILE_BYTES.saturating_add(limits::MAX_LOG_QUEUE_BYTES as u64 * 2);
        for line in BufReader::new(file.take(most)).lines() {
            let Ok(line) = line else { break };
            // One that was torn when the host was killed is no line.
            let Ok(line) = serde_json::from_str::<LogLine>(&line) else {
                continue;
            };
            if line.number <= after {
                continue;
            }
            if lines.len() >= limits::MAX_LOG_LINES_SHOWN {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    }
    lines.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0123456789abcdef0123456789abcdef";

    fn written(logs: Logs) -> Logs {
        while logs.queue.bytes.load(Ordering::Acquire) > 0 {
            std::thread::yield_now();
        }
        logs
    }

    /// Until the thread has done what was asked before.
    fn read_until(dir: &Path, after: u64, enough: impl Fn(&[LogLine]) -> bool) -> Vec<LogLine> {
        let begin = std::time::Instant::now();
        loop {
            let lines = read(dir, UUID, after);
            if enough(&lines) {
                return lines;
            }
            assert!(begin.elapsed().as_secs() < 60, "{lines:?}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn lines_come_back_in_their_order_and_go_with_their_worker() {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::open(dir.path().to_owned()).unwrap();
        for number in 0..10 {
            logs.write(UUID, "info", &format!("line {number}"));
        }
        logs.write("../../outside", "info", "nobody reads this");
        let lines = read_until(dir.path(), 0, |lines| lines.len() == 10);
        assert!(lines.is_sorted_by(|a, b| a.number < b.number));
        assert_eq!(lines[9].text, "line 9");
        let last = read(dir.path(), UUID, lines[7].number);
        assert_eq!(last, lines[8..]);
        // A torn line hides no other.
        let [now, _] = files(dir.path(), UUID).unwrap();
        let mut file = OpenOptions::new().append(true).open(&now).unwrap();
        file.write_all(b"{\"number\": 1\n").unwrap();
        assert_eq!(read(dir.path(), UUID, 0), lines);
        logs.remove(UUID);
        read_until(dir.path(), 0, <[_]>::is_empty);
    }

    #[test]
    fn a_guest_has_two_files_and_who_is_too_fast_hears_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = Logs::open(dir.path().to_owned()).unwrap();
        let long = "x".repeat(limits::MAX_PRINTED_LINE_BYTES);
        for _ in 0..8 * limits::LOG_FILE_BYTES / long.len() as u64 {
            logs.write(UUID, "info", &long);
            logs = written(logs);
        }
        let sizes: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(sizes.len(), 2, "{sizes:?}");
        assert!(
            sizes.iter().all(|size| *size < 2 * limits::LOG_FILE_BYTES),
            "{sizes:?}"
        );
        logs.queue
            .bytes
            .store(limits::MAX_LOG_QUEUE_BYTES, Ordering::Release);
        logs.write(UUID, "info", "lost");
        logs.queue.bytes.store(0, Ordering::Release);
        logs.write(UUID, "info", "heard");
        let heard = |lines: &[LogLine]| lines.last().is_some_and(|it| it.text.starts_with("heard"));
        let lines = read_until(dir.path(), 0, heard);
        assert!(
            lines
                .last()
                .unwrap()
                .text
                .contains("1 lines of this Worker")
        );
        assert!(!lines.iter().any(|line| line.text == "lost"));
    }
}
