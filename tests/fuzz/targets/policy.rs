//! Policies: read, written, and what they come to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use external_worker_host::limits;
use external_worker_host::policy::access::Request;
use external_worker_host::policy::address::{self, Block};
use external_worker_host::policy::grant::{Direction, Protocol, Scheme, UsbId};
use external_worker_host::policy::pattern::{HostPattern, PortPattern, normal_name};
use external_worker_host::policy::{Access, Capability, Granted, Policy, PolicyError, decide};

use super::{readable, readable_line};

/// The text of a policy; its first line is tried as a host, a port, a block and a USB device, too.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    patterns(text.lines().next().unwrap_or_default());
    match Policy::parse(text, "fuzzed") {
        Ok(policy) => {
            let written = toml::to_string(&policy).unwrap();
            let again = Policy::parse(&written, "written").unwrap();
            assert_eq!(again, policy, "{written}");
            decisions(&policy);
        }
        Err(PolicyError::Wrong { problem, .. }) => {
            readable_line(&problem, 2 * limits::MAX_TEXT_BYTES);
        }
        Err(other) => panic!("{other}"),
    }
}

fn patterns(text: &str) {
    if let Ok(host) = text.parse::<HostPattern>() {
        assert_eq!(host.to_string().parse().as_ref(), Ok(&host));
    }
    if let Ok(ports) = text.parse::<PortPattern>() {
        let written = ports.to_string();
        assert_eq!(written.trim_matches('"').parse().as_ref(), Ok(&ports));
    }
    if let Ok(block) = text.parse::<Block>() {
        assert_eq!(block.to_string().parse().as_ref(), Ok(&block));
        assert!(block.covers(&block));
    }
    if let Ok(usb) = text.parse::<UsbId>() {
        assert_eq!(usb.to_string().parse().as_ref(), Ok(&usb));
    }
    if let Some(name) = normal_name(text) {
        assert_eq!(normal_name(&name).as_ref(), Some(&name));
        assert!(name.parse::<IpAddr>().is_err(), "{name}");
    }
}

/// Addresses that rules may be about, special ones above all.
fn addresses(granted: &Granted) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "8.8.8.8",
        "::",
        "::1",
        "2606:4700::1111",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00:ec2::254",
        "fe80::1",
    ]
    .iter()
    .map(|address| address.parse().unwrap())
    .collect();
    for grant in &granted.sockets {
        let host = grant.host.to_string();
        let first = host.split('/').next().unwrap_or_default();
        all.extend(first.parse::<IpAddr>());
    }
    all
}

fn decisions(policy: &Policy) {
    let granted = policy.granted(Capability::ALL);
    for grant in &granted.serial {
        for baud_rate in [0, 1, 9600, u32::MAX] {
            let name = &grant.name;
            put(&granted, Access::Serial { name, baud_rate }, |granted| {
                let mut named = granted.serial.iter().filter(|grant| grant.name == *name);
                named.any(|grant| grant.allows(baud_rate))
            });
        }
    }
    for grant in &granted.files {
        for path in [
            grant.guest.clone(),
            format!("{}/x", grant.guest),
            format!("{}x", grant.guest),
        ] {
            for write in [false, true] {
                put(&granted, Access::Files { path: &path, write }, |granted| {
                    granted.files.iter().any(|grant| grant.allows(&path, write))
                });
            }
        }
    }
    for address in addresses(&granted) {
        sockets(&granted, address);
    }
    for grant in &granted.http {
        let host = grant.host.to_string();
        for (port, method) in [(80, "GET"), (443, "DELETE"), (1, "\u{1b}[2J")] {
            let request = Request {
                scheme: Scheme::Https,
                host: &host,
                port,
                method,
            };
            put(&granted, Access::Request(request), |granted| {
                !granted.http.is_empty()
            });
            let names = granted.http.iter().flat_map(|grant| &grant.secrets);
            for name in names.map(String::as_str).chain(["none"]) {
                put(&granted, Access::Secret { request, name }, |granted| {
                    let mut grants = granted.http.iter();
                    grants.any(|grant| {
                        grant.is_about(&host) && grant.secrets.iter().any(|own| own == name)
                    })
                });
            }
        }
    }
}

fn sockets(granted: &Granted, address: IpAddr) {
    let names: Vec<String> = granted
        .sockets
        .iter()
        .map(|it| it.host.to_string())
        .collect();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for port in [0, 1, 53, 443, 6379, u16::MAX] {
            let connect = |address: IpAddr| Access::Connect {
                protocol,
                peer: SocketAddr::new(address, port),
                names: &names,
            };
            let is_special = address::special(address).is_some();
            let verdict = put(granted, connect(address), |granted| {
                granted.sockets.iter().any(|grant| {
                    grant.is_for(protocol, Direction::Connect)
                        && grant.allows_port(port)
                        // A name that leads inside gives nothing; only a rule that names it does.
                        && (!is_special || grant.host.reaches(address))
                })
            });
            if let IpAddr::V4(v4) = address {
                for other in spellings(v4) {
                    assert_eq!(put(granted, connect(other), |_| true), verdict, "{other}");
                }
            }
            let local = SocketAddr::new(address, port);
            let bind = Access::Bind {
                protocol,
                local,
                listen: false,
            };
            put(granted, bind, |granted| {
                // Whoever may connect needs a local port that the system chooses.
                let is_implicit = address.is_unspecified() && port == 0;
                granted.sockets.iter().any(|grant| {
                    is_implicit && grant.is_for(protocol, Direction::Connect)
                        || grant.is_for(protocol, Direction::Bind) && grant.allows_port(port)
                })
            });
        }
    }
}

fn spellings(v4: Ipv4Addr) -> [IpAddr; 2] {
    let [a, b, c, d] = v4.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    [
        IpAddr::V6(v4.to_ipv6_mapped()),
        IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low)),
    ]
}

/// Whether `access` is allowed, which it is only if `may` be, and never with nothing granted.
fn put(granted: &Granted, access: Access<'_>, may: impl Fn(&Granted) -> bool) -> bool {
    for granted in [granted, &Granted::default()] {
        match decide(granted, &access) {
            Ok(()) => {
                assert!(may(granted), "{access:?} is allowed");
                assert_ne!(*granted, Granted::default(), "{access:?}");
            }
            Err(denial) => {
                readable(&denial.to_string(), 4 * limits::MAX_TEXT_BYTES);
                assert!(!denial.reason.label().is_empty());
            }
        }
    }
    decide(granted, &access).is_ok()
}
