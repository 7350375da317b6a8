//! What of a class was reached: which of its methods returned a value, and why the others did not. A verdict
//! is worth as much as what it was made from.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::TryRecvError;

use super::super::finding::{self, Finding};
use super::plan::Node;
use crate::error::ErrorCode;
use crate::instance::events::{Event, Listener};
use crate::instance::turns::LoopStatus;
use crate::{limits, text};

/// What of a class was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct ClassReached {
    /// The class.
    pub class: String,
    /// Its methods and the nodes of its shelves.
    pub nodes: Vec<NodeReached>,
    /// Methods and nodes beyond those, which were not tried because there are so many.
    pub more_nodes: usize,
    /// Calls that were planned and not made.
    pub calls_left_out: usize,
    /// Its loop.
    pub turns: TurnsReached,
    /// Times that it was to start to find out how, and with configurations of chance.
    pub starts: usize,
    /// Those that it refused.
    pub refused_starts: usize,
    /// Why, the first time.
    pub refused: Option<String>,
    /// What it tried and was not granted.
    pub denied: Vec<String>,
    /// Whether the time was up before everything was tried.
    pub is_cut_short: bool,
}

/// What came of the calls of a method, or of a node of a shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct NodeReached {
    /// Its name, or its path on a shelf.
    pub node: String,
    /// Calls of it with values of the types that it declares.
    pub calls: u64,
    /// Those that returned.
    pub returned: u64,
    /// Why it was never reached: the error that came most often, or why it was not called; `None`: it was.
    pub why_not: Option<String>,
}

/// What the loop did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct TurnsReached {
    /// Turns that ended well.
    pub well: u64,
    /// Turns that ended with an error.
    pub failed: u64,
    /// The error of one that failed.
    pub error: Option<String>,
}

impl ClassReached {
    /// Nodes that returned a value at least once.
    pub fn returned(&self) -> usize {
        self.nodes.iter().filter(|node| node.returned > 0).count()
    }

    /// What a process that ran a stranger's code says was reached: no more than there can be, in words that
    /// harm nobody.
    pub fn cleaned(classes: Vec<Self>) -> Vec<Self> {
        let classes = classes.into_iter().take(limits::MAX_CLASSES);
        classes.map(Self::cleaned_one).collect()
    }

    fn cleaned_one(self) -> Self {
        let nodes = self.nodes.into_iter().take(limits::MAX_EXERCISED_NODES);
        let denied = self.denied.iter().take(limits::MAX_TOLD_DENIALS);
        let told = |text: Option<String>| text.as_deref().map(self::told);
        Self {
            class: self::told(&self.class),
            nodes: nodes
                .map(|node| NodeReached {
                    node: self::told(&node.node),
                    why_not: told(node.why_not),
                    ..node
                })
                .collect(),
            turns: TurnsReached {
                error: told(self.turns.error),
                ..self.turns
            },
            refused: told(self.refused),
            denied: denied.map(|what| self::told(what)).collect(),
            ..self
        }
    }

    /// All nodes.
    pub const fn all(&self) -> usize {
        self.nodes.len().saturating_add(self.more_nodes)
    }
}

/// How much of all `classes` was reached, in whole percent; what has no methods was reached.
pub fn percent(classes: &[ClassReached]) -> u8 {
    let all: usize = classes.iter().map(ClassReached::all).sum();
    let returned: usize = classes.iter().map(ClassReached::returned).sum();
    let percent = returned.saturating_mul(100).checked_div(all);
    percent.map_or(100, |percent| u8::try_from(percent).unwrap_or(100))
}

/// That less than `least` percent of all `classes` was reached, if that is so.
pub fn little_reached(classes: &[ClassReached], least: u8) -> Option<Finding> {
    let reached = percent(classes);
    if reached >= least {
        return None;
    }
    let of = |class: &ClassReached| {
        let missing = class.nodes.iter().filter(|node| node.returned == 0);
        let names = missing.map(|node| node.node.as_str()).collect::<Vec<_>>();
        let (id, names) = (&class.class, names.join(", "));
        (!names.is_empty()).then(|| format!("of class {id}: {names}"))
    };
    let never: Vec<_> = classes.iter().filter_map(of).collect();
    let problem = format!(
        "{reached} % of its methods returned a value, and --min-reached asks for {least} %; never, {}",
        never.join("; ")
    );
    let fix = "let it be reached without its devices, script these (`--devices DIR`), use the real ones, or ask \
               for less";
    Some(Finding::new(&finding::LITTLE_REACHED, problem, fix))
}

/// What came of the calls and turns of one case or of several.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    nodes: BTreeMap<String, Answers>,
    turns: TurnsReached,
    denied: BTreeSet<String>,
}

/// What came of the calls of one node.
#[derive(Debug, Clone, Default)]
struct Answers {
    calls: u64,
    returned: u64,
    /// How often, by code and sentence.
    errors: BTreeMap<(&'static str, String), u64>,
    denied: Option<String>,
}

impl Tally {
    /// A call of `path` returned, or ended with an error of this code and sentence.
    pub(super) fn called(&mut self, path: &str, error: Option<(&'static str, &str)>) {
        let answers = self.nodes.entry(path.to_owned()).or_default();
        answers.calls += 1;
        match error {
            None => answers.returned += 1,
            Some((code, sentence)) => answers.failed((code, told(sentence)), 1),
        }
    }

    /// The loop of an instance has turned so far.
    pub(super) fn turned(&mut self, status: &LoopStatus) {
        self.turns.add(TurnsReached {
            well: status.turns.saturating_sub(status.errors),
            failed: status.errors,
            error: status.last_error.as_deref().map(told),
        });
    }

    /// Takes note of what `events` say was denied, during a call of `path` if there was one.
    pub(super) fn heard(&mut self, events: &mut Listener, path: Option<&str>) {
        loop {
            match events.try_recv() {
                Ok(event) => {
                    if let Event::Denied { message } = &*event {
                        self.denied(told(message), path);
                    }
                }
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn denied(&mut self, what: String, path: Option<&str>) {
        if let Some(path) = path {
            let answers = self.nodes.entry(path.to_owned()).or_default();
            answers.denied.get_or_insert_with(|| what.clone());
        }
        if self.denied.len() < limits::MAX_TOLD_DENIALS {
            self.denied.insert(what);
        }
    }

    /// Takes up what came of another case.
    pub(super) fn add(&mut self, other: Self) {
        for (path, answers) in other.nodes {
            self.nodes.entry(path).or_default().add(answers);
        }
        self.turns.add(other.turns);
        for what in other.denied {
            self.denied(what, None);
        }
    }

    /// Whether all calls of `path`, and there were `least`, were refused as [`ErrorCode::InvalidInput`]; how
    /// many there were, and the sentence that came most often.
    pub(super) fn takes_nothing(&self, path: &str, least: u64) -> Option<(u64, String)> {
        let answers = self.nodes.get(path)?;
        let code = ErrorCode::InvalidInput.name();
        let is_refusal = |(of, _): &(&'static str, String)| *of == code;
        let all = answers.returned == 0 && answers.errors.keys().all(is_refusal);
        let (_, sentence) = answers.most_often()?;
        (all && answers.calls >= least).then(|| (answers.calls, sentence.to_owned()))
    }

    /// What of `nodes` was reached; `untried` says why what was not called was not.
    pub(super) fn nodes(&self, nodes: &[Node], untried: &str) -> Vec<NodeReached> {
        let none = Answers::default();
        let reached = nodes.iter().map(|(path, _)| {
            let answers = self.nodes.get(path).unwrap_or(&none);
            NodeReached {
                node: path.clone(),
                calls: answers.calls,
                returned: answers.returned,
                why_not: answers.why_not(untried),
            }
        });
        reached.collect()
    }

    pub(super) fn turns(&self) -> &TurnsReached {
        &self.turns
    }

    pub(super) fn denials(&self) -> Vec<String> {
        self.denied.iter().cloned().collect()
    }
}

impl Answers {
    fn failed(&mut self, error: (&'static str, String), times: u64) {
        if self.errors.len() < limits::MAX_TOLD_ERRORS || self.errors.contains_key(&error) {
            *self.errors.entry(error).or_default() += times;
        } else {
            // One more of its kind, whatever its sentence.
            *self.errors.entry((error.0, String::new())).or_default() += times;
        }
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.returned += other.returned;
        self.denied = self.denied.take().or(other.denied);
        for (error, times) in other.errors {
            self.failed(error, times);
        }
    }

    fn most_often(&self) -> Option<(&'static str, &str)> {
        let told = self.errors.iter();
        let told = told.filter(|((_, sentence), _)| !sentence.is_empty());
        let ((code, sentence), _) = told.max_by_key(|(_, times)| **times)?;
        Some((code, sentence))
    }

    fn why_not(&self, untried: &str) -> Option<String> {
        if self.returned > 0 {
            return None;
        }
        let Some((code, sentence)) = self.most_often() else {
            return Some(untried.to_owned());
        };
        Some(match &self.denied {
            Some(denied) if denied != sentence => format!("{code}: {sentence} ({denied})"),
            _ => format!("{code}: {sentence}"),
        })
    }
}

impl TurnsReached {
    fn add(&mut self, other: Self) {
        self.well += other.well;
        self.failed += other.failed;
        self.error = self.error.take().or(other.error);
    }
}

/// A guest's sentence, as it is told.
fn told(sentence: &str) -> String {
    let line = text::clean_line(sentence, limits::MAX_TEXT_BYTES);
    line.chars().take(limits::TOLD_ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bindings::types::NodeClass;

    fn node(name: &str) -> Node {
        let class = NodeClass {
            name: name.to_owned(),
            title: None,
            description: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            render_options: None,
            trigger_on_call: None,
            timeout_ms: None,
        };
        (name.to_owned(), Arc::new(class))
    }

    fn reached(tally: &Tally) -> ClassReached {
        ClassReached {
            class: "demo".to_owned(),
            nodes: tally.nodes(&["a", "b", "c"].map(node), "the time was up"),
            more_nodes: 0,
            calls_left_out: 0,
            turns: tally.turns().clone(),
            starts: 1,
            refused_starts: 0,
            refused: None,
            denied: tally.denials(),
            is_cut_short: false,
        }
    }

    #[test]
    fn what_was_not_reached_says_why() {
        let mut tally = Tally::default();
        tally.called("a", None);
        tally.called("a", Some(("internal", "no")));
        let mut other = Tally::default();
        other.called("b", Some(("unavailable", "once")));
        other.called("b", Some(("denied", "not there")));
        other.called("b", Some(("denied", "not there")));
        other.denied("10.0.0.1:80 is not granted".to_owned(), Some("b"));
        tally.add(other);
        let reached = reached(&tally);
        let why: Vec<_> = reached
            .nodes
            .iter()
            .map(|node| node.why_not.as_deref())
            .collect();
        let of_b = "denied: not there (10.0.0.1:80 is not granted)";
        assert_eq!(why, [None, Some(of_b), Some("the time was up")]);
        assert_eq!(reached.denied, ["10.0.0.1:80 is not granted"]);
        assert_eq!((reached.returned(), reached.all()), (1, 3));
        let all = [reached];
        assert_eq!(percent(&all), 33);
        assert_eq!(little_reached(&all, 33), None);
        let found = little_reached(&all, 34).unwrap();
        assert_eq!(found.code.name, "little-reached");
        assert!(found.problem.contains("of class demo: b, c"), "{found:?}");
        assert_eq!(percent(&[]), 100);
    }

    #[test]
    fn a_node_takes_nothing_when_it_refuses_every_value() {
        let mut tally = Tally::default();
        let refused = Some(("invalid-input", "expected a str, got an int"));
        (0..3).for_each(|_| tally.called("a", refused));
        let found = tally.takes_nothing("a", 3).unwrap();
        assert_eq!(found, (3, "expected a str, got an int".to_owned()));
        assert_eq!(tally.takes_nothing("a", 4), None);
        tally.called("a", Some(("internal", "no")));
        assert_eq!(tally.takes_nothing("a", 3), None);
        assert_eq!(tally.takes_nothing("b", 0), None);
    }

    #[test]
    fn errors_without_an_end_take_no_memory_without_an_end() {
        let mut tally = Tally::default();
        for n in 0..1_000 {
            tally.called("a", Some(("internal", &format!("no {n}"))));
        }
        let answers = &tally.nodes["a"];
        assert!(answers.errors.len() <= limits::MAX_TOLD_ERRORS + 1);
        assert_eq!(answers.errors.values().sum::<u64>(), 1_000);
    }
}
