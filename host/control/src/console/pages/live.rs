//! What pages renew of themselves: states, figures, and logs.

use std::time::Instant;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::console::client::{Client, List, part};
use crate::console::flash::draw;
use crate::console::text::filters;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::model::{InstanceState, LogLine, Runs, TenantState};

use super::instance::at;
use super::tenants::address;
use super::{Part, if_served};

/// How many lines of a log are shown.
const LOG_LINES: u64 = 300;

#[derive(Template)]
#[template(path = "live/tenant.html")]
struct LiveTenant {
    base: String,
    tenant: TenantState,
    instances: Part<List<InstanceState>>,
}

/// The state of a tenant and of its external workers.
pub async fn tenant(visit: Visit, Path(name): Path<String>) -> Result<Response, Trouble> {
    let at = format!("/tenants/{}", part(&name));
    let tenant = visit.client.get(&at).await?;
    let of_instances = format!("{at}/instances");
    let instances = if_served(&tenant, visit.client.list(&of_instances)).await?;
    let base = address(&name);
    Ok(draw(&LiveTenant {
        base,
        tenant,
        instances,
    }))
}

#[derive(Template)]
#[template(path = "live/instance.html")]
struct LiveInstance {
    instance: InstanceState,
}

/// The state of one external worker.
pub async fn instance(
    visit: Visit,
    Path((tenant, uuid)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let instance = visit.client.get(&at(&tenant, &uuid)).await?;
    Ok(draw(&LiveInstance { instance }))
}

/// That something changed, as the API says it, until the session ends.
pub async fn events(visit: Visit, Path(name): Path<String>) -> Result<Response, Trouble> {
    let body = visit
        .client
        .stream(&format!("/tenants/{}/events", part(&name)))
        .await?;
    let (sessions, session) = (visit.sessions, visit.session);
    let told = body.into_data_stream();
    let told =
        told.take_while(move |_| std::future::ready(sessions.is_live(&session, Instant::now())));
    Ok((
        [(CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(told),
    )
        .into_response())
}

/// From where a log is wanted.
#[derive(Deserialize)]
pub struct Since {
    #[serde(default)]
    after: u64,
}

#[derive(Template)]
#[template(path = "live/log.html")]
struct LiveLog {
    here: String,
    last: u64,
    log: Part<Vec<LogLine>>,
}

/// The log of an external worker, if there is more in it than the page has.
pub async fn log(
    visit: Visit,
    Path((tenant, uuid)): Path<(String, String)>,
    Query(since): Query<Since>,
) -> Result<Response, Trouble> {
    let at = at(&tenant, &uuid);
    let news = log_of(&visit.client, &at, since.after).await?;
    let Some(newest) = news.first() else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let last = newest.number;
    let log = Ok(log_of(&visit.client, &at, last.saturating_sub(LOG_LINES)).await?);
    Ok(draw(&LiveLog {
        here: format!("/console{at}"),
        last,
        log,
    }))
}

/// The number of the last line of a log.
pub fn last_of(log: &Part<Vec<LogLine>>) -> u64 {
    let first = log.as_ref().ok().and_then(|lines| lines.first());
    first.map_or(0, |line| line.number)
}

/// The last lines of a log, the latest first.
pub async fn log_of(client: &Client, at: &str, after: u64) -> Result<Vec<LogLine>, Trouble> {
    let lines = client
        .list_after(&format!("{at}/log"), Some(after))
        .await?
        .items;
    let lines = lines.into_iter().rev().zip(0..LOG_LINES);
    Ok(lines.map(|(line, _)| line).collect())
}
