//! Sockets of WASI 0.2.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::vec;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress,
};
use wasmtime_wasi::p2::bindings::sockets::{
    instance_network, network, tcp, tcp_create_socket, udp, udp_create_socket,
};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, Network, Pollable, SocketResult, TcpSocket,
    UdpSocket, subscribe,
};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSockets};

use super::leased::Leased;
use super::lookup::Refusal;
use super::{state, view, way_to};
use crate::capability::CapabilityView;
use crate::capability::grants::Lease;
use crate::capability::names::LookupError;

/// The version that `wasmtime-wasi` links; older ones of 0.2 find it too.
const VERSION: &str = "0.2.12";

pub(super) fn link<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    link_library(linker)?;
    linker.allow_shadowing(true);
    let replaced = replace(linker);
    linker.allow_shadowing(false);
    replaced
}

/// Links what is used as it is.
pub(super) fn link_library<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let options = network::LinkOptions::default();
    network::add_to_linker::<T, WasiSockets>(linker, &options, view)?;
    instance_network::add_to_linker::<T, WasiSockets>(linker, view)?;
    tcp::add_to_linker::<T, WasiSockets>(linker, view)?;
    udp::add_to_linker::<T, WasiSockets>(linker, view)?;
    link_lookup(linker)
}

fn interface(name: &str) -> String {
    format!("wasi:sockets/{name}@{VERSION}")
}

/// Puts counting functions in the place of those that create and end sockets.
pub(super) fn replace<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker
        .instance(&interface("tcp-create-socket"))?
        .func_wrap("create-tcp-socket", create_tcp::<T>)?;
    linker
        .instance(&interface("udp-create-socket"))?
        .func_wrap_async("create-udp-socket", |store, (family,)| {
            Box::new(create_udp::<T>(store, family))
        })?;
    let mut tcp = linker.instance(&interface("tcp"))?;
    tcp.func_wrap("[method]tcp-socket.start-connect", start_connect::<T>)?;
    tcp.func_wrap("[method]tcp-socket.finish-connect", finish_connect::<T>)?;
    tcp.func_wrap("[method]tcp-socket.finish-listen", finish_listen::<T>)?;
    tcp.func_wrap("[method]tcp-socket.accept", accept::<T>)?;
    tcp.resource(
        "tcp-socket",
        ResourceType::host::<TcpSocket>(),
        |mut store, handle| {
            tcp::HostTcpSocket::drop(&mut view(store.data_mut()), Resource::new_own(handle))?;
            state(store.data_mut()).open.drop_handle(handle);
            Ok(())
        },
    )?;
    let mut udp = linker.instance(&interface("udp"))?;
    udp.func_wrap_async("[method]udp-socket.stream", |store, (socket, peer)| {
        Box::new(stream(store, socket, peer))
    })?;
    udp.func_wrap("[method]outgoing-datagram-stream.send", send::<T>)?;
    udp.resource(
        "udp-socket",
        ResourceType::host::<UdpSocket>(),
        |mut store, handle| {
            udp::HostUdpSocket::drop(&mut view(store.data_mut()), Resource::new_own(handle))?;
            state(store.data_mut()).open.drop_handle(handle);
            Ok(())
        },
    )
}

/// What a function of the guest's that may fail gives back.
type Answer<R> = wasmtime::Result<(Result<R, ErrorCode>,)>;

fn create_tcp<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (family,): (IpAddressFamily,),
) -> Answer<Resource<TcpSocket>> {
    let data = store.data_mut();
    let Ok(charge) = state(data).open.charge() else {
        return Ok((Err(ErrorCode::NewSocketLimit),));
    };
    let created = tcp_create_socket::Host::create_tcp_socket(&mut view(data), family);
    let created = guest_error(created)?;
    if let Ok(socket) = &created {
        state(data).open.keep(socket.rep(), charge);
    }
    Ok((created,))
}

async fn create_udp<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    family: IpAddressFamily,
) -> Answer<Resource<UdpSocket>> {
    let data = store.data_mut();
    let Ok(charge) = state(data).open.charge() else {
        return Ok((Err(ErrorCode::NewSocketLimit),));
    };
    let created = udp_create_socket::Host::create_udp_socket(&mut view(data), family).await;
    let created = guest_error(created)?;
    if let Ok(socket) = &created {
        state(data).open.keep(socket.rep(), charge);
    }
    Ok((created,))
}

fn start_connect<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (socket, network, peer): (Resource<TcpSocket>, Resource<Network>, IpSocketAddress),
) -> Answer<()> {
    let data = store.data_mut();
    let peer = way_to(data, peer, SocketAddrUse::TcpConnect);
    let begun = tcp::HostTcpSocket::start_connect(&mut view(data), socket, network, peer);
    Ok((guest_error(begun)?,))
}

/// The two streams of a connection.
type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);

fn finish_connect<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (socket,): (Resource<TcpSocket>,),
) -> Answer<Streams> {
    let (data, handle) = (store.data_mut(), socket.rep());
    let finished = tcp::HostTcpSocket::finish_connect(&mut view(data), socket);
    let streams = match guest_error(finished)? {
        Ok(streams) => streams,
        Err(code) => return Ok((Err(code),)),
    };
    let socket = || Resource::new_borrow(handle);
    let local = tcp::HostTcpSocket::local_address(&mut view(data), socket());
    let peer = tcp::HostTcpSocket::remote_address(&mut view(data), socket());
    let (Ok(local), Ok(peer)) = (guest_error(local)?, guest_error(peer)?) else {
        // It is closed by now: nothing is open.
        return Ok((Ok(streams),));
    };
    let lease = state(data).rules.connected(local.into(), peer.into());
    match lease {
        Ok(Some(lease)) => Ok((Ok(leased(data, handle, streams, &lease)?),)),
        Ok(None) => Ok((Ok(streams),)),
        Err(_denial) => {
            let table = &mut data.capabilities().table;
            table.delete(streams.0)?;
            table.delete(streams.1)?;
            Ok((Err(ErrorCode::AccessDenied),))
        }
    }
}

fn finish_listen<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (socket,): (Resource<TcpSocket>,),
) -> Answer<()> {
    let (data, handle) = (store.data_mut(), socket.rep());
    let finished = tcp::HostTcpSocket::finish_listen(&mut view(data), socket);
    if let Err(code) = guest_error(finished)? {
        return Ok((Err(code),));
    }
    let local = tcp::HostTcpSocket::local_address(&mut view(data), Resource::new_borrow(handle));
    let local = match guest_error(local)? {
        Ok(local) => local,
        Err(code) => return Ok((Err(code),)),
    };
    match state(data).rules.listens(local.into()) {
        Ok(lease) => {
            if let Some(lease) = lease {
                state(data).open.lease(handle, &lease);
            }
            Ok((Ok(()),))
        }
        Err(_denial) => Ok((Err(ErrorCode::AccessDenied),)),
    }
}

/// A connection that came in, and its streams.
type Accepted = (
    Resource<TcpSocket>,
    Resource<DynInputStream>,
    Resource<DynOutputStream>,
);

/// What comes in through a socket is open for as long as that may listen.
fn accept<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (listener,): (Resource<TcpSocket>,),
) -> Answer<Accepted> {
    let data = store.data_mut();
    let lease = state(data).open.lease_of(listener.rep());
    let accepted = tcp::HostTcpSocket::accept(&mut view(data), listener);
    let (socket, input, output) = match (guest_error(accepted)?, &lease) {
        (Err(code), Some(lease)) if lease.is_cut() && code != ErrorCode::WouldBlock => {
            return Ok((Err(ErrorCode::AccessDenied),));
        }
        (Ok(accepted), _) => accepted,
        (Err(code), _) => return Ok((Err(code),)),
    };
    let Some(lease) = lease else {
        return Ok((Ok((socket, input, output)),));
    };
    let (input, output) = leased(data, socket.rep(), (input, output), &lease)?;
    Ok((Ok((socket, input, output)),))
}

/// The streams of the socket with this handle, for as long as there is a lease.
fn leased<T: CapabilityView>(
    data: &mut T,
    handle: u32,
    (input, output): Streams,
    lease: &Arc<Lease>,
) -> wasmtime::Result<Streams> {
    state(data).open.lease(handle, lease);
    let table = &mut data.capabilities().table;
    let socket = Resource::<TcpSocket>::new_borrow(handle);
    let input: DynInputStream = Box::new(Leased::new(table.delete(input)?, lease));
    let output: DynOutputStream = Box::new(Leased::new(table.delete(output)?, lease));
    Ok((
        table.push_child(input, &socket)?,
        table.push_child(output, &socket)?,
    ))
}

/// The two streams of a UDP socket.
type Datagrams = (
    Resource<udp::IncomingDatagramStream>,
    Resource<udp::OutgoingDatagramStream>,
);

async fn stream<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    socket: Resource<UdpSocket>,
    peer: Option<IpSocketAddress>,
) -> Answer<Datagrams> {
    let data = store.data_mut();
    let peer = peer.map(|peer| way_to(data, peer, SocketAddrUse::UdpSend));
    let streams = udp::HostUdpSocket::stream(&mut view(data), socket, peer).await;
    Ok((guest_error(streams)?,))
}

fn send<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (stream, mut datagrams): (
        Resource<udp::OutgoingDatagramStream>,
        Vec<udp::OutgoingDatagram>,
    ),
) -> Answer<u64> {
    let data = store.data_mut();
    for datagram in &mut datagrams {
        let peer = datagram.remote_address;
        datagram.remote_address = peer.map(|peer| way_to(data, peer, SocketAddrUse::UdpSend));
    }
    let sent = udp::HostOutgoingDatagramStream::send(&mut view(data), stream, datagrams);
    Ok((guest_error(sent)?,))
}

/// Takes the errors that guests see apart from those that end them.
fn guest_error<R>(result: SocketResult<R>) -> wasmtime::Result<Result<R, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => error.downcast().map(Err),
    }
}

/// The guest's `resolve-address-stream`.
enum Lookup {
    Asking(AbortOnDropJoinHandle<Result<Vec<IpAddr>, Refusal>>),
    Answered(Result<vec::IntoIter<IpAddr>, Refusal>),
}

impl Lookup {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&mut Result<vec::IntoIter<IpAddr>, Refusal>> {
        if let Self::Asking(task) = self {
            match Pin::new(task).poll(cx) {
                Poll::Ready(answer) => *self = Self::Answered(answer.map(Vec::into_iter)),
                Poll::Pending => return Poll::Pending,
            }
        }
        match self {
            Self::Answered(answer) => Poll::Ready(answer),
            Self::Asking(_) => Poll::Pending,
        }
    }
}

#[async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        std::future::poll_fn(|cx| self.poll(cx).map(|_| ())).await;
    }
}

fn link_lookup<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(&interface("ip-name-lookup"))?;
    instance.resource(
        "resolve-address-stream",
        ResourceType::host::<Lookup>(),
        |mut store, handle| {
            let table = &mut store.data_mut().capabilities().table;
            table.delete(Resource::<Lookup>::new_own(handle))?;
            Ok(())
        },
    )?;
    instance.func_wrap("resolve-addresses", resolve_addresses::<T>)?;
    instance.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        resolve_next_address::<T>,
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.subscribe",
        subscribe_to_lookup::<T>,
    )
}

fn resolve_addresses<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (network, name): (Resource<Network>, String),
) -> Answer<Resource<Lookup>> {
    let capabilities = store.data_mut().capabilities();
    // A network handle that is not one ends the guest, as with any other handle.
    capabilities.table.get(&network)?;
    let rules = capabilities.sockets.rules.clone();
    let mut lookup = Lookup::Asking(spawn(async move { rules.look_up(name).await }));
    if let Poll::Ready(Err(refusal)) = lookup.poll(&mut Context::from_waker(Waker::noop())) {
        return Ok((Err((*refusal).into()),));
    }
    Ok((Ok(capabilities.table.push(lookup)?),))
}

fn resolve_next_address<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (lookup,): (Resource<Lookup>,),
) -> Answer<Option<IpAddress>> {
    let lookup = store.data_mut().capabilities().table.get_mut(&lookup)?;
    let next = match lookup.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Err(ErrorCode::WouldBlock),
        Poll::Ready(Err(refusal)) => Err((*refusal).into()),
        Poll::Ready(Ok(addresses)) => Ok(addresses.next().map(IpAddress::from)),
    };
    Ok((next,))
}

fn subscribe_to_lookup<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (lookup,): (Resource<Lookup>,),
) -> wasmtime::Result<(Resource<DynPollable>,)> {
    Ok((subscribe(
        &mut store.data_mut().capabilities().table,
        lookup,
    )?,))
}

impl From<Refusal> for ErrorCode {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied => Self::AccessDenied,
            Refusal::Invalid => Self::InvalidArgument,
            Refusal::Failed(LookupError::Unknown) => Self::NameUnresolvable,
            Refusal::Failed(LookupError::Timeout) => Self::TemporaryResolverFailure,
            Refusal::Failed(LookupError::Exhausted) => Self::OutOfMemory,
        }
    }
}
