//! Bodies in pieces, and those that break off.

use std::collections::BTreeMap;

use external_worker_secrets::Secret;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use wasmtime_wasi_io::bytes::Bytes;

use super::*;
use crate::limits::REDACTED_AT_ONCE_BYTES;

const VALUE: &str = "0123456789abcdef";

fn redactions() -> Redactions {
    let secret = Secret::copy_from(VALUE.as_bytes()).unwrap();
    let all = BTreeMap::from([("key".parse().unwrap(), secret)]);
    Secrets::new(all).now().finding(["key"]).unwrap()
}

fn body(parts: Vec<Result<Bytes, Error>>) -> WasiBody {
    let frames = parts.into_iter().map(|part| part.map(Frame::data));
    let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
    Redacted::boxed(body, redactions())
}

#[tokio::test]
async fn a_secret_is_found_wherever_a_body_is_cut() {
    for long in [0, 1, REDACTED_AT_ONCE_BYTES - 3, 3 * REDACTED_AT_ONCE_BYTES] {
        let before = "x".repeat(long);
        for cut in 0..=VALUE.len() {
            let (first, second) = VALUE.split_at(cut);
            let parts = [
                format!("{before}{first}"),
                String::new(),
                format!("{second}."),
            ];
            let parts = parts.map(|part| Ok(Bytes::from(part)));
            let whole = body(parts.into()).collect().await.unwrap().to_bytes();
            assert_eq!(
                whole,
                format!("{before}{{{{secret:key}}}}."),
                "{long} {cut}"
            );
        }
    }
}

#[tokio::test]
async fn what_breaks_off_within_a_secret_hands_nothing_of_it_on() {
    let parts = vec![
        Ok(Bytes::from_static(b"ab 0123456789abcde")),
        Err(Error::ConnectionTerminated),
    ];
    let mut body = body(parts);
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "ab ");
    body.frame().await.unwrap().unwrap_err();
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn what_only_begins_like_a_secret_comes_whole() {
    let parts = vec![Ok(Bytes::from_static(b"01234 0123456789abcd"))];
    let whole = body(parts).collect().await.unwrap().to_bytes();
    assert_eq!(whole, "01234 0123456789abcd");
}

#[test]
fn headers_have_placeholders_and_odd_names_go() {
    let mut headers = HeaderMap::new();
    headers.insert("a", HeaderValue::from_static("x 0123456789abcdef"));
    headers.insert("x-0123456789abcdef", HeaderValue::from_static("y"));
    redact_headers(&mut headers, &redactions());
    assert_eq!(headers.len(), 1);
    assert_eq!(headers["a"], "x {{secret:key}}");
}
