//! Every Worker in a process of its own. This one binds the sockets, starts the others and starts them
//! again, and starts for them what compiles; it loads no guest, opens no Worker's data, and no byte of a client or of
//! a component passes through it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::{join_all, try_join_all};

use tokio::sync::Notify;
use tracing::subscriber::{NoSubscriber, with_default};

use super::{Announced, ApartOptions, Checked, STOPPING, Watching, bind, own};
use crate::audit::{Auditor, Kind, Origin, Record};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::program::this_program;
use crate::cli::signals::Signals;
use crate::cli::{CacheOptions, load, prepare};
use crate::limits;
use crate::metrics::Gauges;
use crate::policy::{Guarded, Policy, Until};
use crate::tenant::Tenant;
use crate::tenant::channel::Compilers;
use crate::tenant::confine::Reach;
use crate::tenant::file::check_apart;
use crate::tenant::supervisor::{Ended, Event, Orders, Restarts, Service, keep, pass_on_nothing};
use crate::worker::DataDir;

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
    /// The tenants file, if there is one.
    pub(super) list: Option<&'a Path>,
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
    let compilers = Arc::new(Compilers::new(prepare::program()?));
    let mut keeping = Vec::new();
    for (checked, bound) in tenants.iter().zip(bound) {
        let address = bound.address();
        let listener = bound.into_listener().map_err(CliError::Machine)?;
        let start = start(checked, tenants, host)?;
        let policies = Policies::of(&start);
        let again = Arc::new(Notify::new());
        let service = Service {
            listener: listener.into(),
            command: Box::new(move || start.command()),
            again: Arc::clone(&again),
            compilers: Arc::clone(&compilers),
        };
        let orders = &orders;
        keeping.push(async move {
            let (watching, tenant) = (host.watching, checked.tenant.label());
            let auditor = watching.auditor.of_tenant(tenant);
            watching.gauges.expect(tenant);
            let tell = |event| {
                write_down(&event, &auditor);
                gauge(&event, tenant, &watching.gauges);
                show(event, checked, address, output);
            };
            tokio::select! {
                ended = keep(&service, restarts, orders, &tell) => ended,
                never = policies.watch(&again) => match never {},
            }
        });
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
        Event::Said(_) | Event::Uses { .. } => {}
    }
}

/// Keeps what is known of a tenant for who measures.
fn gauge(event: &Event, tenant: &str, gauges: &Gauges) {
    match event {
        Event::Ready { .. } => gauges.is_up(tenant),
        Event::Died { .. } => gauges.has_died(tenant),
        Event::Uses { anew, usage } => gauges.uses(tenant, *anew, usage.clone()),
        Event::Said(_) | Event::Happened(_) => {}
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
        Event::Happened(_) | Event::Uses { .. } => {}
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
        host.audit,
        host.audit_key,
        cache.cache_dir.as_deref(),
    ];
    for place in places.into_iter().flatten() {
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
    if host.audit.is_some() {
        arguments.push("--audited".into());
    }
    if host.watching.metrics.is_some() {
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

/// The policies of a tenant. What its process reaches is made from them when it starts, so it starts
/// again when that changes: what was taken away is out of its reach then, whoever runs in it. What changes
/// in them besides, it is held to by itself.
struct Policies {
    of_tenant: Option<PathBuf>,
    data_dir: DataDir,
}

/// What policies say: a digest of each, or why it cannot be read.
type Said = Vec<(PathBuf, Result<blake3::Hash, io::ErrorKind>)>;

/// What comes of policies for who serves under them.
#[derive(Debug, PartialEq)]
struct Outcome {
    reach: Reach,
    /// The variables that are passed on.
    inherited: Vec<String>,
    /// Those that are none.
    wrong: Vec<PathBuf>,
    /// What the one for modules without their own says: its process reads that when it starts.
    by_default: Option<Result<blake3::Hash, io::ErrorKind>>,
}

/// The policies at one look.
struct Seen {
    said: Said,
    outcome: Outcome,
    /// When the first of their grants ends.
    ends: Option<Until>,
}

impl Policies {
    fn of(start: &Start) -> Self {
        Self {
            of_tenant: start.policy.clone(),
            data_dir: start.data_dir.clone(),
        }
    }

    /// Asks for a start whenever another one would reach something else.
    async fn watch(self, again: &Notify) -> std::convert::Infallible {
        let policies = Arc::new(self);
        let mut before = None;
        loop {
            let looking = Arc::clone(&policies);
            let looked = tokio::task::spawn_blocking(move || looking.look(before)).await;
            before = match looked {
                Ok((seen, is_other)) => {
                    if is_other {
                        again.notify_one();
                    }
                    Some(seen)
                }
                // It fails only where the host shuts down.
                Err(_) => None,
            };
            tokio::time::sleep(limits::POLICIES_ARE_READ_EVERY).await;
        }
    }

    /// The policies now, and whether something else comes of them than `before`.
    fn look(&self, before: Option<Seen>) -> (Seen, bool) {
        let said = self.said();
        let has_ended = |seen: &Seen| seen.ends.is_some_and(|it| it.is_past(SystemTime::now()));
        let before = match before {
            Some(seen) if seen.said == said && !has_ended(&seen) => return (seen, false),
            before => before,
        };
        // What is wrong with them is told by who uses them.
        let silence = NoSubscriber::default();
        let (mut outcome, ends) = with_default(silence, || outcome(&said));
        let of_tenant = |(path, _): &&(PathBuf, _)| Some(path) == self.of_tenant.as_ref();
        let by_default = said.iter().find(of_tenant);
        outcome.by_default = by_default.map(|(_, digest)| *digest);
        let is_other = before.is_some_and(|before| before.outcome != outcome);
        let seen = Seen {
            said,
            outcome,
            ends,
        };
        (seen, is_other)
    }

    fn said(&self) -> Said {
        let listed = self.data_dir.module_policies();
        let unlisted = listed
            .is_err()
            .then(|| (self.data_dir.policies(), Err(io::ErrorKind::Other)));
        let files = listed.unwrap_or_default().into_iter();
        let said = files.chain(self.of_tenant.clone()).map(|path| {
            let digest = digest(&path).map_err(|error| error.kind());
            (path, digest)
        });
        said.chain(unlisted).collect()
    }
}

/// What comes of the policies that `said` names, and when the first of their grants ends.
fn outcome(said: &Said) -> (Outcome, Option<Until>) {
    let mut outcome = Outcome {
        reach: Reach::default(),
        inherited: Vec::new(),
        wrong: Vec::new(),
        by_default: None,
    };
    let mut ends = None;
    for (path, _) in said {
        match Policy::load(path) {
            Ok(policy) => {
                outcome.reach.grant(&policy);
                ends = ends.into_iter().chain(policy.ends()).min();
                let inherited = policy.env.map(|grant| grant.inherit);
                outcome.inherited.extend(inherited.into_iter().flatten());
            }
            Err(_) => outcome.wrong.push(path.clone()),
        }
    }
    (outcome, ends)
}

/// Of as much as a policy may have.
fn digest(path: &Path) -> io::Result<blake3::Hash> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    io::Read::read_to_end(
        &mut io::Read::take(file, limits::MAX_POLICY_BYTES + 1),
        &mut bytes,
    )?;
    Ok(blake3::hash(&bytes))
}
