//! Values and measures, as people and machines read them.

use std::time::Duration;

use bytesize::ByteSize;
use data_encoding::BASE64;
use serde_json::{Map, Value as Json, json};

use crate::bindings::types::{Dtype, Value};
use crate::instance::exports::Ports;
use crate::text;

/// Bytes of a value that a person is shown.
const SHOWN_BYTES: usize = 64;

/// A value for machines: what JSON has is itself; bytes and arrays are objects with base64.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Boolean(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        // JSON has no infinities and no NaN; their names are better than nothing.
        Value::Number(value) => serde_json::Number::from_f64(*value)
            .map_or_else(|| value.to_string().into(), Json::Number),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => json!({ "bytes_base64": BASE64.encode(bytes) }),
        Value::Media(media) => json!({
            "media_type": media.media_type, "data_base64": BASE64.encode(&media.data),
        }),
        Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        Value::Array(array) => json!({
            "dtype": dtype(array.dtype), "shape": array.shape,
            "data_base64": BASE64.encode(&array.data),
        }),
    }
}

/// Named values for machines.
pub fn ports_to_json(ports: &Ports) -> Json {
    Json::Object(
        ports
            .iter()
            .map(|(name, value)| (name.clone(), to_json(value)))
            .collect::<Map<_, _>>(),
    )
}

/// A value for people, on one line.
pub fn to_line(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => {
            let (start, rest) = bytes.split_at_checked(SHOWN_BYTES).unwrap_or((bytes, &[]));
            let more = if rest.is_empty() { "" } else { "…" };
            format!(
                "b\"{}{more}\" ({})",
                start.escape_ascii(),
                size(bytes.len() as u64)
            )
        }
        Value::Media(media) => {
            format!("{} ({})", media.media_type, size(media.data.len() as u64))
        }
        Value::Array(array) => {
            let bytes = size(array.data.len() as u64);
            format!(
                "{} array of shape {:?} ({bytes})",
                dtype(array.dtype),
                array.shape
            )
        }
        other => text::clean_line(&to_json(other).to_string(), usize::MAX),
    }
}

const fn dtype(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Boolean => "boolean",
        Dtype::U8 => "u8",
        Dtype::S8 => "s8",
        Dtype::U16 => "u16",
        Dtype::S16 => "s16",
        Dtype::U32 => "u32",
        Dtype::S32 => "s32",
        Dtype::U64 => "u64",
        Dtype::S64 => "s64",
        Dtype::F32 => "f32",
        Dtype::F64 => "f64",
    }
}

/// `1.2 MiB`
pub fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// `12 µs`, `3.4 ms`, `1.20 s`
pub fn duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", duration.as_secs_f64()),
    }
}

/// `1 turn`, `2 turns`
pub fn count(n: u64, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

/// A whole number of milliseconds, for machines.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A whole number of microseconds, for machines.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::{Media, Ndarray};

    #[test]
    fn a_value_is_one_harmless_line() {
        for (value, expected) in [
            (Value::None, "null"),
            (
                Value::Text("a\n\x1b[2J\u{9b}".to_owned()),
                "\"a\\n\\u001b[2J\u{fffd}\"",
            ),
            (Value::Bytes(b"\x00ab".to_vec()), "b\"\\x00ab\" (3 B)"),
            (Value::Json("[1,\n2]".to_owned()), "[1,2]"),
            (
                Value::Media(Media {
                    media_type: "image/png".to_owned(),
                    data: vec![0; 12 * 1024],
                }),
                "image/png (12.0 KiB)",
            ),
            (Value::Number(f64::INFINITY), "\"inf\""),
        ] {
            assert_eq!(to_line(&value), expected);
        }
        assert!(to_line(&Value::Bytes(vec![0; 100])).contains("…\" (100 B)"));
    }

    #[test]
    fn machines_get_all_of_it() {
        let array = Ndarray {
            dtype: Dtype::U8,
            shape: vec![2],
            data: vec![1, 2],
        };
        let ports = vec![
            ("a".to_owned(), Value::Array(array)),
            ("b".to_owned(), Value::Bytes(vec![255])),
        ];
        assert_eq!(
            ports_to_json(&ports),
            json!({
                "a": {"dtype": "u8", "shape": [2], "data_base64": "AQI="},
                "b": {"bytes_base64": "/w=="},
            })
        );
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        assert_eq!(duration(Duration::from_micros(12)), "12 µs");
        assert_eq!(duration(Duration::from_micros(3_400)), "3.4 ms");
        assert_eq!(duration(Duration::from_millis(1_200)), "1.20 s");
    }
}
