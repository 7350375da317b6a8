//! The places of a schema, for people: which of them leave and which do not.

use std::collections::BTreeSet;

use super::graph::{Graph, Id};
use super::place::{Place, Seeds, Steps};
use crate::{limits, text};

/// A place such as `server.password`, `peers[].token`, `pair[1]`, `headers.*` or `ports./^x/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where.
    pub path: String,
    /// The name of the member, where it is one.
    pub name: Option<String>,
    /// Whether what is there leaves the host in exports.
    pub leaves: bool,
}

/// Every place of a schema, down to the first that does not leave on each way.
pub(super) fn list(graph: &Graph, exclude: &[String]) -> Vec<Listed> {
    let mut listing = Listing {
        graph,
        steps: Steps::default(),
        found: Vec::new(),
        above: Vec::new(),
    };
    if let Some(root) = Place::root(graph, &mut listing.steps) {
        if root.is_closed() {
            listing.tell("*", None, false);
        } else {
            listing.below(&root, "", exclude);
        }
    }
    listing.found
}

struct Listing<'g> {
    graph: &'g Graph,
    steps: Steps,
    found: Vec<Listed>,
    /// The places on the way: a schema may go round in circles.
    above: Vec<(Vec<Id>, Vec<Id>)>,
}

impl<'g> Listing<'g> {
    fn tell(&mut self, path: &str, name: Option<&str>, leaves: bool) {
        if self.found.len() < limits::MAX_SCHEMA_PARTS {
            self.found.push(Listed {
                path: path.to_owned(),
                name: name.map(str::to_owned),
                leaves,
            });
        }
    }

    /// `None`: there are too many.
    fn below(&mut self, place: &Place<'g>, path: &str, exclude: &[String]) -> Option<()> {
        self.steps.take(1)?;
        let here = (place.known.clone(), place.hints.clone());
        if self.above.contains(&here) || self.above.len() > limits::MAX_SCHEMA_DEPTH {
            return Some(());
        }
        self.above.push(here);
        let told = self.members(place, path, exclude);
        let told = told.and_then(|()| self.items(place, path));
        self.above.pop();
        told
    }

    fn members(&mut self, place: &Place<'g>, path: &str, exclude: &[String]) -> Option<()> {
        let dot = if path.is_empty() { "" } else { "." };
        if place.hides_names {
            self.tell(&format!("{path}{dot}*"), None, false);
            return Some(());
        }
        let names = place.objects().flat_map(|(of, _)| of.properties.keys());
        let names: BTreeSet<&String> = names.collect();
        for name in names {
            let shown = text::clean_line(name, limits::MAX_NAME_BYTES);
            let path = format!("{path}{dot}{shown}");
            if exclude.contains(name) {
                self.tell(&path, Some(&shown), false);
                continue;
            }
            let seeds = place.member(name, &mut self.steps)?;
            self.one(seeds, &path, Some(&shown))?;
        }
        self.by_pattern(place, &format!("{path}{dot}"))
    }

    /// Members that are called by a pattern, and all others. A pattern that is not checked may be for
    /// any of them.
    fn by_pattern(&mut self, place: &Place<'g>, path: &str) -> Option<()> {
        let mut patterns = BTreeSet::new();
        let (mut unchecked, mut others) = (Seeds::default(), Seeds::default());
        for (of, is_known) in place.objects() {
            let rest = [of.additional, of.unevaluated].into_iter().flatten();
            others.list(is_known).extend(rest);
            for (pattern, id) in &of.patterns {
                patterns.insert((pattern.text.as_str(), *id, is_known));
                unchecked
                    .list(is_known)
                    .extend((!pattern.is_checked()).then_some(*id));
            }
        }
        for (pattern, id, is_known) in patterns {
            let shown = text::clean_line(pattern, limits::MAX_NAME_BYTES);
            let mut seeds = unchecked.clone();
            seeds.list(is_known).push(id);
            self.one(seeds, &format!("{path}/{shown}/"), None)?;
        }
        if others != Seeds::default() {
            others.known.extend(&unchecked.known);
            others.hints.extend(&unchecked.hints);
            self.one(others, &format!("{path}*"), None)?;
        }
        Some(())
    }

    fn items(&mut self, place: &Place<'g>, path: &str) -> Option<()> {
        let first = place.first_items();
        for index in 0..first {
            let seeds = place.item(index, &mut self.steps)?;
            self.one(seeds, &format!("{path}[{index}]"), None)?;
        }
        let seeds = place.item(first, &mut self.steps)?;
        if seeds != Seeds::default() {
            self.one(seeds, &format!("{path}[]"), None)?;
        }
        Some(())
    }

    fn one(&mut self, seeds: Seeds, path: &str, name: Option<&str>) -> Option<()> {
        let only_hinted = seeds.known.is_empty();
        let place = Place::from(self.graph, seeds, &mut self.steps)?;
        if !only_hinted && !place.is_closed() && place.is_told() {
            self.tell(path, name, true);
            if place.is_partly_told() {
                self.tell(path, name, false);
            }
            return self.below(&place, path, &[]);
        }
        if !only_hinted || place.is_closed() {
            self.tell(path, name, false);
        }
        Some(())
    }
}
