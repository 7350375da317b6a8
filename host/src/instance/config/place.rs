//! A place in a configuration, and everything that a schema says of it: every part that may be for the
//! value there, whichever branch holds. Who redacts by it is right whatever the value is.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::graph::{Graph, Id, OfArray, OfObject, Says, kind};
use crate::limits::MAX_SCHEMA_STEPS;

/// How many steps are left; each way through a schema costs some.
#[derive(Debug)]
pub(super) struct Steps(usize);

impl Default for Steps {
    fn default() -> Self {
        Self(MAX_SCHEMA_STEPS)
    }
}

impl Steps {
    /// `None`: there are not so many left.
    pub(super) fn take(&mut self, count: usize) -> Option<()> {
        let left = self.0.checked_sub(count);
        self.0 = left.unwrap_or_default();
        left.map(|_| ())
    }
}

/// The parts from which a place begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seeds {
    /// What says what is there.
    pub known: Vec<Id>,
    /// What may only mark it, as what is below `not`, `if` and `contains`.
    pub hints: Vec<Id>,
    /// It is called by its name.
    pub named: bool,
    /// For a member: no part has its name or a pattern that fits it.
    pub is_other: bool,
}

impl Seeds {
    /// What says what is there, or what only hints.
    pub(super) fn list(&mut self, is_known: bool) -> &mut Vec<Id> {
        if is_known {
            &mut self.known
        } else {
            &mut self.hints
        }
    }
}

/// A place in a configuration.
#[derive(Debug)]
pub(super) struct Place<'g> {
    graph: &'g Graph,
    pub known: Vec<Id>,
    pub hints: Vec<Id>,
    named: bool,
    /// Something marks it.
    pub is_secret: bool,
    /// Something of it is not understood.
    pub is_opaque: bool,
    /// Kinds that are known here.
    kinds: u8,
    /// Parts with options.
    options: Vec<Id>,
    /// Nothing says what is here.
    is_untold: bool,
    /// A part allows anything and says nothing of it.
    allows_anything: bool,
    /// The names of its members are a secret, so all of them are.
    pub hides_names: bool,
}

impl<'g> Place<'g> {
    /// The whole configuration.
    pub(super) fn root(graph: &'g Graph, steps: &mut Steps) -> Option<Self> {
        let seeds = Seeds {
            known: vec![0],
            named: true,
            ..Seeds::default()
        };
        Self::from(graph, seeds, steps)
    }

    /// A place of which just `parts` speak; whether they mark it is not looked at.
    pub(super) fn of(graph: &'g Graph, parts: &[Id]) -> Self {
        Self {
            graph,
            known: parts.to_vec(),
            hints: Vec::new(),
            named: false,
            is_secret: false,
            is_opaque: false,
            kinds: 0,
            options: Vec::new(),
            is_untold: true,
            allows_anything: false,
            hides_names: false,
        }
    }

    /// The place that begins from `seeds`. `None`: it takes too many steps.
    pub(super) fn from(graph: &'g Graph, seeds: Seeds, steps: &mut Steps) -> Option<Self> {
        let (known, hints) = closure(graph, &seeds, steps)?;
        let mut place = Self {
            hints,
            named: seeds.named,
            ..Self::of(graph, &known)
        };
        for id in &place.known {
            match &graph.node(*id).says {
                Says::Nothing => place.allows_anything |= graph.node(*id).same.is_empty(),
                Says::Kinds(kinds) => {
                    place.kinds |= kinds;
                    place.is_untold = false;
                }
                Says::Options(_) => {
                    place.options.push(*id);
                    place.is_untold = false;
                }
                Says::Never => place.is_untold = false,
            }
        }
        (place.is_secret, place.is_opaque) = place.marks();
        place.hides_names = place.names_are_hidden(steps)?;
        Some(place)
    }

    fn names_are_hidden(&self, steps: &mut Steps) -> Option<bool> {
        let of_names = |(of, _): (&OfObject, _)| of.names;
        let names: Vec<Id> = self.objects().filter_map(of_names).collect();
        if names.is_empty() {
            return Some(false);
        }
        let seeds = Seeds {
            known: names,
            ..Seeds::default()
        };
        let (known, hints) = closure(self.graph, &seeds, steps)?;
        let mut all = known.iter().chain(&hints).map(|id| self.graph.node(*id));
        Some(all.any(|node| node.marked || node.opaque))
    }

    fn marks(&self) -> (bool, bool) {
        let all = || self.known.iter().chain(&self.hints);
        let node = |id: &Id| self.graph.node(*id);
        let is_secret = all().any(|id| node(id).marked);
        (is_secret, all().any(|id| node(id).opaque))
    }

    /// What it says of members, and whether that is more than a hint.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&'g OfObject, bool)> {
        let known = self.known.iter().map(|id| (id, true));
        let all = known.chain(self.hints.iter().map(|id| (id, false)));
        all.filter_map(|(id, is_known)| Some((&**self.graph.node(*id).object.as_ref()?, is_known)))
    }

    /// What it says of items, and whether that is more than a hint.
    pub(super) fn arrays(&self) -> impl Iterator<Item = (&'g OfArray, bool)> {
        let known = self.known.iter().map(|id| (id, true));
        let all = known.chain(self.hints.iter().map(|id| (id, false)));
        all.filter_map(|(id, is_known)| Some((&**self.graph.node(*id).array.as_ref()?, is_known)))
    }

    /// Nothing of what is here may leave.
    pub(super) fn is_closed(&self) -> bool {
        self.is_secret || self.is_opaque
    }

    /// Something says what is here: its name, or a kind.
    pub(super) fn is_told(&self) -> bool {
        self.named || !self.is_untold
    }

    /// Something else than what is told may be here, too, and does not leave.
    pub(super) fn is_partly_told(&self) -> bool {
        !self.is_untold && self.allows_anything
    }

    /// Whether `value` is something that this place is known to have; what it has in it apart.
    pub(super) fn has(&self, value: &Json, steps: &mut Steps) -> Option<bool> {
        if self.is_untold {
            return Some(self.named);
        }
        let kind = kind(value);
        if self.kinds & kind != 0 {
            return Some(true);
        }
        for id in &self.options {
            if let Says::Options(options) = &self.graph.node(*id).says {
                steps.take(1 + options.len())?;
                if options.contains(value) {
                    return Some(true);
                }
            }
        }
        Some(false)
    }

    /// From what the member `name` begins.
    pub(super) fn member(&self, name: &str, steps: &mut Steps) -> Option<Seeds> {
        let mut seeds = Seeds {
            is_other: true,
            ..Seeds::default()
        };
        for (of, is_known) in self.objects() {
            steps.take(1)?;
            let mut found = Vec::new();
            let own = of.properties.get(name).copied();
            found.extend(own);
            let mut fits = own.is_some();
            for (pattern, id) in &of.patterns {
                steps.take(pattern.cost(name))?;
                match pattern.fits(name) {
                    Some(false) => continue,
                    Some(true) => fits = true,
                    None => {}
                }
                seeds.is_other = false;
                found.push(*id);
            }
            seeds.is_other &= !fits;
            if !fits {
                found.extend(of.additional);
            }
            found.extend(of.unevaluated.filter(|_| !fits));
            if is_known {
                seeds.named |= own.is_some();
            }
            seeds.list(is_known).append(&mut found);
        }
        Some(seeds)
    }

    /// How many items have places of their own.
    pub(super) fn first_items(&self) -> usize {
        let prefixes = self.arrays().map(|(of, _)| of.prefix.len());
        prefixes.max().unwrap_or_default()
    }

    /// From what the item at `index` begins.
    pub(super) fn item(&self, index: usize, steps: &mut Steps) -> Option<Seeds> {
        let mut seeds = Seeds::default();
        for (of, is_known) in self.arrays() {
            steps.take(1)?;
            let own = of.prefix.get(index).copied();
            let of_it = own.or(of.items);
            let others = of.unevaluated.filter(|_| of_it.is_none());
            if is_known {
                seeds.named |= own.is_some();
                seeds.known.extend(of_it.into_iter().chain(others));
                seeds.hints.extend(of.contains);
            } else {
                let all = of_it.into_iter().chain(others).chain(of.contains);
                seeds.hints.extend(all);
            }
        }
        Some(seeds)
    }

    /// Whether anything here speaks of a member `name`. `forbidden` counts where others are forbidden.
    pub(super) fn speaks_of(&self, name: &str, forbidden: bool, steps: &mut Steps) -> Option<bool> {
        if self.is_opaque {
            return Some(true);
        }
        for (of, _) in self.objects() {
            let costs = of.patterns.iter().map(|(pattern, _)| pattern.cost(name));
            steps.take(1 + costs.sum::<usize>() + of.required.len() + of.mentioned.len())?;
            let allows = |id: Id| forbidden || !matches!(self.graph.node(id).says, Says::Never);
            let others = [of.additional, of.unevaluated];
            let has_name = |names: &[String]| names.iter().any(|known| known == name);
            if of.properties.contains_key(name)
                || others.into_iter().flatten().any(allows)
                || of.names.is_some()
                || has_name(&of.required)
                || has_name(&of.mentioned)
                || of
                    .patterns
                    .iter()
                    .any(|(it, _)| it.fits(name) != Some(false))
            {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// Every part that is for the same value as `seeds`: those that tell of it, and those that only hint.
fn closure(graph: &Graph, seeds: &Seeds, steps: &mut Steps) -> Option<(Vec<Id>, Vec<Id>)> {
    let mut seen = HashSet::new();
    let mut known = Vec::new();
    let mut hints = Vec::new();
    let mut next: Vec<Id> = seeds.known.iter().rev().copied().collect();
    let mut hinted = seeds.hints.clone();
    while let Some(id) = next.pop() {
        steps.take(1)?;
        if !seen.insert(id) {
            continue;
        }
        known.push(id);
        let same = &graph.node(id).same;
        next.extend(&same.all);
        next.extend(same.any.iter().flatten());
        next.extend(same.dependent.iter().map(|(_, id)| *id));
        hinted.extend(same.hints.iter().chain(&same.mapped));
        if let Some((test, then, otherwise)) = same.when {
            hinted.push(test);
            next.extend(then.into_iter().chain(otherwise));
        }
    }
    while let Some(id) = hinted.pop() {
        steps.take(1)?;
        if !seen.insert(id) {
            continue;
        }
        hints.push(id);
        let same = &graph.node(id).same;
        let lists = [&same.all, &same.hints, &same.mapped];
        hinted.extend(lists.into_iter().flatten());
        hinted.extend(same.any.iter().flatten());
        hinted.extend(same.dependent.iter().map(|(_, id)| *id));
        if let Some((test, then, otherwise)) = same.when {
            let others = then.into_iter().chain(otherwise);
            hinted.extend(std::iter::once(test).chain(others));
        }
    }
    Some((known, hints))
}
