//! What stands before every route: the checks of [`super::auth`], and what browsers want to hear
//! before a page of another origin may ask (CORS).

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CACHE_CONTROL, CONNECTION, HeaderMap, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::auth::Denied;
use super::door::Full;
use super::listen::Peer;
use crate::audit::Kind;

/// Headers that pages may send. The web UI sends the last one with its requests, wrongly but always.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, access-control-allow-origin, x-requested-with",
);
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
/// The connection ends with the answer.
const CLOSE: [(HeaderName, &str); 1] = [(CONNECTION, "close")];
/// Seconds that a browser remembers the answer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Lets through who may come in, with what they may do. Who may not stays a stranger, and is asked to go.
pub async fn check(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let (access, auditor) = (&shared.access, shared.worker.auditor());
    if let Err(denied) = access.check_page(&request) {
        return refuse(denied);
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = if is_preflight(&request) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let who = peer.address.ip();
        match access.check_token(who, request.uri(), request.headers()) {
            Err(denied) => {
                let why = denied.sentence();
                auditor.note_often(Kind::LoginFailed, |it| it.who(who).reason(why));
                refuse(denied)
            }
            Ok(pass) => match peer.visit.admit() {
                Ok(()) => {
                    request.extensions_mut().insert(pass);
                    next.run(request).await
                }
                Err(Full) => {
                    let problem = "too many are connected; try again later";
                    (StatusCode::SERVICE_UNAVAILABLE, CLOSE, problem).into_response()
                }
            },
        }
    };
    mark(response.headers_mut(), origin);
    response
}

/// A preflight carries no token: it asks whether the request that does may be sent.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn refuse(denied: Denied) -> Response {
    let status = match denied {
        Denied::Host => StatusCode::MISDIRECTED_REQUEST,
        Denied::Origin | Denied::NoOrigin => StatusCode::FORBIDDEN,
        Denied::Token => StatusCode::UNAUTHORIZED,
        Denied::Often(_) => StatusCode::TOO_MANY_REQUESTS,
        Denied::Twice => StatusCode::BAD_REQUEST,
    };
    tracing::debug!("refused: {}", denied.sentence());
    let mut response = (status, CLOSE, denied.sentence()).into_response();
    if let Denied::Often(wait) = denied {
        let seconds = wait.as_secs().saturating_add(1);
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn mark(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let Some(origin) = origin else {
        return;
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
