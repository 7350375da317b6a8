//! Commands on modules: what brings classes of external workers.

use serde_json::Value as Json;

use super::{Answer, Context, NoArguments, Reply, arguments};
use crate::limits;
use crate::server::refusal::{Code, Refusal};
use crate::text;

arguments! {
    /// What both commands take. `save`, `sync` and `do_reload_base` mean nothing here: everything is
    /// saved, and clients hear of what changed.
    #[allow(dead_code, reason = "read so that wrong arguments are named")]
    pub struct Package {
        name: String,
        dep: Option<Json>,
        version: Option<String>,
        save: Option<bool>,
        sync: Option<bool>,
        do_reload_base: Option<bool>,
    }
}

impl Package {
    fn check(&self) -> Result<(), Refusal> {
        match &self.dep {
            Some(dep) if dep.get("path").is_some() => Err(Refusal::new(
                Code::Denied,
                "a client must not name a path on the server",
            )),
            _ => Ok(()),
        }
    }

    fn version(&self) -> Option<&str> {
        let of_dep = || self.dep.as_ref()?.get("version")?.as_str();
        let version = self.version.as_deref().or_else(of_dep);
        version.filter(|version| !matches!(*version, "" | "latest"))
    }
}

pub async fn available(context: Context, _: NoArguments) -> Answer {
    Ok(Reply::of(&context.worker().packages()))
}

pub async fn add(context: Context, package: Package) -> Answer {
    package.check()?;
    let worker = context.worker();
    if let Some(version) = package.version() {
        let packages = worker.packages();
        check_version(packages.version_of(&package.name), version)?;
    }
    let name = text::clean_line(&package.name, limits::MAX_NAME_BYTES);
    context.progress(&format!("Adding {name}"), "info", 0.0);
    worker.add_package(&package.name).await?;
    context.progress(&format!("Added {name}"), "success", 1.0);
    Ok(Json::Null.into())
}

/// Only one version of a package is installed: to get another one is the operator's to do.
fn check_version(installed: Option<&str>, wanted: &str) -> Result<(), Refusal> {
    match installed {
        Some(installed) if installed != wanted.trim_start_matches("==") => {
            let wanted = text::clean_line(wanted, limits::MAX_NAME_BYTES);
            let sentence = format!("version {wanted} is not installed; {installed} is");
            Err(Refusal::new(Code::NotFound, sentence))
        }
        _ => Ok(()),
    }
}

pub async fn remove(context: Context, package: Package) -> Answer {
    package.check()?;
    context.worker().remove_package(&package.name).await?;
    Ok(Json::Null.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_installed_version_can_be_asked_for() {
        check_version(Some("1.2.0"), "1.2.0").unwrap();
        check_version(Some("2.0.0"), "==2.0.0").unwrap();
        check_version(None, "1").unwrap();
        check_version(Some("1.2.0"), "1.3.0").unwrap_err();
    }
}
