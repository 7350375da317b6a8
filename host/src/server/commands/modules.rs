//! Commands on modules: what brings classes of external workers.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Answer, Context, Kwargs, Refusal, arguments, no_arguments};
use crate::limits;
use crate::text;

pub fn available(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        no_arguments(kwargs)?;
        Ok(context.worker().available_modules_json().into())
    }
    .boxed()
}

/// What both commands take. `save`, `sync` and `do_reload_base` mean nothing here: everything is
/// saved, and clients hear of what changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read so that wrong arguments are named")]
struct Package {
    name: String,
    dep: Option<Json>,
    version: Option<String>,
    save: Option<bool>,
    sync: Option<bool>,
    do_reload_base: Option<bool>,
}

impl Package {
    fn read(kwargs: Kwargs) -> Result<Self, Refusal> {
        let package: Self = arguments(kwargs)?;
        match &package.dep {
            Some(dep) if dep.get("path").is_some() => Err(Refusal::new(
                "a path on the server is nothing that a client may name",
            )),
            _ => Ok(package),
        }
    }

    fn version(&self) -> Option<&str> {
        let of_dep = || self.dep.as_ref()?.get("version")?.as_str();
        let version = self.version.as_deref().or_else(of_dep);
        version.filter(|version| !matches!(*version, "" | "latest"))
    }
}

pub fn add(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        let package = Package::read(kwargs)?;
        let worker = context.worker();
        if let Some(version) = package.version() {
            check_version(&worker.available_modules_json(), &package.name, version)?;
        }
        let name = text::clean_line(&package.name, limits::MAX_NAME_BYTES);
        context.progress(&format!("Adding {name}"), "info", 0.0);
        worker.add_package(&package.name).await?;
        context.progress(&format!("Added {name}"), "success", 1.0);
        Ok(Json::Null.into())
    }
    .boxed()
}

/// Only one version of a package is installed: to get another one is the operator's to do.
fn check_version(available: &Json, name: &str, wanted: &str) -> Result<(), Refusal> {
    let all = ["installed", "active"]
        .into_iter()
        .filter_map(|kind| available.get(kind));
    let mut all = all.filter_map(Json::as_array).flatten();
    let is_named = |package: &&Json| package.get("name").and_then(Json::as_str) == Some(name);
    let installed = all
        .find(is_named)
        .and_then(|package| package.get("version"));
    match installed.and_then(Json::as_str) {
        Some(installed) if installed != wanted.trim_start_matches("==") => {
            let wanted = text::clean_line(wanted, limits::MAX_NAME_BYTES);
            Err(Refusal::new(format!(
                "version {wanted} is not installed; {installed} is"
            )))
        }
        _ => Ok(()),
    }
}

pub fn remove(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        let package = Package::read(kwargs)?;
        context.worker().remove_package(&package.name).await?;
        Ok(Json::Null.into())
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_installed_version_can_be_asked_for() {
        let available = json!({
            "installed": [{ "name": "a", "version": "1.2.0" }],
            "active": [{ "name": "b", "version": "2.0.0" }],
        });
        check_version(&available, "a", "1.2.0").unwrap();
        check_version(&available, "b", "==2.0.0").unwrap();
        check_version(&available, "nowhere", "1").unwrap();
        check_version(&available, "a", "1.3.0").unwrap_err();
    }
}
