//! Secrets within JSON that is edited. Each is shown as a mask that says where it was, and is put back where the mask
//! still stands at a place for a secret. Schemas are a guest's word: where one cannot be followed, all is masked.

use serde_json::{Map, Value as Json};

/// What each mask begins with; after it comes the JSON pointer of the secret.
pub const MASK: &str = "••• ";
/// How many schemas are followed for one value, and for a whole configuration.
const MAX_SCHEMAS: usize = 64;
const MAX_STEPS: usize = 20_000;
/// How deep a value is followed.
const MAX_DEPTH: usize = 64;

/// A secret, by the same marks that the host goes by.
pub fn is_secret(schema: &Json) -> bool {
    schema.get("writeOnly") == Some(&Json::Bool(true))
        || schema.get("format").and_then(Json::as_str) == Some("password")
        || schema
            .get("export")
            .is_some_and(|export| *export != Json::Bool(true))
}

/// What schemas say of the places in a value.
pub struct Masks<'a> {
    root: &'a Json,
    steps: usize,
}

/// What is known of one place: the schemas that may speak of it, and how a form is to look there.
struct Place<'a> {
    schemas: Vec<&'a Json>,
    look: Option<&'a Json>,
}

impl<'a> Masks<'a> {
    /// Of a configuration with that schema.
    pub const fn new(root: &'a Json) -> Self {
        Self { root, steps: 0 }
    }

    /// `value` with a mask for each secret; `at` is where it is in the configuration.
    pub fn hide(
        &mut self,
        schema: &'a Json,
        look: Option<&'a Json>,
        value: &Json,
        at: &str,
    ) -> Json {
        let mut hide = |at: &str, _: &Json| Some(Json::String(format!("{MASK}{at}")));
        let mut out = value.clone();
        self.walk(vec![schema], look, &mut out, at, &mut hide);
        out
    }

    /// `edited` with the secret of `current` for each mask at a place for a secret; the error is a mask whose secret is
    /// not there any more.
    pub fn put_back(
        &mut self,
        schema: &'a Json,
        look: Option<&'a Json>,
        edited: &Json,
        current: &Json,
        at: &str,
    ) -> Result<Json, String> {
        let mut lost = None;
        let mut put = |_: &str, value: &Json| {
            let there = value.as_str().and_then(|text| text.strip_prefix(MASK))?;
            let secret = current.pointer(there).cloned();
            if secret.is_none() {
                lost.get_or_insert_with(|| there.to_owned());
            }
            secret
        };
        let mut out = edited.clone();
        self.walk(vec![schema], look, &mut out, at, &mut put);
        lost.map_or(Ok(out), Err)
    }

    /// Has `replace` say what stands for each secret in `value`.
    fn walk(
        &mut self,
        schemas: Vec<&'a Json>,
        look: Option<&'a Json>,
        value: &mut Json,
        at: &str,
        replace: &mut dyn FnMut(&str, &Json) -> Option<Json>,
    ) {
        if value.is_null() {
            return;
        }
        let place = self.place(schemas, look, at);
        let Some(place) = place.filter(|place| !place.is_secret(value)) else {
            if let Some(new) = replace(at, value) {
                *value = new;
            }
            return;
        };
        match value {
            Json::Object(members) => {
                for (name, value) in members {
                    let (schemas, look) = place.member(name);
                    let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                    self.walk(schemas, look, value, &at, replace);
                }
            }
            Json::Array(items) => {
                for (index, value) in items.iter_mut().enumerate() {
                    let (schemas, look) = place.item(index);
                    self.walk(schemas, look, value, &format!("{at}/{index}"), replace);
                }
            }
            _ => {}
        }
    }

    /// All schemas that speak of a place; none where that cannot be found out.
    fn place(
        &mut self,
        first: Vec<&'a Json>,
        look: Option<&'a Json>,
        at: &str,
    ) -> Option<Place<'a>> {
        if at.matches('/').count() > MAX_DEPTH {
            return None;
        }
        let (mut schemas, mut next): (Vec<&'a Json>, _) = (Vec::new(), first);
        while let Some(schema) = next.pop() {
            self.steps += 1;
            if schemas.iter().any(|known| std::ptr::eq(*known, schema)) {
                continue;
            }
            if self.steps > MAX_STEPS || schemas.len() == MAX_SCHEMAS {
                return None;
            }
            schemas.push(schema);
            let Some(keywords) = schema.as_object() else {
                continue;
            };
            for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
                if let Some(reference) = keywords.get(keyword) {
                    next.push(self.root.pointer(reference.as_str()?.strip_prefix('#')?)?);
                }
            }
            for keyword in ["allOf", "anyOf", "oneOf"] {
                next.extend(list(keywords, keyword));
            }
            for keyword in ["if", "then", "else", "not"] {
                next.extend(keywords.get(keyword));
            }
            next.extend(by_name(keywords, "dependentSchemas").map(|(_, schema)| schema));
        }
        Some(Place { schemas, look })
    }
}

impl<'a> Place<'a> {
    fn is_secret(&self, value: &Json) -> bool {
        let look = self.look.and_then(|look| look.get("ui:widget"));
        look.and_then(Json::as_str) == Some("password")
            || self.schemas.iter().any(|schema| {
                // Names that are a secret, and what is written in a string, are so as a whole.
                let names = schema.get("propertyNames").filter(|_| value.is_object());
                let content = schema.get("contentSchema").filter(|_| value.is_string());
                is_secret(schema) || names.is_some_and(is_secret) || content.is_some()
            })
    }

    fn member(&self, name: &str) -> (Vec<&'a Json>, Option<&'a Json>) {
        let mut schemas = Vec::new();
        for keywords in self.schemas.iter().filter_map(|schema| schema.as_object()) {
            let own = keywords.get("properties").and_then(|all| all.get(name));
            schemas.extend(own);
            // Whether a pattern fits is not looked at: rather a mask too many.
            schemas.extend(by_name(keywords, "patternProperties").map(|(_, schema)| schema));
            if own.is_none() {
                schemas.extend(keywords.get("additionalProperties"));
                schemas.extend(keywords.get("unevaluatedProperties"));
            }
        }
        (schemas, self.look.and_then(|look| look.get(name)))
    }

    fn item(&self, index: usize) -> (Vec<&'a Json>, Option<&'a Json>) {
        let mut schemas = Vec::new();
        for keywords in self.schemas.iter().filter_map(|schema| schema.as_object()) {
            // In older drafts `items` was what `prefixItems` is.
            let firsts = list(keywords, "prefixItems").chain(list(keywords, "items"));
            let own = firsts.clone().nth(index);
            schemas.extend(own);
            if own.is_none() {
                let others = ["items", "additionalItems", "unevaluatedItems"];
                let others = others.iter().filter_map(|keyword| keywords.get(*keyword));
                schemas.extend(others.filter(|schema| schema.is_object()));
            }
            schemas.extend(keywords.get("contains"));
        }
        (schemas, self.look.and_then(|look| look.get("items")))
    }
}

fn list<'a>(keywords: &'a Map<String, Json>, keyword: &str) -> std::slice::Iter<'a, Json> {
    let list = keywords.get(keyword).and_then(Json::as_array);
    list.map_or_else(|| [].iter(), |list| list.iter())
}

fn by_name<'a>(
    keywords: &'a Map<String, Json>,
    keyword: &str,
) -> impl Iterator<Item = (&'a String, &'a Json)> + use<'a> {
    let named = keywords.get(keyword).and_then(Json::as_object);
    named.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hidden(schema: &Json, value: &Json) -> Json {
        Masks::new(schema).hide(schema, None, value, "")
    }

    fn schema() -> Json {
        json!({
            "properties": {
                "server": {"$ref": "#/$defs/server"},
                "peers": {"type": "array", "items": {"$ref": "#/$defs/server"}},
                "pin": {"type": "integer", "writeOnly": true},
            },
            "$defs": {"server": {"properties": {
                "host": {"type": "string"}, "port": {},
                "password": {"type": "string", "format": "password"},
            }}},
        })
    }

    #[test]
    fn secrets_are_masked_at_every_depth_and_nothing_else_is() {
        let value = json!({
            "server": {"host": "a", "password": "s3cr3t"},
            "peers": [{"host": "b", "port": 1}, {"host": "c", "password": "s3cr3t"}, {"password": null}],
            "pin": 1234,
        });
        let masked = json!({
            "server": {"host": "a", "password": "••• /server/password"},
            "peers": [{"host": "b", "port": 1}, {"host": "c", "password": "••• /peers/1/password"}, {"password": null}],
            "pin": "••• /pin",
        });
        assert_eq!(hidden(&schema(), &value), masked);
    }

    #[test]
    fn every_way_to_mark_a_secret_is_known() {
        let marked = json!({"writeOnly": true});
        for schema in [
            json!({"properties": {"a": {"properties": {"x/y~": marked}}}}),
            json!({"properties": {"a": {"export": false}}}),
            json!({"properties": {"a": {"patternProperties": {"^x": marked}}}}),
            json!({"properties": {"a": {"additionalProperties": marked}}}),
            json!({"additionalProperties": {"anyOf": [{"type": "null"}, {"allOf": [{"unevaluatedProperties": marked}]}]}}),
            json!({"properties": {"a": {"propertyNames": marked}}}),
            json!({"properties": {"a": {"if": {}, "then": marked}}}),
            json!({"properties": {"a": {"$ref": "#/nowhere"}}}),
            json!({"properties": {"a": {"$ref": "https://example.org"}}}),
            json!({"dependentSchemas": {"b": {"properties": {"a": {"properties": {"x/y~": {"contentSchema": {}}}}}}}}),
        ] {
            let masked = hidden(&schema, &json!({"a": {"x/y~": "s3cr3t"}}));
            assert!(!masked.to_string().contains("s3cr3t"), "{schema}");
        }
        for schema in [
            json!({"properties": {"a": {"prefixItems": [{}, marked]}}}),
            json!({"properties": {"a": {"items": [{}, marked]}}}),
            json!({"properties": {"a": {"prefixItems": [{}], "items": marked}}}),
            json!({"properties": {"a": {"contains": marked}}}),
        ] {
            let masked = hidden(&schema, &json!({"a": [1, "s3cr3t"]}));
            assert!(!masked.to_string().contains("s3cr3t"), "{schema}");
        }
        let (schema, look) = (
            json!({}),
            json!({"a": {"items": {"b": {"ui:widget": "password"}}}}),
        );
        let value = json!({"a": [{"b": "s3cr3t", "c": 1}]});
        let masked = Masks::new(&schema).hide(&schema, Some(&look), &value, "");
        assert_eq!(masked, json!({"a": [{"b": "••• /a/0/b", "c": 1}]}));
    }

    #[test]
    fn a_schema_in_circles_comes_to_an_end_and_what_takes_too_long_is_masked() {
        let circle =
            json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}], "additionalProperties": {"$ref": "#"}});
        let deep = |depth| (0..depth).fold(json!("s3cr3t"), |value, _| json!({"a": value}));
        assert_eq!(hidden(&circle, &deep(5)), deep(5));
        let masked = hidden(&circle, &deep(MAX_DEPTH + 10));
        assert!(!masked.to_string().contains("s3cr3t"));
        let many = json!({"anyOf": vec![json!({}); MAX_SCHEMAS + 1]});
        assert_eq!(hidden(&many, &json!(1)), json!("••• "));
        let long = json!(vec!["s3cr3t"; MAX_STEPS + 1]);
        let masked = hidden(&json!({"items": {}}), &long);
        assert_eq!(masked[0], "s3cr3t");
        assert_eq!(masked[MAX_STEPS], format!("••• /{MAX_STEPS}"));
    }

    #[test]
    fn a_mask_is_put_back_where_it_stands_for_a_secret_and_nowhere_else() {
        let schema = schema();
        let current = json!({
            "server": {"host": "a", "password": "one"},
            "peers": [{"password": "two"}, {"password": "three"}],
        });
        let put_back =
            |edited: &Json| Masks::new(&schema).put_back(&schema, None, edited, &current, "");
        let masked = hidden(&schema, &current);
        assert_eq!(put_back(&masked), Ok(current.clone()));
        // The first peer was removed, and a password typed.
        let edited = json!({"server": {"password": "new"}, "peers": [{"password": "••• /peers/1/password"}]});
        let expected = json!({"server": {"password": "new"}, "peers": [{"password": "three"}]});
        assert_eq!(put_back(&edited), Ok(expected));
        // What is seen by everybody gets no secret, whoever wrote the mask there.
        let edited = json!({"server": {"host": "••• /server/password"}});
        assert_eq!(put_back(&edited), Ok(edited.clone()));
        let edited = json!({"server": {"password": "••• /server/passwort"}});
        assert_eq!(put_back(&edited), Err("/server/passwort".to_owned()));
    }
}
