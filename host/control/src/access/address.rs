//! What addresses say of who is there: the name in `Host` and in an origin, and where a peer comes from. The servers of
//! tenants go by the same.

use std::net::{IpAddr, Ipv6Addr};

/// Whether a host, as an address or a header names it, can only be this machine. A name is believed only if it is
/// `localhost`; an IPv6 address may be in brackets.
pub fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The host of `host:port`, where an IPv6 address is in brackets.
pub fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

/// What one owner of addresses has: of IPv6, a network of 64 bits.
pub fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        let here = [
            "localhost",
            "LocalHost",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ];
        assert!(here.iter().all(|host| is_loopback_host(host)));
        let elsewhere = [
            "",
            "localhost.example",
            "127.0.0.1.example",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
        ];
        assert!(!elsewhere.iter().any(|host| is_loopback_host(host)));
    }

    #[test]
    fn a_port_is_no_part_of_a_host() {
        let hosts = ["a:1", "a", "[::1]:1", "[::1]", "1.2.3.4:5"].map(host_of);
        assert_eq!(hosts, ["a", "a", "[::1]", "[::1]", "1.2.3.4"]);
    }

    #[test]
    fn one_owner_of_addresses_is_one_network() {
        let of = |peer: &str| network(peer.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
