//! Every Worker in a process of its own. This one binds the sockets, starts the others and starts them
//! again; it loads no guest, opens no Worker's data, and no byte of a client passes through it.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};

use super::{Announced, ApartOptions, Checked, STOPPING, bind};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::signals::Signals;
use crate::cli::{CacheOptions, load};
use crate::policy::Policy;
use crate::tenant::Tenant;
use crate::tenant::file::check_apart;
use crate::tenant::supervisor::{Ended, Event, Orders, Restarts, Service, keep, pass_on_nothing};
use crate::worker::Places;

/// This program, as it was when it was started, whatever has become of its file.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// What of the environment concerns the host itself.
const ENVIRONMENT: [&str; 5] = ["EWH_LOG", "LANG", "LC_ALL", "RUST_BACKTRACE", "TZ"];

pub(super) fn serve(
    tenants: Vec<Checked>,
    options: &ApartOptions,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    pass_on_nothing().map_err(CliError::Machine)?;
    // One thread: a process dies with the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Machine)?;
    runtime.block_on(serve_all(&tenants, options, output, cache))
}

async fn serve_all(
    tenants: &[Checked],
    options: &ApartOptions,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    let mut signals = Signals::catch()?;
    let bound = try_join_all(tenants.iter().map(bind)).await?;
    for checked in tenants {
        make_folder(&checked.tenant.data)?;
    }
    // Again, now that they are there: a link may lead from one into another.
    check_apart(tenants.iter().map(|checked| &checked.tenant)).map_err(CliError::Usage)?;
    let orders = Orders::default();
    let restarts = Restarts {
        longest_pause: Duration::from_secs(options.longest_pause),
        only_once_begun: tenants.len() == 1,
    };
    let mut keeping = Vec::new();
    for (checked, bound) in tenants.iter().zip(bound) {
        let address = bound.address();
        let listener = bound.into_listener().map_err(CliError::Machine)?;
        let start = start(checked, options, output.verbose(), cache);
        let service = Service {
            listener: listener.into(),
            command: Box::new(move || start.command()),
        };
        let orders = &orders;
        keeping.push(async move {
            let tell = |event| show(event, checked, address, output);
            keep(&service, restarts, orders, &tell).await
        });
    }
    let mut keeping = std::pin::pin!(join_all(keeping));
    tokio::select! {
        ended = &mut keeping => return Ok(exit(&ended)),
        _signal = signals.next() => orders.stop.cancel(),
    }
    output.note(STOPPING);
    tokio::select! {
        _ended = &mut keeping => Ok(Exit::Ok),
        signal = signals.next() => {
            orders.kill.cancel();
            keeping.await;
            Ok(signal)
        }
    }
}

fn make_folder(data: &Path) -> Result<(), CliError> {
    let places = Places {
        data: data.to_owned(),
    };
    Ok(places.make()?)
}

/// All went well, or the one that never began says why not.
fn exit(ended: &[Ended]) -> Exit {
    let code = ended.iter().find_map(|ended| match ended {
        Ended::NeverBegan(code) => Some(*code),
        Ended::Stopped => None,
    });
    let Some(code) = code else {
        return Exit::Ok;
    };
    let known = Exit::ALL.into_iter();
    let mut known = known.filter(|exit| i32::from(exit.code()) == code);
    known.next().unwrap_or(Exit::Host)
}

/// Tells the operator what happens to a tenant's process.
fn show(event: Event, checked: &Checked, address: SocketAddr, output: &Output) {
    let of = checked
        .listed()
        .map(|name| format!("{name}: "))
        .unwrap_or_default();
    match event {
        Event::Ready { pid, uuid, name } => {
            let announced = Announced {
                tenant: checked.listed(),
                address,
                uuid,
                name: &name,
                pid: Some(pid),
            };
            // Tenants are served whether somebody reads this or not.
            let _ = announced.show(output);
        }
        Event::Said(line) => output.note(&format!("{of}{line}")),
        Event::Died { how, pause } => {
            let pause = pause.as_millis();
            output.note(&format!(
                "{of}its process {how}; starting it again in {pause} ms"
            ));
        }
    }
}

/// How the process of a tenant is started.
struct Start {
    arguments: Vec<OsString>,
    token: Option<String>,
    policy: Option<PathBuf>,
    places: Places,
}

fn start(checked: &Checked, options: &ApartOptions, verbose: u8, cache: &CacheOptions) -> Start {
    let tenant = &checked.tenant;
    let mut arguments = vec![OsString::from("serve-tenant")];
    let mut add = |option: &str, value: &OsStr| {
        let mut argument = OsString::from(option);
        argument.push("=");
        argument.push(value);
        arguments.push(argument);
    };
    add("--parent", std::process::id().to_string().as_ref());
    add("--data", tenant.data.as_ref());
    if let Some(name) = &tenant.name {
        add("--name", name.as_ref());
    }
    if let Some(policy) = &tenant.policy {
        add("--policy", policy.as_ref());
    }
    if let Some(memory) = tenant.memory {
        add("--memory", memory.as_u64().to_string().as_ref());
    }
    for origin in &checked.origins {
        add("--allow-origin", origin.as_str().as_ref());
    }
    if cache.no_cache {
        arguments.push("--no-cache".into());
    } else {
        add("--cache-dir", cache_of(tenant, cache).as_ref());
    }
    arguments.extend((0..verbose).map(|_| OsString::from("--verbose")));
    if options.allow_weaker_isolation {
        arguments.push("--allow-weaker-isolation".into());
    }
    Start {
        arguments,
        token: tenant.token.clone(),
        policy: tenant.policy.clone(),
        places: Places {
            data: tenant.data.clone(),
        },
    }
}

/// A cache of its own: a tenant that could write what another loads would have it.
fn cache_of(tenant: &Tenant, cache: &CacheOptions) -> PathBuf {
    match &cache.cache_dir {
        Some(dir) => dir.join(tenant.name.as_deref().unwrap_or("worker")),
        None => tenant.data.join("cache"),
    }
}

impl Start {
    fn command(&self) -> Command {
        let mut command = Command::new(THIS_PROGRAM);
        command.arg0("ewh").args(&self.arguments);
        // Ctrl-C is for this process, which tells the others.
        command.process_group(0);
        command.env_clear();
        let granted = self.granted_variables();
        let names = ENVIRONMENT.iter().copied();
        for name in names.chain(granted.iter().map(String::as_str)) {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        match &self.token {
            Some(token) => command.env("EWH_TOKEN", token),
            None => command.env_remove("EWH_TOKEN"),
        };
        command
    }

    /// The variables that the tenant's policies pass on. What is wrong with a policy is told by who
    /// uses it.
    fn granted_variables(&self) -> Vec<String> {
        let own = load::policy(self.policy.as_deref()).ok();
        let of_modules = self.places.module_policies();
        let of_modules = of_modules.iter().filter_map(|path| Policy::load(path).ok());
        let grants = own.into_iter().chain(of_modules);
        let grants = grants.filter_map(|policy| policy.env);
        grants.flat_map(|grant| grant.inherit).collect()
    }
}
