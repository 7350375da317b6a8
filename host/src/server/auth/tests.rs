//! Who is let in, and who is not.

use std::time::SystemTime;

use axum::http::HeaderName;
use external_worker_control::Role;
use external_worker_control::token::make;

use super::*;

const TOKEN: &str = "0123456789abcdef";

fn access(address: &str, token: Option<&str>, origins: &[&str]) -> Result<Access, String> {
    let origins = origins.iter().map(|o| o.parse().unwrap()).collect();
    Access::new(address.parse().unwrap(), token.into(), origins)
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn get(pairs: &[(HeaderName, &str)]) -> Request<()> {
    asked(Method::GET, "/", pairs)
}

fn asked(method: Method, uri: &str, pairs: &[(HeaderName, &str)]) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().unwrap();
    *request.headers_mut() = headers(pairs);
    request
}

#[test]
fn whoever_is_reached_by_others_has_a_token_that_is_one() {
    for open in ["0.0.0.0:1", "[::]:1", "192.168.1.5:1", "[fe80::1]:1"] {
        let problem = access(open, None, &[]).unwrap_err();
        assert!(problem.contains("--token"), "{problem}");
        access(open, Some(TOKEN), &[]).unwrap();
    }
    for closed in [
        "127.0.0.1:1",
        "127.8.8.8:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        access(closed, None, &[]).unwrap();
    }
    for bad in [
        "short",
        "with space 0123456789",
        "a/b0123456789abcdef",
        "é0123456789abcdef",
    ] {
        access("127.0.0.1:1", Some(bad), &[]).unwrap_err();
    }
}

#[test]
fn on_loopback_only_names_of_this_machine_are_hosts() {
    let loopback = access("127.0.0.1:1", None, &["https://lab.example.org"]).unwrap();
    let check = |host: &str| loopback.check_page(&get(&[(HOST, host)]));
    for good in [
        "127.0.0.1:9382",
        "localhost",
        "LOCALHOST:1",
        "[::1]:9382",
        "lab.example.org",
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for bad in [
        "evil.example:9382",
        "localhost.evil.example",
        "",
        "127.0.0.1.evil.example",
    ] {
        assert_eq!(check(bad), Err(Denied::Host), "{bad}");
    }
    assert_eq!(loopback.check_page(&get(&[])), Err(Denied::Host));
    let open = access("0.0.0.0:1", Some(TOKEN), &[]).unwrap();
    assert_eq!(open.check_page(&get(&[(HOST, "any.example")])), Ok(()));
}

#[test]
fn pages_of_strangers_are_refused_and_programs_are_not() {
    let loopback = access("127.0.0.1:1", None, &["https://Lab.example.org/"]).unwrap();
    let check = |access: &Access, origin: &str| {
        access.check_page(&get(&[(HOST, "localhost"), (ORIGIN, origin)]))
    };
    let good = [
        "http://localhost:8000",
        "https://127.0.0.1",
        "http://[::1]:3",
        "https://lab.example.org",
    ];
    for good in good {
        assert_eq!(check(&loopback, good), Ok(()), "{good}");
    }
    let bad = [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://lab.example.org",
        "https://lab.example.org:444",
        "http://user@localhost",
        "null",
        "",
        "localhost",
    ];
    for bad in bad {
        assert_eq!(check(&loopback, bad), Err(Denied::Origin), "{bad}");
    }
    let open = access("0.0.0.0:1", Some(TOKEN), &["null"]).unwrap();
    assert_eq!(check(&open, "http://localhost:8000"), Err(Denied::Origin));
    assert_eq!(check(&open, "null"), Ok(()));
}

#[test]
fn what_says_who_asks_is_said_once() {
    let loopback = access("127.0.0.1:1", None, &[]).unwrap();
    for name in ONCE {
        let twice = get(&[
            (HOST, "localhost"),
            (name.clone(), "localhost"),
            (name, "b"),
        ]);
        assert_eq!(loopback.check_page(&twice), Err(Denied::Twice));
    }
    let proxied = |uri| asked(Method::GET, uri, &[(HOST, "localhost")]);
    let check = |uri| loopback.check_page(&proxied(uri));
    assert_eq!(check("http://127.0.0.1:1/"), Ok(()));
    assert_eq!(check("http://evil.example/"), Err(Denied::Host));
}

#[test]
fn what_changes_something_shows_that_no_page_of_a_stranger_sent_it() {
    let loopback = access("127.0.0.1:1", None, &[]).unwrap();
    let open = access("0.0.0.0:1", Some(TOKEN), &[]).unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let json = "application/json; charset=utf-8";
    let form = "multipart/form-data; boundary=x";
    let no_origin = Err(Denied::NoOrigin);
    for (access, pair, expected) in [
        (&loopback, None, no_origin),
        (&loopback, Some((CONTENT_TYPE, form)), no_origin),
        (&loopback, Some((CONTENT_TYPE, "Text/Plain")), no_origin),
        (&loopback, Some((CONTENT_TYPE, json)), Ok(())),
        (&loopback, Some((REQUESTED_WITH, "a program")), Ok(())),
        (&loopback, Some((SEC_FETCH_SITE, "same-origin")), Ok(())),
        (&loopback, Some((SEC_FETCH_SITE, "cross-site")), no_origin),
        (&loopback, Some((SEC_FETCH_SITE, "same-site")), no_origin),
        (&loopback, Some((ORIGIN, "http://localhost:8000")), Ok(())),
        (&loopback, Some((AUTHORIZATION, &bearer)), no_origin),
        (&open, Some((AUTHORIZATION, &bearer)), Ok(())),
        // A browser adds it by itself.
        (
            &open,
            Some((COOKIE, "ewh_token=0123456789abcdef")),
            no_origin,
        ),
    ] {
        let pairs: Vec<_> = [(HOST, "localhost")]
            .into_iter()
            .chain(pair.clone())
            .collect();
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let request = asked(method, "/message/", &pairs);
            assert_eq!(access.check_page(&request), expected, "{pair:?}");
        }
        let read = asked(Method::GET, "/", &pairs);
        assert_eq!(access.check_page(&read), Ok(()), "{pair:?}");
    }
    let in_query = format!("/message/?token={TOKEN}");
    let request = asked(Method::POST, &in_query, &[(HOST, "any.example")]);
    assert_eq!(open.check_page(&request), Ok(()));
    let stranger = [
        (HOST, "localhost"),
        (UPGRADE, "websocket"),
        (SEC_FETCH_SITE, "cross-site"),
    ];
    assert_eq!(loopback.check_page(&get(&stranger)), no_origin);
    assert_eq!(loopback.check_page(&get(&stranger[..2])), Ok(()));
}

#[test]
fn a_token_is_taken_from_each_of_its_places_and_from_nowhere_else() {
    let access = access("127.0.0.1:1", Some(TOKEN), &[]).unwrap();
    let check = |uri: &str, pairs: &[(HeaderName, &str)]| {
        let peer = "127.0.0.1".parse().unwrap();
        access.check_token(peer, &uri.parse().unwrap(), &headers(pairs))
    };
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(check("/", &[(AUTHORIZATION, &bearer)]), Ok(Pass::OWNER));
    assert_eq!(check(&format!("/?a=b&token={TOKEN}"), &[]), Ok(Pass::OWNER));
    let cookie = format!("a=b; {COOKIE_NAME}={TOKEN}");
    assert_eq!(check("/", &[(COOKIE, &cookie)]), Ok(Pass::OWNER));
    assert_eq!(check("/", &[]), Err(Denied::Token));
    assert_eq!(check("/?token=", &[]), Err(Denied::Token));
    assert_eq!(
        check(&format!("/{TOKEN}?xtoken={TOKEN}"), &[]),
        Err(Denied::Token)
    );
    let basic = format!("Basic {TOKEN}");
    assert_eq!(check("/", &[(AUTHORIZATION, &basic)]), Err(Denied::Token));
    let cut = &TOKEN[1..];
    assert_eq!(check(&format!("/?token={cut}"), &[]), Err(Denied::Token));
}

#[test]
fn an_address_that_the_ui_put_together_is_taken_apart() {
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    assert_eq!(
        untangle(&uri("/?token=abc/message/12")),
        Some(uri("/message/12?token=abc"))
    );
    assert_eq!(
        untangle(&uri("/?token=abc/upload/")),
        Some(uri("/upload/?token=abc"))
    );
    for plain in [
        "/?token=abc",
        "/?token=abc/",
        "/message/1?token=abc",
        "/",
        "/?a=b/c",
    ] {
        assert_eq!(untangle(&uri(plain)), None, "{plain}");
    }
}

#[test]
fn who_shows_a_token_of_a_key_has_its_role_and_without_one_nobody_comes_in() {
    let address = "127.0.0.1:1".parse().unwrap();
    let here = "127.0.0.1".parse().unwrap();
    let shows = |access: &Access, token: &str| {
        let uri = format!("/?token={token}").parse().unwrap();
        access.check_token(here, &uri, &HeaderMap::new())
    };
    let (viewer, key) = make(Role::Viewer, Some("lab"), None, SystemTime::now()).unwrap();
    let (other, _) = make(Role::Owner, Some("lab"), None, SystemTime::now()).unwrap();
    let keys = Keyring::default();
    for single in [None, Some(TOKEN)] {
        let tokens = Tokens {
            single,
            keys: Some(keys.clone()),
        };
        // Others may reach it, too.
        Access::new("0.0.0.0:1".parse().unwrap(), tokens.clone(), vec![]).unwrap();
        let access = Access::new(address, tokens, vec![]).unwrap();
        keys.replace(vec![]);
        let nobody = access.check_token(here, &"/".parse().unwrap(), &HeaderMap::new());
        assert_eq!(nobody, Err(Denied::Token));
        assert_eq!(shows(&access, viewer.reveal()), Err(Denied::Token));
        keys.replace(vec![key.clone()]);
        let pass = shows(&access, viewer.reveal()).unwrap();
        pass.check(Role::Viewer).unwrap();
        pass.check(Role::Author).unwrap_err();
        assert_eq!(shows(&access, other.reveal()), Err(Denied::Token));
        let owner = single.map_or(Err(Denied::Token), |_| Ok(Pass::OWNER));
        assert_eq!(shows(&access, TOKEN), owner);
    }
}

#[test]
fn who_guesses_waits_and_who_has_a_key_at_the_same_address_does_not() {
    let (token, key) = make(Role::Author, None, None, SystemTime::now()).unwrap();
    let tokens = Tokens {
        single: Some(TOKEN),
        keys: Some(Keyring::new(vec![key])),
    };
    let access = Access::new("127.0.0.1:1".parse().unwrap(), tokens, vec![]).unwrap();
    let here = "192.0.2.1".parse().unwrap();
    let shows = |pairs: &[(HeaderName, &str)]| {
        access.check_token(here, &"/".parse().unwrap(), &headers(pairs))
    };
    let bearer = |token: &str| shows(&[(AUTHORIZATION, &format!("Bearer {token}"))]);
    for n in 0..limits::TRIES_AT_ONCE {
        assert_eq!(bearer(&format!("{TOKEN}{n}")), Err(Denied::Token));
        // That is no guess.
        assert_eq!(shows(&[]), Err(Denied::Token));
    }
    let often = bearer(TOKEN);
    assert!(matches!(often, Err(Denied::Often(_))), "{often:?}");
    bearer(token.reveal()).unwrap();
    // Of many in one request few are looked at.
    let many = format!("{COOKIE_NAME}=x; ").repeat(100) + &format!("{COOKIE_NAME}={TOKEN}");
    let elsewhere = "192.0.2.2".parse().unwrap();
    let many = headers(&[(COOKIE, &many)]);
    let denied = access.check_token(elsewhere, &"/".parse().unwrap(), &many);
    assert_eq!(denied, Err(Denied::Token));
}
