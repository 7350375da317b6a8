//! What outlives a store: the state that a guest saves before it is started again or replaced, and
//! gets back right after its next start.
//!
//! The state is the guest's; the host only carries it. It is given back once: if what was restored ends
//! the guest, it is gone at the next try. After a trap nothing is restored, since what was saved may be
//! the reason. Saves and changes of the configuration take turns. No new call begins while a restart
//! saves, since its effect would be answered and then forgotten: the next start serves it. A component
//! without state refuses to start with one rather than lose it.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;

use super::calls::Operation;
use super::drive::{Guest, Trap, guest_error};
use super::exports::GuestResult;
use super::store_data::{StoreData, fuel_to_copy};
use super::{Command, InTurn, Instance};
use crate::bindings::host::Level;
use crate::component::PreparedComponent;
use crate::error::{HostError, Result};
use crate::limits::Budget;

/// What a guest saved; `None`: it has no state.
pub(super) type Saved = Option<Vec<u8>>;

impl Instance {
    /// What another instance, of this or another version, needs to go on from here: its
    /// [`super::Spec::state`]. `None`: it has no state. The loop and calls go on meanwhile.
    ///
    /// # Errors
    /// What the guest answers, when it is too big, or why the instance cannot be asked.
    pub async fn save(&self) -> Result<Option<Vec<u8>>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::InTurn(Box::new(InTurn::Save(reply))))?;
        self.answered(answer).await
    }
}

/// The state that an instance is to begin with, checked before anything of it starts.
pub(super) fn given(prepared: &PreparedComponent, state: Saved) -> Result<Saved> {
    let Some(state) = state.filter(|state| !state.is_empty()) else {
        return Ok(None);
    };
    let component = prepared.component();
    if !component.keeps_state() {
        return Err(HostError::Component {
            name: component.name().to_owned(),
            problem: "it keeps no state, so it cannot go on with a saved one".to_owned(),
            fix: "Start it without a state, or take a version that exports `state`".to_owned(),
        });
    }
    check_size(&state, prepared.budget())?;
    Ok(Some(state))
}

fn check_size(state: &[u8], budget: &Budget) -> Result<()> {
    let (size, limit) = (state.len() as u64, budget.state_size.as_u64());
    if size <= limit {
        return Ok(());
    }
    let problem = format!("{size} bytes of state are more than the {limit} of `state-size`");
    Err(HostError::Value(problem))
}

impl Guest<'_> {
    /// `save`. The outer error is a trap.
    pub(super) async fn save(self, accessor: &Accessor<StoreData>) -> Result<Result<Saved>, Trap> {
        let budget = &self.shared.lasting.budget;
        // A call that ends meanwhile may copy as much, and is refused like any that is too big.
        let may_copy = |size| {
            accessor.with(|mut store| store.as_context_mut().set_hostcall_fuel(fuel_to_copy(size)));
        };
        let id = self.open(Operation::Save);
        may_copy(budget.value_size.max(budget.state_size));
        let outcome = self.exports.save(accessor).await;
        may_copy(budget.value_size);
        self.close(id);
        Ok(outcome?.map_or(Ok(None), |outcome| self.saved(outcome)))
    }

    fn saved(self, outcome: GuestResult<Vec<u8>>) -> Result<Saved> {
        let state = outcome.map_err(|error| guest_error(error, "`save` failed: "))?;
        check_size(&state, &self.shared.lasting.budget)?;
        Ok(Some(state).filter(|state| !state.is_empty()))
    }

    /// `restore`. The outer error is a trap.
    pub(super) async fn restore(
        self,
        accessor: &Accessor<StoreData>,
        state: Vec<u8>,
    ) -> Result<Result<()>, Trap> {
        let id = self.open(Operation::Restore);
        let outcome = self.exports.restore(accessor, state).await;
        self.close(id);
        let restored = outcome?.unwrap_or(Ok(()));
        Ok(restored.map_err(|error| guest_error(error, "`restore` failed: ")))
    }

    fn open(self, operation: Operation) -> u64 {
        let limit = Duration::from_millis(self.shared.lasting.budget.state_deadline_ms);
        self.shared.calls.open(operation, limit, None)
    }

    fn close(self, id: u64) {
        self.shared.calls.close(id);
        self.shared.lasting.meter.progressed();
    }

    /// Asks for the state that a restart keeps.
    pub(super) fn keep(
        self,
        queue: &mpsc::Sender<Box<InTurn>>,
    ) -> oneshot::Receiver<Result<Saved>> {
        let (reply, answer) = oneshot::channel();
        super::drive::queue_in_turn(queue, Box::new(InTurn::Save(reply)));
        answer
    }

    /// What a restart keeps. It goes on without a state that could not be saved.
    pub(super) fn kept(self, saved: Result<Result<Saved>, oneshot::error::RecvError>) -> Saved {
        let error = match saved {
            Ok(Ok(saved)) => return saved,
            Ok(Err(error)) => error,
            Err(_) => self.shared.ended(),
        };
        let message = format!("it starts again without its state: {error}");
        self.shared.lasting.events.log(Level::Error, &message);
        None
    }
}
