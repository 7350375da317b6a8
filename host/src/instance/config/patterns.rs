//! Patterns of strangers: each is compiled within limits or not at all, by an engine that never goes
//! back. What it cannot honour, as a look-ahead, is not checked, and `validate` says so.
//!
//! An engine that can goes back as often as its limit allows, for each string anew, and writes
//! repetitions out before any limit counts: thirty bytes would take gigabytes.
//!
//! That is what `fancy-regex` does. The price is that a pattern with look-ahead, as pydantic writes for
//! `Decimal`, is not checked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jsonschema::{PatternCache, PatternOptions, Validator};
use serde_json::{Value as Json, json};

use crate::limits;

/// How much room the config schemas of one component still have.
#[derive(Debug)]
pub struct SchemaBudget {
    /// Bytes of schemas.
    pub(super) bytes: usize,
    /// Schemas, subschemas counted.
    pub(super) parts: usize,
    patterns: HashMap<String, Option<usize>>,
    pattern_bytes: usize,
    /// Patterns of one component are compiled once, however often they are written.
    pub(super) compiled: PatternCache,
}

impl Default for SchemaBudget {
    /// The room of one component.
    fn default() -> Self {
        Self {
            bytes: limits::MAX_SCHEMAS_BYTES,
            parts: limits::MAX_SCHEMA_PARTS,
            patterns: HashMap::new(),
            pattern_bytes: limits::MAX_PATTERNS_BYTES,
            compiled: PatternCache::new(),
        }
    }
}

impl SchemaBudget {
    /// How hard `pattern` is, as a multiple of the smallest; `None`: it is not checked, since it is not
    /// understood or there is no room for it.
    pub(super) fn weight(&mut self, pattern: &str) -> Option<usize> {
        if pattern.len() > limits::MAX_PATTERN_BYTES {
            return None;
        }
        let known = self.patterns.len();
        match self.patterns.entry(pattern.to_owned()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if known >= limits::MAX_PATTERNS => None,
            Entry::Vacant(new) => {
                let size = size(pattern).filter(|(_, cost)| *cost <= self.pattern_bytes);
                self.pattern_bytes -= size.map_or(0, |(_, cost)| cost);
                let [smallest, ..] = limits::PATTERN_SIZES;
                *new.insert(size.map(|(size, _)| size / smallest))
            }
        }
    }
}

/// Within which size `pattern` compiles, and what it may cost in all; `None`: it is larger than any may
/// be, or not understood.
fn size(pattern: &str) -> Option<(usize, usize)> {
    // A group captures unless it says otherwise; a bracket that is none is counted as one.
    let captures = pattern
        .match_indices('(')
        .any(|(at, _)| !pattern.get(at..).is_some_and(|rest| rest.starts_with("(?")));
    let besides = if captures { limits::CAPTURING_BYTES } else { 0 };
    let fits = |size: &usize| compile(pattern, *size).is_some();
    let size = limits::PATTERN_SIZES.into_iter().find(fits)?;
    Some((size, size + besides + limits::PATTERN_STATES_BYTES))
}

/// How patterns are compiled: by an engine that never goes back.
pub(super) fn options(size: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex()
        .size_limit(size)
        .dfa_size_limit(limits::PATTERN_STATES_BYTES)
}

fn compile(pattern: &str, size: usize) -> Option<Validator> {
    jsonschema::draft202012::options()
        .with_pattern_options(options(size))
        .build(&json!({ "pattern": pattern }))
        .ok()
}

/// The size within which every pattern that is honoured compiles.
pub(super) fn largest() -> usize {
    limits::PATTERN_SIZES.into_iter().max().unwrap_or_default()
}

/// A pattern of `patternProperties`.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    /// `None`: it is not checked.
    matcher: Option<Validator>,
    weight: usize,
}

impl Pattern {
    pub(super) fn new(text: &str, room: &mut SchemaBudget) -> Self {
        let weight = room.weight(text);
        Self {
            text: text.to_owned(),
            // The very way in which the validator reads it.
            matcher: weight.and_then(|_| compile(text, largest())),
            weight: weight.unwrap_or_default(),
        }
    }

    /// Steps that it takes to try it on `name`.
    pub(super) fn cost(&self, name: &str) -> usize {
        1 + self.weight * (1 + name.len() / limits::PATTERN_BYTES_A_STEP)
    }

    pub(super) fn is_checked(&self) -> bool {
        self.matcher.is_some()
    }

    /// Whether `name` fits; `None`: nobody knows.
    pub(super) fn fits(&self, name: &str) -> Option<bool> {
        let matcher = self.matcher.as_ref()?;
        Some(matcher.is_valid(&Json::String(name.to_owned())))
    }
}

/// Takes out of `schema` the patterns that are not checked. A pattern for names becomes one that fits
/// every name and allows everything, so that nothing is refused because of it.
pub(super) fn take_out_unchecked(schema: &mut Json, room: &mut SchemaBudget) {
    if let Json::Object(keywords) = schema {
        let pattern = keywords.get("pattern").and_then(Json::as_str);
        if pattern.is_some_and(|pattern| room.weight(pattern).is_none()) {
            keywords.remove("pattern");
        }
        if let Some(Json::Object(by_pattern)) = keywords.get_mut("patternProperties") {
            let before = by_pattern.len();
            by_pattern.retain(|pattern, _| room.weight(pattern).is_some());
            if by_pattern.len() < before {
                by_pattern.entry("").or_insert(Json::Bool(true));
            }
        }
    }
    for inner in super::keywords::below_mut(schema) {
        take_out_unchecked(inner, room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_honoured_within_their_room() {
        let mut room = SchemaBudget::default();
        assert_eq!(room.weight("^[a-z]+$"), Some(1));
        for not in ["(?=a)b", r"(a)\1", "[", r"(\p{L}{100}){100}"] {
            assert_eq!(room.weight(not), None, "{not}");
        }
        let long = "a".repeat(limits::MAX_PATTERN_BYTES + 1);
        assert_eq!(room.weight(&long), None);
        let honoured = (0..2 * limits::MAX_PATTERNS)
            .filter(|at| room.weight(&format!("^({at})$")).is_some())
            .count();
        let captures = limits::MAX_PATTERNS_BYTES / limits::CAPTURING_BYTES;
        assert!(honoured <= captures, "{honoured}");
        assert_eq!(
            room.weight("^[a-z]+$"),
            Some(1),
            "what is compiled stays so"
        );
    }
}
