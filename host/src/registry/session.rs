//! A conversation with one registry, in which it is told who asks only when it wants to know.

use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use super::challenge::{self, Challenge};
use super::digest::Digest;
use super::logins::Login;
use super::manifest::ACCEPT as MANIFESTS;
use super::transport::{Transport, body, sentence};
use super::{Registries, RegistryName};
use crate::limits::{
    MAX_OCI_MANIFEST_BYTES, MAX_REGISTRY_RETRIES, MAX_RETRY_AFTER, MAX_TOKEN_ANSWER_BYTES,
};

const CLIENT_ID: &str = "ewh";

/// A conversation with a registry about one repository, or about whether it takes a login.
pub(super) struct Session<'a> {
    transport: Transport,
    registries: &'a Registries,
    registry: &'a RegistryName,
    repository: &'a str,
    /// Looked for when the registry asks for one, and once.
    login: Option<Found>,
    /// What the registry was last told, until that holds no more.
    authorization: Option<Authorization>,
}

/// The login that there is, and why there is none.
#[derive(Default)]
struct Found {
    login: Option<Login>,
    problem: Option<String>,
}

enum Authorization {
    Token(String),
    Password { user: String, password: String },
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

impl<'a> Session<'a> {
    /// `repository` is empty when there is none that it is about.
    pub(super) async fn new(
        registries: &'a Registries,
        registry: &'a RegistryName,
        repository: &'a str,
    ) -> Result<Self, String> {
        Ok(Self {
            transport: Transport::to(registry, &registries.trust).await?,
            registries,
            registry,
            repository,
            login: None,
            authorization: None,
        })
    }

    /// The manifest of a version, which is a tag or a digest, and its digest.
    pub(super) async fn manifest(&mut self, version: &str) -> Result<(Vec<u8>, Digest), String> {
        let response = self.get(&format!("manifests/{version}"), MANIFESTS).await?;
        let manifest = body(response, MAX_OCI_MANIFEST_BYTES).await?;
        match Digest::parse(version) {
            Some(pinned) if pinned.is_of(&manifest) => Ok((manifest, pinned)),
            Some(_) => {
                let digest = Digest::of(&manifest);
                Err(format!("its manifest has another digest: {digest}"))
            }
            None => {
                let digest = Digest::of(&manifest);
                Ok((manifest, digest))
            }
        }
    }

    /// A layer of exactly `size` bytes.
    pub(super) async fn blob(&mut self, digest: &Digest, size: u64) -> Result<Vec<u8>, String> {
        let response = self.get(&format!("blobs/{digest}"), "*/*").await?;
        let content = body(response, size).await?;
        let came = content.len() as u64;
        if came < size {
            return Err(format!("its content ended after {came} of {size} bytes"));
        }
        if !digest.is_of(&content) {
            return Err("its content does not have the digest that its manifest gives".to_owned());
        }
        Ok(content)
    }

    /// Whether the registry takes the login; one that asks for none takes any.
    pub(super) async fn check(&mut self) -> Result<(), String> {
        let url = self.transport.url("")?;
        self.ask(url, "*/*").await.map(drop)
    }

    async fn get(&mut self, path: &str, accept: &str) -> Result<Response, String> {
        let url = self.transport.url(&format!("{}/{path}", self.repository))?;
        self.ask(url, accept).await
    }

    /// One request; a second one if the registry wants to know who asks, or wants to know it again.
    async fn ask(&mut self, url: Url, accept: &str) -> Result<Response, String> {
        let mut response = self.send(&url, accept).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.authorization = Some(self.authorize(&response).await?);
            response = self.send(&url, accept).await?;
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err("the registry has no such thing".to_owned()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.refused()),
            StatusCode::TOO_MANY_REQUESTS => Err(
                "the registry has had too many requests; try again later, or with a login"
                    .to_owned(),
            ),
            other => Err(format!("the registry answered {}", other.as_u16())),
        }
    }

    async fn send(&self, url: &Url, accept: &str) -> Result<Response, String> {
        patiently(|| {
            let request = self.transport.client.get(url.clone());
            let request = request.header(ACCEPT, accept);
            match &self.authorization {
                Some(Authorization::Token(token)) => request.bearer_auth(token),
                Some(Authorization::Password { user, password }) => {
                    request.basic_auth(user, Some(password))
                }
                None => request,
            }
        })
        .await
    }

    /// Does as the registry's challenge says.
    async fn authorize(&mut self, response: &Response) -> Result<Authorization, String> {
        // Whoever else asks is not told.
        if !self.transport.is_of_registry(response.url()) {
            return Err(
                "the registry redirects to a place that asks for a login of its own".to_owned(),
            );
        }
        let challenge = challenge::best(response.headers());
        let challenge = challenge.ok_or("the registry does not say how to log in to it")?;
        if self.login.is_none() {
            self.login = Some(self.find_login().await);
        }
        match challenge {
            Challenge::Bearer { realm, service } => {
                let token = self.token(&realm, service.as_deref()).await?;
                Ok(Authorization::Token(token))
            }
            Challenge::Basic => match self.login() {
                Some(Login::Password { user, password }) => Ok(Authorization::Password {
                    user: user.clone(),
                    password: password.clone(),
                }),
                Some(Login::Identity(_)) | None => Err(self.refused()),
            },
        }
    }

    async fn find_login(&self) -> Found {
        let found = self.registries.logins.find(self.registry, self.repository);
        match found.await {
            Ok(login) => Found {
                login,
                problem: None,
            },
            // What is public may still be had.
            Err(problem) => Found {
                login: None,
                problem: Some(problem.to_string()),
            },
        }
    }

    fn login(&self) -> Option<&Login> {
        self.login.as_ref().and_then(|found| found.login.as_ref())
    }

    /// Why the registry does not let us have it, as far as that is known.
    fn refused(&self) -> String {
        let problem = self
            .login
            .as_ref()
            .and_then(|found| found.problem.as_deref());
        match (self.login(), problem) {
            (Some(_), _) => "the registry does not give it to this login".to_owned(),
            (None, Some(problem)) => format!("the registry asks for a login, and {problem}"),
            (None, None) => format!(
                "the registry asks for a login; `ewh login {}` keeps one",
                self.registry
            ),
        }
    }

    /// Asks for a token to read this one repository, with the login if there is one. The registry itself
    /// names the place, and could have asked for the login at its own door: that is not a stranger.
    async fn token(&self, realm: &str, service: Option<&str>) -> Result<String, String> {
        let realm = Url::parse(realm).ok();
        let realm = realm.ok_or("the registry does not say where to get a token")?;
        if !self.transport.is_safe(&realm) {
            return Err("the registry wants to give its token without TLS".to_owned());
        }
        let response = patiently(|| self.token_request(&realm, service)).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.refused()),
            other => {
                let status = other.as_u16();
                return Err(format!("the registry gave no token: it answered {status}"));
            }
        }
        let answer = body(response, MAX_TOKEN_ANSWER_BYTES).await?;
        let answer: Option<TokenAnswer> = serde_json::from_slice(&answer).ok();
        let tokens = answer.map(|answer| [answer.token, answer.access_token]);
        let mut tokens = tokens.into_iter().flatten().flatten();
        let token = tokens.find(|token| !token.is_empty());
        token.ok_or_else(|| "the registry gave no token".to_owned())
    }

    fn token_request(&self, realm: &Url, service: Option<&str>) -> RequestBuilder {
        let mut url = realm.clone();
        let scope = format!("repository:{}:pull", self.repository);
        let scope = (!self.repository.is_empty()).then_some(scope);
        let asked = [("service", service), ("scope", scope.as_deref())];
        let asked = asked
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        match self.login() {
            Some(Login::Identity(token)) => {
                let mut form = realm.clone();
                form.set_query(None);
                form.query_pairs_mut()
                    .extend_pairs([("grant_type", "refresh_token"), ("client_id", CLIENT_ID)])
                    .append_pair("refresh_token", token)
                    .extend_pairs(asked);
                let form = form.query().unwrap_or_default().to_owned();
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                let request = self.transport.tokens.post(url);
                request.header(CONTENT_TYPE, kind).body(form)
            }
            login => {
                url.query_pairs_mut().extend_pairs(asked);
                let request = self.transport.tokens.get(url);
                match login {
                    Some(Login::Password { user, password }) => {
                        request.basic_auth(user, Some(password))
                    }
                    _ => request,
                }
            }
        }
    }
}

/// Sends a request, and again when the other side says that, and when, it wants it later.
async fn patiently(request: impl Fn() -> RequestBuilder) -> Result<Response, String> {
    let mut response = request().send().await.map_err(sentence)?;
    for _ in 0..MAX_REGISTRY_RETRIES {
        let Some(pause) = retry_after(&response) else {
            break;
        };
        if pause > MAX_RETRY_AFTER {
            let seconds = pause.as_secs();
            return Err(format!("the registry says to try again in {seconds} s"));
        }
        tokio::time::sleep(pause).await;
        response = request().send().await.map_err(sentence)?;
    }
    Ok(response)
}

/// How long the other side wants to be left alone.
fn retry_after(response: &Response) -> Option<Duration> {
    let later = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if !later.contains(&response.status()) {
        return None;
    }
    let after = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    pause(after, SystemTime::now())
}

/// Seconds, or a date.
fn pause(after: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(after).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_ask_again_is_said_in_seconds_or_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let seconds = |after: &str| pause(after, now).map(|pause| pause.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:57 GMT"), Some(20));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
    }
}
