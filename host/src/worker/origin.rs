//! What the configuration of the Worker that a flow is from says of it: the packages that the flow needs,
//! and which module has which class. A stranger wrote it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::limits::{MAX_FLOW_PACKAGES, MAX_MISSING_CLASSES, MAX_NAME_BYTES};
use crate::text;

/// Where a flow comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Origin {
    /// Its `package_dependencies`.
    pub packages: Map<String, Json>,
    /// The module of each class of external workers.
    modules: BTreeMap<String, String>,
    /// The module of each node library, by its class.
    libraries: BTreeMap<String, String>,
}

impl Origin {
    /// As far as `config` says so in the form that it should have.
    pub fn of(config: &Json) -> Self {
        let dependencies = config.get("worker_dependencies");
        let modules = match dependencies {
            Some(Json::Array(modules)) => modules.iter().collect::<Vec<_>>(),
            Some(Json::Object(modules)) => modules.values().collect(),
            _ => Vec::new(),
        };
        let classes = modules.into_iter().flat_map(|module| {
            let name = module.get("module").and_then(Json::as_str);
            let classes = module.get("worker_classes").and_then(Json::as_array);
            let ids = classes.into_iter().flatten().flat_map(class_ids);
            ids.filter_map(move |id| Some((id, name.and_then(short)?)))
        });
        let modules = classes.take(MAX_MISSING_CLASSES).collect();
        Self {
            packages: packages(config.get("package_dependencies")),
            modules,
            libraries: libraries(config.get("node_libraries")),
        }
    }

    /// The node library that has the node class `id`, and the module that has it, if that is known.
    pub fn library_of<'a>(&self, id: &'a str) -> Option<(&'a str, &str)> {
        let (class, _node) = id.split_once('.')?;
        let module = self.libraries.get(class)?;
        Some((class, module))
    }

    /// The module that has the class, if that is known.
    pub fn module_of(&self, class: &str) -> Option<&str> {
        self.modules.get(class).map(String::as_str)
    }
}

/// What a class is called: by itself, and by its instances.
fn class_ids(class: &Json) -> Vec<String> {
    let own = class.get("class_name");
    let instances = class.get("instances").and_then(Json::as_array);
    let instances = instances.into_iter().flatten().take(1);
    let of_instances = instances.filter_map(|instance| instance.get("nodeclassid"));
    let names = own.into_iter().chain(of_instances).filter_map(Json::as_str);
    names.filter_map(short).collect()
}

fn libraries(saved: Option<&Json>) -> BTreeMap<String, String> {
    let libraries = saved.and_then(Json::as_object).into_iter().flatten();
    let libraries =
        libraries.filter_map(|(class, module)| Some((short(class)?, short(module.as_str()?)?)));
    libraries.take(MAX_MISSING_CLASSES).collect()
}

/// A name that is short and plain enough to be kept.
fn short(name: &str) -> Option<String> {
    let is_plain = text::clean_line(name, MAX_NAME_BYTES) == name && !name.is_empty();
    is_plain.then(|| name.to_owned())
}

/// The packages that a flow needs, by name: which, and in which version.
pub(super) fn packages(saved: Option<&Json>) -> Map<String, Json> {
    let packages = saved.and_then(Json::as_object).into_iter().flatten();
    let packages = packages.filter_map(|(name, package)| {
        let kept = ["package", "version"].into_iter().filter_map(|key| {
            let value = match package.get(key)? {
                Json::String(text) => Json::String(short(text)?),
                Json::Null => Json::Null,
                _ => return None,
            };
            Some((key.to_owned(), value))
        });
        Some((short(name)?, Json::Object(kept.collect())))
    });
    packages.take(MAX_FLOW_PACKAGES).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_flow_needs_is_kept_and_nothing_else() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        let config = json!({
            "package_dependencies": {
                "funcnodes-basic": {"package": "funcnodes-basic", "version": "1.0.1", "source": {"token": 1}},
                "numpy": {"package": "numpy", "version": null},
                long.as_str(): {"package": "x"},
                "a\nb": {},
                "bare": "1.0",
            },
            "worker_dependencies": {"lab": {"module": "lab", "worker_classes": [
                {"class_name": "Pump", "instances": [{"nodeclassid": "pump"}]}, 17,
            ]}},
            "node_libraries": {"basic": "tools", "none": 1, "": "tools", "odd": "a\nb"},
        });
        let origin = Origin::of(&config);
        let kept = json!({
            "funcnodes-basic": {"package": "funcnodes-basic", "version": "1.0.1"},
            "numpy": {"package": "numpy", "version": null},
            "bare": {},
        });
        assert_eq!(Json::Object(origin.packages.clone()), kept);
        for class in ["pump", "Pump"] {
            assert_eq!(origin.modules.get(class).map(String::as_str), Some("lab"));
        }
        assert_eq!(
            origin.library_of("basic.math/add"),
            Some(("basic", "tools"))
        );
        for id in ["basic", "basics.add", "none.add", "odd.add", ".add"] {
            assert_eq!(origin.library_of(id), None, "{id}");
        }
        for config in [
            json!(1),
            json!({"node_libraries": ["basic"]}),
            json!({"package_dependencies": [1], "worker_dependencies": "x"}),
        ] {
            assert_eq!(Origin::of(&config), Origin::default());
        }
    }
}
