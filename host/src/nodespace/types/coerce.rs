//! What an input of a type takes, what is turned into it, and the sentence when neither.
//!
//! A value that fits is passed on as it is, shared. Otherwise it is converted where nothing is
//! lost: whole numbers between `int`, `float` and `bool`, numbers written as text, base64 and data URLs to
//! `bytes`, bytes and data URLs to `media` and back, an array to a list. Everything else is a mismatch.
//!
//! FuncNodes lets anything into any input. Here a value is checked where it goes in, so what does not
//! fit is an error at that input, whether a client sets it or an edge brings it.

use std::borrow::Cow;
use std::collections::HashSet;

use data_encoding::BASE64;
use serde_json::{Map, Value as Json};

use super::super::value::{SharedValue, Value};
use super::{Enum, Shape, Type};
use crate::json::{self as document, Odd};
use crate::limits::MAX_SHOWN_VALUE_BYTES;
use crate::media::Media;
use crate::text;

impl Type {
    /// `value` as this type; the value itself when it fits as it is. Who pays for the value pays for looking
    /// through it and for what is made of it.
    ///
    /// # Errors
    /// A sentence that says what was expected and what came.
    pub fn coerce(&self, value: impl Into<SharedValue>) -> Result<SharedValue, String> {
        let value = value.into();
        if self.shape.takes(&value) {
            return Ok(value);
        }
        let unpaid = |exhausted| format!("takes too much memory to check: {exhausted}");
        // A copy and what is made of it.
        let tree = value.tree_size().saturating_mul(2);
        let _paid = value.pay(tree).map_err(unpaid)?;
        let part = Part::of(&value);
        if self.shape.fits(&part) {
            return Ok(value);
        }
        let made = self.shape.convert(part)?.into_value();
        value.made_into(made).map_err(unpaid)
    }
}

/// A value, or what is inside of one, while it is looked through.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Neither a list nor a dictionary.
    Plain(Value),
    /// A list or a dictionary.
    Tree(Json),
}

impl Part {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Json(json) => Self::from_json(json.tree()),
            other => Self::Plain(other.clone()),
        }
    }

    fn from_json(json: Json) -> Self {
        match json {
            Json::Array(_) | Json::Object(_) => Self::Tree(json),
            scalar => Self::Plain(Value::from_json(scalar)),
        }
    }

    fn into_json(self) -> Json {
        match self {
            Self::Plain(Value::Text(text)) => Json::String(text),
            Self::Plain(value) => value.to_json(),
            Self::Tree(json) => json,
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Plain(value) => value,
            Self::Tree(json) => Value::from_json(json),
        }
    }

    /// [`shown`], of a part.
    fn shown(&self) -> String {
        match self {
            Self::Plain(value) => shown(value),
            Self::Tree(Json::Array(_)) => "a list".to_owned(),
            Self::Tree(_) => "a dictionary".to_owned(),
        }
    }
}

impl Shape {
    /// Whether `value` is passed on as it is, as far as that is told without looking into it.
    fn takes(&self, value: &Value) -> bool {
        match (self.meant(), value) {
            (Self::Any, _)
            | (Self::None, Value::None)
            | (Self::Text, Value::Text(_))
            | (Self::Bytes, Value::Bytes(_))
            | (Self::Media, Value::Media(_)) => true,
            (Self::AnyOf(alternatives), value) => alternatives.iter().any(|a| a.takes(value)),
            _ => false,
        }
    }

    /// Whether `part` is passed on as it is.
    pub(super) fn fits(&self, part: &Part) -> bool {
        match (self.meant(), part) {
            (Self::Any, _) => true,
            (Self::AnyOf(alternatives), part) => alternatives.iter().any(|a| a.fits(part)),
            (shape, Part::Tree(json)) => shape.fits_json(json),
            (Self::Enum(of), Part::Plain(value)) => of.has(value),
            (shape, Part::Plain(value)) => matches!(
                (shape, value),
                (Self::None, Value::None)
                    | (Self::Integer, Value::Integer(_))
                    | (Self::Number, Value::Number(_))
                    | (Self::Boolean, Value::Boolean(_))
                    | (Self::Text, Value::Text(_))
                    | (Self::Bytes, Value::Bytes(_))
                    | (Self::Media, Value::Media(_))
                    | (
                        Self::Array,
                        // A plain value of JSON is a long integer.
                        Value::Array(_)
                            | Value::Boolean(_)
                            | Value::Integer(_)
                            | Value::Number(_)
                            | Value::Json(_)
                    )
            ),
        }
    }

    /// [`Shape::fits`] for what is inside of a list or a dictionary.
    fn fits_json(&self, json: &Json) -> bool {
        match (self.meant(), json) {
            (Self::Any, _) | (Self::None, Json::Null) | (Self::Boolean, Json::Bool(_)) => true,
            (Self::Text, Json::String(text)) => document::odd(text).is_none(),
            (Self::Media, Json::String(text)) => Media::from_url(text).is_some(),
            (Self::Number, Json::String(text)) => {
                matches!(document::odd(text), Some(Odd::Float(_)))
            }
            (Self::Array, Json::Array(_) | Json::Bool(_) | Json::Number(_)) => true,
            (Self::Array, Json::String(text)) => document::odd(text).is_some(),
            (Self::Integer, Json::Number(number)) => number.is_i64(),
            (Self::Number, Json::Number(number)) => number.is_f64(),
            (Self::List { items, unique }, Json::Array(list)) => {
                !unique && list.iter().all(|item| items.fits_json(item))
            }
            (Self::Tuple(items), Json::Array(list)) => {
                items.len() == list.len() && items.iter().zip(list).all(|(i, j)| i.fits_json(j))
            }
            (Self::Dict { keys, values }, Json::Object(entries)) => entries
                .iter()
                .all(|(key, value)| keys.takes_key(key) && values.fits_json(value)),
            (Self::AnyOf(alternatives), json) => alternatives.iter().any(|a| a.fits_json(json)),
            (Self::Enum(of), json) => of.has_json(json),
            _ => false,
        }
    }

    /// JSON writes every key as text, so a key fits when it can be read as what it should be.
    pub(crate) fn takes_key(&self, key: &str) -> bool {
        matches!(self.meant(), Self::Any | Self::Text)
            || self
                .convert(Part::Plain(Value::Text(key.to_owned())))
                .is_ok()
    }

    pub(super) fn convert(&self, part: Part) -> Result<Part, String> {
        if self.fits(&part) {
            return Ok(part);
        }
        match (self.meant(), part) {
            (Self::AnyOf(alternatives), part) => self.convert_to_one_of(alternatives, part),
            (Self::List { .. } | Self::Tuple(_), Part::Plain(Value::Array(array))) => {
                self.convert(Part::from_json(Value::Array(array).to_json()))
            }
            (Self::List { items, unique }, Part::Tree(Json::Array(list))) => {
                convert_list(items, *unique, list)
            }
            (Self::Tuple(items), Part::Tree(Json::Array(list))) if items.len() == list.len() => {
                let items = items.iter().zip(list).enumerate();
                let list = items.map(|(i, (of, item))| item_of(of, i, item));
                Ok(Part::Tree(list.collect::<Result<_, _>>()?))
            }
            (Self::Dict { keys, values }, Part::Tree(Json::Object(entries))) => {
                convert_dict(keys, values, entries)
            }
            (_, Part::Plain(value)) => self.convert_plain(value).map(Part::Plain),
            (_, part) => Err(self.mismatch(&part)),
        }
    }

    fn convert_plain(&self, value: Value) -> Result<Value, String> {
        let converted = match (self.meant(), &value) {
            (Self::Enum(of), value) => of.named(value),
            (Self::Integer, value) => integer(value),
            (Self::Number, value) => number(value),
            (Self::Boolean, Value::Integer(bit @ (0 | 1))) => Some(Value::Boolean(*bit == 1)),
            (Self::Bytes, Value::Media(media)) => Some(Value::Bytes(media.data.clone())),
            (Self::Media, Value::Bytes(bytes)) => {
                Some(Value::Media(Media::of_bytes(bytes.clone())))
            }
            (Self::Media, Value::Text(text)) => {
                let media = Media::from_url(text).ok_or_else(|| {
                    let shown = shown(&value);
                    format!("expects media; {shown} is not a URL such as data:image/png;base64,…")
                })?;
                Some(Value::Media(media))
            }
            (Self::Bytes, Value::Text(text)) => {
                let media = Media::from_url(text).map(|media| media.data);
                let bytes = media.map_or_else(|| BASE64.decode(text.as_bytes()), Ok);
                let bytes =
                    bytes.map_err(|_| format!("expects bytes; {} is not base64", shown(&value)))?;
                Some(Value::Bytes(bytes))
            }
            _ => None,
        };
        converted.ok_or_else(|| self.mismatch(&Part::Plain(value)))
    }

    fn convert_to_one_of(&self, alternatives: &[Self], part: Part) -> Result<Part, String> {
        for alternative in alternatives {
            if let Ok(converted) = alternative.convert(part.clone()) {
                return Ok(converted);
            }
        }
        Err(self.mismatch(&part))
    }

    fn mismatch(&self, part: &Part) -> String {
        format!("expects {}, not {}", self.expected(), part.shown())
    }

    fn expected(&self) -> Cow<'static, str> {
        match self {
            Self::Named(_, shape) => shape.expected(),
            Self::Any => "anything".into(),
            Self::None => "None".into(),
            Self::Integer => "an integer".into(),
            Self::Number => "a number".into(),
            Self::Boolean => "a boolean".into(),
            Self::Text => "a text".into(),
            Self::Bytes => "bytes".into(),
            Self::Media => "media".into(),
            Self::Array => "an array".into(),
            Self::List { .. } => "a list".into(),
            Self::Dict { .. } => "a dictionary".into(),
            Self::Tuple(items) => format!("a list of {} items", items.len()).into(),
            Self::AnyOf(alternatives) => {
                let names: Vec<_> = alternatives.iter().map(Self::expected).collect();
                text::clean_line(&names.join(" or "), MAX_SHOWN_VALUE_BYTES).into()
            }
            Self::Enum(of) => {
                let values = document::to_text(&of.values);
                let values = text::clean_line(&values, MAX_SHOWN_VALUE_BYTES);
                format!("one of {values}").into()
            }
        }
    }
}

impl Enum {
    fn has(&self, value: &Value) -> bool {
        let is_scalar = match value {
            Value::Array(_) | Value::Bytes(_) | Value::Media(_) => false,
            Value::Json(json) => !json.is_nested(),
            _ => true,
        };
        is_scalar && self.has_json(&value.to_json())
    }

    fn has_json(&self, value: &Json) -> bool {
        self.values.iter().any(|known| same(known, value)) || (self.nullable && value.is_null())
    }

    /// The value that goes by the name of a member.
    fn named(&self, value: &Value) -> Option<Value> {
        let Value::Text(name) = value else {
            return None;
        };
        let index = self.keys.iter().position(|key| key == name)?;
        self.values.get(index).cloned().map(Value::from_json)
    }
}

/// Whether two JSON values are the same, numbers by what they are worth.
pub(in crate::nodespace) fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn integer(value: &Value) -> Option<Value> {
    /// Beyond it not every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Boolean(bit) => Some(Value::Integer(i64::from(*bit))),
        Value::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            Some(Value::Integer(*number as i64))
        }
        Value::Text(text) => text.trim().parse().ok().map(Value::Integer),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Boolean(bit) => Some(Value::Number(f64::from(u8::from(*bit)))),
        Value::Integer(integer) => Some(Value::Number(*integer as f64)),
        // An integer of any length.
        Value::Json(json) if !json.is_nested() => match json.tree() {
            Json::Number(number) => number.as_f64().map(Value::Number),
            Json::String(text) => match document::odd(&text)? {
                Odd::Float(number) => Some(Value::Number(number)),
                Odd::Integer(digits) => digits.parse().ok().map(Value::Number),
            },
            _ => None,
        },
        Value::Text(text) => text.trim().parse().ok().map(Value::Number),
        _ => None,
    }
}

fn item_of(of: &Shape, index: usize, item: Json) -> Result<Json, String> {
    of.convert(Part::from_json(item))
        .map(Part::into_json)
        .map_err(|problem| format!("item {index}: {problem}"))
}

fn convert_list(items: &Shape, unique: bool, list: Vec<Json>) -> Result<Part, String> {
    let items = list
        .into_iter()
        .enumerate()
        .map(|(index, item)| item_of(items, index, item));
    let mut list = items.collect::<Result<Vec<_>, _>>()?;
    if unique {
        let mut seen = HashSet::new();
        list.retain(|item| seen.insert(item.to_string()));
    }
    Ok(Part::Tree(Json::Array(list)))
}

fn convert_dict(keys: &Shape, values: &Shape, entries: Map<String, Json>) -> Result<Part, String> {
    let entry = |(key, value): (String, Json)| {
        if !keys.takes_key(&key) {
            let key = text::clean_line(&key, MAX_SHOWN_VALUE_BYTES);
            return Err(format!("the key {key:?} is not {}", keys.expected()));
        }
        match values.convert(Part::from_json(value)) {
            Ok(value) => Ok((key, value.into_json())),
            Err(problem) => {
                let key = text::clean_line(&key, MAX_SHOWN_VALUE_BYTES);
                Err(format!("entry {key:?}: {problem}"))
            }
        }
    };
    let entries = entries.into_iter().map(entry);
    Ok(Part::Tree(entries.collect::<Result<_, _>>()?))
}

/// A value, for a sentence: its kind, and itself where it is short.
pub(in crate::nodespace) fn shown(value: &Value) -> String {
    match value {
        Value::Json(json) if json.is_nested() => value.kind().to_owned(),
        Value::Boolean(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Json(_) => {
            let shown = text::clean_line(
                &document::to_text(&value.preview_json()),
                MAX_SHOWN_VALUE_BYTES,
            );
            let kind = value.kind();
            let kind = kind.split_once(' ').map_or(kind, |(_, noun)| noun);
            format!("{kind} {shown}")
        }
        other => other.kind().to_owned(),
    }
}
