//! Which cases a class is taken through.

use std::sync::Arc;

use serde_json::Value as Json;

use super::calls;
use super::case::{Case, Manner, Step};
use super::generate::Generator;
use super::{Devices, Subject};
use crate::bindings::types::{NodeClass, Shelf};
use crate::instance::description::{Class, shelf_nodes};
use crate::limits;
use crate::simulate::{Behaviour, no_config};

/// Turns of a loop in a case that is about calls.
const FEW_TURNS: u32 = 5;
/// Turns of a loop in a case that is about it.
const MANY_TURNS: u32 = 20;
/// Generated configurations that an instance is started with.
const CONFIGURATIONS: u64 = 5;
/// Times that every method is called with generated inputs, and with wrong ones, all in one instance.
const CALLS: usize = 3;

/// A method, or a node of a shelf: its path, and what it looks like.
pub(super) type Node = (String, Arc<NodeClass>);

/// What a case is to show, besides that nothing traps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Rates,
    Memory,
    Survival,
}

/// A case, and what it is for.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) case: Case,
    pub(super) purpose: Purpose,
    /// Calls that belong to it and for which there is no room.
    pub(super) left_out: usize,
}

/// The methods of a class and the nodes of `shelves`, and how many there are beyond those that are exercised.
pub(super) fn nodes(class: &Class, shelves: &[Shelf]) -> (Vec<Node>, usize) {
    let methods = class.declared.methods.iter();
    let methods = methods.map(|method| (method.name.clone(), Arc::new(method.clone())));
    let offered = shelf_nodes(shelves).into_iter();
    let offered = offered.map(|(path, node)| (path, Arc::new(node.clone())));
    let mut nodes: Vec<_> = methods.chain(offered).collect();
    let more = nodes.len().saturating_sub(limits::MAX_EXERCISED_NODES);
    nodes.truncate(limits::MAX_EXERCISED_NODES);
    (nodes, more)
}

/// What the cases of a class are made for.
pub(super) struct Planner<'a> {
    pub(super) subject: &'a Subject,
    pub(super) class: &'a Class,
}

impl Planner<'_> {
    fn generator(&self, salt: u64) -> Generator {
        Generator::new(self.subject.seed.wrapping_mul(1_000_003).wrapping_add(salt))
    }

    fn case(&self, manner: Manner, config: Json, steps: Vec<Step>) -> Case {
        Case {
            manner,
            seed: self.subject.seed,
            config,
            is_loopless: false,
            is_killed: false,
            steps,
            rounds: 1,
        }
    }

    /// How devices answer that are of the most use.
    fn helpful(&self) -> Manner {
        match self.subject.devices {
            Devices::Scripted { .. } => Manner::Scripted,
            Devices::Simulated | Devices::Real { .. } => Manner::Alike(Behaviour::Echo),
        }
    }

    fn others(&self) -> impl Iterator<Item = Manner> + use<> {
        let (helpful, is_simulated) = (self.helpful(), self.subject.is_simulated());
        let all = Behaviour::ALL.into_iter().map(Manner::Alike);
        all.filter(move |one| is_simulated && *one != helpful)
    }

    /// Generated configurations that fit the schema.
    fn configurations(&self) -> impl Iterator<Item = Json> {
        let of = |nth| self.generator(3 + nth).config(&self.class.config);
        (1..=CONFIGURATIONS).filter_map(of)
    }

    /// Ways to start an instance, the plainest first.
    pub(super) fn openings(&self) -> Vec<Case> {
        let helpful = self.helpful();
        let plain = [helpful].into_iter().chain(self.others());
        let plain = plain.map(|manner| (manner, no_config()));
        let configured = self.configurations().map(|config| (helpful, config));
        let openings = plain.chain(configured);
        openings
            .map(|(manner, config)| Case {
                // Its shelves are asked for, and nothing of its loop.
                is_loopless: true,
                ..self.case(manner, config, Vec::new())
            })
            .collect()
    }

    /// A few turns, every method once, as `home` starts.
    pub(super) fn by_the_book(&self, home: &Case, nodes: &[Node]) -> Planned {
        let mut steps = vec![Step::Turns(FEW_TURNS), Step::Shelves];
        steps.extend(nodes.iter().take(limits::MAX_RATED_CALLS).map(calls::least));
        planned(home, Purpose::Rates, steps)
    }

    /// Every case but that by the book. First those that try one node each, as `home` starts.
    pub(super) fn cases(&self, home: &Case, nodes: &[Node]) -> Vec<Planned> {
        let each = self.each(home, nodes);
        let rest = [
            self.at_large(home, nodes),
            turns_again_and_again(home),
            self.calls_again_and_again(home, nodes),
        ];
        let against = self.others().map(|one| self.against(one, nodes));
        let configured = self.configurations().zip(1..);
        let configured = configured.map(|(config, nth)| self.configured(config, nth, nodes));
        let all = each.into_iter().chain(rest).chain(against);
        let all = all.chain(configured);
        all.filter(|planned| !planned.case.steps.is_empty())
            .collect()
    }

    /// Everything that can be tried of each node by itself.
    fn each(&self, home: &Case, nodes: &[Node]) -> Vec<Planned> {
        let share = limits::MAX_EXERCISED_CALLS / nodes.len().max(1);
        let most = share.clamp(limits::MIN_CALLS_OF_A_NODE, limits::MAX_CALLS_OF_A_NODE);
        let of = |(nth, node): (u64, &Node)| {
            let calls = calls::all(node, &mut self.generator(1_000 + nth), most);
            Planned {
                left_out: calls.left_out,
                ..planned(home, Purpose::Survival, calls.steps)
            }
        };
        (0..).zip(nodes).map(of).collect()
    }

    /// Everything that anybody may do, right and wrong, in one instance.
    fn at_large(&self, home: &Case, nodes: &[Node]) -> Planned {
        let mut generator = self.generator(1);
        let schema = &self.class.config;
        let mut steps = vec![Step::Turns(MANY_TURNS)];
        for _ in 0..CALLS {
            for node in nodes {
                steps.push(calls::any(node, &mut generator));
                steps.extend(calls::any_wrong(node, &mut generator));
            }
            steps.extend(generator.wrong_config(schema).map(Step::Configure));
            steps.extend(generator.config(schema).map(Step::Configure));
            steps.push(Step::Shelves);
            steps.push(Step::Turns(FEW_TURNS));
        }
        planned(home, Purpose::Survival, steps)
    }

    /// The same calls over and over, while the loop rests.
    fn calls_again_and_again(&self, home: &Case, nodes: &[Node]) -> Planned {
        let few = nodes.iter().take(limits::MAX_RATED_CALLS);
        let round: Vec<_> = few.map(calls::least).collect();
        let each = u32::try_from(round.len()).unwrap_or(u32::MAX).max(1);
        let (least, most) = limits::MEMORY_ROUNDS.into_inner();
        let mut planned = planned(home, Purpose::Memory, round);
        planned.case.is_loopless = true;
        planned.case.rounds = (limits::MEMORY_CALLS / each).clamp(least, most);
        planned
    }

    /// Every method once, while the devices are of less use.
    fn against(&self, manner: Manner, nodes: &[Node]) -> Planned {
        let mut generator = self.generator(3);
        let mut steps = vec![Step::Turns(1)];
        let few = nodes.iter().take(limits::MAX_RATED_CALLS);
        steps.extend(few.map(|node| calls::any(node, &mut generator)));
        let case = self.case(manner, no_config(), steps);
        Planned {
            case,
            purpose: Purpose::Survival,
            left_out: 0,
        }
    }

    /// Every method once, with a generated configuration.
    fn configured(&self, config: Json, nth: u64, nodes: &[Node]) -> Planned {
        let mut generator = self.generator(100 + nth);
        let mut steps = vec![Step::Turns(FEW_TURNS)];
        steps.extend(nodes.iter().map(|node| calls::any(node, &mut generator)));
        Planned {
            case: self.case(self.helpful(), config, steps),
            purpose: Purpose::Survival,
            left_out: 0,
        }
    }
}

/// One turn over and over.
fn turns_again_and_again(home: &Case) -> Planned {
    let mut planned = planned(home, Purpose::Memory, vec![Step::Turns(1)]);
    planned.case.rounds = limits::MEMORY_TURNS;
    planned
}

/// These steps, in an instance that starts as `home` does.
fn planned(home: &Case, purpose: Purpose, steps: Vec<Step>) -> Planned {
    Planned {
        case: Case {
            is_loopless: false,
            steps,
            ..home.clone()
        },
        purpose,
        left_out: 0,
    }
}
