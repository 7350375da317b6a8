//! What the process of a tenant says to who keeps it: that it serves, what happened in it, and that it wants a
//! process that compiles, since it may start none.
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

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixDatagram, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use crate::audit::{Kind, Record, Sink};
use crate::engine::{Apart, Order, Process, Program, Starter};
use crate::limits::{self, Allowance};
use crate::worker::usage::Usage;

/// How many descriptors come with an order.
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
    /// What some of its external workers did and use.
    Uses {
        /// Whether those that were said before are to be forgotten.
        anew: bool,
        /// These.
        usage: Vec<Usage>,
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
    /// What some of its external workers did and use, in its own words.
    Uses {
        /// Whether those that were said before are to be forgotten.
        anew: bool,
        /// These.
        usage: Vec<Usage>,
    },
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

    /// Where what happens in this process is written down: by who keeps it.
    pub fn reports(&self) -> Reports {
        let (sender, mut records) = mpsc::channel(limits::MAX_TENANT_REPORTS);
        let lost = Arc::new(AtomicU64::new(0));
        let (speaks, counted) = (self.clone(), Arc::clone(&lost));
        tokio::spawn(async move {
            while let Some(record) = records.recv().await {
                let lost = counted.swap(0, Ordering::Relaxed);
                let gap = Record::new(Kind::Gap)
                    .lost(lost)
                    .reason("too much happened at once");
                for record in [Some(record), (lost > 0).then_some(gap)]
                    .into_iter()
                    .flatten()
                {
                    if let Err(error) = speaks.send(&Message::Happened(record), &[]).await {
                        tracing::error!("the audit log does not learn what happens here: {error}");
                    }
                }
            }
        });
        Reports { sender, lost }
    }

    async fn send(&self, message: &Message, with: &[OwnedFd]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let with: Vec<_> = with.iter().map(AsFd::as_fd).collect();
        let send = || {
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !with.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&with)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            sendmsg(
                &*self.0,
                &[IoSlice::new(&bytes)],
                &mut control,
                SendFlags::NOSIGNAL,
            )?;
            Ok(())
        };
        self.0.async_io(Interest::WRITABLE, send).await
    }
}

/// Passes on what happens in this process, without waiting.
#[derive(Debug)]
pub struct Reports {
    sender: mpsc::Sender<Record>,
    lost: Arc<AtomicU64>,
}

impl Sink for Reports {
    fn write(&self, record: Record) {
        if self.sender.try_send(record).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
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
}

impl Compilers {
    /// Those that `program` does.
    pub fn new(program: Program) -> Self {
        let apart = Apart::by(Arc::new(program.clone()));
        Self { program, apart }
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
                Ok((Message::Serves { uuid, name }, _)) => tell(Told::Serves { uuid, name }),
                Ok((Message::Happened(record), _)) => tell(Told::Happened(record)),
                Ok((Message::Uses { anew, usage }, _)) => tell(Told::Uses { anew, usage }),
                Ok((Message::Compile(order), descriptors)) => {
                    let has_room = jobs.len() < limits::MAX_TENANT_ORDERS;
                    if let (true, Ok(descriptors)) = (has_room, descriptors.try_into()) {
                        let ordered = Ordered { order, descriptors };
                        jobs.push(compilers.at_a_place(&places, ordered));
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
        let receive = || {
            let mut bytes = [0; limits::MAX_TENANT_MESSAGE_BYTES];
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let received = recvmsg(
                &self.0,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut control,
                RecvFlags::CMSG_CLOEXEC,
            )?;
            let mut descriptors = Vec::new();
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(with) = message {
                    descriptors.extend(with);
                }
            }
            let cut = ReturnFlags::TRUNC | ReturnFlags::CTRUNC;
            let bytes = bytes.get(..received.bytes).unwrap_or_default();
            match received.flags.intersects(cut) {
                true => Err(io::ErrorKind::InvalidData.into()),
                false => Ok((bytes.to_vec(), descriptors)),
            }
        };
        let (bytes, descriptors) = self.0.async_io(Interest::READABLE, receive).await?;
        Ok((serde_json::from_slice(&bytes)?, descriptors))
    }
}

fn datagram(given: OwnedFd) -> io::Result<UnixDatagram> {
    let given = std::os::unix::net::UnixDatagram::from(given);
    given.set_nonblocking(true)?;
    UnixDatagram::from_std(given)
}

fn stream(given: OwnedFd) -> io::Result<UnixStream> {
    let given = std::os::unix::net::UnixStream::from(given);
    given.set_nonblocking(true)?;
    UnixStream::from_std(given)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;
    use crate::engine::Lane;
    use crate::limits::{Budget, PREPARE_LARGE, PREPARE_SMALL};

    const PATIENCE: Duration = Duration::from_secs(30);
    const STAYS: &str = "echo $$; exec sleep 1000";

    fn compilers(script: &str) -> Arc<Compilers> {
        Arc::new(Compilers::new(Program {
            program: "/bin/sh".into(),
            arguments: ["-c", script, "sh"].map(Into::into).to_vec(),
        }))
    }

    /// What a process has that is kept, and whatever it wants is done.
    fn kept(compilers: Arc<Compilers>) -> Speaks {
        let (hears, given) = Hears::pair().unwrap();
        tokio::spawn(async move { hears.listen(&compilers, |_| {}).await });
        Speaks::adopt(given).unwrap()
    }

    fn order(lane: Lane, most: u64) -> Order {
        Order {
            lane,
            memory: most,
            cpu: most,
            budget: Budget::default(),
        }
    }

    /// What the kernel tells of a process that says its id and stays.
    async fn id(process: &mut Process) -> String {
        let mut id = String::new();
        let mut lines = BufReader::new(&mut process.stdout);
        let line = tokio::time::timeout(PATIENCE, lines.read_line(&mut id));
        line.await.unwrap().unwrap();
        format!("/proc/{}", id.trim())
    }

    async fn said(process: &mut Process) -> String {
        let mut said = String::new();
        let read = process.stdout.read_to_string(&mut said);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        said
    }

    #[tokio::test]
    async fn what_a_process_orders_is_a_strangers_word() {
        let speaks = kept(compilers("echo \"$@\"; exit 7"));
        let own = Budget::default().memory.as_u64();
        for (lane, allowance) in [(Lane::Small, PREPARE_SMALL), (Lane::Large, PREPARE_LARGE)] {
            let (memory, cpu) = (allowance.memory.as_u64() + own, allowance.cpu.as_secs());
            for (most, memory, cpu) in [(u64::MAX, memory, cpu), (1, 1, 1)] {
                let mut process = speaks.start(order(lane, most)).await.unwrap();
                let said = said(&mut process).await;
                let expected = format!("--memory {memory} --cpu {cpu} --budget {{");
                assert!(said.starts_with(&expected), "{said}");
                assert_eq!(process.end.await.unwrap().code(), Some(7));
            }
        }
        for nonsense in [&b""[..], b"{}", b"\xff", &[b' '; 64 << 10]] {
            speaks.0.send(nonsense).await.unwrap();
        }
        // Without descriptors, and with others than belong to it.
        let message = Message::Compile(order(Lane::Small, 1));
        let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        for with in [vec![], vec![null()], vec![null(), null(), null()]] {
            speaks.send(&message, &with).await.unwrap();
        }
        let mut process = speaks.start(order(Lane::Small, 1)).await.unwrap();
        assert!(said(&mut process).await.starts_with("--memory 1 "));
    }

    #[tokio::test]
    async fn who_orders_too_many_does_not_get_them() {
        let speaks = kept(compilers(STAYS));
        let mut waiting = Vec::new();
        for _ in 0..limits::MAX_TENANT_ORDERS {
            waiting.push(speaks.start(order(Lane::Small, 1)).await.unwrap());
        }
        let more = speaks.start(order(Lane::Large, 1)).await.unwrap();
        let error = tokio::time::timeout(PATIENCE, more.end).await.unwrap();
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        drop(waiting);
        let mut process = speaks.start(order(Lane::Large, 1)).await.unwrap();
        assert!(std::fs::exists(id(&mut process).await).unwrap());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_ended() {
        let speaks = kept(compilers(STAYS));
        let mut process = speaks.start(order(Lane::Large, 1)).await.unwrap();
        let process_of = id(&mut process).await;
        assert!(std::fs::exists(&process_of).unwrap());
        drop(process);
        let begin = Instant::now();
        while std::fs::exists(&process_of).unwrap() {
            assert!(begin.elapsed() < PATIENCE, "it goes on");
            tokio::task::yield_now().await;
        }
    }
}
