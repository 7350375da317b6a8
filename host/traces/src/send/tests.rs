//! Against a collector that reads what it is sent by the messages that the protocol publishes.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn call(method: &str, error: Option<&str>) -> Call {
    Call {
        tenant: Some("lab".to_owned()),
        module: Some("pump".to_owned()),
        instance: Some("1".to_owned()),
        method: method.to_owned(),
        node: None,
        began: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        took: Duration::from_millis(5),
        error: error.map(str::to_owned),
    }
}

/// Takes one request; its path, and what was in it.
async fn take(listener: &TcpListener, status: &str) -> (String, ExportTraceServiceRequest) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    (path, ExportTraceServiceRequest::decode(&body[..]).unwrap())
}

fn spans(request: &ExportTraceServiceRequest) -> Vec<&Span> {
    let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
    scopes.flat_map(|it| &it.spans).collect()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|it| it.key == key)?;
    Some(format!("{:?}", found.value.as_ref()?.value.as_ref()?))
}

#[tokio::test]
async fn calls_arrive_together_and_each_with_whose_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let (traces, sends) = traces(&address, "ewh", "1.2.3").unwrap();
    tokio::spawn(sends.run());
    traces.tell(call("read", None));
    traces.tell(call(&"ä".repeat(500), Some("busy")));
    let (path, request) = take(&listener, "200 OK").await;
    assert_eq!(path, "/v1/traces");
    let resource = format!("{:?}", request.resource_spans[0].resource);
    assert!(resource.contains("1.2.3"), "{resource}");
    let spans = spans(&request);
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].name, "read");
    assert_eq!(spans[0].start_time_unix_nano, 1_000_000_000);
    assert_eq!(spans[0].end_time_unix_nano, 1_005_000_000);
    assert_ne!(spans[0].trace_id, spans[1].trace_id);
    assert!(attribute(spans[0], "ewh.tenant").unwrap().contains("lab"));
    assert!(attribute(spans[1], "error.type").unwrap().contains("busy"));
    assert_eq!(spans[1].name.len(), MAX_TEXT_BYTES);
}

#[tokio::test]
async fn what_does_not_fit_is_counted_and_a_collector_that_fails_stops_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (traces, sends) = traces(&address, "ewh", "0").unwrap();
    // Nothing is sent yet: so many are too many.
    for _ in 0..MAX_WAITING + 7 {
        traces.tell(call("read", None));
    }
    tokio::spawn(sends.run());
    let (_, refused) = take(&listener, "400 Bad Request").await;
    let lost = attribute(spans(&refused)[0], "ewh.lost_calls");
    assert!(lost.unwrap().contains("(7)"));
    let mut taken = spans(&refused).len();
    while taken < MAX_WAITING {
        let (_, request) = take(&listener, "200 OK").await;
        assert!(spans(&request).len() <= MAX_AT_ONCE);
        taken += spans(&request).len();
    }
    assert_eq!(taken, MAX_WAITING);
}

#[test]
fn an_address_is_one() {
    for address in [
        "",
        "127.0.0.1:4318",
        "https://a",
        "ftp://a",
        "http://",
        "http://a b",
    ] {
        let refused = traces(address, "ewh", "0").map(drop);
        assert!(matches!(refused, Err(TracesError::Address(_))), "{address}");
    }
    assert!(traces("http://collector.example:4318", "ewh", "0").is_ok());
}
