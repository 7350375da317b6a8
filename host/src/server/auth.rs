//! Who may talk to the server: three checks, each with one reason to refuse.
//!
//! *Host*: on a loopback address only names of this machine, so that no foreign name that was made to
//! point here (DNS rebinding) gets through. *Origin*: a browser says which page asks; pages of this
//! machine may on loopback, others where the operator listed them; programs send no origin. *Token*:
//! whoever reaches a listener that is not loopback has to know it.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Uri, uri};

use crate::limits;

/// The cookie that may carry the token.
pub const COOKIE_NAME: &str = "ewh_token";

/// The key of the query that may carry the token.
const QUERY_KEY: &str = "token=";

/// Why somebody is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The request names a host that is not this machine.
    Host,
    /// A page of a stranger asks.
    Origin,
    /// No token, or a wrong one.
    Token,
}

impl Denied {
    /// The sentence for whoever was turned away.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Host => {
                "this name is not one of the server; open it as 127.0.0.1 or localhost, or start it \
                 with --allow-origin"
            }
            Self::Origin => {
                "pages of this origin may not connect; start with --allow-origin ORIGIN"
            }
            Self::Token => {
                "the token is missing or wrong; send it as `Authorization: Bearer`, as `?token=` of \
                 the address, or as the cookie `ewh_token`"
            }
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

/// What one listener asks of whoever comes.
#[derive(Debug)]
pub struct Access {
    /// Compared as hashes: equal time for equal and different, and no length to learn.
    token: Option<blake3::Hash>,
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
        token: Option<&str>,
        origins: Vec<Origin>,
    ) -> Result<Self, String> {
        let is_loopback = address.ip().to_canonical().is_loopback();
        let token = token.map(check_token).transpose()?;
        if token.is_none() && !is_loopback {
            return Err(format!(
                "others can reach {ip}: give a secret with --token or EWH_TOKEN, or listen on \
                 127.0.0.1",
                ip = address.ip()
            ));
        }
        let token = token.map(|token| blake3::hash(token.as_bytes()));
        Ok(Self {
            token,
            is_loopback,
            origins,
        })
    }

    /// Whether the request is for this server, and from a page that may ask.
    ///
    /// # Errors
    /// Why not.
    pub fn check_page(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        if self.is_loopback && !self.is_our_host(header(HOST).unwrap_or("")) {
            return Err(Denied::Host);
        }
        match header(ORIGIN) {
            None => Ok(()),
            Some(origin) if self.is_allowed(origin) => Ok(()),
            Some(_) => Err(Denied::Origin),
        }
    }

    /// Whether one of the places for a token has the right one.
    ///
    /// # Errors
    /// [`Denied::Token`].
    pub fn check_token(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Denied> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let is_right = |given: &str| blake3::hash(given.as_bytes()) == *token;
        let mut given = bearer(headers)
            .into_iter()
            .chain(in_query(uri))
            .chain(cookies(headers));
        if given.any(is_right) {
            Ok(())
        } else {
            Err(Denied::Token)
        }
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

fn check_token(token: &str) -> Result<&str, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let is_long_enough = (limits::MIN_TOKEN_BYTES..=limits::MAX_TOKEN_BYTES).contains(&token.len());
    if is_long_enough && token.chars().all(is_plain) {
        return Ok(token);
    }
    Err(format!(
        "a token has {} to {} letters, digits or `-._~`, such as `openssl rand -hex 32` prints",
        limits::MIN_TOKEN_BYTES,
        limits::MAX_TOKEN_BYTES
    ))
}

fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The host of `host:port`, where an IPv6 address is in brackets.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
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
mod tests {
    use axum::http::HeaderName;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn access(address: &str, token: Option<&str>, origins: &[&str]) -> Result<Access, String> {
        let origins = origins.iter().map(|o| o.parse().unwrap()).collect();
        Access::new(address.parse().unwrap(), token, origins)
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn whoever_is_reached_by_others_has_a_token_that_is_one() {
        for open in ["0.0.0.0:1", "[::]:1", "192.168.1.5:1", "[fe80::1]:1"] {
            let problem = access(open, None, &[]).unwrap_err();
            assert!(problem.contains("--token"), "{problem}");
            access(open, Some(TOKEN), &[]).unwrap();
        }
        for closed in [
            "127.0.0.1:1",
            "127.8.8.8:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            access(closed, None, &[]).unwrap();
        }
        for bad in [
            "short",
            "with space 0123456789",
            "a/b0123456789abcdef",
            "é0123456789abcdef",
        ] {
            access("127.0.0.1:1", Some(bad), &[]).unwrap_err();
        }
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_hosts() {
        let loopback = access("127.0.0.1:1", None, &["https://lab.example.org"]).unwrap();
        let check = |host: &str| loopback.check_page(&headers(&[(HOST, host)]));
        for good in [
            "127.0.0.1:9382",
            "localhost",
            "LOCALHOST:1",
            "[::1]:9382",
            "lab.example.org",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "evil.example:9382",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example",
        ] {
            assert_eq!(check(bad), Err(Denied::Host), "{bad}");
        }
        assert_eq!(loopback.check_page(&headers(&[])), Err(Denied::Host));
        let open = access("0.0.0.0:1", Some(TOKEN), &[]).unwrap();
        assert_eq!(open.check_page(&headers(&[(HOST, "any.example")])), Ok(()));
    }

    #[test]
    fn pages_of_strangers_are_refused_and_programs_are_not() {
        let loopback = access("127.0.0.1:1", None, &["https://Lab.example.org/"]).unwrap();
        let check = |access: &Access, origin: &str| {
            access.check_page(&headers(&[(HOST, "localhost"), (ORIGIN, origin)]))
        };
        let good = [
            "http://localhost:8000",
            "https://127.0.0.1",
            "http://[::1]:3",
            "https://lab.example.org",
        ];
        for good in good {
            assert_eq!(check(&loopback, good), Ok(()), "{good}");
        }
        let bad = [
            "https://evil.example",
            "http://localhost.evil.example",
            "http://lab.example.org",
            "https://lab.example.org:444",
            "http://user@localhost",
            "null",
            "",
            "localhost",
        ];
        for bad in bad {
            assert_eq!(check(&loopback, bad), Err(Denied::Origin), "{bad}");
        }
        let open = access("0.0.0.0:1", Some(TOKEN), &["null"]).unwrap();
        assert_eq!(check(&open, "http://localhost:8000"), Err(Denied::Origin));
        assert_eq!(check(&open, "null"), Ok(()));
    }

    #[test]
    fn a_token_is_taken_from_each_of_its_places_and_from_nowhere_else() {
        let access = access("127.0.0.1:1", Some(TOKEN), &[]).unwrap();
        let check = |uri: &str, pairs: &[(HeaderName, &str)]| {
            access.check_token(&uri.parse().unwrap(), &headers(pairs))
        };
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(check("/", &[(AUTHORIZATION, &bearer)]), Ok(()));
        assert_eq!(check(&format!("/?a=b&token={TOKEN}"), &[]), Ok(()));
        let cookie = format!("a=b; {COOKIE_NAME}={TOKEN}");
        assert_eq!(check("/", &[(COOKIE, &cookie)]), Ok(()));
        assert_eq!(check("/", &[]), Err(Denied::Token));
        assert_eq!(check("/?token=", &[]), Err(Denied::Token));
        assert_eq!(
            check(&format!("/{TOKEN}?xtoken={TOKEN}"), &[]),
            Err(Denied::Token)
        );
        let basic = format!("Basic {TOKEN}");
        assert_eq!(check("/", &[(AUTHORIZATION, &basic)]), Err(Denied::Token));
        let cut = &TOKEN[1..];
        assert_eq!(check(&format!("/?token={cut}"), &[]), Err(Denied::Token));
    }

    #[test]
    fn an_address_that_the_ui_put_together_is_taken_apart() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        assert_eq!(
            untangle(&uri("/?token=abc/message/12")),
            Some(uri("/message/12?token=abc"))
        );
        assert_eq!(
            untangle(&uri("/?token=abc/upload/")),
            Some(uri("/upload/?token=abc"))
        );
        for plain in [
            "/?token=abc",
            "/?token=abc/",
            "/message/1?token=abc",
            "/",
            "/?a=b/c",
        ] {
            assert_eq!(untangle(&uri(plain)), None, "{plain}");
        }
    }
}
