//! Decisions, as tables.

use super::*;
use crate::policy::Policy;
use crate::policy::grant::Scheme;

fn granted(text: &str) -> Granted {
    Policy::parse(text, "test")
        .unwrap()
        .granted(Capability::ALL)
}

fn socket_rule(protocol: &str, direction: &str, host: &str, ports: &str) -> Granted {
    granted(&format!(
        "[[sockets]]\nprotocol = \"{protocol}\"\ndirection = \"{direction}\"\nhost = \"{host}\"\n\
         ports = [{ports}]\n"
    ))
}

fn connect_to(granted: &Granted, peer: &str, names: &[&str]) -> Result<(), DenyReason> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let peer = peer.parse().unwrap();
    let access = Access::Connect {
        protocol: Protocol::Tcp,
        peer,
        names: &names,
    };
    decide(granted, &access).map_err(|denial| denial.reason)
}

#[test]
fn nothing_is_allowed_without_a_grant() {
    let none = Granted::default();
    let peer = "8.8.8.8:53".parse().unwrap();
    let request = Request {
        scheme: Scheme::Https,
        host: "a.b",
        port: 443,
        method: "GET",
    };
    let accesses = [
        Access::Serial {
            name: "a",
            baud_rate: 9600,
        },
        Access::Files {
            path: "/srv",
            write: false,
        },
        Access::Lookup { name: "a.b" },
        Access::Connect {
            protocol: Protocol::Udp,
            peer,
            names: &[],
        },
        Access::Bind {
            protocol: Protocol::Tcp,
            local: peer,
            listen: false,
        },
        Access::Receive {
            protocol: Protocol::Udp,
            peer,
            names: &[],
        },
        Access::Request(request),
        Access::RequestTo {
            request,
            address: peer.ip(),
        },
    ];
    for access in accesses {
        let denial = decide(&none, &access).unwrap_err();
        let section = format!("[[{}]]", denial.capability.name());
        assert!(denial.fix.contains(&section), "{denial}");
        assert!(denial.to_string().contains(&denial.fix));
    }
}

#[test]
fn a_name_reaches_what_it_was_resolved_to_and_nothing_else() {
    let rule = socket_rule("tcp", "connect", "*.example.com", "6379");
    let table = [
        ("203.1.1.1:6379", &["db.example.com"][..], Ok(())),
        (
            "203.1.1.1:6380",
            &["db.example.com"],
            Err(DenyReason::PortNotGranted),
        ),
        ("203.1.1.1:6379", &[], Err(DenyReason::HostNotGranted)),
        (
            "203.1.1.1:6379",
            &["example.com"],
            Err(DenyReason::HostNotGranted),
        ),
        (
            "203.1.1.1:6379",
            &["other.net"],
            Err(DenyReason::HostNotGranted),
        ),
        (
            "10.0.0.1:6379",
            &["db.example.com"],
            Err(DenyReason::SpecialAddress),
        ),
        (
            "127.0.0.1:6379",
            &["db.example.com"],
            Err(DenyReason::SpecialAddress),
        ),
        (
            "[::ffff:127.0.0.1]:6379",
            &["db.example.com"],
            Err(DenyReason::SpecialAddress),
        ),
        (
            "[64:ff9b::a00:1]:6379",
            &["db.example.com"],
            Err(DenyReason::SpecialAddress),
        ),
        (
            "169.254.169.254:6379",
            &["db.example.com"],
            Err(DenyReason::SpecialAddress),
        ),
    ];
    for (peer, names, expected) in table {
        assert_eq!(connect_to(&rule, peer, names), expected, "{peer} {names:?}");
    }
}

/// No spelling of a special address is reached by a rule for everything.
#[test]
fn a_rule_for_everything_reaches_no_special_address() {
    let special = [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "172.16.0.1",
    ];
    for rule in ["*", "0.0.0.0/0", "::/0"] {
        let rule = socket_rule("tcp", "connect", rule, "\"*\"");
        for v4 in special {
            let octets = v4.parse::<std::net::Ipv4Addr>().unwrap().octets();
            let [a, b, c, d] = octets;
            let spellings = [
                format!("{v4}:80"),
                format!("[::ffff:{v4}]:80"),
                format!("[::{v4}]:80"),
                format!("[64:ff9b::{v4}]:80"),
                format!("[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::]:80"),
            ];
            for spelling in spellings {
                let Err(reason) = connect_to(&rule, &spelling, &[]) else {
                    panic!("{spelling} is reached");
                };
                assert_eq!(reason, DenyReason::SpecialAddress, "{spelling}");
            }
        }
        for v6 in [
            "[::1]:80",
            "[fe80::1]:80",
            "[fd00:ec2::254]:80",
            "[fc00::1]:80",
            "[ff02::1]:80",
        ] {
            assert_eq!(
                connect_to(&rule, v6, &[]),
                Err(DenyReason::SpecialAddress),
                "{v6}"
            );
        }
    }
}

#[test]
fn a_special_address_is_reached_when_it_is_named() {
    for (host, peer) in [
        ("127.0.0.1", "127.0.0.1:1"),
        ("127.0.0.1", "[::ffff:127.0.0.1]:1"),
        ("localhost", "127.0.0.1:1"),
        ("localhost", "[::1]:1"),
        ("10.0.0.0/8", "10.20.30.40:1"),
        ("169.254.169.254", "169.254.169.254:1"),
        ("fd00:ec2::254", "[fd00:ec2::254]:1"),
    ] {
        let rule = socket_rule("tcp", "connect", host, "1");
        assert_eq!(connect_to(&rule, peer, &[]), Ok(()), "{host} {peer}");
    }
}

#[test]
fn protocols_and_directions_are_kept_apart() {
    let tcp = socket_rule("tcp", "connect", "8.8.8.8", "53");
    let peer = "8.8.8.8:53".parse().unwrap();
    let udp = Access::Connect {
        protocol: Protocol::Udp,
        peer,
        names: &[],
    };
    assert_eq!(
        decide(&tcp, &udp).unwrap_err().reason,
        DenyReason::NotGranted
    );
    let bind = Access::Bind {
        protocol: Protocol::Tcp,
        local: peer,
        listen: false,
    };
    assert_eq!(
        decide(&tcp, &bind).unwrap_err().reason,
        DenyReason::NotGranted
    );
    let bound = socket_rule("both", "bind", "127.0.0.1", "53");
    assert_eq!(
        connect_to(&bound, "127.0.0.1:53", &[]),
        Err(DenyReason::NotGranted)
    );
}

#[test]
fn binding_takes_a_rule_for_the_own_address() {
    let bind = |granted: &Granted, local: &str, listen| {
        let access = Access::Bind {
            protocol: Protocol::Tcp,
            local: local.parse().unwrap(),
            listen,
        };
        decide(granted, &access).map_err(|denial| denial.reason)
    };
    let fixed = socket_rule("tcp", "bind", "127.0.0.1", "8080");
    assert_eq!(bind(&fixed, "127.0.0.1:8080", false), Ok(()));
    assert_eq!(bind(&fixed, "127.0.0.1:8080", true), Ok(()));
    assert_eq!(
        bind(&fixed, "127.0.0.1:0", false),
        Err(DenyReason::PortNotGranted)
    );
    assert_eq!(
        bind(&fixed, "0.0.0.0:8080", false),
        Err(DenyReason::SpecialAddress)
    );
    let free = socket_rule("tcp", "bind", "127.0.0.1", "0");
    assert_eq!(bind(&free, "127.0.0.1:0", false), Ok(()));
    assert_eq!(
        bind(&free, "127.0.0.1:40123", false),
        Err(DenyReason::PortNotGranted)
    );
    assert_eq!(bind(&free, "127.0.0.1:40123", true), Ok(()));
    let everywhere = socket_rule("tcp", "bind", "0.0.0.0", "\"*\"");
    assert_eq!(bind(&everywhere, "0.0.0.0:80", true), Ok(()));
    assert_eq!(
        bind(&everywhere, "127.0.0.1:80", true),
        Err(DenyReason::SpecialAddress)
    );
}

#[test]
fn connecting_brings_a_local_port_but_no_right_to_listen() {
    let rule = socket_rule("tcp", "connect", "8.8.8.8", "53");
    let any = "0.0.0.0:0".parse().unwrap();
    let access = |listen| Access::Bind {
        protocol: Protocol::Tcp,
        local: any,
        listen,
    };
    decide(&rule, &access(false)).unwrap();
    decide(&rule, &access(true)).unwrap_err();
    let udp = Access::Bind {
        protocol: Protocol::Udp,
        local: any,
        listen: false,
    };
    decide(&rule, &udp).unwrap_err();
}

#[test]
fn datagrams_come_from_granted_peers_or_from_all_when_binding_is_granted() {
    let receive = |granted: &Granted, peer: &str| {
        let peer = peer.parse().unwrap();
        decide(
            granted,
            &Access::Receive {
                protocol: Protocol::Udp,
                peer,
                names: &[],
            },
        )
        .is_ok()
    };
    let connect = socket_rule("udp", "connect", "8.8.8.8", "53");
    assert!(receive(&connect, "8.8.8.8:53"));
    assert!(!receive(&connect, "8.8.8.8:54"));
    assert!(!receive(&connect, "8.8.4.4:53"));
    let bind = socket_rule("udp", "bind", "127.0.0.1", "53");
    assert!(receive(&bind, "127.0.0.1:9999"));
}

fn ask(
    granted: &Granted,
    scheme: Scheme,
    host: &str,
    port: u16,
    method: &str,
) -> Result<(), DenyReason> {
    let access = Access::Request(Request {
        scheme,
        host,
        port,
        method,
    });
    decide(granted, &access).map_err(|denial| denial.reason)
}

#[test]
fn a_request_is_checked_for_host_port_and_method() {
    let rule = granted("[[http]]\nhost = \"api.example.com\"\nmethods = [\"GET\"]\n");
    let table = [
        (Scheme::Https, "api.example.com", 443, "GET", Ok(())),
        (Scheme::Http, "api.example.com", 80, "GET", Ok(())),
        (
            Scheme::Https,
            "api.example.com",
            443,
            "POST",
            Err(DenyReason::MethodNotGranted),
        ),
        (
            Scheme::Https,
            "api.example.com",
            80,
            "GET",
            Err(DenyReason::PortNotGranted),
        ),
        (
            Scheme::Https,
            "example.com",
            443,
            "GET",
            Err(DenyReason::HostNotGranted),
        ),
        (
            Scheme::Https,
            "127.0.0.1",
            443,
            "GET",
            Err(DenyReason::SpecialAddress),
        ),
        (
            Scheme::Https,
            "1.1.1.1",
            443,
            "GET",
            Err(DenyReason::HostNotGranted),
        ),
    ];
    for (scheme, host, port, method, expected) in table {
        assert_eq!(
            ask(&rule, scheme, host, port, method),
            expected,
            "{host}:{port} {method}"
        );
    }
}

#[test]
fn two_half_fitting_http_rules_do_not_make_a_whole_one() {
    let rules = granted(
        "[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]\n\
         [[http]]\nhost = \"b.example\"\nmethods = [\"POST\"]\nports = [8080]\n",
    );
    assert!(ask(&rules, Scheme::Https, "a.example", 443, "POST").is_err());
    assert!(ask(&rules, Scheme::Https, "b.example", 443, "GET").is_err());
    assert!(ask(&rules, Scheme::Http, "a.example", 8080, "GET").is_err());
    assert!(ask(&rules, Scheme::Http, "b.example", 8080, "POST").is_ok());
}

#[test]
fn a_server_that_resolves_to_a_special_address_is_not_reached() {
    let to = |granted: &Granted, host: &str, address: &str| {
        let request = Request {
            scheme: Scheme::Http,
            host,
            port: 80,
            method: "GET",
        };
        let access = Access::RequestTo {
            request,
            address: address.parse().unwrap(),
        };
        decide(granted, &access).map_err(|denial| denial.reason)
    };
    let by_name = granted("[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]\n");
    assert_eq!(to(&by_name, "a.example", "93.1.1.1"), Ok(()));
    for inside in [
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "::ffff:10.0.0.1",
        "169.254.169.254",
    ] {
        assert_eq!(
            to(&by_name, "a.example", inside),
            Err(DenyReason::SpecialAddress),
            "{inside}"
        );
    }
    let both = granted(
        "[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]\n\
         [[http]]\nhost = \"10.0.0.0/8\"\nmethods = [\"GET\"]\n",
    );
    assert_eq!(to(&both, "a.example", "10.0.0.1"), Ok(()));
    assert_eq!(
        to(&both, "a.example", "127.0.0.1"),
        Err(DenyReason::SpecialAddress)
    );
    let local = granted("[[http]]\nhost = \"localhost\"\nmethods = [\"GET\"]\n");
    assert_eq!(to(&local, "localhost", "127.0.0.1"), Ok(()));
    assert_eq!(
        to(&local, "localhost", "10.0.0.1"),
        Err(DenyReason::SpecialAddress)
    );
}

#[test]
fn a_secret_goes_only_where_a_grant_that_allows_the_request_names_it() {
    let rules = granted(
        "[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n\
         [[http]]\nhost = \"*.example\"\nmethods = [\"GET\", \"POST\"]\nports = [443, 8443]\n\
         [[http]]\nhost = \"*\"\nmethods = [\"*\"]\nsecrets = [\"other\"]\n\
         [[http]]\nhost = \"localhost\"\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n\
         [[http]]\nhost = \"127.0.0.0/8\"\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n\
         [[http]]\nhost = \"10.0.0.0/8\"\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n",
    );
    let to = |scheme, host, port, method, name| {
        let request = Request {
            scheme,
            host,
            port,
            method,
        };
        decide(&rules, &Access::Secret { request, name }).map_err(|denial| denial.reason)
    };
    use DenyReason::{SecretInClear, SecretNotGranted};
    use Scheme::{Http, Https};
    let table = [
        (Https, "a.example", 443, "GET", "key", Ok(())),
        (Https, "a.example", 443, "GET", "other", Ok(())),
        (Https, "a.example", 443, "GET", "KEY", Err(SecretNotGranted)),
        // Allowed, and by another grant.
        (
            Https,
            "a.example",
            443,
            "POST",
            "key",
            Err(SecretNotGranted),
        ),
        (
            Https,
            "a.example",
            8443,
            "GET",
            "key",
            Err(SecretNotGranted),
        ),
        (Https, "b.example", 443, "GET", "key", Err(SecretNotGranted)),
        (Http, "a.example", 80, "GET", "key", Err(SecretInClear)),
        (Http, "10.0.0.1", 80, "GET", "key", Err(SecretInClear)),
        (Https, "10.0.0.1", 443, "GET", "key", Ok(())),
        (Http, "localhost", 80, "GET", "key", Ok(())),
        (Http, "127.0.0.1", 80, "GET", "key", Ok(())),
        (
            Http,
            "localhost",
            80,
            "POST",
            "key",
            Err(DenyReason::MethodNotGranted),
        ),
    ];
    for (scheme, host, port, method, name, expected) in table {
        let answer = to(scheme, host, port, method, name);
        assert_eq!(answer, expected, "{method} {host}:{port} {name}");
    }
}

#[test]
fn a_denial_is_one_line_and_names_the_grant_even_for_hostile_text() {
    let name = "a\"\n\u{1b}[31m".repeat(1000);
    let denial = decide(
        &Granted::default(),
        &Access::Serial {
            name: &name,
            baud_rate: 1,
        },
    )
    .unwrap_err();
    let text = denial.to_string();
    assert!(
        text.len() < 2000 && !text.contains(['\n', '\u{1b}']),
        "{text}"
    );
    assert_eq!(denial.reason.label(), "not-granted");
}

#[test]
fn the_folder_of_its_own_is_read_and_written_and_nothing_beside_it() {
    let granted = granted("[data]\nquota = \"1 MiB\"\n");
    for path in ["/data", "/data/a/b"] {
        for write in [false, true] {
            decide(&granted, &Access::Files { path, write }).unwrap();
        }
    }
    let path = "/database";
    let denial = decide(&granted, &Access::Files { path, write: false }).unwrap_err();
    assert_eq!(denial.reason, DenyReason::PathNotGranted);
}

#[test]
fn what_would_be_in_the_folder_of_its_own_needs_that() {
    for rules in ["", "[[files]]\nhost = \"/srv\"\nguest = \"/srv\"\n"] {
        let (path, write) = ("/data/a", true);
        let denial = decide(&granted(rules), &Access::Files { path, write }).unwrap_err();
        assert_eq!(denial.capability, Capability::Data);
        assert_eq!(denial.reason, DenyReason::NotGranted);
        assert!(denial.to_string().contains("[data] quota"), "{denial}");
    }
}

#[test]
fn serial_and_files_are_decided_by_their_grants() {
    let rules = granted(
        "[[serial]]\nname = \"t\"\ndevice = \"/dev/a\"\nbaud-rates = [9600]\n\
         [[files]]\nhost = \"/srv\"\nguest = \"/data\"\n",
    );
    let reason = |access| decide(&rules, &access).map_err(|denial| denial.reason);
    assert_eq!(
        reason(Access::Serial {
            name: "t",
            baud_rate: 9600
        }),
        Ok(())
    );
    assert_eq!(
        reason(Access::Serial {
            name: "t",
            baud_rate: 300
        }),
        Err(DenyReason::BaudRateNotGranted)
    );
    assert_eq!(
        reason(Access::Serial {
            name: "x",
            baud_rate: 9600
        }),
        Err(DenyReason::NameNotGranted)
    );
    assert_eq!(
        reason(Access::Files {
            path: "/data/a",
            write: false
        }),
        Ok(())
    );
    assert_eq!(
        reason(Access::Files {
            path: "/data/a",
            write: true
        }),
        Err(DenyReason::ReadOnly)
    );
    assert_eq!(
        reason(Access::Files {
            path: "/etc",
            write: false
        }),
        Err(DenyReason::PathNotGranted)
    );
}

#[test]
fn where_the_host_itself_listens_nothing_reaches() {
    let guarded = super::super::Guarded::default();
    guarded.listen("127.0.0.1:9382".parse().unwrap());
    let policy = |text: &str| {
        let policy = Policy::parse(text, "test").unwrap();
        let policy = policy.beside(std::path::Path::new("test"), &guarded);
        policy.unwrap().granted(Capability::ALL)
    };
    let sockets = policy(
        "[[sockets]]\nprotocol = \"both\"\nhost = \"127.0.0.0/8\"\nports = [\"*\"]\n\
         [[sockets]]\nprotocol = \"tcp\"\nhost = \"0.0.0.0\"\nports = [\"9000-9999\"]\n\
         [[sockets]]\nprotocol = \"tcp\"\nhost = \"::1\"\nports = [\"*\"]\n\
         [[sockets]]\nprotocol = \"tcp\"\nhost = \"::\"\nports = [\"*\"]\n",
    );
    let reason = |protocol, peer: &str| {
        let access = Access::Connect {
            protocol,
            peer: peer.parse().unwrap(),
            names: &[],
        };
        decide(&sockets, &access).map_err(|denial| {
            assert!(denial.fix.is_empty() && !denial.to_string().contains("to allow it"));
            denial.reason
        })
    };
    for own in [
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
    ] {
        let own = format!("{own}:9382");
        assert_eq!(
            reason(Protocol::Tcp, &own),
            Err(DenyReason::HostPort),
            "{own}"
        );
    }
    assert_eq!(reason(Protocol::Tcp, "127.0.0.1:9383"), Ok(()));
    assert_eq!(
        reason(Protocol::Udp, "127.0.0.1:9382"),
        Ok(()),
        "the host has TCP only"
    );

    // A name that leads to the machine itself does not help: the address is what counts.
    let http = policy("[[http]]\nhost = \"localhost\"\nmethods = [\"*\"]\nports = [\"*\"]\n");
    let request = |port| Request {
        scheme: Scheme::Http,
        host: "localhost",
        port,
        method: "GET",
    };
    let to = |port, address: &str| {
        let address = address.parse().unwrap();
        let access = Access::RequestTo {
            request: request(port),
            address,
        };
        decide(&http, &access).map_err(|denial| denial.reason)
    };
    assert_eq!(to(9382, "127.0.0.1"), Err(DenyReason::HostPort));
    assert_eq!(to(9382, "::1"), Err(DenyReason::HostPort));
    assert_eq!(to(9383, "127.0.0.1"), Ok(()));
}
