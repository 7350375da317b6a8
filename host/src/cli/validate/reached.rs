//! What an exercise reached, for people: a short table for each class.

use std::fmt::Write as _;

use super::super::output::{Painter, Style};
use crate::validate::exercise::reached::{ClassReached, NodeReached};

/// What was reached of each class; only what was not has a line of its own.
pub(super) fn table<'a>(
    classes: impl IntoIterator<Item = &'a ClassReached>,
    painter: Painter,
) -> String {
    let mut out = String::new();
    for class in classes {
        let _ = writeln!(out, "  class {}: {}", class.class, summary(class));
        let missing: Vec<_> = class
            .nodes
            .iter()
            .filter(|node| node.returned == 0)
            .collect();
        let length = |node: &&NodeReached| node.node.chars().count();
        let width = missing.iter().map(length).max().unwrap_or(0);
        for node in missing {
            let name = painter.paint(Style::Yellow, &node.node);
            let gap = " ".repeat(width.saturating_sub(node.node.chars().count()));
            let why = node.why_not.as_deref().unwrap_or_default();
            let _ = writeln!(out, "    {name}{gap} {:>5} calls  {why}", node.calls);
        }
        for denied in &class.denied {
            let _ = writeln!(out, "    not granted: {denied}");
        }
    }
    out
}

fn summary(class: &ClassReached) -> String {
    let mut parts = vec![format!(
        "{} of {} methods returned a value",
        class.returned(),
        class.all()
    )];
    let turns = &class.turns;
    let all = turns.well.saturating_add(turns.failed);
    if all > 0 {
        let failed = match (turns.failed, &turns.error) {
            (0, _) => String::new(),
            (failed, None) => format!(", {failed} of them failed"),
            (failed, Some(error)) => format!(", {failed} of them failed ({error})"),
        };
        parts.push(format!("the loop turned {all} times{failed}"));
    }
    if let Some(why) = &class.refused {
        let (refused, all) = (class.refused_starts, class.starts);
        parts.push(format!("it refused {refused} of {all} starts ({why})"));
    }
    if class.calls_left_out > 0 {
        parts.push(format!(
            "{} further calls were left out",
            class.calls_left_out
        ));
    }
    if class.is_cut_short {
        parts.push("the time was up before the end".to_owned());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::exercise::reached::TurnsReached;

    #[test]
    fn what_was_not_reached_has_a_line_with_its_reason() {
        let node = |node: &str, returned, why_not: Option<&str>| NodeReached {
            node: node.to_owned(),
            calls: 12,
            returned,
            why_not: why_not.map(str::to_owned),
        };
        let class = ClassReached {
            class: "demo".to_owned(),
            nodes: vec![
                node("read", 3, None),
                node("connect", 0, Some("denied: no")),
                node("x", 0, Some("internal: why")),
            ],
            more_nodes: 1,
            calls_left_out: 5,
            turns: TurnsReached {
                well: 2,
                failed: 1,
                error: Some("late".to_owned()),
            },
            starts: 6,
            refused_starts: 1,
            refused: Some("no rate".to_owned()),
            denied: vec!["10.0.0.1:80".to_owned()],
            is_cut_short: false,
        };
        let expected = "  class demo: 1 of 4 methods returned a value; the loop turned 3 times, 1 of them \
                        failed (late); it refused 1 of 6 starts (no rate); 5 further calls were left out\n\
                        \u{20}   connect    12 calls  denied: no\n\
                        \u{20}   x          12 calls  internal: why\n\
                        \u{20}   not granted: 10.0.0.1:80\n";
        assert_eq!(table(&[class], Painter::plain()), expected);
    }
}
