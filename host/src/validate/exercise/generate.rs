//! Values that nobody thought of, from a seed: the same seed gives the same ones.

use data_encoding::BASE64;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value as Json, json};

use crate::bindings::types::Port;
use crate::instance::config::ConfigSchema;
use crate::limits;
use crate::nodespace::{Shape, Type, Value};

/// How often a configuration is tried until one fits its schema, or, where that is wanted, does not.
const ATTEMPTS: usize = 16;
/// Texts that programs stumble over.
const TEXTS: [&str; 8] = [
    "",
    "a",
    "plain text",
    "Grüße, 世界 🌍",
    "\u{1b}[31m\u{0}\r\n\t",
    "../../etc/passwd",
    "'; DROP TABLE x; --",
    "{\"a\": [1, 2]}",
];
/// Length of a text that is long.
const LONG_TEXT: usize = 10_000;
const INTEGERS: [i64; 9] = [
    0,
    1,
    -1,
    42,
    255,
    65_536,
    i64::MAX,
    i64::MIN,
    -2_147_483_649,
];
const NUMBERS: [f64; 8] = [0.0, -0.0, 1.5, -1.0, 1e-300, 1e300, f64::MAX, 0.1];
/// What a dictionary has, the first of which its type takes.
const KEYS: [&str; 2] = ["a", "1"];

/// Makes values.
pub(super) struct Generator(SmallRng);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.choose(&mut self.0).cloned()
    }

    /// One of `0..count`.
    pub(super) fn index(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.0.random_range(0..count))
    }

    fn text(&mut self) -> String {
        if self.0.random_ratio(1, 10) {
            return "x".repeat(LONG_TEXT);
        }
        self.pick(&TEXTS).unwrap_or_default().to_owned()
    }

    /// A value for `port`: of its type, and within what its options say.
    pub(super) fn value(&mut self, port: &Port) -> Json {
        let options = port.value_options.as_deref();
        let options = options.and_then(|text| serde_json::from_str::<Json>(text).ok());
        let choices = match options.as_ref().and_then(|options| options.get("options")) {
            Some(Json::Array(choices)) => choices.clone(),
            Some(Json::Object(choices)) => choices.values().cloned().collect(),
            _ => Vec::new(),
        };
        if let Some(choice) = self.pick(&choices) {
            return choice;
        }
        let value = self.of_shape(Type::from_text(&port.type_).shape(), false);
        let bound = |name: &str| options.as_ref()?.get(name)?.as_f64();
        let (low, high) = (bound("min"), bound("max"));
        match value.as_f64() {
            Some(number) if low.is_some_and(|low| number < low) => json_like(&value, low),
            Some(number) if high.is_some_and(|high| number > high) => json_like(&value, high),
            _ => value,
        }
    }

    /// A value of `shape`; inside of another one, bytes are as JSON has them.
    fn of_shape(&mut self, shape: &Shape, is_inside: bool) -> Json {
        match shape.meant() {
            Shape::None => Json::Null,
            Shape::Integer => self.pick(&INTEGERS).into(),
            Shape::Number => self.pick(&NUMBERS).into(),
            Shape::Boolean => self.0.random_bool(0.5).into(),
            Shape::Bytes if is_inside => BASE64.encode(self.text().as_bytes()).into(),
            Shape::Text | Shape::Bytes => self.text().into(),
            Shape::Array => json!([1.0, 2.5]),
            Shape::List { items, .. } => {
                let length = self.0.random_range(0..4);
                (0..length).map(|_| self.of_shape(items, true)).collect()
            }
            Shape::Tuple(items) => items.iter().map(|of| self.of_shape(of, true)).collect(),
            Shape::Dict { keys, values } => {
                let key = KEYS.into_iter().find(|key| keys.takes_key(key));
                let entry = |key: &str| (key.to_owned(), self.of_shape(values, true));
                Json::Object(key.map(entry).into_iter().collect())
            }
            Shape::Enum(of) => self.pick(&of.values).unwrap_or(Json::Null),
            Shape::AnyOf(alternatives) => {
                let chosen = self.index(alternatives.len());
                let chosen = chosen.and_then(|index| alternatives.get(index));
                chosen.map_or(Json::Null, |shape| self.of_shape(shape, is_inside))
            }
            Shape::Any | Shape::Named(..) => self.anything(),
        }
    }

    fn anything(&mut self) -> Json {
        self.pick(&anything()).unwrap_or(Json::Null)
    }

    /// A value for `port` that is not of its type; `None`: everything is.
    pub(super) fn wrong_value(&mut self, port: &Port) -> Option<Json> {
        let type_ = Type::from_text(&port.type_);
        let mut wrong = anything();
        wrong.retain(|value| type_.coerce(Value::from_json(value.clone())).is_err());
        self.pick(&wrong)
    }

    /// A change of the defaults that fits `schema`; `None`: none was found.
    pub(super) fn config(&mut self, schema: &ConfigSchema) -> Option<Json> {
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
    pub(super) fn wrong_config(&mut self, schema: &ConfigSchema) -> Option<Json> {
        let defaults = schema.defaults().ok()?;
        let names: Vec<_> = properties(schema).map(|(name, _)| name.clone()).collect();
        (0..ATTEMPTS).find_map(|_| {
            let patch = json!({ self.pick(&names)?: self.anything() });
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
                let mut text: String = self.text().chars().take(most.unwrap_or(64)).collect();
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

/// One of every kind.
fn anything() -> Vec<Json> {
    vec![
        Json::Null,
        json!(true),
        json!(7),
        json!(-2.5),
        json!("seven"),
        json!([1, [2]]),
        json!({ "a": { "b": null } }),
    ]
}

/// `number` as the kind of number that `value` is.
fn json_like(value: &Json, number: Option<f64>) -> Json {
    let number = number.unwrap_or_default();
    if value.is_i64() {
        (number as i64).into()
    } else {
        number.into()
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

    fn port(type_: &str, options: Option<&str>) -> Port {
        Port {
            name: "x".to_owned(),
            type_: type_.to_owned(),
            description: None,
            default: None,
            required: true,
            does_trigger: true,
            hidden: false,
            value_options: options.map(str::to_owned),
            render_options: None,
        }
    }

    #[test]
    fn values_are_of_their_type_and_wrong_ones_are_not() {
        let mut generator = Generator::new(1);
        for text in [
            r#""int""#,
            r#""float""#,
            r#""bool""#,
            r#""str""#,
            r#"{"anyOf":["int","None"]}"#,
            r#"{"type":"array","items":{"type":"object","keys":"str","values":"int"}}"#,
            r#"{"type":"enum","values":["f","s"],"keys":["fast","safe"]}"#,
            r#""number""#,
            r#""ndarray""#,
            r#""set""#,
            r#""dict""#,
            r#"{"allOf":["int",{"type":"array","items":"bytes"}]}"#,
            r#"{"type":"object","keys":"int","values":"str"}"#,
        ] {
            let port = port(text, None);
            let type_ = Type::from_text(&port.type_);
            for _ in 0..50 {
                let value = generator.value(&port);
                type_.coerce(Value::from_json(value.clone())).unwrap();
                let wrong = generator.wrong_value(&port).unwrap();
                type_.coerce(Value::from_json(wrong)).unwrap_err();
            }
        }
        assert_eq!(generator.wrong_value(&port(r#""Any""#, None)), None);
        for _ in 0..50 {
            let limited = generator.value(&port(r#""int""#, Some(r#"{"min": 3, "max": 5}"#)));
            assert!((3..=5).contains(&limited.as_i64().unwrap()), "{limited}");
            let chosen = generator.value(&port(r#""str""#, Some(r#"{"options": ["a", "b"]}"#)));
            assert!(chosen == "a" || chosen == "b", "{chosen}");
        }
    }

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
