//! Every command of the FuncNodes protocol, in one [`table`]. A handler gets its arguments, makes one call
//! on the Worker or its graph, and returns what that returns; that arguments are read, answers rendered
//! and futures boxed is done once, where the table is made.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use external_worker_control::Role;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::Shared;
use super::protocol;
use super::refusal::{Code, Refusal};
use super::replies::Kind;
use crate::json as document;
use crate::limits;
use crate::nodespace::{NodeSpace, SharedValue};
use crate::text;
use crate::worker::Worker;

mod edges;
mod gone;
mod groups;
mod instances;
mod library;
mod modules;
mod nodes;
mod state;
mod table;
mod values;

/// The arguments of a command, as they came.
pub type Kwargs = Map<String, Json>;

/// What a handler returns.
pub type Answer = Result<Reply, Refusal>;

/// The result of a command.
#[derive(Debug)]
pub enum Reply {
    /// JSON; as bytes too, where that is asked for.
    Json(Json),
    /// The same, of what is a text already.
    Text(String),
    /// A value, as JSON or as bytes; `None`: there is none.
    Value(Option<SharedValue>),
}

impl Reply {
    /// What `view` looks like.
    fn of(view: &impl Serialize) -> Self {
        Self::Text(document::to_wire(view))
    }
}

impl<T: Into<Json>> From<T> for Reply {
    fn from(json: T) -> Self {
        Self::Json(json.into())
    }
}

/// The arguments of commands. What is not among them is a mistake.
macro_rules! arguments {
    ($($(#[$about:meta])* pub struct $name:ident {
        $($(#[$of_field:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$about])*
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$of_field])* $field: $type,)*
        }
    )*};
}
use arguments;

/// Of a command that takes none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

/// What handlers act on.
#[derive(Clone)]
pub struct Context {
    shared: Arc<Shared>,
}

impl Context {
    /// The one of a server.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn worker(&self) -> &Worker {
        &self.shared.worker
    }

    /// A line for everybody's status bar.
    fn progress(&self, message: &str, status: &str, progress: f64) {
        let line = protocol::progress(message, status, progress, progress < 1.0);
        for outbox in self.shared.clients.all() {
            outbox.event(line.clone(), None);
        }
    }

    fn graph(&self) -> &NodeSpace {
        self.shared.worker.nodespace()
    }
}

/// Answers at once.
type Handler = dyn Fn(&Context, Kwargs) -> Answer + Send + Sync;
/// Answers when it is done.
type LateHandler = dyn Fn(Context, Kwargs) -> BoxFuture<'static, Answer> + Send + Sync;

/// How a command is executed.
pub enum Run {
    /// At once: the next message of the connection is read afterwards.
    Now(Box<Handler>),
    /// Beside what comes next, but after what came before in the same lane.
    Beside {
        /// The lane, where order matters.
        lane: fn(&Kwargs) -> Option<String>,
        /// Does it.
        run: Box<LateHandler>,
    },
}

/// One row of the table.
pub struct Command {
    /// What clients call it.
    pub name: &'static str,
    /// Who may have it done.
    pub needs: Role,
    /// Whether its answer waits until it is on disk.
    pub kind: Kind,
    /// What it does.
    pub run: Run,
}

impl Command {
    /// The answer to a client: what comes late is not a mistake.
    pub fn answer(&self, answer: Answer) -> Answer {
        answer.or_else(|refusal| {
            let gone = refusal.what_is_gone();
            let benign = gone.and_then(|id| gone::answer(self.name, id));
            benign.ok_or(refusal)
        })
    }

    /// Whether a person waits for it to be done: clients show such failures nowhere else.
    pub fn is_shown(&self) -> bool {
        self.kind == Kind::Change && matches!(self.run, Run::Beside { .. })
    }
}

fn now<A: DeserializeOwned + 'static>(
    name: &'static str,
    needs: Role,
    kind: Kind,
    run: fn(&Context, A) -> Answer,
) -> Command {
    let run = move |context: &Context, kwargs| run(context, read_arguments(kwargs)?);
    Command {
        name,
        needs,
        kind,
        run: Run::Now(Box::new(run)),
    }
}

fn read<A: DeserializeOwned + 'static>(
    name: &'static str,
    needs: Role,
    run: fn(&Context, A) -> Answer,
) -> Command {
    now(name, needs, Kind::Read, run)
}

fn change<A: DeserializeOwned + 'static>(
    name: &'static str,
    needs: Role,
    run: fn(&Context, A) -> Answer,
) -> Command {
    now(name, needs, Kind::Change, run)
}

fn beside<A, F>(
    name: &'static str,
    needs: Role,
    kind: Kind,
    lane: fn(&Kwargs) -> Option<String>,
    run: fn(Context, A) -> F,
) -> Command
where
    A: DeserializeOwned + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let run = move |context, kwargs| match read_arguments(kwargs) {
        Ok(arguments) => run(context, arguments).boxed(),
        Err(refusal) => std::future::ready(Err(refusal)).boxed(),
    };
    Command {
        name,
        needs,
        kind,
        run: Run::Beside {
            lane,
            run: Box::new(run),
        },
    }
}

/// All commands, by name.
static COMMANDS: LazyLock<BTreeMap<&'static str, Command>> = LazyLock::new(|| {
    let commands = table::table();
    commands.into_iter().map(|it| (it.name, it)).collect()
});

/// What is done in the order of its arrival, though beside everything else.
mod lane {
    use super::Kwargs;

    fn of(kind: &str, kwargs: &Kwargs, key: &str) -> Option<String> {
        let key = kwargs.get(key)?.as_str()?;
        Some(format!("{kind} {key}"))
    }

    pub fn none(_: &Kwargs) -> Option<String> {
        None
    }

    pub fn state(_: &Kwargs) -> Option<String> {
        Some("state".to_owned())
    }

    pub fn instance(kwargs: &Kwargs) -> Option<String> {
        of("instance", kwargs, "worker_id")
    }

    pub fn name(kwargs: &Kwargs) -> Option<String> {
        of("package", kwargs, "name")
    }
}

/// The command that clients call `name`.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.get(name)
}

/// What to say to somebody who calls `name`.
pub fn unknown(name: &str) -> Refusal {
    let known: Vec<_> = COMMANDS.keys().copied().collect();
    let name = text::clean_line(name, limits::MAX_NAME_BYTES);
    let sentence = format!(
        "Unknown command {name} , available commands: {}",
        known.join(", ")
    );
    Refusal::new(Code::UnknownCommand, sentence)
}

/// `kwargs` as the arguments that a command takes.
fn read_arguments<A: DeserializeOwned>(kwargs: Kwargs) -> Result<A, Refusal> {
    A::deserialize(Json::Object(kwargs)).map_err(|error| {
        let sentence = format!("the arguments are wrong: {error}");
        Refusal::new(Code::InvalidArguments, sentence)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    arguments! {
        pub struct Node {
            nid: String,
        }
    }

    #[test]
    fn the_table_is_sorted_and_whole() {
        let table = table::table();
        assert!(table.is_sorted_by(|a, b| a.name < b.name));
        for command in &table {
            assert_eq!(find(command.name).unwrap().name, command.name);
        }
        assert!(find("no_such_cmd").is_none());
    }

    #[test]
    fn a_viewer_changes_nothing_and_only_an_owner_ends_the_worker() {
        for command in table::table() {
            let is_viewers = command.needs == Role::Viewer;
            assert!(
                !is_viewers || command.kind == Kind::Read,
                "{}",
                command.name
            );
            let ends = command.name == "stop_worker";
            assert_eq!(command.needs >= Role::Owner, ends, "{}", command.name);
        }
        for name in [
            "trigger_node",
            "request_trigger",
            "add_shelf",
            "get_external_worker_config",
        ] {
            assert_eq!(find(name).unwrap().needs, Role::Author, "{name}");
        }
    }

    #[test]
    fn an_unknown_command_hears_of_those_that_there_are() {
        let refusal = unknown("no_such_cmd").to_string();
        let start =
            "Unknown command no_such_cmd , available commands: add_edge, add_external_worker";
        assert!(refusal.starts_with(start), "{refusal}");
        assert!(refusal.ends_with("upload, uuid, view_state"), "{refusal}");
    }

    #[test]
    fn wrong_arguments_are_named() {
        let read = |kwargs: Json| {
            let Json::Object(kwargs) = kwargs else {
                panic!("{kwargs}");
            };
            read_arguments::<Node>(kwargs).map(|node| node.nid)
        };
        assert_eq!(read(json!({ "nid": "a" })), Ok("a".to_owned()));
        for (kwargs, part) in [
            (json!({}), "`nid`"),
            (json!({ "nid": 7 }), "string"),
            (json!({ "nid": "a", "foo": 1 }), "`foo`"),
        ] {
            let problem = read(kwargs).unwrap_err().to_string();
            assert!(problem.contains(part), "{problem}");
        }
    }
}
