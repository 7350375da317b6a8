//! Making the tenants be what a list of them says: first what differs, then, if wanted, doing it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::tenants::{check_number, check_spec};
use super::{Changing, Control, Who};
use crate::model::{Code, Fate, Happened, Problem, TenantSpec};

/// What is to be done with a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Change,
    /// It is removed; its data stays.
    Remove,
    /// It is so already.
    Keep,
}

/// What is to be done with one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What.
    pub action: Action,
    /// What differs.
    pub changes: Vec<Changed>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Changed {
    /// Which member of the description, such as `port` or `quotas.memory`.
    pub member: String,
    /// What it is; null: nothing.
    pub before: Json,
    /// What it is to be; null: nothing.
    pub after: Json,
}

impl Control {
    /// Makes those tenants be as the host's own files say; others stay.
    ///
    /// # Errors
    /// When something is wrong with one of them, or cannot be done.
    pub async fn declare(&self, wanted: Vec<TenantSpec>) -> Result<Vec<Step>, Problem> {
        self.apply(&Who::host(), wanted, false, false).await
    }

    /// Makes the tenants be `wanted`, and removes others if `prune`; if `dry`, only says what that takes.
    pub(crate) async fn apply(
        &self,
        who: &Who,
        wanted: Vec<TenantSpec>,
        prune: bool,
        dry: bool,
    ) -> Result<Vec<Step>, Problem> {
        let wanted = by_name(wanted)?;
        let changing = self.change().await;
        let tenants = &self.registry().tenants;
        let steps = steps(tenants, &wanted, prune);
        self.check_all(tenants, &wanted, &steps)?;
        if !dry {
            changing.run(who, tenants, &wanted, &steps).await?;
        }
        Ok(steps)
    }

    /// Checks every tenant that changes beside all that there will be.
    fn check_all(
        &self,
        tenants: &BTreeMap<String, TenantSpec>,
        wanted: &BTreeMap<String, TenantSpec>,
        steps: &[Step],
    ) -> Result<(), Problem> {
        let stays = |step: &&Step| step.action != Action::Remove;
        let result: Vec<_> = steps.iter().filter(stays).collect();
        let old = tenants
            .iter()
            .filter(|(name, _)| !wanted.contains_key(*name));
        let old = old.filter(|(name, _)| result.iter().any(|step| step.name == **name));
        let all: Vec<_> = old.chain(wanted).map(|(_, spec)| spec.clone()).collect();
        check_number(all.len())?;
        for step in result.iter().filter(|step| step.action != Action::Keep) {
            if let Some(spec) = wanted.get(&step.name) {
                let others = all.iter().filter(|other| other.name != step.name);
                let others: Vec<_> = others.cloned().collect();
                let checked = self.supervisor.check(spec, &others);
                checked.map_err(|problem| of_tenant(&step.name, &problem))?;
            }
        }
        Ok(())
    }
}

impl Changing<'_> {
    /// Ends serving whatever changes, so that one may take what another gives up; then serves it anew.
    async fn run(
        &self,
        who: &Who,
        tenants: &BTreeMap<String, TenantSpec>,
        wanted: &BTreeMap<String, TenantSpec>,
        steps: &[Step],
    ) -> Result<(), Problem> {
        let mut failed = Vec::new();
        let mut withdrawn = BTreeSet::new();
        for step in steps {
            let Some(before) = tenants.get(&step.name).filter(|_| ends(step.action)) else {
                continue;
            };
            let mut done = self.withdraw(before).await;
            if done.is_ok() && step.action == Action::Remove {
                done = self.drop_tenant(who, &step.name, Fate::Keep).await;
            }
            match done {
                Ok(()) => drop(withdrawn.insert(&step.name)),
                Err(problem) => failed.push(of_tenant(&step.name, &problem)),
            }
        }
        for step in steps {
            let Some(after) = wanted.get(&step.name) else {
                continue;
            };
            let done = match (step.action, tenants.get(&step.name)) {
                (Action::Change, Some(before)) if withdrawn.contains(&step.name) => {
                    self.serve_instead(who, before, after).await
                }
                (Action::Create, _) => self.create(who, after).await,
                _ => Ok(()),
            };
            if let Err(problem) = done {
                failed.push(of_tenant(&step.name, &problem));
            }
        }
        sum_up(failed)
    }

    async fn create(&self, who: &Who, spec: &TenantSpec) -> Result<(), Problem> {
        self.serve_and_keep(spec).await?;
        let what = "the tenant was made";
        self.control
            .note(who, Happened::Start, Some(&spec.name), what);
        Ok(())
    }
}

fn ends(action: Action) -> bool {
    matches!(action, Action::Change | Action::Remove)
}

/// The first problem, and how many there are besides.
fn sum_up(failed: Vec<Problem>) -> Result<(), Problem> {
    let others = failed.len().saturating_sub(1);
    let Some(mut first) = failed.into_iter().next() else {
        return Ok(());
    };
    if others > 0 {
        first.detail = format!("{} (and {others} more)", first.detail);
    }
    first.detail = format!(
        "{}; all else was done, and what failed can be applied again",
        first.detail
    );
    Err(first)
}

fn of_tenant(name: &str, problem: &Problem) -> Problem {
    Problem::new(problem.code, format!("`{name}`: {}", problem.detail))
}

fn by_name(wanted: Vec<TenantSpec>) -> Result<BTreeMap<String, TenantSpec>, Problem> {
    let mut specs = BTreeMap::new();
    for spec in wanted {
        check_spec(&spec)?;
        if let Some(twice) = specs.insert(spec.name.clone(), spec) {
            let problem = format!("the tenant `{}` is there twice", twice.name);
            return Err(Problem::new(Code::Conflict, problem));
        }
    }
    Ok(specs)
}

fn steps(
    tenants: &BTreeMap<String, TenantSpec>,
    wanted: &BTreeMap<String, TenantSpec>,
    prune: bool,
) -> Vec<Step> {
    let names: BTreeSet<_> = tenants.keys().chain(wanted.keys()).collect();
    let step = |name: &String| {
        let (before, after) = (tenants.get(name), wanted.get(name));
        let changes = after.map_or_else(Vec::new, |after| changes(before, after));
        let action = match (before, after) {
            (None, _) => Action::Create,
            (Some(_), None) if prune => Action::Remove,
            (Some(_), Some(_)) if !changes.is_empty() => Action::Change,
            _ => Action::Keep,
        };
        Step {
            name: name.clone(),
            action,
            changes,
        }
    };
    names.into_iter().map(step).collect()
}

/// What differs between two descriptions, or from none.
pub(super) fn changes(before: Option<&TenantSpec>, after: &TenantSpec) -> Vec<Changed> {
    let before = before.map(members).unwrap_or_default();
    let after = members(after);
    let names: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    let change = |member: String| {
        let value = |of: &BTreeMap<String, Json>| of.get(&member).cloned().unwrap_or_default();
        let (before, after) = (value(&before), value(&after));
        (before != after).then_some(Changed {
            member,
            before,
            after,
        })
    };
    names.into_iter().filter_map(change).collect()
}

/// The members of a description but for its name, those of its quotas one by one.
fn members(spec: &TenantSpec) -> BTreeMap<String, Json> {
    let mut members = BTreeMap::new();
    // A description always has a text.
    let Ok(Json::Object(all)) = serde_json::to_value(spec) else {
        return members;
    };
    for (member, value) in all {
        match value {
            Json::Object(parts) => {
                let parts = parts.into_iter();
                members.extend(parts.map(|(part, value)| (format!("{member}.{part}"), value)));
            }
            value => drop(members.insert(member, value)),
        }
    }
    members.remove("name");
    members
}
