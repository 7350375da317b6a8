//! The life of the one instance that `ewh run` has: start, calls, waiting, stop; watched throughout.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use super::super::error::{CliError, Exit};
use super::super::output::Output;
use super::super::signals::Signals;
use super::plan::{Plan, PlannedCall, PlannedStep};
use super::reporter::Reporter;
use super::save;
use crate::instance::events::Listener;
use crate::instance::{End, Instance};

/// How often the state of the loop is looked at.
const FRAME: Duration = Duration::from_millis(200);

/// Why the work was over.
enum WorkEnd {
    Done,
    Signal(Exit),
}

/// Runs `plan` to its end.
///
/// # Errors
/// What kept it from starting, or from being shown.
pub async fn run(plan: Plan, output: &Output) -> Result<Exit, CliError> {
    let mut signals = Signals::catch()?;
    let reporter = Reporter::new(output);
    reporter.starting(&plan)?;
    let (starting, events) = Instance::begin(&plan.prepared, plan.spec.clone())?;
    if plan.is_loopless {
        // Before the guest runs, so no turn begins.
        starting.instance().turns().pause();
    }
    let mut watched = Watched {
        instance: starting.instance().clone(),
        events,
    };
    let started = tokio::select! {
        biased;
        error = watched.watch(&reporter) => return Err(error),
        started = starting.started() => started,
        signal = signals.next() => {
            watched.instance.kill("it was interrupted while it started").await;
            return Ok(signal);
        }
    };
    watched.drain(&reporter)?;
    started.map_err(CliError::NotStarted)?;
    let has_end = plan.has_end();
    let work = Work {
        instance: watched.instance.clone(),
        failed: Cell::new(false),
    };
    let over = tokio::select! {
        biased;
        error = watched.watch(&reporter) => Err(error),
        over = work.run(plan, &reporter) => over,
        signal = signals.next() => Ok(WorkEnd::Signal(signal)),
    };
    let end = stop(&mut watched, &reporter, &mut signals).await;
    let over = over?;
    watched.drain(&reporter)?;
    let status = watched.instance.status();
    reporter.ended(&status, &end)?;
    let failed = work.failed.get() || status.restarts > 0 || end != End::Stopped;
    Ok(match over {
        WorkEnd::Signal(exit) if has_end || end != End::Stopped => exit,
        _ if failed => Exit::WorkerFailed,
        _ => Exit::Ok,
    })
}

/// What an instance says and does, on its way to the reporter.
struct Watched {
    instance: Instance,
    events: Listener,
}

impl Watched {
    /// Reports until the report has nowhere to go.
    async fn watch(&mut self, reporter: &Reporter<'_>) -> CliError {
        let mut frames = tokio::time::interval(FRAME);
        loop {
            let reported = tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Ok(event) => reporter.event(&event),
                    Err(RecvError::Lagged(lost)) => reporter.lost(lost),
                    Err(RecvError::Closed) => std::future::pending().await,
                },
                _ = frames.tick() => reporter.frame(&self.instance.status()),
            };
            if let Err(error) = reported {
                return error;
            }
        }
    }

    /// Reports what is there already.
    fn drain(&mut self, reporter: &Reporter<'_>) -> Result<(), CliError> {
        loop {
            match self.events.try_recv() {
                Ok(event) => reporter.event(&event)?,
                Err(TryRecvError::Lagged(lost)) => reporter.lost(lost)?,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
            }
        }
    }
}

/// What was asked of the instance.
struct Work {
    instance: Instance,
    failed: Cell<bool>,
}

impl Work {
    async fn run(&self, plan: Plan, reporter: &Reporter<'_>) -> Result<WorkEnd, CliError> {
        let begun = Instant::now();
        let limit = plan.prepared.budget().value_size.as_u64();
        let force = plan.force;
        let has_steps = !plan.steps.is_empty();
        let rounds = (0..plan.repeat).flat_map(|_| plan.steps.clone());
        for step in rounds {
            match step {
                PlannedStep::Call(call) => self.call(call, limit, force, reporter).await?,
                PlannedStep::Configure(patch) => {
                    let answer = self.instance.update_config(patch).await;
                    self.failed.set(self.failed.get() || answer.is_err());
                    reporter.configured(&answer)?;
                }
                PlannedStep::Turns(turns) => self.instance.turn(turns).await,
                PlannedStep::Shelves => {
                    let shelves = self.instance.shelves().await;
                    self.failed.set(self.failed.get() || shelves.is_err());
                    reporter.shelves(&shelves)?;
                }
            }
        }
        let rest = async {
            match plan.duration {
                Some(duration) => {
                    tokio::time::sleep(duration.saturating_sub(begun.elapsed())).await
                }
                None if has_steps => {}
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = rest => {}
            _end = self.instance.ended() => {}
        }
        Ok(WorkEnd::Done)
    }

    async fn call(
        &self,
        call: PlannedCall,
        limit: u64,
        force: bool,
        reporter: &Reporter<'_>,
    ) -> Result<(), CliError> {
        let (node, saves) = (call.node.clone(), call.saves.clone());
        let inputs = call.inputs(&self.instance, limit).await?;
        let begun = Instant::now();
        let answer = self.instance.call(&node, inputs).await;
        let took = begun.elapsed();
        self.failed.set(self.failed.get() || answer.is_err());
        // The watcher's turn: what the guest logged before it answered is shown before the answer.
        tokio::task::yield_now().await;
        reporter.called(&node, &answer, took)?;
        let Ok(outputs) = &answer else { return Ok(()) };
        for save in &saves {
            let saved = save::save(save, &node, outputs, force)?;
            reporter.saved(&node, &saved, &save.file)?;
        }
        Ok(())
    }
}

/// Stops the instance; a signal meanwhile ends it the hard way.
async fn stop(watched: &mut Watched, reporter: &Reporter<'_>, signals: &mut Signals) -> End {
    let instance = watched.instance.clone();
    let mut stop = pin!(async {
        tokio::select! {
            end = instance.stop() => end,
            _signal = signals.next() => instance.kill("it was interrupted while it stopped").await,
        }
    });
    tokio::select! {
        biased;
        _error = watched.watch(reporter) => {}
        end = &mut stop => return end,
    }
    stop.await
}
