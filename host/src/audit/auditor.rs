//! The hand that writes. Whoever is given one says what happens to one source, an instance for example; where that
//! is written, and whose it is, is not its matter.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::{Flood, Kind, Log, Record, Text};

/// Where records go.
pub trait Sink: Send + Sync {
    /// Writes one down. It does not wait.
    fn write(&self, record: Record);
}

impl Sink for Log {
    fn write(&self, record: Record) {
        self.append(record);
    }
}

/// Writes down what happens to one source. Clones are the same source. The one by default writes nothing.
#[derive(Clone, Default)]
pub struct Auditor {
    sink: Option<Arc<dyn Sink>>,
    tenant: Option<Text>,
    module: Option<Text>,
    instance: Option<Text>,
    /// What the source repeats is held back here.
    flood: Arc<Flood>,
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor")
            .field("writes", &self.sink.is_some())
            .field("tenant", &self.tenant)
            .field("module", &self.module)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

impl Auditor {
    /// The hand of the host itself.
    pub fn new(sink: impl Sink + 'static) -> Self {
        Self {
            sink: Some(Arc::new(sink)),
            ..Self::default()
        }
    }

    /// The hand of a tenant: another source.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str) -> Self {
        Self {
            tenant: Some(Text::new(tenant)),
            ..self.another()
        }
    }

    /// The hand of a module: another source.
    #[must_use]
    pub fn of_module(&self, module: &str) -> Self {
        Self {
            module: Some(Text::new(module)),
            ..self.another()
        }
    }

    /// The hand of an instance: another source.
    #[must_use]
    pub fn of_instance(&self, uuid: impl fmt::Display) -> Self {
        Self {
            instance: Some(Text::new(uuid)),
            ..self.another()
        }
    }

    fn another(&self) -> Self {
        Self {
            flood: Arc::default(),
            ..self.clone()
        }
    }

    /// Whether what it is told is written anywhere.
    pub fn writes(&self) -> bool {
        self.sink.is_some()
    }

    /// Writes something down that nobody can make happen often.
    pub fn note(&self, record: Record) {
        let Some(sink) = &self.sink else { return };
        sink.write(Record {
            tenant: record.tenant.or_else(|| self.tenant.clone()),
            module: record.module.or_else(|| self.module.clone()),
            instance: record.instance.or_else(|| self.instance.clone()),
            ..record
        });
    }

    /// Writes something down that a stranger may make happen as often as it likes: see [`Flood`]. What is held back
    /// is not even made.
    pub fn note_often(&self, kind: Kind, make: impl FnOnce(Record) -> Record) {
        if !self.writes() {
            return;
        }
        if let Some(more) = self.flood.admit(kind, Instant::now()) {
            self.note(make(Record::new(kind)).more(more));
        }
    }

    /// The source is no more: what was held back of it is counted.
    pub fn end(&self) {
        for (kind, more) in self.flood.drain() {
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
