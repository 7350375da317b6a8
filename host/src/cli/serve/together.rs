//! Every Worker in this process, each with a server of its own.

use futures_util::future::{join_all, try_join_all};
use tokio_util::sync::CancellationToken;

use super::{Announced, Checked, STOPPING, bind, own};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::signals::Signals;
use crate::cli::{CacheOptions, load};
use crate::engine::Engine;
use crate::policy::{Guarded, Policy};
use crate::server::{Bound, Server};
use crate::worker::{DefaultPolicy, Worker, WorkerOptions};

pub(super) fn serve(
    tenants: Vec<Checked>,
    guarded: &Guarded,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    let engine = load::server_engine(cache, cache.trust()?)?;
    let runtime = load::server_runtime()?;
    let ended = runtime.block_on(serve_all(tenants, guarded, engine, output));
    // What may still block is of no use any more.
    runtime.shutdown_background();
    ended
}

async fn serve_all(
    tenants: Vec<Checked>,
    guarded: &Guarded,
    engine: Engine,
    output: &Output,
) -> Result<Exit, CliError> {
    let mut signals = Signals::catch()?;
    // First: who cannot be reached need not start anything.
    let bound = try_join_all(tenants.iter().map(bind)).await?;
    bound.iter().for_each(|it| guarded.listen(it.address()));
    for Checked { tenant, .. } in &tenants {
        own::policy(tenant.policy.as_deref(), &tenant.data, guarded)?;
    }
    let opening = async {
        let _progress = output.progress("starting");
        let each = tenants.iter().zip(bound);
        try_join_all(each.map(|(tenant, bound)| open(tenant, bound, guarded, engine.clone()))).await
    };
    let servers = tokio::select! {
        servers = opening => servers?,
        signal = signals.next() => return Ok(signal),
    };
    for (checked, (server, worker)) in tenants.iter().zip(&servers) {
        let announced = Announced {
            tenant: checked.listed(),
            address: server.address(),
            uuid: worker.uuid(),
            name: worker.name(),
            pid: None,
        };
        announced.show(output)?;
    }
    let servers: Vec<_> = servers.into_iter().map(|(server, _)| server).collect();
    let stopping = || output.note(STOPPING);
    Ok(run(servers, &mut signals, stopping).await)
}

async fn open(
    checked: &Checked,
    bound: Bound,
    guarded: &Guarded,
    engine: Engine,
) -> Result<(Server, Worker), CliError> {
    let tenant = &checked.tenant;
    let policy = match &tenant.policy {
        Some(path) => DefaultPolicy::file(path.clone(), guarded.clone()),
        None => DefaultPolicy::fixed(Policy::default(), guarded.clone()),
    };
    let options = WorkerOptions {
        data: tenant.data.clone(),
        name: tenant.name.clone(),
        policy,
        engine,
    };
    let worker = Worker::open(options).await?;
    let files = worker.places().open_files()?;
    Ok((Server::new(bound, worker.clone(), files), worker))
}

/// Runs until clients have stopped every server, or a signal does, which is told to `stopping`.
pub(super) async fn run(
    servers: Vec<Server>,
    signals: &mut Signals,
    stopping: impl FnOnce(),
) -> Exit {
    let stops: Vec<CancellationToken> = servers.iter().map(Server::stop).collect();
    let mut serving = std::pin::pin!(join_all(servers.into_iter().map(Server::run)));
    tokio::select! {
        _ended = &mut serving => return Exit::Ok,
        _signal = signals.next() => stops.iter().for_each(CancellationToken::cancel),
    }
    stopping();
    tokio::select! {
        _ended = &mut serving => Exit::Ok,
        signal = signals.next() => signal,
    }
}
