//! A type as an author would write it in Python: `List[int]`, `Optional[str]`. A stranger may have written
//! it: it is clean and on one line, and no longer than a description.

use std::fmt;

use super::{Enum, Shape, Type};
use crate::json as document;
use crate::limits::MAX_TEXT_BYTES;
use crate::text;

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = String::new();
        self.shape.write(&mut written);
        f.write_str(&text::clean_line(&written, MAX_TEXT_BYTES))
    }
}

impl Shape {
    fn write(&self, out: &mut String) {
        match self {
            Self::Any => out.push_str("Any"),
            Self::None => out.push_str("None"),
            Self::Integer => out.push_str("int"),
            Self::Number => out.push_str("float"),
            Self::Boolean => out.push_str("bool"),
            Self::Text => out.push_str("str"),
            Self::Bytes => out.push_str("bytes"),
            Self::Media => out.push_str("media"),
            Self::Array => out.push_str("ndarray"),
            Self::Named(name, _) => out.push_str(name),
            Self::List { items, unique } => {
                let name = if *unique { "Set" } else { "List" };
                write_all(out, name, [&**items]);
            }
            Self::Dict { keys, values } => write_all(out, "Dict", [&**keys, &**values]),
            Self::Tuple(items) => write_all(out, "Tuple", items),
            Self::AnyOf(alternatives) => match alternatives.as_slice() {
                [one, Self::None] | [Self::None, one] => write_all(out, "Optional", [one]),
                all => write_all(out, "Union", all),
            },
            Self::Enum(of) => of.write(out),
        }
    }
}

fn write_all<'a>(out: &mut String, name: &str, inner: impl IntoIterator<Item = &'a Shape>) {
    list(out, name, inner, |shape, out| shape.write(out));
}

/// `name[a, b]`. Nobody sees what is beyond the limit, so nothing more is written there.
fn list<T>(
    out: &mut String,
    name: &str,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    out.push_str(name);
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if out.len() > MAX_TEXT_BYTES {
            return;
        }
        if index > 0 {
            out.push_str(", ");
        }
        write(item, out);
    }
    out.push(']');
}

impl Enum {
    fn write(&self, out: &mut String) {
        if self.nullable {
            out.push_str("Optional[");
        }
        list(out, "Literal", &self.values, |value, out| {
            out.push_str(&document::to_text(value));
        });
        if self.nullable {
            out.push(']');
        }
    }
}
