//! Every Worker in a process of its own. This one binds the sockets, starts the others and starts them
//! again, and starts for them what compiles; it loads no guest, opens no Worker's data, and no byte of a client or of
//! a component passes through it.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use external_worker_traces::Call;
use external_worker_traces::send::Traces;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all, try_join_all};
use tokio::sync::{Mutex, Notify};

use super::managed::{Desk, Managed, Serves};
use super::secrets::Keeper;
use super::shared::Shared;
use super::{Announced, ApartOptions, Checked, STOPPING, Watching, bind, own};
use crate::audit::{Auditor, Kind, Origin, Record};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::program::this_program;
use crate::cli::signals::Signals;
use crate::cli::{CacheOptions, load};
use crate::metrics::Gauges;
use crate::policy::{Guarded, Policy};
use crate::server::{Bound, Keyring};
use crate::tenant::Tenant;
use crate::tenant::broker::Broker;
use crate::tenant::file::check_apart;
use crate::tenant::policies::Policies;
use crate::tenant::supervisor::{Ended, Event, Orders, Restarts, Service, keep, pass_on_nothing};
use crate::worker::{DataDir, Quotas};

/// What of the environment concerns the host itself.
const ENVIRONMENT: [&str; 7] = [
    "EWH_LOG",
    "LANG",
    "LC_ALL",
    "RUST_BACKTRACE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TZ",
];

/// What all processes have in common.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) options: &'a ApartOptions,
    pub(super) output: &'a Output,
    pub(super) cache: &'a CacheOptions,
    /// What belongs to the host.
    pub(super) guarded: &'a Guarded,
    pub(super) watching: &'a Watching,
    /// Where the audit log is, if there is one.
    pub(super) audit: Option<&'a Path>,
    /// Where its key is, if not there.
    pub(super) audit_key: Option<&'a Path>,
    pub(super) secrets: &'a Keeper,
    /// Where the secrets are, and their key, if there are some.
    pub(super) secrets_at: [Option<&'a Path>; 2],
    /// The tenants file, if there is one.
    pub(super) list: Option<&'a Path>,
    /// Where all data is, if tenants come and go.
    pub(super) root: Option<&'a Path>,
}

pub(super) fn serve(tenants: &[Checked], host: &Host<'_>) -> Result<Exit, CliError> {
    pass_on_nothing().map_err(CliError::Machine)?;
    // One thread: a process dies with the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Machine)?;
    runtime.block_on(serve_all(tenants, host))
}

async fn serve_all(tenants: &[Checked], host: &Host<'_>) -> Result<Exit, CliError> {
    let output = host.output;
    let mut signals = Signals::catch()?;
    let bound = try_join_all(tenants.iter().map(bind)).await?;
    bound
        .iter()
        .for_each(|it| host.guarded.listen(it.address()));
    for checked in tenants {
        make_folder(&checked.tenant.data)?;
    }
    // Again, now that they are there: a link may lead from one into another.
    check_apart(tenants.iter().map(|checked| &checked.tenant)).map_err(CliError::Usage)?;
    for Checked { tenant, .. } in tenants {
        own::policy(tenant.policy.as_deref(), &tenant.data, host.guarded)?;
    }
    let orders = Orders::default();
    let restarts = Restarts {
        longest_pause: Duration::from_secs(host.options.longest_pause),
        only_once_begun: tenants.len() == 1,
    };
    let shared = Shared::new()?;
    if let (Err(caveat), 2..) = (&shared.cgroups, tenants.len()) {
        output.note(caveat);
    }
    let mut keeping = Vec::new();
    for (checked, bound) in tenants.iter().zip(bound) {
        let start = start(checked, tenants, host)?;
        let kept = Kept::new(checked, bound, start, None, host, &shared)?;
        keeping.push(kept.keep(host, restarts, &orders));
    }
    let mut keeping = std::pin::pin!(join_all(keeping));
    tokio::select! {
        ended = &mut keeping => return Ok(exit(&ended)),
        failed = host.watching.serve(host.guarded, output) => match failed? {},
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

/// Serves whom the control plane says, each in a process of its own.
pub(super) fn serve_managed(managed: &Managed<'_>, host: &Host<'_>) -> Result<Exit, CliError> {
    pass_on_nothing().map_err(CliError::Machine)?;
    // One thread: a process dies with the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Machine)?;
    let there = There {
        host: *host,
        shared: Shared::new()?,
    };
    if let Err(caveat) = &there.shared.cgroups {
        host.output.note(caveat);
        managed.has_no_shares(caveat);
    }
    runtime.block_on(managed.serve(&there))
}

/// Serves managed tenants in processes.
struct There<'a> {
    host: Host<'a>,
    shared: Shared,
}

impl There<'_> {
    async fn keep(&self, checked: Checked, bound: Bound, desk: Desk) -> Result<(), CliError> {
        let host = &self.host;
        make_folder(&checked.tenant.data)?;
        let orders = Orders {
            stop: desk.stop.clone(),
            ..Orders::default()
        };
        let restarts = Restarts {
            longest_pause: Duration::from_secs(host.options.longest_pause),
            only_once_begun: false,
        };
        let start = start(&checked, &[], host)?;
        let kept = Kept::new(&checked, bound, start, Some(desk), host, &self.shared)?;
        kept.keep(host, restarts, &orders).await;
        Ok(())
    }
}

impl Serves for There<'_> {
    fn serve(&self, checked: Checked, bound: Bound, desk: Desk) -> LocalBoxFuture<'_, ()> {
        async {
            if let Err(error) = self.keep(checked, bound, desk).await {
                self.host.output.note(&error.to_string());
            }
        }
        .boxed_local()
    }
}

/// A tenant whose process is kept alive.
struct Kept<'a> {
    checked: &'a Checked,
    address: SocketAddr,
    service: Service,
    auditor: Auditor,
    policies: Policies,
    /// Of one that is managed.
    desk: Option<Desk>,
}

impl<'a> Kept<'a> {
    fn new(
        checked: &'a Checked,
        bound: Bound,
        start: Start,
        mut desk: Option<Desk>,
        host: &Host<'_>,
        shared: &Shared,
    ) -> Result<Self, CliError> {
        let address = bound.address();
        let listener = bound.into_listener().map_err(CliError::Machine)?;
        let policies = Policies {
            of_tenant: start.policy.clone(),
            data_dir: start.data_dir.clone(),
        };
        let auditor = host.watching.auditor.of_tenant(checked.tenant.label());
        let broker = Broker::new(policies.clone(), host.guarded.clone(), auditor.clone());
        let secrets = match host.secrets.keeps() {
            true => Some(host.secrets.of(checked.tenant.label())?),
            false => None,
        };
        let questions = desk.as_mut().and_then(Desk::take_questions);
        let group = shared.group(&checked.tenant, host.output);
        let service = Service {
            listener: listener.into(),
            command: Box::new(move || start.command()),
            again: Arc::new(Notify::new()),
            compilers: Arc::new(shared.compilers.of(group.clone())),
            group,
            broker: Arc::new(broker),
            keys: checked.keys.as_ref().map(Keyring::subscribe),
            secrets: secrets.map(|secrets| secrets.subscribe()),
            questions: questions.map(Mutex::new),
        };
        Ok(Self {
            checked,
            address,
            service,
            auditor,
            policies,
            desk,
        })
    }

    async fn keep(self, host: &Host<'_>, restarts: Restarts, orders: &Orders) -> Ended {
        let (watching, tenant) = (host.watching, self.checked.tenant.label());
        watching.gauges.expect(tenant);
        let tell = |event| {
            write_down(&event, &self.auditor);
            gauge(&event, tenant, &watching.gauges);
            trace(&event, tenant, watching.traces.as_ref());
            if let Some(desk) = &self.desk {
                put_down(&event, desk, self.address);
            }
            show(event, self.checked, self.address, host.output);
        };
        let (again, broker) = (
            Arc::clone(&self.service.again),
            Arc::clone(&self.service.broker),
        );
        tokio::select! {
            ended = keep(&self.service, restarts, orders, &tell) => ended,
            never = self.policies.watch(&broker, &again) => match never {},
        }
    }
}

fn make_folder(data: &Path) -> Result<(), CliError> {
    let data_dir = DataDir {
        data: data.to_owned(),
    };
    Ok(data_dir.make()?)
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

/// Writes down what happens to a tenant's process, and in it, as it says itself.
fn write_down(event: &Event, auditor: &Auditor) {
    match event {
        Event::Ready { pid, .. } => {
            let what = format_args!("its process, {pid}");
            auditor.note(Record::new(Kind::Start).what(what));
        }
        Event::Again => {
            let record = Record::new(Kind::Restart).what("its process");
            auditor.note_often(Kind::Restart, |_| record.reason(ANOTHER));
        }
        Event::Died { how, .. } => {
            let record = Record::new(Kind::Restart).what("its process");
            auditor.note_often(Kind::Restart, |_| record.reason(how));
        }
        Event::Happened(said) => {
            let mut said = said.clone().by(Origin::Tenant);
            // It says what it likes, and not whose it is.
            said.tenant = None;
            auditor.note(said);
        }
        Event::Said(_) | Event::Uses { .. } | Event::Called { .. } => {}
    }
}

/// Tells the calls of a tenant to who collects traces.
fn trace(event: &Event, tenant: &str, traces: Option<&Traces>) {
    if let (Event::Called { calls, lost }, Some(traces)) = (event, traces) {
        traces.lose(*lost);
        for call in calls {
            // It says what it likes, and not whose it is.
            traces.tell(Call {
                tenant: Some(tenant.to_owned()),
                ..call.clone()
            });
        }
    }
}

/// Why a process ends that was asked to.
const ANOTHER: &str = "what its policies grant now needs another process";

/// Says what becomes of a tenant to who manages it.
fn put_down(event: &Event, desk: &Desk, address: SocketAddr) {
    match event {
        Event::Ready { pid, uuid, .. } => desk.serves(address, *uuid, Some(*pid)),
        Event::Again => desk.is_down(ANOTHER.to_owned()),
        Event::Died { how, .. } => desk.is_down(format!("its process {how}")),
        Event::Said(_) | Event::Happened(_) | Event::Uses { .. } | Event::Called { .. } => {}
    }
}

/// Keeps what is known of a tenant for who measures.
fn gauge(event: &Event, tenant: &str, gauges: &Gauges) {
    match event {
        Event::Ready { .. } => gauges.is_up(tenant),
        Event::Again | Event::Died { .. } => gauges.has_died(tenant),
        Event::Uses { anew, usage } => gauges.uses(tenant, *anew, usage.clone()),
        Event::Said(_) | Event::Happened(_) | Event::Called { .. } => {}
    }
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
        Event::Happened(_) | Event::Uses { .. } | Event::Called { .. } => {}
        Event::Again => output.note(&format!("{of}{ANOTHER}")),
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
    program: PathBuf,
    arguments: Vec<OsString>,
    token: Option<String>,
    policy: Option<PathBuf>,
    data_dir: DataDir,
}

fn start(checked: &Checked, all: &[Checked], host: &Host<'_>) -> Result<Start, CliError> {
    let cache = host.cache;
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
    let Quotas {
        instances,
        modules,
        disk,
        // The kernel's to hold: nobody else runs guests in that process.
        cpu_weight: _,
    } = tenant.quotas;
    let counts = [("--instances", instances), ("--modules", modules)];
    let counts = counts.map(|(option, count)| (option, count.map(u64::from)));
    for (option, most) in counts.into_iter().chain([("--disk", disk)]) {
        if let Some(most) = most {
            add(option, most.to_string().as_ref());
        }
    }
    for origin in &checked.origins {
        add("--allow-origin", origin.as_str().as_ref());
    }
    for other in all.iter().map(|other| &other.tenant) {
        if other.data != tenant.data {
            add("--beside-data", other.data.as_ref());
        }
        if let Some(policy) = &other.policy {
            add("--beside", policy.as_ref());
        }
    }
    let places = [
        host.list,
        host.root,
        host.audit,
        host.audit_key,
        cache.cache_dir.as_deref(),
    ];
    for place in places.into_iter().chain(host.secrets_at).flatten() {
        add("--beside", place.as_ref());
    }
    for (file, _) in load::operators(cache) {
        add("--beside", file.as_ref());
    }
    add("--beside", load::PROCESSES.as_ref());
    let listens = host.guarded.listens().into_iter();
    for address in listens.chain(host.watching.metrics) {
        add("--listens", address.to_string().as_ref());
    }
    if let Some(runtime) = cache.python() {
        add("--python", runtime.as_ref());
    }
    if cache.no_cache {
        arguments.push("--no-cache".into());
    } else {
        add("--cache-dir", cache_of(tenant, cache).as_ref());
    }
    arguments.extend(cache.ca_arguments());
    arguments.extend((0..host.output.verbose()).map(|_| OsString::from("--verbose")));
    if checked.keys.is_some() {
        arguments.push("--keyed".into());
    }
    if host.secrets.keeps() {
        arguments.push("--with-secrets".into());
    }
    if host.audit.is_some() {
        arguments.push("--audited".into());
    }
    if host.watching.traces.is_some() {
        arguments.push("--traced".into());
    }
    if host.watching.metrics.is_some() || host.root.is_some() {
        arguments.push("--measured".into());
    }
    if host.options.allow_weaker_isolation {
        arguments.push("--allow-weaker-isolation".into());
    }
    Ok(Start {
        program: this_program().map_err(CliError::Machine)?,
        arguments,
        token: tenant.token.clone(),
        policy: tenant.policy.clone(),
        data_dir: DataDir {
            data: tenant.data.clone(),
        },
    })
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
        let mut command = Command::new(&self.program);
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
        let of_modules = self.data_dir.module_policies().unwrap_or_default();
        let of_modules = of_modules.iter().filter_map(|path| Policy::load(path).ok());
        let grants = own.into_iter().chain(of_modules);
        let grants = grants.filter_map(|policy| policy.env);
        grants.flat_map(|grant| grant.inherit).collect()
    }
}
