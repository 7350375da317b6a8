//! What a test and its host say to each other: a line of JSON from the test, a line back, and so on. The other
//! side is `external_worker::testing::component` in the guest SDK.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::bindings::types::{Dtype, Media, Ndarray, Value};
use crate::error::{ErrorCode, HostError};
use crate::simulate::script::{Data, Script};

/// What a test wants done.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Wish {
    /// That the instance starts: the first wish, and no other.
    Start {
        class: String,
        config: Json,
        script: Box<Script>,
    },
    /// That a call begins.
    Call {
        node: String,
        inputs: Vec<(String, Carried)>,
    },
    /// To know whether a call has its answer.
    IsDone { call: u64 },
    /// The answer of a call.
    Finish { call: u64 },
    /// That a call ends soon.
    Cancel { call: u64 },
    /// That so much time passes.
    RunFor { ms: u64 },
    /// That the configuration changes.
    Configure { change: Json },
    /// The paths of the nodes on the shelf.
    Shelf,
    /// What a device heard.
    Heard { name: String },
    /// The requests that were sent.
    Requests,
    /// How the instance is.
    Status,
    /// That it is stopped and started again, with what it saves.
    Restart,
    /// That it stops.
    Stop,
}

/// What the host says to a wish.
#[derive(Debug, Serialize)]
pub(super) struct Reply {
    #[serde(flatten)]
    pub(super) answer: Answer,
    /// What the worker told since the last reply.
    pub(super) told: Vec<Told>,
    /// How much more it told than is kept.
    pub(super) lost: u64,
}

/// The answer itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Ok(Json),
    Error(Problem),
}

/// What went wrong, by the codes of the contract.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    code: &'static str,
    message: String,
}

/// Something that the worker told its host.
#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Told {
    Event {
        name: String,
        data: Json,
    },
    Log {
        level: &'static str,
        text: String,
    },
    Triggered {
        method: String,
    },
    Progress {
        fraction: f64,
        text: String,
    },
    Denied {
        text: String,
    },
    Input {
        method: String,
        /// Whether it is of a node; else of those yet to be made.
        made: bool,
        input: String,
        change: Change,
    },
}

/// What changed at an input.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    Value(Carried),
    /// A value that does not trigger.
    Shown(Carried),
    Default(Option<Carried>),
    ValueOptions(Json),
    RenderOptions(Json),
}

/// A value on its way. Numbers are text, since JSON has no NaN and rounds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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
    /// The value, if it is one.
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::None => Value::None,
            Self::Boolean(it) => Value::Boolean(it),
            Self::Integer(it) => Value::Integer(it),
            Self::Number(it) => Value::Number(it.parse().ok()?),
            Self::Text(it) => Value::Text(it),
            Self::Bytes(it) => Value::Bytes(it.0),
            Self::Json(it) => Value::Json(it),
            Self::Media { media_type, data } => {
                let data = data.0;
                Value::Media(Media { media_type, data })
            }
            Self::Array { dtype, shape, data } => {
                let dtype = DTYPES.iter().find(|(_, name)| *name == dtype)?.0;
                let data = data.0;
                Value::Array(Ndarray { dtype, shape, data })
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

impl Problem {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: code.name(),
            message: message.into(),
        }
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        let code = match &error {
            HostError::Guest { code, .. } => *code,
            HostError::Config(_) => ErrorCode::InvalidConfig,
            HostError::Value(_) | HostError::UnknownClass { .. } => ErrorCode::InvalidInput,
            HostError::Busy(_) | HostError::Exhausted(_) | HostError::Full(_) => ErrorCode::Busy,
            HostError::MissingGrants(_) => ErrorCode::Denied,
            HostError::Ended(_) => ErrorCode::Unavailable,
            _ => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

/// The outputs of a call.
pub(super) fn outputs(ports: Vec<(String, Value)>) -> Json {
    let outputs: Vec<(String, Carried)> = ports
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    json_of(&outputs)
}

/// What is made of plain data, which JSON can always say.
pub(super) fn json_of(data: &impl Serialize) -> Json {
    serde_json::to_value(data).unwrap_or_default()
}

/// Several answers of one kind, by name.
pub(super) fn named<const N: usize>(parts: [(&str, Json); N]) -> Json {
    let parts: BTreeMap<_, _> = parts.into_iter().collect();
    json_of(&parts)
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
        for value in [
            Value::None,
            Value::Boolean(true),
            Value::Integer(i64::MIN),
            Value::Number(0.1),
            Value::Number(f64::INFINITY),
            Value::Text("a\n".to_owned()),
            Value::Bytes(vec![0, 255]),
            Value::Json("[1]".to_owned()),
            Value::Array(array),
            Value::Media(Media {
                media_type: "image/png".to_owned(),
                data: vec![137],
            }),
        ] {
            let shown = format!("{value:?}");
            let line = serde_json::to_string(&Carried::from(value)).unwrap();
            let back: Carried = serde_json::from_str(&line).unwrap();
            assert_eq!(format!("{:?}", back.into_value().unwrap()), shown, "{line}");
        }
        for wrong in [
            r#"{"number": "x"}"#,
            r#"{"array": {"dtype": "f16", "shape": [], "data": ""}}"#,
        ] {
            let carried: Carried = serde_json::from_str(wrong).unwrap();
            assert!(carried.into_value().is_none(), "{wrong}");
        }
    }

    #[test]
    fn wishes_are_read() {
        for wish in [
            r#"{"do":"start","class":"a","config":{},"script":{"serial":{"p":{}}}}"#,
            r#"{"do":"call","node":"n","inputs":[["x",{"integer":1}],["y","none"]]}"#,
            r#"{"do":"run_for","ms":5}"#,
            r#"{"do":"stop"}"#,
        ] {
            serde_json::from_str::<Wish>(wish).unwrap();
        }
        serde_json::from_str::<Wish>(r#"{"do":"dance"}"#).unwrap_err();
    }
}
