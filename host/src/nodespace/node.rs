//! One living node: its slots, where its runs stand, and what a person changed about it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use tokio::sync::oneshot;

use super::class::NodeClass;
use super::error::{GraphError, Result, named};
use super::io::{Key, Pin, Slot};

/// Which propagation a run belongs to: what was triggered, directly or through others, by the same
/// change from outside. In one wave a node runs once at most; a lap of a cycle begins a new one.
pub(super) type Wave = u64;

/// Where the runs of a node stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    /// Its task was made and has not read the inputs yet.
    Queued {
        wave: Wave,
    },
    /// It runs when `on`, whose result it will be fed, has run.
    Waiting {
        wave: Wave,
        on: Key,
    },
    /// Its task has read the inputs at `since`, on the clock of the graph.
    Running {
        wave: Wave,
        since: u64,
        again: Option<Wave>,
    },
}

impl State {
    /// Whether it is to run in a wave, or does. One that is still busy with an earlier wave is
    /// behind, and not counted.
    pub fn is_active_in(self, asked: Wave) -> bool {
        match self {
            Self::Idle => false,
            Self::Queued { wave } | Self::Waiting { wave, .. } | Self::Running { wave, .. } => {
                wave == asked
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Node {
    pub id: Arc<str>,
    pub class_id: Arc<str>,
    /// `None`: a placeholder.
    pub class: Option<Arc<NodeClass>>,
    /// What the class said when it was last there, and over it what a person does.
    pub node_name: String,
    pub class_name: String,
    pub class_description: String,
    pub class_resets: bool,
    pub own_name: Option<String>,
    pub own_description: Option<String>,
    pub own_reset: Option<bool>,
    pub trigger_on_create: bool,
    pub properties: Map<String, Json>,
    pub inputs: Vec<Slot>,
    pub outputs: Vec<Slot>,
    pub state: State,
    /// The last wave that it ran in, and the task that may report.
    pub last_wave: Wave,
    pub task: u64,
    /// The run under way ends with this.
    pub wants_run: Option<oneshot::Sender<()>>,
    /// Nodes that wait for this one.
    pub waiters: Vec<Key>,
    pub requests_trigger: bool,
    pub error: Option<String>,
    /// Seconds that a run takes, on average, and whether that is so little that it is not told.
    pub average: f64,
    pub fast: bool,
    /// What was loaded for a class that is not there, with whatever only that class understands.
    pub saved: Map<String, Json>,
}

impl Node {
    pub fn new(id: Arc<str>, class_id: &str) -> Self {
        Self {
            id,
            class_id: class_id.into(),
            class: None,
            node_name: class_id.to_owned(),
            class_name: "PlaceHolderNode".to_owned(),
            class_description: String::new(),
            class_resets: false,
            own_name: None,
            own_description: None,
            own_reset: None,
            trigger_on_create: false,
            properties: Map::new(),
            inputs: vec![Slot::trigger_input()],
            outputs: vec![Slot::trigger_output()],
            state: State::Idle,
            last_wave: 0,
            task: 0,
            wants_run: None,
            waiters: Vec::new(),
            requests_trigger: false,
            error: None,
            average: super::run::FIRST_AVERAGE,
            fast: false,
            saved: Map::new(),
        }
    }

    /// Makes the slots anew, as `class` describes them; what was changed about the old ones stays.
    /// Edges are gone afterwards.
    pub fn adopt(&mut self, class: Arc<NodeClass>) {
        let render = class.render_options.as_ref().and_then(|r| r.get("io"));
        let made = |specs: &[super::PortSpec], is_input| -> Vec<Slot> {
            let render = |id: &str| render.and_then(|io| io.get(id));
            let slots = specs.iter();
            slots
                .map(|spec| Slot::new(spec, is_input, render(&spec.id)))
                .collect()
        };
        let mut inputs = made(&class.inputs, true);
        inputs.push(Slot::trigger_input());
        let mut outputs = made(&class.outputs, false);
        outputs.push(Slot::trigger_output());
        for (new, old) in [(&mut inputs, &self.inputs), (&mut outputs, &self.outputs)] {
            for slot in new {
                if let Some(old) = old.iter().find(|old| old.id == slot.id) {
                    slot.inherit(old);
                }
            }
        }
        (self.inputs, self.outputs) = (inputs, outputs);
        self.node_name.clone_from(&class.name);
        self.class_name.clone_from(&class.class_name);
        self.class_description = class.description.clone().unwrap_or_default();
        self.class_resets = class.reset_inputs_on_trigger;
        let (description, resets) = (&self.class_description, self.class_resets);
        self.own_description.take_if(|own| own == description);
        self.own_reset.take_if(|own| *own == resets);
        let name = format!("{}({})", self.class_name, self.id);
        self.own_name.take_if(|own| *own == name);
        self.trigger_on_create = class.trigger_on_create;
        self.saved = Map::new();
        self.class = Some(class);
    }

    pub fn name(&self) -> String {
        match &self.own_name {
            Some(name) => name.clone(),
            None => format!("{}({})", self.class_name, self.id),
        }
    }

    pub fn description(&self) -> &str {
        self.own_description
            .as_deref()
            .unwrap_or(&self.class_description)
    }

    pub fn resets(&self) -> bool {
        self.own_reset.unwrap_or(self.class_resets)
    }

    /// The first required input without a value.
    pub fn missing(&self) -> Option<&Slot> {
        self.inputs.iter().find(|input| !input.is_ready())
    }

    pub fn is_ready(&self) -> bool {
        self.class.is_some() && self.missing().is_none()
    }

    pub fn is_active(&self) -> bool {
        self.state != State::Idle
    }

    pub fn not_ready(&self) -> GraphError {
        match self.missing() {
            Some(input) if self.class.is_some() => GraphError::NotReady {
                node: named(&self.id),
                io: named(&input.id),
            },
            _ => GraphError::Placeholder {
                node: named(&self.id),
                class: named(&self.class_id),
            },
        }
    }

    /// Position of an input or output; inputs come first when both go by the id.
    pub fn find(&self, io: &str) -> Result<(bool, usize)> {
        let at = |slots: &[Slot]| slots.iter().position(|slot| &*slot.id == io);
        let input = at(&self.inputs).map(|index| (true, index));
        input
            .or_else(|| at(&self.outputs).map(|index| (false, index)))
            .ok_or_else(|| GraphError::no_io(&self.id, io, "input or output"))
    }

    pub fn find_input(&self, io: &str) -> Result<usize> {
        let mut ids = self.inputs.iter().map(|slot| &*slot.id);
        ids.position(|id| id == io)
            .ok_or_else(|| GraphError::no_io(&self.id, io, "input"))
    }

    pub fn slot(&self, is_input: bool, index: usize) -> Option<&Slot> {
        if is_input {
            self.inputs.get(index)
        } else {
            self.outputs.get(index)
        }
    }

    pub fn slot_mut(&mut self, is_input: bool, index: usize) -> Option<&mut Slot> {
        if is_input {
            self.inputs.get_mut(index)
        } else {
            self.outputs.get_mut(index)
        }
    }

    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.inputs.iter().chain(&self.outputs)
    }

    /// The ends of the edges that come in.
    pub fn sources(&self) -> impl Iterator<Item = Pin> {
        let inputs = self.inputs.iter();
        inputs.flat_map(|input| input.sources.iter().copied())
    }
}
