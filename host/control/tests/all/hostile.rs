//! What is sent and what is answered by those who mean harm.

use axum::body::{Body, Bytes};
use external_worker_control::limits;
use external_worker_control::model::{LogLine, Told};
use futures_util::stream;
use http::Request;
use http::request::Builder;
use serde_json::json;

use crate::bench::{Bench, until};

fn post(path: &str) -> Builder {
    Request::builder()
        .method("POST")
        .uri(format!("/api/v1{path}"))
        .header("content-type", "application/json")
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let bench = Bench::new().await;
    let deep = "[".repeat(100_000);
    let config = format!("{{\"module\":\"a\",\"class\":\"a\",\"config\":{deep}");
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{\"name\":1}",
        b"{\"name\":\"a\",\"name\":\"b\"}",
        b"{\"name\":\"a\",\"colour\":1}",
        b"\xff\xfe",
        b"{\"name\":\"a\\u0000\"}",
        deep.as_bytes(),
        config.as_bytes(),
        b"{\"name\":\"a\"} {}",
    ];
    for path in [
        "/tenants",
        "/tenants/apply",
        "/tenants/lab/instances",
        "/tenants/lab/grants",
    ] {
        for body in bodies {
            let seen = bench.with(post(path), body.to_vec()).await;
            assert!(
                [400, 422].contains(&seen.status.as_u16()),
                "{path} {seen:?}"
            );
            seen.code();
        }
    }
    let kind = Request::builder().method("POST").uri("/api/v1/tenants");
    let kind = kind.header("content-type", "text/plain");
    assert_eq!(
        bench.with(kind, "{\"name\":\"new\"}").await.code(),
        "bad-request"
    );
    let none = Request::builder().method("POST").uri("/api/v1/tenants");
    assert_eq!(
        bench.with(none, "{\"name\":\"new\"}").await.code(),
        "bad-request"
    );
    let body = post("/tenants/lab/suspend");
    assert_eq!(bench.with(body, "{}").await.code(), "bad-request");
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_whether_they_say_so_or_not() {
    let bench = Bench::new().await;
    let said = post("/tenants").header("content-length", limits::MAX_BODY_BYTES + 1);
    assert_eq!(bench.with(said, "").await.code(), "too-large");
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65536])));
    let seen = bench
        .with(post("/tenants"), Body::from_stream(endless))
        .await;
    assert_eq!(seen.code(), "too-large");
    let file = Request::builder()
        .method("PUT")
        .uri("/api/v1/tenants/lab/modules/a.wasm")
        .header("content-type", "application/octet-stream");
    let seen = bench.with(file, vec![0; (1 << 20) + 1]).await;
    assert_eq!(seen.code(), "too-large");
    let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("it broke"))]);
    let seen = bench
        .with(post("/tenants"), Body::from_stream(broken))
        .await;
    assert_eq!(seen.code(), "bad-request");
}

#[tokio::test]
async fn a_body_that_does_not_come_and_a_tenant_that_does_not_answer_are_given_up() {
    let bench = Bench::new().await;
    let uuid = bench.instance("lab").await;
    tokio::time::pause();
    let never = stream::pending::<Result<Bytes, std::io::Error>>();
    let late = bench.with(post("/tenants"), Body::from_stream(never)).await;
    assert_eq!(late.code(), "bad-request");
    assert!(late.text.contains("in time"));
    bench.memory.state().hangs = true;
    let path = format!("/tenants/lab/instances/{uuid}");
    let seen = bench.operate("GET", &path, None).await;
    assert_eq!((seen.status.as_u16(), &*seen.code()), (503, "unavailable"));
}

#[tokio::test]
async fn a_tenant_that_hangs_holds_its_own_places_and_nobody_elses() {
    let bench = Bench::new().await;
    let viewer = bench.token("lab", "viewer").await;
    let other = bench.token("other", "viewer").await;
    bench.memory.state().hangs = true;
    let ask = || bench.ask("GET", "/tenants/lab/modules", Some(&viewer), None);
    let asking = (0..limits::MAX_REQUESTS_OF_TENANT).map(|_| ask());
    let asking = futures_util::future::join_all(asking);
    let all_asked = until(|| {
        let state = bench.memory.state();
        let asked = state.asked.iter().filter(|it| *it == "Modules");
        asked.count() == limits::MAX_REQUESTS_OF_TENANT
    });
    let rest = async {
        all_asked.await;
        assert_eq!(ask().await.code(), "too-many");
        bench.memory.state().hangs = false;
        let seen = bench
            .ask("GET", "/tenants/other/modules", Some(&other), None)
            .await;
        assert_eq!(seen.status, 200);
        assert_eq!(
            bench
                .operate("GET", "/tenants/lab/modules", None)
                .await
                .status,
            200
        );
    };
    tokio::select! {
        seen = asking => panic!("nobody answered: {seen:?}"),
        () = rest => {}
    }
    assert_eq!(ask().await.status, 200, "who gives up gives the place back");
}

#[tokio::test]
async fn a_tenant_that_says_something_else_is_unavailable() {
    let bench = Bench::new().await;
    let uuid = bench.instance("lab").await;
    let one = format!("/tenants/lab/instances/{uuid}");
    for says in [Told::Outputs([].into()), Told::Log(Vec::new()), Told::Done] {
        bench.memory.state().says = Some(Ok(says.clone()));
        let asks = [
            ("GET", "/tenants/lab/modules".to_owned()),
            ("GET", "/tenants/lab/instances".to_owned()),
            ("GET", one.clone()),
            ("GET", format!("{one}/form")),
            ("POST", format!("{one}/pause")),
        ];
        for (method, path) in asks {
            let seen = bench.operate(method, &path, None).await;
            assert_eq!(seen.code(), "unavailable", "{path} {says:?}");
        }
    }
    let line = LogLine {
        number: 1,
        at: 1,
        level: "info\x1b[2J".to_owned(),
        text: "a\u{202e}b\x07".to_owned(),
    };
    bench.memory.state().says = Some(Ok(Told::Log(vec![line])));
    let seen = bench
        .operate("GET", &format!("{one}/log"), None)
        .await
        .json();
    assert_eq!(seen["items"][0]["level"], "info\u{fffd}[2J");
    assert_eq!(seen["items"][0]["text"], "a\u{fffd}b\u{fffd}");
    let huge = json!("x".repeat(limits::MAX_SAID_BYTES));
    bench.memory.state().says = Some(Ok(Told::Outputs([("a".to_owned(), huge)].into())));
    let call = format!("{one}/methods/read");
    assert_eq!(
        bench.operate("POST", &call, json!({})).await.code(),
        "unavailable"
    );
}

#[tokio::test]
async fn names_in_paths_are_decoded_once_and_checked() {
    let bench = Bench::new().await;
    let uuid = bench.instance("lab").await;
    let one = format!("/tenants/lab/instances/{uuid}");
    assert_eq!(
        bench.operate("GET", "/tenants/l%61b", None).await.status,
        200
    );
    let long = "a".repeat(257);
    for wrong in [
        "%00",
        "..",
        "%2e%2e%2fa",
        "a%2fb",
        "a%5cb",
        ".a",
        "%ff",
        "%0a",
        "a%0d",
        "%e2%80%ae",
        &*long,
    ] {
        for path in [
            format!("/tenants/{wrong}"),
            format!("/tenants/lab/modules/{wrong}"),
            format!("/tenants/lab/instances/{wrong}"),
            format!("/tenants/lab/tokens/{wrong}"),
            format!("{one}/methods/{wrong}"),
        ] {
            for method in ["DELETE", "GET", "POST", "PUT"] {
                let request = Request::builder()
                    .method(method)
                    .uri(format!("/api/v1{path}"));
                let is_file = method == "PUT";
                let kind = if is_file {
                    "application/octet-stream"
                } else {
                    "application/json"
                };
                let request = request.header("content-type", kind);
                let body = if method == "POST" { "{}" } else { "" };
                let seen = bench.with(request, body).await;
                assert!(
                    [400, 404, 405].contains(&seen.status.as_u16()),
                    "{method} {path} {seen:?}"
                );
                seen.code();
            }
        }
    }
    let asked = bench.memory.state().asked.join("\n");
    assert!(
        !asked.contains("Call") && !asked.contains("..") && !asked.contains('\0'),
        "{asked}"
    );
}

#[tokio::test]
async fn pages_of_others_change_nothing_and_other_names_get_nothing() {
    let bench = Bench::new().await;
    let cases = [
        ("origin", "https://evil.example", "forbidden"),
        ("sec-fetch-site", "cross-site", "forbidden"),
        ("host", "evil.example", "bad-request"),
    ];
    for (name, value, code) in cases {
        let request = post("/tenants/lab/suspend").header(name, value);
        assert_eq!(bench.with(request, "").await.code(), code, "{name}");
    }
    let request = Request::builder()
        .uri("/api/v1/health")
        .header("host", "evil.example");
    assert_eq!(bench.with(request, "").await.code(), "bad-request");
    let own = post("/tenants/lab/suspend").header("origin", "http://127.0.0.1:80");
    assert_eq!(bench.with(own, "").await.status, 200);
}

#[tokio::test]
async fn every_answer_has_the_same_headers_and_methods_that_are_none_are_said_to_be() {
    let bench = Bench::new().await;
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, status) in [
        ("GET", "/tenants", 200),
        ("HEAD", "/tenants", 200),
        ("OPTIONS", "/tenants", 204),
        ("PUT", "/tenants", 405),
        ("TRACE", "/tenants/lab", 405),
        ("HEAD", "/tenants/apply", 405),
        ("DELETE", "/health", 405),
        ("GET", "/nothing", 404),
        ("GET", "", 404),
        ("GET", "/tenants/", 404),
        ("GET", "/tenants//modules", 404),
        ("HEAD", "/tenants/lab/events", 200),
    ] {
        let seen = bench.operate(method, path, None).await;
        assert_eq!(seen.status, status, "{method} {path}");
        assert_eq!(seen.headers["cache-control"], "no-store");
        assert_eq!(seen.headers["x-content-type-options"], "nosniff");
        assert!(ids.insert(seen.headers["x-request-id"].clone()));
        assert_eq!(
            seen.headers.contains_key("allow"),
            [204, 405].contains(&status)
        );
        if method == "HEAD" {
            assert!(seen.text.is_empty(), "{path}");
        } else if status >= 400 {
            seen.code();
        }
    }
    let nobody = bench.ask("GET", "/nothing", None, None).await;
    assert_eq!(nobody.code(), "unauthenticated");
}
