//! From a message to its answer: commands of the graph are executed at once and in their order, so
//! that a value that was set is there for the next command; what waits for an instance, a package or
//! an archive goes on beside. No answer is lost on the way.
//!
//! What changed something is answered when it is on disk. Nothing waits for that but its answer.
//!
//! What whoever asks may not do is refused before anything is looked at, also whether it was done before for somebody
//! who may: the refusal is the same whatever there is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use external_worker_control::Role;
use serde_json::{Map, Value as Json};
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::auth::Pass;
use super::clients::Whence;
use super::commands::{self, Answer, Command, Context, Reply, Run};
use super::frames;
use super::load::Load;
use super::messages::Owner;
use super::outbox::{Outbox, Permit};
use super::protocol::{self, Frame, Incoming, Request, RequestId};
use super::refusal::{Code, Refusal};
use super::replies::{Claim, Kind, Repeat, Ticket};
use crate::audit;
use crate::limits;
use crate::nodespace::{NO_VALUE, Value};

/// Lanes that are remembered before those that are free are forgotten.
const LANES: usize = 64;

/// Where answers go.
#[derive(Debug)]
pub enum Destination {
    /// To the connection that asked.
    Client(Arc<Outbox>),
    /// To the connections that come from the same place: a posted message has none of its own.
    From(Whence),
}

/// One source of messages: a websocket, or one posted message.
pub struct Session {
    shared: Arc<Shared>,
    id: u64,
    destination: Destination,
    /// What whoever asks may do.
    pass: Pass,
    /// By name: when the last command of each lane has ended.
    lanes: Mutex<HashMap<String, oneshot::Receiver<()>>>,
}

/// A request on its way to its answer.
pub struct Pending {
    session: Arc<Session>,
    permit: Option<Permit>,
    /// What the request costs, until it is done.
    load: Option<Load>,
    id: Option<RequestId>,
    as_bytes: bool,
    ticket: Option<Ticket>,
    /// A person waits for it: when it fails, the status bar says why.
    is_shown: bool,
    /// Who may read the answer.
    needs: Role,
}

/// What waits until everything before it is on disk.
pub enum Change {
    /// A change that is done.
    Done(Box<Pending>, Answer),
    /// Somebody who wants to know.
    Seen(oneshot::Sender<()>),
}

impl Session {
    /// A session whose number is `id`.
    pub fn new(shared: Arc<Shared>, id: u64, destination: Destination, pass: Pass) -> Arc<Self> {
        Arc::new(Self {
            shared,
            id,
            destination,
            pass,
            lanes: Mutex::default(),
        })
    }

    /// Does what `message` says. The answer holds `permit` until it is sent, what is done holds `load`.
    pub async fn receive(self: &Arc<Self>, message: String, permit: Option<Permit>, load: Load) {
        let parsed = if message.len() > limits::SMALL_MESSAGE_BYTES {
            // It takes its time: not on a thread that serves others.
            let parsing = tokio::task::spawn_blocking(move || protocol::parse(&message));
            parsing
                .await
                .unwrap_or_else(|_ended| Err(ABANDONED.to_owned().into()))
        } else {
            protocol::parse(&message)
        };
        match parsed {
            Ok(incoming) => self.act(incoming, permit, load),
            Err(malformed) => {
                let id = malformed.id.as_ref();
                let frame = protocol::error(Code::Malformed, &malformed.problem, id);
                self.send(frame, id, permit, Role::Viewer);
            }
        }
    }

    /// Does what was asked for.
    pub fn act(self: &Arc<Self>, incoming: Incoming, permit: Option<Permit>, load: Load) {
        match incoming {
            Incoming::Ping => self.send(protocol::pong(), None, permit, Role::Viewer),
            Incoming::Request(request) => self.execute(request, permit, load),
        }
    }

    fn execute(self: &Arc<Self>, request: Request, permit: Option<Permit>, load: Load) {
        let command = commands::find(&request.cmd);
        let kind = command.map_or(Kind::Read, |command| command.kind);
        let mut pending = Pending {
            session: Arc::clone(self),
            permit,
            load: Some(load),
            id: request.id.clone(),
            as_bytes: request.as_bytes,
            ticket: None,
            is_shown: command.is_some_and(Command::is_shown),
            needs: command.map_or(Role::Viewer, |command| command.needs),
        };
        if let Some(Err(refusal)) = command.map(|command| self.check(command)) {
            return pending.settle(Err(refusal));
        }
        if let Some(id) = &request.id {
            match self.shared.replies.claim(&request, id, self.id, kind) {
                Claim::First(ticket) => pending.ticket = Some(ticket),
                Claim::Repeat(repeat) => return self.repeat(repeat, pending),
                Claim::Reused => {
                    return pending.settle(Err(Refusal::new(Code::InvalidArguments, REUSED)));
                }
            }
        }
        match command {
            None => pending.settle(Err(commands::unknown(&request.cmd))),
            Some(_) if self.shared.stop.is_cancelled() => {
                pending.settle(Err(Refusal::new(Code::Closing, STOPPING)));
            }
            Some(command) => self.run(command, request.kwargs, pending),
        }
    }

    /// Whether whoever asks may have `command` done, now.
    fn check(&self, command: &Command) -> Result<(), Refusal> {
        self.pass.check(command.needs).inspect_err(|refusal| {
            let auditor = self.shared.worker.auditor();
            auditor.note_often(audit::Kind::Denied, |it| {
                let who = format_args!("the token {}", self.pass.id().unwrap_or("of the owner"));
                it.who(who).what(command.name).reason(refusal)
            });
        })
    }

    fn run(
        self: &Arc<Self>,
        command: &'static Command,
        kwargs: Map<String, Json>,
        pending: Pending,
    ) {
        let context = Context::new(Arc::clone(&self.shared));
        match &command.run {
            Run::Now(run) => pending.finish(run(&context, kwargs), command),
            Run::Beside { lane, run } => {
                let turn = lane(&kwargs).map(|lane| self.turn(lane));
                self.shared.tasks.spawn(async move {
                    let _end_of_turn = match turn {
                        Some((before, end)) => {
                            if let Some(before) = before {
                                // An error is its end, too.
                                let _ = before.await;
                            }
                            Some(end)
                        }
                        None => None,
                    };
                    if let Err(refusal) = pending.session.check(command) {
                        return pending.refuse(refusal);
                    }
                    let answer = run(context, kwargs).await;
                    pending.finish(answer, command);
                });
            }
        }
    }

    /// The end of what is before in `lane`, and what to drop at one's own.
    fn turn(&self, lane: String) -> (Option<oneshot::Receiver<()>>, oneshot::Sender<()>) {
        let (end, ended) = oneshot::channel();
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= LANES {
            let is_under_way = |ended: &mut oneshot::Receiver<()>| {
                matches!(ended.try_recv(), Err(oneshot::error::TryRecvError::Empty))
            };
            lanes.retain(|_, ended| is_under_way(ended));
        }
        (lanes.insert(lane, ended), end)
    }

    fn repeat(&self, repeat: Repeat, mut pending: Pending) {
        if let Some(frame) = repeat.now() {
            return self.send(frame, pending.id.as_ref(), pending.permit, pending.needs);
        }
        self.shared.tasks.spawn(async move {
            match repeat.answer().await {
                Some(frame) => {
                    let permit = pending.permit.take();
                    let id = pending.id.as_ref();
                    pending.session.send(frame, id, permit, pending.needs);
                }
                None => pending.settle(Err(Refusal::new(Code::Cancelled, ABANDONED))),
            }
        });
    }

    /// Sends an answer, which is for those who may do what takes `needs`.
    fn send(&self, frame: Frame, id: Option<&RequestId>, permit: Option<Permit>, needs: Role) {
        let owner = match &self.destination {
            Destination::Client(_) => Owner::Client(self.id),
            Destination::From(_) => Owner::Posted,
        };
        let frame = self.shared.messages.hint(frame, owner, needs);
        let frame =
            frame.unwrap_or_else(|problem| protocol::error(Code::Limit, &problem.to_string(), id));
        match &self.destination {
            Destination::Client(outbox) => outbox.answer(frame, permit),
            Destination::From(_) => {
                for outbox in self.outboxes() {
                    outbox.answer(frame.clone(), None);
                }
            }
        }
        self.shared.clients.relieve();
    }

    fn outboxes(&self) -> Vec<Arc<Outbox>> {
        match &self.destination {
            Destination::Client(outbox) => vec![Arc::clone(outbox)],
            Destination::From(whence) => self.shared.clients.beside(whence),
        }
    }
}

const REUSED: &str = "this id was used for another command; give every command its own id";
const STOPPING: &str = "the worker is stopping";
const ABANDONED: &str = "the command did not finish; send it again with another id";

impl Pending {
    /// Answers at once, or when the change is on disk.
    fn finish(mut self, answer: Answer, command: &Command) {
        self.load = None;
        let answer = command.answer(answer);
        let changes = match command.kind {
            Kind::Read => return self.settle(answer),
            Kind::Change => self.session.shared.changes.clone(),
        };
        let done = Change::Done(Box::new(self), answer);
        if let Err(mpsc::error::SendError(Change::Done(pending, _))) = changes.send(done) {
            pending.settle(Err(Refusal::new(Code::Closing, STOPPING)));
        }
    }

    /// Answers that it was not begun: whoever else repeats it and may, has it done.
    fn refuse(mut self, refusal: Refusal) {
        self.ticket = None;
        self.settle(Err(refusal));
    }

    /// Answers.
    fn settle(mut self, answer: Answer) {
        if let Err(refusal) = &answer
            && self.is_shown
        {
            let line = protocol::progress(&refusal.to_string(), "error", 1.0, false);
            for outbox in self.session.outboxes() {
                outbox.event(line.clone(), None);
            }
        }
        let Some(id) = self.id.take() else {
            if let Err(refusal) = answer {
                tracing::debug!("a command that wants no answer failed: {refusal}");
            }
            return;
        };
        let frame = render(answer, &id, self.as_bytes);
        if let Some(ticket) = self.ticket.take() {
            ticket.settle(frame.clone());
        }
        let permit = self.permit.take();
        self.session.send(frame, Some(&id), permit, self.needs);
    }
}

fn render(answer: Answer, id: &RequestId, as_bytes: bool) -> Frame {
    let rendered = match answer {
        Ok(Reply::Json(json)) if as_bytes => {
            let value = Value::from_json(json);
            frames::result(Some(&value), id)
        }
        Ok(Reply::Json(json)) => Ok(protocol::result(&json, Some(id))),
        Ok(Reply::Text(text)) if as_bytes => frames::result_text(&text, id),
        Ok(Reply::Text(text)) => Ok(protocol::result_text(&text, id)),
        Ok(Reply::Value(value)) if as_bytes => frames::result(value.as_deref(), id),
        Ok(Reply::Value(value)) => Ok(match value.as_deref() {
            Some(Value::Json(json)) => protocol::result_text(json.as_str(), id),
            Some(value) => protocol::result_text(&value.to_text(), id),
            None => protocol::result(&NO_VALUE.into(), Some(id)),
        }),
        Err(refusal) => Ok(protocol::error(
            refusal.code(),
            &refusal.to_string(),
            Some(id),
        )),
    };
    rendered.unwrap_or_else(|problem| protocol::error(Code::InvalidArguments, problem, Some(id)))
}

/// Answers changes when they are on disk, all that wait at once, until nobody can make any more.
pub async fn answer_saved(shared: Arc<Shared>, mut changes: mpsc::UnboundedReceiver<Change>) {
    let mut batch = Vec::new();
    while changes.recv_many(&mut batch, usize::MAX).await > 0 {
        let saved = shared.worker.saved().await;
        for change in batch.drain(..) {
            match (change, &saved) {
                (Change::Done(pending, answer), Ok(())) => pending.settle(answer),
                (Change::Done(pending, _), Err(error)) => {
                    let problem = format!("it was not saved: {}", error.public());
                    pending.settle(Err(Refusal::new(Code::Internal, problem)));
                }
                // Who asked may have given up.
                (Change::Seen(seen), _) => drop(seen.send(())),
            }
        }
    }
}
