//! One case: a configuration, steps, and what came of them.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value as Json;

use super::super::finding;
use super::failure::Failure;
use super::reached::Tally;
use super::{NotStarted, Subject, slope};
use crate::bindings::types::{NodeClass, Shelf};
use crate::engine::SourceLine;
use crate::error::{ErrorCode, HostError};
use crate::executor::Simulated;
use crate::instance::description::Class;
use crate::instance::events::Listener;
use crate::instance::exports::Ports;
use crate::instance::{End, Instance, State, Status, value};
use crate::nodespace::Type;
use crate::simulate::Behaviour;
use crate::values::{from_guest, to_guest};

/// The place of what the loop does.
pub(super) const LOOP: &str = "the loop";

/// What is done with one instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    pub(super) manner: Manner,
    pub(super) seed: u64,
    /// What is not the default, as an object.
    pub(super) config: Json,
    /// Whether its loop never turns.
    pub(super) is_loopless: bool,
    /// Whether it is ended in the end without asking it.
    pub(super) is_killed: bool,
    pub(super) steps: Vec<Step>,
    /// How often all steps are taken.
    pub(super) rounds: u32,
}

/// How simulated devices answer; of no matter where they are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As their author wrote down; those that he did not echo.
    Scripted,
    /// All of them in one way, whatever is written down.
    Alike(Behaviour),
}

/// One thing that is done.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Turns(u32),
    Shelves,
    Configure(Json),
    Call {
        node: Arc<NodeClass>,
        /// Its name, or its path on a shelf.
        path: String,
        /// Each as `ewh run --input` reads it.
        inputs: Vec<(String, String)>,
        /// Whether an input is missing or of another type.
        is_wrong: bool,
    },
}

impl PartialEq for Step {
    /// Whether both do the same; what a node looks like follows from its path.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Turns(one), Self::Turns(two)) => one == two,
            (Self::Shelves, Self::Shelves) => true,
            (Self::Configure(one), Self::Configure(two)) => one == two,
            (
                Self::Call {
                    path: path_one,
                    inputs: inputs_one,
                    is_wrong: wrong_one,
                    ..
                },
                Self::Call {
                    path,
                    inputs,
                    is_wrong,
                    ..
                },
            ) => path_one == path && inputs_one == inputs && wrong_one == is_wrong,
            _ => false,
        }
    }
}

/// What came of a case.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// What is wrong, if anything is; nothing was done after it.
    pub(super) failure: Option<Failure>,
    /// Why it did not start; `None`: it did.
    pub(super) refused: Option<String>,
    /// How each step of the first round ended: `None` well, or else the code of its error.
    pub(super) ends: Vec<Option<ErrorCode>>,
    /// What the host held for it after each round, in bytes.
    pub(super) memory: Vec<u64>,
    /// What it did and used, before it was stopped.
    pub(super) status: Option<Status>,
    /// What of it was reached.
    pub(super) tally: Tally,
    /// The step at which it stopped itself, as it may.
    pub(super) stopped_at: Option<usize>,
    /// Whether the time was up before it was through.
    pub(super) is_cut: bool,
}

impl Case {
    /// Takes a new instance of `class` through the steps. None begins after `until`.
    ///
    /// # Errors
    /// When the host itself fails.
    pub(super) async fn run(
        &self,
        subject: &Arc<Subject>,
        class: &Arc<Class>,
        until: Instant,
    ) -> Result<Ran, HostError> {
        let (case, subject, class) = (self.clone(), Arc::clone(subject), Arc::clone(class));
        let here = Arc::clone(&subject);
        here.in_its_time(async move |time| case.take(&subject, &class, until, time).await)
            .await
    }

    /// The shelves that a new instance of `class` offers; or why it does not start, and where it trapped.
    ///
    /// # Errors
    /// When the host itself fails.
    pub(super) async fn open(
        &self,
        subject: &Arc<Subject>,
        class: &Arc<Class>,
    ) -> Result<Result<Vec<Shelf>, NotStarted>, HostError> {
        let (case, subject, class) = (self.clone(), Arc::clone(subject), Arc::clone(class));
        let here = Arc::clone(&subject);
        here.in_its_time(async move |time| {
            let set_up = subject.set_up(&case, time).await?;
            let instance = match set_up.start(&case, &class).await {
                Ok(instance) => instance,
                Err(not_started) => return Ok(Err(not_started)),
            };
            let shelves = instance.shelves().await.ok().flatten();
            instance.stop().await;
            Ok(Ok(shelves.unwrap_or_default()))
        })
        .await
    }

    async fn take(
        &self,
        subject: &Subject,
        class: &Class,
        until: Instant,
        time: Option<&Simulated>,
    ) -> Result<Ran, HostError> {
        let mut ran = Ran::default();
        let set_up = subject.set_up(self, time).await?;
        let instance = match set_up.start(self, class).await {
            Ok(instance) => instance,
            Err((error, source)) => {
                ran.failure =
                    Failure::of("start", &error)?.map(|failure| Failure { source, ..failure });
                ran.refused = Some(error.to_string());
                return Ok(ran);
            }
        };
        self.walk(&instance, subject, until, &mut ran).await?;
        let status = instance.status();
        ran.tally.turned(&status.turns);
        ran.status = Some(status);
        let end = if self.is_killed {
            instance.kill("its case is over").await;
            End::Stopped
        } else {
            instance.stop().await
        };
        if ran.failure.is_none() {
            ran.failure = match end {
                End::Stopped => None,
                End::Dropped => Some(Failure::new(&finding::TOO_SLOW, "stop", end.to_string())),
                End::Failed(reason) => Some(Failure::new(&finding::TRAPPED, "stop", reason)),
            };
        }
        if let Some(failure) = &mut ran.failure {
            failure.source = trapped_at(&instance);
        }
        Ok(ran)
    }

    /// Takes the steps, until one fails, the instance is over or the time is up.
    async fn walk(
        &self,
        instance: &Instance,
        subject: &Subject,
        until: Instant,
        ran: &mut Ran,
    ) -> Result<(), HostError> {
        let mut events = instance.events();
        let memory = subject.policy.budget.memory.as_u64();
        for round in 0..self.rounds.max(1) {
            for (at, step) in self.steps.iter().enumerate() {
                if Instant::now() >= until {
                    ran.is_cut = true;
                    return Ok(());
                }
                let taken = step.take(instance, subject).await?;
                ran.note(step, &taken, &mut events);
                match taken {
                    Taken::Ended(refusal) if round == 0 => {
                        ran.ends.push(refusal.map(|(code, _)| code));
                    }
                    Taken::Skipped if round == 0 => ran.ends.push(None),
                    Taken::Ended(_) | Taken::Skipped => {}
                    Taken::Over => {
                        ran.stopped_at = Some(at);
                        return Ok(());
                    }
                    Taken::Failed(failure) => {
                        // In a later round it is not this step alone.
                        let step = (round == 0).then_some(at);
                        ran.failure = Some(Failure { step, ..failure });
                        return Ok(());
                    }
                }
            }
            ran.memory.push(instance.status().memory);
            if slope::is_enough(&ran.memory, memory) {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Ran {
    /// Takes note of what a right call came to, and of what was denied meanwhile.
    fn note(&mut self, step: &Step, taken: &Taken, events: &mut Listener) {
        let path = step.right_call();
        self.tally.heard(events, path);
        match (path, taken) {
            (Some(path), Taken::Ended(refusal)) => {
                let refusal = refusal.as_ref();
                let error = refusal.map(|(code, sentence)| (code.name(), sentence.as_str()));
                self.tally.called(path, error);
            }
            (Some(path), Taken::Failed(failure)) => {
                let error = (failure.code.name, failure.problem.as_str());
                self.tally.called(path, Some(error));
            }
            (Some(_), Taken::Over | Taken::Skipped) | (None, _) => {}
        }
    }
}

/// What a step came to.
enum Taken {
    /// It ended well, or with this error.
    Ended(Option<(ErrorCode, String)>),
    /// The budget has no room for such inputs, so nobody can make this call.
    Skipped,
    /// The instance stopped itself, as it may.
    Over,
    Failed(Failure),
}

impl Step {
    pub(super) fn place(&self) -> String {
        match self {
            Self::Turns(_) => LOOP.to_owned(),
            Self::Shelves => "get-nodeshelf".to_owned(),
            Self::Configure(_) => "update-config".to_owned(),
            Self::Call { path, .. } => format!("method {path}"),
        }
    }

    /// The node that it calls with values of the declared types.
    pub(super) fn right_call(&self) -> Option<&str> {
        match self {
            Self::Call {
                path,
                is_wrong: false,
                ..
            } => Some(path),
            _ => None,
        }
    }

    /// Does it. A change of the configuration may take as long as the subject says: the instance has longer,
    /// because the host would end it without a word of the change.
    async fn take(&self, instance: &Instance, subject: &Subject) -> Result<Taken, HostError> {
        let taken = self.tried(instance, subject).await;
        match &*instance.state().borrow() {
            State::Ended(End::Failed(reason)) => {
                let failure = Failure::new(&finding::TRAPPED, self.place(), reason.clone());
                Ok(Taken::Failed(failure))
            }
            State::Stopping | State::Ended(_) => Ok(Taken::Over),
            _ => taken,
        }
    }

    async fn tried(&self, instance: &Instance, subject: &Subject) -> Result<Taken, HostError> {
        match self {
            Self::Turns(turns) => {
                instance.turn(*turns).await;
                Ok(Taken::Ended(None))
            }
            Self::Shelves => match instance.shelves().await {
                Err(HostError::Description(problem)) => Ok(Taken::Failed(Failure::new(
                    &finding::BAD_SHELF,
                    self.place(),
                    problem,
                ))),
                answer => answered(&self.place(), answer.map(drop)),
            },
            Self::Configure(patch) => {
                let config_deadline = subject.config_deadline();
                let updated = instance.update_config(patch.clone());
                match tokio::time::timeout(config_deadline, updated).await {
                    Ok(updated) => answered(&self.place(), updated),
                    Err(_elapsed) => {
                        let limit = config_deadline.as_millis();
                        let problem = format!("it took longer than {limit} ms");
                        let late = Failure::new(&finding::TOO_SLOW, self.place(), problem);
                        Ok(Taken::Failed(late))
                    }
                }
            }
            Self::Call {
                node,
                path,
                inputs,
                is_wrong,
            } => {
                let failed = |code, problem: String| {
                    Ok(Taken::Failed(Failure::new(code, self.place(), problem)))
                };
                let inputs = ports(node, inputs, *is_wrong);
                let most = subject.policy.budget.value_size.as_u64();
                if value::check_all(&inputs, most).is_err() {
                    return Ok(Taken::Skipped);
                }
                match instance.call(path, inputs).await {
                    Ok(_) if *is_wrong => failed(
                        &finding::WRONG_VALUE_TAKEN,
                        "it answers to inputs that it does not declare".to_owned(),
                    ),
                    Ok(outputs) => match undeclared(node, &outputs) {
                        Some(problem) => failed(&finding::BAD_OUTPUT, problem),
                        None => Ok(Taken::Ended(None)),
                    },
                    Err(error) => answered(&self.place(), Err(error)),
                }
            }
        }
    }
}

fn answered(place: &str, answer: Result<(), HostError>) -> Result<Taken, HostError> {
    let Err(error) = answer else {
        return Ok(Taken::Ended(None));
    };
    let code = match &error {
        HostError::Guest { code, .. } => *code,
        HostError::Config(_) => ErrorCode::InvalidConfig,
        _ => ErrorCode::Busy,
    };
    Ok(match Failure::of(place, &error)? {
        Some(failure) => Taken::Failed(failure),
        None => Taken::Ended(Some((code, error.to_string()))),
    })
}

/// The inputs as values, as `ewh run` makes them.
fn ports(node: &NodeClass, inputs: &[(String, String)], is_wrong: bool) -> Ports {
    let value = |(name, text): &(String, String)| {
        let port = node.inputs.iter().find(|port| port.name == *name);
        let type_ = port.filter(|_| !is_wrong);
        let type_ = type_.map_or_else(Type::any, |port| Type::from_text(&port.type_));
        let value = type_.read(text).or_else(|| Type::any().read(text));
        value.map(|value| (name.clone(), to_guest(&value)))
    };
    inputs.iter().filter_map(value).collect()
}

/// What is wrong with `outputs`.
fn undeclared(node: &NodeClass, outputs: &Ports) -> Option<String> {
    for (name, value) in outputs {
        let Some(port) = node.outputs.iter().find(|port| port.name == *name) else {
            return Some(format!("it returns `{name}`, which it does not declare"));
        };
        let type_ = Type::from_text(&port.type_);
        if let Err(problem) = type_.coerce(from_guest(value.clone())) {
            return Some(format!("`{name}` is not of its type: {problem}"));
        }
    }
    None
}

/// The line of its source where `instance` trapped, if it did and that is known.
pub(super) fn trapped_at(instance: &Instance) -> Option<SourceLine> {
    instance.status().trapped_at?.source
}
