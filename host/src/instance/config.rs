//! The configuration of an instance: schema, defaults, merging, and which of it is secret.
//!
//! Messages made here say where and what is wrong, and never the value: it may be the secret.

mod effort;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value as Json};

use crate::error::{HostError, Result};
use crate::{limits, text};

/// A class's configuration schema, compiled.
#[derive(Debug)]
pub struct ConfigSchema {
    schema: Json,
    validator: Validator,
    exclude: Vec<String>,
}

/// The way through a schema to its secrets.
#[derive(Default)]
struct SecretSearch {
    found: Vec<String>,
    above: Vec<*const Json>,
    visited: usize,
}

/// What stands in an export in the place of a secret: nothing. See [`ConfigSchema::without_secrets`].
const EXPORT_KEY: &str = "export";

impl ConfigSchema {
    /// Compiles `schema`; `exclude` names top-level properties that are secret besides those that
    /// the schema marks with `"export": false`.
    ///
    /// # Errors
    /// [`HostError::Description`] when this is no JSON Schema of an object.
    pub fn new(schema: &str, exclude: &[String]) -> Result<Self> {
        // What is wrong is quoted from the schema.
        let wrong = |problem: String| {
            let problem = text::clean_line(&problem, limits::MAX_TEXT_BYTES / 2);
            HostError::Description(format!("its config schema: {problem}"))
        };
        if schema.len() > limits::MAX_DESCRIPTION_JSON_BYTES {
            let max = limits::MAX_DESCRIPTION_JSON_BYTES;
            return Err(wrong(format!(
                "{} bytes are more than the {max} allowed",
                schema.len()
            )));
        }
        let schema: Json =
            serde_json::from_str(schema).map_err(|error| wrong(error.to_string()))?;
        if !schema.is_object() {
            return Err(wrong("it is not an object".to_owned()));
        }
        if !effort::has_plain_references(&schema) {
            let problem = "its references have to lead to parts of it, as in `#/$defs/Name`";
            return Err(wrong(problem.to_owned()));
        }
        let validator = jsonschema::draft202012::options()
            // A schema is a stranger's: its patterns may not backtrack, its references not leave it.
            .with_pattern_options(PatternOptions::regex().size_limit(limits::MAX_REGEX_BYTES))
            .build(&schema)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            schema,
            validator,
            exclude: exclude.to_vec(),
        })
    }

    /// The schema itself.
    pub fn schema(&self) -> &Json {
        &self.schema
    }

    /// `patch` over `current`, property by property, completed with the schema's defaults. What the
    /// schema does not speak of is left out: it may be of another version, or a secret under a wrong
    /// name, which nothing would keep out of an export.
    ///
    /// # Errors
    /// [`HostError::Config`] with every problem and its place.
    pub fn merged(&self, current: &Json, patch: &Json) -> Result<Json> {
        let (Json::Object(current), Json::Object(patch)) = (current, patch) else {
            return Err(HostError::Config(
                "a configuration is a JSON object".to_owned(),
            ));
        };
        let mut merged = current.clone();
        merged.extend(patch.clone());
        let mut merged = Json::Object(merged);
        let mut room = limits::MAX_DEFAULTS_BYTES;
        self.complete(&self.schema, &mut merged, 0, &mut room)?;
        if !effort::is_bounded(&self.schema, &merged) {
            let problem = "checking it takes too long: its schema branches too often";
            return Err(HostError::Config(problem.to_owned()));
        }
        self.validate(&merged)?;
        Ok(merged)
    }

    /// Every default of the schema.
    ///
    /// # Errors
    /// [`HostError::Config`] when some property has none and is required.
    pub fn defaults(&self) -> Result<Json> {
        let empty = Json::Object(Map::new());
        self.merged(&empty, &empty)
    }

    fn validate(&self, config: &Json) -> Result<()> {
        let problems: Vec<String> = self
            .validator
            .iter_errors(config)
            .take(limits::MAX_CONFIG_PROBLEMS)
            .map(|error| {
                let path = error.instance_path().to_string();
                let place = if path.is_empty() {
                    "the configuration".to_owned()
                } else {
                    path
                };
                format!("{place}: {}", error.masked())
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            // A place is named by the keys on the way, which may be anybody's.
            let problems = text::clean_line(&problems.join("; "), limits::MAX_TEXT_BYTES);
            Err(HostError::Config(problems))
        }
    }

    /// Puts in what is missing. Defaults that are made of references may have defaults again: `room`
    /// is how many bytes of them there may be.
    fn complete(
        &self,
        schema: &Json,
        value: &mut Json,
        depth: usize,
        room: &mut usize,
    ) -> Result<()> {
        if depth > limits::MAX_SCHEMA_DEPTH {
            return Ok(());
        }
        let refers_besides = schema.get("$ref").is_some() && schema.get("properties").is_some();
        let schema = self.resolve(schema);
        match value {
            Json::Object(object) => {
                let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
                    return Ok(());
                };
                for (name, property) in properties {
                    let default = property
                        .get("default")
                        .or_else(|| self.resolve(property).get("default"));
                    if let (false, Some(default)) = (object.contains_key(name), default) {
                        let size = name.len().saturating_add(default.to_string().len());
                        let size = size.saturating_add(size_of::<Json>());
                        *room = room.checked_sub(size).ok_or_else(too_many_defaults)?;
                        object.insert(name.clone(), default.clone());
                    }
                    if let Some(inner) = object.get_mut(name) {
                        self.complete(property, inner, depth + 1, room)?;
                    }
                }
                if names_all_properties(schema) && !refers_besides {
                    object.retain(|name, _| properties.contains_key(name));
                }
            }
            Json::Array(items) => {
                let Some(schema) = schema.get("items") else {
                    return Ok(());
                };
                for item in items {
                    self.complete(schema, item, depth + 1, room)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows a reference into the schema's own definitions, one step.
    pub fn resolve<'a>(&'a self, schema: &'a Json) -> &'a Json {
        let target = schema
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|r| r.strip_prefix('#'));
        target
            .and_then(|pointer| self.schema.pointer(pointer))
            .unwrap_or(schema)
    }

    /// `config` as it may leave the host: no secret property, at any depth.
    pub fn without_secrets(&self, config: &Json) -> Json {
        let mut exported = config.clone();
        if let Json::Object(object) = &mut exported {
            object.retain(|name, _| !self.exclude.contains(name));
        }
        let mut left = limits::MAX_SCHEMA_STEPS;
        self.drop_secrets(&self.schema, &mut exported, 0, &mut left);
        if config.is_object() && !exported.is_object() {
            // What reads a configuration expects an object.
            exported = Json::Object(Map::new());
        }
        exported
    }

    /// References may go round in circles, and branch on the way: `left` is how many steps are taken.
    fn drop_secrets(&self, schema: &Json, value: &mut Json, depth: usize, left: &mut usize) {
        *left = left.saturating_sub(1);
        if depth > limits::MAX_SCHEMA_DEPTH || *left == 0 {
            // Further than any schema is followed: better to say nothing than a secret.
            *value = Json::Null;
            return;
        }
        let schema = self.resolve(schema);
        for branch in ["allOf", "anyOf", "oneOf"] {
            for inner in schema
                .get(branch)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                self.drop_secrets(inner, value, depth + 1, left);
            }
        }
        match value {
            Json::Object(object) => {
                let properties = schema.get("properties").and_then(Json::as_object);
                object.retain(|name, _| {
                    properties
                        .and_then(|all| all.get(name))
                        .is_none_or(|p| !self.is_secret(p))
                });
                for (name, inner) in object {
                    let declared = properties.and_then(|all| all.get(name));
                    if let Some(schema) = declared.or_else(|| schema.get("additionalProperties")) {
                        self.drop_secrets(schema, inner, depth + 1, left);
                    }
                }
            }
            Json::Array(items) => {
                let Some(schema) = schema.get("items") else {
                    return;
                };
                if self.is_secret(schema) {
                    items.clear();
                }
                for item in items {
                    self.drop_secrets(schema, item, depth + 1, left);
                }
            }
            _ => {}
        }
    }

    /// Where the schema has secrets, such as `server.password` and `peers[].token`, for people.
    pub fn secrets(&self) -> Vec<String> {
        let mut search = SecretSearch {
            found: self.exclude.clone(),
            ..SecretSearch::default()
        };
        self.find_secrets(&self.schema, "", &mut search);
        search.found.sort();
        search.found.dedup();
        search.found
    }

    fn find_secrets(&self, schema: &Json, path: &str, search: &mut SecretSearch) {
        let schema = self.resolve(schema);
        let here = std::ptr::from_ref(schema);
        search.visited += 1;
        // References may go round in circles, and branch on the way.
        if search.above.contains(&here)
            || search.above.len() > limits::MAX_SCHEMA_DEPTH
            || search.visited > limits::MAX_SCHEMA_PARTS
        {
            return;
        }
        search.above.push(here);
        for branch in ["allOf", "anyOf", "oneOf"] {
            for inner in schema
                .get(branch)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                self.find_secrets(inner, path, search);
            }
        }
        let properties = schema.get("properties").and_then(Json::as_object);
        let named = properties.into_iter().flatten().map(|(name, inner)| {
            (
                if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                },
                inner,
            )
        });
        let items = schema
            .get("items")
            .map(|inner| (format!("{path}[]"), inner));
        let others = schema
            .get("additionalProperties")
            .map(|inner| (format!("{path}.*"), inner));
        for (path, inner) in named.chain(items).chain(others) {
            if self.is_secret(inner) {
                search.found.push(path);
            } else {
                self.find_secrets(inner, &path, search);
            }
        }
        search.above.pop();
    }

    fn is_secret(&self, property: &Json) -> bool {
        let marked = |schema: &Json| schema.get(EXPORT_KEY) == Some(&Json::Bool(false));
        marked(property) || marked(self.resolve(property))
    }
}

fn too_many_defaults() -> HostError {
    let max = limits::MAX_DEFAULTS_BYTES;
    HostError::Config(format!(
        "the defaults of its schema come to more than {max} bytes"
    ))
}

/// Whether nothing in `schema` but its `properties` speaks of what an object has.
fn names_all_properties(schema: &Json) -> bool {
    const OTHERS: [&str; 13] = [
        "$ref",
        "$dynamicRef",
        "additionalProperties",
        "unevaluatedProperties",
        "patternProperties",
        "propertyNames",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "dependentSchemas",
        "dependentRequired",
    ];
    OTHERS.iter().all(|keyword| schema.get(keyword).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> ConfigSchema {
        let schema = json!({
            "type": "object",
            "properties": {
                "interval_s": {"type": "number", "default": 1.0, "minimum": 0.05},
                "token": {"type": "string", "default": ""},
                "server": {"$ref": "#/$defs/Server", "default": {}},
                "peers": {"type": "array", "items": {"$ref": "#/$defs/Server"}, "default": []},
            },
            "$defs": {"Server": {"type": "object", "properties": {
                "host": {"type": "string", "default": "localhost"},
                "password": {"type": "string", "export": false, "default": ""},
            }}},
        });
        ConfigSchema::new(&schema.to_string(), &["token".to_owned()]).unwrap()
    }

    #[test]
    fn defaults_are_filled_at_every_depth() {
        let config = schema()
            .merged(&json!({}), &json!({"peers": [{}]}))
            .unwrap();
        assert_eq!(
            config["server"],
            json!({"host": "localhost", "password": ""})
        );
        assert_eq!(config["interval_s"], 1.0);
        assert_eq!(
            config["peers"],
            json!([{"host": "localhost", "password": ""}])
        );
    }

    #[test]
    fn what_the_schema_does_not_speak_of_is_left_out() {
        let patch = json!({"tokn": "s3cr3t", "server": {"host": "h", "passwort": "s3cr3t"}});
        let config = schema().merged(&json!({}), &patch).unwrap();
        assert!(!config.to_string().contains("s3cr3t"), "{config}");
        assert_eq!(config["server"]["host"], "h");
        let open = r#"{"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}"#;
        let open = ConfigSchema::new(open, &[]).unwrap();
        let config = open.merged(&json!({}), &json!({"a": 1, "b": 2})).unwrap();
        assert_eq!(config, json!({"a": 1, "b": 2}));
    }

    #[test]
    fn a_patch_overrides_and_what_is_wrong_is_named_without_its_value() {
        let schema = schema();
        let current = schema.defaults().unwrap();
        assert_eq!(
            schema.merged(&current, &json!({"interval_s": 2})).unwrap()["interval_s"],
            2
        );
        let wrong = json!({"interval_s": "s3cr3t", "token": 17});
        let message = schema.merged(&current, &wrong).unwrap_err().to_string();
        assert!(
            message.contains("/interval_s") && message.contains("/token"),
            "{message}"
        );
        assert!(!message.contains("s3cr3t"), "{message}");
    }

    #[test]
    fn secrets_leave_at_every_depth() {
        let config = json!({
            "token": "s3cr3t", "server": {"host": "a", "password": "s3cr3t"},
            "peers": [{"password": "s3cr3t"}, {"host": "b"}],
        });
        let exported = schema().without_secrets(&config);
        assert!(!exported.to_string().contains("s3cr3t"), "{exported}");
        assert_eq!(exported["server"]["host"], "a");
        assert_eq!(
            schema().secrets(),
            ["peers[].password", "server.password", "token"]
        );
    }

    #[test]
    fn a_schema_in_circles_has_its_secrets_listed_too() {
        let schema = json!({
            "properties": {"token": {"export": false}, "next": {"$ref": "#"}},
            "allOf": [{"$ref": "#"}, {"$ref": "#"}],
        });
        let Ok(schema) = ConfigSchema::new(&schema.to_string(), &[]) else {
            return;
        };
        assert_eq!(schema.secrets(), ["token"]);
    }

    #[test]
    fn defaults_that_make_defaults_and_branches_in_circles_come_to_an_end() {
        let node = json!({"$ref": "#", "default": {}});
        let tree = json!({"properties": {"a": node, "b": node}});
        let tree = ConfigSchema::new(&tree.to_string(), &[]).unwrap();
        let problem = tree.defaults().unwrap_err().to_string();
        assert!(problem.contains("defaults"), "{problem}");
        let circle = json!({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}],
            "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}, {}]}}});
        let Ok(circle) = ConfigSchema::new(&circle.to_string(), &[]) else {
            return;
        };
        assert_eq!(circle.without_secrets(&json!({"a": 1})), json!({}));
    }

    #[test]
    fn a_schema_cannot_reach_out_or_backtrack() {
        let remote = r#"{"$ref": "http://127.0.0.1:1/schema.json"}"#;
        ConfigSchema::new(remote, &[]).unwrap_err();
        let pattern = r#"{"properties": {"a": {"pattern": "(?=a)b"}}}"#;
        ConfigSchema::new(pattern, &[]).unwrap_err();
    }
}
