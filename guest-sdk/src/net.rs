//! Addresses and errors that TCP and UDP share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::bindings::wasi::sockets::ip_name_lookup as lookup;
use crate::bindings::wasi::sockets::types::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use crate::error::{Error, Result};
use crate::sys::sockets;

/// What `"host:port"` stands for. A literal address is not looked up.
pub(crate) async fn resolve(address: &str) -> Result<Vec<SocketAddr>> {
    if let Ok(address) = address.parse() {
        return Ok(vec![address]);
    }
    let wrong = || Error::invalid_input(format!("{address:?} is not \"host:port\""));
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let found = sockets::resolve_addresses(host.to_owned()).await;
    let found = found.map_err(|error| lookup_error(host, error))?;
    if found.is_empty() {
        return Err(Error::unavailable(format!("{host:?} has no address")));
    }
    Ok(found
        .into_iter()
        .map(|ip| SocketAddr::new(ip_addr(ip), port))
        .collect())
}

fn lookup_error(host: &str, error: lookup::ErrorCode) -> Error {
    use lookup::ErrorCode as Code;
    match error {
        Code::AccessDenied => Error::denied(format!(
            "looking up {host:?} was denied; the grant `sockets` has to name it"
        )),
        Code::InvalidArgument => Error::invalid_input(format!("{host:?} is not a host name")),
        Code::Other(Some(text)) => Error::unavailable(text),
        Code::NameUnresolvable => Error::unavailable(format!("there is no host {host:?}")),
        other => Error::unavailable(format!("{host:?} could not be looked up: {other:?}")),
    }
}

/// Without a place; the caller knows what was being done and to whom.
impl From<ErrorCode> for Error {
    fn from(error: ErrorCode) -> Self {
        match error {
            ErrorCode::AccessDenied => {
                Self::denied("denied; the grant `sockets` does not cover it")
            }
            ErrorCode::InvalidArgument | ErrorCode::DatagramTooLarge => {
                Self::invalid_input(name(&error))
            }
            ErrorCode::AddressInUse | ErrorCode::OutOfMemory => Self::busy(name(&error)),
            ErrorCode::NotSupported | ErrorCode::InvalidState => Self::internal(name(&error)),
            ErrorCode::Other(Some(text)) => Self::unavailable(text),
            _ => Self::unavailable(name(&error)),
        }
    }
}

fn name(error: &ErrorCode) -> &'static str {
    match error {
        ErrorCode::AccessDenied => "access denied",
        ErrorCode::NotSupported => "not supported",
        ErrorCode::InvalidArgument => "the address or the setting is not valid here",
        ErrorCode::OutOfMemory => "too many sockets or too much memory in use",
        ErrorCode::Timeout => "the other side did not answer in time",
        ErrorCode::InvalidState => "the socket is not in a state for this",
        ErrorCode::AddressNotBindable => "this address is not one of this machine's",
        ErrorCode::AddressInUse => "the address is in use",
        ErrorCode::RemoteUnreachable => "the other side cannot be reached",
        ErrorCode::ConnectionRefused => "connection refused: nobody listens there",
        ErrorCode::ConnectionBroken => "the connection broke",
        ErrorCode::ConnectionReset => "the other side reset the connection",
        ErrorCode::ConnectionAborted => "the connection was aborted",
        ErrorCode::DatagramTooLarge => "the datagram is too large",
        ErrorCode::Other(_) => "the socket failed",
    }
}

pub(crate) fn family(address: SocketAddr) -> IpAddressFamily {
    if address.is_ipv4() {
        IpAddressFamily::Ipv4
    } else {
        IpAddressFamily::Ipv6
    }
}

fn ip_addr(ip: IpAddress) -> IpAddr {
    match ip {
        IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(a, b, c, d).into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => Ipv6Addr::new(a, b, c, d, e, f, g, h).into(),
    }
}

pub(crate) fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(v4) => {
            let [a, b, c, d] = v4.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port: v4.port(),
                address: (a, b, c, d),
            })
        }
        SocketAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: v6.port(),
                flow_info: v6.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: v6.scope_id(),
            })
        }
    }
}

pub(crate) fn from_wasi(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(v4) => {
            let (a, b, c, d) = v4.address;
            SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), v4.port).into()
        }
        IpSocketAddress::Ipv6(v6) => {
            let (a, b, c, d, e, f, g, h) = v6.address;
            let ip = Ipv6Addr::new(a, b, c, d, e, f, g, h);
            SocketAddrV6::new(ip, v6.port, v6.flow_info, v6.scope_id).into()
        }
    }
}
