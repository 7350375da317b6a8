//! `ewh tenants`: who the tenants of a host are, one by one, or as a file says.

mod apply;
mod file;
mod settings;

use clap::{Args, Subcommand, ValueEnum};
use external_worker_control::model::{Quotas, Runs, TenantState};
use serde_json::json;

use self::apply::ApplyCommand;
pub use self::file::parse;
use self::settings::Settings;
use super::client::Request;
use super::route::Route;
use super::table::Table;
use super::{ContextArgs, Remote, keyboard, word};
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::shown::size;

/// List, make, change and remove the tenants of a host
#[derive(Debug, Subcommand)]
pub enum TenantsCommand {
    /// List the tenants
    List(ListCommand),
    /// Show a tenant
    Show(NamedCommand),
    /// Make a tenant, and serve it
    Make(MakeCommand),
    /// Change where a tenant listens, or what it may use
    Change(ChangeCommand),
    /// Stop serving a tenant for now; its data stays
    Suspend(NamedCommand),
    /// Serve a tenant that was suspended
    Resume(NamedCommand),
    /// Remove a tenant
    Remove(RemoveCommand),
    /// Make the tenants be what a tenants file says
    Apply(ApplyCommand),
}

/// List the tenants
#[derive(Debug, Args)]
pub struct ListCommand {
    #[command(flatten)]
    at: ContextArgs,
}

/// One tenant.
#[derive(Debug, Args)]
pub struct NamedCommand {
    /// The name of the tenant
    name: String,
    #[command(flatten)]
    at: ContextArgs,
}

/// Make a tenant, and serve it
#[derive(Debug, Args)]
pub struct MakeCommand {
    /// The name: letters, digits or `-_.`
    name: String,
    /// Do not serve it yet; `ewh tenants resume` does
    #[arg(long)]
    suspended: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    at: ContextArgs,
}

/// Change where a tenant listens, or what it may use
///
/// What is not named stays. If the change needs it, the tenant is served anew: its clients connect again.
#[derive(Debug, Args)]
pub struct ChangeCommand {
    /// The name of the tenant
    name: String,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    at: ContextArgs,
}

/// Remove a tenant
#[derive(Debug, Args)]
pub struct RemoveCommand {
    /// The name of the tenant
    name: String,
    /// What becomes of its data: if it is kept, a tenant of the same name has it again
    #[arg(long, value_enum, value_name = "FATE")]
    data: DataFate,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: ContextArgs,
}

/// What becomes of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DataFate {
    /// It stays
    Keep,
    /// It is removed
    Remove,
}

impl DataFate {
    const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

impl TenantsCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        match self {
            Self::List(command) => command.execute(output, cache),
            Self::Show(command) => {
                let what = format!("show the tenant `{}`", command.name);
                let request = Request::get(what, Route::to(&["tenants", &command.name]));
                show(&Remote::open(&command.at, output, cache)?, request)
            }
            Self::Make(command) => command.execute(output, cache),
            Self::Change(command) => command.execute(output, cache),
            Self::Suspend(command) => command.turn("suspend", output, cache),
            Self::Resume(command) => command.turn("resume", output, cache),
            Self::Remove(command) => command.execute(output, cache),
            Self::Apply(command) => command.execute(output, cache),
        }
    }
}

impl ListCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let remote = Remote::open(&self.at, output, cache)?;
        let tenants: Vec<TenantState> =
            remote.list("list the tenants", &Route::to(&["tenants"]))?;
        if output.is_json() {
            output.print_json(&json!({ "tenants": tenants }))?;
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(["NAME", "STATE", "ADDRESS", "QUOTAS"]);
        for tenant in &tenants {
            let (state, about) = runs(&tenant.runs);
            let quotas = quotas(&tenant.spec.quotas).join(", ");
            table.row([tenant.spec.name.clone(), state.to_owned(), about, quotas]);
        }
        if table.is_empty() {
            output.note("there are no tenants; make one with `ewh tenants make NAME`");
            return Ok(Exit::Ok);
        }
        output.print(&table.render(output.stdout()))?;
        Ok(Exit::Ok)
    }
}

impl MakeCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let mut spec = self.settings.members();
        spec.insert("name".to_owned(), json!(self.name));
        spec.insert("suspended".to_owned(), json!(self.suspended));
        let what = format!("make the tenant `{}`", self.name);
        let request = Request::post(what, Route::to(&["tenants"])).json(&spec.into());
        show(&Remote::open(&self.at, output, cache)?, request)
    }
}

impl ChangeCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let changes = self.settings.members();
        if changes.is_empty() {
            let problem =
                "nothing changes; name what does, such as `--port 9385` or `--memory \"2 GiB\"`";
            return Err(CliError::Usage(problem.to_owned()));
        }
        let what = format!("change the tenant `{}`", self.name);
        let route = Route::to(&["tenants", &self.name]);
        let request = Request::patch(what, route).json(&changes.into());
        show(&Remote::open(&self.at, output, cache)?, request)
    }
}

impl NamedCommand {
    fn turn(self, how: &str, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let what = format!("{how} the tenant `{}`", self.name);
        let request = Request::post(what, Route::of(&self.name, &[how]));
        show(&Remote::open(&self.at, output, cache)?, request)
    }
}

impl RemoveCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let remote = Remote::open(&self.at, output, cache)?;
        if !self.yes && keyboard::is_there(output) {
            let data = match self.data {
                DataFate::Keep => "keep its data",
                DataFate::Remove => "remove all of its data",
            };
            let question = format!("remove the tenant {}, and {data}?", word(&self.name));
            if !keyboard::says_yes(&question, output)? {
                output.note("nothing was removed");
                return Ok(Exit::Interrupted);
            }
        }
        let route = Route::to(&["tenants", &self.name]).with("data", self.data.name());
        remote.done(Request::delete(
            format!("remove the tenant `{}`", self.name),
            route,
        ))?;
        output.note(&format!("removed {}", word(&self.name)));
        Ok(Exit::Ok)
    }
}

/// Has something done that answers with a tenant, and shows that.
fn show(remote: &Remote<'_>, request: Request) -> Result<Exit, CliError> {
    let tenant: TenantState = remote.ask(request)?;
    let output = remote.output;
    if output.is_json() {
        output.print_json(&tenant)?;
        return Ok(Exit::Ok);
    }
    let (state, about) = runs(&tenant.runs);
    let spec = &tenant.spec;
    let mut lines = vec![
        ("name", spec.name.clone()),
        ("state", format!("{state} {about}")),
        ("host", spec.host.clone()),
        (
            "port",
            match spec.port {
                0 => "a free one each time".to_owned(),
                port => port.to_string(),
            },
        ),
    ];
    if let Runs::Serving { uuid, pid, .. } = &tenant.runs {
        lines.push(("uuid", uuid.clone()));
        lines.extend(pid.map(|pid| ("process", pid.to_string())));
    }
    lines.extend(
        spec.allow_origin
            .iter()
            .map(|origin| ("origin", origin.clone())),
    );
    lines.extend(
        quotas(&spec.quotas)
            .into_iter()
            .map(|quota| ("quota", quota)),
    );
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name:<8}  {}", word(value)));
    output.print(&lines.collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::Ok)
}

/// What becomes of a tenant, and where it is or why it is not.
pub(super) fn runs(runs: &Runs) -> (&'static str, String) {
    match runs {
        Runs::Suspended => ("suspended", String::new()),
        Runs::Starting => ("starting", String::new()),
        Runs::Serving { address, .. } => ("serving", address.clone()),
        Runs::Down { problem } => ("down", problem.clone()),
    }
}

/// What a tenant may use, each in a few words.
fn quotas(quotas: &Quotas) -> Vec<String> {
    let Quotas {
        instances,
        memory,
        cpu_weight,
        disk,
        modules,
    } = quotas;
    let count = |count: Option<u32>, what: &str| count.map(|count| format!("{count} {what}"));
    let bytes = |bytes: Option<u64>, what: &str| bytes.map(|it| format!("{} of {what}", size(it)));
    let all = [
        count(*instances, "instances"),
        bytes(*memory, "memory"),
        bytes(*disk, "disk"),
        count(*modules, "modules"),
        cpu_weight.map(|weight| format!("processor weight {weight}")),
    ];
    all.into_iter().flatten().collect()
}
