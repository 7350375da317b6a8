//! All tenants, and how one more is made.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::Method;
use serde_json::{Map, Value as Json, json};

use crate::console::client::{List, part};
use crate::console::flash::{Note, draw};
use crate::console::posted::Posted;
use crate::console::text::filters;
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};
use crate::model::{Runs, TenantState};

use super::{Part, part_of};

#[derive(Template)]
#[template(path = "tenants.html")]
struct Page {
    frame: Frame,
    tenants: Part<List<TenantState>>,
}

impl Page {
    /// Whether what is shown of a tenant changes by itself.
    fn changes(&self) -> bool {
        let tenants = self.tenants.iter().flat_map(|list| &list.items);
        let mut runs = tenants.map(|tenant| &tenant.runs);
        runs.any(|runs| matches!(runs, Runs::Starting | Runs::Down { .. }))
    }
}

/// The page.
pub async fn show(visit: Visit) -> Result<Response, Trouble> {
    let tenants = part_of(visit.client.list("/tenants").await)?;
    let frame = visit.frame("Tenants", None, "tenants");
    Ok(draw(&Page { frame, tenants }).into_response())
}

/// Makes one.
pub async fn make(visit: Visit, posted: Posted) -> Response {
    let made = make_one(&visit, &posted).await;
    visit.answer("/console/tenants", "make", &posted, made)
}

async fn make_one(visit: &Visit, posted: &Posted) -> Result<Note, Trouble> {
    let mut spec = places(posted)?;
    spec.insert("name".to_owned(), posted.get("name").into());
    spec.insert(
        "suspended".to_owned(),
        (posted.get("suspended") == "true").into(),
    );
    let made: TenantState = visit
        .client
        .send(Method::POST, "/tenants", Some(&Json::Object(spec)))
        .await?;
    Ok(Note::good(format!("Tenant {} was made.", made.spec.name)))
}

/// Where a tenant listens, for whom, and what it may use, as was typed.
pub fn places(posted: &Posted) -> Result<Map<String, Json>, Trouble> {
    let mut spec = Map::new();
    if let Some(host) = posted.some("host") {
        spec.insert("host".to_owned(), host.into());
    }
    spec.insert(
        "port".to_owned(),
        posted.number("port")?.unwrap_or_default().into(),
    );
    let origins: Vec<_> = posted.get("allow-origin").split_whitespace().collect();
    spec.insert("allow-origin".to_owned(), json!(origins));
    let mut quotas = Map::new();
    for (name, unit) in [
        ("instances", 1),
        ("memory", 1 << 20),
        ("cpu-weight", 1),
        ("disk", 1 << 20),
        ("modules", 1),
    ] {
        if let Some(number) = posted.number(name)? {
            quotas.insert(name.to_owned(), number.saturating_mul(unit).into());
        }
    }
    spec.insert("quotas".to_owned(), Json::Object(quotas));
    Ok(spec)
}

/// The address of the pages of a tenant.
pub fn address(tenant: &str) -> String {
    format!("/console/tenants/{}", part(tenant))
}
