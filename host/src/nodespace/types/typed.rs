//! What JSON has no words for, as a person types it: an array with the type of its elements.

use serde_json::Value as Json;

use super::super::value::{Array, Dtype, Value};
use crate::json::{self as document, Odd};
use crate::limits::{MAX_ARRAY_AXES, MAX_TYPED_ARRAY_BYTES};

impl Dtype {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Boolean,
        Self::U8,
        Self::S8,
        Self::U16,
        Self::S16,
        Self::U32,
        Self::S32,
        Self::U64,
        Self::S64,
        Self::F32,
        Self::F64,
    ];

    /// Its name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::U8 => "u8",
            Self::S8 => "s8",
            Self::U16 => "u16",
            Self::S16 => "s16",
            Self::U32 => "u32",
            Self::S32 => "s32",
            Self::U64 => "u64",
            Self::S64 => "s64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// `json` as one little-endian element; `None`: it is not one.
    fn bytes_of(self, json: &Json) -> Option<Vec<u8>> {
        fn integer<T: TryFrom<i128>>(json: &Json) -> Option<T> {
            let signed = json.as_i64().map(i128::from);
            let number = signed.or_else(|| json.as_u64().map(i128::from))?;
            T::try_from(number).ok()
        }
        Some(match self {
            Self::Boolean => vec![json.as_bool()?.into()],
            Self::U8 => integer::<u8>(json)?.to_le_bytes().to_vec(),
            Self::S8 => integer::<i8>(json)?.to_le_bytes().to_vec(),
            Self::U16 => integer::<u16>(json)?.to_le_bytes().to_vec(),
            Self::S16 => integer::<i16>(json)?.to_le_bytes().to_vec(),
            Self::U32 => integer::<u32>(json)?.to_le_bytes().to_vec(),
            Self::S32 => integer::<i32>(json)?.to_le_bytes().to_vec(),
            Self::U64 => integer::<u64>(json)?.to_le_bytes().to_vec(),
            Self::S64 => integer::<i64>(json)?.to_le_bytes().to_vec(),
            Self::F32 => (float(json)? as f32).to_le_bytes().to_vec(),
            Self::F64 => float(json)?.to_le_bytes().to_vec(),
        })
    }
}

fn float(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match document::odd(text)? {
            Odd::Float(value) => Some(value),
            Odd::Integer(digits) => digits.parse().ok(),
        },
        _ => None,
    }
}

/// `{"dtype": "u8", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}` as an array. `data` has all elements in
/// row-major order, or is one that all of them are.
pub(super) fn array(value: &Value) -> Option<Array> {
    let Value::Json(json) = value else {
        return None;
    };
    let json = json.tree();
    let object = json.as_object().filter(|object| object.len() == 3)?;
    let name = object.get("dtype")?.as_str()?;
    let dtype = Dtype::ALL.into_iter().find(|dtype| dtype.name() == name)?;
    let shape = object.get("shape")?.as_array()?;
    let shape: Vec<_> = shape.iter().map(Json::as_u64).collect::<Option<_>>()?;
    let mut axes = shape.iter();
    let elements = axes.try_fold(1_u64, |product, axis| product.checked_mul(*axis))?;
    let bytes = elements.checked_mul(dtype.size() as u64)?;
    if shape.len() > MAX_ARRAY_AXES || bytes > MAX_TYPED_ARRAY_BYTES {
        return None;
    }
    let data = match object.get("data")? {
        Json::Array(items) if items.len() as u64 != elements => return None,
        Json::Array(items) => {
            let items = items.iter().map(|item| dtype.bytes_of(item));
            items.collect::<Option<Vec<_>>>()?.concat()
        }
        one => dtype.bytes_of(one)?.repeat(usize::try_from(elements).ok()?),
    };
    Some(Array { dtype, shape, data })
}

#[cfg(test)]
mod tests {
    use super::super::Type;
    use super::*;

    fn read(type_: &str, text: &str) -> Option<Value> {
        Type::from_text(type_).read(text)
    }

    fn array(text: &str) -> Option<Array> {
        match read(r#""ndarray""#, text)? {
            Value::Array(array) => Some(array),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_array_has_the_type_and_the_shape_that_were_typed() {
        let typed = array(r#"{"dtype": "s16", "shape": [2, 1], "data": [-1, 2]}"#).unwrap();
        assert_eq!((typed.dtype, &*typed.shape), (Dtype::S16, &[2, 1][..]));
        assert_eq!(typed.data, [255, 255, 2, 0]);
        let filled = array(r#"{"dtype": "boolean", "shape": [3], "data": true}"#).unwrap();
        assert_eq!(filled.data, [1, 1, 1]);
        let odd = array(r#"{"dtype": "f32", "shape": [2], "data": [NaN, -Infinity]}"#).unwrap();
        assert_eq!(odd.data[4..], f32::NEG_INFINITY.to_le_bytes());
        for shape in ["[0]", "[2, 0]", "[0, 1000000000]"] {
            let text = format!(r#"{{"dtype": "u64", "shape": {shape}, "data": []}}"#);
            assert!(array(&text).unwrap().is_consistent(), "{text}");
        }
        let scalar = array(r#"{"dtype": "u64", "shape": [], "data": [18446744073709551615]}"#);
        assert_eq!(scalar.unwrap().data, [255; 8]);
        let maybe = read(
            r#"{"anyOf":["ndarray","None"]}"#,
            r#"{"dtype": "u8", "shape": [1], "data": [7]}"#,
        );
        assert!(matches!(maybe, Some(Value::Array(_))), "{maybe:?}");
    }

    #[test]
    fn what_is_no_array_is_refused_and_takes_no_memory() {
        for text in [
            r#"{"dtype": "u8", "shape": [2], "data": [1]}"#,
            r#"{"dtype": "u8", "shape": [1], "data": [256]}"#,
            r#"{"dtype": "u8", "shape": [1], "data": [1.5]}"#,
            r#"{"dtype": "u9", "shape": [1], "data": [1]}"#,
            r#"{"dtype": "u8", "shape": [-1], "data": []}"#,
            r#"{"dtype": "u8", "shape": [4294967296], "data": 0}"#,
            r#"{"dtype": "u8", "shape": [4294967296, 4294967296], "data": 0}"#,
            r#"{"dtype": "u8", "shape": [1], "data": [1], "more": 0}"#,
        ] {
            assert_eq!(array(text), None, "{text}");
        }
        // Where a dictionary is wanted it is one.
        let dict = read(r#""dict""#, r#"{"dtype": "u8", "shape": [0], "data": []}"#);
        assert!(matches!(dict, Some(Value::Json(_))), "{dict:?}");
    }

    #[test]
    fn bytes_are_a_text_or_the_data_of_a_url() {
        let bytes = |text| read(r#""bytes""#, text);
        let url = "data:image/png;base64,iVBO";
        assert_eq!(bytes(url), Some(Value::Bytes(vec![0x89, b'P', b'N'])));
        let quoted = format!("{url:?}");
        assert_eq!(bytes(&quoted), Some(Value::Bytes(url.into())));
        let wrong = "data:image/png;base64,???";
        assert_eq!(bytes(wrong), Some(Value::Bytes(wrong.into())));
    }

    #[test]
    fn media_is_the_whole_of_a_url() {
        let url = "data:image/png;base64,iVBO";
        let read_as = |text: &str| read(r#"{"anyOf":["media","None"]}"#, text);
        for text in [url.to_owned(), format!("{url:?}")] {
            let media = read_as(&text);
            assert!(matches!(&media, Some(Value::Media(it)) if it.data_url() == url));
        }
        assert_eq!(read_as("null"), Some(Value::None));
        assert_eq!(read_as("iVBO"), None);
    }
}
