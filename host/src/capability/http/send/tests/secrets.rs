//! Secrets that are filled into requests and taken out of what comes back.

use std::collections::BTreeMap;

use external_worker_secrets::Secret;
use http::HeaderMap;

use super::*;

const VALUE: &str = "hunter2-correct-horse/battery+staple";
const KEYED: &str = "[[http]]\nhost = \"127.0.0.1\"\nports = [\"*\"]\nmethods = [\"GET\"]\nsecrets = [\"key\", \"other\"]\n\
                     [[http]]\nhost = \"localhost\"\nports = [\"*\"]\nmethods = [\"GET\"]\n\
                     [[http]]\nhost = \"a.example\"\nports = [\"*\"]\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n";

fn keyed(policy: &str) -> World {
    let mut world = world(policy);
    let secret = |value: &str| Secret::copy_from(value.as_bytes()).unwrap();
    let all = [("key", VALUE), ("unnamed", "another-value"), ("pin", "123")];
    let all = all.map(|(name, value)| (name.parse().unwrap(), secret(value)));
    world.sender.secrets = Secrets::new(BTreeMap::from(all));
    world
}

fn with(uri: &str, headers: &[(&'static str, &str)]) -> Request<WasiBody> {
    let mut request = get(uri);
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

/// The head and the body of an answer, and its trailers.
async fn whole(world: &World, request: Request<WasiBody>) -> Result<(HeaderMap, Bytes), Error> {
    let sending = world.sender.send(request, RequestOptions::default());
    let (response, driver) = sending.await?;
    let driver = tokio::spawn(Box::into_pin(driver));
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    let mut headers = head.headers;
    for (name, value) in body.trailers().into_iter().flatten() {
        headers.append(name, value.clone());
    }
    driver.abort();
    Ok((headers, body.to_bytes()))
}

#[tokio::test]
async fn a_server_gets_the_secret_and_the_guest_does_not_get_it_back() {
    let world = keyed(KEYED);
    let answer = format!(
        "HTTP/1.1 200 {VALUE}\r\nx-echo: Bearer {VALUE}\r\nx-{VALUE}: a\r\ndigest: a\r\ncontent-length: {}\r\n\r\n<{VALUE}>",
        VALUE.len() + 2
    )
    // A name of a header has no such signs.
    .replace(&format!("x-{VALUE}"), "x-none");
    let (port, server) = server(answer.leak().as_bytes()).await;
    let headers = [
        ("authorization", "Bearer {{secret:key}}"),
        ("accept-encoding", "gzip"),
        ("x-plain", "{{ secret }}"),
    ];
    let request = with(&format!("http://127.0.0.1:{port}/"), &headers);
    let (headers, body) = whole(&world, request).await.unwrap();
    let head = server.await.unwrap();
    assert!(
        head.contains(&format!("authorization: Bearer {VALUE}\r\n")),
        "{head}"
    );
    assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
    assert!(
        !head.contains("gzip") && !head.contains("{{secret"),
        "{head}"
    );
    assert_eq!(headers["x-echo"], "Bearer {{secret:key}}");
    assert_eq!(body, "<{{secret:key}}>");
    for gone in ["content-length", "digest"] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    assert!(world.denials.reasons().is_empty());
}

#[tokio::test]
async fn what_a_server_remembers_is_hidden_in_whatever_spelling_and_pieces() {
    let world = keyed(KEYED);
    let basic = data_encoding::BASE64.encode(format!("user:{VALUE}").as_bytes());
    let percent = VALUE.replace('/', "%2F").replace('+', "%2B");
    let (first, second) = VALUE.split_at(9);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n\
         9\r\n{first}\r\n{:x}\r\n{second}\r\n{:x}\r\n {basic} {percent}\r\n0\r\nx-late: {VALUE}\r\n\r\n",
        second.len(),
        basic.len() + percent.len() + 2
    );
    let (port, server) = server(answer.leak().as_bytes()).await;
    // Nothing is filled in this time.
    let request = with(&format!("http://127.0.0.1:{port}/"), &[("te", "trailers")]);
    let (headers, body) = whole(&world, request).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.starts_with("{{secret:key}} "), "{body}");
    assert_eq!(body.matches("{{secret:key}}").count(), 3, "{body}");
    let shown = format!("{headers:?}");
    assert!(!shown.contains(VALUE), "{shown}");
    server.await.unwrap();
}

#[tokio::test]
async fn what_names_no_secret_costs_nothing() {
    let elsewhere = "[[http]]\nhost = \"localhost\"\nports = [\"*\"]\nmethods = [\"GET\"]\n\
                     [[http]]\nhost = \"a.example\"\nports = [\"*\"]\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n";
    let world = keyed(elsewhere);
    let answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi";
    let (port, server) = server(answer).await;
    let headers = [("accept-encoding", "gzip"), ("range", "bytes=0-1")];
    let request = with(&format!("http://localhost:{port}/"), &headers);
    let (headers, body) = whole(&world, request).await.unwrap();
    assert_eq!(
        (&headers["content-length"], &body[..]),
        (&"2".parse().unwrap(), &b"hi"[..])
    );
    assert!(server.await.unwrap().contains("accept-encoding: gzip\r\n"));
}

#[tokio::test]
async fn a_server_is_the_same_by_another_name() {
    let world = keyed(KEYED);
    let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{VALUE}");
    let (port, server) = server(answer.leak().as_bytes()).await;
    // No grant of this name has secrets; one of the address that it leads to has.
    let request = with(&format!("http://localhost:{port}/"), &[]);
    let (_, body) = whole(&world, request).await.unwrap();
    assert_eq!(body, "{{secret:key}}");
    assert!(
        server
            .await
            .unwrap()
            .contains("accept-encoding: identity\r\n")
    );
}

#[tokio::test]
async fn what_may_not_be_filled_in_is_denied_before_anything_is_connected() {
    let world = keyed(KEYED);
    use DenyReason::{Range, SecretInClear, SecretNotGranted, SecretUnusable};
    let table = [
        (
            "http://127.0.0.1:1/",
            "{{secret:unnamed}}",
            SecretNotGranted,
        ),
        // Named, and not there.
        ("http://127.0.0.1:1/", "{{secret:other}}", SecretNotGranted),
        ("http://localhost:1/", "{{secret:key}}", SecretNotGranted),
        ("https://a.example:1/", "{{secret:other}}", SecretNotGranted),
        ("http://a.example:1/", "{{secret:key}}", SecretInClear),
        ("http://127.0.0.1:1/", "{{secret:key", SecretUnusable),
        ("http://127.0.0.1:1/", "{{secret:}}", SecretUnusable),
    ];
    for (uri, value, _) in table {
        let denied = whole(&world, with(uri, &[("x-key", value)]))
            .await
            .unwrap_err();
        assert!(
            matches!(denied, Error::HttpRequestDenied),
            "{uri} {value}: {denied}"
        );
    }
    let range = with("http://127.0.0.1:1/", &[("range", "bytes=0-1")]);
    assert!(matches!(
        whole(&world, range).await,
        Err(Error::HttpRequestDenied)
    ));
    let mut expected: Vec<_> = table.iter().map(|(_, _, reason)| *reason).collect();
    expected.push(Range);
    assert_eq!(world.denials.reasons(), expected);
    assert_eq!(world.ledger.used(Resource::Sockets), 0);
}

#[tokio::test]
async fn what_frames_a_message_is_never_filled_in() {
    let world = keyed(KEYED);
    let (port, server) = server(b"HTTP/1.1 204 No\r\n\r\n").await;
    let headers = [
        ("expect", "{{secret:key}}"),
        ("connection", "{{secret:key}}"),
    ];
    let request = with(
        &format!("http://127.0.0.1:{port}/{{{{secret:key}}}}"),
        &headers,
    );
    let _ = whole(&world, request).await;
    assert!(!server.await.unwrap().contains(VALUE));
}

#[tokio::test]
async fn an_answer_that_cannot_be_searched_is_none() {
    let world = keyed(KEYED);
    let answers: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ];
    for answer in answers {
        let (port, _server) = server(answer).await;
        let request = get(&format!("http://127.0.0.1:{port}/"));
        let refused = whole(&world, request).await.unwrap_err();
        let is_coding = matches!(
            refused,
            Error::HttpResponseContentCoding(None) | Error::HttpResponseTransferCoding(None)
        );
        assert!(is_coding, "{refused}");
    }
}

#[tokio::test]
async fn what_changes_counts_for_the_next_request() {
    let world = keyed(KEYED);
    world.sender.secrets.replace(BTreeMap::new());
    let request = with("http://127.0.0.1:1/", &[("x-key", "{{secret:key}}")]);
    whole(&world, request).await.unwrap_err();
    assert_eq!(world.denials.reasons(), [DenyReason::SecretNotGranted]);
}
