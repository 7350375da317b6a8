//! Every Worker in this process, each with a server of its own.

use std::sync::Arc;

use std::convert::Infallible;
use std::future::pending;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, try_join_all};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::managed::{Desk, Managed, Serves};
use super::secrets::Keeper;
use super::{Announced, Beside, Checked, STOPPING, Watching, bind, own};
use crate::audit::{Auditor, Kind, Record};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::signals::Signals;
use crate::cli::{CacheOptions, load, prepare};
use crate::engine::{Apart, Compiling, Engine, Opener};
use crate::limits;
use crate::metrics::Gauges;
use crate::policy::{Guarded, Policy};
use crate::server::{Bound, Server, refusal};
use crate::tenant::question::{Question, unavailable};
use crate::worker::{DefaultPolicy, Secrets, Worker, WorkerOptions};

/// What all Workers have in common.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) output: &'a Output,
    pub(super) cache: &'a CacheOptions,
    /// What belongs to the host.
    pub(super) guarded: &'a Guarded,
    pub(super) watching: &'a Watching,
    pub(super) secrets: &'a Keeper,
}

pub(super) fn serve(
    tenants: Vec<Checked>,
    host: &Host<'_>,
    beside: Option<&dyn Beside>,
) -> Result<Exit, CliError> {
    pass_on_nothing();
    let engine = engine(host.cache)?;
    let runtime = load::server_runtime()?;
    let ended = runtime.block_on(serve_all(tenants, host, engine, beside));
    host.watching
        .auditor
        .note(Record::new(Kind::Stop).what("the host"));
    // What may still block is of no use any more.
    runtime.shutdown_background();
    ended
}

/// To the processes that compile, of what whoever started this one had open.
#[cfg(target_os = "linux")]
fn pass_on_nothing() {
    if let Err(error) = crate::tenant::supervisor::pass_on_nothing() {
        tracing::warn!("the processes that compile inherit open files of this one: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn pass_on_nothing() {}

/// The one that all Workers of this process have.
fn engine(cache: &CacheOptions) -> Result<Engine, CliError> {
    let apart = Apart::by(Arc::new(prepare::program()?));
    let (compiling, opener) = (Compiling::Apart(apart), Opener::default());
    load::server_engine(cache, cache.trust()?, compiling, opener)
}

/// Serves whom the control plane says, each in this process.
pub(super) fn serve_managed(managed: &Managed<'_>, host: &Host<'_>) -> Result<Exit, CliError> {
    pass_on_nothing();
    let engine = engine(host.cache)?;
    let runtime = load::server_runtime()?;
    let here = Here {
        host: *host,
        engine,
    };
    let ended = runtime.block_on(managed.serve(&here));
    host.watching
        .auditor
        .note(Record::new(Kind::Stop).what("the host"));
    runtime.shutdown_background();
    ended
}

/// Serves managed tenants in this process.
struct Here<'a> {
    host: Host<'a>,
    engine: Engine,
}

impl Serves for Here<'_> {
    fn serve(&self, checked: Checked, bound: Bound, mut desk: Desk) -> LocalBoxFuture<'_, ()> {
        async move {
            let (host, watching) = (self.host, self.host.watching);
            let secrets = match host.secrets.of(checked.tenant.label()) {
                Ok(secrets) => secrets,
                Err(error) => return host.output.note(&error.to_string()),
            };
            let tenant = Tenant {
                secrets,
                checked: &checked,
                guarded: host.guarded,
                engine: self.engine.clone(),
                auditor: watching.auditor.of_tenant(checked.tenant.label()),
                gauges: &watching.gauges,
                output: host.output,
                stop: desk.stop.clone(),
                is_alone: false,
                beside: None,
                questions: desk.take_questions(),
                desk: Some(desk),
            };
            // Only what is told to nobody can fail.
            if let Err(error) = tenant.serve(bound).await {
                host.output.note(&error.to_string());
            }
        }
        .boxed_local()
    }
}

async fn serve_all(
    tenants: Vec<Checked>,
    host: &Host<'_>,
    engine: Engine,
    beside: Option<&dyn Beside>,
) -> Result<Exit, CliError> {
    let Host {
        output,
        guarded,
        watching,
        ..
    } = *host;
    let mut signals = Signals::catch()?;
    // First: who cannot be reached need not start anything.
    let bound = try_join_all(tenants.iter().map(bind)).await?;
    bound.iter().for_each(|it| guarded.listen(it.address()));
    for Checked { tenant, .. } in &tenants {
        own::policy(tenant.policy.as_deref(), &tenant.data, guarded)?;
    }
    let all = tenants.iter();
    let secrets = all.map(|it| host.secrets.of(it.tenant.label()));
    let secrets = secrets.collect::<Result<Vec<_>, _>>()?;
    let stop = CancellationToken::new();
    let is_alone = tenants.len() == 1;
    let each = tenants.iter().zip(bound).zip(secrets);
    let serving = try_join_all(each.map(|((checked, bound), secrets)| {
        let tenant = Tenant {
            checked,
            secrets,
            guarded,
            engine: engine.clone(),
            auditor: watching.auditor.of_tenant(checked.tenant.label()),
            gauges: &watching.gauges,
            output,
            stop: stop.clone(),
            is_alone,
            beside,
            questions: None,
            desk: None,
        };
        tenant.serve(bound)
    }));
    let mut serving = std::pin::pin!(serving);
    let mut measured = std::pin::pin!(watching.serve(guarded, output));
    tokio::select! {
        served = &mut serving => return served.map(|_all| Exit::Ok),
        failed = &mut measured => match failed? {},
        _signal = signals.next() => stop.cancel(),
    }
    output.note(STOPPING);
    tokio::select! {
        served = &mut serving => served.map(|_all| Exit::Ok),
        signal = signals.next() => Ok(signal),
    }
}

/// One of those that are served.
struct Tenant<'a> {
    checked: &'a Checked,
    guarded: &'a Guarded,
    engine: Engine,
    auditor: Auditor,
    secrets: Secrets,
    gauges: &'a Gauges,
    output: &'a Output,
    stop: CancellationToken,
    /// Whether nobody else is served.
    is_alone: bool,
    beside: Option<&'a dyn Beside>,
    /// Of one that is managed.
    desk: Option<Desk>,
    questions: Option<mpsc::Receiver<Question>>,
}

impl Tenant<'_> {
    /// Serves it until a client stops it, or all are stopped. One that cannot be opened is down, and tried
    /// again: that is nothing to the others. Where there are none, it is an error.
    async fn serve(mut self, bound: Bound) -> Result<(), CliError> {
        let [mut pause, longest] = limits::OPEN_AGAIN_AFTER;
        loop {
            let opened = tokio::select! {
                opened = self.open() => opened,
                () = self.stop.cancelled() => return Ok(()),
            };
            let (problem, public) = match opened {
                Ok(worker) => return self.run(bound, worker).await,
                Err(error) if self.is_alone => return Err(error),
                Err(CliError::Worker(error)) => (error.to_string(), error.public()),
                Err(error) => (error.to_string(), "the host's log says why".to_owned()),
            };
            let who = self.checked.tenant.label();
            self.gauges.is_down(who);
            let seconds = pause.as_secs();
            self.output.note(&format!(
                "{who}: it is down; the next try is in {seconds} s: {problem}"
            ));
            let sentence = format!("this Worker is down: {public}\n");
            if let Some(desk) = &self.desk {
                desk.is_down(public);
            }
            tokio::select! {
                _never = bound.turn_away(&sentence) => {}
                never = answer(&mut self.questions, None) => match never {},
                () = sleep(pause) => {}
                () = self.stop.cancelled() => return Ok(()),
            }
            pause = pause.saturating_mul(2).min(longest);
        }
    }

    /// Keeps what is known of it for who measures.
    async fn gauge(&self, worker: Worker) -> Infallible {
        let tenant = self.checked.tenant.label();
        self.gauges.is_up(tenant);
        loop {
            self.gauges.uses(tenant, true, worker.usage());
            sleep(limits::USAGE_EVERY).await;
        }
    }

    async fn open(&self) -> Result<Worker, CliError> {
        let tenant = &self.checked.tenant;
        let _progress = self.output.progress("starting");
        let guarded = self.guarded.clone();
        let policy = match &tenant.policy {
            Some(path) => DefaultPolicy::file(path.clone(), guarded),
            None => DefaultPolicy::fixed(Policy::default(), guarded),
        };
        let options = WorkerOptions {
            data: tenant.data.clone(),
            name: tenant.name.clone(),
            policy,
            engine: self.engine.clone(),
            auditor: self.auditor.clone(),
            quotas: tenant.quotas,
            secrets: self.secrets.clone(),
        };
        let worker = Worker::open(options).await?;
        // What takes longer comes while it serves.
        let _ = timeout(limits::OPEN_PATIENCE, worker.loaded()).await;
        Ok(worker)
    }

    async fn run(mut self, bound: Bound, worker: Worker) -> Result<(), CliError> {
        let announced = Announced {
            tenant: self.checked.listed(),
            address: bound.address(),
            uuid: worker.uuid(),
            name: worker.name(),
            pid: None,
        };
        announced.show(self.output)?;
        if let Some(desk) = &self.desk {
            desk.serves(bound.address(), worker.uuid(), None);
        }
        let server = Server::new(bound, worker.clone());
        let mut questions = self.questions.take();
        let mut gauged = std::pin::pin!(self.gauge(worker.clone()));
        let mut answering = std::pin::pin!(answer(&mut questions, Some(worker.clone())));
        let mut beside = match self.beside {
            Some(beside) => beside.with(worker),
            None => {
                drop(worker);
                pending().boxed_local()
            }
        };
        let stop = server.stop();
        let serving = server.run();
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            () = &mut serving => return Ok(()),
            never = &mut gauged => match never {},
            never = &mut answering => match never {},
            () = self.stop.cancelled() => stop.cancel(),
            failed = &mut beside => {
                stop.cancel();
                serving.await;
                return failed;
            }
        }
        drop(beside);
        serving.await;
        Ok(())
    }
}

/// Has the Worker of a managed tenant answer what it is asked; where there is none, nobody does.
async fn answer(
    questions: &mut Option<mpsc::Receiver<Question>>,
    worker: Option<Worker>,
) -> Infallible {
    if let Some(questions) = questions {
        while let Some(Question { ask, answer }) = questions.recv().await {
            let worker = worker.clone();
            tokio::spawn(async move {
                let told = match worker {
                    Some(worker) => worker.answer(ask).await.map_err(refusal::problem),
                    None => Err(unavailable()),
                };
                // Whoever asked may have gone.
                let _ = answer.send(told);
            });
        }
    }
    pending().await
}

/// Runs until a client has stopped the server, or a signal does, which is told to `stopping`.
pub(super) async fn run(server: Server, signals: &mut Signals, stopping: impl FnOnce()) -> Exit {
    let stop = server.stop();
    let mut serving = std::pin::pin!(server.run());
    tokio::select! {
        () = &mut serving => return Exit::Ok,
        _signal = signals.next() => stop.cancel(),
    }
    stopping();
    tokio::select! {
        () = &mut serving => Exit::Ok,
        signal = signals.next() => signal,
    }
}
