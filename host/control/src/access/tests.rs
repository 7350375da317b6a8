use std::time::SystemTime;

use super::*;
use crate::limits::{FAILURES_OF_ID, FAILURES_OF_NETWORK, MAX_COUNTED};
use crate::role::Role;

fn access(address: &str) -> Access {
    Access::new(Place {
        address: address.parse().unwrap(),
        origins: vec!["https://lab.example.org".to_owned()],
    })
}

fn page(access: &Access, method: &str, headers: &[(&str, &str)]) -> Result<(), Denied> {
    let mut request = Request::builder().method(method).uri("/api/v1/tenants");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    access.check_page(&request.body(()).unwrap())
}

#[test]
fn only_names_of_this_machine_get_through_on_loopback() {
    let here = access("127.0.0.1:80");
    for good in ["localhost:80", "127.0.0.1", "[::1]:80", "lab.example.org"] {
        assert_eq!(page(&here, "GET", &[("host", good)]), Ok(()), "{good}");
    }
    for bad in ["evil.example", "localhost.evil.example", "", "10.0.0.1:80"] {
        assert_eq!(
            page(&here, "GET", &[("host", bad)]),
            Err(Denied::Host),
            "{bad}"
        );
    }
    assert_eq!(page(&here, "GET", &[]), Err(Denied::Host));
    let there = access("192.0.2.1:80");
    assert_eq!(page(&there, "GET", &[("host", "evil.example")]), Ok(()));
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let here = access("127.0.0.1:80");
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[], true),
        (&[("origin", "http://127.0.0.1:80")], true),
        (&[("origin", "https://lab.example.org")], true),
        (&[("origin", "http://localhost:81")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", "\u{e9}")], false),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "none")], true),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://127.0.0.1:80"),
            ],
            false,
        ),
    ];
    for (headers, is_good) in cases {
        let all = [&[("host", "127.0.0.1:80")], *headers].concat();
        for method in ["POST", "PUT", "PATCH", "DELETE", "BREW"] {
            assert_eq!(page(&here, method, &all).is_ok(), *is_good, "{headers:?}");
        }
        assert_eq!(page(&here, "GET", &all), Ok(()));
    }
    let twice = [
        ("host", "localhost"),
        ("authorization", "a"),
        ("authorization", "b"),
    ];
    assert_eq!(page(&here, "GET", &twice), Err(Denied::Twice));
}

fn shown(access: &Access, token: &str, peer: &str, keys: &[Key]) -> Result<Login, Denied> {
    let mut headers = HeaderMap::new();
    let value = format!("Bearer {token}").parse().unwrap();
    headers.insert(AUTHORIZATION, value);
    access.check_token(&headers, peer.parse().unwrap(), keys, SystemTime::now())
}

fn wrong(id: usize) -> String {
    format!("ewh-{id:010}-{:052}", 0)
}

#[test]
fn what_is_got_wrong_is_counted_by_network_and_the_right_token_always_passes() {
    let access = access("127.0.0.1:80");
    let (token, key) = token::make(Role::Viewer, Some("a"), None, SystemTime::now()).unwrap();
    let keys = [key];
    for id in 0..FAILURES_OF_NETWORK as usize {
        let peer = format!("2001:db8::{id:x}");
        assert_eq!(
            shown(&access, &wrong(id), &peer, &keys),
            Err(Denied::WrongToken)
        );
    }
    let Err(Denied::TooMany(wait)) = shown(&access, &wrong(99), "2001:db8::1:0", &keys) else {
        unreachable!("it was one too many");
    };
    assert!(!wait.is_zero() && wait <= limits::FAILURE_PERIOD_OF_NETWORK);
    shown(&access, token.reveal(), "2001:db8::1", &keys).unwrap();
    let elsewhere = shown(&access, &wrong(99), "2001:db8:0:1::1", &keys);
    assert_eq!(elsewhere, Err(Denied::WrongToken));
    let none = access.check_token(
        &HeaderMap::new(),
        "::1".parse().unwrap(),
        &keys,
        SystemTime::now(),
    );
    assert_eq!(none, Err(Denied::NoToken));
}

#[test]
fn an_id_that_somebody_has_is_counted_as_one_that_nobody_has() {
    let access = access("127.0.0.1:80");
    let (_, key) = token::make(Role::Viewer, Some("a"), None, SystemTime::now()).unwrap();
    let keys = [key.clone()];
    for id in [&key.id, "nobodyhas0"] {
        let token = format!("ewh-{id}-{:052}", 0);
        let seen: Vec<_> = (0..=FAILURES_OF_ID)
            .map(|at| shown(&access, &token, &format!("198.51.100.{at}"), &keys))
            .collect();
        let (last, before) = seen.split_last().unwrap();
        assert!(
            before.iter().all(|it| *it == Err(Denied::WrongToken)),
            "{before:?}"
        );
        assert!(matches!(last, Err(Denied::TooMany(_))), "{last:?}");
    }
}

#[test]
fn addresses_of_strangers_take_a_bounded_memory() {
    let access = access("127.0.0.1:80");
    let mut last = Ok(());
    for at in 0..MAX_COUNTED as u32 + 500 {
        let peer = std::net::Ipv4Addr::from(at).to_string();
        last = shown(&access, &wrong(at as usize), &peer, &[]).map(drop);
    }
    assert_eq!(access.of_network.known(), MAX_COUNTED);
    assert_eq!(access.of_id.known(), MAX_COUNTED);
    assert!(matches!(last, Err(Denied::TooMany(_))), "{last:?}");
}
