//! Who may talk to the server: three checks, each with its reasons to refuse. What says who asks is said
//! once, so that nobody in between reads it otherwise.
//!
//! *Host*: on a loopback address only names of this machine, so that no foreign name that was made to
//! point here (DNS rebinding) gets through. *Origin*: a browser says which page asks; pages of this
//! machine may on loopback, others where the operator listed them; programs send no origin. What changes
//! something and has none shows otherwise that no page of a stranger sent it: a browser says that it is
//! the page's own server, or there is something that no page sends unasked, the token or a header.
//! *Token*: whoever reaches a listener that is not loopback has to know one. There is one token that allows
//! everything, and there are those of the [`Keyring`], of which each allows what its role does; where there is either,
//! loopback takes one as well. Who is wrong about it too often has to wait ([`tries`]).

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, Method, Request, Uri, uri};
use external_worker_control::access::address::{host_of, is_loopback_host};

use self::tries::{Tries, Wait};
use crate::limits;

mod keyring;
mod tries;

pub use keyring::{Keyring, Pass};

/// The cookie that may carry the token.
pub const COOKIE_NAME: &str = "ewh_token";

/// The key of the query that may carry the token.
const QUERY_KEY: &str = "token=";

/// What is said once or not at all.
const ONCE: [HeaderName; 5] = [HOST, ORIGIN, AUTHORIZATION, CONTENT_LENGTH, UPGRADE];

/// What a browser says of who asks; no page can.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a page cannot send to another server without asking before.
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// What any page can send anywhere: forms.
const FORMS: [&str; 3] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
];

/// Why somebody is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The request names a host that is not this machine.
    Host,
    /// A page of a stranger asks.
    Origin,
    /// Nothing shows that no page of a stranger asks.
    NoOrigin,
    /// A header is there twice that says who asks.
    Twice,
    /// No token, or a wrong one.
    Token,
    /// Too many wrong ones; the next is looked at after this long.
    Often(Duration),
}

impl Denied {
    /// The sentence for whoever was turned away.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Host => {
                "the server does not have this name; open it as 127.0.0.1 or localhost, or start it \
                 with --allow-origin"
            }
            Self::Origin => {
                "pages of this origin may not connect; start with --allow-origin ORIGIN"
            }
            Self::NoOrigin => {
                "a request that changes something has to say where it is from; a program sends \
                 the header `X-Requested-With`, with any value"
            }
            Self::Twice => "a header that says who asks occurs twice; send it once",
            Self::Token => {
                "the token is missing or wrong; send it as `Authorization: Bearer`, as `?token=` of \
                 the address, or as the cookie `ewh_token`"
            }
            Self::Often(_) => "too many wrong tokens have come from this address; try again later",
        }
    }
}

/// A page's origin, as browsers write it: `https://example.org`, `http://localhost:8000`, `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host, without the port.
    fn host(&self) -> Option<&str> {
        let (_, authority) = self.0.split_once("://")?;
        Some(host_of(authority))
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim_end_matches('/').to_ascii_lowercase();
        let is_origin = lower.split_once("://").is_some_and(|(scheme, authority)| {
            !scheme.is_empty()
                && !authority.is_empty()
                && !authority.contains(['/', '?', '#', '@'])
                && authority.chars().all(|c| c.is_ascii_graphic())
        });
        if is_origin || lower == "null" {
            Ok(Self(lower))
        } else {
            Err("an origin is a scheme and a host, such as https://example.org".to_owned())
        }
    }
}

/// What lets in; with nothing of it, everybody on this machine comes in.
#[derive(Debug, Clone, Default)]
pub struct Tokens<'a> {
    /// The one that allows everything.
    pub single: Option<&'a str>,
    /// The keys of those that allow what a role does.
    pub keys: Option<Keyring>,
}

impl<'a> From<Option<&'a str>> for Tokens<'a> {
    fn from(single: Option<&'a str>) -> Self {
        Self { single, keys: None }
    }
}

/// What one listener asks of whoever comes.
#[derive(Debug)]
pub struct Access {
    /// Compared as hashes: equal time for equal and different, and no length to learn.
    token: Option<blake3::Hash>,
    keys: Option<Keyring>,
    tries: Tries,
    is_loopback: bool,
    origins: Vec<Origin>,
}

impl Access {
    /// The rules for a listener on `address`.
    ///
    /// # Errors
    /// A sentence: others reach it and there is no token, or the token is none.
    pub fn new(
        address: SocketAddr,
        tokens: Tokens<'_>,
        origins: Vec<Origin>,
    ) -> Result<Self, String> {
        let Tokens { single, keys } = tokens;
        let is_loopback = address.ip().to_canonical().is_loopback();
        let token = single.map(check_token).transpose()?;
        if token.is_none() && keys.is_none() && !is_loopback {
            return Err(format!(
                "others can reach {ip}: give a secret with --token or EWH_TOKEN, or listen on \
                 127.0.0.1",
                ip = address.ip()
            ));
        }
        let token = token.map(|token| blake3::hash(token.as_bytes()));
        Ok(Self {
            token,
            keys,
            tries: Tries::default(),
            is_loopback,
            origins,
        })
    }

    /// Whether the request is for this server, and from a page that may ask.
    ///
    /// # Errors
    /// Why not.
    pub fn check_page<B>(&self, request: &Request<B>) -> Result<(), Denied> {
        let headers = request.headers();
        let is_twice = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
        if ONCE.iter().any(is_twice) {
            return Err(Denied::Twice);
        }
        let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        // Asked for as by a proxy, it names its host twice.
        let of_proxy = request.uri().authority().map(uri::Authority::as_str);
        let mut hosts = [header(HOST).or(Some("")), of_proxy].into_iter().flatten();
        if self.is_loopback && !hosts.all(|host| self.is_our_host(host)) {
            return Err(Denied::Host);
        }
        match header(ORIGIN) {
            Some(origin) if self.is_allowed(origin) => Ok(()),
            Some(_) => Err(Denied::Origin),
            None if !may_change(request) || self.is_no_page(request) => Ok(()),
            None => Err(Denied::NoOrigin),
        }
    }

    /// Whether a request without an origin is shown to be of no stranger's page.
    fn is_no_page<B>(&self, request: &Request<B>) -> bool {
        let headers = request.headers();
        if let Some(site) = headers.get(SEC_FETCH_SITE) {
            return site == "same-origin" || site == "none";
        }
        // Every browser says its origin when it opens a websocket.
        if headers.contains_key(UPGRADE) || headers.contains_key(REQUESTED_WITH) {
            return true;
        }
        if self.asks() && (bearer(headers).is_some() || in_query(request.uri()).is_some()) {
            return true;
        }
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            !FORMS.iter().any(|form| form.eq_ignore_ascii_case(kind))
        })
    }

    /// What a token in one of the places for it allows `peer`.
    ///
    /// # Errors
    /// [`Denied::Token`] and [`Denied::Often`].
    pub fn check_token(
        &self,
        peer: IpAddr,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Pass, Denied> {
        if !self.asks() {
            return Ok(Pass::OWNER);
        }
        let shown = bearer(headers)
            .into_iter()
            .chain(in_query(uri))
            .chain(cookies(headers));
        let shown: Vec<_> = shown.take(limits::MAX_TOKENS_SHOWN).collect();
        // Who shows none guesses nothing.
        if shown.is_empty() {
            return Err(Denied::Token);
        }
        let mut keys = self.keys.iter();
        let pass = keys.find_map(|keys| shown.iter().find_map(|token| keys.find(token)));
        if let Some(pass) = pass {
            return Ok(pass);
        }
        let is_single = |given: &&str| Some(blake3::hash(given.as_bytes())) == self.token;
        match self.tries.judge(peer, || shown.iter().any(is_single)) {
            Ok(true) => Ok(Pass::OWNER),
            Ok(false) => Err(Denied::Token),
            Err(Wait(wait)) => Err(Denied::Often(wait)),
        }
    }

    /// Whether a token is asked for.
    pub fn asks(&self) -> bool {
        self.token.is_some() || self.keys.is_some()
    }

    fn is_our_host(&self, host: &str) -> bool {
        let host = host_of(host);
        let is_listed = |origin: &Origin| {
            origin
                .host()
                .is_some_and(|listed| listed.eq_ignore_ascii_case(host))
        };
        is_loopback_host(host) || self.origins.iter().any(is_listed)
    }

    fn is_allowed(&self, origin: &str) -> bool {
        let Ok(origin) = origin.parse::<Origin>() else {
            return false;
        };
        let is_of_this_machine = || self.is_loopback && origin.host().is_some_and(is_loopback_host);
        self.origins.contains(&origin) || is_of_this_machine()
    }
}

/// Whether a request may change something: a websocket, and all that does not only read.
fn may_change<B>(request: &Request<B>) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    !reads.contains(request.method()) || request.headers().contains_key(UPGRADE)
}

fn check_token(token: &str) -> Result<&str, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let is_long_enough = (limits::MIN_TOKEN_BYTES..=limits::MAX_TOKEN_BYTES).contains(&token.len());
    if is_long_enough && token.chars().all(is_plain) {
        return Ok(token);
    }
    Err(format!(
        "a token has to have {} to {} letters, digits or `-._~`, such as `openssl rand -hex 32` prints",
        limits::MIN_TOKEN_BYTES,
        limits::MAX_TOKEN_BYTES
    ))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn in_query(uri: &Uri) -> Option<&str> {
    let mut parts = uri.query()?.split('&');
    parts.find_map(|part| part.strip_prefix(QUERY_KEY))
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let headers = headers.get_all(COOKIE).into_iter();
    let pairs = headers
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, token)| token)
}

/// The web UI makes its other addresses by adding to that of the websocket, so
/// `ws://host/?token=SECRET` becomes `http://host/?token=SECRET/message/ID`. This takes such an
/// address apart again: the path that was meant, with the token as its query.
pub fn untangle(uri: &Uri) -> Option<Uri> {
    let token = in_query(uri).filter(|_| uri.path() == "/")?;
    let (token, path) = token.split_once('/').filter(|(_, path)| !path.is_empty())?;
    let mut parts = uri::Parts::default();
    parts.path_and_query = format!("/{path}?{QUERY_KEY}{token}").parse().ok();
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests;
