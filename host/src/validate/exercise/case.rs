//! One case: a configuration, steps, what came of them, and the command that repeats it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::super::finding::{self, Code};
use super::Subject;
use crate::bindings::types::{NodeClass, Shelf};
use crate::engine::SourceLine;
use crate::error::{ErrorCode, HostError};
use crate::executor::Simulated;
use crate::instance::description::Class;
use crate::instance::exports::Ports;
use crate::instance::{End, Instance, State, Status};
use crate::nodespace::Type;
use crate::simulate::Behaviour;
use crate::values::{from_guest, to_guest};
use crate::{limits, text};

/// What is done with one instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    /// How simulated devices answer; of no matter where they are real.
    pub(super) behaviour: Behaviour,
    pub(super) seed: u64,
    /// What is not the default, as an object.
    pub(super) config: Json,
    pub(super) steps: Vec<Step>,
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
        inputs: Vec<(String, Json)>,
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
#[derive(Debug)]
pub(super) struct Ran {
    /// What is wrong, if anything is; nothing was done after it.
    pub(super) failure: Option<Failure>,
    /// Why it did not start; `None`: it did.
    pub(super) refused: Option<String>,
    /// How each step ended: `None` well, or else the code of its error.
    pub(super) ends: Vec<Option<ErrorCode>>,
    /// What the host held for it after each step, in bytes.
    pub(super) memory: Vec<u64>,
    /// What it did and used, before it was stopped.
    pub(super) status: Option<Status>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) code: &'static Code,
    /// Where in the class: `start`, `stop`, `the loop`, `method read`; empty: as a whole.
    pub(super) place: String,
    pub(super) problem: String,
    /// The line of its source, where it trapped and that is known.
    pub(super) source: Option<SourceLine>,
    /// The step; `None`: none of them.
    pub(super) step: Option<usize>,
}

impl Failure {
    pub(super) fn new(
        code: &'static Code,
        place: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            code,
            place: place.into(),
            problem: text::clean_line(&problem.into(), limits::MAX_TEXT_BYTES),
            source: None,
            step: None,
        }
    }

    /// Whether it is the same fault: its sentence may differ.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.code == other.code && self.place == other.place
    }
}

impl Case {
    /// Takes a new instance of `class` through the steps.
    ///
    /// # Errors
    /// When the host itself fails.
    pub(super) async fn run(
        &self,
        subject: &Arc<Subject>,
        class: &Arc<Class>,
    ) -> Result<Ran, HostError> {
        let (case, subject, class) = (self.clone(), Arc::clone(subject), Arc::clone(class));
        let here = Arc::clone(&subject);
        here.in_its_time(async move |time| case.take(&subject, &class, time).await)
            .await
    }

    /// The shelves that a new instance of `class` offers; none, if it does not start or has none.
    ///
    /// # Errors
    /// When the host itself fails.
    pub(super) async fn shelves(
        &self,
        subject: &Arc<Subject>,
        class: &Arc<Class>,
    ) -> Result<Vec<Shelf>, HostError> {
        let (case, subject, class) = (self.clone(), Arc::clone(subject), Arc::clone(class));
        let here = Arc::clone(&subject);
        here.in_its_time(async move |time| {
            let set_up = subject.set_up(&case, time).await?;
            let Ok(instance) = set_up.start(&case, &class).await else {
                return Ok(Vec::new());
            };
            let shelves = instance.shelves().await.ok().flatten();
            instance.stop().await;
            Ok(shelves.unwrap_or_default())
        })
        .await
    }

    async fn take(
        &self,
        subject: &Subject,
        class: &Class,
        time: Option<&Simulated>,
    ) -> Result<Ran, HostError> {
        let mut ran = Ran {
            failure: None,
            refused: None,
            ends: Vec::new(),
            memory: Vec::new(),
            status: None,
        };
        let set_up = subject.set_up(self, time).await?;
        let instance = match set_up.start(self, class).await {
            Ok(instance) => instance,
            Err((error, source)) => {
                ran.failure =
                    failure("start", &error)?.map(|failure| Failure { source, ..failure });
                ran.refused = Some(error.to_string());
                return Ok(ran);
            }
        };
        for (at, step) in self.steps.iter().enumerate() {
            let end = step.take(&instance, subject.config_deadline()).await?;
            ran.memory.push(instance.status().memory);
            match end {
                Taken::Ended(code) => ran.ends.push(code),
                Taken::Over => break,
                Taken::Failed(failure) => {
                    ran.failure = Some(Failure {
                        step: Some(at),
                        ..failure
                    });
                    break;
                }
            }
        }
        ran.status = Some(instance.status());
        let end = instance.stop().await;
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

    /// The command that does the same with the component `file`.
    pub(super) fn command(&self, subject: &Subject, class: &Class) -> String {
        let mut words = vec!["ewh".to_owned(), "run".to_owned()];
        words.push(quoted(&subject.file));
        words.push(match &subject.real_policy {
            Some(path) => format!("--policy {}", quoted(path)),
            None => format!("--simulate={} --seed {}", self.behaviour.name(), self.seed),
        });
        words.push(format!("--class {}", class.id()));
        if self.config != json!({}) {
            words.push(format!("--config {}", quoted(&self.config.to_string())));
        }
        for step in &self.steps {
            match step {
                Step::Turns(turns) => words.push(format!("--turns {turns}")),
                Step::Shelves => words.push("--shelves".to_owned()),
                Step::Configure(patch) => {
                    words.push(format!("--configure {}", quoted(&patch.to_string())));
                }
                Step::Call {
                    path,
                    inputs,
                    is_wrong,
                    ..
                } => {
                    let option = if *is_wrong { "--try" } else { "--call" };
                    words.push(format!("{option} {}", quoted(path)));
                    for (name, value) in inputs {
                        let input = format!("{name}={value}");
                        words.push(format!("--input {}", quoted(&input)));
                    }
                }
            }
        }
        words.join(" ")
    }
}

/// What a step came to.
enum Taken {
    /// It ended well, or with an error of this code.
    Ended(Option<ErrorCode>),
    /// The instance stopped itself, as it may.
    Over,
    Failed(Failure),
}

impl Step {
    fn place(&self) -> String {
        match self {
            Self::Turns(_) => "the loop".to_owned(),
            Self::Shelves => "get-nodeshelf".to_owned(),
            Self::Configure(_) => "update-config".to_owned(),
            Self::Call { path, .. } => format!("method {path}"),
        }
    }

    /// Does it. A change of the configuration may take as long as `config_deadline`: the instance has
    /// longer, because the host would end it without a word of the change.
    async fn take(
        &self,
        instance: &Instance,
        config_deadline: Duration,
    ) -> Result<Taken, HostError> {
        let taken = self.tried(instance, config_deadline).await;
        match &*instance.state().borrow() {
            State::Ended(End::Failed(reason)) => {
                let failure = Failure::new(&finding::TRAPPED, self.place(), reason.clone());
                Ok(Taken::Failed(failure))
            }
            State::Stopping | State::Ended(_) => Ok(Taken::Over),
            _ => taken,
        }
    }

    async fn tried(
        &self,
        instance: &Instance,
        config_deadline: Duration,
    ) -> Result<Taken, HostError> {
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
                match instance.call(path, ports(node, inputs, *is_wrong)).await {
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
    Ok(match failure(place, &error)? {
        Some(failure) => Taken::Failed(failure),
        None => Taken::Ended(Some(code)),
    })
}

/// What an error means: a fault of the guest, nothing, or that the host failed.
fn failure(place: &str, error: &HostError) -> Result<Option<Failure>, HostError> {
    let code = match error {
        HostError::Guest { .. }
        | HostError::Config(_)
        | HostError::Busy(_)
        | HostError::Exhausted(_)
        | HostError::Cancelled => return Ok(None),
        HostError::Ended(_) => &finding::TRAPPED,
        HostError::Deadline { .. } => &finding::TOO_SLOW,
        HostError::Value(_) | HostError::Description(_) => &finding::BAD_OUTPUT,
        _ => return Err(HostError::Engine(error.to_string())),
    };
    Ok(Some(Failure::new(code, place, error.to_string())))
}

fn ports(node: &NodeClass, inputs: &[(String, Json)], is_wrong: bool) -> Ports {
    let value = |(name, json): &(String, Json)| {
        let port = node.inputs.iter().find(|port| port.name == *name);
        let type_ = port.filter(|_| !is_wrong);
        let type_ = type_.map_or_else(Type::any, |port| Type::from_text(&port.type_));
        let text = json.to_string();
        let value = type_.read(&text).or_else(|| Type::any().read(&text));
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

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=,@+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The line of its source where `instance` trapped, if it did and that is known.
pub(super) fn trapped_at(instance: &Instance) -> Option<SourceLine> {
    instance.status().trapped_at?.source
}

/// No configuration of its own.
pub(super) fn no_config() -> Json {
    Json::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("a/b.wasm"), "a/b.wasm");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
