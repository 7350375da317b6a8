//! New code under living external workers: no call is lost, what the guest saves of itself goes
//! along, and a version that does not start leaves the old one running.
//!
//! The new instance starts beside the old one, so that nothing is lost if it does not start. Where
//! the old one holds what cannot be had twice, such as a serial port, that fails; then it makes room.
//!
//! Calls wait at the external worker, without a lock, until one of the two instances answers. The old
//! instance comes back if it made room and the new one does not start.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use super::Worker;
use super::error::Result;
use super::external_worker::{ExternalWorker, InPlaceOf};
use super::pump;
use crate::capability::is_exclusive;
use crate::component::PreparedComponent;
use crate::instance::Instance;
use crate::instance::events::Listener;
use crate::limits;
use crate::policy::Capability;

/// A new instance and what it has said so far.
type Begun = (Instance, Listener);

impl Worker {
    /// Puts the new code of `module` behind those of its external workers that run older code.
    pub(super) async fn swap_module(&self, module: &str) {
        stream::iter(self.everything_of(module))
            .for_each_concurrent(limits::MAX_STARTS_AT_ONCE, |external| async move {
                self.bring_up_to_date(&external).await;
            })
            .await;
    }

    /// Puts new code behind an external worker for as long as what it runs is not what its module has. Where
    /// somebody else is doing that, or it is starting, they will find the newest code themselves.
    pub(super) async fn bring_up_to_date(&self, external: &Arc<ExternalWorker>) {
        let mut tried: Option<Arc<PreparedComponent>> = None;
        while let Some(instance) = external.instance() {
            let found = self.catalogue().class_of(external);
            let Ok((newest, _)) = found else {
                let line = "its class is not in the new version; the old one goes on";
                return self.report(external, line);
            };
            let is_tried = tried.as_ref().is_some_and(|it| Arc::ptr_eq(it, &newest));
            if is_tried || Arc::ptr_eq(&instance.prepared(), &newest) {
                return;
            }
            self.swap(external, &newest).await;
            tried = Some(newest);
        }
    }

    async fn swap(&self, external: &Arc<ExternalWorker>, prepared: &Arc<PreparedComponent>) {
        let limit = Duration::from_millis(prepared.budget().call_deadline_ms);
        let Some(old) = external.hold_calls(limit).await else {
            return;
        };
        let paused = old.turns().status().paused;
        old.turns().pause();
        let state = match old.save().await {
            Ok(state) => state,
            Err(error) => {
                self.report(
                    external,
                    &format!("the new version does not get its state: {error}"),
                );
                None
            }
        };
        let begun = match self.begin(external, prepared, state.clone()).await {
            Err(_) if holds_alone(&old) => self.make_room(external, prepared, &old, state).await,
            begun => begun,
        };
        match begun {
            Ok((new, events)) => self.switch(external, &old, new, events).await,
            Err(error) => {
                if !paused {
                    old.turns().resume();
                }
                let why = error.public();
                external.give_back(&why);
                if external.is_down() {
                    return self.stays_down(external, &old, &why);
                }
                let line = format!("the new version does not start, the old one goes on: {why}");
                self.report(external, &line);
            }
        }
    }

    /// It made room in vain. Its nodes are shown all the same, and say why they do not run.
    fn stays_down(&self, external: &Arc<ExternalWorker>, old: &Instance, why: &str) {
        self.mount_with(external, old.class(), &[]);
        let line = format!("the new version does not start, nor does the old one again: {why}");
        self.report(external, &line);
        self.external_changed(external);
    }

    async fn switch(
        &self,
        external: &Arc<ExternalWorker>,
        old: &Instance,
        new: Instance,
        events: Listener,
    ) {
        if !external.put(&new, InPlaceOf::Swapping) {
            // Removed meanwhile: whoever did that stopped the old one.
            new.stop().await;
            return;
        }
        pump::start(self, external, &new, events);
        old.stop().await;
        let class = Arc::clone(new.class());
        self.mount(external, &class).await;
        self.external_changed(external);
    }

    /// The old one goes first, and comes back if the new one does not start even so.
    async fn make_room(
        &self,
        external: &ExternalWorker,
        prepared: &Arc<PreparedComponent>,
        old: &Instance,
        state: Option<Vec<u8>>,
    ) -> Result<Begun> {
        old.stop().await;
        match self.begin(external, prepared, state.clone()).await {
            Ok(begun) => Ok(begun),
            Err(error) => {
                let why = error.public();
                let line = format!("the new version does not start, the old one comes back: {why}");
                self.report(external, &line);
                self.begin(external, &old.prepared(), state).await
            }
        }
    }

    async fn begin(
        &self,
        external: &ExternalWorker,
        prepared: &Arc<PreparedComponent>,
        state: Option<Vec<u8>>,
    ) -> Result<Begun> {
        let (starting, events) = self.begin_instance(external, prepared, state)?;
        Ok((starting.started().await?, events))
    }
}

/// Whether it may hold what cannot be had twice, so that no other can start beside it.
fn holds_alone(old: &Instance) -> bool {
    let prepared = old.prepared();
    let granted = prepared.granted();
    let mut held = Capability::ALL.into_iter().filter(|it| granted.grants(*it));
    held.any(is_exclusive)
}
