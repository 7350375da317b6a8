//! What tenants and their external workers use.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use crate::console::client::part;
use crate::console::flash::draw;
use crate::console::text::filters;
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};
use crate::model::{InstanceState, InstanceUsage, TenantUsage};

use super::{Part, part_of};

#[derive(Template)]
#[template(path = "usage.html")]
struct Page {
    frame: Frame,
    rows: Part<Vec<Row>>,
    what: &'static str,
}

/// A tenant or an external worker.
struct Row {
    name: String,
    link: String,
    /// How many external workers; nothing for one of them.
    instances: Option<u64>,
    usage: InstanceUsage,
}

/// By tenant.
pub async fn show_all(visit: Visit) -> Result<Response, Trouble> {
    let told = visit.client.list::<OfTenant>("/usage").await;
    let rows = part_of(told.map(|told| told.items.iter().map(of_tenant).collect()))?;
    let frame = visit.frame("Usage", None, "usage");
    Ok(draw(&Page {
        frame,
        rows,
        what: "Tenant",
    }))
}

/// What the API says of each tenant.
#[derive(Deserialize)]
struct OfTenant {
    tenant: String,
    #[serde(flatten)]
    usage: TenantUsage,
}

fn of_tenant(OfTenant { tenant, usage }: &OfTenant) -> Row {
    Row {
        name: tenant.clone(),
        link: format!("/console/tenants/{}/usage", part(tenant)),
        instances: u64::try_from(usage.instances.len()).ok(),
        usage: InstanceUsage {
            cpu: usage.cpu,
            memory: usage.memory,
            ..sum(usage.instances.values())
        },
    }
}

fn sum<'a>(of: impl Iterator<Item = &'a InstanceUsage>) -> InstanceUsage {
    of.fold(InstanceUsage::default(), |all, one| InstanceUsage {
        cpu: all.cpu + one.cpu,
        throttled: all.throttled + one.throttled,
        memory: all.memory.saturating_add(one.memory),
        calls: all.calls.saturating_add(one.calls),
        call_errors: all.call_errors.saturating_add(one.call_errors),
        open_calls: all.open_calls.saturating_add(one.open_calls),
        turns: all.turns.saturating_add(one.turns),
        turn_errors: all.turn_errors.saturating_add(one.turn_errors),
        restarts: all.restarts.saturating_add(one.restarts),
    })
}

/// By external worker of one tenant.
pub async fn show(visit: Visit, Path(tenant): Path<String>) -> Result<Response, Trouble> {
    let at = format!("/tenants/{}", part(&tenant));
    let usage = part_of(
        visit
            .client
            .get::<TenantUsage>(&format!("{at}/usage"))
            .await,
    )?;
    let names = part_of(
        visit
            .client
            .list::<InstanceState>(&format!("{at}/instances"))
            .await,
    )?;
    let names = names.map(|list| list.items).unwrap_or_default();
    let names: BTreeMap<_, _> = names.into_iter().map(|one| (one.uuid, one.name)).collect();
    let rows = usage.map(|usage| {
        let rows = usage.instances.into_iter().map(|(uuid, usage)| Row {
            link: format!("/console{at}/instances/{}", part(&uuid)),
            name: names.get(&uuid).cloned().unwrap_or(uuid),
            instances: None,
            usage,
        });
        rows.collect()
    });
    let frame = visit.frame(&format!("Usage of {tenant}"), Some(&tenant), "usage");
    Ok(draw(&Page {
        frame,
        rows,
        what: "External worker",
    }))
}
