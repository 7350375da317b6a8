//! Where a request goes: read once from what the guest wrote, so that what is checked, connected
//! to, and told to the server are the same.

use std::net::IpAddr;

use http::header::HeaderValue;
use http::uri::Scheme as UriScheme;
use http::{Method, Uri};
use wasmtime_wasi_http::Error;

use crate::capability::grants::Opened;
use crate::policy::access::Request;
use crate::policy::grant::Scheme;
use crate::policy::pattern::normal_name;

/// The server of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    /// A name in its normal spelling, or an address without brackets.
    pub(super) host: String,
    /// The address, when the host is one.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    /// Whether the port was written.
    explicit_port: bool,
}

impl Target {
    /// Reads the target of `uri`.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == UriScheme::HTTP => Scheme::Http,
            Some(scheme) if *scheme == UriScheme::HTTPS => Scheme::Https,
            _ => return Err(Error::HttpProtocolError),
        };
        let authority = uri
            .authority()
            .ok_or(Error::HttpRequestUriInvalid)?
            .as_str();
        let (host, port) = split(authority).ok_or(Error::HttpRequestUriInvalid)?;
        let address = match host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(v6) => Some(IpAddr::V6(
                v6.parse().map_err(|_| Error::HttpRequestUriInvalid)?,
            )),
            None => host.parse().ok().map(IpAddr::V4),
        };
        let host = match address {
            Some(address) => address.to_string(),
            None => normal_name(host).ok_or(Error::HttpRequestUriInvalid)?,
        };
        let explicit_port = port.is_some();
        let port = port.unwrap_or(scheme.default_port());
        Ok(Self {
            scheme,
            host,
            address,
            port,
            explicit_port,
        })
    }

    /// What the policy is asked.
    pub(super) fn request<'a>(&'a self, method: &'a str) -> Request<'a> {
        Request {
            scheme: self.scheme,
            host: &self.host,
            port: self.port,
            method,
        }
    }

    /// What is open once a connection is there.
    pub(super) fn opened(&self, method: &Method, address: IpAddr) -> Opened {
        Opened::Exchange {
            scheme: self.scheme,
            host: self.host.clone(),
            port: self.port,
            method: method.as_str().to_owned(),
            address,
        }
    }

    /// The `host` header.
    pub(super) fn host_header(&self) -> Result<HeaderValue, Error> {
        let host = match self.address {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.host.clone(),
        };
        let text = if self.explicit_port {
            format!("{host}:{}", self.port)
        } else {
            host
        };
        HeaderValue::from_str(&text).map_err(|_| Error::HttpRequestUriInvalid)
    }
}

/// Splits an authority into host and port; one with user information is refused, because it is
/// how a host is made to look like another.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    if authority.contains('@') {
        return None;
    }
    let bracket = authority.rfind(']').map_or(0, |at| at.saturating_add(1));
    let (head, tail) = authority.split_at_checked(bracket)?;
    match tail.split_once(':') {
        None => Some((authority, None)),
        Some((rest, port)) => {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port = digits
                .then(|| port.parse().ok())
                .flatten()
                .filter(|port| *port != 0)?;
            let host = if head.is_empty() { rest } else { head };
            (head.is_empty() || rest.is_empty()).then_some((host, Some(port)))
        }
    }
}

/// The path and query alone: an absolute address in the request line would ask the server to
/// speak to yet another.
pub(super) fn origin_form(uri: &Uri) -> Result<Uri, Error> {
    let path = match uri.path_and_query() {
        None => "/".to_owned(),
        // Shown, it begins with a slash also where it has none.
        Some(path) if path.as_str().starts_with('?') => format!("/{}", path.as_str()),
        Some(path) if path.as_str().starts_with('/') => path.as_str().to_owned(),
        Some(_) => return Err(Error::HttpRequestUriInvalid),
    };
    Uri::builder()
        .path_and_query(path)
        .build()
        .map_err(|_| Error::HttpRequestUriInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Option<(String, u16, String)> {
        let target = Target::of(&uri.parse().ok()?).ok()?;
        let header = target.host_header().unwrap().to_str().unwrap().to_owned();
        Some((target.host, target.port, header))
    }

    #[test]
    fn the_server_is_read_once_for_all_uses() {
        let table = [
            ("http://a.example/x", "a.example", 80, "a.example"),
            ("https://A.Example./x", "a.example", 443, "a.example"),
            (
                "http://a.example:8080/",
                "a.example",
                8080,
                "a.example:8080",
            ),
            ("http://a.example:80/", "a.example", 80, "a.example:80"),
            ("http://127.0.0.1:81/", "127.0.0.1", 81, "127.0.0.1:81"),
            ("http://[::1]/", "::1", 80, "[::1]"),
            (
                "http://[::FFFF:10.0.0.1]:9/",
                "::ffff:10.0.0.1",
                9,
                "[::ffff:10.0.0.1]:9",
            ),
        ];
        for (uri, host, port, header) in table {
            assert_eq!(
                target(uri),
                Some((host.into(), port, header.into())),
                "{uri}"
            );
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let wrong = [
            "http://good.example@evil.example/",
            "http://user:pw@a.example/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://a.example:0/",
            "http://a.example:/",
            "http://a.example:99999/",
            "http://a_b%2e/",
            "ftp://a.example/",
            "/only/a/path",
        ];
        for uri in wrong {
            assert_eq!(target(uri), None, "{uri}");
        }
    }

    #[test]
    fn only_the_path_goes_into_the_request_line() {
        let form = |uri: &str| {
            origin_form(&uri.parse().unwrap())
                .map(|uri| uri.to_string())
                .ok()
        };
        assert_eq!(form("http://a.example/x?y=1").unwrap(), "/x?y=1");
        assert_eq!(form("http://a.example").unwrap(), "/");
        assert_eq!(form("http://a.example?y").unwrap(), "/?y");
        let path = http::uri::PathAndQuery::from_static("*");
        let parts = Uri::builder()
            .scheme("http")
            .authority("a.example")
            .path_and_query(path);
        if let Ok(uri) = parts.build() {
            assert!(origin_form(&uri).is_err());
        }
    }
}
