//! Whether a request is for this server, and whose page sent it. A token is sent by hand, never by a browser of itself;
//! but the console of this server has a cookie, and shares these checks.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, Request, uri};

use super::address::{host_of, is_loopback_host};
use super::{Denied, Place};

/// What a browser says of who asks; no page can.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What is said once or not at all.
const ONCE: [HeaderName; 6] = [
    HOST,
    ORIGIN,
    AUTHORIZATION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    SEC_FETCH_SITE,
];

/// Whether a request may be looked at.
pub(super) fn check<B>(place: &Place, request: &Request<B>) -> Result<(), Denied> {
    let headers = request.headers();
    let is_twice = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
    if ONCE.iter().any(is_twice) {
        return Err(Denied::Twice);
    }
    // Asked for as by a proxy, it names its host twice.
    let of_proxy = request.uri().authority().map(uri::Authority::as_str);
    let mut hosts = [Some(header(headers, &HOST)), of_proxy]
        .into_iter()
        .flatten();
    let is_loopback = place.address.ip().to_canonical().is_loopback();
    if is_loopback && !hosts.all(|host| is_ours(place, host)) {
        return Err(Denied::Host);
    }
    if may_change(request.method()) && is_of_foreign_page(place, headers) {
        return Err(Denied::Page);
    }
    Ok(())
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

fn may_change(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn is_of_foreign_page(place: &Place, headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE);
    let is_foreign_site = site.is_some_and(|site| site != "same-origin" && site != "none");
    let Some(origin) = headers.get(ORIGIN) else {
        return is_foreign_site;
    };
    let origin = origin.to_str().unwrap_or_default();
    let is_listed = || {
        place
            .origins
            .iter()
            .any(|it| it.eq_ignore_ascii_case(origin))
    };
    // Where this server is reached by a name that nobody listed, its own pages have it, too.
    let own = header(headers, &HOST);
    let is_own = || {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        !own.is_empty() && authority.is_some_and(|it| it.eq_ignore_ascii_case(own))
    };
    !is_listed() && (is_foreign_site || !is_own())
}

fn is_ours(place: &Place, host: &str) -> bool {
    let host = host_of(host);
    let is_listed = |origin: &String| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some_and(|authority| host_of(authority).eq_ignore_ascii_case(host))
    };
    is_loopback_host(host) || place.origins.iter().any(is_listed)
}
