//! How pages ask the API: in the same process, with the token of who looks, as anybody else would over HTTP. So the
//! console can do nothing that the API does not allow to that token.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::{Extensions, HeaderMap, HeaderName, Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tower::ServiceExt as _;

use super::trouble::Trouble;

/// The most that an answer of the API may have.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// How many pages of a list are read.
const MAX_LIST_PAGES: usize = 10;
/// How many items a page of a list has.
const LIST_PAGE: usize = 200;

/// What a browser says of where it is, and of whose page asks.
const PASSED_ON: [HeaderName; 3] = [HOST, ORIGIN, HeaderName::from_static("sec-fetch-site")];

/// What stays as it is in a part of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// A part of a path: whatever `text` has in it, it stays one part. A part that is only dots would be left out.
pub fn part(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Asks the API with one token.
#[derive(Clone)]
pub struct Client {
    api: Router,
    token: String,
    from: From,
}

/// From where somebody asks, which the API checks and counts as if they asked it.
#[derive(Debug, Clone, Default)]
pub struct From {
    peer: Option<ConnectInfo<SocketAddr>>,
    headers: HeaderMap,
}

impl From {
    /// What a request says of it.
    pub fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let said = PASSED_ON
            .into_iter()
            .filter_map(|name| headers.get(&name).cloned().map(|value| (name, value)));
        Self {
            peer: extensions.get().copied(),
            headers: said.collect(),
        }
    }
}

/// A list, as far as it was read.
#[derive(Debug)]
pub struct List<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Whether there is more.
    pub is_cut: bool,
}

/// A page of a list, as the API says it.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Client {
    /// One that shows `token`, for whoever asks from there.
    pub const fn new(api: Router, token: String, from: From) -> Self {
        Self { api, token, from }
    }

    /// What there is at `path`, which begins below the base of the API.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let answer = self.ask(Method::GET, path, None).await?;
        read(answer).await
    }

    /// Everything of a list, up to a bound.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<List<T>, Trouble> {
        self.list_after(path, None).await
    }

    /// What is in a list after what `after` names, up to a bound.
    pub async fn list_after<T: DeserializeOwned>(
        &self,
        path: &str,
        after: Option<u64>,
    ) -> Result<List<T>, Trouble> {
        let mut items = Vec::new();
        let mut after = after
            .map(|after| format!("&after={after}"))
            .unwrap_or_default();
        for _ in 0..MAX_LIST_PAGES {
            let page: Page<T> = self
                .get(&format!("{path}?limit={LIST_PAGE}{after}"))
                .await?;
            items.extend(page.items);
            let Some(next) = page.next else {
                return Ok(List {
                    items,
                    is_cut: false,
                });
            };
            after = format!("&after={}", part(&next));
        }
        Ok(List {
            items,
            is_cut: true,
        })
    }

    /// Has something done that answers with something.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<T, Trouble> {
        let body = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        read(self.ask(method, path, body).await?).await
    }

    /// Has something done whose answer says nothing more.
    pub async fn act(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<(), Trouble> {
        let body = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        self.ask(method, path, body).await.map(drop)
    }

    /// Brings a file.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, file: Bytes) -> Result<T, Trouble> {
        let body = Some(("application/octet-stream", file));
        read(self.ask(Method::PUT, path, body).await?).await
    }

    /// Brings bytes, about which the answer says nothing more.
    pub async fn deliver(&self, path: &str, bytes: Bytes) -> Result<(), Trouble> {
        let body = Some(("application/octet-stream", bytes));
        self.ask(Method::PUT, path, body).await.map(drop)
    }

    /// What there is at `path`, as it comes.
    pub async fn stream(&self, path: &str) -> Result<Body, Trouble> {
        Ok(self.ask(Method::GET, path, None).await?.into_body())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Response, Trouble> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(peer) = self.from.peer {
            request = request.extension(peer);
        }
        for (name, value) in &self.from.headers {
            request = request.header(name, value);
        }
        let request = match body {
            Some((kind, bytes)) => request.header(CONTENT_TYPE, kind).body(bytes.into()),
            None => request.body(Body::empty()),
        };
        let request =
            request.map_err(|_| Trouble::wrong("This cannot be asked for: a name is too long."))?;
        let Ok(answer) = self.api.clone().oneshot(request).await;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = to_bytes(answer.into_body(), MAX_ANSWER_BYTES).await;
        Err(Trouble::told(status, &body.unwrap_or_default()))
    }
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Trouble> {
    let body = to_bytes(answer.into_body(), MAX_ANSWER_BYTES).await;
    let body = body.map_err(|_| Trouble::broken("The answer of the API is too large to show."))?;
    serde_json::from_slice(&body).map_err(|why| {
        tracing::warn!(%why, "the console does not understand an answer of the API");
        Trouble::broken("The console does not understand the answer of the API.")
    })
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_part_of_a_path_stays_one() {
        assert_eq!(part("../a b?c#d/é%"), "%2E%2E%2Fa%20b%3Fc%23d%2F%C3%A9%25");
        assert_eq!(part("lab-1_x"), "lab-1_x");
    }
}
