//! A conversation with one registry.

use std::error::Error;
use std::sync::Arc;

use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::OciLogin;
use crate::limits::{
    HTTP_BETWEEN_BYTES_TIMEOUT, HTTP_CONNECT_TIMEOUT, MAX_HTTP_FIELDS_BYTES, MAX_NAME_BYTES,
    MAX_OCI_MANIFEST_BYTES, MAX_REDIRECTS,
};
use crate::text;
use crate::worker::package::content::sha256_text;
use crate::worker::package::reference::{OciReference, is_loopback_host};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const USER_AGENT: &str = concat!("ewh/", env!("CARGO_PKG_VERSION"));
/// Reserved up front for an answer that says how long it is; the rest only as it comes.
const RESERVE_BYTES: usize = 64 * 1024;

/// A conversation with the registry of one reference.
pub(super) struct Session<'a> {
    client: Client,
    reference: &'a OciReference,
    login: Option<&'a OciLogin>,
    authorization: Option<Authorization>,
}

enum Authorization {
    Token(String),
    Login,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        reference: &'a OciReference,
        login: Option<&'a OciLogin>,
    ) -> Result<Self, String> {
        let here = reference.is_loopback();
        let builder = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(Policy::custom(move |attempt| redirect(attempt, here)))
            .connect_timeout(HTTP_CONNECT_TIMEOUT)
            .read_timeout(HTTP_BETWEEN_BYTES_TIMEOUT)
            .referer(false)
            .user_agent(USER_AGENT);
        // A proxy is for what is elsewhere.
        let builder = if here { builder.no_proxy() } else { builder };
        Ok(Self {
            client: builder.build().map_err(sentence)?,
            reference,
            login,
            authorization: None,
        })
    }

    /// The manifest and its digest, which is the one that was asked for if there was one.
    pub(super) async fn manifest(&mut self) -> Result<(Vec<u8>, String), String> {
        let url = self.url("manifests", self.reference.version())?;
        let response = self.get(url, MANIFEST).await?;
        let manifest = body(response, MAX_OCI_MANIFEST_BYTES).await?;
        let digest = sha256_text(&Sha256::digest(&manifest));
        match self.reference.digest() {
            Some(pinned) if pinned != digest => {
                Err(format!("its manifest has another digest: {digest}"))
            }
            _ => Ok((manifest, digest)),
        }
    }

    /// A layer of exactly `size` bytes.
    pub(super) async fn blob(&mut self, digest: &str, size: u64) -> Result<Vec<u8>, String> {
        let url = self.url("blobs", digest)?;
        let response = self.get(url, "*/*").await?;
        let content = body(response, size).await?;
        if sha256_text(&Sha256::digest(&content)) != digest {
            return Err("its content has not the digest that its manifest says".to_owned());
        }
        Ok(content)
    }

    fn url(&self, kind: &str, version: &str) -> Result<Url, String> {
        let scheme = if self.reference.is_loopback() {
            "http"
        } else {
            "https"
        };
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        let url = format!("{scheme}://{registry}/v2/{repository}/{kind}/{version}");
        Url::parse(&url).map_err(|_| "its address cannot be used".to_owned())
    }

    /// One request; a second one if the registry first asks who is there.
    async fn get(&mut self, url: Url, accept: &str) -> Result<Response, String> {
        let mut response = self.send(url.clone(), accept).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.authorization.is_none() {
            self.authorization = Some(self.authorize(&response).await?);
            response = self.send(url, accept).await?;
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err("the registry has no such thing".to_owned()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err("the registry does not let us have it; give a login that may".to_owned())
            }
            other => Err(format!("the registry answered {}", other.as_u16())),
        }
    }

    async fn send(&self, url: Url, accept: &str) -> Result<Response, String> {
        let request = self.client.get(url).header(ACCEPT, accept);
        let request = match &self.authorization {
            Some(Authorization::Token(token)) => request.bearer_auth(token),
            Some(Authorization::Login) => self.with_login(request),
            None => request,
        };
        request.send().await.map_err(sentence)
    }

    fn with_login(&self, request: RequestBuilder) -> RequestBuilder {
        match self.login {
            Some(login) => request.basic_auth(&login.user, Some(&login.password)),
            None => request,
        }
    }

    /// Does as the registry's challenge says.
    async fn authorize(&self, response: &Response) -> Result<Authorization, String> {
        let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<&str> = challenges.filter_map(|value| value.to_str().ok()).collect();
        let of = |scheme: &str| {
            challenges.iter().find_map(|challenge| {
                let (found, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
                found.eq_ignore_ascii_case(scheme).then_some(parameters)
            })
        };
        if let Some(parameters) = of("bearer") {
            return self.token(parameters).await.map(Authorization::Token);
        }
        if of("basic").is_some() && self.login.is_some() {
            return Ok(Authorization::Login);
        }
        Err("the registry asks for a login; give one".to_owned())
    }

    /// Asks for a token to read this one repository.
    async fn token(&self, parameters: &str) -> Result<String, String> {
        let realm = parameter(parameters, "realm");
        let realm = realm.and_then(|realm| Url::parse(&realm).ok());
        let mut url = realm.ok_or("the registry does not say where to get a token")?;
        if !is_safe(&url, self.reference.is_loopback()) {
            return Err("the registry wants its token asked for without TLS".to_owned());
        }
        let scope = format!("repository:{}:pull", self.reference.repository());
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = parameter(parameters, "service") {
            url.query_pairs_mut().append_pair("service", &service);
        }
        let response = self.with_login(self.client.get(url)).send().await;
        let response = response.map_err(sentence)?;
        if response.status() != StatusCode::OK {
            let status = response.status().as_u16();
            return Err(format!("the registry gave no token: it answered {status}"));
        }
        let answer = body(response, MAX_HTTP_FIELDS_BYTES as u64).await?;
        let answer: Option<TokenAnswer> = serde_json::from_slice(&answer).ok();
        answer
            .and_then(|answer| answer.token.or(answer.access_token))
            .ok_or_else(|| "the registry gave no token".to_owned())
    }
}

/// The TLS of everything else that this host fetches.
fn tls() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Registries keep their layers elsewhere, and send there. The header with the token stays behind:
/// the client sees to that.
fn redirect(attempt: Attempt<'_>, here: bool) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    if !is_safe(attempt.url(), here) {
        return attempt.error("a redirect to an address without TLS");
    }
    attempt.follow()
}

/// Whether an address has TLS, or is on this machine and so is the registry.
fn is_safe(url: &Url, here: bool) -> bool {
    let is_here = || here && url.host_str().is_some_and(is_loopback_host);
    url.scheme() == "https" || (url.scheme() == "http" && is_here())
}

/// The value of a parameter of a challenge: `realm="…",service="…"`.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    while let Some((found, after)) = rest.split_once('=') {
        let quoted = after.strip_prefix('"');
        let (value, after) = match quoted {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        if found.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = after;
    }
    None
}

/// Reads an answer of at most `limit` bytes.
async fn body(mut response: Response, limit: u64) -> Result<Vec<u8>, String> {
    let mut content = Vec::with_capacity(RESERVE_BYTES);
    while let Some(part) = response.chunk().await.map_err(sentence)? {
        if (content.len() as u64).saturating_add(part.len() as u64) > limit {
            return Err(format!("the registry sends more than {limit} bytes"));
        }
        content.extend_from_slice(&part);
    }
    Ok(content)
}

/// The whole of an error, without the address, which may have a token in it.
fn sentence(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    text::clean_line(&words, MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_challenge_are_found() {
        let challenge = r#"realm="https://auth.example/token?a=b",service="a, b", scope=x"#;
        let found = ["realm", "SERVICE", "scope", "error"].map(|name| parameter(challenge, name));
        let wanted = ["https://auth.example/token?a=b", "a, b", "x"].map(|v| Some(v.to_owned()));
        assert_eq!(found[..3], wanted);
        assert_eq!(found[3], None);
        for broken in ["", "realm", "realm=\"x", "=", "\"=\""] {
            assert_eq!(parameter(broken, "realm"), None, "{broken}");
        }
    }

    #[test]
    fn nothing_leaves_this_machine_without_tls() {
        let safe = |url: &str, here| is_safe(&Url::parse(url).unwrap(), here);
        assert!(safe("https://cdn.example/blob", false) && safe("http://[::1]:5000/blob", true));
        for (url, here) in [
            ("http://cdn.example/blob", false),
            ("http://cdn.example/blob", true),
            ("http://127.0.0.1/blob", false),
            ("http://localhost.example/blob", true),
            ("file:///etc/passwd", true),
        ] {
            assert!(!safe(url, here), "{url}");
        }
    }
}
