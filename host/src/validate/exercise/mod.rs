//! What a component does when it runs: with its default configuration and with generated ones, against
//! devices that do what their author wrote down, that echo, that are silent, that answer nonsense and that hang up.
//!
//! A [`case::Case`] is a list of steps, which `ewh run` can take, too. Cases are made by [`plan`] from what lies
//! at the boundaries of types and from a seed, by [`generate`]; the same seed makes the same ones. A [`session`]
//! takes a class through them and goes on after a failure. One that fails is made as small as it gets by
//! [`shrink`] before it is reported. What was reached, and what was not, is said by [`reached`].

mod calls;
mod case;
mod command;
mod failure;
mod generate;
mod plan;
pub mod reached;
mod session;
mod shrink;
mod slope;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use uuid::Uuid;

use super::finding::{self, Finding};
use crate::audit::Auditor;
use crate::component::{LoadedComponent, PreparedComponent};
use crate::engine::SourceLine;
use crate::error::{HostError, Result};
use crate::executor::Simulated;
use crate::instance::description::Class;
use crate::instance::{Folder, Instance, Spec};
use crate::limits::Budget;
use crate::policy::Policy;
use crate::simulate::script::Script;
use crate::simulate::{self, Behaviour, Bench};
use case::{Case, Manner};
use reached::ClassReached;
use session::Session;

/// What is exercised, and how.
pub struct Subject {
    /// The component.
    pub component: Arc<LoadedComponent>,
    /// What it is called in the commands that repeat a case.
    pub file: String,
    /// What an instance may use, and, with real devices, what is granted.
    pub policy: Policy,
    /// What it meets.
    pub devices: Devices,
    /// What chance begins with.
    pub seed: u64,
    /// How long all of it may take. What was not reached by then is said.
    pub limit: Duration,
    /// Is told how far it is, now and then.
    pub progress: Box<dyn Fn(Progress<'_>) + Send + Sync>,
}

/// The devices that a component is exercised with.
#[derive(Debug)]
pub enum Devices {
    /// Simulated ones, which know no protocol.
    Simulated,
    /// First those that an author wrote down, then simulated ones.
    Scripted {
        /// What they do.
        script: Script,
        /// The directory where that is written.
        dir: String,
    },
    /// Those that the policy grants.
    Real {
        /// The file of the policy.
        policy: String,
    },
}

/// How far the exercise of a class is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Its id.
    pub class: &'a str,
    /// Cases that are done.
    pub done: usize,
    /// Cases that there are.
    pub planned: usize,
}

/// What an exercise came to.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong.
    pub found: Vec<Finding>,
    /// What was reached of each class.
    pub reached: Vec<ClassReached>,
}

/// Why an instance did not start, and the line where it trapped, if it did and that is known.
type NotStarted = (HostError, Option<SourceLine>);

/// A component that is ready for one case, with the devices of that case.
struct SetUp {
    prepared: Arc<PreparedComponent>,
    config: Json,
    _bench: Option<Bench>,
}

impl SetUp {
    /// Starts the instance of the case. The line is where it trapped, if it did and that is known.
    async fn start(&self, case: &Case, class: &Class) -> Result<Instance, NotStarted> {
        let spec = Spec {
            class_id: class.id().to_owned(),
            uuid: Uuid::from_u128(u128::from(case.seed)),
            name: class.id().to_owned(),
            config: self.config.clone(),
            state: None,
            folder: Folder::temporary(),
            auditor: Auditor::default(),
            secrets: Default::default(),
        };
        let (starting, _events) =
            Instance::begin(&self.prepared, spec).map_err(|error| (error, None))?;
        let instance = starting.instance().clone();
        if case.is_loopless {
            // Before the guest runs, so no turn begins.
            instance.turns().pause();
        }
        let started = starting.started().await;
        started.map_err(|error| (error, case::trapped_at(&instance)))
    }
}

impl Subject {
    /// `time` is simulated with the devices; `None`: both are real.
    async fn set_up(&self, case: &Case, time: Option<&Simulated>) -> Result<SetUp> {
        let budget = Budget {
            // A trap has to end it, to be seen.
            restarts: 0,
            // The case itself sees what is late; see `Step::take`.
            config_deadline_ms: self.policy.budget.config_deadline_ms.saturating_mul(2),
            ..self.policy.budget.clone()
        };
        let component = Arc::clone(&self.component);
        let Some(time) = time else {
            let policy = Policy {
                budget,
                ..self.policy.clone()
            };
            return Ok(SetUp {
                prepared: Arc::new(component.prepare(&policy).await?),
                config: case.config.clone(),
                _bench: None,
            });
        };
        let budget = Budget {
            // On simulated time a wait for its share would take none, and would come at another moment each
            // time.
            cpu_share: f64::from(u32::MAX),
            ..budget
        };
        let (others, script) = match (case.manner, &self.devices) {
            (Manner::Scripted, Devices::Scripted { script, .. }) => {
                (Behaviour::Echo, script.clone())
            }
            (Manner::Scripted, _) => (Behaviour::Echo, Script::default()),
            (Manner::Alike(behaviour), _) => (behaviour, Script::default()),
        };
        let (others, executor) = (Some(others), time.executor());
        let bench = Bench::new(&component, &budget, others, script, case.seed, executor).await?;
        Ok(SetUp {
            prepared: Arc::new(bench.prepare(&component, budget).await?),
            config: case.config.clone(),
            _bench: Some(bench),
        })
    }

    /// Runs `task`: where devices are simulated in a thread of its own, on simulated time.
    async fn in_its_time<R: Send + 'static>(
        &self,
        task: impl AsyncFnOnce(Option<&Simulated>) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        if self.has_real_devices() {
            return task(None).await;
        }
        let done = tokio::task::spawn_blocking(move || {
            let time = Simulated::new().map_err(|error| HostError::Engine(error.to_string()))?;
            time.block_on(task(Some(&time)))
        });
        done.await
            .map_err(|error| HostError::Engine(error.to_string()))?
    }

    /// How long a change of the configuration may take.
    fn config_deadline(&self) -> Duration {
        Duration::from_millis(self.policy.budget.config_deadline_ms)
    }

    fn has_real_devices(&self) -> bool {
        matches!(self.devices, Devices::Real { .. })
    }

    /// Whether a device is simulated for it, which says what no device says.
    fn is_simulated(&self) -> bool {
        let mut requests = self.component.manifest().requests.keys();
        !self.has_real_devices() && requests.any(|one| simulate::stands_in_for(*one))
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
pub async fn check(subject: &Arc<Subject>) -> Result<Report> {
    let begun = Instant::now();
    let classes = subject.component.describe(&subject.policy.budget).await?;
    let mut report = Report::default();
    for (at, class) in (0..).zip(&classes) {
        // What one class does not need is there for the next.
        let left = subject.limit.saturating_sub(begun.elapsed());
        let share = left / u32::try_from(classes.len() - at).unwrap_or(u32::MAX).max(1);
        let now = Instant::now();
        // The last part is kept for making cases small.
        let times = (now + share.mul_f64(0.75), now + share);
        let (found, reached) = Session::new(subject, class, times).run().await?;
        report.found.extend(found);
        report.reached.push(reached);
    }
    report.found.extend(unfinished(subject, &report.reached));
    Ok(report)
}

/// That the time was up before everything was tried, if it was.
fn unfinished(subject: &Subject, reached: &[ClassReached]) -> Option<Finding> {
    let cut = reached.iter().filter(|class| class.is_cut_short);
    let cut: Vec<_> = cut.map(|class| class.class.as_str()).collect();
    if cut.is_empty() {
        return None;
    }
    let problem = format!(
        "the time of {} s was up before everything was tried of: {}",
        subject.limit.as_secs(),
        cut.join(", ")
    );
    let fix = "give it more time, or let it take less: shorter waits, less work for a call";
    Some(Finding::new(&finding::NOT_FINISHED, problem, fix))
}
