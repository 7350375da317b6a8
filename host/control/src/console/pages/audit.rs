//! Who did what, and whether anybody changed the record of it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

use crate::console::client::part;
use crate::console::flash::{Note, draw};
use crate::console::text::{self, filters};
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};
use crate::model::{AuditPage, AuditRecord, AuditVerdict};

use super::{Part, part_of};

/// How many records a page has.
const MOST: usize = 100;
/// Kinds that are offered; any other may be typed.
const KINDS: [&str; 21] = [
    "start",
    "stop",
    "install",
    "uninstall",
    "grant",
    "revoke",
    "instance-made",
    "instance-removed",
    "configured",
    "called",
    "paused",
    "resumed",
    "restart",
    "denied",
    "login-failed",
    "token-made",
    "token-revoked",
    "token-used",
    "secret-read",
    "secret-set",
    "secret-removed",
];

/// Which records are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    tenant: String,
    kind: String,
    before: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    wanted: Wanted,
    records: Part<Vec<AuditRecord>>,
    older: Option<String>,
    kinds: &'static [&'static str],
    here: String,
    verdict: Option<Note>,
}

/// Of all tenants, or of the one that is wanted.
pub async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Trouble> {
    page(&visit, None, wanted, None).await
}

/// Of one tenant.
pub async fn show_of(
    visit: Visit,
    Path(tenant): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Trouble> {
    let wanted = Wanted {
        tenant: tenant.clone(),
        ..wanted
    };
    page(&visit, Some(&tenant), wanted, None).await
}

/// Of all, with whether anybody changed it.
pub async fn verify(visit: Visit) -> Result<Response, Trouble> {
    let verdict = part_of(visit.client.get::<AuditVerdict>("/audit/verify").await)?;
    let verdict = verdict.map_or_else(|note| note, |verdict| of_verdict(&verdict));
    page(&visit, None, Wanted::default(), Some(verdict)).await
}

fn of_verdict(verdict: &AuditVerdict) -> Note {
    let records = text::count(verdict.records);
    let mut lines: Vec<_> = verdict.problem.iter().cloned().collect();
    if verdict.checkpoint.is_some() {
        lines.push(
            "Keep this checkpoint elsewhere: with it one sees later whether anything was cut off."
                .to_owned(),
        );
    }
    Note {
        is_bad: !verdict.whole,
        title: if verdict.whole {
            format!("The log is whole: {records} records.")
        } else {
            "Somebody changed the log.".to_owned()
        },
        lines,
        block: verdict.checkpoint.clone(),
        request: None,
    }
}

async fn page(
    visit: &Visit,
    tenant: Option<&str>,
    wanted: Wanted,
    verdict: Option<Note>,
) -> Result<Response, Trouble> {
    let here = match tenant {
        Some(tenant) => format!("/console/tenants/{}/audit", part(tenant)),
        None => "/console/audit".to_owned(),
    };
    let query = query(&wanted);
    let records = visit
        .client
        .get::<AuditPage>(&format!("/audit?limit={MOST}{query}"))
        .await;
    let records = part_of(records.map(|page| page.records))?;
    let last = records
        .as_ref()
        .ok()
        .filter(|records| records.len() == MOST)
        .and_then(|records| records.last());
    let older = last.map(|last| {
        let wanted = Wanted {
            before: last.seq.to_string(),
            tenant: wanted.tenant.clone(),
            kind: wanted.kind.clone(),
        };
        format!("{here}?{}", self::query(&wanted).trim_start_matches('&'))
    });
    let title = tenant.map_or_else(
        || "Audit log".to_owned(),
        |tenant| format!("Audit log of {tenant}"),
    );
    let frame = visit.frame(&title, tenant, "audit");
    Ok(draw(&Page {
        frame,
        wanted,
        records,
        older,
        kinds: &KINDS,
        here,
        verdict,
    }))
}

fn query(wanted: &Wanted) -> String {
    let pairs = [
        ("tenant", &wanted.tenant),
        ("kind", &wanted.kind),
        ("before", &wanted.before),
    ];
    let pairs = pairs
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty());
    pairs
        .map(|(name, value)| format!("&{name}={}", part(value.trim())))
        .collect()
}
