//! `ewh grants`: what the policies of a tenant grant, and to change that while it runs.

use std::io::Read as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use external_worker_control::limits::MAX_GRANT_BYTES;
use external_worker_control::model::{Grant, PolicyState};
use serde_json::json;

use super::client::Request;
use super::route::Route;
use super::table::Table;
use super::tokens::seconds;
use super::{Remote, TenantArgs, word};
use crate::cli::CacheOptions;
use crate::cli::duration;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::{Output, Style};
use crate::policy::Capability;

/// The policy of modules that have none of their own, in the lists.
const ALL_MODULES: &str = "(all others)";

/// List, add and remove what a tenant of a host is granted
///
/// They change the policies of the tenant at its host, as `ewh policy grant` and `ewh policy revoke` change a file.
#[derive(Debug, Subcommand)]
pub enum GrantsCommand {
    /// List what is granted
    List(ListCommand),
    /// Add grants; they count at once
    Add(AddCommand),
    /// Take everything of a capability away; what it opened is closed at once
    Remove(RemoveCommand),
}

/// List what is granted
#[derive(Debug, Args)]
pub struct ListCommand {
    #[command(flatten)]
    of: TenantArgs,
}

/// Add grants; they count at once
///
/// The first grant for a module gives it a policy of its own, which begins with what the one of all others grants.
#[derive(Debug, Args)]
pub struct AddCommand {
    /// The grants, as lines of a policy, such as '[[http]]
    /// host = "api.example.com"
    /// methods = ["GET"]', or `-` to read them from standard input
    #[arg(value_name = "LINES")]
    lines: String,
    /// The module that they are for; without it, all that have no policy of their own
    #[arg(long, value_name = "NAME")]
    module: Option<String>,
    /// How long they last, such as `2h`; without it, until they are taken away
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasting: Option<Duration>,
    #[command(flatten)]
    of: TenantArgs,
}

/// Take everything of a capability away; what it opened is closed at once
#[derive(Debug, Args)]
pub struct RemoveCommand {
    /// The capability, such as `http`
    #[arg(value_parser = capability)]
    capability: Capability,
    /// The module whose policy it is taken from; without it, that of all that have none of their own
    #[arg(long, value_name = "NAME")]
    module: Option<String>,
    #[command(flatten)]
    of: TenantArgs,
}

fn capability(name: &str) -> Result<Capability, String> {
    let known = Capability::from_name(name);
    known.ok_or_else(|| format!("`{name}` is none of {}", Capability::all_names()))
}

impl GrantsCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        match self {
            Self::List(command) => command.execute(output, cache),
            Self::Add(command) => command.execute(output, cache),
            Self::Remove(command) => command.execute(output, cache),
        }
    }
}

impl ListCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let (remote, tenant) = Remote::open_tenant(&self.of, output, cache)?;
        let what = format!("list what `{tenant}` is granted");
        let policies: Vec<PolicyState> = remote.list(&what, &Route::of(&tenant, &["policies"]))?;
        if output.is_json() {
            output.print_json(&json!({ "policies": policies }))?;
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(["MODULE", "CAPABILITY", "GRANT"]);
        policies.iter().for_each(|policy| fill(&mut table, policy));
        if table.is_empty() {
            output.note(&format!("{} is granted nothing", word(&tenant)));
            return Ok(Exit::Ok);
        }
        output.print(&table.render(output.stdout()))?;
        Ok(Exit::Ok)
    }
}

fn fill(table: &mut Table<3>, policy: &PolicyState) {
    let module = policy
        .module
        .clone()
        .unwrap_or_else(|| ALL_MODULES.to_owned());
    for grant in &policy.grants {
        table.row([module.clone(), grant.capability.clone(), grant.line.clone()]);
    }
    if let Some(problem) = &policy.problem {
        let cells = [module, "nothing".to_owned(), problem.clone()];
        table.styled(cells, Some(Style::Red));
    }
}

impl AddCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let lines = match &*self.lines {
            "-" => given()?,
            lines => lines.to_owned(),
        };
        let (remote, tenant) = Remote::open_tenant(&self.of, output, cache)?;
        let grant = Grant {
            module: self.module,
            lines,
            lasting: self.lasting.map(seconds),
        };
        let what = format!("grant `{tenant}` something");
        let request = Request::post(what, Route::of(&tenant, &["grants"])).json(&json!(grant));
        show(&remote, request)
    }
}

/// What comes in on standard input, no more than a grant may have.
fn given() -> Result<String, CliError> {
    let wrong = |problem: &str| CliError::Usage(format!("the grants on standard input {problem}"));
    let mut given = Vec::new();
    let most = (MAX_GRANT_BYTES as u64).saturating_add(1);
    { std::io::stdin().take(most) }
        .read_to_end(&mut given)
        .map_err(CliError::Machine)?;
    if given.len() > MAX_GRANT_BYTES {
        return Err(wrong("are too long"));
    }
    String::from_utf8(given).map_err(|_| wrong("are not text in UTF-8"))
}

impl RemoveCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let (remote, tenant) = Remote::open_tenant(&self.of, output, cache)?;
        let mut route = Route::of(&tenant, &["grants", self.capability.name()]);
        if let Some(module) = &self.module {
            route = route.with("module", module);
        }
        let what = format!("take `{}` away from `{tenant}`", self.capability);
        show(&remote, Request::delete(what, route))
    }
}

/// Has a policy changed, and shows what it grants now.
fn show(remote: &Remote<'_>, request: Request) -> Result<Exit, CliError> {
    let policy: PolicyState = remote.ask(request)?;
    let output = remote.output;
    if output.is_json() {
        output.print_json(&policy)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["MODULE", "CAPABILITY", "GRANT"]);
    fill(&mut table, &policy);
    if table.is_empty() {
        output.note("the policy grants nothing now");
        return Ok(Exit::Ok);
    }
    output.note("the policy grants now:");
    output.print(&table.render(output.stdout()))?;
    Ok(Exit::Ok)
}
