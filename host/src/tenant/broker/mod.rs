//! Does for the confined process of a tenant what that may not do itself, if the tenant's policies grant it at
//! that moment: connecting, binding and listening, making sockets for datagrams, opening devices, and what is
//! done in folders that were granted after it began.
//!
//! So the process has none of these rights: a grant that comes later needs no other process, and one that is taken
//! away is out of reach of it at once, even if a guest has taken it over. What it asks for is a stranger's
//! word. [`live`] decides, [`notice`] hears and looks, [`calls`] and [`deeds`] do.
//!
//! Each process has a thread here, which waits for it alone: one that floods, or gives sockets and memory on which
//! the kernel waits, delays nobody but itself. Not even that much is done at once as it may ask for.
//!
//! What was opened before is closed by the process itself. One that does not is started again ([`left`]).

mod calls;
mod deeds;
mod devices;
mod folders;
mod left;
mod live;
mod notice;
mod still;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Resource, getrlimit};
use tokio::sync::mpsc;
use tokio::time::sleep;

use self::calls::Calls;
use self::folders::Folders;
use self::live::Live;
use self::notice::{Listener, Process};
use super::channel::{HandOver, Opens, Wanted, discard, give};
use super::confine::brokered::Asks;
use super::policies::Policies;
use crate::audit::{Auditor, Kind};
use crate::limits;
use crate::policy::Guarded;

/// Answers the process of one tenant, whichever it is at the moment.
pub struct Broker {
    live: Arc<Live>,
    audit: Audit,
    serves: Mutex<Serves>,
}

/// Whom it answers.
#[derive(Default)]
struct Serves {
    process: Option<Arc<Process>>,
    /// Whether it has handed over; once is enough.
    is_handed_over: bool,
    /// What it does not have and asks for.
    asks: Asks,
    folders: Arc<Folders>,
}

/// Where refusals are written down.
#[derive(Debug, Clone)]
struct Audit(Auditor);

impl Audit {
    /// A process that is refused may ask again as often as it likes.
    fn denied(&self, what: impl fmt::Display, why: impl fmt::Display) {
        tracing::debug!("the process of a tenant was refused: {what}: {why}");
        self.0
            .note_often(Kind::Denied, |record| record.what(what).reason(why));
    }
}

/// The devices and folders that a process wants, in the order in which it asked.
pub(super) struct Devices(mpsc::Receiver<Wanted>);

/// Where they are asked for.
pub(super) struct Wants(mpsc::Sender<Wanted>);

impl Wants {
    /// One more; who asks for too many is not answered.
    pub(super) fn want(&self, wanted: Wanted) {
        if let Err(refused) = self.0.try_send(wanted) {
            tracing::debug!("the process of a tenant asks for too much to be opened");
            discard(refused);
        }
    }
}

impl Broker {
    /// That of a tenant with these policies; refusals are told to `auditor`.
    pub fn new(policies: Policies, guarded: Guarded, auditor: Auditor) -> Self {
        Self {
            live: Arc::new(Live::new(policies, guarded)),
            audit: Audit(auditor),
            serves: Mutex::default(),
        }
    }

    /// What the process that runs does not have and asks for.
    pub fn asks(&self) -> Asks {
        self.serves().asks
    }

    /// A process begins, a child of this one for which nobody has waited. It may want devices.
    pub(super) fn begin(&self, pid: Option<u32>) -> (Wants, Devices) {
        let process = pid.and_then(|pid| Process::of(pid).ok()).map(Arc::new);
        *self.serves() = Serves {
            process,
            ..Serves::default()
        };
        let (wants, devices) = mpsc::channel(limits::BROKER_DEVICES_AT_ONCE);
        (Wants(wants), Devices(devices))
    }

    /// It has ended.
    pub(super) fn end(&self) {
        *self.serves() = Serves::default();
    }

    /// Hears its calls from now on, and tells it whether they are answered. Who comes twice is not heard.
    pub(super) fn hand_over(&self, over: HandOver) {
        let mut serves = self.serves();
        let Some(process) = serves.process.clone().filter(|_| !serves.is_handed_over) else {
            return discard(over);
        };
        serves.is_handed_over = true;
        let HandOver {
            mark,
            listener,
            told,
        } = over;
        let listener = Listener(listener);
        let asks = match process.check(mark) {
            Ok(()) if listener.puts() && has_room_for_folders() => Asks::Folders,
            Ok(()) => Asks::Sockets,
            Err(error) => {
                tracing::warn!("the process of a tenant cannot be looked at: {error}");
                Asks::Nothing
            }
        };
        serves.asks = asks;
        let calls = Calls {
            listener: Arc::new(listener),
            process,
            live: Arc::clone(&self.live),
            folders: Arc::clone(&serves.folders),
            audit: self.audit.clone(),
            is_on: asks != Asks::Nothing,
        };
        let hear = move || {
            // It waits for this. If it does not any more, its end is heard below.
            let _ = tell(told, asks);
            calls.hear();
        };
        let thread = thread::Builder::new()
            .name("broker".to_owned())
            .stack_size(limits::BROKER_STACK_BYTES)
            .spawn(hear);
        if let Err(error) = thread {
            serves.asks = Asks::Nothing;
            tracing::warn!("nobody hears the process of a tenant: {error}");
        }
    }

    /// Opens the devices and folders that are wanted, one after the other. Never ends.
    pub(super) async fn open(&self, mut devices: Devices) -> Infallible {
        while let Some(Wanted { path, what, told }) = devices.0.recv().await {
            let (live, audit) = (Arc::clone(&self.live), self.audit.clone());
            let folders = Arc::clone(&self.serves().folders);
            // Whatever it gave to be told at is closed there, too.
            let opening = tokio::task::spawn_blocking(move || {
                let opened = match what {
                    Opens::Device => devices::open(&live, &audit, &path),
                    Opens::Folder => folders.open(&live, &audit, &path),
                };
                if let Err(error) = give(&told, opened) {
                    tracing::debug!("the process of a tenant does not take what it wants: {error}");
                }
            });
            let _ = opening.await;
        }
        std::future::pending().await
    }

    /// Whether the process keeps something open that is not granted any more, though it had time to close it.
    pub async fn leaves_open(&self) -> bool {
        for _ in 0..limits::STAYS_OPEN_LOOKS {
            sleep(limits::STAYS_OPEN_AFTER).await;
            let Some(process) = self.held() else {
                return false;
            };
            let live = Arc::clone(&self.live);
            let looking = tokio::task::spawn_blocking(move || left::find(&live, &process));
            match looking.await {
                Ok(Some(what)) => tracing::debug!("the process of a tenant keeps {what}"),
                Ok(None) | Err(_) => return false,
            }
        }
        true
    }

    /// The process that runs, if it has nothing but what it asks for.
    fn held(&self) -> Option<Arc<Process>> {
        let serves = self.serves();
        serves
            .process
            .clone()
            .filter(|_| serves.asks != Asks::Nothing)
    }

    fn serves(&self) -> MutexGuard<'_, Serves> {
        self.serves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("asks", &self.asks())
            .finish_non_exhaustive()
    }
}

/// Whether a process that this one starts may have descriptors with the numbers that are for folders.
fn has_room_for_folders() -> bool {
    let most = getrlimit(Resource::Nofile).maximum;
    most.is_none_or(|most| most >= u64::from(limits::FOLDERS_FROM).saturating_mul(2))
}

fn tell(told: OwnedFd, asks: Asks) -> io::Result<()> {
    let mut told = UnixStream::from(told);
    told.set_write_timeout(Some(limits::BROKER_PATIENCE))?;
    told.write_all(&[asks.byte()])
}
