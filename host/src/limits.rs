//! Every number of the host: what an instance may use, with defaults, and the ledger that counts it.
//!
//! One [`Ledger`] belongs to one instance. Whatever the instance makes the host hold is charged to
//! it, and reaching a limit is an [`Exhausted`], never a denial: trying again later may work.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One mebibyte.
pub const MIB: u64 = 1024 * 1024;

/// How often the epoch of every engine advances. A guest that spins gives way at each tick.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Instances that the pool holds; further ones are mapped on demand. 4 GiB of address space each.
pub const POOL_INSTANCES: u32 = 2_000;
/// Core instances of one pooled component: its module, the WASI adapter and their shims.
pub const POOL_CORE_INSTANCES: u32 = 8;
/// Tables of one pooled component.
pub const POOL_TABLES: u32 = 4;
/// Fibers of one pooled component: one for each task that is inside a host call.
pub const POOL_STACKS: u32 = 4;
/// Largest memory that a pool slot can grow to.
pub const POOL_MEMORY_BYTES: usize = 1 << 32;
/// Largest table that a pool slot can grow to.
pub const POOL_TABLE_ELEMENTS: usize = 20_000;
/// Bytes of a slot that stay resident between two instances, to save page faults.
pub const POOL_KEEP_RESIDENT_BYTES: usize = 32 * 1024;
/// Slots that are kept warm for the component that used them last.
pub const POOL_WARM_SLOTS: u32 = 64;
/// Largest component file that is read at all.
pub const MAX_COMPONENT_BYTES: u64 = 256 * MIB;
/// Largest manifest section that is parsed.
pub const MAX_MANIFEST_BYTES: usize = 64 * 1024;
/// Largest policy file that is parsed.
pub const MAX_POLICY_BYTES: u64 = MIB;
/// Classes that one component may describe.
pub const MAX_CLASSES: usize = 64;
/// Node classes of one class or one shelf list.
pub const MAX_NODE_CLASSES: usize = 1024;
/// Shelves that `get-nodeshelf` may return.
pub const MAX_SHELVES: usize = 256;
/// Inputs or outputs of one node class.
pub const MAX_PORTS: usize = 256;
/// Bytes of a name that a person sees: class, method, port, event, shelf.
pub const MAX_NAME_BYTES: usize = 256;
/// Bytes of a description, title or error message of a guest.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Bytes of one JSON document in a description (schema, type, options).
pub const MAX_DESCRIPTION_JSON_BYTES: usize = 256 * 1024;
/// Depth to which a config schema is followed for defaults and secrets.
pub const MAX_SCHEMA_DEPTH: usize = 32;
/// Parts of a config schema that are looked at to list its secrets.
pub const MAX_SCHEMA_PARTS: usize = 10_000;
/// Problems of one configuration that are reported at once.
pub const MAX_CONFIG_PROBLEMS: usize = 20;
/// Compiled size of one pattern of a config schema.
pub const MAX_REGEX_BYTES: usize = MIB as usize;
/// Axes of an n-dimensional array.
pub const MAX_ARRAY_AXES: usize = 32;
/// What one host call may copy out of a guest, beyond `value-size`, before the call traps.
pub const HOSTCALL_SLACK_BYTES: u64 = MIB;
/// Longest wait that a guest can ask for in one go.
pub const MAX_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes that one call of the guest's random source returns.
pub const MAX_RANDOM_BYTES: u64 = MIB;
/// Longest line that a guest prints; what is longer is cut.
pub const MAX_PRINTED_LINE_BYTES: usize = 8 * 1024;
/// Names that one instance may look up; each keeps its addresses.
pub const MAX_NAMES: usize = 64;
/// Addresses that are kept of one name.
pub const MAX_ADDRESSES: usize = 16;
/// Names that one instance looks up at the same time.
pub const MAX_LOOKUPS: usize = 4;
/// How long an answer is waited for when a name is looked up.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest datagram; what is held while one is waited for.
pub const MAX_DATAGRAM_BYTES: u64 = 64 * 1024;
/// Longest wait for an HTTP connection, TLS included; a guest may shorten it.
pub const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait from the sent request to the head of its response; a guest may shorten it.
pub const HTTP_FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest wait between two parts of a response; a guest may shorten it.
pub const HTTP_BETWEEN_BYTES_TIMEOUT: Duration = Duration::from_secs(60);
/// What an HTTP request in flight is counted as, towards `memory`: its buffers.
pub const HTTP_CONNECTION_BYTES: u64 = 128 * 1024;
/// Most that is copied out of a guest at once for the body of an HTTP request.
pub const HTTP_CHUNK_BYTES: usize = 64 * 1024;
/// Largest set of HTTP headers that a guest builds.
pub const MAX_HTTP_FIELDS_BYTES: usize = 32 * 1024;
/// What the bookkeeping of one handle is counted as, towards `memory`.
pub const HANDLE_BYTES: u64 = 256;
/// Entries of an instance's resource table for one handle of its budget.
pub const TABLE_ENTRIES_PER_HANDLE: usize = 3;
/// Entries of an instance's resource table that need no handle: standard streams, granted folders.
pub const TABLE_ENTRIES_TO_BEGIN_WITH: usize = 64;
/// What one table element costs the host, towards `memory`.
pub const TABLE_ELEMENT_BYTES: u64 = 16;
/// First pause after a loop turn failed; doubles up to [`LOOP_BACKOFF_MAX`].
pub const LOOP_BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// Longest pause after failing loop turns.
pub const LOOP_BACKOFF_MAX: Duration = Duration::from_secs(30);
/// Largest pause between two turns that a worker can ask for.
pub const MAX_LOOP_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// First pause before an instance that trapped starts again; doubles each time.
pub const RESTART_BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// An instance that ran this long after a restart is healthy: the count begins anew.
pub const RESTART_HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// An instance ahead of its CPU share waits in steps of at most this.
pub const MAX_THROTTLE_STEP: Duration = Duration::from_millis(100);
/// Events that an observer may lag behind before it loses the oldest.
pub const EVENT_BACKLOG: usize = 1024;
/// Entries of a guest's handle tables for one handle of its budget: own, borrowed, and waitable.
pub const WASM_HANDLES_PER_HANDLE: usize = 4;
/// Tasks, waitables and stream ends that one store may have at once.
pub const MAX_CONCURRENT_STATE: usize = 10_000;
/// How long a call, cancelled or past its deadline, may go on before it ends its instance.
pub const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// What one instance may use. Every field has a default; a policy overrides it under `[budget]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Everything the instance makes the host hold, summed: memories, tables, buffers, handles.
    /// A size such as "64 MiB".
    #[schemars(with = "Size")]
    pub memory: ByteSize,
    /// Cores that the instance may use on average; beyond it is throttled.
    #[schemars(range(min = 0.01, max = 64.0))]
    pub cpu_share: f64,
    /// CPU time, in milliseconds, that the instance may use ahead of its share.
    #[schemars(range(min = 10))]
    pub cpu_burst_ms: u64,
    /// CPU time, in milliseconds, without finishing a turn or a call, that ends the instance.
    #[schemars(range(min = 10))]
    pub cpu_spin_ms: u64,
    /// Time for `start`, in milliseconds.
    #[schemars(range(min = 1))]
    pub start_deadline_ms: u64,
    /// Time for one call, in milliseconds.
    #[schemars(range(min = 1))]
    pub call_deadline_ms: u64,
    /// Time for `update-config`, in milliseconds.
    #[schemars(range(min = 1))]
    pub config_deadline_ms: u64,
    /// Time for `stop`, in milliseconds; afterwards the instance is dropped.
    #[schemars(range(min = 1))]
    pub stop_deadline_ms: u64,
    /// Open handles: files, streams, ports, requests, nodes.
    pub handles: u32,
    /// Open sockets, of all kinds.
    pub sockets: u32,
    /// Calls that run at once; further ones answer `busy`.
    #[schemars(range(min = 1))]
    pub calls: u32,
    /// Commands that wait for the instance; further ones answer `busy`.
    #[schemars(range(min = 1))]
    pub mailbox: u32,
    /// All inputs or all outputs of one call, together.
    #[schemars(with = "Size")]
    pub value_size: ByteSize,
    /// Log lines per second; further ones are dropped and counted.
    pub log_lines_per_second: u32,
    /// Bytes of log per second.
    #[schemars(with = "Size")]
    pub log_bytes_per_second: ByteSize,
    /// Events and node changes per second; further ones answer `busy`.
    pub events_per_second: u32,
    /// Data of one event.
    #[schemars(with = "Size")]
    pub event_size: ByteSize,
    /// Times that an instance is started again after it trapped, before it stays down.
    pub restarts: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            cpu_share: 0.5,
            cpu_burst_ms: 2_000,
            cpu_spin_ms: 5_000,
            start_deadline_ms: 10_000,
            call_deadline_ms: 30_000,
            config_deadline_ms: 5_000,
            stop_deadline_ms: 5_000,
            handles: 256,
            sockets: 16,
            calls: 64,
            mailbox: 256,
            value_size: ByteSize::mib(16),
            log_lines_per_second: 100,
            log_bytes_per_second: ByteSize::kib(64),
            events_per_second: 50,
            event_size: ByteSize::kib(64),
            restarts: 3,
        }
    }
}

/// How a size is written in a policy: `"64 MiB"`, `"10 kB"`, or a number of bytes.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "describes ByteSize to the JSON Schema")]
pub(crate) enum Size {
    /// A number of bytes.
    Bytes(u64),
    /// A number and a unit.
    Text(String),
}

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is used up: the limit is {limit}, in use {used}, asked {asked} more")]
pub struct Exhausted {
    /// Which budget.
    pub what: Resource,
    /// Its limit, in the resource's own unit.
    pub limit: u64,
    /// What was in use.
    pub used: u64,
    /// What was asked for on top.
    pub asked: u64,
}

/// What a [`Ledger`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes held for the instance.
    Memory,
    /// Open handles.
    Handles,
    /// Open sockets.
    Sockets,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "the memory budget (bytes)",
            Self::Handles => "the budget of open handles",
            Self::Sockets => "the budget of open sockets",
        })
    }
}

#[derive(Debug)]
struct Account {
    used: AtomicU64,
    peak: AtomicU64,
    limit: u64,
}

impl Account {
    fn new(limit: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            limit,
        }
    }

    fn add(&self, what: Resource, asked: u64) -> Result<(), Exhausted> {
        let added = |used: u64| used.checked_add(asked).filter(|sum| *sum <= self.limit);
        match self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, added)
        {
            Ok(before) => {
                self.peak
                    .fetch_max(before.saturating_add(asked), Ordering::AcqRel);
                Ok(())
            }
            Err(used) => Err(Exhausted {
                what,
                limit: self.limit,
                used,
                asked,
            }),
        }
    }

    fn sub(&self, amount: u64) {
        let _ = self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                Some(used.saturating_sub(amount))
            });
    }
}

/// What one instance uses now, against its limits. Shared by everything that holds something for it.
#[derive(Debug)]
pub struct Ledger {
    memory: Account,
    handles: Account,
    sockets: Account,
    last_refusal: Mutex<Option<Exhausted>>,
}

impl Ledger {
    /// An empty ledger with the limits of `budget`.
    pub fn new(budget: &Budget) -> Arc<Self> {
        Arc::new(Self {
            memory: Account::new(budget.memory.as_u64()),
            handles: Account::new(budget.handles.into()),
            sockets: Account::new(budget.sockets.into()),
            last_refusal: Mutex::new(None),
        })
    }

    fn account(&self, what: Resource) -> &Account {
        match what {
            Resource::Memory => &self.memory,
            Resource::Handles => &self.handles,
            Resource::Sockets => &self.sockets,
        }
    }

    /// Charges `amount`, to be given back with [`Ledger::release`].
    ///
    /// # Errors
    /// When the limit would be passed; nothing is charged then.
    pub fn charge(&self, what: Resource, amount: u64) -> Result<(), Exhausted> {
        self.account(what).add(what, amount).inspect_err(|refused| {
            let mut last = self
                .last_refusal
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *last = Some(refused.clone());
        })
    }

    /// Gives back what [`Ledger::charge`] took.
    pub fn release(&self, what: Resource, amount: u64) {
        self.account(what).sub(amount);
    }

    /// Charges `amount` for as long as the returned value lives.
    ///
    /// # Errors
    /// When the limit would be passed.
    pub fn hold(self: &Arc<Self>, what: Resource, amount: u64) -> Result<Held, Exhausted> {
        self.charge(what, amount)?;
        Ok(Held {
            ledger: Arc::clone(self),
            what,
            amount,
        })
    }

    /// The most that may be charged at once.
    pub fn limit(&self, what: Resource) -> u64 {
        self.account(what).limit
    }

    /// What is charged now.
    pub fn used(&self, what: Resource) -> u64 {
        self.account(what).used.load(Ordering::Acquire)
    }

    /// The most that was ever charged at once.
    pub fn peak(&self, what: Resource) -> u64 {
        self.account(what).peak.load(Ordering::Acquire)
    }

    /// The last refusal: most likely why a guest that gave up right after did so.
    pub fn last_refusal(&self) -> Option<Exhausted> {
        self.last_refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A charge that ends with its owner.
#[derive(Debug)]
pub struct Held {
    ledger: Arc<Ledger>,
    what: Resource,
    amount: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.ledger.release(self.what, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_refuses_what_passes_the_limit_and_takes_nothing_for_it() {
        let budget = Budget {
            sockets: 2,
            ..Budget::default()
        };
        let ledger = Ledger::new(&budget);
        let first = ledger.hold(Resource::Sockets, 1).unwrap();
        let _second = ledger.hold(Resource::Sockets, 1).unwrap();
        let refused = ledger.hold(Resource::Sockets, 1).unwrap_err();
        assert_eq!((refused.limit, refused.used, refused.asked), (2, 2, 1));
        drop(first);
        assert_eq!(ledger.used(Resource::Sockets), 1);
        assert_eq!(ledger.peak(Resource::Sockets), 2);
    }

    #[test]
    fn a_charge_that_would_overflow_is_refused() {
        let ledger = Ledger::new(&Budget::default());
        ledger.charge(Resource::Memory, 1).unwrap();
        ledger.charge(Resource::Memory, u64::MAX).unwrap_err();
    }
}
