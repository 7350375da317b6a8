//! What a method may return: nothing, one output, or a tuple of them, and a `Result` of those.

use serde_json::Value as JsonValue;

use super::{IntoPort, Value};
use crate::error::{Error, Result};

/// The type and the options of an output.
pub type OutputType = (JsonValue, Option<JsonValue>);

/// What a node's method returns.
///
/// `()` has no output, a tuple has one per element (`out0`, `out1`, ..), and everything else has one,
/// `out`. `#[node(outputs = [{"name": ".."}])]` gives better names.
#[diagnostic::on_unimplemented(
    message = "a node cannot return `{Self}`",
    label = "no FuncNodes type",
    note = "it may return nothing, one output, a tuple of outputs, or a Result of those; \
            Json<{Self}> is an output of every type that serde can serialize"
)]
pub trait Returns: Sized {
    /// In order.
    fn types() -> Vec<OutputType>;

    /// Whether the method failed, so that its nodes need not look at it.
    fn failed(&self) -> bool {
        false
    }

    /// In order.
    fn into_values(self) -> Result<Vec<Value>>;
}

impl<T: IntoPort> Returns for T {
    fn types() -> Vec<OutputType> {
        vec![(T::type_schema(), T::value_options())]
    }

    fn into_values(self) -> Result<Vec<Value>> {
        Ok(vec![self.into_value()?])
    }
}

impl Returns for () {
    fn types() -> Vec<OutputType> {
        Vec::new()
    }

    fn into_values(self) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }
}

impl<T: Returns, E: Into<Error>> Returns for Result<T, E> {
    fn types() -> Vec<OutputType> {
        T::types()
    }

    fn failed(&self) -> bool {
        self.is_err()
    }

    fn into_values(self) -> Result<Vec<Value>> {
        self.map_err(Into::into)?.into_values()
    }
}

macro_rules! tuples {
    ($(($($name:ident)*)),*) => {$(
        impl<$($name: IntoPort),*> Returns for ($($name,)*) {
            fn types() -> Vec<OutputType> {
                vec![$(($name::type_schema(), $name::value_options())),*]
            }

            #[allow(non_snake_case, reason = "a value is named after its type")]
            fn into_values(self) -> Result<Vec<Value>> {
                let ($($name,)*) = self;
                Ok(vec![$($name.into_value()?),*])
            }
        }
    )*};
}

tuples!((A), (A B), (A B C), (A B C D), (A B C D E0), (A B C D E0 F), (A B C D E0 F G), (A B C D E0 F G H));
