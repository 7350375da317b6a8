//! Values across the border between the guests and the graph: each side has a kind of its own and does not
//! know the other's.

use std::sync::Arc;

use crate::bindings::types as wit;
use crate::instance::exports::Output;
use crate::instance::value::Checked;
use crate::json::JsonText;
use crate::limits::Paid;
use crate::nodespace::{Array, Dtype, Media, SharedValue, Value};

/// An output in the graph, which the guest pays for until the graph lets it go.
pub fn kept(output: Output) -> (Arc<str>, SharedValue) {
    let value = match output.value {
        Checked::Json(json) => Value::from_text(json),
        Checked::Plain(value) => from_guest(value),
    };
    (
        output.name.into(),
        SharedValue::paid(value, Arc::new(output.held)),
    )
}

/// What a guest set, in the graph.
pub fn paid(value: &Paid<wit::Value>) -> SharedValue {
    let held = Arc::clone(value.held());
    SharedValue::paid(from_guest(wit::Value::clone(value)), held)
}

/// A guest's value in the graph. What claims to be JSON was checked where it came in.
pub fn from_guest(value: wit::Value) -> Value {
    match value {
        wit::Value::None => Value::None,
        wit::Value::Boolean(it) => Value::Boolean(it),
        wit::Value::Integer(it) => Value::Integer(it),
        wit::Value::Number(it) => Value::Number(it),
        wit::Value::Text(it) => Value::Text(it),
        wit::Value::Bytes(it) => Value::Bytes(it),
        wit::Value::Json(it) => JsonText::check(&it).map_or(Value::None, Value::from_text),
        wit::Value::Array(it) => Value::Array(Array {
            dtype: dtype_from_guest(it.dtype),
            shape: it.shape,
            data: it.data,
        }),
        wit::Value::Media(it) => Value::Media(Media {
            media_type: it.media_type,
            data: it.data,
        }),
    }
}

/// A value of the graph, for a guest.
pub fn to_guest(value: &Value) -> wit::Value {
    match value.clone() {
        Value::None => wit::Value::None,
        Value::Boolean(it) => wit::Value::Boolean(it),
        Value::Integer(it) => wit::Value::Integer(it),
        Value::Number(it) => wit::Value::Number(it),
        Value::Text(it) => wit::Value::Text(it),
        Value::Bytes(it) => wit::Value::Bytes(it),
        Value::Json(it) => wit::Value::Json(it.wire().into_owned()),
        Value::Array(it) => wit::Value::Array(wit::Ndarray {
            dtype: dtype_to_guest(it.dtype),
            shape: it.shape,
            data: it.data,
        }),
        Value::Media(it) => wit::Value::Media(wit::Media {
            media_type: it.media_type,
            data: it.data,
        }),
    }
}

fn dtype_from_guest(dtype: wit::Dtype) -> Dtype {
    match dtype {
        wit::Dtype::Boolean => Dtype::Boolean,
        wit::Dtype::U8 => Dtype::U8,
        wit::Dtype::S8 => Dtype::S8,
        wit::Dtype::U16 => Dtype::U16,
        wit::Dtype::S16 => Dtype::S16,
        wit::Dtype::U32 => Dtype::U32,
        wit::Dtype::S32 => Dtype::S32,
        wit::Dtype::U64 => Dtype::U64,
        wit::Dtype::S64 => Dtype::S64,
        wit::Dtype::F32 => Dtype::F32,
        wit::Dtype::F64 => Dtype::F64,
    }
}

fn dtype_to_guest(dtype: Dtype) -> wit::Dtype {
    match dtype {
        Dtype::Boolean => wit::Dtype::Boolean,
        Dtype::U8 => wit::Dtype::U8,
        Dtype::S8 => wit::Dtype::S8,
        Dtype::U16 => wit::Dtype::U16,
        Dtype::S16 => wit::Dtype::S16,
        Dtype::U32 => wit::Dtype::U32,
        Dtype::S32 => wit::Dtype::S32,
        Dtype::U64 => wit::Dtype::U64,
        Dtype::S64 => wit::Dtype::S64,
        Dtype::F32 => wit::Dtype::F32,
        Dtype::F64 => wit::Dtype::F64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        let array = Array {
            dtype: Dtype::U16,
            shape: vec![2],
            data: vec![1, 0, 2, 0],
        };
        let values = [
            Value::None,
            Value::Boolean(true),
            Value::Integer(-1),
            Value::Number(0.5),
            Value::Text("a".to_owned()),
            Value::Bytes(vec![0, 255]),
            Value::from_json(serde_json::json!({"a": [1, null]})),
            Value::Array(array),
            Value::Media(Media {
                media_type: "image/png".to_owned(),
                data: vec![137],
            }),
        ];
        for value in values {
            assert_eq!(from_guest(to_guest(&value)), value);
        }
    }
}
