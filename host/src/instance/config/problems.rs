//! What is wrong with a configuration, in words that may be told to anybody: where, and what the schema
//! wants. No value is in them, and of what is below a secret no name either.

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use serde_json::Value as Json;

use super::graph::Graph;
use super::place::{Place, Seeds, Steps};
use crate::limits;

/// Every problem of `config`, the first few.
pub(super) fn problems(
    graph: &Graph,
    validator: &Validator,
    exclude: &[String],
    config: &Json,
) -> Vec<String> {
    let mut steps = Steps::default();
    validator
        .iter_errors(config)
        .take(limits::MAX_CONFIG_PROBLEMS)
        .map(|error| problem(graph, exclude, &error, &mut steps))
        .collect()
}

fn problem(
    graph: &Graph,
    exclude: &[String],
    error: &ValidationError<'_>,
    steps: &mut Steps,
) -> String {
    let (place, is_public) = place(graph, exclude, error, steps);
    let place = if place.is_empty() {
        "the configuration".to_owned()
    } else {
        place
    };
    let names = |names: &[String]| match is_public {
        true => format!("`{}` is not allowed there", names.join("`, `")),
        false => "it has something that is not allowed".to_owned(),
    };
    let what = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => names(unexpected),
        ValidationErrorKind::AdditionalItems { .. }
        | ValidationErrorKind::UnevaluatedItems { .. } => "it has too many items".to_owned(),
        ValidationErrorKind::PropertyNames { .. } => "a name in it is not allowed".to_owned(),
        _ => error.masked().to_string(),
    };
    format!("{place}: {what}")
}

/// Where it is, as far as that may be told, and whether all of it may.
fn place(
    graph: &Graph,
    exclude: &[String],
    error: &ValidationError<'_>,
    steps: &mut Steps,
) -> (String, bool) {
    let mut told = String::new();
    let mut at = Place::root(graph, steps);
    let mut is_public = at.as_ref().is_some_and(|place| !place.is_closed());
    for segment in error.instance_path().segments() {
        let step = segment.to_string();
        let seeds = at.as_ref().and_then(|place| seeds(place, &segment, steps));
        let is_named = seeds.as_ref().is_some_and(|seeds| seeds.named);
        let hides_names = at.as_ref().is_none_or(|place| place.hides_names);
        // A name of the schema's own is no news.
        if (!is_public || hides_names) && !is_named {
            told.push_str("/…");
            return (told, false);
        }
        let is_left_out = told.is_empty() && exclude.contains(&step);
        is_public &= !(hides_names || is_left_out);
        told.push('/');
        told.push_str(&step);
        at = seeds.and_then(|seeds| Place::from(graph, seeds, steps));
        is_public &= at.as_ref().is_some_and(|place| !place.is_closed());
    }
    is_public &= at.is_some_and(|place| !place.hides_names);
    (told, is_public)
}

/// From what the next place begins. A path does not tell the name `0` from the first item.
fn seeds(place: &Place<'_>, segment: &LocationSegment<'_>, steps: &mut Steps) -> Option<Seeds> {
    let mut seeds = place.member(&segment.to_string(), steps)?;
    if let LocationSegment::Index(index) = segment {
        let item = place.item(*index, steps)?;
        seeds.known.extend(item.known);
        seeds.hints.extend(item.hints);
    }
    Some(seeds)
}
