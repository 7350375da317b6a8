//! A client's connection that is made again whenever it is gone, and tells the answers apart: what it is, that it was
//! refused, or that nobody knows since the connection is gone.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{LIMIT, LOOK, SETS_UP, Stage, Tenant};
use crate::wire::Wire;

/// How long an answer may take, whatever is done to the host meanwhile, and on a machine that does much else. Who waits
/// longer finds a fault.
const PATIENCE: Duration = LIMIT;
/// What takes longer is counted.
const SLOW: Duration = Duration::from_secs(20);

/// See the module.
pub struct Line<'a> {
    pub stage: &'a Stage,
    pub tenant: &'a Tenant,
    wire: Option<Wire>,
    patience: Duration,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Is(Json),
    Refused(String),
    /// The connection is gone, and whether it was done is not known.
    Gone,
}

/// What became of the run of a node.
#[derive(Debug)]
pub enum Run {
    /// This came out.
    Out(Vec<u8>),
    Failed(String),
    Gone,
}

impl<'a> Line<'a> {
    pub fn new(stage: &'a Stage, tenant: &'a Tenant) -> Self {
        Self {
            stage,
            tenant,
            wire: None,
            patience: PATIENCE,
        }
    }

    /// The same for who comes while all modules are compiled.
    pub fn patient(stage: &'a Stage, tenant: &'a Tenant) -> Self {
        Self {
            patience: SETS_UP,
            ..Self::new(stage, tenant)
        }
    }

    pub fn is_open(&self) -> bool {
        self.wire.is_some()
    }

    /// Connects, however long the tenant takes to serve; `false`: it takes too long.
    pub fn connect(&mut self) -> bool {
        let begin = Instant::now();
        while self.wire.is_none() {
            let place = self.tenant.place();
            self.wire = place.and_then(|place| Wire::open(place.address, None));
            if self.wire.is_some() {
                self.stage.tally.count("connections made");
            } else if begin.elapsed() > self.stage.limit() {
                let name = &self.tenant.name;
                let within = LIMIT.as_secs();
                self.stage
                    .wrong(format_args!("{name} let nobody in for {within} s"));
                return false;
            } else {
                std::thread::sleep(LOOK);
            }
        }
        true
    }

    pub fn ask(&mut self, cmd: &str, kwargs: Json) -> Answer {
        let answers = self.ask_all(cmd, &[kwargs]);
        answers.into_iter().next().unwrap_or(Answer::Gone)
    }

    /// Asks for the same thing until there is an answer that is no refusal, which has its time, too.
    pub fn insist(&mut self, cmd: &str, kwargs: &Json) -> Option<Json> {
        let begin = Instant::now();
        loop {
            if !self.connect() {
                return None;
            }
            match self.ask(cmd, kwargs.clone()) {
                Answer::Is(result) => return Some(result),
                other if begin.elapsed() > self.stage.limit() => {
                    let name = &self.tenant.name;
                    self.stage.wrong(format_args!(
                        "{name} does not answer {cmd} {kwargs}: {other:?}"
                    ));
                    return None;
                }
                Answer::Refused(_) | Answer::Gone => std::thread::sleep(LOOK),
            }
        }
    }

    /// Asks for all of this at once, and again where it is refused.
    pub fn insist_all(&mut self, cmd: &str, all: &[Json]) -> Option<Vec<Json>> {
        if !self.connect() {
            return None;
        }
        let answers = self.ask_all(cmd, all);
        let answers = answers.into_iter().zip(all);
        answers
            .map(|(answer, kwargs)| match answer {
                Answer::Is(result) => Some(result),
                Answer::Refused(_) | Answer::Gone => self.insist(cmd, kwargs),
            })
            .collect()
    }

    /// Asks for all of this at once; an answer for each.
    pub fn ask_all(&mut self, cmd: &str, all: &[Json]) -> Vec<Answer> {
        let mut answers = vec![Answer::Gone; all.len()];
        let Some(wire) = &mut self.wire else {
            return answers;
        };
        let begin = Instant::now();
        let sent = all.iter().map(|kwargs| wire.send(cmd, kwargs.clone()));
        let Ok(ids) = sent.collect::<Result<Vec<_>, _>>() else {
            self.wire = None;
            return answers;
        };
        let mut left = ids.len();
        let heard = wire.until(self.patience, |message| {
            let text = message.is_text().then(|| message.to_text().ok())??;
            // Most that comes is of no interest, and much of it is long.
            let at = ids
                .iter()
                .position(|id| text.contains(&format!("\"{id}\"")))?;
            let json: Json = serde_json::from_str(text).ok()?;
            if json["id"] != ids[at].as_str() {
                return None;
            }
            answers[at] = match json["type"].as_str() {
                Some("result") => Answer::Is(json["result"].clone()),
                _ => Answer::Refused(json["error"].as_str().unwrap_or_default().to_owned()),
            };
            left -= 1;
            (left == 0).then_some(())
        });
        self.took(begin);
        if heard.is_none() {
            self.is_gone(begin, self.patience, cmd);
        }
        answers
    }

    /// Says something, and hears what comes out of the node; `wanted` picks among several values.
    pub fn run(
        &mut self,
        (cmd, kwargs): (&str, Json),
        node: &str,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Run {
        let Some(wire) = &mut self.wire else {
            return Run::Gone;
        };
        let begin = Instant::now();
        let Ok(id) = wire.send(cmd, kwargs) else {
            self.wire = None;
            return Run::Gone;
        };
        let out = format!("node={node}; io=out; ");
        let heard = wire.until(self.patience, |message| match message {
            Message::Binary(frame) => output(frame, &out)
                .filter(|body| wanted(body))
                .map(Run::Out),
            Message::Text(text) => failure(text, node, &id).map(Run::Failed),
            _ => None,
        });
        self.took(begin);
        heard.unwrap_or_else(|| {
            self.is_gone(begin, self.patience, &format!("a run of {node}"));
            Run::Gone
        })
    }

    /// Triggers a node, and hears what comes of it.
    pub fn trigger(&mut self, node: &str) -> Run {
        let trigger = ("trigger_node", json!({ "nid": node }));
        self.run(trigger, node, |_| true)
    }

    /// Sends and waits for nothing.
    pub fn say(&mut self, cmd: &str, kwargs: Json) {
        if let Some(wire) = &mut self.wire
            && wire.send(cmd, kwargs).is_err()
        {
            self.wire = None;
        }
    }

    fn took(&self, begin: Instant) {
        if begin.elapsed() > SLOW {
            self.stage.tally.count("waits of more than 20 s");
        }
    }

    /// The connection ended, or the answer took too long, which is counted apart.
    fn is_gone(&mut self, begin: Instant, patience: Duration, what: &str) {
        self.wire = None;
        if begin.elapsed() < patience {
            self.stage.tally.count("connections that ended");
            return;
        }
        let name = &self.tenant.name;
        self.stage.wrong(format_args!(
            "{name}: no answer within {patience:?} to {what}"
        ));
    }
}

/// The value in a frame whose header has `what`.
fn output(frame: &[u8], what: &str) -> Option<Vec<u8>> {
    let end = frame.windows(4).position(|part| part == b"\r\n\r\n")?;
    let header = std::str::from_utf8(&frame[..end]).ok()?;
    header.contains(what).then(|| frame[end + 4..].to_vec())
}

/// Why the run of a node failed, or the request `id` for it. What could not be saved runs all the same.
fn failure(text: &str, node: &str, id: &str) -> Option<String> {
    let concerns =
        (text.contains("node_trigger_error") && text.contains(node)) || text.contains(id);
    let said: Json = serde_json::from_str(concerns.then_some(text)?).ok()?;
    if said["event"] == "node_trigger_error" && said["data"]["node"] == node {
        return Some(said["data"]["error"].to_string());
    }
    let is_refused = said["id"] == id && said["type"] == "error";
    let why = said["error"].as_str().unwrap_or_default();
    (is_refused && !why.starts_with("it was not saved")).then(|| why.to_owned())
}
