//! What an instance may do at this moment, and what it has open because of that. Another policy is in force at once:
//! what is asked from then on is decided by it, and what is open and would not be opened any more is closed from
//! outside of the store, whatever the guest does meanwhile.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::SystemTime;

use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::sockets::{self, Ends};
use crate::limits;
use crate::policy::access::Request;
use crate::policy::grant::{FilesGrant, Protocol, Scheme};
use crate::policy::{Access, Denial, Granted, SerialGrant, decide};

/// What an instance may do, and its open [`Lease`]s. It outlives the instance's stores.
#[derive(Default)]
pub struct Grants {
    now: RwLock<Arc<Granted>>,
    leases: Mutex<Vec<Weak<Lease>>>,
    changed: Notify,
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants")
            .field("open", &self.leases().len())
            .finish_non_exhaustive()
    }
}

impl Grants {
    /// Nothing is open yet.
    pub fn new(granted: Arc<Granted>) -> Arc<Self> {
        Arc::new(Self {
            now: RwLock::new(granted),
            leases: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// What is granted at this moment.
    pub fn now(&self) -> Arc<Granted> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The lease of something that was just opened, which `closing` closes.
    ///
    /// # Errors
    /// When the policy has changed since that was asked for, and denies it now. It is closed then.
    pub fn lease(&self, opened: Opened, closing: Closing) -> Result<Arc<Lease>, Denial> {
        let lease = Arc::new(Lease {
            opened,
            closing,
            cut: CancellationToken::new(),
        });
        // A change waits for this lock: it finds the lease, or was seen by it.
        let mut leases = self.leases();
        if let Err(denial) = lease.opened.check(&self.now()) {
            drop(leases);
            close(&[lease]);
            return Err(denial);
        }
        if leases.len() == leases.capacity() {
            leases.retain(|lease| lease.strong_count() > 0);
        }
        leases.push(Arc::downgrade(&lease));
        Ok(lease)
    }

    /// From now on `granted` is what counts. What it does not allow is closed when this returns, and what that was
    /// is said.
    pub fn change(&self, granted: Arc<Granted>) -> Vec<String> {
        let closed = self.replace(|_| granted);
        self.changed.notify_one();
        closed
    }

    /// Takes away what ends when it does, and says to `tell` what that closed. Never ends.
    pub async fn run_out(&self, tell: impl Fn(Vec<String>)) -> Infallible {
        loop {
            match self.now().ends().map(SystemTime::from) {
                None => self.changed.notified().await,
                Some(end) => {
                    let left = end.duration_since(SystemTime::now()).unwrap_or_default();
                    // The clock of the machine may be set meanwhile.
                    let left = left.min(limits::LOOK_AGAIN_AFTER);
                    let _ = timeout(left, self.changed.notified()).await;
                }
            }
            let now = SystemTime::now();
            if self.now().ends().is_some_and(|end| end.is_past(now)) {
                tell(self.replace(|granted| Arc::new(granted.at(now))));
            }
        }
    }

    fn replace(&self, by: impl FnOnce(&Granted) -> Arc<Granted>) -> Vec<String> {
        let mut cut = Vec::new();
        let mut leases = self.leases();
        let granted = by(&self.now());
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&granted);
        leases.retain(|lease| {
            let Some(lease) = lease.upgrade() else {
                return false;
            };
            let stays = lease.opened.check(&granted).is_ok();
            if !stays {
                cut.push(lease);
            }
            stays
        });
        drop(leases);
        close(&cut);
        cut.iter().map(|lease| lease.opened.to_string()).collect()
    }

    fn leases(&self) -> MutexGuard<'_, Vec<Weak<Lease>>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is open because a policy allowed it.
#[derive(Debug)]
pub struct Lease {
    opened: Opened,
    closing: Closing,
    cut: CancellationToken,
}

impl Lease {
    /// Whether what came in at `local` came in through it.
    pub fn listens_at(&self, local: SocketAddr) -> bool {
        matches!(&self.opened, Opened::Listener(here) if here.port() == local.port())
    }

    /// What is open has this rate from now on, if it has one. Returns the one that it had.
    pub fn set_baud_rate(&self, rate: u32) -> u32 {
        match &self.opened {
            Opened::Serial { baud_rate, .. } => baud_rate.swap(rate, Ordering::SeqCst),
            _ => rate,
        }
    }

    /// Whether the policy does not allow it any more.
    pub fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Waits until it is cut.
    pub fn until_cut(&self) -> WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }
}

/// What was opened, with all that decides whether it may be.
#[derive(Debug)]
pub enum Opened {
    /// A serial port.
    Serial {
        /// By which grant.
        grant: SerialGrant,
        /// Its rate now.
        baud_rate: AtomicU32,
    },
    /// A directory of the host.
    Directory(FilesGrant),
    /// The instance's own folder.
    Own,
    /// A TCP connection that the guest made.
    Connection {
        /// To whom.
        peer: SocketAddr,
        /// The names that led there.
        names: Vec<String>,
    },
    /// A TCP socket that listens, and what came in there.
    Listener(SocketAddr),
    /// An HTTP exchange.
    Exchange {
        /// Its scheme.
        scheme: Scheme,
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// Its method.
        method: String,
        /// The address that it goes to.
        address: IpAddr,
    },
}

impl Opened {
    /// Whether `granted` allows it.
    fn check(&self, granted: &Granted) -> Result<(), Denial> {
        match self {
            Self::Serial { grant, baud_rate } => {
                let baud_rate = baud_rate.load(Ordering::SeqCst);
                let name = &grant.name;
                decide(granted, &Access::Serial { name, baud_rate })?;
                // The name may stand for another device now.
                let mut grants = granted.serial.iter();
                let is_same = grants.any(|it| it.name == *name && it.target() == grant.target());
                is_same.then_some(()).ok_or_else(|| self.is_another())
            }
            Self::Directory(grant) => {
                // How much may be in it, a start decides.
                let is_there = granted.files.iter().any(|it| it.covers(grant));
                is_there.then_some(()).ok_or_else(|| self.is_another())
            }
            Self::Own => {
                let is_there = granted.data.is_some();
                is_there.then_some(()).ok_or_else(|| self.is_another())
            }
            Self::Connection { peer, names } => {
                let (protocol, peer) = (Protocol::Tcp, *peer);
                decide(
                    granted,
                    &Access::Connect {
                        protocol,
                        peer,
                        names,
                    },
                )
            }
            Self::Listener(local) => {
                let (protocol, local, listen) = (Protocol::Tcp, *local, true);
                decide(
                    granted,
                    &Access::Bind {
                        protocol,
                        local,
                        listen,
                    },
                )
            }
            Self::Exchange {
                scheme,
                host,
                port,
                method,
                address,
            } => {
                let request = Request {
                    scheme: *scheme,
                    host,
                    port: *port,
                    method,
                };
                decide(granted, &Access::Request(request))?;
                let address = *address;
                decide(granted, &Access::RequestTo { request, address })
            }
        }
    }

    /// The denial of what no grant says in these words any more.
    fn is_another(&self) -> Denial {
        use crate::policy::{Capability, DenyReason};
        let (capability, reason) = match self {
            Self::Serial { .. } => (Capability::Serial, DenyReason::NameNotGranted),
            Self::Own => (Capability::Data, DenyReason::PathNotGranted),
            _ => (Capability::Files, DenyReason::PathNotGranted),
        };
        Denial {
            capability,
            reason,
            what: format!("keeping {self}: its grant has changed"),
            fix: String::new(),
        }
    }
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial { grant, .. } => write!(f, "the serial port `{}`", grant.name),
            Self::Directory(grant) => write!(f, "the directory `{}`", grant.guest),
            Self::Own => write!(f, "its own folder"),
            Self::Connection { peer, .. } => write!(f, "the connection to {peer}"),
            Self::Listener(local) => write!(f, "the listener on {local}"),
            Self::Exchange {
                method, host, port, ..
            } => write!(f, "the request {method} to {host}:{port}"),
        }
    }
}

/// How something is closed from outside of the store.
pub enum Closing {
    /// By who has it, and watches the lease.
    Watched,
    /// A TCP socket, for which nobody outside of the store has a handle.
    Socket(Ends),
    /// By this.
    By(Box<dyn Fn() + Send + Sync>),
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watched => f.write_str("Watched"),
            Self::Socket(ends) => f.debug_tuple("Socket").field(ends).finish(),
            Self::By(_) => f.write_str("By"),
        }
    }
}

/// Closes what `cut` are the leases of. The guest is told why: who finds it closed finds the lease cut.
fn close(cut: &[Arc<Lease>]) {
    let mut ends = Vec::new();
    for lease in cut {
        lease.cut.cancel();
        match &lease.closing {
            Closing::Watched => {}
            Closing::Socket(of) => ends.push(*of),
            Closing::By(close) => close(),
        }
    }
    if !ends.is_empty() {
        sockets::shut(&ends);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::super::testing::granted;
    use super::*;
    use crate::policy::Until;

    const BOTH: &str = "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"connect\"\nhost = \"localhost\"\nports = [1, 2]\n";
    const ONE: &str = "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"connect\"\nhost = \"localhost\"\nports = [1]\n";

    fn to(port: u16) -> Opened {
        Opened::Connection {
            peer: SocketAddr::from(([127, 0, 0, 1], port)),
            names: vec!["localhost".to_owned()],
        }
    }

    fn closing(flag: &Arc<AtomicBool>) -> Closing {
        let flag = Arc::clone(flag);
        Closing::By(Box::new(move || flag.store(true, Ordering::SeqCst)))
    }

    #[test]
    fn what_is_not_allowed_any_more_is_closed_and_the_rest_goes_on() {
        let grants = Grants::new(granted(BOTH));
        let closed = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let first = grants.lease(to(1), closing(&closed[0])).unwrap();
        let second = grants.lease(to(2), closing(&closed[1])).unwrap();
        assert_eq!(
            grants.change(granted(ONE)),
            ["the connection to 127.0.0.1:2"]
        );
        let are_closed = closed.each_ref().map(|it| it.load(Ordering::SeqCst));
        assert_eq!(are_closed, [false, true]);
        assert_eq!((first.is_cut(), second.is_cut()), (false, true));
        assert!(grants.change(granted(BOTH)).is_empty());
        assert!(second.is_cut(), "what is closed stays so");
    }

    #[test]
    fn what_was_asked_before_a_change_is_not_opened_after_it() {
        let grants = Grants::new(granted(BOTH));
        grants.change(granted(ONE));
        let closed = Arc::new(AtomicBool::new(false));
        grants.lease(to(2), closing(&closed)).unwrap_err();
        assert!(closed.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn what_ends_is_closed_when_it_does() {
        let end = Until::from(SystemTime::now() + Duration::from_millis(50));
        let grants = Grants::new(granted(&format!("{ONE}until = {end}\n")));
        let lease = grants.lease(to(1), Closing::Watched).unwrap();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let tell = |closed| tell.send(closed).unwrap();
        tokio::select! {
            never = grants.run_out(tell) => match never {},
            closed = told.recv() => assert_eq!(closed.unwrap(), ["the connection to 127.0.0.1:1"]),
        }
        assert!(end.is_past(SystemTime::now()) && lease.is_cut());
        grants.lease(to(1), Closing::Watched).unwrap_err();
    }

    #[test]
    fn leases_that_are_gone_take_no_room() {
        let grants = Grants::new(granted(BOTH));
        let _kept = grants.lease(to(1), Closing::Watched).unwrap();
        for _ in 0..10_000 {
            grants.lease(to(2), Closing::Watched).unwrap();
        }
        assert!(grants.leases().len() < 10);
        assert_eq!(grants.change(granted("")).len(), 1);
    }
}
