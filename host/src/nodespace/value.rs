//! What travels through a graph. A value is shared by everything that it was fanned out to, so it
//! is never changed after it was made.

use data_encoding::BASE64;
use serde_json::{Map, Value as Json};

use crate::json::{self as document, Odd, number};
use crate::limits::{
    MAX_ARRAY_AXES, MAX_PREVIEW_ENTRIES, MAX_PREVIEW_ITEMS, MAX_PREVIEW_PARTS, MAX_PREVIEW_TEXT,
};

/// How the wire says that a slot has no value.
pub const NO_VALUE: &str = "<NoValue>";

/// A value of an input or an output. No value at all is `None` of `Option<Arc<Value>>`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, as a value.
    None,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list or a dictionary.
    Json(Json),
    /// An n-dimensional array.
    Array(Array),
}

/// Element type of an [`Array`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Dtype {
    Boolean,
    U8,
    S8,
    U16,
    S16,
    U32,
    S32,
    U64,
    S64,
    F32,
    F64,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::Boolean | Self::U8 | Self::S8 => 1,
            Self::U16 | Self::S16 => 2,
            Self::U32 | Self::S32 | Self::F32 => 4,
            Self::U64 | Self::S64 | Self::F64 => 8,
        }
    }

    /// One little-endian element; null when the bytes are not one.
    fn element(self, bytes: &[u8]) -> Json {
        fn of<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            bytes.try_into().ok()
        }
        let element = match self {
            Self::Boolean => of(bytes).map(|[byte]| Json::Bool(byte != 0)),
            Self::U8 => of(bytes).map(|b| u8::from_le_bytes(b).into()),
            Self::S8 => of(bytes).map(|b| i8::from_le_bytes(b).into()),
            Self::U16 => of(bytes).map(|b| u16::from_le_bytes(b).into()),
            Self::S16 => of(bytes).map(|b| i16::from_le_bytes(b).into()),
            Self::U32 => of(bytes).map(|b| u32::from_le_bytes(b).into()),
            Self::S32 => of(bytes).map(|b| i32::from_le_bytes(b).into()),
            Self::U64 => of(bytes).map(|b| u64::from_le_bytes(b).into()),
            Self::S64 => of(bytes).map(|b| i64::from_le_bytes(b).into()),
            Self::F32 => of(bytes).map(|b| number(f64::from(f32::from_le_bytes(b)))),
            Self::F64 => of(bytes).map(|b| number(f64::from_le_bytes(b))),
        };
        element.unwrap_or(Json::Null)
    }
}

/// A dense, row-major, little-endian array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Type of each element.
    pub dtype: Dtype,
    /// Length of each axis; empty: a scalar.
    pub shape: Vec<u64>,
    /// The elements.
    pub data: Vec<u8>,
}

impl Array {
    /// Whether `data` has exactly the elements that `shape` tells of, on not too many axes.
    pub fn is_consistent(&self) -> bool {
        let elements = self
            .shape
            .iter()
            .try_fold(1_u64, |product, axis| product.checked_mul(*axis));
        let bytes = elements.and_then(|n| n.checked_mul(self.dtype.size() as u64));
        self.shape.len() <= MAX_ARRAY_AXES && bytes == Some(self.data.len() as u64)
    }

    /// Nested lists, of at most `items` items on each axis. What is inconsistent is an empty list.
    fn nested(&self, items: usize, budget: &mut usize) -> Json {
        // Without elements the axes say nothing about the size: [2^40, 0] is a short array.
        if !self.is_consistent() || self.data.is_empty() {
            return Json::Array(Vec::new());
        }
        nested(self.dtype, &self.shape, &self.data, items, budget)
    }
}

fn nested(dtype: Dtype, shape: &[u64], data: &[u8], items: usize, budget: &mut usize) -> Json {
    let Some((axis, inner)) = shape.split_first() else {
        return dtype.element(data);
    };
    let stride = data.len() / usize::try_from(*axis).unwrap_or(1).max(1);
    let mut list = Vec::new();
    for part in data.chunks_exact(stride.max(1)).take(items) {
        if *budget == 0 {
            break;
        }
        *budget -= 1;
        list.push(nested(dtype, inner, part, items, budget));
    }
    Json::Array(list)
}

impl Value {
    /// The value that a JSON document stands for.
    pub fn from_json(json: Json) -> Self {
        match json {
            Json::Null => Self::None,
            Json::Bool(value) => Self::Boolean(value),
            Json::Number(value) => match value.as_i64() {
                Some(integer) => Self::Integer(integer),
                // A whole number that is too long for an integer stays what it is.
                None if value.is_u64() => Self::Json(Json::Number(value)),
                None => value.as_f64().map_or(Self::None, Self::Number),
            },
            Json::String(text) => match document::odd(&text) {
                Some(Odd::Float(value)) => Self::Number(value),
                Some(Odd::Integer(_)) => Self::Json(Json::String(text)),
                None => Self::Text(text),
            },
            list_or_object => Self::Json(list_or_object),
        }
    }

    /// [`Value::from_json`], but [`NO_VALUE`] is no value.
    pub fn from_wire(json: Json) -> Option<Self> {
        (json != NO_VALUE).then(|| Self::from_json(json))
    }

    /// All of it as JSON: arrays as nested lists, bytes as base64, numbers that JSON does not have as
    /// [`document::number`] has them.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Json(json) => json.clone(),
            Self::Text(text) => Json::String(text.clone()),
            other => other.scalar_json(),
        }
    }

    /// [`Value::to_json`] without a copy where there need be none.
    pub fn into_json(self) -> Json {
        match self {
            Self::Json(json) => json,
            Self::Text(text) => Json::String(text),
            other => other.scalar_json(),
        }
    }

    fn scalar_json(&self) -> Json {
        match self {
            Self::None | Self::Text(_) | Self::Json(_) => Json::Null,
            Self::Boolean(value) => Json::Bool(*value),
            Self::Integer(value) => Json::from(*value),
            Self::Number(value) => number(*value),
            Self::Bytes(bytes) => Json::String(BASE64.encode(bytes)),
            Self::Array(array) => array.nested(usize::MAX, &mut usize::MAX.clone()),
        }
    }

    /// What `get_io_value` shows: the beginning, whatever the size.
    pub fn preview_json(&self) -> Json {
        let mut budget = MAX_PREVIEW_PARTS;
        match self {
            Self::Json(json) => preview(json, &mut budget),
            Self::Text(text) => preview_text(text),
            Self::Bytes(bytes) => {
                let head = bytes.get(..MAX_PREVIEW_TEXT).unwrap_or(bytes);
                preview_text(&BASE64.encode(head))
            }
            Self::Array(array) => array.nested(MAX_PREVIEW_ITEMS, &mut budget),
            scalar => scalar.scalar_json(),
        }
    }

    /// Whether looking through it may take long.
    pub(super) fn is_heavy(&self) -> bool {
        match self {
            Self::Json(_) | Self::Array(_) => true,
            Self::Text(text) => text.len() > MAX_PREVIEW_TEXT,
            _ => false,
        }
    }

    /// What kind of value it is, for a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Json(Json::Array(_)) => "a list",
            Self::Json(Json::Number(_) | Json::String(_)) => "an integer",
            Self::Json(_) => "a dictionary",
            Self::Array(_) => "an array",
        }
    }
}

fn preview_text(text: &str) -> Json {
    match text.char_indices().nth(MAX_PREVIEW_TEXT) {
        None => Json::String(text.to_owned()),
        Some((end, _)) => Json::String(format!("{}...", text.get(..end).unwrap_or_default())),
    }
}

fn preview(json: &Json, budget: &mut usize) -> Json {
    *budget = budget.saturating_sub(1);
    if *budget == 0 {
        return Json::Null;
    }
    match json {
        Json::String(text) => preview_text(text),
        Json::Array(list) => {
            let items = list.iter().take(MAX_PREVIEW_ITEMS);
            Json::Array(items.map(|item| preview(item, budget)).collect())
        }
        Json::Object(entries) => {
            let shown = entries.iter().take(MAX_PREVIEW_ENTRIES);
            let shown = shown.map(|(key, value)| (key.clone(), preview(value, budget)));
            Json::Object(shown.collect::<Map<_, _>>())
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matrix(shape: Vec<u64>, data: &[i16]) -> Array {
        Array {
            dtype: Dtype::S16,
            shape,
            data: data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    #[test]
    fn json_comes_back_as_it_was() {
        for json in [
            json!(null),
            json!(true),
            json!(-3),
            json!(2.5),
            json!("text"),
            json!([1, [2, null]]),
            json!({"a": {"b": []}}),
        ] {
            assert_eq!(Value::from_json(json.clone()).to_json(), json);
            assert_eq!(Value::from_json(json.clone()).into_json(), json);
        }
        assert_eq!(Value::from_wire(json!(NO_VALUE)), None);
        assert_eq!(Value::from_wire(json!(null)), Some(Value::None));
        let long = Value::from_json(json!(u64::MAX));
        assert_eq!(
            (long.kind(), long.to_json()),
            ("an integer", json!(u64::MAX))
        );
    }

    #[test]
    fn what_is_no_json_is_said_another_way() {
        for odd in [
            "NaN",
            "Infinity",
            "-Infinity",
            "-0.0",
            "123456789012345678901",
        ] {
            let json = document::parse(odd.as_bytes()).unwrap();
            let value = Value::from_json(json.clone());
            assert_eq!(value.to_json(), json);
            assert!(["a number", "an integer"].contains(&value.kind()), "{odd}");
        }
        assert_eq!(Value::Bytes(vec![1, 2, 255]).to_json(), json!("AQL/"));
        let array = Value::Array(matrix(vec![2, 3], &[1, 2, 3, -4, 5, 6]));
        assert_eq!(array.to_json(), json!([[1, 2, 3], [-4, 5, 6]]));
        assert_eq!(Value::Array(matrix(vec![], &[7])).to_json(), json!(7));
    }

    #[test]
    fn an_array_that_lies_about_itself_is_empty() {
        for shape in [
            vec![3],
            vec![u64::MAX, u64::MAX],
            vec![1; MAX_ARRAY_AXES + 1],
            vec![1 << 40, 0],
        ] {
            let array = Value::Array(matrix(shape, &[1]));
            assert_eq!(array.to_json(), json!([]));
            assert_eq!(array.preview_json(), json!([]));
        }
        assert_eq!(
            Value::Array(matrix(vec![1 << 40, 0], &[])).to_json(),
            json!([])
        );
    }

    #[test]
    fn a_preview_is_bounded_whatever_it_is_of() {
        let text = Value::Text("é".repeat(5000)).preview_json();
        assert_eq!(text.as_str().unwrap().chars().count(), MAX_PREVIEW_TEXT + 3);
        assert_eq!(
            Value::Json(json!((0..100).collect::<Vec<_>>())).preview_json(),
            json!((0..10).collect::<Vec<_>>())
        );
        let mut wide = json!(1);
        for _ in 0..5 {
            wide = Json::Array(vec![wide; 10]);
        }
        let size = Value::Json(wide).preview_json().to_string().len();
        assert!(size < 100 * MAX_PREVIEW_PARTS, "{size}");
        let big = Value::Array(matrix(vec![100, 100], &[1; 10_000]));
        assert_eq!(big.preview_json(), json!(vec![vec![1; 10]; 10]));
        let bytes = Value::Bytes(vec![0; 1 << 20]).preview_json();
        assert!(bytes.as_str().unwrap().len() < 2000);
    }
}
