//! Every way on which a configuration leaves: all bytes of them, for one class and one configuration.

use std::sync::Arc;

use external_worker_host::instance::config::ConfigSchema;
use external_worker_host::worker::export::{ExportParts, export};
use external_worker_host::worker::import::import;
use external_worker_host::worker::secrets::{
    Redacted, redact_external_workers, redact_worker_dependencies,
};
use external_worker_host::worker::state::WorkerState;
use serde_json::{Value as Json, json};

const CLASS: &str = "demo";

/// What leaves, and on which way.
pub(super) fn exits(schema: &Arc<ConfigSchema>, config: &Json) -> Vec<(&'static str, String)> {
    let schemas = |class: &str| (class == CLASS).then(|| Arc::clone(schema));
    let instance = json!({"uuid": "u", "nodeclassid": CLASS, "running": true, "name": "n",
        "config": config});
    let workers = json!({CLASS: [instance]});
    let modules = json!([{"module": "m", "worker_classes": [{"class_name": CLASS,
        "instances": [instance]}]}]);
    let worker = json!({"type": "WSWorker", "name": "w", "worker_dependencies": modules});
    let view = schema.without_secrets(config);
    vec![
        ("a view", view.to_string()),
        ("a state", state(&workers, &schemas).into_json().to_string()),
        (
            "an export's config",
            Redacted::config(&worker, &schemas).into_json().to_string(),
        ),
        (
            "external workers",
            redact_external_workers(&workers, &schemas).to_string(),
        ),
        (
            "dependencies",
            redact_worker_dependencies(&modules, &schemas).to_string(),
        ),
    ]
}

fn state(workers: &Json, schemas: &dyn external_worker_host::worker::secrets::Schemas) -> Redacted {
    let state = json!({"backend": {"nodes": []}, "view": {}, "external_workers": workers,
        "meta": {"id": "i", "version": "v"}});
    Redacted::state(&WorkerState::read(state).unwrap().state, schemas)
}

/// Both members of an export, as an importer finds them.
pub(super) fn exported(schema: &Arc<ConfigSchema>, config: &Json) -> String {
    let schemas = |class: &str| (class == CLASS).then(|| Arc::clone(schema));
    let instance = json!({"uuid": "u", "nodeclassid": CLASS, "running": true, "name": "n",
        "config": config});
    let modules = json!([{"module": "m", "worker_classes": [{"class_name": CLASS,
        "instances": [instance]}]}]);
    let worker = json!({"type": "WSWorker", "name": "w", "worker_dependencies": modules});
    let zip = export(&ExportParts {
        config: Redacted::config(&worker, &schemas),
        state: state(&json!({CLASS: [instance]}), &schemas),
        files: None,
    });
    let imported = import(zip.unwrap()).unwrap();
    format!("{}{}", imported.config, imported.state.to_json())
}
