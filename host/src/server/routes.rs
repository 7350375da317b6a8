//! What there is to reach, and by whom: the websocket, large messages both ways, uploads. What comes over a websocket
//! or is posted is a command, each of which has a role of its own; so has each large message.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, ORIGIN, UPGRADE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use external_worker_control::Role;
use serde_json::json;
use uuid::Uuid;

use super::auth::Pass;
use super::body::{self, BodyProblem};
use super::clients::Whence;
use super::listen::Peer;
use super::load::Load;
use super::session::{Destination, Session};
use super::{Shared, connection, front, protocol};
use crate::audit::Kind;
use crate::limits;

/// One row of the table.
struct Route {
    method: &'static str,
    path: &'static str,
    /// Who may come here.
    needs: Role,
    answers: fn() -> MethodRouter<Arc<Shared>>,
}

impl Route {
    const fn get(
        path: &'static str,
        needs: Role,
        answers: fn() -> MethodRouter<Arc<Shared>>,
    ) -> Self {
        Self {
            method: "GET",
            path,
            needs,
            answers,
        }
    }

    const fn post(
        path: &'static str,
        needs: Role,
        answers: fn() -> MethodRouter<Arc<Shared>>,
    ) -> Self {
        Self {
            method: "POST",
            path,
            needs,
            answers,
        }
    }
}

const ROUTES: [Route; 7] = [
    Route::get("/", Role::Viewer, || get(root)),
    Route::get("/ws", Role::Viewer, || get(root)),
    Route::get("/message/{id}", Role::Viewer, || get(fetch)),
    Route::post("/message/", Role::Viewer, || post(take)),
    Route::post("/message", Role::Viewer, || post(take)),
    Route::post("/upload/", Role::Author, || post(upload)),
    Route::post("/upload", Role::Author, || post(upload)),
];

/// What there is to reach: the method and the path of each, where `{…}` stands for anything.
pub fn reached() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().map(|route| (route.method, route.path))
}

/// Every route, behind the checks.
pub fn all(shared: &Arc<Shared>) -> Router {
    let mut routes = Router::new();
    for route in &ROUTES {
        let check = from_fn_with_state(route.needs, check_role);
        routes = routes.route(route.path, (route.answers)().layer(check));
    }
    routes
        .layer(DefaultBodyLimit::max(limits::MAX_UPLOAD_BYTES))
        .layer(from_fn_with_state(Arc::clone(shared), front::check))
        .with_state(Arc::clone(shared))
}

/// Lets through who may come to a route.
async fn check_role(
    State(needs): State<Role>,
    Extension(pass): Extension<Pass>,
    request: Request,
    next: Next,
) -> Response {
    match pass.check(needs) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (StatusCode::FORBIDDEN, refusal.to_string()).into_response(),
    }
}

fn whence(peer: &Peer, headers: &HeaderMap, pass: &Pass) -> Whence {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    Whence {
        peer: peer.address.ip(),
        origin: origin.map(str::to_owned),
        pass: pass.clone(),
    }
}

/// The websocket; to a browser that was pointed here, what this is.
async fn root(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    Extension(pass): Extension<Pass>,
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
    let Some(seat) = shared.clients.seat(whence(&peer, request.headers(), &pass)) else {
        let problem = "too many clients are connected; try again later";
        return (StatusCode::SERVICE_UNAVAILABLE, problem).into_response();
    };
    if shared.access.asks() {
        let auditor = shared.worker.auditor();
        auditor.note_often(Kind::TokenUsed, |it| {
            let it = it.who(peer.address.ip()).what("a websocket");
            match pass.id() {
                Some(id) => it.reason(format_args!("with the token {id}")),
                None => it,
            }
        });
    }
    let upgrading = hyper::upgrade::on(&mut request);
    let sockets = shared.sockets.clone();
    sockets.spawn(async move {
        match upgrading.await {
            Ok(upgraded) => connection::serve(upgraded, shared, seat, pass).await,
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

async fn fetch(
    State(shared): State<Arc<Shared>>,
    Extension(pass): Extension<Pass>,
    Path(id): Path<String>,
) -> Response {
    let id = Uuid::try_parse(&id).ok();
    let found = id.and_then(|id| shared.messages.get(id, &pass));
    let Some(fetch) = found else {
        return (StatusCode::NOT_FOUND, "Message not found").into_response();
    };
    let length = [(CONTENT_LENGTH, fetch.length)];
    (length, json(fetch.into_body())).into_response()
}

/// A message that was too large for the websocket. Its answer goes to the websockets that come from
/// where it came from, with the same token.
async fn take(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    Extension(pass): Extension<Pass>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let whence = whence(&peer, &headers, &pass);
    let mut arrival = shared.arrivals.begin();
    let body = tokio::select! {
        body = body::read(body, &mut arrival, limits::MAX_POSTED_BYTES) => body,
        () = pass.ended() => return ended(),
    };
    let body = match body {
        Ok(body) => body,
        Err(problem) => return refuse(&problem),
    };
    // Those before it may take their time: they are not answered here.
    let Ok(permit) = Arc::clone(&shared.posted).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let id = shared.clients.next_id();
    let session = Session::new(Arc::clone(&shared), id, Destination::From(whence), pass);
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

async fn upload(
    State(shared): State<Arc<Shared>>,
    Extension(pass): Extension<Pass>,
    request: Request,
) -> Response {
    let arrival = shared.arrivals.begin();
    let stored = tokio::select! {
        stored = body::files(request, arrival, shared.worker.files()) => stored,
        // As when the client leaves: of what has come by then nothing is kept.
        () = pass.ended() => return ended(),
    };
    match stored {
        Ok(file) => json(json!({ "file": file }).to_string()),
        Err(problem) => refuse(&problem),
    }
}

/// The answer to who may not any more what it was let in for.
fn ended() -> Response {
    let problem = "the token does not hold any more";
    (StatusCode::UNAUTHORIZED, problem).into_response()
}

fn refuse(problem: &BodyProblem) -> Response {
    (problem.status(), problem.to_string()).into_response()
}
