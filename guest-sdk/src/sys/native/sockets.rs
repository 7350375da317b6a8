//! Sockets that lead to the servers, peers and callers of a test.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::{FutureReader, Source, StreamReader, wit_future};
use crate::bindings::wasi::sockets::ip_name_lookup::ErrorCode as LookupError;
use crate::bindings::wasi::sockets::types::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress,
};
use crate::net::{from_wasi, to_wasi};
use crate::testing::clock::{self, Sleep};
use crate::testing::connection::Connection;
use crate::testing::{bench, script::Data};

/// The first port that the "operating system" gives.
const FIRST_PORT: u16 = 49152;

pub(crate) async fn resolve_addresses(host: String) -> Result<Vec<IpAddress>, LookupError> {
    match bench::current().resolve(&host) {
        Ok(IpAddr::V4(ip)) => Ok(vec![IpAddress::Ipv4(ip.octets().into())]),
        Ok(IpAddr::V6(ip)) => Ok(vec![IpAddress::Ipv6(ip.segments().into())]),
        Err(text) => Err(LookupError::Other(Some(text))),
    }
}

/// `"host:port"` as the worker wrote it.
fn named(address: SocketAddr) -> String {
    format!("{}:{}", bench::current().name(address.ip()), address.port())
}

fn free_port() -> u16 {
    thread_local! {
        static NEXT: Cell<u16> = const { Cell::new(FIRST_PORT) };
    }
    let port = NEXT.get();
    NEXT.set(port.checked_add(1).unwrap_or(FIRST_PORT));
    port
}

fn unspecified(family: IpAddressFamily) -> SocketAddr {
    let ip = match family {
        IpAddressFamily::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        IpAddressFamily::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, 0)
}

/// Binds to `address`, with a port of its own where that has none.
fn bound(address: IpSocketAddress) -> SocketAddr {
    let mut address = from_wasi(address);
    if address.port() == 0 {
        address.set_port(free_port());
    }
    address
}

/// A TCP socket: a connection, or a listener.
pub(crate) struct TcpSocket {
    local: Cell<SocketAddr>,
    connection: OnceCell<(Rc<Connection>, SocketAddr)>,
}

impl TcpSocket {
    pub(crate) fn create(family: IpAddressFamily) -> Result<Self, ErrorCode> {
        Ok(Self {
            local: Cell::new(unspecified(family)),
            connection: OnceCell::new(),
        })
    }

    pub(crate) async fn connect(&self, address: IpSocketAddress) -> Result<(), ErrorCode> {
        let address = from_wasi(address);
        let server = bench::current().server(&named(address));
        let server = server.map_err(|text| ErrorCode::Other(Some(text)))?;
        let connection = bench::open(&server).ok_or(ErrorCode::ConnectionRefused)?;
        self.local.set(bound(to_wasi(self.local.get())));
        let connected = self.connection.set((connection, address));
        connected.map_err(|_| ErrorCode::InvalidState)
    }

    fn accepted(connection: Rc<Connection>, local: SocketAddr) -> Self {
        let peer = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), free_port());
        Self {
            local: Cell::new(local),
            connection: OnceCell::from((connection, peer)),
        }
    }

    pub(crate) fn bind(&self, address: IpSocketAddress) -> Result<(), ErrorCode> {
        self.local.set(bound(address));
        Ok(())
    }

    pub(crate) fn listen(&self) -> Result<StreamReader<Self>, ErrorCode> {
        let local = self.local.get();
        let source = Rc::new(Callers { local });
        Ok(StreamReader::from_source(source))
    }

    pub(crate) fn get_local_address(&self) -> Result<IpSocketAddress, ErrorCode> {
        let local = self.local.get();
        if local.port() == 0 {
            return Err(ErrorCode::InvalidState);
        }
        Ok(to_wasi(local))
    }

    pub(crate) fn get_remote_address(&self) -> Result<IpSocketAddress, ErrorCode> {
        let connected = self.connection.get().ok_or(ErrorCode::InvalidState);
        connected.map(|(_, peer)| to_wasi(*peer))
    }

    pub(crate) fn set_keep_alive_enabled(&self, _: bool) -> Result<(), ErrorCode> {
        Ok(())
    }

    pub(crate) fn receive(&self) -> (StreamReader<u8>, FutureReader<Result<(), ErrorCode>>) {
        match self.connection.get() {
            Some((connection, _)) => {
                let source = Rc::clone(connection) as Rc<dyn Source<u8>>;
                let end = wit_future::ready(Ok(()));
                (StreamReader::from_source(source), end)
            }
            None => {
                let end = wit_future::ready(Err(ErrorCode::InvalidState));
                (super::wit_stream::new().1, end)
            }
        }
    }

    pub(crate) fn send(&self, data: StreamReader<u8>) -> FutureReader<Result<(), ErrorCode>> {
        let Some((connection, _)) = self.connection.get() else {
            return wit_future::ready(Err(ErrorCode::InvalidState));
        };
        let connection = Rc::clone(connection);
        let (done, result) = wit_future::new(|| Ok(()));
        let mut done = Some(done);
        data.drain_into(move |sent| {
            let (Some(bytes), Some(_)) = (sent, &done) else {
                // This was all.
                done = None;
                return false;
            };
            let heard = connection.hear(&bytes);
            if !heard && let Some(done) = done.take() {
                done.give(Err(ErrorCode::ConnectionReset));
            }
            heard
        });
        result
    }
}

/// Those who connect to a listener.
struct Callers {
    local: SocketAddr,
}

impl Source<TcpSocket> for Callers {
    /// Whoever calls was plugged in before; nobody else ever will.
    fn poll_read(&self, _: &Context<'_>, _: usize) -> Poll<Option<Vec<TcpSocket>>> {
        let bench = bench::current();
        let mut callers = bench.callers.borrow_mut();
        let place = callers
            .iter()
            .position(|(port, device)| *port == self.local.port() && !device.line.refuses);
        match place {
            Some(place) => {
                let (_, device) = callers.remove(place);
                let connection = Connection::open(&device);
                let socket = TcpSocket::accepted(connection, self.local);
                Poll::Ready(Some(vec![socket]))
            }
            None => Poll::Pending,
        }
    }
}

/// A datagram that is on its way, and who sent it.
type OnItsWay = (std::time::Duration, Vec<u8>, SocketAddr);

/// A UDP socket.
pub(crate) struct UdpSocket {
    local: Cell<SocketAddr>,
    peer: Cell<Option<SocketAddr>>,
    arriving: RefCell<VecDeque<OnItsWay>>,
    reader: RefCell<Option<Waker>>,
}

impl UdpSocket {
    pub(crate) fn create(family: IpAddressFamily) -> Result<Self, ErrorCode> {
        Ok(Self {
            local: Cell::new(unspecified(family)),
            peer: Cell::new(None),
            arriving: RefCell::default(),
            reader: RefCell::default(),
        })
    }

    pub(crate) fn bind(&self, address: IpSocketAddress) -> Result<(), ErrorCode> {
        self.local.set(bound(address));
        Ok(())
    }

    pub(crate) fn connect(&self, address: IpSocketAddress) -> Result<(), ErrorCode> {
        self.peer.set(Some(from_wasi(address)));
        Ok(())
    }

    pub(crate) async fn send(
        &self,
        data: Vec<u8>,
        to: Option<IpSocketAddress>,
    ) -> Result<(), ErrorCode> {
        let to = to.map(from_wasi).or(self.peer.get());
        let to = to.ok_or(ErrorCode::InvalidArgument)?;
        let peer = bench::current().peer(&named(to));
        let peer = peer.map_err(|text| ErrorCode::Other(Some(text)))?;
        if let Some((Data(answer), delay)) = bench::datagram(&peer, &data) {
            let due = clock::now() + delay;
            let mut arriving = self.arriving.borrow_mut();
            arriving.push_back((due, answer, to));
            arriving.make_contiguous().sort_by_key(|(due, ..)| *due);
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Ok(())
    }

    pub(crate) async fn receive(&self) -> Result<(Vec<u8>, IpSocketAddress), ErrorCode> {
        loop {
            let due = self.arriving.borrow().front().map(|(due, ..)| *due);
            match due {
                Some(due) if due <= clock::now() => {
                    if let Some((_, data, from)) = self.arriving.borrow_mut().pop_front() {
                        return Ok((data, to_wasi(from)));
                    }
                }
                Some(due) => Sleep::until(due).await,
                None => self.sent().await,
            }
        }
    }

    /// Waits until something more may be on its way.
    async fn sent(&self) {
        let mut waited = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            self.reader.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn get_local_address(&self) -> Result<IpSocketAddress, ErrorCode> {
        let local = self.local.get();
        if local.port() == 0 {
            return Err(ErrorCode::InvalidState);
        }
        Ok(to_wasi(local))
    }
}
