//! Where something is in the API, and where the API is. Whatever a name has in it, it stays one part of a path; and a
//! token goes over TLS, or to this machine.

use std::fmt;
use std::str::FromStr;

use external_worker_control::access::address::is_loopback_host;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::text;

/// What is written as it is: `.` is not, since a part that is only dots would be left out.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
/// The API, below the address of a host.
const BASE: &str = "/api/v1";
/// What people copy from their browser.
const PAGES: [&str; 2] = [BASE, "/console"];

/// A path below the base of the API, with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    path: String,
    has_query: bool,
}

impl Route {
    /// The path of these parts.
    pub fn to(parts: &[&str]) -> Self {
        let parts = parts.iter().map(|part| format!("/{}", encoded(part)));
        Self {
            path: parts.collect(),
            has_query: false,
        }
    }

    /// The same of a tenant.
    pub fn of(tenant: &str, parts: &[&str]) -> Self {
        Self::to(&[&["tenants", tenant], parts].concat())
    }

    /// The same with a parameter.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let sign = if self.has_query { '&' } else { '?' };
        self.path = format!("{}{sign}{name}={}", self.path, encoded(value));
        self.has_query = true;
        self
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Where the API of a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Where `route` is.
    pub fn url(&self, route: &Route) -> Result<Url, String> {
        // However it is spelled, whoever reads an address takes it for the way up.
        let path = route.path.split('?').next().unwrap_or_default();
        if path
            .split('/')
            .any(|part| ["%2E", "%2E%2E"].contains(&part))
        {
            return Err("`.` and `..` are no names".to_owned());
        }
        let base = self.0.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}{BASE}{}", route.path));
        url.map_err(|_| "its address cannot be used".to_owned())
    }

    /// Whether it is on this machine.
    pub fn is_here(&self) -> bool {
        self.0.host_str().is_some_and(is_loopback_host)
    }

    /// The host and the port, for people.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Not in the words of the parser, and without the address: it may have a password in it.
        let help = "write the address of the host, such as https://workers.example.org or http://127.0.0.1:9381";
        let mut url = Url::parse(text.trim()).map_err(|_| help.to_owned())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(help.to_owned());
        }
        let has_login = !url.username().is_empty() || url.password().is_some();
        if has_login || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("leave out what is not its address; {help}"));
        }
        let mut path = url.path().trim_end_matches('/');
        for page in PAGES {
            path = path.strip_suffix(page).unwrap_or(path);
        }
        let path = path.to_owned();
        url.set_path(&path);
        let address = Self(url);
        match address.0.scheme() {
            "https" => Ok(address),
            "http" if address.is_here() => Ok(address),
            "http" => Err(
                "a token goes over https, unless the host is this machine; write https://, or reach the host \
                 through `ssh -L`"
                    .to_owned(),
            ),
            other => {
                let scheme = text::spelled(other, 16);
                Err(format!("`{scheme}` is not https or http; {help}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_a_path() {
        let address: Address = "http://127.0.0.1:9381/console/".parse().unwrap();
        for up in [".", ".."] {
            let route = Route::of("lab", &["modules", up]);
            address.url(&route).unwrap_err();
        }
        let route = Route::of("../a?b", &["modules", "..."])
            .with("data", "a&b")
            .with("x", "1");
        assert_eq!(
            address.url(&route).unwrap().as_str(),
            "http://127.0.0.1:9381/api/v1/tenants/%2E%2E%2Fa%3Fb/modules/%2E%2E%2E?data=a%26b&x=1"
        );
        let below: Address = "https://example.org/workers/api/v1".parse().unwrap();
        let url = below.url(&Route::to(&["me"])).unwrap();
        assert_eq!(url.as_str(), "https://example.org/workers/api/v1/me");
        assert_eq!(below.to_string(), "https://example.org/workers");
    }

    #[test]
    fn a_token_goes_over_tls_or_stays_here() {
        for good in [
            "https://a.example",
            "http://localhost:1",
            "http://[::1]:1",
            "http://127.1.2.3",
        ] {
            good.parse::<Address>().unwrap();
        }
        for bad in [
            "http://a.example",
            "http://10.0.0.1:9381",
            "http://localhost.example",
            "ftp://a.example",
            "a.example:9381",
            "https://me:s3cr3t@a.example",
            "https://a.example/?token=s3cr3t",
            "",
        ] {
            let problem = bad.parse::<Address>().unwrap_err();
            assert!(!problem.contains("s3cr3t"), "{problem}");
        }
    }
}
