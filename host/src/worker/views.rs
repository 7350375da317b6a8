//! How a Worker looks to its clients: modules, classes, external workers, state. The shapes are
//! FuncNodes'; no secret is in any of them but in the form of a configuration, whose reader may
//! change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Worker;
use super::error::Result;
use super::external_worker::ExternalWorker;
use super::modules::catalogue::Module;
use super::saved_state::SavedMeta;
use super::secrets::Redacted;
use crate::audit::{Kind, Record};
use crate::instance::config::ConfigSchema;
use crate::instance::description::Class;
use crate::nodespace::PositionView;

/// What kind of Worker this says that it is; the FuncNodes clients know this one.
const KIND: &str = "WSWorker";

/// An external worker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InstanceView {
    /// Its uuid.
    pub uuid: String,
    /// The id of its class.
    pub nodeclassid: String,
    /// Whether it runs, or is about to.
    pub running: bool,
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub config: Redacted,
}

impl InstanceView {
    /// `external`, whose class has `schema` now, if it is known.
    pub fn of(external: &ExternalWorker, schema: Option<&Arc<ConfigSchema>>) -> Self {
        Self {
            uuid: external.uuid().to_owned(),
            nodeclassid: external.class_id().to_owned(),
            running: external.is_running(),
            name: external.name(),
            config: external.redacted(schema),
        }
    }
}

/// A class of external workers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassView {
    /// The module that it comes from.
    pub module: String,
    /// Its id.
    pub class_name: String,
    /// What people call it.
    pub name: String,
    /// What Python would call it.
    #[serde(rename = "_classref")]
    pub class_ref: String,
    /// Its external workers.
    pub instances: Vec<InstanceView>,
}

/// A module with classes that can be used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModuleView {
    /// Its name.
    pub module: String,
    /// Its classes.
    pub worker_classes: Vec<ClassView>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageView {
    /// Its name.
    pub name: String,
    /// One sentence on it.
    pub description: String,
    /// Which version is installed.
    pub version: String,
    /// Where to read about it: nothing tells.
    pub homepage: String,
    /// Where it came from.
    pub source: String,
    /// Other versions: none are looked for.
    pub releases: Vec<String>,
}

/// `get_available_modules`: what is in use, and what could be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackagesView {
    /// Installed, and not in use.
    pub installed: Vec<PackageView>,
    /// In use.
    pub active: Vec<PackageView>,
    /// To be had elsewhere: none are looked for.
    pub available: Vec<PackageView>,
}

impl PackagesView {
    /// Which version of `package` is here.
    pub(crate) fn version_of(&self, package: &str) -> Option<&str> {
        let mut all = self.installed.iter().chain(&self.active);
        let found = all.find(|it| it.name == package);
        found.map(|it| it.version.as_str())
    }
}

/// What is shared of the configuration of a Worker: nothing of its machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigView {
    /// What kind of Worker it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its modules, by name.
    pub worker_dependencies: BTreeMap<String, ModuleView>,
    /// The module of each of its node libraries, by the class id that their nodes' ids begin with.
    pub node_libraries: BTreeMap<String, String>,
    /// The packages that its flow needs, by name: which, and in which version.
    pub package_dependencies: Map<String, Json>,
    /// When the Python Worker's manager starts it.
    pub autostart: &'static str,
    /// What the Python Worker updates when it starts.
    pub update_on_startup: BTreeMap<String, bool>,
}

/// `get_config`: facts about a Worker, without its paths.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerView {
    /// What is shared of it.
    #[serde(flatten)]
    pub shared: ConfigView,
    /// 32 hexadecimal digits.
    pub uuid: String,
    /// Where its data is, as seen from within.
    pub data_path: &'static str,
    /// The Python environment: there is none.
    pub env_path: Option<String>,
}

/// How types are shown: nothing of a guest may decide that, since clients run it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RenderOptions {
    /// Which renderer a type has, besides those that the UI knows.
    pub typemap: BTreeMap<String, String>,
    /// Which converter an input has.
    pub inputconverter: BTreeMap<String, String>,
}

/// `view_state`: how the graph is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ViewState {
    /// How types are shown.
    pub renderoptions: RenderOptions,
    /// Where nodes are drawn, by their ids.
    pub nodes: BTreeMap<Arc<str>, PositionView>,
}

/// `get_save_state`, and what an export has: the state as it may be shared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedState {
    /// Nodes, edges, properties and groups.
    pub backend: Json,
    /// How the graph is shown.
    pub view: SharedView,
    /// Which Worker this is.
    pub meta: SavedMeta,
    /// The external workers of each class, by the class's id.
    pub external_workers: BTreeMap<String, Vec<InstanceView>>,
}

/// How a graph is shown, in a state: where nodes are drawn stands at the nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SharedView {
    /// How types are shown.
    pub renderoptions: RenderOptions,
}

/// `get_external_worker_config`: the form that edits a configuration. It has secrets in it: whoever may
/// read it may change it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The schema.
    pub json_schema: Json,
    /// How its form looks, if the class says so.
    pub ui_schema: Option<Json>,
    /// The configuration, without what the schema has no place for.
    pub form_data: Json,
}

impl Worker {
    /// `get_worker_dependencies`: every module that can be used, its classes, and their external
    /// workers.
    pub fn modules(&self) -> Vec<ModuleView> {
        let externals = self.externals_by_class();
        let catalogue = self.catalogue();
        let views = catalogue
            .modules()
            .map(|module| module_view(module, &externals));
        // Of libraries there is nothing to add, nor to show beside their nodes.
        views
            .filter(|view| !view.worker_classes.is_empty())
            .collect()
    }

    pub(super) fn externals_by_class(&self) -> BTreeMap<String, Vec<Arc<ExternalWorker>>> {
        let mut by_class: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for external in self.externals().values() {
            let class = by_class.entry(external.class_id().to_owned()).or_default();
            class.push(Arc::clone(external));
        }
        by_class
    }

    /// One external worker.
    pub(super) fn instance_view(&self, external: &ExternalWorker) -> InstanceView {
        let schema = {
            let catalogue = self.catalogue();
            let found = catalogue.find_class(external.class_id());
            found.map(|(_, _, class)| Arc::clone(&class.config))
        };
        InstanceView::of(external, schema.as_ref())
    }

    /// The form that edits the configuration of an external worker.
    ///
    /// # Errors
    /// When there is no such external worker, or its class is not available now.
    pub fn form(&self, uuid: &str, class_id: &str) -> Result<Form> {
        let external = self.external(uuid, class_id)?;
        let class = match self.class_of(&external) {
            Some(class) => class,
            None => self.catalogue().class(external.module(), class_id)?.1,
        };
        if !class.config.secrets().is_empty() {
            let record = Record::new(Kind::SecretRead).what("its configuration, in a form");
            external.auditor().of_instance(external.uuid()).note(record);
        }
        let ui_schema = class.declared.ui_schema.as_deref();
        Ok(Form {
            json_schema: class.config.schema().clone(),
            ui_schema: ui_schema.and_then(|json| serde_json::from_str(json).ok()),
            form_data: class.config.for_its_form(&external.config()),
        })
    }

    pub(super) fn class_of(&self, external: &ExternalWorker) -> Option<Arc<Class>> {
        match external.instance() {
            Some(instance) => Some(Arc::clone(instance.class())),
            None => self
                .catalogue()
                .find_class(external.class_id())
                .map(|(_, _, class)| class),
        }
    }

    /// Which packages there are.
    pub fn packages(&self) -> PackagesView {
        let listed = self.inner.modules.installed().list();
        let active = self.inner.modules.active().clone();
        let mut view = PackagesView::default();
        for package in &listed.packages {
            let manifest = &package.manifest;
            let of = if active.contains_key(&manifest.name) {
                &mut view.active
            } else {
                &mut view.installed
            };
            of.push(PackageView {
                name: manifest.name.clone(),
                description: manifest.description.clone().unwrap_or_default(),
                version: manifest.version.to_string(),
                homepage: String::new(),
                source: package.public_source().to_owned(),
                releases: Vec::new(),
            });
        }
        view
    }

    /// Facts about the Worker.
    pub fn view(&self) -> WorkerView {
        WorkerView {
            shared: self.shared_config(),
            uuid: self.meta().id,
            data_path: "data",
            env_path: None,
        }
    }

    /// The member `config` of an export.
    pub(super) fn shared_config(&self) -> ConfigView {
        let modules = self.modules().into_iter();
        // What the flow says that it needs, and over it what is in use here.
        let mut packages = self.inner.modules.needed().clone();
        packages.extend(self.inner.modules.active().values().map(|package| {
            let entry = serde_json::json!({ "package": package.name, "version": package.version });
            (package.name.clone(), entry)
        }));
        ConfigView {
            kind: KIND,
            name: self.name().to_owned(),
            worker_dependencies: modules.map(|it| (it.module.clone(), it)).collect(),
            node_libraries: self.library_modules(),
            package_dependencies: packages,
            autostart: "never",
            update_on_startup: BTreeMap::new(),
        }
    }

    /// `get_meta`: which graph this is.
    pub fn meta(&self) -> SavedMeta {
        SavedMeta {
            id: self.uuid().simple().to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// How the graph is shown.
    pub fn view_state(&self) -> ViewState {
        ViewState {
            renderoptions: RenderOptions::default(),
            nodes: self.nodespace().positions(),
        }
    }

    /// The uuids of the external workers of each class, by the class's id.
    pub fn instances(&self) -> BTreeMap<String, Vec<String>> {
        let by_class = self.externals_by_class().into_iter();
        let uuids = |externals: Vec<Arc<ExternalWorker>>| {
            let externals = externals.iter();
            externals.map(|it| it.uuid().to_owned()).collect()
        };
        by_class
            .map(|(class, externals)| (class, uuids(externals)))
            .collect()
    }

    /// The state as it may be shared. Those who may read secrets read them in the form of the
    /// configuration.
    pub fn shared_state(&self) -> SharedState {
        let by_class = self.externals_by_class().into_iter();
        let views = |externals: Vec<Arc<ExternalWorker>>| {
            let externals = externals.iter();
            externals.map(|it| self.instance_view(it)).collect()
        };
        let external_workers = by_class
            .map(|(class, externals)| (class, views(externals)))
            .collect();
        SharedState {
            backend: self.nodespace().save(),
            view: SharedView::default(),
            meta: self.meta(),
            external_workers,
        }
    }
}

fn module_view(module: &Module, all: &BTreeMap<String, Vec<Arc<ExternalWorker>>>) -> ModuleView {
    let class_view = |class: &Class| {
        let own = all.get(class.id()).into_iter().flatten();
        let own = own.filter(|external| external.module() == module.name);
        ClassView {
            module: module.name.clone(),
            class_name: class.id().to_owned(),
            name: class.declared.title.clone(),
            class_ref: format!("<class '{}.{}'>", module.name, class.id()),
            instances: own
                .map(|it| InstanceView::of(it, Some(&class.config)))
                .collect(),
        }
    };
    ModuleView {
        module: module.name.clone(),
        worker_classes: module
            .classes()
            .filter(|(_, class)| !class.declared.is_library)
            .map(|(_, class)| class_view(class))
            .collect(),
    }
}
