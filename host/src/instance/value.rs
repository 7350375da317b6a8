//! Checking values that a guest or a client made: sizes, array shapes, JSON, text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::bindings::types::{Dtype, Ndarray, Value};
use crate::limits;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is larger than it may be.
    #[error("{size} bytes are more than the {limit} allowed")]
    TooBig {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The JSON does not parse.
    #[error("not JSON: {0}")]
    Json(String),
    /// The array has too many axes.
    #[error("an array of {0} axes; at most {max} are allowed", max = limits::MAX_ARRAY_AXES)]
    Axes(usize),
    /// The array's data does not fit its shape.
    #[error("an array of shape {shape:?} needs {needed} bytes and has {has}")]
    Shape {
        /// Length of each axis.
        shape: Vec<u64>,
        /// What the shape asks for; `u64::MAX` when it overflows.
        needed: u64,
        /// What there is.
        has: usize,
    },
    /// A boolean array has bytes other than 0 and 1.
    #[error("a boolean array has bytes other than 0 and 1")]
    Boolean,
}

/// Bytes that the host holds for `value`, about.
pub fn size(value: &Value) -> u64 {
    let payload = match value {
        Value::None | Value::Boolean(_) | Value::Integer(_) | Value::Number(_) => 0,
        Value::Text(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(array) => array
            .data
            .len()
            .saturating_add(array.shape.len().saturating_mul(8)),
    };
    (payload as u64).saturating_add(size_of::<Value>() as u64)
}

/// Bytes of all `ports` together, names included.
pub fn size_all(ports: &[(String, Value)]) -> u64 {
    let one = |(name, value): &(String, Value)| size(value).saturating_add(name.len() as u64);
    ports.iter().map(one).fold(0, u64::saturating_add)
}

/// Whether `value` is well formed and not larger than `limit` bytes.
///
/// # Errors
/// What is wrong.
pub fn check(value: &Value, limit: u64) -> Result<(), Problem> {
    let size = size(value);
    if size > limit {
        return Err(Problem::TooBig { size, limit });
    }
    match value {
        Value::Json(text) => check_json(text).map_err(|error| Problem::Json(error.to_string())),
        Value::Array(array) => check_array(array),
        _ => Ok(()),
    }
}

/// [`check`] for each of `ports`, with `limit` for all together.
///
/// # Errors
/// The first that is wrong, by name; an empty name when all are well but too big together.
pub fn check_all(ports: &[(String, Value)], limit: u64) -> Result<(), (String, Problem)> {
    let size = size_all(ports);
    if size > limit {
        return Err((String::new(), Problem::TooBig { size, limit }));
    }
    for (name, value) in ports {
        check(value, limit).map_err(|problem| (name.clone(), problem))?;
    }
    Ok(())
}

/// Whether `text` is JSON that is read later on: nested no deeper than the parser goes, too.
///
/// # Errors
/// What is wrong, in the parser's words.
pub fn check_json(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<Read>(text).map(drop)
}

/// JSON that was read and not kept. `IgnoredAny` takes more: what is nested too deep to be read, and half
/// of a surrogate pair.
struct Read;

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

fn check_array(array: &Ndarray) -> Result<(), Problem> {
    if array.shape.len() > limits::MAX_ARRAY_AXES {
        return Err(Problem::Axes(array.shape.len()));
    }
    let elements = array
        .shape
        .iter()
        .try_fold(1u64, |n, axis| n.checked_mul(*axis));
    let needed = elements.and_then(|n| n.checked_mul(bytes_of(array.dtype)));
    if needed != Some(array.data.len() as u64) {
        let (shape, needed) = (array.shape.clone(), needed.unwrap_or(u64::MAX));
        return Err(Problem::Shape {
            shape,
            needed,
            has: array.data.len(),
        });
    }
    if array.dtype == Dtype::Boolean && array.data.iter().any(|byte| *byte > 1) {
        return Err(Problem::Boolean);
    }
    Ok(())
}

fn bytes_of(dtype: Dtype) -> u64 {
    match dtype {
        Dtype::Boolean | Dtype::U8 | Dtype::S8 => 1,
        Dtype::U16 | Dtype::S16 => 2,
        Dtype::U32 | Dtype::S32 | Dtype::F32 => 4,
        Dtype::U64 | Dtype::S64 | Dtype::F64 => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(dtype: Dtype, shape: &[u64], bytes: usize) -> Value {
        Value::Array(Ndarray {
            dtype,
            shape: shape.to_vec(),
            data: vec![2; bytes],
        })
    }

    #[test]
    fn an_array_has_exactly_the_bytes_of_its_shape() {
        check(&array(Dtype::F64, &[2, 3], 48), 1000).unwrap();
        check(&array(Dtype::F64, &[], 8), 1000).unwrap();
        check(&array(Dtype::F64, &[2, 3], 47), 1000).unwrap_err();
        check(&array(Dtype::U8, &[u64::MAX, u64::MAX], 1), 1000).unwrap_err();
        check(&array(Dtype::U8, &[0, u64::MAX, u64::MAX], 0), 1000).unwrap();
        check(&array(Dtype::U8, &[1; 33], 1), 1000).unwrap_err();
        assert_eq!(
            check(&array(Dtype::Boolean, &[1], 1), 1000),
            Err(Problem::Boolean)
        );
    }

    #[test]
    fn json_is_what_can_be_read_later() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for text in ["null", r#"{"a":[1,-1,2.5,true,"x",{}]}"#, &nested(127)] {
            check_json(text).unwrap();
            serde_json::from_str::<serde_json::Value>(text).unwrap();
        }
        for text in [
            "",
            "1 2",
            r#"{"a":}"#,
            "1e999",
            "\"\u{1}\"",
            r#"{"\ud800":1}"#,
            &nested(128),
            &nested(10_000),
        ] {
            check_json(text).unwrap_err();
            serde_json::from_str::<serde_json::Value>(text).unwrap_err();
        }
    }

    #[test]
    fn sizes_are_summed_over_all_ports() {
        let ports = vec![("a".to_owned(), Value::Bytes(vec![0; 600])); 2];
        check_all(&ports, 2000).unwrap();
        assert!(matches!(
            check_all(&ports, 1000),
            Err((_, Problem::TooBig { .. }))
        ));
    }
}
