//! The library: a tree of named shelves. Whoever mounts a shelf replaces and removes it as a whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::class::{NodeClass, PortSpec};
use super::error::{GraphError, Result, named};
use super::io::{TRIGGER_INPUT, TRIGGER_OUTPUT};
use crate::limits::{MAX_LIBRARY_CLASSES, MAX_SHELF_DEPTH};

/// A shelf with node classes and further shelves.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// What it goes by among its siblings.
    pub name: String,
    /// What is on it.
    pub description: String,
    /// What can be made of it.
    pub classes: Vec<Arc<NodeClass>>,
    /// Shelves on the shelf.
    pub subshelves: Vec<Shelf>,
}

/// What happens to the nodes of a class when its shelf goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodesOnRemoval {
    /// They go too.
    Remove,
    /// They stay, with all their data, and run again when the class is back.
    KeepAsPlaceholders,
}

#[derive(Debug, Default)]
pub(super) struct Library {
    pub shelves: Vec<Shelf>,
    classes: HashMap<String, Arc<NodeClass>>,
}

/// Classes that are not what they were.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub gone: Vec<Arc<NodeClass>>,
    /// New ones, and new definitions of known ones.
    pub new: Vec<Arc<NodeClass>>,
}

impl Library {
    pub fn class(&self, id: &str) -> Option<&Arc<NodeClass>> {
        self.classes.get(id)
    }

    /// Puts a shelf at `path`, instead of what is there. Shelves on the way are made.
    pub fn put(&mut self, path: &[&str], mut shelf: Shelf) -> Result<Changes> {
        let Some((name, parents)) = path.split_last() else {
            return Err(no_path(path));
        };
        if path.iter().any(|name| name.is_empty()) {
            return Err(no_path(path));
        }
        shelf.name = (*name).to_owned();
        check(&shelf, path.len())?;
        let room = MAX_LIBRARY_CLASSES.saturating_sub(self.classes.len());
        if count(&shelf) > room {
            let (what, limit) = ("node classes", MAX_LIBRARY_CLASSES);
            return Err(GraphError::TooMuch { what, limit });
        }
        let mut shelves = &mut self.shelves;
        for parent in parents {
            shelves = &mut child(shelves, parent).subshelves;
        }
        *child(shelves, name) = shelf;
        Ok(self.reindex())
    }

    /// Removes the shelf at `path`.
    pub fn remove(&mut self, path: &[&str]) -> Result<Changes> {
        let Some((name, parents)) = path.split_last() else {
            return Err(no_path(path));
        };
        let mut shelves = &mut self.shelves;
        for parent in parents {
            let found = shelves.iter_mut().find(|shelf| shelf.name == *parent);
            shelves = &mut found.ok_or_else(|| no_path(path))?.subshelves;
        }
        let before = shelves.len();
        shelves.retain(|shelf| shelf.name != *name);
        if shelves.len() == before {
            return Err(no_path(path));
        }
        Ok(self.reindex())
    }

    fn reindex(&mut self) -> Changes {
        fn collect(shelf: &Shelf, into: &mut HashMap<String, Arc<NodeClass>>) {
            let classes = shelf.classes.iter();
            into.extend(classes.map(|class| (class.id.clone(), Arc::clone(class))));
            for shelf in &shelf.subshelves {
                collect(shelf, into);
            }
        }
        let mut classes = HashMap::new();
        for shelf in &self.shelves {
            collect(shelf, &mut classes);
        }
        let before = std::mem::replace(&mut self.classes, classes);
        let is_new = |class: &&Arc<NodeClass>| {
            !before
                .get(&class.id)
                .is_some_and(|old| Arc::ptr_eq(old, class))
        };
        Changes {
            new: self.classes.values().filter(is_new).cloned().collect(),
            gone: before
                .into_values()
                .filter(|class| !self.classes.contains_key(&class.id))
                .collect(),
        }
    }
}

fn child<'a>(shelves: &'a mut Vec<Shelf>, name: &str) -> &'a mut Shelf {
    let at = shelves.iter().position(|shelf| shelf.name == name);
    let at = at.unwrap_or_else(|| {
        shelves.push(Shelf {
            name: name.to_owned(),
            ..Shelf::default()
        });
        shelves.len() - 1
    });
    #[allow(clippy::indexing_slicing, reason = "found or made just above")]
    &mut shelves[at]
}

fn count(shelf: &Shelf) -> usize {
    shelf.classes.len() + shelf.subshelves.iter().map(count).sum::<usize>()
}

fn check(shelf: &Shelf, depth: usize) -> Result<()> {
    if depth > MAX_SHELF_DEPTH {
        let (what, limit) = ("shelves on shelves", MAX_SHELF_DEPTH);
        return Err(GraphError::TooMuch { what, limit });
    }
    for class in &shelf.classes {
        check_ports(class)?;
    }
    let mut subshelves = shelf.subshelves.iter();
    subshelves.try_for_each(|shelf| check(shelf, depth + 1))
}

/// Everything about a node is addressed by the ids of its ports, so they have to be unique.
fn check_ports(class: &NodeClass) -> Result<()> {
    let mut seen = HashSet::from([TRIGGER_INPUT, TRIGGER_OUTPUT]);
    let mut ports = class.inputs.iter().chain(&class.outputs);
    let twice = ports.find(|PortSpec { id, .. }| id.is_empty() || !seen.insert(id));
    match twice {
        None => Ok(()),
        Some(port) => {
            let (class, port) = (named(&class.id), named(&port.id));
            let problem =
                format!("`{class}` has a port `{port}` that it cannot have, or has twice");
            Err(GraphError::invalid("a node class", problem))
        }
    }
}

fn no_path(path: &[&str]) -> GraphError {
    GraphError::NoShelf {
        path: named(&path.join("/")),
    }
}
