//! What happens in the process of a tenant, on its way to who keeps it: nobody here waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use external_worker_traces::Call;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Message, Speaks};
use crate::audit::{Kind, Record, Sink};
use crate::limits;

/// Calls that are told together came within this time.
const CALLS_EVERY: Duration = Duration::from_millis(200);

/// Passes on what happens in this process, without waiting.
#[derive(Debug)]
pub struct Reports {
    records: Option<Queue<Record>>,
    calls: Option<Queue<Call>>,
}

/// What waits to be said, and how much did not fit.
#[derive(Debug)]
struct Queue<T> {
    sender: mpsc::Sender<T>,
    lost: Arc<AtomicU64>,
}

impl<T> Queue<T> {
    fn new() -> (Self, mpsc::Receiver<T>, Arc<AtomicU64>) {
        let (sender, waiting) = mpsc::channel(limits::MAX_TENANT_REPORTS);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        (Self { sender, lost }, waiting, counted)
    }

    fn push(&self, what: T) {
        if self.sender.try_send(what).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Sink for Reports {
    fn write(&self, record: Record) {
        if let Some(records) = &self.records {
            records.push(record);
        }
    }

    fn wants_calls(&self) -> bool {
        self.calls.is_some()
    }

    fn called(&self, call: Call) {
        if let Some(calls) = &self.calls {
            calls.push(call);
        }
    }
}

impl Speaks {
    /// Where what happens in this process is told, to who keeps it: for the audit log if it `audited`, and each call if it is
    /// `traced`.
    pub fn reports(&self, audited: bool, traced: bool) -> Reports {
        let records = audited.then(|| {
            let (queue, waiting, lost) = Queue::new();
            tokio::spawn(self.clone().say_records(waiting, lost));
            queue
        });
        let calls = traced.then(|| {
            let (queue, waiting, lost) = Queue::new();
            tokio::spawn(self.clone().say_calls(waiting, lost));
            queue
        });
        Reports { records, calls }
    }

    async fn say_records(self, mut records: mpsc::Receiver<Record>, lost: Arc<AtomicU64>) {
        while let Some(record) = records.recv().await {
            let lost = lost.swap(0, Ordering::Relaxed);
            let gap = Record::new(Kind::Gap)
                .lost(lost)
                .reason("too much happened at once");
            let both = [Some(record), (lost > 0).then_some(gap)];
            for record in both.into_iter().flatten() {
                if let Err(error) = self.send(&Message::Happened(record), &[]).await {
                    tracing::error!("the audit log does not learn what happens here: {error}");
                }
            }
        }
    }

    async fn say_calls(self, mut waiting: mpsc::Receiver<Call>, lost: Arc<AtomicU64>) {
        while let Some(first) = waiting.recv().await {
            let mut calls = Batch::default();
            calls.add(first, &lost);
            let until = Instant::now() + CALLS_EVERY;
            while !calls.is_full() {
                let Ok(next) = waiting.try_recv() else { break };
                calls.add(next, &lost);
            }
            let lost = lost.swap(0, Ordering::Relaxed);
            let calls = calls.calls;
            if let Err(error) = self.send(&Message::Called { calls, lost }, &[]).await {
                tracing::debug!("who keeps this process does not learn of calls: {error}");
            }
            sleep_until(until).await;
        }
    }
}

/// Calls that fit into one message.
#[derive(Default)]
struct Batch {
    calls: Vec<Call>,
    bytes: usize,
}

impl Batch {
    /// As much as is left for what goes around them.
    const MOST: usize = limits::MAX_TENANT_MESSAGE_BYTES / 4 * 3;
    /// One that is longer than any with ordinary names is not told.
    const OF_ONE: usize = Self::MOST / 4;

    fn add(&mut self, call: Call, lost: &AtomicU64) {
        let bytes = serde_json::to_vec(&call).map_or(usize::MAX, |bytes| bytes.len());
        if bytes > Self::OF_ONE {
            lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(1);
        self.calls.push(call);
    }

    fn is_full(&self) -> bool {
        self.bytes > Self::MOST - Self::OF_ONE
    }
}
