//! The devices, servers and pages of a [`Script`], plugged in.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::sync::Semaphore;

use super::device::{Device, Heard};
use super::web::Web;
use super::{Line, Script, Sent, host_and_port};
use crate::engine::NoLine;
use crate::executor::Executor;
use crate::limits;

/// The first address that the name of a scripted server stands for: one of those for documentation.
const NAMES: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Most bytes that are on their way in one direction.
const BUFFER: usize = 64 * 1024;
/// Most bytes of a datagram.
const DATAGRAM: usize = 64 * 1024;

/// What a script says, at work for as long as its executor runs.
#[derive(Debug)]
pub struct Scripted {
    lines: BTreeMap<String, Arc<Device>>,
    tcp: BTreeMap<String, Arc<Device>>,
    udp: BTreeMap<String, Arc<Device>>,
    /// The names of servers, in the order of their addresses.
    hosts: Vec<String>,
    /// Where somebody listens in the place of an address.
    places: BTreeMap<SocketAddr, Place>,
    web: Option<Arc<Web>>,
    /// Where nobody listens, with IPv4 and, where the machine has it, with IPv6.
    nowhere: Vec<(SocketAddr, TcpSocket)>,
    executor: Executor,
}

/// Sockets of this machine.
#[derive(Debug)]
struct Place {
    at: SocketAddr,
    /// Keeps its port, at which nobody listens.
    _closed: Option<TcpSocket>,
}

impl Scripted {
    /// Plugs in what `script` has; `executor` runs it.
    ///
    /// # Errors
    /// When no port can be had.
    pub(in super::super) async fn plug_in(script: Script, executor: &Executor) -> io::Result<Self> {
        let devices = |lines: BTreeMap<String, Line>| {
            let lines = lines.into_iter();
            lines
                .map(|(name, line)| (name, Device::new(line)))
                .collect()
        };
        let mut scripted = Self {
            lines: devices(script.serial),
            tcp: devices(script.tcp),
            udp: devices(script.udp),
            hosts: Vec::new(),
            places: BTreeMap::new(),
            nowhere: nowhere()?,
            web: (!script.pages.is_empty()).then(|| Arc::new(Web::new(script.pages))),
            executor: executor.clone(),
        };
        let keys = scripted.tcp.keys().chain(scripted.udp.keys());
        let addresses: Vec<_> = keys.cloned().collect();
        for address in addresses {
            scripted.listen(&address).await?;
        }
        Ok(scripted)
    }

    /// What the worker calls its serial lines.
    pub(in super::super) fn line_names(&self) -> impl Iterator<Item = &String> {
        self.lines.keys()
    }

    /// Whether the line `name` is scripted, and if so, whether it is there.
    pub(in super::super) fn has_line(&self, name: &str) -> Option<bool> {
        self.lines.get(name).map(|device| !device.refuses())
    }

    /// The near end of the line `name`, if it is scripted.
    pub(in super::super) fn line(&self, name: &str) -> Option<Result<DuplexStream, NoLine>> {
        let device = self.lines.get(name)?;
        Some(device.open_alone().map(|opened| {
            let (near, far) = tokio::io::duplex(BUFFER);
            drop(self.executor.spawn(opened.converse(far)));
            near
        }))
    }

    /// Where `name` leads, if a server of that name is scripted.
    pub(in super::super) fn address_of(&self, name: &str) -> Option<IpAddr> {
        if let Ok(address) = name.parse() {
            return Some(address);
        }
        if name == "localhost" {
            return Some(Ipv4Addr::LOCALHOST.into());
        }
        let place = self.hosts.iter().position(|host| host == name)?;
        let place = u32::try_from(place).ok()?;
        Some(Ipv4Addr::from(u32::from(NAMES).saturating_add(place)).into())
    }

    /// Who answers in the place of `asked`, if that is scripted.
    pub(in super::super) fn server(&self, asked: SocketAddr) -> Option<SocketAddr> {
        let mut places = self.places.values();
        let is_nowhere = self.nowhere.iter().any(|(at, _)| *at == asked);
        let is_there = is_nowhere || places.any(|place| place.at == asked);
        match self.places.get(&asked) {
            _ if is_there => Some(asked),
            place => place.map(|place| place.at),
        }
    }

    /// Where nobody answers who has a socket of the family of `asked`.
    pub(in super::super) fn nowhere(&self, asked: SocketAddr) -> Option<SocketAddr> {
        let places = self.nowhere.iter().map(|(at, _)| *at);
        { places }.find(|at| at.is_ipv4() == asked.is_ipv4())
    }

    /// A connection to a web server, if there are pages. `scheme`: `http` or `https`.
    pub(in super::super) fn connect(&self, scheme: &'static str) -> Option<DuplexStream> {
        let web = Arc::clone(self.web.as_ref()?);
        let (near, far) = tokio::io::duplex(BUFFER);
        drop(self.executor.spawn(web.serve(far, scheme)));
        Some(near)
    }

    /// What the device at a serial port, or the server or peer at an address, has heard.
    pub fn heard(&self, name: &str) -> Option<Heard> {
        let mut all = [&self.lines, &self.tcp, &self.udp].into_iter();
        all.find_map(|devices| devices.get(name))
            .map(|it| it.heard())
    }

    /// The HTTP requests that were sent, since they were last asked for.
    pub fn requests(&self) -> Vec<Sent> {
        self.web.as_ref().map(|web| web.sent()).unwrap_or_default()
    }

    /// Listens in the place of `address`, as its scripts say.
    async fn listen(&mut self, address: &str) -> io::Result<()> {
        let Some((host, port)) = host_and_port(address) else {
            return Ok(());
        };
        if self.address_of(host).is_none() {
            self.hosts.push(host.to_owned());
        }
        let Some(ip) = self.address_of(host) else {
            return Ok(());
        };
        let asked = SocketAddr::new(ip, port);
        if self.places.contains_key(&asked) {
            return Ok(());
        }
        let server = self.tcp.get(address).filter(|device| !device.refuses());
        let loopback = match ip {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let (at, closed) = match server {
            Some(device) => {
                let listener = TcpListener::bind((loopback, 0)).await?;
                let at = listener.local_addr()?;
                let accepting = accept(listener, Arc::clone(device), self.executor.clone());
                drop(self.executor.spawn(accepting));
                (at, None)
            }
            None => {
                let (at, socket) = closed(loopback)?;
                (at, Some(socket))
            }
        };
        if let Some(device) = self.udp.get(address).filter(|device| !device.refuses()) {
            let socket = UdpSocket::bind(at).await?;
            let answering = answer(Arc::new(socket), Arc::clone(device), self.executor.clone());
            drop(self.executor.spawn(answering));
        }
        let place = Place {
            at,
            _closed: closed,
        };
        self.places.insert(asked, place);
        Ok(())
    }
}

/// A port that is kept and at which nobody listens.
fn closed(host: IpAddr) -> io::Result<(SocketAddr, TcpSocket)> {
    let socket = match host {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(host, 0))?;
    Ok((socket.local_addr()?, socket))
}

/// One such port of each family of addresses that the machine has.
fn nowhere() -> io::Result<Vec<(SocketAddr, TcpSocket)>> {
    let v4 = closed(Ipv4Addr::LOCALHOST.into())?;
    let v6 = closed(Ipv6Addr::LOCALHOST.into());
    Ok([v4].into_iter().chain(v6.ok()).collect())
}

/// Lets `device` talk to everybody who connects.
async fn accept(listener: TcpListener, device: Arc<Device>, executor: Executor) {
    let room = Arc::new(Semaphore::new(limits::MAX_SIMULATED_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _peer)) = listener.accept().await else {
            return;
        };
        let opened = device.open();
        drop(executor.spawn(async move {
            let _permit = permit;
            opened.converse(stream).await;
        }));
    }
}

/// Lets `device` answer datagrams, each in its time.
async fn answer(socket: Arc<UdpSocket>, device: Arc<Device>, executor: Executor) {
    let room = Arc::new(Semaphore::new(limits::MAX_SIMULATED_CONNECTIONS));
    let mut datagram = vec![0; DATAGRAM];
    while let Ok((length, peer)) = socket.recv_from(&mut datagram).await {
        let heard = datagram.get(..length).unwrap_or_default();
        let Some((said, delay)) = device.to_datagram(heard) else {
            continue;
        };
        // One that finds no room is lost, as datagrams are.
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let socket = Arc::clone(&socket);
        drop(executor.spawn(async move {
            let _permit = permit;
            tokio::time::sleep(delay.min(limits::MAX_SLEEP)).await;
            let _ = socket.send_to(&said.0, peer).await;
        }));
    }
}
