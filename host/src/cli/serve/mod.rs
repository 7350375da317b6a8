//! `ewh serve`: Workers on the network, for the FuncNodes web UI and every other client of them.
//!
//! [`together`] serves them in this process, [`apart`] each in a process of its own, which runs the
//! command in [`confined`]. No policy may grant what [`own`] says.

#[cfg(target_os = "linux")]
mod apart;
#[cfg(target_os = "linux")]
mod confined;
mod own;
mod together;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use tokio::net::TcpListener;

use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, files, load};
use crate::audit::{Auditor, Kind, Log, Options, Record};
use crate::limits::{MAX_SHOWN_CHARS, MAX_TENANTS_FILE_BYTES};
use crate::metrics::{self, Gauges};
use crate::policy::Guarded;
use crate::server::{Bound, Origin};
use crate::tenant::Tenant;
use crate::tenant::file::{self, Surroundings};
use crate::text;
use crate::worker::Worker;

#[cfg(target_os = "linux")]
pub use confined::ServeTenantCommand;

/// The port that clients of FuncNodes try first.
pub(super) const PORT: u16 = 9382;
/// What the first signal is answered with.
const STOPPING: &str = "stopping; signal again to stop at once";

/// Serve Workers to the FuncNodes web UI
///
/// The host speaks the FuncNodes protocol, so the web UI connects to it as to a Python Worker. The data
/// directory holds everything that is kept when the host ends. The host prints the address that it
/// listens on, and runs until Ctrl-C, SIGTERM, or until a client stops it; a second signal ends it at
/// once.
#[derive(Debug, Args)]
pub struct ServeCommand {
    /// The directory in which the Worker keeps its data; with --tenants, each tenant has a folder in
    /// it [default: ewh/worker in the user's data directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on; a token is required if others can reach it
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST).to_string())]
    host: String,
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// The token that clients have to send; other users do not see it in the environment variable
    #[arg(long, env = "EWH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Let pages of this origin connect, too, such as https://lab.example.org; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Origin>,
    /// The policy that grants capabilities; without one, nothing is granted
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The name of the Worker
    #[arg(long)]
    name: Option<String>,
    /// Serve several Workers, which this file lists: each [[tenant]] has a name and a port, and may
    /// have host, data, policy, token-env, allow-origin and memory
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["host", "port", "token", "allow_origin", "policy", "name"])]
    tenants: Option<PathBuf>,
    /// Keep an audit log in this directory, made if it is not there: what is granted, denied, started, ended and
    /// refused; `ewh audit` shows and verifies it
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// The file with the key of the audit log, made if there is no log yet: kept where nobody but the host can read
    /// it, it keeps whoever can write the log from forging it [default: `key` in the directory of the log]
    #[arg(long, value_name = "FILE", requires = "audit")]
    audit_key: Option<PathBuf>,
    /// Serve metrics for Prometheus at this address, at /metrics, and whether the host is well, at /health/live and
    /// /health/ready; nobody is asked for a token there
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// What separates the Workers from each other, in addition to the sandbox of each guest
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    isolation: Isolation,
    #[command(flatten)]
    apart: ApartOptions,
}

/// What keeps Workers apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Isolation {
    /// Nothing: all Workers run in one process
    #[default]
    None,
    /// Each Worker runs in its own process, confined to what its policies grant (Linux)
    Process,
}

/// What goes with `--isolation process`.
#[derive(Debug, Clone, Copy, Args)]
struct ApartOptions {
    /// With --isolation process: serve even if the kernel has no landlock, with weaker isolation
    #[arg(long)]
    allow_weaker_isolation: bool,
    /// With --isolation process: the longest pause, in seconds, before the host restarts a process
    /// that keeps dying
    #[arg(long, default_value_t = 30, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    longest_pause: u64,
}

/// A tenant, as far as it can be checked before anything starts.
struct Checked {
    tenant: Tenant,
    address: SocketAddr,
    origins: Vec<Origin>,
    /// Whether it is one of a tenants file.
    is_listed: bool,
}

impl Checked {
    /// Its name, where there may be others.
    fn listed(&self) -> Option<&str> {
        self.tenant.name.as_deref().filter(|_| self.is_listed)
    }
}

/// What is done with a Worker while it is served.
pub(super) trait Beside {
    /// Goes on until it fails.
    fn with(&self, worker: Worker) -> LocalBoxFuture<'_, Result<(), CliError>>;
}

impl ServeCommand {
    /// One Worker, for whoever develops in it.
    pub(super) fn for_dev(data: PathBuf, port: u16, policy: Option<PathBuf>) -> Self {
        Self {
            data: Some(data),
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            token: None,
            allow_origin: Vec::new(),
            policy,
            name: None,
            tenants: None,
            audit: None,
            audit_key: None,
            metrics: None,
            isolation: Isolation::None,
            apart: ApartOptions {
                allow_weaker_isolation: false,
                longest_pause: 30,
            },
        }
    }

    /// Serves in this process, with `beside` on the Worker.
    ///
    /// # Errors
    /// Those of serving, and of `beside`.
    pub(super) fn execute_beside(
        self,
        output: &Output,
        cache: &CacheOptions,
        beside: &dyn Beside,
    ) -> Result<Exit, CliError> {
        let tenants = tenants(self)?;
        let guarded = own::guarded(&tenants, None, cache);
        let host = together::Host {
            output,
            cache,
            guarded: &guarded,
            watching: &Watching::default(),
        };
        together::serve(tenants, &host, Some(beside))
    }

    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let (isolation, options) = (self.isolation, self.apart);
        let list = self.tenants.clone();
        let (audit, audit_key, metrics) =
            (self.audit.clone(), self.audit_key.clone(), self.metrics);
        let tenants = tenants(self)?;
        let guarded = own::guarded(&tenants, list.as_deref(), cache);
        let watching = &Watching {
            metrics,
            ..watching(audit.as_deref(), audit_key.clone(), &guarded)?
        };
        match isolation {
            Isolation::None => {
                let host = together::Host {
                    output,
                    cache,
                    guarded: &guarded,
                    watching,
                };
                together::serve(tenants, &host, None)
            }
            #[cfg(target_os = "linux")]
            Isolation::Process => {
                let host = apart::Host {
                    options: &options,
                    output,
                    cache,
                    guarded: &guarded,
                    watching,
                    audit: audit.as_deref(),
                    audit_key: audit_key.as_deref(),
                    list: list.as_deref(),
                };
                apart::serve(&tenants, &host)
            }
            #[cfg(not(target_os = "linux"))]
            Isolation::Process => {
                let _ = options;
                Err(CliError::Usage(
                    "--isolation process works on Linux only; leave it out".to_owned(),
                ))
            }
        }
    }
}

/// Who watches over what is served.
#[derive(Debug, Default)]
struct Watching {
    auditor: Auditor,
    /// Where that is written down, if anywhere.
    log: Option<Log>,
    gauges: Gauges,
    /// Where those are had, if anywhere.
    metrics: Option<SocketAddr>,
}

impl Watching {
    /// Serves the metrics, if that is wanted.
    async fn serve(&self, guarded: &Guarded, output: &Output) -> Result<Infallible, CliError> {
        let Some(address) = self.metrics else {
            return pending().await;
        };
        let failed = |error: io::Error| {
            CliError::Usage(format!("cannot serve metrics at {address}: {error}"))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        guarded.listen(address);
        output.note(&format!("metrics are at http://{address}/metrics"));
        metrics::serve(listener, self.gauges.clone(), self.log.clone())
            .await
            .map_err(failed)?;
        pending().await
    }
}

/// Who writes down what happens: into the log in `dir`, which belongs to the host.
fn watching(
    dir: Option<&Path>,
    key: Option<PathBuf>,
    guarded: &Guarded,
) -> Result<Watching, CliError> {
    let Some(dir) = dir else {
        return Ok(Watching::default());
    };
    guarded.keep(dir, "the audit log of the host");
    if let Some(key) = &key {
        guarded.keep(key, "the key of the audit log");
    }
    let options = Options {
        key,
        ..Options::default()
    };
    let log = Log::open(dir, &options);
    let log = log.map_err(|error| CliError::Usage(format!("--audit: {error}")))?;
    let auditor = Auditor::new(log.clone());
    auditor.note(Record::new(Kind::Start).what("the host"));
    Ok(Watching {
        auditor,
        log: Some(log),
        ..Watching::default()
    })
}

/// Who is served: those of the tenants file, or the one of the command line.
fn tenants(command: ServeCommand) -> Result<Vec<Checked>, CliError> {
    let data = data_dir(command.data)?;
    let tenants = match &command.tenants {
        None => vec![Tenant {
            name: command.name,
            host: command.host,
            port: command.port,
            data,
            policy: command.policy,
            token: command.token.filter(|token| !token.is_empty()),
            origins: Vec::new(),
            memory: None,
        }],
        Some(path) => {
            let text = files::read_text(path, "tenants file", MAX_TENANTS_FILE_BYTES)?;
            let env = |name: &str| std::env::var(name).ok();
            let around = Surroundings {
                path,
                data: &data,
                env: &env,
            };
            file::parse(&text, &around)?
        }
    };
    if command.isolation == Isolation::None && tenants.iter().any(|it| it.memory.is_some()) {
        let problem = "`memory` of a tenant limits its process; add --isolation process";
        return Err(CliError::Usage(problem.to_owned()));
    }
    let (origins, is_listed) = (command.allow_origin, command.tenants.is_some());
    let checked = tenants
        .into_iter()
        .map(|tenant| check(tenant, origins.clone(), is_listed));
    checked.collect()
}

/// `origins` are those of the command line.
fn check(tenant: Tenant, mut origins: Vec<Origin>, is_listed: bool) -> Result<Checked, CliError> {
    let address = address(&tenant.host, tenant.port)?;
    // To be read again by who serves it; wrong ones are better told of now.
    load::policy(tenant.policy.as_deref())?;
    for origin in &tenant.origins {
        let wrong = |problem| {
            let (name, origin) = (tenant.label(), text::spelled(origin, MAX_SHOWN_CHARS));
            CliError::Usage(format!(
                "the tenant `{name}`: `allow-origin` `{origin}`: {problem}"
            ))
        };
        origins.push(origin.parse().map_err(wrong)?);
    }
    Ok(Checked {
        tenant,
        address,
        origins,
        is_listed,
    })
}

/// Listens for a tenant, if it may.
async fn bind(checked: &Checked) -> Result<Bound, CliError> {
    let (token, origins) = (checked.tenant.token.as_deref(), checked.origins.clone());
    let bound = Bound::new(checked.address, token, origins).await;
    bound.map_err(|problem| {
        CliError::Usage(match checked.listed() {
            Some(name) => format!("`{name}`: {problem}"),
            None => problem,
        })
    })
}

/// A Worker that is served, as its operator is told.
struct Announced<'a> {
    tenant: Option<&'a str>,
    address: SocketAddr,
    uuid: uuid::Uuid,
    name: &'a str,
    /// Of the process that serves it, where that is not this one.
    pid: Option<u32>,
}

/// The same for machines.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    uuid: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

impl Announced<'_> {
    fn show(&self, output: &Output) -> Result<(), CliError> {
        let url = format!("ws://{}", self.address);
        if output.is_json() {
            let line = Line {
                url: &url,
                uuid: self.uuid.simple().to_string(),
                name: self.name,
                tenant: self.tenant,
                pid: self.pid,
            };
            return output.print_json_line(&line);
        }
        let who = self
            .tenant
            .map(|name| format!("{name}: "))
            .unwrap_or_default();
        output.print(&format!(
            "{who}listening on {url}: open a FuncNodes web UI with ?worker_url={url}"
        ))
    }
}

fn address(host: &str, port: u16) -> Result<SocketAddr, CliError> {
    let host = match host {
        "localhost" => "127.0.0.1",
        other => other.trim_start_matches('[').trim_end_matches(']'),
    };
    let unknown = |why: String| CliError::Usage(format!("cannot listen on `{host}`: {why}"));
    let mut found = (host, port)
        .to_socket_addrs()
        .map_err(|error| unknown(error.to_string()))?;
    found
        .next()
        .ok_or_else(|| unknown("it has no address".to_owned()))
}

/// The data directory that was named, or else the user's.
///
/// # Errors
/// When none was named and the user has no home.
pub(super) fn data_dir(named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    named.or_else(default_data).ok_or_else(|| {
        let problem = "there is no home directory; name a directory for the data with --data DIR";
        CliError::Usage(problem.to_owned())
    })
}

fn default_data() -> Option<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = from("XDG_DATA_HOME").filter(|dir| dir.is_absolute());
    let data = data.or_else(|| Some(from("HOME")?.join(".local/share")))?;
    Some(data.join("ewh/worker"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_name() {
        assert_eq!(address("127.0.0.1", 1).unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(address("localhost", 1).unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(address("::1", 1).unwrap().to_string(), "[::1]:1");
        assert_eq!(address("[::]", 1).unwrap().to_string(), "[::]:1");
        let problem = address("no such host", 1).unwrap_err();
        assert_eq!(problem.exit(), Exit::Usage);
    }
}
