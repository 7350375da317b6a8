//! Answers the calls of one process: looks at what it asks for, has it decided, and does it.
//!
//! Whatever is done is done on the copy of a descriptor, with an address or a path that was read here: it does not matter
//! what the process changes meanwhile.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use rustix::net;

use super::Audit;
use super::deeds::Deeds;
use super::folders::Folders;
use super::live::Live;
use super::notice::{Answer, Asked, Call, Kind, Listener, Place, Process, Said, kind, local};
use crate::limits;
use crate::policy::Denial;

/// Hears one process, until it ends.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) listener: Arc<Listener>,
    pub(super) process: Arc<Process>,
    pub(super) live: Arc<Live>,
    pub(super) folders: Arc<Folders>,
    pub(super) audit: Audit,
    /// Whether its calls are made here; if not, they are its own, and its confinement holds them.
    pub(super) is_on: bool,
}

impl Calls {
    /// Answers every call, and no more of them in a turn than one may take.
    pub(super) fn hear(self) {
        let waiting = Arc::new(AtomicUsize::new(0));
        let (mut since, mut asked) = (Instant::now(), 0);
        loop {
            let call = match self.listener.next() {
                Ok(Some(call)) => call,
                Ok(None) => return,
                Err(error) => {
                    // With the listener closed, its calls fail.
                    tracing::warn!("the process of a tenant is not heard any more: {error}");
                    return;
                }
            };
            if asked >= limits::BROKER_ASKED_AT_ONCE {
                thread::sleep(limits::BROKER_TURN.saturating_sub(since.elapsed()));
            }
            if since.elapsed() >= limits::BROKER_TURN {
                (since, asked) = (Instant::now(), 0);
            }
            asked = asked.saturating_add(1);
            match self.is_on {
                true => self.answer(call, &waiting),
                false => self.listener.answer(call.id, Answer::GoOn),
            }
        }
    }

    fn answer(&self, call: Call, waiting: &Arc<AtomicUsize>) {
        let done = match call.asked {
            Asked::Deed(deed) => {
                let deeds = Deeds {
                    process: &self.process,
                    folders: &self.folders,
                    live: &self.live,
                    audit: &self.audit,
                    waits: &|| self.listener.waits(call.id),
                };
                return self.listener.answer(call.id, deeds.answer(deed));
            }
            Asked::Connect(socket, place) => match self.connect(call.id, socket, place) {
                Ok(Connecting::Done) => Ok(()),
                Ok(Connecting::Waits(socket, peer)) => {
                    return self.connect_slowly(call.id, socket, peer, waiting);
                }
                Err(errno) => Err(errno),
            },
            Asked::Bind(socket, place) => self.bind(call.id, socket, place),
            Asked::Listen(socket, backlog) => self.listen(socket, backlog),
            // It says all there is to know in numbers, which nobody changes any more.
            Asked::Datagrams if self.live.datagrams() => {
                return self.listener.answer(call.id, Answer::GoOn);
            }
            Asked::Datagrams => Err(self.refuse("a socket for datagrams", "none is granted")),
            Asked::Other => Err(Errno::NOSYS),
        };
        self.listener.answer(call.id, Answer::Done(done));
    }

    fn connect(&self, id: u64, socket: RawFd, place: Place) -> Result<Connecting, Errno> {
        let (socket, kind, said) = self.look(id, socket, place)?;
        let peer = match (kind, said) {
            (Kind::Udp, Said::Nowhere) => {
                net::connect_unspec(&socket)?;
                return Ok(Connecting::Done);
            }
            // It may send anywhere already: see `Live::datagrams`.
            (Kind::Udp, Said::Address(peer)) => {
                net::connect(&socket, &peer)?;
                return Ok(Connecting::Done);
            }
            (Kind::Tcp, Said::Address(peer)) => peer,
            (_, Said::Nowhere | Said::Other) => {
                return Err(self.refuse("connecting a socket", "that is no address of it"));
            }
        };
        self.decided(self.live.connect(peer))?;
        if fcntl_getfl(&socket)?.contains(OFlags::NONBLOCK) {
            net::connect(&socket, &peer)?;
            return Ok(Connecting::Done);
        }
        // Only the C library waits, for long answers about names.
        match self.live.resolves(peer) {
            true => Ok(Connecting::Waits(socket, peer)),
            false => Err(self.refuse(format_args!("connecting to {peer}"), "the socket waits")),
        }
    }

    /// Connects on another thread, since that may take minutes; only so many at once.
    fn connect_slowly(
        &self,
        id: u64,
        socket: OwnedFd,
        peer: SocketAddr,
        waiting: &Arc<AtomicUsize>,
    ) {
        let turn = Turn::take(waiting);
        let listener = Arc::clone(&self.listener);
        let connect = move || {
            let done = match turn {
                Some(_turn) => net::connect(&socket, &peer),
                None => Err(Errno::AGAIN),
            };
            listener.answer(id, Answer::Done(done));
        };
        let connecting = thread::Builder::new()
            .name("broker waits".to_owned())
            .stack_size(limits::BROKER_STACK_BYTES)
            .spawn(connect);
        if connecting.is_err() {
            self.listener.answer(id, Answer::Done(Err(Errno::AGAIN)));
        }
    }

    fn bind(&self, id: u64, socket: RawFd, place: Place) -> Result<(), Errno> {
        let (socket, kind, said) = self.look(id, socket, place)?;
        let Said::Address(here) = said else {
            return Err(self.refuse("binding a socket", "that is no address of it"));
        };
        if kind == Kind::Tcp {
            self.decided(self.live.bind(here, false))?;
        }
        net::bind(&socket, &here)
    }

    /// A socket that is bound nowhere would listen on a port that nobody was asked about.
    fn listen(&self, socket: RawFd, backlog: i32) -> Result<(), Errno> {
        let socket = self.process.copy(socket)?;
        let here = local(&socket).filter(|here| here.port() != 0);
        match (kind(socket.as_fd()), here) {
            (Some(Kind::Tcp), Some(here)) => self.decided(self.live.bind(here, true))?,
            _ => return Err(self.refuse("listening", "the socket is bound nowhere")),
        }
        net::listen(&socket, backlog)
    }

    /// The socket that a call is about, and the address that it says.
    fn look(&self, id: u64, socket: RawFd, place: Place) -> Result<(OwnedFd, Kind, Said), Errno> {
        let socket = self.process.copy(socket)?;
        let Some(kind) = kind(socket.as_fd()) else {
            return Err(self.refuse("using a socket", "it is none of TCP or UDP"));
        };
        let said = self.process.address(place)?;
        match self.listener.waits(id) {
            true => Ok((socket, kind, said)),
            false => Err(Errno::INTR),
        }
    }

    fn decided(&self, decided: Result<(), Denial>) -> Result<(), Errno> {
        decided.map_err(|denial| {
            self.audit.denied(&denial.what, denial.reason.label());
            Errno::ACCESS
        })
    }

    fn refuse(&self, what: impl std::fmt::Display, why: &str) -> Errno {
        self.audit.denied(what, why);
        Errno::ACCESS
    }
}

/// How far a connection is.
enum Connecting {
    /// As far as it gets without waiting.
    Done,
    /// Who asked for it waits for it.
    Waits(OwnedFd, SocketAddr),
}

/// One of the connections that are waited for at once.
struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(waiting: &Arc<AtomicUsize>) -> Option<Self> {
        let turn = Self(Arc::clone(waiting));
        (waiting.fetch_add(1, Ordering::SeqCst) < limits::BROKER_WAITS_AT_ONCE).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
