//! What `ewh inspect --json` prints. The names of the fields are stable.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;

use super::super::shown;
use crate::bindings::types::{NodeClass, Port};
use crate::component::LoadedComponent;
use crate::instance::description::Class;
use crate::policy::{Capability, Import};

/// A component.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What its manifest calls it; may be empty.
    pub name: String,
    /// The version that its manifest gives; may be empty.
    pub version: String,
    /// Where it is.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// The BLAKE3 hash of its bytes.
    pub blake3: String,
    /// Whether its instances keep their state over a restart and a new version.
    pub keeps_state: bool,
    /// The capabilities that it requests or imports.
    pub capabilities: Vec<Need>,
    /// Everything that it imports.
    pub imports: Vec<Imported>,
    /// Its classes.
    pub classes: Vec<ClassReport>,
}

/// One capability.
#[derive(Debug, Serialize)]
pub struct Need {
    /// Its name.
    pub capability: &'static str,
    /// Whether the manifest requests it; one that is only imported can never be granted.
    pub requested: bool,
    /// Why, as the manifest says.
    pub reason: String,
    /// Lines of a policy that grant it, to be adapted.
    pub example: &'static str,
}

/// One import.
#[derive(Debug, Serialize)]
pub struct Imported {
    /// The interface.
    pub interface: String,
    /// The grant without which the component is not loaded.
    pub needs: Option<&'static str>,
}

/// One class.
#[derive(Debug, Serialize)]
pub struct ClassReport {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub description: Option<String>,
    /// The pause between two turns of its loop.
    pub loop_delay_ms: u32,
    /// Whether it is a node library.
    pub is_library: bool,
    /// The JSON Schema of its configuration.
    pub config_schema: Json,
    /// Hints for a form.
    pub ui_schema: Option<Json>,
    /// Fields of the configuration that exports leave out.
    pub secrets: Vec<String>,
    /// Its methods.
    pub methods: Vec<MethodReport>,
}

/// One method.
#[derive(Debug, Serialize)]
pub struct MethodReport {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// Its inputs.
    pub inputs: Vec<PortReport>,
    /// Its outputs.
    pub outputs: Vec<PortReport>,
    /// Whether a direct call triggers the nodes made from it; null: when it has no visible input.
    pub trigger_on_call: Option<bool>,
    /// The longest that a call may take, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// How a node shows its data.
    pub render_options: Option<Json>,
}

/// One input or output.
#[derive(Debug, Serialize)]
pub struct PortReport {
    /// Its name.
    pub name: String,
    /// Its FuncNodes type.
    #[serde(rename = "type")]
    pub type_: Json,
    /// What it is.
    pub description: Option<String>,
    /// Whether a node waits for it.
    pub required: bool,
    /// Whether there is a default: the default may be null.
    pub has_default: bool,
    /// The default.
    pub default: Json,
    /// Whether setting it triggers the node.
    pub does_trigger: bool,
    /// Whether the node hides it.
    pub hidden: bool,
    /// What values are offered.
    pub value_options: Option<Json>,
    /// How it is shown.
    pub render_options: Option<Json>,
}

impl Report {
    pub(super) fn new(file: &Path, component: &LoadedComponent, classes: &[Arc<Class>]) -> Self {
        let manifest = component.manifest();
        Self {
            name: manifest.name.clone(),
            version: manifest.package_version.clone(),
            file: file.display().to_string(),
            bytes: component.size(),
            blake3: component.hash().to_hex().to_string(),
            keeps_state: component.keeps_state() && !component.is_program(),
            capabilities: needs(component),
            imports: component.imports().iter().map(Imported::new).collect(),
            classes: classes
                .iter()
                .map(|class| ClassReport::new(class))
                .collect(),
        }
    }
}

fn needs(component: &LoadedComponent) -> Vec<Need> {
    let requests = &component.manifest().requests;
    let is_imported = |capability| {
        component
            .imports()
            .iter()
            .any(|import| capability_of(import) == Some(capability))
    };
    let needed =
        |capability: &Capability| requests.contains_key(capability) || is_imported(*capability);
    Capability::ALL
        .into_iter()
        .filter(needed)
        .map(|capability| Need {
            capability: capability.name(),
            requested: requests.contains_key(&capability),
            reason: requests.get(&capability).cloned().unwrap_or_default(),
            example: capability.example(),
        })
        .collect()
}

fn capability_of(import: &Import) -> Option<Capability> {
    Capability::of_interface(&import.interface).filter(|_| import.callable)
}

impl Imported {
    fn new(import: &Import) -> Self {
        let interface = import.interface.clone();
        Self {
            interface,
            needs: capability_of(import).map(Capability::name),
        }
    }
}

impl ClassReport {
    fn new(class: &Class) -> Self {
        let declared = &class.declared;
        Self {
            id: declared.class_id.clone(),
            title: declared.title.clone(),
            description: declared.description.clone(),
            loop_delay_ms: declared.loop_delay_ms,
            is_library: declared.is_library,
            config_schema: class.config.schema().clone(),
            ui_schema: json(declared.ui_schema.as_deref()),
            secrets: class.config.secrets(),
            methods: declared.methods.iter().map(MethodReport::new).collect(),
        }
    }
}

impl MethodReport {
    fn new(method: &NodeClass) -> Self {
        Self {
            name: method.name.clone(),
            title: method.title.clone(),
            description: method.description.clone(),
            inputs: method.inputs.iter().map(PortReport::new).collect(),
            outputs: method.outputs.iter().map(PortReport::new).collect(),
            trigger_on_call: method.trigger_on_call,
            timeout_ms: method.timeout_ms,
            render_options: json(method.render_options.as_deref()),
        }
    }
}

impl PortReport {
    fn new(port: &Port) -> Self {
        Self {
            name: port.name.clone(),
            type_: json(Some(&port.type_)).unwrap_or(Json::Null),
            description: port.description.clone(),
            required: port.required,
            has_default: port.default.is_some(),
            default: port.default.as_ref().map_or(Json::Null, shown::to_json),
            does_trigger: port.does_trigger,
            hidden: port.hidden,
            value_options: json(port.value_options.as_deref()),
            render_options: json(port.render_options.as_deref()),
        }
    }
}

fn json(text: Option<&str>) -> Option<Json> {
    serde_json::from_str(text?).ok()
}
