//! What there is to reach: the websocket, large messages both ways, uploads.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, ORIGIN, UPGRADE};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use uuid::Uuid;

use super::body::{self, BodyProblem};
use super::clients::Whence;
use super::listen::Peer;
use super::load::Load;
use super::session::{Destination, Session};
use super::{Shared, connection, front, protocol};
use crate::audit::Kind;
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

fn whence(peer: &Peer, headers: &HeaderMap) -> Whence {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    Whence {
        peer: peer.address.ip(),
        origin: origin.map(str::to_owned),
    }
}

/// The websocket; to a browser that was pointed here, what this is.
async fn root(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    if !request.headers().contains_key(UPGRADE) {
        return welcome(&shared).into_response();
    }
    // No extension is offered, so messages are never compressed.
    let answer = tungstenite::handshake::server::create_response_with_body(&request, Body::empty);
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => {
            let problem = format!("this is not a websocket handshake: {problem}");
            return (StatusCode::BAD_REQUEST, problem).into_response();
        }
    };
    let Some(seat) = shared.clients.seat(whence(&peer, request.headers())) else {
        let problem = "too many clients are connected; try again later";
        return (StatusCode::SERVICE_UNAVAILABLE, problem).into_response();
    };
    if shared.access.has_token() {
        let auditor = shared.worker.auditor();
        let who = peer.address.ip();
        auditor.note_often(Kind::TokenUsed, |it| it.who(who).what("a websocket"));
    }
    let upgrading = hyper::upgrade::on(&mut request);
    let sockets = shared.sockets.clone();
    sockets.spawn(async move {
        match upgrading.await {
            Ok(upgraded) => connection::serve(upgraded, shared, seat).await,
            Err(error) => tracing::debug!("a websocket could not be opened: {error}"),
        }
    });
    answer
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
    let Some(fetch) = found else {
        return (StatusCode::NOT_FOUND, "Message not found").into_response();
    };
    let length = [(CONTENT_LENGTH, fetch.length)];
    (length, json(fetch.into_body())).into_response()
}

/// A message that was too large for the websocket. Its answer goes to the websockets that come from
/// where it came from.
async fn take(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let whence = whence(&peer, &headers);
    let mut arrival = shared.arrivals.begin();
    let body = match body::read(body, &mut arrival, limits::MAX_POSTED_BYTES).await {
        Ok(body) => body,
        Err(problem) => return refuse(&problem),
    };
    // Those before it may take their time: they are not answered here.
    let Ok(permit) = Arc::clone(&shared.posted).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let id = shared.clients.next_id();
    let session = Session::new(Arc::clone(&shared), id, Destination::From(whence));
    // Reading a large document takes its time: not on a thread that serves others.
    let received = tokio::task::spawn_blocking(move || {
        let text = std::str::from_utf8(&body).map_err(|_| "the message is not UTF-8".to_owned())?;
        let load = Load::of_posted(text, arrival)?;
        let incoming = protocol::parse(text).map_err(|malformed| malformed.problem)?;
        Ok::<_, String>((incoming, load))
    })
    .await;
    match received {
        Ok(Ok((incoming, load))) => {
            session.act(incoming, Some(permit), load);
            "Message received".into_response()
        }
        Ok(Err(problem)) => (StatusCode::BAD_REQUEST, problem).into_response(),
        Err(_gone) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn upload(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let arrival = shared.arrivals.begin();
    match body::files(request, arrival, shared.worker.files()).await {
        Ok(file) => json(json!({ "file": file }).to_string()),
        Err(problem) => refuse(&problem),
    }
}

fn refuse(problem: &BodyProblem) -> Response {
    (problem.status(), problem.to_string()).into_response()
}
