//! What the modules of a tenant may reach.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::Method;
use serde_json::json;

use crate::console::client::{List, part};
use crate::console::flash::{Note, draw};
use crate::console::posted::Posted;
use crate::console::text::filters;
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};
use crate::model::{ModuleState, PolicyState};

use super::modules::{Lacking, lacking};
use super::tenants::address;
use super::{LASTING, Part, part_of};

#[derive(Template)]
#[template(path = "policies.html")]
struct Page {
    frame: Frame,
    policies: Part<List<PolicyState>>,
    requests: Part<Vec<Lacking>>,
    modules: Vec<String>,
}

/// The page.
pub async fn show(visit: Visit, Path(tenant): Path<String>) -> Result<Response, Trouble> {
    let at = format!("/tenants/{}", part(&tenant));
    let policies = part_of(visit.client.list(&format!("{at}/policies")).await)?;
    let requests = part_of(lacking(&visit.client, &at).await)?;
    let modules = part_of(
        visit
            .client
            .list::<ModuleState>(&format!("{at}/modules"))
            .await,
    )?;
    let modules = modules.map(|list| list.items).unwrap_or_default();
    let modules = modules.into_iter().map(|module| module.name).collect();
    let frame = visit.frame(&format!("Policies of {tenant}"), Some(&tenant), "policies");
    Ok(draw(&Page {
        frame,
        policies,
        requests,
        modules,
    }))
}

/// Adds a grant.
pub async fn grant(visit: Visit, Path(tenant): Path<String>, posted: Posted) -> Response {
    let granted = add(&visit, &tenant, &posted).await;
    let base = address(&tenant);
    let is_overview = posted.get("from") == "overview";
    let to = if is_overview {
        base
    } else {
        format!("{base}/policies")
    };
    let form = posted.some("form").unwrap_or("grant");
    visit.answer(&to, form, &posted, granted)
}

async fn add(visit: &Visit, tenant: &str, posted: &Posted) -> Result<Note, Trouble> {
    let lines = posted
        .some("lines")
        .map(|lines| lines.replace("\r\n", "\n"));
    let lines =
        lines.ok_or_else(|| Trouble::wrong("Write what is granted, as lines of a policy."))?;
    let body = json!({"module": posted.some("module"), "lines": lines, "lasting": posted.number("lasting")?});
    let at = format!("/tenants/{}/grants", part(tenant));
    let policy: PolicyState = visit.client.send(Method::POST, &at, Some(&body)).await?;
    Ok(of_policy("It was granted.", policy))
}

/// Takes everything of a capability away.
pub async fn revoke(visit: Visit, Path(tenant): Path<String>, posted: Posted) -> Response {
    let module = posted
        .some("module")
        .map(|module| format!("?module={}", part(module)));
    let capability = part(posted.get("capability"));
    let at = format!(
        "/tenants/{}/grants/{capability}{}",
        part(&tenant),
        module.unwrap_or_default()
    );
    let revoked = visit
        .client
        .send::<PolicyState>(Method::DELETE, &at, None)
        .await;
    let note = revoked.map(|policy| of_policy("It was taken away.", policy));
    visit.answer(
        &format!("{}/policies", address(&tenant)),
        "policies",
        &posted,
        note,
    )
}

fn of_policy(done: &str, policy: PolicyState) -> Note {
    let whose = match policy.module {
        Some(module) => format!("The policy of {module}"),
        None => "The policy of all modules".to_owned(),
    };
    let grants: Vec<_> = policy
        .grants
        .into_iter()
        .map(|granted| granted.capability)
        .collect();
    let says = if grants.is_empty() {
        "grants nothing now.".to_owned()
    } else {
        format!("grants now: {}.", grants.join(", "))
    };
    let problem = policy.problem.map(|problem| format!("But: {problem}"));
    let lines = [Some(format!("{whose} {says}")), problem]
        .into_iter()
        .flatten();
    Note::good(done).with_lines(lines.collect())
}
