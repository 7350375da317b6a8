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

use external_worker_control::token::Key;
use external_worker_traces::Call;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::asking::refuse;
use super::broker::Broker;
use super::cgroup::Group;
use super::channel::{Compilers, Hears, Told, discard};
use super::question::Questions;
use crate::audit::Record;
use crate::capability::secrets::Known;
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
    /// What it gets of the machine, if the kernel divides that.
    pub group: Option<Arc<Group>>,
    /// Who may come in, if the process expects to be told.
    pub keys: Option<watch::Receiver<Arc<[Key]>>>,
    /// Which secrets the tenant has, if the process expects to be told.
    pub secrets: Option<watch::Receiver<Arc<Known>>>,
    /// What it is asked, if somebody asks.
    pub questions: Option<Questions>,
    /// What does for it what it may not do itself.
    pub broker: Arc<Broker>,
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
    /// Calls in it have ended, in its own words.
    Called {
        /// These.
        calls: Vec<Call>,
        /// How many more there were that are not said.
        lost: u64,
    },
    /// It is started again, since what its policies grant needs another one.
    Again,
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
            Ok(ran) => {
                has_served |= ran.has_served;
                if ran.status.success() || orders.stop.is_cancelled() {
                    return Ended::Stopped;
                }
                if ran.is_to_be_again {
                    tell(Event::Again);
                    continue;
                }
                match ran.status.code() {
                    Some(code) if restarts.only_once_begun && !has_served => {
                        return Ended::NeverBegan(code);
                    }
                    _ => describe(ran.status),
                }
            }
            Err(error) => format!("cannot be started: {error}"),
        };
        if began.elapsed() >= limits::RESTART_HEALTHY_AFTER {
            pause = limits::RESTART_BACKOFF_FIRST;
        }
        pause = pause.min(restarts.longest_pause);
        tell(Event::Died { how, pause });
        let stopped = timeout(pause, orders.stop.cancelled());
        tokio::select! {
            stopped = stopped => if stopped.is_ok() {
                return Ended::Stopped;
            },
            never = refuse(service.questions.as_ref()) => match never {},
        }
        pause = pause.saturating_mul(2);
    }
}

/// What became of a process.
struct Ran {
    status: ExitStatus,
    has_served: bool,
    /// Whether it was ended for the sake of the next one.
    is_to_be_again: bool,
}

/// Runs the process once.
async fn run(service: &Service, orders: &Orders, tell: &dyn Fn(Event)) -> io::Result<Ran> {
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
    // Before it reads anything of a guest.
    if let (Some(group), Some(id)) = (&service.group, id)
        && let Err(error) = group.serves(id)
    {
        tell(Event::Said(format!("it is not in its cgroup: {error}")));
    }
    let broker = &*service.broker;
    let (wants, devices) = broker.begin(id);
    let mut has_served = false;
    let hearing = hears.listen(&service.compilers, |told| match told {
        Told::Serves { uuid, name } if !has_served => {
            if let Some(ready) = id.and_then(|id| ready(id, &uuid, &name)) {
                has_served = true;
                tell(ready);
            }
        }
        Told::Serves { .. } => {}
        // Before it runs anything of a guest.
        Told::Brokered(over) if !has_served => broker.hand_over(over),
        Told::Brokered(over) => discard(over),
        Told::Open(wanted) => wants.want(wanted),
        Told::Happened(record) => tell(Event::Happened(record)),
        Told::Uses { anew, usage } => tell(Event::Uses { anew, usage }),
        Told::Called { calls, lost } => tell(Event::Called { calls, lost }),
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
        never = hears.keep_let_in(service.keys.clone()) => match never {},
        never = hears.keep_told(service.secrets.clone()) => match never {},
        never = hears.pass_on(service.questions.as_ref()) => match never {},
        never = broker.open(devices) => match never {},
        ended = ending => ended,
    };
    broker.end();
    let (status, is_to_be_again) = status?;
    Ok(Ran {
        status,
        has_served,
        is_to_be_again,
    })
}

/// Waits for the end, and brings it about where it is ordered; whether another one is to take its place.
async fn end(
    process: &mut tokio::process::Child,
    service: &Service,
    orders: &Orders,
) -> io::Result<(ExitStatus, bool)> {
    let is_to_be_again = tokio::select! {
        status = process.wait() => return Ok((status?, false)),
        () = orders.stop.cancelled() => false,
        () = service.again.notified() => true,
    };
    let pid = process.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // One that is gone needs no signal.
        let _ = kill_process(pid, Signal::TERM);
    }
    tokio::select! {
        status = process.wait() => return Ok((status?, is_to_be_again)),
        () = orders.kill.cancelled() => {}
        () = sleep(limits::TENANT_STOP_DEADLINE) => {}
    }
    process.start_kill()?;
    Ok((process.wait().await?, is_to_be_again))
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
    use std::time::SystemTime;

    use external_worker_control::{Role, token};

    use super::*;
    use crate::audit::Auditor;
    use crate::engine::Program;
    use crate::policy::Guarded;
    use crate::tenant::policies::Policies;
    use crate::worker::DataDir;

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

    fn broker() -> Broker {
        let policies = Policies {
            of_tenant: None,
            data_dir: DataDir {
                data: "/nowhere".into(),
            },
        };
        Broker::new(policies, Guarded::default(), Auditor::default())
    }

    #[tokio::test]
    async fn each_process_is_told_who_may_come_in_before_it_serves_and_when_that_changes() {
        let made = |role| token::make(role, Some("lab"), None, SystemTime::now());
        let [first, second] = [Role::Viewer, Role::Author].map(|role| made(role).unwrap().1);
        let (sender, keys) = watch::channel(Arc::from([first.clone()]));
        // It says what it is told, which is one packet here, and once more, and dies.
        const SCRIPT: &str = "hear() { dd bs=8192 count=1 status=none <&1 >&2; echo >&2; }
            hear; hear; exit 1";
        let service = Service {
            listener: std::fs::File::open("/dev/null").unwrap().into(),
            again: Arc::default(),
            compilers: Arc::new(Compilers::new(Program {
                program: "/nowhere".into(),
                arguments: Vec::new(),
            })),
            group: None,
            keys: Some(keys),
            secrets: None,
            questions: None,
            broker: Arc::new(broker()),
            command: Box::new(|| {
                let mut command = Command::new("sh");
                command.args(["-c", SCRIPT]);
                command
            }),
        };
        let restarts = Restarts {
            longest_pause: Duration::from_millis(1),
            only_once_begun: false,
        };
        let orders = Orders::default();
        let said = std::cell::RefCell::new(Vec::new());
        let tell = |event| match event {
            Event::Said(line) => {
                let both = [&first, &second].map(|key| line.contains(&key.id));
                if both != [false, false] {
                    said.borrow_mut().push(both);
                }
                match said.borrow().len() {
                    1 => drop(sender.send_replace(Arc::from([second.clone()]))),
                    3 => {
                        orders.stop.cancel();
                        // What still hears ends.
                        sender.send_replace(Arc::from([]));
                    }
                    _ => {}
                }
            }
            Event::Died { .. } => {}
            other => panic!("{other:?}"),
        };
        let keeping = keep(&service, restarts, &orders, &tell);
        timeout(Duration::from_secs(30), keeping).await.unwrap();
        let expected = [[true, false], [false, true], [false, true]];
        assert_eq!(said.borrow()[..3], expected);
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
            group: None,
            keys: None,
            secrets: None,
            questions: None,
            broker: Arc::new(broker()),
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
