//! Inputs of forms that stand for JSON: how each is drawn, and how what was typed becomes JSON again.
//!
//! The name of an input says which kind of JSON it stands for, `int:interval` or `text?:unit`, where `?` allows null.
//! A page can be forged only by who sends it, and they could send the same JSON to the API.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::trouble::Trouble;

/// The longest name of an input that is drawn.
pub const MAX_NAME_BYTES: usize = 256;

/// What an input looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Widget {
    /// One line.
    Text,
    /// Several lines.
    Long,
    /// A number.
    Number,
    /// Yes or no.
    Check,
    /// One of several.
    Choice,
    /// JSON.
    Json,
    /// One line that nobody sees.
    Secret,
}

/// One of several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// As JSON.
    pub raw: String,
    /// As people read it.
    pub label: String,
    /// Whether it is the one.
    pub is_chosen: bool,
}

impl Choice {
    fn of_word(word: &str) -> Self {
        Self {
            raw: word.to_owned(),
            label: word.to_owned(),
            is_chosen: word.is_empty(),
        }
    }
}

/// An input.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its kind and the name of the value.
    pub key: String,
    /// What it is called.
    pub label: String,
    /// What it looks like.
    pub widget: Widget,
    /// What is in it.
    pub raw: String,
    /// Whether what was in it is sent along, so that what stays as it is is left out.
    pub keeps: bool,
    /// What it is for.
    pub about: String,
    /// Its type and bounds, in a few words.
    pub hint: String,
    /// Attributes of HTML, with numbers as JSON writes them.
    pub min: Option<String>,
    /// See `min`.
    pub max: Option<String>,
    /// See `min`.
    pub step: &'static str,
    /// What a choice is among.
    pub choices: Vec<Choice>,
}

impl Field {
    /// An empty one.
    pub fn new(kind: &str, name: &str, widget: Widget) -> Self {
        Self {
            key: format!("{kind}:{name}"),
            label: name.to_owned(),
            widget,
            raw: String::new(),
            keeps: false,
            about: String::new(),
            hint: String::new(),
            min: None,
            max: None,
            step: "any",
            choices: Vec::new(),
        }
    }

    /// One for an input of a method, by the type that the web UI shows.
    pub fn of_port(name: &str, kind: &str) -> Self {
        let (word, widget, step) = match kind.trim().to_ascii_lowercase().as_str() {
            "int" | "integer" => ("int", Widget::Number, "1"),
            "float" | "number" | "floating" => ("num", Widget::Number, "any"),
            "bool" | "boolean" => ("json", Widget::Choice, "any"),
            "str" | "string" => ("text", Widget::Text, "any"),
            _ => ("json", Widget::Json, "any"),
        };
        // A box that is not ticked could not say that nothing is sent.
        let choices = match widget {
            Widget::Choice => ["", "true", "false"].map(Choice::of_word).to_vec(),
            _ => Vec::new(),
        };
        Self {
            choices,
            hint: kind.to_owned(),
            step,
            ..Self::new(word, name, widget)
        }
    }

    /// Whether it looks like that; for templates.
    pub fn is(&self, widget: &str) -> bool {
        let own = match self.widget {
            Widget::Text => "text",
            Widget::Long => "long",
            Widget::Number => "number",
            Widget::Check => "check",
            Widget::Choice => "choice",
            Widget::Json => "json",
            Widget::Secret => "secret",
        };
        own == widget
    }
}

/// What was typed, as JSON by name. What is as it was, and secrets that nobody typed, are left out; so is what was
/// left empty, if `skips_empty`.
pub fn read(fields: &[(String, String)], skips_empty: bool) -> Result<Map<String, Json>, Trouble> {
    // Of several of one name the last counts: a box that is not ticked has a hidden `false` before it.
    let by_name: BTreeMap<&str, &str> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut out = Map::new();
    for (key, value) in &by_name {
        let Some((kind, name)) = key.split_once(':') else {
            continue;
        };
        let was = by_name.get(format!("was:{key}").as_str());
        if was == Some(value) || (skips_empty && value.is_empty()) {
            continue;
        }
        match kind {
            "secret" if by_name.contains_key(format!("empty:{name}").as_str()) => {
                out.insert(name.to_owned(), Json::String(String::new()));
            }
            "secret" if value.is_empty() => {}
            "whole" => out.extend(whole(value)?),
            "was" | "empty" => {}
            _ => {
                out.insert(name.to_owned(), one(kind, name, value)?);
            }
        }
    }
    Ok(out)
}

fn one(kind: &str, name: &str, value: &str) -> Result<Json, Trouble> {
    let (kind, may_be_null) = kind
        .strip_suffix('?')
        .map_or((kind, false), |kind| (kind, true));
    let trimmed = value.trim();
    if may_be_null && trimmed.is_empty() {
        return Ok(Json::Null);
    }
    let parsed = match kind {
        "text" | "secret" => Some(Json::String(value.replace("\r\n", "\n"))),
        "int" => whole_number(trimmed),
        "num" => trimmed
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Json::Number),
        "bool" => trimmed.parse().ok().map(Json::Bool),
        "json" => serde_json::from_str(trimmed).ok(),
        _ => None,
    };
    let wanted = match kind {
        "int" => "a whole number, such as 3",
        "num" => "a number, such as 2.5",
        "bool" => "true or false",
        _ => "JSON, such as 3, \"text\", [1, 2] or {\"a\": 1}",
    };
    parsed.ok_or_else(|| Trouble::wrong(format!("`{name}` has to be {wanted}.")))
}

fn whole_number(text: &str) -> Option<Json> {
    let small = text.parse::<i64>().ok().map(Json::from);
    small.or_else(|| text.parse::<u64>().ok().map(Json::from))
}

fn whole(value: &str) -> Result<Map<String, Json>, Trouble> {
    let wrong =
        |_| Trouble::wrong("The configuration has to be a JSON object, such as {\"interval\": 2}.");
    serde_json::from_str(value).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn what_was_typed_becomes_json_and_what_stays_is_left_out() {
        let fields = typed(&[
            ("csrf", "x"),
            ("int:a", " 3 "),
            ("num:b", "2.5"),
            ("text:c", "x\r\ny"),
            ("bool:d", "false"),
            ("bool:d", "true"),
            ("bool:e", "false"),
            ("json:f", "[1, {\"a\": null}]"),
            ("num?:g", ""),
            ("text:h", "same"),
            ("was:text:h", "same"),
            ("secret:i", ""),
            ("secret:j", "new"),
            ("secret:k", ""),
            ("empty:k", "true"),
            ("text:l:m", "colon"),
        ]);
        let expected = json!({"a": 3, "b": 2.5, "c": "x\ny", "d": true, "e": false, "f": [1, {"a": null}], "g": null,
            "j": "new", "k": "", "l:m": "colon"});
        assert_eq!(Json::Object(read(&fields, false).unwrap()), expected);
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_name() {
        for (key, value) in [
            ("int:n", "2.5"),
            ("int:n", ""),
            ("num:n", "NaN"),
            ("num:n", "inf"),
            ("bool:n", "yes"),
            ("json:n", "{"),
            ("other:n", "1"),
        ] {
            let trouble = read(&typed(&[(key, value)]), false).unwrap_err();
            assert!(
                trouble.detail.contains("`n`"),
                "{key} {value}: {}",
                trouble.detail
            );
        }
        assert!(read(&typed(&[("int:n", "")]), true).unwrap().is_empty());
        read(&typed(&[("whole:", "[]")]), false).unwrap_err();
        let whole = read(&typed(&[("whole:", "{\"a\": 1}")]), false).unwrap();
        assert_eq!(Json::Object(whole), json!({"a": 1}));
    }

    #[test]
    fn inputs_of_methods_look_like_their_type() {
        for (kind, widget) in [
            ("float", Widget::Number),
            ("int", Widget::Number),
            ("bool", Widget::Choice),
            ("str", Widget::Text),
            ("list[int]", Widget::Json),
        ] {
            assert_eq!(Field::of_port("x", kind).widget, widget, "{kind}");
        }
    }
}
