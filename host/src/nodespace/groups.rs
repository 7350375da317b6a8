//! Groups of nodes, nested: a node is in one group at most, a group has one parent at most, and a
//! group with nothing in it goes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value as Json, json};

use super::error::{GraphError, Result, named};
use super::io::check_json;
use super::view::GroupView;
use crate::limits::{MAX_GROUP_DEPTH, MAX_GROUP_META_BYTES, MAX_GROUPS, MAX_NODE_ID_BYTES};

#[derive(Debug, Clone, Default, PartialEq)]
struct Group {
    nodes: Vec<String>,
    children: Vec<String>,
    parent: Option<String>,
    meta: Map<String, Json>,
    position: Option<[f64; 2]>,
}

/// All groups of a graph.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    groups: BTreeMap<String, Group>,
    of_node: HashMap<String, String>,
}

impl Groups {
    pub fn view(&self) -> BTreeMap<String, GroupView> {
        let groups = self.groups.iter();
        groups
            .map(|(id, group)| (id.clone(), group.view()))
            .collect()
    }

    /// Puts nodes and groups into a new group, where their old groups meet. Answers its id.
    pub fn group(&mut self, nodes: &[String], groups: &[String]) -> Result<String> {
        let known = |id: &&String| !self.groups.contains_key(*id);
        if let Some(unknown) = groups.iter().find(known) {
            return Err(no_group(unknown));
        }
        if nodes.is_empty() && groups.is_empty() {
            return Err(GraphError::invalid("a group", "needs nodes or groups"));
        }
        if self.groups.len() >= MAX_GROUPS {
            let (what, limit) = ("groups", MAX_GROUPS);
            return Err(GraphError::TooMuch { what, limit });
        }
        let parent = self.meeting_point(nodes, groups);
        let own_depth = parent.as_deref().map_or(0, |id| self.ancestry(id).len()) + 1;
        let below = groups.iter().map(|id| self.height(id)).max().unwrap_or(0);
        if own_depth + below > MAX_GROUP_DEPTH {
            let (what, limit) = ("groups in groups", MAX_GROUP_DEPTH);
            return Err(GraphError::TooMuch { what, limit });
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        self.groups.insert(id.clone(), Group::default());
        self.set_parent(&id, parent);
        for node in nodes {
            self.put_node(node, &id);
        }
        for group in groups {
            self.set_parent(group, Some(id.clone()));
        }
        self.drop_empty();
        Ok(id)
    }

    /// The outermost group that holds all that is to be grouped; the parent of it when it is to be
    /// moved itself.
    fn meeting_point(&self, nodes: &[String], groups: &[String]) -> Option<String> {
        let of_nodes = nodes.iter().filter_map(|node| self.of_node.get(node));
        let involved: BTreeSet<&String> = of_nodes.chain(groups).collect();
        let mut chains = involved.iter().map(|group| self.ancestry(group));
        let mut common = chains.next()?;
        for chain in chains {
            common.retain(|group| chain.contains(group));
        }
        let outermost = common.pop()?;
        if involved.contains(&outermost) {
            return self.groups.get(&outermost)?.parent.clone();
        }
        Some(outermost)
    }

    /// A group, its parent, and so on outwards.
    fn ancestry(&self, group: &str) -> Vec<String> {
        let mut chain = vec![group.to_owned()];
        let mut at = group;
        while let Some(parent) = self
            .groups
            .get(at)
            .and_then(|group| group.parent.as_deref())
        {
            if chain.len() > MAX_GROUPS {
                break;
            }
            chain.push(parent.to_owned());
            at = parent;
        }
        chain
    }

    /// How many groups lie in each other there, itself included. The depth is bounded, so this is.
    fn height(&self, group: &str) -> usize {
        let children = self.groups.get(group).map(|group| &group.children);
        let heights = children.into_iter().flatten().map(|id| self.height(id));
        1 + heights.max().unwrap_or(0)
    }

    fn set_parent(&mut self, id: &str, parent: Option<String>) {
        let old = self
            .groups
            .get_mut(id)
            .and_then(|group| group.parent.take());
        if let Some(old) = old.and_then(|old| self.groups.get_mut(&old)) {
            old.children.retain(|child| child != id);
        }
        if let Some(new) = parent.as_ref().and_then(|new| self.groups.get_mut(new)) {
            new.children.push(id.to_owned());
        }
        if let Some(group) = self.groups.get_mut(id) {
            group.parent = parent;
        }
    }

    fn put_node(&mut self, node: &str, group: &str) {
        self.take_node_out(node);
        if let Some(into) = self.groups.get_mut(group) {
            into.nodes.push(node.to_owned());
            self.of_node.insert(node.to_owned(), group.to_owned());
        }
    }

    fn take_node_out(&mut self, node: &str) -> bool {
        let Some(group) = self.of_node.remove(node) else {
            return false;
        };
        if let Some(group) = self.groups.get_mut(&group) {
            group.nodes.retain(|other| other != node);
        }
        true
    }

    /// A node is gone. Whether it was in a group.
    pub fn forget_node(&mut self, node: &str) -> bool {
        let was_in = self.take_node_out(node);
        if was_in {
            self.drop_empty();
        }
        was_in
    }

    /// Dissolves a group: its nodes are in none, its groups in its parent.
    pub fn remove(&mut self, id: &str) -> Result<()> {
        let group = self.groups.get(id).ok_or_else(|| no_group(id))?.clone();
        for child in &group.children {
            self.set_parent(child, group.parent.clone());
        }
        for node in &group.nodes {
            self.of_node.remove(node);
        }
        self.set_parent(id, None);
        self.groups.remove(id);
        self.drop_empty();
        Ok(())
    }

    /// Moves a group. Answers what was changed.
    pub fn update(&mut self, id: &str, patch: &Json) -> Result<Json> {
        let group = self.groups.get_mut(id).ok_or_else(|| no_group(id))?;
        let mut answer = Map::new();
        let (mut position, mut meta) = (None, None);
        if let Some(asked) = patch.get("position") {
            let expected = "expects two numbers";
            let parsed = parse_position(asked);
            position = Some(parsed.ok_or_else(|| GraphError::invalid("the position", expected))?);
        }
        if let Some(asked) = patch.get("meta") {
            meta = Some(parse_meta(asked)?);
        }
        if let Some(position) = position {
            group.position = Some(position);
            answer.insert("position".into(), json!(position));
        }
        if let Some(meta) = meta {
            answer.insert("meta".into(), Json::Object(meta.clone()));
            group.meta = meta;
        }
        Ok(Json::Object(answer))
    }

    fn drop_empty(&mut self) {
        let is_empty = |group: &Group| group.nodes.is_empty() && group.children.is_empty();
        let mut empty: Vec<String> = self
            .groups
            .iter()
            .filter(|(_, group)| is_empty(group))
            .map(|(id, _)| id.clone())
            .collect();
        while let Some(id) = empty.pop() {
            let parent = self.groups.get(&id).and_then(|group| group.parent.clone());
            self.set_parent(&id, None);
            self.groups.remove(&id);
            let is_empty = |id: &String| self.groups.get(id).is_some_and(is_empty);
            empty.extend(parent.filter(is_empty));
        }
    }

    /// Reads saved groups, as far as they make sense: nodes that there are, each in one group;
    /// parents that there are, in no circle and not too deep. Answers what was left out.
    pub fn load(&mut self, saved: &Json, is_node: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let Some(saved) = saved.as_object() else {
            return Err(GraphError::invalid("groups", "expects a dictionary"));
        };
        if saved.len() > MAX_GROUPS {
            let (what, limit) = ("groups", MAX_GROUPS);
            return Err(GraphError::TooMuch { what, limit });
        }
        let mut left_out = Vec::new();
        let fits = |id: &str| !id.is_empty() && id.len() <= MAX_NODE_ID_BYTES;
        let saved = saved
            .iter()
            .filter(|(id, group)| fits(id) && group.is_object());
        let saved: Vec<_> = saved.collect();
        for (id, group) in &saved {
            let meta = group.get("meta").map(parse_meta).transpose();
            let meta = meta.unwrap_or_else(|problem| {
                left_out.push(format!("the group `{}`: {problem}", named(id)));
                None
            });
            let group = Group {
                meta: meta.unwrap_or_default(),
                position: group.get("position").and_then(parse_position),
                ..Group::default()
            };
            self.groups.insert((*id).clone(), group);
        }
        for (id, group) in &saved {
            let nodes = group.get("node_ids").and_then(Json::as_array);
            let nodes = nodes.into_iter().flatten().filter_map(Json::as_str);
            for node in nodes.filter(|node| is_node(node)) {
                self.put_node(node, id);
            }
            let parent = group.get("parent_group").and_then(Json::as_str);
            let Some(parent) = parent else { continue };
            let above = self.ancestry(parent);
            let is_circle = above.contains(id);
            let depth = above.len() + self.height(id);
            if !self.groups.contains_key(parent) || is_circle || depth > MAX_GROUP_DEPTH {
                left_out.push(format!("the parent of the group `{}`", named(id)));
                continue;
            }
            self.set_parent(id, Some(parent.to_owned()));
        }
        self.drop_empty();
        Ok(left_out)
    }
}

impl Group {
    fn view(&self) -> GroupView {
        GroupView {
            node_ids: self.nodes.clone(),
            child_groups: self.children.clone(),
            parent_group: self.parent.clone(),
            meta: self.meta.clone(),
            position: self.position,
        }
    }
}

fn parse_position(json: &Json) -> Option<[f64; 2]> {
    let [x, y] = json.as_array()?.as_slice() else {
        return None;
    };
    Some([x.as_f64()?, y.as_f64()?])
}

fn parse_meta(json: &Json) -> Result<Map<String, Json>> {
    check_json(json, MAX_GROUP_META_BYTES, "the meta data of a group")?;
    let invalid = || GraphError::invalid("the meta data of a group", "expects a dictionary");
    json.as_object().cloned().ok_or_else(invalid)
}

fn no_group(id: &str) -> GraphError {
    GraphError::NoGroup { group: named(id) }
}
