//! Requests that are sent again.

use external_worker_control::model::{Code, Problem};
use http::Request;
use serde_json::{Value as Json, json};

use crate::bench::{Bench, Seen, until};

async fn keyed(bench: &Bench, key: &str, method: &str, path: &str, body: Option<&Json>) -> Seen {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("idempotency-key", key)
        .header("content-type", "application/json");
    let body = body.map_or_else(String::new, Json::to_string);
    bench.with(request, body).await
}

#[tokio::test]
async fn the_first_answer_is_the_answer_whatever_it_was() {
    let bench = Bench::new().await;
    let body = json!({ "module": "thermometer", "class": "thermometer" });
    let path = "/tenants/lab/instances";
    let first = keyed(&bench, "one", "POST", path, Some(&body)).await;
    assert_eq!(first.status, 201);
    let again = keyed(&bench, "one", "POST", path, Some(&body)).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["content-type"], "application/json");
    let other = keyed(&bench, "two", "POST", path, Some(&body)).await;
    assert_ne!(other.text, first.text, "another key is another request");
    for (path, body) in [
        (path, json!({})),
        ("/tenants/other/instances", body.clone()),
    ] {
        let seen = keyed(&bench, "one", "POST", path, Some(&body)).await;
        assert_eq!(seen.code(), "conflict", "{path}");
    }
    let uuid = first.json()["uuid"].as_str().unwrap().to_owned();
    let one = format!("{path}/{uuid}");
    for _ in 0..2 {
        assert_eq!(
            keyed(&bench, "three", "DELETE", &one, None).await.status,
            204
        );
        let gone = keyed(&bench, "four", "DELETE", &one, None).await;
        assert_eq!(gone.code_of_kept(), "not-found");
    }
    let viewer = bench.token("lab", "author").await;
    let own = Request::builder()
        .method("POST")
        .uri("/api/v1/tenants/lab/instances")
        .header("idempotency-key", "one")
        .header("authorization", format!("Bearer {viewer}"))
        .header("content-type", "application/json");
    let seen = bench.send(own.body(body.to_string().into()).unwrap()).await;
    assert_eq!(seen.status, 201, "keys of another token are others");
    assert_ne!(seen.text, first.text);
}

impl Seen {
    /// A problem that was kept has the request's id of then.
    fn code_of_kept(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_secret_is_never_kept_and_what_was_not_begun_may_be_sent_again() {
    let bench = Bench::new().await;
    let body = json!({ "role": "viewer" });
    let first = keyed(&bench, "one", "POST", "/tenants/lab/tokens", Some(&body)).await;
    assert_eq!(first.status, 201);
    let again = keyed(&bench, "one", "POST", "/tenants/lab/tokens", Some(&body)).await;
    assert_eq!(again.code(), "conflict");
    let token = first.json()["token"].as_str().unwrap().to_owned();
    let secret = token.rsplit('-').next().unwrap();
    let uuid = bench.instance("lab").await;
    let pause = format!("/tenants/lab/instances/{uuid}/pause");
    bench.memory.state().says = Some(Err(Problem::new(Code::TooMany, "not now")));
    assert_eq!(
        keyed(&bench, "two", "POST", &pause, None).await.code(),
        "too-many"
    );
    bench.memory.state().says = None;
    assert_eq!(keyed(&bench, "two", "POST", &pause, None).await.status, 200);
    for file in std::fs::read_dir(bench.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(secret));
    }
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_a_conflict_and_a_client_that_goes_stops_nothing() {
    let bench = Bench::new().await;
    let uuid = bench.instance("lab").await;
    let pause = format!("/tenants/lab/instances/{uuid}/pause");
    bench.memory.state().hangs = true;
    {
        let first = keyed(&bench, "one", "POST", &pause, None);
        let is_asked = async {
            until(|| {
                bench
                    .memory
                    .state()
                    .asked
                    .last()
                    .is_some_and(|it| it.starts_with("Pause"))
            })
            .await;
        };
        tokio::select! {
            seen = first => panic!("nobody answered: {seen:?}"),
            () = is_asked => {}
        }
    }
    let second = keyed(&bench, "one", "POST", &pause, None).await;
    assert_eq!(second.code(), "conflict");
    assert!(second.text.contains("is running"), "{second:?}");
}

#[tokio::test]
async fn a_key_is_a_word() {
    let bench = Bench::new().await;
    let long = "x".repeat(129);
    for wrong in ["", "a b", "\t", "é", &*long] {
        let request = Request::builder()
            .method("POST")
            .uri("/api/v1/tenants/lab/suspend")
            .header("idempotency-key", wrong.as_bytes());
        assert_eq!(
            bench.with(request, "").await.code(),
            "bad-request",
            "{wrong:?}"
        );
    }
    let twice = Request::builder()
        .method("POST")
        .uri("/api/v1/tenants/lab/suspend")
        .header("idempotency-key", "a")
        .header("idempotency-key", "a");
    assert_eq!(bench.with(twice, "").await.code(), "bad-request");
    assert_eq!(
        bench.operate("GET", "/tenants/lab", None).await.json()["runs"]["state"],
        "serving"
    );
}
