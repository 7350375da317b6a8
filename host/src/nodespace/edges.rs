//! Edges: which output feeds which inputs, and which input forwards its value to which others.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::error::{GraphError, Result, named};
use super::event::{Dirty, Edge, GraphEvent};
use super::graph::Graph;
use super::io::{Key, Pin, Slot};
use super::node::Node;
use crate::limits::{MAX_EDGES, MAX_TARGETS};

/// Where an edge comes from and where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub from: Pin,
    pub to: Pin,
}

impl Ends {
    pub fn is_forward(self) -> bool {
        self.from.is_input
    }
}

impl Graph {
    fn pin(&self, node: &str, io: &str) -> Result<Pin> {
        let key = self.key(node)?;
        let (is_input, index) = self.node(node)?.find(io)?;
        Ok(Pin {
            node: key,
            is_input,
            index,
        })
    }

    pub fn slot_at(&self, pin: Pin) -> Option<&Slot> {
        self.nodes.get(&pin.node)?.slot(pin.is_input, pin.index)
    }

    fn slot_at_mut(&mut self, pin: Pin) -> Option<&mut Slot> {
        let node = self.nodes.get_mut(&pin.node)?;
        node.slot_mut(pin.is_input, pin.index)
    }

    /// The ends of an edge between two ports, whichever of them the client named first.
    fn ends(&self, a: (&str, &str), b: (&str, &str)) -> Result<Ends> {
        let (from, to) = (self.pin(a.0, a.1)?, self.pin(b.0, b.1)?);
        match (from.is_input, to.is_input) {
            (_, true) => Ok(Ends { from, to }),
            (true, false) => Ok(Ends { from: to, to: from }),
            (false, false) => Err(bad_edge(a, b, "both are outputs")),
        }
    }

    /// Connects an output to an input, or an input to another that it forwards its value to.
    pub fn connect(&mut self, a: (&str, &str), b: (&str, &str), replace: bool) -> Result<Edge> {
        let ends = self.ends(a, b)?;
        if ends.from.node == ends.to.node {
            return Err(bad_edge(a, b, "a node cannot feed itself"));
        }
        let (Some(from), Some(to)) = (self.slot_at(ends.from), self.slot_at(ends.to)) else {
            return Err(bad_edge(a, b, "they are not there any more"));
        };
        if from.targets.contains(&ends.to) {
            return self.edge(ends).ok_or_else(|| GraphError::no_node(a.0));
        }
        if ends.is_forward() && self.forwards_to(ends.to, ends.from) {
            return Err(bad_edge(a, b, "the value would go round in a circle"));
        }
        let mut conflicts = Vec::new();
        if !to.takes_several() {
            let sources = to.sources.iter();
            conflicts.extend(sources.map(|from| Ends {
                from: *from,
                ..ends
            }));
        }
        if !from.takes_several() && !ends.is_forward() {
            let targets = from.targets.iter();
            conflicts.extend(targets.map(|to| Ends { to: *to, ..ends }));
        }
        if !conflicts.is_empty() && !replace {
            return Err(bad_edge(a, b, "one of them is connected already"));
        }
        if self.edges.saturating_sub(conflicts.len()) >= MAX_EDGES {
            let (what, limit) = ("edges", MAX_EDGES);
            return Err(GraphError::TooMuch { what, limit });
        }
        if from.targets.len() >= MAX_TARGETS {
            let (what, limit) = ("edges at one output", MAX_TARGETS);
            return Err(GraphError::TooMuch { what, limit });
        }
        for conflict in conflicts {
            self.disconnect(conflict);
        }
        self.link(ends);
        self.show_connected(ends);
        let edge = self.edge(ends).ok_or_else(|| GraphError::no_node(a.0))?;
        let forward = ends.is_forward();
        self.event(GraphEvent::EdgeAdded {
            edge: edge.clone(),
            forward,
        });
        self.dirty(Dirty::Edges);
        self.feed_new(ends);
        Ok(edge)
    }

    pub fn link(&mut self, ends: Ends) {
        if let Some(from) = self.slot_at_mut(ends.from) {
            from.targets.push(ends.to);
        }
        if let Some(to) = self.slot_at_mut(ends.to) {
            to.sources.push(ends.from);
        }
        self.edges += 1;
    }

    fn unlink(&mut self, ends: Ends) -> bool {
        let Some(from) = self.slot_at_mut(ends.from) else {
            return false;
        };
        let before = from.targets.len();
        from.targets.retain(|pin| *pin != ends.to);
        if from.targets.len() == before {
            return false;
        }
        if let Some(to) = self.slot_at_mut(ends.to) {
            to.sources.retain(|pin| *pin != ends.from);
        }
        self.edges = self.edges.saturating_sub(1);
        true
    }

    /// What is connected is shown, and an input that is fed has no default of its own.
    fn show_connected(&mut self, ends: Ends) {
        for pin in [ends.from, ends.to] {
            let Some(node) = self.nodes.get_mut(&pin.node) else {
                continue;
            };
            let id = Arc::clone(&node.id);
            let Some(slot) = node.slot_mut(pin.is_input, pin.index) else {
                continue;
            };
            let mut changed = slot.is_hidden();
            if changed {
                slot.own_hidden = Some(false).filter(|_| slot.class_hidden);
            }
            if pin == ends.to && slot.own_default().is_some() {
                slot.default.clone_from(&slot.class_default);
                changed = true;
            }
            if changed {
                self.dirty(Dirty::Node(id));
            }
        }
    }

    /// What the source has already reaches the target of a new edge; forwarding does not trigger.
    fn feed_new(&mut self, ends: Ends) {
        let forward = ends.is_forward();
        let value = self.slot_at(ends.from).and_then(|slot| {
            let own = slot.value.as_ref();
            own.or(slot.default.as_ref().filter(|_| forward)).cloned()
        });
        if value.is_none() && !forward {
            return;
        }
        let wave = self.tick();
        let mut triggered = Vec::new();
        self.feed(VecDeque::from([(ends.to, value)]), !forward, &mut triggered);
        self.request(triggered, wave);
    }

    /// Whether what reaches the input `pin` is forwarded to `to`.
    fn forwards_to(&self, pin: Pin, to: Pin) -> bool {
        let (mut seen, mut next) = (HashSet::new(), vec![pin]);
        while let Some(pin) = next.pop() {
            if pin == to {
                return true;
            }
            if seen.insert((pin.node, pin.index)) {
                let targets = self.slot_at(pin).map(|slot| slot.targets.iter());
                next.extend(targets.into_iter().flatten().copied());
            }
        }
        false
    }

    /// Takes an edge away. An input that nothing feeds any more is at its default again.
    pub fn disconnect(&mut self, ends: Ends) -> bool {
        let edge = self.edge(ends);
        if !self.unlink(ends) {
            return false;
        }
        if let Some(edge) = edge {
            let forward = ends.is_forward();
            self.event(GraphEvent::EdgeRemoved { edge, forward });
        }
        self.clear_orphan(ends.to);
        self.dirty(Dirty::Edges);
        true
    }

    /// Takes the value away from an input that nothing feeds any more.
    pub fn clear_orphan(&mut self, pin: Pin) {
        let orphaned = self
            .slot_at(pin)
            .is_some_and(|slot| slot.sources.is_empty());
        if orphaned {
            self.feed(VecDeque::from([(pin, None)]), false, &mut Vec::new());
        }
    }

    /// Links an edge that was lifted, if both of its ends are still there.
    pub fn relink(&mut self, edge: &Edge, is_forward: bool) -> bool {
        let [from, from_io, to, to_io] = edge;
        let pin = |node: &str, io: &Arc<str>, is_input: bool| {
            let key = self.key(node).ok()?;
            let node = self.nodes.get(&key)?;
            let slots = if is_input {
                &node.inputs
            } else {
                &node.outputs
            };
            let index = slots.iter().position(|slot| slot.id == *io)?;
            Some(Pin {
                node: key,
                is_input,
                index,
            })
        };
        let ends = (pin(from, from_io, is_forward), pin(to, to_io, true));
        let (Some(from), Some(to)) = ends else {
            return false;
        };
        self.link(Ends { from, to });
        true
    }

    pub fn disconnect_named(&mut self, a: (&str, &str), b: (&str, &str)) -> Result<bool> {
        let ends = self.ends(a, b)?;
        // Of two inputs either may be the one that forwards.
        let reverse = Ends {
            from: ends.to,
            to: ends.from,
        };
        Ok(self.disconnect(ends) || (ends.is_forward() && self.disconnect(reverse)))
    }

    pub fn disconnect_all(&mut self, key: Key) {
        for ends in self.edges_of(key) {
            self.disconnect(ends);
        }
    }

    /// Takes the edges of a node away without anyone noticing, to be linked again by their names.
    pub fn lift_edges(&mut self, key: Key) -> Vec<(Ends, Edge)> {
        let ends = self.edges_of(key);
        let lifted: Vec<_> = ends
            .into_iter()
            .filter_map(|ends| Some((ends, self.edge(ends)?)))
            .collect();
        for (ends, _) in &lifted {
            self.unlink(*ends);
        }
        lifted
    }

    /// Every edge that begins or ends at a node.
    pub fn edges_of(&self, key: Key) -> Vec<Ends> {
        let Some(node) = self.nodes.get(&key) else {
            return Vec::new();
        };
        let leaving = edges_from(key, node);
        let coming = node
            .inputs
            .iter()
            .enumerate()
            .flat_map(move |(index, slot)| {
                let to = Pin {
                    node: key,
                    is_input: true,
                    index,
                };
                slot.sources
                    .iter()
                    .map(move |from| Ends { from: *from, to })
            });
        leaving.chain(coming).collect()
    }

    pub fn edge(&self, ends: Ends) -> Option<Edge> {
        let from = self.nodes.get(&ends.from.node)?;
        let to = self.nodes.get(&ends.to.node)?;
        let io = |pin| self.slot_at(pin).map(|slot| Arc::clone(&slot.id));
        Some([
            Arc::clone(&from.id),
            io(ends.from)?,
            Arc::clone(&to.id),
            io(ends.to)?,
        ])
    }

    /// Every edge: node by node, its outputs first.
    pub fn all_edges(&self) -> impl Iterator<Item = Edge> {
        let leaving = self
            .nodes
            .iter()
            .flat_map(|(key, node)| edges_from(*key, node));
        leaving.filter_map(|ends| self.edge(ends))
    }
}

fn edges_from(key: Key, node: &Node) -> impl Iterator<Item = Ends> {
    let outputs = node.outputs.iter().enumerate().map(|slot| (false, slot));
    let inputs = node.inputs.iter().enumerate().map(|slot| (true, slot));
    outputs
        .chain(inputs)
        .flat_map(move |(is_input, (index, slot))| {
            let from = Pin {
                node: key,
                is_input,
                index,
            };
            slot.targets.iter().map(move |to| Ends { from, to: *to })
        })
}

fn bad_edge(a: (&str, &str), b: (&str, &str), problem: &'static str) -> GraphError {
    GraphError::BadEdge {
        from: format!("{}.{}", named(a.0), named(a.1)),
        to: format!("{}.{}", named(b.0), named(b.1)),
        problem,
    }
}
