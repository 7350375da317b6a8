//! The library: a tree of named shelves. Whoever mounts a shelf replaces and removes it as a whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::class::{NodeClass, PortSpec};
use super::error::{GraphError, Result, named};
use super::io::{TRIGGER_INPUT, TRIGGER_OUTPUT};
use super::json;
use crate::json::to_wire;
use crate::limits::{Held, MAX_LIBRARY_CLASSES, MAX_SHELF_DEPTH};

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
    /// What is charged for it as long as it is in the library; `None`: nobody pays.
    pub paid: Option<Arc<Held>>,
}

/// What happens to the nodes of a class when its shelf goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodesOnRemoval {
    /// They go too.
    Remove,
    /// They stay, with all their data, and run again when the class is back.
    KeepAsPlaceholders,
}

/// Where a shelf is, or would be on the way to others.
#[derive(Debug, Default)]
struct Place {
    name: String,
    description: String,
    classes: Vec<Arc<NodeClass>>,
    below: Vec<Place>,
    /// What clients see of it and of everything below, made by whoever put it there.
    text: Option<Arc<str>>,
    _paid: Option<Arc<Held>>,
}

impl From<Shelf> for Place {
    fn from(shelf: Shelf) -> Self {
        Self {
            name: shelf.name,
            description: shelf.description,
            classes: shelf.classes,
            below: shelf.subshelves.into_iter().map(Self::from).collect(),
            text: None,
            _paid: shelf.paid,
        }
    }
}

/// A shelf that was looked over and written down before the graph is locked: it may be large.
pub(super) struct Written {
    place: Place,
    count: usize,
}

impl Written {
    /// `shelf` as it is to be at `path`.
    pub fn new(path: &[&str], mut shelf: Shelf) -> Result<Self> {
        let Some((name, _)) = path.split_last() else {
            return Err(no_path(path));
        };
        if path.iter().any(|name| name.is_empty()) {
            return Err(no_path(path));
        }
        shelf.name = (*name).to_owned();
        check(&shelf, path.len())?;
        let count = count(&shelf);
        let mut place = Place::from(shelf);
        let mut text = String::new();
        write(&place, &mut text);
        place.text = Some(text.into());
        Ok(Self { place, count })
    }
}

/// The class of an id.
#[derive(Debug)]
struct Known {
    class: Arc<NodeClass>,
    /// Times that the id is in the library.
    times: usize,
}

#[derive(Debug, Default)]
pub(super) struct Library {
    shelves: Vec<Place>,
    classes: HashMap<String, Known>,
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
        self.classes.get(id).map(|known| &known.class)
    }

    /// Puts a shelf at `path`, instead of what is there. Shelves on the way are made.
    pub fn put(&mut self, path: &[&str], shelf: Written) -> Result<Changes> {
        let Some((name, parents)) = path.split_last() else {
            return Err(no_path(path));
        };
        let room = MAX_LIBRARY_CLASSES.saturating_sub(self.classes.len());
        if shelf.count > room {
            let (what, limit) = ("node classes", MAX_LIBRARY_CLASSES);
            return Err(GraphError::TooMuch { what, limit });
        }
        let mut shelves = &mut self.shelves;
        for parent in parents {
            let parent = child(shelves, parent);
            parent.text = None;
            shelves = &mut parent.below;
        }
        let new = shelf.place.all();
        let old = std::mem::replace(child(shelves, name), shelf.place);
        Ok(self.follow(old.all(), new))
    }

    /// Removes the shelf at `path`.
    pub fn remove(&mut self, path: &[&str]) -> Result<Changes> {
        let Some((name, parents)) = path.split_last() else {
            return Err(no_path(path));
        };
        let mut shelves = &mut self.shelves;
        for parent in parents {
            let found = shelves.iter_mut().find(|shelf| shelf.name == *parent);
            let parent = found.ok_or_else(|| no_path(path))?;
            parent.text = None;
            shelves = &mut parent.below;
        }
        let found = shelves.iter().position(|shelf| shelf.name == *name);
        let old = shelves.remove(found.ok_or_else(|| no_path(path))?);
        Ok(self.follow(old.all(), Vec::new()))
    }

    /// The library as clients see it: `{"shelves": […]}`.
    pub fn text(&self) -> String {
        let mut text = r#"{"shelves":"#.to_owned();
        write_all(&self.shelves, &mut text);
        text.push('}');
        text
    }

    /// Forgets the classes `old` and knows the classes `new`. Takes time for these, not for the library.
    fn follow(&mut self, old: Vec<Arc<NodeClass>>, new: Vec<Arc<NodeClass>>) -> Changes {
        let mut changes = Changes::default();
        for class in new {
            let known = self.classes.entry(class.id.clone());
            let known = known.or_insert_with(|| Known {
                class: Arc::clone(&class),
                times: 0,
            });
            if known.times == 0 || !Arc::ptr_eq(&known.class, &class) {
                known.class = Arc::clone(&class);
                changes.new.push(class);
            }
            known.times += 1;
        }
        for class in old {
            let Some(known) = self.classes.get_mut(&class.id) else {
                continue;
            };
            known.times -= 1;
            if known.times == 0 {
                self.classes.remove(&class.id);
                changes.gone.push(class);
            } else if Arc::ptr_eq(&known.class, &class) {
                // Another shelf has one of that id, too.
                let other = self.shelves.iter().find_map(|place| place.find(&class.id));
                let other = other.filter(|other| !Arc::ptr_eq(other, &known.class));
                if let Some(other) = other.cloned() {
                    known.class = Arc::clone(&other);
                    changes.new.push(other);
                }
            }
        }
        changes
    }
}

impl Place {
    /// Its classes and those below.
    fn all(&self) -> Vec<Arc<NodeClass>> {
        let mut all = self.classes.clone();
        all.extend(self.below.iter().flat_map(Self::all));
        all
    }

    fn find(&self, id: &str) -> Option<&Arc<NodeClass>> {
        let here = self.classes.iter().find(|class| class.id == id);
        here.or_else(|| self.below.iter().find_map(|place| place.find(id)))
    }
}

/// Writes what clients see of a shelf and of everything below.
fn write(place: &Place, text: &mut String) {
    if let Some(written) = &place.text {
        return text.push_str(written);
    }
    let mut own = to_wire(&json::shelf(
        &place.name,
        &place.description,
        &place.classes,
    ));
    // The brace that closes it comes after the shelves on it.
    own.pop();
    text.push_str(&own);
    text.push_str(r#","subshelves":"#);
    write_all(&place.below, text);
    text.push('}');
}

fn write_all(places: &[Place], text: &mut String) {
    text.push('[');
    for (index, place) in places.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(place, text);
    }
    text.push(']');
}

fn child<'a>(shelves: &'a mut Vec<Place>, name: &str) -> &'a mut Place {
    let at = shelves.iter().position(|shelf| shelf.name == name);
    let at = at.unwrap_or_else(|| {
        shelves.push(Place {
            name: name.to_owned(),
            ..Place::default()
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
                format!("`{class}` has a port `{port}` that is not allowed, or that it has twice");
            Err(GraphError::invalid("a node class", problem))
        }
    }
}

fn no_path(path: &[&str]) -> GraphError {
    GraphError::NoShelf {
        path: named(&path.join("/")),
    }
}
