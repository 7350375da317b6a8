//! The one thread that writes.

use std::sync::{Arc, Weak};

use super::database::Database;
use super::lock::Lock;
use super::rows::Row;
use super::shared::{Shared, Wanted, Work};
use super::{Dirty, Source, StoreError};
use crate::limits::STORE_RETRY_PAUSE;

pub(super) struct Writer {
    shared: Arc<Shared>,
    // Declared in the order in which they go: the lock last.
    database: Database,
    _lock: Lock,
}

/// Says that the writer is gone, however it went: nobody may wait for it in vain.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, database: Database, lock: Lock) -> Self {
        Self {
            shared,
            database,
            _lock: lock,
        }
    }

    /// Commits until the store is closed.
    pub(super) fn run(mut self) {
        let _end = EndOnDrop(Arc::clone(&self.shared));
        let mut failing = false;
        loop {
            let mut work = self.shared.next();
            let snapshots = std::mem::take(&mut work.snapshots);
            let (last, mark) = (work.last, work.mark);
            let source = work.source.as_ref().and_then(Weak::upgrade);
            let committed = match &source {
                _ if work.dirty.is_empty() => Ok(()),
                Some(source) => self.database.commit(&read(source.as_ref(), &work)),
                None => Err(StoreError::Closed),
            };
            match committed {
                Ok(()) => {
                    // Told before those who wait: they may look at what was reported.
                    if failing {
                        failing = false;
                        source.iter().for_each(|source| source.recovered());
                    }
                    self.shared.committed(mark);
                    snapshots.into_iter().for_each(|it| self.snapshot(it));
                }
                Err(error) => {
                    for wanted in snapshots {
                        // Whoever asked may have gone.
                        let _ = wanted.taken.send(Err(error.clone()));
                    }
                    if !failing {
                        failing = true;
                        source.iter().for_each(|source| source.failed(&error));
                    }
                    self.shared.failed(work, error);
                    if !last {
                        drop(source);
                        self.shared.pause(STORE_RETRY_PAUSE);
                    }
                }
            }
            if last {
                break;
            }
        }
        self.finish();
    }

    /// Takes a snapshot: everything is committed now.
    fn snapshot(&self, wanted: Wanted) {
        let done = self.database.snapshot(&wanted.states);
        // Whoever asked may have gone.
        let _ = wanted.taken.send(done);
    }

    /// Closes the file and gives the lock back before anybody is told.
    fn finish(self) {
        self.database.close();
    }
}

/// How everything dirty is now. Instances come first: what their guests saved refers to them.
fn read<'a>(source: &dyn Source, work: &'a Work) -> Vec<Row<'a>> {
    let one = |dirty: &'a Dirty| match dirty {
        Dirty::Node(id) => Row::Node(id, source.node(id)),
        Dirty::Document(document) => Row::Document(*document, source.document(*document)),
        Dirty::Instance(uuid) => Row::Instance(uuid, source.instance(uuid)),
        Dirty::StoreData(uuid) => Row::StoreData(uuid, source.instance_state(uuid)),
        Dirty::Package(name) => Row::Package(name, source.package(name)),
        Dirty::Meta(key) => Row::Meta(key, source.meta(key)),
    };
    work.dirty.iter().map(one).collect()
}
