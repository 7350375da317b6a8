//! Tenants: made, changed, suspended, resumed, removed.

use std::net::{IpAddr, Ipv6Addr};
use std::time::SystemTime;

use super::plan::changes;
use super::{Changing, Control, Who, not_found};
use crate::limits;
use crate::model::{
    Code, Fate, Happened, InstanceUsage, Problem, Runs, TenantSpec, TenantState, TenantUsage,
};
use crate::store::Change;

/// The one name that a tenant cannot have: it is a route beside theirs.
const TAKEN: &str = "apply";

impl Control {
    /// A tenant, and what becomes of it.
    pub(crate) fn state(&self, spec: TenantSpec) -> TenantState {
        let runs = if spec.suspended {
            Runs::Suspended
        } else if let Some(problem) = self.down().get(&spec.name) {
            let problem = problem.clone();
            Runs::Down { problem }
        } else {
            self.supervisor.runs(&spec.name)
        };
        TenantState { spec, runs }
    }

    /// A tenant by its name.
    pub(crate) fn tenant(&self, name: &str) -> Result<TenantState, Problem> {
        let spec = self.registry().tenants.get(name).cloned();
        spec.map(|spec| self.state(spec)).ok_or_else(not_found)
    }

    /// What the external workers of a tenant use, as far as it fits.
    pub(crate) fn usage(&self, name: &str) -> TenantUsage {
        let mut usage = self.supervisor.usage(name);
        while usage.instances.len() > limits::MAX_SAID_ITEMS {
            usage.instances.pop_last();
        }
        if !usage.cpu.is_finite() {
            usage.cpu = 0.0;
        }
        for instance in usage.instances.values_mut() {
            finite(instance);
        }
        if let Some(spec) = self.registry().tenants.get(name) {
            usage.quota = spec.quotas.clone();
        }
        usage
    }

    /// Makes a tenant, and serves it unless it is suspended.
    pub(crate) async fn make_tenant(
        &self,
        who: &Who,
        spec: TenantSpec,
    ) -> Result<TenantState, Problem> {
        check_spec(&spec)?;
        let changing = self.change().await;
        let registry = self.registry();
        if registry.tenants.contains_key(&spec.name) {
            let problem = format!("there is a tenant `{}` already", spec.name);
            return Err(Problem::new(Code::Conflict, problem));
        }
        check_number(registry.tenants.len().saturating_add(1))?;
        self.supervisor.check(&spec, &registry.others(&spec.name))?;
        changing.serve_and_keep(&spec).await?;
        self.note(
            who,
            Happened::Start,
            Some(&spec.name),
            "the tenant was made",
        );
        Ok(self.state(spec))
    }

    /// Makes of a tenant what `change` makes of its description.
    pub(crate) async fn change_tenant(
        &self,
        who: &Who,
        name: &str,
        change: impl FnOnce(&mut TenantSpec),
    ) -> Result<TenantState, Problem> {
        let changing = self.change().await;
        let before = changing.tenant(name)?;
        let mut after = before.clone();
        change(&mut after);
        check_spec(&after)?;
        self.supervisor
            .check(&after, &self.registry().others(name))?;
        changing.replace(who, &before, &after).await?;
        Ok(self.state(after))
    }

    /// Ends serving a tenant for now, or serves it again.
    pub(crate) async fn suspend_tenant(
        &self,
        who: &Who,
        name: &str,
        suspended: bool,
    ) -> Result<TenantState, Problem> {
        self.change_tenant(who, name, |spec| spec.suspended = suspended)
            .await
    }

    /// Removes a tenant, and its data if so told.
    pub(crate) async fn remove_tenant(
        &self,
        who: &Who,
        name: &str,
        fate: Fate,
    ) -> Result<(), Problem> {
        let changing = self.change().await;
        let spec = changing.tenant(name)?;
        changing.withdraw(&spec).await?;
        if fate == Fate::Remove
            && let Err(problem) = self.supervisor.erase(&spec).await
        {
            // Its data must not become another's who gets the name: it stays, and is not served.
            let suspended = true;
            let kept = TenantSpec { suspended, ..spec };
            changing.commit(vec![Change::PutTenant(kept)]).await?;
            return Err(problem);
        }
        changing.drop_tenant(who, &spec.name, fate).await
    }

    /// Serves a tenant; why not is said where its state is asked for, and it is tried again.
    pub(super) async fn serve_or_note(&self, spec: &TenantSpec) {
        if let Err(problem) = self.serve(spec).await {
            tracing::warn!(tenant = spec.name, %problem, "a tenant cannot be served now");
            self.down().insert(spec.name.clone(), problem.detail);
        }
    }

    async fn serve(&self, spec: &TenantSpec) -> Result<(), Problem> {
        let keys = self.registry().let_in(&spec.name, SystemTime::now());
        self.supervisor.serve(spec.clone(), keys).await?;
        self.down().remove(&spec.name);
        Ok(())
    }
}

impl Changing<'_> {
    /// Serves a tenant that is not served, unless it is suspended, and keeps it.
    pub(super) async fn serve_and_keep(&self, spec: &TenantSpec) -> Result<(), Problem> {
        if !spec.suspended {
            self.control.serve(spec).await?;
        }
        let kept = self.commit(vec![Change::PutTenant(spec.clone())]).await;
        if kept.is_err() {
            // Nobody would know that it is there.
            self.withdraw(spec).await?;
        }
        kept
    }

    /// Makes one description of a tenant out of another, and serves it anew where something changed.
    async fn replace(
        &self,
        who: &Who,
        before: &TenantSpec,
        after: &TenantSpec,
    ) -> Result<(), Problem> {
        if before == after {
            return Ok(());
        }
        self.withdraw(before).await?;
        self.serve_instead(who, before, after).await
    }

    /// Serves `after`, or `before` again if that fails; neither is served now.
    pub(super) async fn serve_instead(
        &self,
        who: &Who,
        before: &TenantSpec,
        after: &TenantSpec,
    ) -> Result<(), Problem> {
        if let Err(problem) = self.serve_and_keep(after).await {
            if !before.suspended {
                self.control.serve_or_note(before).await;
            }
            return Err(problem);
        }
        let what: Vec<_> = changes(Some(before), after)
            .into_iter()
            .map(|change| change.member)
            .collect();
        let what = format!("changed: {}", what.join(", "));
        let kind = if after.suspended && !before.suspended {
            Happened::Stop
        } else {
            Happened::Start
        };
        self.control.note(who, kind, Some(&after.name), &what);
        Ok(())
    }

    /// Ends serving a tenant, if it is served.
    pub(super) async fn withdraw(&self, spec: &TenantSpec) -> Result<(), Problem> {
        // Nothing was begun for one that is down.
        let was_down = self.control.down().remove(&spec.name).is_some();
        if spec.suspended || was_down {
            return Ok(());
        }
        self.control.supervisor.withdraw(&spec.name).await
    }

    /// Forgets a tenant that is not served.
    pub(super) async fn drop_tenant(
        &self,
        who: &Who,
        name: &str,
        fate: Fate,
    ) -> Result<(), Problem> {
        let change = Change::DropTenant(name.to_owned());
        self.commit(vec![change]).await?;
        let what = match fate {
            Fate::Keep => "the tenant was removed; its data stays",
            Fate::Remove => "the tenant was removed with its data",
        };
        self.control.note(who, Happened::Stop, Some(name), what);
        Ok(())
    }
}

/// Whether a description makes sense, whatever the host says to it.
pub(super) fn check_spec(spec: &TenantSpec) -> Result<(), Problem> {
    let wrong = |what: String| Err(Problem::new(Code::Invalid, what));
    if !is_tenant_name(&spec.name) {
        return wrong(format!(
            "`name` has to be 1 to {} letters, digits or `-_.`, with a letter or digit first, and not `{TAKEN}`",
            limits::MAX_TENANT_NAME_BYTES
        ));
    }
    if !is_host(&spec.host) {
        return wrong("`host` has to be an address of IP or a name of DNS".to_owned());
    }
    if spec.allow_origin.len() > limits::MAX_ORIGINS {
        return wrong(format!(
            "`allow-origin` has more than {} items",
            limits::MAX_ORIGINS
        ));
    }
    if !spec.allow_origin.iter().all(|origin| is_origin(origin)) {
        return wrong(
            "an item of `allow-origin` has to be a scheme and a host, such as https://example.org"
                .to_owned(),
        );
    }
    let weight = spec.quotas.cpu_weight.unwrap_or(1);
    if !(1..=limits::MAX_CPU_WEIGHT).contains(&weight) {
        return wrong(format!(
            "`cpu-weight` has to be 1 to {}",
            limits::MAX_CPU_WEIGHT
        ));
    }
    Ok(())
}

/// Whether there may be so many tenants.
pub(super) fn check_number(tenants: usize) -> Result<(), Problem> {
    if tenants <= limits::MAX_TENANTS {
        return Ok(());
    }
    let problem = format!("a host has {} tenants at most", limits::MAX_TENANTS);
    Err(Problem::new(Code::OverQuota, problem))
}

/// Whether a tenant can be called so.
pub(crate) fn is_tenant_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= limits::MAX_TENANT_NAME_BYTES
        && name.chars().all(is_plain)
        && name != TAKEN
}

fn is_host(host: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let is_dns = host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.len() <= limits::MAX_HOST_BYTES
        && host.chars().all(is_plain);
    is_dns || host.parse::<IpAddr>().is_ok()
}

fn is_origin(origin: &str) -> bool {
    let rest = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    let Some(authority) = rest.filter(|_| origin.len() <= limits::MAX_ORIGIN_BYTES) else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let of_ipv6 = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_good = match of_ipv6 {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host(host) && !host.contains(':'),
    };
    is_good && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// JSON has no other numbers.
pub(crate) fn finite(usage: &mut InstanceUsage) {
    for number in [&mut usage.cpu, &mut usage.throttled] {
        if !number.is_finite() {
            *number = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_says() {
        for good in [
            "https://example.org",
            "http://localhost:8000",
            "http://[::1]:80",
            "http://[::1]",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "null",
            "example.org",
            "ftp://a",
            "http://",
            "http://]a",
            "http://a:",
            "http://a:65536",
            "http://a:+1",
            "http://a/b",
            "http://::1",
            "http://[::1",
            "http://a b",
            "https://a@b",
            "http://[::1]x",
            "http://é",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
