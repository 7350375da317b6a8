//! The configuration of an instance: schema, defaults, merging, and what of it may leave the host.
//!
//! A schema is read once into a [`graph`]; completing, cleaning, redacting, listing and telling what is wrong
//! all follow that, so none of them can overlook what another knows. What it says of a place is
//! closed by default: a value leaves only where something tells that it is there and nothing marks it.
//!
//! Messages made here say where and what is wrong, and never the value: it may be the secret.
//!
//! Where it refers to secrets, the guest gets them, and what is kept, shown and sent has the references ([`given`]).
//!
//! What tells that a value is there is its name, or a kind that fits it. So plain `dict` and `list`
//! fields stay in the host, since nothing is said of their content. Configurations are completed and
//! checked on the guests' threads, on the bill of the instance and under its deadlines; schemas are
//! compiled there when a component is prepared.

mod complete;
mod effort;
mod fits;
mod given;
mod graph;
mod index;
mod keywords;
mod left_out;
mod list;
mod older;
mod patterns;
mod place;
mod problems;
mod redact;

use jsonschema::Validator;
use serde_json::{Map, Value as Json};

use crate::error::{HostError, Result};
use crate::{limits, text};
use given::Marked;
pub use given::{Checked, Known, refers};
use graph::Graph;
pub use graph::Unclear;
pub use list::Listed;
pub use patterns::SchemaBudget;

/// A class's configuration schema, compiled.
#[derive(Debug)]
pub struct ConfigSchema {
    schema: Json,
    graph: Graph,
    validator: Validator,
    exclude: Vec<String>,
}

impl ConfigSchema {
    /// Compiles `schema`; `exclude` names top-level properties that are secret besides those that
    /// the schema marks with `"export": false`. It is the only one of its component: see
    /// [`Self::within`].
    ///
    /// # Errors
    /// Those of [`Self::within`].
    pub fn new(schema: &str, exclude: &[String]) -> Result<Self> {
        Self::within(schema, exclude, &mut SchemaBudget::default())
    }

    /// Compiles `schema` within the room that its component still has.
    ///
    /// # Errors
    /// [`HostError::Description`] when this is no JSON Schema of an object, or too much of one.
    pub fn within(schema: &str, exclude: &[String], room: &mut SchemaBudget) -> Result<Self> {
        // What is wrong is quoted from the schema.
        let wrong = |problem: String| {
            let problem = text::clean_line(&problem, limits::MAX_TEXT_BYTES / 2);
            HostError::Description(format!("its config schema: {problem}"))
        };
        let max = room.bytes.min(limits::MAX_DESCRIPTION_JSON_BYTES);
        if schema.len() > max {
            let problem = format!("{} bytes are more than the {max} allowed", schema.len());
            return Err(wrong(problem));
        }
        room.bytes -= schema.len();
        let schema: Json =
            serde_json::from_str(schema).map_err(|error| wrong(error.to_string()))?;
        if !schema.is_object() {
            return Err(wrong("it is not an object".to_owned()));
        }
        let mut todays = schema.clone();
        older::rewrite(&mut todays);
        let graph = Graph::read(&todays, room).map_err(wrong)?;
        patterns::take_out_unchecked(&mut todays, room);
        let validator = jsonschema::draft202012::options()
            .with_pattern_options(patterns::options(patterns::largest()))
            .with_pattern_cache(room.compiled.clone())
            .build(&todays)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            schema,
            graph,
            validator,
            exclude: exclude.to_vec(),
        })
    }

    /// The schema itself, as the component gave it.
    pub fn schema(&self) -> &Json {
        &self.schema
    }

    /// `patch` over `current`, property by property, completed with the schema's defaults. What the
    /// schema does not speak of is left out: it may be of another version, or under a wrong name.
    ///
    /// # Errors
    /// [`HostError::Config`] with every problem and its place.
    pub fn merged(&self, current: &Json, patch: &Json) -> Result<Json> {
        self.completed(over(current, patch)?)
    }

    fn completed(&self, mut config: Json) -> Result<Json> {
        complete::complete(&self.graph, &mut config)?;
        self.validate(&config)?;
        Ok(config)
    }

    /// The same, where both may refer to secrets, of which `known` knows some.
    ///
    /// # Errors
    /// Those of [`Self::merged`]; when a secret is not known, or would not stay in the host where it is referred to.
    pub fn checked(&self, current: &Json, patch: &Json, known: Known<'_>) -> Result<Checked> {
        let whole = over(current, patch)?;
        let Some(mut marked) = Marked::new(&whole)? else {
            return self.completed(whole).map(Checked::plain);
        };
        complete::complete(&self.graph, &mut marked.config)?;
        marked.leaves(&self.without_secrets(&marked.config))?;
        let checked = marked.given(known)?;
        self.validate(checked.given())?;
        Ok(checked)
    }

    /// What a guest says its configuration is, where it is `kept` with references to secrets that `known` knows.
    ///
    /// # Errors
    /// Those of [`Self::checked`].
    pub fn said(&self, kept: &Json, said: &Json, known: Known<'_>) -> Result<Checked> {
        match given::refers(kept) {
            true => self.checked(kept, &given::referring(said, kept, known), known),
            // Nothing is copied that may be large.
            false => self.checked(kept, said, known),
        }
    }

    /// The members of `patch`, by their paths, that [`Self::merged`] leaves out of it; the first few. None, where
    /// that cannot be found out: what is wrong is said by who takes it.
    pub fn left_out(&self, current: &Json, patch: &Json) -> Vec<Vec<String>> {
        let (Json::Object(current), Json::Object(changed)) = (current, patch) else {
            return Vec::new();
        };
        let mut taken = current.clone();
        taken.extend(changed.clone());
        let mut taken = Json::Object(taken);
        match complete::complete(&self.graph, &mut taken) {
            Ok(()) => left_out::left_out(patch, &taken),
            Err(_) => Vec::new(),
        }
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
        if !effort::is_bounded(&self.graph, config) {
            return Err(complete::too_far());
        }
        let problems = problems::problems(&self.graph, &self.validator, &self.exclude, config);
        if problems.is_empty() {
            Ok(())
        } else {
            // A place is named by the keys on the way, which may be anybody's.
            let problems = text::clean_line(&problems.join("; "), limits::MAX_TEXT_BYTES);
            Err(HostError::Config(problems))
        }
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

    /// `config` as it may leave the host: what the schema tells of and does not mark, at any depth.
    pub fn without_secrets(&self, config: &Json) -> Json {
        redact::public(&self.graph, config, &self.exclude)
    }

    /// `config` as the form that edits it has it: secrets included, and nothing that the schema has no
    /// place for, such as a secret of another version.
    pub fn for_its_form(&self, config: &Json) -> Json {
        // Better an empty form than one with what nobody looked at.
        let empty = Json::Object(Map::new());
        let cleaned = |config: &mut Json| complete::clean(&self.graph, config);
        match Marked::new(config) {
            Ok(Some(mut marked)) => match cleaned(&mut marked.config) {
                Ok(()) => marked.kept(),
                Err(_too_far) => empty,
            },
            Ok(None) => {
                let mut shown = config.clone();
                cleaned(&mut shown).map_or(empty, |()| shown)
            }
            Err(_no_reference) => empty,
        }
    }

    /// Every place that the schema has, and whether what is there leaves. What it has no place for does
    /// not.
    pub fn places(&self) -> Vec<Listed> {
        list::list(&self.graph, &self.exclude)
    }

    /// Where the schema has secrets, such as `server.password` and `peers[].token`, for people.
    pub fn secrets(&self) -> Vec<String> {
        let stays = self.places().into_iter().filter(|place| !place.leaves);
        let mut secrets: Vec<String> = stays.map(|place| place.path).collect();
        secrets.extend(self.exclude.iter().cloned());
        secrets.sort();
        secrets.dedup();
        secrets
    }

    /// What the schema says and the host does not do, the first few.
    pub fn unclear(&self) -> &[Unclear] {
        &self.graph.unclear
    }
}

/// `patch` over `current`, property by property.
fn over(current: &Json, patch: &Json) -> Result<Json> {
    let (Json::Object(current), Json::Object(patch)) = (current, patch) else {
        return Err(HostError::Config(
            "a configuration is a JSON object".to_owned(),
        ));
    };
    let mut whole = current.clone();
    whole.extend(patch.clone());
    Ok(Json::Object(whole))
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
        assert_eq!(schema.secrets(), ["next.token", "token"]);
    }

    #[test]
    fn defaults_that_make_defaults_and_branches_in_circles_come_to_an_end() {
        let node = json!({"$ref": "#", "default": {}});
        let tree = json!({"properties": {"a": node, "b": node}});
        let tree = ConfigSchema::new(&tree.to_string(), &[]).unwrap();
        let problem = tree.defaults().unwrap_err().to_string();
        assert!(problem.contains("takes too long"), "{problem}");
        let long = json!({"default": {"text": "a".repeat(200_000)}, "$ref": "#/$defs/next"});
        let properties: Map<_, _> = (0..30)
            .map(|at| (at.to_string(), json!({"$ref": "#/$defs/long"})))
            .collect();
        let many = json!({"properties": properties, "$defs": {"long": long, "next": {}}});
        let many = ConfigSchema::new(&many.to_string(), &[]).unwrap();
        let problem = many.defaults().unwrap_err().to_string();
        assert!(problem.contains("come to more than"), "{problem}");
        let circle = json!({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}],
            "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}, {}]}}});
        let Ok(circle) = ConfigSchema::new(&circle.to_string(), &[]) else {
            return;
        };
        assert_eq!(circle.without_secrets(&json!({"a": 1})), json!({}));
    }

    #[test]
    fn what_nothing_tells_of_does_not_leave() {
        let schema = json!({"properties": {
            "user": {"type": "string"}, "login": {"type": "object", "properties": {"name": {}}},
            "any": {}, "mode": {"enum": ["a", "b"]}, "plain": {"type": "array"},
            "map": {"type": "object", "additionalProperties": true},
            "new": {"properties": {"a": {}}, "someday": {"a": {"export": false}}},
        }});
        let schema = ConfigSchema::new(&schema.to_string(), &[]).unwrap();
        let other = json!({"token": 1, "user": {"a": 1}, "login": "s", "mode": "s",
            "any": {"a": 1}, "plain": ["s"], "map": {"a": "s"}, "new": {"a": 1}});
        let left = json!({"any": {}, "plain": [], "map": {}});
        assert_eq!(schema.without_secrets(&other), left);
        let known = json!({"user": "a", "login": {"name": "b"}, "mode": "a", "any": 1});
        assert_eq!(schema.without_secrets(&known), known);
        assert_eq!(schema.secrets(), ["map.*", "new"]);
        let place = "#/properties/new".to_owned();
        let unclear = [Unclear::Keyword("someday".to_owned(), place)];
        assert_eq!(schema.unclear(), unclear);
    }

    #[test]
    fn a_form_has_secrets_and_nothing_of_another_version() {
        let schema = schema();
        let config =
            json!({"token": "a", "tokn": "b", "server": {"password": "c", "pasword": "d"}});
        let shown = json!({"token": "a", "server": {"password": "c"}});
        assert_eq!(schema.for_its_form(&config), shown);
    }

    #[test]
    fn an_error_names_nothing_below_a_secret() {
        let schema = json!({"properties": {
            "keys": {"export": false, "additionalProperties": {"type": "integer"}},
            "users": {"additionalProperties": {"type": "integer"}},
            "closed": {"export": false, "additionalProperties": false},
            "names": {"propertyNames": {"export": false}, "additionalProperties": {"type": "null"}},
        }, "additionalProperties": false});
        let schema = ConfigSchema::new(&schema.to_string(), &["users".to_owned()]).unwrap();
        let wrong = json!({"keys": {"s3cr3t": "a"}, "users": {"0": "a", "s3cr3t": "b"},
            "closed": {"s3cr3t": 1}, "names": {"s3cr3t": 1}, "misspelt": 1});
        let problem = schema.merged(&json!({}), &wrong).unwrap_err().to_string();
        assert!(!problem.contains("s3cr3t"), "{problem}");
        let told = ["/keys/…", "`misspelt`", "/users/…", "/names/…"];
        assert!(told.iter().all(|told| problem.contains(told)), "{problem}");
    }

    #[test]
    fn a_pattern_that_is_not_checked_refuses_nothing() {
        let schema = json!({"properties": {
            "price": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^(?!a)b"}]},
        }, "patternProperties": {"^(?=x)": {"type": "integer", "export": false}},
            "additionalProperties": false});
        let schema = ConfigSchema::new(&schema.to_string(), &[]).unwrap();
        let config = json!({"price": "c", "x": "y", "z": 1});
        assert_eq!(schema.merged(&json!({}), &config).unwrap(), config);
        // Nobody knows whether the pattern fits, so it may mark whatever it is tried on.
        assert_eq!(schema.without_secrets(&config), json!({}));
        assert_eq!(schema.unclear().len(), 2);
    }

    #[test]
    fn schemas_share_one_room() {
        let mut room = SchemaBudget::default();
        let long = json!({"description": "a".repeat(200 * 1024)}).to_string();
        let fits = (0..64).filter(|_| ConfigSchema::within(&long, &[], &mut room).is_ok());
        assert_eq!(fits.count(), limits::MAX_SCHEMAS_BYTES / long.len());
        let parts = vec![json!({}); limits::MAX_SCHEMA_PARTS];
        let many = json!({ "prefixItems": parts }).to_string();
        let problem = ConfigSchema::new(&many, &[]).unwrap_err().to_string();
        assert!(problem.contains("parts"), "{problem}");
        // Each is tried within what is left, and there are too many of them.
        let patterns = (0..5_000).map(|at| json!({"pattern": format!(r"^{at}(\p{{L}}{{40}})+$")}));
        let patterns = json!({"prefixItems": patterns.collect::<Vec<_>>()});
        let patterns = ConfigSchema::new(&patterns.to_string(), &[]).unwrap();
        assert_eq!(patterns.unclear().len(), limits::MAX_UNCLEAR_PLACES);
    }

    #[test]
    fn a_schema_that_doubles_compiles() {
        let doubling = effort::tests::doubling(40);
        let schema = ConfigSchema::new(&doubling.to_string(), &[]).unwrap();
        schema.defaults().unwrap_err();
    }

    #[test]
    fn a_schema_cannot_reach_out() {
        let remote = r#"{"$ref": "http://127.0.0.1:1/schema.json"}"#;
        ConfigSchema::new(remote, &[]).unwrap_err();
    }
}
