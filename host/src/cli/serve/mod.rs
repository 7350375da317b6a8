//! `ewh serve`: Workers on the network, for the FuncNodes web UI and every other client of them.
//!
//! [`together`] serves them in this process, [`apart`] each in a process of its own, which runs the
//! command in [`confined`]. No policy may grant what [`own`] says.

#[cfg(target_os = "linux")]
mod apart;
#[cfg(target_os = "linux")]
mod confined;
mod managed;
mod own;
mod secrets;
#[cfg(target_os = "linux")]
mod shared;
mod together;
mod watching;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, files, load};
use crate::limits::{MAX_SHOWN_CHARS, MAX_TENANTS_FILE_BYTES};
use crate::server::{Bound, Keyring, Origin, Tokens};
use crate::tenant::Tenant;
use crate::tenant::file::{self, Surroundings};
use crate::text;
use crate::worker::{Quotas, Worker};

use secrets::Keeper;
use watching::{Wanted, Watching};

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
    /// Take options from this file, too, a line for each, such as `port = 9382`; the command line and the environment
    /// go before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    /// have host, data, policy, token-env, allow-origin, memory, instances, modules, disk and cpu-weight. With
    /// --control: have these tenants, as `ewh tenants apply` does, at each start and after each SIGHUP; others stay
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
    /// Keep the secrets of tenants in this directory, encrypted, made if it is not there: where a policy says so, they are
    /// sent in requests of workers, which never have them; the API and `ewh secrets` set them
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// The file with the key of the secrets, as age-keygen makes it, made if there are no secrets yet [default: the systemd
    /// credential ewh-secrets-key, or the environment variable EWH_SECRETS_KEY]
    #[arg(long, value_name = "FILE", requires = "secrets")]
    secrets_key: Option<PathBuf>,
    /// Serve metrics for Prometheus at this address, at /metrics, and whether the host is well, at /health/live and
    /// /health/ready; nobody is asked for a token there
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// Send a trace of each call of an external worker to the OpenTelemetry collector at this address, over OTLP by HTTP,
    /// such as http://127.0.0.1:4318
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Make, change and end tenants while the host runs, by the HTTP API and the console at this address; the first
    /// time, the token for it is printed
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all =
        ["host", "port", "token", "allow_origin", "policy", "name"])]
    control: Option<SocketAddr>,
    /// Print one more token for the API, where nobody has one any more
    #[arg(long, requires = "control")]
    new_token: bool,
    /// What separates the Workers from each other, in addition to the sandbox of each guest
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    isolation: Isolation,
    #[command(flatten)]
    apart: ApartOptions,
    /// The file of `config`, and what is in it.
    #[arg(skip)]
    options: Option<(PathBuf, toml::Table)>,
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
    /// Who may come in beside whoever has its token, if that is told while it is served.
    keys: Option<Keyring>,
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
            config: None,
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
            secrets: None,
            secrets_key: None,
            metrics: None,
            otlp: None,
            control: None,
            new_token: false,
            isolation: Isolation::None,
            apart: ApartOptions {
                allow_weaker_isolation: false,
                longest_pause: 30,
            },
            options: None,
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
            secrets: &Keeper::default(),
        };
        together::serve(tenants, &host, Some(beside))
    }

    /// The file with more options, if there is one.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// What is in that file is among the options of this command already.
    pub(super) fn has_options(&mut self, file: PathBuf, options: toml::Table) {
        self.config = None;
        self.options = Some((file, options));
    }

    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if let Some(address) = self.control {
            return self.execute_managed(address, output, cache);
        }
        let (isolation, options) = (self.isolation, self.apart);
        let list = self.tenants.clone();
        let (audit, audit_key) = (self.audit.clone(), self.audit_key.clone());
        let (metrics, otlp) = (self.metrics, self.otlp.clone());
        let (secrets, secrets_key) = (self.secrets.clone(), self.secrets_key.clone());
        let tenants = tenants(self)?;
        let guarded = own::guarded(&tenants, list.as_deref(), cache);
        let keeper = Keeper::open(secrets.as_deref(), secrets_key.as_deref(), &guarded)?;
        let wanted = Wanted {
            audit: audit.clone(),
            audit_key: audit_key.clone(),
            metrics,
            otlp,
        };
        let watching = &Watching::new(wanted, &guarded)?;
        match isolation {
            Isolation::None => {
                let host = together::Host {
                    output,
                    cache,
                    guarded: &guarded,
                    watching,
                    secrets: &keeper,
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
                    secrets: &keeper,
                    secrets_at: [secrets.as_deref(), secrets_key.as_deref()],
                    list: list.as_deref(),
                    root: None,
                };
                apart::serve(&tenants, &host)
            }
            #[cfg(not(target_os = "linux"))]
            Isolation::Process => {
                let _ = options;
                Err(only_on_linux())
            }
        }
    }
}

impl ServeCommand {
    /// Serves whom the control plane at `address` says.
    fn execute_managed(
        self,
        address: SocketAddr,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        let root = data_dir(self.data)?;
        let guarded = own::guarded(&[], None, cache);
        guarded.keep(&root, "the data of all tenants");
        let keeper = Keeper::open(
            self.secrets.as_deref(),
            self.secrets_key.as_deref(),
            &guarded,
        )?;
        let wanted = Wanted {
            audit: self.audit.clone(),
            audit_key: self.audit_key.clone(),
            metrics: self.metrics,
            otlp: self.otlp.clone(),
        };
        let watching = &Watching::new(wanted, &guarded)?;
        let managed = managed::Managed {
            root: root.clone(),
            address,
            new_token: self.new_token,
            declared: managed::Declared {
                options: self.options,
                tenants: self.tenants,
            },
            guarded: &guarded,
            watching,
            audit: self.audit.clone(),
            audit_key: self.audit_key.clone(),
            secrets: keeper.clone(),
            secrets_at: self.secrets.clone(),
            output,
            unheld: match self.isolation {
                Isolation::None => managed::Unheld::in_one_process(),
                Isolation::Process => managed::Unheld::default(),
            },
        };
        match self.isolation {
            Isolation::None => {
                let host = together::Host {
                    output,
                    cache,
                    guarded: &guarded,
                    watching,
                    secrets: &keeper,
                };
                together::serve_managed(&managed, &host)
            }
            #[cfg(target_os = "linux")]
            Isolation::Process => {
                let host = apart::Host {
                    options: &self.apart,
                    output,
                    cache,
                    guarded: &guarded,
                    watching,
                    audit: self.audit.as_deref(),
                    audit_key: self.audit_key.as_deref(),
                    secrets: &keeper,
                    secrets_at: [self.secrets.as_deref(), self.secrets_key.as_deref()],
                    list: None,
                    root: Some(&root),
                };
                apart::serve_managed(&managed, &host)
            }
            #[cfg(not(target_os = "linux"))]
            Isolation::Process => Err(only_on_linux()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn only_on_linux() -> CliError {
    CliError::Usage("--isolation process works on Linux only; leave it out".to_owned())
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
            quotas: Quotas::default(),
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
        keys: None,
        is_listed,
    })
}

/// Listens for a tenant, if it may.
async fn bind(checked: &Checked) -> Result<Bound, CliError> {
    let tokens = Tokens {
        single: checked.tenant.token.as_deref(),
        keys: checked.keys.clone(),
    };
    let bound = Bound::new(checked.address, tokens, checked.origins.clone()).await;
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
