//! How far open calls are, as their guest says, shown at the node that called.
//!
//! Who watches needs the latest, and not each of thousands. So what is said is shown at once, or when the
//! pause since the last is over; what came in between is forgotten.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::events::{Event, Events};
use crate::limits::{self, Held, Ledger, Resource};
use crate::text;

/// The open calls of one instance, and how far each of them is.
pub struct Progress {
    events: Arc<Events>,
    ledger: Arc<Ledger>,
    // As many as calls may run at once: scanning beats any index.
    open: Mutex<Vec<Open>>,
}

struct Open {
    id: u64,
    caller: Option<Arc<str>>,
    began: Instant,
    shown: Option<Instant>,
    /// What is shown when the pause is over.
    next: Option<Said>,
}

/// What a guest said last, which it pays for.
struct Said {
    fraction: f64,
    message: String,
    _held: Held,
}

impl Progress {
    /// Nothing is open.
    pub fn new(events: &Arc<Events>, ledger: &Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            events: Arc::clone(events),
            ledger: Arc::clone(ledger),
            open: Mutex::default(),
        })
    }

    fn open(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call `id` of the node `caller` is open for as long as the returned value lives.
    pub fn begin(self: &Arc<Self>, id: u64, caller: Option<Arc<str>>) -> OpenCall {
        self.open().push(Open {
            id,
            caller,
            began: Instant::now(),
            shown: None,
            next: None,
        });
        OpenCall {
            id,
            progress: Arc::clone(self),
        }
    }

    /// The guest says how far the call `id` is. Of one that is not open, and without the memory to keep it,
    /// nothing is shown.
    pub fn told(self: &Arc<Self>, id: u64, fraction: f64, message: &str) {
        let message = text::clean_line(message, limits::MAX_PROGRESS_BYTES);
        let size = limits::EVENT_BYTES.saturating_add(message.len() as u64);
        let Ok(held) = self.ledger.hold(Resource::Memory, size) else {
            return;
        };
        // Neither is a fraction.
        let fraction = if fraction.is_nan() { 0.0 } else { fraction };
        let said = Said {
            fraction: fraction.clamp(0.0, 1.0),
            message,
            _held: held,
        };
        let now = Instant::now();
        let mut open = self.open();
        let Some(call) = open.iter_mut().find(|call| call.id == id) else {
            return;
        };
        let due = call.shown.map(|shown| shown + limits::PROGRESS_PAUSE);
        let is_scheduled = call.next.replace(said).is_some();
        match due.filter(|due| *due > now) {
            None => self.show(call, now),
            Some(_) if is_scheduled => {}
            Some(due) => {
                drop(open);
                self.show_at(due, id);
            }
        }
    }

    fn show_at(self: &Arc<Self>, due: Instant, id: u64) {
        let progress = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep_until(due).await;
            if let Some(progress) = progress.upgrade() {
                let mut open = progress.open();
                if let Some(call) = open.iter_mut().find(|call| call.id == id) {
                    progress.show(call, Instant::now());
                }
            }
        });
    }

    fn show(&self, call: &mut Open, now: Instant) {
        let Some(said) = call.next.take() else {
            return;
        };
        call.shown = Some(now);
        self.events.send(Event::Progress {
            node: call.caller.clone(),
            fraction: said.fraction,
            message: said.message,
            elapsed: now.saturating_duration_since(call.began),
        });
    }
}

/// A call under way.
pub struct OpenCall {
    id: u64,
    progress: Arc<Progress>,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.progress.open().retain(|call| call.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Budget;

    fn progress() -> (Arc<Progress>, super::super::Listener) {
        let budget = Budget::default();
        let events = Arc::new(Events::new(&budget));
        let listener = events.subscribe();
        (Progress::new(&events, &Ledger::new(&budget)), listener)
    }

    async fn next(listener: &mut super::super::Listener) -> (Option<Arc<str>>, f64, String) {
        match &*listener.recv().await.unwrap() {
            Event::Progress {
                node,
                fraction,
                message,
                ..
            } => (node.clone(), *fraction, message.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_shown_at_once_and_of_many_the_last() {
        let (progress, mut listener) = progress();
        let _open = progress.begin(7, Some("node".into()));
        for n in 0..1000 {
            progress.told(7, f64::from(n) / 1000.0, "step");
        }
        assert_eq!(next(&mut listener).await.1, 0.0);
        assert_eq!(
            next(&mut listener).await,
            (Some("node".into()), 0.999, "step".to_owned())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nonsense_is_made_sense_of_and_what_is_not_open_is_not_shown() {
        let (progress, mut listener) = progress();
        progress.told(1, 0.5, "nobody called");
        let open = progress.begin(1, None);
        progress.told(1, f64::NAN, "a\nb");
        assert_eq!(next(&mut listener).await, (None, 0.0, "a b".to_owned()));
        progress.told(1, f64::INFINITY, "");
        assert_eq!(next(&mut listener).await.1, 1.0);
        progress.told(1, 0.1, "late");
        drop(open);
        tokio::time::sleep(limits::PROGRESS_PAUSE * 2).await;
        let _other = progress.begin(2, None);
        progress.told(2, 0.25, "another");
        assert_eq!(next(&mut listener).await.1, 0.25);
    }
}
