//! The tenants file: who the tenants of a host are, as its operator wrote it down.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use serde::Deserialize;

use super::Tenant;
use crate::error::{HostError, Result};
use crate::limits::{
    MAX_CPU_WEIGHT, MAX_SHOWN_CHARS, MAX_TENANT_NAME_BYTES, MAX_TENANTS, MIN_TENANT_MEMORY,
};
use crate::policy;
use crate::text;
use crate::worker::Quotas;

/// Where tenants are reached unless they say otherwise.
const DEFAULT_HOST: &str = "127.0.0.1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    #[serde(default)]
    tenant: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: String,
    host: Option<String>,
    port: u16,
    data: Option<PathBuf>,
    policy: Option<PathBuf>,
    token_env: Option<String>,
    #[serde(default)]
    allow_origin: Vec<String>,
    memory: Option<ByteSize>,
    instances: Option<u32>,
    modules: Option<u32>,
    disk: Option<ByteSize>,
    cpu_weight: Option<u16>,
}

/// What the paths and names in a tenants file are relative to.
pub struct Surroundings<'a> {
    /// The file, for errors; its paths are relative to the folder that it is in.
    pub path: &'a Path,
    /// Below it each tenant has its data, unless it says otherwise.
    pub data: &'a Path,
    /// The host's environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// Reads a tenants file, and makes sure that no two tenants share what they must not.
///
/// # Errors
/// When it is wrong: where, and what to write instead.
pub fn parse(text: &str, around: &Surroundings<'_>) -> Result<Vec<Tenant>> {
    let text = text::without_mark(text);
    let wrong = |problem| HostError::Tenants {
        origin: around.path.display().to_string(),
        problem,
    };
    let document: Document =
        toml::from_str(text).map_err(|error| wrong(policy::describe_problem(&error, text)))?;
    let tenants = document
        .tenant
        .into_iter()
        .map(|entry| tenant(entry, around))
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    check_together(&tenants).map_err(wrong)?;
    Ok(tenants)
}

fn tenant(entry: Entry, around: &Surroundings<'_>) -> Result<Tenant, String> {
    let name = entry.name;
    check_name(&name)?;
    let wrong = |problem: &str| format!("the tenant `{name}`: {problem}");
    let folder = around.path.parent().unwrap_or(Path::new(""));
    let place = |path: PathBuf, key: &str| {
        if path.as_os_str().is_empty() {
            return Err(wrong(&format!(
                "`{key}` is empty; leave it out or name a path"
            )));
        }
        Ok(folder.join(path))
    };
    let host = entry.host.unwrap_or_else(|| DEFAULT_HOST.to_owned());
    if host.is_empty() {
        return Err(wrong("`host` is empty; leave it out or name an address"));
    }
    let token = entry
        .token_env
        .map(|variable| token(&variable, around.env))
        .transpose()
        .map_err(|problem| wrong(&problem))?;
    if let Some(memory) = entry.memory.filter(|memory| *memory < MIN_TENANT_MEMORY) {
        return Err(wrong(&format!(
            "`memory` is {memory}; the process of a tenant needs {MIN_TENANT_MEMORY} to begin with"
        )));
    }
    if let Some(weight) = entry.cpu_weight {
        check_weight(weight).map_err(|problem| wrong(&problem))?;
    }
    let policy = entry.policy.map(|policy| place(policy, "policy"));
    let data = match entry.data {
        Some(data) => place(data, "data")?,
        None => around.data.join(&name),
    };
    Ok(Tenant {
        host,
        port: entry.port,
        data,
        policy: policy.transpose()?,
        token,
        origins: entry.allow_origin,
        memory: entry.memory,
        quotas: Quotas {
            instances: entry.instances,
            modules: entry.modules,
            disk: entry.disk.map(|disk| disk.as_u64()),
            cpu_weight: entry.cpu_weight,
        },
        name: Some(name),
    })
}

/// A name is a folder, the beginning of a line and an argument, and nothing in any of them.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= MAX_TENANT_NAME_BYTES && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(format!(
        "`{}` is not a name for a tenant: use 1 to {MAX_TENANT_NAME_BYTES} letters, digits or \
         `-_.`, with a letter or digit first",
        text::spelled(name, MAX_SHOWN_CHARS)
    ))
}

/// Between what weighs least and most, somebody may be anything.
fn check_weight(weight: u16) -> Result<(), String> {
    match weight {
        1..=MAX_CPU_WEIGHT => Ok(()),
        other => Err(format!(
            "`cpu-weight` is {other}; it is 1 to {MAX_CPU_WEIGHT}, and 100 for who says nothing"
        )),
    }
}

fn token(variable: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let shown = text::spelled(variable, MAX_SHOWN_CHARS);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if variable.is_empty() || !variable.chars().all(is_plain) {
        return Err(format!(
            "`token-env` is `{shown}`; name an environment variable, such as LAB_TOKEN"
        ));
    }
    env(variable)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| {
            format!("the environment variable {shown} that `token-env` names is not set")
        })
}

/// What has to differ between tenants.
fn check_together(tenants: &[Tenant]) -> Result<(), String> {
    if tenants.is_empty() {
        return Err("it has no [[tenant]]; add one with a `name` and a `port`".to_owned());
    }
    if tenants.len() > MAX_TENANTS {
        let count = tenants.len();
        return Err(format!(
            "it has {count} tenants; one host serves at most {MAX_TENANTS}"
        ));
    }
    if let Some(tenant) = twice(tenants, |tenant| Some(tenant.name.clone())) {
        return Err(format!("two tenants are named `{}`", tenant.label()));
    }
    let place = |tenant: &Tenant| (tenant.port != 0).then(|| (tenant.host.clone(), tenant.port));
    if let Some(tenant) = twice(tenants, place) {
        let (name, port) = (tenant.label(), tenant.port);
        return Err(format!(
            "the tenant `{name}` has the port {port}, which another tenant has, too"
        ));
    }
    check_apart(tenants.iter())
}

fn twice<T: Ord>(tenants: &[Tenant], key: impl Fn(&Tenant) -> Option<T>) -> Option<&Tenant> {
    let mut seen = BTreeSet::new();
    tenants
        .iter()
        .find(|tenant| key(tenant).is_some_and(|key| !seen.insert(key)))
}

/// No tenant's data is in that of another: who may write the one may write the other, too.
///
/// # Errors
/// Which two are not apart.
pub(crate) fn check_apart<'a>(tenants: impl Iterator<Item = &'a Tenant>) -> Result<(), String> {
    // What is not there yet is compared as it is written.
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let places: Vec<_> = tenants.map(|tenant| (tenant, real(&tenant.data))).collect();
    for (at, (outer, place)) in places.iter().enumerate() {
        let others = places.iter().enumerate();
        let inside = others
            .filter(|(other, _)| *other != at)
            .find(|(_, (_, other))| other.starts_with(place));
        if let Some((_, (inner, _))) = inside {
            return Err(format!(
                "the data of the tenant `{}` is in {}, which is the tenant `{}`'s; give it a \
                 directory of its own",
                inner.label(),
                outer.data.display(),
                outer.label()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Tenant>, String> {
        let env = |name: &str| (name == "LAB_TOKEN").then(|| "0123456789abcdef".to_owned());
        let around = Surroundings {
            path: Path::new("/etc/ewh/tenants.toml"),
            data: Path::new("/nowhere/ewh"),
            env: &env,
        };
        parse(text, &around).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tenant_is_complete_from_its_name_and_port() {
        let tenants = parsed(
            "[[tenant]]\nname = \"a\"\nport = 1\n\
             [[tenant]]\nname = \"b\"\nport = 0\nhost = \"::1\"\ndata = \"/srv/b\"\n\
             policy = \"b.toml\"\ntoken-env = \"LAB_TOKEN\"\nallow-origin = [\"null\"]\n\
             memory = \"1 GiB\"\ninstances = 5\nmodules = 2\ndisk = \"2 GiB\"\ncpu-weight = 300\n",
        )
        .unwrap();
        let [a, b] = tenants.as_slice() else {
            panic!("{}", tenants.len())
        };
        assert_eq!((a.label(), a.host.as_str(), a.port), ("a", "127.0.0.1", 1));
        assert_eq!(a.data, Path::new("/nowhere/ewh/a"));
        assert!(a.policy.is_none() && a.token.is_none() && a.origins.is_empty());
        assert_eq!(b.data, Path::new("/srv/b"));
        assert_eq!(b.policy.as_deref(), Some(Path::new("/etc/ewh/b.toml")));
        assert_eq!(b.token.as_deref(), Some("0123456789abcdef"));
        assert_eq!(b.memory, Some(ByteSize::gib(1)));
        assert_eq!(a.quotas, Quotas::default());
        let quotas = Quotas {
            instances: Some(5),
            modules: Some(2),
            disk: Some(2 << 30),
            cpu_weight: Some(300),
        };
        assert_eq!(b.quotas, quotas);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let one = |rest: &str| format!("[[tenant]]\nname = \"a\"\nport = 1\n{rest}");
        let two = |rest: &str| format!("{}[[tenant]]\n{rest}", one(""));
        let table = [
            (String::new(), "no [[tenant]]"),
            ("[[tenants]]\n".to_owned(), "did you mean `tenant`?"),
            (one("polcy = \"x\"\n"), "line 4"),
            (one("polcy = \"x\"\n"), "did you mean `policy`?"),
            ("[[tenant]]\nport = 1\n".to_owned(), "missing field `name`"),
            (
                "[[tenant]]\nname = \"a\"\n".to_owned(),
                "missing field `port`",
            ),
            (
                "[[tenant]]\nname = \"a\"\nport = 65536\n".to_owned(),
                "line 3",
            ),
            (
                "[[tenant]]\nname = \"\"\nport = 1\n".to_owned(),
                "not a name for a tenant",
            ),
            (
                "[[tenant]]\nname = \"../b\"\nport = 1\n".to_owned(),
                "not a name for a tenant",
            ),
            (
                "[[tenant]]\nname = \"-b\"\nport = 1\n".to_owned(),
                "a letter or digit first",
            ),
            (
                "[[tenant]]\nname = \"a\\u001b[2J\"\nport = 1\n".to_owned(),
                "`a\\u{1b}[2J`",
            ),
            (one("host = \"\"\n"), "the tenant `a`: `host` is empty"),
            (one("policy = \"\"\n"), "`policy` is empty"),
            (one("data = \"\"\n"), "`data` is empty"),
            (one("token-env = \"a b\"\n"), "name an environment variable"),
            (
                one("token-env = \"NOT_SET\"\n"),
                "NOT_SET that `token-env` names is not set",
            ),
            (one("memory = \"1 KiB\"\n"), "to begin with"),
            (one("memory = \"much\"\n"), "line 4"),
            (one("disk = \"much\"\n"), "line 4"),
            (one("instances = -1\n"), "line 4"),
            (one("cpu-weight = 0\n"), "it is 1 to 10000"),
            (one("cpu-weight = 10001\n"), "it is 1 to 10000"),
            (two("name = \"a\"\nport = 2\n"), "two tenants are named `a`"),
            (two("name = \"b\"\nport = 1\n"), "`b` has the port 1"),
            (
                two("name = \"b\"\nport = 2\ndata = \"/nowhere/ewh/a\"\n"),
                "a directory of its own",
            ),
            (
                two("name = \"b\"\nport = 2\ndata = \"/nowhere/ewh/a/b\"\n"),
                "which is the tenant `a`'s",
            ),
            (
                two("name = \"b\"\nport = 2\ndata = \"/nowhere\"\n"),
                "which is the tenant `b`'s",
            ),
        ];
        for (text, part) in table {
            let problem = parsed(&text).err().unwrap_or_default();
            assert!(
                problem.contains(part),
                "`{part}` is not in `{problem}` for\n{text}"
            );
            assert!(problem.contains("/etc/ewh/tenants.toml"), "{problem}");
        }
        let many: String = (0..=MAX_TENANTS)
            .map(|at| format!("[[tenant]]\nname = \"t{at}\"\nport = 0\n"))
            .collect();
        assert!(parsed(&many).err().unwrap().contains("one host serves"));
    }
}
