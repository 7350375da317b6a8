//! The commands that operate a host from elsewhere. They ask its HTTP API and nothing else: what they can do, every
//! other client can do.
//!
//! [`contexts`] keeps which hosts there are, [`client`] asks one of them, and each command is a file of its own.

mod audit;
mod backup;
mod client;
mod context;
mod contexts;
mod error;
mod grants;
mod instances;
mod keyboard;
mod modules;
mod requests;
mod route;
mod table;
mod tenants;
mod tokens;
mod top;
mod usage;
mod when;

use clap::Args;
use external_worker_control::Role;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

pub use audit::{AuditOf, show as show_audit};
pub use backup::download as download_backup;
pub use context::ContextCommand;
pub use contexts::{TOKEN_VARIABLE, file as contexts_file};
pub use error::RemoteError;
pub use grants::GrantsCommand;
pub use instances::InstancesCommand;
pub use modules::{ModulesOf, add as add_module, list as list_modules, remove as remove_module};
pub use requests::RequestsCommand;
pub use tenants::{TenantsCommand, parse as parse_tenants};
pub use tokens::TokensCommand;
pub use top::TopCommand;
pub use usage::UsageCommand;

use self::client::{Client, Request};
use self::contexts::Contexts;
use self::route::Route;
use super::CacheOptions;
use super::error::CliError;
use super::load;
use super::output::Output;
use crate::limits::MAX_NAME_BYTES;
use crate::text::clean_line;

/// Which host.
#[derive(Debug, Clone, Default, Args)]
pub struct ContextArgs {
    /// The context of the host, if it is not the current one; `ewh context list` shows all
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// Which tenant of which host.
#[derive(Debug, Clone, Args)]
pub struct TenantArgs {
    /// The tenant; a token of a tenant needs none, since it is for that one
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[command(flatten)]
    at: ContextArgs,
}

/// A host that is asked.
struct Remote<'a> {
    runtime: Runtime,
    client: Client,
    output: &'a Output,
}

/// Whose token it is.
#[derive(Debug, Clone, Deserialize)]
struct Me {
    id: String,
    role: Role,
    tenant: Option<String>,
    expires: Option<u64>,
}

impl Me {
    async fn of(client: &Client) -> Result<Self, RemoteError> {
        let request = Request::get("see whose token this is", Route::to(&["me"]));
        client.ask(&request).await
    }
}

impl<'a> Remote<'a> {
    /// The host that the command line, the environment or the current context names.
    fn open(at: &ContextArgs, output: &'a Output, cache: &CacheOptions) -> Result<Self, CliError> {
        let host = Contexts::choose(at.context.as_deref())?;
        Ok(Self {
            runtime: load::runtime()?,
            client: Client::new(host.address, &host.token, &cache.trust()?)?,
            output,
        })
    }

    /// The same, and which of its tenants.
    fn open_tenant(
        of: &TenantArgs,
        output: &'a Output,
        cache: &CacheOptions,
    ) -> Result<(Self, String), CliError> {
        let remote = Self::open(&of.at, output, cache)?;
        let tenant = remote.tenant(of.tenant.clone())?;
        Ok((remote, tenant))
    }

    /// The tenant that was named, or else the one that the token is for.
    fn tenant(&self, named: Option<String>) -> Result<String, CliError> {
        if let Some(named) = named {
            return Ok(named);
        }
        self.me()?.tenant.ok_or_else(|| {
            let problem = "this token is for all tenants; name one with `--tenant NAME`, and `ewh tenants list` \
                           shows them";
            CliError::Usage(problem.to_owned())
        })
    }

    fn me(&self) -> Result<Me, CliError> {
        Ok(self.wait(None, Me::of(&self.client))?)
    }

    /// Has something done, and takes the answer.
    fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, CliError> {
        let what = request.what().to_owned();
        Ok(self.wait(Some(&what), self.client.ask(&request))?)
    }

    /// Has something done whose answer says nothing more.
    fn done(&self, request: Request) -> Result<(), CliError> {
        let what = request.what().to_owned();
        Ok(self.wait(Some(&what), self.client.done(&request))?)
    }

    /// All of a list.
    fn list<T: DeserializeOwned>(&self, what: &str, route: &Route) -> Result<Vec<T>, CliError> {
        Ok(self.wait(Some(what), self.client.list(what, route))?)
    }

    /// Waits, and says after a second for what.
    fn wait<T>(&self, what: Option<&str>, work: impl Future<Output = T>) -> T {
        let host = self.client.host();
        let shown = what.map_or_else(
            || format!("waiting for {host}"),
            |what| format!("waiting for {host} to {what}"),
        );
        let _progress = self.output.progress(shown);
        self.runtime.block_on(work)
    }
}

/// A word of the host, or of a guest, on one line.
fn word(text: &str) -> String {
    clean_line(text, MAX_NAME_BYTES * 4)
}
