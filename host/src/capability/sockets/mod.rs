//! TCP and UDP, as WASI 0.2 and 0.3 have them.
//!
//! The sockets themselves are `wasmtime-wasi`'s. What is added here: every address goes through
//! [`decide`](crate::policy::decide), with the names that led to it; names are looked up by the host
//! and pinned; and every socket is charged to the instance until its last stream is gone. The functions
//! that create and end sockets are therefore replaced after `wasmtime-wasi` has linked its own; so are those
//! that name a peer, which lead to who stands in for it where somebody does.

use std::net::SocketAddr;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsCtx, WasiSocketsCtxView};

use self::open::Open;
use super::grants::{Closing, Lease, Opened};
use super::names::Names;
use super::reach::ports;
use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach, StandIn};
use crate::engine::StandIns;
use crate::policy::grant::{Direction, Protocol, Protocols};
use crate::policy::pattern::PortPattern;
use crate::policy::{Access, Capability, Denial, Policy, SocketsGrant};

mod leased;
mod lookup;
mod open;
mod p2;
mod p3;
mod shut;

pub use shut::Ends;
pub(super) use shut::shut;

/// The sockets of one instance.
pub struct State {
    ctx: WasiSocketsCtx,
    rules: Rules,
    open: Open,
}

/// The capability.
pub struct Sockets;

impl Provider for Sockets {
    const CAPABILITY: Capability = Capability::Sockets;
    const STAND_IN: Option<StandIn> = Some(StandIn::Server);

    type State = State;

    fn prepare(guard: &Guard, cx: &Prepare) -> State {
        let rules = Rules {
            guard: guard.clone(),
            names: guard.names.clone(),
            stand_ins: cx.stand_ins.clone(),
        };
        let open = Open::new(&guard.ledger);
        let (asked, accepting) = (rules.clone(), open.clone());
        let mut wasi = WasiCtx::builder()
            .socket_addr_check(move |address, purpose| {
                Box::pin(std::future::ready(
                    asked.allow(&accepting, address, purpose),
                ))
            })
            .allow_tcp(true)
            .allow_udp(true)
            .build();
        State {
            ctx: std::mem::take(wasi.sockets()),
            rules,
            open,
        }
    }

    fn link<T: CapabilityView>(linker: &mut Linker<T>, is_granted: bool) -> wasmtime::Result<()> {
        if !is_granted {
            return Ok(());
        }
        p2::link(linker)?;
        p3::link(linker)
    }

    fn reach(policy: &Policy, reach: &mut Reach) {
        for grant in &policy.sockets {
            let is_for = |protocol, direction| grant.is_for(protocol, direction);
            let connects = is_for(Protocol::Tcp, Direction::Connect);
            let binds = is_for(Protocol::Tcp, Direction::Bind);
            let udp = [Direction::Connect, Direction::Bind].map(|it| is_for(Protocol::Udp, it));
            reach.tcp |= connects || binds;
            reach.udp |= udp.contains(&true);
            if connects {
                reach.connect.extend(ports(&grant.ports));
            }
            if binds {
                reach.bind.extend(ports(&grant.ports));
            }
            reach.find(&grant.host);
        }
    }

    fn grant(devices: &Devices, policy: &mut Policy) {
        policy
            .sockets
            .extend(devices.hosts().map(|host| SocketsGrant {
                protocol: Protocols::Both,
                direction: Direction::Connect,
                host,
                ports: vec![PortPattern::ANY],
                until: None,
            }));
    }
}

fn view<T: CapabilityView>(data: &mut T) -> WasiSocketsCtxView<'_> {
    let capabilities = data.capabilities();
    WasiSocketsCtxView {
        ctx: &mut capabilities.sockets.ctx,
        table: &mut capabilities.table,
    }
}

fn state<T: CapabilityView>(data: &mut T) -> &mut State {
    &mut data.capabilities().sockets
}

/// The address that the guest gave, in the words of its version of WASI, or of who stands in for it.
fn way_to<T, A>(data: &mut T, peer: A, purpose: SocketAddrUse) -> A
where
    T: CapabilityView,
    A: Into<SocketAddr> + From<SocketAddr>,
{
    let state = state(data);
    let way = state.rules.way_to(&state.open, peer.into(), purpose);
    way.into()
}

/// What an instance may reach, with the names that it has looked up.
#[derive(Debug, Clone)]
struct Rules {
    guard: Guard,
    names: Names,
    stand_ins: Option<Arc<dyn StandIns>>,
}

impl Rules {
    /// Whether a socket may do this with `address`. An accepted connection is charged as well: it
    /// is a socket that nobody asked to create.
    fn allow(&self, open: &Open, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        match &self.stand_ins {
            // It was asked about before it was led here. Nothing leads anywhere else.
            Some(stand_ins) if is_to_peer(purpose) => stand_ins.server(address) == Some(address),
            _ => self.decide(open, address, purpose),
        }
    }

    /// Where a socket is led that asks for `peer`: there, unless somebody stands in and the policy allows it.
    fn way_to(&self, open: &Open, peer: SocketAddr, purpose: SocketAddrUse) -> SocketAddr {
        match &self.stand_ins {
            Some(stand_ins) if self.decide(open, peer, purpose) => {
                stand_ins.server(peer).unwrap_or(peer)
            }
            _ => peer,
        }
    }

    /// The lease of a connection that the guest has just made. `None`: where somebody stands in, nothing of the
    /// world is open.
    fn connected(&self, local: SocketAddr, peer: SocketAddr) -> Result<Option<Arc<Lease>>, Denial> {
        let names = self.names.of(peer.ip());
        let ends = Ends::Connection { local, peer };
        self.lease(Opened::Connection { peer, names }, ends)
    }

    /// The lease of a socket that listens since just now.
    fn listens(&self, local: SocketAddr) -> Result<Option<Arc<Lease>>, Denial> {
        self.lease(Opened::Listener(local), Ends::Listener(local))
    }

    fn lease(&self, opened: Opened, ends: Ends) -> Result<Option<Arc<Lease>>, Denial> {
        if self.stand_ins.is_some() {
            return Ok(None);
        }
        let lease = self.guard.lease(opened, Closing::Socket(ends));
        lease.map(Some)
    }

    fn decide(&self, open: &Open, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        use Protocol::{Tcp, Udp};
        let bind = |protocol, listen| Access::Bind {
            protocol,
            local: address,
            listen,
        };
        let names = self.names.of(address.ip());
        let connect = |protocol| Access::Connect {
            protocol,
            peer: address,
            names: &names,
        };
        let receive = |protocol| Access::Receive {
            protocol,
            peer: address,
            names: &names,
        };
        match purpose {
            SocketAddrUse::TcpBind => self.guard.check(&bind(Tcp, false)).is_ok(),
            SocketAddrUse::TcpListen => self.guard.check(&bind(Tcp, true)).is_ok(),
            SocketAddrUse::TcpConnect => self.guard.check(&connect(Tcp)).is_ok(),
            SocketAddrUse::UdpBind => self.guard.check(&bind(Udp, false)).is_ok(),
            SocketAddrUse::UdpSend => self.guard.check(&connect(Udp)).is_ok(),
            SocketAddrUse::TcpAccept => {
                self.guard.ask(&receive(Tcp)).is_ok() && open.accept().is_ok()
            }
            SocketAddrUse::UdpReceive => self.guard.ask(&receive(Udp)).is_ok(),
        }
    }
}

/// Whether the address is that of somebody else.
const fn is_to_peer(purpose: SocketAddrUse) -> bool {
    use SocketAddrUse::{TcpConnect, UdpReceive, UdpSend};
    matches!(purpose, TcpConnect | UdpSend | UdpReceive)
}

#[cfg(test)]
mod tests;
