//! What becomes of a tenant, told to whoever listens. Only while somebody listens it is looked at, once for all who do;
//! a listener that reads slowly misses what came between, and hears how things are when it reads again.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::asked::within;
use super::places::Place;
use super::said::bounded;
use crate::control::Control;
use crate::limits::{ASK_TIMEOUT, BEAT_EVERY, LOOK_EVERY};
use crate::model::{Ask, InstanceUsage, Told};
use crate::token::Login;

/// Says nothing, so that whoever is between sees that the connection is used.
const BEAT: Bytes = Bytes::from_static(b":\n\n");

/// The tenants that somebody listens to.
#[derive(Clone, Default)]
pub(crate) struct Events {
    hubs: Arc<Mutex<BTreeMap<String, Weak<Hub>>>>,
}

/// A tenant that somebody listens to, for as long as a listener has it.
struct Hub {
    seen: watch::Sender<Seen>,
}

/// One event as it is sent.
type Frame = Option<Bytes>;

/// How things are, as far as they were looked at.
#[derive(Clone, Default, PartialEq)]
struct Seen {
    frames: [Frame; 3],
    is_gone: bool,
}

/// Where each event is in [`Seen`].
#[derive(Clone, Copy)]
enum What {
    Tenant,
    Instances,
    Usage,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Instances => "instances",
            Self::Usage => "usage",
        }
    }
}

struct Listener {
    _hub: Arc<Hub>,
    news: watch::Receiver<Seen>,
    sent: [Frame; 3],
    queue: VecDeque<Bytes>,
    control: Arc<Control>,
    login: Login,
    ending: watch::Receiver<bool>,
    beat: Interval,
    check: Interval,
    _place: Place,
}

/// The events of a tenant for as long as the token of who listens is good.
pub(super) fn stream(control: &Arc<Control>, tenant: &str, login: Login, place: Place) -> Body {
    let hub = hub(control, tenant);
    let mut news = hub.seen.subscribe();
    // What is known already is news to this one.
    news.mark_changed();
    let listener = Listener {
        _hub: hub,
        news,
        sent: <[Frame; 3]>::default(),
        queue: VecDeque::new(),
        control: Arc::clone(control),
        login,
        ending: control.ending(),
        beat: every(BEAT_EVERY),
        check: every(LOOK_EVERY),
        _place: place,
    };
    Body::from_stream(stream::unfold(listener, |mut listener| async {
        let frame = listener.next().await?;
        Some((Ok::<_, Infallible>(frame), listener))
    }))
}

fn every(period: std::time::Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn hub(control: &Arc<Control>, tenant: &str) -> Arc<Hub> {
    let mut hubs = control
        .events
        .hubs
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    hubs.retain(|_, hub| hub.strong_count() > 0);
    if let Some(hub) = hubs.get(tenant).and_then(Weak::upgrade) {
        return hub;
    }
    let hub = Arc::new(Hub {
        seen: watch::Sender::default(),
    });
    hubs.insert(tenant.to_owned(), Arc::downgrade(&hub));
    tokio::spawn(look(
        Arc::downgrade(control),
        Arc::downgrade(&hub),
        tenant.to_owned(),
    ));
    hub
}

/// Looks at a tenant for as long as somebody listens.
async fn look(control: Weak<Control>, hub: Weak<Hub>, tenant: String) {
    let mut turn = every(LOOK_EVERY);
    loop {
        turn.tick().await;
        let (Some(control), Some(hub)) = (control.upgrade(), hub.upgrade()) else {
            return;
        };
        match control.tenant(&tenant) {
            Ok(state) => hub.show(What::Tenant, &state),
            Err(_) => hub.seen.send_modify(|seen| seen.is_gone = true),
        }
        hub.show(What::Usage, &control.usage(&tenant));
        let asked = control.supervisor.ask(&tenant, Ask::Instances);
        // What is no answer now may be one at the next look.
        if let Ok(Told::Instances(mut instances)) =
            within(ASK_TIMEOUT, asked).await.and_then(bounded)
        {
            // What they use is an event of its own, or this would be one at every look.
            for instance in &mut instances {
                instance.usage = InstanceUsage::default();
            }
            hub.show(What::Instances, &instances);
        }
    }
}

impl Hub {
    fn show(&self, what: What, value: &impl Serialize) {
        // What has no text is no news.
        let Ok(text) = serde_json::to_string(value) else {
            return;
        };
        let frame = Bytes::from(format!("event: {}\ndata: {text}\n\n", what.name()));
        self.seen.send_if_modified(|seen| {
            let Some(place) = seen.frames.get_mut(what as usize) else {
                return false;
            };
            let is_new = place.as_ref() != Some(&frame);
            *place = Some(frame);
            is_new
        });
    }
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return Some(frame);
            }
            let is_news = tokio::select! {
                changed = self.news.changed() => changed.is_ok(),
                _ = self.beat.tick() => return Some(BEAT),
                _ = self.check.tick() => {
                    if !self.control.is_still_good(&self.login) {
                        return None;
                    }
                    continue;
                }
                // An error: the control plane is gone.
                _ = self.ending.wait_for(|ended| *ended) => false,
            };
            let seen = self.news.borrow_and_update().clone();
            if !is_news || seen.is_gone {
                return None;
            }
            self.queue_news(seen.frames);
        }
    }

    fn queue_news(&mut self, frames: [Frame; 3]) {
        for (sent, frame) in self.sent.iter().zip(&frames) {
            if sent != frame {
                self.queue.extend(frame.clone());
            }
        }
        self.sent = frames;
    }
}
