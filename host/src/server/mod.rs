//! A Worker on the network: the FuncNodes protocol over websockets, and the HTTP routes that belong
//! to it (large messages, uploads). One server has one Worker.
//!
//! | part | what it does |
//! |---|---|
//! | `auth`, `front` | who comes in |
//! | `listen`, `door`, `wire` | connections; the places of strangers; at what rate bytes are taken |
//! | `down` | who comes to a Worker that cannot be opened |
//! | `routes`, `body`, `arrival`, `load` | what there is to reach; what comes in; what it costs |
//! | `connection`, `websocket`, `outbox`, `clients` | one websocket; its frames; what waits to be sent to it; all of them |
//! | `protocol`, `frames`, `messages` | messages as JSON, as bytes, and those too large to be pushed |
//! | `session`, `replies`, `commands/` | from a request to its one answer |
//! | `events` | from what happens to everybody's outbox |

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, close_code};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits;
use crate::worker::Worker;

mod arrival;
mod auth;
mod body;
mod clients;
mod commands;
mod connection;
mod door;
mod down;
mod events;
pub mod frames;
mod front;
pub mod full;
pub mod http;
mod listen;
mod load;
mod messages;
mod outbox;
pub mod protocol;
pub mod refusal;
mod replies;
mod routes;
mod session;
mod websocket;
mod wire;

pub use auth::{Access, Keyring, Origin, Tokens};
pub use routes::reached;

/// How often what is past its time is looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// A server that listens and does not answer yet.
pub struct Server {
    shared: Arc<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    changes: mpsc::UnboundedReceiver<session::Change>,
}

/// What every part of a server knows.
struct Shared {
    worker: Worker,
    access: Access,
    clients: Arc<clients::Clients>,
    replies: Arc<replies::Replies>,
    messages: messages::Messages,
    /// What comes in and takes its time.
    arrivals: Arc<arrival::Arrivals>,
    /// How many posted messages are worked on at once.
    posted: Arc<Semaphore>,
    /// Where changes wait to be on disk.
    changes: mpsc::UnboundedSender<session::Change>,
    /// The end was asked for.
    stop: CancellationToken,
    /// Commands that are under way.
    tasks: TaskTracker,
    /// Websockets.
    sockets: TaskTracker,
}

/// A listener that is open.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    access: Access,
}

impl Bound {
    /// Listens, after it has checked that it may.
    ///
    /// # Errors
    /// A sentence: why not.
    pub async fn new(
        address: SocketAddr,
        tokens: impl Into<Tokens<'_>>,
        origins: Vec<Origin>,
    ) -> Result<Self, String> {
        let access = Access::new(address, tokens.into(), origins)?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!(
                    "{address} is in use; choose another port with --port, or any with --port 0"
                )
            }
            _ => format!("cannot listen on {address}: {error}"),
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        Ok(Self {
            listener,
            address,
            access,
        })
    }

    /// A listener that is open already, from whoever watches over this process.
    ///
    /// # Errors
    /// A sentence: why not.
    pub(crate) fn adopt(
        listener: std::net::TcpListener,
        tokens: Tokens<'_>,
        origins: Vec<Origin>,
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot listen on the given socket: {error}");
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            access: Access::new(address, tokens, origins)?,
        })
    }

    /// The listener, for the process that is to adopt it.
    ///
    /// # Errors
    /// When the machine does not let go of it.
    pub(crate) fn into_listener(self) -> std::io::Result<std::net::TcpListener> {
        self.listener.into_std()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Server {
    /// A server of `worker`.
    pub fn new(bound: Bound, worker: Worker) -> Self {
        let Bound {
            listener,
            address,
            access,
        } = bound;
        worker.guarded().listen(address);
        let (sender, changes) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            worker,
            access,
            clients: Arc::default(),
            replies: Arc::default(),
            messages: messages::Messages::new(&format!("http://{address}")),
            arrivals: Arc::default(),
            posted: Arc::new(Semaphore::new(limits::MAX_POSTED)),
            changes: sender,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            sockets: TaskTracker::new(),
        });
        Self {
            shared,
            listener,
            address,
            changes,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What ends it, when it is cancelled.
    pub fn stop(&self) -> CancellationToken {
        self.shared.stop.clone()
    }

    /// Serves until [`Server::stop`], or a client's `stop_worker`; then closes the Worker.
    pub async fn run(self) {
        let shared = self.shared;
        let events = shared.worker.subscribe();
        let events = tokio::spawn(events::pass_on(Arc::clone(&shared), events));
        let saving = session::answer_saved(Arc::clone(&shared), self.changes);
        let saving = tokio::spawn(saving);
        let sweeping = tokio::spawn(sweep(Arc::clone(&shared)));
        let routes = routes::all(&shared);
        listen::accept(self.listener, routes, &shared.stop).await;
        shared.close().await;
        for task in [events, saving, sweeping] {
            task.abort();
        }
    }
}

impl Shared {
    /// Ends the Worker; every command that was begun is answered, every client hears of the end.
    async fn close(&self) {
        let stopping = protocol::worker_event("stopping", &json!({}));
        for outbox in self.clients.all() {
            outbox.event(stopping.clone(), None);
        }
        // What was changed by now is answered as long as it can be saved.
        let (seen, all) = oneshot::channel();
        if self.changes.send(session::Change::Seen(seen)).is_ok() {
            let _ = timeout(limits::GOODBYE_DEADLINE, all).await;
        }
        let deadline = Instant::now() + limits::CLOSE_DEADLINE;
        if let Err(error) = self.worker.close(limits::CLOSE_DEADLINE).await {
            tracing::error!("the worker is not closed cleanly: {error}");
        }
        self.tasks.close();
        let left = deadline.saturating_duration_since(Instant::now());
        if timeout(left.max(limits::GOODBYE_DEADLINE), self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("{} commands were still under way", self.tasks.len());
        }
        for outbox in self.clients.all() {
            outbox.close(CloseFrame {
                code: close_code::AWAY,
                reason: "the server ends".into(),
            });
        }
        self.sockets.close();
        let _ = timeout(limits::GOODBYE_DEADLINE, self.sockets.wait()).await;
    }
}

async fn sweep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        shared.messages.expire(Instant::now());
        let _ = tokio::task::spawn_blocking(limits::heap::give_back).await;
    }
}
