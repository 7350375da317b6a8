//! Who has a token, and how one is made and revoked. What was made is shown once.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::console::client::{List, part};
use crate::console::flash::{Note, draw};
use crate::console::posted::Posted;
use crate::console::session::Me;
use crate::console::text::{self, filters};
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};

use super::tenants::address;
use super::{LASTING, Part, part_of};

#[derive(Template)]
#[template(path = "tokens.html")]
struct Page {
    frame: Frame,
    tokens: Part<List<Me>>,
    here: String,
    roles: &'static [(&'static str, &'static str)],
}

const OF_TENANT: [(&str, &str); 3] = [
    ("viewer", "viewer: sees values, states and logs"),
    (
        "author",
        "author: changes the graph, its external workers and their modules",
    ),
    ("owner", "owner: says who else may, and keeps the secrets"),
];
const OF_ALL: [(&str, &str); 1] = [(
    "operator",
    "operator: makes and ends tenants, and grants them what they reach",
)];

/// Those of a tenant.
pub async fn show(visit: Visit, Path(tenant): Path<String>) -> Result<Response, Trouble> {
    let at = format!("/tenants/{}/tokens", part(&tenant));
    let frame = visit.frame(&format!("Tokens of {tenant}"), Some(&tenant), "tokens");
    page(&visit, &at, frame, &OF_TENANT).await
}

/// Those of operators.
pub async fn show_all(visit: Visit) -> Result<Response, Trouble> {
    let frame = visit.frame("Tokens of operators", None, "tokens");
    page(&visit, "/tokens", frame, &OF_ALL).await
}

async fn page(
    visit: &Visit,
    at: &str,
    frame: Frame,
    roles: &'static [(&'static str, &'static str)],
) -> Result<Response, Trouble> {
    let tokens = part_of(visit.client.list(at).await)?;
    let here = format!("/console{at}");
    Ok(draw(&Page {
        frame,
        tokens,
        here,
        roles,
    }))
}

/// Makes one for a tenant.
pub async fn make(visit: Visit, Path(tenant): Path<String>, posted: Posted) -> Response {
    let at = format!("/tenants/{}/tokens", part(&tenant));
    let made = make_one(&visit, &at, Some(posted.get("role")), &posted).await;
    visit.answer(
        &format!("{}/tokens", address(&tenant)),
        "make",
        &posted,
        made,
    )
}

/// Makes one for an operator.
pub async fn make_any(visit: Visit, posted: Posted) -> Response {
    let made = make_one(&visit, "/tokens", None, &posted).await;
    visit.answer("/console/tokens", "make", &posted, made)
}

#[derive(Deserialize)]
struct Made {
    id: String,
    token: String,
    expires: Option<u64>,
}

async fn make_one(
    visit: &Visit,
    at: &str,
    role: Option<&str>,
    posted: &Posted,
) -> Result<Note, Trouble> {
    let lasting = posted.number("lasting")?;
    // Those of operators have one role, so the API asks for none.
    let body = match role {
        Some(role) => json!({"role": role, "lasting": lasting}),
        None => json!({"lasting": lasting}),
    };
    let made: Made = visit.client.send(Method::POST, at, Some(&body)).await?;
    let end = made
        .expires
        .map(|end| format!(" It ends {}.", text::moment(end)));
    let line = format!(
        "Copy it now: it is shown once and kept nowhere.{}",
        end.unwrap_or_default()
    );
    Ok(Note::good(format!("Token {} was made.", made.id))
        .with_lines(vec![line])
        .with_block(made.token))
}

/// Revokes one of a tenant.
pub async fn revoke(
    visit: Visit,
    Path((tenant, id)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let at = format!("/tenants/{}/tokens", part(&tenant));
    let note = revoke_one(&visit, &at, &id).await;
    visit.answer(&format!("/console{at}"), "tokens", &posted, note)
}

/// Revokes one of an operator.
pub async fn revoke_any(visit: Visit, Path(id): Path<String>, posted: Posted) -> Response {
    let note = revoke_one(&visit, "/tokens", &id).await;
    visit.answer("/console/tokens", "tokens", &posted, note)
}

async fn revoke_one(visit: &Visit, at: &str, id: &str) -> Result<Note, Trouble> {
    visit
        .client
        .act(Method::DELETE, &format!("{at}/{}", part(id)), None)
        .await?;
    Ok(Note::good(format!("Token {id} was revoked.")))
}
