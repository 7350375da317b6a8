//! A small subscriber: an event becomes one line, with the fields of the spans it is in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Mutex;
use std::sync::PoisonError;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::host::{self, Level};

pub(crate) fn install() {
    // Somebody else's subscriber is left alone.
    let _ = tracing::subscriber::set_global_default(HostSubscriber::default());
}

#[derive(Default)]
struct HostSubscriber {
    spans: Mutex<Spans>,
}

#[derive(Default)]
struct Spans {
    last: u64,
    /// Text and number of references.
    open: BTreeMap<u64, (String, usize)>,
}

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl HostSubscriber {
    fn spans<R>(&self, with: impl FnOnce(&mut Spans) -> R) -> R {
        with(&mut self.spans.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for HostSubscriber {
    /// The level that the `log` crate has holds here too, so that there is one thing to set.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        rank(*metadata.level()) <= log::max_level() as usize
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line(String::from(attributes.metadata().name()));
        attributes.record(&mut line);
        self.spans(|spans| {
            spans.last += 1;
            spans.open.insert(spans.last, (line.0, 1));
            Id::from_u64(spans.last)
        })
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.spans(|spans| {
            if let Some((text, _)) = spans.open.get_mut(&span.into_u64()) {
                text.push_str(&line.0);
            }
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        let entered = ENTERED.with_borrow(Clone::clone);
        self.spans(|spans| {
            for (text, _) in entered.iter().filter_map(|id| spans.open.get(id)) {
                line.0.push_str(text);
                line.0.push_str(": ");
            }
        });
        let start = line.0.len();
        event.record(&mut line);
        let text = line.0.get(start..).map(str::trim_start).unwrap_or_default();
        let spans = line.0.get(..start).unwrap_or_default();
        host::log(level(*event.metadata().level()), &format!("{spans}{text}"));
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            if let Some(place) = entered.iter().rposition(|id| *id == span.into_u64()) {
                entered.remove(place);
            }
        });
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.spans(|spans| {
            if let Some((_, references)) = spans.open.get_mut(&span.into_u64()) {
                *references += 1;
            }
        });
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        self.spans(|spans| {
            let Some((_, references)) = spans.open.get_mut(&span.into_u64()) else {
                return false;
            };
            *references -= 1;
            let closed = *references == 0;
            if closed {
                spans.open.remove(&span.into_u64());
            }
            closed
        })
    }
}

/// ` key=value` after what is there; the message goes without its key.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        let _ = if field.name() == "message" {
            write!(self.0, " {value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push(' ');
            self.0.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }
}

/// As `log` counts: error 1 to trace 5.
fn rank(level: tracing::Level) -> usize {
    match level {
        tracing::Level::ERROR => 1,
        tracing::Level::WARN => 2,
        tracing::Level::INFO => 3,
        tracing::Level::DEBUG => 4,
        _ => 5,
    }
}

fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        _ => Level::Trace,
    }
}
