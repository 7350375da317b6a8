//! Random schemas, each made around a value that it takes, with marks of which it is known what they
//! mark: whoever makes it knows it, not whoever reads it.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value as Json, json};

/// How deep the value of a configuration is.
const DEPTH: usize = 4;
/// A schema that takes everything, with a mark.
const MARK: &str = "export";

/// A schema, a configuration that fits it, and what must not leave of that.
pub(super) struct Case {
    pub schema: Json,
    pub exclude: Vec<String>,
    pub value: Json,
    /// Texts, and names of members that are there once, as they are in the configuration: the items of a
    /// list share their names, and some of them may leave.
    pub secrets: BTreeSet<String>,
    /// Through which keywords something is marked.
    pub through: BTreeSet<&'static str>,
}

/// How often each name of a member is in `value`.
fn count_names(value: &Json, names: &mut BTreeMap<String, usize>) {
    match value {
        Json::Object(members) => {
            for (name, inner) in members {
                *names.entry(name.clone()).or_default() += 1;
                count_names(inner, names);
            }
        }
        Json::Array(items) => items.iter().for_each(|inner| count_names(inner, names)),
        _ => {}
    }
}

pub(super) struct Make<'r> {
    rng: &'r mut SmallRng,
    definitions: Map<String, Json>,
    older: Map<String, Json>,
    secrets: BTreeSet<String>,
    through: BTreeSet<&'static str>,
    /// Keywords on the way to where it is.
    way: Vec<&'static str>,
    /// It is in what has an `$id` of its own, where `#` is something else.
    is_apart: bool,
    count: usize,
}

/// Values that are at one place of a schema.
type Values<'a> = Vec<&'a Json>;

impl<'r> Make<'r> {
    pub(super) fn case(rng: &'r mut SmallRng) -> Case {
        let mut make = Self {
            rng,
            definitions: Map::new(),
            older: Map::new(),
            secrets: BTreeSet::new(),
            through: BTreeSet::new(),
            way: Vec::new(),
            is_apart: false,
            count: 0,
        };
        let value = make.object(0);
        let mut schema = make.wrapped(vec![&value]);
        let mut exclude = Vec::new();
        if make.one_in(5)
            && let Json::Object(members) = &value
            && let Some((name, member)) = members.iter().next()
        {
            exclude.push(name.clone());
            make.keep_secret(member);
            make.through.insert("export-exclude");
        }
        if let Json::Object(keywords) = &mut schema {
            for (keyword, schemas) in [("$defs", &make.definitions), ("definitions", &make.older)] {
                if !schemas.is_empty() {
                    keywords.insert(keyword.to_owned(), Json::Object(schemas.clone()));
                }
            }
        }
        let mut names = BTreeMap::new();
        count_names(&value, &mut names);
        make.secrets
            .retain(|secret| names.get(secret).is_none_or(|times| *times == 1));
        Case {
            schema,
            exclude,
            value,
            secrets: make.secrets,
            through: make.through,
        }
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.rng.random_ratio(1, count)
    }

    fn name(&mut self, of: &str) -> String {
        self.count += 1;
        format!("{of}{}z", self.count)
    }

    // Values.

    fn object(&mut self, depth: usize) -> Json {
        let members = (0..self.rng.random_range(1..4)).map(|_| {
            let name = self.name("k");
            (name, self.value(depth + 1))
        });
        Json::Object(members.collect())
    }

    fn value(&mut self, depth: usize) -> Json {
        match self.rng.random_range(0..10) {
            0..=2 if depth < DEPTH => self.object(depth),
            3..=4 if depth < DEPTH => {
                let like = self.value(depth + 1);
                let more = self.rng.random_range(0..3);
                let others: Vec<_> = (0..more).map(|_| self.another(&like)).collect();
                Json::Array([vec![like], others].concat())
            }
            5 => {
                self.count += 1;
                json!(7_000_000_000u64 + self.count as u64)
            }
            _ => Json::String(self.name("v")),
        }
    }

    /// A value of the same shape, with other texts in it.
    fn another(&mut self, like: &Json) -> Json {
        match like {
            Json::Object(members) => {
                let members = members.iter();
                Json::Object(
                    members
                        .map(|(name, inner)| (name.clone(), self.another(inner)))
                        .collect(),
                )
            }
            Json::Array(items) => items.iter().map(|inner| self.another(inner)).collect(),
            Json::Number(_) => {
                self.count += 1;
                json!(7_000_000_000u64 + self.count as u64)
            }
            _ => Json::String(self.name("v")),
        }
    }

    fn keep_secret(&mut self, value: &Json) {
        match value {
            Json::Object(members) => {
                for (name, inner) in members {
                    self.secrets.insert(name.clone());
                    self.keep_secret(inner);
                }
            }
            Json::Array(items) => items.iter().for_each(|inner| self.keep_secret(inner)),
            Json::String(text) => drop(self.secrets.insert(text.clone())),
            plain => drop(self.secrets.insert(plain.to_string())),
        }
    }

    // Schemas.

    /// `make`, on the way through `keyword`.
    fn via<T>(&mut self, keyword: &'static str, make: impl FnOnce(&mut Self) -> T) -> T {
        self.way.push(keyword);
        let made = make(self);
        self.way.pop();
        made
    }

    /// A schema for `values`, with or without a mark, at last in some other keyword.
    fn schema(&mut self, values: Values<'_>) -> Json {
        if self.one_in(7) {
            self.marked(values)
        } else {
            self.wrapped(values)
        }
    }

    fn mark(&mut self, how: &'static str, values: &Values<'_>) {
        for value in values {
            self.keep_secret(value);
        }
        self.through.insert(how);
        self.through.extend(&self.way);
    }

    /// A schema of which everything is a secret.
    fn marked(&mut self, values: Values<'_>) -> Json {
        let mark = json!({ MARK: false });
        let mut ways = vec![
            "export",
            "writeOnly",
            "format",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "if",
            "then",
            "else",
            "unknown",
        ];
        if !self.is_apart {
            ways.extend(["$ref", "$dynamicRef", "$anchor", "discriminator"]);
        }
        let all_are = |is: fn(&Json) -> bool| values.iter().all(|value| is(value));
        if all_are(Json::is_array) && values.iter().any(|value| *value != &json!([])) {
            ways.extend(["contains"; 2]);
        }
        if all_are(Json::is_object) {
            ways.extend(["propertyNames", "unevaluatedProperties", "dependentSchemas"]);
            ways.push("dependencies");
        }
        if all_are(Json::is_string) {
            ways.push("contentSchema");
        }
        let how = *ways.choose(self.rng).unwrap();
        self.mark(how, &values);
        let names = values
            .iter()
            .filter_map(|value| value.as_object()?.keys().next());
        let name = names.min().cloned().unwrap_or_default();
        let inner = self.wrapped(values);
        match how {
            "export" => with(inner, MARK, json!(false)),
            "writeOnly" => with(inner, "writeOnly", json!(true)),
            "format" => with(inner, "format", json!("password")),
            "allOf" => json!({"allOf": [inner, mark]}),
            "anyOf" => json!({"anyOf": [{"type": "null"}, with(inner, MARK, json!(false))]}),
            "oneOf" => json!({"oneOf": [with(inner, MARK, json!(false)), {"const": "no"}]}),
            "not" => json!({"allOf": [inner], "not": {"const": "no", MARK: false}}),
            "if" => json!({"allOf": [inner], "if": mark}),
            "then" => json!({"if": true, "then": with(inner, MARK, json!(false))}),
            "else" => json!({"if": false, "else": with(inner, MARK, json!(false))}),
            "unknown" => with(inner, "itemsOf", json!({ MARK: true })),
            "contains" => json!({"allOf": [inner], "contains": mark, "minContains": 0}),
            "propertyNames" => json!({"allOf": [inner], "propertyNames": mark}),
            "unevaluatedProperties" => {
                json!({"anyOf": [inner, true], "unevaluatedProperties": mark})
            }
            "dependentSchemas" => {
                json!({"allOf": [inner, {"dependentSchemas": {name: mark}}]})
            }
            "dependencies" => json!({"allOf": [inner], "dependencies": {name: mark}}),
            "contentSchema" => json!({"allOf": [inner], "contentMediaType": "application/json",
                "contentSchema": {"properties": {"a": {"items": mark}}}}),
            "$ref" => {
                let to = self.define(inner);
                json!({"$ref": format!("#/$defs/{to}"), MARK: false})
            }
            "$dynamicRef" => {
                let name = self.name("d");
                let marked = json!({"$dynamicAnchor": name, MARK: false});
                self.define(marked);
                json!({"allOf": [inner], "$dynamicRef": format!("#{name}")})
            }
            "$anchor" => {
                let name = self.name("d");
                let marked = json!({"$anchor": name, MARK: false});
                self.define(marked);
                json!({"allOf": [inner], "$ref": format!("#{name}")})
            }
            _ => {
                let to = self.define(mark);
                let mapping = json!({"a": format!("#/$defs/{to}")});
                let by = json!({"propertyName": "kind", "mapping": mapping});
                json!({"oneOf": [inner], "discriminator": by})
            }
        }
    }

    fn define(&mut self, schema: Json) -> String {
        let name = self.name("D");
        self.definitions.insert(name.clone(), schema);
        name
    }

    /// A schema for `values`, maybe within another keyword for the same values.
    fn wrapped(&mut self, values: Values<'_>) -> Json {
        let mut ways = vec!["allOf", "anyOf", "oneOf", "then", "else", "both"];
        if !self.is_apart {
            ways.extend(["$ref", "definitions", "$anchor", "$dynamicRef", "$id"]);
            ways.push("discriminator");
        }
        let name = values.iter().map(|value| value.as_object()?.keys().next());
        let name: Option<BTreeSet<_>> = name.collect();
        if let Some(name) = &name
            && name.len() == 1
        {
            ways.extend(["dependentSchemas", "dependencies"]);
        }
        let how = if self.one_in(2) {
            "nothing"
        } else {
            *ways.choose(self.rng).unwrap()
        };
        let decoy = self.decoy();
        match how {
            "nothing" => self.shape(values),
            "both" => {
                let inner = self.via("allOf", |make| make.shape(values));
                json!({"allOf": [true, inner], "title": "both", "x-note": [MARK]})
            }
            "allOf" => json!({"allOf": [self.via(how, |make| make.schema(values))]}),
            "anyOf" => json!({"anyOf": [decoy, self.via(how, |make| make.schema(values))]}),
            "oneOf" => json!({"oneOf": [self.via(how, |make| make.schema(values)), decoy]}),
            "then" => json!({"if": {"not": {"const": "no"}},
                "then": self.via(how, |make| make.schema(values)), "else": decoy}),
            "else" => json!({"if": {"const": "no"}, "then": decoy,
                "else": self.via(how, |make| make.schema(values))}),
            "dependentSchemas" | "dependencies" => {
                let name = name.into_iter().flatten().next().unwrap().clone();
                let inner = self.via(how, |make| make.schema(values));
                json!({how: {name: inner}, "type": "object"})
            }
            "$ref" => {
                let inner = self.via(how, |make| make.schema(values));
                json!({"$ref": format!("#/$defs/{}", self.define(inner)), "description": "there"})
            }
            "definitions" => {
                let inner = self.via(how, |make| make.schema(values));
                let name = self.name("o");
                self.older.insert(name.clone(), inner);
                json!({"$ref": format!("#/definitions/{name}")})
            }
            "$anchor" | "$dynamicRef" => {
                let inner = self.via(how, |make| make.schema(values));
                let name = self.name("a");
                let (anchor, reference) = match how {
                    "$anchor" => ("$anchor", "$ref"),
                    _ => ("$dynamicAnchor", "$dynamicRef"),
                };
                self.define(with(inner, anchor, json!(name)));
                json!({reference: format!("#{name}")})
            }
            "$id" => {
                self.is_apart = true;
                let inner = self.via(how, |make| make.schema(values));
                self.is_apart = false;
                let name = self.name("i");
                self.define(with(inner, "$id", json!(name)));
                json!({"$ref": name})
            }
            _ => {
                let inner = self.via(how, |make| make.schema(values));
                let to = format!("#/$defs/{}", self.define(inner));
                json!({"oneOf": [{"$ref": to}, decoy],
                    "discriminator": {"propertyName": "kind", "mapping": {"a": to}}})
            }
        }
    }

    /// What no value here is.
    fn decoy(&mut self) -> Json {
        let decoys = [
            json!(false),
            json!({"const": "no"}),
            json!({"type": "null"}),
            json!({"type": "object", "required": ["no"], "properties": {"no": {MARK: false}}}),
        ];
        decoys.choose(self.rng).unwrap().clone()
    }

    fn shape(&mut self, values: Values<'_>) -> Json {
        let all_are = |is: fn(&Json) -> bool| values.iter().all(|value| is(value));
        if all_are(Json::is_object) {
            self.members(&values)
        } else if all_are(Json::is_array) {
            self.items(&values)
        } else if all_are(|value| !value.is_object() && !value.is_array()) {
            self.plain(&values)
        } else {
            // One branch for each shape that there is.
            let mut values = values;
            let first = values.remove(0);
            let inner = self.via("anyOf", |make| make.schema(vec![first]));
            let others = self.via("anyOf", |make| make.schema(values));
            json!({"anyOf": [inner, others]})
        }
    }

    fn plain(&mut self, values: &Values<'_>) -> Json {
        let is_text = values.iter().all(|value| value.is_string());
        let is_number = values.iter().all(|value| value.is_number());
        match self.rng.random_range(0..7) {
            0 if is_text => json!({"type": ["string", "null"], "minLength": 1}),
            1 if is_text => json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
            2 if is_text => json!({"pattern": "^v", "maxLength": 100}),
            3 if is_text => json!({"type": "string", "pattern": "^(?=v)"}),
            4 => json!({"enum": values}),
            5 => json!({}),
            _ if is_text => json!({"type": "string"}),
            _ if is_number => json!({"type": "integer", "minimum": 1}),
            _ => json!({"type": ["string", "number"]}),
        }
    }

    fn members(&mut self, values: &Values<'_>) -> Json {
        let mut by_name: BTreeMap<&String, Values<'_>> = BTreeMap::new();
        for value in values {
            for (name, inner) in value.as_object().into_iter().flatten() {
                by_name.entry(name).or_default().push(inner);
            }
        }
        let mut schema = Map::new();
        let mut properties = Map::new();
        let mut patterns = Map::new();
        let mut others: Values<'_> = Vec::new();
        for (name, inner) in by_name {
            match self.rng.random_range(0..8) {
                0..=4 => {
                    let of = self.via("properties", |make| make.schema(inner));
                    properties.insert(name.clone(), of);
                }
                5..=6 => {
                    let of = self.via("patternProperties", |make| make.schema(inner));
                    let pattern = if self.one_in(5) {
                        format!("^(?=k){name}$")
                    } else {
                        format!("^{name}$")
                    };
                    patterns.insert(pattern, of);
                }
                _ => others.extend(inner),
            }
        }
        if !others.is_empty() {
            let keywords = ["additionalProperties", "unevaluatedProperties"];
            let keyword = *keywords.choose(self.rng).unwrap();
            let of = self.via(keyword, |make| make.schema(others));
            schema.insert(keyword.to_owned(), of);
        } else if self.one_in(4) {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        for (keyword, by_name) in [("properties", properties), ("patternProperties", patterns)] {
            if !by_name.is_empty() {
                schema.insert(keyword.to_owned(), Json::Object(by_name));
            }
        }
        if self.one_in(2) {
            schema.insert("type".to_owned(), json!("object"));
        }
        if self.one_in(6) {
            schema.insert("propertyNames".to_owned(), json!({"minLength": 1}));
        }
        Json::Object(schema)
    }

    fn items(&mut self, values: &Values<'_>) -> Json {
        let lists: Vec<&Vec<Json>> = values.iter().filter_map(|value| value.as_array()).collect();
        let longest = lists
            .iter()
            .map(|list| list.len())
            .max()
            .unwrap_or_default();
        let own = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(0..=longest),
            _ => 0,
        };
        let mut schema = Map::new();
        let is_older = self.one_in(3);
        let names = match is_older {
            true => ("itemsAsList", "additionalItems"),
            false => ("prefixItems", "items"),
        };
        let first: Vec<Json> = (0..own)
            .map(|index| {
                let values = lists.iter().filter_map(|list| list.get(index)).collect();
                self.via(names.0, |make| make.schema(values))
            })
            .collect();
        let rest: Values<'_> = lists
            .iter()
            .flat_map(|list| list.iter().skip(own))
            .collect();
        if own > 0 {
            let keyword = if is_older { "items" } else { "prefixItems" };
            schema.insert(keyword.to_owned(), Json::Array(first));
        }
        if !rest.is_empty() {
            let keyword = match (own > 0, self.one_in(4)) {
                (_, true) => "unevaluatedItems",
                (true, false) => names.1,
                (false, false) => "items",
            };
            let of = self.via(keyword, |make| make.schema(rest));
            schema.insert(keyword.to_owned(), of);
        }
        if self.one_in(2) {
            schema.insert("type".to_owned(), json!("array"));
        }
        Json::Object(schema)
    }
}

/// `schema` and one keyword more, that it has not.
fn with(schema: Json, keyword: &str, value: Json) -> Json {
    match schema {
        Json::Object(mut keywords) if !keywords.contains_key(keyword) => {
            keywords.insert(keyword.to_owned(), value);
            Json::Object(keywords)
        }
        other => json!({"allOf": [other], keyword: value}),
    }
}
