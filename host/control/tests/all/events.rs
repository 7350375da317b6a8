//! Streams of events: begun with how things are, and ended when nobody may listen any more.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};

use crate::bench::{Bench, until};

struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    async fn open(bench: &Bench, token: &str) -> Self {
        let request = Request::builder().uri("/api/v1/tenants/lab/events");
        let request = request.header("authorization", format!("Bearer {token}"));
        let response = bench.response(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next event that has a name, or nothing at the end.
    async fn next(&mut self) -> Option<(String, Json)> {
        loop {
            while let Some((frame, rest)) = self.text.split_once("\n\n") {
                let event = frame
                    .strip_prefix("event: ")
                    .and_then(|it| it.split_once("\ndata: "));
                let event = event
                    .map(|(name, data)| (name.to_owned(), serde_json::from_str(data).unwrap()));
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let data = self.body.frame().await?.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn of(&mut self, name: &str) -> Json {
        loop {
            let (found, data) = self.next().await.unwrap();
            if found == name {
                return data;
            }
        }
    }
}

#[tokio::test]
async fn who_listens_hears_how_things_are_and_what_changes() {
    let bench = Bench::new().await;
    let viewer = bench.token("lab", "viewer").await;
    let mut one = Stream::open(&bench, &viewer).await;
    let mut other = Stream::open(&bench, &bench.operator).await;
    assert_eq!(one.of("tenant").await["name"], "lab");
    assert_eq!(one.of("instances").await, json!([]));
    assert_eq!(other.of("usage").await["memory"], 1 << 20);
    let uuid = bench.instance("lab").await;
    for stream in [&mut one, &mut other] {
        let mut seen = stream.of("instances").await;
        if seen == json!([]) {
            seen = stream.of("instances").await;
        }
        assert_eq!(seen[0]["uuid"], uuid.as_str());
    }
    bench.operate("POST", "/tenants/lab/suspend", None).await;
    assert_eq!(one.of("tenant").await["runs"]["state"], "suspended");
    drop((one, other));
    // Nobody listens, so nobody looks: what was begun may be finished.
    let asked = || bench.memory.state().asked.len();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let before = asked();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(asked(), before);
}

#[tokio::test]
async fn a_stream_ends_with_the_token_the_tenant_or_the_host() {
    let bench = Bench::new().await;
    let ended = async |mut stream: Stream| while stream.next().await.is_some() {};
    let viewer = bench.token("lab", "viewer").await;
    let stream = Stream::open(&bench, &viewer).await;
    let id = viewer.split('-').nth(1).unwrap();
    bench
        .operate("DELETE", &format!("/tenants/lab/tokens/{id}"), None)
        .await;
    ended(stream).await;
    let stream = Stream::open(&bench, &bench.operator).await;
    bench
        .operate("DELETE", "/tenants/lab?data=keep", None)
        .await;
    ended(stream).await;
    bench
        .operate("POST", "/tenants", json!({ "name": "lab" }))
        .await;
    let stream = Stream::open(&bench, &bench.operator).await;
    bench.control.end();
    ended(stream).await;
}

#[tokio::test]
async fn there_are_only_so_many_streams_of_a_tenant_and_one_that_goes_makes_room() {
    let bench = Bench::new().await;
    let viewer = bench.token("lab", "viewer").await;
    let most = external_worker_control::limits::MAX_STREAMS_OF_TENANT;
    let mut streams = Vec::new();
    for _ in 0..most {
        streams.push(Stream::open(&bench, &viewer).await);
    }
    let path = "/tenants/lab/events";
    let full = bench.ask("GET", path, Some(&viewer), None).await;
    assert_eq!(full.code(), "too-many");
    assert!(full.headers.contains_key("retry-after"));
    Stream::open(&bench, &bench.operator).await;
    let other = bench.token("other", "viewer").await;
    assert_eq!(
        bench
            .ask("GET", "/tenants/other", Some(&other), None)
            .await
            .status,
        200
    );
    streams.pop();
    Stream::open(&bench, &viewer).await;
    drop(streams);
    until(|| bench.memory.state().asked.len() < 1000).await;
}
