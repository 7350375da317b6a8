//! A schema, read once: what each of its parts says, and how they lead to each other. Who completes,
//! redacts or lists follows this, so all of them understand the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::index::Index;
use super::keywords;
use super::patterns::{Pattern, SchemaBudget};
use crate::limits;

/// A part of a schema: the place of its [`Node`] in the [`Graph`].
pub(super) type Id = usize;

/// Kinds of values, as bits.
pub(super) const NULL: u8 = 1;
pub(super) const BOOLEAN: u8 = 2;
pub(super) const NUMBER: u8 = 4;
pub(super) const STRING: u8 = 8;
pub(super) const ARRAY: u8 = 16;
pub(super) const OBJECT: u8 = 32;

/// Which kind `value` is of.
pub(super) fn kind(value: &Json) -> u8 {
    match value {
        Json::Null => NULL,
        Json::Bool(_) => BOOLEAN,
        Json::Number(_) => NUMBER,
        Json::String(_) => STRING,
        Json::Array(_) => ARRAY,
        Json::Object(_) => OBJECT,
    }
}

/// Which values a part says that it is for.
#[derive(Debug, Default)]
pub(super) enum Says {
    /// It does not say.
    #[default]
    Nothing,
    /// Those of these kinds.
    Kinds(u8),
    /// These.
    Options(Vec<Json>),
    /// None.
    Never,
}

/// One part of a schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// What it is for is a secret.
    pub marked: bool,
    /// It has a keyword that is not understood.
    pub opaque: bool,
    pub says: Says,
    /// Every keyword of it but notes is one that [`super::fits`] looks at.
    pub exact: bool,
    pub default: Option<Json>,
    pub same: Same,
    pub object: Option<Box<OfObject>>,
    pub array: Option<Box<OfArray>>,
    /// How hard the pattern is that it tries on a string; see [`SchemaBudget::weight`].
    pub pattern_weight: usize,
    /// It compares the items of a list with each other.
    pub compares_items: bool,
}

/// Parts for the very value that a part is for.
#[derive(Debug, Default)]
pub(super) struct Same {
    /// That hold too: `$ref`, `allOf`.
    pub all: Vec<Id>,
    /// Of which some hold: `anyOf`, `oneOf`, the ends of a `$dynamicRef`.
    pub any: Vec<Vec<Id>>,
    /// `if`, `then`, `else`.
    pub when: Option<(Id, Option<Id>, Option<Id>)>,
    /// `dependentSchemas`.
    pub dependent: Vec<(String, Id)>,
    /// That say nothing of what is there, and may mark it: `not`.
    pub hints: Vec<Id>,
    /// `mapping` of a `discriminator`: the same as in `oneOf`, said again.
    pub mapped: Vec<Id>,
    /// `contentSchema`, of what is written in a string.
    pub content: Option<Id>,
}

impl Same {
    /// Whether no other part tells what the value is.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty() && self.when.is_none()
    }
}

/// What a part says of the members of an object.
#[derive(Debug, Default)]
pub(super) struct OfObject {
    pub properties: BTreeMap<String, Id>,
    pub patterns: Vec<(Pattern, Id)>,
    pub additional: Option<Id>,
    pub unevaluated: Option<Id>,
    pub names: Option<Id>,
    pub required: Vec<String>,
    /// Names that it speaks of without saying what is there.
    pub mentioned: Vec<String>,
}

/// What a part says of the items of a list.
#[derive(Debug, Default)]
pub(super) struct OfArray {
    pub prefix: Vec<Id>,
    pub items: Option<Id>,
    pub contains: Option<Id>,
    pub unevaluated: Option<Id>,
}

/// Something that a schema says and the host does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// A keyword that is not understood, and where: what lies below is in no export.
    Keyword(String, String),
    /// A pattern that is not checked, and where.
    Pattern(String, String),
}

/// All parts of a schema. The first is the whole.
#[derive(Debug)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    pub unclear: Vec<Unclear>,
}

/// Where a part is that does not exist. There is none.
static NOWHERE: Node = Node {
    marked: true,
    opaque: true,
    says: Says::Never,
    exact: false,
    default: None,
    same: Same {
        all: Vec::new(),
        any: Vec::new(),
        when: None,
        dependent: Vec::new(),
        hints: Vec::new(),
        mapped: Vec::new(),
        content: None,
    },
    object: None,
    array: None,
    pattern_weight: 0,
    compares_items: false,
};

impl Graph {
    /// Reads `schema`, which is in the words of 2020-12.
    ///
    /// # Errors
    /// What is wrong with it, or that there is no room.
    pub(super) fn read(schema: &Json, room: &mut SchemaBudget) -> Result<Self, String> {
        let index = Index::of(schema, room.parts)?;
        room.parts = room.parts.saturating_sub(index.len());
        let mut reader = Reader {
            index: &index,
            room,
            unclear: Vec::new(),
        };
        let nodes = (0..index.len()).map(|id| reader.node(id));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let unclear = reader.unclear;
        let mut graph = Self { nodes, unclear };
        graph.mark_what_is_written_in_strings();
        Ok(graph)
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        self.nodes.get(id).unwrap_or(&NOWHERE)
    }

    /// A string in which something marked may be written is a secret as a whole.
    fn mark_what_is_written_in_strings(&mut self) {
        let marked: Vec<Id> = (0..self.nodes.len())
            .filter(|id| {
                let content = self.node(*id).same.content;
                content.is_some_and(|content| self.leads_to_a_mark(content))
            })
            .collect();
        for id in marked {
            if let Some(node) = self.nodes.get_mut(id) {
                node.marked = true;
            }
        }
    }

    fn leads_to_a_mark(&self, from: Id) -> bool {
        let mut seen = vec![false; self.nodes.len()];
        let mut next = vec![from];
        while let Some(id) = next.pop() {
            let node = self.node(id);
            if node.marked || node.opaque {
                return true;
            }
            if let Some(seen) = seen.get_mut(id)
                && !std::mem::replace(seen, true)
            {
                next.extend(node.edges());
            }
        }
        false
    }
}

impl Node {
    /// Every part that it leads to.
    fn edges(&self) -> impl Iterator<Item = Id> {
        let same = &self.same;
        let (test, then, otherwise) = match same.when {
            Some((test, then, otherwise)) => (Some(test), then, otherwise),
            None => (None, None, None),
        };
        let of_object = self.object.iter().flat_map(|of| {
            let named = of.properties.values().copied();
            let patterns = of.patterns.iter().map(|(_, id)| *id);
            let others = [of.additional, of.unevaluated, of.names];
            named.chain(patterns).chain(others.into_iter().flatten())
        });
        let of_array = self.array.iter().flat_map(|of| {
            let others = [of.items, of.contains, of.unevaluated];
            of.prefix
                .iter()
                .copied()
                .chain(others.into_iter().flatten())
        });
        let lists = [&same.all, &same.hints, &same.mapped];
        let lists = lists.into_iter().flatten().copied();
        let branches = same.any.iter().flatten().copied();
        let dependent = same.dependent.iter().map(|(_, id)| *id);
        let single = [test, then, otherwise, same.content];
        lists
            .chain(branches)
            .chain(dependent)
            .chain(single.into_iter().flatten())
            .chain(of_object)
            .chain(of_array)
    }
}

/// Makes nodes out of parts.
struct Reader<'a, 'r> {
    index: &'a Index<'a>,
    room: &'r mut SchemaBudget,
    unclear: Vec<Unclear>,
}

/// Notes besides which [`super::fits`] looks at everything of a part.
const LOOKED_AT: [&str; 12] = [
    "type",
    "enum",
    "const",
    "required",
    "properties",
    "title",
    "description",
    "default",
    "examples",
    "export",
    "allOf",
    "$ref",
];

impl Reader<'_, '_> {
    fn node(&mut self, id: Id) -> Result<Node, String> {
        let keywords = match self.index.schema(id) {
            Json::Object(keywords) => keywords,
            Json::Bool(true) => {
                return Ok(Node {
                    exact: true,
                    ..Node::default()
                });
            }
            Json::Bool(false) => {
                return Ok(Node {
                    says: Says::Never,
                    exact: true,
                    ..Node::default()
                });
            }
            _ => return Err("a part of it is not a schema".to_owned()),
        };
        let mut opaque = false;
        for (keyword, value) in keywords {
            if !keywords::is_understood(keyword, value) {
                opaque = true;
                self.unclear(id, |place| Unclear::Keyword(clean(keyword), place));
            }
        }
        let pattern = keywords.get("pattern").and_then(Json::as_str);
        let weight = pattern.map(|pattern| self.room.weight(pattern));
        if let (Some(pattern), Some(None)) = (pattern, weight) {
            self.unclear(id, |place| Unclear::Pattern(clean(pattern), place));
        }
        Ok(Node {
            marked: is_marked(keywords),
            opaque,
            says: says(keywords),
            exact: keywords.keys().all(|key| LOOKED_AT.contains(&key.as_str())),
            default: keywords.get("default").cloned(),
            same: self.same(id, keywords)?,
            object: self.of_object(id, keywords).map(Box::new),
            array: self.of_array(keywords).map(Box::new),
            pattern_weight: weight.flatten().unwrap_or_default(),
            compares_items: keywords.get("uniqueItems") == Some(&Json::Bool(true)),
        })
    }

    fn unclear(&mut self, id: Id, what: impl FnOnce(String) -> Unclear) {
        if self.unclear.len() < limits::MAX_UNCLEAR_PLACES {
            self.unclear.push(what(self.index.place(id)));
        }
    }

    fn one(&self, keywords: &Map<String, Json>, keyword: &str) -> Option<Id> {
        self.index.id(keywords.get(keyword)?)
    }

    fn list(&self, keywords: &Map<String, Json>, keyword: &str) -> Vec<Id> {
        let list = keywords.get(keyword).and_then(Json::as_array);
        let list = list.into_iter().flatten();
        list.filter_map(|one| self.index.id(one)).collect()
    }

    fn same(&self, id: Id, keywords: &Map<String, Json>) -> Result<Same, String> {
        let mut same = Same {
            all: self.list(keywords, "allOf"),
            content: self.one(keywords, "contentSchema"),
            ..Same::default()
        };
        if let Some(Json::String(reference)) = keywords.get("$ref") {
            same.all.push(self.index.resolve(id, reference)?);
        }
        for keyword in ["anyOf", "oneOf"] {
            let branches = self.list(keywords, keyword);
            same.any.extend((!branches.is_empty()).then_some(branches));
        }
        if let Some(Json::String(reference)) = keywords.get("$dynamicRef") {
            same.any.push(self.index.resolve_dynamic(id, reference)?);
        }
        if let Some(test) = self.one(keywords, "if") {
            let (then, otherwise) = (self.one(keywords, "then"), self.one(keywords, "else"));
            same.when = Some((test, then, otherwise));
        }
        let dependent = keywords.get("dependentSchemas").and_then(Json::as_object);
        for (name, schema) in dependent.into_iter().flatten() {
            let schema = self.index.id(schema);
            same.dependent
                .extend(schema.map(|schema| (name.clone(), schema)));
        }
        same.hints.extend(self.one(keywords, "not"));
        let mapping = keywords
            .get("discriminator")
            .and_then(|of| of.get("mapping"));
        for target in mapping.and_then(Json::as_object).into_iter().flatten() {
            let (_, target) = target;
            let target = target.as_str().unwrap_or_default();
            same.mapped.push(self.index.resolve(id, target)?);
        }
        Ok(same)
    }

    fn of_object(&mut self, id: Id, keywords: &Map<String, Json>) -> Option<OfObject> {
        let mut of = OfObject {
            additional: self.one(keywords, "additionalProperties"),
            unevaluated: self.one(keywords, "unevaluatedProperties"),
            names: self.one(keywords, "propertyNames"),
            required: texts(keywords.get("required")),
            ..OfObject::default()
        };
        let properties = keywords.get("properties").and_then(Json::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let schema = self.index.id(schema);
            of.properties
                .extend(schema.map(|schema| (name.clone(), schema)));
        }
        let patterns = keywords.get("patternProperties").and_then(Json::as_object);
        for (text, schema) in patterns.into_iter().flatten() {
            let pattern = Pattern::new(text, self.room);
            if self.room.weight(text).is_none() {
                self.unclear(id, |place| Unclear::Pattern(clean(text), place));
            }
            let schema = self.index.id(schema);
            of.patterns.extend(schema.map(|schema| (pattern, schema)));
        }
        for keyword in ["dependentRequired", "dependentSchemas"] {
            let by_name = keywords.get(keyword).and_then(Json::as_object);
            for (name, needed) in by_name.into_iter().flatten() {
                of.mentioned.push(name.clone());
                of.mentioned.extend(texts(Some(needed)));
            }
        }
        let says_something = properties.is_some()
            || !of.patterns.is_empty()
            || !of.required.is_empty()
            || !of.mentioned.is_empty()
            || [of.additional, of.unevaluated, of.names]
                .iter()
                .any(Option::is_some);
        says_something.then_some(of)
    }

    fn of_array(&self, keywords: &Map<String, Json>) -> Option<OfArray> {
        let of = OfArray {
            prefix: self.list(keywords, "prefixItems"),
            items: self.one(keywords, "items"),
            contains: self.one(keywords, "contains"),
            unevaluated: self.one(keywords, "unevaluatedItems"),
        };
        let others = [of.items, of.contains, of.unevaluated];
        let says_something = !of.prefix.is_empty() || others.iter().any(Option::is_some);
        says_something.then_some(of)
    }
}

/// A secret: `export` that is not true, or what JSON Schema itself says may be written and not read.
fn is_marked(keywords: &Map<String, Json>) -> bool {
    let says = |keyword: &str| keywords.get(keyword);
    says("export").is_some_and(|export| *export != Json::Bool(true))
        || says("writeOnly") == Some(&Json::Bool(true))
        || says("format").and_then(Json::as_str) == Some("password")
}

fn says(keywords: &Map<String, Json>) -> Says {
    if let Some(value) = keywords.get("const") {
        return Says::Options(vec![value.clone()]);
    }
    if let Some(Json::Array(options)) = keywords.get("enum") {
        return Says::Options(options.clone());
    }
    let kinds = match keywords.get("type") {
        Some(Json::String(name)) => kind_called(name),
        Some(Json::Array(names)) => {
            let names = names.iter().filter_map(Json::as_str);
            names.fold(0, |kinds, name| kinds | kind_called(name))
        }
        _ => keywords.keys().fold(0, |kinds, key| kinds | kind_of(key)),
    };
    if kinds == 0 {
        Says::Nothing
    } else {
        Says::Kinds(kinds)
    }
}

fn kind_called(name: &str) -> u8 {
    match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "integer" | "number" => NUMBER,
        "string" => STRING,
        "array" => ARRAY,
        "object" => OBJECT,
        _ => 0,
    }
}

/// For which kind of value a part with this keyword is meant, if it does not say.
fn kind_of(keyword: &str) -> u8 {
    match keyword {
        "properties"
        | "patternProperties"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "propertyNames"
        | "required"
        | "minProperties"
        | "maxProperties"
        | "dependentRequired"
        | "dependentSchemas" => OBJECT,
        "prefixItems" | "items" | "contains" | "unevaluatedItems" | "minItems" | "maxItems"
        | "uniqueItems" | "minContains" | "maxContains" => ARRAY,
        "minLength" | "maxLength" | "pattern" | "format" | "contentEncoding"
        | "contentMediaType" | "contentSchema" => STRING,
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => NUMBER,
        _ => 0,
    }
}

fn texts(list: Option<&Json>) -> Vec<String> {
    let list = list.and_then(Json::as_array).into_iter().flatten();
    list.filter_map(Json::as_str).map(str::to_owned).collect()
}

fn clean(word: &str) -> String {
    crate::text::clean_line(word, limits::MAX_NAME_BYTES)
}
