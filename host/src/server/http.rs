//! Routes that are no Worker's, with the same care for strangers: who connects has a stranger's place until one of the
//! routes has let it in.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::listen::{self, Peer};

/// Serves `routes` at `listener` until `stop`. Each request has the address that it comes from, as
/// `ConnectInfo<SocketAddr>`.
pub async fn serve(listener: TcpListener, routes: Router, stop: &CancellationToken) {
    listen::accept(listener, routes.layer(from_fn(known)), stop).await;
}

/// Whoever is answered, and not refused, is no stranger any more.
async fn known(mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().cloned();
    let address = peer.as_ref().map(|peer| peer.address);
    if let Some(address) = address {
        let info: ConnectInfo<SocketAddr> = ConnectInfo(address);
        request.extensions_mut().insert(info);
    }
    let response = next.run(request).await;
    let is_refused = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::MISDIRECTED_REQUEST,
        StatusCode::TOO_MANY_REQUESTS,
    ]
    .contains(&response.status());
    match peer {
        Some(peer) if !is_refused && peer.visit.admit().is_err() => {
            let problem = "too many are connected; try again later";
            (StatusCode::SERVICE_UNAVAILABLE, problem).into_response()
        }
        _ => response,
    }
}
