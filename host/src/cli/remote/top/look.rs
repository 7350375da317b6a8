//! What happens on a host, look after look: what was used in between is the difference of two. The external workers of
//! many tenants are asked for a few tenants at a time, so that looking costs a host no more than it should.

use std::collections::BTreeMap;
use std::time::Instant;

use external_worker_control::model::{InstanceState, InstanceUsage, Runs, TenantState};
use futures_util::StreamExt as _;
use serde::Serialize;

use crate::cli::remote::client::{Client, Request};
use crate::cli::remote::error::RemoteError;
use crate::cli::remote::instances::state;
use crate::cli::remote::route::Route;
use crate::cli::remote::tenants::runs;
use crate::cli::remote::usage::{UsageOf, total};
use crate::limits::{REQUESTS_OF_A_LOOK, TENANTS_IN_A_LOOK};

/// A few characters tell uuids apart where there is no name yet.
const SHORT_UUID: usize = 8;

/// What is seen. The names of the fields are those of `ewh top --json`, and stable.
#[derive(Debug, Default, Serialize)]
pub struct Look {
    pub host: String,
    pub tenants: Vec<TenantLook>,
}

/// A tenant, and its external workers.
#[derive(Debug, Serialize)]
pub struct TenantLook {
    pub name: String,
    pub state: String,
    pub used: Used,
    pub instances: Vec<InstanceLook>,
}

/// An external worker.
#[derive(Debug, Serialize)]
pub struct InstanceLook {
    pub uuid: String,
    pub name: String,
    pub state: String,
    pub used: Used,
}

/// What somebody uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Used {
    /// Of one processor since the look before, in percent; not known of who was not there.
    pub cpu_percent: Option<f64>,
    /// Bytes.
    pub memory: u64,
    /// Calls each second since the look before.
    pub calls_per_second: Option<f64>,
    /// Calls and turns of the loop that failed, in all.
    pub errors: u64,
}

/// Looks, one after the other.
pub struct Looks<'a> {
    client: &'a Client,
    /// One tenant, or all.
    tenant: Option<String>,
    before: Option<Before>,
    known: BTreeMap<String, Vec<InstanceState>>,
    /// After which tenant those come whose turn it is.
    turn: String,
}

/// What had been used at a look: of a tenant, with an empty uuid, and of external workers.
struct Before {
    at: Instant,
    used: BTreeMap<(String, String), InstanceUsage>,
}

impl<'a> Looks<'a> {
    /// At one tenant, or at all.
    pub fn new(client: &'a Client, tenant: Option<String>) -> Self {
        Self {
            client,
            tenant,
            before: None,
            known: BTreeMap::new(),
            turn: String::new(),
        }
    }

    /// Looks.
    ///
    /// # Errors
    /// When the host does not say.
    pub async fn next(&mut self) -> Result<Look, RemoteError> {
        let tenants = self.tenants().await?;
        let usage = UsageOf::ask(self.client, self.tenant.as_deref()).await?;
        let at = Instant::now();
        self.learn(&tenants).await?;
        let mut now = Before {
            at,
            used: BTreeMap::new(),
        };
        let usage: BTreeMap<_, _> = usage.into_iter().map(|of| (of.tenant, of.usage)).collect();
        for (name, usage) in usage {
            let key = |uuid: &str| (name.clone(), uuid.to_owned());
            now.used.insert(key(""), total(&usage));
            for (uuid, used) in usage.instances {
                now.used.insert(key(&uuid), used);
            }
        }
        let rows = tenants.iter().map(|tenant| self.row(tenant, &now));
        let look = Look {
            host: self.client.host(),
            tenants: rows.collect(),
        };
        self.before = Some(now);
        Ok(look)
    }

    async fn tenants(&self) -> Result<Vec<TenantState>, RemoteError> {
        let what = "see what happens";
        match &self.tenant {
            Some(tenant) => {
                let request = Request::get(what, Route::to(&["tenants", tenant]));
                Ok(vec![self.client.ask(&request).await?])
            }
            None => self.client.list(what, &Route::to(&["tenants"])).await,
        }
    }

    /// Asks those whose turn it is for their external workers. Who does not answer now is shown as it was.
    async fn learn(&mut self, tenants: &[TenantState]) -> Result<(), RemoteError> {
        let served = tenants
            .iter()
            .filter(|it| matches!(it.runs, Runs::Serving { .. }));
        let names: Vec<_> = served.map(|tenant| tenant.spec.name.clone()).collect();
        self.known.retain(|name, _| names.contains(name));
        let chosen = chosen(&names, &self.turn);
        if let Some(last) = chosen.last() {
            self.turn.clone_from(last);
        }
        let client = self.client;
        let asking = chosen.into_iter().map(|name| async move {
            let route = Route::of(&name, &["instances"]);
            (client.list("see what happens", &route).await, name)
        });
        let asked = futures_util::stream::iter(asking).buffer_unordered(REQUESTS_OF_A_LOOK);
        for (answer, name) in asked.collect::<Vec<_>>().await {
            match answer {
                Ok(instances) => drop(self.known.insert(name, instances)),
                Err(problem) if problem.code().is_some() => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(())
    }

    fn row(&self, tenant: &TenantState, now: &Before) -> TenantLook {
        let name = &tenant.spec.name;
        let known = self.known.get(name).map_or(&[][..], Vec::as_slice);
        let of_tenant = now
            .used
            .iter()
            .filter(|((of, uuid), _)| of == name && !uuid.is_empty());
        let mut instances: Vec<_> = of_tenant
            .map(|((_, uuid), _)| {
                let known = known.iter().find(|it| it.uuid == *uuid);
                self.instance(name, uuid, known, now)
            })
            .collect();
        let is_new = |it: &&InstanceState| !instances.iter().any(|seen| seen.uuid == it.uuid);
        let down: Vec<_> = known.iter().filter(is_new).collect();
        instances.extend(
            down.into_iter()
                .map(|it| self.instance(name, &it.uuid, Some(it), now)),
        );
        instances.sort_by(|one, other| one.name.cmp(&other.name));
        TenantLook {
            name: name.clone(),
            state: runs(&tenant.runs).0.to_owned(),
            used: self.used(name, "", now),
            instances,
        }
    }

    fn instance(
        &self,
        tenant: &str,
        uuid: &str,
        known: Option<&InstanceState>,
        now: &Before,
    ) -> InstanceLook {
        let short = || uuid.chars().take(SHORT_UUID).collect();
        InstanceLook {
            uuid: uuid.to_owned(),
            name: known.map_or_else(short, |known| known.name.clone()),
            state: known.map(state).unwrap_or_default(),
            used: self.used(tenant, uuid, now),
        }
    }

    fn used(&self, tenant: &str, uuid: &str, now: &Before) -> Used {
        let key = (tenant.to_owned(), uuid.to_owned());
        let Some(used) = now.used.get(&key) else {
            return Used::default();
        };
        let before = self.before.as_ref();
        let before = before.and_then(|before| Some((before.at, before.used.get(&key)?)));
        let since = before.map(|(at, used)| (now.at.duration_since(at).as_secs_f64(), used));
        rates(used, since)
    }
}

/// So many tenants as one look may ask, from the one after `turn` on and around.
fn chosen(names: &[String], turn: &str) -> Vec<String> {
    let after = names.iter().filter(|name| ***name > *turn);
    let before = names.iter().filter(|name| ***name <= *turn);
    after
        .chain(before)
        .take(TENANTS_IN_A_LOOK)
        .cloned()
        .collect()
}

/// What is used, beside what had been so many seconds ago. Who started again meanwhile has no rate.
fn rates(now: &InstanceUsage, before: Option<(f64, &InstanceUsage)>) -> Used {
    let rate = |of: fn(&InstanceUsage) -> f64| {
        let (seconds, before) = before?;
        let more = of(now) - of(before);
        (seconds > 0.0 && more >= 0.0).then(|| more / seconds)
    };
    Used {
        cpu_percent: rate(|used| used.cpu).map(|rate| rate * 100.0),
        memory: now.memory,
        calls_per_second: rate(|used| used.calls as f64),
        errors: now.call_errors.saturating_add(now.turn_errors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_was_used_between_two_looks() {
        let used = |cpu: f64, calls: u64| InstanceUsage {
            cpu,
            calls,
            call_errors: 1,
            turn_errors: 2,
            memory: 7,
            ..InstanceUsage::default()
        };
        let now = used(3.0, 30);
        let rates_of = |before: &InstanceUsage| rates(&now, Some((2.0, before)));
        assert_eq!(
            rates_of(&used(2.0, 10)),
            Used {
                cpu_percent: Some(50.0),
                memory: 7,
                calls_per_second: Some(10.0),
                errors: 3,
            }
        );
        let again = rates_of(&used(9.0, 90));
        assert_eq!((again.cpu_percent, again.calls_per_second), (None, None));
        assert_eq!(rates(&now, None).cpu_percent, None);
    }

    #[test]
    fn everybody_has_their_turn() {
        let names: Vec<_> = (0..TENANTS_IN_A_LOOK + 3)
            .map(|at| format!("{at:03}"))
            .collect();
        let first = chosen(&names, "");
        assert_eq!(first, names[..TENANTS_IN_A_LOOK]);
        let second = chosen(&names, first.last().unwrap());
        assert_eq!(second[..3], names[TENANTS_IN_A_LOOK..]);
        assert_eq!(second[3], names[0]);
        assert!(chosen(&[], "a").is_empty());
        assert_eq!(chosen(&names[..1], "000"), names[..1]);
    }
}
