//! The caller's side of a call: what it may bring, where it waits, and what happens when it leaves.
//!
//! Nodes queue, all other callers are told `busy`. A graph may trigger a thousand nodes of one instance
//! at once, so each of them waits, in order, for a place among the calls that run. A call that waits
//! moves to the next instance when the code is swapped.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use external_worker_traces as traces;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use super::calls::Operation;
use super::exports::{Outputs, Ports};
use super::{Call, Command, Instance, Signal, value};
use crate::error::{HostError, Result};
use crate::limits::Budget;

/// A place among the calls that an instance runs at once. One of an instance that has ended says so
/// when it is used.
#[derive(Debug, Default)]
pub struct CallSlot(#[allow(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

/// A node that calls.
#[derive(Debug)]
pub struct Caller {
    /// Its place among the calls.
    pub place: CallSlot,
    /// Its id in the graph; `None`: it is another program.
    pub node: Option<Arc<str>>,
}

/// As many slots as calls run at once and fit into the mailbox.
pub(super) fn call_slots(budget: &Budget) -> Arc<Semaphore> {
    let most = usize::try_from(budget.calls.min(budget.mailbox)).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))
}

impl Instance {
    /// Calls a method, or a shelf's node by its path, within the budget's deadline.
    ///
    /// # Errors
    /// What the guest answers, or why it could not be asked: `busy` when as many calls run as may.
    /// Dropping the future cancels the call.
    pub async fn call(&self, node: &str, inputs: Ports) -> Result<Ports> {
        self.call_within(node, inputs, Duration::MAX).await
    }

    /// [`Self::call`] with a deadline of its own, at most that of the node.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub async fn call_within(&self, node: &str, inputs: Ports, limit: Duration) -> Result<Ports> {
        let caller = Caller {
            place: CallSlot::default(),
            node: None,
        };
        let outputs = self.begin_call(caller, node, inputs, limit).await?;
        let port = |output: super::exports::Output| (output.name, output.value.into_value());
        Ok(outputs.into_iter().map(port).collect())
    }

    /// [`Self::call`] by a node that waited for a place, and keeps the outputs: the guest pays for them
    /// meanwhile.
    ///
    /// # Errors
    /// Those of [`Self::call`]; it is busy only when others call without a place.
    pub async fn call_at(&self, caller: Caller, node: &str, inputs: Ports) -> Result<Outputs> {
        self.begin_call(caller, node, inputs, Duration::MAX).await
    }

    /// A place among the calls that run at once, if there is one now.
    pub fn place_now(&self) -> Option<CallSlot> {
        match Arc::clone(&self.shared.call_slots).try_acquire_owned() {
            Ok(permit) => Some(CallSlot(Some(permit))),
            Err(TryAcquireError::Closed) => Some(CallSlot::default()),
            Err(TryAcquireError::NoPermits) => None,
        }
    }

    /// A place among the calls that run at once; first come, first served.
    pub async fn place(&self) -> CallSlot {
        CallSlot(
            Arc::clone(&self.shared.call_slots)
                .acquire_owned()
                .await
                .ok(),
        )
    }

    /// The longest that a call of `node` may take.
    fn call_deadline(&self, node: &str) -> Duration {
        let budget = &self.shared.lasting.budget;
        let declared = self
            .shared
            .class
            .method(node)
            .and_then(|method| method.timeout_ms);
        let declared = declared.or_else(|| self.shared.shelf_timeouts().get(node).copied());
        budget.call_limit(declared)
    }

    async fn begin_call(
        &self,
        Caller {
            place,
            node: caller,
        }: Caller,
        node: &str,
        inputs: Ports,
        limit: Duration,
    ) -> Result<Outputs> {
        let limit = limit.min(self.call_deadline(node));
        let value_size = self.shared.lasting.budget.value_size.as_u64();
        value::check_all(&inputs, value_size).map_err(|(name, problem)| {
            let place = if name.is_empty() {
                "the inputs".to_owned()
            } else {
                format!("`{name}`")
            };
            HostError::Value(format!("{place} of `{node}`: {problem}"))
        })?;
        let begin = Instant::now();
        let (reply, answer) = oneshot::channel();
        let id = self.shared.calls.open(Operation::Call, limit, Some(reply));
        let mut guard = CancelOnDrop {
            instance: self,
            id,
            armed: true,
        };
        let of_node = caller.clone();
        let call = Call {
            id,
            node: node.to_owned(),
            caller,
            inputs,
            place,
        };
        if let Err(error) = self.send(Command::Call(call)) {
            self.shared.calls.close(id);
            guard.armed = false;
            return Err(error);
        }
        let result = answer.await.unwrap_or_else(|_| Err(self.shared.ended()));
        guard.armed = false;
        let took = begin.elapsed();
        self.shared.tally.count(took, result.is_ok());
        self.shared.lasting.auditor.called(|| traces::Call {
            tenant: None,
            module: None,
            instance: None,
            method: node.to_owned(),
            node: of_node.map(|node| node.to_string()),
            began: SystemTime::now()
                .checked_sub(took)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            took,
            error: result.as_ref().err().map(|error| error.kind().to_owned()),
        });
        result
    }
}

/// A caller that leaves takes its call along.
struct CancelOnDrop<'a> {
    instance: &'a Instance,
    id: u64,
    armed: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed && self.instance.shared.calls.abandon(self.id) {
            let _ = self.instance.signals.send(Signal::Cancel(self.id));
        }
    }
}
