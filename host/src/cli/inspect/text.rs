//! What `ewh inspect` prints for people.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::output::{Painter, Style};
use super::super::shown;
use super::report::{ClassReport, MethodReport, PortReport, Report};
use crate::nodespace::Type;
use crate::{limits, text};

/// The report, clean of everything that could move a cursor.
pub fn render(report: &Report, painter: Painter) -> String {
    let mut page = Page {
        text: String::new(),
        painter,
    };
    page.head(report);
    page.needs(report);
    page.imports(report);
    for class in &report.classes {
        page.class(class);
    }
    page.text
}

struct Page {
    text: String,
    painter: Painter,
}

impl Page {
    fn line(&mut self, indent: usize, line: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{:indent$}{line}", "");
    }

    fn heading(&mut self, heading: &str) {
        let heading = self.painter.paint(Style::Bold, heading);
        self.text.push('\n');
        self.line(0, &heading);
    }

    fn lines(&mut self, indent: usize, lines: &str) {
        for line in lines.lines() {
            self.line(indent, line);
        }
    }

    fn dim(&self, text: &str) -> String {
        self.painter.paint(Style::Dim, text)
    }

    fn head(&mut self, report: &Report) {
        let name = if report.name.is_empty() {
            "(no name: it has no manifest)"
        } else {
            &report.name
        };
        let title = self
            .painter
            .paint(Style::Bold, format!("{name} {}", report.version).trim_end());
        self.line(0, &title);
        let file = text::clean_line(&report.file, limits::MAX_TEXT_BYTES);
        self.line(
            2,
            &format!("file    {file} ({})", shown::size(report.bytes)),
        );
        self.line(2, &format!("blake3  {}", report.blake3));
        if report.keeps_state {
            self.line(2, "state   kept over a restart and a new version");
        }
    }

    fn needs(&mut self, report: &Report) {
        self.heading("Grants that it needs");
        if report.capabilities.is_empty() {
            self.line(2, "none");
        }
        for need in &report.capabilities {
            let name = self
                .painter
                .paint(Style::Cyan, &format!("{:8}", need.capability));
            let reason = match (need.requested, need.reason.as_str()) {
                (false, _) => "imported, but not requested: its author has to add the request",
                (true, "") => "(gives no reason)",
                (true, reason) => reason,
            };
            self.line(2, &format!("{name}  {reason}"));
        }
    }

    fn imports(&mut self, report: &Report) {
        self.heading("Imports");
        if report.imports.is_empty() {
            self.line(2, "none");
        }
        for import in &report.imports {
            let interface = text::clean_line(&import.interface, limits::MAX_NAME_BYTES);
            let needs = match import.needs {
                Some(capability) => format!("grant `{capability}`"),
                None => self.dim("no grant"),
            };
            self.line(2, &format!("{interface:52}  {needs}"));
        }
    }

    fn class(&mut self, class: &ClassReport) {
        let id = self.painter.paint(Style::Cyan, &class.id);
        self.heading(&format!("Class {id}"));
        self.line(2, &class.title);
        self.lines(2, class.description.as_deref().unwrap_or_default());
        if class.is_library {
            self.line(
                2,
                "a node library: each Worker keeps one instance of it by itself",
            );
        } else {
            self.running(class);
        }
        if !class.secrets.is_empty() {
            let secrets = text::clean_line(&class.secrets.join(", "), limits::MAX_TEXT_BYTES);
            self.line(
                2,
                &format!("secret  {}", self.painter.paint(Style::Yellow, &secrets)),
            );
        }
        self.line(
            2,
            if class.methods.is_empty() {
                "no methods"
            } else {
                "methods"
            },
        );
        for method in &class.methods {
            self.method(method);
        }
    }

    fn running(&mut self, class: &ClassReport) {
        self.line(
            2,
            &format!("a turn of the loop every {} ms", class.loop_delay_ms),
        );
        let pretty = serde_json::to_string_pretty(&class.config_schema).unwrap_or_default();
        self.line(2, "configuration");
        self.lines(4, &text::clean(&text::harmless_json(&pretty), usize::MAX));
    }

    fn method(&mut self, method: &MethodReport) {
        let name = self.painter.paint(Style::Green, &method.name);
        let inputs = method
            .inputs
            .iter()
            .map(signature)
            .collect::<Vec<_>>()
            .join(", ");
        let outputs = method
            .outputs
            .iter()
            .map(signature)
            .collect::<Vec<_>>()
            .join(", ");
        let arrow = if outputs.is_empty() { "" } else { " -> " };
        self.line(4, &format!("{name}({inputs}){arrow}{outputs}"));
        self.lines(
            6,
            &self.dim_each(method.description.as_deref().unwrap_or_default()),
        );
        if let Some(ms) = method.timeout_ms {
            let most = shown::duration(Duration::from_millis(ms.into()));
            self.line(6, &format!("a call may take {most}"));
        }
        for port in method.inputs.iter().chain(&method.outputs) {
            if let Some(description) = &port.description {
                let text = text::clean_line(description, limits::MAX_TEXT_BYTES);
                self.line(6, &self.dim(&format!("{}: {text}", port.name)));
            }
        }
    }

    fn dim_each(&self, lines: &str) -> String {
        lines
            .lines()
            .map(|line| self.dim(line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// `name: int = 5`
fn signature(port: &PortReport) -> String {
    let type_ = Type::parse(&port.type_);
    let default = if port.has_default {
        format!(
            " = {}",
            text::clean_line(&port.default.to_string(), limits::MAX_NAME_BYTES)
        )
    } else {
        String::new()
    };
    format!("{}: {type_}{default}", port.name)
}
