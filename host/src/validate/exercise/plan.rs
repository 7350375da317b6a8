//! Which cases a class is taken through.

use std::sync::Arc;

use serde_json::Value as Json;

use super::Subject;
use super::case::{self, Case, Step};
use super::generate::Generator;
use crate::bindings::types::NodeClass;
use crate::error::Result;
use crate::instance::description::{Class, shelf_nodes};
use crate::limits;
use crate::simulate::Behaviour;

/// Turns of a loop in a case that is about calls.
const FEW_TURNS: u32 = 5;
/// Turns of a loop in a case that is about it.
const MANY_TURNS: u32 = 20;
/// Generated configurations that an instance is started with.
const CONFIGURATIONS: u64 = 5;
/// Times that every method is called with generated inputs, and with wrong ones.
const CALLS: usize = 3;
/// Rounds of calls in the case that is about memory.
const ROUNDS: usize = 40;

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
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) case: Case,
    pub(super) purpose: Purpose,
}

/// The methods of a class.
fn methods(class: &Class) -> Vec<Node> {
    let methods = class.declared.methods.iter();
    methods
        .map(|method| (method.name.clone(), Arc::new(method.clone())))
        .take(limits::MAX_EXERCISED_NODES)
        .collect()
}

/// The methods of a class, and the nodes of the shelves that it offers once it runs. What keeps it from
/// offering any is found by the cases.
///
/// # Errors
/// When the host itself fails.
pub(super) async fn nodes(subject: &Arc<Subject>, class: &Arc<Class>) -> Result<Vec<Node>> {
    let mut nodes = methods(class);
    let case = Case {
        behaviour: Behaviour::Echo,
        seed: subject.seed,
        config: case::no_config(),
        steps: Vec::new(),
    };
    let shelves = case.shelves(subject, class).await?;
    let offered = shelf_nodes(&shelves).into_iter();
    nodes.extend(offered.map(|(path, node)| (path, Arc::new(node.clone()))));
    nodes.truncate(limits::MAX_EXERCISED_NODES);
    Ok(nodes)
}

/// Every case.
pub(super) fn cases(subject: &Subject, class: &Class, nodes: &[Node]) -> Vec<Planned> {
    let planner = Planner {
        subject,
        class,
        nodes,
    };
    let mut cases = vec![
        planner.by_the_book(),
        planner.at_large(),
        planner.again_and_again(),
    ];
    if !subject.has_devices() {
        // Without devices nothing keeps it from doing the same twice.
        cases.push(planner.by_the_book());
    } else if subject.real_policy.is_none() {
        let others = Behaviour::ALL
            .into_iter()
            .filter(|one| *one != Behaviour::Echo);
        cases.extend(others.map(|behaviour| planner.against(behaviour)));
    }
    cases.extend((1..=CONFIGURATIONS).filter_map(|nth| planner.configured(nth)));
    cases
}

struct Planner<'a> {
    subject: &'a Subject,
    class: &'a Class,
    nodes: &'a [Node],
}

impl Planner<'_> {
    fn generator(&self, salt: u64) -> Generator {
        Generator::new(self.subject.seed.wrapping_mul(1_000_003).wrapping_add(salt))
    }

    fn case(&self, behaviour: Behaviour, config: Json, steps: Vec<Step>) -> Case {
        Case {
            behaviour,
            seed: self.subject.seed,
            config,
            steps,
        }
    }

    fn planned(&self, purpose: Purpose, steps: Vec<Step>) -> Planned {
        Planned {
            case: self.case(Behaviour::Echo, case::no_config(), steps),
            purpose,
        }
    }

    /// A few turns, every method once.
    fn by_the_book(&self) -> Planned {
        let mut generator = self.generator(0);
        let mut steps = vec![Step::Turns(FEW_TURNS), Step::Shelves];
        let nodes = self.nodes.iter().take(limits::MAX_RATED_CALLS);
        steps.extend(nodes.map(|node| plain_call(node, &mut generator)));
        self.planned(Purpose::Rates, steps)
    }

    /// Everything that anybody may do, right and wrong.
    fn at_large(&self) -> Planned {
        let mut generator = self.generator(1);
        let schema = &self.class.config;
        let mut steps = vec![Step::Turns(MANY_TURNS)];
        for _ in 0..CALLS {
            for node in self.nodes {
                steps.push(any_call(node, &mut generator));
                steps.extend(wrong_call(node, &mut generator));
            }
            steps.extend(generator.wrong_config(schema).map(Step::Configure));
            steps.extend(generator.config(schema).map(Step::Configure));
            steps.push(Step::Shelves);
            steps.push(Step::Turns(FEW_TURNS));
        }
        self.planned(Purpose::Survival, steps)
    }

    /// The same calls over and over.
    fn again_and_again(&self) -> Planned {
        let mut generator = self.generator(2);
        let few = self.nodes.iter().take(limits::MAX_RATED_CALLS);
        let round: Vec<_> = few.map(|node| plain_call(node, &mut generator)).collect();
        let rounds = (0..ROUNDS).flat_map(|_| [Step::Turns(1)].into_iter().chain(round.clone()));
        self.planned(Purpose::Memory, rounds.collect())
    }

    /// Every method once, while the devices are of no use.
    fn against(&self, behaviour: Behaviour) -> Planned {
        let mut generator = self.generator(3);
        let mut steps = vec![Step::Turns(1)];
        let few = self.nodes.iter().take(limits::MAX_RATED_CALLS);
        steps.extend(few.map(|node| any_call(node, &mut generator)));
        Planned {
            case: self.case(behaviour, case::no_config(), steps),
            purpose: Purpose::Survival,
        }
    }

    /// Every method once, with a generated configuration.
    fn configured(&self, nth: u64) -> Option<Planned> {
        let mut generator = self.generator(3 + nth);
        let config = generator.config(&self.class.config)?;
        let mut steps = vec![Step::Turns(FEW_TURNS)];
        steps.extend(self.nodes.iter().map(|node| any_call(node, &mut generator)));
        Some(Planned {
            case: self.case(Behaviour::Echo, config, steps),
            purpose: Purpose::Survival,
        })
    }
}

/// A call with nothing but what is required.
fn plain_call(node: &Node, generator: &mut Generator) -> Step {
    call(node, generator, |_| false)
}

/// A call with a value for every input.
fn any_call(node: &Node, generator: &mut Generator) -> Step {
    call(node, generator, |_| true)
}

fn call(
    (path, node): &Node,
    generator: &mut Generator,
    wanted: impl Fn(&crate::bindings::types::Port) -> bool,
) -> Step {
    let given = node
        .inputs
        .iter()
        .filter(|port| wanted(port) || (port.required && port.default.is_none()));
    Step::Call {
        path: path.clone(),
        inputs: given
            .map(|port| (port.name.clone(), generator.value(port)))
            .collect(),
        node: Arc::clone(node),
        is_wrong: false,
    }
}

/// A call with one input of another type, or without one that is required; `None`: nothing is wrong for
/// it.
fn wrong_call((path, node): &Node, generator: &mut Generator) -> Option<Step> {
    let mut inputs: Vec<_> = node
        .inputs
        .iter()
        .map(|port| (port.name.clone(), generator.value(port)))
        .collect();
    let chosen = generator.index(inputs.len())?;
    let port = node.inputs.get(chosen)?;
    match generator.wrong_value(port) {
        Some(wrong) => inputs.get_mut(chosen)?.1 = wrong,
        None if port.required && port.default.is_none() => drop(inputs.remove(chosen)),
        None => return None,
    }
    Some(Step::Call {
        path: path.clone(),
        inputs,
        node: Arc::clone(node),
        is_wrong: true,
    })
}
