//! The modules of a tenant of a host: what `ewh module` does with `--tenant`. The host validates what it is sent.

use std::path::Path;

use clap::Args;
use external_worker_control::model::{Installed, ModuleState};
use serde_json::json;
use tokio::time::timeout;

use super::client::Request;
use super::error::RemoteError;
use super::route::Route;
use super::table::Table;
use super::{ContextArgs, Remote, word};
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::files;
use crate::cli::output::{Output, Style};
use crate::limits::{API_RETRY_PAUSE, MAX_UPLOAD_BYTES, TAKING_UP};

/// The endings of what is one file and a module.
const ENDINGS: [&str; 3] = ["wasm", "py", "whl"];

/// Whose modules, if not those of the Worker in a directory.
#[derive(Debug, Clone, Args)]
pub struct ModulesOf {
    /// Those of this tenant of a host that you operate, not of a Worker on this machine
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub tenant: Option<String>,
    /// The context of that host, if it is not the current one
    #[arg(long, value_name = "NAME", requires = "tenant")]
    context: Option<String>,
}

impl ModulesOf {
    fn open<'a>(self, output: &'a Output, cache: &CacheOptions) -> Result<Remote<'a>, CliError> {
        let context = self.context;
        Remote::open(&ContextArgs { context }, output, cache)
    }
}

/// Sends a module to the host, which validates and installs it.
///
/// # Errors
/// When it is none, or the host does not take it.
pub fn add(
    tenant: &str,
    of: ModulesOf,
    source: &str,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    let path = Path::new(source);
    let (name, bytes) = read(path)?;
    let remote = of.open(output, cache)?;
    let what = format!("install `{name}` for the tenant `{tenant}`");
    let route = Route::of(tenant, &["modules", &name]);
    let installed: Installed = remote.ask(Request::put(what, route, bytes))?;
    let taken = taken_up(&remote, tenant, &installed.module);
    let problem = taken.as_ref().and_then(|module| module.problem.clone());
    let requests = taken.iter().flat_map(|module| &module.requests);
    let lacks_something = { requests }.any(|request| !request.granted);
    if output.is_json() {
        output.print_json(&json!({
            "module": installed.module, "findings": installed.findings, "problem": problem,
        }))?;
        return Ok(Exit::Ok);
    }
    for finding in &installed.findings {
        let finding = word(finding);
        output.note(&output.stderr().paint(Style::Yellow, &finding));
    }
    output.print(&format!("installed {}", word(&installed.module)))?;
    if let Some(problem) = problem {
        let tenant = word(tenant);
        let problem = word(&problem);
        output.note(&output.stderr().paint(Style::Red, &problem));
        if lacks_something {
            output.note(&format!(
                "see what it lacks with `ewh requests list --tenant {tenant}`"
            ));
        }
    } else if taken.is_none() {
        output.note("the host has not taken it into use yet; `ewh module list` says when it has");
    }
    Ok(Exit::Ok)
}

/// The module once the host has taken it into use or says why not, so that what is typed next finds it.
fn taken_up(remote: &Remote<'_>, tenant: &str, name: &str) -> Option<ModuleState> {
    let what = format!("take `{name}` into use");
    let route = Route::of(tenant, &["modules"]);
    let looking = async {
        loop {
            let modules: Vec<ModuleState> = remote.client.list(&what, &route).await?;
            let is_it = |it: &ModuleState| {
                it.name == name && (!it.classes.is_empty() || it.problem.is_some())
            };
            if let Some(module) = modules.into_iter().find(is_it) {
                return Ok(module);
            }
            tokio::time::sleep(API_RETRY_PAUSE).await;
        }
    };
    // A host whose tenant is suspended has taken the file all the same.
    let looked: Result<Result<_, RemoteError>, _> =
        remote.wait(Some(&what), async { timeout(TAKING_UP, looking).await });
    looked.ok().and_then(Result::ok)
}

/// The name of a file that is a module, and what is in it.
fn read(path: &Path) -> Result<(String, Vec<u8>), CliError> {
    let shown = path.display();
    let ending = path.extension().and_then(|ending| ending.to_str());
    if path.exists() && !ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
        let problem = format!(
            "`{shown}` is no component, script or wheel, and a host takes only those; name the file .wasm, .py or \
             .whl, such as the one that `ewh build` prints"
        );
        return Err(CliError::Usage(problem));
    }
    let limit = u64::try_from(MAX_UPLOAD_BYTES).unwrap_or(u64::MAX);
    let bytes = files::read(path, "module", limit)?;
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        CliError::Usage(format!(
            "the name of the file `{shown}` is not text; give it another"
        ))
    })?;
    Ok((name.to_owned(), bytes))
}

/// Lists the modules.
///
/// # Errors
/// When the host does not say.
pub fn list(
    tenant: &str,
    of: ModulesOf,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    let remote = of.open(output, cache)?;
    let modules = of_tenant(&remote, tenant)?;
    if output.is_json() {
        output.print_json(&json!({ "modules": modules }))?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["NAME", "VERSION", "CLASSES", "PROBLEM"]);
    for module in modules {
        let style = module.problem.as_ref().map(|_| Style::Red);
        let (version, problem) = (module.version, module.problem);
        let classes = module.classes.join(", ");
        let cells = [
            module.name,
            version.unwrap_or_default(),
            classes,
            problem.unwrap_or_default(),
        ];
        table.styled(cells, style);
    }
    if table.is_empty() {
        output.note(&format!("the tenant {} has no modules", word(tenant)));
        return Ok(Exit::Ok);
    }
    output.print(&table.render(output.stdout()))?;
    Ok(Exit::Ok)
}

/// The modules of a tenant.
pub(super) fn of_tenant(remote: &Remote<'_>, tenant: &str) -> Result<Vec<ModuleState>, CliError> {
    let what = format!("list the modules of the tenant `{tenant}`");
    remote.list(&what, &Route::of(tenant, &["modules"]))
}

/// Removes a module.
///
/// # Errors
/// When the host does not.
pub fn remove(
    tenant: &str,
    of: ModulesOf,
    name: &str,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    let what = format!("remove the module `{name}` of the tenant `{tenant}`");
    let route = Route::of(tenant, &["modules", name]);
    of.open(output, cache)?.done(Request::delete(what, route))?;
    output.note(&format!("removed {}", word(name)));
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_is_a_module_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, "x").unwrap();
            path
        };
        for good in ["a.wasm", "b.py", "c-1.0-py3-none-any.whl"] {
            assert_eq!(read(&put(good)).unwrap(), (good.to_owned(), b"x".to_vec()));
        }
        for (bad, part) in [
            (put("a.zip"), "a host takes only those"),
            (put("a"), "a host takes only those"),
            (dir.path().to_owned(), "a host takes only those"),
            ("/nowhere/a.wasm".into(), "there is no file"),
            ("registry.example/a:1.0".into(), "there is no file"),
        ] {
            let problem = read(&bad).unwrap_err().to_string();
            assert!(problem.contains(part), "{problem}");
        }
    }
}
