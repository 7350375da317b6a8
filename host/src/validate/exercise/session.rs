//! One class is exercised: how it starts, by the book, each node by itself, and then everything else. What was
//! found to be broken is not paid for again, and what comes after a failure is tried in a new instance.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};

use super::case::{Case, LOOP, Ran, Step};
use super::failure::{Cause, Failure};
use super::plan::{self, Node, Planned, Planner, Purpose};
use super::reached::{ClassReached, Tally};
use super::slope::{self, Leak};
use super::{Progress, Subject, verdict};
use crate::error::Result;
use crate::instance::description::Class;
use crate::limits;
use crate::simulate::no_config;
use crate::validate::finding::{self, Finding};
use crate::validate::ports;

/// The exercise of one class.
pub(super) struct Session<'a> {
    pub(super) subject: &'a Arc<Subject>,
    pub(super) class: &'a Arc<Class>,
    /// When nothing further is tried.
    pub(super) until: Instant,
    /// When nothing further is done.
    pub(super) ends: Instant,
    found: RefCell<Vec<Failed>>,
    tally: RefCell<Tally>,
    broken: RefCell<Broken>,
    starts: RefCell<Starts>,
    calls_left_out: Cell<usize>,
    is_cut: Cell<bool>,
    progress: Cell<Progress<'a>>,
}

/// What failed, and in which case.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) planned: Planned,
    pub(super) failure: Failure,
}

/// What is known not to work, so that no other case tries it again.
#[derive(Debug, Clone, Default)]
struct Broken {
    /// The loop ends the instance by itself.
    has_loop: bool,
    /// It does not stop in time.
    has_stop: bool,
    /// Places where a whole deadline was lost.
    places: BTreeSet<String>,
}

/// With which configurations it was to start.
#[derive(Debug, Default)]
struct Starts {
    tried: usize,
    refused: usize,
    /// Why it refused, the first time.
    why: Option<String>,
}

/// How an instance of the class starts, if it does.
struct Opening {
    /// The first way in which it starts.
    home: Option<Case>,
    nodes: Vec<Node>,
    more_nodes: usize,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        subject: &'a Arc<Subject>,
        class: &'a Arc<Class>,
        (until, ends): (Instant, Instant),
    ) -> Self {
        Self {
            subject,
            class,
            until,
            ends,
            found: RefCell::default(),
            tally: RefCell::default(),
            broken: RefCell::default(),
            starts: RefCell::default(),
            calls_left_out: Cell::new(0),
            is_cut: Cell::new(false),
            progress: Cell::new(Progress {
                class: class.id(),
                done: 0,
                planned: 0,
            }),
        }
    }

    /// Tries everything, and says what was found and what was reached.
    ///
    /// # Errors
    /// When the host itself fails.
    pub(super) async fn run(self) -> Result<(Vec<Finding>, ClassReached)> {
        let opening = self.open().await?;
        let mut found = Vec::new();
        if let Some(home) = &opening.home {
            self.try_all(home, &opening.nodes, &mut found).await?;
        }
        let failed = self.found.take();
        let mut all = verdict::findings(&self, failed).await?;
        if opening.home.is_none() && all.is_empty() {
            let why = self.starts.borrow().why.clone();
            all.extend(why.map(|why| self.not_started(&why)));
        }
        all.append(&mut found);
        Ok((all, self.reached(opening)))
    }

    async fn try_all(&self, home: &Case, nodes: &[Node], found: &mut Vec<Finding>) -> Result<()> {
        // Those of methods were looked at when it was loaded.
        let here = format!("class {}", self.class.id());
        for (_, node) in nodes.iter().skip(self.class.declared.methods.len()) {
            ports::check(node, &here, found);
        }
        let planner = Planner {
            subject: self.subject,
            class: self.class,
        };
        let book = planner.by_the_book(home, nodes);
        let cases = planner.cases(home, nodes);
        let of_one_node = cases.len().min(nodes.len());
        self.plan_more(1 + cases.len());
        let first = self.through(book.clone()).await?;
        found.extend(verdict::failing_loop(self, &book, &first));
        if !self.subject.has_devices() && first.failure.is_none() && !first.is_cut {
            // Without devices nothing keeps it from doing the same twice.
            found.extend(verdict::difference(self, &book, &first).await?);
        }
        let mut each = cases;
        let rest = each.split_off(of_one_node);
        self.side_by_side(each).await?;
        self.side_by_side(rest).await?;
        found.extend(verdict::refusing_nodes(
            self,
            home,
            nodes,
            &self.tally.borrow(),
        ));
        Ok(())
    }

    /// Starts an instance in one way after the other, until one starts; asks it for its shelves.
    async fn open(&self) -> Result<Opening> {
        let planner = Planner {
            subject: self.subject,
            class: self.class,
        };
        let openings = planner.openings();
        let (nodes, more_nodes) = plan::nodes(self.class, &[]);
        let mut opening = Opening {
            home: None,
            nodes,
            more_nodes,
        };
        for case in openings {
            if self.is_over() {
                self.is_cut.set(true);
                break;
            }
            match case.open(self.subject, self.class).await? {
                Ok(shelves) => {
                    self.starts.borrow_mut().tried(None);
                    (opening.nodes, opening.more_nodes) = plan::nodes(self.class, &shelves);
                    opening.home = Some(case);
                    break;
                }
                Err((error, source)) => {
                    self.starts.borrow_mut().tried(Some(&error.to_string()));
                    let failure = Failure::of("start", &error)?;
                    if let Some(failure) = failure {
                        self.note(&case, Failure { source, ..failure });
                        break;
                    }
                }
            }
        }
        Ok(opening)
    }

    /// Takes note of a `start` that failed.
    fn note(&self, case: &Case, failure: Failure) {
        let planned = Planned {
            case: Case {
                is_loopless: false,
                ..case.clone()
            },
            purpose: Purpose::Survival,
            left_out: 0,
        };
        self.found.borrow_mut().push(Failed { planned, failure });
    }

    /// Runs several cases at once. What one finds, those that come after them know.
    async fn side_by_side(&self, cases: Vec<Planned>) -> Result<()> {
        let known = self.broken.borrow().clone();
        let all = stream::iter(cases).map(|planned| self.continued(planned, known.clone()));
        let mut ran = all.buffered(limits::MAX_CASES_AT_ONCE);
        while let Some(runs) = ran.next().await {
            self.keep(runs?);
        }
        Ok(())
    }

    /// Runs one case; what came of its first instance.
    async fn through(&self, planned: Planned) -> Result<Ran> {
        let known = self.broken.borrow().clone();
        let runs = self.continued(planned, known).await?;
        Ok(self.keep(runs))
    }

    /// Runs a case, and after a failure what comes after it, in a new instance.
    async fn continued(&self, planned: Planned, mut known: Broken) -> Result<Vec<(Planned, Ran)>> {
        self.leave_out(planned.left_out);
        let mut runs = Vec::new();
        let mut causes = BTreeMap::new();
        let mut next = Some(planned);
        while let Some(planned) = next.take() {
            let calls = right_calls(&planned.case.steps);
            let planned = known.without(planned);
            self.leave_out(calls - right_calls(&planned.case.steps));
            if planned.case.steps.is_empty() {
                break;
            }
            if runs.len() > limits::MAX_CONTINUATIONS || self.is_over() {
                self.is_cut.set(self.is_cut.get() || self.is_over());
                self.leave_out(right_calls(&planned.case.steps));
                break;
            }
            let ran = self.run_one(&planned).await?;
            next = self.rest(&planned, &ran, &mut known, &mut causes);
            runs.push((planned, ran));
        }
        self.done();
        Ok(runs)
    }

    async fn run_one(&self, planned: &Planned) -> Result<Ran> {
        let mut until = self.until;
        if planned.purpose == Purpose::Memory {
            until = until.min(Instant::now() + limits::MEMORY_PATIENCE);
        }
        let mut ran = planned.case.run(self.subject, self.class, until).await?;
        if planned.purpose == Purpose::Memory && ran.failure.is_none() {
            ran.is_cut = ran.is_cut && self.is_over();
            ran.failure = self.leaks(&planned.case, &ran).await?;
        }
        if planned.purpose == Purpose::Rates && ran.failure.is_none() {
            ran.failure = verdict::flood(&ran);
        }
        Ok(ran)
    }

    /// That it leaks: a longer run has to show it, too, since what has a bound is full some time.
    async fn leaks(&self, case: &Case, ran: &Ran) -> Result<Option<Failure>> {
        if slope::leak(&ran.memory).is_none() || self.is_over() {
            return Ok(None);
        }
        let longer = Case {
            rounds: case.rounds.saturating_mul(limits::MEMORY_AGAIN),
            ..case.clone()
        };
        let until = self.until.min(Instant::now() + limits::MEMORY_PATIENCE);
        let again = longer.run(self.subject, self.class, until).await?;
        Ok(slope::leak(&again.memory).map(|leak| growth(case, leak)))
    }

    /// What is left of a case after a failure, or after the instance stopped itself.
    fn rest(
        &self,
        planned: &Planned,
        ran: &Ran,
        known: &mut Broken,
        causes: &mut BTreeMap<Cause, usize>,
    ) -> Option<Planned> {
        let steps = &planned.case.steps;
        let at = match &ran.failure {
            None => ran.stopped_at?,
            Some(failure) => {
                let times = causes.entry(failure.cause()).or_default();
                *times += 1;
                known.learn(failure, *times);
                failure.step?
            }
        };
        let (before, after) = (steps.get(..at)?, steps.get(at + 1..)?);
        let mut rest = planned.clone();
        rest.left_out = 0;
        rest.case.steps = match planned.purpose {
            // The others are taken again and again, without it.
            Purpose::Memory => [before, after].concat(),
            Purpose::Rates | Purpose::Survival => after.to_vec(),
        };
        Some(rest)
    }

    /// Takes up what several instances of one case came to; returns the first.
    fn keep(&self, runs: Vec<(Planned, Ran)>) -> Ran {
        let mut first = None;
        for (planned, ran) in runs {
            self.is_cut.set(self.is_cut.get() || ran.is_cut);
            let purpose = planned.purpose;
            if planned.case.config != no_config() {
                self.starts.borrow_mut().tried(ran.refused.as_deref());
            }
            if let Some(failure) = ran.failure.clone() {
                self.broken.borrow_mut().learn(&failure, 1);
                self.found.borrow_mut().push(Failed { planned, failure });
            }
            if purpose != Purpose::Memory {
                // What is done again and again meets limits that nobody else does.
                self.tally.borrow_mut().add(ran.tally.clone());
            }
            first.get_or_insert(ran);
        }
        first.unwrap_or_default()
    }

    /// Whether nothing can be shown with its loop.
    pub(super) fn is_loopless(&self) -> bool {
        self.broken.borrow().has_loop
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    fn leave_out(&self, calls: usize) {
        self.calls_left_out.set(self.calls_left_out.get() + calls);
    }

    fn plan_more(&self, cases: usize) {
        let progress = self.progress.get();
        self.tell(Progress {
            planned: progress.planned + cases,
            ..progress
        });
    }

    fn done(&self) {
        let progress = self.progress.get();
        self.tell(Progress {
            done: progress.done + 1,
            planned: progress.planned.max(progress.done + 1),
            ..progress
        });
    }

    fn tell(&self, progress: Progress<'a>) {
        self.progress.set(progress);
        (self.subject.progress)(progress);
    }

    fn not_started(&self, why: &str) -> Finding {
        let fix = "connect in the loop or at the first call, or exercise it with its devices (`--devices`)";
        let problem = format!("`start` refused every configuration; the first time: {why}");
        let here = format!("class {}, start", self.class.id());
        Finding::new(&finding::NOT_STARTED, problem, fix).at(here)
    }

    fn reached(&self, opening: Opening) -> ClassReached {
        let tally = self.tally.borrow();
        let starts = self.starts.borrow();
        let untried = match (&opening.home, &starts.why) {
            (None, Some(why)) => format!("it did not start: {why}"),
            _ if self.is_cut.get() => "the time was up".to_owned(),
            _ => "it was left out, since what comes before it failed".to_owned(),
        };
        ClassReached {
            class: self.class.id().to_owned(),
            nodes: tally.nodes(&opening.nodes, &untried),
            more_nodes: opening.more_nodes,
            calls_left_out: self.calls_left_out.get(),
            turns: tally.turns().clone(),
            starts: starts.tried,
            refused_starts: starts.refused,
            refused: starts.why.clone(),
            denied: tally.denials(),
            is_cut_short: self.is_cut.get(),
        }
    }
}

impl Starts {
    /// It started, or refused to, and why.
    fn tried(&mut self, refused: Option<&str>) {
        self.tried += 1;
        if let Some(why) = refused {
            self.refused += 1;
            self.why.get_or_insert_with(|| why.to_owned());
        }
    }
}

impl Broken {
    /// Takes note of a failure, whose cause was met so many `times`.
    fn learn(&mut self, failure: &Failure, times: usize) {
        match failure.place.as_str() {
            _ if failure.code.severity == finding::Severity::Warning => {}
            LOOP => self.has_loop = true,
            "stop" => self.has_stop |= failure.is_costly(),
            place if failure.is_costly() || times >= limits::MAX_TIMES_OF_A_CAUSE => {
                self.places.insert(place.to_owned());
            }
            _ => {}
        }
    }

    /// `planned` without what is broken.
    fn without(&self, mut planned: Planned) -> Planned {
        let case = &mut planned.case;
        case.is_killed |= self.has_stop;
        case.is_loopless |= self.has_loop;
        case.steps.retain(|step| {
            let is_loop = self.has_loop && matches!(step, Step::Turns(_));
            !is_loop && !self.places.contains(&step.place())
        });
        planned
    }
}

/// Calls with values of the declared types.
fn right_calls(steps: &[Step]) -> usize {
    let calls = steps.iter().filter_map(Step::right_call);
    calls.count()
}

/// That the memory grows in each round of `case`.
pub(super) fn growth(case: &Case, leak: Leak) -> Failure {
    let (place, what) = match case.steps.as_slice() {
        [step @ Step::Turns(_)] => (step.place(), "turn"),
        [step] => (step.place(), "call"),
        _ => (String::new(), "round of calls"),
    };
    let problem = format!(
        "each {what} takes about {} bytes, and they are never given back, as {} rounds showed",
        leak.each, leak.rounds
    );
    Failure::new(&finding::MEMORY_GROWS, place, problem)
}
