//! Network addresses as policies see them: which ones are special, and which spellings mean the
//! same host. A rule reaches a special address only when it names that kind of address itself.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Why an address is out of reach of rules that do not name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// Serves credentials of the machine in clouds.
    Metadata,
    /// The machine itself.
    Loopback,
    /// The same link only.
    LinkLocal,
    /// Private networks.
    Private,
    /// Carrier-grade address translation.
    SharedNat,
    /// No address at all: to bind everywhere, or, when connecting, the machine itself.
    Unspecified,
    /// Many machines at once.
    Multicast,
    /// Everything else that is not one machine on the internet.
    Reserved,
}

impl Special {
    /// The word for it in sentences.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Metadata => "a cloud metadata address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Private => "a private address",
            Self::SharedNat => "a carrier-grade NAT address",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast or broadcast address",
            Self::Reserved => "a reserved address",
        }
    }
}

/// A block of addresses, such as `10.0.0.0/8`; a lone address is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    network: IpAddr,
    prefix: u8,
}

impl Block {
    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self {
            network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    const fn v6(segments: [u16; 8], prefix: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self {
            network: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)),
            prefix,
        }
    }

    /// The block of one address.
    pub const fn single(address: IpAddr) -> Self {
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        Self {
            network: address,
            prefix,
        }
    }

    /// The address, where the block is of one.
    pub fn lone(&self) -> Option<IpAddr> {
        (*self == Self::single(self.network)).then_some(self.network)
    }

    /// Whether `address` lies in the block. Addresses are compared as they are: see [`unwrap`].
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(self.prefix.into());
                (network.to_bits() ^ address.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(self.prefix.into());
                (network.to_bits() ^ address.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }

    /// Whether all of `other` lies in this block.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.network)
    }

    /// Whether the block is meant for addresses of the kind `special`, and not merely so big that
    /// some of them are in it.
    fn names(&self, special: Special) -> bool {
        SPECIAL
            .iter()
            .any(|(kind, block)| *kind == special && block.covers(self))
    }
}

impl FromStr for Block {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("`{text}` is not an address or a block"))?;
        let canonical = unwrap(address);
        if canonical != address {
            return Err(format!(
                "`{text}` is another spelling of {canonical}; write that"
            ));
        }
        let whole = Self::single(address);
        let Some(prefix) = prefix else {
            return Ok(whole);
        };
        let prefix = prefix
            .parse::<u8>()
            .ok()
            .filter(|prefix| *prefix <= whole.prefix)
            .ok_or_else(|| format!("`{text}`: the part after / has to be 0 to {}", whole.prefix))?;
        let block = Self {
            network: address,
            prefix,
        };
        if block.first() != address {
            let first = block.first();
            return Err(format!(
                "`{text}` has bits beyond its prefix; write {first}/{prefix}"
            ));
        }
        Ok(block)
    }
}

impl Block {
    fn first(&self) -> IpAddr {
        match self.network {
            IpAddr::V4(network) => {
                let shift = 32_u32.saturating_sub(self.prefix.into());
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(network.to_bits() & mask))
            }
            IpAddr::V6(network) => {
                let shift = 128_u32.saturating_sub(self.prefix.into());
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(network.to_bits() & mask))
            }
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::single(self.network) {
            write!(f, "{}", self.network)
        } else {
            write!(f, "{}/{}", self.network, self.prefix)
        }
    }
}

/// Whether all of `block` is this machine.
pub fn is_loopback(block: &Block) -> bool {
    block.names(Special::Loopback)
}

/// The special blocks, narrowest first: the first that contains an address says what it is.
const SPECIAL: &[(Special, Block)] = &[
    (Special::Metadata, Block::v4(169, 254, 169, 254, 32)),
    (Special::Metadata, Block::v4(169, 254, 170, 2, 32)),
    (Special::Metadata, Block::v4(100, 100, 100, 200, 32)),
    (Special::Metadata, Block::v4(192, 0, 0, 192, 32)),
    (Special::Metadata, Block::v4(168, 63, 129, 16, 32)),
    (
        Special::Metadata,
        Block::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    ),
    (
        Special::Metadata,
        Block::v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    ),
    (Special::Unspecified, Block::v4(0, 0, 0, 0, 32)),
    (Special::Unspecified, Block::v6([0; 8], 128)),
    (Special::Loopback, Block::v4(127, 0, 0, 0, 8)),
    (Special::Loopback, Block::v6([0, 0, 0, 0, 0, 0, 0, 1], 128)),
    (Special::LinkLocal, Block::v4(169, 254, 0, 0, 16)),
    (
        Special::LinkLocal,
        Block::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    ),
    (Special::Private, Block::v4(10, 0, 0, 0, 8)),
    (Special::Private, Block::v4(172, 16, 0, 0, 12)),
    (Special::Private, Block::v4(192, 168, 0, 0, 16)),
    (
        Special::Private,
        Block::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    ),
    (
        Special::Private,
        Block::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    ),
    (Special::SharedNat, Block::v4(100, 64, 0, 0, 10)),
    (Special::Multicast, Block::v4(224, 0, 0, 0, 4)),
    (Special::Multicast, Block::v4(255, 255, 255, 255, 32)),
    (
        Special::Multicast,
        Block::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    ),
    (Special::Reserved, Block::v4(0, 0, 0, 0, 8)),
    (Special::Reserved, Block::v4(192, 0, 0, 0, 24)),
    (Special::Reserved, Block::v4(192, 0, 2, 0, 24)),
    (Special::Reserved, Block::v4(192, 88, 99, 0, 24)),
    (Special::Reserved, Block::v4(198, 18, 0, 0, 15)),
    (Special::Reserved, Block::v4(198, 51, 100, 0, 24)),
    (Special::Reserved, Block::v4(203, 0, 113, 0, 24)),
    (Special::Reserved, Block::v4(240, 0, 0, 0, 4)),
    // Forms that carry an IPv4 address which cannot be read off safely.
    (
        Special::Reserved,
        Block::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    ),
    (
        Special::Reserved,
        Block::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ),
    (
        Special::Reserved,
        Block::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ),
    (
        Special::Reserved,
        Block::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    ),
    (
        Special::Reserved,
        Block::v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16),
    ),
    (
        Special::Reserved,
        Block::v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    ),
    (Special::Reserved, Block::v6([0; 8], 8)),
];

/// What kind of special address this is, if it is one.
pub fn special(address: IpAddr) -> Option<Special> {
    let address = unwrap(address);
    SPECIAL
        .iter()
        .find(|(_, block)| block.contains(address))
        .map(|(kind, _)| *kind)
}

/// Whether a rule for `block` reaches `address`.
pub fn reaches(block: &Block, address: IpAddr) -> bool {
    let address = unwrap(address);
    block.contains(address) && special(address).is_none_or(|kind| block.names(kind))
}

/// The address that is meant: IPv4 addresses inside IPv6 ones (mapped, compatible, NAT64, 6to4 and
/// ISATAP) come out, everything else stays.
pub fn unwrap(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let from = |high: u16, low: u16| {
        let bits = (u32::from(high) << 16) | u32::from(low);
        IpAddr::V4(Ipv4Addr::from_bits(bits))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => from(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => from(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_ipv4_address_has_one_meaning_however_it_is_wrapped() {
        for v4 in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "8.8.8.8",
            "0.0.0.0",
        ] {
            let IpAddr::V4(inner) = ip(v4) else {
                unreachable!()
            };
            let [a, b, c, d] = inner.octets();
            let spellings = [
                format!("::ffff:{v4}"),
                format!("::ffff:0:{v4}"),
                format!("64:ff9b::{v4}"),
                format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
                format!("fe80::5efe:{v4}"),
                format!("2a00:1::200:5efe:{v4}"),
            ];
            for spelling in spellings {
                assert_eq!(unwrap(ip(&spelling)), ip(v4), "{spelling}");
                assert_eq!(special(ip(&spelling)), special(ip(v4)), "{spelling}");
            }
        }
        assert_eq!(unwrap(ip("::7f00:1")), ip("127.0.0.1"));
        assert_eq!(unwrap(ip("::1")), ip("::1"));
        assert_eq!(unwrap(ip("::")), ip("::"));
    }

    #[test]
    fn special_addresses_are_known() {
        let table = [
            ("169.254.169.254", Special::Metadata),
            ("fd00:ec2::254", Special::Metadata),
            ("127.255.255.255", Special::Loopback),
            ("::1", Special::Loopback),
            ("169.254.0.1", Special::LinkLocal),
            ("fe80::1", Special::LinkLocal),
            ("172.31.255.255", Special::Private),
            ("192.168.0.1", Special::Private),
            ("fdff::1", Special::Private),
            ("100.64.0.1", Special::SharedNat),
            ("0.0.0.0", Special::Unspecified),
            ("::", Special::Unspecified),
            ("0.1.2.3", Special::Reserved),
            ("239.1.1.1", Special::Multicast),
            ("255.255.255.255", Special::Multicast),
            ("ff02::1", Special::Multicast),
            ("2001::1", Special::Reserved),
            ("64:ff9b:1::1", Special::Reserved),
        ];
        for (address, kind) in table {
            assert_eq!(special(ip(address)), Some(kind), "{address}");
        }
        for public in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "1.1.1.1",
        ] {
            assert_eq!(special(ip(public)), None, "{public}");
        }
    }

    #[test]
    fn a_block_reaches_special_addresses_only_when_it_is_made_for_them() {
        let table = [
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "127.0.0.1", false),
            ("0.0.0.0/0", "10.0.0.1", false),
            ("0.0.0.0/0", "0.0.0.0", false),
            ("::/0", "::1", false),
            ("::/0", "2606:4700::1111", true),
            ("::/0", "::ffff:8.8.8.8", false),
            ("10.0.0.0/8", "10.9.9.9", true),
            ("10.0.0.0/8", "64:ff9b::10.9.9.9", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("8.0.0.0/6", "10.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("169.254.0.0/16", "169.254.1.1", true),
            ("169.254.0.0/16", "169.254.169.254", false),
            ("169.254.169.254", "169.254.169.254", true),
            ("fd00::/8", "fd00:ec2::254", false),
            ("fd00:ec2::254", "fd00:ec2::254", true),
            ("0.0.0.0", "0.0.0.0", true),
            ("0.0.0.0/8", "0.0.0.0", false),
        ];
        for (block, address, expected) in table {
            let block: Block = block.parse().unwrap();
            assert_eq!(reaches(&block, ip(address)), expected, "{block} {address}");
        }
    }

    #[test]
    fn blocks_are_refused_when_they_do_not_mean_what_they_say() {
        for wrong in [
            "10.0.0.1/8",
            "10.0.0.0/33",
            "::ffff:10.0.0.0/104",
            "10.0.0",
            "::/129",
            "1/2",
        ] {
            wrong.parse::<Block>().unwrap_err();
        }
        for fine in ["10.0.0.0/8", "::1", "0.0.0.0/0", "fe80::/10", "1.2.3.4/32"] {
            fine.parse::<Block>().unwrap();
        }
    }

    /// Every prefix of every block contains exactly the addresses that agree with it in that many
    /// bits, so no shift is off by one.
    #[test]
    fn a_block_contains_what_shares_its_prefix() {
        let base = u32::from_be_bytes([203, 14, 77, 201]);
        for prefix in 0..=32_u8 {
            let network = Block {
                network: IpAddr::V4(Ipv4Addr::from_bits(base)),
                prefix,
            };
            for bit in 0..32_u8 {
                let other = IpAddr::V4(Ipv4Addr::from_bits(base ^ (1 << (31 - bit))));
                assert_eq!(
                    network.contains(other),
                    bit >= prefix,
                    "/{prefix} bit {bit}"
                );
            }
        }
    }
}
