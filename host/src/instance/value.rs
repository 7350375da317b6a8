//! Checking values that a guest or a client made: sizes, array shapes, JSON, text.

use crate::bindings::types::{Dtype, Ndarray, Value};
use crate::json::JsonText;
use crate::limits;
use crate::media;

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
    /// All of them together are larger than the budget allows.
    #[error(
        "{size} bytes are more than the {limit} of the budget `value-size`; hand over less at once, or raise \
         it in the policy"
    )]
    OverBudget {
        /// Their size.
        size: u64,
        /// The budget.
        limit: u64,
    },
    /// There are too many of them.
    #[error("{0} values; at most {max} are allowed", max = limits::MAX_PORTS)]
    TooMany(usize),
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
    /// The media type is not one.
    #[error(
        "the media type is not one, such as `image/png`, in lower case and at most {max} bytes long",
        max = limits::MAX_MEDIA_TYPE_BYTES
    )]
    MediaType,
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
        Value::Media(media) => media.data.len().saturating_add(media.media_type.len()),
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

/// Whether `value` is well formed and not larger than `limit` bytes; what it takes as a tree, in bytes.
///
/// # Errors
/// What is wrong.
pub fn check(value: &Value, limit: u64) -> Result<u64, Problem> {
    let size = size(value);
    if size > limit {
        return Err(Problem::TooBig { size, limit });
    }
    match value {
        Value::Json(text) => match JsonText::check(text) {
            Ok(json) => Ok(json.tree_size()),
            Err(error) => Err(Problem::Json(error.to_string())),
        },
        Value::Array(array) => check_array(array).map(|()| tree_of(array)),
        Value::Media(media) if !media::is_type(&media.media_type) => Err(Problem::MediaType),
        _ => Ok(size),
    }
}

/// A value of a guest that was checked: JSON is looked through once, and is what that made of it from then on.
#[derive(Debug)]
pub enum Checked {
    /// JSON.
    Json(JsonText),
    /// Anything else.
    Plain(Value),
}

impl Checked {
    /// [`check`] of `value`.
    ///
    /// # Errors
    /// What is wrong.
    pub fn of(value: Value, limit: u64) -> Result<Self, Problem> {
        if let Value::Json(text) = value {
            let json = JsonText::check(&text);
            return json
                .map(Self::Json)
                .map_err(|error| Problem::Json(error.to_string()));
        }
        check(&value, limit)?;
        Ok(Self::Plain(value))
    }

    /// The value.
    pub fn into_value(self) -> Value {
        match self {
            Self::Json(json) => Value::Json(json.as_str().to_owned()),
            Self::Plain(value) => value,
        }
    }
}

/// Whether what a call answers with is few enough and together not larger than `limit` bytes, its `value-size`.
///
/// # Errors
/// What is wrong.
pub fn check_outputs(outputs: &[(String, Value)], limit: u64) -> Result<(), Problem> {
    check_size(outputs, limit)?;
    if outputs.len() > limits::MAX_PORTS {
        return Err(Problem::TooMany(outputs.len()));
    }
    Ok(())
}

/// [`check`] for each of `ports`, with the `value-size` `limit` for all together.
///
/// # Errors
/// The first that is wrong, by name; an empty name when all are well but too big together.
pub fn check_all(ports: &[(String, Value)], limit: u64) -> Result<(), (String, Problem)> {
    check_size(ports, limit).map_err(|problem| (String::new(), problem))?;
    for (name, value) in ports {
        check(value, limit).map_err(|problem| (name.clone(), problem))?;
    }
    Ok(())
}

fn check_size(ports: &[(String, Value)], limit: u64) -> Result<(), Problem> {
    let size = size_all(ports);
    if size > limit {
        return Err(Problem::OverBudget { size, limit });
    }
    Ok(())
}

/// Bytes of nested lists, about: of numbers with as much room again, of lists with room for four.
fn tree_of(array: &Ndarray) -> u64 {
    const ITEM: u64 = size_of::<serde_json::Value>() as u64;
    let elements = array.data.len() as u64 / bytes_of(array.dtype);
    let lists = elements.saturating_mul(array.shape.len() as u64);
    elements
        .saturating_mul(2 * ITEM)
        .saturating_add(lists.saturating_mul(5 * ITEM))
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
    fn sizes_are_summed_over_all_ports() {
        let ports = vec![("a".to_owned(), Value::Bytes(vec![0; 600])); 2];
        check_all(&ports, 2000).unwrap();
        assert!(matches!(
            check_all(&ports, 1000),
            Err((_, Problem::OverBudget { .. }))
        ));
        let refused = check_outputs(&ports, 1000).unwrap_err().to_string();
        assert!(
            refused.contains("1000 of the budget `value-size`"),
            "{refused}"
        );
    }
}
