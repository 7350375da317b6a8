//! Takes connections: as strangers, each with a time limit for what it asks. Whatever there is too little
//! of, it is strangers who leave.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::auth;
use super::door::{Door, Visit};
use super::wire::Wire;
use crate::limits;

/// The pause after the machine gave no connection: most likely it has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The operator hears of that again after this long.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Its place at the door.
    pub visit: Arc<Visit>,
}

/// Accepts until `stop`.
pub async fn accept(listener: TcpListener, routes: Router, stop: &CancellationToken) {
    let door = Arc::<Door>::default();
    let most = limits::MAX_STRANGERS + limits::MAX_CONNECTIONS + limits::MAX_LEAVING;
    let open = Arc::new(Semaphore::new(most));
    let mut spare = Spare::new();
    let mut said = None;
    let accepting = async {
        loop {
            // Those who were sent away close before anybody takes their place.
            let Ok(place) = Arc::clone(&open).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if door.is_crowded() {
                        // Who has asked already is read first, and is not a stranger then.
                        tokio::task::yield_now().await;
                    }
                    let visit = Arc::new(door.enter(peer.ip()));
                    let serving = serve(stream, peer, visit, routes.clone(), stop.clone());
                    tokio::spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if said.is_none_or(|said: Instant| said.elapsed() >= SAY_AGAIN_AFTER) {
                        said = Some(Instant::now());
                        tracing::warn!("no connection could be taken: {error}");
                    }
                    if is_out_of_descriptors(&error) && !door.send_one_away() {
                        spare.turn_one_away(&listener).await;
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop.cancelled() => {}
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let out = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    let errno = error.raw_os_error();
    out.iter().any(|out| errno == Some(out.raw_os_error()))
}

/// A file descriptor that is kept for when there is no other: with it whoever waits is turned away, and
/// does not wait for an answer that never comes.
struct Spare(Option<File>);

impl Spare {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    async fn turn_one_away(&mut self, listener: &TcpListener) {
        if self.0.take().is_some() {
            let waiting = tokio::time::timeout(ACCEPT_PAUSE, listener.accept());
            drop(waiting.await);
        }
        *self = Self::new();
    }
}

async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    visit: Arc<Visit>,
    routes: Router,
    stop: CancellationToken,
) {
    prepare(&stream);
    let wire = Wire::new(stream, Arc::clone(&visit));
    let peer = Peer {
        address,
        visit: Arc::clone(&visit),
    };
    let answer = service_fn(move |request| respond(request, peer.clone(), routes.clone()));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD_TIMEOUT)
        .max_buf_size(limits::MAX_HEAD_BYTES)
        .max_headers(limits::MAX_HEADERS)
        .serve_connection(TokioIo::new(wire), answer)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = visit.leaves() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!("a connection of {address} ended: {error}");
    }
}

/// Small messages go out at once; a peer that vanished is noticed though nothing is sent.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let kept_alive = sockopt::set_socket_keepalive(stream, true)
        .and_then(|()| sockopt::set_tcp_keepidle(stream, limits::KEEPALIVE_AFTER))
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, limits::KEEPALIVE_INTERVAL))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, limits::KEEPALIVE_PROBES));
    if let Err(error) = kept_alive {
        tracing::debug!("no keepalive: {error}");
    }
}

async fn respond(
    mut request: Request<Incoming>,
    peer: Peer,
    routes: Router,
) -> Result<Response, Infallible> {
    if let Some(uri) = auth::untangle(request.uri()) {
        *request.uri_mut() = uri;
    }
    request.extensions_mut().insert(peer);
    routes.oneshot(request.map(Body::new)).await
}
