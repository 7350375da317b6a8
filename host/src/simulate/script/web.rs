//! Web servers that answer what [`Page`]s say.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use serde::Serialize;
use tokio::io::DuplexStream;
use wasmtime_wasi_http::io::TokioIo;

use super::{Data, Page};
use crate::limits;

/// The pages, and what was asked for.
#[derive(Debug)]
pub(super) struct Web {
    pages: Vec<Page>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// How often each page was given.
    given: Vec<bool>,
    sent: VecDeque<Sent>,
}

/// A request that the worker sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Such as `GET`.
    pub method: String,
    /// All of it, with the query.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, Data)>,
    /// The body.
    pub body: Data,
}

impl Web {
    pub(super) fn new(pages: Vec<Page>) -> Self {
        let given = vec![false; pages.len()];
        let memory = Memory {
            given,
            sent: VecDeque::new(),
        };
        Self {
            pages,
            memory: Mutex::new(memory),
        }
    }

    /// Answers the requests of one connection.
    pub(super) async fn serve(self: Arc<Self>, stream: DuplexStream, scheme: &'static str) {
        let answer = service_fn(move |request| {
            let web = Arc::clone(&self);
            async move { Ok::<_, Infallible>(web.answer(request, scheme).await) }
        });
        // It went away, which is its right.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), answer)
            .await;
    }

    /// The requests, since they were last asked for.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.memory().sent.drain(..).collect()
    }

    async fn answer(&self, request: Request<Incoming>, scheme: &str) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let host = head.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let path = head.uri.path_and_query().map_or("/", |it| it.as_str());
        let url = format!("{scheme}://{host}{path}");
        let body = Limited::new(body, limits::MAX_HEARD_BYTES).collect().await;
        let body = body.map(|body| body.to_bytes().to_vec());
        let headers = head.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), Data(value.as_bytes().to_vec())))
            .collect();
        let method = head.method.to_string();
        let page = self.page(&method, &url);
        self.keep(Sent {
            method,
            url,
            headers,
            body: Data(body.unwrap_or_default()),
        });
        let Some(page) = page else {
            return missing();
        };
        let delay = Duration::from_millis(page.delay_ms);
        tokio::time::sleep(delay.min(limits::MAX_SLEEP)).await;
        response(&page)
    }

    /// The page whose turn it is.
    fn page(&self, method: &str, url: &str) -> Option<Page> {
        let mut memory = self.memory();
        let mut last = None;
        for (page, given) in self.pages.iter().zip(&mut memory.given) {
            if page.method == method && page.url == url {
                last = Some(page);
                if !std::mem::replace(given, true) {
                    break;
                }
            }
        }
        last.cloned()
    }

    fn keep(&self, sent: Sent) {
        let mut memory = self.memory();
        if memory.sent.len() >= limits::MAX_SENT_REQUESTS {
            memory.sent.pop_front();
        }
        memory.sent.push_back(sent);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn response(page: &Page) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(page.body.0.clone().into()));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or_default();
    for (name, value) in &page.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(&value.0);
        // One that HTTP has no place for was refused when the script was read.
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// What a server says of what it does not have.
fn missing() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_given_in_turn_and_the_last_again() {
        let page = |body: &str| Page {
            method: "GET".to_owned(),
            url: "https://lab.example/t".to_owned(),
            status: 200,
            headers: Vec::new(),
            body: body.into(),
            delay_ms: 0,
        };
        let web = Web::new(vec![page("1"), page("2")]);
        let body = || {
            let page = web.page("GET", "https://lab.example/t");
            page.map(|page| page.body)
        };
        assert_eq!(
            [body(), body(), body()].map(Option::unwrap),
            ["1", "2", "2"].map(Data::from)
        );
        assert_eq!(web.page("POST", "https://lab.example/t"), None);
        assert_eq!(web.page("GET", "http://lab.example/t"), None);
    }
}
