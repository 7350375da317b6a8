//! A configuration as it may leave the host: built anew of what may stay in it. A value gets in only
//! along a path on which every step was told to be public; there is no way to forget one.

use serde_json::{Map, Value as Json};

use super::graph::Graph;
use super::place::{Place, Seeds, Steps};
use crate::limits;

/// What of `config` may leave, without the members `exclude`.
pub(super) fn public(graph: &Graph, config: &Json, exclude: &[String]) -> Json {
    let mut redaction = Redaction {
        graph,
        steps: Steps::default(),
    };
    let public = redaction.whole(config, exclude);
    // Who reads a configuration expects an object.
    public.unwrap_or_else(|| match config {
        Json::Object(_) => Json::Object(Map::new()),
        _ => Json::Null,
    })
}

struct Redaction<'g> {
    graph: &'g Graph,
    steps: Steps,
}

impl<'g> Redaction<'g> {
    fn whole(&mut self, config: &Json, exclude: &[String]) -> Option<Json> {
        let root = Place::root(self.graph, &mut self.steps)?;
        let mut public = self.value(&root, config, 0, exclude)?;
        if let Json::Object(members) = &mut public {
            members.retain(|name, _| !exclude.contains(name));
        }
        Some(public)
    }

    /// `None`: nothing of it leaves, or it takes too many steps to know.
    fn value(
        &mut self,
        place: &Place<'g>,
        value: &Json,
        depth: usize,
        exclude: &[String],
    ) -> Option<Json> {
        self.steps.take(1)?;
        let is_public = depth <= limits::MAX_SCHEMA_DEPTH
            && !place.is_closed()
            && place.has(value, &mut self.steps)?;
        if !is_public {
            return None;
        }
        match value {
            Json::Object(members) => Some(self.members(place, members, depth, exclude)),
            Json::Array(items) => Some(self.items(place, items, depth)),
            plain => Some(plain.clone()),
        }
    }

    fn members(
        &mut self,
        place: &Place<'g>,
        members: &Map<String, Json>,
        depth: usize,
        exclude: &[String],
    ) -> Json {
        let mut public = Map::new();
        let mut others = None;
        for (name, value) in members {
            if place.hides_names || exclude.contains(name) {
                continue;
            }
            let Some(seeds) = place.member(name, &mut self.steps) else {
                break;
            };
            let is_other = seeds.is_other;
            let kept = match &others {
                // All members without a place of their own have the same.
                Some(place) if is_other => self.value(place, value, depth + 1, &[]),
                _ => {
                    let Some(place) = self.place(seeds) else {
                        break;
                    };
                    let kept = self.value(&place, value, depth + 1, &[]);
                    if is_other {
                        others = Some(place);
                    }
                    kept
                }
            };
            public.extend(kept.map(|kept| (name.clone(), kept)));
        }
        Json::Object(public)
    }

    fn items(&mut self, place: &Place<'g>, items: &[Json], depth: usize) -> Json {
        let first = place.first_items();
        let mut public = Vec::new();
        for (index, item) in items.iter().enumerate().take(first) {
            let seeds = place.item(index, &mut self.steps);
            let place = seeds.and_then(|seeds| self.place(seeds));
            let kept = place.and_then(|place| self.value(&place, item, depth + 1, &[]));
            // What comes after it stays where it is.
            public.push(kept.unwrap_or_default());
        }
        let seeds = place.item(first, &mut self.steps);
        if let Some(place) = seeds.and_then(|seeds| self.place(seeds)) {
            let rest = items.iter().skip(first);
            public.extend(rest.filter_map(|item| self.value(&place, item, depth + 1, &[])));
        }
        Json::Array(public)
    }

    fn place(&mut self, seeds: Seeds) -> Option<Place<'g>> {
        Place::from(self.graph, seeds, &mut self.steps)
    }
}
