//! The hand that writes. Whoever is given one says what happens to one source, an instance for example; where that
//! is written, and whose it is, is not its matter.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use external_worker_traces::Call;

use super::{Flood, Kind, Log, Record, Text};

/// Where records go.
pub trait Sink: Send + Sync {
    /// Writes one down. It does not wait.
    fn write(&self, record: Record);

    /// Whether it wants to know of each call; it is asked before one is told.
    fn wants_calls(&self) -> bool {
        false
    }

    /// A call has ended. It does not wait.
    fn called(&self, _call: Call) {}
}

impl Sink for Log {
    fn write(&self, record: Record) {
        self.append(record);
    }
}

/// Writes down what happens to one source. Clones are the same source. The one by default writes nothing, and takes no
/// room: there are as many as instances.
#[derive(Clone, Default)]
pub struct Auditor(Option<Arc<Hand>>);

#[derive(Clone)]
struct Hand {
    sink: Arc<dyn Sink>,
    tenant: Option<Text>,
    module: Option<Text>,
    instance: Option<Text>,
    /// What the source repeats is held back here.
    flood: Arc<Flood>,
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(hand) = &self.0 else {
            return f.write_str("Auditor");
        };
        f.debug_struct("Auditor")
            .field("tenant", &hand.tenant)
            .field("module", &hand.module)
            .field("instance", &hand.instance)
            .finish_non_exhaustive()
    }
}

impl Auditor {
    /// The hand of the host itself.
    pub fn new(sink: impl Sink + 'static) -> Self {
        Self(Some(Arc::new(Hand {
            sink: Arc::new(sink),
            tenant: None,
            module: None,
            instance: None,
            flood: Arc::default(),
        })))
    }

    /// The hand of a tenant: another source.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str) -> Self {
        self.another(|hand| hand.tenant = Some(Text::new(tenant)))
    }

    /// The hand of a module: another source.
    #[must_use]
    pub fn of_module(&self, module: &str) -> Self {
        self.another(|hand| hand.module = Some(Text::new(module)))
    }

    /// The hand of an instance: another source.
    #[must_use]
    pub fn of_instance(&self, uuid: impl fmt::Display) -> Self {
        self.another(|hand| hand.instance = Some(Text::new(uuid)))
    }

    fn another(&self, change: impl FnOnce(&mut Hand)) -> Self {
        let Some(hand) = &self.0 else {
            return Self::default();
        };
        let mut another = Hand::clone(hand);
        another.flood = Arc::default();
        change(&mut another);
        Self(Some(Arc::new(another)))
    }

    /// Whether what it is told is written anywhere.
    pub fn writes(&self) -> bool {
        self.0.is_some()
    }

    /// Writes something down that nobody can make happen often.
    pub fn note(&self, record: Record) {
        let Some(hand) = &self.0 else { return };
        hand.sink.write(Record {
            tenant: record.tenant.or_else(|| hand.tenant.clone()),
            module: record.module.or_else(|| hand.module.clone()),
            instance: record.instance.or_else(|| hand.instance.clone()),
            ..record
        });
    }

    /// Writes something down that a stranger may make happen as often as it likes: see [`Flood`]. What is held back
    /// is not even made.
    pub fn note_often(&self, kind: Kind, make: impl FnOnce(Record) -> Record) {
        let Some(hand) = &self.0 else { return };
        if let Some(more) = hand.flood.admit(kind, Instant::now()) {
            self.note(make(Record::new(kind)).more(more));
        }
    }

    /// A call of the source has ended. Nobody writes that down; who wants to know of calls is told whose it was, too.
    pub fn called(&self, make: impl FnOnce() -> Call) {
        let Some(hand) = self.0.as_ref().filter(|hand| hand.sink.wants_calls()) else {
            return;
        };
        let text = |text: &Option<Text>| text.as_deref().map(str::to_owned);
        hand.sink.called(Call {
            tenant: text(&hand.tenant),
            module: text(&hand.module),
            instance: text(&hand.instance),
            ..make()
        });
    }

    /// The source is no more: what was held back of it is counted.
    pub fn end(&self) {
        let held_back = self.0.iter().flat_map(|hand| hand.flood.drain());
        for (kind, more) in held_back {
            let what = "held back until its end";
            self.note(Record::new(kind).what(what).more(more));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<Record>>>);

    impl Sink for Written {
        fn write(&self, record: Record) {
            self.0.lock().unwrap().push(record);
        }
    }

    #[test]
    fn it_says_whose_it_is_and_counts_what_it_holds_back() {
        let written = Written::default();
        let host = Auditor::new(written.clone());
        let instance = host.of_tenant("lab").of_module("pump").of_instance("1");
        for _ in 0..50 {
            instance.note_often(Kind::Denied, |record| record.what("it"));
        }
        host.note_often(Kind::Denied, |record| record.tenant("other"));
        instance.end();
        instance.end();
        let written = written.0.lock().unwrap();
        assert_eq!(written.len(), 20 + 1 + 1);
        let texts = [&written[0].tenant, &written[0].module, &written[0].instance];
        let texts = texts.map(|text| text.as_deref().unwrap());
        assert_eq!(texts, ["lab", "pump", "1"]);
        assert_eq!(written[20].tenant.as_deref(), Some("other"));
        assert_eq!(written[21].more, Some(30));
    }

    #[test]
    fn the_one_by_default_makes_nothing() {
        Auditor::default().note_often(Kind::Denied, |_| unreachable!());
    }
}
