//! What is to be run, checked as far as it can be before anything runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::super::error::CliError;
use super::super::steps::{CallArg, SaveArg, StepArg};
use super::super::{files, inputs};
use super::{RunCommand, save};
use crate::audit::Auditor;
use crate::component::PreparedComponent;
use crate::instance::description::{self, Class};
use crate::instance::exports::Ports;
use crate::instance::{Folder, Instance, Spec};
use crate::limits;
use crate::policy::nearest;

/// One instance, what to do with it, and for how long.
pub struct Plan {
    /// What the instance is made from.
    pub prepared: Arc<PreparedComponent>,
    /// Who the instance is to be.
    pub spec: Spec,
    /// What to do, in order.
    pub steps: Vec<PlannedStep>,
    /// How often.
    pub repeat: u32,
    /// Whether its loop never turns.
    pub is_loopless: bool,
    /// How long to run.
    pub duration: Option<Duration>,
    /// Whether files that are there already are replaced.
    pub force: bool,
}

/// One thing to do.
#[derive(Clone)]
pub enum PlannedStep {
    /// A call.
    Call(PlannedCall),
    /// A change of the configuration.
    Configure(Json),
    /// So many turns of the loop.
    Turns(u32),
    /// A question for the shelves.
    Shelves,
}

/// One call.
#[derive(Clone)]
pub struct PlannedCall {
    /// A method or the path of a shelf's node.
    pub node: String,
    /// Outputs that become files.
    pub saves: Vec<SaveArg>,
    inputs: Planned,
}

#[derive(Clone)]
enum Planned {
    Ready(Ports),
    /// The shelf is known once the instance runs.
    OnShelf(CallArg),
}

impl Plan {
    /// Puts together what the command line says.
    ///
    /// # Errors
    /// When it names a class, method or input that is not there, or a value of the wrong type.
    pub fn new(
        prepared: PreparedComponent,
        command: &RunCommand,
        config: Json,
    ) -> Result<Self, CliError> {
        let prepared = Arc::new(prepared);
        let class = class(&prepared, command.class.as_deref())?;
        let limit = prepared.budget().value_size.as_u64();
        let plan = |step: &StepArg| {
            Ok(match step {
                StepArg::Call(call) => PlannedStep::Call(plan_call(call, &class, limit)?),
                StepArg::Configure(patch) => {
                    PlannedStep::Configure(self::config("--configure", Some(patch))?)
                }
                StepArg::Turns(turns) => PlannedStep::Turns(*turns),
                StepArg::Shelves => PlannedStep::Shelves,
            })
        };
        for step in &command.steps.0 {
            if let StepArg::Call(call) = step {
                let check = |save| save::check(save, command.force);
                call.saves.iter().try_for_each(check)?;
            }
        }
        let steps = command.steps.0.iter().map(plan);
        let steps = steps.collect::<Result<_, CliError>>()?;
        let name = command
            .name
            .clone()
            .unwrap_or_else(|| class.id().to_owned());
        let class_id = class.id().to_owned();
        let spec = Spec {
            class_id,
            uuid: uuid(command),
            name,
            config,
            state: None,
            folder: match &command.data_folder {
                Some(path) => Folder::at(path.clone()),
                None => Folder::temporary(),
            },
            auditor: Auditor::default(),
            secrets: Default::default(),
        };
        Ok(Self {
            prepared,
            spec,
            steps,
            repeat: command.repeat,
            is_loopless: command.no_loop,
            duration: command.duration,
            force: command.force,
        })
    }

    /// What of the given configurations the class does not know, so that it is not taken: a sentence each.
    pub fn left_out(&self) -> Vec<String> {
        let classes = self.prepared.classes().iter();
        let mut class = classes.filter(|class| class.id() == self.spec.class_id);
        let Some(class) = class.next() else {
            return Vec::new();
        };
        let places = class.config.places();
        let known: Vec<_> = places
            .iter()
            .filter_map(|place| place.name.as_deref())
            .collect();
        let said = |option: &str, current: &Json, patch: &Json| -> Vec<String> {
            let paths = class.config.left_out(current, patch).into_iter();
            paths.map(|path| not_taken(option, &path, &known)).collect()
        };
        let mut all = said("--config", &Json::Object(Map::new()), &self.spec.config);
        for step in &self.steps {
            if let PlannedStep::Configure(patch) = step {
                all.extend(said("--configure", &self.spec.config, patch));
            }
        }
        all
    }

    /// Whether it ends by itself.
    pub fn has_end(&self) -> bool {
        self.duration.is_some() || !self.steps.is_empty()
    }
}

/// Who the instance is: with simulated devices the same each time, since chance follows from it.
fn uuid(command: &RunCommand) -> Uuid {
    match command.simulate {
        Some(_) => Uuid::from_u128(command.seed.into()),
        None => Uuid::new_v4(),
    }
}

/// The class `id`, or else the only one.
///
/// # Errors
/// When there is no such class, or no telling which.
pub fn class(prepared: &PreparedComponent, id: Option<&str>) -> Result<Arc<Class>, CliError> {
    match (id, prepared.classes()) {
        (Some(id), _) => Ok(prepared.class(id)?),
        (None, [class]) => Ok(Arc::clone(class)),
        (None, classes) => {
            let ids: Vec<_> = classes.iter().map(|class| class.id()).collect();
            let ids = ids.join(", ");
            Err(CliError::Usage(format!(
                "the component has several classes; add --class with one of: {ids}"
            )))
        }
    }
}

fn plan_call(call: &CallArg, class: &Class, limit: u64) -> Result<PlannedCall, CliError> {
    let inputs = match class.method(&call.node) {
        Some(method) => {
            for save in &call.saves {
                let outputs = method.outputs.iter().map(|port| port.name.as_str());
                save::check_output(save, &call.node, outputs)?;
            }
            Planned::Ready(inputs::resolve(call, method, limit)?)
        }
        None if call.node.contains('/') => Planned::OnShelf(call.clone()),
        None => {
            let methods: Vec<_> = class
                .declared
                .methods
                .iter()
                .map(|m| m.name.as_str())
                .collect();
            let has = if methods.is_empty() {
                "none".to_owned()
            } else {
                methods.join(", ")
            };
            let (node, class) = (&call.node, class.id());
            let problem = format!("the class `{class}` has no method `{node}`; it has: {has}");
            return Err(CliError::Usage(problem));
        }
    };
    Ok(PlannedCall {
        node: call.node.clone(),
        saves: call.saves.clone(),
        inputs,
    })
}

impl PlannedCall {
    /// The inputs, for a node on a shelf as the running `instance` offers it.
    ///
    /// # Errors
    /// When there is no such node, or it has other inputs.
    pub async fn inputs(self, instance: &Instance, limit: u64) -> Result<Ports, CliError> {
        let call = match self.inputs {
            Planned::Ready(inputs) => return Ok(inputs),
            Planned::OnShelf(call) => call,
        };
        let shelves = instance.shelves().await?.unwrap_or_default();
        let nodes = description::shelf_nodes(&shelves);
        match nodes.iter().find(|(path, _)| *path == call.node) {
            Some((_, node)) => inputs::resolve(&call, node, limit),
            None => {
                let known: Vec<_> = nodes.iter().map(|(path, _)| path.as_str()).collect();
                let has = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let node = &call.node;
                Err(CliError::Usage(format!(
                    "no shelf has the node `{node}`; the shelves have: {has}"
                )))
            }
        }
    }
}

fn not_taken(option: &str, path: &[String], known: &[&str]) -> String {
    let name = path.last().map(String::as_str).unwrap_or_default();
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?"));
    format!(
        "{option} has `{}`, which the configuration of the class does not have, so it is left out{}",
        path.join("."),
        meant.unwrap_or_default()
    )
}

/// The configuration that was given with `option`: JSON, or `@` and a file of it.
///
/// # Errors
/// When it is no JSON object.
pub fn config(option: &str, given: Option<&str>) -> Result<Json, CliError> {
    let Some(given) = given else {
        return Ok(Json::Object(serde_json::Map::new()));
    };
    let (text, origin) = match given.strip_prefix('@') {
        Some(path) => {
            let limit = limits::MAX_DESCRIPTION_JSON_BYTES as u64;
            let text = files::read_text(Path::new(path), "configuration", limit)?;
            (text, format!("the configuration `{path}`"))
        }
        None => (given.to_owned(), option.to_owned()),
    };
    let config: Json = serde_json::from_str(&text).map_err(|error| {
        CliError::Usage(format!(
            "{origin} is not JSON: {error}; write an object such as '{{\"interval_s\": 2}}', or \
             @file"
        ))
    })?;
    if !config.is_object() {
        let problem = format!(
            "{origin} is JSON but not an object; write one such as '{{\"interval_s\": 2}}'"
        );
        return Err(CliError::Usage(problem));
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_misspells_a_name_hears_which_was_meant() {
        let path = ["server", "hots"].map(str::to_owned);
        let said = not_taken("--config", &path, &["interval_s", "host"]);
        assert!(
            said.contains("`server.hots`") && said.ends_with("did you mean `host`?"),
            "{said}"
        );
        let said = not_taken("--config", &path, &["interval_s"]);
        assert!(said.ends_with("it is left out"), "{said}");
    }

    #[test]
    fn a_configuration_is_a_json_object() {
        assert_eq!(config("--config", None).unwrap(), serde_json::json!({}));
        assert_eq!(config("--config", Some(r#"{"a": 1}"#)).unwrap()["a"], 1);
        for (given, part) in [
            ("{a: 1}", "--config is not JSON"),
            ("[]", "not an object"),
            ("@/nowhere.json", "there is no file"),
        ] {
            let problem = config("--config", Some(given)).unwrap_err().to_string();
            assert!(problem.contains(part), "{problem}");
        }
    }
}
