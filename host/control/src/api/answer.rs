//! What is answered: what was done as JSON, and why something was not as a problem of RFC 9457. Every answer has the
//! same headers, and none is kept by anybody on the way.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::limits;
use crate::model::{Code, Problem};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const TAR: HeaderValue = HeaderValue::from_static("application/x-tar");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Proxies that know it pass what comes on at once, and keep nothing of it.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The number of a request, which its answer and the log name.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestId(Uuid);

impl RequestId {
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// What a handler answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub content: Content,
    /// Whether it is kept for a request that is sent again. What has a secret in it is not.
    pub may_be_kept: bool,
}

#[derive(Debug)]
pub(crate) enum Content {
    Nothing,
    Json(String),
    Stream(Body),
    Archive(Body),
}

impl Answer {
    /// It is done, and there is nothing to say.
    pub fn nothing() -> Self {
        Self::of(StatusCode::NO_CONTENT, Content::Nothing)
    }

    /// What was asked for.
    pub fn json(value: &impl Serialize) -> Result<Self, Problem> {
        Self::with(StatusCode::OK, value)
    }

    /// What was asked for, which is JSON already.
    pub fn text(json: &str) -> Self {
        Self::of(StatusCode::OK, Content::Json(json.to_owned()))
    }

    /// What was made.
    pub fn made(value: &impl Serialize) -> Result<Self, Problem> {
        Self::with(StatusCode::CREATED, value)
    }

    /// Events.
    pub fn stream(body: Body) -> Self {
        Self::of(StatusCode::OK, Content::Stream(body))
    }

    /// A tar archive.
    pub fn archive(body: Body) -> Self {
        Self::of(StatusCode::OK, Content::Archive(body))
    }

    /// The same, which is not kept.
    pub fn secret(self) -> Self {
        Self {
            may_be_kept: false,
            ..self
        }
    }

    fn with(status: StatusCode, value: &impl Serialize) -> Result<Self, Problem> {
        let text = serde_json::to_string(value).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            Problem::new(Code::Internal, "the host failed; its log says why")
        })?;
        Ok(Self::of(status, Content::Json(text)))
    }

    fn of(status: StatusCode, content: Content) -> Self {
        Self {
            status,
            content,
            may_be_kept: true,
        }
    }
}

/// Why something is not done, with what only HTTP says of it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub problem: Problem,
    /// Which methods there are.
    pub allow: Option<String>,
    pub retry_after: Option<Duration>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            allow: None,
            retry_after: None,
        }
    }
}

/// A problem as RFC 9457 writes it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Problem, example = json!({
    "type": "urn:external-worker:problem:not-found", "title": "Not found", "status": 404, "code": "not-found",
    "detail": "there is no such thing, or not for you", "request-id": "0f8fad5bd9cb469fa16570867728950e",
}))]
pub(super) struct ProblemDocument {
    /// `urn:external-worker:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of reason, in words.
    title: String,
    /// The status of HTTP.
    status: u16,
    /// The kind of reason; it is stable.
    code: Code,
    /// What, where, and what to do, in a sentence.
    detail: String,
    /// What the log of the host knows the request by.
    request_id: String,
}

impl ProblemDocument {
    pub fn new(problem: &Problem, id: RequestId) -> Self {
        let name = problem.code.name();
        Self {
            kind: format!("urn:external-worker:problem:{name}"),
            title: title(name),
            status: problem.code.status(),
            code: problem.code,
            detail: problem.detail.clone(),
            request_id: id.to_string(),
        }
    }
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let words = first.into_iter().chain(letters);
    words.map(|c| if c == '-' { ' ' } else { c }).collect()
}

/// The response that says it was done.
pub(super) fn done(answer: Answer, id: RequestId) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    match answer.content {
        Content::Nothing => {}
        Content::Json(text) => {
            *response.body_mut() = Body::from(text);
            response.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        Content::Stream(body) => {
            *response.body_mut() = body;
            response.headers_mut().insert(CONTENT_TYPE, EVENTS);
            let off = HeaderValue::from_static("no");
            response.headers_mut().insert(BUFFERING, off);
        }
        Content::Archive(body) => {
            *response.body_mut() = body;
            response.headers_mut().insert(CONTENT_TYPE, TAR);
            let off = HeaderValue::from_static("no");
            response.headers_mut().insert(BUFFERING, off);
        }
    }
    marked(response, id)
}

/// The response that was given before.
pub(super) fn replayed(status: StatusCode, body: String, id: RequestId) -> Response {
    let kind = if status.is_success() { JSON } else { PROBLEM };
    let is_empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if !is_empty {
        headers.insert(CONTENT_TYPE, kind);
    }
    marked(response, id)
}

/// The response that says why not.
pub(super) fn refused(refusal: &Refusal, id: RequestId) -> Response {
    let problem = &refusal.problem;
    let document = ProblemDocument::new(problem, id);
    // A document of texts and numbers always has a text.
    let text = serde_json::to_string(&document).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    let status = StatusCode::from_u16(problem.code.status());
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM);
    if let Some(allow) = refusal.allow.as_deref().and_then(|it| it.parse().ok()) {
        headers.insert(ALLOW, allow);
    }
    if problem.code == Code::Unauthenticated {
        let bearer = HeaderValue::from_static("Bearer realm=\"external-worker\"");
        headers.insert(WWW_AUTHENTICATE, bearer);
    }
    if problem.code == Code::TooMany {
        let wait = refusal.retry_after.unwrap_or(limits::RETRY_AFTER);
        let seconds = wait.as_secs().saturating_add(1);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    marked(response, id)
}

/// The response to who asks what may be asked.
pub(super) fn options(allow: &str, id: RequestId) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allow) = allow.parse() {
        response.headers_mut().insert(ALLOW, allow);
    }
    marked(response, id)
}

fn marked(mut response: Response, id: RequestId) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = id.to_string().parse() {
        headers.insert(REQUEST_ID, id);
    }
    response
}
