//! Secrets are set, and never seen again.

use external_worker_control::model::Happened;
use http::Request;

use crate::bench::{Bench, Seen};

const VALUE: &str = "hunter2-correct-horse";

async fn set(bench: &Bench, name: &str, value: &str, key: Option<&str>) -> Seen {
    let mut request = Request::builder()
        .method("PUT")
        .uri(format!("/api/v1/tenants/lab/secrets/{name}"))
        .header("content-type", "application/octet-stream");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    bench.with(request, value.to_owned()).await
}

#[tokio::test]
async fn a_secret_is_set_listed_and_removed_and_no_answer_has_its_value() {
    let bench = Bench::new().await;
    assert_eq!(set(&bench, "api-token", VALUE, None).await.status, 204);
    let kept = bench.memory.state().tenants["lab"].secrets["api-token"].clone();
    assert_eq!(**kept.0, *VALUE.as_bytes());
    assert!(!format!("{kept:?}").contains(VALUE));
    for path in [
        "/tenants/lab/secrets",
        "/tenants/lab/secrets/api-token",
        "/tenants/lab",
        "/audit",
    ] {
        let seen = bench.operate("GET", path, None).await;
        assert!(!seen.text.contains(VALUE), "{path}: {}", seen.text);
    }
    let listed = bench.operate("GET", "/tenants/lab/secrets", None).await;
    assert_eq!(listed.json()["items"][0]["name"], "api-token");
    let path = "/tenants/lab/secrets/api-token";
    assert_eq!(bench.operate("DELETE", path, None).await.status, 204);
    assert_eq!(bench.operate("DELETE", path, None).await.status, 404);
    let noted = bench.memory.happened();
    assert!(noted.ends_with(&[Happened::SecretSet, Happened::SecretRemoved]));
    let notes = format!("{:?}", bench.memory.state().notes);
    assert!(notes.contains("api-token") && !notes.contains(VALUE));
}

#[tokio::test]
async fn what_is_no_name_or_no_value_is_refused() {
    let bench = Bench::new().await;
    for name in ["a%20b", "..%2Fa", "%7Bx", &"a".repeat(65)] {
        assert_eq!(set(&bench, name, VALUE, None).await.status, 404, "{name}");
    }
    assert_eq!(set(&bench, "a", "", None).await.status, 422);
    let long = "x".repeat(64 * 1024 + 1);
    assert_eq!(set(&bench, "a", &long, None).await.status, 413);
    assert_eq!(set(&bench, "a", &long[1..], None).await.status, 204);
}

/// A digest of it, kept for the key of the request, would tell whoever reads the store whether a guess is right.
#[tokio::test]
async fn nothing_of_a_secret_is_kept_for_requests_that_are_sent_again() {
    let bench = Bench::new().await;
    for value in [VALUE, "another value"] {
        let seen = set(&bench, "a", value, Some("one")).await;
        assert_eq!(seen.status, 204);
        assert!(!seen.headers.contains_key("idempotency-replayed"));
    }
    let kept = bench.memory.state().tenants["lab"].secrets["a"].clone();
    assert_eq!(**kept.0, *b"another value");
}
