//! The secrets of a tenant, by name: they are set and removed here, and never shown.

use askama::Template;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use http::{Method, StatusCode};

use crate::console::client::{List, part};
use crate::console::flash::{Note, draw};
use crate::console::posted::Posted;
use crate::console::text::filters;
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};
use crate::limits::MAX_SECRET_NAME_BYTES;
use crate::model::{SecretState, TenantState};

use super::tenants::address;
use super::{Part, part_of};

/// The field with the value. What begins so is never kept to be shown again.
const VALUE: &str = "secret:value";

#[derive(Template)]
#[template(path = "secrets.html")]
struct Page {
    frame: Frame,
    /// Nothing where the host keeps none.
    secrets: Option<Part<List<SecretState>>>,
}

/// The page.
pub async fn show(visit: Visit, Path(tenant): Path<String>) -> Result<Response, Trouble> {
    let at = format!("/tenants/{}", part(&tenant));
    // Once it is known that the tenant is there, only a host without secrets has no list of them.
    let _there: TenantState = visit.client.get(&at).await?;
    let told = visit.client.list(&format!("{at}/secrets")).await;
    let secrets = match told {
        Err(trouble) if trouble.status == StatusCode::NOT_FOUND => None,
        told => Some(part_of(told)?),
    };
    let frame = visit.frame(&format!("Secrets of {tenant}"), Some(&tenant), "secrets");
    Ok(draw(&Page { frame, secrets }))
}

/// Sets one, or sets it anew.
pub async fn set(visit: Visit, Path(tenant): Path<String>, posted: Posted) -> Response {
    let set = set_one(&visit, &tenant, &posted).await;
    // Of one in the list, it is said there what is wrong.
    let form = if posted.get("from") == "list" {
        "secrets"
    } else {
        "set"
    };
    visit.answer(&here(&tenant), form, &posted, set)
}

async fn set_one(visit: &Visit, tenant: &str, posted: &Posted) -> Result<Note, Trouble> {
    let name = posted
        .some("name")
        .ok_or_else(|| Trouble::wrong("Say what the secret is called."))?;
    let value = posted.exact(VALUE);
    if value.is_empty() {
        return Err(Trouble::wrong("Type the value of the secret."));
    }
    let value = Bytes::copy_from_slice(value.as_bytes());
    let set = visit.client.deliver(&at(tenant, name), value).await;
    set.map_err(|trouble| match trouble.status {
        // What can be no name is nowhere.
        StatusCode::NOT_FOUND => Trouble::wrong(format!(
            "A secret has a name of 1 to {MAX_SECRET_NAME_BYTES} letters, digits or `_.-`, on a host that keeps secrets."
        )),
        _ => trouble,
    })?;
    Ok(Note::good(format!("Secret {name} was set.")))
}

/// Removes one.
pub async fn remove(
    visit: Visit,
    Path((tenant, name)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let at = at(&tenant, &name);
    let removed = visit.client.act(Method::DELETE, &at, None).await;
    let note = removed.map(|()| Note::good(format!("Secret {name} was removed.")));
    visit.answer(&here(&tenant), "secrets", &posted, note)
}

fn at(tenant: &str, name: &str) -> String {
    format!("/tenants/{}/secrets/{}", part(tenant), part(name))
}

fn here(tenant: &str) -> String {
    format!("{}/secrets", address(tenant))
}
