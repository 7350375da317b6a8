//! What a load brought, what of it waits for code that is not here, and what was left out: for the reply,
//! the status bar and the operator's log.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::limits::{MAX_CLASSES_IN_A_LINE, MAX_MISSING_CLASSES};
use crate::nodespace::LeftOut;

/// What became of a saved Worker that was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Nodes that are there now.
    pub nodes: usize,
    /// Edges that are there now.
    pub edges: usize,
    /// External workers that are there now.
    pub external_workers: usize,
    /// Classes that are not here.
    pub missing: Vec<Missing>,
    /// How many further ones, which are not named.
    pub missing_more: usize,
    /// The nodes that wait for these.
    pub missing_more_nodes: usize,
    /// What was left out.
    pub left_out: LeftOut,
}

/// A class that is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its id: of an external worker's class, of a node library, or of a node of another library.
    pub class: String,
    /// The module that has it, where the save tells.
    pub module: Option<String>,
    /// Nodes that are placeholders until it comes.
    pub nodes: usize,
    /// What kind of class it is.
    pub of: Of,
}

/// Whose nodes are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A class of external workers.
    ExternalWorker,
    /// A node library for this host.
    Library,
    /// A node library that is here, without the node.
    OtherLibrary,
    /// Something that this host does not run.
    Elsewhere,
}

impl Missing {
    /// How many, of what, and how to get it.
    pub fn sentence(&self) -> String {
        let waiting = match self.nodes {
            0 => "an external worker waits".to_owned(),
            nodes => placeholders(nodes),
        };
        let (what, class) = (self.of.what(), &self.class);
        let of = match &self.module {
            Some(module) => format!(" of the module `{module}`"),
            None => String::new(),
        };
        let (comes, fix) = match self.of {
            Of::ExternalWorker | Of::Library => {
                ("is here", "add a module that has it, as a component")
            }
            Of::OtherLibrary => ("has them", "it is another version here, or does not run"),
            Of::Elsewhere => (
                "is here",
                "this host runs the nodes of external workers; run the flow where that library is",
            ),
        };
        format!("{waiting} until the {what} `{class}`{of} {comes}: {fix}")
    }
}

impl Of {
    const fn what(self) -> &'static str {
        match self {
            Self::ExternalWorker | Self::Elsewhere => "class",
            Self::Library | Self::OtherLibrary => "node library",
        }
    }
}

fn placeholders(nodes: usize) -> String {
    match nodes {
        1 => "1 node is a placeholder".to_owned(),
        more => format!("{more} nodes are placeholders"),
    }
}

/// Counts the nodes that wait for each class.
#[derive(Debug, Default)]
pub(super) struct MissingClasses {
    by_class: BTreeMap<String, Missing>,
    /// Classes beyond those that are told one by one: no more than there are nodes.
    more: BTreeSet<String>,
    /// Nodes of these.
    more_nodes: usize,
}

impl MissingClasses {
    /// So many more nodes wait for the class.
    pub fn note(&mut self, class: &str, of: Of, module: Option<&str>, nodes: usize) {
        if !self.by_class.contains_key(class) && self.by_class.len() >= MAX_MISSING_CLASSES {
            self.more.insert(class.to_owned());
            self.more_nodes = self.more_nodes.saturating_add(nodes);
            return;
        }
        let entry = self.by_class.entry(class.to_owned());
        let missing = entry.or_insert_with(|| Missing {
            class: class.to_owned(),
            module: module.map(str::to_owned),
            nodes: 0,
            of,
        });
        missing.nodes = missing.nodes.saturating_add(nodes);
    }

    pub(crate) fn into_report(self, report: &mut Report) {
        report.missing = self.by_class.into_values().collect();
        report.missing_more = self.more.len();
        report.missing_more_nodes = self.more_nodes;
    }
}

impl Report {
    /// Everything that a person should know, a sentence each.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let missing = self.missing.iter().map(Missing::sentence);
        let further = (self.missing_more > 0).then(|| {
            let (waiting, more) = (placeholders(self.missing_more_nodes), self.missing_more);
            format!("{waiting} until {more} further classes are here")
        });
        let left_out = self.left_out.lines.iter();
        let left_out = left_out.map(|line| format!("left out: {line}"));
        let more = self.left_out.more;
        let more = (more > 0).then(|| format!("left out: {more} further things"));
        missing.chain(further).chain(left_out).chain(more).collect()
    }

    /// Which classes are missing, and how many nodes they take along, in one line; `None`: nothing is missing.
    pub(crate) fn summary(&self) -> Option<String> {
        if self.missing.is_empty() {
            return None;
        }
        let nodes = self.missing.iter().map(|missing| missing.nodes);
        let nodes = nodes.fold(self.missing_more_nodes, usize::saturating_add);
        let mut most: Vec<_> = self.missing.iter().collect();
        most.sort_by_key(|missing| Reverse(missing.nodes));
        let named = most.iter().take(MAX_CLASSES_IN_A_LINE);
        let named: Vec<_> = named
            .map(|missing| format!("`{}` ({})", missing.class, missing.nodes))
            .collect();
        let more = self.missing.len().saturating_sub(named.len());
        let more = match more.saturating_add(self.missing_more) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (waiting, named) = (placeholders(nodes), named.join(", "));
        Some(format!("classes are missing, and {waiting}: {named}{more}"))
    }

    /// The answer to whoever asked for the load.
    pub fn to_json(&self) -> Json {
        let missing = self.missing.iter().map(|missing| {
            json!({
                "class": missing.class,
                "module": missing.module,
                "nodes": missing.nodes,
                "message": missing.sentence(),
            })
        });
        json!({
            "nodes": self.nodes,
            "edges": self.edges,
            "external_workers": self.external_workers,
            "missing": missing.collect::<Vec<_>>(),
            "missing_more": self.missing_more,
            "left_out": self.left_out.lines,
            "left_out_more": self.left_out.more,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_short_however_much_is_missing() {
        let mut missing = MissingClasses::default();
        missing.note("pump", Of::ExternalWorker, Some("lab"), 0);
        for _ in 0..3 {
            missing.note("pump", Of::ExternalWorker, None, 1);
        }
        for class in 0..1000 {
            missing.note(&format!("python.{class}"), Of::Elsewhere, None, 2);
        }
        let mut report = Report::default();
        missing.into_report(&mut report);
        assert_eq!(report.missing.len(), MAX_MISSING_CLASSES);
        assert_eq!(report.missing_more, 1001 - MAX_MISSING_CLASSES);
        let sentences = report.sentences();
        let pump = "3 nodes are placeholders until the class `pump` of the module `lab` is here";
        assert!(
            sentences.iter().any(|line| line.starts_with(pump)),
            "{sentences:?}"
        );
        let further = format!("until {} further classes are here", report.missing_more);
        assert!(sentences.iter().any(|line| line.ends_with(&further)));
        let summary = report.summary().unwrap();
        let begin =
            "classes are missing, and 2003 nodes are placeholders: `pump` (3), `python.0` (2), ";
        assert!(summary.starts_with(begin), "{summary}");
        let end = format!(" and {} more", 1001 - MAX_CLASSES_IN_A_LINE);
        assert!(summary.ends_with(&end), "{summary}");
        let json = report.to_json();
        assert_eq!(json["missing"][0]["module"], "lab");
        assert_eq!(json["missing_more"], report.missing_more);
    }

    #[test]
    fn nodes_of_a_library_are_counted_together() {
        let mut missing = MissingClasses::default();
        missing.note("basic", Of::Library, Some("tools"), 1);
        missing.note("basic", Of::Library, Some("tools"), 1);
        let mut report = Report::default();
        assert_eq!(report.summary(), None);
        missing.into_report(&mut report);
        let sentence = "2 nodes are placeholders until the node library `basic` of the module `tools` is here: \
                        add a module that has it, as a component";
        assert_eq!(report.sentences(), [sentence]);
        let summary = "classes are missing, and 2 nodes are placeholders: `basic` (2)";
        assert_eq!(report.summary().unwrap(), summary);
    }
}
