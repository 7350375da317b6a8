//! What a component does when it runs: with its default configuration and with generated ones, against
//! devices that answer, that do not, that answer nonsense and that hang up.
//!
//! A [`case::Case`] is a list of steps, which `ewh run` can take, too. Cases are made from a seed by
//! [`generate`]; the same seed makes the same ones. One that fails is made as small as it gets by
//! [`shrink`] before it is reported.

mod case;
mod generate;
mod plan;
mod shrink;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value as Json;
use uuid::Uuid;

use super::finding::{self, Finding};
use crate::component::{LoadedComponent, PreparedComponent};
use crate::engine::SourceLine;
use crate::error::{HostError, Result};
use crate::instance::description::Class;
use crate::instance::{Instance, Spec};
use crate::limits::{self, Budget};
use crate::policy::Policy;
use crate::simulate::Bench;
use case::{Case, Failure, Ran};
use plan::{Planned, Purpose};

/// What is exercised, and how.
pub struct Subject {
    /// The component.
    pub component: Arc<LoadedComponent>,
    /// What it is called in the commands that repeat a case.
    pub file: String,
    /// What an instance may use, and, with real devices, what is granted.
    pub policy: Policy,
    /// The file of `policy`, when the devices that it grants are used; `None`: devices are simulated.
    pub real_policy: Option<String>,
    /// What chance begins with.
    pub seed: u64,
    /// Within this the exercise is to come to its end.
    pub limit: Duration,
}

/// A component that is ready for one case, with the devices of that case.
struct SetUp {
    prepared: Arc<PreparedComponent>,
    config: Json,
    _bench: Option<Bench>,
}

impl SetUp {
    /// Starts the instance of the case. The line is where it trapped, if it did and that is known.
    async fn start(
        &self,
        case: &Case,
        class: &Class,
    ) -> Result<Instance, (HostError, Option<SourceLine>)> {
        let spec = Spec {
            class_id: class.id().to_owned(),
            uuid: Uuid::from_u128(u128::from(case.seed)),
            name: class.id().to_owned(),
            config: self.config.clone(),
            state: None,
        };
        let (starting, _events) =
            Instance::begin(&self.prepared, spec).map_err(|error| (error, None))?;
        let instance = starting.instance().clone();
        let started = starting.started().await;
        started.map_err(|error| (error, case::trapped_at(&instance)))
    }
}

impl Subject {
    async fn set_up(&self, case: &Case, class: &Class) -> Result<SetUp> {
        let budget = Budget {
            // A trap has to end it, to be seen.
            restarts: 0,
            // The case itself sees what is late; see `Step::take`.
            config_deadline_ms: self.policy.budget.config_deadline_ms.saturating_mul(2),
            ..self.policy.budget.clone()
        };
        let component = Arc::clone(&self.component);
        if self.real_policy.is_some() {
            let policy = Policy {
                budget,
                ..self.policy.clone()
            };
            return Ok(SetUp {
                prepared: Arc::new(component.prepare(&policy).await?),
                config: case.config.clone(),
                _bench: None,
            });
        }
        let bench = Bench::new(&component, &budget, case.behaviour, case.seed).await?;
        Ok(SetUp {
            prepared: Arc::new(component.prepare(&bench.policy(budget)).await?),
            config: bench.adapted(class, &case.config),
            _bench: Some(bench),
        })
    }

    /// How long a change of the configuration may take.
    fn config_deadline(&self) -> Duration {
        Duration::from_millis(self.policy.budget.config_deadline_ms)
    }

    /// Whether it has something of the world, so that it may do otherwise the second time.
    fn has_devices(&self) -> bool {
        !self.component.manifest().requests.is_empty()
    }
}

/// Exercises every class of the subject.
///
/// # Errors
/// When the host itself fails.
pub async fn check(subject: &Subject) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for class in subject.component.describe(&subject.policy.budget).await? {
        check_class(subject, &class, &mut found).await?;
    }
    Ok(found)
}

async fn check_class(subject: &Subject, class: &Class, found: &mut Vec<Finding>) -> Result<()> {
    let nodes = plan::nodes(subject, class).await?;
    let cases = plan::cases(subject, class, &nodes);
    let ran: Vec<Result<(Planned, Ran)>> = futures_util::stream::iter(cases)
        .map(async |planned| {
            let ran = planned.case.run(subject, class).await?;
            Ok((planned, ran))
        })
        .buffered(limits::MAX_CASES_AT_ONCE)
        .collect()
        .await;
    let ran = ran.into_iter().collect::<Result<Vec<_>>>()?;
    let mut seen = BTreeSet::new();
    for (planned, ran) in &ran {
        if let Some(failure) = fault(planned.purpose, ran)
            && seen.insert((failure.code.name, failure.place.clone()))
        {
            let fails = async |case: &Case| {
                let again = fault(planned.purpose, &case.run(subject, class).await?);
                Ok(again.is_some_and(|again| again.is_like(&failure)))
            };
            let case = shrink::shrink(planned.case.clone(), failure.step, fails).await?;
            found.push(reported(&failure, &case, subject, class));
        }
    }
    let started = ran.iter().any(|(_, ran)| ran.refused.is_none());
    let why = ran.iter().find_map(|(_, ran)| ran.refused.clone());
    if let (false, Some(why), true) = (started, why, seen.is_empty()) {
        let fix = "connect in the loop or at the first call, or use `--devices real`";
        let problem = format!("`start` refused every configuration; the first time: {why}");
        let here = format!("class {}, start", class.id());
        found.push(Finding::new(&finding::NOT_STARTED, problem, fix).at(here));
    }
    found.extend(twice(&ran, subject, class).await?);
    Ok(())
}

fn reported(failure: &Failure, case: &Case, subject: &Subject, class: &Class) -> Finding {
    let advice = match failure.code.name {
        "trapped" => "return an error instead",
        "over-rate" => "log and emit what changes",
        "memory-grows" => "let go of what is not needed",
        "differs" => "look for what is left over from before",
        "too-slow" => "give every wait a time limit of its own",
        "wrong-value-taken" => "refuse it with `invalid-input`",
        "bad-shelf" => "correct what `get-nodeshelf` returns",
        _ => "return what is declared, or declare what is returned",
    };
    let again = case.command(subject, class);
    let place = match failure.place.as_str() {
        "" => format!("class {}", class.id()),
        place => format!("class {}, {place}", class.id()),
    };
    Finding::new(
        failure.code,
        failure.problem.clone(),
        format!("{advice}; to see it again:\n{again}"),
    )
    .at(place)
    .in_source(failure.source.clone())
}

/// What is wrong with a run: a step of it, or else its rates or its memory as a whole.
fn fault(purpose: Purpose, ran: &Ran) -> Option<Failure> {
    if ran.failure.is_some() {
        return ran.failure.clone();
    }
    let status = ran.status.as_ref()?;
    let (lines, events) = (status.dropped_log_lines, status.refused_events);
    match purpose {
        Purpose::Rates if lines + events > 0 => {
            let problem = format!(
                "{lines} log lines and {events} events were too many, in a few turns and one call of \
                 each method"
            );
            Some(Failure::new(&finding::OVER_RATE, "", problem))
        }
        Purpose::Memory => {
            let problem = format!(
                "in the second half of {} steps it took {} bytes more, and went on taking",
                ran.memory.len(),
                growth(&ran.memory)?
            );
            Some(Failure::new(&finding::MEMORY_GROWS, "", problem))
        }
        _ => None,
    }
}

/// How much the memory grew in the second half, if it grew in each of its quarters, and by more than an
/// allocator that settles.
fn growth(memory: &[u64]) -> Option<u64> {
    let at = |eighths: usize| {
        memory
            .get((memory.len() * eighths / 8).saturating_sub(1))
            .copied()
    };
    let marks = [at(4)?, at(5)?, at(6)?, at(7)?, at(8)?];
    let always = marks.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    let grown = at(8)?.saturating_sub(at(4)?);
    (always && grown >= limits::GROWTH_BYTES).then_some(grown)
}

/// Whether the two runs of the same case, where nothing of the world is in it, ended alike.
async fn twice(
    ran: &[(Planned, Ran)],
    subject: &Subject,
    class: &Class,
) -> Result<Option<Finding>> {
    let mut runs = ran
        .iter()
        .filter(|(planned, _)| planned.purpose == Purpose::Rates);
    let (Some((planned, one)), Some((_, two))) = (runs.next(), runs.next()) else {
        return Ok(None);
    };
    let Some(failure) = difference(one, two) else {
        return Ok(None);
    };
    let fails = async |case: &Case| {
        let one = case.run(subject, class).await?;
        Ok(difference(&one, &case.run(subject, class).await?).is_some())
    };
    let case = shrink::shrink(planned.case.clone(), failure.step, fails).await?;
    Ok(Some(reported(&failure, &case, subject, class)))
}

/// The first step that ended otherwise in `two` than in `one`.
fn difference(one: &Ran, two: &Ran) -> Option<Failure> {
    let step = one.ends.iter().zip(&two.ends).position(|(a, b)| a != b)?;
    let problem = format!(
        "step {} of {} succeeded in one run and failed in the other, or failed otherwise",
        step + 1,
        one.ends.len()
    );
    Some(Failure {
        step: Some(step),
        ..Failure::new(&finding::DIFFERS, "", problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_when_it_does_not_stop() {
        let grows: Vec<u64> = (0..80).map(|n| n * limits::GROWTH_BYTES / 10).collect();
        assert!(growth(&grows).is_some());
        let settles: Vec<u64> = grows.iter().map(|n| (*n).min(grows[50])).collect();
        assert_eq!(growth(&settles), None);
        let slightly: Vec<u64> = (0..80).collect();
        assert_eq!(growth(&slightly), None);
        assert_eq!(growth(&[]), None);
    }
}
