//! Sockets of WASI 0.3.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use wasmtime::component::{
    Access, Accessor, FutureConsumer, FutureReader, Linker, Resource, ResourceType, Source,
    StreamReader,
};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi::p3::bindings::sockets::types::{
    self, HostTcpSocket, HostTcpSocketWithStore, HostUdpSocket, HostUdpSocketWithStore,
    IpAddressFamily, IpSocketAddress,
};
use wasmtime_wasi::p3::bindings::sockets::{ip_name_lookup, types::ErrorCode};
use wasmtime_wasi::p3::sockets::SocketResult;
use wasmtime_wasi::sockets::{SocketAddrUse, TcpSocket, UdpSocket, WasiSockets};

use super::lookup::Refusal;
use super::open::Charge;
use super::{state, view, way_to};
use crate::capability::CapabilityView;
use crate::capability::grants::Lease;
use crate::capability::names::LookupError;
use crate::limits::{Held, MAX_DATAGRAM_BYTES};
use crate::policy::Denial;

/// The version that `wasmtime-wasi` links; others of 0.3 find it too.
const VERSION: &str = "0.3.0";

pub(super) fn link<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    link_library(linker)?;
    linker.allow_shadowing(true);
    let replaced = replace_tcp(linker).and_then(|()| replace_udp(linker));
    linker.allow_shadowing(false);
    replaced
}

/// Links what is used as it is.
pub(super) fn link_library<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<T, WasiSockets>(linker, view)?;
    let mut lookup = linker.instance(&interface("ip-name-lookup"))?;
    lookup.func_wrap_concurrent("resolve-addresses", |store, (name,)| {
        Box::pin(resolve_addresses::<T>(store, name))
    })
}

fn interface(name: &str) -> String {
    format!("wasi:sockets/{name}@{VERSION}")
}

/// Puts counting functions in the place of those that create and end TCP sockets and streams.
pub(super) fn replace_tcp<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(&interface("types"))?;
    instance.func_wrap("[static]tcp-socket.create", create_tcp::<T>)?;
    instance.func_wrap_concurrent("[method]tcp-socket.connect", |store, (socket, peer)| {
        Box::pin(connect_tcp::<T>(store, socket, peer))
    })?;
    instance.func_wrap_async("[method]tcp-socket.listen", |store, (socket,)| {
        Box::new(listen::<T>(store, socket))
    })?;
    instance.func_wrap("[method]tcp-socket.send", send::<T>)?;
    instance.func_wrap("[method]tcp-socket.receive", receive::<T>)?;
    let socket = ResourceType::host::<TcpSocket>();
    instance.resource("tcp-socket", socket, |mut store, handle| {
        HostTcpSocket::drop(&mut view(store.data_mut()), Resource::new_own(handle))?;
        state(store.data_mut()).open.drop_handle(handle);
        Ok(())
    })
}

/// The same for UDP, whose datagrams the host holds while they are on their way.
pub(super) fn replace_udp<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(&interface("types"))?;
    instance.func_wrap_async("[static]udp-socket.create", |store, (family,)| {
        Box::new(create_udp::<T>(store, family))
    })?;
    instance.func_wrap_async("[method]udp-socket.connect", |store, (socket, peer)| {
        Box::new(connect_udp::<T>(store, socket, peer))
    })?;
    instance.func_wrap_concurrent("[method]udp-socket.send", |store, (socket, data, peer)| {
        Box::pin(send_datagram::<T>(store, socket, data, peer))
    })?;
    instance.func_wrap_concurrent("[method]udp-socket.receive", |store, (socket,)| {
        Box::pin(receive_datagram::<T>(store, socket))
    })?;
    let socket = ResourceType::host::<UdpSocket>();
    instance.resource("udp-socket", socket, |mut store, handle| {
        HostUdpSocket::drop(&mut view(store.data_mut()), Resource::new_own(handle))?;
        state(store.data_mut()).open.drop_handle(handle);
        Ok(())
    })
}

/// What a function of the guest's that may fail gives back.
type Answer<R> = wasmtime::Result<(Result<R, ErrorCode>,)>;
/// How a stream ended.
type Ending = Result<(), ErrorCode>;

fn create_tcp<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (family,): (IpAddressFamily,),
) -> Answer<Resource<TcpSocket>> {
    let data = store.data_mut();
    // WASI 0.3 has no code for too many sockets; this one is a budget's, and no denial.
    let Ok(charge) = state(data).open.charge() else {
        return Ok((Err(ErrorCode::OutOfMemory),));
    };
    let created = guest_error(HostTcpSocket::create(&mut view(data), family))?;
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
    // WASI 0.3 has no code for too many sockets; this one is a budget's, and no denial.
    let Ok(charge) = state(data).open.charge() else {
        return Ok((Err(ErrorCode::OutOfMemory),));
    };
    let created = guest_error(HostUdpSocket::create(&mut view(data), family).await)?;
    if let Ok(socket) = &created {
        state(data).open.keep(socket.rep(), charge);
    }
    Ok((created,))
}

fn send<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (socket, data): (Resource<TcpSocket>, StreamReader<u8>),
) -> wasmtime::Result<(FutureReader<Ending>,)> {
    let charge = charge(store.data_mut(), socket.rep())?;
    let access = Access::<T, WasiSockets>::new(store.as_context_mut(), view::<T>);
    let ending = <WasiSockets as HostTcpSocketWithStore<T>>::send(access, socket, data)?;
    Ok((until_ended(store, ending, charge)?,))
}

fn receive<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    (socket,): (Resource<TcpSocket>,),
) -> wasmtime::Result<((StreamReader<u8>, FutureReader<Ending>),)> {
    let charge = charge(store.data_mut(), socket.rep())?;
    let access = Access::<T, WasiSockets>::new(store.as_context_mut(), view::<T>);
    let (data, ending) = <WasiSockets as HostTcpSocketWithStore<T>>::receive(access, socket)?;
    Ok(((data, until_ended(store, ending, charge)?),))
}

fn charge<T: CapabilityView>(data: &mut T, handle: u32) -> wasmtime::Result<Option<Charge>> {
    let local = local_address(data, handle)?.ok();
    Ok(state(data).open.share_connection(handle, local))
}

/// Passes on how a stream ended, and keeps its socket's charge until then: the stream keeps the
/// descriptor open even when the socket's handle is gone.
fn until_ended<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    ending: FutureReader<Ending>,
    charge: Option<Charge>,
) -> wasmtime::Result<FutureReader<Ending>> {
    let (sender, receiver) = oneshot::channel();
    ending.pipe(
        &mut store,
        UntilEnded {
            sender: Some(sender),
            charge,
        },
    )?;
    FutureReader::new(&mut store, receiver)
}

struct UntilEnded {
    sender: Option<oneshot::Sender<Ending>>,
    charge: Option<Charge>,
}

impl<T: 'static> FutureConsumer<T> for UntilEnded {
    type Item = Ending;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        store: StoreContextMut<'_, T>,
        mut source: Source<'_, Ending>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut ending = None;
        source.read(store, &mut ending)?;
        if let (Some(ending), Some(sender)) = (ending, self.sender.take()) {
            let is_cut = self.charge.as_ref().is_some_and(|charge| charge.is_cut());
            let ending = match is_cut {
                true => Err(ErrorCode::AccessDenied),
                false => ending,
            };
            // The guest need not care how the stream ended.
            let _ = sender.send(ending);
        }
        Poll::Ready(Ok(()))
    }
}

async fn connect_tcp<T: CapabilityView>(
    store: &Accessor<T>,
    socket: Resource<TcpSocket>,
    peer: IpSocketAddress,
) -> Answer<()> {
    let handle = socket.rep();
    let peer = store.with(|mut store| way_to(store.data_mut(), peer, SocketAddrUse::TcpConnect));
    let sockets = store.with_getter::<WasiSockets>(view::<T>);
    let connected = <WasiSockets as HostTcpSocketWithStore<T>>::connect(&sockets, socket, peer);
    if let Err(code) = guest_error(connected.await)? {
        return Ok((Err(code),));
    }
    store.with(|mut store| lease_connection(store.data_mut(), handle, peer.into()))
}

/// The socket with this handle is connected since just now.
fn lease_connection<T: CapabilityView>(data: &mut T, handle: u32, peer: SocketAddr) -> Answer<()> {
    let local = local_address(data, handle)?;
    let lease = match local {
        Ok(local) => state(data).rules.connected(local, peer),
        // It is closed by now: nothing is open.
        Err(_) => Ok(None),
    };
    Ok((keep_lease(data, handle, lease),))
}

fn local_address<T: CapabilityView>(
    data: &mut T,
    handle: u32,
) -> wasmtime::Result<Result<SocketAddr, ErrorCode>> {
    let socket = Resource::new_borrow(handle);
    let local = HostTcpSocket::get_local_address(&mut view(data), socket);
    Ok(guest_error(local)?.map(SocketAddr::from))
}

fn keep_lease<T: CapabilityView>(
    data: &mut T,
    handle: u32,
    lease: Result<Option<Arc<Lease>>, Denial>,
) -> Ending {
    let lease = lease.map_err(|_denial| ErrorCode::AccessDenied)?;
    if let Some(lease) = lease {
        state(data).open.lease(handle, &lease);
    }
    Ok(())
}

async fn listen<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    socket: Resource<TcpSocket>,
) -> Answer<StreamReader<Resource<TcpSocket>>> {
    let handle = socket.rep();
    let access = Access::<T, WasiSockets>::new(store.as_context_mut(), view::<T>);
    let listening = <WasiSockets as HostTcpSocketWithStore<T>>::listen(access, socket).await;
    let mut incoming = match guest_error(listening)? {
        Ok(incoming) => incoming,
        Err(code) => return Ok((Err(code),)),
    };
    let data = store.data_mut();
    let lease = match local_address(data, handle)? {
        Ok(local) => state(data).rules.listens(local),
        Err(_) => Ok(None),
    };
    match keep_lease(data, handle, lease) {
        Ok(()) => Ok((Ok(incoming),)),
        Err(code) => {
            incoming.close(&mut store)?;
            Ok((Err(code),))
        }
    }
}

async fn connect_udp<T: CapabilityView>(
    mut store: StoreContextMut<'_, T>,
    socket: Resource<UdpSocket>,
    peer: IpSocketAddress,
) -> Answer<()> {
    let data = store.data_mut();
    let peer = way_to(data, peer, SocketAddrUse::UdpSend);
    let connected = HostUdpSocket::connect(&mut view(data), socket, peer).await;
    Ok((guest_error(connected)?,))
}

async fn send_datagram<T: CapabilityView>(
    store: &Accessor<T>,
    socket: Resource<UdpSocket>,
    data: Vec<u8>,
    peer: Option<IpSocketAddress>,
) -> Answer<()> {
    let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
    let _held = match memory(store, size) {
        Ok(held) => held,
        Err(code) => return Ok((Err(code),)),
    };
    let way = |peer| store.with(|mut store| way_to(store.data_mut(), peer, SocketAddrUse::UdpSend));
    let peer = peer.map(way);
    let store = store.with_getter::<WasiSockets>(view::<T>);
    Ok((guest_error(
        <WasiSockets as HostUdpSocketWithStore<T>>::send(&store, socket, data, peer).await,
    )?,))
}

async fn receive_datagram<T: CapabilityView>(
    store: &Accessor<T>,
    socket: Resource<UdpSocket>,
) -> Answer<(Vec<u8>, IpSocketAddress)> {
    let _held = match memory(store, MAX_DATAGRAM_BYTES) {
        Ok(held) => held,
        Err(code) => return Ok((Err(code),)),
    };
    let store = store.with_getter::<WasiSockets>(view::<T>);
    Ok((guest_error(
        <WasiSockets as HostUdpSocketWithStore<T>>::receive(&store, socket).await,
    )?,))
}

fn memory<T: CapabilityView>(store: &Accessor<T>, bytes: u64) -> Result<Held, ErrorCode> {
    store
        .with(|mut access| state(access.data_mut()).open.memory(bytes))
        .map_err(|_| ErrorCode::OutOfMemory)
}

async fn resolve_addresses<T: CapabilityView>(
    store: &Accessor<T>,
    name: String,
) -> wasmtime::Result<(Result<Vec<types::IpAddress>, ip_name_lookup::ErrorCode>,)> {
    let rules = store.with(|mut access| state(access.data_mut()).rules.clone());
    let answer = rules.look_up(name).await;
    let answer = answer.map(|addresses| addresses.into_iter().map(Into::into).collect());
    Ok((answer.map_err(Into::into),))
}

/// Takes the errors that guests see apart from those that end them.
fn guest_error<R>(result: SocketResult<R>) -> wasmtime::Result<Result<R, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => error.downcast().map(Err),
    }
}

impl From<Refusal> for ip_name_lookup::ErrorCode {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied => Self::AccessDenied,
            Refusal::Invalid => Self::InvalidArgument,
            Refusal::Failed(LookupError::Unknown) => Self::NameUnresolvable,
            Refusal::Failed(LookupError::Timeout) => Self::TemporaryResolverFailure,
            Refusal::Failed(LookupError::Exhausted) => Self::Other(Some(
                "the instance has looked up as many names as it may".into(),
            )),
        }
    }
}
