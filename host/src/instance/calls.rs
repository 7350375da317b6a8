//! What is open at an instance, until when, and who waits for it.
//!
//! Deadlines are kept here and watched from outside the store, because inside it nothing runs
//! while a guest blocks: first the operation is asked to end and its caller is answered; when it
//! still goes on after a grace, the instance ends.
//!
//! A call has an id so that the guest can be told to `cancel` it: when the host drops the future of a
//! call, the call goes on in the guest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::exports::Outputs;
use crate::error::{HostError, Result};
use crate::executor::{Clock, Moment};

/// Who waits for a call.
pub type Reply = oneshot::Sender<Result<Outputs>>;

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `start`.
    Start,
    /// `call`.
    Call,
    /// `update-config`.
    UpdateConfig,
    /// `get-nodeshelf`.
    GetNodeshelf,
    /// `stop`.
    Stop,
    /// `save`.
    Save,
    /// `restore`.
    Restore,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "`start`",
            Self::Call => "a call",
            Self::UpdateConfig => "`update-config`",
            Self::GetNodeshelf => "`get-nodeshelf`",
            Self::Stop => "`stop`",
            Self::Save => "`save`",
            Self::Restore => "`restore`",
        }
    }
}

#[derive(Debug)]
struct Open {
    id: u64,
    operation: Operation,
    limit: Duration,
    deadline: Moment,
    reply: Option<Reply>,
    /// The guest has it; a call waits in the mailbox before.
    begun: bool,
    asked_to_end: bool,
}

/// What the watcher of deadlines has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Expired {
    /// Ask this call to end.
    Ask(u64),
    /// End the instance; the reason.
    Kill(Operation, String),
}

#[derive(Debug, Default)]
struct Table {
    // A few dozen at most: scanning beats any index.
    open: Vec<Open>,
    armed: Option<Moment>,
}

/// The open operations of one instance.
#[derive(Debug)]
pub struct Calls {
    clock: Arc<Clock>,
    /// How long a call that was cancelled may go on.
    grace: Duration,
    table: Mutex<Table>,
    next_id: AtomicU64,
    rearm: Notify,
}

impl Calls {
    /// None, with deadlines by `clock`; a call that was cancelled may go on for `grace`.
    pub fn new(clock: &Arc<Clock>, grace: Duration) -> Self {
        Self {
            clock: Arc::clone(clock),
            grace,
            table: Mutex::default(),
            next_id: AtomicU64::new(0),
            rearm: Notify::new(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an operation that must end within `limit`. Returns its id, never used before.
    pub fn open(&self, operation: Operation, limit: Duration, reply: Option<Reply>) -> u64 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let deadline = self.clock.now() + limit;
        let mut table = self.table();
        table.open.push(Open {
            id,
            operation,
            limit,
            deadline,
            reply,
            begun: operation != Operation::Call,
            asked_to_end: false,
        });
        let sooner = table.armed.is_none_or(|armed| deadline < armed);
        drop(table);
        if sooner {
            self.rearm.notify_one();
        }
        id
    }

    /// Closes `id`; returns who waits for it, unless they were answered already.
    pub fn close(&self, id: u64) -> Option<Reply> {
        let mut table = self.table();
        let at = table.open.iter().position(|open| open.id == id)?;
        table.open.swap_remove(at).reply
    }

    /// Whether `id` is open.
    pub fn is_open(&self, id: u64) -> bool {
        self.table().open.iter().any(|open| open.id == id)
    }

    /// The guest gets the call `id` now, if somebody still waits for it; whether that is so.
    pub fn begin(&self, id: u64) -> bool {
        let mut table = self.table();
        let mut open = table.open.iter_mut();
        let Some(open) = open.find(|open| open.id == id && !open.asked_to_end) else {
            return false;
        };
        open.begun = true;
        true
    }

    /// The caller of `id` left: from now on it has only the grace.
    pub fn abandon(&self, id: u64) -> bool {
        let mut table = self.table();
        let Some(open) = table.open.iter_mut().find(|open| open.id == id) else {
            return false;
        };
        open.reply = None;
        open.asked_to_end = true;
        open.deadline = self.clock.now() + self.grace;
        drop(table);
        self.rearm.notify_one();
        true
    }

    /// Answers everybody who waits with an error, and closes all.
    pub fn fail_all(&self, error: impl Fn() -> HostError) {
        self.fail(|_| true, error);
    }

    /// Answers everybody whom the guest owes an answer with an error, and closes what it had. Calls that
    /// wait in the mailbox go on waiting: another start serves them.
    pub fn fail_begun(&self, error: impl Fn() -> HostError) {
        self.fail(|open| open.begun, error);
    }

    fn fail(&self, which: impl Fn(&Open) -> bool, error: impl Fn() -> HostError) {
        let mut table = self.table();
        let failed: Vec<_> = table.open.extract_if(.., |open| which(open)).collect();
        drop(table);
        for reply in failed.into_iter().filter_map(|open| open.reply) {
            let _ = reply.send(Err(error()));
        }
    }

    /// How many operations are open, waiting in the mailbox or running.
    pub fn len(&self) -> usize {
        self.table().open.len()
    }

    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until a deadline passes; says what to do about it.
    pub async fn expired(&self) -> Vec<Expired> {
        loop {
            let earliest = self.arm();
            let changed = self.rearm.notified();
            match earliest {
                None => changed.await,
                Some(at) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = self.clock.sleep_until(at) => {}
                },
            }
            let expired = self.expire(self.clock.now());
            if !expired.is_empty() {
                return expired;
            }
        }
    }

    fn arm(&self) -> Option<Moment> {
        let mut table = self.table();
        table.armed = table.open.iter().map(|open| open.deadline).min();
        table.armed
    }

    fn expire(&self, now: Moment) -> Vec<Expired> {
        let mut expired = Vec::new();
        for open in self
            .table()
            .open
            .iter_mut()
            .filter(|open| open.deadline <= now)
        {
            let limit_ms = u64::try_from(open.limit.as_millis()).unwrap_or(u64::MAX);
            let name = open.operation.name();
            if open.operation != Operation::Call || open.asked_to_end {
                let went_on = if open.operation == Operation::Call {
                    format!("{name} went on after it was asked to end")
                } else {
                    format!("{name} took longer than {limit_ms} ms")
                };
                expired.push(Expired::Kill(open.operation, went_on));
                continue;
            }
            if let Some(reply) = open.reply.take() {
                let _ = reply.send(Err(HostError::Deadline {
                    what: name.to_owned(),
                    limit_ms,
                }));
            }
            open.asked_to_end = true;
            open.deadline = now + self.grace;
            expired.push(Expired::Ask(open.id));
        }
        expired
    }

    /// How long a call that was cancelled may go on.
    pub fn grace(&self) -> Duration {
        self.grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(1);

    #[test]
    fn a_late_call_is_first_asked_and_answered_then_costs_the_instance() {
        let calls = Calls::new(&Arc::default(), GRACE);
        let (reply, mut answer) = oneshot::channel();
        let id = calls.open(Operation::Call, Duration::ZERO, Some(reply));
        let later = calls.clock.now() + GRACE;
        assert_eq!(calls.expire(calls.clock.now()), [Expired::Ask(id)]);
        assert!(matches!(
            answer.try_recv().unwrap(),
            Err(HostError::Deadline { .. })
        ));
        assert!(calls.expire(calls.clock.now()).is_empty());
        let killed = calls.expire(later + GRACE);
        assert!(
            matches!(killed.as_slice(), [Expired::Kill(Operation::Call, _)]),
            "{killed:?}"
        );
    }

    #[test]
    fn what_waits_in_the_mailbox_is_not_lost_with_what_the_guest_had() {
        let calls = Calls::new(&Arc::default(), GRACE);
        let mut answers = Vec::new();
        let mut open = |operation| {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            calls.open(operation, Duration::from_secs(9), Some(reply))
        };
        let (begun, waits) = (open(Operation::Call), open(Operation::Call));
        open(Operation::Stop);
        assert!(calls.begin(begun));
        calls.fail_begun(|| HostError::Ended("again".to_owned()));
        assert_eq!(calls.len(), 1);
        assert!(calls.begin(waits), "the next life has it");
        for (answer, failed) in answers.iter_mut().zip([true, false, true]) {
            assert_eq!(answer.try_recv().is_ok(), failed);
        }
    }

    #[test]
    fn a_closed_call_never_expires() {
        let calls = Calls::new(&Arc::default(), GRACE);
        let id = calls.open(Operation::Call, Duration::ZERO, None);
        calls.close(id);
        assert!(
            calls
                .expire(calls.clock.now() + Duration::from_secs(9))
                .is_empty()
        );
        assert!(calls.is_empty());
    }
}
