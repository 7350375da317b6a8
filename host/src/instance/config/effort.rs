//! How much there is to do for whoever follows a schema, found out before it is done. A validator
//! takes every way through a schema, and a schema of a stranger may have more ways than there is time.
//!
//! References go round in circles and branch. So whoever completes defaults, checks or redacts counts
//! its steps, and ends with an error, or with nothing where a secret may be. All schemas of one
//! component share one room: bytes, parts, and what compiled patterns take.

use serde_json::Value as Json;

use super::graph::{Graph, Id, Node, Says};
use super::place::Steps;
use crate::limits;

/// Whether following the schema through `value` comes to an end in time.
pub(super) fn is_bounded(graph: &Graph, value: &Json) -> bool {
    let mut walk = Walk {
        graph,
        steps: Steps::default(),
    };
    walk.follow(0, value, 0).is_some()
}

struct Walk<'g> {
    graph: &'g Graph,
    steps: Steps,
}

impl<'g> Walk<'g> {
    /// `None`: it takes too long.
    fn follow(&mut self, id: Id, value: &Json, depth: usize) -> Option<()> {
        let node = self.graph.node(id);
        self.steps.take(cost(node, value))?;
        if depth > limits::MAX_SCHEMA_WAY {
            return None;
        }
        // What looks at what others have seen of the value goes through those again.
        let again = node.object.iter().any(|of| of.unevaluated.is_some())
            || node.array.iter().any(|of| of.unevaluated.is_some());
        for _ in 0..=usize::from(again) {
            self.here(node, value, depth)?;
        }
        match value {
            Json::Object(members) => self.members(node, members, depth),
            Json::Array(items) => self.items(node, items, depth),
            _ => Some(()),
        }
    }

    fn members(
        &mut self,
        node: &'g Node,
        members: &serde_json::Map<String, Json>,
        depth: usize,
    ) -> Option<()> {
        let Some(of) = &node.object else {
            return Some(());
        };
        for (name, inner) in members {
            let tries = of.patterns.iter().map(|(pattern, _)| pattern.cost(name));
            self.steps.take(tries.sum())?;
            let own = of.properties.get(name).copied();
            let patterns = of.patterns.iter().map(|(_, id)| *id);
            let others = [of.additional, of.unevaluated].into_iter().flatten();
            for id in own.into_iter().chain(patterns).chain(others) {
                self.follow(id, inner, depth + 1)?;
            }
            if let Some(names) = of.names {
                self.follow(names, &Json::String(name.clone()), depth + 1)?;
            }
        }
        Some(())
    }

    fn items(&mut self, node: &'g Node, items: &[Json], depth: usize) -> Option<()> {
        let Some(of) = &node.array else {
            return Some(());
        };
        for (index, inner) in items.iter().enumerate() {
            let own = of.prefix.get(index).copied();
            let others = [of.items, of.contains, of.unevaluated];
            for id in own.into_iter().chain(others.into_iter().flatten()) {
                self.follow(id, inner, depth + 1)?;
            }
        }
        Some(())
    }

    /// The parts that are for `value` itself.
    fn here(&mut self, node: &'g Node, value: &Json, depth: usize) -> Option<()> {
        let same = &node.same;
        let (test, then, otherwise) = match same.when {
            Some((test, then, otherwise)) => (Some(test), then, otherwise),
            None => (None, None, None),
        };
        let when = [test, then, otherwise].into_iter().flatten();
        let branches = same.any.iter().flatten().copied();
        let dependent = same.dependent.iter().map(|(_, id)| *id);
        let lists = same.all.iter().chain(&same.hints).copied();
        for id in lists.chain(branches).chain(when).chain(dependent) {
            self.follow(id, value, depth + 1)?;
        }
        Some(())
    }
}

/// Steps for what a part says itself.
fn cost(node: &Node, value: &Json) -> usize {
    let options = match &node.says {
        Says::Options(options) => options.len(),
        _ => 0,
    };
    let pattern = match value {
        Json::String(text) => node.pattern_weight * (text.len() / limits::PATTERN_BYTES_A_STEP),
        _ => 0,
    };
    let compared = match value {
        // Sorted, or each with each.
        Json::Array(items) if node.compares_items => items.len().saturating_mul(16),
        _ => 0,
    };
    1usize
        .saturating_add(options)
        .saturating_add(pattern)
        .saturating_add(compared)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::super::patterns::SchemaBudget;
    use super::*;

    fn bounded(schema: &Json, value: &Json) -> bool {
        let graph = Graph::read(schema, &mut SchemaBudget::default()).unwrap();
        is_bounded(&graph, value)
    }

    /// A schema with `levels` levels, of which each one leads to the next in two ways.
    pub(in super::super) fn doubling(levels: usize) -> Json {
        let next = |level: usize| json!({"$ref": format!("#/$defs/{}", level + 1)});
        let level = |level: usize| {
            (
                level.to_string(),
                json!({"anyOf": [next(level), next(level)]}),
            )
        };
        let mut all: serde_json::Map<_, _> = (0..levels).map(level).collect();
        all.insert(levels.to_string(), json!({"type": "string"}));
        json!({"$ref": "#/$defs/0", "$defs": all})
    }

    #[test]
    fn ways_that_double_are_counted_as_they_are_taken() {
        assert!(bounded(&doubling(10), &json!({})));
        assert!(!bounded(&doubling(40), &json!({})));
        let nested = json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
        let mut value = json!({});
        assert!(bounded(&nested, &value));
        for _ in 0..40 {
            value = json!({"a": value});
        }
        assert!(!bounded(&nested, &value));
        assert!(!bounded(&json!({"allOf": [{"$ref": "#"}]}), &json!({})));
        let list = json!({"items": {"type": "integer"}});
        assert!(bounded(&list, &Json::from(vec![1; 50_000])));
    }

    #[test]
    fn long_texts_and_many_items_count_for_more() {
        let long = json!("a".repeat(limits::MAX_SCHEMA_STEPS * limits::PATTERN_BYTES_A_STEP));
        assert!(bounded(&json!({"type": "string"}), &long));
        assert!(!bounded(&json!({"pattern": "^a"}), &long));
        let many = Json::from(vec![1; 50_000]);
        assert!(!bounded(&json!({"uniqueItems": true}), &many));
    }
}
