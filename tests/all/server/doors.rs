//! Who comes in, and who does not.

use external_worker_host::server::Bound;
use serde_json::json;
use tokio_tungstenite::tungstenite::http::StatusCode;

use super::{Asked, Served};

const TOKEN: &str = "0123456789abcdef0123";

#[tokio::test]
async fn a_page_of_a_stranger_reaches_neither_the_websocket_nor_a_route() {
    let served = Served::with(Asked {
        origins: &["https://lab.example.org"],
        ..Asked::default()
    })
    .await;
    for good in [
        "http://localhost:8000",
        "http://127.0.0.1",
        "https://lab.example.org",
    ] {
        assert!(
            served.knock("/", &[("Origin", good)]).await.is_ok(),
            "{good}"
        );
    }
    for bad in [
        "https://evil.example",
        "http://localhost.evil.example",
        "null",
    ] {
        let refused = served.knock("/", &[("Origin", bad)]).await.err();
        assert_eq!(refused, Some(StatusCode::FORBIDDEN), "{bad}");
        for start in ["POST /message/", "POST /upload/", "GET /message/1", "GET /"] {
            let head = format!("{start}\nOrigin: {bad}");
            let answer = served.http(&head, b"{}").await;
            assert_eq!(answer.status, 403, "{head}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_is_refused() {
    let served = Served::start().await;
    let refused = served.knock("/", &[("Host", "evil.example")]).await.err();
    assert_eq!(refused, Some(StatusCode::MISDIRECTED_REQUEST));
    let answer = served.http("GET /\nHost: evil.example:9382", b"").await;
    assert_eq!(answer.status, 421);
    assert_eq!(
        served.http("GET /\nHost: localhost:1", b"").await.status,
        200
    );
}

#[tokio::test]
async fn what_changes_something_is_shown_to_be_of_no_strangers_page() {
    let served = Served::start().await;
    let status = async |more: &str| {
        let head = format!("POST /message/\n{more}");
        served.http(&head, br#"{"type":"ping"}"#).await.status
    };
    assert_eq!(status("X-Requested-With: a program").await, 200);
    assert_eq!(status("Sec-Fetch-Site: same-origin").await, 200);
    assert_eq!(status("Origin: http://localhost:8000").await, 200);
    for other in [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: cross-site\nContent-Type: text/plain",
        "Sec-Fetch-Site: cross-site\nX-Requested-With: a page",
    ] {
        assert_eq!(status(other).await, 403, "{other}");
    }
    for twice in [
        "Host: localhost\nHost: localhost\nX-Requested-With: a",
        "Host: localhost\nHost: evil.example\nX-Requested-With: a",
        "Origin: http://localhost\nOrigin: http://evil.example",
    ] {
        assert_eq!(status(twice).await, 400, "{twice}");
    }
}

#[tokio::test]
async fn a_token_that_is_asked_for_has_to_be_known_everywhere() {
    let served = Served::with(Asked {
        token: Some(TOKEN),
        ..Asked::default()
    })
    .await;
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("a=b; ewh_token={TOKEN}");
    let query = format!("/?token={TOKEN}");
    assert!(
        served
            .knock("/", &[("Authorization", &bearer)])
            .await
            .is_ok()
    );
    assert!(served.knock("/", &[("Cookie", &cookie)]).await.is_ok());
    assert!(served.knock(&query, &[]).await.is_ok());
    let unauthorized = Some(StatusCode::UNAUTHORIZED);
    assert_eq!(served.knock("/", &[]).await.err(), unauthorized);
    assert_eq!(served.knock("/?token=wrong", &[]).await.err(), unauthorized);
    for start in [
        "POST /message/",
        "POST /upload/",
        "GET /message/1",
        "GET /",
        "GET /nowhere",
    ] {
        let answer = served.http(start, b"{}").await;
        assert_eq!(answer.status, 401, "{start}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(TOKEN));
    }
    // As the web UI makes its addresses from the one of the websocket.
    let mixed = format!("POST /?token={TOKEN}/message/");
    assert_eq!(served.http(&mixed, br#"{"type":"ping"}"#).await.status, 200);
    let mixed = format!("GET /?token={TOKEN}/message/1");
    assert_eq!(served.http(&mixed, b"").await.status, 404);
    let wrong = served.http("POST /?token=wrong/message/", b"{}").await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn a_preflight_lets_the_web_ui_send_the_header_that_it_sends() {
    let served = Served::with(Asked {
        token: Some(TOKEN),
        ..Asked::default()
    })
    .await;
    let answer = served
        .http(
            "OPTIONS /message/1\nOrigin: http://localhost:8000\nAccess-Control-Request-Method: GET\n\
             Access-Control-Request-Headers: access-control-allow-origin,content-type",
            b"",
        )
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("http://localhost:8000")
    );
    let headers = answer.header("access-control-allow-headers").unwrap();
    for wanted in [
        "access-control-allow-origin",
        "content-type",
        "authorization",
    ] {
        assert!(headers.contains(wanted), "{headers}");
    }
    assert!(
        answer
            .header("access-control-allow-methods")
            .unwrap()
            .contains("post")
    );
    assert!(answer.header("vary").unwrap().contains("origin"));
}

#[tokio::test]
async fn where_others_come_there_is_a_token_or_no_listener() {
    let open = "0.0.0.0:0".parse().unwrap();
    let problem = Bound::new(open, None, vec![]).await.err().unwrap();
    assert!(problem.contains("--token"), "{problem}");
    let problem = Bound::new(open, Some("short"), vec![]).await.err().unwrap();
    assert!(problem.contains("16"), "{problem}");
    Bound::new(open, Some(TOKEN), vec![]).await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_said() {
    let served = Served::start().await;
    let problem = Bound::new(served.address, None, vec![])
        .await
        .err()
        .unwrap();
    assert!(
        problem.contains("in use") && problem.contains("--port"),
        "{problem}"
    );
}

#[tokio::test]
async fn errors_tell_nothing_of_the_host() {
    let served = Served::start().await;
    let mut client = served.client().await;
    let data = served.data.path().to_str().unwrap().to_owned();
    for (cmd, kwargs) in [
        ("add_package_dependency", json!({ "name": "nowhere" })),
        ("add_package_dependency", json!({ "name": "../../etc" })),
        ("remove_package_dependency", json!({ "name": "nowhere" })),
        (
            "add_external_worker",
            json!({ "module": "a", "cls_module": "b", "cls_name": "c" }),
        ),
        ("update_from_export", json!({ "data": "AAAA" })),
        ("update_from_export", json!({ "data": "no base64!" })),
        ("load_data", json!({ "data": [] })),
        ("upload", json!({ "data": "AAAA", "filename": "../a" })),
        ("get_plugin", json!({ "key": "a", "type": "react" })),
    ] {
        let problem = client.call(cmd, kwargs).await.unwrap_err();
        for detail in [&data, "/home", "/root", "/tmp", ".rs:", "os error"] {
            assert!(!problem.contains(detail), "{cmd}: {problem}");
        }
    }
    for cmd in [
        "get_config",
        "full_state",
        "get_save_state",
        "view_state",
        "get_meta",
    ] {
        let told = client.call(cmd, json!({})).await.unwrap().to_string();
        assert!(!told.contains(&data), "{cmd}: {told}");
    }
}
