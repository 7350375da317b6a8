//! Lists, sets, dictionaries and what may be missing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use serde_json::{Map, Value as JsonValue, json};

use super::{FromPort, IntoPort, PortType, Value, json_from_value, mismatch};
use crate::error::Result;

fn list_type<T: PortType>(unique: bool) -> JsonValue {
    json!({ "type": "array", "uniqueItems": unique, "items": T::type_schema() })
}

fn list_json<T: IntoPort>(items: impl IntoIterator<Item = T>) -> Result<JsonValue> {
    let items: Result<Vec<_>> = items.into_iter().map(T::into_json).collect();
    items.map(JsonValue::Array)
}

fn list_from<T: FromPort, C: FromIterator<T>>(json: JsonValue) -> Result<C> {
    match json {
        JsonValue::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(i, item)| T::from_json(item).map_err(|e| e.context(format!("item {i}"))))
            .collect(),
        other => Err(mismatch("a list", &other)),
    }
}

macro_rules! lists {
    ($($list:ident $unique:literal ($($bound:tt)*)),*) => {$(
        impl<T: PortType> PortType for $list<T> {
            fn type_schema() -> JsonValue {
                list_type::<T>($unique)
            }
        }

        impl<T: IntoPort> IntoPort for $list<T> {
            fn into_json(self) -> Result<JsonValue> {
                list_json(self)
            }
        }

        impl<T: FromPort + $($bound)*> FromPort for $list<T> {
            fn from_json(json: JsonValue) -> Result<Self> {
                list_from(json)
            }
        }
    )*};
}

lists!(Vec false (), BTreeSet true (Ord), HashSet true (Eq + Hash));

macro_rules! dictionaries {
    ($($map:ident),*) => {$(
        impl<T: PortType> PortType for $map<String, T> {
            fn type_schema() -> JsonValue {
                json!({ "type": "object", "keys": "str", "values": T::type_schema() })
            }
        }

        impl<T: IntoPort> IntoPort for $map<String, T> {
            fn into_json(self) -> Result<JsonValue> {
                let members: Result<Map<_, _>> =
                    self.into_iter().map(|(key, value)| Ok((key, value.into_json()?))).collect();
                members.map(JsonValue::Object)
            }
        }

        impl<T: FromPort> FromPort for $map<String, T> {
            fn from_json(json: JsonValue) -> Result<Self> {
                let JsonValue::Object(members) = json else {
                    return Err(mismatch("a dict", &json));
                };
                members
                    .into_iter()
                    .map(|(key, value)| match T::from_json(value) {
                        Ok(value) => Ok((key, value)),
                        Err(error) => Err(error.context(format!("key {key:?}"))),
                    })
                    .collect()
            }
        }
    )*};
}

dictionaries!(BTreeMap, HashMap);

impl<T: PortType> PortType for Option<T> {
    fn type_schema() -> JsonValue {
        json!({ "anyOf": [T::type_schema(), "None"] })
    }
    fn required() -> bool {
        false
    }
    fn value_options() -> Option<JsonValue> {
        T::value_options()
    }
}

impl<T: IntoPort> IntoPort for Option<T> {
    fn into_json(self) -> Result<JsonValue> {
        self.map_or(Ok(JsonValue::Null), T::into_json)
    }
    fn into_value(self) -> Result<Value> {
        self.map_or(Ok(Value::None), T::into_value)
    }
}

impl<T: FromPort> FromPort for Option<T> {
    fn from_json(json: JsonValue) -> Result<Self> {
        if json.is_null() {
            Ok(None)
        } else {
            T::from_json(json).map(Some)
        }
    }
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::None => Ok(None),
            Value::Json(_) => Self::from_json(json_from_value(value)?),
            other => T::from_value(other).map(Some),
        }
    }
}
