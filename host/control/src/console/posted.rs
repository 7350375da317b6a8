//! What a form sent. Nothing reads a form but this, and it reads none without the token that only a page of the same
//! session has in it.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest as _, FromRequestParts, Multipart, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::trouble::Trouble;
use crate::limits::{MAX_FORM_BYTES, MAX_UPLOAD_BYTES};

/// The field with the token against forms of other pages.
pub const CSRF: &str = "csrf";
/// The most that a form with a file has; the API has a bound of its own for the file.
pub const MAX_BYTES: usize = MAX_UPLOAD_BYTES + MAX_FORM_BYTES;
const MAX_FIELDS: usize = 2000;

/// What a form sent.
#[derive(Debug, Clone, Default)]
pub struct Posted {
    /// Names and values, in order.
    pub fields: Vec<(String, String)>,
    /// A file: what it is called, and what is in it.
    pub file: Option<(String, Bytes)>,
}

impl Posted {
    /// What was typed, without what is around it; empty if there is no such field.
    pub fn get(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// What was typed, as it is; empty if there is no such field.
    pub fn exact(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }

    /// What was typed, if something was.
    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// A number, if one was typed.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Trouble> {
        let number = self
            .some(name)
            .map(|text| text.replace([',', '_', ' '], "").parse());
        let wrong = |_| Trouble::wrong(format!("`{name}` has to be a whole number."));
        number.transpose().map_err(wrong)
    }
}

impl<S: Sync> FromRequestParts<S> for Posted {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        let posted = parts.extensions.get().cloned();
        posted.ok_or_else(|| Trouble::broken("No form was read."))
    }
}

/// Reads a form, which has to have the token `csrf` in it, before any file, if there is one.
pub async fn read(request: Request, csrf: Option<&str>) -> Result<Posted, Trouble> {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        let parts = Multipart::from_request(request, &()).await;
        return read_parts(parts.map_err(|_| no_form())?, csrf).await;
    }
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Trouble::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This is no form",
            "The console takes forms only; programs use the API.",
        ));
    }
    let body = to_bytes(request.into_body(), MAX_FORM_BYTES).await;
    let body = body.map_err(|_| too_large())?;
    let fields = form_urlencoded::parse(&body).into_owned().take(MAX_FIELDS);
    let posted = Posted {
        fields: fields.collect(),
        file: None,
    };
    is_ours(&posted, csrf)?;
    Ok(posted)
}

async fn read_parts(mut parts: Multipart, csrf: Option<&str>) -> Result<Posted, Trouble> {
    let mut posted = Posted::default();
    let mut bytes = 0;
    loop {
        let part = parts.next_field().await.map_err(|_| no_form())?;
        let Some(part) = part else { break };
        let name = part.name().unwrap_or_default().to_owned();
        if let Some(file) = part.file_name().map(str::to_owned) {
            is_ours(&posted, csrf)?;
            let content = part.bytes().await.map_err(|_| too_large())?;
            posted.file = Some((file, content)).filter(|(file, _)| !file.is_empty());
            continue;
        }
        let value = part.text().await.map_err(|_| too_large())?;
        bytes += name.len() + value.len();
        if bytes > MAX_FORM_BYTES || posted.fields.len() == MAX_FIELDS {
            return Err(too_large());
        }
        posted.fields.push((name, value));
    }
    is_ours(&posted, csrf)?;
    Ok(posted)
}

/// Compares hashes, in a time that says nothing about the token.
fn is_ours(posted: &Posted, csrf: Option<&str>) -> Result<(), Trouble> {
    let Some(csrf) = csrf else { return Ok(()) };
    let is_right = blake3::hash(posted.get(CSRF).as_bytes()) == blake3::hash(csrf.as_bytes());
    if is_right { Ok(()) } else { Err(refused()) }
}

/// A form that no page of this session has sent.
pub fn refused() -> Trouble {
    Trouble::new(
        StatusCode::FORBIDDEN,
        "This form is of another session",
        "Nothing was done: the form was not sent by a page of the console that you are signed in to now. Open the page \
         again and send it from there.",
    )
}

fn no_form() -> Trouble {
    Trouble::new(
        StatusCode::BAD_REQUEST,
        "This is no form",
        "The form did not arrive whole.",
    )
}

fn too_large() -> Trouble {
    Trouble::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "This is too large",
        "The console does not take that much at once.",
    )
}
