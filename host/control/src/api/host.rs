//! What is of no one tenant: who asks, what the host and its log say.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use super::answer::Answer;
use super::asked::{Asked, within};
use super::page::{Paging, limit};
use super::said::bounded_audit;
use crate::control::{is_tenant_name, not_found};
use crate::limits::ASK_TIMEOUT;
use crate::model::{AuditQuery, Code, InstanceUsage, Problem, Quotas};
use crate::role::Role;

/// Whether the host is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// It is.
    ok: bool,
}

/// A document of OpenAPI 3.1.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
pub(super) struct Document(#[expect(dead_code, reason = "only its schema is used")] Json);

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// The id of the token.
    id: String,
    /// What it allows.
    role: Role,
    /// In which tenant; none: in all of them.
    tenant: Option<String>,
    /// When it ends, in seconds since 1970.
    expires: Option<u64>,
}

/// What the external workers of one tenant did and use.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsageOfTenant {
    /// The tenant.
    tenant: String,
    /// Seconds of processor time, since the tenant is served.
    cpu: f64,
    /// Bytes that the host holds for its guests.
    memory: u64,
    /// Bytes that its data took on disk when that was last looked at, within the last minutes.
    disk: u64,
    /// What it may use in all.
    quota: Quotas,
    /// What of that this host cannot hold it to, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    caveat: Option<String>,
    /// By the uuid of each external worker.
    instances: std::collections::BTreeMap<String, InstanceUsage>,
}

/// Which records of the audit log are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    /// Only those of this tenant.
    #[param(required = false, value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    #[serde(default)]
    tenant: Option<String>,
    /// Only those of this kind, such as `denied`.
    #[param(required = false, value_type = String, pattern = "^[a-z-]{1,64}$")]
    #[serde(default)]
    kind: Option<String>,
    /// Only those before this number.
    #[param(required = false, value_type = u64)]
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    before: Option<u64>,
    /// How many, the latest first.
    #[param(required = false, value_type = u16, minimum = 1, maximum = 200, default = 50)]
    #[serde(default)]
    limit: Option<usize>,
}

/// The parameters of the audit log.
pub(super) fn audit_params() -> Vec<Parameter> {
    Audit::into_params(|| Some(ParameterIn::Query))
}

pub(super) async fn document(_asked: Asked) -> Result<Answer, Problem> {
    Ok(Answer::text(super::openapi::text()))
}

pub(super) async fn health(_asked: Asked) -> Result<Answer, Problem> {
    Answer::json(&Health { ok: true })
}

pub(super) async fn me(asked: Asked) -> Result<Answer, Problem> {
    let login = asked.login()?;
    let registry = asked.control.registry();
    Answer::json(&Me {
        expires: registry.keys.get(&login.id).and_then(|key| key.expires),
        id: login.id.clone(),
        role: login.role,
        tenant: login.tenant.clone(),
    })
}

pub(super) async fn usage(asked: Asked) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    let registry = asked.control.registry();
    let names = registry.tenants.keys();
    let page = paging.page(names, |name| name)?;
    Answer::json(&page.map(|name| {
        let usage = asked.control.usage(name);
        UsageOfTenant {
            tenant: name.clone(),
            cpu: usage.cpu,
            memory: usage.memory,
            disk: usage.disk,
            quota: usage.quota,
            caveat: usage.caveat,
            instances: usage.instances,
        }
    }))
}

pub(super) async fn audit(asked: Asked) -> Result<Answer, Problem> {
    let query: Audit = asked.query()?;
    let tenant = match (&asked.login()?.tenant, query.tenant) {
        (Some(own), Some(wanted)) if *own != wanted => return Err(not_found()),
        (Some(own), _) => Some(own.clone()),
        // A tenant that was removed is in the log all the same.
        (None, wanted) => wanted,
    };
    if !tenant.as_deref().is_none_or(is_tenant_name) {
        let problem = "`tenant` is no name of a tenant";
        return Err(Problem::new(Code::BadRequest, problem));
    }
    let is_kind = |kind: &String| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '-';
        (1..=64).contains(&kind.len()) && kind.chars().all(is_plain)
    };
    if !query.kind.as_ref().is_none_or(is_kind) {
        let problem = "`kind` is a word such as `denied`";
        return Err(Problem::new(Code::BadRequest, problem));
    }
    let most = limit(query.limit)?;
    let query = AuditQuery {
        tenant: tenant.clone(),
        kind: query.kind,
        before: query.before,
        most,
    };
    let page = asked.control.supervisor.audit(query);
    let page = within(ASK_TIMEOUT, page).await?;
    Answer::json(&bounded_audit(page, tenant.as_deref(), most))
}

pub(super) async fn verify(asked: Asked) -> Result<Answer, Problem> {
    let verdict = asked.control.supervisor.verify();
    Answer::json(&within(ASK_TIMEOUT, verdict).await?)
}
