//! What of a Worker may leave it. [`Redacted`] can be made only here and only by redacting, and
//! nothing else goes into an export: a way past this file would not compile.
//!
//! Documents are not searched for what has to go; they are built anew from what may stay. A
//! configuration stays as far as the schema of its class lets it. Without its schema nothing tells
//! what in it is secret, so nothing of it stays.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::state::{StateInstance, WorkerState};
use crate::instance::config::ConfigSchema;

/// Which schema the configuration of a class has.
pub trait Schemas {
    /// The schema, if the class is known here.
    fn schema(&self, class_id: &str) -> Option<Arc<ConfigSchema>>;
}

impl<F: Fn(&str) -> Option<Arc<ConfigSchema>>> Schemas for F {
    fn schema(&self, class_id: &str) -> Option<Arc<ConfigSchema>> {
        self(class_id)
    }
}

/// A document without secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Redacted(Json);

impl Redacted {
    /// A state as it may leave the Worker.
    pub fn state(state: &WorkerState, schemas: &dyn Schemas) -> Self {
        let mut redacted = state.clone();
        for (class, instances) in &mut redacted.external_workers {
            for instance in instances {
                redact_instance(class, instance, schemas);
            }
        }
        Self(redacted.to_json())
    }

    /// The configuration of a Worker as it may leave it. What is about this machine stays here too:
    /// paths, process, uuid.
    pub fn config(config: &Json, schemas: &dyn Schemas) -> Self {
        let mut kept = Map::new();
        for name in ["type", "name", "autostart"] {
            keep(&mut kept, config, name, is_plain);
        }
        let built = [
            ("package_dependencies", packages as Part),
            ("update_on_startup", switches),
            ("worker_dependencies", redact_worker_dependencies),
        ];
        for (name, build) in built {
            let value = config.get(name).map(|value| build(value, schemas));
            kept.extend(value.map(|value| (name.to_owned(), value)));
        }
        Self(Json::Object(kept))
    }

    /// The document.
    pub fn as_json(&self) -> &Json {
        &self.0
    }

    /// The document.
    pub fn into_json(self) -> Json {
        self.0
    }
}

type Part = fn(&Json, &dyn Schemas) -> Json;

/// `external_workers` of a state, of this host or of a Python Worker: lists of instances by the id of
/// their class.
pub fn redact_external_workers(workers: &Json, schemas: &dyn Schemas) -> Json {
    let classes = workers.as_object().into_iter().flatten();
    let redacted =
        classes.map(|(class, list)| (class.clone(), instances(Some(class), list, schemas)));
    Json::Object(redacted.collect())
}

/// `worker_dependencies`, of this host or of a Python Worker: a list of modules, or a map of them.
pub fn redact_worker_dependencies(modules: &Json, schemas: &dyn Schemas) -> Json {
    match modules {
        Json::Array(list) => list.iter().map(|one| module(one, schemas)).collect(),
        Json::Object(map) => {
            let redacted = map
                .iter()
                .map(|(name, one)| (name.clone(), module(one, schemas)));
            Json::Object(redacted.collect())
        }
        _ => json!([]),
    }
}

fn module(module: &Json, schemas: &dyn Schemas) -> Json {
    let mut kept = Map::new();
    keep(&mut kept, module, "module", Json::is_string);
    let classes = module.get("worker_classes").and_then(Json::as_array);
    let classes = classes.into_iter().flatten();
    let classes = classes.map(|class| worker_class(class, schemas)).collect();
    kept.insert("worker_classes".to_owned(), classes);
    Json::Object(kept)
}

fn worker_class(class: &Json, schemas: &dyn Schemas) -> Json {
    let mut kept = Map::new();
    for name in ["module", "class_name", "name", "_classref"] {
        keep(&mut kept, class, name, Json::is_string);
    }
    let list = class.get("instances").unwrap_or(&Json::Null);
    kept.insert("instances".to_owned(), instances(None, list, schemas));
    Json::Object(kept)
}

/// A list of instances. What is no instance is left out.
fn instances(class: Option<&str>, list: &Json, schemas: &dyn Schemas) -> Json {
    let list = list.as_array().into_iter().flatten();
    let redacted = list.filter_map(|json| {
        let mut instance: StateInstance = serde_json::from_value(json.clone()).ok()?;
        let class = class.map_or_else(|| instance.nodeclassid.clone(), str::to_owned);
        redact_instance(&class, &mut instance, schemas);
        serde_json::to_value(instance).ok()
    });
    redacted.collect()
}

fn redact_instance(class: &str, instance: &mut StateInstance, schemas: &dyn Schemas) {
    let known = (class == instance.nodeclassid).then(|| schemas.schema(class));
    instance.config = match known.flatten() {
        Some(schema) if instance.config.is_object() => schema.without_secrets(&instance.config),
        _ => json!({}),
    };
}

/// Packages by name. A source may have a password in it: names and versions stay.
fn packages(packages: &Json, _: &dyn Schemas) -> Json {
    let packages = packages.as_object().into_iter().flatten();
    let redacted = packages.map(|(name, package)| {
        let mut kept = Map::new();
        for name in ["package", "version"] {
            keep(&mut kept, package, name, is_plain);
        }
        (name.clone(), Json::Object(kept))
    });
    Json::Object(redacted.collect())
}

fn switches(switches: &Json, _: &dyn Schemas) -> Json {
    let switches = switches.as_object().into_iter().flatten();
    let switches = switches.filter(|(_, value)| value.is_boolean());
    Json::Object(
        switches
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

fn keep(kept: &mut Map<String, Json>, from: &Json, name: &str, may: fn(&Json) -> bool) {
    if let Some(value) = from.get(name).filter(|value| may(value)) {
        kept.insert(name.to_owned(), value.clone());
    }
}

/// Neither list nor object: nothing can be inside.
fn is_plain(value: &Json) -> bool {
    !value.is_array() && !value.is_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr3t";

    fn schemas(class: &str) -> Option<Arc<ConfigSchema>> {
        let schema = json!({"type": "object", "properties": {
            "token": {"type": "string", "export": false},
            "mode": {"type": "string"},
            "servers": {"type": "array", "items": {"properties": {
                "host": {"type": "string"}, "password": {"export": false}}}},
        }});
        let excluded = ["key".to_owned()];
        let schema = || ConfigSchema::new(&schema.to_string(), &excluded).unwrap();
        (class == "demo").then(|| Arc::new(schema()))
    }

    fn instance(class: &str) -> Json {
        json!({"uuid": "u", "nodeclassid": class, "running": true, "name": "My Demo",
            "extra": SECRET, "config": {
                "mode": "a", "token": SECRET, "key": SECRET,
                "servers": [{"host": "h", "password": SECRET}],
        }})
    }

    fn redacted_instance() -> Json {
        json!({"uuid": "u", "nodeclassid": "demo", "running": true, "name": "My Demo",
            "config": {"mode": "a", "servers": [{"host": "h"}]}})
    }

    fn bare_instance() -> Json {
        json!({"uuid": "u", "nodeclassid": "other", "running": true, "name": "My Demo",
            "config": {}})
    }

    #[test]
    fn a_state_leaves_without_secrets_and_without_what_nobody_knows() {
        let mut state = json!({
            "backend": {"nodes": [{"id": "n"}]}, "view": {}, "meta": {"id": "i", "version": "v"},
            "external_workers": {"demo": [instance("demo")], "other": [instance("other")],
                "disguised": [instance("demo")]},
        });
        // No two have one uuid.
        for class in ["other", "disguised"] {
            state["external_workers"][class][0]["uuid"] = json!(class);
        }
        let state = WorkerState::read(state).unwrap().state;
        let redacted = Redacted::state(&state, &schemas).into_json();
        assert!(!redacted.to_string().contains(SECRET), "{redacted}");
        let workers = &redacted["external_workers"];
        assert_eq!(workers["demo"], json!([redacted_instance()]));
        let mut bare = bare_instance();
        bare["uuid"] = json!("other");
        assert_eq!(workers["other"], json!([bare]));
        assert_eq!(workers["disguised"][0]["config"], json!({}));
        assert_eq!(redacted["backend"]["nodes"][0]["id"], "n");
    }

    #[test]
    fn a_python_workers_config_leaves_without_what_it_leaks() {
        let class = json!({"module": "m", "class_name": "Demo", "name": "Demo",
            "_classref": "<class 'm.Demo'>", "instances": [instance("demo"), SECRET, 1],
            "config": {"token": SECRET}});
        let module = json!({"module": "m", "worker_classes": [class], "token": SECRET});
        for dependencies in [json!([module]), json!({"m": module})] {
            let config = json!({
                "type": "WSWorker", "name": "w", "autostart": "never", "uuid": "u", "pid": 1,
                "data_path": "/home/somebody", "env_path": {"token": SECRET},
                "worker_dependencies": dependencies,
                "package_dependencies": {"p": {"package": "p", "version": null, "source": SECRET}},
                "update_on_startup": {"funcnodes": true, "token": SECRET},
            });
            let redacted = Redacted::config(&config, &schemas).into_json();
            let text = redacted.to_string();
            assert!(!text.contains(SECRET) && !text.contains("/home"), "{text}");
            let kept = redacted.as_object().unwrap().len();
            assert_eq!(kept, 6, "{text}");
            let modules = &redacted["worker_dependencies"];
            let module = modules.get(0).or_else(|| modules.get("m")).unwrap();
            let instances = &module["worker_classes"][0]["instances"];
            assert_eq!(*instances, json!([redacted_instance()]));
        }
    }

    #[test]
    fn what_has_another_shape_leaves_nothing_behind() {
        let shapes = [
            json!(SECRET),
            json!([SECRET]),
            json!({"demo": SECRET}),
            json!([[SECRET]]),
        ];
        for shape in shapes {
            for redact in [redact_external_workers as Part, redact_worker_dependencies] {
                let redacted = redact(&shape, &schemas).to_string();
                assert!(!redacted.contains(SECRET), "{redacted}");
            }
            let config = json!({"name": [SECRET], "package_dependencies": shape.clone(),
                "worker_dependencies": shape.clone(), "update_on_startup": shape});
            let redacted = Redacted::config(&config, &schemas).into_json().to_string();
            assert!(!redacted.contains(SECRET), "{redacted}");
        }
    }
}
