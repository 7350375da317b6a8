//! Secrets in one exchange: filled into the headers of the request on the way out, and taken out of what comes back.
//!
//! What comes from a host to which some grant lets a secret go is searched, whatever was asked: a server may remember a
//! secret from an earlier request. So such an answer is wanted whole and as it is, and no other is handed on.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use external_worker_secrets::SecretName;
use external_worker_secrets::placeholder::{FillError, fill};
use external_worker_secrets::redact::Redactions;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response};
use hyper::body::Body as _;
use hyper::ext::ReasonPhrase;
use wasmtime_wasi_http::{Error, WasiBody};

use self::body::Redacted;
use super::target::Target;
use crate::capability::Guard;
use crate::capability::secrets::{Known, Secrets};
use crate::limits::MAX_SHOWN_CHARS;
use crate::policy::address::{self, Special};
use crate::policy::grant::Scheme;
use crate::policy::{Access, Capability, Denial, DenyReason, HttpGrant};
use crate::text::spelled;

mod body;

/// What frames a message, or says how the answer is to be: nothing is filled in there.
static NEVER_FILLED: [HeaderName; 14] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::IF_RANGE,
    header::PROXY_AUTHENTICATE,
    header::RANGE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VIA,
];

/// What does not hold of a body any more once something in it is replaced.
static OF_THE_BODY: [HeaderName; 6] = [
    header::CONTENT_LENGTH,
    header::ACCEPT_RANGES,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// The secrets of one exchange, from before it is connected to its end.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    guard: &'a Guard,
    target: &'a Target,
    method: &'a Method,
    /// Those that there were when it began: what is filled in is also looked for.
    known: Arc<Known>,
    redactions: Redactions,
    /// Whether the request has a placeholder.
    fills: bool,
}

impl<'a> Exchange<'a> {
    /// Looks through the headers of a request before anything is connected, and makes them ask for an answer that can be
    /// searched.
    ///
    /// # Errors
    /// When they name a secret that may not go there, or ask for a part of an answer; the audit learns of it.
    pub(super) fn begin(
        guard: &'a Guard,
        secrets: &Secrets,
        target: &'a Target,
        method: &'a Method,
        headers: &mut HeaderMap,
    ) -> Result<Self, Error> {
        let mut exchange = Self {
            guard,
            target,
            method,
            known: secrets.now(),
            redactions: Redactions::new([]).map_err(|_| Error::ConfigurationError)?,
            fills: false,
        };
        exchange.look_for(&|grant| grant.is_about(&target.host))?;
        exchange.fills = !exchange.each(headers, |_value, _filled| Ok(()))?.is_empty();
        exchange.want_all(headers)?;
        Ok(exchange)
    }

    /// Takes in what else is known of where the request goes: an address, and names that led there. A server that has
    /// another name is the same.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(super) fn leads_to(
        &mut self,
        address: IpAddr,
        names: &[String],
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        if !self.redactions.is_empty() {
            return Ok(());
        }
        self.look_for(&|grant| {
            let mut names = names.iter();
            grant.host.reaches(address) || names.any(|name| grant.is_about(name))
        })?;
        self.want_all(headers)
    }

    /// Fills the secrets in, now that it is known where they go; none: to who stands in.
    ///
    /// # Errors
    /// When the policy has changed meanwhile, or everybody on the way could read them.
    pub(super) fn fill(
        &self,
        headers: &mut HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<(), Error> {
        if !self.fills {
            return Ok(());
        }
        let leaves = |address| address::special(address) != Some(Special::Loopback);
        if self.target.scheme == Scheme::Http && address.is_some_and(leaves) {
            let why = "everybody on the way could read a secret; use https";
            return Err(self.deny(DenyReason::SecretInClear, why));
        }
        let names = self.each(headers, |value, filled| {
            let filled = HeaderValue::from_bytes(filled);
            *value = filled.map_err(|_| Error::ConfigurationError)?;
            value.set_sensitive(true);
            Ok(())
        })?;
        for name in &names {
            let allowed = self.guard.check(&self.access(name));
            allowed.map_err(|_| Error::HttpRequestDenied)?;
        }
        Ok(())
    }

    /// The answer without secrets.
    ///
    /// # Errors
    /// When it is in a form in which they would not be found.
    pub(super) fn redact(
        &self,
        mut response: Response<WasiBody>,
    ) -> Result<Response<WasiBody>, Error> {
        if self.redactions.is_empty() {
            return Ok(response);
        }
        let has_only = |name: HeaderName, plain: &str| {
            let mut values = response.headers().get_all(name).iter();
            values.all(|value| value.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
        };
        // What it has instead is the server's word, and not looked through.
        if !has_only(header::CONTENT_ENCODING, "identity") {
            return Err(Error::HttpResponseContentCoding(None));
        }
        if !has_only(header::TRANSFER_ENCODING, "chunked") {
            return Err(Error::HttpResponseTransferCoding(None));
        }
        response.extensions_mut().remove::<ReasonPhrase>();
        redact_headers(response.headers_mut(), &self.redactions);
        if response.body().is_end_stream() {
            return Ok(response);
        }
        for name in &OF_THE_BODY {
            response.headers_mut().remove(name);
        }
        Ok(response.map(|body| Redacted::boxed(body, self.redactions.clone())))
    }

    /// Has an answer wanted that can be searched, if it will be.
    fn want_all(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        if self.redactions.is_empty() {
            return Ok(());
        }
        if headers.contains_key(header::RANGE) {
            let why = "a part of an answer cannot be searched for secrets; ask for all of it";
            return Err(self.deny(DenyReason::Range, why));
        }
        headers.remove(header::IF_RANGE);
        headers.remove(header::TE);
        let identity = HeaderValue::from_static("identity");
        headers.insert(header::ACCEPT_ENCODING, identity);
        Ok(())
    }

    /// Makes what finds the secrets of all grants, if one of those that let some go is about where this goes.
    fn look_for(&mut self, is_about: &dyn Fn(&HttpGrant) -> bool) -> Result<(), Error> {
        let granted = self.guard.granted();
        let with_secrets = || {
            let grants = granted.http.iter();
            grants.filter(|grant| !grant.secrets.is_empty())
        };
        if !with_secrets().any(is_about) {
            return Ok(());
        }
        let names = with_secrets().flat_map(|grant| &grant.secrets);
        let found = self.known.finding(names.map(String::as_str));
        self.redactions =
            found.map_err(|error| self.deny(DenyReason::SecretUnusable, &error.to_string()))?;
        Ok(())
    }

    /// Does `put` with each value that has placeholders, and with what it is when they are filled in. Returns which secrets
    /// that took.
    fn each(
        &self,
        headers: &mut HeaderMap,
        put: impl Fn(&mut HeaderValue, &[u8]) -> Result<(), Error>,
    ) -> Result<BTreeSet<SecretName>, Error> {
        let mut names = BTreeSet::new();
        for (header, value) in headers.iter_mut() {
            if NEVER_FILLED.contains(header) {
                continue;
            }
            let filled = fill(value.as_bytes(), |name| {
                names.insert(name.clone());
                self.guard.ask(&self.access(name)).ok()?;
                self.known.get(name).cloned()
            });
            match filled {
                Ok(None) => {}
                Ok(Some(filled)) => put(value, &filled)?,
                Err(error) => return Err(self.unfilled(&error)),
            }
        }
        Ok(names)
    }

    fn access<'b>(&'b self, name: &'b SecretName) -> Access<'b> {
        Access::Secret {
            request: self.target.request(self.method.as_str()),
            name: name.as_str(),
        }
    }

    fn unfilled(&self, error: &FillError) -> Error {
        let FillError::Unknown(name) = error else {
            return self.deny(DenyReason::SecretUnusable, &error.to_string());
        };
        // Whether it is granted and not there, or there and not granted, is the same to a guest.
        match self.guard.ask(&self.access(name)) {
            Err(denial) => {
                self.guard.deny(&denial);
                Error::HttpRequestDenied
            }
            Ok(()) => {
                let why = format!(
                    "the secret `{name}` is not there, or no grant that allows this names it"
                );
                self.deny(DenyReason::SecretNotGranted, &why)
            }
        }
    }

    /// Writes down why the request is denied.
    fn deny(&self, reason: DenyReason, why: &str) -> Error {
        let request = self.target.request(self.method.as_str());
        self.guard.deny(&Denial {
            capability: Capability::Http,
            reason,
            what: format!(
                "{}: {why}",
                spelled(&request.to_string(), 4 * MAX_SHOWN_CHARS)
            ),
            fix: String::new(),
        });
        Error::HttpRequestDenied
    }
}

/// A name with a secret in it goes as a whole: it could not be spelled with a placeholder.
fn redact_headers(headers: &mut HeaderMap, redactions: &Redactions) {
    let is_odd = |name: &&HeaderName| redactions.redact(name.as_str().as_bytes()).is_some();
    let odd: Vec<_> = headers.keys().filter(is_odd).cloned().collect();
    for name in odd {
        headers.remove(name);
    }
    for value in headers.values_mut() {
        let Some(redacted) = redactions.redact(value.as_bytes()) else {
            continue;
        };
        // It is one, since a placeholder is plain text.
        let redacted = HeaderValue::from_bytes(&redacted);
        *value = redacted.unwrap_or_else(|_| HeaderValue::from_static(""));
    }
}

#[cfg(test)]
mod tests;
