//! The console against an API that says the worst there is.

mod fake;
mod forms;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value as Json;
use tower::ServiceExt as _;

use super::session::Bounds;
use super::{router, router_with};
use fake::{Asked, api};

/// A browser, as far as the console sees one.
struct Browser {
    console: Router,
    asked: Asked,
    cookie: String,
    csrf: String,
}

/// What the console answered.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Browser {
    fn new(say: &str) -> Self {
        let asked = Asked::default();
        Self::at(router(api(say, Arc::clone(&asked))), asked)
    }

    fn at(console: Router, asked: Asked) -> Self {
        let (cookie, csrf) = (String::new(), String::new());
        Self {
            console,
            asked,
            cookie,
            csrf,
        }
    }

    /// One that has signed in.
    async fn signed_in(say: &str, role: &str) -> Self {
        let mut browser = Self::new(say);
        browser.sign_in(role).await;
        browser
    }

    async fn sign_in(&mut self, role: &str) {
        let seen = self.send("/console/login", &[("token", role)]).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
        let cookie = seen.headers[SET_COOKIE].to_str().unwrap();
        assert!(
            cookie.ends_with("; Path=/console; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        let page = self.get("/console/nothing").await;
        let (_, rest) = page.text.split_once("name=\"csrf\" value=\"").unwrap();
        self.csrf = rest.split('"').next().unwrap().to_owned();
    }

    async fn ask(&self, request: Request<Body>) -> Seen {
        let response: Response = self.console.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Seen {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, &self.cookie)
    }

    async fn get(&self, path: &str) -> Seen {
        self.ask(self.request(Method::GET, path).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a form as a page of the session does.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let fields: Vec<_> = [("csrf", self.csrf.as_str())]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        self.send(path, &fields).await
    }

    /// Sends a form with nothing else in it.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let form: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.body(form.into()).unwrap()).await
    }

    /// What the API was last asked to do.
    fn last(&self) -> (String, Json) {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

impl Seen {
    fn to(&self) -> &str {
        self.headers
            .get(LOCATION)
            .map_or("", |to| to.to_str().unwrap())
    }
}

/// Pages with a session, each with the least role that sees it.
const PAGES: [(&str, &str); 17] = [
    ("viewer", "/console/tenants"),
    ("viewer", "/console/tenants/lab"),
    ("viewer", "/console/tenants/away"),
    ("viewer", "/console/tenants/starting"),
    ("viewer", "/console/tenants/lab/live"),
    ("viewer", "/console/tenants/lab/instances/u"),
    ("viewer", "/console/tenants/lab/instances/u/live"),
    ("viewer", "/console/tenants/lab/instances/u/log"),
    ("viewer", "/console/tenants/lab/policies"),
    ("viewer", "/console/tenants/lab/usage"),
    ("author", "/console/tenants/lab/instances/u/config"),
    ("author", "/console/tenants/lab/secrets"),
    ("author", "/console/tenants/bare/secrets"),
    ("owner", "/console/tenants/lab/tokens"),
    ("owner", "/console/tenants/lab/audit"),
    ("operator", "/console/tenants/lab/remove"),
    ("operator", "/console/usage"),
];
