//! FuncNodes' types, for everybody who has to do with one: what a value is coerced to in the graph, how a
//! person reads the type, and what is meant by what a person typed. They are read in one place, so that an
//! input takes the same whichever way a value comes to it.

mod coerce;
mod parse;
mod read;
mod show;
mod typed;

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::limits::MAX_TYPE_DEPTH;

pub(super) use self::coerce::{same, shown};

/// A parsed FuncNodes type. What is not understood takes anything, as `Any` does.
#[derive(Debug, Clone)]
pub struct Type {
    json: Arc<Json>,
    shape: Arc<Shape>,
}

/// What a type is made of. Nothing in it is deeper or has more alternatives than is followed, and nothing
/// takes more memory than its JSON: a guest pays for it as if it were that.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Any,
    None,
    Integer,
    Number,
    Boolean,
    Text,
    Bytes,
    /// Bytes with a media type.
    Media,
    /// An n-dimensional array, or what one is made of: lists, or a single number for one without axes.
    Array,
    List {
        items: Box<Shape>,
        unique: bool,
    },
    Dict {
        keys: Box<Shape>,
        values: Box<Shape>,
    },
    Tuple(Vec<Shape>),
    AnyOf(Vec<Shape>),
    Enum(Box<Enum>),
    /// What is shown as it was written, and what it stands for: a name without parameters, or what is not
    /// understood.
    Named(Box<str>, &'static Shape),
}

/// Some values, and the names that people use for them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Enum {
    pub(crate) values: Vec<Json>,
    keys: Vec<String>,
    nullable: bool,
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Type {
    /// The type that takes anything.
    pub fn any() -> Self {
        Self::parse(&json!("Any"))
    }

    /// The JSON that it was parsed from.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// What it is made of.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether it is the very same one, not only alike.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shape, &other.shape)
    }

    /// The value options that come with the type alone.
    pub fn default_value_options(&self) -> Json {
        Json::Object(default_options(&self.json, 0))
    }
}

impl Shape {
    /// What it stands for.
    pub(crate) fn meant(&self) -> &Self {
        match self {
            Self::Named(_, shape) => shape.meant(),
            shape => shape,
        }
    }
}

fn default_options(json: &Json, depth: usize) -> Map<String, Json> {
    let mut options = Map::new();
    let alternatives = json.get("anyOf").and_then(Json::as_array);
    if json == "int" {
        options.insert("step".into(), json!(1));
    } else if json.get("type").is_some_and(|kind| kind == "enum") {
        options.insert("options".into(), json.clone());
    } else if let Some(alternatives) = alternatives
        && depth < MAX_TYPE_DEPTH
    {
        for alternative in alternatives {
            options.extend(default_options(alternative, depth + 1));
        }
    }
    options
}
