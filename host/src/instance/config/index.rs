//! Where the parts of a schema are, and where its references lead: always to a part of it.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::graph::Id;
use super::keywords::{self, Step};
use crate::{limits, text};

const NOT_A_PART: &str = "its references have to lead to parts of it, as in `#/$defs/Name`";

/// Every part of a schema.
pub(super) struct Index<'a> {
    parts: Vec<Part<'a>>,
    ids: HashMap<*const Json, Id>,
    /// What has an `$id` of its own; the whole comes first.
    resources: Vec<Resource<'a>>,
    anchors: HashMap<(usize, &'a str), Id>,
    dynamic: HashMap<&'a str, Vec<Id>>,
}

struct Part<'a> {
    schema: &'a Json,
    resource: usize,
    above: Option<(Id, Step<'a>)>,
}

struct Resource<'a> {
    id: Option<&'a str>,
    root: &'a Json,
}

impl<'a> Index<'a> {
    /// Of `schema`, if it has `room` parts at most.
    pub(super) fn of(schema: &'a Json, room: usize) -> Result<Self, String> {
        let mut index = Self {
            parts: Vec::new(),
            ids: HashMap::new(),
            resources: vec![Resource {
                id: id_of(schema),
                root: schema,
            }],
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
        };
        let mut next = vec![(schema, 0, None)];
        while let Some((schema, resource, above)) = next.pop() {
            if index.parts.len() >= room {
                let max = limits::MAX_SCHEMA_PARTS;
                return Err(format!(
                    "the config schemas of a component may have {max} parts, and these have more"
                ));
            }
            let (id, resource) = index.take(schema, resource, above)?;
            let below = keywords::below(schema).into_iter().rev();
            next.extend(below.map(|(step, inner)| (inner, resource, Some((id, step)))));
        }
        if !index.has_plain_ids() {
            return Err("the `$id`s in it have to be whole URIs, or plain names".to_owned());
        }
        Ok(index)
    }

    fn take(
        &mut self,
        schema: &'a Json,
        mut resource: usize,
        above: Option<(Id, Step<'a>)>,
    ) -> Result<(Id, usize), String> {
        let id = self.parts.len();
        if let (Some(_), Some(own)) = (&above, id_of(schema)) {
            resource = self.resources.len();
            self.resources.push(Resource {
                id: Some(own),
                root: schema,
            });
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = schema.get(keyword).and_then(Json::as_str) else {
                continue;
            };
            if self
                .anchors
                .insert((resource, name), id)
                .is_some_and(|other| other != id)
            {
                return Err("two parts of it have the same anchor".to_owned());
            }
            if keyword == "$dynamicAnchor" {
                self.dynamic.entry(name).or_default().push(id);
            }
        }
        self.ids.insert(std::ptr::from_ref(schema), id);
        self.parts.push(Part {
            schema,
            resource,
            above,
        });
        Ok((id, resource))
    }

    /// Whether the `$id`s are such that no two ways to read a reference are possible: whole URIs, or
    /// names in one folder.
    fn has_plain_ids(&self) -> bool {
        let ids: Vec<_> = self.resources.iter().filter_map(|it| it.id).collect();
        let is_name = |id: &str| !id.contains(['/', ':', '#', '?']) && !id.is_empty();
        let is_whole = |id: &str| {
            id.contains(':') && !id.contains('#') && !id.contains("/.") && !id.contains('%')
        };
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        // One `$id` leads nowhere that `#` does not.
        self.resources.len() == 1
            || (sorted.len() == ids.len()
                && (ids.iter().all(|id| is_name(id)) || ids.iter().all(|id| is_whole(id))))
    }

    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn schema(&self, id: Id) -> &'a Json {
        self.parts.get(id).map_or(&Json::Null, |part| part.schema)
    }

    pub(super) fn id(&self, schema: &Json) -> Option<Id> {
        self.ids.get(&std::ptr::from_ref(schema)).copied()
    }

    /// Where `reference`, in the part `from`, leads.
    pub(super) fn resolve(&self, from: Id, reference: &str) -> Result<Id, String> {
        self.target(from, reference)
            .ok_or_else(|| NOT_A_PART.to_owned())
    }

    /// Where the `$dynamicRef` in the part `from` may lead.
    pub(super) fn resolve_dynamic(&self, from: Id, reference: &str) -> Result<Vec<Id>, String> {
        let mut ends = vec![self.resolve(from, reference)?];
        let name = reference.rsplit_once('#').map_or("", |(_, name)| name);
        ends.extend(self.dynamic.get(name).into_iter().flatten());
        ends.sort_unstable();
        ends.dedup();
        Ok(ends)
    }

    fn target(&self, from: Id, reference: &str) -> Option<Id> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let resource = if uri.is_empty() {
            self.parts.get(from)?.resource
        } else {
            self.resources
                .iter()
                .position(|resource| resource.id == Some(uri))?
        };
        if fragment.is_empty() || fragment.starts_with('/') {
            if fragment.contains('%') {
                return None;
            }
            let root = self.resources.get(resource)?.root;
            return self.id(root.pointer(fragment)?);
        }
        self.anchors.get(&(resource, fragment)).copied()
    }

    /// Where the part is, as a path into the schema.
    pub(super) fn place(&self, id: Id) -> String {
        let mut steps = Vec::new();
        let mut at = self.parts.get(id);
        while let Some((above, (keyword, name))) = at.and_then(|part| part.above.as_ref()) {
            let name = name.as_deref().map(|name| {
                let name = text::clean_line(name, limits::MAX_NAME_BYTES);
                name.replace('~', "~0").replace('/', "~1")
            });
            steps.push(match name {
                Some(name) => format!("/{keyword}/{name}"),
                None => format!("/{keyword}"),
            });
            at = self.parts.get(*above);
        }
        steps.reverse();
        let place = format!("#{}", steps.concat());
        text::clean_line(&place, limits::MAX_NAME_BYTES)
    }
}

fn id_of(schema: &Json) -> Option<&str> {
    schema.get("$id").and_then(Json::as_str)
}
