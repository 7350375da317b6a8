//! How a Worker looks to its clients: modules, classes, external workers, state. The shapes are
//! FuncNodes'; no secret is in any of them but in the form of the configuration, whose reader may
//! change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::catalogue::Module;
use super::error::Result;
use super::external::External;
use super::secrets::Redacted;
use super::state::{StateInstance, StateMeta, WorkerState};
use super::{Worker, lock};
use crate::instance::config::ConfigSchema;
use crate::instance::description::Class;
use crate::json::to_wire;

/// What kind of Worker this says that it is; the FuncNodes clients know this one.
const KIND: &str = "WSWorker";

impl Worker {
    /// `get_worker_dependencies`: every module that can be used, its classes, and their external
    /// workers.
    pub fn modules_json(&self) -> Json {
        let externals = self.externals_by_class();
        let catalogue = self.catalogue();
        let usable = catalogue.modules().filter(|it| !it.components.is_empty());
        usable
            .map(|module| self.module_json(module, &externals))
            .collect()
    }

    fn module_json(&self, module: &Module, all: &BTreeMap<String, Vec<Arc<External>>>) -> Json {
        let classes = module.classes().map(|(_, class)| {
            let own = all.get(class.id()).into_iter().flatten();
            let own = own.filter(|external| external.module() == module.name);
            let instances: Vec<_> = own.map(|it| redacted(it, Some(class))).collect();
            json!({
                "module": module.name,
                "class_name": class.id(),
                "name": class.declared.title,
                "_classref": format!("<class '{}.{}'>", module.name, class.id()),
                "instances": instances,
            })
        });
        json!({ "module": module.name, "worker_classes": classes.collect::<Vec<_>>() })
    }

    fn externals_by_class(&self) -> BTreeMap<String, Vec<Arc<External>>> {
        let mut by_class: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for external in self.externals().values() {
            let class = by_class.entry(external.class_id().to_owned()).or_default();
            class.push(Arc::clone(external));
        }
        by_class
    }

    /// One external worker, without its secrets.
    pub(super) fn instance_json(&self, external: &External) -> Json {
        let class = self.class_of(external);
        redacted(external, class.as_ref())
    }

    fn class_of(&self, external: &External) -> Option<Arc<Class>> {
        match external.instance() {
            Some(instance) => Some(Arc::clone(instance.class())),
            None => self
                .catalogue()
                .find_class(external.class_id())
                .map(|(_, _, class)| class),
        }
    }

    /// `get_external_worker_config`: the form that edits a configuration. It has secrets in it:
    /// whoever may read it may change it. What the schema has no place for, it has not.
    ///
    /// # Errors
    /// When there is no such external worker, or its class is not available now.
    pub fn instance_config_json(&self, uuid: &str, class_id: &str) -> Result<Json> {
        let external = self.external(uuid, class_id)?;
        let class = match self.class_of(&external) {
            Some(class) => class,
            None => self.catalogue().class(external.module(), class_id)?.1,
        };
        let ui_schema = class.declared.ui_schema.as_deref();
        let ui_schema: Option<Json> = ui_schema.and_then(|json| serde_json::from_str(json).ok());
        Ok(json!({
            "jsonSchema": class.config.schema(),
            "uiSchema": ui_schema,
            "formData": class.config.for_its_form(&external.config()),
        }))
    }

    /// `get_available_modules`: what is in use, and what could be.
    pub fn available_modules_json(&self) -> Json {
        let listed = self.inner.packages.list();
        let active = lock(&self.inner.active_packages).clone();
        let package = |package: &super::package::Package| {
            json!({
                "name": package.manifest.name,
                "description": package.manifest.description.clone().unwrap_or_default(),
                "version": package.manifest.version.to_string(),
                "homepage": "",
                "source": package.public_source(),
                "releases": [],
            })
        };
        let (used, unused): (Vec<_>, Vec<_>) = listed
            .packages
            .iter()
            .partition(|package| active.contains_key(&package.manifest.name));
        let used: Vec<_> = used.into_iter().map(package).collect();
        let unused: Vec<_> = unused.into_iter().map(package).collect();
        json!({ "installed": unused, "active": used, "available": [] })
    }

    /// `get_config`: facts about the Worker, without its paths.
    pub fn config_json(&self) -> Json {
        let mut config = self.exported_config();
        if let Json::Object(config) = &mut config {
            config.insert("uuid".to_owned(), self.uuid_json());
            config.insert("data_path".to_owned(), json!("data"));
            config.insert("env_path".to_owned(), Json::Null);
        }
        config
    }

    fn uuid_json(&self) -> Json {
        json!(self.uuid().simple().to_string())
    }

    /// The member `config` of an export, not yet redacted by type, though nothing secret is in it.
    pub(super) fn exported_config(&self) -> Json {
        let modules = self.modules_json();
        let modules: Map<String, Json> = modules
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|module| {
                let name = module.get("module")?.as_str()?.to_owned();
                Some((name, module.clone()))
            })
            .collect();
        // What the flow says that it needs, and over it what is in use here.
        let mut packages = lock(&self.inner.flow_packages).clone();
        packages.extend(lock(&self.inner.active_packages).values().map(|package| {
            let entry = json!({ "package": package.name, "version": package.version });
            (package.name.clone(), entry)
        }));
        json!({
            "type": KIND,
            "name": self.name(),
            "worker_dependencies": modules,
            "package_dependencies": packages,
            "autostart": "never",
            "update_on_startup": {},
        })
    }

    /// `get_meta`: which graph this is.
    pub fn meta_json(&self) -> Json {
        let meta = self.meta();
        json!({ "id": meta.id, "version": meta.version })
    }

    fn meta(&self) -> StateMeta {
        StateMeta {
            id: self.uuid().simple().to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// `view_state`: how the graph is shown.
    pub fn view_state_json(&self) -> Json {
        json!({ "renderoptions": render_options(), "nodes": self.nodespace().view_json() })
    }

    /// `full_state`: everything that a client shows, as the text of a JSON object.
    pub fn full_state_text(&self) -> String {
        let workers: Map<String, Json> = self
            .externals_by_class()
            .into_iter()
            .map(|(class, externals)| {
                let uuids: Vec<_> = externals.iter().map(|it| it.uuid().to_owned()).collect();
                (class, json!(uuids))
            })
            .collect();
        let graph = json!({
            "nodes": self.nodespace().nodes_json(false),
            "prop": {},
            "edges": self.nodespace().edges_json(),
            "groups": self.nodespace().groups_json(),
        });
        let rest = json!({
            "view": self.view_state_json(),
            "worker": workers,
            "worker_dependencies": self.modules_json(),
            "progress_state": {
                "message": "", "status": "info", "progress": 0, "blocking": false,
            },
            "meta": self.meta_json(),
        });
        // The library may be large, and is a text already.
        let graph = with_member(to_wire(&graph), "lib", &self.nodespace().library_text());
        with_member(to_wire(&rest), "backend", &graph)
    }

    /// The state to be shared, not yet redacted by the classes that there are now: of what runs, the
    /// configuration is without what its own code calls a secret.
    pub(super) fn state(&self) -> WorkerState {
        let external_workers = self
            .externals_by_class()
            .into_iter()
            .map(|(class, externals)| (class, externals.iter().map(|it| shared(it)).collect()))
            .collect();
        WorkerState {
            backend: self.nodespace().save(),
            view: json!({ "renderoptions": render_options() }),
            meta: self.meta(),
            external_workers,
        }
    }

    /// `get_save_state`: the state as it may be shared. Those who may read secrets read them in the
    /// form of the configuration.
    pub fn save_state_json(&self) -> Json {
        Redacted::state(&self.state(), &self.schemas()).into_json()
    }

    /// Which schema the configurations of a class have.
    pub(super) fn schemas(&self) -> impl Fn(&str) -> Option<Arc<ConfigSchema>> + use<> {
        let schemas: BTreeMap<String, Arc<ConfigSchema>> = self
            .catalogue()
            .modules()
            .flat_map(Module::classes)
            .map(|(_, class)| (class.id().to_owned(), Arc::clone(&class.config)))
            .collect();
        move |class: &str| schemas.get(class).cloned()
    }
}

/// `object`, the text of an object that is not empty, with one member more.
fn with_member(mut object: String, name: &str, json: &str) -> String {
    object.pop();
    format!(r#"{object},"{name}":{json}}}"#)
}

/// How types are shown: nothing of a guest may decide that, since clients run it.
fn render_options() -> Json {
    json!({ "typemap": {}, "inputconverter": {} })
}

/// One external worker; of a class that is not known, nothing of the configuration is shown.
fn redacted(external: &External, class: Option<&Arc<Class>>) -> Json {
    let runs = external.instance();
    let config = match (class, runs) {
        (Some(class), Some(runs)) if Arc::ptr_eq(class, runs.class()) => runs.exportable_config(),
        (Some(class), _) => class.config.without_secrets(&shareable_config(external)),
        (None, _) => json!({}),
    };
    json!({
        "uuid": external.uuid(),
        "nodeclassid": external.class_id(),
        "running": external.is_running(),
        "name": external.name(),
        "config": config,
    })
}

fn shared(external: &External) -> StateInstance {
    StateInstance {
        uuid: external.uuid().to_owned(),
        nodeclassid: external.class_id().to_owned(),
        running: external.is_running(),
        name: Some(external.name()),
        config: shareable_config(external),
    }
}

/// Its configuration, without what the code that runs calls a secret: that may be of an older version
/// than the class that there is now.
fn shareable_config(external: &External) -> Json {
    match external.instance() {
        Some(instance) => instance.exportable_config(),
        None => external.config(),
    }
}
