//! `ewh serve-tenant`: the process of one tenant. `ewh serve --isolation process` starts it, with the
//! socket to serve as its standard input, and what it says to that on its standard output; it confines itself, and
//! then serves like any other.

use std::cell::Cell;
use std::convert::Infallible;
use std::fs::DirBuilder;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::time::timeout;

use super::own;
use super::together::run;
use crate::audit::Auditor;
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::cli::{CacheOptions, load};
use crate::engine::{Apart, Compiling, Engine};
use crate::error::HostError;
use crate::limits;
use crate::policy::{Guarded, Policy};
use crate::server::{Bound, Origin, Server};
use crate::tenant::channel::Speaks;
use crate::tenant::confine::{self, Reach, reach};
use crate::worker::{DefaultPolicy, Worker, WorkerOptions};

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
    /// Say what external workers do and use, for the metrics
    #[arg(long)]
    measured: bool,
    /// An address that the host listens on, for this tenant or another
    #[arg(long)]
    listens: Vec<SocketAddr>,
}

impl ServeTenantCommand {
    pub(in crate::cli) fn execute(self, cache: &CacheOptions) -> Result<Exit, CliError> {
        self.die_with_parent()?;
        let listener = listener()?;
        let guarded = self.guarded();
        let policy = own::policy(self.policy.as_deref(), &self.data, &guarded)?;
        let reach = self.prepare(&policy, &guarded, cache)?;
        let trust = cache.trust()?;
        trust.read()?;
        // Before there is a second thread, and before anything is read that a guest or a client may
        // have made.
        confine::apply(&reach, self.allow_weaker_isolation)?;
        let runtime = load::server_runtime()?;
        let speaks = speaks(&runtime)?;
        // This process may start no other: who keeps it starts what compiles.
        let compiling = Compiling::Apart(Apart::by(Arc::new(speaks.clone())));
        let engine = load::server_engine(cache, trust, compiling)?;
        let policy = DefaultPolicy::fixed(policy, guarded);
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
    ) -> Result<Reach, CliError> {
        let data_dir = own::data_dir(&self.data);
        data_dir.prepare()?;
        let mut reach = reach::of_worker(&data_dir);
        reach.memory = self.memory;
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
        let bound = Bound::adopt(listener, token.as_deref(), self.allow_origin);
        let bound = bound.map_err(CliError::Usage)?;
        let options = WorkerOptions {
            data: self.data,
            name: self.name,
            policy,
            engine,
            auditor: match self.audited {
                true => Auditor::new(speaks.reports()),
                false => Auditor::default(),
            },
        };
        let worker = tokio::select! {
            worker = Worker::open(options) => worker?,
            signal = signals.next() => return Ok(signal),
        };
        // What takes longer comes while it serves.
        let _ = timeout(limits::OPEN_PATIENCE, worker.loaded()).await;
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
