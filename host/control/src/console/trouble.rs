//! Why something was not done, as a page says it: what the API said, and what one can do.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

/// Why something was not done.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// The status of HTTP.
    pub status: StatusCode,
    /// In a few words.
    pub title: String,
    /// In a sentence.
    pub detail: String,
    /// Which answer of the API it was, for its log.
    pub request: Option<String>,
}

/// What the API says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    title: String,
    detail: String,
    #[serde(rename = "request-id")]
    request: Option<String>,
}

impl Trouble {
    /// What the API said.
    pub fn told(status: StatusCode, body: &[u8]) -> Self {
        let told: Told = serde_json::from_slice(body).unwrap_or_default();
        let title = match told.title.as_str() {
            "" => status
                .canonical_reason()
                .unwrap_or("It was not done")
                .to_owned(),
            title => title.to_owned(),
        };
        Self {
            status,
            title,
            detail: told.detail,
            request: told.request,
        }
    }

    /// What was typed makes no sense.
    pub fn wrong(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This cannot be used",
            detail,
        )
    }

    /// The console itself failed.
    pub fn broken(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The console failed",
            detail,
        )
    }

    /// There is no such page.
    pub fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such page", "")
    }

    /// One with these words.
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title: title.to_owned(),
            detail: detail.into(),
            request: None,
        }
    }

    /// What one can do.
    pub const fn advice(&self) -> &'static str {
        match self.status.as_u16() {
            400 | 422 => "Change what you typed, and send it again.",
            401 => "Sign in again.",
            403 => {
                "Ask an owner of the tenant, or an operator, to do it or to give you a token that may."
            }
            404 => "Look whether it was removed or has another name.",
            409 => "Load the page again to see what there is now.",
            413 => "Send something smaller.",
            429 => "Wait a minute, and try again.",
            503 => "Look at the state of the tenant, and try again when it is served.",
            _ => "Try again; if it stays so, look at the log of the host.",
        }
    }
}

impl IntoResponse for Trouble {
    /// The page around it is drawn where it is known who looks.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
