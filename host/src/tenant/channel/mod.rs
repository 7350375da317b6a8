//! What the process of a tenant says to who keeps it: that it serves, what happened in it, and that it wants
//! what it may not have itself: a process that compiles, a device, and that its calls are passed on
//! ([`super::broker`]). In the other direction it is told who may come in, and what is asked of it
//! ([`super::instruct`]).
//!
//! Its end is its standard output, and each message is one packet. With an order come three descriptors: what
//! the new process reads, what it writes to, and one end of a socket that tells how it ended; so no byte of
//! a component passes through who keeps it. What comes from a tenant is a stranger's word: it runs guests, and a
//! guest may have taken it over. Whatever it orders, it gets no more processes than the host has places for, and
//! none that may use more than those of its lane.
//!
//! All tenants share the places of the host, also the one for what takes much, in the order in which
//! they asked, and none has more than its share of them ordered. The code that comes back is filed in
//! the tenant's own cache.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use external_worker_traces::Call;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixDatagram, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::cgroup::Group;
use super::instruct::Instruction;
use crate::audit::Record;
use crate::engine::{Apart, Order, Process, Program, Starter};
use crate::limits::{self, Allowance};
use crate::worker::usage::Usage;

mod packets;
mod reports;

pub(crate) use packets::{discard, give, send};
use packets::{given, receive, send_bytes};

/// How many descriptors come with an order, and with no message more.
const DESCRIPTORS: usize = 3;

/// What is said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// That it serves.
    Serves {
        /// The uuid of its Worker.
        uuid: String,
        /// The name of its Worker.
        name: String,
    },
    /// That it wants a process that compiles.
    Compile(Order),
    /// What happened in it, for the audit log.
    Happened(Record),
    /// That it passes on what it may not do itself. With it come the end at which that is heard, and where
    /// it is told whether that is done.
    Brokered {
        /// Where its memory has a mark.
        mark: u64,
    },
    /// That it wants something to be opened, with which it is to be told what became of that.
    Open {
        /// The path of it.
        path: PathBuf,
        /// What it is.
        what: Opens,
    },
    /// What some of its external workers did and use.
    Uses {
        /// Whether those that were said before are to be forgotten.
        anew: bool,
        /// These.
        usage: Vec<Usage>,
    },
    /// Calls that have ended.
    Called {
        /// These.
        calls: Vec<Call>,
        /// How many more there were that are not said.
        lost: u64,
    },
}

/// What who keeps the process is told of it.
#[derive(Debug)]
pub enum Told {
    /// That it serves.
    Serves {
        /// The uuid of its Worker.
        uuid: String,
        /// The name of its Worker.
        name: String,
    },
    /// What happened in it, in its own words.
    Happened(Record),
    /// That it passes on what it may not do itself.
    Brokered(HandOver),
    /// That it wants something to be opened.
    Open(Wanted),
    /// What some of its external workers did and use, in its own words.
    Uses {
        /// Whether those that were said before are to be forgotten.
        anew: bool,
        /// These.
        usage: Vec<Usage>,
    },
    /// Calls that have ended, in its own words.
    Called {
        /// These.
        calls: Vec<Call>,
        /// How many more there were that are not said.
        lost: u64,
    },
}

/// How a process passes on what it may not do itself.
#[derive(Debug)]
pub struct HandOver {
    /// Where its memory has a mark.
    pub mark: u64,
    /// Where it is heard.
    pub listener: OwnedFd,
    /// Where it is told whether that is done.
    pub told: OwnedFd,
}

/// What is opened for a process that may not open it itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opens {
    /// A device.
    Device,
    /// A folder that was granted after the process began.
    Folder,
}

/// What a process wants to be opened.
#[derive(Debug)]
pub struct Wanted {
    /// The path of it, in its own words.
    pub path: PathBuf,
    /// What it says that it is.
    pub what: Opens,
    /// Where it is told what became of that.
    pub told: OwnedFd,
}

/// The end of the process that is kept. Clones are the same end.
#[derive(Debug, Clone)]
pub struct Speaks(Arc<UnixDatagram>);

impl Speaks {
    /// The end that this process was given, inside a runtime.
    ///
    /// # Errors
    /// When it was given something else.
    pub(crate) fn adopt(given: OwnedFd) -> io::Result<Self> {
        Ok(Self(Arc::new(datagram(given)?)))
    }

    /// Says that this process serves.
    ///
    /// # Errors
    /// When nobody keeps it.
    pub async fn serves(&self, uuid: &str, name: &str) -> io::Result<()> {
        let (uuid, name) = (uuid.to_owned(), name.to_owned());
        self.send(&Message::Serves { uuid, name }, &[]).await
    }

    /// Says what all external workers of this process did and use.
    ///
    /// # Errors
    /// When nobody keeps it.
    pub async fn uses(&self, mut usage: Vec<Usage>) -> io::Result<()> {
        let mut anew = true;
        loop {
            let rest = usage.split_off(usage.len().min(limits::USAGE_AT_ONCE));
            self.send(&Message::Uses { anew, usage }, &[]).await?;
            if rest.is_empty() {
                return Ok(());
            }
            (anew, usage) = (false, rest);
        }
    }

    /// The next thing that who keeps this process says to it, and what comes with it. For one caller at a time.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) async fn next(&self) -> io::Result<(Instruction, Vec<OwnedFd>)> {
        hear(&self.0).await
    }

    async fn send(&self, message: &Message, with: &[OwnedFd]) -> io::Result<()> {
        say(&self.0, message, with).await
    }

    /// What this process may not open itself; who keeps it may. This waits: it is for a thread that may.
    ///
    /// # Errors
    /// Why it was not opened, or that nobody answers.
    pub(crate) fn open(&self, path: &Path, what: Opens, runtime: &Handle) -> io::Result<OwnedFd> {
        let (answer, told) = std::os::unix::net::UnixStream::pair()?;
        answer.set_read_timeout(Some(limits::BROKER_PATIENCE))?;
        let path = path.to_owned();
        runtime.block_on(self.send(&Message::Open { path, what }, &[told.into()]))?;
        given(answer.as_fd())
    }
}

/// An end that was given, inside a runtime.
fn datagram(given: OwnedFd) -> io::Result<UnixDatagram> {
    let given = std::os::unix::net::UnixDatagram::from(given);
    given.set_nonblocking(true)?;
    UnixDatagram::from_std(given)
}

async fn say(end: &UnixDatagram, message: &impl Serialize, with: &[OwnedFd]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let send = || send_bytes(end.as_fd(), &bytes, with);
    end.async_io(Interest::WRITABLE, send).await
}

async fn hear<T: DeserializeOwned>(end: &UnixDatagram) -> io::Result<(T, Vec<OwnedFd>)> {
    let receive = || receive(end.as_fd());
    let (bytes, descriptors) = end.async_io(Interest::READABLE, receive).await?;
    match serde_json::from_slice(&bytes) {
        Ok(message) => Ok((message, descriptors)),
        Err(error) => {
            discard(descriptors);
            Err(error.into())
        }
    }
}

impl Starter for Speaks {
    fn start(&self, order: Order) -> BoxFuture<'_, io::Result<Process>> {
        Box::pin(async move {
            let (mut end, told) = UnixStream::pair()?;
            let mut sent = vec![told.into_std()?.into()];
            let process = Process::with(|stdin, stdout| {
                sent.extend([stdin, stdout]);
                Ok(Box::pin(async move {
                    let mut status = [0; 4];
                    end.read_exact(&mut status).await?;
                    Ok(ExitStatus::from_raw(i32::from_le_bytes(status)))
                }))
            })?;
            self.send(&Message::Compile(order), &sent).await?;
            Ok(process)
        })
    }
}

/// Starts processes that compile for tenants, which share the places that the host has for them.
#[derive(Debug)]
pub struct Compilers {
    program: Program,
    apart: Apart,
    /// Where they run, if that is said.
    group: Option<Arc<Group>>,
}

impl Compilers {
    /// Those that `program` does.
    pub fn new(program: Program) -> Self {
        let apart = Apart::by(Arc::new(program.clone()));
        Self {
            program,
            apart,
            group: None,
        }
    }

    /// The same, with the same places, for the tenant of `group`.
    #[must_use]
    pub fn of(&self, group: Option<Arc<Group>>) -> Self {
        Self {
            program: self.program.clone(),
            apart: self.apart.clone(),
            group,
        }
    }

    /// Has done what a tenant ordered, once it has one of its places.
    async fn at_a_place(&self, places: &Semaphore, ordered: Ordered) {
        let _place = places.acquire().await;
        if let Err(error) = self.compile(ordered).await {
            tracing::warn!("a process that compiles: {error}");
        }
    }

    /// Has done what a tenant ordered.
    async fn compile(&self, ordered: Ordered) -> io::Result<()> {
        let Ordered {
            order,
            descriptors: [told, stdin, stdout],
        } = ordered;
        let mut told = stream(told)?;
        let place = tokio::select! {
            place = self.apart.place(order.lane) => place.map_err(io::Error::other)?,
            () = gone(&told) => return Ok(()),
        };
        let order = within(order, place.allowance);
        let mut child = self.program.spawn(&order, stdin, stdout)?;
        if let (Some(group), Some(pid)) = (&self.group, child.id())
            && let Err(error) = group.compiles(pid)
        {
            tracing::warn!("a process that compiles is not in the cgroup of its tenant: {error}");
        }
        // Dropped, it is ended: nobody waits for it any more, or it had time for all that it may be asked.
        let status = tokio::select! {
            status = child.wait() => status?,
            () = gone(&told) => return Ok(()),
            () = sleep(place.allowance.time.saturating_mul(2)) => return Ok(()),
        };
        told.write_all(&status.into_raw().to_le_bytes()).await
    }
}

/// Waits until nobody listens at the other end of `told`, where nothing is said.
async fn gone(told: &UnixStream) {
    let mut byte = [0];
    while told.readable().await.is_ok() {
        match told.try_read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// `order`, with no more than `allowance` and an instance may use.
fn within(order: Order, allowance: Allowance) -> Order {
    let most = allowance.memory.as_u64();
    let instance = order
        .budget
        .memory
        .as_u64()
        .min(limits::MAX_DESCRIBING_MEMORY);
    Order {
        memory: order.memory.min(most.saturating_add(instance)),
        cpu: order.cpu.clamp(1, allowance.cpu.as_secs().max(1)),
        ..order
    }
}

/// The end of who keeps the process.
#[derive(Debug)]
pub struct Hears(UnixDatagram);

/// An order, and what comes with it.
struct Ordered {
    order: Order,
    descriptors: [OwnedFd; DESCRIPTORS],
}

impl Hears {
    /// One end, and the other for the process.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixDatagram::pair()?;
        let theirs = theirs.into_std()?;
        // What writes to its standard output may not know that it could be told to wait.
        theirs.set_nonblocking(false)?;
        Ok((Self(ours), theirs.into()))
    }

    /// Tells the process something.
    ///
    /// # Errors
    /// When it cannot be told.
    pub(super) async fn tell(&self, instruction: &Instruction) -> io::Result<()> {
        self.tell_with(instruction, &[]).await
    }

    /// Tells the process something, with descriptors.
    ///
    /// # Errors
    /// When it cannot be told.
    pub(super) async fn tell_with(
        &self,
        instruction: &Instruction,
        with: &[OwnedFd],
    ) -> io::Result<()> {
        say(&self.0, instruction, with).await
    }

    /// Does what the process wants of `compilers`, and passes on what else it says. Never ends: whether the
    /// process has, is told by the system.
    pub async fn listen(
        &self,
        compilers: &Compilers,
        mut tell: impl FnMut(Told),
    ) -> std::convert::Infallible {
        let places = Semaphore::new(limits::PREPARES_AT_ONCE.saturating_add(1));
        let mut jobs = FuturesUnordered::new();
        loop {
            let next = tokio::select! {
                // First: what has ended leaves room for what is ordered.
                biased;
                Some(()) = jobs.next() => continue,
                next = self.next() => next,
            };
            match next {
                Ok((Message::Serves { uuid, name }, others)) => {
                    discard(others);
                    tell(Told::Serves { uuid, name });
                }
                Ok((Message::Happened(record), others)) => {
                    discard(others);
                    tell(Told::Happened(record));
                }
                Ok((Message::Uses { anew, usage }, others)) => {
                    discard(others);
                    tell(Told::Uses { anew, usage });
                }
                Ok((Message::Called { calls, lost }, others)) => {
                    discard(others);
                    tell(Told::Called { calls, lost });
                }
                Ok((Message::Brokered { mark }, descriptors)) => {
                    match <[_; 2]>::try_from(descriptors) {
                        Ok([listener, told]) => tell(Told::Brokered(HandOver {
                            mark,
                            listener,
                            told,
                        })),
                        Err(others) => discard(others),
                    }
                }
                Ok((Message::Open { path, what }, descriptors)) => {
                    match <[_; 1]>::try_from(descriptors) {
                        Ok([told]) => tell(Told::Open(Wanted { path, what, told })),
                        Err(others) => discard(others),
                    }
                }
                Ok((Message::Compile(order), descriptors)) => {
                    let has_room = jobs.len() < limits::MAX_TENANT_ORDERS;
                    match <[_; DESCRIPTORS]>::try_from(descriptors) {
                        Ok(descriptors) if has_room => {
                            let ordered = Ordered { order, descriptors };
                            jobs.push(compilers.at_a_place(&places, ordered));
                        }
                        Ok(refused) => discard(refused),
                        Err(others) => discard(others),
                    }
                }
                Err(error) => {
                    tracing::debug!("the process of a tenant sent a bad message: {error}")
                }
            }
            // Who says much has to wait.
            sleep(limits::TENANT_MESSAGES_EVERY).await;
        }
    }

    async fn next(&self) -> io::Result<(Message, Vec<OwnedFd>)> {
        hear(&self.0).await
    }
}

fn stream(given: OwnedFd) -> io::Result<UnixStream> {
    let given = std::os::unix::net::UnixStream::from(given);
    given.set_nonblocking(true)?;
    UnixStream::from_std(given)
}

#[cfg(test)]
mod tests;
