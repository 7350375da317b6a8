//! Takes connections: so many at once, each with a time limit for what it asks.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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
use crate::limits;

/// The pause after the machine gave no connection: most likely it has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Accepts until `stop`.
pub async fn accept(listener: TcpListener, routes: Router, stop: &CancellationToken) {
    let places = Arc::new(Semaphore::new(limits::MAX_CONNECTIONS));
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let serving = serve(stream, peer, routes.clone(), stop.clone());
                    tokio::spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!("no connection could be taken: {error}");
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

async fn serve(stream: TcpStream, peer: SocketAddr, routes: Router, stop: CancellationToken) {
    prepare(&stream);
    let answer = service_fn(move |request| respond(request, peer, routes.clone()));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!("a connection of {peer} ended: {error}");
    }
}

/// Small messages go out at once; a peer that vanished is noticed though nothing is sent.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let kept_alive = sockopt::set_socket_keepalive(stream, true)
        .and_then(|()| sockopt::set_tcp_keepidle(stream, limits::KEEPALIVE_AFTER));
    if let Err(error) = kept_alive {
        tracing::debug!("no keepalive: {error}");
    }
}

async fn respond(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    routes: Router,
) -> Result<Response, Infallible> {
    if let Some(uri) = auth::untangle(request.uri()) {
        *request.uri_mut() = uri;
    }
    request.extensions_mut().insert(Peer(peer));
    routes.oneshot(request.map(Body::new)).await
}
