//! The data of one store: what the guest can reach, and what it is charged to.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytesize::ByteSize;
use tokio::sync::Notify;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{Engine, Store};

use super::endings::Endings;
use super::events::{Event, Events};
use super::limiter::Limiter;
use super::meter::Meter;
use super::progress::Progress;
use super::settings::Settings;
use super::surface::Surface;
use super::turns::Turns;
use crate::audit::{Auditor, Kind};
use crate::bindings::host::Level;
use crate::capability::data::Folder;
use crate::capability::grants::Grants;
use crate::capability::{Capabilities, CapabilityView, LineSink, Prepare, Secrets, Stdio};
use crate::engine::{Opener, Resolver, StandIns, TrapPlace, Trust};
use crate::error::Result;
use crate::executor::{Clock, Standing};
use crate::limits::{self, Budget, Ledger, Share};
use crate::policy::{Access, Audit, Denial};

/// What outlives a store: an instance that is started again goes on with it.
pub struct Lasting {
    /// Who it is.
    pub uuid: uuid::Uuid,
    /// Its name and its configuration.
    pub settings: Settings,
    /// What it may use.
    pub budget: Budget,
    /// What it may do, and what it has open because of that.
    pub grants: Arc<Grants>,
    /// What it uses.
    pub ledger: Arc<Ledger>,
    /// Its CPU account.
    pub meter: Arc<Meter>,
    /// Its voice.
    pub events: Arc<Events>,
    /// Its loop's clockwork.
    pub turns: Arc<Turns>,
    /// Its nodes.
    pub surface: Arc<Surface>,
    /// How far its calls are.
    pub progress: Arc<Progress>,
    /// What of it was asked to end.
    pub endings: Endings,
    /// Rung when the guest wants to stop.
    pub stop: Arc<Notify>,
    /// Where it stands among those who wait for a thread.
    pub standing: Standing,
    /// Who is asked for the addresses of names.
    pub resolver: Resolver,
    /// Whose certificates it believes.
    pub trust: Trust,
    /// Who opens devices that this process may not open.
    pub opener: Opener,
    /// What stands in for devices, where there are none.
    pub stand_ins: Option<Arc<dyn StandIns>>,
    /// Where its own folder is, if it may have one.
    pub folder: Arc<Folder>,
    /// Who writes down what happens to it.
    pub auditor: Auditor,
    /// What is filled into its requests and its configuration, where its grants say so.
    pub secrets: Secrets,
    /// Where it trapped last, if the engine tells.
    pub trapped_at: Mutex<Option<TrapPlace>>,
}

impl Lasting {
    /// Where it trapped last.
    pub fn trapped_at(&self) -> Option<TrapPlace> {
        let place = self.trapped_at.lock();
        place.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The data of one store.
pub struct StoreData {
    capabilities: Capabilities,
    limiter: Limiter,
    lasting: Arc<Lasting>,
    _room: Option<Share>,
    /// Why the guest is about to trap, in its own words.
    pub last_words: Option<String>,
}

impl std::ops::Deref for StoreData {
    type Target = Lasting;
    fn deref(&self) -> &Lasting {
        &self.lasting
    }
}

impl StoreData {
    /// A store for one run of an instance, with every limit in place.
    ///
    /// # Errors
    /// When something that is granted is not there.
    pub async fn store(
        engine: &Engine,
        lasting: &Arc<Lasting>,
        audit: Arc<dyn Audit>,
    ) -> Result<Store<Self>> {
        let capabilities = Capabilities::prepare(&prepare(lasting, audit)).await?;
        Ok(Self::with(engine, capabilities, lasting))
    }

    fn with(engine: &Engine, capabilities: Capabilities, lasting: &Arc<Lasting>) -> Store<Self> {
        let state = Self {
            capabilities,
            limiter: Limiter::new(Arc::clone(&lasting.ledger)),
            lasting: Arc::clone(lasting),
            _room: None,
            last_words: None,
        };
        let mut store = Store::new(engine, state);
        set_limits(&mut store);
        store
    }

    /// A store for `describe`: nothing granted, nobody listening.
    pub fn for_describe(
        engine: &Engine,
        clock: &Arc<Clock>,
        budget: &Budget,
    ) -> (Store<Self>, Arc<Meter>) {
        let meter = Meter::new(budget, clock);
        let (ledger, events) = (Ledger::new(budget), Arc::new(Events::new(budget)));
        let lasting = Arc::new(Lasting {
            uuid: uuid::Uuid::nil(),
            settings: Settings::none(),
            budget: budget.clone(),
            grants: Arc::default(),
            progress: Progress::new(&events, &ledger),
            endings: Endings::default(),
            ledger,
            meter: Arc::clone(&meter),
            events,
            turns: Arc::new(Turns::new(Duration::ZERO, uuid::Uuid::nil(), false)),
            surface: Arc::new(Surface::default()),
            stop: Arc::new(Notify::new()),
            standing: Standing::default(),
            resolver: Resolver::default(),
            trust: Trust::default(),
            opener: Opener::default(),
            stand_ins: None,
            folder: Folder::none(),
            auditor: Auditor::default(),
            secrets: Secrets::default(),
            trapped_at: Mutex::default(),
        });
        let audit = Arc::new(AuditToEvents::new(&lasting));
        let capabilities = Capabilities::unopened(&prepare(&lasting, audit));
        (Self::with(engine, capabilities, &lasting), meter)
    }

    /// Keeps what the engine gave for the store, until it is gone.
    pub fn keep_room(&mut self, room: Share) {
        self._room = Some(room);
    }

    /// The table of everything that the guest holds.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.capabilities.table
    }
}

fn prepare(lasting: &Arc<Lasting>, audit: Arc<dyn Audit>) -> Prepare {
    Prepare {
        instance: lasting.uuid,
        grants: Arc::clone(&lasting.grants),
        ledger: Arc::clone(&lasting.ledger),
        audit,
        stdio: Arc::new(StdioToLog(Arc::clone(&lasting.events))),
        resolver: lasting.resolver.clone(),
        trust: lasting.trust.clone(),
        opener: lasting.opener.clone(),
        stand_ins: lasting.stand_ins.clone(),
        folder: Arc::clone(&lasting.folder),
        secrets: lasting.secrets.clone(),
    }
}

fn set_limits(store: &mut Store<StoreData>) {
    let lasting = Arc::clone(&store.data().lasting);
    store.set_hostcall_fuel(fuel_to_copy(lasting.budget.value_size));
    let handles = usize::try_from(lasting.budget.handles).unwrap_or(usize::MAX);
    store.set_max_component_handles(handles.saturating_mul(limits::WASM_HANDLES_PER_HANDLE));
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(limits::MAX_CONCURRENT_STATE);
    }
    store.limiter(|state| &mut state.limiter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| Ok(store.data().meter.at_tick()?));
}

/// What one call needs to copy `size` out of the guest; one that copies more traps.
pub fn fuel_to_copy(size: ByteSize) -> usize {
    let fuel = size.as_u64().saturating_add(limits::HOSTCALL_SLACK_BYTES);
    usize::try_from(fuel).unwrap_or(usize::MAX)
}

impl CapabilityView for StoreData {
    fn capabilities(&mut self) -> &mut Capabilities {
        &mut self.capabilities
    }
}

/// The interface `host` on the data of a store.
pub struct HostView<'a>(pub &'a mut StoreData);

/// How wasmtime finds a [`HostView`].
pub struct HasHost;

impl HasData for HasHost {
    type Data<'a> = HostView<'a>;
}

/// What a guest prints goes to its log.
struct StdioToLog(Arc<Events>);

impl LineSink for StdioToLog {
    fn line(&self, stream: Stdio, line: &str) {
        let level = match stream {
            Stdio::Out => Level::Info,
            Stdio::Err => Level::Warn,
        };
        self.0.log(level, line);
    }
}

/// What the policy says goes into the audit log; a no also into the host's own and to whoever watches the instance.
pub struct AuditToEvents {
    log: crate::policy::LogAudit,
    events: Arc<Events>,
    auditor: Auditor,
    /// Hashes of what was allowed before: it is written down once, as long as that is not very much.
    allowed: Mutex<HashSet<u64>>,
}

impl AuditToEvents {
    /// The audit of one run of an instance.
    pub fn new(lasting: &Lasting) -> Self {
        let instance = lasting.uuid;
        Self {
            log: crate::policy::LogAudit { instance },
            events: Arc::clone(&lasting.events),
            auditor: lasting.auditor.clone(),
            allowed: Mutex::default(),
        }
    }
}

impl std::fmt::Debug for AuditToEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.log.fmt(f)
    }
}

impl Audit for AuditToEvents {
    fn allowed(&self, access: &Access<'_>) {
        if !self.auditor.writes() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        access.hash(&mut hasher);
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = allowed.len() < limits::MAX_FIRST_USES;
        if has_room && allowed.insert(hasher.finish()) {
            drop(allowed);
            let kind = match access {
                Access::Secret { .. } => Kind::SecretRead,
                _ => Kind::FirstUse,
            };
            self.auditor.note_often(kind, |record| record.what(access));
        }
    }

    fn denied(&self, denial: &Denial) {
        let kind = Kind::Denied;
        self.auditor.note_often(kind, |record| {
            record.what(&denial.what).reason(denial.reason.label())
        });
        // A guest can try as often as it likes; who watches needs to see it, not to drown in it.
        if self.events.admit(0) {
            let message = denial.to_string();
            self.events.send(Event::Denied { message });
            self.log.denied(denial);
        }
    }
}
