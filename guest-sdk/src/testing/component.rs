//! A component that runs on the host, for a test that `ewh test` runs.
//!
//! The host is a process of its own, `ewh test-one`, which reads what the test wants from its standard input
//! and writes what came of it, a line of JSON each; so the author's crate compiles no engine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as JsonValue, json};

use super::bench::{Bench, Event, LogLine, Sent};
use super::call::{CallInputs, Outputs};
use super::node::{Changes, InputChanges};
use super::script::Data;
use super::wire::{Carried, Problem};
use crate::error::{Error, Result};
use crate::value::{Value, json_from_value};

/// Names the program that runs components.
const PROGRAM: &str = "EWH_TEST_PROGRAM";
/// Names the component of this crate.
const COMPONENT: &str = "EWH_TEST_COMPONENT";

/// The component of this crate, built and running as it will be everywhere: on the host, in its sandbox, with
/// the host's deadlines and rates. Its devices are what the [`Bench`] had when it started, its time is
/// simulated, and passes only while the test asks for something.
///
/// A test that uses it needs `ewh test`, which builds the component and names it to the tests. Mark it so that
/// a plain `cargo test` leaves it out:
///
/// ```no_run
/// # use external_worker::testing::{Bench, Line};
/// # use serde_json::json;
/// # /*
/// #[test]
/// #[ignore = "`ewh test` runs it on the host"]
/// # */
/// fn it_reads_on_the_host() {
///     let bench = Bench::new();
///     bench.serial("thermometer", Line::new().answers("T?\r\n", "T=21.5\r\n"));
///     let worker = bench.start_component("thermometer", json!({})).unwrap();
///     let read = worker.call("read", ()).unwrap();
///     assert_eq!(read.one::<f64>().unwrap(), 21.5);
///     assert_eq!(worker.heard("thermometer"), b"T?\r\n");
///     worker.stop().unwrap();
/// }
/// # it_reads_on_the_host();
/// ```
pub struct Component {
    talk: RefCell<Talk>,
    told: RefCell<Told>,
}

/// The two ends of a talk with the host.
struct Talk {
    child: Child,
    /// Taken when the talk is over, which ends the host.
    wishes: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

/// What the component told, since it was last asked for.
#[derive(Default)]
struct Told {
    events: Vec<Event>,
    log: Vec<LogLine>,
    triggered: Vec<String>,
    progress: Vec<(f64, String)>,
    denied: Vec<String>,
    /// By method, and whether it is the nodes or the class of those yet to be made.
    nodes: BTreeMap<(String, bool), Changes>,
}

/// How the loop went on the host since the start, or since a [`run_for`](Component::run_for) before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HostTurns {
    /// How many turns ended.
    pub ended: u64,
    /// How many of them failed.
    pub failed: u64,
    /// What the last turn returned, if it failed.
    pub error: Option<String>,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    ok: JsonValue,
    error: Option<Problem>,
    told: Vec<Telling>,
    lost: u64,
}

#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Telling {
    Event {
        name: String,
        data: JsonValue,
    },
    Log {
        level: String,
        text: String,
    },
    Triggered {
        method: String,
    },
    Progress {
        fraction: f64,
        text: String,
    },
    Denied {
        text: String,
    },
    Input {
        method: String,
        made: bool,
        input: String,
        change: Change,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Value(Carried),
    Shown(Carried),
    Default(Option<Carried>),
    ValueOptions(JsonValue),
    RenderOptions(JsonValue),
}

#[derive(Deserialize)]
struct Heard {
    all: Data,
    not_understood: Data,
    is_open: bool,
}

#[derive(Deserialize)]
struct Status {
    ended: bool,
    why: Option<String>,
    is_paused: bool,
    memory_peak: u64,
    config: JsonValue,
}

impl Component {
    pub(super) fn start(bench: &Bench, class: &str, config: impl Serialize) -> Result<Self> {
        let script = bench.inner().script()?;
        let component = Self {
            talk: RefCell::new(Talk::begin()?),
            told: RefCell::default(),
        };
        let config = serde_json::to_value(config)?;
        component.ask(json!({
            "do": "start", "class": class, "config": config, "script": script,
        }))?;
        Ok(component)
    }

    /// Calls a node, a method by its name or a node of the shelf by its path, and waits for the outputs, as long
    /// as the host lets a call take.
    ///
    /// # Errors
    /// What the node returned, what is wrong with the inputs, or that the component trapped.
    pub fn call(&self, node: &str, inputs: impl CallInputs) -> Result<Outputs> {
        self.begin(node, inputs)?.finish()
    }

    /// Begins a call, which goes on whenever time passes.
    ///
    /// # Errors
    /// When the inputs are nothing that a call could have.
    pub fn begin(&self, node: &str, inputs: impl CallInputs) -> Result<ComponentCall<'_>> {
        let inputs = inputs.into_inputs()?.into_iter();
        let inputs: Vec<(String, Carried)> =
            inputs.map(|(name, value)| (name, value.into())).collect();
        let id = self.ask(json!({"do": "call", "node": node, "inputs": inputs}))?;
        let id = serde_json::from_value(id)?;
        Ok(ComponentCall {
            component: self,
            id,
        })
    }

    /// Lets so much time pass: the loop turns, with the pauses between, and what was begun goes on.
    #[track_caller]
    pub fn run_for(&self, time: Duration) -> HostTurns {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.ask_for(json!({"do": "run_for", "ms": ms}))
    }

    /// Changes the configuration: the fields that are given, as a client does.
    ///
    /// # Errors
    /// When the result is not as the schema says, or `update_config` refuses it; the old one is in force
    /// then.
    pub fn configure(&self, change: impl Serialize) -> Result<()> {
        let change = serde_json::to_value(change)?;
        self.ask(json!({"do": "configure", "change": change}))?;
        Ok(())
    }

    /// The configuration in force.
    #[track_caller]
    pub fn config(&self) -> JsonValue {
        self.status().config
    }

    /// The paths of the nodes on the shelf: what `get_nodeshelf` gives now.
    ///
    /// # Errors
    /// When it gives what is not a shelf, or cannot be asked.
    pub fn shelf(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.ask(json!({"do": "shelf"}))?)?)
    }

    /// All that the device at a serial port, or the server or peer at an address, has heard.
    #[track_caller]
    pub fn heard(&self, name: &str) -> Vec<u8> {
        self.device(name).all.0
    }

    /// What it has heard that is a part of no request which it answers.
    #[track_caller]
    pub fn not_understood(&self, name: &str) -> Vec<u8> {
        self.device(name).not_understood.0
    }

    /// Whether the line of the device, or a connection to the server, is open.
    #[track_caller]
    pub fn is_open(&self, name: &str) -> bool {
        self.device(name).is_open
    }

    /// The HTTP requests that were sent, since they were last asked for.
    #[track_caller]
    pub fn requests(&self) -> Vec<Sent> {
        let sent: Vec<Request> = self.ask_for(json!({"do": "requests"}));
        sent.into_iter().map(Sent::from).collect()
    }

    /// The events that were emitted, since they were last asked for.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut self.told.borrow_mut().events)
    }

    /// What was logged, since it was last asked for: as the host shows it, with a line for a panic.
    pub fn log(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.told.borrow_mut().log)
    }

    /// The methods whose nodes the worker asked to run, since they were last asked for.
    pub fn triggered(&self) -> Vec<String> {
        std::mem::take(&mut self.told.borrow_mut().triggered)
    }

    /// How far calls said that they are, between 0 and 1, and what they did then, since it was last asked for:
    /// as much of it as a host shows.
    pub fn progress(&self) -> Vec<(f64, String)> {
        std::mem::take(&mut self.told.borrow_mut().progress)
    }

    /// What the worker tried and was not granted, since it was last asked for.
    pub fn denied(&self) -> Vec<String> {
        std::mem::take(&mut self.told.borrow_mut().denied)
    }

    /// What the worker changed in an input of the nodes that were made from `method`.
    pub fn input(&self, method: &str, input: &str) -> InputChanges {
        self.changes(method, true, input)
    }

    /// The same for nodes yet to be made: what it set with `nodeclass()`.
    pub fn new_input(&self, method: &str, input: &str) -> InputChanges {
        self.changes(method, false, input)
    }

    fn changes(&self, method: &str, made: bool, input: &str) -> InputChanges {
        let told = self.told.borrow();
        let inputs = told.nodes.get(&(method.to_owned(), made));
        let changes = inputs.and_then(|inputs| inputs.get(input));
        changes.cloned().unwrap_or_default()
    }

    /// Why it is over, if it is: it stopped itself, or it trapped.
    #[track_caller]
    pub fn ended(&self) -> Option<String> {
        let status = self.status();
        status.why.filter(|_| status.ended)
    }

    /// Whether the loop pauses because the worker said so.
    #[track_caller]
    pub fn is_paused(&self) -> bool {
        self.status().is_paused
    }

    /// The most bytes that the host held for it at once.
    #[track_caller]
    pub fn memory_peak(&self) -> u64 {
        self.status().memory_peak
    }

    /// Saves, stops and starts it again with the same configuration and the saved state. What is plugged in
    /// stays.
    ///
    /// # Errors
    /// What `start` and `restore` returned.
    pub fn restart(&self) -> Result<()> {
        self.ask(json!({"do": "restart"}))?;
        Ok(())
    }

    /// Stops it as a host does, and says how it ended.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn stop(self) -> Result<String> {
        Ok(serde_json::from_value(self.ask(json!({"do": "stop"}))?)?)
    }

    #[track_caller]
    fn device(&self, name: &str) -> Heard {
        self.ask_for(json!({"do": "heard", "name": name}))
    }

    #[track_caller]
    fn status(&self) -> Status {
        self.ask_for(json!({"do": "status"}))
    }

    /// What the host answers to what it can always answer.
    #[track_caller]
    #[expect(clippy::panic, reason = "the test has failed")]
    fn ask_for<T: serde::de::DeserializeOwned>(&self, wish: JsonValue) -> T {
        let answer = self.ask(wish);
        match answer.and_then(|answer| Ok(serde_json::from_value(answer)?)) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}"),
        }
    }

    /// What the host answers. What the component told meanwhile is kept.
    fn ask(&self, wish: JsonValue) -> Result<JsonValue> {
        let reply = self.talk.borrow_mut().ask(&wish)?;
        let mut told = self.told.borrow_mut();
        for telling in reply.told {
            told.note(telling)?;
        }
        match (reply.error, reply.lost) {
            (Some(problem), _) => Err(problem.into()),
            (None, 0) => Ok(reply.ok),
            (None, lost) => Err(Error::busy(format!(
                "the worker told so much that {lost} events and lines of its log were lost; let less \
                 time pass between two questions"
            ))),
        }
    }
}

/// A call on the host under way.
pub struct ComponentCall<'a> {
    component: &'a Component,
    id: u64,
}

impl ComponentCall<'_> {
    /// Whether there is an answer.
    #[track_caller]
    pub fn is_done(&self) -> bool {
        let wish = json!({"do": "is_done", "call": self.id});
        self.component.ask_for(wish)
    }

    /// Asks the call to end soon, as a host does whose client has left.
    #[track_caller]
    pub fn cancel(&self) {
        let wish = json!({"do": "cancel", "call": self.id});
        self.component.ask_for::<()>(wish);
    }

    /// Waits for the outputs.
    ///
    /// # Errors
    /// What the node returned, or that it was cancelled or took too long.
    pub fn finish(self) -> Result<Outputs> {
        let outputs = json!({"do": "finish", "call": self.id});
        let outputs = self.component.ask(outputs)?;
        let outputs: Vec<(String, Carried)> = serde_json::from_value(outputs)?;
        let outputs: Result<Vec<(String, Value)>> = outputs
            .into_iter()
            .map(|(name, value)| Ok((name, value.into_value()?)))
            .collect();
        outputs.map(Outputs::new)
    }
}

impl Talk {
    /// Starts the host.
    fn begin() -> Result<Self> {
        let (program, component) = (named(PROGRAM)?, named(COMPONENT)?);
        let mut child = Command::new(&program)
            .arg("test-one")
            .arg(component)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                let program = program.to_string_lossy();
                Error::unavailable(format!("cannot start the host `{program}`: {error}"))
            })?;
        let wishes = child.stdin.take();
        let replies = child.stdout.take().ok_or("the host has no output")?;
        Ok(Self {
            child,
            wishes,
            replies: BufReader::new(replies),
        })
    }

    fn ask(&mut self, wish: &JsonValue) -> Result<Reply> {
        let mut line = String::new();
        let said = match &mut self.wishes {
            Some(wishes) => writeln!(wishes, "{wish}").and_then(|()| wishes.flush()),
            None => Ok(()),
        };
        // Why it does not listen is what it says last.
        let heard = self.replies.read_line(&mut line);
        if said.is_err() || !matches!(heard, Ok(1..)) {
            self.wishes = None;
            let status = self.child.wait()?;
            return Err(Error::unavailable(format!(
                "the host of this test ended with {status}; it said why above"
            )));
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // Nobody wishes any more, so it ends.
        self.wishes = None;
        let _ = self.child.wait();
    }
}

fn named(variable: &str) -> Result<OsString> {
    std::env::var_os(variable).ok_or_else(|| {
        Error::unavailable(
            "this test runs the component on the host: run it with `ewh test`, and mark it with \
             #[ignore = \"`ewh test` runs it on the host\"] so that `cargo test` leaves it out",
        )
    })
}

impl Told {
    fn note(&mut self, telling: Telling) -> Result<()> {
        match telling {
            Telling::Event { name, data } => self.events.push(Event { name, data }),
            Telling::Log { level, text } => {
                let level = level.parse().unwrap_or(log::Level::Error);
                self.log.push(LogLine { level, text });
            }
            Telling::Triggered { method } => self.triggered.push(method),
            Telling::Progress { fraction, text } => self.progress.push((fraction, text)),
            Telling::Denied { text } => self.denied.push(text),
            Telling::Input {
                method,
                made,
                input,
                change,
            } => {
                let inputs = self.nodes.entry((method, made)).or_default();
                let input = inputs.entry(input).or_default();
                match change {
                    Change::Value(value) => {
                        (input.value, input.triggers) = (Some(json_of(value)?), true);
                    }
                    Change::Shown(value) => {
                        (input.value, input.triggers) = (Some(json_of(value)?), false);
                    }
                    Change::Default(value) => input.default = Some(value.map(json_of).transpose()?),
                    Change::ValueOptions(options) => input.value_options = Some(options),
                    Change::RenderOptions(options) => input.render_options = Some(options),
                }
            }
        }
        Ok(())
    }
}

fn json_of(value: Carried) -> Result<JsonValue> {
    json_from_value(value.into_value()?)
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, Data)>,
    body: Data,
}

impl From<Request> for Sent {
    fn from(request: Request) -> Self {
        let headers = request.headers.into_iter();
        Self {
            method: request.method,
            url: request.url,
            headers: headers.map(|(name, value)| (name, value.0)).collect(),
            body: request.body.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_a_test_says_what_to_run() {
        let started = Bench::new().start_component("a", json!({}));
        let problem = started.err().unwrap();
        assert!(problem.message().contains("`ewh test`"), "{problem}");
    }

    #[test]
    fn what_the_host_tells_is_kept_by_kind() {
        let line = json!({"ok": 1, "lost": 0, "told": [
            {"what": "event", "name": "e", "data": [1]},
            {"what": "log", "level": "warn", "text": "l"},
            {"what": "triggered", "method": "m"},
            {"what": "denied", "text": "d"},
            {"what": "input", "method": "m", "made": true, "input": "x",
                "change": {"value": {"integer": 2}}},
            {"what": "input", "method": "m", "made": true, "input": "x", "change": {"default": null}},
        ]});
        let reply: Reply = serde_json::from_value(line).unwrap();
        let mut told = Told::default();
        for telling in reply.told {
            told.note(telling).unwrap();
        }
        assert_eq!(told.events[0].data, json!([1]));
        assert_eq!(told.log[0].level, log::Level::Warn);
        assert_eq!((&*told.triggered[0], &*told.denied[0]), ("m", "d"));
        let input = &told.nodes[&("m".to_owned(), true)]["x"];
        assert_eq!(input.value, Some(json!(2)));
        assert_eq!(input.default, Some(None));
    }
}
