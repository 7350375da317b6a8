//! The functions of an interface as text, and how those of a component differ from those of the world.
//!
//! `world.txt` is what the interface `worker` of a component of the examples looks like in this text;
//! a test holds that all of them still look so.

use std::collections::BTreeMap;

use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentValType,
};
use wasmparser::types::Types;

use super::finding::{self, Finding};
use super::scan::{Facts, scan};
use crate::instance::exports::{HOW_TO_MOVE_ON, WORKER_INTERFACE, other_version};
use crate::limits;
use crate::text;

const WORLD: &str = include_str!("world.txt");

/// Functions by name, each as text.
type Functions = BTreeMap<String, String>;

/// The functions of the world's interface `worker`.
fn of_world() -> Functions {
    let functions = WORLD.lines().filter_map(|line| line.split_once(": "));
    functions
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

/// The functions of a component's interface `worker`, a line each; `None`: it has none, or is not valid.
pub fn text_of(component: &[u8]) -> Option<String> {
    let functions = exported(scan(component).types.as_ref()?, WORKER_INTERFACE)?;
    let lines = functions
        .iter()
        .map(|(name, text)| format!("{name}: {text}\n"));
    Some(lines.collect())
}

/// The functions of the export `interface`; `None`: there is no such export.
fn exported(types: &Types, interface: &str) -> Option<Functions> {
    let item = types.component_item_for_export(interface)?;
    let ComponentEntityType::Instance(instance) = item.ty else {
        return None;
    };
    let functions = types[instance].exports.iter();
    let functions = functions.filter_map(|(name, item)| match item.ty {
        ComponentEntityType::Func(function) => Some((name.clone(), function_text(types, function))),
        _ => None,
    });
    Some(functions.collect())
}

/// Compares what is exported with the world.
pub(super) fn check(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(types) = &facts.types else { return };
    let Some(functions) = exported(types, WORKER_INTERFACE) else {
        if let Some(version) = facts.exports.iter().find_map(|it| other_version(it)) {
            let version = text::clean_line(version, limits::MAX_NAME_BYTES);
            found.push(Finding::new(
                &finding::OTHER_VERSION,
                format!("it was built for version {version} of the world `external-worker`"),
                HOW_TO_MOVE_ON,
            ));
            return;
        }
        let exports = match facts.exports.join(", ") {
            none if none.is_empty() => "nothing".to_owned(),
            some => text::clean_line(&some, limits::MAX_NAME_BYTES),
        };
        found.push(Finding::new(
            &finding::MISSING_EXPORT,
            format!("it exports {exports} instead of `{WORKER_INTERFACE}`"),
            "with the SDK, write `external_worker::export!(YourWorker);` once in the crate; otherwise implement \
             the world `external-worker`",
        ));
        return;
    };
    let world = of_world();
    for (name, wanted) in &world {
        match functions.get(name) {
            None => found.push(
                Finding::new(
                    &finding::MISSING_FUNCTION,
                    format!("`{name}` is missing: {wanted}"),
                    "implement it",
                )
                .at(place(name)),
            ),
            Some(has) if has != wanted => found.push(
                Finding::new(
                    &finding::WRONG_TYPE,
                    format!("`{name}` is {}", difference(has, wanted)),
                    "build it against the WIT of this host",
                )
                .at(place(name)),
            ),
            Some(_) => {}
        }
    }
    for name in functions.keys().filter(|name| !world.contains_key(*name)) {
        let name = text::clean_line(name, limits::MAX_NAME_BYTES);
        found.push(
            Finding::new(
                &finding::EXTRA_FUNCTION,
                format!("`{name}` is not in the world; nobody calls it"),
                "take it out",
            )
            .at(place(&name)),
        );
    }
}

fn place(function: &str) -> String {
    format!("export {WORKER_INTERFACE}#{function}")
}

/// Where two types begin to differ, with a little of what is before.
fn difference(has: &str, wanted: &str) -> String {
    let same = has
        .char_indices()
        .zip(wanted.chars())
        .find(|((_, a), b)| a != b)
        .map_or(has.len().min(wanted.len()), |((at, _), _)| at);
    let words = |text: &str| {
        let before = text.get(..same).unwrap_or_default();
        let begin = before.rfind([' ', '(', '<', '{']).map_or(0, |at| at + 1);
        let rest = text.get(begin..).unwrap_or_default();
        text::clean_line(rest, 80)
    };
    format!("`…{}` where the world has `…{}`", words(has), words(wanted))
}

/// A function's type as WIT writes it, named types written out.
fn function_text(types: &Types, function: ComponentFuncTypeId) -> String {
    let function = &types[function];
    let mut text = Text {
        types,
        out: String::new(),
    };
    text.push(if function.async_ {
        "async func("
    } else {
        "func("
    });
    for (at, (name, ty)) in function.params.iter().enumerate() {
        text.push(if at > 0 { ", " } else { "" });
        text.push(name);
        text.push(": ");
        text.value(ty);
    }
    text.push(")");
    if let Some(result) = &function.result {
        text.push(" -> ");
        text.value(result);
    }
    text.out
}

/// A type as text. Types can refer to each other so that the text has no end that anybody sees, so it
/// is cut.
struct Text<'a> {
    types: &'a Types,
    out: String,
}

impl Text<'_> {
    fn push(&mut self, text: &str) {
        if self.out.len() < limits::MAX_TYPE_TEXT_BYTES {
            self.out.push_str(text);
        }
    }

    fn value(&mut self, ty: &ComponentValType) {
        match ty {
            ComponentValType::Primitive(primitive) => self.push(&primitive.to_string()),
            ComponentValType::Type(id) if self.out.len() < limits::MAX_TYPE_TEXT_BYTES => {
                let types = self.types;
                self.defined(&types[*id]);
            }
            ComponentValType::Type(_) => {}
        }
    }

    fn defined(&mut self, ty: &ComponentDefinedType) {
        match ty {
            ComponentDefinedType::Primitive(primitive) => self.push(&primitive.to_string()),
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter();
                self.fields("record", fields.map(|(name, ty)| (name.as_str(), Some(ty))));
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.iter();
                self.fields(
                    "variant",
                    cases.map(|(name, case)| (name.as_str(), case.ty.as_ref())),
                );
            }
            ComponentDefinedType::Flags(names) => {
                self.fields("flags", names.iter().map(|name| (name.as_str(), None)));
            }
            ComponentDefinedType::Enum(names) => {
                self.fields("enum", names.iter().map(|name| (name.as_str(), None)));
            }
            ComponentDefinedType::List { element, .. } => self.of("list", [Some(element)]),
            ComponentDefinedType::FixedLengthList {
                element, length, ..
            } => {
                self.of("list", [Some(element)]);
                self.push(&format!("[{length}]"));
            }
            ComponentDefinedType::Map { key, value, .. } => {
                self.of("map", [Some(key), Some(value)]);
            }
            ComponentDefinedType::Tuple(tuple) => self.of("tuple", tuple.types.iter().map(Some)),
            ComponentDefinedType::Option { ty, .. } => self.of("option", [Some(ty)]),
            ComponentDefinedType::Result { ok, err, .. } => {
                self.of("result", [ok.as_ref(), err.as_ref()]);
            }
            ComponentDefinedType::Own(_) => self.push("own"),
            ComponentDefinedType::Borrow(_) => self.push("borrow"),
            ComponentDefinedType::Future { ty, .. } => self.of("future", [ty.as_ref()]),
            ComponentDefinedType::Stream { ty, .. } => self.of("stream", [ty.as_ref()]),
        }
    }

    fn of<'t>(
        &mut self,
        name: &str,
        parts: impl IntoIterator<Item = Option<&'t ComponentValType>>,
    ) {
        self.push(name);
        self.push("<");
        for (at, part) in parts.into_iter().enumerate() {
            self.push(if at > 0 { ", " } else { "" });
            match part {
                Some(ty) => self.value(ty),
                None => self.push("_"),
            }
        }
        self.push(">");
    }

    fn fields<'t>(
        &mut self,
        kind: &str,
        fields: impl Iterator<Item = (&'t str, Option<&'t ComponentValType>)>,
    ) {
        self.push(kind);
        self.push(" { ");
        for (at, (name, ty)) in fields.enumerate() {
            self.push(if at > 0 { ", " } else { "" });
            self.push(name);
            if let Some(ty) = ty {
                self.push(": ");
                self.value(ty);
            }
        }
        self.push(" }");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_where_it_begins() {
        let shown = difference("func(a: string, b: u32)", "func(a: string, b: s64) -> bool");
        assert_eq!(shown, "`…u32)` where the world has `…s64) -> bool`");
    }

    #[test]
    fn the_world_has_what_the_host_calls() {
        let world = of_world();
        for name in [
            "describe",
            "start",
            "loop",
            "call",
            "cancel",
            "update-config",
            "stop",
        ] {
            assert!(world.contains_key(name), "{name}");
        }
    }
}
