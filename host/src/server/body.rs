//! Bodies of requests: they come at a rate, and what is held of them is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use super::arrival::{Arrival, Late};
use crate::limits;
use crate::worker::files::{Files, NewFile, UploadError, common_path};

/// Why a body is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BodyProblem {
    /// It does not come, or there is no room for it.
    #[error("the request is refused: {0}")]
    Late(#[from] Late),
    /// It is too long.
    #[error("the request has more than the {0} bytes allowed")]
    TooLong(usize),
    /// It ended early.
    #[error("the request ended early")]
    Cut,
    /// It is not a form.
    #[error("{}", .0.body_text())]
    NoForm(#[from] MultipartRejection),
    /// The form is broken, or too long.
    #[error("the upload ended early: {0}")]
    Form(#[from] MultipartError),
    /// What is in it is not kept.
    #[error(transparent)]
    File(#[from] UploadError),
}

impl BodyProblem {
    /// What it is in HTTP.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Late(Late::Slow) => StatusCode::REQUEST_TIMEOUT,
            Self::Late(Late::Crowded) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoForm(rejection) => rejection.status(),
            Self::Form(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => error.status(),
            Self::File(
                UploadError::Disk | UploadError::Full { .. } | UploadError::OverQuota(_),
            ) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Cut | Self::Form(_) | Self::File(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body of at most `most` bytes, as it comes.
///
/// # Errors
/// Why not.
pub async fn read(body: Body, arrival: &mut Arrival, most: usize) -> Result<Vec<u8>, BodyProblem> {
    let mut parts = body.into_data_stream();
    let mut whole = Vec::new();
    arrival.hold(0)?;
    while let Some(part) = arrival.next(parts.next()).await? {
        let part = part.map_err(|_cut| BodyProblem::Cut)?;
        let wanted = whole.len().saturating_add(part.len());
        if wanted > most {
            return Err(BodyProblem::TooLong(most));
        }
        arrival.came(part.len());
        if wanted > whole.capacity() {
            let room = wanted.max(whole.capacity().saturating_mul(2).min(most));
            arrival.hold(room)?;
            whole.reserve_exact(room.saturating_sub(whole.len()));
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}

/// Keeps every part named `file` of a form in `files`: all of them, or none; the path of the one file, or
/// of the folder of all.
///
/// # Errors
/// Why not.
pub async fn files(
    request: Request,
    mut arrival: Arrival,
    files: &Files,
) -> Result<String, BodyProblem> {
    arrival.hold(0)?;
    let kept = Arc::new(AtomicU64::new(0));
    let (late, ended) = watch::channel(None);
    let request = request.map(|body| steady(body, arrival, Arc::clone(&kept), late));
    let form = Multipart::from_request(request, &()).await?;
    let stored = store(form, files, &kept).await;
    match (*ended.borrow(), stored) {
        (Some(late), Err(_)) => Err(late.into()),
        (_, stored) => stored,
    }
}

async fn store(
    mut form: Multipart,
    files: &Files,
    kept: &AtomicU64,
) -> Result<String, BodyProblem> {
    let mut batch = files.batch();
    let mut paths = Vec::new();
    while let Some(field) = form.next_field().await? {
        let name = field.file_name().filter(|name| !name.is_empty());
        let Some(name) = name.filter(|_| field.name() == Some("file")) else {
            continue;
        };
        if paths.len() >= limits::MAX_UPLOAD_FILES {
            return Err(UploadError::TooMany.into());
        }
        let name = name.to_owned();
        let file;
        (batch, file) = apart(move || {
            let file = batch.begin(&name)?;
            Ok((batch, file))
        })
        .await?;
        paths.push(file.path().to_owned());
        let file = write(file, field, kept).await?;
        batch.add(file);
    }
    let common = common_path(&paths).ok_or(UploadError::Nothing)?;
    apart(move || batch.commit()).await?;
    Ok(common)
}

async fn write(
    mut file: NewFile,
    mut field: Field<'_>,
    kept: &AtomicU64,
) -> Result<NewFile, BodyProblem> {
    while let Some(part) = field.chunk().await? {
        let length = part.len() as u64;
        file = apart(move || {
            file.write(&part)?;
            Ok(file)
        })
        .await?;
        kept.fetch_add(length, Ordering::Relaxed);
    }
    Ok(file)
}

/// Disks take their time: not on a thread that serves others.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(UploadError::Disk))
}

/// The body, as it comes, for who reads on as long as there is anything to read: it is never far ahead of
/// what was kept of it. Why it ends early is told to `late`.
fn steady(
    body: Body,
    arrival: Arrival,
    kept: Arc<AtomicU64>,
    late: watch::Sender<Option<Late>>,
) -> Body {
    let parts = body.into_data_stream();
    let steady = stream::unfold(Some((parts, arrival, 0_u64)), move |state| {
        let (kept, late) = (Arc::clone(&kept), late.clone());
        async move {
            let (mut parts, mut arrival, before) = state?;
            // What was read is worked on before there is more.
            tokio::task::yield_now().await;
            let part = match arrival.next(parts.next()).await {
                Ok(part) => part?,
                Err(why) => {
                    late.send_replace(Some(why));
                    return Some((Err(BodyProblem::Late(why)), None));
                }
            };
            let Ok(part) = part else {
                return Some((Err(BodyProblem::Cut), None));
            };
            arrival.came(part.len());
            let read = before.saturating_add(part.len() as u64);
            let ahead = read.saturating_sub(kept.load(Ordering::Relaxed));
            if ahead > limits::MAX_FORM_AHEAD_BYTES {
                return Some((Err(BodyProblem::Cut), None));
            }
            Some((Ok::<Bytes, _>(part), Some((parts, arrival, read))))
        }
    });
    Body::from_stream(steady)
}
