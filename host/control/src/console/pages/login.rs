//! Where people show their token, once.

use std::time::Instant;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderValue;
use http::header::{ORIGIN, SET_COOKIE};
use http::request::Parts;

use crate::console::Console;
use crate::console::client::{Client, From};
use crate::console::flash::{Flash, Note, draw};
use crate::console::posted::Posted;
use crate::console::session::{Me, cookie, no_cookie};
use crate::console::text::filters;
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, LOGIN, Visit};

/// More than any token has.
const MAX_TOKEN_BYTES: usize = 256;

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    frame: Frame,
}

/// The page.
pub fn page(flash: Option<Flash>) -> Response {
    draw(&Page {
        frame: Frame::outside("Sign in", flash),
    })
}

/// The page, for who is not signed in.
pub async fn show(visit: Option<Extension<Visit>>) -> Response {
    if visit.is_some() {
        return Redirect::to("/console").into_response();
    }
    page(None)
}

/// Begins a session, if the API knows the token.
pub async fn enter(State(console): State<Console>, parts: Parts, posted: Posted) -> Response {
    let token = posted.get("token").to_owned();
    match begin(&console, token, From::of(&parts.headers, &parts.extensions)).await {
        Ok(id) => {
            let is_tls = parts
                .headers
                .get(ORIGIN)
                .is_some_and(|from| from.as_bytes().starts_with(b"https://"));
            with_cookie("/console", &cookie(&id, is_tls))
        }
        Err(trouble) => {
            let mut response = page(Some(Flash::top(Note::from(&trouble))));
            *response.status_mut() = trouble.status;
            response
        }
    }
}

async fn begin(console: &Console, token: String, from: From) -> Result<String, Trouble> {
    let is_visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !is_visible {
        return Err(Trouble::wrong(
            "This is no token. A token begins with `ewh-` and has 67 characters.",
        ));
    }
    let client = Client::new(console.api.clone(), token.clone(), from);
    let me: Me = client.get("/me").await?;
    let begun = console.sessions.begin(me, token, Instant::now());
    begun.map_err(|_| Trouble::broken("The system has no random numbers for a session."))
}

/// Ends the session.
pub async fn leave(visit: Visit) -> Response {
    visit.sessions.end(&visit.session);
    with_cookie(LOGIN, &no_cookie())
}

fn with_cookie(to: &str, cookie: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
