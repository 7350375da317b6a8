//! What rules and look-ups answer. Sockets in a guest's hands are tested with guests.

use std::net::SocketAddr;
use std::sync::Arc;

use super::lookup::Refusal;
use super::*;
use crate::capability::names::LookupError;
use crate::capability::names::tests::rebinding;
use crate::capability::testing::{self, Denials, granted, linker, prepare_with};
use crate::limits::{Budget, Ledger, Resource};
use crate::policy::DenyReason;

struct World {
    rules: Rules,
    open: Open,
    denials: Arc<Denials>,
    ledger: Arc<Ledger>,
}

fn world(policy: &str, answers: &[&str]) -> World {
    let denials = Arc::new(Denials::default());
    let budget = Budget {
        sockets: 1,
        ..Budget::default()
    };
    let cx = prepare_with(&budget, denials.clone());
    let guard = testing::guard(granted(policy), &cx);
    let rules = Rules {
        guard,
        names: rebinding(answers),
        stand_ins: None,
    };
    World {
        rules,
        open: Open::new(&cx.ledger),
        denials,
        ledger: cx.ledger,
    }
}

fn rule(direction: &str, host: &str, ports: &str) -> String {
    format!(
        "[[sockets]]\nprotocol = \"both\"\ndirection = \"{direction}\"\nhost = \"{host}\"\n\
         ports = [{ports}]\n"
    )
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn only_an_address_that_a_granted_name_led_to_is_connected() {
    let world = world(
        &rule("connect", "db.example", "6379"),
        &["93.0.0.1", "93.0.0.2"],
    );
    let connect = |peer| {
        world
            .rules
            .allow(&world.open, at(peer), SocketAddrUse::TcpConnect)
    };
    assert!(!connect("93.0.0.1:6379"), "nothing led there yet");
    let found = world.rules.look_up("DB.example.".into()).await.unwrap();
    assert_eq!(found, [at("93.0.0.1:0").ip()]);
    assert!(connect("93.0.0.1:6379"));
    assert!(!connect("93.0.0.1:6380"));
    assert_eq!(
        world.rules.look_up("db.example".into()).await.unwrap(),
        found,
        "pinned"
    );
    assert!(!connect("93.0.0.2:6379"));
}

#[tokio::test]
async fn a_granted_name_that_leads_inside_gives_no_address() {
    let world = world(&rule("connect", "db.example", "6379"), &["10.0.0.1"]);
    assert_eq!(
        world.rules.look_up("db.example".into()).await,
        Err(Refusal::Denied)
    );
    assert_eq!(world.denials.reasons(), [DenyReason::SpecialAddress]);
    let connect = world
        .rules
        .allow(&world.open, at("10.0.0.1:6379"), SocketAddrUse::TcpConnect);
    assert!(!connect);
}

#[tokio::test]
async fn a_name_inside_is_found_when_its_network_is_granted_too() {
    let policy = rule("connect", "db.example", "6379") + &rule("connect", "10.0.0.0/8", "6379");
    let world = world(&policy, &["10.0.0.1"]);
    assert_eq!(
        world.rules.look_up("db.example".into()).await.unwrap(),
        [at("10.0.0.1:0").ip()]
    );
}

#[tokio::test]
async fn other_names_are_denied_without_asking_anybody() {
    let world = world(&rule("connect", "db.example", "6379"), &["93.0.0.1"]);
    for name in [
        "evil.example",
        "xdb.example",
        "localhost",
        "127.0.0.1",
        "[::1]",
    ] {
        assert_eq!(
            world.rules.look_up(name.into()).await,
            Err(Refusal::Denied),
            "{name}"
        );
    }
    for name in ["127.1", "0x7f.1", "2130706433", "a b", ""] {
        assert_eq!(
            world.rules.look_up(name.into()).await,
            Err(Refusal::Invalid),
            "{name}"
        );
    }
    assert_eq!(world.denials.reasons().len(), 5);
    world.rules.look_up("db.example".into()).await.unwrap();
    let missing = Err(Refusal::Failed(LookupError::Unknown));
    let world = super::tests::world(&rule("connect", "db.example", "1"), &[]);
    assert_eq!(world.rules.look_up("db.example".into()).await, missing);
}

#[tokio::test]
async fn a_granted_address_may_be_written_as_a_name() {
    let world = world(&rule("connect", "localhost", "6379"), &[]);
    assert_eq!(
        world.rules.look_up("127.0.0.1".into()).await.unwrap().len(),
        1
    );
    assert_eq!(
        world.rules.look_up("localhost".into()).await.unwrap().len(),
        2
    );
}

#[test]
fn every_use_of_a_socket_is_asked_about_by_itself() {
    use SocketAddrUse::*;
    let connect = rule("connect", "127.0.0.1", "7");
    let bind = rule("bind", "127.0.0.1", "7");
    let table = [
        (&connect, TcpConnect, "127.0.0.1:7", true),
        (&connect, UdpSend, "127.0.0.1:7", true),
        (&connect, UdpReceive, "127.0.0.1:7", true),
        (&connect, UdpReceive, "127.0.0.1:8", false),
        (&connect, TcpBind, "0.0.0.0:0", true),
        (&connect, UdpBind, "[::]:0", true),
        (&connect, TcpBind, "127.0.0.1:7", false),
        (&connect, TcpListen, "0.0.0.0:0", false),
        (&connect, TcpAccept, "127.0.0.1:7", false),
        (&bind, TcpBind, "127.0.0.1:7", true),
        (&bind, TcpListen, "127.0.0.1:7", true),
        (&bind, UdpBind, "127.0.0.1:7", true),
        (&bind, UdpReceive, "127.0.0.1:9", true),
        (&bind, UdpSend, "127.0.0.1:9", false),
        (&bind, TcpConnect, "127.0.0.1:7", false),
        (&bind, TcpBind, "127.0.0.1:8", false),
        (&bind, TcpBind, "0.0.0.0:7", false),
    ];
    for (policy, purpose, address, expected) in table {
        let world = world(policy, &[]);
        let allowed = world.rules.allow(&world.open, at(address), purpose);
        assert_eq!(allowed, expected, "{policy} {purpose:?} {address}");
    }
}

#[test]
fn an_accepted_connection_is_charged_and_refused_beyond_the_budget() {
    let world = world(&rule("bind", "127.0.0.1", "7"), &[]);
    let accept = || {
        world
            .rules
            .allow(&world.open, at("127.0.0.1:9"), SocketAddrUse::TcpAccept)
    };
    assert!(accept());
    assert!(!accept(), "the budget is one socket");
    assert!(
        world.denials.reasons().is_empty(),
        "a spent budget is no denial"
    );
    world.open.drop_handle(1);
    assert_eq!(world.ledger.used(Resource::Sockets), 0);
    assert!(accept());
}

#[test]
fn strangers_do_not_fill_the_audit() {
    let world = world(&rule("connect", "127.0.0.1", "7"), &[]);
    for port in 1..1000 {
        let peer = SocketAddr::from(([93, 0, 0, 1], port));
        world
            .rules
            .allow(&world.open, peer, SocketAddrUse::UdpReceive);
    }
    assert!(world.denials.reasons().is_empty());
}

/// Should the library link under another version some day, the counting functions would stand
/// beside its own instead of in their place.
#[test]
fn what_is_replaced_was_there() {
    let mut linker2 = linker();
    p2::link_library(&mut linker2).unwrap();
    p2::replace(&mut linker2).unwrap_err();
    let mut linker3 = linker();
    p3::link_library(&mut linker3).unwrap();
    p3::replace_tcp(&mut linker3).unwrap_err();
    p3::replace_udp(&mut linker3).unwrap_err();
}
