//! Requests that may be sent again: with an idempotency key the first answer is kept, and is the answer from then on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::response::Response;
use http::header::HeaderMap;
use http::{HeaderName, StatusCode};

use super::answer::{Answer, Content, ProblemDocument, RequestId, replayed};
use crate::control::{Control, internal, seconds};
use crate::limits::{MAX_IDEMPOTENCY_KEY_BYTES, MAX_KEPT, MAX_KEPT_BYTES};
use crate::model::{Code, Problem};
use crate::store::{Claim, Claimed, Given};
use crate::token::Login;

/// The header that has the key.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The keys of requests that run, each with the id of its token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    keys: Arc<Mutex<BTreeSet<(String, String)>>>,
}

/// A request that runs, until it is dropped.
#[derive(Debug)]
struct Run {
    running: Running,
    key: (String, String),
}

impl Running {
    fn begin(&self, key: (String, String)) -> Option<Run> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        // Not made where it is not the first: what is dropped takes the key away.
        keys.insert(key.clone()).then(|| Run {
            running: self.clone(),
            key,
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let keys = self.running.keys.lock();
        keys.unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

/// The first request with its key, which is to be done.
#[derive(Debug)]
pub(super) struct First {
    claim: Claim,
    _run: Run,
}

/// What becomes of a request with a key.
#[derive(Debug)]
pub(super) enum Known {
    /// It is to be done.
    First(First),
    /// It was done, and this was the answer.
    Answered(Response),
}

/// The idempotency key of a request.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let wrong = || {
        let problem = format!(
            "`Idempotency-Key` is there once, with 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible letters of ASCII"
        );
        Problem::new(Code::BadRequest, problem)
    };
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let is_good = |key: &&str| {
        (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let key = value.to_str().ok().filter(is_good);
    let key = key.filter(|_| values.next().is_none());
    key.map(Some).ok_or_else(wrong)
}

/// What of a request makes it the same as another.
pub(super) fn digest(method: &str, target: &str, body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("external-worker 2026 idempotency");
    for part in [method.as_bytes(), target.as_bytes(), body] {
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Whether a request is the first with its key.
pub(super) async fn begin(
    control: &Control,
    login: &Login,
    key: &str,
    digest: [u8; 32],
    id: RequestId,
) -> Result<Known, Problem> {
    let conflict = |problem| Err(Problem::new(Code::Conflict, problem));
    let run = (login.id.clone(), key.to_owned());
    let Some(run) = control.running.begin(run) else {
        return conflict("a request with this idempotency key is running");
    };
    let claim = Claim {
        token: login.id.clone(),
        name: key.to_owned(),
        tenant: login.tenant.clone().unwrap_or_default(),
        digest,
        at: seconds(SystemTime::now()),
    };
    let claimed = control.store.claim(claim.clone()).await;
    match claimed.map_err(|error| internal(&error))? {
        Claimed::First => Ok(Known::First(First { claim, _run: run })),
        Claimed::Other => conflict("this idempotency key was used with another request"),
        Claimed::Unknown => conflict(
            "the host ended while it did this; look whether it was done, and use another idempotency key",
        ),
        Claimed::Answered(Given { body: None, .. }) => conflict(
            "this was answered, and the answer is not kept: it is long, or has a secret in it",
        ),
        Claimed::Answered(Given {
            status,
            body: Some(body),
        }) => {
            let status = StatusCode::from_u16(status).unwrap_or_default();
            Ok(Known::Answered(replayed(status, body, id)))
        }
        Claimed::Full => {
            let problem =
                format!("the answers to {MAX_KEPT} requests are kept already, for a day each");
            Err(Problem::new(Code::TooMany, problem))
        }
    }
}

/// What is kept of an answer. A request that was turned away for want of a place was not begun, and may be sent again.
pub(super) fn given(outcome: &Result<Answer, Problem>, id: RequestId) -> Option<Given> {
    match outcome {
        Err(problem) if problem.code == Code::TooMany => None,
        Err(problem) => Some(Given {
            status: problem.code.status(),
            body: serde_json::to_string(&ProblemDocument::new(problem, id)).ok(),
        }),
        Ok(answer) => Some(Given {
            status: answer.status.as_u16(),
            body: kept(answer),
        }),
    }
}

/// Keeps the answer to a request; none if it may be sent again.
pub(super) async fn settle(control: &Control, first: First, given: Option<Given>) {
    if let Err(error) = control.store.settle(first.claim, given).await {
        tracing::warn!(%error, "the answer to a request is not kept");
    }
}

fn kept(answer: &Answer) -> Option<String> {
    match &answer.content {
        Content::Nothing => Some(String::new()),
        Content::Json(text) if answer.may_be_kept && text.len() <= MAX_KEPT_BYTES => {
            Some(text.clone())
        }
        Content::Json(_) | Content::Stream(_) | Content::Archive(_) => None,
    }
}
