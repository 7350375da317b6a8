//! Serial ports: `funcnodes:external-worker/serial`. A guest sees the names that the operator gave,
//! never a device; what it opens is its own until it drops it, and nobody else's meanwhile.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::termios::QueueSelector;
use uuid::Uuid;
use wasmtime::component::{
    Access, Accessor, FutureReader, HasData, Linker, Resource, ResourceTable, StreamReader,
};

use super::grants::{Closing, Lease, Opened};
use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach, StandIn};
use crate::bindings::serial::{
    self, Buffer, Error, Host, HostPort, HostPortWithStore, LineState, PortInfo, Settings,
};
use crate::engine::{Opener, StandIns};
use crate::error::Result;
use crate::limits::{Exhausted, HANDLE_BYTES, Held, Ledger, MAX_SLEEP, Resource as Budgeted};
use crate::policy::grant::SerialTarget;
use crate::policy::{self, Capability, Policy, SerialGrant};

mod claim;
mod device;
mod find;
mod ioctl;
mod settings;
mod stand_in;
mod stream;

pub use ioctl::pseudo_terminal;

use device::{Device, Fault};
use ioctl::Output;
use stand_in::Plug;
use stream::{Incoming, Outgoing};

/// What a USB adapter says of itself.
const USB: [&str; 2] = ["/sys/class/tty", "/sys/devices"];

/// The most that one read returns.
const READ_MAX: usize = 64 * 1024;
/// What a guest is told of a port that it had.
const NOT_ANY_MORE: &str = "the port is not granted any more";
/// Driver errors that one instance can bring into the host's log.
const MAX_COMPLAINTS: u32 = 32;

/// The serial ports of one instance.
#[derive(Debug)]
pub struct State {
    guard: Guard,
    log: Arc<Log>,
    opener: Opener,
    stand_ins: Option<Arc<dyn StandIns>>,
}

impl State {
    /// Whether the port of this grant is there now.
    fn is_there(&self, grant: &SerialGrant) -> bool {
        match &self.stand_ins {
            Some(stand_ins) => stand_ins.has_line(&grant.name),
            None => grant.target().and_then(find::locate).is_some(),
        }
    }

    /// What the port `name`, which is granted, leads to.
    fn way(&self, name: &str) -> Result<Way, Error> {
        if let Some(stand_ins) = &self.stand_ins {
            return Ok(Way::StandIn(Arc::clone(stand_ins)));
        }
        let granted = self.guard.granted();
        let grant = granted.serial.iter().find(|grant| grant.name == name);
        let grant = grant.ok_or(Error::NotFound)?;
        let target = grant.target();
        match target.and_then(find::locate) {
            Some(path) => Ok(Way::Terminal(path, grant.clone(), self.opener.clone())),
            None if target.is_some_and(find::is_something_else) => Err(Error::Other(format!(
                "what is granted as `{name}` is not a serial device; the operator has to correct \
                 the policy"
            ))),
            None => Err(Error::NotFound),
        }
    }
}

/// What a port leads to, before it is opened.
enum Way {
    Terminal(PathBuf, SerialGrant, Opener),
    StandIn(Arc<dyn StandIns>),
}

impl Way {
    /// The device, open, and by which grant it is; none: it stands in for one.
    async fn open(
        self,
        name: &str,
        settings: Settings,
        guard: &Guard,
    ) -> Result<(Arc<Device>, Option<Arc<Lease>>), Fault> {
        let (path, grant, opener) = match self {
            Self::Terminal(path, grant, opener) => (path, grant, opener),
            Self::StandIn(stand_ins) => {
                let plug = Plug::new(stand_ins.line(name)?, &settings)?;
                return Ok((Arc::new(Device::stand_in(plug)), None));
            }
        };
        let device = Arc::new(Device::open(&path, settings, &opener).await?);
        let opened = Opened::Serial {
            grant,
            baud_rate: settings.baud_rate.into(),
        };
        let held = Arc::downgrade(&device);
        let close = move || {
            if let Some(device) = held.upgrade() {
                device.revoke();
            }
        };
        let lease = guard.lease(opened, Closing::By(Box::new(close)));
        let lease = lease.map_err(|_denial| Fault::Revoked)?;
        Ok((device, Some(lease)))
    }
}

/// The capability; names [`View`] to the linker.
pub struct Serial;

impl HasData for Serial {
    type Data<'a> = View<'a>;
}

impl Provider for Serial {
    const CAPABILITY: Capability = Capability::Serial;
    const IS_EXCLUSIVE: bool = true;
    const STAND_IN: Option<StandIn> = Some(StandIn::Lines);

    type State = State;

    /// No port is opened: a device that is not there now may come later.
    fn prepare(guard: &Guard, cx: &Prepare) -> State {
        let log = Log {
            instance: cx.instance,
            left: AtomicU32::new(MAX_COMPLAINTS),
        };
        State {
            guard: guard.clone(),
            log: Arc::new(log),
            opener: cx.opener.clone(),
            stand_ins: cx.stand_ins.clone(),
        }
    }

    fn link<T: CapabilityView>(linker: &mut Linker<T>, is_granted: bool) -> wasmtime::Result<()> {
        if !is_granted {
            return Ok(());
        }
        serial::add_to_linker::<T, Self>(linker, view)
    }

    fn reach(policy: &Policy, reach: &mut Reach) {
        for grant in &policy.serial {
            if let Some(SerialTarget::Usb(_)) = grant.target() {
                reach.read.extend(USB.map(PathBuf::from));
            }
            match grant.target().and_then(find::locate) {
                Some(device) => reach.devices.push(device),
                None if grant.target().is_some_and(find::is_something_else) => tracing::warn!(
                    "the serial port `{}` is not a serial device, but a file or a directory: correct \
                     its grant",
                    grant.name
                ),
                None if reach.is_brokered => {}
                None => tracing::warn!(
                    "the serial port `{}` is not there: what is plugged in later is reached when \
                     the tenant's process is started again",
                    grant.name
                ),
            }
        }
    }

    fn grant(devices: &Devices, policy: &mut Policy) {
        let lines = devices.lines.iter();
        policy.serial.extend(lines.map(|name| SerialGrant {
            name: name.clone(),
            device: Some(name.into()),
            usb: None,
            baud_rates: Vec::new(),
            until: None,
        }));
    }
}

fn view<T: CapabilityView>(data: &mut T) -> View<'_> {
    let capabilities = data.capabilities();
    View {
        state: &mut capabilities.serial,
        table: &mut capabilities.table,
    }
}

/// The capability in the hands of one host call.
pub struct View<'a> {
    state: &'a mut State,
    table: &'a mut ResourceTable,
}

/// An open port. Dropping it closes the device at once.
#[derive(Debug)]
pub struct Port {
    device: Arc<Device>,
    name: String,
    log: Arc<Log>,
    lease: Option<Arc<Lease>>,
    _held: [Held; 3],
}

impl Drop for Port {
    fn drop(&mut self) {
        self.device.close();
    }
}

impl View<'_> {
    fn port(&self, port: &Resource<Port>) -> wasmtime::Result<&Port> {
        Ok(self.table.get(port)?)
    }

    /// The device of an open port, to go on with when the view is gone.
    fn device(&self, port: &Resource<Port>) -> wasmtime::Result<(Arc<Device>, Arc<Log>)> {
        let port = self.port(port)?;
        Ok((Arc::clone(&port.device), Arc::clone(&port.log)))
    }

    /// Whether the port may be used at this rate.
    fn decide(&self, name: &str, baud_rate: u32) -> Result<(), Error> {
        let stand_ins = self.state.stand_ins.as_ref();
        if stand_ins.is_some_and(|stand_ins| stand_ins.makes_line(name)) {
            // Nothing of this machine is behind it.
            return Ok(());
        }
        let access = policy::Access::Serial { name, baud_rate };
        self.state
            .guard
            .check(&access)
            .map_err(|denial| Error::Denied(denial.to_string()))
    }

    /// What `open` needs before it touches the device.
    fn admit(&self, name: &str, settings: &Settings) -> Result<Admitted, Error> {
        self.decide(name, settings.baud_rate)?;
        let hold = |what, amount| {
            self.state
                .guard
                .ledger
                .hold(what, amount)
                .map_err(exhausted)
        };
        let held = [
            hold(Budgeted::Handles, 1)?,
            hold(Budgeted::Memory, HANDLE_BYTES)?,
            hold(Budgeted::Descriptors, 1)?,
        ];
        Ok(Admitted {
            way: self.state.way(name)?,
            held,
            log: Arc::clone(&self.state.log),
            guard: self.state.guard.clone(),
        })
    }
}

struct Admitted {
    way: Way,
    held: [Held; 3],
    log: Arc<Log>,
    guard: Guard,
}

impl Host for View<'_> {
    fn ports(&mut self) -> wasmtime::Result<Vec<PortInfo>> {
        let info = |grant: &SerialGrant| PortInfo {
            name: grant.name.clone(),
            baud_rates: grant.baud_rates.clone(),
            present: self.state.is_there(grant),
        };
        Ok(self.state.guard.granted().serial.iter().map(info).collect())
    }
}

impl<T: 'static> HostPortWithStore<T> for Serial {
    async fn open(
        store: &Accessor<T, Self>,
        name: String,
        settings: Settings,
    ) -> wasmtime::Result<Result<Resource<Port>, Error>> {
        let admitted = match store.with(|mut access| access.get().admit(&name, &settings)) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(Err(error)),
        };
        let Admitted {
            way,
            held,
            log,
            guard,
        } = admitted;
        let (device, lease) = match way.open(&name, settings, &guard).await {
            Ok(opened) => opened,
            Err(fault) => return Ok(Err(log.error(fault))),
        };
        let port = Port {
            device,
            name,
            log,
            lease,
            _held: held,
        };
        Ok(Ok(store.with(|mut access| access.get().table.push(port))?))
    }

    async fn read(
        store: &Accessor<T, Self>,
        port: Resource<Port>,
        max: u32,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let (device, log, ledger) = store.with(|mut access| {
            let view = access.get();
            let (device, log) = view.device(&port)?;
            wasmtime::error::Ok((device, log, Arc::clone(&view.state.guard.ledger)))
        })?;
        Ok(read(&device, &log, &ledger, max, wait(timeout_ms)).await)
    }

    async fn write(
        store: &Accessor<T, Self>,
        port: Resource<Port>,
        data: Vec<u8>,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log, ledger) = store.with(|mut access| {
            let view = access.get();
            let (device, log) = view.device(&port)?;
            wasmtime::error::Ok((device, log, Arc::clone(&view.state.guard.ledger)))
        })?;
        let _held = match ledger.hold(Budgeted::Memory, size(data.len())) {
            Ok(held) => held,
            Err(error) => return Ok(Err(exhausted(error))),
        };
        Ok(device
            .write(&data, wait(timeout_ms))
            .await
            .map_err(|fault| log.error(fault)))
    }

    fn receive(
        mut store: Access<'_, T, Self>,
        port: Resource<Port>,
    ) -> wasmtime::Result<Result<(StreamReader<u8>, FutureReader<Result<(), Error>>), Error>> {
        let (device, log) = store.get().device(&port)?;
        let reader = match device.reader() {
            Ok(reader) => reader,
            Err(fault) => return Ok(Err(log.error(fault))),
        };
        let (incoming, ended) = Incoming::new(reader, log);
        let bytes = StreamReader::new(&mut store, incoming)?;
        Ok(Ok((bytes, FutureReader::new(&mut store, ended)?)))
    }

    async fn send(
        store: &Accessor<T, Self>,
        port: Resource<Port>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log) = store.with(|mut access| access.get().device(&port))?;
        // A call that is cancelled while others write gives the stream back.
        let data = data.guard(store);
        let writer = device.writer().await;
        let data = StreamReader::from(data);
        let (outgoing, ended) = Outgoing::new(writer, log);
        store.with(|access| data.pipe(access, outgoing))?;
        // The consumer always says how it ended, also when it is dropped.
        Ok(ended.await.unwrap_or(Ok(())))
    }

    async fn drain(
        store: &Accessor<T, Self>,
        port: Resource<Port>,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log) = store.with(|mut access| access.get().device(&port))?;
        Ok(device
            .drain(wait(timeout_ms))
            .await
            .map_err(|fault| log.error(fault)))
    }
}

impl HostPort for View<'_> {
    async fn clear(
        &mut self,
        port: Resource<Port>,
        buffer: Buffer,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log) = self.device(&port)?;
        let queue = match buffer {
            Buffer::Input => QueueSelector::IFlush,
            Buffer::Output => QueueSelector::OFlush,
            Buffer::Both => QueueSelector::IOFlush,
        };
        Ok(device.clear(queue).await.map_err(|fault| log.error(fault)))
    }

    async fn configure(
        &mut self,
        port: Resource<Port>,
        settings: Settings,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log) = self.device(&port)?;
        let (name, lease) = {
            let port = self.port(&port)?;
            (port.name.clone(), port.lease.clone())
        };
        // First the lease: a change of the policy finds the rate that is about to be set.
        let before = lease
            .as_ref()
            .map(|lease| lease.set_baud_rate(settings.baud_rate));
        if let Err(denied) = self.decide(&name, settings.baud_rate) {
            if let (Some(lease), Some(before)) = (lease, before) {
                lease.set_baud_rate(before);
            }
            return Ok(Err(denied));
        }
        Ok(device
            .configure(settings)
            .await
            .map_err(|fault| log.error(fault)))
    }

    async fn set_data_terminal_ready(
        &mut self,
        port: Resource<Port>,
        on: bool,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log) = self.device(&port)?;
        Ok(device
            .set_line(Output::Dtr, on)
            .await
            .map_err(|fault| log.error(fault)))
    }

    async fn set_request_to_send(
        &mut self,
        port: Resource<Port>,
        on: bool,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log) = self.device(&port)?;
        Ok(device
            .set_line(Output::Rts, on)
            .await
            .map_err(|fault| log.error(fault)))
    }

    async fn set_break(
        &mut self,
        port: Resource<Port>,
        on: bool,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (device, log) = self.device(&port)?;
        Ok(device.set_break(on).await.map_err(|fault| log.error(fault)))
    }

    async fn lines(&mut self, port: Resource<Port>) -> wasmtime::Result<Result<LineState, Error>> {
        let (device, log) = self.device(&port)?;
        Ok(device.lines().await.map_err(|fault| log.error(fault)))
    }

    fn drop(&mut self, port: Resource<Port>) -> wasmtime::Result<()> {
        self.table.delete(port)?;
        Ok(())
    }
}

async fn read(
    device: &Arc<Device>,
    log: &Log,
    ledger: &Arc<Ledger>,
    max: u32,
    timeout: Duration,
) -> Result<Vec<u8>, Error> {
    let max = usize::try_from(max).unwrap_or(READ_MAX).min(READ_MAX);
    if max == 0 {
        return Err(Error::InvalidArgument(
            "`max` must be at least 1".to_owned(),
        ));
    }
    let first = async {
        let reader = device.reader()?;
        let available = poll_fn(|cx| reader.poll_available(cx)).await?;
        Ok((reader, available.min(max)))
    };
    let (reader, count) = tokio::time::timeout(timeout, first)
        .await
        .unwrap_or(Err(Fault::Timeout))
        .map_err(|fault| log.error(fault))?;
    // Nothing is taken from the device that there is no room for.
    let _held = ledger
        .hold(Budgeted::Memory, size(count))
        .map_err(exhausted)?;
    let mut bytes = vec![0; count];
    let got = poll_fn(|cx| reader.poll_read(cx, &mut bytes)).await;
    bytes.truncate(got.map_err(|fault| log.error(fault))?);
    Ok(bytes)
}

fn wait(timeout_ms: u32) -> Duration {
    Duration::from_millis(timeout_ms.into()).min(MAX_SLEEP)
}

fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn exhausted(error: Exhausted) -> Error {
    Error::Exhausted(error.to_string())
}

/// Where driver errors go that a guest does not get to see. Bounded: a guest decides how often it
/// tries.
#[derive(Debug)]
struct Log {
    instance: Uuid,
    left: AtomicU32,
}

impl Log {
    /// What a guest is told of a fault.
    fn error(&self, fault: Fault) -> Error {
        match fault {
            Fault::NotFound => Error::NotFound,
            Fault::Busy => Error::Busy,
            Fault::Timeout => Error::Timeout,
            Fault::Gone | Fault::Closed => Error::Disconnected,
            Fault::Revoked => Error::Denied(NOT_ANY_MORE.to_owned()),
            Fault::Unsupported(what) => Error::InvalidArgument(what),
            Fault::Failed(error) => {
                self.complain(&error);
                Error::Other("the device failed; the host's log says how".to_owned())
            }
        }
    }

    fn complain(&self, error: &std::io::Error) {
        let take = |left: u32| left.checked_sub(1);
        if self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take)
            .is_ok()
        {
            tracing::warn!(instance = %self.instance, %error, "a serial device failed");
        }
    }
}

#[cfg(test)]
mod tests;
