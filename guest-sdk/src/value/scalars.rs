//! Numbers, texts, bytes and everything that serde can say.

use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as JsonValue, json};

use super::{
    FromPort, IntoPort, PortType, Value, base64, json_from_value, mismatch, value_from_json,
};
use crate::error::{Error, Result};

/// The first float that stands for more than one integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl PortType for $int {
            fn type_schema() -> JsonValue {
                "int".into()
            }
            fn value_options() -> Option<JsonValue> {
                Some(json!({ "step": 1 }))
            }
        }

        impl IntoPort for $int {
            fn into_json(self) -> Result<JsonValue> {
                Ok(self.into())
            }
            fn into_value(self) -> Result<Value> {
                i64::try_from(self).map(Value::Integer).map_err(|_| {
                    Error::internal(format!(
                        "{self} does not fit the 64 bits of an int; give it out as a str"
                    ))
                })
            }
        }

        impl FromPort for $int {
            fn from_json(json: JsonValue) -> Result<Self> {
                let JsonValue::Number(number) = &json else {
                    return Err(mismatch("an int", &json));
                };
                if let Some(value) = number.as_i64() {
                    return ranged(value, <$int>::try_from(value).ok(), <$int>::MIN, <$int>::MAX);
                }
                if let Some(value) = number.as_u64() {
                    return ranged(value, <$int>::try_from(value).ok(), <$int>::MIN, <$int>::MAX);
                }
                let whole = number.as_f64().and_then(whole).ok_or_else(|| mismatch("an int", &json))?;
                ranged(whole, <$int>::try_from(whole).ok(), <$int>::MIN, <$int>::MAX)
            }
            fn from_value(value: Value) -> Result<Self> {
                match value {
                    Value::Integer(value) => {
                        ranged(value, <$int>::try_from(value).ok(), <$int>::MIN, <$int>::MAX)
                    }
                    other => Self::from_json(json_from_value(other)?),
                }
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

fn ranged<T, N: std::fmt::Display>(
    given: impl std::fmt::Display,
    value: Option<T>,
    min: N,
    max: N,
) -> Result<T> {
    value.ok_or_else(|| {
        Error::invalid_input(format!(
            "{given} is out of range, allowed are {min} to {max}"
        ))
    })
}

/// A client that knows only JSON numbers may say `2.0` and mean 2.
fn whole(float: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i64)
}

/// JSON has no NaN and no infinities.
pub(super) fn float_json(float: f64) -> Result<JsonValue> {
    serde_json::Number::from_f64(float)
        .map(JsonValue::Number)
        .ok_or_else(|| {
            Error::invalid_input(format!(
                "{float} cannot be inside a list or dict; use an ndarray"
            ))
        })
}

impl PortType for f64 {
    fn type_schema() -> JsonValue {
        "float".into()
    }
}

impl IntoPort for f64 {
    fn into_json(self) -> Result<JsonValue> {
        float_json(self)
    }
    fn into_value(self) -> Result<Value> {
        Ok(Value::Number(self))
    }
}

impl FromPort for f64 {
    fn from_json(json: JsonValue) -> Result<Self> {
        json.as_f64().ok_or_else(|| mismatch("a float", &json))
    }
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Number(value) => Ok(value),
            other => Self::from_json(json_from_value(other)?),
        }
    }
}

impl PortType for f32 {
    fn type_schema() -> JsonValue {
        "float".into()
    }
}

impl IntoPort for f32 {
    fn into_json(self) -> Result<JsonValue> {
        f64::from(self).into_json()
    }
    fn into_value(self) -> Result<Value> {
        f64::from(self).into_value()
    }
}

impl FromPort for f32 {
    fn from_json(json: JsonValue) -> Result<Self> {
        narrow(f64::from_json(json)?)
    }
    fn from_value(value: Value) -> Result<Self> {
        narrow(f64::from_value(value)?)
    }
}

/// Rounding is what a float does anyway; becoming infinite is not.
fn narrow(wide: f64) -> Result<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "checked in the next line")]
    let narrow = wide as f32;
    if wide.is_finite() && !narrow.is_finite() {
        return Err(Error::invalid_input(format!(
            "{wide} is out of range for 32 bits"
        )));
    }
    Ok(narrow)
}

impl PortType for bool {
    fn type_schema() -> JsonValue {
        "bool".into()
    }
}

impl IntoPort for bool {
    fn into_json(self) -> Result<JsonValue> {
        Ok(self.into())
    }
}

impl FromPort for bool {
    fn from_json(json: JsonValue) -> Result<Self> {
        json.as_bool().ok_or_else(|| mismatch("a bool", &json))
    }
}

impl PortType for String {
    fn type_schema() -> JsonValue {
        "str".into()
    }
}

impl IntoPort for String {
    fn into_json(self) -> Result<JsonValue> {
        Ok(self.into())
    }
}

impl FromPort for String {
    fn from_json(json: JsonValue) -> Result<Self> {
        match json {
            JsonValue::String(text) => Ok(text),
            other => Err(mismatch("a str", &other)),
        }
    }
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text),
            Value::Bytes(_) => Err(Error::invalid_input("expected a str, got bytes")),
            other => Self::from_json(json_from_value(other)?),
        }
    }
}

impl PortType for &str {
    fn type_schema() -> JsonValue {
        "str".into()
    }
}

impl IntoPort for &str {
    fn into_json(self) -> Result<JsonValue> {
        Ok(self.into())
    }
}

/// Bytes; a `Vec<u8>` would be a list of ints instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Deref for Bytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<T: Into<Vec<u8>>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl PortType for Bytes {
    fn type_schema() -> JsonValue {
        "bytes".into()
    }
}

impl IntoPort for Bytes {
    fn into_json(self) -> Result<JsonValue> {
        Ok(base64::encode(&self.0).into())
    }
    fn into_value(self) -> Result<Value> {
        Ok(Value::Bytes(self.0))
    }
}

impl FromPort for Bytes {
    fn from_json(json: JsonValue) -> Result<Self> {
        match json {
            JsonValue::String(text) => base64::decode(&text).map(Self),
            other => Err(mismatch("bytes", &other)),
        }
    }
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Bytes(bytes) => Ok(Self(bytes)),
            Value::Media(media) => Ok(Self(media.data)),
            other => Self::from_json(json_from_value(other)?),
        }
    }
}

/// Types that take whatever comes.
macro_rules! any {
    ($(($($generic:tt)*) $any:ty),*) => {$(
        impl<$($generic)*> PortType for $any {
            fn type_schema() -> JsonValue {
                "Any".into()
            }
        }
    )*};
}

any!(() JsonValue, () Value, (T) Json<T>);

impl IntoPort for JsonValue {
    fn into_json(self) -> Result<JsonValue> {
        Ok(self)
    }
}

impl FromPort for JsonValue {
    fn from_json(json: JsonValue) -> Result<Self> {
        Ok(json)
    }
}

impl IntoPort for Value {
    fn into_json(self) -> Result<JsonValue> {
        json_from_value(self)
    }
    fn into_value(self) -> Result<Value> {
        Ok(self)
    }
}

impl FromPort for Value {
    fn from_json(json: JsonValue) -> Result<Self> {
        Ok(value_from_json(json))
    }
    fn from_value(value: Value) -> Result<Self> {
        Ok(value)
    }
}

/// Any type that serde knows, as a dictionary or as whatever else it serializes to.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::{IntoPort, Value, serde::Serialize};
///
/// #[derive(Serialize)]
/// #[serde(crate = "external_worker::serde")]
/// struct Reading { celsius: f64 }
///
/// let value = Json(Reading { celsius: 21.5 }).into_value().unwrap();
/// assert!(matches!(value, Value::Json(text) if text == r#"{"celsius":21.5}"#));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoPort for Json<T> {
    fn into_json(self) -> Result<JsonValue> {
        Ok(serde_json::to_value(self.0)?)
    }
}

impl<T: DeserializeOwned> FromPort for Json<T> {
    fn from_json(json: JsonValue) -> Result<Self> {
        serde_json::from_value(json)
            .map(Self)
            .map_err(|error| Error::invalid_input(error.to_string()))
    }
}
