//! The instance of one test, among scripted devices and on simulated time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value as Json, json};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::wire::{Carried, Change, Problem, Told, Wish, json_of, named, outputs};
use crate::audit::Auditor;
use crate::component::LoadedComponent;
use crate::error::{ErrorCode, HostError};
use crate::executor::{Executor, Task};
use crate::instance::description::shelf_nodes;
use crate::instance::events::{Event, InputChange, Listener, level_name};
use crate::instance::exports::Ports;
use crate::instance::{Folder, Instance, Spec, State};
use crate::limits::{self, Budget};
use crate::simulate::Bench;
use crate::simulate::script::Script;

/// An instance of the component, and what a test does with it.
pub(super) struct Running {
    instance: Instance,
    bench: Bench,
    executor: Executor,
    calls: BTreeMap<u64, Open>,
    next_call: u64,
    /// Turns that the test knows of, and how many of them failed.
    known: (u64, u64),
}

/// A call under way.
struct Open {
    answering: Task<Result<Ports, HostError>>,
    /// The answer, once somebody has looked whether it is there.
    answer: Option<Result<Ports, HostError>>,
    cancel: Option<oneshot::Sender<()>>,
}

/// What the instance told, in order, as much as is kept.
pub(super) struct Teller {
    events: Listener,
    pub(super) told: Vec<Told>,
    pub(super) lost: u64,
}

impl Running {
    /// Starts an instance of `class`, whose devices are those of `script` and no others.
    pub(super) async fn start(
        component: &Arc<LoadedComponent>,
        (class, config, script): (String, Json, Script),
        executor: &Executor,
    ) -> Result<(Self, Teller), Problem> {
        let problem = |error: crate::simulate::script::ScriptError| {
            Problem::new(ErrorCode::InvalidInput, error.to_string())
        };
        script.check().map_err(problem)?;
        let budget = Budget {
            // A trap has to end it, to be seen.
            restarts: 0,
            // On simulated time a wait for its share would take none.
            cpu_share: f64::from(u32::MAX),
            ..Budget::default()
        };
        let bench = Bench::new(component, &budget, None, script, 0, executor).await?;
        let prepared = Arc::new(bench.prepare(component, budget).await?);
        let spec = Spec {
            name: class.clone(),
            class_id: class,
            uuid: Uuid::nil(),
            config,
            state: None,
            folder: Folder::temporary(),
            auditor: Auditor::default(),
            secrets: Default::default(),
        };
        let (starting, events) = Instance::begin(&prepared, spec)?;
        let mut teller = Teller {
            events,
            told: Vec::new(),
            lost: 0,
        };
        let instance = teller.hear(starting.started()).await?;
        let running = Self {
            instance,
            bench,
            executor: executor.clone(),
            calls: BTreeMap::new(),
            next_call: 1,
            known: (0, 0),
        };
        Ok((running, teller))
    }

    /// Does what a test wants.
    pub(super) async fn fulfil(&mut self, wish: Wish) -> Result<Json, Problem> {
        match wish {
            Wish::Start { .. } => {
                let text = "the component runs already; start another one for another test";
                Err(Problem::new(ErrorCode::Busy, text))
            }
            Wish::Call { node, inputs } => self.call(node, inputs),
            Wish::IsDone { call } => Ok(self.is_done(call).await?.into()),
            Wish::Finish { call } => {
                let open = self.calls.remove(&call).ok_or_else(no_call)?;
                let answer = match open.answer {
                    Some(answer) => answer,
                    None => open.answering.await.unwrap_or(Err(HostError::Cancelled)),
                };
                Ok(outputs(answer?))
            }
            Wish::Cancel { call } => {
                let open = self.calls.get_mut(&call).ok_or_else(no_call)?;
                open.cancel.take();
                Ok(Json::Null)
            }
            Wish::RunFor { ms } => Ok(self.run_for(Duration::from_millis(ms)).await),
            Wish::Configure { change } => {
                self.instance.update_config(change).await?;
                Ok(Json::Null)
            }
            Wish::Shelf => {
                let shelves = self.instance.shelves().await?.unwrap_or_default();
                let nodes = shelf_nodes(&shelves).into_iter();
                Ok(nodes.map(|(path, _)| path).collect())
            }
            Wish::Heard { name } => {
                let heard = self.bench.scripted().heard(&name).unwrap_or_default();
                let data = |bytes: Vec<u8>| json_of(&crate::simulate::script::Data(bytes));
                Ok(named([
                    ("all", data(heard.all)),
                    ("not_understood", data(heard.not_understood)),
                    ("is_open", heard.is_open.into()),
                ]))
            }
            Wish::Requests => Ok(json_of(&self.bench.scripted().requests())),
            Wish::Status => Ok(self.status()),
            Wish::Restart => self.restart().await,
            Wish::Stop => Ok(self.instance.stop().await.to_string().into()),
        }
    }

    fn call(&mut self, node: String, inputs: Vec<(String, Carried)>) -> Result<Json, Problem> {
        if self.calls.len() >= limits::MAX_CALLS_OF_A_TEST {
            let text = "too many calls are under way; finish some first";
            return Err(Problem::new(ErrorCode::Busy, text));
        }
        let mut ports = Ports::new();
        for (name, carried) in inputs {
            let value = carried.into_value().ok_or_else(|| {
                Problem::new(ErrorCode::InvalidInput, format!("`{name}` is not a value"))
            })?;
            ports.push((name, value));
        }
        let (cancel, mut cancelled) = oneshot::channel::<()>();
        let instance = self.instance.clone();
        let answering = self.executor.spawn(async move {
            tokio::select! {
                biased;
                answer = instance.call(&node, ports) => answer,
                // Who is dropped cancels.
                _ = &mut cancelled => Err(HostError::Cancelled),
            }
        });
        let call = self.next_call;
        self.next_call = self.next_call.saturating_add(1);
        let open = Open {
            answering,
            answer: None,
            cancel: Some(cancel),
        };
        self.calls.insert(call, open);
        Ok(call.into())
    }

    /// Whether a call has its answer, which stays for who wants it.
    async fn is_done(&mut self, call: u64) -> Result<bool, Problem> {
        let open = self.calls.get_mut(&call).ok_or_else(no_call)?;
        if open.answer.is_none() {
            let answer = (&mut open.answering).now_or_never();
            open.answer = answer.map(|answer| answer.unwrap_or(Err(HostError::Cancelled)));
        }
        Ok(open.answer.is_some())
    }

    /// Lets time pass, and says how the loop went since that was last said.
    async fn run_for(&mut self, time: Duration) -> Json {
        tokio::time::sleep(time.min(limits::MAX_SLEEP)).await;
        let turns = self.instance.status().turns;
        let (ended, failed) = self.known;
        self.known = (turns.turns, turns.errors);
        named([
            ("ended", turns.turns.saturating_sub(ended).into()),
            ("failed", turns.errors.saturating_sub(failed).into()),
            ("error", turns.last_error.into()),
        ])
    }

    fn status(&self) -> Json {
        let status = self.instance.status();
        let (ended, why) = match &status.state {
            State::Ended(end) => (true, Some(end.to_string())),
            _ => (false, None),
        };
        json!({
            "ended": ended,
            "why": why,
            "is_paused": status.turns.paused,
            "memory": status.memory,
            "memory_peak": status.memory_peak,
            "config": self.instance.config(),
        })
    }

    async fn restart(&self) -> Result<Json, Problem> {
        let mut state = self.instance.state();
        self.instance.restart();
        let begins = |state: &State| matches!(state, State::Restarting { .. } | State::Ended(_));
        let is_through = |state: &State| matches!(state, State::Running | State::Ended(_));
        let through = async {
            state.wait_for(begins).await.ok()?;
            state.wait_for(is_through).await.ok().map(|it| it.clone())
        };
        let through = tokio::time::timeout(limits::TEST_PATIENCE, through).await;
        match through {
            Ok(Some(State::Running)) => Ok(Json::Null),
            Ok(Some(State::Ended(end))) => Err(HostError::Ended(end.to_string()).into()),
            _ => Err(Problem::new(ErrorCode::Internal, "it did not start again")),
        }
    }
}

fn no_call() -> Problem {
    let text = "there is no such call, or its answer was given already";
    Problem::new(ErrorCode::InvalidInput, text)
}

impl Teller {
    /// Does `work`, and takes note of what is told meanwhile.
    pub(super) async fn hear<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Ok(event) => self.note(&event),
                    Err(RecvError::Lagged(lost)) => self.lost = self.lost.saturating_add(lost),
                    // The instance is over; what is asked of it still has an answer.
                    Err(RecvError::Closed) => break work.as_mut().await,
                },
                done = &mut work => break done,
            }
        };
        loop {
            match self.events.try_recv() {
                Ok(event) => self.note(&event),
                Err(TryRecvError::Lagged(lost)) => self.lost = self.lost.saturating_add(lost),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return done,
            }
        }
    }

    fn note(&mut self, event: &Event) {
        let Some(told) = told(event) else {
            return;
        };
        if self.told.len() >= limits::MAX_TOLD {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        self.told.push(told);
    }
}

/// What a test hears of `event`.
fn told(event: &Event) -> Option<Told> {
    Some(match event {
        Event::Log { level, message } => Told::Log {
            level: level_name(*level),
            text: message.clone(),
        },
        Event::Emitted { event, data } => Told::Event {
            name: event.clone(),
            data: data.tree(),
        },
        Event::TriggerRequested { method } => Told::Triggered {
            method: method.clone(),
        },
        Event::Progress {
            fraction, message, ..
        } => Told::Progress {
            fraction: *fraction,
            text: message.clone(),
        },
        Event::Denied { message } => Told::Denied {
            text: message.clone(),
        },
        Event::InputChanged {
            node,
            method,
            input,
            change,
        } => Told::Input {
            method: method.clone(),
            made: node.is_some(),
            input: input.clone(),
            change: changed(change),
        },
        Event::ConfigSaid | Event::LoopFailed { .. } | Event::State(_) => return None,
    })
}

fn changed(change: &InputChange) -> Change {
    match change {
        InputChange::Value(value) => Change::Value((**value).clone().into()),
        InputChange::Shown(value) => Change::Shown((**value).clone().into()),
        InputChange::Default(value) => {
            let value = value.as_ref().map(|value| (**value).clone().into());
            Change::Default(value)
        }
        InputChange::ValueOptions(options) => Change::ValueOptions(options.tree()),
        InputChange::RenderOptions(options) => Change::RenderOptions(options.tree()),
    }
}
