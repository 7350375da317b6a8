//! The routes of tenants themselves.

use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use super::answer::Answer;
use super::asked::Asked;
use super::page::Paging;
use crate::control::Step;
use crate::model::{Code, Fate, Problem, Quotas, TenantSpec};

/// What changes of a tenant; what is not said stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schema(example = json!({"port": 8081, "quotas": {"memory": 1_073_741_824_u64, "disk": null}}))]
pub(super) struct TenantChange {
    /// The address that its Worker listens on.
    #[schema(max_length = 253, pattern = "^[A-Za-z0-9][A-Za-z0-9.-]*$")]
    host: Option<String>,
    /// The port that its Worker listens on; 0 picks a free one each time.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[schema(maximum = 65535)]
    port: Option<u16>,
    /// Pages of these origins may connect, too.
    allow_origin: Option<Vec<String>>,
    /// What it may use in all, member by member.
    quotas: Option<QuotaChange>,
}

/// What changes of quotas; what is not said stays, and null is no quota.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct QuotaChange {
    /// External workers and node libraries.
    #[serde(deserialize_with = "crate::numbers::told")]
    #[schema(value_type = Option<u32>, required = false)]
    instances: Option<Option<u32>>,
    /// Bytes of memory.
    #[serde(deserialize_with = "crate::numbers::told")]
    #[schema(value_type = Option<u64>, required = false)]
    memory: Option<Option<u64>>,
    /// How much of the processors it gets where all want some: 1 to 10,000.
    #[serde(deserialize_with = "crate::numbers::told")]
    #[schema(value_type = Option<u16>, required = false, minimum = 1, maximum = 10000)]
    cpu_weight: Option<Option<u16>>,
    /// Bytes that its data may take on disk.
    #[serde(deserialize_with = "crate::numbers::told")]
    #[schema(value_type = Option<u64>, required = false)]
    disk: Option<Option<u64>>,
    /// Modules that it may have.
    #[serde(deserialize_with = "crate::numbers::told")]
    #[schema(value_type = Option<u32>, required = false)]
    modules: Option<Option<u32>>,
}

/// What the tenants are to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"tenants": [{"name": "lab", "port": 8081}], "prune": false}))]
pub(super) struct Wanted {
    /// These.
    #[schema(max_items = 1000)]
    tenants: Vec<TenantSpec>,
    /// Whether others are removed; their data stays.
    #[serde(default)]
    #[schema(default = false)]
    prune: bool,
}

/// What it takes to make the tenants so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Plan {
    /// For each tenant, what is done.
    steps: Vec<Step>,
}

/// Whether anything is done.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Dry {
    /// Only says what would be done.
    #[param(required = false, value_type = bool, default = false)]
    #[serde(default)]
    dry_run: bool,
}

/// What becomes of the data.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    /// What becomes of the data of the tenant: this has to be said.
    #[param(inline)]
    data: Fate,
}

pub(super) fn dry() -> Vec<Parameter> {
    Dry::into_params(|| Some(ParameterIn::Query))
}

pub(super) fn removal() -> Vec<Parameter> {
    Removal::into_params(|| Some(ParameterIn::Query))
}

pub(super) async fn list(asked: Asked) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    let own = asked.login()?.tenant.as_deref();
    let registry = asked.control.registry();
    let theirs = registry.tenants.values();
    let theirs = theirs.filter(|spec| own.is_none_or(|own| own == spec.name));
    let page = paging.page(theirs, |spec| &spec.name)?;
    Answer::json(&page.map(|spec| asked.control.state(spec.clone())))
}

pub(super) async fn make(asked: Asked) -> Result<Answer, Problem> {
    let spec = asked.json()?;
    Answer::made(&asked.control.make_tenant(&asked.who, spec).await?)
}

pub(super) async fn show(asked: Asked) -> Result<Answer, Problem> {
    Answer::json(&asked.control.tenant(asked.tenant()?)?)
}

pub(super) async fn change(asked: Asked) -> Result<Answer, Problem> {
    let change: TenantChange = asked.json()?;
    let changing = asked
        .control
        .change_tenant(&asked.who, asked.tenant()?, |spec| change.make(spec));
    Answer::json(&changing.await?)
}

pub(super) async fn remove(asked: Asked) -> Result<Answer, Problem> {
    let Removal { data } = asked.query()?;
    let removing = asked
        .control
        .remove_tenant(&asked.who, asked.tenant()?, data);
    removing.await?;
    Ok(Answer::nothing())
}

pub(super) async fn suspend(asked: Asked) -> Result<Answer, Problem> {
    set_suspended(&asked, true).await
}

pub(super) async fn resume(asked: Asked) -> Result<Answer, Problem> {
    set_suspended(&asked, false).await
}

async fn set_suspended(asked: &Asked, suspended: bool) -> Result<Answer, Problem> {
    let doing = asked
        .control
        .suspend_tenant(&asked.who, asked.tenant()?, suspended);
    Answer::json(&doing.await?)
}

pub(super) async fn apply(asked: Asked) -> Result<Answer, Problem> {
    let Dry { dry_run } = asked.query()?;
    let Wanted { tenants, prune } = asked.json()?;
    let applying = asked.control.apply(&asked.who, tenants, prune, dry_run);
    let steps = applying.await?;
    Answer::json(&Plan { steps })
}

pub(super) async fn usage(asked: Asked) -> Result<Answer, Problem> {
    Answer::json(&asked.control.usage(asked.tenant()?))
}

pub(super) async fn events(mut asked: Asked) -> Result<Answer, Problem> {
    let none = || Problem::new(Code::Internal, "a stream has no place");
    let place = asked.place.take().ok_or_else(none)?;
    let login = asked.login()?.clone();
    let body = super::events::stream(&asked.control, asked.tenant()?, login, place);
    Ok(Answer::stream(body))
}

impl TenantChange {
    fn make(self, spec: &mut TenantSpec) {
        set(&mut spec.host, self.host);
        set(&mut spec.port, self.port);
        set(&mut spec.allow_origin, self.allow_origin);
        if let Some(quotas) = self.quotas {
            quotas.make(&mut spec.quotas);
        }
    }
}

impl QuotaChange {
    fn make(self, quotas: &mut Quotas) {
        set(&mut quotas.instances, self.instances);
        set(&mut quotas.memory, self.memory);
        set(&mut quotas.cpu_weight, self.cpu_weight);
        set(&mut quotas.disk, self.disk);
        set(&mut quotas.modules, self.modules);
    }
}

fn set<T>(member: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *member = value;
    }
}
