//! What the runs of a class's cases say of it: one finding for each cause, with the smallest case that shows
//! it.

use std::cell::Cell;
use std::time::Instant;

use super::super::finding::{self, Finding};
use super::case::{Case, LOOP, Ran, Step};
use super::failure::Failure;
use super::plan::{Node, Planned, Purpose};
use super::reached::Tally;
use super::session::{Failed, Session, growth};
use super::{calls, shrink, slope};
use crate::error::Result;
use crate::instance::meter;
use crate::limits;

/// Calls of a node, each refused as invalid, from which it seems to take nothing.
const REFUSED_CALLS: u64 = 3;

/// One finding for each cause of `failed`, in their order.
///
/// # Errors
/// When the host itself fails.
pub(super) async fn findings(session: &Session<'_>, failed: Vec<Failed>) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for (one, others) in by_cause(failed) {
        let (case, failure) = smallest(session, one).await?;
        found.push(reported(session, &failure, &others, &case));
    }
    Ok(found)
}

/// The first failure of each cause, and the other places where it showed.
fn by_cause(failed: Vec<Failed>) -> Vec<(Failed, Vec<String>)> {
    let mut causes: Vec<(Failed, Vec<String>)> = Vec::new();
    for one in failed {
        let cause = one.failure.cause();
        let place = one.failure.place.clone();
        let mut known = causes.iter_mut();
        match known.find(|(first, _)| first.failure.cause() == cause) {
            Some((first, others)) => {
                if first.failure.place != place && !others.contains(&place) {
                    others.push(place);
                }
            }
            None => causes.push((one, Vec::new())),
        }
    }
    causes
}

/// The smallest case that fails in the same way, and how it failed.
async fn smallest(session: &Session<'_>, one: Failed) -> Result<(Case, Failure)> {
    let Failed { planned, failure } = one;
    let leaked = Cell::new(None);
    let fails = async |case: &Case| {
        let now = Instant::now();
        if now >= session.ends {
            return Ok(false);
        }
        let until = if failure.code == &finding::MEMORY_GROWS {
            session.ends.min(now + limits::MEMORY_PATIENCE)
        } else {
            session.ends
        };
        let ran = case.run(session.subject, session.class, until).await?;
        Ok(match ran.failure {
            Some(again) => again.is_like(&failure),
            None if failure.code == &finding::MEMORY_GROWS => {
                let leak = slope::leak(&ran.memory);
                leaked.set(leak.or(leaked.get()));
                leak.is_some()
            }
            None => failure.code == &finding::OVER_RATE && flood(&ran).is_some(),
        })
    };
    let runs = if failure.is_costly() {
        limits::MAX_COSTLY_SHRINKING_RUNS
    } else {
        limits::MAX_SHRINKING_RUNS
    };
    let case = shrink::shrink(planned.case, failure.step, runs, fails).await?;
    let failure = match leaked.get() {
        Some(leak) => growth(&case, leak),
        None => failure,
    };
    Ok((case, failure))
}

/// That it said more than its budget lets through.
pub(super) fn flood(ran: &Ran) -> Option<Failure> {
    let status = ran.status.as_ref()?;
    let (lines, events) = (status.dropped_log_lines, status.refused_events);
    if lines + events == 0 {
        return None;
    }
    let problem = format!(
        "{lines} log lines and {events} events were too many, in a few turns and one call of each method"
    );
    Some(Failure::new(&finding::OVER_RATE, "", problem))
}

/// That every turn of the loop failed, where no simulated device can be why.
pub(super) fn failing_loop(session: &Session<'_>, book: &Planned, ran: &Ran) -> Option<Finding> {
    let turns = &ran.status.as_ref()?.turns;
    if turns.turns == 0 || turns.errors < turns.turns || session.subject.is_simulated() {
        return None;
    }
    let why = turns.last_error.as_deref().unwrap_or_default();
    let problem = format!("each of {} turns failed; the last time: {why}", turns.turns);
    let failure = Failure::new(&finding::LOOP_FAILS, LOOP, problem);
    let mut case = book.case.clone();
    case.steps.retain(|step| matches!(step, Step::Turns(_)));
    Some(reported(session, &failure, &[], &case))
}

/// Nodes that refused whatever they were called with, although it was of the declared types.
pub(super) fn refusing_nodes(
    session: &Session<'_>,
    home: &Case,
    nodes: &[Node],
    tally: &Tally,
) -> Vec<Finding> {
    let refusing = nodes.iter().filter(|(_, node)| !node.inputs.is_empty());
    let refusing = refusing.filter_map(|node| {
        let (calls, why) = tally.takes_nothing(&node.0, REFUSED_CALLS)?;
        let step = calls::least(node);
        let problem = format!(
            "it refused each of {calls} calls as `invalid-input`, though all values were of the declared \
             types; most often: {why}"
        );
        let failure = Failure::new(&finding::INPUT_NOT_TAKEN, step.place(), problem);
        let case = Case {
            is_loopless: session.is_loopless(),
            steps: vec![step],
            ..home.clone()
        };
        Some(reported(session, &failure, &[], &case))
    });
    refusing.collect()
}

/// Whether a case that ran once, where nothing of the world is in it, ends alike the second time.
///
/// # Errors
/// When the host itself fails.
pub(super) async fn difference(
    session: &Session<'_>,
    planned: &Planned,
    first: &Ran,
) -> Result<Option<Finding>> {
    debug_assert_eq!(planned.purpose, Purpose::Rates, "only that is run twice");
    let run = async |case: &Case| {
        let (subject, class) = (session.subject, session.class);
        case.run(subject, class, session.ends).await
    };
    // Time and devices are the same each time; chance is not.
    let otherwise = |case: &Case| Case {
        seed: case.seed.wrapping_add(1),
        ..case.clone()
    };
    let Some(failure) = differs(first, &run(&otherwise(&planned.case)).await?) else {
        return Ok(None);
    };
    let fails = async |case: &Case| {
        let one = run(case).await?;
        Ok(differs(&one, &run(&otherwise(case)).await?).is_some())
    };
    let runs = limits::MAX_SHRINKING_RUNS;
    let case = shrink::shrink(planned.case.clone(), failure.step, runs, fails).await?;
    Ok(Some(reported(session, &failure, &[], &case)))
}

/// The first step that ended otherwise in `two` than in `one`.
fn differs(one: &Ran, two: &Ran) -> Option<Failure> {
    let step = one.ends.iter().zip(&two.ends).position(|(a, b)| a != b)?;
    let problem = format!(
        "step {} of {} succeeded in one run and failed in the other, by chance, or failed otherwise",
        step + 1,
        one.ends.len()
    );
    Some(Failure {
        step: Some(step),
        ..Failure::new(&finding::DIFFERS, "", problem)
    })
}

fn reported(session: &Session<'_>, failure: &Failure, others: &[String], case: &Case) -> Finding {
    let advice = match failure.code.name {
        "trapped" if meter::is_spin(&failure.problem) => {
            "let it wait where there is nothing to do (`sleep(..).await`), or split long work into turns"
        }
        "trapped" => "return an error instead",
        "over-rate" => "log and emit what changes",
        "memory-grows" => "let go of what is not needed",
        "differs" => "look for an order that changes; the next `--seed` shows the other end",
        "too-slow" => "give every wait a time limit of its own",
        "wrong-value-taken" => "refuse it with `invalid-input`",
        "bad-shelf" => "correct what `get-nodeshelf` returns",
        "loop-fails" => "let it wait for what it needs, and return an error only for what is wrong",
        "input-not-taken" => "declare the type that the code takes, or its options if they are few",
        _ => "return what is declared, or declare what is returned",
    };
    let again = case.command(session.subject, session.class);
    let class = session.class.id();
    let place = match failure.place.as_str() {
        "" => format!("class {class}"),
        place => format!("class {class}, {place}"),
    };
    let problem = match others {
        [] => failure.problem.clone(),
        others => format!("{} (the same in: {})", failure.problem, others.join(", ")),
    };
    Finding::new(
        failure.code,
        problem,
        format!("{advice}; to see it again:\n{again}"),
    )
    .at(place)
    .in_source(failure.source.clone())
}

#[cfg(test)]
mod tests {
    use super::super::case::Manner;
    use super::*;
    use crate::simulate::{Behaviour, no_config};

    fn failed(place: &str, problem: &str) -> Failed {
        let case = Case {
            manner: Manner::Alike(Behaviour::Echo),
            seed: 0,
            config: no_config(),
            is_loopless: false,
            is_killed: false,
            steps: Vec::new(),
            rounds: 1,
        };
        Failed {
            planned: Planned {
                case,
                purpose: Purpose::Survival,
                left_out: 0,
            },
            failure: Failure::new(&finding::TRAPPED, place, problem),
        }
    }

    #[test]
    fn there_is_one_finding_for_each_cause_with_every_place() {
        let causes = by_cause(vec![
            failed("method a", "it panicked: no, at src/lib.rs:1:2"),
            failed("method b", "it panicked: never, at src/lib.rs:9:2"),
            failed("method c", "it panicked: no, at src/lib.rs:1:2"),
            failed("method a", "it panicked: no, at src/lib.rs:1:2"),
            failed("method c", "it panicked: no, at src/lib.rs:1:2"),
        ]);
        let places: Vec<_> = causes
            .iter()
            .map(|(first, others)| (first.failure.place.as_str(), others.join(", ")))
            .collect();
        let expected = [
            ("method a", "method c".to_owned()),
            ("method b", String::new()),
        ];
        assert_eq!(places, expected);
    }
}
