//! The one place that decides whether a worker may do something.
//!
//! [`decide`] is pure: everything it needs comes in, so that a decision can be tested, explained
//! and repeated. The order is always the same: is anything granted, is this target, is this use of
//! it. Using up a budget is never a denial.

use std::net::{IpAddr, SocketAddr};

use super::access::{Access, Denial, DenyReason, Request};
use super::address::Special;
use super::grant::{DataGrant, Direction, HttpGrant, Protocol, Scheme, SocketsGrant};
use super::pattern::LOCALHOST;
use super::{Capability, Granted, address};
use crate::limits::MAX_SHOWN_CHARS;
use crate::text;

const OWN: &str = "the host itself listens there, and no grant can allow that";

/// A denial that no grant would change.
fn unfixable(denial: Denial) -> Denial {
    let fix = String::new();
    Denial { fix, ..denial }
}

/// Whether `granted` allows `access`.
///
/// # Errors
/// When it does not: the denial says why, and which grant is missing.
pub fn decide(granted: &Granted, access: &Access<'_>) -> Result<(), Denial> {
    match *access {
        Access::Serial { name, baud_rate } => serial(granted, name, baud_rate),
        Access::Files { path, write } => files(granted, path, write),
        Access::Lookup { name } => lookup(granted, name),
        Access::Resolved { name, address } => resolved(granted, name, address),
        Access::Connect {
            protocol,
            peer,
            names,
        } => connect(granted, protocol, peer, names),
        Access::Bind {
            protocol,
            local,
            listen,
        } => bind(granted, protocol, local, listen),
        Access::Receive {
            protocol,
            peer,
            names,
        } => receive(granted, protocol, peer, names),
        Access::Request(request) => http(granted, &request),
        Access::RequestTo { request, address } => http_to(granted, &request, address),
        Access::Secret { request, name } => secret(granted, &request, name),
    }
}

fn serial(granted: &Granted, name: &str, baud_rate: u32) -> Result<(), Denial> {
    let deny = |reason, why: &str| Denial {
        capability: Capability::Serial,
        reason,
        what: format!("opening the serial port `{}`: {why}", shown(name)),
        fix: format!(
            "[[serial]] name = {} device = \"/dev/…\" baud-rates = [{baud_rate}]",
            quoted(name)
        ),
    };
    if granted.serial.is_empty() {
        return Err(deny(DenyReason::NotGranted, "no serial port is granted"));
    }
    match granted.serial.iter().find(|grant| grant.name == name) {
        None => Err(deny(DenyReason::NameNotGranted, "no grant has this name")),
        Some(grant) if !grant.allows(baud_rate) => Err(deny(
            DenyReason::BaudRateNotGranted,
            &format!("{baud_rate} baud is not among the granted rates"),
        )),
        Some(_) => Ok(()),
    }
}

fn files(granted: &Granted, path: &str, write: bool) -> Result<(), Denial> {
    let what = |why: &str| {
        let doing = if write { "changing" } else { "reading" };
        format!("{doing} `{}`: {why}", shown(path))
    };
    let deny = |reason, why: &str| Denial {
        capability: Capability::Files,
        reason,
        what: what(why),
        fix: format!(
            "[[files]] host = \"/…\" guest = {} mode = \"{}\"",
            quoted(path),
            if write { "rw" } else { "ro" }
        ),
    };
    let is_own = granted.data.is_some() && DataGrant::allows(path);
    if is_own || granted.files.iter().any(|grant| grant.allows(path, write)) {
        Ok(())
    } else if granted.files.iter().any(|grant| grant.allows(path, false)) {
        Err(deny(DenyReason::ReadOnly, "it is granted for reading only"))
    } else if DataGrant::allows(path) {
        Err(Denial {
            capability: Capability::Data,
            reason: DenyReason::NotGranted,
            what: what("no folder of its own is granted"),
            fix: "[data] quota = \"16 MiB\"".to_owned(),
        })
    } else if granted.files.is_empty() && granted.data.is_none() {
        Err(deny(DenyReason::NotGranted, "no directory is granted"))
    } else {
        Err(deny(
            DenyReason::PathNotGranted,
            "no granted directory contains it",
        ))
    }
}

fn lookup(granted: &Granted, name: &str) -> Result<(), Denial> {
    if to_connect(granted).any(|rule| rule.host.matches_name(name)) {
        return Ok(());
    }
    let none = to_connect(granted).next().is_none();
    Err(Denial {
        capability: Capability::Sockets,
        reason: if none {
            DenyReason::NotGranted
        } else {
            DenyReason::NameNotGranted
        },
        what: format!("looking up `{}`: no grant names this host", shown(name)),
        fix: socket_fix("tcp", Direction::Connect, name, None),
    })
}

fn resolved(granted: &Granted, name: &str, ip: IpAddr) -> Result<(), Denial> {
    let names = [name.to_owned()];
    if to_connect(granted).any(|rule| rule.reaches(ip, &names)) {
        return Ok(());
    }
    let (reason, why) = match address::special(ip) {
        _ if to_connect(granted).next().is_none() => (
            DenyReason::NotGranted,
            "nothing of the kind is granted".to_owned(),
        ),
        Some(kind) => {
            let why = format!("that is {}, and no grant names it itself", kind.label());
            (DenyReason::SpecialAddress, why)
        }
        None => (
            DenyReason::HostNotGranted,
            "no grant names this host".to_owned(),
        ),
    };
    Err(Denial {
        capability: Capability::Sockets,
        reason,
        what: format!("looking up `{}`, which leads to {ip}: {why}", shown(name)),
        fix: socket_fix(
            "tcp",
            Direction::Connect,
            &address::unwrap(ip).to_string(),
            None,
        ),
    })
}

fn to_connect(granted: &Granted) -> impl Iterator<Item = &SocketsGrant> {
    granted
        .sockets
        .iter()
        .filter(|rule| rule.direction == Direction::Connect)
}

fn connect(
    granted: &Granted,
    protocol: Protocol,
    peer: SocketAddr,
    names: &[String],
) -> Result<(), Denial> {
    let verb = match protocol {
        Protocol::Tcp => "connecting to",
        Protocol::Udp => "sending to",
    };
    let matches_port = |rule: &&SocketsGrant| rule.allows_port(peer.port());
    let target = Target {
        verb,
        protocol,
        direction: Direction::Connect,
        address: peer,
        names,
    };
    target.check(granted, matches_port)
}

fn bind(
    granted: &Granted,
    protocol: Protocol,
    local: SocketAddr,
    listen: bool,
) -> Result<(), Denial> {
    // Whoever may connect needs a local port for it, which the system chooses.
    let implicit = !listen && local.ip().is_unspecified() && local.port() == 0;
    if implicit
        && granted
            .sockets
            .iter()
            .any(|rule| rule.is_for(protocol, Direction::Connect))
    {
        return Ok(());
    }
    let matches_port = |rule: &&SocketsGrant| {
        // A port that was asked for was checked when it was bound; a socket that got a free port
        // listens on one that no rule could name.
        rule.allows_port(local.port()) || (listen && rule.allows_port(0))
    };
    let verb = if listen { "listening on" } else { "binding" };
    let target = Target {
        verb,
        protocol,
        direction: Direction::Bind,
        address: local,
        names: &[],
    };
    target.check(granted, matches_port)
}

fn receive(
    granted: &Granted,
    protocol: Protocol,
    peer: SocketAddr,
    names: &[String],
) -> Result<(), Denial> {
    // Whoever may be reached takes what comes; whoever only connects takes answers, and those come as
    // datagrams: a connection that comes in is no answer.
    if granted
        .sockets
        .iter()
        .any(|rule| rule.is_for(protocol, Direction::Bind))
    {
        return Ok(());
    }
    let matches_port = |rule: &&SocketsGrant| rule.allows_port(peer.port());
    let verb = "receiving from";
    let direction = match protocol {
        Protocol::Tcp => Direction::Bind,
        Protocol::Udp => Direction::Connect,
    };
    let target = Target {
        verb,
        protocol,
        direction,
        address: peer,
        names,
    };
    target.check(granted, matches_port)
}

/// The far or near end of a socket, and what is about to be done with it.
struct Target<'a> {
    verb: &'a str,
    protocol: Protocol,
    direction: Direction,
    address: SocketAddr,
    names: &'a [String],
}

impl Target<'_> {
    fn check(
        &self,
        granted: &Granted,
        matches_port: impl Fn(&&SocketsGrant) -> bool,
    ) -> Result<(), Denial> {
        let ip = self.address.ip();
        let rules = || {
            granted
                .sockets
                .iter()
                .filter(|r| r.is_for(self.protocol, self.direction))
        };
        let mut reaching = rules()
            .filter(|rule| rule.reaches(ip, self.names))
            .peekable();
        if reaching.peek().is_some() {
            let is_tcp = self.protocol == Protocol::Tcp;
            return match reaching.find(|rule| matches_port(rule)) {
                // The rule names more than this address: a range, a name, a block.
                Some(_) if is_tcp && granted.guarded.is_own(self.address) => {
                    Err(unfixable(self.denial(DenyReason::HostPort, OWN)))
                }
                Some(_) => Ok(()),
                None => Err(self.denial(DenyReason::PortNotGranted, "the port is not granted")),
            };
        }
        match (rules().next(), address::special(ip)) {
            (None, _) => Err(self.denial(DenyReason::NotGranted, "nothing of the kind is granted")),
            (Some(_), Some(kind)) => Err(self.denial(
                DenyReason::SpecialAddress,
                &format!("it is {}, and no grant names it itself", kind.label()),
            )),
            (Some(_), None) => {
                Err(self.denial(DenyReason::HostNotGranted, "no grant names this host"))
            }
        }
    }

    fn denial(&self, reason: DenyReason, why: &str) -> Denial {
        let Self {
            verb,
            protocol,
            address,
            ..
        } = self;
        let protocol = protocol.label();
        let host = match self.names.first() {
            Some(name) if reason != DenyReason::SpecialAddress => name.clone(),
            _ => address::unwrap(address.ip()).to_string(),
        };
        Denial {
            capability: Capability::Sockets,
            reason,
            what: format!("{verb} {protocol} {address}: {why}"),
            fix: socket_fix(protocol, self.direction, &host, Some(address.port())),
        }
    }
}

fn socket_fix(protocol: &str, direction: Direction, host: &str, port: Option<u16>) -> String {
    let direction = match direction {
        Direction::Connect => "connect",
        Direction::Bind => "bind",
    };
    let ports = port.map_or_else(|| "…".to_owned(), |port| port.to_string());
    format!(
        "[[sockets]] protocol = \"{protocol}\" direction = \"{direction}\" host = {} \
         ports = [{ports}]",
        quoted(host)
    )
}

fn http(granted: &Granted, request: &Request<'_>) -> Result<(), Denial> {
    let deny = |reason, why: &str| http_denial(request, request.host, reason, why);
    if granted.http.is_empty() {
        return Err(deny(DenyReason::NotGranted, "no server is granted"));
    }
    let address = request.host.parse::<IpAddr>().ok();
    let rules = granted.http.iter();
    let mut of_host = rules.filter(|rule| rule.is_about(request.host)).peekable();
    if of_host.peek().is_none() {
        return Err(match address.and_then(address::special) {
            Some(kind) => deny(
                DenyReason::SpecialAddress,
                &format!("it is {}, and no grant names it itself", kind.label()),
            ),
            None => deny(DenyReason::HostNotGranted, "no grant names this server"),
        });
    }
    let mut of_port = of_host
        .filter(|rule| rule.allows_port(request.scheme, request.port))
        .peekable();
    if of_port.peek().is_none() {
        return Err(deny(
            DenyReason::PortNotGranted,
            "this scheme and port are not granted",
        ));
    }
    match of_port.find(|rule| rule.allows_method(request.method)) {
        Some(_) => Ok(()),
        None => Err(deny(
            DenyReason::MethodNotGranted,
            "the method is not granted",
        )),
    }
}

fn http_to(granted: &Granted, request: &Request<'_>, ip: IpAddr) -> Result<(), Denial> {
    http(granted, request)?;
    if granted.guarded.is_own(SocketAddr::new(ip, request.port)) {
        let denial = http_denial(request, request.host, DenyReason::HostPort, OWN);
        return Err(unfixable(denial));
    }
    let Some(kind) = address::special(ip) else {
        return Ok(());
    };
    let mut rules = granted.http.iter().filter(|rule| {
        rule.allows_port(request.scheme, request.port) && rule.allows_method(request.method)
    });
    if rules.any(|rule| rule.host.reaches(ip)) {
        return Ok(());
    }
    let why = format!(
        "it leads to {ip}, {}, and no grant names that itself",
        kind.label()
    );
    let host = if request.host == LOCALHOST {
        request.host
    } else {
        &ip.to_string()
    };
    Err(http_denial(request, host, DenyReason::SpecialAddress, &why))
}

/// A secret goes only where a grant that allows the request by itself names it.
fn secret(granted: &Granted, request: &Request<'_>, name: &str) -> Result<(), Denial> {
    http(granted, request)?;
    let deny = |reason, why: &str| Denial {
        capability: Capability::Http,
        reason,
        what: format!(
            "the secret `{}` for {} {}://{}:{}: {why}",
            shown(name),
            shown(request.method),
            request.scheme.label(),
            shown(request.host),
            request.port
        ),
        fix: format!(
            "{} secrets = [{}]",
            http_fix(request, request.host),
            quoted(name)
        ),
    };
    let names_it = |rule: &&HttpGrant| {
        rule.is_about(request.host)
            && rule.allows_port(request.scheme, request.port)
            && rule.allows_method(request.method)
            && rule.secrets.iter().any(|own| own == name)
    };
    if !granted.http.iter().any(|rule| names_it(&rule)) {
        let why = "it is not there, or no grant that allows this names it";
        return Err(deny(DenyReason::SecretNotGranted, why));
    }
    let stays_here = || {
        let address = request.host.parse::<IpAddr>();
        let is_loopback = |address| address::special(address) == Some(Special::Loopback);
        request.host == LOCALHOST || address.is_ok_and(is_loopback)
    };
    if request.scheme == Scheme::Http && !stays_here() {
        let why = "everybody on the way could read it; use https";
        return Err(unfixable(deny(DenyReason::SecretInClear, why)));
    }
    Ok(())
}

fn http_denial(request: &Request<'_>, fix: &str, reason: DenyReason, why: &str) -> Denial {
    let Request {
        scheme,
        host,
        port,
        method,
    } = request;
    let scheme = scheme.label();
    Denial {
        capability: Capability::Http,
        reason,
        what: format!("{} {scheme}://{}:{port}: {why}", shown(method), shown(host)),
        fix: http_fix(request, fix),
    }
}

fn http_fix(request: &Request<'_>, host: &str) -> String {
    let (scheme, port) = (request.scheme.label(), request.port);
    format!(
        "[[http]] host = {} scheme = \"{scheme}\" ports = [{port}] methods = [{}]",
        quoted(host),
        quoted(request.method)
    )
}

/// Words of a guest, for one line of a log.
fn shown(text: &str) -> String {
    text::spelled(text, MAX_SHOWN_CHARS)
}

/// The same as a TOML string.
fn quoted(text: &str) -> String {
    format!("{:?}", shown(text))
}

#[cfg(test)]
mod tests;
