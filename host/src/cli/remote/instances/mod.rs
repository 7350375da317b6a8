//! `ewh instances`: the external workers of a tenant. One is meant by its uuid or by its name.

mod call;
mod log;

use clap::{Args, Subcommand};
use external_worker_control::model::{Create, InstanceState, ModuleState, Port};
use serde_json::{Value as Json, json};

use self::call::CallCommand;
use self::log::LogCommand;
use super::client::Request;
use super::route::Route;
use super::table::Table;
use super::{Remote, TenantArgs, modules, word};
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::{Output, Style};
use crate::cli::run::config;
use crate::cli::shown::size;
use crate::limits::MAX_SHOWN_CHARS;
use crate::policy::nearest;
use crate::text;

/// List, make, change and call the external workers of a tenant
#[derive(Debug, Subcommand)]
pub enum InstancesCommand {
    /// List the external workers
    List(ListCommand),
    /// Show an external worker, its configuration without secrets, and its methods
    Show(OneCommand),
    /// Make an external worker
    Create(CreateCommand),
    /// Remove an external worker, with its nodes
    Remove(OneCommand),
    /// Pause the loop of an external worker
    Pause(OneCommand),
    /// Go on with the loop of an external worker
    Resume(OneCommand),
    /// Start an external worker again
    Restart(OneCommand),
    /// Change the configuration of an external worker
    Configure(ConfigureCommand),
    /// Call a method of an external worker
    Call(CallCommand),
    /// Show what an external worker logged
    Log(LogCommand),
}

/// List the external workers
#[derive(Debug, Args)]
pub struct ListCommand {
    #[command(flatten)]
    of: TenantArgs,
}

/// One external worker.
#[derive(Debug, Args)]
pub struct OneCommand {
    /// The uuid or the name of the external worker
    instance: String,
    #[command(flatten)]
    of: TenantArgs,
}

/// Make an external worker
#[derive(Debug, Args)]
pub struct CreateCommand {
    /// The module
    module: String,
    /// The class; a module with one class needs none
    class: Option<String>,
    /// Its name; without it, it has one of its own
    #[arg(long)]
    name: Option<String>,
    /// Its configuration, as a JSON object or as `@file`; a field that is left out has its default
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    #[command(flatten)]
    of: TenantArgs,
}

/// Change the configuration of an external worker
#[derive(Debug, Args)]
pub struct ConfigureCommand {
    /// The uuid or the name of the external worker
    instance: String,
    /// What changes: a JSON object, or `@file`
    #[arg(value_name = "JSON")]
    config: String,
    #[command(flatten)]
    of: TenantArgs,
}

/// One external worker of a tenant of a host.
struct Known<'a> {
    remote: Remote<'a>,
    tenant: String,
    uuid: String,
    /// As it was typed, for people.
    named: String,
}

impl InstancesCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        match self {
            Self::List(command) => command.execute(output, cache),
            Self::Show(command) => command.show(output, cache),
            Self::Create(command) => command.execute(output, cache),
            Self::Remove(command) => command.remove(output, cache),
            Self::Pause(command) => command.turn("pause", output, cache),
            Self::Resume(command) => command.turn("resume", output, cache),
            Self::Restart(command) => command.turn("restart", output, cache),
            Self::Configure(command) => command.execute(output, cache),
            Self::Call(command) => command.execute(output, cache),
            Self::Log(command) => command.execute(output, cache),
        }
    }
}

impl<'a> Known<'a> {
    fn find(
        named: String,
        of: &TenantArgs,
        output: &'a Output,
        cache: &CacheOptions,
    ) -> Result<Self, CliError> {
        let (remote, tenant) = Remote::open_tenant(of, output, cache)?;
        let uuid = match is_uuid(&named) {
            true => named.clone(),
            false => uuid_of(&named, &list(&remote, &tenant)?)?,
        };
        Ok(Self {
            remote,
            tenant,
            uuid,
            named,
        })
    }

    fn route(&self, more: &[&str]) -> Route {
        Route::of(&self.tenant, &[&["instances", &self.uuid], more].concat())
    }

    /// What is done, for people.
    fn what(&self, how: &str) -> String {
        format!("{how} `{}` of the tenant `{}`", self.named, self.tenant)
    }

    /// Has something done that answers with it, and shows that.
    fn show(&self, request: Request) -> Result<Exit, CliError> {
        let instance = self.remote.ask(request)?;
        show(&instance, self.remote.output)
    }
}

fn list(remote: &Remote<'_>, tenant: &str) -> Result<Vec<InstanceState>, CliError> {
    let what = format!("list the external workers of the tenant `{tenant}`");
    remote.list(&what, &Route::of(tenant, &["instances"]))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The uuid of the one that has this name.
fn uuid_of(named: &str, all: &[InstanceState]) -> Result<String, CliError> {
    let shown = text::spelled(named, MAX_SHOWN_CHARS);
    let mut found = all
        .iter()
        .filter(|instance| instance.name == named || instance.uuid == named);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.uuid.clone()),
        (Some(_), Some(_)) => Err(CliError::Usage(format!(
            "several external workers are named `{shown}`; say which by its uuid, which `ewh instances list` shows"
        ))),
        (None, _) => {
            let meant = nearest(named, all.iter().map(|instance| &*instance.name));
            let meant = meant.map(|name| format!("; did you mean `{}`?", word(name)));
            Err(CliError::Usage(format!(
                "no external worker is named `{shown}`; `ewh instances list` shows all{}",
                meant.unwrap_or_default()
            )))
        }
    }
}

impl ListCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let (remote, tenant) = Remote::open_tenant(&self.of, output, cache)?;
        let instances = list(&remote, &tenant)?;
        if output.is_json() {
            output.print_json(&json!({ "instances": instances }))?;
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(["NAME", "UUID", "MODULE", "STATE", "PROBLEM"]);
        for instance in instances {
            let style = instance.problem.as_ref().map(|_| Style::Red);
            let state = state(&instance);
            let module = whose(&instance);
            let problem = instance.problem.unwrap_or_default();
            table.styled(
                [instance.name, instance.uuid, module, state, problem],
                style,
            );
        }
        if table.is_empty() {
            let tenant = word(&tenant);
            output.note(&format!(
                "the tenant {tenant} has no external workers; make one with `ewh instances create MODULE`"
            ));
            return Ok(Exit::Ok);
        }
        output.print(&table.render(output.stdout()))?;
        Ok(Exit::Ok)
    }
}

/// What it is doing, in a word or two.
pub(super) fn state(instance: &InstanceState) -> String {
    match instance.paused {
        true => format!("{}, paused", instance.state),
        false => instance.state.clone(),
    }
}

/// Its module, and its class where that has another name.
fn whose(instance: &InstanceState) -> String {
    match instance.class == instance.module {
        true => instance.module.clone(),
        false => format!("{}/{}", instance.module, instance.class),
    }
}

impl OneCommand {
    fn show(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let known = Known::find(self.instance, &self.of, output, cache)?;
        known.show(Request::get(known.what("show"), known.route(&[])))
    }

    fn remove(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let known = Known::find(self.instance, &self.of, output, cache)?;
        let request = Request::delete(known.what("remove"), known.route(&[]));
        known.remote.done(request)?;
        output.note(&format!("removed {}", word(&known.named)));
        Ok(Exit::Ok)
    }

    fn turn(self, how: &str, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let known = Known::find(self.instance, &self.of, output, cache)?;
        known.show(Request::post(known.what(how), known.route(&[how])).of_guest())
    }
}

impl CreateCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let config = match &self.config {
            Some(given) => Some(config("--config", Some(given))?),
            None => None,
        };
        let (remote, tenant) = Remote::open_tenant(&self.of, output, cache)?;
        let class = match self.class {
            Some(class) => class,
            None => class_of(&self.module, &modules::of_tenant(&remote, &tenant)?)?,
        };
        let what = format!(
            "make an external worker of `{}` for the tenant `{tenant}`",
            self.module
        );
        let create = Create {
            module: self.module,
            class,
            name: self.name,
            config,
        };
        let request = Request::post(what, Route::of(&tenant, &["instances"]));
        let request = request.json(&json!(create)).of_guest();
        show(&remote.ask(request)?, output)
    }
}

/// The only class that a module has.
fn class_of(named: &str, modules: &[ModuleState]) -> Result<String, CliError> {
    let shown = text::spelled(named, MAX_SHOWN_CHARS);
    let Some(module) = modules.iter().find(|module| module.name == named) else {
        return Err(CliError::Usage(format!(
            "the tenant has no module `{shown}`; `ewh module list --tenant NAME` shows all, and `ewh module add FILE \
             --tenant NAME` installs one"
        )));
    };
    match module.classes.as_slice() {
        [class] => Ok(class.clone()),
        [] => {
            let problem = module.problem.as_deref().unwrap_or("it has no classes");
            Err(CliError::Usage(format!(
                "the module `{shown}` cannot be used: {}",
                word(problem)
            )))
        }
        classes => Err(CliError::Usage(format!(
            "the module `{shown}` has several classes; name one behind it: {}",
            word(&classes.join(", "))
        ))),
    }
}

impl ConfigureCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let patch: Json = config("the configuration", Some(&self.config))?;
        let known = Known::find(self.instance, &self.of, output, cache)?;
        let request = Request::patch(known.what("configure"), known.route(&["config"]));
        known.show(request.json(&patch).of_guest())
    }
}

fn show(instance: &InstanceState, output: &Output) -> Result<Exit, CliError> {
    if output.is_json() {
        output.print_json(instance)?;
        return Ok(Exit::Ok);
    }
    let usage = &instance.usage;
    let mut lines = vec![
        ("name", instance.name.clone()),
        ("uuid", instance.uuid.clone()),
        ("module", whose(instance)),
        ("state", state(instance)),
    ];
    lines.extend(instance.problem.clone().map(|problem| ("problem", problem)));
    lines.push(("config", instance.config.to_string()));
    lines.push((
        "used",
        format!(
            "{:.1} s of the processor, {}, {} calls ({} failed), {} restarts",
            usage.cpu,
            size(usage.memory),
            usage.calls,
            usage.call_errors,
            usage.restarts
        ),
    ));
    let methods = instance.methods.iter();
    lines.extend(methods.map(|method| {
        let (inputs, outputs) = (ports(&method.inputs), ports(&method.outputs));
        (
            "method",
            format!(
                "{}({inputs}) -> {outputs}  {}",
                method.name, method.description
            ),
        )
    }));
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name:<8}  {}", word(value)));
    output.print(&lines.collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::Ok)
}

fn ports(ports: &[Port]) -> String {
    let ports = ports
        .iter()
        .map(|port| format!("{}: {}", port.name, port.kind));
    ports.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str, uuid: &str) -> InstanceState {
        InstanceState {
            uuid: uuid.to_owned(),
            name: name.to_owned(),
            class: "c".to_owned(),
            module: "m".to_owned(),
            state: "running".to_owned(),
            problem: None,
            paused: true,
            config: json!({}),
            methods: Vec::new(),
            usage: Default::default(),
        }
    }

    #[test]
    fn one_is_meant_by_its_uuid_or_by_a_name_that_no_other_has() {
        let all = [
            instance("pump", "1"),
            instance("twin", "2"),
            instance("twin", "3"),
        ];
        assert_eq!(uuid_of("pump", &all).unwrap(), "1");
        assert_eq!(uuid_of("3", &all).unwrap(), "3");
        for (named, part) in [("pmup", "did you mean `pump`?"), ("twin", "by its uuid")] {
            let problem = uuid_of(named, &all).unwrap_err().to_string();
            assert!(problem.contains(part), "{problem}");
        }
        assert!(is_uuid("0123456789abcdef0123456789abcdef") && !is_uuid("pump"));
        assert_eq!(
            (state(&all[0]), whose(&all[0])),
            ("running, paused".to_owned(), "m/c".to_owned())
        );
    }

    #[test]
    fn a_module_with_one_class_needs_none_named() {
        let module = |name: &str, classes: &[&str]| ModuleState {
            name: name.to_owned(),
            version: None,
            problem: None,
            classes: classes.iter().map(|class| (*class).to_owned()).collect(),
            requests: Vec::new(),
        };
        let all = [
            module("a", &["x"]),
            module("b", &["x", "y"]),
            module("c", &[]),
        ];
        assert_eq!(class_of("a", &all).unwrap(), "x");
        for (named, part) in [("b", "x, y"), ("c", "no classes"), ("d", "no module `d`")] {
            let problem = class_of(named, &all).unwrap_err().to_string();
            assert!(problem.contains(part), "{problem}");
        }
    }
}
