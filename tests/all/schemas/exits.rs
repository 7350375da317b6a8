//! Every way on which a configuration leaves: all bytes of them, for one class and one configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use external_worker_host::instance::config::ConfigSchema;
use external_worker_host::worker::export::{ExportParts, export};
use external_worker_host::worker::external_worker::{ExternalWorker, Identity};
use external_worker_host::worker::import::import;
use external_worker_host::worker::saved_state::SavedMeta;
use external_worker_host::worker::views::{
    ClassView, ConfigView, InstanceView, ModuleView, SharedState, SharedView,
};
use serde_json::{Map, Value as Json, json};

const CLASS: &str = "demo";

/// What leaves, and on which way.
pub(super) fn exits(schema: &Arc<ConfigSchema>, config: &Json) -> Vec<(&'static str, String)> {
    let of_nobody = external(config).redacted(None);
    assert_eq!(*of_nobody.as_json(), json!({}));
    vec![
        ("a view", schema.without_secrets(config).to_string()),
        ("a state", json!(state(schema, config)).to_string()),
        (
            "an export's config",
            json!(worker(schema, config)).to_string(),
        ),
        ("dependencies", json!(module(schema, config)).to_string()),
    ]
}

fn external(config: &Json) -> ExternalWorker {
    let identity = Identity {
        uuid: "u".to_owned(),
        class_id: CLASS.to_owned(),
        module: "m".to_owned(),
    };
    ExternalWorker::waiting(identity, "n".to_owned(), config.clone())
}

fn instance(schema: &Arc<ConfigSchema>, config: &Json) -> InstanceView {
    InstanceView::of(&external(config), Some(schema))
}

fn module(schema: &Arc<ConfigSchema>, config: &Json) -> ModuleView {
    let class = ClassView {
        module: "m".to_owned(),
        class_name: CLASS.to_owned(),
        name: CLASS.to_owned(),
        class_ref: "<class 'm.demo'>".to_owned(),
        instances: vec![instance(schema, config)],
    };
    ModuleView {
        module: "m".to_owned(),
        worker_classes: vec![class],
    }
}

fn worker(schema: &Arc<ConfigSchema>, config: &Json) -> ConfigView {
    ConfigView {
        kind: "WSWorker",
        name: "w".to_owned(),
        worker_dependencies: BTreeMap::from([("m".to_owned(), module(schema, config))]),
        node_libraries: BTreeMap::new(),
        package_dependencies: Map::new(),
        autostart: "never",
        update_on_startup: BTreeMap::new(),
    }
}

fn state(schema: &Arc<ConfigSchema>, config: &Json) -> SharedState {
    SharedState {
        backend: json!({ "nodes": [] }),
        view: SharedView::default(),
        meta: SavedMeta {
            id: "i".to_owned(),
            version: "v".to_owned(),
        },
        external_workers: BTreeMap::from([(CLASS.to_owned(), vec![instance(schema, config)])]),
    }
}

/// Both members of an export, as an importer finds them.
pub(super) fn exported(schema: &Arc<ConfigSchema>, config: &Json) -> String {
    let zip = export(&ExportParts {
        config: worker(schema, config),
        state: state(schema, config),
        files: None,
        folders: None,
    });
    let imported = import(zip.unwrap()).unwrap();
    format!("{}{}", imported.config, imported.state.to_json())
}
