//! What a test has plugged in, and what the worker told its host.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as JsonValue;

use super::connection::{Connection, Device};
use super::node::Changes;
use super::script::{Data, Line, Page};
use super::{Component, Running, clock};
use crate::error::{Error, Result};
use crate::host::Level;
use crate::worker::Worker;

/// The first address that a name of a plugged-in server stands for: one of those for documentation.
const NAMES: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Where a test plugs devices, servers and folders in, and starts its worker.
///
/// There is one at a time in a test, since a worker is one in its component: a new one takes the place of
/// the last, and its clock begins at zero.
///
/// ```
/// use external_worker::testing::{Bench, Line, Page};
///
/// let bench = Bench::new();
/// bench
///     .serial("thermometer", Line::new().answers("T?\r\n", "T=21.5\r\n"))
///     .tcp("meter.example:5025", Line::new().answers("*IDN?\n", "ACME\n"))
///     .udp("192.0.2.7:4001", Line::new().answers("WHO?", "me"))
///     .page(Page::get("https://lab.example/readings", "[]"));
/// ```
#[derive(Clone)]
pub struct Bench(Rc<Inner>);

/// An event that the worker emitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub data: JsonValue,
}

/// A line that the worker logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: log::Level,
    /// What it says.
    pub text: String,
}

/// A request that the worker sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Such as `GET`.
    pub method: String,
    /// All of it, with the query.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Inner {
    serial: RefCell<BTreeMap<String, Rc<Device>>>,
    tcp: RefCell<BTreeMap<String, Rc<Device>>>,
    udp: RefCell<BTreeMap<String, Rc<Device>>>,
    /// Those who connect to a port that the worker listens at.
    pub(crate) callers: RefCell<Vec<(u16, Rc<Device>)>>,
    pages: RefCell<Vec<(Page, Cell<bool>)>>,
    pub(crate) folders: RefCell<Vec<(String, PathBuf)>>,
    /// The worker's own, which goes with this.
    own: OnceCell<Temporary>,
    names: RefCell<Vec<String>>,
    pub(crate) sent: RefCell<Vec<Sent>>,
    pub(crate) events: RefCell<Vec<Event>>,
    pub(crate) progress: RefCell<Vec<(f64, String)>>,
    pub(crate) log: RefCell<Vec<LogLine>>,
    pub(crate) triggered: RefCell<Vec<String>>,
    pub(crate) delay: Cell<Option<Duration>>,
    /// Until when the loop pauses.
    pub(crate) pause: Cell<Option<Duration>>,
    pub(crate) stops: Cell<bool>,
    /// Whoever waits for the next turn.
    pub(crate) looping: RefCell<Option<Waker>>,
    /// By method, and whether it is the node or the class of those yet to be made.
    pub(crate) nodes: RefCell<BTreeMap<(String, bool), Changes>>,
}

/// A folder of this machine that goes with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("external-worker-data-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Of a process that had this number before.
        let _ = std::fs::remove_dir_all(&path);
        let made = std::fs::create_dir(&path);
        assert!(made.is_ok(), "no temporary folder can be made: {made:?}");
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

thread_local! {
    static CURRENT: RefCell<Rc<Inner>> = RefCell::default();
}

/// The bench of this test.
pub(crate) fn current() -> Rc<Inner> {
    CURRENT.with_borrow(Rc::clone)
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// Nothing is plugged in, no time has passed, and no worker runs.
    pub fn new() -> Self {
        clock::reset();
        crate::export::reset();
        let inner = Rc::new(Inner::default());
        CURRENT.set(Rc::clone(&inner));
        Self(inner)
    }

    /// Plugs a device into the serial port `name`, in place of the one that was there.
    pub fn serial(&self, name: &str, device: Line) -> &Self {
        let device = Device::new(device);
        self.0.serial.borrow_mut().insert(name.to_owned(), device);
        self
    }

    /// Lets a server listen for TCP at `"host:port"`, written as the worker writes it.
    pub fn tcp(&self, address: &str, server: Line) -> &Self {
        let server = Device::new(server);
        self.0.tcp.borrow_mut().insert(address.to_owned(), server);
        self
    }

    /// Lets somebody answer datagrams at `"host:port"`, written as the worker writes it.
    pub fn udp(&self, address: &str, peer: Line) -> &Self {
        let peer = Device::new(peer);
        self.0.udp.borrow_mut().insert(address.to_owned(), peer);
        self
    }

    /// Lets somebody connect to the worker when it listens for TCP at `port`.
    pub fn caller(&self, port: u16, client: Line) -> &Self {
        let client = Device::new(client);
        self.0.callers.borrow_mut().push((port, client));
        self
    }

    /// Adds what a web server answers to one kind of request.
    pub fn page(&self, page: Page) -> &Self {
        self.0.pages.borrow_mut().push((page, Cell::new(false)));
        self
    }

    /// Gives the worker a folder of this machine under the path that it uses; for reading and writing.
    pub fn folder(&self, guest: &str, folder: impl Into<PathBuf>) -> &Self {
        let folder = (guest.to_owned(), folder.into());
        self.0.folders.borrow_mut().push(folder);
        self
    }

    /// Gives the worker a folder of its own, as the grant `data` does: empty at first, and gone with the bench.
    /// Returns where it is on this machine.
    ///
    /// # Panics
    /// When this machine has no room for one.
    pub fn data(&self) -> PathBuf {
        let own = self.0.own.get_or_init(|| {
            let own = Temporary::new();
            self.folder(crate::data::FOLDER, &own.0);
            own
        });
        own.0.clone()
    }

    /// Starts a worker with this configuration, which is completed and checked as its schema says.
    ///
    /// # Errors
    /// When the configuration is wrong, `start` fails, or a worker of this test runs already.
    pub fn start<W: Worker>(&self, config: impl Serialize) -> Result<Running<W>> {
        Running::start(self, config, None)
    }

    /// The same, with a state that `save` returned.
    ///
    /// # Errors
    /// As [`start`](Self::start), and when `restore` fails.
    pub fn restore<W: Worker>(&self, config: impl Serialize, state: &[u8]) -> Result<Running<W>> {
        Running::start(self, config, Some(state))
    }

    /// Starts the component of this crate on the host: the class of this id, with this configuration, among the
    /// devices, servers and pages that are plugged in now. A test that does this needs `ewh test`; see
    /// [`Component`].
    ///
    /// # Errors
    /// When the configuration is wrong or `start` fails; without `ewh test`; and when a [`caller`](Self::caller)
    /// or a [`folder`](Self::folder) is plugged in, which the host does not take.
    pub fn start_component(&self, class: &str, config: impl Serialize) -> Result<Component> {
        Component::start(self, class, config)
    }

    /// All that the device at a serial port, or the server or peer at an address, has heard.
    pub fn heard(&self, name: &str) -> Vec<u8> {
        let heard = |device: Rc<Device>| device.heard.borrow().clone();
        self.0.device(name).map(heard).unwrap_or_default()
    }

    /// What it has heard that is a part of no request which it answers.
    pub fn not_understood(&self, name: &str) -> Vec<u8> {
        let lost = |device: Rc<Device>| device.not_understood.borrow().clone();
        self.0.device(name).map(lost).unwrap_or_default()
    }

    /// Whether the line of the device, server or peer is open.
    pub fn is_open(&self, name: &str) -> bool {
        self.0.device(name).is_some_and(|device| device.open.get())
    }

    /// The HTTP requests that were sent, since they were last asked for.
    pub fn requests(&self) -> Vec<Sent> {
        self.0.sent.take()
    }

    /// The events that were emitted, since they were last asked for.
    pub fn events(&self) -> Vec<Event> {
        self.0.events.take()
    }

    /// How far calls said that they are, between 0 and 1, and what they did then, since it was last asked for.
    pub fn progress(&self) -> Vec<(f64, String)> {
        self.0.progress.take()
    }

    /// What was logged, since it was last asked for.
    pub fn log(&self) -> Vec<LogLine> {
        self.0.log.take()
    }

    /// The methods whose nodes the worker asked to run, since they were last asked for.
    pub fn triggered(&self) -> Vec<String> {
        self.0.triggered.take()
    }

    pub(crate) fn inner(&self) -> &Rc<Inner> {
        &self.0
    }
}

impl Inner {
    /// What is plugged in, for the host.
    pub(crate) fn script(&self) -> Result<JsonValue> {
        if !self.callers.borrow().is_empty() || !self.folders.borrow().is_empty() {
            return Err(Error::invalid_input(
                "the host takes serial, tcp, udp and page; leave out bench.caller and bench.folder, or \
                 start the worker itself with bench.start",
            ));
        }
        let lines = |devices: &RefCell<BTreeMap<String, Rc<Device>>>| -> Result<JsonValue> {
            let devices = devices.borrow();
            let lines: BTreeMap<_, _> = devices.iter().map(|(name, it)| (name, &it.line)).collect();
            Ok(serde_json::to_value(lines)?)
        };
        let pages = self.pages.borrow();
        let pages: Vec<_> = pages.iter().map(|(page, _)| page).collect();
        Ok(serde_json::json!({
            "serial": lines(&self.serial)?,
            "tcp": lines(&self.tcp)?,
            "udp": lines(&self.udp)?,
            "pages": serde_json::to_value(pages)?,
        }))
    }

    fn device(&self, name: &str) -> Option<Rc<Device>> {
        [&self.serial, &self.tcp, &self.udp]
            .into_iter()
            .find_map(|devices| devices.borrow().get(name).cloned())
    }

    /// The names of the serial ports that something is plugged into.
    pub(crate) fn ports(&self) -> Vec<(String, bool)> {
        let ports = self.serial.borrow();
        let port = |(name, device): (&String, &Rc<Device>)| (name.clone(), !device.line.refuses);
        ports.iter().map(port).collect()
    }

    pub(crate) fn port(&self, name: &str) -> Result<Rc<Device>, String> {
        let plugged = self.serial.borrow().get(name).cloned();
        plugged.ok_or_else(|| missing("the port", name, "serial"))
    }

    pub(crate) fn server(&self, address: &str) -> Result<Rc<Device>, String> {
        let plugged = self.tcp.borrow().get(address).cloned();
        plugged.ok_or_else(|| missing("the TCP server", address, "tcp"))
    }

    pub(crate) fn peer(&self, address: &str) -> Result<Rc<Device>, String> {
        let plugged = self.udp.borrow().get(address).cloned();
        plugged.ok_or_else(|| missing("the UDP peer", address, "udp"))
    }

    /// The page whose turn it is.
    pub(crate) fn answer(&self, method: &str, url: &str) -> Result<Page, String> {
        let pages = self.pages.borrow();
        let mut last = None;
        for (page, given) in pages.iter() {
            if page.method == method && page.url == url {
                last = Some(page);
                if !given.replace(true) {
                    break;
                }
            }
        }
        last.cloned().ok_or_else(|| {
            format!(
                "no page answers {method} {url} in this test; add one with \
                 `bench.page(Page::new({method:?}, {url:?}))`"
            )
        })
    }

    /// The address that a name stands for, if a server or peer of that name is plugged in.
    pub(crate) fn resolve(&self, host: &str) -> Result<IpAddr, String> {
        if host == "localhost" {
            return Ok(Ipv4Addr::LOCALHOST.into());
        }
        if !self.has_host(host) {
            return Err(format!(
                "the host {host:?} is not there in this test; plug a server in with \
                 `bench.tcp(\"{host}:PORT\", Line::new())`, or a peer with `bench.udp`"
            ));
        }
        let mut names = self.names.borrow_mut();
        let place = names.iter().position(|name| name == host);
        let place = place.unwrap_or_else(|| {
            names.push(host.to_owned());
            names.len() - 1
        });
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        Ok(Ipv4Addr::from(u32::from(NAMES).saturating_add(place)).into())
    }

    /// What the worker calls the host at `ip`.
    pub(crate) fn name(&self, ip: IpAddr) -> String {
        let names = self.names.borrow();
        let of_name = |place: usize| {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            IpAddr::from(Ipv4Addr::from(u32::from(NAMES).saturating_add(place)))
        };
        let known = (0..names.len()).find(|place| of_name(*place) == ip);
        match known.and_then(|place| names.get(place)) {
            Some(name) => name.clone(),
            None if ip.is_loopback() && self.has_host("localhost") => "localhost".to_owned(),
            None if ip.is_ipv6() => format!("[{ip}]"),
            None => ip.to_string(),
        }
    }

    fn has_host(&self, host: &str) -> bool {
        [&self.tcp, &self.udp].into_iter().any(|devices| {
            let devices = devices.borrow();
            let mut hosts = devices
                .keys()
                .filter_map(|address| address.rsplit_once(':'));
            hosts.any(|(other, _)| other == host)
        })
    }

    pub(crate) fn logged(&self, level: Level, text: &str) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        let text = text.to_owned();
        self.log.borrow_mut().push(LogLine { level, text });
    }

    /// The loop has another pause now.
    pub(crate) fn loop_changed(&self) {
        if let Some(looping) = self.looping.take() {
            looping.wake();
        }
    }

    /// Forgets what a worker told of itself, for the next.
    pub(crate) fn restarted(&self) {
        self.delay.take();
        self.pause.take();
        self.stops.take();
    }
}

fn missing(what: &str, name: &str, plug: &str) -> String {
    format!(
        "{what} {name:?} is not there in this test; plug it in with `bench.{plug}({name:?}, \
         Line::new())`"
    )
}

/// What devices heard and did not understand: why a worker may wait for ever.
pub(crate) fn unheard() -> String {
    let bench = current();
    let mut text = String::new();
    for devices in [&bench.serial, &bench.tcp] {
        for (name, device) in devices.borrow().iter() {
            let lost = device.not_understood.borrow();
            if !lost.is_empty() {
                let shown = lost.escape_ascii();
                text.push_str(&format!("; {name:?} did not understand \"{shown}\""));
            }
        }
    }
    text
}

/// What a datagram comes back with, and when.
pub(crate) fn datagram(peer: &Device, data: &[u8]) -> Option<(Data, Duration)> {
    peer.heard.borrow_mut().extend_from_slice(data);
    let answer = peer.answer(data);
    if answer.is_none() {
        peer.not_understood.borrow_mut().extend_from_slice(data);
    }
    answer.filter(|(answer, _)| !answer.0.is_empty())
}

/// Opens the line of `device`; nothing, when it refuses.
pub(crate) fn open(device: &Rc<Device>) -> Option<Rc<Connection>> {
    (!device.line.refuses).then(|| Connection::open(device))
}
