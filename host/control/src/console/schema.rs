//! The form of a configuration, from its JSON Schema. Schemas are a guest's word: whatever is in one, this draws a
//! bounded form, and what cannot be drawn is edited as JSON.

use serde_json::{Map, Value as Json};

use super::field::{Choice, Field, MAX_NAME_BYTES, Widget};
use super::masked::{MASK, Masks, is_secret};
use super::text;
use super::trouble::Trouble;
use crate::model::Form;

/// How many inputs are drawn.
const MAX_FIELDS: usize = 300;
/// How many values one is chosen from.
const MAX_CHOICES: usize = 500;
/// How many references lead to a schema.
const MAX_REFERENCES: usize = 8;

/// The inputs for a configuration.
pub fn fields(form: &Form) -> Vec<Field> {
    let root = &form.json_schema;
    let properties = resolve(root, root)
        .0
        .get("properties")
        .and_then(Json::as_object);
    let mut masks = Masks::new(root);
    let masked = masks.hide(root, form.ui_schema.as_ref(), &form.form_data, "");
    let (Some(properties), Some(data)) = (properties, masked.as_object()) else {
        return vec![whole(&masked)];
    };
    let drawn = properties
        .iter()
        .filter(|(name, _)| name.len() <= MAX_NAME_BYTES);
    let drawn = drawn.take(MAX_FIELDS).map(|(name, schema)| {
        let look = form.ui_schema.as_ref().and_then(|ui| ui.get(name));
        field(&mut masks, root, (name, schema), look, data.get(name))
    });
    drawn.collect()
}

/// Whether something that was typed has a mask for a secret in it.
pub fn has_masks(patch: &Map<String, Json>) -> bool {
    // As JSON is written, the mask is as it is.
    patch.values().any(|value| value.to_string().contains(MASK))
}

/// What was typed, with the secrets that its masks stand for.
pub fn put_back(form: &Form, patch: Map<String, Json>) -> Result<Map<String, Json>, Trouble> {
    let root = &form.json_schema;
    let put_back = Masks::new(root).put_back(
        root,
        form.ui_schema.as_ref(),
        &Json::Object(patch),
        &form.form_data,
        "",
    );
    match put_back {
        Ok(Json::Object(patch)) => Ok(patch),
        Ok(_) => Err(Trouble::wrong("The configuration has to be a JSON object.")),
        Err(place) => {
            let place = text::shown(&place, text::MAX_WORD_CHARS);
            Err(Trouble::wrong(format!(
                "There is no secret at `{place}` any more; type it instead of `{MASK}`."
            )))
        }
    }
}

/// The JSON pointer of a property.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn whole(data: &Json) -> Field {
    let raw = serde_json::to_string_pretty(data).unwrap_or_default();
    let hint = if raw.contains(MASK) {
        "a JSON object · ••• is a secret, which stays as it is"
    } else {
        "a JSON object"
    };
    Field {
        label: "Configuration".to_owned(),
        raw,
        keeps: true,
        hint: hint.to_owned(),
        ..Field::new("whole", "", Widget::Json)
    }
}

/// What a schema says in the end, and whether null may be there, too.
fn resolve<'a>(root: &'a Json, schema: &'a Json) -> (&'a Json, bool) {
    let (mut schema, mut may_be_null) = (schema, false);
    for _ in 0..MAX_REFERENCES {
        let reference = schema.get("$ref").and_then(Json::as_str);
        if let Some(there) = reference.and_then(|at| root.pointer(at.strip_prefix('#')?)) {
            schema = there;
            continue;
        }
        let Some((only, null)) = only_one(schema) else {
            break;
        };
        may_be_null |= null;
        schema = only;
    }
    (schema, may_be_null)
}

/// The only schema of several that says anything but null, and whether one says that.
fn only_one(schema: &Json) -> Option<(&Json, bool)> {
    let parts = ["anyOf", "oneOf", "allOf"]
        .iter()
        .find_map(|word| schema.get(word)?.as_array())?;
    let is_null = |part: &&Json| part.get("type").and_then(Json::as_str) == Some("null");
    let mut others = parts.iter().filter(|part| !is_null(part));
    let only = others.next().filter(|_| others.next().is_none())?;
    Some((only, parts.len() > 1))
}

fn field<'a>(
    masks: &mut Masks<'a>,
    root: &'a Json,
    (name, schema): (&str, &'a Json),
    look: Option<&'a Json>,
    data: Option<&Json>,
) -> Field {
    let (said, null) = resolve(root, schema);
    let default = schema.get("default").or_else(|| said.get("default"));
    let at = pointer(name);
    let default = default.map(|default| masks.hide(schema, look, default, &at));
    let value = data.or(default.as_ref()).unwrap_or(&Json::Null);
    let look = look.and_then(|look| look.get("ui:widget"));
    let look = look.and_then(Json::as_str).unwrap_or_default();
    let word = |key: &str| {
        [schema, said]
            .iter()
            .find_map(|schema| schema.get(key)?.as_str())
    };
    let is_masked = value.as_str() == Some(&format!("{MASK}{at}"));
    let is_secret = look == "password" || is_secret(schema) || is_secret(said) || is_masked;
    let (kind, null) = kind_of(said, null);
    let mut field = if is_secret && matches!(kind, "string" | "") {
        Field::new("secret", name, Widget::Secret)
    } else if let Some(choices) = choices(said, value).filter(|_| !is_secret) {
        Field {
            choices,
            raw: value.to_string(),
            ..Field::new(&mark("json", null), name, Widget::Choice)
        }
    } else {
        plain(kind, null, name, look, said, value)
    };
    let has_masks = field.widget == Widget::Json && field.raw.contains(MASK);
    if let Some(title) = word("title") {
        field.label = title.to_owned();
    }
    field.about = word("description").unwrap_or_default().to_owned();
    field.hint = hint(kind, said, default.as_ref().filter(|_| !is_secret));
    if has_masks {
        field
            .hint
            .push_str(" · ••• is a secret, which stays as it is");
    }
    field.keeps = field.widget != Widget::Secret;
    field
}

fn mark(kind: &str, may_be_null: bool) -> String {
    format!("{kind}{}", if may_be_null { "?" } else { "" })
}

/// The type of a schema, or nothing if it is of several, and whether null is one.
fn kind_of(schema: &Json, null: bool) -> (&str, bool) {
    match schema.get("type") {
        Some(Json::String(kind)) => (kind, null),
        Some(Json::Array(kinds)) => {
            let mut others = kinds
                .iter()
                .filter_map(Json::as_str)
                .filter(|kind| *kind != "null");
            let only = others.next().filter(|_| others.next().is_none());
            (
                only.unwrap_or_default(),
                null || kinds.iter().any(|kind| kind == "null"),
            )
        }
        _ => ("", null),
    }
}

fn choices(schema: &Json, value: &Json) -> Option<Vec<Choice>> {
    let options = schema.get("enum")?.as_array()?;
    let known = options
        .iter()
        .take(MAX_CHOICES)
        .map(|option| choice(option, option == value));
    let mut choices: Vec<_> = known.collect();
    if !choices.iter().any(|choice| choice.is_chosen) {
        choices.insert(0, choice(value, true));
    }
    Some(choices)
}

fn choice(value: &Json, is_chosen: bool) -> Choice {
    Choice {
        raw: value.to_string(),
        label: text::json(value),
        is_chosen,
    }
}

fn plain(kind: &str, null: bool, name: &str, look: &str, schema: &Json, value: &Json) -> Field {
    let number = |key: &str| {
        schema
            .get(key)
            .filter(|number| number.is_number())
            .map(Json::to_string)
    };
    let fits = |fits: bool| fits || value.is_null();
    let (word, widget, step) = match kind {
        "integer" if fits(value.is_i64() || value.is_u64()) => ("int", Widget::Number, "1"),
        "number" if fits(value.is_number()) => ("num", Widget::Number, "any"),
        "boolean" if value.is_boolean() || (value.is_null() && !null) => {
            ("bool", Widget::Check, "any")
        }
        "string" if fits(value.is_string()) => {
            let is_long =
                look == "textarea" || value.as_str().is_some_and(|text| text.contains('\n'));
            (
                "text",
                if is_long { Widget::Long } else { Widget::Text },
                "any",
            )
        }
        _ => ("json", Widget::Json, "any"),
    };
    let raw = match (word, value) {
        ("json", Json::Null) if null => String::new(),
        ("json", value) => json_to_edit(value),
        ("bool", value) => (*value == Json::Bool(true)).to_string(),
        (_, Json::Null) => String::new(),
        (_, Json::String(text)) => text.clone(),
        (_, value) => value.to_string(),
    };
    Field {
        raw,
        step,
        min: number("minimum"),
        max: number("maximum"),
        ..Field::new(&mark(word, null), name, widget)
    }
}

/// JSON on one line if it is short.
fn json_to_edit(value: &Json) -> String {
    let line = value.to_string();
    if line.len() <= text::MAX_WORD_CHARS {
        return line;
    }
    serde_json::to_string_pretty(value).unwrap_or(line)
}

fn hint(kind: &str, schema: &Json, default: Option<&Json>) -> String {
    const BOUNDS: [(&str, &str, &str); 8] = [
        ("minimum", "at least", ""),
        ("exclusiveMinimum", "more than", ""),
        ("maximum", "at most", ""),
        ("exclusiveMaximum", "less than", ""),
        ("minLength", "at least", " characters"),
        ("maxLength", "at most", " characters"),
        ("minItems", "at least", " items"),
        ("maxItems", "at most", " items"),
    ];
    let mut parts = vec![kind.to_owned()];
    let empty = Map::new();
    let schema = schema.as_object().unwrap_or(&empty);
    let bounds = BOUNDS.iter().filter_map(|(key, words, of)| {
        let bound = schema.get(*key).filter(|bound| bound.is_number())?;
        Some(format!("{words} {bound}{of}"))
    });
    parts.extend(bounds);
    parts.extend(default.map(|default| {
        format!(
            "default {}",
            text::shown(&default.to_string(), text::MAX_WORD_CHARS)
        )
    }));
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drawn(schema: Json, data: Json) -> Vec<Field> {
        fields(&Form {
            json_schema: schema,
            ui_schema: Some(json!({"token": {"ui:widget": "password"}})),
            form_data: data,
        })
    }

    #[test]
    fn each_type_has_its_input() {
        let schema = json!({
            "type": "object",
            "$defs": {"Mode": {"enum": ["fast", "safe"], "title": "Mode"}},
            "properties": {
                "a": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2, "description": "How often."},
                "b": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "c": {"type": ["string", "null"], "title": "Name"},
                "d": {"type": "boolean"},
                "e": {"$ref": "#/$defs/Mode"},
                "f": {"type": "array"},
                "g": {"type": "string", "writeOnly": true, "default": "s3cr3t"},
                "h": {"type": "integer"},
                "token": {"type": "string"},
            }
        });
        let data = json!({"a": 3, "c": "x\ny", "d": true, "e": "safe", "f": [1], "g": "s3cr3t", "h": "odd",
            "token": "s3cr3t"});
        let found = drawn(schema, data);
        let seen: Vec<_> = found
            .iter()
            .map(|field| (field.key.as_str(), field.widget))
            .collect();
        assert_eq!(
            seen,
            [
                ("int:a", Widget::Number),
                ("num?:b", Widget::Number),
                ("text?:c", Widget::Long),
                ("bool:d", Widget::Check),
                ("json:e", Widget::Choice),
                ("json:f", Widget::Json),
                ("secret:g", Widget::Secret),
                ("json:h", Widget::Json),
                ("secret:token", Widget::Secret),
            ]
        );
        assert_eq!(
            found[0].hint,
            "integer · at least 1 · at most 9 · default 2"
        );
        assert_eq!(
            (found[0].raw.as_str(), found[0].min.as_deref()),
            ("3", Some("1"))
        );
        assert_eq!(found[2].label, "Name");
        assert!(found[4].choices[1].is_chosen && found[4].label == "Mode");
        assert!(!format!("{found:?}").contains("s3cr3t"));
    }

    #[test]
    fn what_is_secret_within_json_is_masked_and_comes_back() {
        let password = json!({"type": "string", "writeOnly": true});
        let server = json!({"type": "object", "properties": {"host": {}, "password": password},
            "default": {"password": "s3cr3t"}});
        let form = Form {
            json_schema: json!({"properties": {
                "pin": {"type": "integer", "writeOnly": true}, "level": {"enum": [1, 2], "type": "integer", "export": false},
                "server": server, "peers": {"type": "array", "items": server},
            }}),
            ui_schema: None,
            form_data: json!({"pin": 7364, "level": 2, "server": {"host": "a", "password": "s3cr3t"},
                "peers": [{"host": "b", "password": "s3cr3t"}]}),
        };
        let found = fields(&form);
        let shown = format!("{found:?}");
        assert!(
            !shown.contains("s3cr3t") && !shown.contains("7364"),
            "{shown}"
        );
        assert!(found.iter().all(|field| field.widget == Widget::Json));
        let typed = json!({"server": {"host": "c", "password": "••• /server/password"}, "pin": 1});
        let Json::Object(typed) = typed else {
            unreachable!("it is one");
        };
        assert!(has_masks(&typed));
        let back = json!({"server": {"host": "c", "password": "s3cr3t"}, "pin": 1});
        assert_eq!(Json::Object(put_back(&form, typed).unwrap()), back);
        let whole = Form {
            json_schema: json!({"additionalProperties": server}),
            form_data: json!({"server": {"host": "a", "password": "s3cr3t"}}),
            ..form
        };
        let found = fields(&whole);
        assert_eq!(found[0].key, "whole:");
        let schema = json!({"properties": {"key_a": {"type": "string"}},
            "patternProperties": {"^key_": {"writeOnly": true}}});
        let by_pattern = drawn(schema, json!({"key_a": "s3cr3t"}));
        assert_eq!(by_pattern[0].key, "secret:key_a");
        let hidden = !found[0].raw.contains("s3cr3t");
        assert!(hidden && found[0].raw.contains("••• /server/password"));
    }

    #[test]
    fn what_cannot_be_drawn_is_edited_as_json() {
        for schema in [
            json!(true),
            json!({}),
            json!({"$ref": "#"}),
            json!({"properties": 3}),
            json!(null),
        ] {
            let found = drawn(schema.clone(), json!({"x": 1}));
            assert_eq!(
                (found.len(), found[0].key.as_str()),
                (1, "whole:"),
                "{schema}"
            );
        }
    }

    #[test]
    fn a_large_schema_is_drawn_in_part() {
        let many: Map<_, _> = (0..5000)
            .map(|n| (n.to_string(), json!({"enum": vec![1; 5000]})))
            .collect();
        let found = drawn(json!({"properties": many}), json!({}));
        assert_eq!(found.len(), MAX_FIELDS);
        assert!(found[0].choices.len() <= MAX_CHOICES + 1);
        let long = "n".repeat(MAX_NAME_BYTES + 1);
        assert!(drawn(json!({"properties": {long: {}}}), json!({})).is_empty());
    }
}
