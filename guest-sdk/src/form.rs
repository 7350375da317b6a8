//! The form that edits a configuration: its schema, and the order of its fields, which JSON Schema
//! does not keep.

use serde::de::{Deserializer, Error as _, Visitor, value::Error};
use serde_json::{Value as JsonValue, json};

use crate::worker::Worker;

/// Inlined, so that a form and the search for secrets need not follow references.
pub(crate) fn schema<W: Worker>() -> JsonValue {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<W::Config>()
        .to_value()
}

/// The author's hints, with the fields in the order of the struct unless they say another.
pub(crate) fn ui_schema<W: Worker>(given: Option<&str>, schema: &JsonValue) -> Option<String> {
    let hints = match given.map(serde_json::from_str) {
        None => json!({}),
        Some(Ok(hints)) => hints,
        // The host says what is wrong with it.
        Some(Err(_)) => return given.map(Into::into),
    };
    let JsonValue::Object(mut hints) = hints else {
        return given.map(Into::into);
    };
    let order = order::<W>(schema);
    if order.len() > 2 && !hints.contains_key("ui:order") {
        hints.insert("ui:order".into(), order.into());
    }
    (!hints.is_empty()).then(|| JsonValue::Object(hints).to_string())
}

/// `*` stands for whatever else there is: a form refuses an order that is not complete.
fn order<W: Worker>(schema: &JsonValue) -> Vec<&'static str> {
    let mut fields: &[&str] = &[];
    // It fails on purpose, once it was told the fields.
    let told = <W::Config as serde::Deserialize>::deserialize(Fields(&mut fields));
    drop(told);
    let known = schema.get("properties").and_then(JsonValue::as_object);
    let is_known = |field: &&str| known.is_some_and(|known| known.contains_key(*field));
    fields
        .iter()
        .copied()
        .filter(is_known)
        .chain(["*"])
        .collect()
}

/// Takes down the fields that a struct asks for.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("only the fields are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
