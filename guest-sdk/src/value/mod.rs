//! What travels on inputs and outputs, and how Rust types become it.
//!
//! | Rust | FuncNodes |
//! |---|---|
//! | `i8`..`i64`, `u8`..`u64`, `isize`, `usize` | `"int"` |
//! | `f32`, `f64` | `"float"` |
//! | `bool` | `"bool"` |
//! | `String`, `&str` | `"str"` |
//! | [`Bytes`] | `"bytes"` |
//! | [`Media`] | `"media"` |
//! | `Vec<T>` | `{"type":"array","uniqueItems":false,"items":T}` |
//! | `BTreeSet<T>`, `HashSet<T>` | `{"type":"array","uniqueItems":true,"items":T}` |
//! | `BTreeMap<String, T>`, `HashMap<String, T>` | `{"type":"object","keys":"str","values":T}` |
//! | `Option<T>` | `{"anyOf":[T,"None"]}` |
//! | an enum with `#[derive(NodeEnum)]` | `{"type":"enum","values":[..],"keys":[..],"nullable":false}` |
//! | [`NdArray<T>`](NdArray) | `"ndarray"` |
//! | `serde_json::Value`, [`Json<T>`](Json), [`Value`] | `"Any"` |

mod base64;
mod collections;
mod enums;
mod media;
mod ndarray;
mod returns;
mod scalars;

pub use self::enums::NodeEnum;
pub use self::enums::{enum_from_json, enum_options, enum_type};
pub use self::media::Media;
pub use self::ndarray::{Element, NdArray};
pub use self::returns::Returns;
pub use self::scalars::{Bytes, Json};

use serde_json::Value as JsonValue;

pub use crate::bindings::funcnodes::external_worker::types::Value;
use crate::error::{Error, Result};

/// A type that an input or an output can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel on an input or output",
    label = "no FuncNodes type",
    note = "wrap it: Json<{Self}> takes every type that serde knows; the table is in \
            external_worker::PortType"
)]
pub trait PortType {
    /// The FuncNodes type: a name such as `"int"`, or an object.
    fn type_schema() -> JsonValue;

    /// Whether an input of this type needs a value. Only `Option` does without.
    fn required() -> bool {
        true
    }

    /// What the form beside an input offers, such as `{"step":1}`.
    fn value_options() -> Option<JsonValue> {
        None
    }
}

/// A type that an output can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an output",
    label = "no FuncNodes type",
    note = "wrap it: Json<{Self}> gives out every type that serde can serialize"
)]
pub trait IntoPort: PortType + Sized {
    /// As JSON: what the value is inside a list or a dictionary.
    fn into_json(self) -> Result<JsonValue>;

    /// As the value of an output.
    fn into_value(self) -> Result<Value> {
        Ok(value_from_json(self.into_json()?))
    }
}

/// A type that an input can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an input",
    label = "no FuncNodes type",
    note = "wrap it: Json<{Self}> takes every type that serde can deserialize"
)]
pub trait FromPort: PortType + Sized {
    /// From JSON: what the value is inside a list or a dictionary.
    fn from_json(json: JsonValue) -> Result<Self>;

    /// From the value of an input.
    fn from_value(value: Value) -> Result<Self> {
        Self::from_json(json_from_value(value)?)
    }
}

/// The narrowest value that says the same.
pub(crate) fn value_from_json(json: JsonValue) -> Value {
    match json {
        JsonValue::Null => Value::None,
        JsonValue::Bool(value) => Value::Boolean(value),
        JsonValue::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(float)) => Value::Number(float),
            (None, None) => Value::Json(number.to_string()),
        },
        JsonValue::String(text) => Value::Text(text),
        other => Value::Json(other.to_string()),
    }
}

pub(crate) fn json_from_value(value: Value) -> Result<JsonValue> {
    Ok(match value {
        Value::None => JsonValue::Null,
        Value::Boolean(value) => value.into(),
        Value::Integer(value) => value.into(),
        Value::Number(value) => scalars::float_json(value)?,
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => base64::encode(&bytes).into(),
        Value::Json(text) => serde_json::from_str(&text)
            .map_err(|error| Error::invalid_input(format!("this is not JSON: {error}")))?,
        Value::Array(array) => ndarray::nested(array)?,
        Value::Media(media) => Media::from(media).data_url().into(),
    })
}

/// "expected X, got Y"
pub(crate) fn mismatch(expected: &str, got: &JsonValue) -> Error {
    let got = match got {
        JsonValue::Null => "nothing",
        JsonValue::Bool(_) => "a bool",
        JsonValue::Number(number) if number.is_f64() => "a float",
        JsonValue::Number(_) => "an int",
        JsonValue::String(_) => "a str",
        JsonValue::Array(_) => "a list",
        JsonValue::Object(_) => "a dict",
    };
    Error::invalid_input(format!("expected {expected}, got {got}"))
}

#[cfg(test)]
mod tests;
