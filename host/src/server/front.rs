//! What stands before every route: the checks of [`super::auth`], and what browsers want to hear
//! before a page of another origin may ask (CORS).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CACHE_CONTROL, HeaderMap, HeaderValue, ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::auth::Denied;

/// Headers that pages may send. The web UI sends the last one with its requests, wrongly but always.
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, access-control-allow-origin");
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
/// Seconds that a browser remembers the answer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Lets through who may come in.
pub async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let access = &shared.access;
    if let Err(denied) = access.check_page(request.headers()) {
        return refuse(denied);
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = if is_preflight(&request) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        match access.check_token(request.uri(), request.headers()) {
            Ok(()) => next.run(request).await,
            Err(denied) => refuse(denied),
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
        Denied::Origin => StatusCode::FORBIDDEN,
        Denied::Token => StatusCode::UNAUTHORIZED,
    };
    tracing::debug!("refused: {}", denied.sentence());
    (status, denied.sentence()).into_response()
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
