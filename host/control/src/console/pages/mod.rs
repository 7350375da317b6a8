//! The pages, and where each is.

mod audit;
mod config;
mod instance;
mod live;
pub mod login;
mod modules;
mod policies;
mod secrets;
mod tenant;
mod tenants;
mod tokens;
mod usage;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};

use super::client::part;
use super::flash::Note;
use super::trouble::Trouble;
use super::visit::Visit;
use super::{Console, assets};
use crate::model::{Runs, TenantState};

/// All pages.
pub fn router() -> Router<Console> {
    Router::new()
        .route("/console", get(home))
        .route("/console/{*rest}", any(missing))
        .route("/console/assets/{hash}/{name}", get(assets::show))
        .route("/console/login", get(login::show).post(login::enter))
        .route("/console/logout", post(login::leave))
        .route("/console/tenants", get(tenants::show).post(tenants::make))
        .route(
            "/console/tokens",
            get(tokens::show_all).post(tokens::make_any),
        )
        .route("/console/tokens/{id}/revoke", post(tokens::revoke_any))
        .route("/console/usage", get(usage::show_all))
        .route("/console/audit", get(audit::show))
        .route("/console/audit/verify", get(audit::verify))
        .merge(of_tenant())
        .merge(of_instance())
}

fn of_tenant() -> Router<Console> {
    let at = |rest: &str| format!("/console/tenants/{{tenant}}{rest}");
    Router::new()
        .route(&at(""), get(tenant::show).post(tenant::change))
        .route(&at("/live"), get(live::tenant))
        .route(&at("/events"), get(live::events))
        .route(&at("/suspend"), post(tenant::suspend))
        .route(&at("/resume"), post(tenant::resume))
        .route(&at("/remove"), get(tenant::ask_remove).post(tenant::remove))
        .route(&at("/modules"), post(modules::upload))
        .route(&at("/modules/{module}/remove"), post(modules::remove))
        .route(&at("/instances"), post(instance::make))
        .route(&at("/policies"), get(policies::show).post(policies::grant))
        .route(&at("/policies/revoke"), post(policies::revoke))
        .route(&at("/secrets"), get(secrets::show).post(secrets::set))
        .route(&at("/secrets/{name}/remove"), post(secrets::remove))
        .route(&at("/tokens"), get(tokens::show).post(tokens::make))
        .route(&at("/tokens/{id}/revoke"), post(tokens::revoke))
        .route(&at("/usage"), get(usage::show))
        .route(&at("/audit"), get(audit::show_of))
}

fn of_instance() -> Router<Console> {
    let at = |rest: &str| format!("/console/tenants/{{tenant}}/instances/{{uuid}}{rest}");
    Router::new()
        .route(&at(""), get(instance::show))
        .route(&at("/live"), get(live::instance))
        .route(&at("/log"), get(live::log))
        .route(&at("/do/{action}"), post(instance::act))
        .route(&at("/config"), get(config::show).post(config::change))
        .route(&at("/methods/{method}"), post(instance::call))
}

/// To the tenants, or to one's own.
async fn home(visit: Visit) -> Response {
    let to = match &visit.me().tenant {
        Some(tenant) => format!("/console/tenants/{}", part(tenant)),
        None => "/console/tenants".to_owned(),
    };
    Redirect::to(&to).into_response()
}

async fn missing() -> Trouble {
    Trouble::missing()
}

/// How long something may last, for forms that ask.
pub const LASTING: [(&str, &str); 6] = [
    ("", "until it is revoked"),
    ("3600", "1 hour"),
    ("28800", "8 hours"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
];

/// A part of a page: what there is, or why there is not.
pub type Part<T> = Result<T, Note>;

/// What the API told, for a part of a page. That the session has ended concerns the whole page.
pub fn part_of<T>(told: Result<T, Trouble>) -> Result<Part<T>, Trouble> {
    match told {
        Err(trouble) if trouble.status == http::StatusCode::UNAUTHORIZED => Err(trouble),
        told => Ok(told.map_err(|trouble| (&trouble).into())),
    }
}

/// What the Worker of a tenant tells through the API, for a part of a page, if there is a Worker.
pub async fn if_served<T>(
    tenant: &TenantState,
    telling: impl Future<Output = Result<T, Trouble>>,
) -> Result<Part<T>, Trouble> {
    if matches!(tenant.runs, Runs::Serving { .. }) {
        return part_of(telling.await);
    }
    let line = "This is seen while the tenant is served.".to_owned();
    Ok(Err(Note::good("").with_lines(vec![line])))
}
