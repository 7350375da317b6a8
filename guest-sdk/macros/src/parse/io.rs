//! What an author says about inputs and outputs beyond their types, as JSON.

use syn::LitStr;

use crate::errors::{self, Errors};
use crate::json::{Json, Kind};

const KEYS: [&str; 9] = [
    "name",
    "type",
    "description",
    "default",
    "required",
    "does_trigger",
    "hidden",
    "value_options",
    "render_options",
];

/// One entry of `inputs`, `outputs` or `default_io_options`.
pub(crate) struct Entry {
    pub(crate) name: LitStr,
    pub(crate) hidden: Option<bool>,
    pub(crate) default: Option<Json>,
    /// All other members, as JSON members.
    pub(crate) members: Vec<(String, String)>,
}

/// `[{"name": "status", ..}, ..]`
pub(crate) fn list(json: Json, errors: &mut Errors) -> Vec<Entry> {
    let Kind::List(items) = json.kind else {
        errors.at(json.span, errors::IO_LIST);
        return Vec::new();
    };
    let mut entries: Vec<Entry> = Vec::new();
    for item in items {
        let span = item.span;
        let Kind::Object(members) = item.kind else {
            errors.at(span, errors::IO_OBJECT);
            continue;
        };
        let name = members.iter().find_map(|(key, value)| match &value.kind {
            Kind::Text(name) if key.value() == "name" => Some(name.clone()),
            _ => None,
        });
        let Some(name) = name else {
            errors.at(span, errors::IO_NAME_MISSING);
            continue;
        };
        if entries
            .iter()
            .any(|other| other.name.value() == name.value())
        {
            errors.on(&name, errors::name_twice(&name.value()));
        }
        entries.push(entry(name, members, errors));
    }
    entries
}

/// `{"mode": {"value_options": ..}, ..}`
pub(crate) fn map(json: Json, errors: &mut Errors) -> Vec<Entry> {
    let Kind::Object(members) = json.kind else {
        errors.at(json.span, errors::IO_MAP);
        return Vec::new();
    };
    let mut entries = Vec::new();
    for (name, value) in members {
        match value.kind {
            Kind::Object(members) => entries.push(entry(name, members, errors)),
            _ => errors.at(value.span, errors::IO_OBJECT),
        }
    }
    entries
}

fn entry(name: LitStr, members: Vec<(LitStr, Json)>, errors: &mut Errors) -> Entry {
    if name.value().is_empty() {
        errors.on(&name, errors::NAME_EMPTY);
    }
    let mut entry = Entry {
        name,
        hidden: None,
        default: None,
        members: Vec::new(),
    };
    for (key, value) in members {
        let text = key.value();
        match (text.as_str(), &value.kind) {
            ("name", Kind::Text(_)) => continue,
            ("hidden", Kind::Bool(hidden)) => entry.hidden = Some(*hidden),
            ("required" | "does_trigger", Kind::Bool(_)) => {}
            ("hidden" | "required" | "does_trigger", _) => errors.at(value.span, errors::BOOLEAN),
            ("description", Kind::Text(_)) => {}
            ("name" | "description", _) => errors.at(value.span, errors::STRING),
            ("default", _) => {
                entry.default = Some(value);
                continue;
            }
            ("value_options" | "render_options", Kind::Object(_)) => {}
            ("value_options" | "render_options", _) => errors.at(value.span, errors::IO_OBJECT),
            ("type", _) => {}
            _ => errors.on(&key, errors::unknown_io_key(&text, &KEYS)),
        }
        entry.members.push((text, value.text()));
    }
    entry
}
