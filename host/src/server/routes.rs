//! What there is to reach: the websocket, large messages both ways, uploads.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::multipart::MultipartRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap, ORIGIN, UPGRADE};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use super::clients::Whence;
use super::listen::Peer;
use super::session::{Destination, Session};
use super::upload::UploadError;
use super::{Shared, connection, front, protocol};
use crate::limits;

/// Every route, behind the checks.
pub fn all(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/ws", get(root))
        .route("/message/{id}", get(fetch))
        .route("/message/", post(take))
        .route("/message", post(take))
        .route("/upload/", post(upload))
        .route("/upload", post(upload))
        .layer(DefaultBodyLimit::max(limits::MAX_UPLOAD_BYTES))
        .layer(from_fn_with_state(Arc::clone(shared), front::check))
        .with_state(Arc::clone(shared))
}

fn whence(peer: Peer, headers: &HeaderMap) -> Whence {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    Whence {
        peer: peer.0.ip(),
        origin: origin.map(str::to_owned),
    }
}

/// The websocket; to a browser that was pointed here, what this is.
async fn root(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) if headers.contains_key(UPGRADE) => return rejection.into_response(),
        Err(_) => return welcome(&shared).into_response(),
    };
    let Some(seat) = shared.clients.seat(whence(peer, &headers)) else {
        let problem = "too many clients are connected; try again later";
        return (StatusCode::SERVICE_UNAVAILABLE, problem).into_response();
    };
    let sockets = shared.sockets.clone();
    upgrade
        .max_message_size(limits::MAX_FRAME_BYTES)
        .max_frame_size(limits::MAX_FRAME_BYTES)
        .on_upgrade(move |socket| sockets.track_future(connection::serve(socket, shared, seat)))
}

fn welcome(shared: &Shared) -> String {
    let name = shared.worker.name();
    format!(
        "This is the FuncNodes worker {name}. Open a FuncNodes web UI with the address of this page \
         as its worker_url, with ws:// instead of http://.\n"
    )
}

fn json(text: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], text.into()).into_response()
}

async fn fetch(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let found = Uuid::try_parse(&id)
        .ok()
        .and_then(|id| shared.messages.get(id));
    match found {
        Some(text) => json(Bytes::from(text)),
        None => (StatusCode::NOT_FOUND, "Message not found").into_response(),
    }
}

/// A message that was too large for the websocket. Its answer goes to the websockets that come from
/// where it came from.
async fn take(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let whence = whence(peer, &headers);
    let Ok(_place) = shared.bodies.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let body = match timeout(
        limits::BODY_TIMEOUT,
        to_bytes(body, limits::MAX_POSTED_BYTES),
    )
    .await
    {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return too_large(limits::MAX_POSTED_BYTES).into_response(),
        Err(_elapsed) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let id = shared.clients.next_id();
    let session = Session::new(Arc::clone(&shared), id, Destination::From(whence));
    // Reading a large document takes its time: not on a thread that serves others.
    let received = tokio::task::spawn_blocking(move || {
        let text = std::str::from_utf8(&body).map_err(|_| "the message is not UTF-8".to_owned())?;
        protocol::parse(text).map_err(|malformed| malformed.problem)
    })
    .await;
    match received {
        Ok(Ok(incoming)) => {
            session.act(incoming, None);
            "Message received".into_response()
        }
        Ok(Err(problem)) => (StatusCode::BAD_REQUEST, problem).into_response(),
        Err(_gone) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn upload(
    State(shared): State<Arc<Shared>>,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let form = match form {
        Ok(form) => form,
        Err(rejection) => return rejection.into_response(),
    };
    let Ok(_place) = shared.bodies.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let Ok(taken) = timeout(limits::BODY_TIMEOUT, shared.uploads.take(form)).await else {
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    match taken {
        Ok(file) => json(json!({ "file": file }).to_string()),
        Err(error) => (status(&error), error.to_string()).into_response(),
    }
}

fn status(error: &UploadError) -> StatusCode {
    match error {
        UploadError::Name(_) | UploadError::TooMany | UploadError::Nothing => {
            StatusCode::BAD_REQUEST
        }
        UploadError::Request(error) => error.status(),
        UploadError::Disk | UploadError::Full => StatusCode::INSUFFICIENT_STORAGE,
    }
}

fn too_large(limit: usize) -> (StatusCode, String) {
    let problem = format!("at most {limit} bytes are taken");
    (StatusCode::PAYLOAD_TOO_LARGE, problem)
}
