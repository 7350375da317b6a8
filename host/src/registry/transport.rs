//! How a registry is reached: over TLS, or in the clear on this machine; with an end to every answer;
//! and without following it where its secrets would be heard.
//!
//! A registry on this machine is greeted in TLS first, and spoken to in the clear only if it knows no
//! TLS. One whose certificate is not believed is not asked again in the clear.

use std::error::Error;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, Url};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use super::RegistryName;
use super::reference::is_loopback_host;
use crate::engine::Trust;
use crate::limits::{
    HTTP_BETWEEN_BYTES_TIMEOUT, HTTP_CONNECT_TIMEOUT, MAX_NAME_BYTES, MAX_REDIRECTS,
    TLS_PROBE_TIMEOUT,
};
use crate::text;

const USER_AGENT: &str = concat!("ewh/", env!("CARGO_PKG_VERSION"));
/// Reserved up front for an answer that says how long it is; the rest only as it comes.
const RESERVE_BYTES: usize = 64 * 1024;

/// The way to one registry.
pub(super) struct Transport {
    /// Asks the registry, and follows where it keeps its layers.
    pub(super) client: Client,
    /// Asks for tokens, with the login, and follows nobody.
    pub(super) tokens: Client,
    base: Url,
}

impl Transport {
    pub(super) async fn to(name: &RegistryName, trust: &Trust) -> Result<Self, String> {
        let here = name.is_loopback();
        let is_plain = here && !speaks_tls(name, trust).await?;
        let scheme = if is_plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/v2/", name.authority()));
        let base = base.map_err(|_| "its address cannot be used".to_owned())?;
        let follow = Policy::custom(move |attempt| redirect(attempt, is_plain));
        Ok(Self {
            client: client(trust, here, follow)?,
            tokens: client(trust, here, Policy::none())?,
            base,
        })
    }

    /// An address of the registry's.
    pub(super) fn url(&self, path: &str) -> Result<Url, String> {
        let url = self.base.join(path);
        url.map_err(|_| "its address cannot be used".to_owned())
    }

    /// Whether it is the registry that answers from there, and nobody to whom it sent us.
    pub(super) fn is_of_registry(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Whether what is secret may go there: over TLS, or, where the registry itself is asked in the clear
    /// because it is on this machine, to this machine.
    pub(super) fn is_safe(&self, url: &Url) -> bool {
        is_safe(url, self.base.scheme() == "http")
    }
}

fn client(trust: &Trust, here: bool, redirects: Policy) -> Result<Client, String> {
    let tls = trust.client()?.as_ref().clone();
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirects)
        .connect_timeout(HTTP_CONNECT_TIMEOUT)
        .read_timeout(HTTP_BETWEEN_BYTES_TIMEOUT)
        .referer(false)
        .user_agent(USER_AGENT);
    // A proxy is for what is elsewhere.
    let builder = if here { builder.no_proxy() } else { builder };
    builder.build().map_err(sentence)
}

/// Whether a registry on this machine speaks TLS; whether its certificate is believed is another question.
async fn speaks_tls(name: &RegistryName, trust: &Trust) -> Result<bool, String> {
    let connector = TlsConnector::from(trust.client()?);
    let url = Url::parse(&format!("https://{}/", name.authority()));
    let url = url.map_err(|_| "its address cannot be used".to_owned())?;
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let server = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let port = url.port_or_known_default().unwrap_or_default();
    let greeting = async {
        // Whoever does not answer at all is asked again, and then it is told why.
        let stream = TcpStream::connect((host, port)).await.ok()?;
        match connector.connect(server, stream).await {
            Ok(_) => Some(()),
            Err(error) => is_tls(&error).then_some(()),
        }
    };
    // Something that waits for more than a greeting of TLS does not know one.
    let greeted = tokio::time::timeout(TLS_PROBE_TIMEOUT, greeting).await;
    Ok(greeted.is_ok_and(|greeted| greeted.is_some()))
}

/// Whether it was in TLS that the other side refused.
fn is_tls(error: &std::io::Error) -> bool {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        None | Some(rustls::Error::InvalidMessage(_)) => false,
        Some(_) => true,
    }
}

/// Registries keep their layers elsewhere, and send there. The header with the token stays behind:
/// the client sees to that.
fn redirect(attempt: Attempt<'_>, is_plain: bool) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    if !is_safe(attempt.url(), is_plain) {
        return attempt.error("a redirect to an address without TLS");
    }
    attempt.follow()
}

fn is_safe(url: &Url, is_plain: bool) -> bool {
    let is_here = || url.host_str().is_some_and(is_loopback_host);
    url.scheme() == "https" || (is_plain && url.scheme() == "http" && is_here())
}

/// Reads an answer of at most `limit` bytes.
pub(super) async fn body(mut response: Response, limit: u64) -> Result<Vec<u8>, String> {
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
pub(crate) fn sentence(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    let words = text::clean_line(&words, MAX_NAME_BYTES);
    if words.contains("UnknownIssuer") {
        return format!("{words}; name the certificate of your own authority with `--ca FILE`");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

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
