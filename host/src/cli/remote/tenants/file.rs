//! The tenants file of `ewh serve --tenants`, read for a host that is elsewhere: what names a path or a variable of
//! this machine makes no sense there, and an error says what does.

use std::path::PathBuf;

use bytesize::ByteSize;
use external_worker_control::model::{Quotas, TenantSpec};
use serde::Deserialize;

use crate::policy::describe_problem;
use crate::tenant::file::check_name;
use crate::text::without_mark;

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
    #[serde(default)]
    quotas: QuotaEntry,
    #[serde(default)]
    suspended: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct QuotaEntry {
    instances: Option<u32>,
    memory: Option<ByteSize>,
    cpu_weight: Option<u16>,
    disk: Option<ByteSize>,
    modules: Option<u32>,
}

/// The tenants that the text of a file lists.
///
/// # Errors
/// What is wrong in it, and what to write instead.
pub fn parse(text: &str) -> Result<Vec<TenantSpec>, String> {
    let text = without_mark(text);
    let document: Document =
        toml::from_str(text).map_err(|error| describe_problem(&error, text))?;
    document.tenant.into_iter().map(spec).collect()
}

fn spec(entry: Entry) -> Result<TenantSpec, String> {
    check_name(&entry.name)?;
    let name = entry.name;
    let wrong = |problem: &str| Err(format!("the tenant `{name}`: {problem}"));
    if entry.data.is_some() {
        return wrong(
            "leave `data` out: the host has the data of each tenant in a folder of its --data",
        );
    }
    if entry.policy.is_some() {
        return wrong(
            "leave `policy` out, and grant with `ewh grants add --tenant NAME` what its modules may do",
        );
    }
    if entry.token_env.is_some() {
        return wrong(
            "leave `token-env` out, and make tokens with `ewh tokens make --tenant NAME`",
        );
    }
    if entry.memory.is_some() && entry.quotas.memory.is_some() {
        return wrong("`memory` is there twice; leave the one outside of `quotas` out");
    }
    let QuotaEntry {
        instances,
        memory,
        cpu_weight,
        disk,
        modules,
    } = entry.quotas;
    let bytes = |size: ByteSize| size.as_u64();
    Ok(TenantSpec {
        name,
        host: entry.host.unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: entry.port,
        allow_origin: entry.allow_origin,
        quotas: Quotas {
            instances,
            memory: entry.memory.or(memory).map(bytes),
            cpu_weight,
            disk: disk.map(bytes),
            modules,
        },
        suspended: entry.suspended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_that_of_serve_with_quotas() {
        let tenants = parse(
            "[[tenant]]\nname = \"a\"\nport = 1\nmemory = \"1 GiB\"\n\
             [[tenant]]\nname = \"b\"\nport = 0\nhost = \"::1\"\nallow-origin = [\"null\"]\nsuspended = true\n\
             [tenant.quotas]\ninstances = 3\nmemory = 1073741824\ndisk = \"2 MiB\"\ncpu-weight = 50\nmodules = 1\n",
        )
        .unwrap();
        let [a, b] = tenants.as_slice() else {
            panic!("{tenants:?}")
        };
        assert_eq!((&*a.name, &*a.host, a.port), ("a", "127.0.0.1", 1));
        assert_eq!(a.quotas.memory, Some(1 << 30));
        assert_eq!((&*b.host, b.suspended), ("::1", true));
        assert_eq!(
            b.quotas,
            Quotas {
                instances: Some(3),
                memory: Some(1 << 30),
                cpu_weight: Some(50),
                disk: Some(2 << 20),
                modules: Some(1),
            }
        );
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_makes_no_sense_elsewhere_says_what_does() {
        let one = |rest: &str| format!("[[tenant]]\nname = \"a\"\nport = 1\n{rest}");
        for (rest, part) in [
            ("data = \"/srv/a\"", "folder of its --data"),
            ("policy = \"a.toml\"", "ewh grants add"),
            ("token-env = \"A\"", "ewh tokens make"),
            ("polcy = \"x\"", "did you mean `policy`?"),
            (
                "memory = \"1 GiB\"\n[tenant.quotas]\nmemory = 1",
                "there twice",
            ),
            ("[tenant.quotas]\ndisc = 1", "did you mean `disk`?"),
        ] {
            let problem = parse(&one(rest)).unwrap_err();
            assert!(problem.contains(part), "`{part}` is not in `{problem}`");
        }
        parse("[[tenant]]\nname = \"../a\"\nport = 1").unwrap_err();
    }
}
