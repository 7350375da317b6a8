//! What every request passes: who is it, does it come from a page of ours; and what every answer has: headers that
//! let a page do nothing but what its own files say.

use std::time::Instant;

use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, COOKIE, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::Console;
use super::client::{Client, From};
use super::flash::{Flash, Note, draw};
use super::posted;
use super::session::{self, Session};
use super::text::filters;
use super::trouble::Trouble;
use super::visit::{AGAIN, Frame, LOGIN, Visit, to_login};

const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // With `no-referrer`, browsers would not say from where a form comes.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), usb=(), serial=()",
    ),
];

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    note: Note,
}

/// Lets requests pass that may, and gives every answer its headers.
pub async fn guard(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let is_htmx = request.headers().contains_key("hx-request");
    let visit = visit(&console, &request, is_htmx);
    let mut response = match enter(visit.as_ref(), &mut request, is_htmx).await {
        Ok(Some(redirect)) => redirect,
        Ok(None) => next.run(request).await,
        Err(trouble) => trouble.into_response(),
    };
    if let Some(trouble) = response.extensions_mut().remove::<Trouble>() {
        response = explain(&trouble, visit.as_ref(), is_htmx);
    }
    add_headers(response.headers_mut());
    response
}

/// Who looks.
fn visit(console: &Console, request: &Request, is_htmx: bool) -> Option<Visit> {
    // A page that only renews itself is no sign that somebody looks at it.
    let renews_itself = is_htmx || request.uri().query() == Some(AGAIN);
    let is_use = !renews_itself || request.method() == Method::POST;
    let session = session_of(console, request.headers(), is_use)?;
    let from = From::of(request.headers(), request.extensions());
    Some(Visit {
        client: Client::new(console.api.clone(), session.token.clone(), from),
        session,
        sessions: console.sessions.clone(),
        path: request.uri().path().to_owned(),
        is_htmx,
    })
}

fn session_of(console: &Console, headers: &HeaderMap, is_use: bool) -> Option<Session> {
    let cookies = headers.get_all(COOKIE).into_iter();
    let mut ids = cookies.filter_map(|cookies| session::id_in(cookies.to_str().ok()?));
    ids.find_map(|id| console.sessions.find(id, Instant::now(), is_use))
}

/// Refuses what may not pass, sends to where one signs in, or puts into the request what pages want of it.
async fn enter(
    visit: Option<&Visit>,
    request: &mut Request,
    is_htmx: bool,
) -> Result<Option<Response>, Trouble> {
    let path = request.uri().path();
    let is_open = path == LOGIN || path.starts_with("/console/assets/");
    let is_form = !matches!(*request.method(), Method::GET | Method::HEAD);
    if is_form && !is_from_here(request.headers()) {
        return Err(posted::refused());
    }
    if visit.is_none() && !is_open {
        return Ok(Some(to_login(is_htmx)));
    }
    if is_form {
        let csrf = visit
            .filter(|_| !is_open)
            .map(|visit| visit.session.csrf.as_str());
        let (parts, body) = std::mem::take(request).into_parts();
        let copy = parts.clone();
        let form = posted::read(Request::from_parts(copy, body), csrf).await?;
        *request = Request::from_parts(parts, Body::empty());
        request.extensions_mut().insert(form);
    }
    if let Some(visit) = visit {
        request.extensions_mut().insert(visit.clone());
    }
    Ok(None)
}

/// Whether a page of this address sends the request, as far as the browser says. What says nothing is no browser, and
/// has no cookie that it did not set itself.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, address)| {
        text(&HOST).is_some_and(|host| host.eq_ignore_ascii_case(address))
    })
}

/// Says why there is no page, with what is around pages.
fn explain(trouble: &Trouble, visit: Option<&Visit>, is_htmx: bool) -> Response {
    let note = Note::from(trouble);
    if trouble.status == StatusCode::UNAUTHORIZED
        && let Some(visit) = visit
    {
        visit.sessions.end(&visit.session);
        let mut response = to_login(is_htmx);
        if let Ok(cookie) = HeaderValue::from_str(&session::no_cookie()) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        return response;
    }
    let mut response = match visit {
        _ if is_htmx => note.fragment(),
        None if trouble.status == StatusCode::UNAUTHORIZED
            || trouble.status == StatusCode::TOO_MANY_REQUESTS =>
        {
            super::pages::login::page(Some(Flash::top(note)))
        }
        None => draw(&TroublePage {
            frame: Frame::outside(&trouble.title, None),
            note,
        }),
        Some(visit) => draw(&TroublePage {
            frame: visit.frame(&trouble.title, None, ""),
            note,
        }),
    };
    *response.status_mut() = trouble.status;
    response
}

fn add_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_address_send_forms() {
        let from = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            is_from_here(&pairs.collect())
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!from(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(from(&[("origin", "https://Host:1"), ("host", "host:1")]));
        for origin in ["https://other", "null", "http://host:2", ""] {
            assert!(!from(&[("origin", origin), ("host", "host:1")]), "{origin}");
        }
        assert!(!from(&[("origin", "http://host")]));
        assert!(from(&[("host", "host")]));
    }
}
