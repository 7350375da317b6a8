//! How a value travels between a test and the host of [`ewh test`](super::Component), as a line of JSON.

use serde::{Deserialize, Serialize};

use super::script::Data;
use crate::bindings::funcnodes::external_worker::types::{Dtype, Media, Ndarray};
use crate::error::{Error, ErrorCode, Result};
use crate::value::Value;

/// A value on its way. Numbers are text, since JSON has no NaN and rounds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Carried {
    None,
    Boolean(bool),
    Integer(i64),
    Number(String),
    Text(String),
    Bytes(Data),
    Json(String),
    Array {
        dtype: String,
        shape: Vec<u64>,
        data: Data,
    },
    Media {
        media_type: String,
        data: Data,
    },
}

/// What elements are called.
const DTYPES: [(Dtype, &str); 11] = [
    (Dtype::Boolean, "boolean"),
    (Dtype::U8, "u8"),
    (Dtype::S8, "s8"),
    (Dtype::U16, "u16"),
    (Dtype::S16, "s16"),
    (Dtype::U32, "u32"),
    (Dtype::S32, "s32"),
    (Dtype::U64, "u64"),
    (Dtype::S64, "s64"),
    (Dtype::F32, "f32"),
    (Dtype::F64, "f64"),
];

impl Carried {
    pub(super) fn into_value(self) -> Result<Value> {
        Ok(match self {
            Self::None => Value::None,
            Self::Boolean(it) => Value::Boolean(it),
            Self::Integer(it) => Value::Integer(it),
            Self::Number(it) => Value::Number(it.parse()?),
            Self::Text(it) => Value::Text(it),
            Self::Bytes(it) => Value::Bytes(it.0),
            Self::Json(it) => Value::Json(it),
            Self::Media { media_type, data } => {
                let data = data.0;
                Value::Media(Media { media_type, data })
            }
            Self::Array { dtype, shape, data } => {
                let known = DTYPES.iter().find(|(_, name)| *name == dtype);
                let (dtype, _) =
                    known.ok_or("the host sent an array of a type that is not known")?;
                Value::Array(Ndarray {
                    dtype: *dtype,
                    shape,
                    data: data.0,
                })
            }
        })
    }
}

impl From<Value> for Carried {
    fn from(value: Value) -> Self {
        match value {
            Value::None => Self::None,
            Value::Boolean(it) => Self::Boolean(it),
            Value::Integer(it) => Self::Integer(it),
            Value::Number(it) => Self::Number(it.to_string()),
            Value::Text(it) => Self::Text(it),
            Value::Bytes(it) => Self::Bytes(it.into()),
            Value::Json(it) => Self::Json(it),
            Value::Media(it) => Self::Media {
                media_type: it.media_type,
                data: it.data.into(),
            },
            Value::Array(it) => {
                let known = DTYPES.iter().find(|(dtype, _)| *dtype == it.dtype);
                let dtype = known.map_or("", |(_, name)| *name).to_owned();
                let (shape, data) = (it.shape, it.data.into());
                Self::Array { dtype, shape, data }
            }
        }
    }
}

/// An error that the host reports.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    code: String,
    message: String,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let code = match problem.code.as_str() {
            "invalid-input" => ErrorCode::InvalidInput,
            "invalid-config" => ErrorCode::InvalidConfig,
            "unavailable" => ErrorCode::Unavailable,
            "denied" => ErrorCode::Denied,
            "busy" => ErrorCode::Busy,
            _ => ErrorCode::Internal,
        };
        Self::new(code, problem.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        let array = Ndarray {
            dtype: Dtype::S16,
            shape: vec![1],
            data: vec![0xff, 0xff],
        };
        for (value, json) in [
            (Value::None, r#""none""#),
            (
                Value::Integer(i64::MIN),
                r#"{"integer":-9223372036854775808}"#,
            ),
            (Value::Number(f64::INFINITY), r#"{"number":"inf"}"#),
            (Value::Bytes(vec![0xff]), r#"{"bytes":{"hex":"ff"}}"#),
            (
                Value::Array(array),
                r#"{"array":{"dtype":"s16","shape":[1],"data":{"hex":"ff ff"}}}"#,
            ),
        ] {
            let shown = format!("{value:?}");
            assert_eq!(serde_json::to_string(&Carried::from(value)).unwrap(), json);
            let back: Carried = serde_json::from_str(json).unwrap();
            assert_eq!(format!("{:?}", back.into_value().unwrap()), shown);
        }
    }
}
