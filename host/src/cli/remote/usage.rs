//! `ewh usage`: what tenants and their external workers have used.

use clap::Args;
use external_worker_control::model::{InstanceUsage, TenantUsage};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::{Client, Request};
use super::error::RemoteError;
use super::route::Route;
use super::table::Table;
use super::{Remote, TenantArgs, word};
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::shown::size;

/// Show what tenants have used: processor time, memory, disk, calls
///
/// Without `--tenant`, an operator sees all tenants, and whoever has a token of a tenant sees that one. What an external
/// worker used counts since it last started. `ewh top` shows what happens now.
#[derive(Debug, Args)]
pub struct UsageCommand {
    #[command(flatten)]
    of: TenantArgs,
}

/// What one tenant used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsageOf {
    /// Which.
    pub tenant: String,
    /// What.
    #[serde(flatten)]
    pub usage: TenantUsage,
}

impl UsageOf {
    /// Of one tenant, or of all of them.
    pub async fn ask(client: &Client, tenant: Option<&str>) -> Result<Vec<Self>, RemoteError> {
        let what = "see what is used";
        let Some(tenant) = tenant else {
            return client.list(what, &Route::to(&["usage"])).await;
        };
        let request = Request::get(what, Route::of(tenant, &["usage"]));
        let usage = client.ask(&request).await?;
        let tenant = tenant.to_owned();
        Ok(vec![Self { tenant, usage }])
    }
}

impl UsageCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        let remote = Remote::open(&self.of.at, output, cache)?;
        let tenant = match self.of.tenant {
            Some(tenant) => Some(tenant),
            None => remote.me()?.tenant,
        };
        let asking = UsageOf::ask(&remote.client, tenant.as_deref());
        let all = remote.wait(Some("see what is used"), asking)?;
        if output.is_json() {
            output.print_json(&json!({ "usage": all }))?;
            return Ok(Exit::Ok);
        }
        let mut table = Table::new([
            "TENANT", "INSTANCE", "CPU", "MEMORY", "DISK", "CALLS", "ERRORS", "RESTARTS",
        ]);
        for UsageOf { tenant, usage } in all {
            let total = total(&usage);
            table.row(cells(
                &tenant,
                "(all)".to_owned(),
                &size(usage.disk),
                &total,
            ));
            for (uuid, used) in usage.instances {
                table.row(cells(&tenant, uuid, "", &used));
            }
            if let Some(caveat) = usage.caveat {
                output.note(&format!("{}: {}", word(&tenant), word(&caveat)));
            }
        }
        if table.is_empty() {
            output.note("there are no tenants");
            return Ok(Exit::Ok);
        }
        output.print(&table.render(output.stdout()))?;
        Ok(Exit::Ok)
    }
}

/// What all external workers of a tenant did, and what the host holds for it.
pub fn total(usage: &TenantUsage) -> InstanceUsage {
    let mut total = InstanceUsage::default();
    for used in usage.instances.values() {
        total.calls = total.calls.saturating_add(used.calls);
        total.call_errors = total.call_errors.saturating_add(used.call_errors);
        total.turn_errors = total.turn_errors.saturating_add(used.turn_errors);
        total.restarts = total.restarts.saturating_add(used.restarts);
    }
    InstanceUsage {
        cpu: usage.cpu,
        memory: usage.memory,
        ..total
    }
}

fn cells(tenant: &str, instance: String, disk: &str, used: &InstanceUsage) -> [String; 8] {
    let errors = used.call_errors.saturating_add(used.turn_errors);
    [
        tenant.to_owned(),
        instance,
        format!("{:.1} s", used.cpu),
        size(used.memory),
        disk.to_owned(),
        used.calls.to_string(),
        errors.to_string(),
        used.restarts.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_the_sum_of_its_external_workers() {
        let used = InstanceUsage {
            calls: 2,
            call_errors: 1,
            cpu: 1.0,
            memory: 10,
            ..InstanceUsage::default()
        };
        let usage = TenantUsage {
            cpu: 5.0,
            memory: 30,
            instances: [("a".to_owned(), used.clone()), ("b".to_owned(), used)].into(),
            ..TenantUsage::default()
        };
        let total = total(&usage);
        assert_eq!((total.calls, total.call_errors), (4, 2));
        // What has ended counts in it, and what the Worker itself holds.
        assert_eq!((total.cpu, total.memory), (5.0, 30));
    }

    #[test]
    fn usage_is_read_as_the_api_says_it() {
        let said = r#"{"tenant":"lab","cpu":1.5,"memory":2,"instances":{}}"#;
        let usage: UsageOf = serde_json::from_str(said).unwrap();
        assert_eq!((&*usage.tenant, usage.usage.memory), ("lab", 2));
    }
}
