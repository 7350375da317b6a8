//! Nodes whose class comes, goes or changes. A node without a class is a placeholder: it keeps all
//! of its data and cannot run.

use std::sync::Arc;

use super::class::NodeClass;
use super::error::Result;
use super::event::{Dirty, GraphEvent};
use super::graph::{Attach, Graph};
use super::io::Key;
use super::library::{Changes, NodesOnRemoval, Written};
use super::save;
use super::view::NodeView;

impl Graph {
    pub fn put_shelf(&mut self, path: &[&str], shelf: Written) -> Result<()> {
        let changes = self.library.put(path, shelf)?;
        self.follow(changes, NodesOnRemoval::KeepAsPlaceholders);
        Ok(())
    }

    pub fn remove_shelf(&mut self, path: &[&str], nodes: NodesOnRemoval) -> Result<()> {
        let changes = self.library.remove(path)?;
        self.follow(changes, nodes);
        Ok(())
    }

    fn follow(&mut self, changes: Changes, on_removal: NodesOnRemoval) {
        for class in changes.gone {
            for key in self.nodes_of(&class) {
                match on_removal {
                    NodesOnRemoval::KeepAsPlaceholders => self.lose_class(key),
                    NodesOnRemoval::Remove => {
                        let id = self.nodes.get(&key).map(|node| Arc::clone(&node.id));
                        if let Some(id) = id {
                            let _ = self.remove_node(&id);
                        }
                    }
                }
            }
        }
        for class in changes.new {
            for key in self.nodes_of(&class) {
                self.take_class(key, &class);
            }
        }
    }

    /// The class of a node is gone. What it runs now is not heard any more.
    fn lose_class(&mut self, key: Key) {
        self.settle_state(key);
        let Some(node) = self.nodes.get_mut(&key) else {
            return;
        };
        node.saved = save::node(node);
        node.requests_trigger = false;
        if let Some(class) = node.class.take() {
            let run = Arc::clone(&class.run);
            self.effects.detach.push((run, Arc::clone(&node.id)));
        }
        self.tell_replaced(key);
    }

    /// The class of a node is there, or is another one. Values, defaults and edges stay with the
    /// ports that go by the same id; the edges of those that are not there any more go.
    fn take_class(&mut self, key: Key, class: &Arc<NodeClass>) {
        let Some(node) = self.nodes.get(&key) else {
            return;
        };
        let was_placeholder = node.class.is_none();
        let before = NodeView::of(node, true);
        let lifted = self.lift_edges(key);
        let Some(node) = self.nodes.get_mut(&key) else {
            return;
        };
        let (id, old) = (Arc::clone(&node.id), node.class.clone());
        node.adopt(Arc::clone(class));
        let mut lost = Vec::new();
        for (ends, edge) in lifted {
            if !self.relink(&edge, ends.is_forward()) {
                lost.push((ends, edge));
            }
        }
        let has_lost = !lost.is_empty();
        for (ends, edge) in lost {
            let forward = ends.is_forward();
            self.event(GraphEvent::EdgeRemoved { edge, forward });
            if ends.to.node != key {
                self.clear_orphan(ends.to);
            }
            self.dirty(Dirty::Edges);
        }
        if let Some(old) = old {
            let run = Arc::clone(&old.run);
            self.effects.detach.push((run, Arc::clone(&id)));
        }
        self.effects.attach.push(Attach {
            key,
            node: Arc::clone(&id),
            run: Arc::clone(&class.run),
            is_new: false,
        });
        let after = self.nodes.get(&key).map(|node| NodeView::of(node, true));
        let looks_the_same = after.is_some_and(|after| after.looks_like(&before));
        if was_placeholder || has_lost || !looks_the_same {
            self.dirty(Dirty::Node(id));
            self.tell_replaced(key);
        }
        if was_placeholder {
            self.run_if_on_create(key);
        }
    }

    fn run_if_on_create(&mut self, key: Key) {
        let node = self.nodes.get(&key);
        if node.is_some_and(|node| node.trigger_on_create) {
            let wave = self.tick();
            self.request(vec![key], wave);
        }
    }

    fn tell_replaced(&mut self, key: Key) {
        let Some(node) = self.nodes.get(&key) else {
            return;
        };
        let edges = self.edges_of(key).into_iter();
        let event = GraphEvent::NodeReplaced {
            node: Box::new(NodeView::of(node, false)),
            edges: edges.filter_map(|ends| self.edge(ends)).collect(),
        };
        self.event(event);
    }
}
