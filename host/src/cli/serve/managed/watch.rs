//! What the audit log and the gauges say, in the words of the control plane.

use std::path::PathBuf;

use external_worker_control::model::{
    AuditPage, AuditQuery, AuditRecord, AuditVerdict, Code, InstanceUsage, Problem, TenantUsage,
};

use super::folder::of_host;
use crate::audit::{self, Entry, Filter, Key, Kind, Line};
use crate::metrics;
use crate::tenant::question::unavailable;

/// Where the audit log is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    /// Where its key is, if not there.
    pub(super) key: Option<PathBuf>,
}

/// What is known of a tenant's external workers.
pub(super) fn usage(tenant: Option<metrics::Tenant>) -> TenantUsage {
    let mut all = TenantUsage::default();
    for (uuid, usage) in tenant.map(|tenant| tenant.usage).unwrap_or_default() {
        let usage = InstanceUsage::from(usage);
        all.cpu += usage.cpu;
        all.memory = all.memory.saturating_add(usage.memory);
        all.instances.insert(uuid, usage);
    }
    all
}

fn no_log() -> Problem {
    Problem::new(
        Code::NotFound,
        "this host keeps no audit log; start it with --audit DIR",
    )
}

/// The latest records that fit.
pub(super) async fn audit(place: Option<Place>, query: AuditQuery) -> Result<AuditPage, Problem> {
    let place = place.ok_or_else(no_log)?;
    let kind = query.kind.as_deref().map(str::parse::<Kind>).transpose();
    let kind = kind.map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    let filter = Filter {
        kinds: kind.into_iter().collect(),
        tenant: query.tenant,
        before: query.before,
        last: Some(query.most),
        ..Filter::default()
    };
    let reading = tokio::task::spawn_blocking(move || {
        let lines = audit::read(&place.dir, filter)?;
        lines.collect::<Result<Vec<Line>, _>>()
    });
    let lines = reading.await.map_err(|_ending| unavailable())?;
    let lines = lines.map_err(|error| of_host(&error))?;
    let records = lines.into_iter().rev().map(|line| record(line.entry));
    Ok(AuditPage {
        records: records.collect(),
    })
}

fn record(entry: Entry) -> AuditRecord {
    let Entry { seq, at, record } = entry;
    let text = |text: Option<audit::Text>| text.map(|text| text.to_string());
    AuditRecord {
        seq,
        at: at.to_string(),
        event: record.event.label().to_owned(),
        by: record.by.label().to_owned(),
        tenant: text(record.tenant),
        module: text(record.module),
        instance: text(record.instance),
        who: text(record.who),
        what: text(record.what),
        reason: text(record.reason),
        more: record.more,
    }
}

/// Whether anybody changed the log.
pub(super) async fn verify(place: Option<Place>) -> Result<AuditVerdict, Problem> {
    let Place { dir, key } = place.ok_or_else(no_log)?;
    let verifying = tokio::task::spawn_blocking(move || {
        let key =
            Key::read(&key.unwrap_or_else(|| dir.join("key"))).map_err(|error| of_host(&error))?;
        Ok(match audit::verify(&dir, &key, None) {
            Ok(verified) => AuditVerdict {
                whole: true,
                problem: None,
                records: verified.records,
                checkpoint: Some(verified.checkpoint.to_string()),
            },
            Err(broken) => AuditVerdict {
                whole: false,
                problem: Some(broken.to_string()),
                records: 0,
                checkpoint: None,
            },
        })
    });
    verifying.await.map_err(|_ending| unavailable())?
}
