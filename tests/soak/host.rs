//! The host under test: a supervisor that is started again on the same data, killed, ended well, and started under
//! another clock.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::stage::{LOOK, Place, Stage};

/// How `ewh serve` is called.
pub struct Called {
    pub ewh: PathBuf,
    /// Whether what is mounted here is of no concern to anybody else.
    pub mounts_apart: bool,
    /// Where all of it is.
    pub dir: PathBuf,
}

impl Called {
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub fn audit(&self) -> PathBuf {
        self.dir.join("audit")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.ewh);
        command
            .args(["serve", "--json", "--isolation", "process"])
            .args(["--longest-pause", "1", "--tenants"])
            .arg(self.dir.join("tenants.toml"))
            .arg("--data")
            .arg(self.data())
            .arg("--audit")
            .arg(self.audit())
            // What floods the log is in the logs of external workers, which are bounded; this file is not.
            .env("EWH_LOG", "warn,guest=off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// What it says to people, of all its lives.
    pub fn said(&self) -> PathBuf {
        self.dir.join("said")
    }

    fn said_file(&self) -> File {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        options.open(self.said()).unwrap()
    }
}

/// A supervisor that runs.
pub struct Host {
    process: Child,
}

impl Host {
    /// Starts it; `ahead`: so many seconds ahead is the clock that it has, which says how long the machine runs.
    pub fn start(called: &Called, stage: &Arc<Stage>, ahead: Option<u64>) -> Self {
        let mut command = called.command();
        command.stderr(called.said_file());
        // SAFETY: what it calls between fork and exec allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(move || {
                // A disk that is full is an error, not the end, where a limit plays the full disk.
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                ahead.map_or(Ok(()), set_clock)
            });
        }
        ends_with_us(&mut command);
        let mut process = command.spawn().unwrap();
        stage.host.store(process.id(), SeqCst);
        let output = process.stdout.take().unwrap();
        let stage = Arc::clone(stage);
        std::thread::spawn(move || hear(output, &stage));
        Self { process }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has ended, which nobody here wants of it.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// SIGKILL, or SIGTERM and its exit code; an end that takes longer than `limit` is made one.
    pub fn end(&mut self, signal: i32, limit: Duration, stage: &Stage) -> Option<i32> {
        stage.does(format_args!("the end of the host by signal {signal}"));
        stage.host.store(0, SeqCst);
        stage.tenants.iter().for_each(crate::stage::Tenant::is_gone);
        send(signal, self.pid());
        let begin = Instant::now();
        loop {
            if let Some(ended) = self.process.try_wait().unwrap() {
                return ended.code();
            }
            if begin.elapsed() > limit {
                stage.wrong(format_args!(
                    "the host did not end within {} s of signal {signal}",
                    limit.as_secs()
                ));
                let _ = self.process.kill();
                return self.process.wait().unwrap().code();
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Its tenants' processes end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Takes down where tenants are served.
fn hear(output: ChildStdout, stage: &Stage) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let said: Json = serde_json::from_str(&line).unwrap_or_default();
        let place = said["url"].as_str().and_then(|url| {
            let url = url.strip_prefix("ws://")?;
            url.split('/').next()?.parse().ok()
        });
        let tenant = said["tenant"].as_str().and_then(|name| stage.tenant(name));
        let pid = said["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        match (tenant, place, pid) {
            (Some(tenant), Some(address), Some(pid)) => tenant.serves_at(Place { address, pid }),
            _ => println!("the host says: {line}"),
        }
    }
}

/// A soak that is killed leaves nothing behind.
pub fn ends_with_us(command: &mut Command) {
    // SAFETY: what it calls between fork and exec takes numbers only.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

/// Sends a signal to a process of this soak.
pub fn send(signal: i32, pid: u32) {
    if let Ok(pid @ 1..) = i32::try_from(pid) {
        // SAFETY: it takes numbers only; who is gone already is no concern.
        unsafe { libc::kill(pid, signal) };
    }
}

/// Whether a process is there, and not only its last word.
pub fn is_there(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}

/// A clock of its own for what is run next in this process: Linux gives each time namespace one.
fn set_clock(ahead: u64) -> io::Result<()> {
    // SAFETY: it takes a number.
    if unsafe { libc::unshare(libc::CLONE_NEWTIME) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut offsets = OpenOptions::new()
        .write(true)
        .open(Path::new("/proc/self/timens_offsets"))?;
    // Without an allocation: another thread may hold the allocator's lock for ever here.
    let mut text = [0_u8; 64];
    let mut rest = &mut text[..];
    writeln!(rest, "monotonic {ahead} 0")?;
    writeln!(rest, "boottime {ahead} 0")?;
    let left = rest.len();
    offsets.write_all(&text[..text.len() - left])
}

/// Whether this machine gives clocks of one's own.
pub fn has_own_clocks() -> bool {
    let mut command = Command::new("true");
    // SAFETY: as in `Host::start`.
    unsafe { command.pre_exec(|| set_clock(1_000)) };
    command.status().is_ok_and(|status| status.success())
}

/// What `ewh audit verify` says: whether the log is whole, how many records it has, and the sentence.
pub fn verify_audit(called: &Called) -> (bool, u64, String) {
    let output = Command::new(&called.ewh)
        .args(["audit", "verify", "--json"])
        .arg(called.audit())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said: Json = serde_json::from_str(&text).unwrap_or_default();
    let is_whole = output.status.success() && said["ok"] == true;
    let why = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    (is_whole, said["records"].as_u64().unwrap_or(0), why)
}
