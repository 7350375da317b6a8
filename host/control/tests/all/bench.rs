//! A control plane with two tenants and a token of each role, and what is asked of it in a line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use external_worker_control::{BASE, Config, Control, Place, router};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::support::Memory;

pub struct Bench {
    pub dir: TempDir,
    pub memory: Arc<Memory>,
    pub control: Arc<Control>,
    pub router: Router,
    pub operator: String,
}

#[derive(Debug)]
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Seen {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn code(&self) -> String {
        let kind = &self.headers["content-type"];
        assert_eq!(kind, "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(
            problem["request-id"],
            self.headers["x-request-id"].to_str().unwrap()
        );
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The body without the one thing that differs between two requests.
    pub fn without_id(&self) -> String {
        let id = self.headers["x-request-id"].to_str().unwrap();
        self.text.replace(id, "")
    }
}

pub fn config(dir: &TempDir) -> Config {
    Config {
        data: dir.path().to_owned(),
        place: Place {
            address: "127.0.0.1:80".parse().unwrap(),
            origins: Vec::new(),
        },
        upload_bytes: 1 << 20,
    }
}

impl Bench {
    pub async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let memory = Arc::new(Memory::default());
        let control = Control::begin(config(&dir), memory.clone()).await.unwrap();
        let token = control.first_token().await.unwrap().unwrap();
        let bench = Self {
            operator: token.reveal().to_owned(),
            router: router(Arc::clone(&control)),
            dir,
            memory,
            control,
        };
        for name in ["lab", "other"] {
            let body = json!({ "name": name });
            let made = bench.operate("POST", "/tenants", body).await;
            assert_eq!(made.status, 201, "{made:?}");
        }
        bench
    }

    pub async fn token(&self, tenant: &str, role: &str) -> String {
        let path = format!("/tenants/{tenant}/tokens");
        let made = self.operate("POST", &path, json!({ "role": role })).await;
        made.json()["token"].as_str().unwrap().to_owned()
    }

    /// Makes an external worker, and says its uuid.
    pub async fn instance(&self, tenant: &str) -> String {
        let path = format!("/tenants/{tenant}/instances");
        let body = json!({ "module": "thermometer", "class": "thermometer" });
        let made = self.operate("POST", &path, body).await;
        made.json()["uuid"].as_str().unwrap().to_owned()
    }

    pub async fn operate(&self, method: &str, path: &str, body: impl Into<Option<Json>>) -> Seen {
        let token = self.operator.clone();
        self.ask(method, path, Some(&token), body).await
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: impl Into<Option<Json>>,
    ) -> Seen {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body.into() {
            None => Body::empty(),
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    /// Sends a request as an operator, with what it says.
    pub async fn with(&self, request: http::request::Builder, body: impl Into<Body>) -> Seen {
        let token = format!("Bearer {}", self.operator);
        let request = request.header("authorization", token);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Seen {
        let response = self.response(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Seen {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.into()).unwrap(),
        }
    }

    pub async fn response(&self, mut request: Request<Body>) -> axum::response::Response {
        let peer: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let headers = request.headers_mut();
        if !headers.contains_key("host") {
            headers.insert("host", "127.0.0.1:80".parse().unwrap());
        }
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// Waits until `is_so`, however long the machine takes for it.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
