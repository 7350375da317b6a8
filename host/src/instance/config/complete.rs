//! Puts into a configuration what its schema has defaults for, and takes out what it does not speak of,
//! at every depth: through references, unions, lists, tuples and members of any name.

use serde_json::{Map, Value as Json};

use super::fits::{self, TooFar};
use super::graph::{Graph, Id};
use super::place::{Place, Seeds, Steps};
use crate::error::{HostError, Result};
use crate::limits;

impl From<TooFar> for HostError {
    fn from(_: TooFar) -> Self {
        too_far()
    }
}

/// Following the schema through a configuration takes too long.
pub(super) fn too_far() -> HostError {
    let problem = "checking it takes too long: its schema branches too often";
    HostError::Config(problem.to_owned())
}

/// Completes `config` and cleans it, until there is nothing more to do.
///
/// # Errors
/// [`HostError::Config`] when the defaults are too many or come to no end.
pub(super) fn complete(graph: &Graph, config: &mut Json) -> Result<()> {
    let mut completing = Completing {
        graph,
        steps: Steps::default(),
        room: limits::MAX_DEFAULTS_BYTES,
        fills: true,
        changed: false,
    };
    for _ in 0..limits::MAX_COMPLETING_ROUNDS {
        completing.changed = false;
        completing.whole(config)?;
        if !completing.changed {
            return Ok(());
        }
    }
    let problem = "the defaults of its schema bring in further defaults without end";
    Err(HostError::Config(problem.to_owned()))
}

/// Takes out of `config` what the schema does not speak of or forbids.
///
/// # Errors
/// [`HostError::Config`] when it takes too long.
pub(super) fn clean(graph: &Graph, config: &mut Json) -> Result<()> {
    let mut cleaning = Completing {
        graph,
        steps: Steps::default(),
        room: 0,
        fills: false,
        changed: false,
    };
    cleaning.whole(config)
}

struct Completing<'g> {
    graph: &'g Graph,
    steps: Steps,
    /// Bytes of defaults that there may still be.
    room: usize,
    /// Whether defaults are put in.
    fills: bool,
    changed: bool,
}

impl<'g> Completing<'g> {
    fn whole(&mut self, config: &mut Json) -> Result<()> {
        let root = Place::root(self.graph, &mut self.steps).ok_or(TooFar)?;
        self.value(&root, &[0], config, 0)
    }

    /// `seeds`: the parts that hold for it, of those that the place begins from.
    fn value(
        &mut self,
        place: &Place<'g>,
        seeds: &[Id],
        value: &mut Json,
        depth: usize,
    ) -> Result<()> {
        self.steps.take(1).ok_or(TooFar)?;
        if depth > limits::MAX_SCHEMA_DEPTH || !(value.is_object() || value.is_array()) {
            return Ok(());
        }
        let active = self.active(seeds, value)?;
        match value {
            Json::Object(members) => self.members(place, &active, members, depth),
            Json::Array(items) => self.items(place, &active, items, depth),
            _ => Ok(()),
        }
    }

    /// The parts that hold for `value`: of unions the branch that it is of.
    fn active(&mut self, seeds: &[Id], value: &Json) -> Result<Vec<Id>> {
        let mut active = Vec::new();
        let mut next: Vec<Id> = seeds.iter().rev().copied().collect();
        while let Some(id) = next.pop() {
            self.steps.take(1 + active.len()).ok_or(TooFar)?;
            if active.contains(&id) {
                continue;
            }
            active.push(id);
            let same = &self.graph.node(id).same;
            next.extend(&same.all);
            for branches in &same.any {
                next.extend(fits::chosen(self.graph, branches, value, &mut self.steps)?);
            }
            if let Some((test, then, otherwise)) = same.when {
                match fits::fits(self.graph, test, value, 0, &mut self.steps)? {
                    Some(true) => next.extend(then),
                    Some(false) => next.extend(otherwise),
                    None => {}
                }
            }
            for (name, id) in &same.dependent {
                next.extend(value.get(name).map(|_| *id));
            }
        }
        Ok(active)
    }

    fn members(
        &mut self,
        place: &Place<'g>,
        active: &[Id],
        members: &mut Map<String, Json>,
        depth: usize,
    ) -> Result<()> {
        if self.fills {
            self.fill(active, members)?;
        }
        self.clean(place, active, members)?;
        for (name, value) in members {
            if !(value.is_object() || value.is_array()) {
                continue;
            }
            let own = self.seeds(active, |place, steps| place.member(name, steps))?;
            let all = place.member(name, &mut self.steps).ok_or(TooFar)?;
            self.inner(all, own, value, depth)?;
        }
        Ok(())
    }

    /// Puts in what is missing. Defaults that are made of references may have defaults again.
    fn fill(&mut self, active: &[Id], members: &mut Map<String, Json>) -> Result<()> {
        for id in active {
            let properties = self.graph.node(*id).object.iter();
            for (name, property) in properties.flat_map(|of| &of.properties) {
                self.steps.take(1).ok_or(TooFar)?;
                if members.contains_key(name) {
                    continue;
                }
                let default = fits::default(self.graph, *property, &mut self.steps)?;
                if let Some(default) = default {
                    let size = name.len().saturating_add(default.to_string().len());
                    let size = size.saturating_add(size_of::<Json>());
                    self.room = self.room.checked_sub(size).ok_or_else(too_many_defaults)?;
                    members.insert(name.clone(), default.clone());
                    self.changed = true;
                }
            }
        }
        Ok(())
    }

    /// Takes out what nothing speaks of, where the names of members are given.
    fn clean(
        &mut self,
        place: &Place<'g>,
        active: &[Id],
        members: &mut Map<String, Json>,
    ) -> Result<()> {
        let names_members = active.iter().any(|id| {
            let of = self.graph.node(*id).object.as_ref();
            of.is_some_and(|of| !of.properties.is_empty())
        });
        if !names_members {
            return Ok(());
        }
        let before = members.len();
        let mut is_through = true;
        members.retain(|name, _| {
            let speaks = place.speaks_of(name, self.fills, &mut self.steps);
            is_through &= speaks.is_some();
            speaks.unwrap_or(true)
        });
        self.changed |= members.len() < before;
        if is_through { Ok(()) } else { Err(too_far()) }
    }

    fn items(
        &mut self,
        place: &Place<'g>,
        active: &[Id],
        items: &mut [Json],
        depth: usize,
    ) -> Result<()> {
        for (index, value) in items.iter_mut().enumerate() {
            if !(value.is_object() || value.is_array()) {
                continue;
            }
            let own = self.seeds(active, |place, steps| place.item(index, steps))?;
            let all = place.item(index, &mut self.steps).ok_or(TooFar)?;
            self.inner(all, own, value, depth)?;
        }
        Ok(())
    }

    fn inner(&mut self, all: Seeds, own: Seeds, value: &mut Json, depth: usize) -> Result<()> {
        let place = Place::from(self.graph, all, &mut self.steps).ok_or(TooFar)?;
        self.value(&place, &own.known, value, depth + 1)
    }

    /// From what a member or an item begins, of the parts that hold.
    fn seeds(
        &mut self,
        active: &[Id],
        of: impl FnOnce(&Place<'g>, &mut Steps) -> Option<Seeds>,
    ) -> Result<Seeds> {
        let holding = Place::of(self.graph, active);
        Ok(of(&holding, &mut self.steps).ok_or(TooFar)?)
    }
}

fn too_many_defaults() -> HostError {
    let max = limits::MAX_DEFAULTS_BYTES;
    HostError::Config(format!(
        "the defaults of its schema come to more than {max} bytes"
    ))
}
