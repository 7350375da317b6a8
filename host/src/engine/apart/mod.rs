//! Compiling a component, and asking it what it is, in a process of its own with limits: a small file can take
//! a compiler much memory and time, and what it says of itself can take a host much to understand.
//!
//! Who may start processes starts it, or, confined, has it started (`start`). It is this program again, with a
//! command that limits and confines itself before it reads a byte
//! (what it does then is in `component/apart.rs`). It gets the component on its standard input, gives
//! back its code on its standard output, and when it is told to, because the policy covers the component, what
//! that says of itself: so no code comes from a process in which a guest has run. It has no key of the compile
//! cache: what it gives back is filed by who asked, under the hash of what it was asked about. What comes from it
//! is bounded, and its words are cleaned.
//!
//! It is less urgent than what is served, the first to go where memory is short, and ends with the
//! host. There are as many such processes as cores, four at most. What takes more than most begins anew
//! in a lane of its own, so that only its like wait for it, and a module that waits keeps no other from
//! coming out of the cache. What a component said of itself is kept, so a description that is known
//! costs one read. An embedder has to say where it compiles (`Compiling`), since only it knows its
//! program.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytesize::ByteSize;
use futures_util::FutureExt;
use futures_util::future::Fuse;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::{HostError, Result};
use crate::executor::Clock;
use crate::limits::{self, Allowance, Budget};
use crate::text;

mod start;

pub use start::{End, Order, Process, Program, Starter};

/// What a piece of the answer is.
pub const DONE: u8 = 1;
/// The other kind: a [`Refusal`] as JSON.
pub const REFUSED: u8 = 2;
/// What tells the process to go on and let the component describe itself.
pub const DESCRIBE: u8 = 1;

/// How such processes are started, and what each may use. Clones share how many there may be at once.
#[derive(Debug, Clone)]
pub struct Apart {
    /// Who starts them.
    pub starter: Arc<dyn Starter>,
    /// What one of many may use; what takes more begins anew.
    pub small: Allowance,
    /// What it may use then.
    pub large: Allowance,
    places: [Arc<Semaphore>; 2],
}

/// Which of the processes that there may be at once one is. What takes much begins anew as the one that may, so
/// that nobody waits for it but its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Of those that take little.
    Small,
    /// The one that may take as much as any.
    Large,
}

impl Apart {
    /// This process starts them, with `program` and `arguments`: see [`Program`].
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        Self::by(Arc::new(Program { program, arguments }))
    }

    /// As many at once as there are cores, up to [`limits::PREPARES_AT_ONCE`], and one that takes much, which
    /// `starter` starts.
    pub fn by(starter: Arc<dyn Starter>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let at_once = cores.min(limits::PREPARES_AT_ONCE);
        Self {
            starter,
            small: limits::PREPARE_SMALL,
            large: limits::PREPARE_LARGE,
            places: [at_once, 1].map(|places| Arc::new(Semaphore::new(places))),
        }
    }

    /// Waits for a place among the processes that there may be at once.
    ///
    /// # Errors
    /// Never, as long as there are places.
    pub(crate) async fn place(&self, lane: Lane) -> Result<CompileSlot> {
        let [small, large] = &self.places;
        let (places, allowance) = match lane {
            Lane::Small => (small, self.small),
            Lane::Large => (large, self.large),
        };
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.map_err(|error| HostError::Engine(error.to_string()))?;
        Ok(CompileSlot {
            lane,
            allowance,
            _place: place,
        })
    }

    /// Starts a process for `subject`, whose answers may take as long as its place allows on `clock`.
    ///
    /// # Errors
    /// When no process can be had.
    pub(crate) async fn begin(
        &self,
        place: CompileSlot,
        subject: Subject,
        budget: &Budget,
        clock: &Arc<Clock>,
    ) -> Result<Job> {
        let memory = place.allowance.memory.as_u64();
        let memory = memory.saturating_add(budget.memory.as_u64());
        let order = Order {
            lane: place.lane,
            memory,
            cpu: place.allowance.cpu.as_secs().max(1),
            budget: budget.clone(),
        };
        let started = self.starter.start(order).await;
        let process = started.map_err(|error| {
            HostError::Engine(format!(
                "the process that compiles cannot be started: {error}"
            ))
        })?;
        Ok(Job {
            subject,
            clock: Arc::clone(clock),
            memory: ByteSize::b(memory),
            has_compiled: false,
            stdin: process.stdin,
            stdout: BufReader::new(process.stdout),
            end: process.end.fuse(),
            place,
        })
    }
}

/// A place among the processes that there may be at once, until it is dropped.
#[derive(Debug)]
pub(crate) struct CompileSlot {
    lane: Lane,
    /// What the process may use.
    pub(crate) allowance: Allowance,
    _place: OwnedSemaphorePermit,
}

/// What a process is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// For messages.
    pub(crate) name: String,
    pub(crate) wasm: Arc<[u8]>,
}

/// A process at work. Dropped, it is ended.
pub(crate) struct Job {
    subject: Subject,
    clock: Arc<Clock>,
    memory: ByteSize,
    has_compiled: bool,
    stdin: pipe::Sender,
    stdout: BufReader<pipe::Receiver>,
    end: Fuse<End>,
    place: CompileSlot,
}

/// Why there is no answer, from the process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong with the component.
    pub problem: String,
    /// What to do; `None`: it describes itself wrongly.
    pub fix: Option<String>,
}

/// No answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// It took more than its place allows, and there are places that allow more.
    pub(crate) may_take_more: bool,
    error: HostError,
}

impl From<Unanswered> for HostError {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.error
    }
}

impl From<HostError> for Unanswered {
    fn from(error: HostError) -> Self {
        Self {
            may_take_more: false,
            error,
        }
    }
}

/// What did not come from the process.
enum Missing {
    TooMuch,
    Read(io::Error),
}

/// What is asked of the process.
struct Task {
    does: &'static str,
    /// Bytes of the answer.
    most: u64,
}

impl Job {
    /// The component's code.
    ///
    /// # Errors
    /// [`HostError::Component`]: what is wrong with it, or what it takes too much of.
    pub(crate) async fn code(&mut self) -> Result<Vec<u8>, Unanswered> {
        let wasm = Arc::clone(&self.subject.wasm);
        let length = wasm.len() as u64;
        let most = limits::ARTIFACT_RATIO.saturating_mul(length);
        let task = Task {
            does: "compiling it",
            most: most.saturating_add(limits::ARTIFACT_FROM),
        };
        let code = self.ask(&task, &[&length.to_le_bytes(), &wasm]).await?;
        self.has_compiled = true;
        Ok(code)
    }

    /// What the component says of itself, for who knows the form of it. Its code is left out if nobody asked for it.
    ///
    /// # Errors
    /// [`HostError::Component`] or [`HostError::Description`].
    pub(crate) async fn description(&mut self) -> Result<Vec<u8>, Unanswered> {
        if !self.has_compiled {
            self.code().await?;
        }
        let task = Task {
            does: "running its `describe`",
            most: limits::MAX_DESCRIBED_BYTES,
        };
        self.ask(&task, &[&[DESCRIBE]]).await
    }

    async fn ask(&mut self, task: &Task, question: &[&[u8]]) -> Result<Vec<u8>, Unanswered> {
        let time = self.place.allowance.time;
        let stdin = &mut self.stdin;
        let sent = async {
            for part in question {
                stdin.write_all(part).await?;
            }
            stdin.flush().await
        };
        let answer = read(&mut self.stdout, task.most);
        // One that refuses, or ends, before it has read everything says why.
        let answered = async {
            let mut answer = std::pin::pin!(answer);
            tokio::select! {
                biased;
                answer = &mut answer => answer,
                _ = sent => answer.await,
            }
        };
        let clock = Arc::clone(&self.clock);
        match clock.timeout(time, answered).await {
            Ok(Ok((DONE, bytes))) => Ok(bytes),
            Ok(Ok((_, bytes))) => Err(self.refused(&bytes).into()),
            Ok(Err(Missing::TooMuch)) => {
                let most = ByteSize::b(task.most);
                let error = self.too_much(task, &format!("makes more than {most}"));
                Err(error.into())
            }
            Ok(Err(Missing::Read(error))) => Err(self.ended(task, &error).await),
            Err(_elapsed) => {
                let seconds = time.as_secs();
                Err(Unanswered {
                    may_take_more: self.place.lane == Lane::Small,
                    error: self.too_much(task, &format!("takes longer than {seconds} s")),
                })
            }
        }
    }

    fn refused(&self, refusal: &[u8]) -> HostError {
        let Ok(Refusal { problem, fix }) = serde_json::from_slice(refusal) else {
            return self.component("it could not be compiled", "Build it again");
        };
        let clean = |words: &str| text::clean_line(words, limits::MAX_TEXT_BYTES);
        match fix {
            Some(fix) => self.component(&clean(&problem), &clean(&fix)),
            None => HostError::Description(clean(&problem)),
        }
    }

    /// The process ended without an answer: it ran into one of its limits.
    async fn ended(&mut self, task: &Task, error: &io::Error) -> Unanswered {
        let status = timeout(limits::CANCEL_GRACE, &mut self.end).await;
        let Ok(Ok(status)) = status else {
            let problem = format!("{} failed: {error}", task.does);
            return self.component(&problem, "Try it again").into();
        };
        let memory = self.memory;
        // Where an allocation fails, or a stack ends, a process aborts.
        let is_too_much = matches!(status.signal(), Some(libc::SIGABRT | libc::SIGXCPU));
        let what = match status.signal() {
            Some(libc::SIGXCPU) => {
                let cpu = self.place.allowance.cpu.as_secs();
                format!("takes more than {cpu} s of processor time")
            }
            Some(libc::SIGABRT) => {
                format!("takes more than the {memory} of memory that it may have")
            }
            Some(libc::SIGKILL) => {
                "was ended by the machine, which may be short of memory".to_owned()
            }
            _ => format!("ended its process with {status}"),
        };
        Unanswered {
            may_take_more: is_too_much && self.place.lane == Lane::Small,
            error: self.too_much(task, &what),
        }
    }

    fn too_much(&self, task: &Task, what: &str) -> HostError {
        let fix = "Make its functions smaller, or what it says of itself shorter";
        self.component(&format!("{} {what}", task.does), fix)
    }

    fn component(&self, problem: &str, fix: &str) -> HostError {
        HostError::Component {
            name: self.subject.name.clone(),
            problem: problem.to_owned(),
            fix: fix.to_owned(),
        }
    }
}

/// One piece of the answer, of at most `most` bytes.
async fn read(from: &mut BufReader<pipe::Receiver>, most: u64) -> Result<(u8, Vec<u8>), Missing> {
    let kind = from.read_u8().await.map_err(Missing::Read)?;
    let length = from.read_u64_le().await.map_err(Missing::Read)?;
    let most = match kind {
        DONE => most,
        _ => limits::MAX_REFUSAL_BYTES,
    };
    if length > most {
        return Err(Missing::TooMuch);
    }
    let mut bytes = Vec::new();
    let read = from.take(length).read_to_end(&mut bytes).await;
    match read {
        Ok(read) if read as u64 == length => Ok((kind, bytes)),
        Ok(_) => Err(Missing::Read(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(Missing::Read(error)),
    }
}

/// Writes one piece of the answer, in the process.
///
/// # Errors
/// When nobody reads it any more.
pub fn write(to: &mut impl io::Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&[kind])?;
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}
