//! What who operates a Worker asks of it: how everything in it is, and what to do with its external workers. The words
//! are those of the control plane, which shows them to people who have no web UI of the graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use external_worker_control::model::{
    Ask, Create, Form, InstanceState, InstanceUsage, Method, ModuleState, Port, Request, Told,
};
use serde_json::Value as Json;

use super::error::{Result, WorkerError};
use super::external_worker::ExternalWorker;
use super::lifecycle::NewInstance;
use super::modules::catalogue::Module;
use super::usage::Usage;
use super::{Worker, logs};
use crate::bindings::types::{NodeClass, Port as DeclaredPort};
use crate::instance::description::Class;
use crate::instance::exports::{Outputs, Ports};
use crate::limits;
use crate::nodespace::{SharedValue, Type, Value};
use crate::text::clean_line;
use crate::values;

/// Whose calls those of an operator are: no node has this name.
const OPERATOR: &str = "operator";

impl Worker {
    /// Says or does what is asked.
    ///
    /// # Errors
    /// When it cannot be done; [`WorkerError::public`] says why.
    pub async fn answer(&self, ask: Ask) -> Result<Told> {
        match ask {
            Ask::Modules => Ok(Told::Modules(self.module_states())),
            Ask::Instances => Ok(Told::Instances(self.instance_states())),
            Ask::Instance { uuid } => self.told_of(&uuid),
            Ask::Form { uuid } => self.told_form(&uuid).await,
            Ask::Create(create) => self.create(create).await,
            Ask::Remove { uuid } => {
                let class = self.class_id_of(&uuid)?;
                self.remove_instance(&uuid, &class).await?;
                Ok(Told::Done)
            }
            Ask::Pause { uuid } => {
                self.pause_instance(&uuid, &self.class_id_of(&uuid)?)?;
                self.told_of(&uuid)
            }
            Ask::Resume { uuid } => {
                self.resume_instance(&uuid, &self.class_id_of(&uuid)?)?;
                self.told_of(&uuid)
            }
            Ask::Restart { uuid } => {
                let class = self.class_id_of(&uuid)?;
                self.restart_instance(&uuid, &class).await?;
                self.told_of(&uuid)
            }
            Ask::Configure { uuid, patch } => {
                let class = self.class_id_of(&uuid)?;
                self.update_instance(&uuid, &class, None, Some(patch))
                    .await?;
                self.told_of(&uuid)
            }
            Ask::Call {
                uuid,
                method,
                inputs,
            } => self.call_by_hand(&uuid, &method, inputs).await,
            Ask::Snapshot => {
                self.snapshot().await?;
                Ok(Told::Done)
            }
            Ask::Log { uuid, after } => {
                self.class_id_of(&uuid)?;
                let dir = self.data_dir().logs();
                let read = tokio::task::spawn_blocking(move || logs::read(&dir, &uuid, after));
                let lines = read.await.map_err(|_| WorkerError::Closing)?;
                Ok(Told::Log(lines))
            }
        }
    }

    fn class_id_of(&self, uuid: &str) -> Result<String> {
        Ok(self.external_of(uuid)?.class_id().to_owned())
    }

    fn external_of(&self, uuid: &str) -> Result<Arc<ExternalWorker>> {
        let external = self.externals().get(uuid).cloned();
        external.ok_or_else(|| self.no_external(uuid))
    }

    fn told_of(&self, uuid: &str) -> Result<Told> {
        let external = self.external_of(uuid)?;
        Ok(Told::Instance(self.instance_state(&external)))
    }

    async fn told_form(&self, uuid: &str) -> Result<Told> {
        self.classes_are_known(Some(uuid)).await;
        let form = self.form(uuid, &self.class_id_of(uuid)?)?;
        Ok(Told::Form(Form {
            json_schema: form.json_schema,
            ui_schema: form.ui_schema,
            form_data: form.form_data,
        }))
    }

    async fn create(&self, create: Create) -> Result<Told> {
        let new = NewInstance {
            uuid: None,
            name: create.name,
            config: create.config,
        };
        let added = self.add_instance(&create.module, &create.class, new);
        let uuid = added.await?.uuid;
        self.told_of(&uuid)
    }

    fn module_states(&self) -> Vec<ModuleState> {
        let versions = self.packages();
        let catalogue = self.catalogue();
        let states = catalogue
            .modules()
            .map(|module| module_state(module, versions.version_of(&module.name)));
        states.collect()
    }

    fn instance_states(&self) -> Vec<InstanceState> {
        let externals: Vec<_> = self.externals().values().cloned().collect();
        let states = externals.iter().map(|it| self.instance_state(it));
        states.collect()
    }

    fn instance_state(&self, external: &ExternalWorker) -> InstanceState {
        let usage = Usage::of(external);
        let class = self.class_of(external);
        let schema = class.as_ref().map(|class| &class.config);
        let reason = external
            .instance()
            .and_then(|instance| instance.status().state.named().1);
        InstanceState {
            uuid: external.uuid().to_owned(),
            name: external.name(),
            class: external.class_id().to_owned(),
            module: external.module().to_owned(),
            problem: external.problem().or(reason),
            paused: external.begins_paused(),
            config: external.redacted(schema).as_json().clone(),
            methods: class.as_deref().map(methods).unwrap_or_default(),
            state: usage.state.clone(),
            usage: usage.into(),
        }
    }

    async fn call_by_hand(
        &self,
        uuid: &str,
        method: &str,
        inputs: BTreeMap<String, Json>,
    ) -> Result<Told> {
        let external = self.external_of(uuid)?;
        let class = self.class_of(&external);
        let declared = class.as_ref().and_then(|class| class.method(method));
        let Some(declared) = declared else {
            let method = clean_line(method, limits::MAX_NAME_BYTES);
            let name = external.name();
            return Err(WorkerError::Request(format!(
                "{name} has no method `{method}`"
            )));
        };
        let inputs = ports(declared, inputs).map_err(WorkerError::Request)?;
        let outputs = external
            .call(&Arc::from(OPERATOR), method, || inputs)
            .await?;
        Ok(Told::Outputs(shown(outputs)?))
    }
}

fn module_state(module: &Module, version: Option<&str>) -> ModuleState {
    let classes = module.classes().map(|(_, class)| class.id().to_owned());
    ModuleState {
        name: module.name.clone(),
        version: version.map(str::to_owned),
        problem: module.problem.clone(),
        classes: classes.collect(),
        requests: requests(module),
    }
}

/// What a module requests of the host: what it has, and what it lacks.
fn requests(module: &Module) -> Vec<Request> {
    let has = module.components.iter().flat_map(|component| {
        let requests = &component.component().manifest().requests;
        let granted = component.granted();
        requests.iter().map(|(capability, reason)| {
            let granted = granted.grants(*capability);
            (*capability, reason.as_str(), granted)
        })
    });
    let lacks = module.missing.iter().map(|missing| {
        let reason = missing.requested.as_deref().unwrap_or_default();
        (missing.capability, reason, missing.granted)
    });
    let by_capability: BTreeMap<_, _> = has
        .chain(lacks)
        .map(|(capability, reason, granted)| (capability, (reason, granted)))
        .collect();
    let requests = by_capability.into_iter();
    requests
        .map(|(capability, (reason, granted))| Request {
            capability: capability.name().to_owned(),
            reason: reason.to_owned(),
            granted,
        })
        .collect()
}

fn methods(class: &Class) -> Vec<Method> {
    let ports = |ports: &[DeclaredPort]| -> Vec<Port> {
        let ports = ports.iter().map(|port| Port {
            name: port.name.clone(),
            kind: Type::from_text(&port.type_).to_string(),
        });
        ports.collect()
    };
    let methods = class.declared.methods.iter().map(|method| Method {
        name: method.name.clone(),
        description: method.description.clone().unwrap_or_default(),
        inputs: ports(&method.inputs),
        outputs: ports(&method.outputs),
    });
    methods.collect()
}

/// The inputs of a method from JSON, each as its type reads it; a sentence where one is wrong.
fn ports(method: &NodeClass, inputs: BTreeMap<String, Json>) -> Result<Ports, String> {
    let mut ports = Ports::new();
    for (name, json) in inputs {
        let Some(port) = method.inputs.iter().find(|port| port.name == name) else {
            let name = clean_line(&name, limits::MAX_NAME_BYTES);
            return Err(format!("`{}` has no input `{name}`", method.name));
        };
        let type_ = Type::from_text(&port.type_);
        // The value stays out of it: it may be a secret.
        let wrong = |_| {
            let method = &method.name;
            format!("the input `{name}` of `{method}` is not of its type, {type_}")
        };
        let value = type_.coerce(Value::from_json(json)).map_err(wrong)?;
        ports.push((name, values::to_guest(&value)));
    }
    let lacks = method.inputs.iter().find(|port| {
        let is_given = ports.iter().any(|(name, _)| *name == port.name);
        port.required && port.default.is_none() && !is_given
    });
    match lacks {
        Some(port) => Err(format!("`{}` needs the input `{}`", method.name, port.name)),
        None => Ok(ports),
    }
}

/// Outputs as JSON, which is much larger than a value may be.
fn shown(outputs: Outputs) -> Result<BTreeMap<String, Json>> {
    let kept: Vec<(Arc<str>, SharedValue)> = outputs.into_iter().map(values::kept).collect();
    let size = kept.iter().fold(0_u64, |sum, (_, value)| {
        sum.saturating_add(value.tree_size())
    });
    if size > limits::MAX_OPERATED_OUTPUT_BYTES {
        let most = limits::MAX_OPERATED_OUTPUT_BYTES;
        return Err(WorkerError::Request(format!(
            "the outputs are too large to be shown here: {size} bytes of {most}; the web UI shows them"
        )));
    }
    let shown = kept
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_json()));
    Ok(shown.collect())
}

impl From<Usage> for InstanceUsage {
    fn from(usage: Usage) -> Self {
        Self {
            cpu: usage.cpu.as_secs_f64(),
            throttled: usage.throttled.as_secs_f64(),
            memory: usage.memory,
            calls: usage.calls.ended(),
            call_errors: usage.calls.failed,
            open_calls: usage.open_calls.try_into().unwrap_or(u64::MAX),
            turns: usage.turns,
            turn_errors: usage.turn_errors,
            restarts: usage.restarts,
        }
    }
}
