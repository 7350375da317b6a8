//! Keeps the process of a tenant alive: starts it, hears it, starts it again when it died.
//!
//! A process gets the socket that it serves as its standard input, and says on its standard output
//! that it serves, and what it wants ([`super::channel`]). The socket stays open here all the time: who connects while there is
//! no process waits, and no byte of a client passes through here. What a process says is a
//! stranger's word: it runs guests, and a guest may have taken it over.
//!
//! A process may die at any time: what the next one has is what the store has.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::channel::{Compilers, Hears, Told};
use crate::audit::Record;
use crate::worker::usage::Usage;
use crate::{limits, text};

/// What serves a tenant.
pub struct Service {
    /// Who connects waits here.
    pub listener: OwnedFd,
    /// How its process is started, but for what it reads and writes.
    pub command: Box<dyn Fn() -> Command>,
    /// Rung when the process that runs is out of date and is to be started again.
    pub again: Arc<Notify>,
    /// What it may have compiled.
    pub compilers: Arc<Compilers>,
}

/// What processes are told from outside.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// To end well.
    pub stop: CancellationToken,
    /// To end.
    pub kill: CancellationToken,
}

/// What happens to a process.
#[derive(Debug)]
pub enum Event {
    /// It serves.
    Ready {
        /// Its id.
        pid: u32,
        /// The uuid of the Worker.
        uuid: uuid::Uuid,
        /// The name of the Worker, cleaned.
        name: String,
    },
    /// A line that it wrote for people, cleaned.
    Said(String),
    /// What happened in it, in its own words.
    Happened(Record),
    /// What some of its external workers did and use, in its own words.
    Uses {
        /// Whether those that were said before are to be forgotten.
        anew: bool,
        /// These.
        usage: Vec<Usage>,
    },
    /// It died, and is started again.
    Died {
        /// How, for a sentence that begins with "its process".
        how: String,
        /// After this pause.
        pause: Duration,
    },
}

/// Why there is no process any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A client ended it, or the host does.
    Stopped,
    /// It never served, and said itself that it cannot, with this exit code.
    NeverBegan(i32),
}

/// When a process is started again.
#[derive(Debug, Clone, Copy)]
pub struct Restarts {
    /// The longest pause before it. The first is [`limits::RESTART_BACKOFF_FIRST`]; it doubles until
    /// one ran for [`limits::RESTART_HEALTHY_AFTER`].
    pub longest_pause: Duration,
    /// One that cannot begin is not tried again.
    pub only_once_begun: bool,
}

/// Keeps from processes that are started what whoever started this one had open; what this program opens
/// itself is never passed on.
///
/// # Errors
/// When the kernel cannot do it: before Linux 5.11.
pub(crate) fn pass_on_nothing() -> io::Result<()> {
    const STANDARD_STREAMS: libc::c_uint = 3;
    // SAFETY: it marks descriptors, and closes none.
    let marked = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            STANDARD_STREAMS,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if marked == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Keeps the process of `service` alive until it ends by itself or by order.
///
/// A process dies with the thread that started it: this has to be awaited on one that stays, such as
/// the only one of a runtime.
pub async fn keep(
    service: &Service,
    restarts: Restarts,
    orders: &Orders,
    tell: &dyn Fn(Event),
) -> Ended {
    let mut pause = limits::RESTART_BACKOFF_FIRST;
    let mut has_served = false;
    loop {
        let began = Instant::now();
        let how = match run(service, orders, tell).await {
            Ok((status, served)) => {
                has_served |= served;
                if status.success() || orders.stop.is_cancelled() {
                    return Ended::Stopped;
                }
                match status.code() {
                    Some(code) if restarts.only_once_begun && !has_served => {
                        return Ended::NeverBegan(code);
                    }
                    _ => describe(status),
                }
            }
            Err(error) => format!("cannot be started: {error}"),
        };
        if began.elapsed() >= limits::RESTART_HEALTHY_AFTER {
            pause = limits::RESTART_BACKOFF_FIRST;
        }
        pause = pause.min(restarts.longest_pause);
        tell(Event::Died { how, pause });
        if timeout(pause, orders.stop.cancelled()).await.is_ok() {
            return Ended::Stopped;
        }
        pause = pause.saturating_mul(2);
    }
}

/// Runs the process once; how it ended, and whether it had served.
async fn run(
    service: &Service,
    orders: &Orders,
    tell: &dyn Fn(Event),
) -> io::Result<(ExitStatus, bool)> {
    let mut command = (service.command)();
    let (hears, speaks) = Hears::pair()?;
    command
        .stdin(Stdio::from(service.listener.try_clone()?))
        .stdout(Stdio::from(speaks))
        .stderr(Stdio::piped());
    let mut process = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()?;
    let id = process.id();
    let mut has_served = false;
    let hearing = hears.listen(&service.compilers, |told| match told {
        Told::Serves { uuid, name } if !has_served => {
            if let Some(ready) = id.and_then(|id| ready(id, &uuid, &name)) {
                has_served = true;
                tell(ready);
            }
        }
        Told::Serves { .. } => {}
        Told::Happened(record) => tell(Event::Happened(record)),
        Told::Uses { anew, usage } => tell(Event::Uses { anew, usage }),
    });
    let stderr = process.stderr.take();
    let said = async {
        if let Some(stderr) = stderr {
            lines(stderr, |line| tell(Event::Said(line))).await;
        }
    };
    let ending = async { tokio::join!(said, end(&mut process, service, orders)) };
    let ((), status) = tokio::select! {
        // First: what it said before it ended counts.
        biased;
        never = hearing => match never {},
        ended = ending => ended,
    };
    Ok((status?, has_served))
}

/// Waits for the end, and brings it about where it is ordered.
async fn end(
    process: &mut tokio::process::Child,
    service: &Service,
    orders: &Orders,
) -> io::Result<ExitStatus> {
    tokio::select! {
        status = process.wait() => return status,
        () = orders.stop.cancelled() => {}
        () = service.again.notified() => {}
    }
    let pid = process.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // One that is gone needs no signal.
        let _ = kill_process(pid, Signal::TERM);
    }
    tokio::select! {
        status = process.wait() => return status,
        () = orders.kill.cancelled() => {}
        () = sleep(limits::TENANT_STOP_DEADLINE) => {}
    }
    process.start_kill()?;
    process.wait().await
}

/// What is told of a process that says that it serves; nothing if that is nonsense.
fn ready(pid: u32, uuid: &str, name: &str) -> Option<Event> {
    Some(Event::Ready {
        pid,
        uuid: uuid::Uuid::try_parse(uuid).ok()?,
        name: text::clean_line(name, limits::MAX_NAME_BYTES),
    })
}

/// Each line of `stream`, cleaned; one that is too long is several. Who says too much has to wait.
async fn lines(stream: impl AsyncRead + Unpin, mut each: impl FnMut(String)) {
    const SECOND: Duration = Duration::from_secs(1);
    let limit = limits::MAX_PRINTED_LINE_BYTES;
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    let (mut since, mut said) = (Instant::now(), 0_usize);
    loop {
        line.clear();
        let mut part = (&mut reader).take(u64::try_from(limit).unwrap_or(u64::MAX));
        match part.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(bytes) => said = said.saturating_add(bytes),
        }
        each(text::clean_line(&String::from_utf8_lossy(&line), limit));
        if said > limits::TENANT_LOG_BYTES_PER_SECOND {
            sleep(SECOND.saturating_sub(since.elapsed())).await;
        }
        if since.elapsed() >= SECOND {
            (since, said) = (Instant::now(), 0);
        }
    }
}

fn describe(status: ExitStatus) -> String {
    let Some(signal) = status.signal() else {
        let code = status.code().unwrap_or_default();
        return format!("ended with exit code {code}");
    };
    match signal {
        libc::SIGSYS => {
            format!("was killed by signal {signal} (SIGSYS): it tried what its confinement forbids")
        }
        libc::SIGKILL => format!("was killed by signal {signal} (SIGKILL)"),
        libc::SIGSEGV => format!("was killed by signal {signal} (SIGSEGV)"),
        libc::SIGABRT => format!("was killed by signal {signal} (SIGABRT)"),
        _ => format!("was killed by signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Program;

    #[tokio::test]
    async fn what_a_process_says_is_a_strangers_word() {
        let flood = [b'x'; 3 * limits::MAX_PRINTED_LINE_BYTES];
        let mut said = Vec::new();
        lines(&flood[..], |line| said.push(line)).await;
        assert_eq!(said.len(), 3);
        said.clear();
        lines(&b"a\x1b[2J\xff\nb"[..], |line| said.push(line)).await;
        assert_eq!(said, ["a\u{fffd}[2J\u{fffd}", "b"]);
        assert!(ready(1, "x", "").is_none());
        let uuid = "00000000000000000000000000000001";
        let Some(Event::Ready { name, pid: 1, .. }) = ready(1, uuid, "a\u{1b}[2J") else {
            panic!("it is ready");
        };
        assert_eq!(name, "a\u{fffd}[2J");
    }

    #[tokio::test]
    async fn what_cannot_begin_ends_what_dies_is_started_again_and_what_stops_is_not() {
        let service = |script: &'static str| Service {
            listener: std::fs::File::open("/dev/null").unwrap().into(),
            again: Arc::default(),
            compilers: Arc::new(Compilers::new(Program {
                program: "/nowhere".into(),
                arguments: Vec::new(),
            })),
            command: Box::new(move || {
                let mut command = Command::new("sh");
                command.args(["-c", script]);
                command
            }),
        };
        let restarts = |only_once_begun| Restarts {
            longest_pause: Duration::from_millis(1),
            only_once_begun,
        };
        let orders = Orders::default();
        let never = keep(&service("exit 3"), restarts(true), &orders, &|_| {}).await;
        assert_eq!(never, Ended::NeverBegan(3));
        let stopped = keep(&service("exit 0"), restarts(false), &orders, &|_| {}).await;
        assert_eq!(stopped, Ended::Stopped);
        let died = std::cell::RefCell::new(Vec::new());
        let tell = |event| {
            if let Event::Died { how, .. } = event {
                died.borrow_mut().push(how);
                if died.borrow().len() == 3 {
                    orders.stop.cancel();
                }
            }
        };
        let killed = keep(&service("kill -9 $$"), restarts(true), &orders, &tell).await;
        assert_eq!(killed, Ended::Stopped);
        assert_eq!(*died.borrow(), ["was killed by signal 9 (SIGKILL)"; 3]);
    }
}
