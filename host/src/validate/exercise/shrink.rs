//! From a case that fails to the smallest one that fails alike.

use serde_json::Value as Json;

use super::case::{self, Case, Step};
use crate::error::HostError;
use crate::limits;

/// Leaves out of `case`, which fails at its step `failed_at` or as a whole, whatever it `fails` without.
///
/// # Errors
/// When the host itself fails.
pub(super) async fn shrink(
    mut case: Case,
    failed_at: Option<usize>,
    fails: impl AsyncFn(&Case) -> Result<bool, HostError>,
) -> Result<Case, HostError> {
    if let Some(step) = failed_at {
        case.steps.truncate(step + 1);
    }
    let mut runs = limits::MAX_SHRINKING_RUNS;
    let mut at = 0;
    while let Some(smaller) = smaller(&case, &mut at) {
        if runs == 0 {
            break;
        }
        runs -= 1;
        if fails(&smaller).await? {
            case = smaller;
        } else {
            at += 1;
        }
    }
    Ok(case)
}

/// The `at`th way to make `case` smaller; `at` goes over those that make no difference.
fn smaller(case: &Case, at: &mut usize) -> Option<Case> {
    loop {
        let smaller = nth(case, *at)?;
        if smaller != *case {
            return Some(smaller);
        }
        *at += 1;
    }
}

/// Ways to make a case smaller: no configuration of its own, then without each step that is there more
/// than once, all of it, then without each of its steps, then without each input of each call.
fn nth(case: &Case, at: usize) -> Option<Case> {
    let mut smaller = case.clone();
    let Some(at) = at.checked_sub(1) else {
        smaller.config = case::no_config();
        return Some(smaller);
    };
    let repeated = repeated(&case.steps);
    if let Some(&step) = repeated.get(at) {
        smaller.steps.retain(|other| other != step);
        return Some(smaller);
    }
    let at = at - repeated.len();
    let steps = case.steps.len();
    if at < steps {
        // The last one is the one that fails, most of the time.
        smaller.steps.remove(steps - 1 - at);
        return Some(smaller);
    }
    let mut left = at - steps;
    for step in &mut smaller.steps {
        match step {
            Step::Call { inputs, node, .. } => {
                if left < inputs.len() {
                    let (name, value) = inputs.get_mut(left)?;
                    let port = node.inputs.iter().find(|port| port.name == *name);
                    // What is required is not left out, only made plain.
                    if port.is_some_and(|port| port.required && port.default.is_none()) {
                        *value = plain(value);
                    } else {
                        inputs.remove(left);
                    }
                    return Some(smaller);
                }
                left -= inputs.len();
            }
            Step::Turns(turns) => {
                if left == 0 {
                    *turns = 1;
                    return Some(smaller);
                }
                left -= 1;
            }
            Step::Configure(_) | Step::Shelves => {}
        }
    }
    None
}

/// Each step that is there more than once.
fn repeated(steps: &[Step]) -> Vec<&Step> {
    let mut repeated = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let again = steps.iter().skip(at + 1).any(|other| other == step);
        if again && !repeated.contains(&step) {
            repeated.push(step);
        }
    }
    repeated
}

/// The plainest value of the same kind.
fn plain(value: &Json) -> Json {
    match value {
        Json::Null => Json::Null,
        Json::Bool(_) => false.into(),
        Json::Number(number) if number.is_f64() => 0.0.into(),
        Json::Number(_) => 0.into(),
        Json::String(_) => "".into(),
        Json::Array(_) => Json::Array(Vec::new()),
        Json::Object(_) => Json::Object(serde_json::Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::simulate::Behaviour;

    #[test]
    fn every_part_of_a_case_is_left_out_once() {
        let case = Case {
            behaviour: Behaviour::Echo,
            seed: 0,
            config: json!({"a": 1}),
            steps: vec![Step::Turns(5), Step::Configure(json!({"b": 2}))],
        };
        let ways: Vec<_> = (0..).map_while(|at| nth(&case, at)).collect();
        assert_eq!(ways.len(), 4);
        assert_eq!(ways[0].config, json!({}));
        assert_eq!(ways[1].steps, [Step::Turns(5)]);
        assert_eq!(ways[2].steps, [Step::Configure(json!({"b": 2}))]);
        assert_eq!(ways[3].steps[0], Step::Turns(1));
        // What is repeated goes all at once, first.
        let again = Case {
            steps: [Step::Turns(1), Step::Shelves]
                .into_iter()
                .cycle()
                .take(6)
                .collect(),
            ..case.clone()
        };
        assert_eq!(nth(&again, 1).unwrap().steps, vec![Step::Shelves; 3]);
        assert_eq!(nth(&again, 2).unwrap().steps, vec![Step::Turns(1); 3]);
        assert_eq!(nth(&again, 3).unwrap().steps.len(), 5);
        // Those that change nothing are gone over.
        let mut at = 0;
        let plain = Case {
            config: json!({}),
            steps: vec![Step::Turns(1)],
            ..case
        };
        assert_eq!(smaller(&plain, &mut at).unwrap().steps, []);
        assert_eq!(at, 1);
    }
}
