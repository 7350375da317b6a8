//! The routes of policies and their grants.

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::answer::Answer;
use super::asked::{Asked, within};
use super::page::Paging;
use super::said::bounded_policy;
use crate::limits::{ASK_TIMEOUT, MAX_GRANT_BYTES, MAX_LASTING_SECONDS, MAX_NAME_BYTES};
use crate::model::{Code, Grant, Happened, PolicyState, Problem};
use crate::text;

/// Whose policy.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct OfModule {
    /// The module; the policy of all modules if there is none.
    #[param(required = false, value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    #[serde(default)]
    module: Option<String>,
}

/// The parameters of what is taken away.
pub(super) fn of_module() -> Vec<Parameter> {
    OfModule::into_params(|| Some(ParameterIn::Query))
}

pub(super) async fn list(asked: Asked) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    let policies = asked.control.supervisor.policies(asked.tenant()?);
    let policies = within(ASK_TIMEOUT, policies).await?;
    let policies = policies.into_iter().map(bounded_policy);
    let module = |policy: &PolicyState| policy.module.clone().unwrap_or_default();
    let policies = policies.map(|policy| (module(&policy), policy));
    // The policy of all modules is the first: the empty name comes before any other, and after no cursor.
    let page = paging.page(policies, |(module, _)| module)?;
    Answer::json(&page.map(|(_, policy)| policy))
}

pub(super) async fn grant(asked: Asked) -> Result<Answer, Problem> {
    let grant: Grant = asked.json()?;
    check(&grant)?;
    let whose = grant.module.clone();
    let lines: Vec<_> = grant.lines.lines().map(str::trim).collect();
    let what = format!(
        "{}: {}",
        whose.as_deref().unwrap_or("all modules"),
        lines.join(" ")
    );
    let granting = asked.control.supervisor.grant(asked.tenant()?, grant);
    let policy = within(ASK_TIMEOUT, granting).await?;
    asked.note(Happened::Grant, &what)?;
    Answer::json(&bounded_policy(policy))
}

pub(super) async fn revoke(asked: Asked) -> Result<Answer, Problem> {
    let capability = asked.capability()?;
    let OfModule { module } = asked.query()?;
    if let Some(module) = &module {
        check_module(module)?;
    }
    let tenant = asked.tenant()?;
    let supervisor = &asked.control.supervisor;
    let revoking = supervisor.revoke(tenant, module.as_deref(), capability);
    let policy = within(ASK_TIMEOUT, revoking).await?;
    let whose = module.as_deref().unwrap_or("all modules");
    asked.note(Happened::Revoke, &format!("{whose}: {capability}"))?;
    Answer::json(&bounded_policy(policy))
}

fn check(grant: &Grant) -> Result<(), Problem> {
    let wrong = |problem: String| Err(Problem::new(Code::Invalid, problem));
    if let Some(module) = &grant.module {
        check_module(module)?;
    }
    if !(1..=MAX_GRANT_BYTES).contains(&grant.lines.len()) {
        return wrong(format!("`lines` has to be 1 to {MAX_GRANT_BYTES} bytes"));
    }
    if grant
        .lasting
        .is_some_and(|it| !(1..=MAX_LASTING_SECONDS).contains(&it))
    {
        return wrong(format!("`lasting` has to be 1 to {MAX_LASTING_SECONDS}"));
    }
    Ok(())
}

fn check_module(module: &str) -> Result<(), Problem> {
    let is_path = module.contains(['/', '\\']) || module.starts_with('.');
    if text::is_name(module, MAX_NAME_BYTES) && !is_path {
        return Ok(());
    }
    let problem =
        format!("`module` has to be the name of a module, of 1 to {MAX_NAME_BYTES} bytes");
    Err(Problem::new(Code::Invalid, problem))
}
