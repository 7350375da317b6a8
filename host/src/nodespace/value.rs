//! What travels through a graph. A value is shared by everything that it was fanned out to, so it
//! is never changed after it was made; and whoever made the host hold it pays for it until the last of
//! them lets it go.

use std::ops::Deref;
use std::sync::Arc;

use data_encoding::BASE64;
use serde_json::Value as Json;

use crate::json::{self as document, Bounds, JsonText, Odd, number};
use crate::limits::{
    Exhausted, Held, MAX_ARRAY_AXES, MAX_PREVIEW_BYTES, MAX_PREVIEW_ENTRIES, MAX_PREVIEW_ITEMS,
    MAX_PREVIEW_MEDIA_BYTES, MAX_PREVIEW_PARTS, MAX_PREVIEW_TEXT,
};
use crate::media::Media;
use crate::text::shorten;

/// How the wire says that a slot has no value.
pub const NO_VALUE: &str = "<NoValue>";

/// A value of an input or an output. No value at all is `None` of `Option<SharedValue>`.
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
    /// A list or a dictionary, as its text.
    Json(JsonText),
    /// An n-dimensional array.
    Array(Array),
    /// Bytes with a media type, such as a picture.
    Media(Media),
}

/// A value that is shared by all slots, events and answers that have it, and paid for until the last of
/// them is gone.
#[derive(Debug, Clone)]
pub struct SharedValue(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    value: Value,
    paid: Option<Arc<Held>>,
}

impl SharedValue {
    /// A value that a client gave, or the host itself: nobody is charged.
    pub fn new(value: Value) -> Self {
        Self(Arc::new(Kept { value, paid: None }))
    }

    /// A value that a guest gave, which pays for it with `held`.
    pub fn paid(value: Value, held: Arc<Held>) -> Self {
        let paid = Some(held);
        Self(Arc::new(Kept { value, paid }))
    }

    /// Another value that was made of this one. Who pays for this one pays for the other, too.
    ///
    /// # Errors
    /// When its budget is used up.
    pub fn made_into(&self, value: Value) -> Result<Self, Exhausted> {
        let paid = self.pay(value.size())?.map(Arc::new);
        Ok(Self(Arc::new(Kept { value, paid })))
    }

    /// Charges who pays for this value with `bytes` more; `None`: nobody does.
    ///
    /// # Errors
    /// When its budget is used up.
    pub fn pay(&self, bytes: u64) -> Result<Option<Held>, Exhausted> {
        let paid = self.0.paid.as_ref();
        paid.map(|held| held.more(bytes)).transpose()
    }

    /// Whether both are the very same.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for SharedValue {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0.value
    }
}

impl From<&Self> for SharedValue {
    fn from(value: &Self) -> Self {
        value.clone()
    }
}

impl From<Value> for SharedValue {
    fn from(value: Value) -> Self {
        Self::new(value)
    }
}

impl PartialEq for SharedValue {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || **self == **other
    }
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

    /// Writes nested lists.
    fn write(&self, shape: &[u64], data: &[u8], text: &mut String) {
        let Some((axis, inner)) = shape.split_first() else {
            return text.push_str(&document::to_wire(&self.dtype.element(data)));
        };
        let stride = data.len() / usize::try_from(*axis).unwrap_or(1).max(1);
        text.push('[');
        for (n, part) in data.chunks_exact(stride.max(1)).enumerate() {
            if n > 0 {
                text.push(',');
            }
            self.write(inner, part, text);
        }
        text.push(']');
    }

    /// Bytes that all of it takes as nested lists, about: a list of one item has room for four.
    fn tree_size(&self) -> u64 {
        const ITEM: u64 = size_of::<Json>() as u64;
        let elements = (self.data.len() / self.dtype.size()) as u64;
        let mut lists = elements;
        let mut sum = elements.saturating_mul(2 * ITEM);
        for axis in self.shape.iter().rev() {
            lists /= (*axis).max(1);
            sum = sum.saturating_add(lists.saturating_mul(5 * ITEM));
        }
        sum
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
                None if value.is_u64() => Self::Json(JsonText::of(&Json::Number(value))),
                None => value.as_f64().map_or(Self::None, Self::Number),
            },
            Json::String(text) => match document::odd(&text) {
                Some(Odd::Float(value)) => Self::Number(value),
                Some(Odd::Integer(_)) => Self::Json(JsonText::of(&Json::String(text))),
                None => Self::Text(text),
            },
            list_or_object => Self::Json(JsonText::of(&list_or_object)),
        }
    }

    /// [`Value::from_json`], but [`NO_VALUE`] is not a value.
    pub fn from_wire(json: Json) -> Option<Self> {
        (json != NO_VALUE).then(|| Self::from_json(json))
    }

    /// The value that a guest's JSON stands for, without a tree unless it is a scalar.
    pub fn from_text(json: JsonText) -> Self {
        if json.is_nested() {
            Self::Json(json)
        } else {
            Self::from_json(json.tree())
        }
    }

    /// All of it as JSON: arrays as nested lists, bytes as base64, numbers that JSON does not have as
    /// [`document::number`] has them. What that takes is [`Value::tree_size`].
    pub fn to_json(&self) -> Json {
        match self {
            Self::Json(json) => json.tree(),
            Self::Text(text) => Json::String(text.clone()),
            other => other.scalar_json(),
        }
    }

    /// [`Value::to_json`] as a text that every parser takes, without a tree of what is large.
    pub fn to_text(&self) -> String {
        match self {
            Self::Json(json) => json.wire().into_owned(),
            Self::Array(array) if array.is_consistent() && !array.data.is_empty() => {
                let mut text = String::new();
                array.write(&array.shape, &array.data, &mut text);
                text
            }
            other => document::to_wire(&other.to_json()),
        }
    }

    /// Bytes of the heap that it takes, about.
    pub fn size(&self) -> u64 {
        let bytes = match self {
            Self::None | Self::Boolean(_) | Self::Integer(_) | Self::Number(_) => 0,
            Self::Text(text) => text.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Json(json) => json.size(),
            Self::Media(media) => {
                (media.data.len() as u64).saturating_add(media.media_type.len() as u64)
            }
            Self::Array(array) => {
                (array.data.len() as u64).saturating_add(8 * array.shape.len() as u64)
            }
        };
        bytes.saturating_add(size_of::<Kept>() as u64)
    }

    /// Bytes of the heap that [`Value::to_json`] takes, about.
    pub fn tree_size(&self) -> u64 {
        let below = match self {
            Self::Json(json) => json.tree_size(),
            Self::Text(text) => text.len() as u64,
            Self::Bytes(bytes) => (bytes.len() as u64).saturating_mul(2),
            Self::Media(media) => (media.data.len() as u64)
                .saturating_mul(2)
                .saturating_add(256),
            Self::Array(array) => array.tree_size(),
            _ => 0,
        };
        below.saturating_add(size_of::<Json>() as u64)
    }

    fn scalar_json(&self) -> Json {
        match self {
            Self::None | Self::Text(_) | Self::Json(_) => Json::Null,
            Self::Boolean(value) => Json::Bool(*value),
            Self::Integer(value) => Json::from(*value),
            Self::Number(value) => number(*value),
            Self::Bytes(bytes) => Json::String(BASE64.encode(bytes)),
            Self::Media(media) => Json::String(media.data_url()),
            Self::Array(array) => array.nested(usize::MAX, &mut usize::MAX.clone()),
        }
    }

    /// What `get_io_value` shows: the beginning, whatever the size.
    pub fn preview_json(&self) -> Json {
        let mut budget = MAX_PREVIEW_PARTS;
        match self {
            Self::Json(json) => json.preview(Bounds {
                parts: MAX_PREVIEW_PARTS,
                items: MAX_PREVIEW_ITEMS,
                entries: MAX_PREVIEW_ENTRIES,
                chars: MAX_PREVIEW_TEXT,
                bytes: MAX_PREVIEW_BYTES,
            }),
            Self::Text(text) => shorten(text, MAX_PREVIEW_TEXT).into(),
            Self::Bytes(bytes) => {
                let head = bytes.get(..MAX_PREVIEW_TEXT).unwrap_or(bytes);
                shorten(&BASE64.encode(head), MAX_PREVIEW_TEXT).into()
            }
            Self::Media(media) => media.preview(MAX_PREVIEW_MEDIA_BYTES).into(),
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
            Self::Json(json) if json.is_list() => "a list",
            Self::Json(json) if !json.is_nested() => "an integer",
            Self::Json(_) => "a dictionary",
            Self::Array(_) => "an array",
            Self::Media(_) => "media",
        }
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
        assert_eq!(array.to_text(), array.to_json().to_string());
        assert_eq!(Value::Array(matrix(vec![], &[7])).to_json(), json!(7));
        assert_eq!(Value::Array(matrix(vec![], &[7])).to_text(), "7");
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
            Value::from_json(json!((0..100).collect::<Vec<_>>())).preview_json(),
            json!((0..10).collect::<Vec<_>>())
        );
        let mut wide = json!(1);
        for _ in 0..5 {
            wide = Json::Array(vec![wide; 10]);
        }
        let size = Value::from_json(wide).preview_json().to_string().len();
        assert!(size < 100 * MAX_PREVIEW_PARTS, "{size}");
        let big = Value::Array(matrix(vec![100, 100], &[1; 10_000]));
        assert_eq!(big.preview_json(), json!(vec![vec![1; 10]; 10]));
        let bytes = Value::Bytes(vec![0; 1 << 20]).preview_json();
        assert!(bytes.as_str().unwrap().len() < 2000);
        for size in [MAX_PREVIEW_MEDIA_BYTES, MAX_PREVIEW_MEDIA_BYTES + 1] {
            let media_type = "image/png".to_owned();
            let data = vec![0; size];
            let media = Value::Media(Media { media_type, data }).preview_json();
            let shown = media.as_str().unwrap();
            assert!(shown.len() < MAX_PREVIEW_BYTES + 100, "{}", shown.len());
            let is_whole = size == MAX_PREVIEW_MEDIA_BYTES;
            assert_eq!(shown.starts_with("data:image/png;"), is_whole, "{size}");
        }
    }
}
