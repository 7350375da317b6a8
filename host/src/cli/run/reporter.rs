//! What `ewh run` shows: for people a log on standard error and results on standard output, for
//! machines one JSON object a line. The names of types and fields are stable.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::super::error::CliError;
use super::super::output::{Output, Style};
use super::super::shown;
use super::plan::Plan;
use super::save::Saved;
use crate::bindings::host::Level;
use crate::bindings::types::Shelf;
use crate::error::HostError;
use crate::instance::description::shelf_nodes;
use crate::instance::events::{Event, InputChange, level_name};
use crate::instance::exports::Ports;
use crate::instance::{End, State, Status};
use crate::policy::Capability;
use crate::{limits, text};

/// How often machines get the status.
const STATUS_FOR_MACHINES: Duration = Duration::from_secs(1);
/// How often people get it where no line can change.
const STATUS_FOR_LOGS: Duration = Duration::from_secs(5);

/// Shows one run.
pub struct Reporter<'a> {
    output: &'a Output,
    begun: Instant,
    status_shown: Cell<Instant>,
    /// What a call said last of how far it is, where a line can change.
    progress: RefCell<String>,
}

impl<'a> Reporter<'a> {
    /// A report whose clock starts now.
    pub fn new(output: &'a Output) -> Self {
        let now = Instant::now();
        Self {
            output,
            begun: now,
            status_shown: Cell::new(now),
            progress: RefCell::default(),
        }
    }

    fn emit(&self, type_: &str, fields: Json) -> Result<(), CliError> {
        let mut line = json!({ "type": type_, "elapsed_ms": shown::millis(self.begun.elapsed()) });
        if let (Json::Object(line), Json::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        self.output.print_json_line(&line)
    }

    fn log(&self, style: Style, label: &str, message: &str) {
        let painter = self.output.stderr();
        let elapsed = format!("{:9.3}", self.begun.elapsed().as_secs_f64());
        let elapsed = painter.paint(Style::Dim, &elapsed);
        let label = painter.paint(style, &format!("{label:8}"));
        let message =
            text::clean(message, limits::MAX_TEXT_BYTES).replace('\n', "\n                    ");
        self.output.note(&format!("{elapsed}  {label} {message}"));
    }

    /// The instance is about to start.
    pub fn starting(&self, plan: &Plan) -> Result<(), CliError> {
        let component = plan.prepared.component();
        let granted = plan.prepared.granted();
        let granted: Vec<_> = Capability::ALL
            .into_iter()
            .filter(|c| granted.grants(*c))
            .map(Capability::name)
            .collect();
        let spec = &plan.spec;
        if self.output.is_json() {
            return self.emit("starting", json!({
                "component": component.name(), "blake3": component.hash().to_hex().as_str(),
                "class": spec.class_id, "name": spec.name, "uuid": spec.uuid.simple().to_string(),
                "granted": granted,
            }));
        }
        let granted = if granted.is_empty() {
            "nothing".to_owned()
        } else {
            granted.join(", ")
        };
        let message = format!(
            "{} from {}; granted: {granted}",
            spec.class_id,
            component.name()
        );
        self.log(Style::Bold, "worker", &message);
        Ok(())
    }

    /// Something happened.
    pub fn event(&self, event: &Event) -> Result<(), CliError> {
        if self.output.is_json() {
            self.event_for_machines(event)
        } else {
            self.event_for_people(event)
        }
    }

    fn event_for_machines(&self, event: &Event) -> Result<(), CliError> {
        match event {
            Event::Log { level, message } => self.emit(
                "log",
                json!({ "level": level_name(*level), "message": message }),
            ),
            Event::Emitted { event, data } => {
                self.emit("event", json!({ "event": event, "data": data.tree() }))
            }
            Event::ConfigSaid => self.emit("config-changed", json!({})),
            Event::TriggerRequested { method } => self.emit("trigger", json!({ "method": method })),
            Event::InputChanged {
                node,
                method,
                input,
                change,
            } => {
                let (what, to) = changed(change);
                self.emit(
                    "input-changed",
                    json!({
                        "node": node, "method": method, "input": input, "what": what, "to": to,
                    }),
                )
            }
            Event::Progress {
                fraction, message, ..
            } => self.emit(
                "progress",
                json!({ "fraction": fraction, "message": message }),
            ),
            Event::Denied { message } => self.emit("denied", json!({ "message": message })),
            Event::LoopFailed { message } => {
                self.emit("loop-failed", json!({ "message": message }))
            }
            Event::State(state) => {
                let (state, reason) = state.named();
                self.emit("state", json!({ "state": state, "reason": reason }))
            }
        }
    }

    fn event_for_people(&self, event: &Event) -> Result<(), CliError> {
        match event {
            Event::Log { level, message } => {
                self.log(level_style(*level), level_name(*level), message)
            }
            Event::Emitted { event, data } => {
                self.log(Style::Cyan, "event", &format!("{event} {}", data.as_str()));
            }
            Event::ConfigSaid => self.log(Style::Cyan, "config", "it said what it is now"),
            Event::TriggerRequested { method } => self.log(Style::Cyan, "trigger", method),
            Event::InputChanged {
                node,
                method,
                input,
                change,
            } => {
                let (what, to) = changed(change);
                let of = node
                    .as_ref()
                    .map_or_else(String::new, |node| format!(" of the node {node}"));
                self.log(
                    Style::Cyan,
                    "input",
                    &format!("{what} of {method}.{input}{of}: {to}"),
                );
            }
            Event::Progress {
                fraction, message, ..
            } => {
                let line = format!("{:.0} % {message}", fraction * 100.0);
                // A line that changes shows the latest, with the status.
                match self.output.is_live() {
                    true => *self.progress.borrow_mut() = line.trim_end().to_owned(),
                    false => self.log(Style::Cyan, "progress", line.trim_end()),
                }
            }
            Event::Denied { message } => self.log(Style::Red, "denied", message),
            Event::LoopFailed { message } => self.log(Style::Red, "loop", message),
            Event::State(state) => {
                let (name, reason) = state.named();
                let style = if matches!(state, State::Restarting { .. }) {
                    Style::Red
                } else {
                    Style::Bold
                };
                match reason {
                    Some(reason) => self.log(style, "state", &format!("{name}: {reason}")),
                    None => self.log(style, "state", name),
                }
            }
        }
        Ok(())
    }

    /// Events came faster than they were shown.
    pub fn lost(&self, events: u64) -> Result<(), CliError> {
        if self.output.is_json() {
            return self.emit("lost", json!({ "events": events }));
        }
        let message = format!(
            "{} came too fast to be shown",
            shown::count(events, "event")
        );
        self.log(Style::Yellow, "lost", &message);
        Ok(())
    }

    /// Time passed: the status is shown where and when it is due.
    pub fn frame(&self, status: &Status) -> Result<(), CliError> {
        if self.output.is_live() && !self.output.is_json() {
            let elapsed = format!("{:9.3}", self.begun.elapsed().as_secs_f64());
            let mut progress = self.progress.borrow_mut();
            if status.open_calls == 0 {
                progress.clear();
            }
            let between = if progress.is_empty() { "" } else { " · " };
            let line = format!("{elapsed}  {progress}{between}{}", status_line(status));
            self.output.live(&line);
            return Ok(());
        }
        let every = if self.output.is_json() {
            STATUS_FOR_MACHINES
        } else {
            STATUS_FOR_LOGS
        };
        if self.status_shown.get().elapsed() < every {
            return Ok(());
        }
        self.status_shown.set(Instant::now());
        self.status(status)
    }

    fn status(&self, status: &Status) -> Result<(), CliError> {
        if self.output.is_json() {
            return self.emit("status", status_json(status));
        }
        self.log(Style::Dim, "status", &status_line(status));
        Ok(())
    }

    /// A call was answered.
    pub fn called(
        &self,
        node: &str,
        answer: &Result<Ports, HostError>,
        took: Duration,
    ) -> Result<(), CliError> {
        if self.output.is_json() {
            let (outputs, error) = match answer {
                Ok(outputs) => (shown::ports_to_json(outputs), Json::Null),
                Err(error) => (
                    Json::Null,
                    json!({ "code": error_code(error), "message": error.to_string() }),
                ),
            };
            return self.emit(
                "call",
                json!({
                    "node": node, "ok": answer.is_ok(), "duration_us": shown::micros(took),
                    "outputs": outputs, "error": error,
                }),
            );
        }
        let took = shown::duration(took);
        match answer {
            Ok(outputs) => {
                self.log(Style::Green, "call", &format!("{node} answered in {took}"));
                if outputs.is_empty() {
                    return self.output.print(&format!("{node}: done"));
                }
                let line = |(name, value)| format!("{node}.{name} = {}", shown::to_line(value));
                let lines: Vec<_> = outputs
                    .iter()
                    .map(|(name, value)| line((name, value)))
                    .collect();
                self.output.print(&lines.join("\n"))
            }
            Err(error) => {
                let message = format!(
                    "{node} failed after {took} ({}): {error}",
                    error_code(error)
                );
                self.log(Style::Red, "call", &message);
                Ok(())
            }
        }
    }

    /// An output became a file.
    pub fn saved(&self, node: &str, saved: &Saved, file: &Path) -> Result<(), CliError> {
        let (output, file) = (&saved.output, file.display());
        if self.output.is_json() {
            return self.emit(
                "saved",
                json!({
                    "node": node, "output": output, "file": file.to_string(), "bytes": saved.bytes,
                    "warning": saved.warning,
                }),
            );
        }
        let size = shown::size(saved.bytes as u64);
        self.log(
            Style::Green,
            "saved",
            &format!("{node}.{output} to {file} ({size})"),
        );
        if let Some(warning) = &saved.warning {
            self.log(Style::Yellow, "warning", warning);
        }
        Ok(())
    }

    /// A change of the configuration was answered.
    pub fn configured(&self, answer: &Result<(), HostError>) -> Result<(), CliError> {
        if self.output.is_json() {
            let error = answer
                .as_ref()
                .err()
                .map(|error| json!({ "code": error_code(error), "message": error.to_string() }));
            return self.emit(
                "configured",
                json!({ "ok": answer.is_ok(), "error": error }),
            );
        }
        match answer {
            Ok(()) => self.log(Style::Green, "config", "the change is in force"),
            Err(error) => {
                let message = format!("refused ({}): {error}", error_code(error));
                self.log(Style::Red, "config", &message);
            }
        }
        Ok(())
    }

    /// The shelves were asked for.
    pub fn shelves(&self, answer: &Result<Option<Vec<Shelf>>, HostError>) -> Result<(), CliError> {
        let shelves = match answer {
            Ok(shelves) => shelves.as_deref().unwrap_or_default(),
            Err(error) => {
                if self.output.is_json() {
                    let error = json!({ "code": error_code(error), "message": error.to_string() });
                    return self.emit("shelves", json!({ "nodes": Json::Null, "error": error }));
                }
                let message = format!("refused ({}): {error}", error_code(error));
                self.log(Style::Red, "shelves", &message);
                return Ok(());
            }
        };
        let nodes: Vec<_> = shelf_nodes(shelves)
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        if self.output.is_json() {
            return self.emit("shelves", json!({ "nodes": nodes, "error": Json::Null }));
        }
        self.output.print(&nodes.join("\n"))
    }

    /// It is over.
    pub fn ended(&self, status: &Status, end: &End) -> Result<(), CliError> {
        self.output.live("");
        if self.output.is_json() {
            self.emit("status", status_json(status))?;
            return self.emit("ended", json!({ "reason": end.to_string() }));
        }
        self.status(status)
    }
}

fn status_json(status: &Status) -> Json {
    let turns = &status.turns;
    json!({
        "state": status.state.named().0,
        "turns": turns.turns,
        "loop_errors": turns.errors,
        "last_loop_error": turns.last_error,
        "turning": turns.turning,
        "paused": turns.paused,
        "loop_delay_ms": shown::millis(turns.delay),
        "open_calls": status.open_calls,
        "restarts": status.restarts,
        "cpu_us": shown::micros(status.cpu),
        "throttled_us": shown::micros(status.throttled),
        "memory_bytes": status.memory,
        "memory_peak_bytes": status.memory_peak,
        "dropped_log_lines": status.dropped_log_lines,
        "refused_events": status.refused_events,
    })
}

fn status_line(status: &Status) -> String {
    let turns = &status.turns;
    let mut parts = vec![status.state.named().0.to_owned()];
    if turns.paused {
        parts.push("paused".to_owned());
    }
    let errors = shown::count(turns.errors, "error");
    parts.push(format!("{}, {errors}", shown::count(turns.turns, "turn")));
    if status.open_calls > 0 {
        parts.push(format!(
            "{} open",
            shown::count(status.open_calls as u64, "call")
        ));
    }
    if status.restarts > 0 {
        parts.push(shown::count(status.restarts.into(), "restart"));
    }
    parts.push(format!("cpu {}", shown::duration(status.cpu)));
    if !status.throttled.is_zero() {
        parts.push(format!("throttled {}", shown::duration(status.throttled)));
    }
    parts.push(format!(
        "memory {} (peak {})",
        shown::size(status.memory),
        shown::size(status.memory_peak)
    ));
    if status.dropped_log_lines > 0 {
        parts.push(format!(
            "{} dropped",
            shown::count(status.dropped_log_lines, "log line")
        ));
    }
    parts.join(" · ")
}

fn changed(change: &InputChange) -> (&'static str, Json) {
    match change {
        InputChange::Value(value) | InputChange::Shown(value) => ("value", shown::to_json(value)),
        InputChange::Default(value) => (
            "default",
            value.as_deref().map_or(Json::Null, shown::to_json),
        ),
        InputChange::ValueOptions(options) => ("value options", options.tree()),
        InputChange::RenderOptions(options) => ("render options", options.tree()),
    }
}

const fn level_style(level: Level) -> Style {
    match level {
        Level::Trace | Level::Debug => Style::Dim,
        Level::Info => Style::Green,
        Level::Warn => Style::Yellow,
        Level::Error => Style::Red,
    }
}

/// The stable name of what went wrong with a call.
const fn error_code(error: &HostError) -> &'static str {
    match error {
        HostError::Guest { code, .. } => code.name(),
        HostError::Value(_) => "invalid-value",
        HostError::Exhausted(_) | HostError::Busy(_) => "busy",
        HostError::Deadline { .. } => "deadline",
        HostError::Cancelled => "cancelled",
        HostError::Ended(_) => "ended",
        _ => "host",
    }
}
