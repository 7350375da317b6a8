//! What the demo prints: one line for each step, and whether it held.

use std::time::Instant;

use super::super::output::{Painter, Style};

/// The steps so far.
pub(super) struct Report {
    held: usize,
    failed: usize,
    painter: Painter,
    begin: Instant,
}

impl Report {
    /// A report without steps.
    pub(super) fn new(painter: Painter) -> Self {
        Self {
            held: 0,
            failed: 0,
            painter,
            begin: Instant::now(),
        }
    }

    /// A headline.
    pub(super) fn chapter(&self, title: &str) {
        println!("\n{}", self.painter.paint(Style::Bold, title));
    }

    /// A line of its own.
    pub(super) fn say(&self, line: &str) {
        println!("    {line}");
    }

    /// A step that held with what it showed, or failed with why. Returns what it gave.
    pub(super) fn step<T>(
        &mut self,
        what: &str,
        outcome: Result<(T, String), String>,
    ) -> Option<T> {
        match outcome {
            Ok((given, shown)) => {
                self.held += 1;
                println!(
                    "  {} {what}: {shown}",
                    self.painter.paint(Style::Green, "ok")
                );
                Some(given)
            }
            Err(why) => {
                self.failed += 1;
                println!(
                    "  {} {what}: {why}",
                    self.painter.paint(Style::Red, "FAILED")
                );
                None
            }
        }
    }

    /// The last line. Returns whether every step held.
    pub(super) fn summary(&self) -> bool {
        let seconds = self.begin.elapsed().as_secs_f64();
        println!(
            "\n{} steps held, {} failed, in {seconds:.1} s",
            self.held, self.failed
        );
        self.failed == 0
    }
}
