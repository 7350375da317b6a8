//! What was asked to end, for guests that cannot be told: one that waits in `host.wait` runs nothing else, so
//! neither `cancel` nor `stop` reaches it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What of one instance was asked to end.
#[derive(Default)]
pub struct Endings {
    asked: Mutex<Asked>,
    told: Notify,
}

#[derive(Default)]
struct Asked {
    stop: bool,
    /// Those that are open still.
    calls: Vec<u64>,
}

impl Endings {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instance has to stop, or to start again.
    pub fn stop(&self) {
        self.asked().stop = true;
        self.told.notify_waiters();
    }

    /// The call `id` has to end.
    pub fn cancel(&self, id: u64) {
        let mut asked = self.asked();
        if !asked.calls.contains(&id) {
            asked.calls.push(id);
        }
        drop(asked);
        self.told.notify_waiters();
    }

    /// The call `id` is over.
    pub fn closed(&self, id: u64) {
        self.asked().calls.retain(|call| *call != id);
    }

    /// Another life begins: nothing was asked of it.
    pub fn begin(&self) {
        *self.asked() = Asked::default();
    }

    fn has(&self, call: Option<u64>) -> bool {
        let asked = self.asked();
        asked.stop || call.is_some_and(|call| asked.calls.contains(&call))
    }

    /// Waits until the instance, or `call`, has to end.
    pub async fn of(&self, call: Option<u64>) {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            // From here on nothing is missed.
            told.as_mut().enable();
            if self.has(call) {
                return;
            }
            told.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_wait_ends_with_its_call_and_with_the_instance() {
        let endings = Endings::default();
        endings.cancel(1);
        assert!(endings.of(Some(1)).now_or_never().is_some());
        assert!(endings.of(Some(2)).now_or_never().is_none());
        assert!(endings.of(None).now_or_never().is_none());
        endings.closed(1);
        assert!(endings.of(Some(1)).now_or_never().is_none());
        endings.stop();
        assert!(endings.of(None).now_or_never().is_some());
        endings.begin();
        assert!(endings.of(None).now_or_never().is_none());
    }
}
