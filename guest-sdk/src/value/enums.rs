//! One of a few names.

use serde_json::{Value as JsonValue, json};

use super::mismatch;
use crate::error::{Error, Result};

/// An enum without fields as the type of an input or output; derive it.
///
/// A variant travels as its name in snake case, or as what `#[node_enum(value = "..")]` says.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::PortType;
///
/// #[derive(NodeEnum)]
/// enum Level {
///     #[node_enum(value = "lo")]
///     Low,
///     High,
/// }
/// assert_eq!(
///     Level::type_schema(),
///     json!({"type": "enum", "values": ["lo", "high"], "keys": ["Low", "High"], "nullable": false}),
/// );
/// ```
pub trait NodeEnum: Sized {
    /// The names that a person reads.
    const KEYS: &'static [&'static str];
    /// The values that travel, in the same order.
    const VALUES: &'static [&'static str];
    /// The value that travels for this variant.
    fn value(&self) -> &'static str;
    /// The variant at a place in `VALUES`.
    fn from_index(index: usize) -> Option<Self>;
}

/// The FuncNodes type of an enum.
pub fn enum_type<E: NodeEnum>() -> JsonValue {
    json!({ "type": "enum", "values": E::VALUES, "keys": E::KEYS, "nullable": false })
}

/// What the form beside an input of an enum offers.
pub fn enum_options<E: NodeEnum>() -> JsonValue {
    json!({ "options": enum_type::<E>() })
}

/// A value wins over a key of the same name.
pub fn enum_from_json<E: NodeEnum>(json: JsonValue) -> Result<E> {
    let JsonValue::String(text) = &json else {
        return Err(mismatch("a str", &json));
    };
    let place = |names: &[&str]| names.iter().position(|name| name == text);
    place(E::VALUES)
        .or_else(|| place(E::KEYS))
        .and_then(E::from_index)
        .ok_or_else(|| {
            Error::invalid_input(format!("{text:?} is not one of {}", E::VALUES.join(", ")))
        })
}
