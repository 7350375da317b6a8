//! Configurations: changes of the defaults that fit their schema, and changes that do not.

use rand::RngExt as _;
use serde_json::{Map, Value as Json, json};

use super::values::anything;
use super::{Generator, words};
use crate::instance::config::ConfigSchema;
use crate::limits;

/// How often a configuration is tried until one fits its schema, or, where that is wanted, does not.
const ATTEMPTS: usize = 16;

impl Generator {
    /// A change of the defaults that fits `schema`; `None`: none was found.
    pub(in super::super) fn config(&mut self, schema: &ConfigSchema) -> Option<Json> {
        let defaults = schema.defaults().ok()?;
        (0..ATTEMPTS).find_map(|_| {
            let mut patch = Map::new();
            for (name, property) in properties(schema) {
                // Texts name devices, and what names none leads nowhere.
                let is_text = defaults.get(name).is_some_and(Json::is_string);
                if self.0.random_ratio(if is_text { 1 } else { 3 }, 5)
                    && let Some(value) = self.property(schema, property, 0)
                    && defaults.get(name) != Some(&value)
                {
                    patch.insert(name.clone(), value);
                }
            }
            let patch = Json::Object(patch);
            schema.merged(&defaults, &patch).is_ok().then_some(patch)
        })
    }

    /// A change of the defaults that does not fit `schema`; `None`: none was found.
    pub(in super::super) fn wrong_config(&mut self, schema: &ConfigSchema) -> Option<Json> {
        let defaults = schema.defaults().ok()?;
        let names: Vec<_> = properties(schema).map(|(name, _)| name.clone()).collect();
        (0..ATTEMPTS).find_map(|_| {
            let patch = json!({ self.pick(&names)?: self.pick(&anything())? });
            schema.merged(&defaults, &patch).is_err().then_some(patch)
        })
    }

    fn property(&mut self, schema: &ConfigSchema, property: &Json, depth: usize) -> Option<Json> {
        if depth > limits::MAX_TYPE_DEPTH {
            return None;
        }
        let property = schema.resolve(property);
        if let Some(value) = property.get("const") {
            return Some(value.clone());
        }
        for branches in ["enum", "anyOf", "oneOf", "allOf"] {
            let Some(Json::Array(branches_)) = property.get(branches) else {
                continue;
            };
            let chosen = self.pick(branches_)?;
            if branches == "enum" {
                return Some(chosen);
            }
            return self.property(schema, &chosen, depth + 1);
        }
        let type_ = match property.get("type")? {
            Json::Array(types) => self.pick(types)?,
            type_ => type_.clone(),
        };
        let number = |name: &str| property.get(name).and_then(Json::as_f64);
        let count = |name: &str| property.get(name).and_then(Json::as_u64);
        match type_.as_str()? {
            "boolean" => Some(self.0.random_bool(0.5).into()),
            "null" => Some(Json::Null),
            "integer" | "number" => {
                let is_integer = type_ == "integer";
                let step = if is_integer { 1.0 } else { 1e-6 };
                let low = number("minimum").or(number("exclusiveMinimum").map(|low| low + step));
                let high = number("maximum").or(number("exclusiveMaximum").map(|high| high - step));
                let low = low.unwrap_or_else(|| high.unwrap_or(1.0).min(0.0) - 1000.0);
                let high = high.unwrap_or(low + 2000.0);
                let chosen = match self.0.random_range(0..4) {
                    0 => low,
                    1 => high,
                    _ if low < high => self.0.random_range(low..high),
                    _ => low,
                };
                let each = number("multipleOf").filter(|each| *each > 0.0);
                let chosen = each.map_or(chosen, |each| (chosen / each).round() * each);
                Some(if is_integer {
                    (chosen.round() as i64).into()
                } else {
                    chosen.into()
                })
            }
            // What fits a pattern is not to be guessed.
            "string" if property.get("pattern").is_some() => None,
            "string" => {
                let most = count("maxLength").and_then(|most| usize::try_from(most).ok());
                let least = count("minLength")
                    .unwrap_or(0)
                    .min(limits::MAX_TEXT_BYTES as u64);
                let mut text: String = self
                    .pick(&words::texts())?
                    .chars()
                    .take(most.unwrap_or(64))
                    .collect();
                while (text.chars().count() as u64) < least {
                    text.push('x');
                }
                Some(text.into())
            }
            "array" => {
                let least = count("minItems").unwrap_or(0).min(limits::MAX_NAMES as u64);
                let most = count("maxItems")
                    .unwrap_or(least + 2)
                    .clamp(least, least + 2);
                let items = property.get("items")?;
                let length = self.0.random_range(least..=most);
                (0..length)
                    .map(|_| self.property(schema, items, depth + 1))
                    .collect::<Option<Vec<_>>>()
                    .map(Json::Array)
            }
            "object" => {
                let inner = property.get("properties")?.as_object()?;
                let inner = inner.iter().filter_map(|(name, property)| {
                    Some((name.clone(), self.property(schema, property, depth + 1)?))
                });
                Some(Json::Object(inner.collect()))
            }
            _ => None,
        }
    }
}

fn properties(schema: &ConfigSchema) -> impl Iterator<Item = (&String, &Json)> {
    let root = schema.resolve(schema.schema());
    let properties = root.get("properties").and_then(Json::as_object);
    properties.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_fit_their_schema_and_wrong_ones_do_not() {
        let schema = json!({"type": "object", "properties": {
            "interval": {"type": "number", "default": 1.0, "minimum": 0.05, "maximum": 3600},
            "count": {"type": "integer", "default": 1, "exclusiveMinimum": 0, "multipleOf": 5},
            "mode": {"enum": ["a", "b"], "default": "a"},
            "name": {"type": "string", "default": "", "maxLength": 3},
            "peers": {"type": "array", "default": [], "items": {"$ref": "#/$defs/Peer"}},
        }, "$defs": {"Peer": {"type": "object", "properties": {"host": {"type": "string"}}}}});
        let schema = ConfigSchema::new(&schema.to_string(), &[]);
        // The default of `count` is none that its schema allows: nothing is made of such a schema.
        let schema = schema.unwrap();
        assert_eq!(Generator::new(0).config(&schema), None);
        let mut right = schema.schema().clone();
        right["properties"]["count"]["default"] = json!(5);
        let schema = ConfigSchema::new(&right.to_string(), &[]).unwrap();
        let empty = json!({});
        let mut changed = 0;
        for seed in 0..50 {
            let config = Generator::new(seed).config(&schema).unwrap();
            assert_eq!(Some(&config), Generator::new(seed).config(&schema).as_ref());
            schema.merged(&empty, &config).unwrap();
            changed += usize::from(config != empty);
            let wrong = Generator::new(seed).wrong_config(&schema).unwrap();
            schema.merged(&empty, &wrong).unwrap_err();
        }
        assert!(changed > 25, "{changed}");
    }
}
