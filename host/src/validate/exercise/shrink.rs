//! From a case that fails to the smallest one that fails alike.

use super::case::{Case, Step};
use crate::error::HostError;
use crate::simulate::no_config;

/// Leaves out of `case`, which fails at its step `failed_at` or as a whole, whatever it `fails` without, in at
/// most `runs` runs.
///
/// # Errors
/// When the host itself fails.
pub(super) async fn shrink(
    mut case: Case,
    failed_at: Option<usize>,
    mut runs: usize,
    fails: impl AsyncFn(&Case) -> Result<bool, HostError>,
) -> Result<Case, HostError> {
    if let Some(step) = failed_at {
        case.steps.truncate(step + 1);
        case.rounds = 1;
    }
    // Alone first: most of the time the step needs no other.
    let alone: Vec<_> = match failed_at {
        Some(_) => case.steps.last().cloned().into_iter().collect(),
        None => distinct(&case.steps),
    };
    for step in alone {
        if case.steps.len() < 2 || runs == 0 {
            break;
        }
        runs -= 1;
        let smaller = Case {
            steps: vec![step],
            ..case.clone()
        };
        if fails(&smaller).await? {
            case = smaller;
            break;
        }
    }
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
        smaller.config = no_config();
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
            // Without the input that is wrong it would be right.
            Step::Call { is_wrong: true, .. } => {}
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

/// Each step once.
fn distinct(steps: &[Step]) -> Vec<Step> {
    let mut distinct: Vec<Step> = Vec::new();
    for step in steps {
        if !distinct.contains(step) {
            distinct.push(step.clone());
        }
    }
    distinct
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

/// The plainest value of the same kind, as it is typed; an array of a type of its own stays what it is.
fn plain(text: &str) -> String {
    let first = text.chars().next();
    let plain = match first {
        Some('"') => "\"\"",
        Some('[') => "[]",
        Some('{') if !text.contains("\"dtype\"") => "{}",
        Some('t' | 'f') if matches!(text, "true" | "false") => "false",
        _ if text.parse::<i64>().is_ok() => "0",
        _ if text.parse::<f64>().is_ok() => "0.0",
        _ => text,
    };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::super::case::Manner;
    use super::*;
    use crate::simulate::Behaviour;

    fn case(steps: Vec<Step>) -> Case {
        Case {
            manner: Manner::Alike(Behaviour::Echo),
            seed: 0,
            config: json!({"a": 1}),
            is_loopless: false,
            is_killed: false,
            steps,
            rounds: 1,
        }
    }

    #[test]
    fn every_part_of_a_case_is_left_out_once() {
        let case = case(vec![Step::Turns(5), Step::Configure(json!({"b": 2}))]);
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

    #[tokio::test]
    async fn what_fails_alone_is_found_in_a_few_runs() {
        let steps = (1..100).map(Step::Turns).chain([Step::Shelves]).collect();
        let ran = Cell::new(0);
        let fails = async |case: &Case| {
            ran.set(ran.get() + 1);
            Ok(case.steps.contains(&Step::Shelves))
        };
        let small = shrink(case(steps), Some(99), 60, fails).await.unwrap();
        assert_eq!(small.steps, [Step::Shelves]);
        assert_eq!(small.config, json!({}));
        assert!(ran.get() < 5, "{}", ran.get());
    }

    #[tokio::test]
    async fn no_more_runs_are_made_than_may_be() {
        let steps: Vec<_> = (1..20).map(Step::Turns).collect();
        let ran = Cell::new(0);
        let fails = async |_: &Case| {
            ran.set(ran.get() + 1);
            Ok(false)
        };
        let small = shrink(case(steps), None, 3, fails).await.unwrap();
        assert_eq!((small.steps.len(), ran.get()), (19, 3));
    }

    #[test]
    fn values_become_plain_as_they_are_typed() {
        for (text, expected) in [
            ("9223372036854775807", "0"),
            ("NaN", "0.0"),
            ("1e300", "0.0"),
            ("\"long\"", "\"\""),
            ("[1, 2]", "[]"),
            ("{\"a\": 1}", "{}"),
            ("true", "false"),
            ("null", "null"),
            ("data:;base64,AA==", "data:;base64,AA=="),
        ] {
            assert_eq!(plain(text), expected);
        }
        let array = r#"{"dtype":"u8","shape":[0],"data":[]}"#;
        assert_eq!(plain(array), array);
    }
}
