//! Events on their way to who listens. Each listener has a queue of its own, which takes memory for what is in
//! it only: most instances have little to say, and there may be very many.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;

use super::events::Event;
use crate::limits::EVENT_BACKLOG;

/// What is in a queue; `None`: here some are missing.
type Queued = Option<Arc<Event>>;

/// Places in a queue beyond the backlog: for the note that events are missing, and for the end.
const RESERVED: usize = 2;

/// The events of one instance, from when it was asked for.
#[derive(Debug)]
pub struct Listener {
    queue: mpsc::Receiver<Queued>,
    lost: Arc<AtomicU64>,
}

impl Listener {
    /// The next event.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] in the place of events that came when [`EVENT_BACKLOG`] others waited;
    /// [`RecvError::Closed`] when nothing comes any more.
    pub async fn recv(&mut self) -> Result<Arc<Event>, RecvError> {
        let queued = self.queue.recv().await.ok_or(RecvError::Closed)?;
        queued.ok_or_else(|| RecvError::Lagged(self.taken_lost()))
    }

    /// The next event, if it is there already.
    ///
    /// # Errors
    /// Those of [`Listener::recv`], and that there is none.
    pub fn try_recv(&mut self) -> Result<Arc<Event>, TryRecvError> {
        match self.queue.try_recv() {
            Ok(queued) => queued.ok_or_else(|| TryRecvError::Lagged(self.taken_lost())),
            Err(mpsc::error::TryRecvError::Empty) => Err(TryRecvError::Empty),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(TryRecvError::Closed),
        }
    }

    fn taken_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::AcqRel)
    }
}

/// The other end of a [`Listener`].
#[derive(Debug)]
struct Teller {
    queue: mpsc::Sender<Queued>,
    /// Events since the note that some are missing; 0: none is missing, or the note was read.
    lost: Arc<AtomicU64>,
}

impl Teller {
    fn tell(&self, event: &Arc<Event>) {
        if matches!(**event, Event::State(super::State::Ended(_))) {
            // Nothing comes after it.
            let _ = self.queue.try_send(Some(Arc::clone(event)));
            return;
        }
        let one_more = |lost: u64| (lost > 0).then(|| lost.saturating_add(1));
        let order = Ordering::AcqRel;
        let is_missing = self.lost.fetch_update(order, Ordering::Acquire, one_more);
        if is_missing.is_ok() {
            return;
        }
        if self.queue.capacity() > RESERVED {
            let _ = self.queue.try_send(Some(Arc::clone(event)));
        } else {
            // First the number: whoever reads the note takes it.
            self.lost.store(1, Ordering::Release);
            let _ = self.queue.try_send(None);
        }
    }
}

/// All who listen to one instance.
#[derive(Debug, Default)]
pub(super) struct Listeners(Mutex<Vec<Teller>>);

impl Listeners {
    /// One more.
    pub fn add(&self) -> Listener {
        let (sender, queue) = mpsc::channel(EVENT_BACKLOG.saturating_add(RESERVED));
        let lost = Arc::new(AtomicU64::new(0));
        let teller = Teller {
            queue: sender,
            lost: Arc::clone(&lost),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(teller);
        Listener { queue, lost }
    }

    /// Tells all of them, in the order of the calls. Nobody listening is fine.
    pub fn tell(&self, event: Event) {
        let event = Arc::new(event);
        let mut tellers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tellers.retain(|teller| !teller.queue.is_closed());
        for teller in &*tellers {
            teller.tell(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{End, State};

    fn said(number: usize) -> Event {
        Event::LoopFailed {
            message: number.to_string(),
        }
    }

    fn heard(listener: &mut Listener) -> String {
        match &*listener.try_recv().unwrap() {
            Event::LoopFailed { message } => message.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_slow_listener_hears_where_events_are_missing_and_how_many() {
        let listeners = Listeners::default();
        let mut listener = listeners.add();
        for number in 0..EVENT_BACKLOG + 3 {
            listeners.tell(said(number));
        }
        for number in 0..EVENT_BACKLOG {
            assert_eq!(heard(&mut listener), number.to_string());
        }
        // Still before the note was read.
        listeners.tell(said(7));
        assert_eq!(listener.try_recv().unwrap_err(), TryRecvError::Lagged(4));
        listeners.tell(said(8));
        assert_eq!(heard(&mut listener), "8");
        assert_eq!(listener.try_recv().unwrap_err(), TryRecvError::Empty);
    }

    #[tokio::test]
    async fn the_end_is_heard_however_much_was_missed() {
        let listeners = Listeners::default();
        let mut listener = listeners.add();
        for number in 0..EVENT_BACKLOG * 2 {
            listeners.tell(said(number));
        }
        listeners.tell(Event::State(State::Ended(End::Stopped)));
        drop(listeners);
        let mut last = None;
        let mut lost = 0;
        loop {
            match listener.recv().await {
                Ok(event) => last = Some(event),
                Err(RecvError::Lagged(count)) => lost += count,
                Err(RecvError::Closed) => break,
            }
        }
        assert_eq!(lost, EVENT_BACKLOG as u64);
        assert!(matches!(
            last.as_deref(),
            Some(Event::State(State::Ended(End::Stopped)))
        ));
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let listeners = Listeners::default();
        drop(listeners.add());
        let mut other = listeners.add();
        listeners.tell(said(1));
        assert_eq!(heard(&mut other), "1");
        assert_eq!(listeners.0.lock().unwrap().len(), 1);
    }
}
