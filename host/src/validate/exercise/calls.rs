//! The calls by which one node is tried: with what is required, with everything, at each boundary of each
//! input while the others are plain, with pairs of numbers, with what the seed puts together, and with what is
//! wrong.

use std::sync::Arc;

use super::case::Step;
use super::generate::{self, Generator, spread};
use super::plan::Node;
use crate::bindings::types::Port;
use crate::limits;

/// The calls of one node.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) steps: Vec<Step>,
    /// Further ones at boundaries, for which there is no room.
    pub(super) left_out: usize,
}

/// A call with nothing but what is required, plainly.
pub(super) fn least(node: &Node) -> Step {
    call(node, required, generate::plain)
}

/// A call with a value for every input, which the seed chooses.
pub(super) fn any(node: &Node, generator: &mut Generator) -> Step {
    call(node, |_| true, |port| generator.value(port))
}

/// A call with one input of another type, or without one that is required; `None`: nothing is wrong for it.
pub(super) fn any_wrong(node: &Node, generator: &mut Generator) -> Option<Step> {
    let inputs = &node.1.inputs;
    let port = inputs.get(generator.index(inputs.len())?)?;
    match generator.pick(&generate::wrong(port)) {
        Some(wrong) => Some(wrongly(node, port, Some(wrong))),
        None => required(port).then(|| wrongly(node, port, None)),
    }
}

/// At most `most` calls that try everything of `node`; only a few of them are the seed's choice.
pub(super) fn all(node: &Node, generator: &mut Generator, most: usize) -> Calls {
    let inputs = &node.1.inputs;
    let mut steps = vec![least(node)];
    if inputs.iter().any(|port| !required(port)) {
        steps.push(call(node, |_| true, generate::plain));
    }
    if inputs.is_empty() {
        let left_out = 0;
        return Calls { steps, left_out };
    }
    let pairs = spread(paired(node), most / 4);
    let wrong = spread(wrong(node), most / 4);
    let random = limits::RANDOM_CALLS.min(most / 4);
    let room = most.saturating_sub(steps.len() + pairs.len() + wrong.len() + random);
    let each = room / inputs.len();
    let mut left_out = 0;
    for port in inputs {
        let values = generate::boundaries(port);
        left_out += values.len().saturating_sub(each);
        let at = spread(values, each).into_iter();
        steps.extend(at.map(|value| with(node, &[(port, value)])));
    }
    steps.extend(pairs);
    steps.extend((0..random).map(|_| any(node, generator)));
    steps.extend(wrong);
    Calls { steps, left_out }
}

/// Every two inputs that take numbers, with numbers that have to do with each other.
fn paired(node: &Node) -> Vec<Step> {
    let numbers = node.1.inputs.iter();
    let numbers = numbers.filter(|port| !generate::pairs(port, port).is_empty());
    let numbers: Vec<_> = numbers.take(limits::MAX_PAIRED_INPUTS).collect();
    let mut steps = Vec::new();
    for (at, one) in numbers.iter().enumerate() {
        for other in numbers.iter().skip(at + 1) {
            let pairs = generate::pairs(one, other).into_iter();
            steps.extend(pairs.map(|(a, b)| with(node, &[(one, a), (other, b)])));
        }
    }
    steps
}

/// Each input with values of other types, and each that is required left out.
fn wrong(node: &Node) -> Vec<Step> {
    let mut steps = Vec::new();
    for port in &node.1.inputs {
        let values = spread(generate::wrong(port), limits::WRONG_VALUES_OF_AN_INPUT);
        steps.extend(
            values
                .into_iter()
                .map(|value| wrongly(node, port, Some(value))),
        );
        if required(port) {
            steps.push(wrongly(node, port, None));
        }
    }
    steps
}

fn required(port: &Port) -> bool {
    port.required && port.default.is_none()
}

/// A call with these values, and plain ones for what else is required.
fn with(node: &Node, values: &[(&Port, String)]) -> Step {
    let given = |port: &Port| {
        let value = values.iter().find(|(of, _)| of.name == port.name);
        value.map(|(_, value)| value.clone())
    };
    call(
        node,
        |port| required(port) || given(port).is_some(),
        |port| given(port).unwrap_or_else(|| generate::plain(port)),
    )
}

/// A call whose value for `port` is `wrong`, or is not there; the others are plain.
fn wrongly(node: &Node, port: &Port, wrong: Option<String>) -> Step {
    let mut step = call(node, |_| true, generate::plain);
    if let Step::Call {
        inputs, is_wrong, ..
    } = &mut step
    {
        *is_wrong = true;
        inputs.retain(|(name, _)| *name != port.name);
        inputs.extend(wrong.map(|value| (port.name.clone(), value)));
    }
    step
}

fn call(
    (path, node): &Node,
    wanted: impl Fn(&Port) -> bool,
    mut value: impl FnMut(&Port) -> String,
) -> Step {
    let given = node.inputs.iter().filter(|port| wanted(port));
    Step::Call {
        path: path.clone(),
        inputs: given.map(|port| (port.name.clone(), value(port))).collect(),
        node: Arc::clone(node),
        is_wrong: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::{NodeClass, Value};

    fn node(inputs: &[(&str, &str, bool)]) -> Node {
        let inputs = inputs.iter().map(|(name, type_, is_required)| Port {
            name: (*name).to_owned(),
            type_: (*type_).to_owned(),
            description: None,
            default: (!is_required).then_some(Value::None),
            required: *is_required,
            does_trigger: true,
            hidden: false,
            value_options: None,
            render_options: None,
        });
        let class = NodeClass {
            name: "f".to_owned(),
            title: None,
            description: None,
            inputs: inputs.collect(),
            outputs: Vec::new(),
            render_options: None,
            trigger_on_call: None,
            timeout_ms: None,
        };
        ("f".to_owned(), Arc::new(class))
    }

    fn of(node: &Node, seed: u64) -> Vec<Vec<(String, String)>> {
        let calls = all(node, &mut Generator::new(seed), limits::MAX_CALLS_OF_A_NODE);
        let right = calls.steps.into_iter().filter_map(|step| match step {
            Step::Call {
                inputs,
                is_wrong: false,
                ..
            } => Some(inputs),
            _ => None,
        });
        right.collect()
    }

    fn given(inputs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        inputs.iter().map(owned).collect()
    }

    #[test]
    fn whatever_the_seed_each_boundary_is_tried_alone() {
        let divide = node(&[("a", r#""int""#, true), ("b", r#""int""#, true)]);
        for seed in 0..10 {
            let calls = of(&divide, seed);
            assert_eq!(calls[0], given(&[("a", "1"), ("b", "1")]));
            for inputs in [
                given(&[("a", "1"), ("b", "0")]),
                given(&[("a", "0"), ("b", "1")]),
                given(&[("a", "-9223372036854775808"), ("b", "-1")]),
                given(&[("a", "2"), ("b", "3")]),
            ] {
                assert!(calls.contains(&inputs), "{inputs:?} at {seed}");
            }
            assert_eq!(calls, of(&divide, seed));
        }
        assert_ne!(of(&divide, 0), of(&divide, 1));
    }

    #[test]
    fn what_may_be_left_out_is_left_out_and_given() {
        let optional = node(&[("a", r#""int""#, true), ("b", r#""str""#, false)]);
        let calls = of(&optional, 0);
        assert_eq!(calls[0], given(&[("a", "1")]));
        assert_eq!(calls[1], given(&[("a", "1"), ("b", r#""plain text""#)]));
        assert!(calls.contains(&given(&[("a", "1"), ("b", r#""""#)])));
        assert_eq!(of(&node(&[]), 0), [given(&[])]);
    }

    #[test]
    fn there_are_no_more_calls_than_may_be_and_each_input_has_its_part() {
        let types = [r#""int""#, r#""float""#, r#""ndarray""#, r#""str""#];
        let names = ["a", "b", "c", "d"];
        let ports: Vec<_> = names.into_iter().zip(types).collect();
        let ports: Vec<_> = ports
            .into_iter()
            .map(|(name, of)| (name, of, true))
            .collect();
        let large = node(&ports);
        for most in [limits::MIN_CALLS_OF_A_NODE, 50, limits::MAX_CALLS_OF_A_NODE] {
            let calls = all(&large, &mut Generator::new(0), most);
            assert!(calls.steps.len() <= most, "{} of {most}", calls.steps.len());
            assert!(calls.left_out > 0 || most > 50, "{most}");
        }
    }
}
