//! A host that does not run: stopped by a signal, or on a machine whose processors others have. Guests are
//! billed for what they used, and nobody ends because of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use external_worker_artifacts::PROBE_TRAPS;
use serde_json::Value as Json;

/// Half a second and more of work, under limits of hardly more.
const WORK: &str = "millions=400";
const LIMITS: &str = "[budget]\ncpu-share = 1.0\ncpu-burst-ms = 60000\n";

/// `ewh run` of a call that works.
struct Works {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    _dir: tempfile::TempDir,
}

impl Works {
    /// With so much time for the call, and as much processor time.
    fn start(limit: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let policy = dir.path().join("policy.toml");
        let limit = limit.as_millis();
        let limits = format!("{LIMITS}call-deadline-ms = {limit}\ncpu-spin-ms = {limit}\n");
        std::fs::write(&policy, limits).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
            .args(["run", PROBE_TRAPS, "--json", "--policy"])
            .arg(&policy)
            .args(["--call", "work", "--input", WORK])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self {
            process,
            lines,
            _dir: dir,
        }
    }

    /// The next line of this type.
    fn line(&mut self, kind: &str) -> Json {
        loop {
            let line = self.lines.next().expect("there is one").unwrap();
            let line: Json = serde_json::from_str(&line).unwrap();
            if line["type"] == kind {
                return line;
            }
        }
    }

    fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.process.id()).unwrap();
        // SAFETY: it has no memory to do with; the process is ours, and not waited for yet.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// Waits for its end, which is a good one. What it was billed for.
    fn bill(mut self) -> Duration {
        let bill = self.line("status")["cpu_us"].as_u64().unwrap();
        assert!(self.process.wait().unwrap().success());
        Duration::from_micros(bill)
    }
}

/// Processes that use all that they get, until it is dropped.
struct Crowd(Vec<Child>);

impl Crowd {
    fn of(processes: usize) -> Self {
        let busy = || {
            Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .spawn()
        };
        Self((0..processes).map(|_| busy().unwrap()).collect())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for process in &mut self.0 {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

#[test]
fn who_was_stopped_and_who_has_no_processor_is_billed_for_what_it_used() {
    let quiet = Works::start(Duration::from_secs(60)).bill();
    // What it needs, and as much again: a machine that does other things is slower, too.
    let limit = quiet * 2 + Duration::from_millis(500);

    let mut stopped = Works::start(limit);
    assert_eq!(stopped.line("log")["message"], "it works");
    stopped.signal(libc::SIGSTOP);
    // What is tested: it does not run for longer than anything may take.
    std::thread::sleep(limit * 2);
    stopped.signal(libc::SIGCONT);
    let bill = stopped.bill();
    assert!(bill < limit, "{bill:?}, {quiet:?} when it was not stopped");

    let crowd = Crowd::of(8);
    let bill = Works::start(limit).bill();
    drop(crowd);
    assert!(bill < limit, "{bill:?}, {quiet:?} when it was alone");
}
