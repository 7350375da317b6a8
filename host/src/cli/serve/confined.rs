//! `ewh serve-tenant`: the process of one tenant. `ewh serve --isolation process` starts it, with the
//! socket to serve as its standard input, and what it says to that on its standard output; it confines itself, and
//! then serves like any other.

use std::cell::Cell;
use std::convert::Infallible;
use std::fs::DirBuilder;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use clap::Args;
use external_worker_secrets::harden_process;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::time::timeout;

use super::own;
use super::together::run;
use crate::audit::Auditor;
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::cli::{CacheOptions, load};
use crate::engine::{Apart, Compiling, Engine, Opener};
use crate::error::HostError;
use crate::limits;
use crate::policy::{Guarded, Policy};
use crate::server::{Bound, Keyring, Origin, Server, Tokens, refusal};
use crate::tenant::channel::{Opens, Speaks};
use crate::tenant::confine::{self, Asks, Reach, reach};
use crate::tenant::instruct::{Gathered, Instruction};
use crate::tenant::question::unavailable;
use crate::tenant::{self, asking};
use crate::worker::{DefaultPolicy, Quotas, Secrets, Worker, WorkerOptions};

/// Serve one tenant; `ewh serve --isolation process` starts this
#[derive(Debug, Args)]
pub struct ServeTenantCommand {
    /// The process that started this one; this one ends with it
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    policy: Option<PathBuf>,
    /// The most memory that this process may hold, in bytes
    #[arg(long)]
    memory: Option<u64>,
    /// How many external workers and node libraries its Worker may have
    #[arg(long)]
    instances: Option<u32>,
    /// How many modules it may have
    #[arg(long)]
    modules: Option<u32>,
    /// How many bytes its data may take on disk
    #[arg(long)]
    disk: Option<u64>,
    #[arg(long, env = "EWH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[arg(long)]
    allow_origin: Vec<Origin>,
    #[arg(long)]
    allow_weaker_isolation: bool,
    /// The data of another tenant of the host; no policy of this tenant may grant it
    #[arg(long)]
    beside_data: Vec<PathBuf>,
    /// Another path that belongs to the host
    #[arg(long)]
    beside: Vec<PathBuf>,
    /// Say what happens, for the audit log
    #[arg(long)]
    audited: bool,
    /// Say which calls have ended, for the traces
    #[arg(long)]
    traced: bool,
    /// Say what external workers do and use, for the metrics
    #[arg(long)]
    measured: bool,
    /// Let those in whose keys are told while this process serves, and do not serve before they are
    #[arg(long)]
    keyed: bool,
    /// Have the secrets that are told while this process serves, and do not open the Worker before they are
    #[arg(long)]
    with_secrets: bool,
    /// An address that the host listens on, for this tenant or another
    #[arg(long)]
    listens: Vec<SocketAddr>,
}

impl ServeTenantCommand {
    pub(in crate::cli) fn execute(self, cache: &CacheOptions) -> Result<Exit, CliError> {
        self.die_with_parent()?;
        let listener = listener()?;
        // Before there is a second thread, too: it is what this one has from now on, and those that it starts.
        let asks = confine::hand_over(io::stdout().as_fd())?;
        let guarded = self.guarded();
        let policy = own::policy(self.policy.as_deref(), &self.data, &guarded)?;
        let reach = self.prepare(&policy, &guarded, cache, asks)?;
        let trust = cache.trust()?;
        trust.read()?;
        // Where it is not brokered: who does that for it reads what this process passes on from its memory. It leaves no
        // core file either way.
        if self.with_secrets
            && asks == Asks::Nothing
            && let Err(error) = harden_process()
        {
            tracing::warn!("{error}");
        }
        // Before there is a second thread, and before anything is read that a guest or a client may
        // have made.
        confine::apply(&reach, self.allow_weaker_isolation)?;
        let runtime = load::server_runtime()?;
        let speaks = speaks(&runtime)?;
        // This process may start no other: who keeps it starts what compiles.
        let compiling = Compiling::Apart(Apart::by(Arc::new(speaks.clone())));
        let opener = opener(&speaks, &runtime, asks, reach);
        let engine = load::server_engine(cache, trust, compiling, opener)?;
        let data_dir = own::data_dir(&self.data);
        let policy = match self.policy.clone().filter(|path| data_dir.has(path)) {
            Some(path) => DefaultPolicy::file(path, guarded),
            None => DefaultPolicy::fixed(policy, guarded),
        };
        let ended = runtime.block_on(self.serve(listener, policy, engine, &speaks));
        runtime.shutdown_background();
        ended
    }

    /// Whoever watches over this process is gone: a new one starts its own.
    fn die_with_parent(&self) -> Result<(), CliError> {
        let failed = |error: rustix::io::Errno| CliError::Machine(error.into());
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
        // It may have died before.
        if getppid().map(Pid::as_raw_nonzero).map(i32::from) == Some(self.parent) {
            return Ok(());
        }
        Err(CliError::Usage(
            "only `ewh serve --isolation process` starts this command, and it is gone".to_owned(),
        ))
    }

    /// What belongs to the host, this tenant's part included.
    fn guarded(&self) -> Guarded {
        let guarded = Guarded::default();
        for data in self.beside_data.iter().chain([&self.data]) {
            own::data_dir(data).guard(&guarded);
        }
        for place in &self.beside {
            guarded.keep(place, "what belongs to this host");
        }
        for address in &self.listens {
            guarded.listen(*address);
        }
        guarded
    }

    /// Makes what this process will not be able to make, and says what it is to reach.
    fn prepare(
        &self,
        policy: &Policy,
        guarded: &Guarded,
        cache: &CacheOptions,
        asks: Asks,
    ) -> Result<Reach, CliError> {
        let data_dir = own::data_dir(&self.data);
        data_dir.prepare()?;
        let mut reach = reach::of_worker(&data_dir);
        reach.memory = self.memory;
        reach.is_brokered = asks != Asks::Nothing;
        reach.grant(policy);
        // Who may write what it is confined by is not confined: what grants that is not a policy.
        let own = guarded.but(&data_dir.files());
        for path in data_dir.module_policies()? {
            match Policy::load_beside(&path, &own) {
                Ok(policy) => reach.grant(&policy),
                // The module does not load either, and says so.
                Err(error) => tracing::debug!("{error}"),
            }
        }
        reach::spare(&mut reach, &guarded.ports());
        reach
            .read
            .extend(cache.python().filter(|file| file.is_file()));
        if let Some(dir) = &cache.cache_dir {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(|source| HostError::File {
                action: "create the cache directory",
                path: dir.clone(),
                source,
            })?;
            reach.write.push(dir.clone());
        }
        // What is not there yet is out of reach for good.
        reach.read.retain(|path| path.exists());
        reach.write.retain(|path| path.exists());
        Ok(reach)
    }

    async fn serve(
        self,
        listener: TcpListener,
        policy: DefaultPolicy,
        engine: Engine,
        speaks: &Speaks,
    ) -> Result<Exit, CliError> {
        let mut signals = Signals::catch()?;
        let token = self.token.filter(|token| !token.is_empty());
        let keys = self.keyed.then(Keyring::default);
        let told = keys.as_ref().map(Keyring::subscribe);
        let answers = Arc::new(OnceLock::new());
        let secrets = Secrets::default();
        let mut known = secrets.subscribe();
        let orders = Orders {
            keys: keys.clone(),
            secrets: secrets.clone(),
            worker: Arc::clone(&answers),
        };
        tokio::spawn(obey(speaks.clone(), orders));
        if self.with_secrets {
            tokio::select! {
                // It does not fail: there is who tells.
                _ = known.changed() => {}
                signal = signals.next() => return Ok(signal),
            }
        }
        let tokens = Tokens {
            single: token.as_deref(),
            keys,
        };
        let bound = Bound::adopt(listener, tokens, self.allow_origin);
        let bound = bound.map_err(CliError::Usage)?;
        let options = WorkerOptions {
            quotas: Quotas {
                instances: self.instances,
                modules: self.modules,
                disk: self.disk,
                // Nobody else runs guests in this process.
                cpu_weight: None,
            },
            data: self.data,
            name: self.name,
            policy,
            engine,
            auditor: match self.audited || self.traced {
                true => Auditor::new(speaks.reports(self.audited, self.traced)),
                false => Auditor::default(),
            },
            secrets,
        };
        let worker = tokio::select! {
            worker = Worker::open(options) => worker?,
            signal = signals.next() => return Ok(signal),
        };
        // Set once.
        let _ = answers.set(worker.clone());
        // What takes longer comes while it serves.
        let _ = timeout(limits::OPEN_PATIENCE, worker.loaded()).await;
        if let Some(mut told) = told {
            tokio::select! {
                // It fails only where nobody tells any more, and then nobody has a key.
                _ = told.changed() => {}
                signal = signals.next() => return Ok(signal),
            }
        }
        let server = Server::new(bound, worker.clone());
        let uuid = worker.uuid().simple().to_string();
        let said = speaks.serves(&uuid, worker.name()).await;
        said.map_err(CliError::Machine)?;
        let is_signalled = Cell::new(false);
        let measured = self.measured.then_some(worker);
        let ended = tokio::select! {
            ended = run(server, &mut signals, || is_signalled.set(true)) => ended,
            never = gauge(speaks, measured) => match never {},
        };
        // Only a client's stop is for good.
        Ok(match ended {
            Exit::Ok if is_signalled.get() => Exit::Terminated,
            ended => ended,
        })
    }
}

/// What who keeps this process tells it, and who is asked.
struct Orders {
    keys: Option<Keyring>,
    secrets: Secrets,
    worker: Arc<OnceLock<Worker>>,
}

/// Does what who keeps this process says.
async fn obey(speaks: Speaks, orders: Orders) {
    let Orders {
        keys,
        secrets,
        worker,
    } = orders;
    let mut gathered = Gathered::default();
    loop {
        match speaks.next().await {
            Ok((
                Instruction::LetIn {
                    first,
                    last,
                    keys: some,
                },
                _,
            )) => {
                let all = gathered.add(first, last, some);
                if let (Some(keys), Some(all)) = (&keys, all) {
                    keys.replace(all);
                }
            }
            Ok((Instruction::Secrets, with)) => {
                for given in with {
                    match tenant::secrets::read(given).await {
                        Ok(all) => secrets.replace(all),
                        Err(error) => tracing::error!("the secrets do not come whole: {error}"),
                    }
                }
            }
            Ok((Instruction::Ask, with)) => {
                // Before it serves, nobody answers.
                let worker = worker.get().cloned();
                for given in with {
                    tokio::spawn(answer(given, worker.clone()));
                }
            }
            Err(error) => {
                tracing::error!("what who keeps this process says is not understood: {error}");
                tokio::time::sleep(limits::TENANT_MESSAGES_EVERY).await;
            }
        }
    }
}

/// Answers a question, which is on `given`.
async fn answer(given: OwnedFd, worker: Option<Worker>) {
    let answered = asking::reply(given, async |ask| match worker {
        Some(worker) => worker.answer(ask).await.map_err(refusal::problem),
        None => Err(unavailable()),
    });
    if let Err(error) = answered.await {
        tracing::debug!("a question is not answered: {error}");
    }
}

/// Says again and again what external workers did and use, if anybody wants to know.
async fn gauge(speaks: &Speaks, measured: Option<Worker>) -> Infallible {
    let Some(worker) = measured else {
        return pending().await;
    };
    loop {
        if let Err(error) = speaks.uses(worker.usage()).await {
            tracing::debug!("who keeps this process does not learn what is used: {error}");
        }
        tokio::time::sleep(limits::USAGE_EVERY).await;
    }
}

/// Who opens devices for this process, and folders that it did not get when it started, where it can ask for them.
fn opener(speaks: &Speaks, runtime: &tokio::runtime::Runtime, asks: Asks, has: Reach) -> Opener {
    if asks == Asks::Nothing {
        return Opener::default();
    }
    let (speaks, runtime) = (speaks.clone(), runtime.handle().clone());
    let turn = Arc::new(Mutex::new(()));
    let open = move |path: &Path, what| {
        // One after the other: who asks for much at once is not answered.
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        speaks.open(path, what, &runtime)
    };
    let open_folder = open.clone();
    let devices = Opener::new(move |path| open(path, Opens::Device));
    if asks < Asks::Folders {
        return devices;
    }
    devices.with_folders(move |path, is_written| {
        let has_it = has.has_folder(path, is_written);
        (!has_it).then(|| open_folder(path, Opens::Folder))
    })
}

/// What this process was given to say that it serves, and what it wants.
fn speaks(runtime: &tokio::runtime::Runtime) -> Result<Speaks, CliError> {
    let given = io::stdout().as_fd().try_clone_to_owned();
    let _inside = runtime.enter();
    let speaks = given.and_then(Speaks::adopt);
    speaks.map_err(CliError::Machine)
}

/// The socket that this process was given.
fn listener() -> Result<TcpListener, CliError> {
    let given = io::stdin().as_fd().try_clone_to_owned();
    let given = given.map_err(CliError::Machine)?;
    match rustix::net::sockopt::socket_acceptconn(&given) {
        Ok(true) => Ok(given.into()),
        Ok(false) | Err(_) => Err(CliError::Usage(
            "standard input is not a listening socket; `ewh serve --isolation process` starts this"
                .to_owned(),
        )),
    }
}
