//! What a load brought, what of it waits for code that is not here, and what was left out: for the reply,
//! the status bar and the operator's log.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::limits::MAX_MISSING_CLASSES;
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
    /// What was left out.
    pub left_out: LeftOut,
}

/// A class that is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its id: of an external worker's class, or of a node of another library.
    pub class: String,
    /// The module that has it, where the save tells.
    pub module: Option<String>,
    /// Nodes that are placeholders until it comes.
    pub nodes: usize,
    /// Whether it is that of an external worker.
    pub is_external: bool,
}

impl Missing {
    /// How many, of what, and how to get it.
    pub fn sentence(&self) -> String {
        let waiting = match self.nodes {
            0 => "an external worker waits".to_owned(),
            1 => "1 node is a placeholder".to_owned(),
            more => format!("{more} nodes are placeholders"),
        };
        let of = match &self.module {
            Some(module) => format!(" of the module `{module}`"),
            None => String::new(),
        };
        let class = &self.class;
        let fix = if self.is_external {
            "add a module that has it, as a component"
        } else {
            "this host runs the nodes of external workers; run the flow where that library is"
        };
        format!("{waiting} until the class `{class}`{of} is here: {fix}")
    }
}

/// Counts the nodes that wait for each class.
#[derive(Debug, Default)]
pub(super) struct MissingClasses {
    by_class: BTreeMap<String, Missing>,
    /// Nodes of classes beyond those that are told one by one.
    more: usize,
}

impl MissingClasses {
    /// So many more nodes wait for the class.
    pub fn note(&mut self, class: &str, is_external: bool, module: Option<&str>, nodes: usize) {
        if !self.by_class.contains_key(class) && self.by_class.len() >= MAX_MISSING_CLASSES {
            self.more = self.more.saturating_add(nodes);
            return;
        }
        let entry = self.by_class.entry(class.to_owned());
        let missing = entry.or_insert_with(|| Missing {
            class: class.to_owned(),
            module: module.map(str::to_owned),
            nodes: 0,
            is_external,
        });
        missing.nodes = missing.nodes.saturating_add(nodes);
    }

    pub(crate) fn into_report(self, report: &mut Report) {
        if self.more > 0 {
            let more = self.more;
            let line = format!("{more} further nodes are placeholders of further classes");
            report.left_out.push(line);
        }
        report.missing = self.by_class.into_values().collect();
    }
}

impl Report {
    /// Everything that a person should know, a sentence each.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let missing = self.missing.iter().map(Missing::sentence);
        let left_out = self.left_out.lines.iter();
        let left_out = left_out.map(|line| format!("left out: {line}"));
        let more = self.left_out.more;
        let more = (more > 0).then(|| format!("left out: {more} further things"));
        missing.chain(left_out).chain(more).collect()
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
        missing.note("pump", true, Some("lab"), 0);
        for _ in 0..3 {
            missing.note("pump", true, None, 1);
        }
        for class in 0..1000 {
            missing.note(&format!("python.{class}"), false, None, 2);
        }
        let mut report = Report::default();
        missing.into_report(&mut report);
        assert_eq!(report.missing.len(), MAX_MISSING_CLASSES);
        let sentences = report.sentences();
        let pump = "3 nodes are placeholders until the class `pump` of the module `lab` is here";
        assert!(
            sentences.iter().any(|line| line.starts_with(pump)),
            "{sentences:?}"
        );
        assert!(sentences.iter().any(|line| line.contains("further nodes")));
        assert_eq!(report.to_json()["missing"][0]["module"], "lab");
    }
}
