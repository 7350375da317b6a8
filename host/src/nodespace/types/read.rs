//! What a person typed, as a value of a type: JSON if it is JSON, else text. It is then coerced as any other
//! value is, but for texts and bytes, which nobody puts into quotes or writes as base64. Bytes may be a data URL;
//! who means that text itself puts it into quotes.

use super::super::value::Value;
use super::coerce::Part;
use super::{Shape, Type, typed};
use crate::json as document;
use crate::media::Media;

impl Type {
    /// The value that the typed `text` is; `None`: it is not of this type.
    pub fn read(&self, text: &str) -> Option<Value> {
        let as_text = Value::Text(text.to_owned());
        let value = document::parse(text.as_bytes()).map_or(as_text, Value::from_json);
        self.shape.read(text, &value)
    }

    /// Whether bytes are all that it takes, besides nothing.
    pub fn takes_bytes(&self) -> bool {
        self.shape.is_all(&Shape::Bytes)
    }

    /// Whether media is all that it takes, besides nothing.
    pub fn takes_media(&self) -> bool {
        self.shape.is_all(&Shape::Media)
    }
}

impl Shape {
    /// `value` is what `text` stands for without a type.
    fn read(&self, text: &str, value: &Value) -> Option<Value> {
        match self.meant() {
            Self::Text => Some(Value::Text(plain(text, value))),
            Self::Bytes => {
                let bytes = Media::from_url(text).map(|media| media.data);
                Some(Value::Bytes(
                    bytes.unwrap_or_else(|| plain(text, value).into_bytes()),
                ))
            }
            Self::Media => Media::from_url(&plain(text, value)).map(Value::Media),
            Self::Array => match typed::array(value) {
                Some(array) => Some(Value::Array(array)),
                None => self.made_of(value),
            },
            Self::AnyOf(alternatives) => read_one_of(alternatives, text, value),
            shape => {
                // `5` may be the name of a choice, or a choice that is a text.
                let as_text = || shape.made_of(&Value::Text(text.to_owned()));
                shape.made_of(value).or_else(as_text)
            }
        }
    }

    fn made_of(&self, value: &Value) -> Option<Value> {
        let part = Part::of(value);
        if self.fits(&part) {
            return Some(value.clone());
        }
        self.convert(part).ok().map(Part::into_value)
    }

    fn is_plain(&self) -> bool {
        matches!(self.meant(), Self::Text | Self::Bytes)
    }

    /// Whether it is `shape`, or nothing.
    fn is_all(&self, shape: &Self) -> bool {
        match self.meant() {
            Self::AnyOf(alternatives) => {
                let mut some = alternatives.iter().filter(|shape| **shape != Self::None);
                some.clone().next().is_some() && some.all(|one| one.is_all(shape))
            }
            meant => meant == shape,
        }
    }
}

/// The value as it is where an alternative takes that, else as the first one that can be made of it. Texts
/// and bytes can be made of anything, so they come last.
fn read_one_of(alternatives: &[Shape], text: &str, value: &Value) -> Option<Value> {
    let part = Part::of(value);
    if alternatives.iter().any(|shape| shape.fits(&part)) {
        return Some(value.clone());
    }
    let (plain, other): (Vec<_>, Vec<_>) = alternatives.iter().partition(|shape| shape.is_plain());
    let mut in_order = other.into_iter().chain(plain);
    in_order.find_map(|shape| shape.read(text, value))
}

/// `5` is the text "5", and `"5"` with its quotes is too.
fn plain(text: &str, value: &Value) -> String {
    match value {
        Value::Text(inner) => inner.clone(),
        _ => text.to_owned(),
    }
}
