//! What a worker may be about to do, and why it may not: the question and the answer of
//! [`decide`](super::decide()).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::Capability;
use super::grant::{Protocol, Scheme};

/// Something that a worker is about to do.
#[derive(Debug, Clone, Copy, Hash)]
pub enum Access<'a> {
    /// Open a serial port, or change the rate of an open one.
    Serial {
        /// The port's granted name.
        name: &'a str,
        /// The rate that it asks for.
        baud_rate: u32,
    },
    /// Reach a file.
    Files {
        /// Its absolute path, as the worker sees it.
        path: &'a str,
        /// Whether something may change.
        write: bool,
    },
    /// Look a host name up.
    Lookup {
        /// The name, in its normal spelling.
        name: &'a str,
    },
    /// Learn an address that a name was resolved to.
    Resolved {
        /// The name, or the address itself where that was asked for.
        name: &'a str,
        /// The address.
        address: IpAddr,
    },
    /// Connect over TCP, or send over UDP.
    Connect {
        /// Which protocol.
        protocol: Protocol,
        /// To whom.
        peer: SocketAddr,
        /// Names that were resolved to this address for this instance.
        names: &'a [String],
    },
    /// Bind a socket to an address, or listen there.
    Bind {
        /// Which protocol.
        protocol: Protocol,
        /// Where.
        local: SocketAddr,
        /// Whether the socket only listens now, on the port that it got when it was bound.
        listen: bool,
    },
    /// Take what a peer sends of itself: a connection, or a datagram.
    Receive {
        /// Which protocol.
        protocol: Protocol,
        /// From whom.
        peer: SocketAddr,
        /// Names that were resolved to this address for this instance.
        names: &'a [String],
    },
    /// Send an HTTP request.
    Request(Request<'a>),
    /// Open the connection for an HTTP request, to an address that its host was resolved to.
    RequestTo {
        /// The request.
        request: Request<'a>,
        /// The address.
        address: IpAddr,
    },
    /// Have a secret filled into a header of an HTTP request.
    Secret {
        /// The request.
        request: Request<'a>,
        /// The name of the secret.
        name: &'a str,
    },
}

impl fmt::Display for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Serial { name, baud_rate } => {
                write!(f, "the serial port `{name}` at {baud_rate} baud")
            }
            Self::Files { path, write: true } => write!(f, "`{path}`, to write"),
            Self::Files { path, write: false } => write!(f, "`{path}`, to read"),
            Self::Lookup { name } => write!(f, "looking up `{name}`"),
            Self::Resolved { name, address } => write!(f, "`{name}` leads to {address}"),
            Self::Connect { protocol, peer, .. } => write!(f, "{} to {peer}", protocol.label()),
            Self::Bind {
                protocol,
                local,
                listen: true,
            } => write!(f, "listening for {} on {local}", protocol.label()),
            Self::Bind {
                protocol, local, ..
            } => write!(f, "{} at {local}", protocol.label()),
            Self::Receive { protocol, peer, .. } => write!(f, "{} from {peer}", protocol.label()),
            Self::Request(request) => request.fmt(f),
            Self::RequestTo { request, address } => write!(f, "{request}, at {address}"),
            Self::Secret { request, name } => write!(f, "the secret `{name}` for {request}"),
        }
    }
}

/// What counts of an HTTP request.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Request<'a> {
    /// Its scheme.
    pub scheme: Scheme,
    /// Its host: a name in its normal spelling, or an address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// Its method.
    pub method: &'a str,
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.label();
        write!(f, "{} {scheme}://{}:{}", self.method, self.host, self.port)
    }
}

/// Why something was denied. The labels are stable; nothing is ever renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyReason {
    /// Nothing of the kind is granted.
    NotGranted,
    /// No grant names the host.
    HostNotGranted,
    /// The host is granted, the port is not.
    PortNotGranted,
    /// The address is a special one, and no grant names it itself.
    SpecialAddress,
    /// The host is granted, the method is not.
    MethodNotGranted,
    /// The serial port is granted, the rate is not.
    BaudRateNotGranted,
    /// No grant has this name.
    NameNotGranted,
    /// No grant covers the path.
    PathNotGranted,
    /// The path is granted for reading only.
    ReadOnly,
    /// The host itself listens there.
    HostPort,
    /// No grant that allows the request names the secret, or there is none.
    SecretNotGranted,
    /// The secret would be sent without encryption.
    SecretInClear,
    /// The secret, or what stands in its place, cannot be in a header.
    SecretUnusable,
    /// A part of an answer that may have a secret in it.
    Range,
}

impl DenyReason {
    /// The stable name, for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotGranted => "not-granted",
            Self::HostNotGranted => "host-not-granted",
            Self::PortNotGranted => "port-not-granted",
            Self::SpecialAddress => "special-address",
            Self::MethodNotGranted => "method-not-granted",
            Self::BaudRateNotGranted => "baud-rate-not-granted",
            Self::NameNotGranted => "name-not-granted",
            Self::PathNotGranted => "path-not-granted",
            Self::ReadOnly => "read-only",
            Self::HostPort => "host-port",
            Self::SecretNotGranted => "secret-not-granted",
            Self::SecretInClear => "secret-in-clear",
            Self::SecretUnusable => "secret-unusable",
            Self::Range => "range",
        }
    }
}

/// The answer no, with what an operator can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which capability.
    pub capability: Capability,
    /// Why.
    pub reason: DenyReason,
    /// What was asked for and why not, as a sentence.
    pub what: String,
    /// The policy's lines that would allow it; empty: none would.
    pub fix: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.fix.as_str() {
            "" => Ok(()),
            fix => write!(f, "; to allow it, the policy needs: {fix}"),
        }
    }
}

impl std::error::Error for Denial {}
